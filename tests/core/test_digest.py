"""TD1 sees values and nothing else: not the split, the order, the encoding, the width or the library."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core import cdr
from tollbook.core.digest import TableDigest, json_digest, run_key, sha256_hex, table_digest, value_kind
from tollbook.core.tables import KINDS

ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.text(max_size=8) | st.none(),
    st.binary(max_size=8) | st.none(),
    st.booleans() | st.none(),
    st.integers(0, 2**40) | st.none(),
)
ROWS = st.lists(ROW, max_size=25)
SCHEMA = pa.schema(
    [
        ("key", pa.int64()),
        ("number", pa.int64()),
        ("text", pa.string()),
        ("bytes", pa.binary()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("ms", tz="UTC")),
    ]
)


def _table(rows: list[Any]) -> pa.Table:
    numbered = [(place, *row) for place, row in enumerate(rows)]
    return pa.table([list(column) for column in zip(*numbered, strict=True)] or [[]] * 6, schema=SCHEMA)


def _oracle(table: pa.Table) -> str:
    """The page docs/rules/digests.md, written once more with loops."""
    total = hashlib.sha256(b"TD1\n" + table.num_rows.to_bytes(8, "little"))
    kinds = {"key": "integer", "number": "integer", "text": "text", "bytes": "bytes", "flag": "boolean", "at": "instant"}
    for name in sorted(table.column_names):
        column = table.column(name)
        values = (column.cast(pa.int64()) if name == "at" else column).to_pylist()
        if all(value is None for value in values):
            continue
        validity, lengths, content = b"", b"", b""
        for value in values:
            validity += bytes([value is not None])
            if kinds[name] in ("text", "bytes"):
                raw = b"" if value is None else value.encode() if isinstance(value, str) else value
                lengths += len(raw).to_bytes(4, "little")
                content += raw
            elif kinds[name] == "boolean":
                content += bytes([value is True])
            else:
                content += (value or 0).to_bytes(8, "little", signed=True)
        header = len(name.encode()).to_bytes(4, "little") + name.encode() + kinds[name].encode() + b"\n"
        parts = b"".join(hashlib.sha256(each).digest() for each in (validity, lengths, content))
        total.update(hashlib.sha256(header + parts).digest())
    return total.hexdigest()


@given(ROWS)
def test_the_definition_written_again_gives_the_same(rows: list[Any]) -> None:
    table = _table(rows)
    assert table_digest(table, ["key"]) == _oracle(table)


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_split_and_encoding_do_not_matter(rows: list[Any], random: Any, size: int) -> None:
    table = _table(rows)
    wanted = table_digest(table, ["key"])
    places = list(range(table.num_rows))
    random.shuffle(places)
    assert table_digest(table.take(pa.array(places, type=pa.int64())), ["key"]) == wanted
    streamed = TableDigest(SCHEMA, ["key"])
    for batch in table.to_batches(max_chunksize=size):
        streamed.update(batch)
    assert streamed.hexdigest() == wanted
    encoded = table.set_column(2, "text", table.column("text").dictionary_encode())
    assert table_digest(encoded.select(["text", "at", "flag", "bytes", "key", "number"]), ["key"]) == wanted
    wide = table.set_column(3, "bytes", table.column("bytes").cast(pa.large_binary()))
    assert table_digest(wide.slice(0).combine_chunks(), ["key"]) == wanted


@given(ROWS.filter(len), st.data())
def test_any_changed_value_matters(rows: list[Any], data: Any) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, 4))
    changed = [list(row) for row in rows]
    changed[place][column] = data.draw(ROW.map(lambda row: row[column]))
    assert (table_digest(_table(changed), ["key"]) == table_digest(_table(rows), ["key"])) == (changed[place] == list(rows[place]))


def test_values_do_not_run_into_each_other() -> None:
    pairs = [[("ab", "c"), ("a", "bc")], [("", "x"), (None, "x")], [("x", None), ("x", "")]]
    for one, other in pairs:
        tables = [pa.table({"key": [1, 2], "text": list(pair)}) for pair in (one, other)]
        assert table_digest(tables[0], ["key"]) != table_digest(tables[1], ["key"])


def test_narrow_and_wide_integers_are_the_same_values() -> None:
    narrow = pa.table({"key": pa.array([1, 2], pa.int8()), "n": pa.array([-3, None], pa.int16())})
    wide = pa.table({"key": pa.array([1, 2], pa.int64()), "n": pa.array([-3, None], pa.int64())})
    assert table_digest(narrow, ["key"]) == table_digest(wide, ["key"])


def test_a_column_added_later_changes_nothing_until_it_has_a_value() -> None:
    before = pa.table({"key": [1, 2], "a": ["x", "y"]})
    after = before.append_column("b", pa.nulls(2, pa.int64()))
    assert table_digest(after, ["key"]) == table_digest(before, ["key"])
    filled = before.append_column("b", pa.array([None, 0], pa.int64()))
    assert table_digest(filled, ["key"]) != table_digest(before, ["key"])


def test_excluded_columns_do_not_count() -> None:
    table = pa.table({"key": [1, 2], "a": ["x", "y"], "file": ["one", "two"]})
    other = table.set_column(2, "file", pa.array(["three", "four"]))
    assert table_digest(table, ["key"], excluded=["file"]) == table_digest(other, ["key"], excluded=["file"])


def test_rows_out_of_order_are_refused() -> None:
    total = TableDigest(pa.schema([("key", pa.string())]), ["key"])
    total.update(pa.table({"key": [None, "a", "b"]}))
    with pytest.raises(ValueError, match="do not ascend"):
        total.update(pa.table({"key": ["a"]}))
    for keys in (["b", "a"], ["a", None]):
        with pytest.raises(ValueError, match="do not ascend"):
            TableDigest(pa.schema([("key", pa.string())]), ["key"]).update(pa.table({"key": pa.array(keys, pa.string())}))


def test_a_key_twice_is_refused_where_it_has_to_be_unique() -> None:
    for batches in (([1, 1],), ([1], [1])):
        total = TableDigest(pa.schema([("key", pa.int64())]), ["key"])
        for keys in batches[:-1]:
            total.update(pa.table({"key": keys}))
        with pytest.raises(ValueError, match=r"share a key|do not ascend"):
            total.update(pa.table({"key": batches[-1]}))
    assert table_digest(pa.table({"key": [1, 1]}), ["key"], unique=False)


@pytest.mark.parametrize("kind", [pa.float64(), pa.decimal128(10, 2), pa.timestamp("us"), pa.uint64(), pa.list_(pa.int8())])
def test_inexact_and_foreign_types_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(ValueError, match="TD1 has no values"):
        value_kind(kind)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_table_of_ours_has_a_digest(kind: str) -> None:
    total = KINDS[kind].digest()
    assert total.hexdigest() == sha256_hex(b"TD1\n" + bytes(8))
    assert set(KINDS[kind].order) <= set(KINDS[kind].schema.names)
    assert KINDS["cdr"].excluded == cdr.PROVENANCE


def test_run_keys_name_everything_that_decides() -> None:
    def key(**changed: Any) -> str:
        given = {"stage": "rating", "scope": "a/OUT", "semantics_version": 1, "parameters": {"x": 1}, "known_at": 5}
        return run_key(**{**given, "input_digests": ["b", "a"], **changed})

    assert key() == key(input_digests=["a", "b", "a"])
    changes = [
        {"stage": "matching"},
        {"scope": "b/OUT"},
        {"semantics_version": 2},
        {"input_digests": ["a"]},
        {"parameters": {"x": 2}},
        {"known_at": None},
    ]
    assert len({key(), *(key(**change) for change in changes)}) == 1 + len(changes)
    assert json_digest({"b": 1, "a": 2}) == sha256_hex(b'{"a":2,"b":1}')
