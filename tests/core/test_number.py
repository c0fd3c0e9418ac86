"""The seven steps on numbers as trunks carry them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from tollbook.core.number import Number, NumberFlag, NumberProfile, normalise
from tollbook.core.number_plan import plan_at

TODAY = plan_at(dt.date(2026, 11, 22))
ANY = NumberProfile()
EUROPE = NumberProfile(intl_prefixes=("00",))
US = NumberProfile(intl_prefixes=("011",), default_cc="1", national_prefix="1", assume="NATIONAL")
UK = NumberProfile(intl_prefixes=("00",), default_cc="44", national_prefix="0", assume="NATIONAL")
F = NumberFlag
GOLDEN = yaml.safe_load((Path(__file__).parent.parent / "golden" / "number" / "e164.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['raw']} {case['profile']}")
def test_golden(case: dict[str, object]) -> None:
    options = GOLDEN["profiles"][case["profile"]]
    profile = NumberProfile(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})
    found = normalise(str(case["raw"]), profile, TODAY)
    assert (found.e164, found.number_class) == (case["e164"], case["class"])
    assert {flag.name for flag in NumberFlag if found.flags & flag} == set(case["flags"])  # type: ignore[call-overload]


def read(raw: str | None, profile: NumberProfile = ANY, **options: object) -> tuple[str | None, str, int]:
    found = normalise(raw, profile, TODAY, **options)  # type: ignore[arg-type]
    return found.e164, found.number_class, found.flags


@pytest.mark.parametrize(
    ("raw", "profile", "e164", "flags"),
    [
        # A plus sign behind a tech prefix; a tech prefix that ends in # goes before a longer one that does not.
        ("9031#+2348081209575", NumberProfile(tech_prefixes=("9031#",)), "2348081209575", F.TECH_PREFIX),
        ("12#33123456789", NumberProfile(tech_prefixes=("12#331", "12#")), "33123456789", F.TECH_PREFIX),
        # Longest first: 0011 is Australia's way out, and 00 is not tried on what is left of it.
        ("0011442079460000", NumberProfile(intl_prefixes=("00", "0011")), "442079460000", F.INTERNATIONAL_PREFIX),
        ("8~10442079460000", NumberProfile(intl_prefixes=("810", "8~10")), "442079460000", F.INTERNATIONAL_PREFIX),
        ("sip:+46739176871@nordtel.example", ANY, "46739176871", F.URI),
        ('"Alice" <sip:%2B46739176871@nordtel.example;user=phone>', ANY, "46739176871", F.URI),
        ("tel:+46-73-917 68 71", ANY, "46739176871", F.URI | F.SEPARATORS),
        # Ten digits in Benin and no zero before them that is not theirs.
        ("2290197123456", EUROPE, "2290197123456", F(0)),
        ("99*33123456789", NumberProfile(strip_lead_regex=r"\d\d\*"), "33123456789", F.LEAD),
    ],
)
def test_valid_numbers(raw: str, profile: NumberProfile, e164: str, flags: NumberFlag) -> None:
    assert read(raw, profile) == (e164, "VALID", flags)


@pytest.mark.parametrize(
    ("raw", "e164", "number_class"),
    [
        ("442079", "442079", "INVALID_LENGTH"),
        ("6834123", "6834123", "VALID"),  # Niue: 3 + 4 digits, the shortest there is
        ("0123456789", "0123456789", "INVALID_CC"),
        ("21012345678", "21012345678", "INVALID_CC"),  # 210 is not assigned
        ("9031#2348081209575", None, "NON_NUMERIC"),  # an undeclared tech prefix is never stripped
        ("alice", None, "NON_NUMERIC"),
        ("٤٤٢٠٧٩٤٦٠٠٠٠", None, "NON_NUMERIC"),
        ("3,36692E+15", None, "DAMAGED"),
        ("442079460000.0", None, "DAMAGED"),
        ("", None, "MISSING"),
        (None, None, "MISSING"),
        ("anonymous", None, "NON_NUMERIC"),  # nobody can be called anonymous
    ],
)
def test_called_numbers_that_are_none(raw: str | None, e164: str | None, number_class: str) -> None:
    found = normalise(raw, ANY, TODAY)
    assert (found.e164, found.number_class) == (e164, number_class)


@pytest.mark.parametrize(
    ("raw", "e164", "number_class"),
    [
        ("+4688493874", "4688493874", "VALID"),
        ("anonymous", None, "ANONYMOUS"),
        ("sip:anonymous@anonymous.invalid", None, "ANONYMOUS"),
        ("sip:c8oqz84zk7z@anonymous.invalid", None, "ANONYMOUS"),
        ('"Anonymous" <sip:+4688493874@anonymous.invalid;user=phone>', None, "ANONYMOUS"),
        ("sip:+4688493874@ANONYMOUS.invalid;user=phone", None, "ANONYMOUS"),
        ("Restricted", None, "ANONYMOUS"),
        ("0", None, "ANONYMOUS"),
        ("", None, "MISSING"),
        ("  ", None, "MISSING"),
        ("1234", "1234", "INVALID_LENGTH"),
        ("33123", "33123", "VALID"),
        ("3312345678901234", "3312345678901234", "INVALID_LENGTH"),
        ("09991234567", "09991234567", "INVALID_CC"),
        ("callcentre7", None, "NON_NUMERIC"),
        ("18005550100", "18005550100", "TOLLFREE_CLI"),
        ("+18885550100", "18885550100", "TOLLFREE_CLI"),
        ("18065550100", "18065550100", "VALID"),
    ],
)
def test_calling_numbers(raw: str, e164: str | None, number_class: str) -> None:
    found = normalise(raw, NumberProfile(anonymous=("0",)), TODAY, is_cli=True)
    assert (found.e164, found.number_class) == (e164, number_class)


def test_routing_number_and_dip_indicator_stand_beside_the_dialled_number() -> None:
    found = normalise("sip:+13105550100;npdi;rn=+12125550000@host", ANY, TODAY)
    assert found == Number("13105550100", "VALID", F.URI, "12125550000", True)


def test_auto_takes_a_plausible_length_for_international_and_says_that_it_guessed() -> None:
    auto = NumberProfile(intl_prefixes=("00",), default_cc="44", national_prefix="0", assume="AUTO")
    assert read("33123456789", auto) == ("33123456789", "VALID", F.GUESSED)
    assert read("02079460000", auto) == ("442079460000", "VALID", F.GUESSED | F.NATIONAL_PREFIX)
    assert read("0033123456789", auto) == ("33123456789", "VALID", F.INTERNATIONAL_PREFIX)


def test_nature_of_address_decides_before_prefixes() -> None:
    assert read("33123456789", UK, nature=4) == ("33123456789", "VALID", F(0))
    assert read("2079460000", UK, nature=3) == ("442079460000", "VALID", F(0))
    assert read("0033123456789", UK, nature=2) == ("33123456789", "VALID", F.INTERNATIONAL_PREFIX)


def test_the_north_american_plan_has_no_00() -> None:
    assert read("0033123456789", US)[0] == "10033123456789"
    assert read("12125550100", US) == ("12125550100", "VALID", F.NATIONAL_PREFIX)


def test_repairs_follow_the_plan_of_the_day() -> None:
    before, after = plan_at(dt.date(2019, 8, 2)), plan_at(dt.date(2019, 8, 3))
    assert normalise("5215512345678", ANY, before).e164 == "5215512345678"
    assert normalise("5215512345678", ANY, after).e164 == "525512345678"
    # Gabon dropped its zero on 2019-11-15; before that it belonged to the number.
    assert normalise("241001123456", ANY, plan_at(dt.date(2019, 11, 14))).e164 == "241001123456"
    assert normalise("241001123456", ANY, plan_at(dt.date(2019, 11, 15))).e164 == "24101123456"
    assert normalise("38344123456", ANY, plan_at(dt.date(2010, 1, 1))).number_class == "INVALID_CC"
    assert normalise("38344123456", ANY, TODAY).number_class == "VALID"


def test_a_repair_happens_only_where_it_makes_the_lengths_fit() -> None:
    assert read("44012345678901")[0] == "44012345678901"  # 12 digits behind the code, 11 without the 0: neither fits
    assert read("390612345678")[2] == F(0)


def test_codes_of_no_country_are_codes() -> None:
    for digits in ("80012345678", "80812345678", "870123456789", "8811234567", "882136119641", "979123456789", "99112345678"):
        assert read(digits)[1] == "VALID"
