"""The schema-drift sentinel: a changed export is noticed before it costs money."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.formats.cdr.drift import check_columns
from tollbook.formats.cdr.profile import built_in, load_profile

DATA = Path(__file__).parents[2] / "data" / "cdr"
AURORA = (DATA / "carrier_b_cdr.csv").read_text().split("\n")[0].split(",")


def drift(columns: list[str], name: str = "aurora.toml") -> list[tuple[str, str]]:
    profile = load_profile(DATA / name) if name.endswith(".toml") else built_in(name)
    return [(each.code, each.place.column) for each in check_columns(columns, profile, "x.csv")]


def test_a_header_as_the_profile_knows_it() -> None:
    assert drift(AURORA) == []
    assert drift(list(reversed(AURORA))) == []


def test_a_new_column_and_a_lost_one() -> None:
    assert drift([*AURORA, "surcharge"]) == [("CDR_COLUMN_NEW", "surcharge")]
    assert drift([each for each in AURORA if each != "charging_id"]) == [("CDR_COLUMN_LOST", "charging_id")]


def test_a_renamed_column_is_lost_and_new_and_the_loss_names_the_likely_one() -> None:
    renamed = [each.replace("bill_sec", "bill_secs") for each in AURORA]
    profile = load_profile(DATA / "aurora.toml")
    lost, new = check_columns(renamed, profile, "x.csv")
    assert (lost.code, lost.place.column, new.code, new.place.column) == ("CDR_COLUMN_LOST", "bill_sec", "CDR_COLUMN_NEW", "bill_secs")
    assert "but bill_secs" in lost.reason


@pytest.mark.parametrize(("gone", "said"), [(["connect_ts", "release_ts"], "No time"), (["b_number"], "No called number")])
def test_without_a_time_or_a_called_number_nothing_can_be_read(gone: list[str], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refusal:
        drift([each for each in AURORA if each not in gone])
    assert refusal.value.problems[0].code == "CDR_COLUMN_NEEDED"


def test_events_need_what_pairs_them() -> None:
    with pytest.raises(Refusal, match="CDR_COLUMN_NEEDED"):
        drift(["id", "method", "callid", "sip_code", "time", "from_tag"], "kamailio-acc")
    # Events without numbers can still be counted and matched by their Call-ID.
    columns = ["id", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time"]
    assert drift(columns, "kamailio-acc") == [("CDR_COLUMN_LOST", "callee, dst_number")]


def test_any_subset_of_the_canonical_columns_is_a_file() -> None:
    assert drift(["answer_at", "b_e164"], "canonical") == []
    assert drift(["answer_at", "b_e164", "remark"], "canonical") == [("CDR_COLUMN_NEW", "remark")]
