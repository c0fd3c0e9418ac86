"""Collection: sealed before it is read, exactly once, nothing lost, all or nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, collection, intake, part
from tollbook.flow.book import Book
from tollbook.flow.check import check_book
from tollbook.flow.collection import Cut
from tollbook.store import files, lease
from tollbook.store.models import Batch, Journal, KnownIds, SealedFile, Segment, UsageTotal

from .small_book import DATA, OWNER, cdrs, codes, counts, lines, write

pytestmark = pytest.mark.usefixtures("book")


def _files(book: Book) -> set[Path]:
    """Everything in the book's folder but the database and what belongs to it."""
    return {path for path in book.folder.rglob("*") if path.is_file() and "book.sqlite3" not in path.name}


def test_every_record_is_accepted_repeated_or_a_problem(book: Book) -> None:
    with clock.pinned(1_795_310_740_410):
        first = cdrs(book, DATA / "ours.csv")
    assert counts(first) == (8, 7, 0, 1)
    assert codes(first) == ["CDR_TIME_UNREADABLE"]
    again = cdrs(book, DATA / "ours_again.csv")
    assert counts(again) == (3, 1, 1, 1)
    assert codes(again) == ["CDR_CONFLICT"]
    conflict = again.found[0]
    assert conflict.place.number == 2
    assert conflict.value == lines("ours_again.csv")[1][1], "the raw record is kept with its problem"
    sealed = SealedFile.objects.get(digest=first.digest)
    assert (sealed.name, sealed.received_at, sealed.kind) == ("ours.csv", 1_795_310_740_410, "CDR")
    assert files.verify(files.get(book.folder, first.digest), first.digest)
    assert check_book(book, actor=OWNER).found == []


def test_the_same_bytes_again_add_nothing(book: Book, tmp_path: Path) -> None:
    cdrs(book, DATA / "ours.csv")
    rows = (Batch.objects.count(), Segment.objects.count(), Journal.objects.count())
    renamed = tmp_path / "another_name.csv"
    renamed.write_bytes((DATA / "ours.csv").read_bytes())
    again = cdrs(book, renamed)
    assert (again.status, codes(again), counts(again)) == ("repeated", ["DUP_FILE"], (0, 0, 0, 0))
    assert (Batch.objects.count(), Segment.objects.count(), Journal.objects.count()) == rows


def test_the_same_records_in_another_file_are_repeats(book: Book, tmp_path: Path) -> None:
    header, records = lines("ours.csv")
    cdrs(book, DATA / "ours.csv")
    again = cdrs(book, write(tmp_path / "shuffled.csv", header, records[::-1]))
    # The record that was a problem is one again: it never became known.
    assert counts(again) == (8, 0, 7, 1)


def test_a_record_twice_in_one_file_is_a_repeat(book: Book, tmp_path: Path) -> None:
    header, records = lines("ours.csv")
    report = cdrs(book, write(tmp_path / "twice.csv", header, [records[0], records[1], records[0]]))
    assert counts(report) == (3, 2, 1, 0)


def test_sources_do_not_know_each_others_records(book: Book) -> None:
    cdrs(book, DATA / "ours.csv", "switch-1")
    assert counts(cdrs(book, DATA / "ours.csv", "switch-2")) == (8, 7, 0, 1)
    assert SealedFile.objects.count() == 1


def test_segments_are_split_by_utc_day(book: Book) -> None:
    cdrs(book, DATA / "ours.csv")
    days = {(str(row.day), row.rows) for row in Segment.objects.filter(kind="cdr")}
    assert days == {("2026-11-10", 3), ("2026-11-11", 3), ("2026-11-12", 1)}
    assert {row.day for row in KnownIds.objects.all()} == {"2026-11-10", "2026-11-11", "2026-11-12"}


def test_running_usage_counts_what_was_accepted(book: Book) -> None:
    cdrs(book, DATA / "ours.csv")
    cdrs(book, DATA / "theirs.csv", "aurora")
    rows = {(row.partner, row.leg, str(row.day)): (row.records, row.answered, row.duration_ms) for row in UsageTotal.objects.all()}
    assert rows == {
        ("aurora", "OUT", "2026-11-10"): (3, 3, 191_000),
        ("aurora", "OUT", "2026-11-11"): (3, 2, 187_000),
        ("cirrus", "OUT", "2026-11-12"): (1, 1, 60_000),
    }


def test_a_dry_run_says_the_same_and_leaves_nothing(book: Book) -> None:
    before = _files(book)
    rehearsed = cdrs(book, DATA / "ours.csv", dry_run=True)
    assert counts(rehearsed) == (8, 7, 0, 1)
    assert _files(book) == before
    assert (SealedFile.objects.count(), Batch.objects.count(), Journal.objects.count()) == (0, 0, 0)
    assert cdrs(book, DATA / "ours.csv").digest == rehearsed.digest


