"""Zones and periods against facts of the calendar; expected instants are worked out in the comments."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from importlib.resources import files

import numpy as np
import pytest

from tollbook.core.period import CYCLES, UTC, add_business_days, due_on, find_zone, parse_period, period_of, read_zone, roll_day
from tollbook.core.problem import Refusal
from tollbook.core.zone import AMBIGUOUS_LOCAL, EXACT, NONEXISTENT_LOCAL

LAB = "Zone LabNY -4:00 - EDT 2026 Nov 22 01:34:40u\n -5:00 - EST\n"


def ms(text: str) -> int:
    """The ms of an ISO text; a naive one counts as if it were UTC, as local readings do."""
    moment = dt.datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def column(*texts: str) -> np.ndarray:
    return np.array([ms(text) for text in texts], dtype=np.int64)


def test_local_midnight_follows_the_zone_of_its_date() -> None:
    april = dt.date(2025, 4, 1)
    assert find_zone("Europe/London").midnight_ms(april) == ms("2025-03-31T23:00Z")
    assert find_zone("Europe/Amsterdam").midnight_ms(april) == ms("2025-03-31T22:00Z")
    assert find_zone("America/New_York").midnight_ms(april) == ms("2025-04-01T04:00Z")
    assert UTC.midnight_ms(april) == ms("2025-04-01T00:00Z")


def test_a_reading_that_happens_twice_takes_the_first_and_is_flagged() -> None:
    amsterdam = find_zone("Europe/Amsterdam")
    local = column("2025-10-26T01:59:59.999", "2025-10-26T02:00", "2025-10-26T02:30", "2025-10-26T02:59:59.999", "2025-10-26T03:00")
    utc, quality = amsterdam.local_to_utc(local)
    expected = column("2025-10-25T23:59:59.999Z", "2025-10-26T00:00Z", "2025-10-26T00:30Z", "2025-10-26T00:59:59.999Z", "2025-10-26T02:00Z")
    assert utc.tolist() == expected.tolist()
    assert quality.tolist() == [EXACT, AMBIGUOUS_LOCAL, AMBIGUOUS_LOCAL, AMBIGUOUS_LOCAL, EXACT]
    assert amsterdam.local_to_utc(local, fold=1)[0][2] == ms("2025-10-26T01:30Z")


def test_a_skipped_reading_is_shifted_forward_by_the_gap_and_flagged() -> None:
    utc, quality = find_zone("Europe/Amsterdam").local_to_utc(column("2025-03-30T01:59:59", "2025-03-30T02:30", "2025-03-30T03:00"))
    # 02:30 does not exist; one hour later is 03:30 CEST, that is 01:30Z.
    assert utc.tolist() == column("2025-03-30T00:59:59Z", "2025-03-30T01:30Z", "2025-03-30T01:00Z").tolist()
    assert quality.tolist() == [EXACT, NONEXISTENT_LOCAL, EXACT]


@pytest.mark.parametrize(
    "name", ["Europe/Amsterdam", "America/Havana", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Asia/Beirut"]
)
def test_conversions_agree_with_the_standard_library(name: str) -> None:
    zone = find_zone(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        peer = zoneinfo.ZoneInfo.from_file(rules)
    steps = np.arange(ms("2023-01-01"), ms("2027-01-01"), 6 * 3_600_000 + 61_000, dtype=np.int64)
    local = zone.utc_to_local(steps)
    readings = [dt.datetime.fromtimestamp(each / 1000, peer).replace(tzinfo=dt.UTC) for each in steps.tolist()]
    assert [dt.datetime.fromtimestamp(each / 1000, dt.UTC) for each in local.tolist()] == readings
    back = [round(each.replace(tzinfo=peer, fold=0).timestamp() * 1000) for each in readings]
    assert zone.local_to_utc(local)[0].tolist() == back


def test_days_of_23_and_25_hours() -> None:
    amsterdam = find_zone("Europe/Amsterdam")
    assert parse_period("2025-03-30", amsterdam).hours == 23
    assert parse_period("2025-10-26", amsterdam).hours == 25
    assert parse_period("2025-10-26", UTC).hours == 24


def test_march_in_amsterdam_has_743_hours() -> None:
    march = parse_period("2025-03", find_zone("Europe/Amsterdam"))
    assert (march.from_ms, march.until_ms) == (ms("2025-02-28T23:00Z"), ms("2025-03-31T22:00Z"))
    assert march.hours == 743


def test_a_period_is_half_open() -> None:
    april = parse_period("2025-04", find_zone("Europe/London"))
    assert april.holds(april.from_ms)
    assert not april.holds(april.until_ms)

    assert period_of(ms("2025-03-31T22:59:59.999Z"), "MONTHLY", find_zone("Europe/London")).name == "2025-03"
    assert period_of(ms("2025-03-31T23:00Z"), "MONTHLY", find_zone("Europe/London")).name == "2025-04"


@pytest.mark.parametrize(
    ("cycle", "day", "name", "first", "last", "pay_day"),
    [
        ("IPRN_WEEKLY", "2025-03-07", "2025-03-W1", "2025-03-01", "2025-03-07", "2025-03-08"),
        ("IPRN_WEEKLY", "2025-03-08", "2025-03-W2", "2025-03-08", "2025-03-15", "2025-03-16"),
        ("IPRN_WEEKLY", "2025-03-22", "2025-03-W3", "2025-03-16", "2025-03-22", "2025-03-23"),
        ("IPRN_WEEKLY", "2024-02-29", "2024-02-W4", "2024-02-23", "2024-02-29", "2024-03-01"),
        ("SEMI_MONTHLY", "2025-03-15", "2025-03-A", "2025-03-01", "2025-03-15", "2025-03-16"),
        ("SEMI_MONTHLY", "2025-03-16", "2025-03-B", "2025-03-16", "2025-03-31", "2025-04-01"),
        ("WEEKLY", "2024-12-30", "2025-W01", "2024-12-30", "2025-01-05", "2025-01-06"),
        ("WEEKLY", "2026-11-22", "2026-W47", "2026-11-16", "2026-11-22", "2026-11-23"),
        ("DAILY", "2026-11-22", "2026-11-22", "2026-11-22", "2026-11-22", "2026-11-23"),
        ("MONTHLY", "2024-02-10", "2024-02", "2024-02-01", "2024-02-29", "2024-03-01"),
    ],
)
def test_cycles(cycle: str, day: str, name: str, first: str, last: str, pay_day: str) -> None:
    found = period_of(ms(f"{day}T12:00Z"), cycle, UTC)
    assert (found.name, str(found.first_day), str(found.last_day), str(found.pay_day)) == (name, first, last, pay_day)


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("name", ["Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_periods_of_a_cycle_join_without_gap_or_overlap_and_their_names_read_back(cycle: str, name: str) -> None:
    zone = find_zone(name)
    current = period_of(ms("2015-12-20T00:00Z"), cycle, zone)
    for _ in range(60):
        following = period_of(current.until_ms, cycle, zone)
        assert following.from_ms == current.until_ms
        assert parse_period(following.name, zone) == following
        assert period_of(following.until_ms - 1, cycle, zone) == following
        current = following


@pytest.mark.parametrize("name", ["2026-13", "2026-11-31", "2026-W54", "2026-11-W5", "November", "", "2026-11-C"])
def test_a_text_that_names_no_period_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="PERIOD_UNKNOWN"):
        parse_period(name, UTC)


def test_due_dates() -> None:
    assert due_on(dt.date(2025, 4, 30), 30) == dt.date(2025, 5, 30)
    assert due_on(dt.date(2025, 4, 3), 45, end_of_month=True) == dt.date(2025, 6, 14)
    # 2025-05-31 is a Saturday.
    saturday = dt.date(2025, 5, 31)
    assert roll_day(saturday, "NONE") == saturday
    assert roll_day(saturday, "FOLLOWING") == dt.date(2025, 6, 2)
    assert roll_day(saturday, "PRECEDING") == dt.date(2025, 5, 30)
    assert roll_day(saturday, "MODIFIED_FOLLOWING") == dt.date(2025, 5, 30)
    assert roll_day(saturday, "MODIFIED_FOLLOWING", {dt.date(2025, 5, 30)}) == dt.date(2025, 5, 29)


def test_business_days() -> None:
    may_day, new_year = dt.date(2025, 5, 1), dt.date(2026, 1, 1)
    assert add_business_days(dt.date(2025, 3, 31), 3) == dt.date(2025, 4, 3)
    assert add_business_days(dt.date(2025, 4, 30), 3, {may_day}) == dt.date(2025, 5, 6)
    assert add_business_days(dt.date(2025, 4, 30), 3) == dt.date(2025, 5, 5)
    assert add_business_days(dt.date(2025, 12, 31), 3, {new_year}) == dt.date(2026, 1, 6)


def test_a_zone_document_with_a_step_back() -> None:
    zone, problems = read_zone(LAB, "labny.zi")
    assert (zone.name, problems, zone.offsets_s) == ("LabNY", [], (-4 * 3600, -5 * 3600))
    assert zone.changes_ms == (ms("2026-11-22T01:34:40Z"),)
    # 21:34:39 happens once before the step and once an hour later; 21:34:40 only after it; 20:34:39 only before it.
    utc, quality = zone.local_to_utc(column("2026-11-21T21:34:39", "2026-11-21T21:34:40", "2026-11-21T20:34:39", "2026-11-21T20:34:40"))
    assert utc.tolist() == column("2026-11-22T01:34:39Z", "2026-11-22T02:34:40Z", "2026-11-22T00:34:39Z", "2026-11-22T00:34:40Z").tolist()
    assert quality.tolist() == [AMBIGUOUS_LOCAL, EXACT, EXACT, AMBIGUOUS_LOCAL]
    assert zone.change_near(ms("2026-11-22T01:36:00Z"), 300_000) == -3_600_000
    assert zone.change_near(ms("2026-11-22T01:40:00Z"), 300_000) is None


def test_until_is_wall_clock_unless_it_says_otherwise() -> None:
    text = "Zone A 1:00 1:00 CEST 2025 Oct 26 3:00{}\n 1:00 - CET"
    assert read_zone(text.format(""))[0].changes_ms == (ms("2025-10-26T01:00Z"),)
    assert read_zone(text.format("w"))[0].changes_ms == (ms("2025-10-26T01:00Z"),)
    assert read_zone(text.format("s"))[0].changes_ms == (ms("2025-10-26T02:00Z"),)
    assert read_zone(text.format("u"))[0].changes_ms == (ms("2025-10-26T03:00Z"),)


def test_one_of_several_zones_by_name() -> None:
    text = "# two zones\nZone A 1:00 - A\nZone B 2:00 - B  # and a remark\n"
    assert read_zone(text, name="B")[0].offsets_s == (7200,)
    with pytest.raises(Refusal, match="zone named 'C'"):
        read_zone(text, name="C")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "ZONE_UNREADABLE"),
        ("-4:00 - EDT", "ZONE_UNREADABLE"),
        ("Zone A", "ZONE_UNREADABLE"),
        ("Zone A noon - A", "ZONE_UNREADABLE"),
        ("Zone A 99:00 - A", "ZONE_UNREADABLE"),
        ("Zone A 1:00 EU CE%sT", "ZONE_RULES"),
        ("Zone A 1:00 - CET 2026 Nov 22", "ZONE_UNREADABLE"),
        ("Zone A 1:00 - CET\n 2:00 - X", "ZONE_UNREADABLE"),
        ("Zone A 1:00 - CET 2026 Nov lastSun\n 2:00 - X", "ZONE_UNREADABLE"),
        ("Zone A 1:00 - CET 2026 Foo 1\n 2:00 - X", "ZONE_UNREADABLE"),
        ("Zone A 1:00 - A 2026 Nov 2\n 2:00 - B 2026 Nov 1\n 3:00 - C", "ZONE_UNREADABLE"),
    ],
)
def test_a_zone_document_that_does_not_say_every_offset_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_zone(text, "x.zi")
    assert refusal.value.problems[0].code == code


@pytest.mark.parametrize("name", ["Europe/Amsterdm", "", "../../etc/passwd", "/etc/passwd", "Europe", "zone.tab"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="ZONE_UNKNOWN"):
        find_zone(name)
