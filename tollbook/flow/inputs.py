"""What a run reads: the segments of a window of time, pinned by their digests, as views of a database of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from tollbook.core.agreement import Agreement
from tollbook.core.period import Period, parse_period
from tollbook.core.tables import KINDS
from tollbook.core.zone import find_zone
from tollbook.engine.database import paths_list, shared_database
from tollbook.flow.book import Book
from tollbook.flow.run import segment_rows
from tollbook.store.digests import plain_schema
from tollbook.store.files import SPOOL_FOLDER

# Failed attempts and events beside the billing records count for quality; they never decide money, and are never matched with it.
MONEY_LAYERS: Final = ("BILLING",)
ANCHOR: Final = "coalesce(answer_at, setup_at, alert_at, release_at)"


@dataclass(frozen=True, slots=True)
class SegmentSet:
    """Pinned segments of one kind."""

    kind: str
    digests: tuple[str, ...]
    paths: tuple[Path, ...]


def period_of_agreement(agreement: Agreement, name: str) -> Period:
    """A period by its name in the agreement's zone."""
    return parse_period(name, find_zone(agreement.zone))


def cdr_segments(
    book: Book, side: str, from_ms: int, until_ms: int, *, known_at: int | None = None, sources: Iterable[str] | None = None
) -> SegmentSet:
    """The CDR segments of a side that may hold anchors in [from_ms, until_ms), of the files received by `known_at`."""
    rows = segment_rows("cdr").filter(side=side, batch__layer__in=MONEY_LAYERS, max_anchor_at__gte=from_ms, min_anchor_at__lt=until_ms)
    if known_at is not None:
        rows = rows.filter(batch__file__received_at__lte=known_at)
    if sources is not None:
        rows = rows.filter(batch__source__in=list(sources))
    found = list(rows.order_by("digest").values_list("digest", "path"))
    return SegmentSet("cdr", tuple(digest for digest, _ in found), tuple(book.path(path) for _, path in found))


@contextmanager
def database(book: Book) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that spills into the book's spool folder and is closed at the end."""
    with shared_database(spill_folder=book.folder / SPOOL_FOLDER / "duckdb") as connection:
        yield connection


def view(connection: duckdb.DuckDBPyConnection, name: str, kind: str, paths: Iterable[Path], where: str = "true") -> str:
    """A view over Parquet files of a kind, with every column of its schema; without files it is an empty table. Gives its name."""
    files = list(paths)
    schema = plain_schema(KINDS[kind])
    columns = ", ".join(f'"{column}"' for column in schema.names)
    connection.register(f"{name}_none", schema.empty_table())
    rows = f"SELECT * FROM {name}_none"  # noqa: S608 - names are ours, values are quoted
    if files:
        rows = f"SELECT * FROM read_parquet({paths_list(files)}, union_by_name = true, hive_partitioning = false) UNION ALL BY NAME {rows}"  # noqa: S608
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM ({rows}) WHERE {where}")  # noqa: S608
    return name


def commercial_leg(partner: str, leg: str) -> str:
    """The condition that a record is of one partner's leg."""
    quoted = partner.replace("'", "''")
    return f"partner = '{quoted}' AND leg = '{leg}'"


def anchored_in(from_ms: int, until_ms: int, anchor: str = ANCHOR) -> str:
    """The condition that a record's anchor is in a half-open window."""
    return f"{anchor} >= make_timestamptz({from_ms} * 1000) AND {anchor} < make_timestamptz({until_ms} * 1000)"
