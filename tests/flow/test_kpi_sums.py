from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tollbook.core.cdr import KPI
from tollbook.core.kpi import CAUSES, DELIVERED
from tollbook.flow import kpi_sums

DAY_MS = 1_790_812_800_000
DIMENSIONS = ("source", "partner", "trunk", "leg", "destination", "country", "cause", "currency", "other_currency")


def _rows(seed: int, count: int) -> list[dict[str, Any]]:
    random_ = random.Random(seed)
    rows = []
    for _ in range(count):
        row: dict[str, Any] = {name: random_.choice(("", f"{name}-1", f"{name}-2")) for name in DIMENSIONS}
        row |= {"leg": random_.choice(("IN", "OUT")), "cause": random_.choice(CAUSES)}
        row["hour"] = DAY_MS + random_.randrange(24) * 3_600_000
        row |= {field.name: random_.randrange(1 << 40) for field in KPI if field.name not in row}
        rows.append(row)
    return rows


def _cube(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({field.name: pa.array([row[field.name] for row in rows]).cast(field.type) for field in KPI}, schema=KPI)


def _by_hand(days: dict[str, list[dict[str, Any]]], narrowed: dict[str, str], dimensions: tuple[str, ...]) -> dict[Any, list[int]]:
    found: dict[Any, list[int]] = defaultdict(lambda: [0] * len(kpi_sums.COUNTS))
    for day, rows in days.items():
        for row in rows:
            words = {**row, "day": day, "hour": str((row["hour"] - DAY_MS) // 3_600_000)}
            if any(words[name] != word for name, word in narrowed.items()):
                continue
            line = found[tuple(words[name] for name in dimensions)]
            values = {**row, "delivered": row["seizures"] if row["cause"] in DELIVERED else 0}
            for place, name in enumerate(kpi_sums.COUNTS):
                line[place] += values[name]
    return dict(found)


@pytest.mark.parametrize(
    ("narrowed", "dimensions"),
    [
        ({"leg": "OUT"}, ()),
        ({"leg": "OUT"}, ("trunk",)),
        ({"leg": "IN", "trunk": "trunk-1"}, ("destination", "day")),
        ({"leg": "IN"}, ("day", "hour")),
        ({"leg": "OUT", "source": ""}, ("day", "currency", "other_currency")),
        ({"leg": "OUT", "hour": "7"}, ("cause", "trunk")),
        ({"leg": "OUT", "country": "nowhere"}, ("cause",)),
    ],
)
def test_foldings_are_the_sums_of_the_cube(tmp_path: Path, narrowed: dict[str, str], dimensions: tuple[str, ...]) -> None:
    days = {f"2026-10-0{number}": _rows(number, 400) for number in (1, 2, 3)}
    fold = kpi_sums.fold_of({*narrowed, *dimensions} - {"day"})
    folds = []
    for day, rows in days.items():
        pq.write_table(_cube(rows), tmp_path / f"{day}.parquet")
        folds.append((day, kpi_sums.load(tmp_path, day, f"{day}.parquet", fold)))
    found = {key: counts.tolist() for key, counts in kpi_sums.summed(folds, narrowed, dimensions)}
    assert found == _by_hand(days, narrowed, dimensions)


def test_hour_and_destination_together_are_asked_of_the_cube() -> None:
    assert kpi_sums.fold_of({"leg", "hour", "destination"}) == ""
    assert kpi_sums.fold_of({"leg", "source", "country"}) == ""


def test_a_folding_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    pq.write_table(_cube(_rows(5, 50)), tmp_path / "a.parquet")
    kpi_sums.build(tmp_path, "a", "a.parquet")
    path = kpi_sums.path_of(tmp_path, "a", "hours")
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert np.array_equal(
        kpi_sums.load(tmp_path, "a", "a.parquet", "hours").counts, kpi_sums.folded(_cube(_rows(5, 50)), kpi_sums.FOLDS["hours"]).counts
    )
    assert path.read_bytes() == whole
