"""Agreements: every term is read exactly, and no term is ever lost or guessed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tollbook.core.agreement import Clause, RoundAt
from tollbook.core.agreement_keys import KEPT_TABLES, MONEY_TABLES, TABLES
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.problem import Refusal

WHOLE = """\
format = "tollbook-agreement/1"
id = "A-7"
version = "2"
partner = "aurora"
effective_from = "2026-03-01"
zone = "Europe/Amsterdam"
currency = "EUR"

[rating]
clause = "3"
price_anchor = "SETUP"
round_at = "LINE(2)"
rounding = "HALF_EVEN"

[decks.buy]
clause = "4"
deck = "buy.csv"
notice_days = 14

[tolerance]
clause = "5"
minutes_pct = 0.3
line_amount = 12.5

[dispute]
clause = "5"
from = "INVOICE_RECEIVED"

[matching]
callid_rewrite = [['^(.*)-b2b_1$', '\\1']]

[clauses."3"]
title = "Rating"
text = "Calls are priced by the rate in force at set-up."
[clauses."4"]
title = "Rates"
text = "Fourteen days of notice."
[clauses."5"]
title = "Differences"
text = "Differences within the error budget stand."
"""
SHORTEST = 'format = "tollbook-agreement/1"\nid = "a"\npartner = "p"\ncurrency = "USD"\n'


def codes(text: str) -> dict[str, int | None]:
    with pytest.raises(Refusal) as caught:
        read_agreement(text, "a.toml")
    return {each.code: each.place.number for each in caught.value.problems}


def test_every_term_is_read() -> None:
    agreement, problems = read_agreement(WHOLE, "a.toml")
    assert problems == []
    assert agreement.rating.price_anchor == "SETUP"
    assert agreement.rating.round_at == RoundAt("LINE", 2)
    assert agreement.buy is not None
    assert (agreement.buy.deck, agreement.buy.notice_days) == ("buy.csv", 14)
    assert agreement.sell is None
    assert agreement.tolerance.minutes_pct == Fraction(3, 10), "0.3 is three tenths, not a binary float"
    assert agreement.tolerance.line_amount_micros == 12_500_000
    assert agreement.dispute.window_from == "INVOICE_RECEIVED"
    assert agreement.matching.callid_rewrite == (("^(.*)-b2b_1$", "\\1"),)
    assert agreement.clauses["3"] == Clause("Rating", "Calls are priced by the rate in force at set-up.")
    # Midnight of 1 March in Amsterdam is 23:00 UTC of 28 February 2026, which is 1,772,319,600 s after 1970.
    assert agreement.effective_from == 1_772_319_600_000


def test_the_shortest_agreement_has_the_documented_defaults() -> None:
    agreement, problems = read_agreement(SHORTEST)
    assert problems == []
    assert (agreement.zone, str(agreement.rating.round_at), agreement.rating.rounding) == ("UTC", "CALL(6)", "HALF_UP")
    assert (agreement.tolerance.minutes_pct, agreement.tolerance.value_pct) == (Fraction(3, 10), Fraction(1, 5))


def test_another_text_is_another_digest() -> None:
    assert read_agreement(SHORTEST)[0].digest != read_agreement(SHORTEST + "# x\n")[0].digest


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("price_anchor", "price_ancher"), "AGREEMENT_KEY_UNKNOWN", 11),
        (("[tolerance]", "[tolerence]"), "AGREEMENT_KEY_UNKNOWN", 20),
        (('"SETUP"', '"setup"'), "AGREEMENT_VALUE", 11),
        (('"LINE(2)"', '"LINE(9)"'), "AGREEMENT_VALUE", 12),
        (("minutes_pct = 0.3", "minutes_pct = 101"), "AGREEMENT_VALUE", 22),
        (("minutes_pct = 0.3", "minutes_pct = true"), "AGREEMENT_VALUE", 22),
        (("notice_days = 14", "notice_days = -1"), "AGREEMENT_VALUE", 18),
        (('"2026-03-01"', '"01.03.2026"'), "AGREEMENT_VALUE", 5),
        (('"EUR"', '"Euro"'), "AGREEMENT_VALUE", 7),
        (("'^(.*)", "'(.*)"), "AGREEMENT_VALUE", 30),
        (('partner = "aurora"', ""), "AGREEMENT_KEY_MISSING", None),
        (("tollbook-agreement/1", "tollbook-agreement/9"), "AGREEMENT_FORMAT", 1),
        (('id = "A-7"', "id = "), "AGREEMENT_NOT_TOML", 2),
    ],
)
def test_a_term_that_would_be_lost_or_guessed_is_refused_with_its_line(change: tuple[str, str], code: str, line: int | None) -> None:
    assert codes(WHOLE.replace(*change)).get(code, "absent") == line


def test_all_fatal_findings_come_at_once() -> None:
    broken = WHOLE.replace("price_anchor", "price_ancher").replace('"EUR"', '"Euro"')
    assert set(codes(broken)) == {"AGREEMENT_KEY_UNKNOWN", "AGREEMENT_VALUE"}


def test_a_money_table_without_its_clause_is_a_lint_problem() -> None:
    _, problems = read_agreement(WHOLE.replace('clause = "4"\n', ""))
    assert [(each.code, each.place.number) for each in problems] == [("AGREEMENT_CLAUSE_MISSING", 15)]
    _, problems = read_agreement(WHOLE.replace('clause = "4"', 'clause = "44"'))
    assert [(each.code, each.value) for each in problems] == [("AGREEMENT_CLAUSE_UNKNOWN", "44")]


@pytest.mark.parametrize("table", KEPT_TABLES)
def test_a_term_that_is_not_applied_says_so(table: str) -> None:
    _, problems = read_agreement(WHOLE + f"\n[{table}]\nx = 1\n")
    assert [each.code for each in problems] == ["AGREEMENT_TERM_NOT_APPLIED"]


def test_money_tables_can_all_name_a_clause() -> None:
    assert all("clause" in TABLES[table] for table in MONEY_TABLES)
