"""The lab's records as Python rows: both carriers' CDRs and the truth about each call, which neither carrier had."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LAB = Path(__file__).parent.parent / "lab"
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Lab:
    """Carrier A's and B's records by their own number, and the true pairs."""

    ours: dict[str, dict[str, str]]
    theirs: dict[str, dict[str, str]]
    truth: Rows


def read_rows(name: str) -> Rows:
    with gzip.open(LAB / name, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_lab() -> Lab:
    """Everything the oracle needs; about 55,000 rows."""
    ours = {row["id"]: row for row in read_rows("carrier_a_cdr.csv.gz")}
    theirs = {row["cdr_id"]: row for row in read_rows("carrier_b_cdr.csv.gz")}
    return Lab(ours, theirs, read_rows("truth_pairs.csv.gz"))


def utc_ms(text: str) -> int:
    """Milliseconds since 1970 of a UTC time without offset, as A writes it and as the decks of this example do."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def aurora_ms(text: str) -> int:
    """The instant B's clock meant. B's local times are 21:25:40 to 21:34:39 before the step back and 20:34:40 to 20:50 after it.

    So in this traffic the hour alone tells the offset: UTC-4 before, UTC-5 after. B's clock is 1.7 s fast and stays so here:
    B bills by the clock it has.
    """
    local = utc_ms(text)
    return local + (4 if text[11:13] == "21" else 5) * 3_600_000


def ours_ms(row: dict[str, str]) -> int:
    """A's recorded duration in milliseconds; A writes up to three decimals of a second."""
    whole, _, fraction = row["duration"].partition(".")
    return int(whole) * 1000 + int((fraction + "000")[:3])
