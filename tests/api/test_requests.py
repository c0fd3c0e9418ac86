"""What every operation has in common: forms of an answer, paging, tags, keys that come again, and problems for everything that is wrong."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from web import seed

from tollbook.api import application, bearer, catalogue, fields, files, listing, problem, reference, repeated, sources, stream, tag

from .conftest import ApiClient

MODULES = (application, catalogue, fields, files, listing, reference, repeated, sources, stream, tag)
JSON_LIST, CSV, ARROW = bearer.JSON, bearer.CSV, bearer.ARROW
Api = Callable[..., ApiClient]


def _whole(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_list_says_the_same_in_every_form(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Document

    client = api("owner")
    invoice = f"documents/{Document.objects.get(kind='INVOICE', partner_id='aurora').pk}/lines"
    later = ("traffic?by=cause", "traffic/calls", invoice, f"{invoice}/1/calls")
    for path in ("exceptions", "usage", "calls", "decks/1/rows", "sources", "reconciliations/aurora/OUT/2026-11/pairs", *later):
        rows = client.items(f"{path}{'&' if '?' in path else '?'}limit=1000")
        assert rows
        lines = list(csv.DictReader(io.StringIO(_whole(client.get(path, Accept=CSV)).decode())))
        table = pa.ipc.open_stream(_whole(client.get(path, Accept=ARROW))).read_all()
        assert lines == [
            {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()} for row in rows
        ]
        assert table.column_names == list(rows[0])
        for name in table.column_names:
            if name.endswith("_micros"):
                assert table.schema.field(name).type == pa.int64()
                assert [str(value) for value in table.column(name).to_pylist()] == [row[name] for row in rows]
            if name.endswith("_at") or name == "at":
                assert table.schema.field(name).type == pa.timestamp("ms", tz="UTC")
                assert all(row[name] is None or row[name].endswith("Z") for row in rows)


def test_a_cursor_walks_every_row_once_while_rows_come(full_book: Path, api: Api) -> None:
    from tollbook.store.models import UsageTotal

    client, seen, path = api("owner"), [], "usage?sort=-amount_micros&limit=3&leg=OUT"
    whole = [(row["day"], row["amount_micros"]) for row in client.items("usage?sort=-amount_micros&limit=1000&leg=OUT")]
    while path:
        response = client.get(path)
        page = response.json()
        seen += [(row["day"], row["amount_micros"]) for row in page["items"]]
        UsageTotal.objects.create(origin=f"x{len(seen)}", leg="OUT", currency="USD", day="2026-01-01", amount_micros=10**15)
        path = response.headers["Link"].split(">")[0].lstrip("<") if page["next_cursor"] else ""
    assert seen == whole


def test_a_cursor_is_good_for_its_own_list_alone(full_book: Path, api: Api) -> None:
    client = api("owner")
    cursor = client.get("usage?limit=1").json()["next_cursor"]
    assert client.get(f"usage?cursor={cursor}").status_code == 200
    for other in (
        f"usage?cursor={cursor}&leg=IN",
        f"usage?cursor={cursor}&sort=day",
        f"journal?cursor={cursor}",
        f"usage?cursor={cursor}x",
    ):
        response = client.get(other)
        assert (response.status_code, response.json()["code"]) == (422, "API_CURSOR")


def test_a_big_segment_is_streamed_in_pieces(full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many problems: no piece, and no pile of pieces, comes near the size of the whole."""
    import tracemalloc

    from tollbook.core import cdr
    from tollbook.core.tables import KINDS
    from tollbook.store import manifest
    from tollbook.store.models import Batch
    from tollbook.store.segments import SegmentWriter

    batch = Batch.objects.get(source="aurora")
    row = seed.row(
        cdr.PROBLEM, code="CDR_FIELD_MISSING", severity="error", file_digest=batch.file_id, column="duration", reason="It is empty."
    )
    one = pa.Table.from_pylist([row], schema=cdr.PROBLEM)
    many = 40_000
    table = pa.table(
        [pa.concat_arrays([column.combine_chunks()] * 1).take(pa.array([0] * many)) for column in one.columns], schema=one.schema
    )
    table = table.set_column(table.column_names.index("record_no"), "record_no", pa.array(range(3, many + 3), pa.int64()))
    writer = SegmentWriter(full_book, KINDS["problem"], "", batch.id)
    writer.write(table)
    manifest.add_segments(writer.finish(), batch=batch)
    client = api("owner")
    path = f"sources/aurora/files/{batch.file_id}/problems"
    for media in (ARROW, CSV):
        response = client.get(path, Accept=media)
        tracemalloc.start()
        sizes = [len(piece) for piece in response.streaming_content]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(sizes) > many // stream.ROWS_AT_ONCE
        assert max(sizes) < sum(sizes) // 4
        assert peak < sum(sizes) // 2 + 12_000_000, f"{media}: {peak:,} bytes at once of {sum(sizes):,}"


