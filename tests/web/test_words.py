"""Words of closed lists, scopes, journal rows and steps of a price as people read them; the figures beside an axis."""

from __future__ import annotations

from fractions import Fraction

import pytest
from django.utils.safestring import mark_safe

from tollbook.web import chart, words


@pytest.mark.parametrize(
    ("word", "said"), [("IN", "From customer"), ("OUT", "To supplier"), ("UNDER_REVIEW", "Under review"), ("True", "yes"), ("noc", "NOC")]
)
def test_a_word_of_a_closed_list(word: str, said: str) -> None:
    assert words.human(word) == said


def test_a_scope_says_whose_calls_it_has() -> None:
    assert words.scope("aurora/OUT/2026-11") == "aurora, to supplier, 2026-11"
    assert words.scope("nordtel/IN/OURS/2026-11") == "nordtel, from customer, our records, 2026-11"


def test_a_journal_row_in_words() -> None:
    assert words.action("user.invite") == "Invite user"
    assert words.action("run rating") == "Run rating"
    assert words.action("user.create-owner") == "Make the owner"
    assert words.subject("INVOICE invoice nordtel 2026-11") == "Invoice nordtel 2026-11"
    assert words.subject("user/auditor") == "auditor"
    assert words.subject("aurora/OUT/2026-11") == "aurora, to supplier, 2026-11"
    assert words.subject("CLOSE close 2026-11 " + "4b" * 32 + " complete") == "Close 2026-11 4b4b4b4b4b4b complete"
    assert words.subject("aurora: aurora_cdr_2026-11.csv.gz") == "aurora: aurora_cdr_2026-11.csv.gz"


def test_a_step_of_a_price_names_its_rules() -> None:
    assert words.step("rounded HALF_UP to 6 places") == "rounded half up to 6 places"
    assert words.step("in force since 2026-11-01T00:00:00Z, row 7") == "in force since 2026-11-01 00:00 UTC, row 7"
    assert words.step("2026-11-22T01:37:26Z") == "2026-11-22 01:37:26 UTC"
    assert words.step("1 + ceil((6 s - 1) / 1) x 1") == "1 + ceil((6 s - 1) / 1) x 1"


def test_only_words_of_closed_lists_are_translated() -> None:
    assert words.value("duration_source", "RECORDED") == "as the switch recorded it"
    assert words.value("a_class", "TOLLFREE_CLI") == "tollfree CLI"
    assert words.value("trunk", "IN") == "IN", "a trunk may be called so"


def test_a_length_is_in_seconds_and_a_callers_source_in_words() -> None:
    assert words.value("duration_ms", "181000") == "181 s"
    assert words.value("duration_ms", "5096") == "5.096 s"
    assert words.value("a_source", "FROM") == "the From header"
    assert words.value("a_source", "from") == "the field “from”", "the name of the source's own column"
    assert words.field("a_source") == "Caller taken from"


def test_days_and_periods_are_not_broken() -> None:
    assert words.dates("Aurora, 2026-11") == 'Aurora, <span class="nowrap">2026-11</span>'
    assert words.dates("from 2026-11-22 on") == 'from <span class="nowrap">2026-11-22</span> on'
    assert words.dates("AV-2026-11-0187 & <b>") == "AV-2026-11-0187 &amp; &lt;b&gt;", "a number is no date, and nothing is taken as HTML"
    box = mark_safe('<input aria-label="Choose Rate, Aurora, 2026-11">')
    assert words.dates(box) == box, "what is HTML already is not broken up"


def test_numbers_of_calls_states_and_documents_in_words() -> None:
    assert (words.calls(1), words.calls(9_076)) == ("1 call", "9,076 calls")
    assert words.human("ESCALATED_L1") == "Escalated, level 1"
    assert words.document_kind("RECEIVED_INVOICE", to_partner=True) == "Your invoice"
    assert words.document_kind("RECEIVED_INVOICE") == "Received invoice"
    assert words.share(Fraction(-1, 8)) == "−12.5"
    assert words.lower_first("Hour (UTC)") == "hour (UTC)"
    assert words.lower_first("ASR") == "ASR"


@pytest.mark.parametrize(("highest", "top"), [(4, 4), (5, 8), (10, 12), (687, 800), (800, 800), (801, 1000), (1_001, 2_000)])
def test_the_axis_ends_at_a_round_figure(highest: int, top: int) -> None:
    series = [chart.Series("Revenue", [highest], [str(highest)], "s1")]
    picture = chart.days(["11-21"], series, "Revenue")
    assert f">{top}</text>" in picture


def test_a_rounding_is_a_sentence_and_increments_are_words() -> None:
    assert words.rounding("CALL(6) HALF_UP") == "The contract rounds the charge of each call half up to 6 decimals."
    assert words.rounding("DOCUMENT(2) HALF_EVEN") == "The contract rounds the whole document half to even to 2 decimals."
    assert words.rounding("something else") == ""
    assert words.increments("60/1") == "at least 60 s, then by 1 s"
    assert words.increments("1/1") == "by the second"
    assert words.increments("6/6") == "by 6 s"
    assert words.increments("flat") == "flat"


def test_a_verification_speaks_of_partners_and_not_of_scopes() -> None:
    check = "Rating of aurora/OUT/2026-11: 15,554 charge rows come out again."
    assert (
        words.verified(check, {"aurora": "Aurora Voice"}) == "Rating of Aurora Voice, to supplier, 2026-11: 15,554 charges come out again."
    )
    check = "Mediation of gulfrt/IN/OURS/2026-11-B: 42 mark rows come out again."
    assert words.verified(check, {}) == "Mediation of gulfrt, from customer, our records, 2026-11-B: 42 marks come out again."
    assert words.verified("The result digest is that of the results listed.", {}) == "The result digest is that of the results listed."


def test_every_right_is_something_one_may_do() -> None:
    from tollbook.core.rights import Right

    told = [words.right(str(each)) for each in Right]
    assert len(set(told)) == len(told)
    assert not [each for each in told if "-" in each or not each[0].isupper()]


def test_a_comparison_beside_its_partner() -> None:
    assert words.compared("aurora/OUT/2026-11") == "Calls to supplier, 2026-11"
    assert words.scope("aurora/OUT/2026-11", "Aurora Voice") == "Aurora Voice, to supplier, 2026-11"
