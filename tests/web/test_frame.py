"""What every answer carries, how people get in, and what the vendored files are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.web import words
from tollbook.web.middleware import POLICY

from . import seed

TOKEN = "a-token-of-a-test"
STRONG = "four random words beat signs"


@pytest.fixture
def set_up_address(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOLLBOOK_SETUP_TOKEN_SHA256", hashlib.sha256(TOKEN.encode()).hexdigest())
    return f"/set-up/{TOKEN}/"


def test_vendored_files_are_as_their_manifest_says() -> None:
    import sys

    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root / "tools"))
    try:
        import vendor
    finally:
        sys.path.pop(0)
    assert vendor.check() == []
    assert vendor.check(vendor.TEST_VENDOR) == []


def test_compressed_forms_are_those_of_the_vendored_files() -> None:
    import gzip

    brotli = pytest.importorskip("brotli")
    vendored = Path(__file__).resolve().parents[2] / "tollbook" / "web" / "static" / "vendor"
    packed = sorted(vendored.rglob("*.br"))
    assert packed
    for path in packed:
        plain = path.with_suffix("").read_bytes()
        assert brotli.decompress(path.read_bytes()) == plain
        assert gzip.decompress(path.with_suffix(".gz").read_bytes()) == plain


def test_templates_and_scripts_keep_the_policy() -> None:
    """No inline script, style or handler anywhere: the policy would stop them, and nobody would see why."""
    root = Path(__file__).resolve().parents[2] / "tollbook" / "web"
    for path in root.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text), path
    for path in (root / "static" / "web").glob("*.js"):
        assert not re.search(r"\beval\(|new Function|document\.write", path.read_text(encoding="utf-8")), path
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("address", ["/account/login/", "/", "/healthz", "/exceptions/", "/nothing/here/"])
def test_every_answer_carries_the_headers(full_book: Path, log_in: Callable[[str], Any], address: str) -> None:
    response = log_in("owner").get(address)
    assert response["Content-Security-Policy"] == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Referrer-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"]


def test_what_is_packed_is_not_packed_again(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    page = client.get("/exceptions/", headers={"accept-encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    pack = client.get("/disputes/D-aurora-2026-11/pack/", headers={"accept-encoding": "gzip"})
    assert "Content-Encoding" not in pack
    assert int(pack["Content-Length"]) == len(b"".join(pack.streaming_content))


def test_first_run_makes_the_owner_once(empty_book: Path, set_up_address: str) -> None:
    from django.test import Client

    from tollbook.store.models import Journal, User

    client = Client()
    assert client.get("/set-up/another-token/").status_code == 404
    assert client.get(set_up_address).status_code == 200
    weak = client.post(set_up_address, {"name": "ines", "password": "password", "repeated": "password"})
    assert weak.status_code == 422
    assert not User.objects.exists()
    other = client.post(set_up_address, {"name": "ines", "password": STRONG, "repeated": STRONG + "!"})
    assert other.status_code == 422
    made = client.post(set_up_address, {"name": "Ines", "password": STRONG, "repeated": STRONG})
    assert made.status_code == 302
    assert User.objects.get().name == "ines"
    assert User.objects.get().role == "owner"
    assert Journal.objects.get().action == "user.create-owner"
    assert Client().get(set_up_address).status_code == 404
    assert client.get("/").status_code == 200


def test_without_a_token_there_is_no_set_up(empty_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.test import Client

    monkeypatch.delenv("TOLLBOOK_SETUP_TOKEN_SHA256", raising=False)
    assert Client().get("/set-up/x/").status_code == 404
    assert Client().post("/set-up/x/", {"name": "ines", "password": STRONG, "repeated": STRONG}).status_code == 404


def test_an_invitation_works_once(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.test import Client

    page = log_in("owner").post("/users/invite/", {"name": "Mara@boreal.example", "role": "billing", "partner": ""})
    address = re.search(r"http://testserver(/invitation/[^<\"]+)", page.content.decode())
    assert address is not None
    guest = Client()
    assert guest.get(address[1]).status_code == 200
    assert guest.post(address[1], {"password": STRONG, "repeated": STRONG}).status_code == 302
    assert guest.get("/exceptions/").status_code == 200
    assert guest.get("/users/invite/").status_code == 403
    assert Client().get(address[1]).status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {"name": "x", "role": "billing", "partner": ""},
        {"name": "a name", "role": "billing", "partner": ""},
        {"name": "fine.name", "role": "emperor", "partner": ""},
        {"name": "fine.name", "role": "partner", "partner": ""},
        {"name": "fine.name", "role": "billing", "partner": "aurora"},
        {"name": "billing", "role": "billing", "partner": ""},
        {"name": "<script>", "role": "owner", "partner": ""},
    ],
)
def test_a_wrong_invitation_says_why(full_book: Path, log_in: Callable[[str], Any], given: dict[str, str]) -> None:
    response = log_in("owner").post("/users/invite/", given)
    assert response.status_code == 422
    assert b"field-error" in response.content


def test_log_in_by_password_and_no_further_than_the_limit(full_book: Path) -> None:
    from django.test import Client

    client = Client()
    wrong = [client.post("/account/login/", {"login": "billing", "password": f"wrong {number}"}) for number in range(7)]
    assert b"Too many failed" in wrong[-1].content
    right = client.post("/account/login/", {"login": "billing", "password": seed.PASSWORD})
    assert right.status_code == 200, "a limited account cannot be tried further, not even with the right password"
    other = Client().post("/account/login/", {"login": "noc", "password": seed.PASSWORD}, REMOTE_ADDR="192.0.2.7")
    assert other.status_code == 302


def test_nobody_signs_up(full_book: Path) -> None:
    from django.test import Client

    client = Client()
    assert client.get("/account/signup/").status_code == 404
    assert client.post("/account/by-invitation/", {"username": "me", "password1": STRONG}).status_code == 405


def test_second_factor_is_asked_for_where_it_is_required(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.test import override_settings

    with override_settings(REQUIRE_SECOND_FACTOR=True):
        response = log_in("owner").get("/exceptions/")
    assert response.status_code == 302
    assert response["Location"] == "/account/second-factor/"


def test_machines_are_answered(full_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.test import Client, override_settings

    client = Client()
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["status"] == "ready"
    local = client.get("/metrics")
    assert b"tollbook_open_exceptions 4.0" in local.content
    assert b"tollbook_web_requests_total" in local.content
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403
    with override_settings(TRUST_PROXY=True):
        assert client.get("/metrics").status_code == 403, "behind a proxy every request is local"
    monkeypatch.setenv("TOLLBOOK_METRICS_TOKEN", "secret")
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [(1_234_567_890, "USD", "1,234.57"), (-5_000, "USD", "−0.005"), (12, "USD", "0.000012"), (1_500_000, "JPY", "2"), (0, "EUR", "0.00")],
)
def test_amounts_for_the_eye(micros: int, currency: str, shown: str) -> None:
    # 1,234.56789 rounds up in the cents; -0.005 would round to the even cent, which is nothing, so it is shown whole.
    assert words.money(micros, currency) == shown


def test_words() -> None:
    assert words.minutes(90_000) == "1.5"
    assert words.minutes(-30_000) == "−0.5"
    assert words.percent(1, 8) == "12.5 %"
    assert words.percent(1, 0) == "–"
    assert words.instant(0) == "1970-01-01 00:00"
    assert words.human("UNDER_REVIEW") == "Under review"
    assert words.ago(0, 7_200_000) == "2 hours"
    assert words.tone("FRAUD") == "red"
    assert words.field("b_e164") == "Called"


def test_the_settings_name_what_is_there() -> None:
    from django.conf import settings
    from django.utils.module_loading import import_string

    from tollbook.web import urls
    from tollbook.web.accounts.adapter import InvitedOnly
    from tollbook.web.apps import WebConfig
    from tollbook.web.templating import TEMPLATES, OurTemplates

    assert import_string(settings.ACCOUNT_ADAPTER) is InvitedOnly
    assert WebConfig.name in settings.INSTALLED_APPS
    assert TEMPLATES.is_dir()
    assert import_string(settings.TEMPLATES[0]["OPTIONS"]["loaders"][0][1][0]) is OurTemplates
    assert settings.WSGI_APPLICATION == "tollbook.web.wsgi.application"
    for handler in (urls.handler400, urls.handler403, urls.handler404, urls.handler500):
        assert handler.startswith("tollbook.web.errors.")
        assert callable(import_string(handler))


def test_a_missing_static_file_is_a_defect() -> None:
    from tollbook.web.templating import asset

    assert re.fullmatch(r"/static/web/tollbook\.css\?v=[0-9a-f]{12}", asset("web/tollbook.css"))
    with pytest.raises(LookupError):
        asset("web/no-such-file.css")


def test_cells_escape_what_comes_from_outside() -> None:
    from tollbook.web.table.cells import body
    from tollbook.web.table.columns import Column, Kind
    from tollbook.web.templatetags.tollbook import money

    columns = (Column("a", "A", link=lambda row: f"/x/?q={row['a']}"), Column("b", "B", Kind.BADGE), Column("c", "C", Kind.CODE))
    text = body(columns, [{"a": '<b>"', "b": "OPEN<", "c": "<i>"}])
    assert "<b>" not in text
    assert "<i>" not in text
    assert 'href="/x/?q=&lt;b&gt;&quot;"' in text
    assert 'class="badge badge-secondary">Open&lt;' in text
    assert "<" not in money(1, '<"').replace("<span", "").replace("</span>", "")


def test_rows_of_a_query_keep_their_order(full_book: Path) -> None:
    from tollbook.store.models import ExceptionCase
    from tollbook.web.table.columns import Column
    from tollbook.web.table.query_rows import QueryRows
    from tollbook.web.table.segment_rows import COUNTED
    from tollbook.web.table.table import PAGE_ROWS

    rows = QueryRows(ExceptionCase.objects.all(), fields=("id",))
    columns = (Column("state", "State"),)
    whole, total = rows.page(columns, {}, ("state", False), 0, 10)
    parts = [rows.page(columns, {}, ("state", False), offset, 1)[0][0]["id"] for offset in range(total)]
    assert [row["id"] for row in whole] == parts
    assert PAGE_ROWS < COUNTED


def test_terms_of_an_agreement_in_words(full_book: Path) -> None:
    from tollbook.store.models import Agreement
    from tollbook.web.reference import agreement_by_digest, agreement_of

    row = Agreement.objects.select_related("file").get(partner_id="aurora")
    assert agreement_of(row).clauses["A6.2"].title == "Tolerance"
    assert agreement_by_digest("0" * 64) is None
