"""Which files are versions of a deck."""

from __future__ import annotations

import pytest

from tollbook.core.deck_name import same_deck, version_order


@pytest.mark.parametrize(
    ("file", "deck", "is_version"),
    [
        ("aurora_az_v2.xlsx", "aurora-az", True),
        ("Aurora AZ 2026-11.csv", "aurora-az", True),
        ("aurora-az.csv", "aurora-az", True),
        ("deck.csv", "rates/deck.csv", True),
        ("aurora_azores.csv", "aurora-az", False),
        ("aurora.csv", "aurora-az", False),
    ],
)
def test_a_file_is_a_version_of_a_deck_by_its_name(file: str, deck: str, is_version: bool) -> None:
    assert same_deck(file, deck) is is_version


def test_versions_are_ordered_by_their_numbers() -> None:
    assert sorted(["a_v10.csv", "a_v9.csv", "A_v2.csv"], key=version_order) == ["A_v2.csv", "a_v9.csv", "a_v10.csv"]
