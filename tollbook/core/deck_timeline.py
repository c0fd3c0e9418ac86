"""Lays the versions of a deck over each other, code by code: what each row changes, from when it counts, what it voids.

See docs/rules/decks.md, "Versions" and "Changes and notice". Integer functions over arrays, written so that numba compiles
them as they are; `tollbook.engine.deck_timeline` prepares the arrays. A *slot* is a row (0 to n-1) or a closure that a FULL version
brings about (n and above).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

BEGINNING: Final = -(2**63) + 1
FOREVER: Final = 2**63 - 1
NONE: Final = -1

IS_ACTIVE: Final = 0
IS_DELETED: Final = 1
IS_BLOCKED: Final = 2

# What a row does to the timeline (computed; the declared change is only compared with it).
NEW: Final = 0
INCREASE: Final = 1
DECREASE: Final = 2
UNCHANGED: Final = 3
RENAME: Final = 4
CLOSED: Final = 5
BLOCKING: Final = 6
CHANGES: Final = ("NEW", "INCREASE", "DECREASE", "UNCHANGED", "RENAME", "CLOSED", "BLOCKED")

# What becomes of a row.
NOT_SEEN: Final = -1
PLACED: Final = 0
NO_CHANGE: Final = 1
CANCELLED: Final = 2  # voided by a newer version before it started, or replaced by it
REJECTED: Final = 3  # short notice, and the agreement refuses instead of deferring
LAPSED: Final = 4  # ended before its deferred start

DEFERRING: Final = 0
REJECTING: Final = 1
ACCEPTING: Final = 2

COARSER: Final = (0, 1, 2, 3, 4, 5, 6, 9)  # terms that cost more when they are larger
GENEROUS: Final = (7, 8)  # grace and free seconds cost more when they are smaller
CEILING: Final = 10
UNIT: Final = 11


class Rows(NamedTuple):
    """The rows of all versions, sorted by code, version and claimed start. Arrays of the same length; `terms` has 12 columns."""

    code: Any
    version: Any
    claimed: Any
    until: Any
    status: Any
    terms: Any
    name: Any


class Versions(NamedTuple):
    """Per version: receipt, whether notice is tested, the earliest starts by kind of change, whether absent codes close and when."""

    received: Any
    tested: Any
    earliest_increase: Any
    earliest_new: Any
    earliest_close: Any
    full: Any
    closes_at: Any


class Placement(NamedTuple):
    """The result per slot (outcome begins as NOT_SEEN): where it starts and ends, its status, what became of it,
    what it changed, and the version that repeats it."""

    start: Any
    until: Any
    status: Any
    outcome: Any
    change: Any
    repeated: Any


def in_force(live: Any, count: int, placement: Placement, at: int) -> int:
    """The position in `live` (sorted by start) of the slot that prices the instant, NONE where there is none."""
    for position in range(count - 1, -1, -1):
        slot = live[position]
        if placement.start[slot] <= at < placement.until[slot]:
            return position
    return NONE


def compare_terms(rows: Rows, new: int, old: int) -> int:
    """1 where any term of the new row costs more, -1 where none does and one costs less, 0 where they are equal."""
    terms = rows.terms
    result = 0
    for column in COARSER:
        if terms[new, column] > terms[old, column]:
            return 1
        if terms[new, column] < terms[old, column]:
            result = -1
    for column in GENEROUS:
        if terms[new, column] < terms[old, column]:
            return 1
        if terms[new, column] > terms[old, column]:
            result = -1
    # No ceiling is the highest of all.
    new_ceiling = terms[new, CEILING] if terms[new, CEILING] >= 0 else FOREVER
    old_ceiling = terms[old, CEILING] if terms[old, CEILING] >= 0 else FOREVER
    if new_ceiling > old_ceiling or terms[new, UNIT] != terms[old, UNIT]:
        return 1
    return -1 if new_ceiling < old_ceiling else result


def same_row(rows: Rows, new: int, slot: int) -> bool:
    """Whether a row says what a slot already says."""
    if slot >= len(rows.code) or rows.status[new] != rows.status[slot] or rows.until[new] != rows.until[slot]:
        return False
    if rows.status[new] != IS_ACTIVE:
        return True
    return rows.name[new] == rows.name[slot] and compare_terms(rows, new, slot) == 0


def repeated_slot(rows: Rows, row: int, at: int, live: Any, count: int, placement: Placement) -> int:
    """The live slot that a row only repeats: the one in force at its start, or a pending one announced for the same start."""
    position = in_force(live, count, placement, at)
    if position != NONE and same_row(rows, row, live[position]):
        return int(live[position])
    for position in range(count - 1, -1, -1):
        slot = live[position]
        if placement.start[slot] <= at:
            break
        claimed = slot < len(rows.code) and rows.claimed[slot] == rows.claimed[row]
        if same_row(rows, row, slot) and (claimed or placement.start[slot] == rows.claimed[row]):
            return int(slot)
    return NONE


def kind_of_change(rows: Rows, row: int, before: int) -> int:
    """What a row does against the slot in force just before it."""
    if rows.status[row] == IS_DELETED:
        return CLOSED
    if rows.status[row] == IS_BLOCKED:
        return BLOCKING
    if before == NONE or before >= len(rows.code) or rows.status[before] != IS_ACTIVE:
        return NEW
    compared = compare_terms(rows, row, before)
    if compared > 0:
        return INCREASE
    return DECREASE if compared < 0 else RENAME


def earliest_start(change: int, versions: Versions, version: int) -> int:
    """From when a change of this kind may count."""
    if change == INCREASE:
        return int(versions.earliest_increase[version])
    if change == NEW:
        return int(versions.earliest_new[version])
    if change in (CLOSED, BLOCKING):
        return int(versions.earliest_close[version])
    return int(versions.received[version])


def cancel(live: Any, count: int, placement: Placement, start: int, version: int, keep_repeated: bool) -> int:
    """Take the slots that start at `start` or later out of `live`; with `keep_repeated`, those that this version repeats stay."""
    kept = 0
    for position in range(count):
        slot = live[position]
        if placement.start[slot] >= start and not (keep_repeated and placement.repeated[slot] == version):
            placement.outcome[slot] = CANCELLED
        else:
            live[kept] = slot
            kept += 1
    return kept


def push(live: Any, count: int, placement: Placement, slot: int) -> int:
    """Put a slot into `live` behind every slot that starts no later."""
    position = count
    while position > 0 and placement.start[live[position - 1]] > placement.start[slot]:
        live[position] = live[position - 1]
        position -= 1
    live[position] = slot
    return count + 1


def place_row(
    rows: Rows,
    row: int,
    versions: Versions,
    live: Any,
    count: int,
    placement: Placement,
    short_notice: int,
    supersede: bool,
    retro_decrease: bool,
) -> int:
    """Place a row that changes something; returns the new count of live slots."""
    version = rows.version[row]
    start = rows.claimed[row]
    reference = max(start, versions.received[version]) if versions.tested[version] else start
    position = in_force(live, count, placement, reference - 1) if reference > BEGINNING else NONE
    change = kind_of_change(rows, row, live[position] if position != NONE else NONE)
    placement.change[row] = change
    if versions.tested[version]:
        earliest = earliest_start(change, versions, version)
        if start < earliest and not (change == DECREASE and retro_decrease):
            if short_notice == REJECTING and earliest > versions.received[version]:
                placement.outcome[row] = REJECTED
                return count
            start = max(start, versions.received[version]) if short_notice == ACCEPTING else earliest
    if rows.until[row] <= start:
        placement.outcome[row] = LAPSED
        return count
    placement.start[row] = start
    placement.until[row] = rows.until[row]
    placement.status[row] = rows.status[row]
    placement.outcome[row] = PLACED
    if supersede:
        count = cancel(live, count, placement, start, version, False)
    return push(live, count, placement, row)


def place_version(
    rows: Rows,
    first: int,
    last: int,
    versions: Versions,
    live: Any,
    count: int,
    placement: Placement,
    short_notice: int,
    supersede: bool,
    retro_decrease: bool,
) -> int:
    """Place one version's rows of one code, first to last-1; returns the new count of live slots."""
    version = rows.version[first]
    repeats = placement.start  # until a row is placed, its start holds the slot it repeats
    for row in range(first, last):
        reference = max(rows.claimed[row], versions.received[version]) if versions.tested[version] else rows.claimed[row]
        slot = repeated_slot(rows, row, reference, live, count, placement)
        repeats[row] = slot
        if slot != NONE:
            placement.repeated[slot] = version
    for row in range(first, last):
        slot = repeats[row]
        if slot == NONE:
            count = place_row(rows, row, versions, live, count, placement, short_notice, supersede, retro_decrease)
            continue
        placement.change[row] = UNCHANGED
        placement.outcome[row] = NO_CHANGE
        if versions.full[version] and supersede:
            reference = max(placement.start[slot], versions.received[version]) if versions.tested[version] else placement.start[slot]
            count = cancel(live, count, placement, reference + 1, version, True)
        if placement.outcome[slot] == CANCELLED:
            # An earlier row of this version voided what this one announces again, in time: it takes its place.
            placement.outcome[row] = PLACED
            placement.start[row] = placement.start[slot]
            placement.until[row] = rows.until[row]
            placement.status[row] = rows.status[row]
            count = push(live, count, placement, row)
    return count


