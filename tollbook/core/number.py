"""Numbers: from the digits a trunk carries to E.164, in seven steps, each change flagged. The steps are in docs/rules/numbers.md.

What was dialled is an artefact of a trunk (tech prefixes, 00, 011, a trunk 0), so it is read by the number profile of the trunk and
never by rules for all. A number that fails is kept as it stands with a class that says why; nothing is invented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import unquote

from tollbook.core.number_plan import NumberPlan

ASSUMPTIONS: Final = ("INTL", "NATIONAL", "AUTO")
# What a number is. DAMAGED lost its digits to a spreadsheet. The last three are for calling numbers only.
VALID: Final = "VALID"
NUMBER_CLASSES: Final = (
    VALID,
    "INVALID_LENGTH",
    "INVALID_CC",
    "NON_NUMERIC",
    "MISSING",
    "DAMAGED",
    "ANONYMOUS",
    "WITHHELD",
    "TOLLFREE_CLI",
)
CLI_MIN_LENGTH: Final = 5
TOLL_FREE_AREAS: Final = ("800", "833", "844", "855", "866", "877", "888")
ANONYMOUS_WORDS: Final = ("anonymous", "unavailable", "restricted", "withheld", "private", "unknown")

_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " .-()\t")
_DAMAGE = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+?\d+|\d{5,}\.0+")
_MEXICO_MOBILE: Final = "521"
# ISUP nature of address: 3 is a national number, 4 an international one; any other leaves the digits to the profile.
NATIONAL_NATURE: Final = 3
INTERNATIONAL_NATURE: Final = 4


class NumberFlag(IntFlag):
    """What was changed on the way to E.164."""

    URI = 1
    SEPARATORS = 2
    TRUNK_ZERO = 4  # the (0) written inside an international number
    TECH_PREFIX = 8
    LEAD = 16
    INTERNATIONAL_PREFIX = 32
    NATIONAL_PREFIX = 64
    GUESSED = 128
    REPAIRED = 256


# The same as plain integers: combining members of an enumeration costs more than all the other steps.
_URI, _SEPARATED, _TRUNK_ZERO, _TECH_PREFIX, _LEAD, _INTERNATIONAL, _NATIONAL, _GUESSED, _REPAIRED = (int(flag) for flag in NumberFlag)


class Number(NamedTuple):
    """A number read: its digits in international form (None where there are none), its class, and what was changed."""

    e164: str | None
    number_class: str
    flags: int  # NumberFlag
    routing_number: str | None = None
    npdi: bool = False


@dataclass(frozen=True)
class NumberProfile:
    """How one trunk writes numbers in one direction. Prefixes are tried longest first, tech prefixes that end in # before all.

    International prefixes that are not declared are 00 and 011 where numbers are assumed international, and 00 alone elsewhere, because
    011 also begins national numbers. `repairs` is whether step 6 is allowed: not for digits that the source says are E.164 already.
    """

    tech_prefixes: tuple[str, ...] = ()
    intl_prefixes: tuple[str, ...] | None = None
    national_prefix: str = ""
    default_cc: str = ""
    assume: str = "INTL"
    strip_lead_regex: str = ""
    min_len: int = 7
    max_len: int = 15
    anonymous: tuple[str, ...] = ()
    repairs: bool = True

    @cached_property
    def ordered_tech_prefixes(self) -> tuple[str, ...]:
        return tuple(sorted(self.tech_prefixes, key=lambda each: (not each.endswith("#"), -len(each), each)))

    @cached_property
    def ordered_intl_prefixes(self) -> tuple[str, ...]:
        # In the North American plan 00 reaches an operator, and 011 abroad.
        declared = self.intl_prefixes
        if declared is None:
            declared = ("00", "011") if self.assume == "INTL" else ("00",)
        usable = (each for each in declared if not (each == "00" and self.default_cc == "1"))
        return tuple(sorted(usable, key=lambda each: (-len(each), each)))

    @cached_property
    def anonymous_words(self) -> frozenset[str]:
        return frozenset(each.lower() for each in (*ANONYMOUS_WORDS, *self.anonymous))


def normalise(raw: str | None, profile: NumberProfile, plan: NumberPlan, *, is_cli: bool = False, nature: int | None = None) -> Number:
    """The seven steps for one number. `is_cli` reads it as a calling number, which may be withheld and may be shorter."""
    text = (raw or "").strip()
    if _DAMAGE.fullmatch(text):
        return Number(None, "DAMAGED", 0)
    user, parameters, flags = _user_part(text)
    if not user:
        return Number(None, "MISSING", flags)
    if is_cli and (user.lower() in profile.anonymous_words or "@anonymous.invalid" in text.lower()):
        return Number(None, "ANONYMOUS", flags)
    digits, changed = _without_separators(user, profile)
    digits, changed_again = _without_tech_prefix(digits, profile)
    flags |= changed | changed_again
    digits, changed = _international(digits, profile, plan, nature)
    flags |= changed
    if not (digits.isascii() and digits.isdigit()):
        return Number(None, "NON_NUMERIC", flags)
    repaired = _repaired(digits, plan) if profile.repairs else digits
    if repaired != digits:
        digits, flags = repaired, flags | _REPAIRED
    routing_number = next((each[3:].lstrip("+") for each in parameters if each.lower().startswith("rn=")), None)
    return Number(digits, number_class(digits, profile, plan, is_cli), flags, routing_number, "npdi" in parameters)


def _user_part(text: str) -> tuple[str, list[str], int]:
    """Step 1: the user part of a URI and its parameters; any other text as it is, with its parameters."""
    if text.isalnum():
        return text, [], 0
    inner = text[text.find("<") + 1 : text.rfind(">")] if "<" in text and text.endswith(">") else text
    bare = _SCHEME.sub("", inner, count=1) if _SCHEME.match(inner) else inner
    user, *parameters = bare.split("@", 1)[0].split(";")
    decoded = unquote(user).strip()
    flags = _URI if decoded != text else 0
    return decoded, [each.strip() for each in parameters], flags


def _without_separators(user: str, profile: NumberProfile) -> tuple[str, int]:
    """Step 1: visual separators, and before them the (0) that some write inside an international number."""
    flags = 0
    if "(0)" in user and user.translate(_SEPARATORS).startswith(("+", *profile.ordered_intl_prefixes)):
        user, flags = user.replace("(0)", "", 1), _TRUNK_ZERO
    digits = user.translate(_SEPARATORS)
    return digits, flags if digits == user else flags | _SEPARATED


def _without_tech_prefix(digits: str, profile: NumberProfile) -> tuple[str, int]:
    """Step 2: one tech prefix, only where the profile declares it: 7 is a prefix on one trunk and Russia on another."""
    flags = 0
    for prefix in profile.ordered_tech_prefixes:
        if digits.startswith(prefix):
            digits, flags = digits[len(prefix) :], _TECH_PREFIX
            break
    if profile.strip_lead_regex:
        lead = re.match(profile.strip_lead_regex, digits)
        if lead and lead.end():
            digits, flags = digits[lead.end() :], flags | _LEAD
    return digits, flags


def _international(digits: str, profile: NumberProfile, plan: NumberPlan, nature: int | None) -> tuple[str, int]:
    """Steps 3 to 5: the first of plus sign, nature of address, international prefix and the profile's assumption decides."""
    if digits.startswith("+"):
        return digits[1:], 0
    if nature == INTERNATIONAL_NATURE:
        return digits, 0
    if nature != NATIONAL_NATURE:
        for prefix in profile.ordered_intl_prefixes:
            if digits.startswith(prefix):
                return digits[len(prefix) :], _INTERNATIONAL
        if profile.assume == "INTL":
            return digits, 0
        if profile.assume == "AUTO" and len(digits) >= 9 and plan.is_plausible(digits):
            return digits, _GUESSED
    flags = _GUESSED if nature is None and profile.assume == "AUTO" else 0
    if profile.national_prefix and digits.startswith(profile.national_prefix):
        digits, flags = digits[len(profile.national_prefix) :], flags | _NATIONAL
    return profile.default_cc + digits, flags


def _repaired(digits: str, plan: NumberPlan) -> str:
    """Step 6: without a trunk 0 behind the calling code or Mexico's old mobile 1, only if the lengths then fit and did not before."""
    code = plan.code_of(digits)
    if code is None or plan.is_plausible(digits):
        return digits
    without = digits
    if not code.keep_zero and digits[len(code.code) :].startswith("0"):
        without = code.code + digits[len(code.code) + 1 :]
    elif digits.startswith(_MEXICO_MOBILE):
        without = code.code + digits[len(_MEXICO_MOBILE) :]
    return without if plan.is_plausible(without) else digits


def number_class(digits: str, profile: NumberProfile, plan: NumberPlan, is_cli: bool) -> str:
    """Step 7: the class of digits in international form."""
    shortest = CLI_MIN_LENGTH if is_cli else profile.min_len
    if not shortest <= len(digits) <= profile.max_len:
        return "INVALID_LENGTH"
    code = plan.code_of(digits)
    if code is None:
        return "INVALID_CC"
    if is_cli and code.code == "1" and digits[1:4] in TOLL_FREE_AREAS:
        return "TOLLFREE_CLI"
    return VALID
