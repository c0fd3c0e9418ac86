"""Runs: named by what decides them, used again, the same whatever the order and the split of the files."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tollbook.core import cdr
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, documents, inputs, intake, matching, mediation, rating, reference
from tollbook.flow.book import Book
from tollbook.flow.run import Computed, Plan, Run, current_run, current_runs, execute_run, execute_together, run_of
from tollbook.store.models import Head, Journal, Segment, UsageTotal
from tollbook.store.models import Run as RunRow

from .small_book import DATA, OWNER, PERIOD, cdrs, lines, terms, write

pytestmark = pytest.mark.usefixtures("book")


def _marks(*names: str) -> pa.Table:
    """A table of verdicts, a row per name."""
    count = len(names)
    columns = {
        "cdr_id": [name.encode().ljust(16) for name in names],
        "leg": ["OUT"] * count,
        "leg_no": [1] * count,
        "mark": ["DUP_NEAR"] * count,
        "kept_cdr_id": [None] * count,
        "acceptance": ["PAYABLE"] * count,
        "reason": [None] * count,
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in cdr.MARK}, schema=cdr.MARK)


def _run(book: Book, table: pa.Table, **changed: Any) -> Run:
    given: dict[str, Any] = {
        "stage": "test",
        "scope": "a",
        "semantics_version": 1,
        "inputs": ["f" * 64],
        "parameters": {"x": 1},
        "compute": lambda: {"mark": table},
        "actor": OWNER,
    }
    return execute_run(book, **{**given, **changed})


def _never() -> Any:
    raise AssertionError("it was computed again")


def test_a_run_is_used_again(book: Book) -> None:
    first = _run(book, _marks("b", "a"))
    again = _run(book, _marks(), compute=_never)
    assert (again.run_key, again.result_digest, again.is_reused, first.is_reused) == (first.run_key, first.result_digest, True, False)
    assert RunRow.objects.count() == 1
    assert again.paths("mark") == first.paths("mark")
    assert pq.read_table(first.paths("mark")[0]).num_rows == 2


def test_the_order_of_rows_is_not_in_the_result(book: Book) -> None:
    one = _run(book, _marks("a", "b", "c"))
    batches = _marks("c", "a", "b").to_batches(max_chunksize=1)
    other = _run(book, _marks(), inputs=["e" * 64], compute=lambda: {"mark": iter(batches)})
    assert one.result_digest == other.result_digest
    assert one.run_key != other.run_key
    assert _run(book, _marks("a", "b"), inputs=["d" * 64]).result_digest != one.result_digest


def test_lost_files_are_made_again(book: Book) -> None:
    first = _run(book, _marks("a"))
    first.paths("mark")[0].unlink()
    again = _run(book, _marks("a"))
    assert (again.is_reused, again.result_digest) == (False, first.result_digest)
    assert again.paths("mark")[0].exists()
    assert Segment.objects.count() == 1


def test_what_cannot_be_reproduced_is_refused(book: Book) -> None:
    first = _run(book, _marks("a"))
    first.paths("mark")[0].unlink()
    with pytest.raises(Refusal) as refusal:
        _run(book, _marks("b"))
    assert refusal.value.problems[0].code == "RUN_NOT_REPRODUCED"
    assert RunRow.objects.get().result_digest == first.result_digest


def test_the_head_follows_and_goes_back(book: Book) -> None:
    moved: list[str] = []

    def note(run: Run) -> None:
        moved.append(run.run_key)

    first = _run(book, _marks("a"), also=note)
    second = _run(book, _marks("b"), parameters={"x": 2}, also=note)
    assert current_run(book, "test", "a") == second
    _run(book, _marks(), compute=_never, also=note)
    head = current_run(book, "test", "a")
    assert head is not None
    assert head.run_key == first.run_key
    assert moved == [first.run_key, second.run_key, first.run_key]
    assert [row.action for row in Journal.objects.order_by("seq")] == ["run test", "run test", "run test again"]
    assert [run.scope for run in current_runs(book, "test")] == ["a"]
    assert run_of(book, "0" * 64) is None


def test_what_a_run_publishes_is_all_or_nothing(book: Book) -> None:
    def fail(run: Run) -> None:
        raise RuntimeError("in the transaction")

    with pytest.raises(RuntimeError):
        _run(book, _marks("a"), also=fail)
    assert (RunRow.objects.count(), Segment.objects.count(), Head.objects.count(), Journal.objects.count()) == (0, 0, 0, 0)


def test_a_rehearsed_run_leaves_nothing(book: Book) -> None:
    before = sorted(book.folder.rglob("*.parquet"))
    run = _run(book, _marks("a"), dry_run=True)
    assert run.results["mark"]["rows"] == 1
    assert (RunRow.objects.count(), sorted(book.folder.rglob("*.parquet"))) == (0, before)


def test_no_right_no_run(book: Book) -> None:
    with pytest.raises(Refusal) as refusal:
        _run(book, _marks(), compute=_never, actor=Actor("n", Role.NOC))
    assert refusal.value.problems[0].code == "RIGHT_MISSING"


def test_a_summary_is_kept_with_the_run(book: Book) -> None:
    run = _run(book, _marks(), compute=lambda: Computed({"mark": _marks("a")}, {"pairs": 1}))
    assert current_run(book, "test", "a") is not None
    assert run.summary == {"pairs": 1}
    assert run.segment_digests() == [run.paths("mark")[0].stem]


def test_plans_together_are_published_in_their_order_and_one_that_is_refused_stops_no_other(book: Book) -> None:
    """Computed in any order: the first plan waits until the last has been computed, and is still the first in the journal."""
    last_is_computed = threading.Event()

    def plan(name: str, compute: Any) -> Plan:
        return Plan(book, stage="mediation", scope=name, semantics_version=1, inputs=[], parameters={"name": name}, compute=compute)

    def first() -> dict[str, pa.Table]:
        assert last_is_computed.wait(60)
        return {"mark": _marks("a")}

    def refused() -> dict[str, pa.Table]:
        raise refuse("DECK_AWAITED")

    def last() -> dict[str, pa.Table]:
        last_is_computed.set()
        return {"mark": _marks("b", "c")}

    again = _run(book, _marks("d"))
    kept = Plan(book, again.stage, again.scope, again.semantics_version, again.inputs, again.parameters, _never)
    done = execute_together([plan("one", first), plan("two", refused), kept, plan("three", last)], actor=OWNER)
    one, two, reused, three = done
    assert isinstance(one, Run)
    assert isinstance(reused, Run)
    assert isinstance(three, Run)
    assert isinstance(two, Refusal)
    assert (one.is_reused, reused.is_reused, three.is_reused, two.problems[0].code) == (False, True, False, "DECK_AWAITED")
    assert list(Journal.objects.order_by("-seq").values_list("subject", flat=True)[:2]) == ["three", "one"]
    assert RunRow.objects.count() == 3


def test_legs_rated_ahead_are_the_runs_that_are_rated_one_by_one(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    rating.rate_ahead(book, [("nobody", "OUT", PERIOD), ("aurora", "OUT", PERIOD), ("aurora", "IN", PERIOD)], actor=OWNER)
    ahead = current_run(book, "rating", f"aurora/OUT/{PERIOD}")
    alone = rating.rate_leg(book, "aurora", "OUT", PERIOD, actor=OWNER)
    assert ahead is not None
    assert alone is not None
    assert (alone.run_key, alone.result_digest, alone.is_reused) == (ahead.run_key, ahead.result_digest, True)
    assert RunRow.objects.count() == 2


def _results(book: Book) -> dict[str, str]:
    report = rating.rate_period(book, PERIOD, actor=OWNER)
    assert report.parked == []
    return {
        "rating": report.runs["aurora", "OUT"].result_digest,
        "matching": matching.match_leg(book, "aurora", "OUT", PERIOD, actor=OWNER).result_digest,
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_files_in_another_order_and_split_give_the_same_results(
    book: Book, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from tollbook.flow.book import init_book

    # When a deck was received decides from when its increases count, so it is part of what the deck says.
    monkeypatch.setenv("TOLLBOOK_NOW", "2026-12-01T09:00:00Z")
    terms(book)
    cdrs(book, DATA / "ours.csv")
    cdrs(book, DATA / "theirs.csv", "aurora")
    wanted = _results(book)
    if book.database == "postgresql":
        # One database holds one book.
        monkeypatch.setenv("TOLLBOOK_DATABASE_URL", request.getfixturevalue("new_database")())
    other = init_book(tmp_path / "other")
    terms(other)
    shuffle = random.Random(seed)
    for name, label in (("theirs.csv", "aurora"), ("ours.csv", "switch")):
        header, records = lines(name)
        shuffle.shuffle(records)
        for start in range(0, len(records), 3):
            cdrs(other, write(tmp_path / f"{label}{start}.csv", header, records[start : start + 3]), label)
    assert _results(other) == wanted


def test_rating_reaches_what_the_agreement_prices(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    report = rating.rate_period(book, PERIOD, actor=OWNER)
    run = report.runs["aurora", "OUT"]
    # 0.122 + 0.06 + 0.12 + 0.36 USD, in sixtieths of a nano: 0.662 x 60 x 10^9.
    assert run.summary["RATED USD"] == {"records": 4, "billed_s": 391, "exact_60th_nanos": "39720000000"}
    assert rating.total_micros(run, "USD") == 662_000
    usage = {str(row.day): (row.records, row.amount_micros) for row in rating.current_usage(book, "aurora")}
    assert usage == {"2026-11-10": (3, 302_000), "2026-11-11": (1, 360_000)}
    assert {row.origin for row in UsageTotal.objects.exclude(currency="")} == {"aurora/OUT/2026-11"}


def test_a_partner_without_its_deck_is_parked_and_the_others_go_on(book: Book, tmp_path: Path) -> None:
    terms(book)
    other = (DATA / "aurora.toml").read_text(encoding="utf-8").replace("AV-BC-2026", "CT-BC-2026").replace("aurora", "cirrus")
    (tmp_path / "cirrus.toml").write_text(other, encoding="utf-8")
    intake.ingest(book, [tmp_path / "cirrus.toml"], actor=OWNER)
    cdrs(book, DATA / "ours.csv")
    report = rating.rate_period(book, PERIOD, actor=OWNER)
    assert list(report.runs) == [("aurora", "OUT")]
    (parked,) = report.parked
    assert (parked.code, parked.value) == ("RUN_PARKED", "cirrus/OUT/2026-11")
    assert "DECK_AWAITED" in parked.reason


def test_a_later_file_makes_a_new_run_and_the_known_time_gives_the_old_one(book: Book) -> None:
    early, late = clock.parse_instant_ms("2026-11-20T00:00:00Z"), clock.parse_instant_ms("2026-12-01T00:00:00Z")
    with clock.pinned(early):
        terms(book)
        cdrs(book, DATA / "ours.csv")
        first = rating.rate_period(book, PERIOD, actor=OWNER).runs["aurora", "OUT"]
    with clock.pinned(late):
        cdrs(book, DATA / "ours_again.csv")
        second = rating.rate_period(book, PERIOD, actor=OWNER).runs["aurora", "OUT"]
        then = rating.rate_period(book, PERIOD, actor=OWNER, known_at=early).runs["aurora", "OUT"]
    assert first.results["charge"]["rows"] == 6
    assert second.results["charge"]["rows"] == 7
    assert then.result_digest == first.result_digest


def test_a_version_in_the_middle_of_the_period_prices_its_own_part(book: Book, tmp_path: Path) -> None:
    terms(book)
    text = (DATA / "aurora.toml").read_text(encoding="utf-8")
    text = text.replace('version = "1"', 'version = "2"').replace('"2026-01-01"', '"2026-11-11"').replace("CALL(6)", "CALL(2)")
    (tmp_path / "aurora.toml").write_text(text, encoding="utf-8")
    documents.add_document(book, tmp_path / "aurora.toml", reference.AGREEMENT, actor=OWNER)
    cdrs(book, DATA / "ours.csv")
    run = rating.rate_period(book, PERIOD, actor=OWNER).runs["aurora", "OUT"]
    rows = [row for path in run.paths("charge") for row in pq.read_table(path).to_pylist() if row["status"] == "RATED"]
    agreed = {str(row["period_day"]): row["agreement_digest"] for row in rows}
    assert len({row["agreement_digest"] for row in rows}) == 2
    assert agreed["2026-11-10"] != agreed["2026-11-11"]
    assert sorted(row["amount_micros"] for row in rows) == [60_000, 120_000, 122_000, 360_000]


def test_two_agreements_for_one_leg_are_parked(book: Book, tmp_path: Path) -> None:
    terms(book)
    (tmp_path / "second.toml").write_text(
        (DATA / "aurora.toml").read_text(encoding="utf-8").replace("AV-BC-2026", "AV-2"), encoding="utf-8"
    )
    intake.ingest(book, [tmp_path / "second.toml"], actor=OWNER)
    cdrs(book, DATA / "ours.csv")
    report = rating.rate_period(book, PERIOD, actor=OWNER)
    assert report.runs == {}
    assert "AGREEMENTS_OVERLAP" in report.parked[0].reason


def test_mediation_marks_and_the_views_leave_them_out(book: Book, tmp_path: Path) -> None:
    terms(book)
    header, records = lines("ours.csv")
    # The same call once more as the same switch wrote it with another duration text: another record of the same identity fields.
    twice = records[0].replace("2026-11-10T10:01:05Z,61000", "2026-11-10T10:01:05.000Z,61000")
    cdrs(book, write(tmp_path / "a.csv", header, [records[0], records[1], twice]))
    agreement, window = rating.agreement_of(book, "aurora", PERIOD)
    run = mediation.mediate(book, "aurora", "OUT", "OURS", PERIOD, window.from_ms, window.until_ms, actor=OWNER)
    assert agreement.id == "AV-BC-2026"
    assert mediation.marks_of(run).column("mark").to_pylist() == ["DUP_EXACT"]
    segments = inputs.cdr_segments(book, "OURS", window.from_ms, window.until_ms)
    with inputs.database(book) as connection:
        mediation.mediated(connection, "ours", segments, run)
        counted = [connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in ("ours_cdrs", "ours", "ours_duplicates")]
    assert counted == [3, 2, 1]


def test_matching_gives_the_records_of_the_period(book: Book, tmp_path: Path) -> None:
    terms(book)
    header, records = lines("ours.csv")
    edge = (
        records[0]
        .replace("c1@", "c0@")
        .replace("2026-11-10T10:00", "2026-10-31T23:59")
        .replace("2026-11-10T10:01:05", "2026-11-01T00:00:05")
    )
    cdrs(book, write(tmp_path / "ours.csv", header, [*records, edge]))
    cdrs(book, DATA / "theirs.csv", "aurora")
    run = matching.match_leg(book, "aurora", "OUT", PERIOD, actor=OWNER)
    assert (run.summary["pairs"], run.summary["only_ours"], run.summary["only_theirs"]) == (3, 3, 1)
    sides = matching.sides_of(book, "aurora", "OUT", PERIOD, actor=OWNER)
    with matching.open_sides(sides, run) as connection:
        counted = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in ("ours", "theirs", "matches", "other_block")
        }
    assert counted == {"ours": 6, "theirs": 4, "matches": 7, "other_block": 1}


def test_there_is_nothing_to_match_without_their_records(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    with pytest.raises(Refusal) as refusal:
        matching.match_leg(book, "aurora", "OUT", PERIOD, actor=OWNER)
    assert refusal.value.problems[0].code == "NOTHING_TO_MATCH"
