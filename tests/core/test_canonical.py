"""RFC 8785: the vectors of the RFC that hold no float, and what is refused."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tollbook.core.canonical import canonical_json, parse_canonical_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)


def test_the_order_of_names_is_that_of_utf16_code_units() -> None:
    """The example of section 3.2.3: U+1F600 is D83D DE00 in UTF-16 and so stands before U+FB33, although its code point is larger."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(parse_canonical_json(canonical_json(dict.fromkeys(names, 0)))) == expected


def test_the_escapes_are_those_of_the_rfc() -> None:
    r"""Section 3.2.2.2: \b \t \n \f \r \" \\ have their short forms, other controls are \u00xx in lower case, all else stands as it is."""
    assert canonical_json('\u20ac$\u000f\nA\'B"\\\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    assert canonical_json("\x08\x0c\x7f\x1f") == b'"\\b\\f\x7f\\u001f"'


def test_literals_and_lists() -> None:
    assert canonical_json([56, {"d": True, "10": None, "1": []}]) == b'[56,{"1":[],"10":null,"d":true}]'


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, -(2**53), b"x", {1: 2}, {"a": {1, 2}}, "\ud800"])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


@pytest.mark.parametrize("text", ['{"b":1,"a":2}', '{"a": 1}', '{"a":1,"a":1}', "1.0", "1e2", "NaN", '"\\u0041"', '"a"\n', "-0"])
def test_a_text_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_canonical_json(text.encode())


@given(VALUES)
def test_a_value_survives_and_its_bytes_are_canonical(value: object) -> None:
    assert parse_canonical_json(canonical_json(value)) == value


class Named(dict[str, object]):
    """A mapping that is no dict itself, so that it is written piece by piece."""


def piecewise(value: object) -> object:
    if isinstance(value, dict):
        return Named({name: piecewise(each) for name, each in value.items()})
    return [piecewise(each) for each in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(st.characters(max_codepoint=127)), VALUES, min_size=1))
def test_both_ways_of_writing_give_the_same_bytes(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(piecewise(value))


@pytest.mark.parametrize("value", [{"a": [{"b": 0.5}]}, {"a": {"b": [2**53]}}, [[{"\ud800": 1}]], {"a": "\udfff"}, {"a": {1: 1}}])
def test_what_is_refused_is_refused_at_any_depth(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)
