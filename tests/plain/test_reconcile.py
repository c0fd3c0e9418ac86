"""Two files compared without a book: what is written, that it adds up, and that bad input says what is wrong."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plain.two_files import OUR_COLUMNS, THEIR_COLUMNS, THEIRS, call, stated, write_all, write_csv
from tollbook.core.problem import Refusal
from tollbook.plain.reconcile import reconcile
from tollbook.plain.reconcile_output import waterfall_rows


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reconcile")
    with reconcile(*write_all(folder)) as found:
        found.write(folder / "out")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_difference_is_in_its_cause_and_they_add_up(written: Path) -> None:
    waterfall = {row["cause"]: row for row in rows(written / "out" / "waterfall.csv")}
    assert {cause: row["amount"] for cause, row in waterfall.items()} == {
        "OURS": "0.056000",  # 0.012 + 0.012 + 0.020 + 0.012
        "INCREMENT": "0.020000",
        "RATE": "0.003000",
        "MISSING_OURS": "0.012000",
        "MISSING_THEIRS": "-0.012000",
        "DUPLICATE_THEIRS": "0.040000",
        "THEIRS": "0.119000",
    }
    exact = {cause: int(row["exact_60th_nanos"]) for cause, row in waterfall.items()}
    assert exact.pop("THEIRS") - exact.pop("OURS") == sum(exact.values())


def test_every_record_is_in_exactly_one_place(written: Path) -> None:
    matches, unmatched = rows(written / "out" / "matches.csv"), rows(written / "out" / "unmatched.csv")
    assert [(row["our_record_no"], row["their_record_no"], row["class"]) for row in matches] == [
        ("1", "1", "MATCHED"),
        ("2", "2", "RATE_VARIANCE"),
        ("3", "3", "INCREMENT_VARIANCE"),
    ]
    assert [(row["side"], row["record_no"], row["reason"]) for row in unmatched] == [
        ("OURS", "4", "MISSING_THEIRS"),
        ("OURS", "5", "OTHER_BLOCK"),
        ("OURS", "6", "ZERO_DURATION"),
        ("THEIRS", "4", "DUP_EXACT"),
        ("THEIRS", "5", "MISSING_OURS"),
    ]
    assert unmatched[1]["trunk"] == "T9"
    assert unmatched[3]["kept_cdr_id"] == matches[2]["their_cdr_id"]


def test_a_text_that_a_spreadsheet_would_run_is_quoted(written: Path) -> None:
    assert rows(written / "out" / "matches.csv")[1]["their_destination"].startswith("'=HYPERLINK")


def test_the_summary_closes_and_names_its_inputs(written: Path) -> None:
    summary = json.loads((written / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["format"] == "tollbook-reconciliation/1"
    assert summary["money"]["open_60th_nanos"] == "0"
    assert summary["minutes"]["open_ms"] == 0
    assert summary["money"]["unexplained_zero"]
    assert [(each["side"], each["read"], each["problems"]) for each in summary["inputs"]] == [
        ("OURS", 6, 0),
        ("THEIRS", 5, 0),
        ("DECK", 3, 0),
    ]
    assert all(re.fullmatch(r"[0-9a-f]{64}", each["digest"]) for each in summary["inputs"])
    assert summary["budget"]["outcome"] == "DISPUTE"
    assert summary["budget"]["disputed"] == "0.063000"


def test_the_report_needs_nothing_and_trusts_nothing(written: Path) -> None:
    page = (written / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "@import" not in page
    assert "url(" not in re.sub(r"url\(#hatch", "", page)
    assert page.count("<h1") == 1
    assert all(f'id="{anchor}"' in page for anchor in re.findall(r'href="#([a-z]+)"', page))
    assert len(re.findall(r"<table", page)) == len(re.findall(r"<caption|<div class=\"pair\">", page))


def test_the_same_inputs_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    with reconcile(written / "ours.csv", written / "theirs.csv", written / "terms.toml") as found:
        found.write(tmp_path)
    for name in ("summary.json", "matches.csv", "unmatched.csv", "waterfall.csv", "problems.csv", "report.html"):
        assert (tmp_path / name).read_bytes() == (written / "out" / name).read_bytes(), name


def test_the_order_of_their_records_does_not_matter(written: Path, tmp_path: Path) -> None:
    shuffled = write_csv(tmp_path / "theirs.csv", THEIR_COLUMNS, THEIRS[::-1])
    with reconcile(written / "ours.csv", shuffled, written / "terms.toml") as found:
        assert [(each["cause"], each["amount"]) for each in waterfall_rows(found.summary)] == [
            (row["cause"], row["amount"]) for row in rows(written / "out" / "waterfall.csv")
        ]


def test_sides_that_change_places_negate_the_minutes(written: Path) -> None:
    paths = written / "ours.csv", written / "theirs.csv"
    with reconcile(*paths, written / "terms.toml") as there, reconcile(*paths[::-1], written / "terms.toml") as back:
        # The call of another partner is a record of theirs when the sides change places.
        assert there.summary["minutes"]["difference_ms"] == -back.summary["minutes"]["difference_ms"]
        assert there.summary["matching"]["pairs"] == back.summary["matching"]["pairs"]


def test_tables_go_in_as_files_do(written: Path) -> None:
    from tollbook.engine.collection import canonical_batches

    tables = [next(iter(canonical_batches(written / name))).cdrs for name in ("ours.csv", "theirs.csv")]
    with reconcile(*tables, written / "terms.toml") as found:
        assert found.summary["money"]["difference"] == "0.063000"
        assert found.matches().num_rows == 7
        assert sum(row["exact_60th_nanos"] for row in found.variances().to_pylist()) == 63 * 60_000_000


def test_a_book_is_not_needed_and_django_is_not_loaded(written: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tollbook.plain.reconcile import reconcile\n"
        f"folder = Path({str(written)!r})\n"
        f"reconcile(folder / 'ours.csv', folder / 'theirs.csv', folder / 'terms.toml').write({str(tmp_path / 'out')!r})\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'django' or name.startswith(('tollbook.flow', 'tollbook.store'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_deck_minutes_are_compared(written: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.toml"
    terms.write_text((written / "terms.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with reconcile(written / "ours.csv", written / "theirs.csv", terms) as found:
        assert found.summary["money"] is None
        assert found.summary["minutes"]["open_ms"] == 0
        assert "RECONCILE_DECK_ABSENT" in {each.code for each in found.problems}
        found.write(tmp_path / "out")
    assert [row["cause"] for row in rows(tmp_path / "out" / "waterfall.csv")][::8] == ["OURS"]
    assert "minutes" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_file_without_amounts_is_valued_at_our_prices(written: Path, tmp_path: Path) -> None:
    bare = write_csv(tmp_path / "theirs.csv", THEIR_COLUMNS, [call(1), call(2, seconds=180)])
    with reconcile(written / "ours.csv", bare, written / "terms.toml") as found:
        assert found.summary["money"]["basis"] == "OUR_PRICES"
        assert {each["cause"]: each["amount"] for each in found.summary["money"]["causes"]} == {
            "DURATION": "0.024000",
            "MISSING_THEIRS": "-0.032000",
        }


def test_the_parts_of_a_call_are_one_call_and_every_part_is_listed(written: Path, tmp_path: Path) -> None:
    # Our call of two minutes is two records of one minute at theirs; one more call of two parts is only theirs.
    parts = [
        part
        for number in (1, 7)
        for part in (call(number, partial_seq=1, partial_last=False), call(number + 1, partial_seq=2, partial_last=True))
    ]
    for part, number in zip(parts, (1, 1, 7, 7), strict=True):
        part |= {"call_id": f"call-{number}@example", "a_e164": f"4930{number:07d}"}
    ours = write_csv(tmp_path / "ours.csv", OUR_COLUMNS, [call(1, seconds=120)])
    theirs = write_csv(tmp_path / "theirs.csv", [*THEIR_COLUMNS, "partial_seq", "partial_last"], parts)
    with reconcile(ours, theirs, written / "terms.toml") as found:
        found.write(tmp_path / "out")
    matches, unmatched = rows(tmp_path / "out" / "matches.csv"), rows(tmp_path / "out" / "unmatched.csv")
    assert [(row["our_record_no"], row["their_record_no"], row["their_duration_ms"]) for row in matches] == [("1", "1", "120000")]
    assert [(row["record_no"], row["reason"], row["duration_ms"]) for row in unmatched] == [
        ("2", "PARTIAL", "60000"),
        ("3", "MISSING_OURS", "120000"),
        ("4", "PARTIAL", "60000"),
    ]
    assert unmatched[0]["kept_cdr_id"] == matches[0]["their_cdr_id"]
    assert unmatched[2]["kept_cdr_id"] == unmatched[1]["cdr_id"]


def test_a_partner_our_file_never_names_is_told(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "terms.toml"
    other.write_text(
        (written / "terms.toml").read_text(encoding="utf-8").replace('partner = "carrier"', 'partner = "nobody"'), encoding="utf-8"
    )
    with reconcile(written / "ours.csv", written / "theirs.csv", other, decks=[written / "deck.csv"]) as found:
        assert "RECONCILE_PARTNER_ABSENT" in {each.code for each in found.problems}
        assert found.summary["money"]["theirs"] == "0.119000"


def test_another_currency_is_listed_beside_the_totals(written: Path, tmp_path: Path) -> None:
    theirs = write_csv(tmp_path / "theirs.csv", THEIR_COLUMNS, [call(1, **stated(60, "0.012", "0.012") | {"their_currency": "EUR"})])
    with reconcile(written / "ours.csv", theirs, written / "terms.toml") as found:
        assert found.summary["money"]["other_currencies"] == [{"currency": "EUR", "calls": 1, "amount": "0.012000"}]
        assert found.summary["money"]["theirs"] == "0.000000"
        assert found.summary["money"]["open_60th_nanos"] == "0"


@pytest.mark.parametrize(
    ("ours", "terms", "code"),
    [
        ("nowhere.csv", "terms.toml", "FILE_MISSING"),
        ("ours.csv", "nowhere.toml", "FILE_MISSING"),
        ("ours.csv", "deck.csv", "AGREEMENT"),
        ("terms.toml", "terms.toml", "FILE"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(written: Path, ours: str, terms: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        reconcile(written / ours, written / "theirs.csv", written / terms)
    assert refused.value.problems[0].code.startswith(code)


def test_a_direction_that_is_none_is_refused(written: Path) -> None:
    with pytest.raises(Refusal, match="RECONCILE_DIRECTION"):
        reconcile(written / "ours.csv", written / "theirs.csv", written / "terms.toml", direction="sideways")


def test_an_output_that_cannot_be_written_is_refused(written: Path) -> None:
    with (
        reconcile(written / "ours.csv", written / "theirs.csv", written / "terms.toml") as found,
        pytest.raises(Refusal, match="OUTPUT_UNWRITABLE"),
    ):
        found.write(written / "deck.csv")
