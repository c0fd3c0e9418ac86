"""The annexes of our invoices in the order pages read them, line by line.

An annex is sealed as text in the order of the calls' times. Derived from it alone and named by its digest:
derived/annexes/<digest>-<version>.parquet, whose groups of rows say which lines they hold. Made by a worker that has nothing else to do, or
when the first page asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from tollbook.engine.database import open_database, paths_list
from tollbook.flow.book import Book
from tollbook.store import column_file, files
from tollbook.store.models import SealedFile

FOLDER: Final = Path("derived", "annexes")
VERSION: Final = 1
KIND: Final = "ANNEX"
MEMORY_LIMIT: Final = "1GB"
GROUP_ROWS: Final = 8_192
# Amounts are text with six decimals and rates with nine, so that taking out the point gives the exact integer.
_ROWS: Final = """
SELECT CAST(line AS INTEGER) AS line, cdr_id, epoch_ms(CAST(coalesce(nullif(answer_at, ''), setup_at) AS TIMESTAMP)) AS "at",
    a_number, b_number, code, CAST(duration_ms AS BIGINT) AS duration_ms, CAST(billed_s AS BIGINT) AS billed_s,
    CAST(replace(rate_per_minute, '.', '') AS BIGINT) AS rate_nanos, CAST(exact_60th_nanos AS BIGINT) AS exact_60th_nanos,
    CAST(replace(amount, '.', '') AS BIGINT) AS amount_micros, currency
FROM read_csv({file}, header = true, all_varchar = true)
"""

_SORTED: Final = """
COPY (SELECT * FROM ({rows}) ORDER BY line, "at", cdr_id) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})
"""


def path_of(book: Book, digest: str) -> Path:
    return book.folder / FOLDER / f"{digest}-{VERSION}.parquet"


def relation(book: Book, digest: str) -> str:
    """The calls of an annex as SQL, with their line; every amount and rate an exact integer. FILE_MISSING where the annex is gone."""
    path = path_of(book, digest)
    if not path.is_file():
        try:
            build(book, digest)
        except OSError:
            return f"({_text(book, digest)})"  # a book on a medium that cannot be written is read all the same
    return f"read_parquet({paths_list([path])})"


def _text(book: Book, digest: str) -> str:
    return _ROWS.format(file=paths_list([files.get(book.folder, digest)]))


def build(book: Book, digest: str) -> None:
    """Sorts an annex by its lines."""
    spool = book.folder / files.SPOOL_FOLDER
    files.make_folder(spool)
    written = spool / f"{uuid4().hex}.parquet"
    target = str(written).replace("'", "''")
    try:
        with closing(open_database(memory_limit=MEMORY_LIMIT, spill_folder=spool / "duckdb")) as connection:
            connection.execute(_SORTED.format(rows=_text(book, digest), target=target, group=GROUP_ROWS))
        column_file.place(written, path_of(book, digest))
    except duckdb.IOException as error:
        raise OSError(str(error)) from error
    finally:
        written.unlink(missing_ok=True)


def build_missing(book: Book) -> int:
    """Sorts the annexes that are not sorted yet, before somebody asks for them; how many there were."""
    missing = [each for each in _digests() if not path_of(book, each).is_file() and files.find(book.folder, each) is not None]
    for digest in missing:
        build(book, digest)
    return len(missing)


def _digests() -> list[str]:
    return list(SealedFile.objects.filter(kind=KIND).order_by("digest").values_list("digest", flat=True))


def wrong(book: Book) -> Iterator[Path]:
    """Sorted annexes that say something else than the sealed ones, or belong to none."""
    known = {path_of(book, digest): digest for digest in _digests()}
    folder = book.folder / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path not in known or not _is_same(book, known[path], path):
            yield path


def _is_same(book: Book, digest: str, path: Path) -> bool:
    """Whether both have the same calls: their number and the sums of a hash of each, whatever the order."""
    if files.find(book.folder, digest) is None:
        return True  # named by the check of files
    summed = "SELECT count(*), sum(CAST(hash(r) AS HUGEINT)) FROM {rows} r"
    with closing(open_database(spill_folder=book.folder / files.SPOOL_FOLDER / "duckdb")) as connection:
        try:
            found = connection.execute(summed.format(rows=f"read_parquet({paths_list([path])})")).fetchone()
        except duckdb.Error:
            return False
        return found == connection.execute(summed.format(rows=f"({_text(book, digest)})")).fetchone()
