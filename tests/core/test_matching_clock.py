"""Clock offsets: pieces, steps, kinds, drift, and the histogram that stands in for identifiers."""

from __future__ import annotations

import numpy as np
import pytest

from tollbook.core.matching import histogram
from tollbook.core.matching.drift import residuals, slope_ppb
from tollbook.core.matching.finding import of_pieces
from tollbook.core.matching.fold import Stretch, resolve, stretches
from tollbook.core.matching.offset import Sample, classify, detect
from tollbook.core.matching.piece import Piece, nearest
from tollbook.core.matching.step import find_cuts, median
from tollbook.core.zone import Zone

HOUR = 3_600_000
START = 1_741_600_000_000


def sample(offsets: np.ndarray, every_ms: int = 1000, spread_ms: int = 0, seed: int = 1) -> Sample:
    random = np.random.default_rng(seed)
    noise = random.integers(-spread_ms, spread_ms + 1, len(offsets)) if spread_ms else np.zeros(len(offsets), dtype=np.int64)
    deltas = (offsets + noise).astype(np.int64)
    return Sample(START + every_ms * np.arange(len(offsets)), deltas, deltas.copy())


@pytest.mark.parametrize(
    ("measured_ms", "kind"),
    [
        (999, "OK"),
        (-999, "OK"),
        (1_000, "CLOCK_SKEW"),
        (-1_700, "CLOCK_SKEW"),
        (299_999, "CLOCK_SKEW"),
        (300_000, "OFFSET_UNKNOWN"),
        (599_999, "OFFSET_UNKNOWN"),
        (600_000, "TIMEZONE_SHIFT"),
        (900_000, "TIMEZONE_SHIFT"),
        (1_200_000, "TIMEZONE_SHIFT"),
        (1_300_000, "OFFSET_UNKNOWN"),
        (3_600_000, "TIMEZONE_SHIFT"),
        (20_700_000, "TIMEZONE_SHIFT"),  # +05:45
        (-14_398_300, "TIMEZONE_SHIFT"),
    ],
)
def test_kinds_of_offsets(measured_ms: int, kind: str) -> None:
    assert classify(measured_ms, np.full(100, measured_ms)) == kind


def test_offsets_that_scatter_are_unstable() -> None:
    # 59 of 100 within a minute of the offset, 41 elsewhere.
    deltas = np.concatenate((np.full(59, 1700), np.arange(41) * 200_000 + 200_000))
    assert classify(1700, deltas) == "OFFSET_UNSTABLE"
    assert classify(1700, np.concatenate((np.full(60, 1700), np.arange(40) * 200_000 + 200_000))) == "CLOCK_SKEW"


def test_median_of_an_even_count_rounds_down() -> None:
    assert median(np.array([1, 2, 4, 9])) == 3
    assert median(np.array([-3, 0])) == -2
    assert median(np.array([5, 1, 3])) == 3


@pytest.mark.parametrize("quarters", [-48, -16, -1, 1, 4, 23])
def test_whole_quarter_hours_are_a_zone(quarters: int) -> None:
    pieces = detect(sample(np.full(500, quarters * 900_000), spread_ms=200), "s", "IDS")
    assert [piece.kind for piece in pieces] == ["TIMEZONE_SHIFT"]
    assert abs(pieces[0].offset_ms - quarters * 900_000) <= 20
    assert abs(pieces[0].skew_ms) <= 20


def test_five_hundred_pairs_an_hour_off() -> None:
    piece = detect(sample(np.full(500, HOUR)), "s", "IDS")[0]
    assert (piece.kind, piece.offset_ms, piece.skew_ms) == ("TIMEZONE_SHIFT", HOUR, 0)


@pytest.mark.parametrize("step_ms", [HOUR, -HOUR, 1_800_000, 7 * 900_000])
def test_a_step_in_the_middle_is_found_to_the_second(step_ms: int) -> None:
    offsets = np.where(np.arange(900) < 350, 1700, 1700 + step_ms)
    pieces = detect(sample(offsets, spread_ms=300), "s", "IDS")
    assert len(pieces) == 2
    assert abs((pieces[1].from_ms or 0) - (START + 350_000)) <= 1000
    assert pieces[0].until_ms == pieces[1].from_ms
    assert (pieces[1].step, pieces[1].step_ms) == ("ZONE_STEP", step_ms)
    assert all(abs(piece.skew_ms - 1700) <= 50 for piece in pieces)