def test_what_did_not_change_is_not_sent_again(full_book: Path, api: Api) -> None:
    client = api("owner")
    for path in ("partners", "partners/aurora", "documents/1/file", "openapi.json", "problems/RIGHT_MISSING"):
        first = client.get(path)
        first.close()
        mark = first.headers["ETag"]
        assert mark.startswith('"')
        for given in (mark, f"W/{mark}", f'"x", {mark}', "*"):
            again = client.get(path, If_None_Match=given)
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", mark), path
        other = client.get(path, If_None_Match='"x"')
        other.close()
        assert other.status_code == 200
        assert "no-store" not in first.headers["Cache-Control"]
        assert "private" in first.headers["Cache-Control"]


def test_head_and_options(full_book: Path, api: Api) -> None:
    client = api("owner")
    for path in ("partners", "documents/1/file"):
        head, full = client("HEAD", path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        full.close()
        assert head.headers["ETag"] == full.headers["ETag"]
    options = ApiClient("")("OPTIONS", "disputes/D-aurora-2026-11/steps")
    assert (options.status_code, options.headers["Allow"]) == (204, "OPTIONS, POST")
    assert not [name for name in options.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("GET", "nothing", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "partners/", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "partners/nobody", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "partners/%00", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "documents/99999999999999999999", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "problems/NONE", None, {}, 404, "API_NOT_FOUND"),
        ("PATCH", "partners", None, {}, 405, "API_METHOD"),
        ("GET", "partners", None, {"Accept": "image/png"}, 406, "API_NOT_ACCEPTABLE"),
        ("GET", "documents/1/file", None, {"Accept": "application/json"}, 406, "API_NOT_ACCEPTABLE"),
        ("POST", "tokens", b"a=1", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "API_MEDIA_TYPE"),
        ("POST", "tokens", b"{" * 600_000, {}, 413, "API_TOO_LARGE"),
        ("POST", "tokens", b"{", {}, 400, "API_PARAMETER"),
        ("POST", "tokens", {"name": "x"}, {}, 422, "API_PARAMETER"),
        ("POST", "tokens", [], {}, 422, "API_PARAMETER"),
        ("POST", "exceptions/comments", {"exceptions": [], "text": "x", "more": 1}, {}, 422, "API_PARAMETER"),
        ("POST", "exceptions/comments", b'{"exceptions": ["' + b"0" * 64 + b'"], "text": "\\ud800"}', {}, 422, "API_PARAMETER"),
        ("GET", "partners?limit=0", None, {}, 422, "API_PARAMETER"),
        ("GET", "partners?limit=1001", None, {}, 422, "API_PARAMETER"),
        ("GET", "partners?sort=nothing", None, {}, 422, "API_PARAMETER"),
        ("GET", "partners?nmae=aurora", None, {}, 422, "API_PARAMETER"),
        ("GET", "exceptions?state=WRONG", None, {}, 422, "API_PARAMETER"),
        ("GET", "partners?name=%00", None, {}, 422, "API_PARAMETER"),
        ("GET", "usage?day=yesterday", None, {}, 422, "API_PARAMETER"),
        ("GET", "calls?number=12", None, {}, 422, "API_PARAMETER"),
        ("GET", "calls/xyz", None, {}, 422, "API_PARAMETER"),
        ("GET", "decks/look-up?partner=aurora&direction=BUY&number=63&at=soon", None, {}, 422, "INSTANT_INVALID"),
        ("GET", "decks/look-up?partner=nobody&direction=BUY&number=63", None, {}, 422, "REFERENCE_MISSING"),
        ("POST", "disputes/D-aurora-2026-11/steps", {"event": "accept"}, {}, 400, "IDEMPOTENCY_KEY_MISSING"),
        (
            "POST",
            "disputes/D-aurora-2026-11/steps",
            {"event": "submit", "seen_state": "SUBMITTED"},
            {"Idempotency_Key": "k"},
            409,
            "DISPUTE_STEP",
        ),
        ("POST", "disputes/D-aurora-2026-11/steps", {"event": "accept"}, {"Idempotency_Key": "k"}, 428, "API_PRECONDITION_MISSING"),
        ("GET", "traffic?by=moon", None, {}, 422, "API_PARAMETER"),
        ("GET", "traffic?from=2026-11-21&to=2026-11-01", None, {}, 422, "API_PARAMETER"),
        ("GET", "traffic/calls?from=soon", None, {}, 422, "API_PARAMETER"),
        ("GET", "overview?currency=XXX", None, {}, 422, "API_PARAMETER"),
        ("GET", "decks/1/changes?against=99", None, {}, 404, "API_NOT_FOUND"),
        ("GET", "decks/1/look-up?number=x", None, {}, 422, "API_PARAMETER"),
        ("GET", "decks/1/look-up?number=63&known_at=soon", None, {}, 422, "INSTANT_INVALID"),
        ("GET", "documents/1/lines/99/calls", None, {}, 404, "API_NOT_FOUND"),
        ("POST", "uploads?name=x.csv", b"", {"Content_Type": "application/octet-stream"}, 422, "API_PARAMETER"),
        ("POST", "exceptions/comments", {"exceptions": ["0" * 64], "text": "x"}, {"Idempotency_Key": "a b"}, 422, "API_PARAMETER"),
        ("POST", "files?name=x.csv", b"", {"Content_Type": "application/octet-stream"}, 422, "API_PARAMETER"),
        ("POST", "files?name=..%2Fx.csv", b"x", {"Content_Type": "application/octet-stream"}, 422, "API_PARAMETER"),
        ("POST", "files?name=x.csv", b"a,b\n1,2\n", {"Content_Type": "application/octet-stream"}, 422, "FILE_KIND_UNKNOWN"),
    ],
)
def test_every_error_is_a_problem_that_says_what_to_do(
    full_book: Path, api: Api, method: str, path: str, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    response = api("owner")(method, path, body, **headers)
    found = json.loads(response.content)
    assert (response.status_code, found["code"]) == (status, code), found
    assert response.headers["Content-Type"] == problem.MEDIA_TYPE
    assert found["status"] == status
    assert found["type"] == f"/api/v1/problems/{code}"
    assert found["title"]
    assert found["remedy"]
    assert found["instance"].startswith("/api/v1/")
    assert ApiClient("").get(found["type"]).json()["remedy"] == found["remedy"]
    if status == 405:
        assert "GET" in response.headers["Allow"]


def test_what_nobody_foresaw_tells_nothing(
    full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tollbook.web import figures

    def fail(*_: Any) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(figures, "open_disputes", fail)
    client = api("owner")
    response = client.get("partners/aurora")
    assert (response.status_code, response.json()["code"]) == (500, "API_FAILED")
    assert "secret" not in response.content.decode()
    assert client.secret not in caplog.text


def test_wrong_tokens_are_held_up_and_right_ones_are_not(full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bearer, "TRIES", bearer.Tries())
    right, wrong = api("owner"), ApiClient("tollbook_" + "B" * 43)
    statuses = [wrong.get("me").status_code for _ in range(bearer.TRIES_A_MINUTE + 2)]
    assert set(statuses[: bearer.TRIES_A_MINUTE]) == {401}
    assert statuses[-1] == 429
    assert 1 <= int(wrong.get("me").headers["Retry-After"]) <= 60
    assert right.get("me").status_code == 200


def test_a_command_that_comes_again_is_answered_again(full_book: Path, api: Api) -> None:
    from tollbook.store.models import ApiAnswer, ExceptionEvent

    client = api("owner")
    body = {"exceptions": [seed.digest("aurora RATE_VARIANCE")], "text": "Ask them."}
    first = client.post("exceptions/comments", body, Idempotency_Key="c-1")
    again = client.post("exceptions/comments", dict(reversed(body.items())), Idempotency_Key="c-1")
    assert first.status_code == again.status_code == 200, first.content
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ExceptionEvent.objects.count() == 1
    other = client.post("exceptions/comments", {**body, "text": "Ask again."}, Idempotency_Key="c-1")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    # Keys are a token's own, and what was refused is not kept.
    assert api("billing").post("exceptions/comments", {**body, "text": "And I."}, Idempotency_Key="c-1").status_code == 200
    refused = client.post("exceptions/comments", {"exceptions": ["0" * 64], "text": "x"}, Idempotency_Key="c-2")
    assert refused.status_code == 404
    assert not ApiAnswer.objects.filter(key="c-2").exists()


def test_a_token_is_shown_once(full_book: Path, api: Api) -> None:
    from tollbook.store.models import ApiAnswer

    client = api("owner")
    body = {"name": "erp", "role": "cfo", "scope": ["read-documents"], "expires_at": "2026-12-31T00:00:00Z"}
    first = client.post("tokens", body, Idempotency_Key="t-1")
    secret = first.json()["secret"]
    assert (first.status_code, first.headers["Location"], first.headers["Cache-Control"]) == (201, "/api/v1/tokens/erp", "no-store")
    assert client.post("tokens", body, Idempotency_Key="t-1").json()["secret"] is None
    assert secret not in str(list(ApiAnswer.objects.values()))
    made = ApiClient(secret)
    assert made.get("me").json()["rights"] == ["read-documents"]
    assert made.get("documents").status_code == 200
    assert made.get("disputes").status_code == 403
    stale = client("DELETE", "tokens/erp", If_Match='"x"')
    assert (stale.status_code, stale.json()["code"]) == (412, "API_PRECONDITION")
    mark = client.get("tokens/erp", Accept_Encoding="gzip").headers["ETag"]
    assert client("DELETE", "tokens/erp", If_Match=f"W/{mark}").status_code == 412
    assert client("DELETE", "tokens/erp", If_Match=mark).json()["is_active"] is False
    assert made.get("me").json()["code"] == "TOKEN_REVOKED"


def test_a_file_is_sent_once(full_book: Path, api: Api) -> None:
    client, headers = api("routes"), {"Content_Type": "application/octet-stream"}
    deck = seed.DECK.replace("0.1200", "0.1100").encode()
    sent = client.post("files?name=aurora_az_v2.csv", deck, Idempotency_Key="f-1", **headers)
    assert (sent.status_code, sent.json()["kind"]) == (200, "DECK"), sent.content
    again = client.post("files?name=aurora_az_v2.csv", deck, Idempotency_Key="f-1", **headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    named = client.post("files?name=aurora_az_v2.csv&as=deck", deck, **headers)
    assert (named.status_code, named.json()["status"]) == (200, "repeated")
    other = client.post("files?name=aurora_az_v2.csv", deck + b"\n", Idempotency_Key="f-1", **headers)
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"
    assert len(client.items("decks?partner=aurora")) == 2
    agreement = client.post("files?name=x.toml", seed.AGREEMENT.format(id="x", partner="x", name="X").encode(), **headers)
    assert (agreement.status_code, agreement.json()["code"]) == (403, "RIGHT_MISSING")
    assert not list((full_book / "spool").glob("api-*"))


def test_a_partner_answers_its_dispute(full_book: Path, api: Api) -> None:
    theirs, path = api("partner", partner="aurora"), "disputes/D-aurora-2026-11"
    seen = theirs.get(path)
    assert "acknowledge" in seen.json()["steps"]
    done = theirs.post(f"{path}/steps", {"event": "acknowledge"}, Idempotency_Key="a-1", If_Match=seen.headers["ETag"])
    assert (done.status_code, done.json()["state"]) == (200, "ACKNOWLEDGED"), done.content
    late = theirs.post(f"{path}/steps", {"event": "review"}, Idempotency_Key="a-2", If_Match=seen.headers["ETag"])
    assert (late.status_code, late.json()["code"]) == (412, "API_PRECONDITION")
    body = {"event": "withdraw", "reason": "x", "seen_state": "ACKNOWLEDGED"}
    assert theirs.post(f"{path}/steps", body, Idempotency_Key="a-3").status_code == 403


def test_a_step_is_decided_on_what_was_seen(full_book: Path, api: Api) -> None:
    """Without If-Match the state stands for it; a star and an empty text say nothing."""
    theirs, path = api("partner", partner="aurora"), "disputes/D-aurora-2026-11/steps"
    for number, (seen, headers) in enumerate([("", {}), ("", {"If_Match": "*"})]):
        body = {"event": "acknowledge", "seen_state": seen}
        assert theirs.post(path, body, Idempotency_Key=f"s-{number}", **headers).status_code == 428
    stale = theirs.post(path, {"event": "acknowledge", "seen_state": "UNDER_REVIEW"}, Idempotency_Key="s-2")
    assert (stale.status_code, stale.json()["code"]) == (409, "DISPUTE_MOVED")
    done = theirs.post(path, {"event": "acknowledge", "seen_state": "SUBMITTED"}, Idempotency_Key="s-3")
    assert (done.status_code, done.json()["state"]) == (200, "ACKNOWLEDGED")
    # Somebody who read it before that is told so, whatever the step is.
    late = api("owner").post(path, {"event": "review", "seen_state": "SUBMITTED"}, Idempotency_Key="s-4")
    assert (late.status_code, late.json()["code"]) == (409, "DISPUTE_MOVED")


def test_long_work_is_a_job(full_book: Path, api: Api) -> None:
    client = api("owner")
    started = client.post("jobs", {"kind": "CLOSE", "parameters": {"period": "2026-11"}}, Idempotency_Key="j-1")
    assert started.status_code == 202, started.content
    place = started.headers["Location"]
    assert client.get(place).json()["state"] == "QUEUED"
    assert client.post(f"{place}/cancellation").json()["state"] == "CANCELLED"
    assert client.post("jobs", {"kind": "CLOSE", "parameters": {"period": "soon"}}, Idempotency_Key="j-2").status_code == 422
    assert api("noc").post("jobs", {"kind": "REPAIR"}, Idempotency_Key="j-3").status_code == 403


def test_the_document_says_enough(full_book: Path) -> None:
    document = ApiClient("").get("openapi.json").json()
    assert all(module.__doc__ for module in MODULES)
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            assert len(each["summary"]) > 5, path
            assert each["description"], path
            assert each["tags"], path
            assert each["security"] == [{"Bearer": []}], path
            if method != "get":
                assert "Idempotency-Key" in {found["name"] for found in each["parameters"]}, path
