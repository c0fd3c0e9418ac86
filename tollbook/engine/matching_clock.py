"""The clocks of the two sides: sure pairs, the pieces core finds in them, and the times of theirs corrected."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from tollbook.core.matching import fold, histogram
from tollbook.core.matching.assignment import Int64s
from tollbook.core.matching.offset import MINUTE_MS, Sample, detect, insufficient
from tollbook.core.matching.piece import PPB, Piece
from tollbook.core.matching.step import FEWEST_PAIRS
from tollbook.core.zone import Zone
from tollbook.engine import matching_kernels as kernels
from tollbook.engine.matching_records import OURS, RAW, THEIRS, Room, integers
from tollbook.engine.matching_stage import A_COMPATIBLE

# Ever looser groups in which a record can be the only one on its side: its two numbers, the called number, number and duration.
NUMBER_LEVELS: Final = ("caller", "called", "duration")
SAME_DURATION_MS: Final = 2_000
ALONE_MS: Final = 4_000
AMBIGUOUS: Final = -1
# A step between pairs no further apart than this is known well enough.
SURE_MS: Final = 5_000
AROUND_MS: Final = 7_200_000


def look(room: Room, source_no: int, source: str, zone: Zone | None) -> list[Piece]:
    """The pieces of one source of theirs: from identifiers, else from numbers that occur once, else one piece without correction."""
    sample = _sample(room, f"SELECT our_answer, answer_delta, release_delta FROM matching_sure WHERE source_no = {source_no}")
    if len(sample.answers) >= FEWEST_PAIRS:
        pieces = detect(sample, source, "IDS", zone)
        if any((one.latest_ms or 0) - (two.earliest_ms or 0) > SURE_MS for one, two in pairwise(pieces)):
            return detect(_denser(room, source_no, sample, pieces), source, "IDS", zone)
        return pieces
    most = len(sample.answers)
    answered = [room.number(f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE answered LIMIT {FEWEST_PAIRS})") for table in (OURS, RAW)]
    for level in NUMBER_LEVELS if min(answered) >= FEWEST_PAIRS else ():
        sample = _sample(room, _alone_sql(level, source_no))
        agreeing = histogram.agreeing(sample.answer_deltas)
        most = max(most, len(sample.answers))
        if agreeing is not None:
            return detect(_only(sample, agreeing), source, "NUMBERS", zone)
    return [insufficient(source, most)]


def _denser(room: Room, source_no: int, sample: Sample, pieces: Sequence[Piece]) -> Sample:
    """The pairs with identifiers and, around the steps between them, pairs of sole numbers that fit a piece: they say when it was."""
    parts = [sample]
    for level in NUMBER_LEVELS[:2]:
        more = _sample(room, _alone_sql(level, source_no))
        fits = np.zeros(len(more.answers), dtype=np.bool_)
        for one, two in pairwise(pieces):
            around = (more.answers > (two.earliest_ms or 0)) & (more.answers < (one.latest_ms or 0))
            for piece in (one, two):
                fits |= around & (np.abs(more.answer_deltas - piece.measured_ms) <= MINUTE_MS)
        parts.append(_only(more, fits))
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("answers", "answer_deltas", "release_deltas")]
    return _ordered(*columns)


def _only(sample: Sample, chosen: histogram.Bools) -> Sample:
    return Sample(sample.answers[chosen], sample.answer_deltas[chosen], sample.release_deltas[chosen])


def _sample(room: Room, query: str) -> Sample:
    """Sure pairs in the order of (our answer, difference), so that the order of the input does not matter."""
    found = room.arrays(query)
    return _ordered(*(integers(found[name]) for name in ("our_answer", "answer_delta", "release_delta")))


def _ordered(answers: Int64s, answer_deltas: Int64s, release_deltas: Int64s) -> Sample:
    if len(answers) == 0:
        return Sample(answers, answer_deltas, release_deltas)
    # One key of both: a difference is below 2^28 ms, and what lies within 2^34 ms (half a year) leaves room for it.
    order = np.argsort((answers - answers.min()) * 2**29 + answer_deltas, kind="stable")
    return Sample(answers[order], answer_deltas[order], release_deltas[order])


def _alone_sql(level: str, source_no: int) -> str:
    """Pairs of records that are the only ones of their group on their side and last equally long."""
    tables = {"o": OURS, "t": RAW}
    conditions = {"o": "answered AND b IS NOT NULL", "t": f"answered AND b IS NOT NULL AND source_no = {source_no}"}
    sides = {}
    for name, table in tables.items():
        columns = "any_value(a) AS a, any_value(a_last) AS a_last, any_value(answer) AS answer, any_value(duration) AS duration"
        where = f"FROM {table} WHERE {conditions[name]}"
        if level == "caller":
            sides[name] = f"SELECT b, a AS same, {columns} {where} AND a IS NOT NULL GROUP BY b, same HAVING count(*) = 1"
        elif level == "called":
            sides[name] = f"SELECT b, true AS same, {columns} {where} GROUP BY b HAVING count(*) = 1"
        else:
            sides[name] = (
                f"SELECT b, true AS same, a, a_last, answer, duration {where} WINDOW one AS (PARTITION BY b ORDER BY duration)"
                f" QUALIFY coalesce(duration - lag(duration) OVER one > {ALONE_MS}, true)"
                f" AND coalesce(lead(duration) OVER one - duration > {ALONE_MS}, true)"
            )
    return (
        "SELECT o.answer AS our_answer, t.answer - o.answer AS answer_delta,"
        " t.answer + t.duration - o.answer - o.duration AS release_delta"
        f" FROM ({sides['o']}) o JOIN ({sides['t']}) t ON o.b = t.b AND o.same = t.same"
        f" WHERE abs(t.duration - o.duration) <= {SAME_DURATION_MS} AND {A_COMPATIBLE}"
    )


def correct(room: Room, pieces: Sequence[Piece], sources: int) -> int:
    """Puts theirs on our clock: the relation matching_theirs. How many records keep two possible times (AMBIGUOUS_LOCAL)."""
    room.run(f"DROP VIEW IF EXISTS {THEIRS}")
    room.run(f"DROP TABLE IF EXISTS {THEIRS}")
    if len(pieces) == 1 and not pieces[0].drift_ppb:
        written = room.selects["theirs"]

        def select(source: str) -> str:
            return _shifted(f"SELECT *, 0 AS piece, false AS ambiguous FROM ({written(source)})", pieces)

        room.selects["theirs"] = select
        room.run(f"CREATE TEMP VIEW {THEIRS} AS {select(f'(SELECT rowid::INTEGER AS n, * FROM {RAW}_rows)')}")
        return 0
    del room.selects["theirs"]
    room.run(f"CREATE OR REPLACE TEMP TABLE matching_placed AS SELECT n, {_placement(pieces, sources)} AS piece FROM {RAW}")
    kept = _resolve(room, pieces) if room.number(f"SELECT count(*) FROM matching_placed WHERE piece <= {AMBIGUOUS}") else 0
    placed = f"SELECT r.*, p.piece, count(*) OVER (PARTITION BY r.n) > 1 AS ambiguous FROM {RAW} r JOIN matching_placed p USING (n)"
    if not kept:
        placed = f"SELECT r.*, p.piece, false AS ambiguous FROM {RAW} r JOIN matching_placed p USING (n)"
    room.run(f"CREATE TEMP TABLE {THEIRS} AS {_shifted(placed, pieces)}")
    room.run("DROP TABLE matching_placed")
    room.variants = kept > 0
    return kept


def _shifted(placed: str, pieces: Sequence[Piece]) -> str:
    """Records with their piece, their times moved by its offset. A drift grows with the time since its reference."""
    if len(pieces) == 1 and not pieces[0].drift_ppb:
        offset = f"{pieces[0].offset_ms}::BIGINT"
    else:
        offset = "CASE piece " + " ".join(f"WHEN {number} THEN {_offset(piece)}" for number, piece in enumerate(pieces)) + " END"
    times = ", ".join(f"{name} - offset_applied AS {name}" for name in ("setup", "answer", "release", "start", "anchor", "release_written"))
    return f"SELECT * REPLACE ({times}) FROM (SELECT *, {offset} AS offset_applied FROM ({placed}))"


def _offset(piece: Piece) -> str:
    if not piece.drift_ppb:
        return f"{piece.offset_ms}::BIGINT"
    divisor = 2 * (PPB + piece.drift_ppb)
    grown = f"(2 * {piece.drift_ppb} * (anchor - {piece.offset_ms + piece.reference_ms}) + {PPB + piece.drift_ppb})"
    # The quotient rounded down also below zero: // cuts towards zero.
    return f"({piece.offset_ms} + ({grown} - (({grown} % {divisor} + {divisor}) % {divisor})) // {divisor})"


def _placement(pieces: Sequence[Piece], sources: int) -> str:
    """The piece of a record by its source and time; below -1 the (negative, from -2) number of a pair of possible pieces."""
    cases = []
    for source_no in range(sources):
        numbers = [number for number, piece in enumerate(pieces) if piece.source == pieces[_first(pieces, source_no)].source]
        own = [pieces[number] for number in numbers]
        for stretch in fold.stretches(own):
            possible = [numbers[each] for each in stretch.pieces]
            name = possible[0] if len(possible) == 1 else _pair_code(possible[0], possible[-1], len(pieces))
            limits = [f"source_no = {source_no}"]
            limits += [] if stretch.until_ms is None else [f"anchor < {stretch.until_ms}"]
            cases.append(f"WHEN {' AND '.join(limits)} THEN {name}")
    return "CASE " + " ".join(cases) + " END"


def _first(pieces: Sequence[Piece], source_no: int) -> int:
    """The position of the first piece of a source: pieces are in the order of their sources."""
    names = list(dict.fromkeys(piece.source for piece in pieces))
    return next(number for number, piece in enumerate(pieces) if piece.source == names[source_no])


def _pair_code(one: int, other: int, count: int) -> int:
    return AMBIGUOUS - 1 - one * count - other


def _resolve(room: Room, pieces: Sequence[Piece]) -> int:
    """Settles records with two possible pieces by the order of their file; gives both to those it cannot settle, and counts them."""
    room.run(
        "CREATE OR REPLACE TEMP TABLE matching_spans AS SELECT min(anchor) AS low, max(anchor) AS high, file"
        f" FROM {RAW} JOIN matching_placed p USING (n) WHERE p.piece < {AMBIGUOUS} GROUP BY file"
    )
    found = room.arrays(
        "SELECT r.n, p.piece, r.file, r.anchor AS answer, coalesce(release_written, r.anchor + duration) AS release,"
        f" CASE WHEN answered THEN duration ELSE 0 END AS duration FROM {RAW} r JOIN matching_placed p USING (n) JOIN matching_spans s"
        f" USING (file) WHERE r.anchor BETWEEN low - {AROUND_MS} AND high + {AROUND_MS} ORDER BY r.file, place, r.cdr_id"
    )
    numbers, code, files = integers(found["n"]), integers(found["piece"]), integers(found["file"])
    answers, releases, durations = (integers(found[name]) for name in ("answer", "release", "duration"))
    pair = AMBIGUOUS - 1 - code
    open_ = code < AMBIGUOUS
    first = np.where(open_, pair // len(pieces), code)
    second = np.where(open_, pair % len(pieces), AMBIGUOUS)
    offsets = integers(np.array([piece.offset_ms for piece in pieces]))
    chosen = kernels.resolve(files, answers, releases, durations, first, second, offsets, np.empty(len(numbers), dtype=np.int64))
    settled = open_ & (chosen != AMBIGUOUS)
    doubtful = open_ & (chosen == AMBIGUOUS)
    both = np.concatenate((numbers[settled], numbers[doubtful], numbers[doubtful]))
    room.put("matching_resolved", n=both, piece=np.concatenate((chosen[settled], first[doubtful], second[doubtful])))
    room.run(f"DELETE FROM matching_placed WHERE piece < {AMBIGUOUS}")
    room.run("INSERT INTO matching_placed SELECT n, piece FROM matching_resolved")
    return int(np.count_nonzero(doubtful))