def close_absent(closure: int, closure_slots: int, version: int, versions: Versions, live: Any, count: int, placement: Placement) -> int:
    """Close a code that a FULL version does not name; returns the new count of live slots (the same where nothing was to close).

    The slot `closure` is used, unless an earlier closure is moved forward: so there are never more closures than rows.
    """
    at = versions.closes_at[version]
    position = in_force(live, count, placement, at)
    pending = count > 0 and placement.start[live[count - 1]] > at
    if not pending and (position == NONE or placement.status[live[position]] == IS_DELETED):
        return count
    for place in range(count):
        if live[place] >= closure_slots and placement.start[live[place]] >= at:
            closure = live[place]
    count = cancel(live, count, placement, at, version, False)
    placement.start[closure] = at
    placement.until[closure] = FOREVER
    placement.status[closure] = IS_DELETED
    placement.change[closure] = CLOSED
    placement.outcome[closure] = PLACED
    return push(live, count, placement, closure)


def emit(slot: int, at: int, first: int, used: int, segment_from: Any, segment_slot: Any) -> int:
    """Append a segment to the list that begins at `first`; a second one at the same instant replaces the first."""
    if used > first and segment_from[used - 1] == at:
        used -= 1
    if used > first and segment_slot[used - 1] == slot:
        return used
    if used == first and slot == NONE:
        return used
    segment_from[used] = at
    segment_slot[used] = slot
    return used + 1


