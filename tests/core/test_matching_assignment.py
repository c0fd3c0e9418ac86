"""The assignment against brute force: most pairs, then the smallest cost, then the earliest with the earliest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.matching import assignment, component, tie_break
from tollbook.engine import matching_kernels as kernels

Edges = dict[tuple[int, int], int]
UNMATCHED = 10**9
WAYS = {"plain": (assignment.assign, tie_break.settle_ties), "compiled": (kernels.assign, kernels.settle_ties)}


def brute_force(rows: int, columns: int, costs: Edges) -> list[int]:
    """All assignments; the best by (-pairs, cost, vector of columns)."""
    best: tuple[int, int, list[int]] | None = None

    def go(row: int, used: frozenset[int], pairs: int, cost: int, vector: list[int]) -> None:
        nonlocal best
        if row == rows:
            found = (-pairs, cost, vector)
            best = found if best is None else min(best, found)
            return
        for column in range(columns):
            if column not in used and (row, column) in costs:
                go(row + 1, used | {column}, pairs + 1, cost + costs[row, column], [*vector, column])
        go(row + 1, used, pairs, cost, [*vector, UNMATCHED])

    go(0, frozenset(), 0, 0, [])
    assert best is not None
    return best[2]


def solve(rows: int, columns: int, costs: Edges, ways: tuple[Callable[..., Any], Callable[..., Any]]) -> list[int]:
    edges = sorted(costs)
    starts = np.searchsorted([row for row, _ in edges], np.arange(rows + 1)).astype(np.int64)
    targets = np.array([column for _, column in edges], dtype=np.int64)
    values = np.array([costs[edge] for edge in edges], dtype=np.int64)
    drop_cost = assignment.dropping_cost(rows, columns, max(costs.values(), default=0))
    assign, settle_ties = ways
    found = settle_ties(starts, targets, values, *assign(starts, targets, values, columns, drop_cost), drop_cost)
    return [UNMATCHED if column < 0 else int(column) for column in found]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, int, Edges]:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    highest = draw(st.sampled_from([0, 1, 2, 5, 100]))
    places = [(row, column) for row in range(rows) for column in range(columns)]
    chosen = draw(st.lists(st.sampled_from(places), unique=True))
    return rows, columns, {edge: draw(st.integers(0, highest)) for edge in chosen}


@given(graphs())
def test_plain_functions_agree_with_brute_force(graph: tuple[int, int, Edges]) -> None:
    assert solve(*graph, WAYS["plain"]) == brute_force(*graph)


@given(graphs())
def test_compiled_functions_agree_with_brute_force(graph: tuple[int, int, Edges]) -> None:
    assert solve(*graph, WAYS["compiled"]) == brute_force(*graph)


@pytest.mark.parametrize("way", WAYS)
def test_most_pairs_before_smallest_cost(way: str) -> None:
    # Ours 0.0 and 3.0 s, theirs 2.0 and 5.0 s: the nearest pair alone costs 1 s, both pairs cost 4 s.
    assert solve(2, 2, {(0, 0): 2000, (1, 0): 1000, (1, 1): 2000}, WAYS[way]) == [0, 1]


@pytest.mark.parametrize("way", WAYS)
def test_crossing_pairs_where_durations_demand_it(way: str) -> None:
    # Ours (0.0, 60 s) and (0.5, 300 s), theirs (0.2, 300 s) and (0.7, 60 s): only the crossing edges are within 2 s of duration.
    assert solve(2, 2, {(0, 1): 700, (1, 0): 300}, WAYS[way]) == [1, 0]


@pytest.mark.parametrize("way", WAYS)
def test_equal_costs_go_to_the_earliest(way: str) -> None:
    assert solve(3, 3, {(row, column): 5 for row in range(3) for column in range(3)}, WAYS[way]) == [0, 1, 2]


def test_a_crowded_number_is_settled_whole() -> None:
    """A number called every 200 ms without callers: 30,000 records in one component, some missing on each side."""
    random = np.random.default_rng(3)
    ours = np.arange(30_000) * 200
    theirs = np.sort(ours + random.integers(-400, 400, len(ours)))[random.random(len(ours)) < 0.98]
    low, high = np.searchsorted(theirs, ours - 2000), np.searchsorted(theirs, ours + 2000, side="right")
    starts = np.concatenate(([0], np.cumsum(high - low)))
    columns = np.concatenate([np.arange(start, end) for start, end in zip(low, high, strict=True)])
    costs = np.abs(theirs[columns] - np.repeat(ours, high - low))
    drop_cost = assignment.dropping_cost(len(ours), len(theirs), int(costs.max()))
    chosen = kernels.settle_ties(starts, columns, costs, *kernels.assign(starts, columns, costs, len(theirs), drop_cost), drop_cost)
    taken = chosen[chosen >= 0]
    # On a line every theirs has room: each is taken once, and the order of time is kept.
    assert len(taken) == len(theirs)
    assert np.all(np.diff(taken) > 0)
    assert len(np.unique(kernels.components(starts, columns, len(theirs)))) == 1


def test_components_are_numbered_by_their_first_row() -> None:
    # Rows 0 and 2 share column 1, row 1 stands alone, rows 3 and 4 share column 3.
    starts, columns = np.array([0, 1, 2, 4, 5, 6]), np.array([1, 0, 1, 2, 3, 3])
    assert component.components(starts, columns, 4).tolist() == [0, 1, 0, 3, 3]


def test_counting_stops_at_two() -> None:
    counts = np.zeros(4, dtype=np.uint8)
    component.count_twice(np.array([0, 1, 1, 3, 3, 3]), counts)
    assert counts.tolist() == [1, 2, 0, 2]
