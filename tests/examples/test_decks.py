"""Every number of the traffic has the same code and rate in the product's compiled decks and in the oracle's dictionaries."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache

import pyarrow as pa
import pytest

from tollbook.core.agreement_reader import read_agreement
from tollbook.core.deck import Deck as ReadDeck
from tollbook.core.deck_notice import NoticeTerms
from tollbook.engine.deck import compile_timeline
from tollbook.formats.deck.profile import read_deck_profile
from tollbook.formats.deck.reader import read_deck

from .two_carriers import EXAMPLE

import make_example  # isort: skip
from oracle.lab import utc_ms  # isort: skip
from oracle.pricing import Deck  # isort: skip
from oracle.receivable import TERMS  # isort: skip

DECKS = EXAMPLE / "inbox" / "decks"
# Before everything, the last second before Aurora's change, the change itself, after it.
INSTANTS = ("2026-11-22T01:30:00", "2026-11-22T01:38:59", "2026-11-22T01:39:00", "2026-11-22T01:45:00")


@cache
def basis() -> make_example.Basis:
    return make_example.read_basis()


def received_ms(name: str) -> int:
    """When the demonstration says that a rate sheet came in."""
    steps = tomllib.loads((EXAMPLE / "received.toml").read_text(encoding="utf-8"))["received"]
    at = next(step["at"] for step in steps if any((EXAMPLE / "inbox" / name).match(pattern) for pattern in step["files"]))
    return int(datetime.fromisoformat(at).timestamp()) * 1000


def read_versions(partner: str) -> list[ReadDeck]:
    found = []
    for path in sorted(DECKS.glob(f"{partner}_*_v*")):
        profile = read_deck_profile(DECKS / f"{'-'.join(path.name.split('_')[:2])}.toml")
        deck, problems = read_deck(path, profile=profile, received_at=received_ms(f"decks/{path.name}"))
        assert problems == []
        found.append(deck)
    return found


@pytest.mark.parametrize("partner", ["aurora", *TERMS])
def test_the_decks_say_what_the_oracle_says(partner: str) -> None:
    agreement, _ = read_agreement((EXAMPLE / "inbox" / "agreements" / f"{partner}.toml").read_text(encoding="utf-8"))
    terms = agreement.buy or agreement.sell
    assert terms is not None
    versions = list(basis().versions) if partner == "aurora" else basis().others[partner]
    compiled = compile_timeline(read_versions(partner), notice=NoticeTerms(increase_days=terms.notice_days))
    longhand = Deck(versions, "UTC" if partner == "aurora" else TERMS[partner][0])
    lab = basis().lab
    numbers = sorted({row["dst_number"] for row in lab.ours.values()} | {row["b_number"] for row in lab.theirs.values()})
    codes, rates = (compiled.rows.column(name).to_pylist() for name in ("code", "rate_nanos"))
    for instant in INSTANTS:
        rows, _ = compiled.find_text(pa.array(numbers), utc_ms(instant))
        found = [(codes[row], rates[row]) if row >= 0 else ("", 0) for row in rows]
        wanted = [(code, longhand.at(code, utc_ms(instant)).nanos) if (code := longhand.code(number)) else ("", 0) for number in numbers]
        assert found == wanted