def test_a_step_at_the_season_of_the_zone() -> None:
    change = START + 350_000
    zone = Zone("Test/Zone", (change,), (-14_400, -18_000))
    offsets = np.where(np.arange(900) < 350, 1700, 1700 - HOUR)
    assert detect(sample(offsets), "s", "IDS", zone)[1].step == "DST_SHIFT"
    far = Zone("Test/Zone", (change + HOUR // 2,), (-14_400, -18_000))
    assert detect(sample(offsets), "s", "IDS", far)[1].step == "ZONE_STEP"


def test_two_steps_and_outliers() -> None:
    offsets = np.full(1500, 0)
    offsets[400:900] = -HOUR
    offsets[::17] += 500_000
    pieces = detect(sample(offsets, spread_ms=200), "s", "IDS")
    assert [piece.step for piece in pieces] == ["", "ZONE_STEP", "ZONE_STEP"]
    assert [piece.step_ms for piece in pieces] == [0, -HOUR, HOUR]


def test_a_piece_has_at_least_thirty_pairs() -> None:
    offsets = np.full(200, 0)
    offsets[:20] = HOUR
    assert find_cuts(START + np.arange(200) * 1000, offsets) == []
    assert detect(sample(np.full(29, HOUR)), "s", "IDS")[0].kind == "OFFSET_INSUFFICIENT"
    assert detect(sample(np.full(30, HOUR)), "s", "IDS")[0].kind == "TIMEZONE_SHIFT"


def test_a_clock_set_by_ninety_seconds() -> None:
    pieces = detect(sample(np.where(np.arange(400) < 200, 0, 90_000)), "s", "IDS")
    assert [(piece.kind, piece.step) for piece in pieces] == [("OK", ""), ("CLOCK_SKEW", "CLOCK_STEP")]


@pytest.mark.parametrize("parts_per_million", [51, -80, 400])
def test_drift(parts_per_million: int) -> None:
    instants = np.arange(4000) * 20_000  # 22 hours
    offsets = 1700 + instants * parts_per_million // 1_000_000
    piece = detect(sample(offsets, every_ms=20_000, spread_ms=300), "s", "IDS")[0]
    assert piece.kind == "CLOCK_DRIFT"
    assert abs(piece.drift_ppb - parts_per_million * 1000) <= 1000
    for instant in (0, 40_000_000, 79_000_000):
        theirs = START + instant + 1700 + instant * parts_per_million // 1_000_000
        assert abs(piece.ours(theirs) - (START + instant)) <= 50
        assert abs(piece.offset_at(START + instant) - (theirs - START - instant)) <= 50


def test_the_slope_is_exact_on_a_line() -> None:
    instants = START + np.arange(1000) * 60_000
    deltas = 5_000 + np.arange(1000) * 6  # 6 ms a minute are 100 ppm
    assert slope_ppb(instants, deltas) == 100_000
    assert set(residuals(instants, deltas, 100_000, START).tolist()) == {5_000}


def test_too_slow_a_drift_and_too_short_a_piece_are_none() -> None:
    instants = np.arange(4000) * 20_000
    assert detect(sample(1700 + instants * 45 // 1_000_000, 20_000), "s", "IDS")[0].kind == "CLOCK_SKEW"
    short = np.arange(2000) * 10_000  # 5.5 hours
    assert detect(sample(1700 + short * 80 // 1_000_000, 10_000), "s", "IDS")[0].kind == "CLOCK_SKEW"


def test_an_hour_counted_from_another_event_is_no_drift() -> None:
    """In the last third the answers are 6 s early: a line through all of them would be steep, but it fits nobody."""
    offsets = np.where(np.arange(4000) < 2700, 1700, 1700 - 6000)
    piece = detect(sample(offsets, every_ms=20_000, spread_ms=200), "s", "IDS")[0]
    assert piece.kind == "CLOCK_SKEW"
    assert abs(piece.offset_ms - 1700) <= 20


def test_releases_tell_the_clock_where_answers_scatter() -> None:
    """Theirs counts from the INVITE, 0.5 to 20 s before the answer, and its clock is 2.3 s slow."""
    random = np.random.default_rng(5)
    ringing = random.integers(500, 20_000, 1000)
    answers = START + np.arange(1000) * 1000
    found = detect(Sample(answers, -2300 - ringing, np.full(1000, -2300)), "s", "IDS")[0]
    assert (found.kind, found.offset_ms) == ("CLOCK_SKEW", -2300)


def test_truncated_seconds_of_one_side_do_not_bias() -> None:
    random = np.random.default_rng(7)
    ours = START + np.sort(random.integers(0, 3_600_000, 2000))
    theirs = ours + 1700
    for our_grain, their_grain in ((1, 1000), (1000, 1), (1000, 1000)):
        one, other = ours // our_grain * our_grain, theirs // their_grain * their_grain
        piece = detect(Sample(one, other - one, other - one), "s", "IDS")[0]
        assert abs(piece.offset_ms - 1700) <= 50


def test_nearest_rounds_halves_up() -> None:
    assert [nearest(value, 10) for value in (-15, -14, -5, 5, 14, 15)] == [-1, -1, 0, 1, 1, 2]


def test_histogram_needs_agreement() -> None:
    agreeing = np.full(60, 20_700_000)
    scattered = np.arange(40) * 700_000 - 14_000_000
    chosen = histogram.agreeing(np.concatenate((agreeing, scattered)))
    assert chosen is not None
    assert chosen[:60].all()
    assert not chosen[60:].any()
    assert histogram.agreeing(np.concatenate((agreeing[:50], scattered))) is None
    assert histogram.agreeing(agreeing[:29]) is None
    assert histogram.agreeing(np.full(60, 16 * HOUR)) is None


def test_histogram_of_two_levels() -> None:
    """A zone that changes within the file: 55 and 40 of 100, neither alone is enough."""
    deltas = np.concatenate((np.full(55, 1700), np.full(40, 1700 - HOUR), np.arange(5) * 900_000 + 3 * HOUR))
    chosen = histogram.agreeing(deltas)
    assert chosen is not None
    assert int(chosen.sum()) == 95


def piece(from_ms: int | None, until_ms: int | None, offset_ms: int) -> Piece:
    return Piece("s", from_ms, until_ms, "CLOCK_SKEW", offset_ms, offset_ms, 100, "IDS")


def test_stretches_of_a_clock_that_goes_back() -> None:
    cut = START
    found = stretches([piece(None, cut, 0), piece(cut, None, -HOUR)])
    # What reads between an hour before the change and the change happens twice, a little more with the margin of 5 s.
    assert found == [
        Stretch(None, cut - HOUR - 5000, (0,)),
        Stretch(cut - HOUR - 5000, cut + 5000, (0, 1)),
        Stretch(cut + 5000, None, (1,)),
    ]


def test_stretches_of_a_clock_that_goes_forward() -> None:
    cut = START
    found = stretches([piece(None, cut, 0), piece(cut, None, HOUR)])
    middle = cut + HOUR // 2
    assert [(each.until_ms, each.pieces) for each in found] == [(cut + 5000, (0,)), (middle, (0,)), (cut + HOUR - 5000, (1,)), (None, (1,))]


def folded(true_releases: list[int], change: int, twice_from: int, duration: int = 30_000) -> tuple[list[int], list[int]]:
    """Resolved pieces and the true ones: their clock goes back an hour at `change`; readings after `twice_from` are ambiguous."""
    releases = np.array(true_releases)
    answers = releases - duration
    offsets = np.array([0, -HOUR])
    true = (answers >= change).astype(int)
    read_answers = answers + offsets[true]
    read_releases = releases + offsets[(releases >= change).astype(int)]
    ambiguous = (read_answers >= twice_from) & (read_answers < change)
    first, second = np.where(ambiguous, 0, true), np.where(ambiguous, 1, -1)
    count = len(releases)
    files, durations = np.zeros(count, dtype=np.int64), np.full(count, duration)
    found = resolve(files, read_answers, read_releases, durations, first, second, offsets, np.empty(count, dtype=np.int64))
    return found.tolist(), true.tolist()


def test_the_order_of_the_file_tells_the_hour() -> None:
    minutes = [START + minute * 60_000 for minute in range(-180, 180)]
    found, true = folded(minutes, START, START - HOUR)
    assert found == true


def test_a_file_shorter_than_the_fold() -> None:
    """Every reading is ambiguous; only the jump back between two neighbours tells."""
    minutes = [START + minute * 30_000 for minute in range(-20, 20)]
    found, true = folded(minutes, START, START - HOUR)
    assert found == true


def test_a_file_without_the_jump_keeps_both() -> None:
    minutes = [START + minute * 30_000 for minute in range(-40, -10)]
    assert folded(minutes, START, START - HOUR)[0] == [-1] * 30


def test_a_file_without_order_keeps_both() -> None:
    random = np.random.default_rng(2)
    shuffled = [START + int(minute) * 60_000 for minute in random.permutation(np.arange(-600, 600))]
    found, _ = folded(shuffled, START, START - HOUR)
    assert found.count(-1) == 120


def test_findings_of_pieces() -> None:
    step = Piece("s", START, None, "TIMEZONE_SHIFT", 1700 - HOUR, 1700 - HOUR, 50, "IDS", step="DST_SHIFT", step_ms=-HOUR)
    found = of_pieces([piece(None, START, 1700), step])
    assert [(each.code, each.value_ms) for each in found] == [
        ("CLOCK_SKEW", 1700),
        ("DST_SHIFT", -HOUR),
        ("TIMEZONE_SHIFT", -HOUR),
        ("CLOCK_SKEW", 1700),
    ]
    assert found[1].as_problem().value == "-3600000 ms"
