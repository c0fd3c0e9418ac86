"""Columns as texts, and the bench's own oracle on a small world."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tollbook.bench import rating, rating_baselines, rating_data
from tollbook.plain.columns import decimal_texts, hex_texts, micros_texts
from tollbook.plain.deck import number_lines
from tollbook.plain.rate import COLUMNS


def test_ids_are_hex() -> None:
    ids = pa.chunked_array([[bytes(range(16)), b"\xff" * 16], [b"\0" * 16]], pa.binary(16))
    assert hex_texts(ids).to_pylist() == [each.hex() for each in ids.to_pylist()]
    assert hex_texts(ids.slice(1, 1)).to_pylist() == ["ff" * 16]
    assert hex_texts(pa.chunked_array([], pa.binary(16))).to_pylist() == []


def test_decimals() -> None:
    assert decimal_texts(pa.array([23_500_000, None, 10**9, 0]), 9).to_pylist() == ["0.0235", None, "1", "0"]
    assert micros_texts(pa.chunked_array([[1, 1_000_000, None, 12_345_678, 0]])).to_pylist() == [
        "0.000001",
        "1.000000",
        None,
        "12.345678",
        "0.000000",
    ]
    assert COLUMNS[0] == "cdr_id"


def test_lines_of_numbers() -> None:
    assert [each.to_pylist() for each in number_lines(b"\xef\xbb\xbf1\r\n\n2")] == [["1", "", "2"]]
    assert list(number_lines(b"")) == []


def test_the_bench_compares_equal_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rating_data, "UNIVERSE", 2_000)
    monkeypatch.setattr(rating_data, "CODES_PER_DECK", 900)
    monkeypatch.setattr(rating, "ROUNDS", 1)

    def no_server(data: rating_data.BenchData, sample: int) -> None:
        raise ImportError("no server in this test")

    monkeypatch.setattr(rating, "rate_by_sql", no_server)
    result = rating.run(2_000)
    assert result["different_from_dictionary"] == 0
    assert result["identical"] is True
    assert "not run" in result["sql"]
    # The comparison can fail: against another deck's prices nearly every answered call differs.
    data = rating_data.bench_data(500)
    decks = [rating.compile_timeline(versions) for versions in data.decks]
    wrong = rating_baselines.rate_by_dictionary(
        rating_baselines.call_columns(data, 500), list(reversed(rating_baselines.dictionaries(data)))
    )
    assert rating._differences(rating.rate_legs(data, decks, 1), list(range(500)), wrong) > 100
