"""What the plain commands take in: decks beside an agreement, tables, formats; and how a template that lacks a value fails."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pyarrow as pa
import pytest

from plain.two_files import DECK, write_all
from tollbook.core.agreement import DeckTerms
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.problem import Refusal
from tollbook.formats.report.render import environment, render
from tollbook.plain.deck_files import read_decks
from tollbook.plain.sides import read_side

DECK_WITH_COMMAS = "Code;Destination;Rate;Billing Increment;Effective Date\n44;UK;0,0050;1/1;2026-01-01\n"


@pytest.mark.parametrize("name", ["deck.csv", "deck", "versions"])
def test_a_deck_is_a_file_a_file_without_its_ending_or_a_folder(tmp_path: Path, name: str) -> None:
    _, _, terms = write_all(tmp_path)
    (tmp_path / "versions").mkdir()
    for number in (1, 2):
        (tmp_path / "versions" / f"v{number}.csv").write_text(DECK, encoding="utf-8")
    agreement, _ = read_agreement(terms.read_text(encoding="utf-8"), "terms.toml")
    found = read_decks(agreement, DeckTerms(name), tmp_path)
    assert found.compiled is not None
    assert [each["file"] for each in found.inputs] == (["v1.csv", "v2.csv"] if name == "versions" else ["deck.csv"])


def test_a_deck_that_is_nowhere_is_a_problem_not_a_refusal(tmp_path: Path) -> None:
    _, _, terms = write_all(tmp_path)
    agreement, _ = read_agreement(terms.read_text(encoding="utf-8"), "terms.toml")
    found = read_decks(agreement, DeckTerms("nowhere"), tmp_path)
    assert found.compiled is None
    assert [(each.code, each.value) for each in found.problems] == [("RECONCILE_DECK_ABSENT", "nowhere")]
    assert [each.code for each in read_decks(agreement, None, tmp_path).problems] == ["RECONCILE_DECK_MISSING"]


@pytest.mark.parametrize("place", ["terms", "terms/decks", "decks"])
def test_a_deck_named_by_its_id_is_all_versions_of_it(tmp_path: Path, place: str) -> None:
    (tmp_path / "terms").mkdir()
    _, _, terms = write_all(tmp_path / "terms")
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    for name in ("aurora_az_v10.csv", "aurora_az_v9.csv", "aurora_az_gold_v1.csv", "aurora.csv", "aurora_azores.csv", "aurora_az_v1.txt~"):
        (folder / name).write_text(DECK_WITH_COMMAS if "_az_v" in name else DECK, encoding="utf-8")
    for name, decimal in (("aurora-az", ","), ("aurora-az-gold", ".")):
        text = f'format = "tollbook-deck-profile/1"\ndeck_id = "{name}"\ndecimal = "{decimal}"\n'
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    agreement, _ = read_agreement(terms.read_text(encoding="utf-8"), "terms.toml")
    found = read_decks(agreement, DeckTerms("aurora-az"), tmp_path / "terms")
    assert [each["file"] for each in found.inputs] == ["aurora_az_v9.csv", "aurora_az_v10.csv"]
    assert [each.code for each in found.problems] == []
    given = read_decks(agreement, DeckTerms("aurora-az"), tmp_path / "terms", [folder / "aurora_az_gold_v1.csv"])
    assert [each["file"] for each in given.inputs] == ["aurora_az_gold_v1.csv"]


def test_a_deck_in_another_currency_is_refused(tmp_path: Path) -> None:
    _, _, terms = write_all(tmp_path)
    (tmp_path / "euro.csv").write_text("Code,Destination,Rate,Currency,Effective Date\n44,UK,0.01,EUR,2026-01-01\n", encoding="utf-8")
    agreement, _ = read_agreement(terms.read_text(encoding="utf-8"), "terms.toml")
    with pytest.raises(Refusal, match="DECK_CURRENCY_DIFFERS"):
        read_decks(agreement, agreement.buy, tmp_path, [tmp_path / "euro.csv"])


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="RECONCILE_COLUMNS"):
        read_side(pa.table({"x": [1]}), "OURS", tmp_path, None)


def test_no_file_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="RECONCILE_NOTHING"):
        read_side([], "OURS", tmp_path, None)


def test_a_report_without_what_it_shows_fails_instead_of_showing_nothing() -> None:
    assert environment().autoescape is True
    with pytest.raises(jinja2.UndefinedError):
        render("reconciliation.html.j2", {})