def test_packed_files_are_sealed_as_they_came(book: Book, tmp_path: Path) -> None:
    packed = tmp_path / "ours.csv.gz"
    packed.write_bytes(gzip.compress((DATA / "ours.csv").read_bytes(), mtime=0))
    report = cdrs(book, packed)
    assert counts(report) == (8, 7, 0, 1)
    assert files.get(book.folder, report.digest).read_bytes() == packed.read_bytes()
    assert check_book(book, actor=OWNER).found == []


def test_parquet_records_are_compared_by_what_they_wrote(book: Book, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    header, records = lines("ours.csv")
    columns = dict(zip(header.split(","), zip(*(record.split(",") for record in records[:3]), strict=True), strict=True))
    table = pa.table({name: pa.array([value or None for value in values], pa.string()) for name, values in columns.items()})
    pq.write_table(table, tmp_path / "a.parquet")
    assert counts(cdrs(book, tmp_path / "a.parquet")) == (3, 3, 0, 0)
    changed = table.set_column(table.schema.get_field_index("duration_ms"), "duration_ms", pa.array(["61000", "30001", "100000"]))
    pq.write_table(changed, tmp_path / "b.parquet")
    assert counts(cdrs(book, tmp_path / "b.parquet")) == (3, 0, 2, 1)
    assert check_book(book, actor=OWNER).found == []


def test_an_unreadable_file_is_sealed_and_refused(book: Book, tmp_path: Path) -> None:
    packed = tmp_path / "ours.csv.gz"
    packed.write_bytes(gzip.compress((DATA / "ours.csv").read_bytes(), mtime=0)[:-9])
    (report,) = intake.ingest(book, [packed], actor=OWNER)
    assert report.status == "refused"
    assert codes(report)[0] in ("FILE_UNREADABLE", "CDR_FILE_TRUNCATED")
    assert (SealedFile.objects.count(), Batch.objects.count()) == (1, 0)


def _many(tmp_path: Path, total: int) -> Path:
    header, records = lines("ours.csv")
    rows = [records[0].replace("c1@boreal", f"call-{number}@boreal.example.net") for number in range(total)]
    return write(tmp_path / "many.csv", header, rows)


def test_an_interrupted_file_goes_on_after_its_last_part(book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cut = _many(tmp_path, 3000), Cut(part_records=800, piece_bytes=40_000)
    publish = collection.manifest.publish_batch
    published = []

    def publish_two(*given: object, **named: object) -> list[str]:
        if len(published) == 2:
            raise OSError("the disk went away")
        published.append(1)
        return publish(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(collection.manifest, "publish_batch", publish_two)
    with pytest.raises(OSError, match="went away"):
        cdrs(book, path, cut=cut)
    monkeypatch.undo()
    assert Batch.objects.count() == 2
    report = cdrs(book, path, cut=cut)
    assert (report.status, counts(report)) == ("published", (3000, 3000, 0, 0))
    parts = list(Batch.objects.order_by("part_no"))
    assert [each.is_last for each in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].last_record_no == 3000
    assert check_book(book, actor=OWNER).is_whole


def test_a_writer_that_lost_its_lease_publishes_nothing(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(held: lease.Held, *, now_ms: int) -> None:
        check(lease.Held(held.name, held.owner, held.token - 1), now_ms=now_ms)

    check = lease.check
    monkeypatch.setattr(lease, "check", overtaken)
    with pytest.raises(Refusal) as refusal:
        cdrs(book, DATA / "ours.csv")
    assert refusal.value.problems[0].code == "LEASE_LOST"
    assert (Batch.objects.count(), Segment.objects.count(), KnownIds.objects.count(), UsageTotal.objects.count()) == (0, 0, 0, 0)


def test_two_writers_of_one_source_do_not_meet(book: Book) -> None:
    lease.acquire("source switch", now_ms=clock.now_ms())
    with pytest.raises(Refusal) as refusal:
        cdrs(book, DATA / "ours.csv")
    assert refusal.value.problems[0].code == "LEASE_HELD"


@pytest.mark.parametrize("role", [Role.ROUTES, Role.CFO, Role.AUDITOR, Role.PARTNER])
def test_who_may_not_ingest_leaves_no_trace(book: Book, role: Role) -> None:
    before = _files(book)
    with pytest.raises(Refusal) as refusal:
        cdrs(book, DATA / "ours.csv", actor=Actor("eve", role, "aurora"))
    assert refusal.value.problems[0].code == "RIGHT_MISSING"
    assert _files(book) == before


def test_usage_of_records_is_by_partner_leg_and_day(book: Book) -> None:
    cdrs(book, DATA / "ours.csv")
    from tollbook.store.segments import read_batches

    found = [
        line for row in Segment.objects.filter(kind="cdr") for rows in read_batches(book.path(row.path)) for line in part.usage_of(rows)
    ]
    assert sorted((line.partner, line.records) for line in found) == [("aurora", 3), ("aurora", 3), ("cirrus", 1)]
