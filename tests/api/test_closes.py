"""A real month by the API: what a close of it would miss, and the packs of the close and its dispute derived again, also by the partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flow import closing
from web import conftest as pages

from tollbook.api import assignees, closes, dispute_verification

from .conftest import DAY_MS, ApiClient

Api = Callable[..., ApiClient]
MODULES = (assignees, closes, dispute_verification)
DISPUTE = "DSP-aurora-2026-11"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pages.closed_month(tmp_path_factory.mktemp("closed"))


@pytest.fixture
def month(closed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, whose dispute the partner has."""
    from tollbook.flow import clock
    from tollbook.store.models import Dispute

    for book in pages._copied(closed, tmp_path / "book", clock.parse_instant_ms(closing.NOW)):
        Dispute.objects.update(state="SUBMITTED")
        yield book


def until() -> dict[str, int]:
    from tollbook.flow import clock

    return {"expires_at": clock.parse_instant_ms(closing.NOW) + DAY_MS}


def test_what_a_close_would_miss(month: Path, api: Api) -> None:
    client = api("billing", **until())
    found = client.get("closes/readiness").json()
    assert (found["period"], found["missing"], found["quiet"]) == ("2026-11", 1, 0)
    assert found["months"] == [{"period": "2026-11", "is_closed": True}]
    (missing,) = [each for each in found["items"] if not each["holds"]]
    assert (missing["words"], missing["otherwise"].split(";")[0]) == ("It was not closed before", "It was closed once")
    assert [(each["partner"], each["name"], each["is_ready"]) for each in found["partners"]] == [
        ("aurora", "Aurora Voice", True),
        ("nordtel", "Nordtel", True),
    ]
    assert all(item["holds"] and not item["otherwise"] for each in found["partners"] for item in each["items"])
    earlier = client.get("closes/readiness?period=2026-10").json()
    assert (earlier["quiet"], earlier["partners"], earlier["missing"]) == (2, [], 1)
    wrong = client.get("closes/readiness?period=soon")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "PERIOD_UNKNOWN")
    for who in ("auditor", "cfo", "noc"):
        assert api(who, **until()).get("closes/readiness").status_code == 403


def test_an_empty_book_has_no_period_to_close(empty_book: Path, api: Api) -> None:
    found = api("owner").get("closes/readiness").json()
    assert found == {"period": None, "missing": 0, "quiet": 0, "items": [], "partners": [], "months": []}


def test_packs_are_derived_again(month: Path, api: Api) -> None:
    from tollbook.store.models import Document

    close = Document.objects.get(kind="CLOSE").pk
    found = api("auditor", **until()).get(f"closes/{close}/verification").json()
    assert (found["close"], found["is_verified"], found["problems"]) == (close, True, [])
    theirs = api("partner", partner="aurora", **until())
    told = theirs.get(f"disputes/{DISPUTE}/verification").json()
    assert (told["dispute"], told["is_verified"], told["problems"]) == (DISPUTE, True, [])
    assert len(told["checks"]) > 3
    assert {each["status"] for each in told["checks"]} == {"ok"}
    for client in (api("partner", partner="nordtel", **until()), api("billing", partner="nordtel", **until())):
        assert client.get(f"disputes/{DISPUTE}/verification").status_code == 404
    assert theirs.get(f"closes/{close}/verification").status_code == 403


def test_a_changed_byte_is_found(month: Path, api: Api) -> None:
    from tollbook.store import files
    from tollbook.store.models import Dispute

    row = Dispute.objects.get(id=DISPUTE)
    path = files.find(month, str(row.pack_id))
    assert path is not None
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    response = api("owner", **until()).get(f"disputes/{DISPUTE}/verification")
    told: dict[str, Any] = response.json()
    assert response.status_code == 422 or told["is_verified"] is False
    assert told.get("problems") or [each for each in told["checks"] if each["status"] == "failed"]
    Dispute.objects.update(pack=None)
    assert api("owner", **until()).get(f"disputes/{DISPUTE}/verification").status_code == 404


def test_whom_exceptions_can_be_given_to(full_book: Path, api: Api) -> None:
    from tollbook.store.models import User

    client = api("billing")
    assert client.get("exceptions/assignees").json() == {"assignees": ["billing", "owner"]}
    case = client.items("exceptions?limit=1")[0]
    body = {"exceptions": [{"id": case["id"], "last_event": case["last_event"]}], "assignee": "owner"}
    assert client.post("exceptions/assignments", body).status_code == 200
    User.objects.filter(name="owner").update(is_active=False)
    assert client.get("exceptions/assignees").json() == {"assignees": ["billing"]}
    assert api("auditor").get("exceptions/assignees").status_code == 403
