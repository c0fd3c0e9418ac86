"""A call explained from plain files: the same steps and the same amount as the book and as `rate`."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tollbook.cli.app import run
from tollbook.core.explanation import id_bounds, shown_record
from tollbook.core.problem import Refusal
from tollbook.engine import explanation
from tollbook.plain.explain import explain_file
from tollbook.plain.rate import rate_file

DATA = Path(__file__).resolve().parent.parent / "data" / "small_book"
DECK = DATA / "aurora-az_v1.csv"


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, str]]:
    """What `rate` says of each record, by its number."""
    output = tmp_path_factory.mktemp("rated") / "rated.csv"
    rate_file(DATA / "ours.csv", DECK, output, agreement=DATA / "aurora.toml")
    with output.open(encoding="utf-8", newline="") as stream:
        return {int(row["record_no"]): row for row in csv.DictReader(stream)}


def test_every_record_is_explained_as_it_is_rated(rated: dict[int, dict[str, str]]) -> None:
    for number, row in rated.items():
        if not row["cdr_id"]:
            continue
        found = explain_file(row["cdr_id"], DATA / "ours.csv", [DECK], agreement=DATA / "aurora.toml")
        assert found.record_no == number
        (leg,) = found.legs
        if leg.status == "RATED":
            assert leg.steps[-1].value == f"{leg.amount} USD"
            assert float(row["amount"]) == float(leg.amount)
        assert leg.status in ("RATED", row["problem"], "NOT_BILLABLE")


def test_the_first_digits_do_and_the_raw_line_is_shown_from_a_packed_file(rated: dict[int, dict[str, str]], tmp_path: Path) -> None:
    packed = tmp_path / "ours.csv.gz"
    packed.write_bytes(gzip.compress((DATA / "ours.csv").read_bytes(), mtime=0))
    found = explain_file(rated[1]["cdr_id"][:10], packed, [DECK])
    assert found.raw == (DATA / "ours.csv").read_text(encoding="utf-8").splitlines()[1]
    assert found.legs[0].agreement == ""


@pytest.mark.parametrize("cdr_id", ["0" * 32, "123", "zzzzzzzzzz"])
def test_an_unknown_id_is_refused(cdr_id: str) -> None:
    with pytest.raises(Refusal) as refusal:
        explain_file(cdr_id, DATA / "ours.csv", [DECK])
    assert refusal.value.problems[0].code == "CDR_UNKNOWN"


def test_on_the_command_line(rated: dict[int, dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--cdrs", str(DATA / "ours.csv"), "--deck", str(DECK), "--agreement", str(DATA / "aurora.toml")]
    assert run(["explain", rated[1]["cdr_id"], *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["legs"][0]["amount"] == "0.122"
    assert run(["explain", rated[1]["cdr_id"], "--cdrs", str(DATA / "ours.csv")]) == 2


def test_ids_by_their_first_digits() -> None:
    assert id_bounds("0123456789abcdef" * 2) == (bytes.fromhex("0123456789abcdef" * 2),) * 2
    bounds = id_bounds(" ABCDEF01 ")
    assert bounds == (bytes.fromhex("abcdef01") + bytes(12), bytes.fromhex("abcdef01") + b"\xff" * 12)
    assert [id_bounds(text) for text in ("", "abc", "g" * 8, "0" * 33)] == [None] * 4


def test_a_record_is_shown_without_what_it_lacks() -> None:
    from tollbook.core.cdr import CDR

    row = {field.name: None for field in CDR}
    row["cdr_id"] = b"\x00" * 15 + b"\x01"  # type: ignore[assignment]
    row["answer_at"] = pa.scalar(1_795_310_740_410, pa.timestamp("ms", tz="UTC")).as_py()
    assert shown_record(row) == {"cdr_id": "0" * 31 + "1", "answer_at": "2026-11-22T01:25:40.410Z"}
    assert callable(explanation.explain_leg)
