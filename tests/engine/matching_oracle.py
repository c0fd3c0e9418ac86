"""The number rules once more, slowly and from the rules' page: all pairs, and every assignment of each component tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Condition = Callable[[int, int, Row, Row], bool]


def compatible(one: str | None, other: str | None) -> bool:
    if one is None or other is None or one == other:
        return True
    if len(one) >= 7 and len(other) >= 7:
        return one[-7:] == other[-7:]
    short, long = sorted((one, other), key=len)
    return one.lstrip("0") == other.lstrip("0") or (len(short) >= 5 and long.endswith(short))


def _within(difference: int, least_ms: int, percent: int, our: Row, their: Row) -> bool:
    return difference <= least_ms or 100 * difference <= percent * max(our["duration_ms"], their["duration_ms"])


STRICT: Condition = lambda a, d, o, t: o["b_e164"] == t["b_e164"] and o["a_e164"] == t["a_e164"] is not None and a <= 2000 and d <= 2000  # noqa: E731
RELAXED: Condition = (  # noqa: E731
    lambda a, d, o, t: o["b_e164"] == t["b_e164"] and compatible(o["a_e164"], t["a_e164"]) and a <= 5000 and _within(d, 3000, 2, o, t)
)
SUFFIX: Condition = (  # noqa: E731
    lambda a, d, o, t: o["b_e164"][-8:] == t["b_e164"][-8:] and compatible(o["a_e164"], t["a_e164"]) and a <= 2000 and d <= 1000
)


def _ends(row: Row) -> int:
    return int(row["answer_at"]) + int(row["duration_ms"])


def _anchor(a: int, _d: int, our: Row, their: Row) -> bool:
    near = a <= 3000 or (abs(_ends(our) - _ends(their)) <= 3000 and a <= 120_000)
    return our["b_e164"] == their["b_e164"] and compatible(our["a_e164"], their["a_e164"]) and near


def _unique(a: int, d: int, our: Row, their: Row) -> bool:
    if our["b_e164"] != their["b_e164"]:
        return False
    return (compatible(our["a_e164"], their["a_e164"]) and a <= 60_000 and d <= 1000) or (
        our["a_e164"] == their["a_e164"] is not None and a <= 15_000
    )


def _plain_cost(our: Row, their: Row) -> int:
    return abs(our["answer_at"] - their["answer_at"]) + abs(our["duration_ms"] - their["duration_ms"])


def _near_cost(our: Row, their: Row) -> int:
    return min(abs(our["answer_at"] - their["answer_at"]), abs(_ends(our) - _ends(their)))


def ladder(ours: list[Row], theirs: list[Row]) -> dict[bytes, tuple[bytes, str]]:
    """The pairs of R6, R7, R9, R8 and R10 of answered records, without identifiers, clocks in step, no parts."""
    found: dict[bytes, tuple[bytes, str]] = {}
    order = lambda row: (row["answer_at"], row["cdr_id"])  # noqa: E731
    ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    for rule, condition, cost in (
        ("R6", STRICT, _plain_cost),
        ("R7", RELAXED, _plain_cost),
        ("R9", SUFFIX, _plain_cost),
        ("R8", _anchor, _near_cost),
        ("R10", _unique, _plain_cost),
    ):
        taken = {their for their, _ in found.values()}
        left = [row for row in ours if row["cdr_id"] not in found], [row for row in theirs if row["cdr_id"] not in taken]
        edges = {
            (i, j): cost(our, their)
            for i, our in enumerate(left[0])
            for j, their in enumerate(left[1])
            if condition(abs(our["answer_at"] - their["answer_at"]), abs(our["duration_ms"] - their["duration_ms"]), our, their)
        }
        chosen = _sole(edges) if rule == "R10" else _best(len(left[0]), edges)
        for i, j in chosen:
            found[left[0][i]["cdr_id"]] = (left[1][j]["cdr_id"], rule)
    return found


def _sole(edges: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    rows, columns = [i for i, _ in edges], [j for _, j in edges]
    return [(i, j) for i, j in edges if rows.count(i) == 1 and columns.count(j) == 1]


def _best(rows: int, edges: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Component by component, all assignments; the best by (-pairs, cost, vector of partners)."""
    chosen: list[tuple[int, int]] = []
    seen: set[int] = set()
    for start in range(rows):
        if start in seen or not any(i == start for i, _ in edges):
            continue
        members, growing = {start}, True
        while growing:
            columns = {j for i, j in edges if i in members}
            wider = {i for i, j in edges if j in columns}
            growing, members = wider != members, wider
        seen |= members
        part = sorted(members)
        best = min(_assignments(part, edges, frozenset()))
        chosen += [(row, column) for row, column in zip(part, best[2], strict=True) if column < 10**9]
    return chosen


def _assignments(rows: list[int], edges: dict[tuple[int, int], int], used: frozenset[int]) -> list[tuple[int, int, tuple[int, ...]]]:
    if not rows:
        return [(0, 0, ())]
    head, tail = rows[0], rows[1:]
    found = [(pairs, cost, (10**9, *vector)) for pairs, cost, vector in _assignments(tail, edges, used)]
    for (i, j), price in edges.items():
        if i == head and j not in used:
            found += [(pairs - 1, cost + price, (j, *vector)) for pairs, cost, vector in _assignments(tail, edges, used | {j})]
    return found