def emit_segments(live: Any, count: int, placement: Placement, stack: Any, used: int, segment_from: Any, segment_slot: Any) -> int:
    """Append who prices each stretch of time of one code: the latest start that has not ended. A withdrawn code is NONE.

    Returns the number of segments used. The stretch before the first segment has no price.
    """
    first = used
    depth = 0
    for position in range(count + 1):
        slot = live[position] if position < count else NONE
        start = placement.start[slot] if position < count else FOREVER
        while depth > 0 and placement.until[stack[depth - 1]] <= start and placement.until[stack[depth - 1]] < FOREVER:
            ended = placement.until[stack[depth - 1]]
            while depth > 0 and placement.until[stack[depth - 1]] <= ended:
                depth -= 1
            below = stack[depth - 1] if depth > 0 else NONE
            used = emit(shown(below, placement), ended, first, used, segment_from, segment_slot)
        if position < count:
            stack[depth] = slot
            depth += 1
            used = emit(shown(slot, placement), start, first, used, segment_from, segment_slot)
    return used


def shown(slot: int, placement: Placement) -> int:
    """The slot as a segment shows it: NONE where the code is withdrawn."""
    if slot == NONE or placement.status[slot] == IS_DELETED:
        return NONE
    return slot


def lay_out(
    rows: Rows,
    versions: Versions,
    placement: Placement,
    code_first: Any,
    segment_first: Any,
    segment_from: Any,
    segment_slot: Any,
    short_notice: int,
    supersede: bool,
    retro_decrease: bool,
) -> int:
    """The whole timeline: fills `placement` and the segments of every code; returns the number of closures.

    `code_first[c]` is the first row of code c, with the number of rows at the end; `segment_first` is filled the same way.
    """
    rows_count = len(rows.code)
    live = np.empty(len(placement.start), dtype=np.int64)
    stack = np.empty(len(placement.start), dtype=np.int64)
    closures = 0
    used = 0
    for code in range(len(code_first) - 1):
        count = 0
        row = code_first[code]
        for version in range(rows.version[row], len(versions.received)):
            last = row
            while last < code_first[code + 1] and rows.version[last] == version:
                last += 1
            if last > row:
                count = place_version(rows, row, last, versions, live, count, placement, short_notice, supersede, retro_decrease)
            elif versions.full[version] and count > 0:
                closure = rows_count + closures
                before = placement.outcome[closure]
                count = close_absent(closure, rows_count, version, versions, live, count, placement)
                closures += 1 if placement.outcome[closure] != before else 0
            row = last
        segment_first[code] = used
        used = emit_segments(live, count, placement, stack, used, segment_from, segment_slot)
    segment_first[len(code_first) - 1] = used
    return closures
