"""Who stands on a document."""

from __future__ import annotations

import pytest

from tollbook.core.invoice import Tax
from tollbook.core.party import read_party
from tollbook.core.problem import Refusal

TEXT = """format = "tollbook-party/1"
id = "nordtel"
name = "Nordtel Sp. z o.o."
address = ["ul. Długa 1", "00-001 Kraków"]
country = "Poland"
vat_id = "PL1"
[bank]
iban = "PL00"
[tax]
category = "S"
rate = "19.25"
note = "VAT"
"""


def test_a_party() -> None:
    party, problems = read_party(TEXT, "p.toml")
    assert problems == []
    assert (party.id, party.name, party.address[1], party.bank.iban, party.series) == (
        "nordtel",
        "Nordtel Sp. z o.o.",
        "00-001 Kraków",
        "PL00",
        "INV",
    )
    assert party.tax == Tax("S", 1925, "VAT")


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ('id = "nordtel"', "", "id"),
        ('country = "Poland"', "country = 48", "country"),
        ('country = "Poland"', 'nation = "Poland"', "nation"),
        ('iban = "PL00"', 'account = "PL00"', "bank.account"),
        ('"S"', '"AE"', "tax"),
        ('"19.25"', '"19.255"', "tax"),
        ("party/1", "party/2", "format"),
        ('["ul. Długa 1", "00-001 Kraków"]', '"one line"', "address"),
    ],
)
def test_what_would_be_lost_or_guessed_is_refused(old: str, new: str, column: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_party(TEXT.replace(old, new), "p.toml")
    assert column in [each.place.column for each in refused.value.problems]
