"""Digests of values: of canonical JSON, of runs, and TD1, the digest of a table that does not see how the table is stored.

TD1 hashes the columns by name and the rows by key. How the rows were split into files, batches and row groups, in which
order they were written, whether text was dictionary-encoded and which library wrote it make no difference.
docs/rules/digests.md is the exact definition, short enough to be written again in another language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.canonical import canonical_json

# The kinds of value TD1 knows. Every width of integer is the same kind: a wider column holds the same values.
INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"
INSTANT: Final = "instant"
DATE: Final = "date"
TEXT: Final = "text"
BYTES: Final = "bytes"


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def json_digest(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of a value."""
    return sha256_hex(canonical_json(value))


def run_key(
    *, stage: str, scope: str, semantics_version: int, input_digests: Iterable[str], parameters: Mapping[str, object], known_at: int | None
) -> str:
    """The name of a run: SHA-256 over everything that decides its result. known_at is in milliseconds UTC; None knows everything.

    The scope is part of the parameters by meaning; it stands under its own name so that two scopes never share a key.
    """
    return json_digest(
        {
            "stage": stage,
            "scope": scope,
            "semantics_version": semantics_version,
            "inputs": sorted(set(input_digests)),
            "parameters": dict(parameters),
            "known_at": known_at,
        }
    )


class TableDigest:
    """TD1 of a table whose rows arrive in batches, in ascending order of the key.

    `key` names the columns that order the rows (nulls first, numbers by value, text and bytes by their bytes); `unique` says that
    no two rows share a key. A violated order or uniqueness raises ValueError, because the digest would then depend on chance.
    """

    def __init__(self, schema: pa.Schema, key: Sequence[str], *, excluded: Iterable[str] = (), unique: bool = True) -> None:
        left_out = set(excluded)
        missing = [name for name in key if name not in schema.names]
        if missing or left_out & set(key):
            raise ValueError(f"the key {tuple(key)} needs columns that are there and not excluded")
        self._columns = {name: _ColumnDigest(name, schema.field(name).type) for name in sorted(schema.names) if name not in left_out}
        self._key = tuple(key)
        self._unique = unique
        self._rows = 0
        self._last: tuple[Any, ...] | None = None

    def update(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Takes the next rows."""
        if rows.num_rows == 0:
            return
        self._check_order(rows)
        for name, column in self._columns.items():
            column.update(rows.column(name))
        self._rows += rows.num_rows

    def _check_order(self, rows: pa.RecordBatch | pa.Table) -> None:
        keys = [_flat(rows.column(name)) for name in self._key]
        first = tuple(_plain(column[0]) for column in keys)
        if self._last is not None and not _ascends(self._last, first, self._unique):
            raise ValueError(f"rows do not ascend by {self._key}")
        self._last = tuple(_plain(column[-1]) for column in keys)
        if rows.num_rows == 1:
            return
        undecided: pa.Array = pa.array(np.ones(rows.num_rows - 1, dtype=bool))
        for column in keys:
            before, after = column.slice(0, len(column) - 1), column.slice(1)
            absent_before, absent_after = pc.is_null(before), pc.is_null(after)
            falls = pc.or_(pc.and_(absent_after, pc.invert(absent_before)), pc.fill_null(pc.greater(before, after), False))
            if pc.any(pc.and_(undecided, falls)).as_py():
                raise ValueError(f"rows do not ascend by {self._key}")
            equal = pc.or_(pc.and_(absent_before, absent_after), pc.fill_null(pc.equal(before, after), False))
            undecided = pc.and_(undecided, equal)
        if self._unique and pc.any(undecided).as_py():
            raise ValueError(f"two rows share a key of {self._key}")

    @property
    def rows(self) -> int:
        return self._rows

    def hexdigest(self) -> str:
        """The digest of the rows taken so far. A column without a single value is left out, so a column added later changes nothing."""
        total = hashlib.sha256(b"TD1\n" + self._rows.to_bytes(8, "little"))
        for column in self._columns.values():
            if column.has_values:
                total.update(column.digest())
        return total.hexdigest()


class _ColumnDigest:
    """Three streams per column: validity (a byte per row), lengths (text and bytes only) and values (nulls are zero or empty)."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self.kind = value_kind(kind)
        self.has_values = False
        encoded = name.encode("utf-8")
        self._header = len(encoded).to_bytes(4, "little") + encoded + self.kind.encode("ascii") + b"\n"
        self._validity = hashlib.sha256()
        self._lengths = hashlib.sha256()
        self._values = hashlib.sha256()

    def update(self, values: pa.Array | pa.ChunkedArray) -> None:
        array = _flat(values)
        valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)
        self.has_values = self.has_values or bool(valid.any())
        self._validity.update(valid.tobytes())
        if self.kind in (TEXT, BYTES):
            lengths = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
            self._lengths.update(np.ascontiguousarray(lengths, dtype="<u4").tobytes())
            self._values.update(_joined(array))
        elif self.kind == BOOLEAN:
            self._values.update(np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=np.uint8).tobytes())
        else:
            integers = _as_int64(array, self.kind)
            self._values.update(np.ascontiguousarray(pc.fill_null(integers, 0).to_numpy(zero_copy_only=False), dtype="<i8").tobytes())

    def digest(self) -> bytes:
        whole = hashlib.sha256(self._header)
        for stream in (self._validity, self._lengths, self._values):
            whole.update(stream.digest())
        return whole.digest()


def value_kind(kind: pa.DataType) -> str:
    """Which of TD1's kinds an Arrow type is. Raises ValueError for a type whose values are not exact or not ours."""
    if pa.types.is_dictionary(kind):
        return value_kind(kind.value_type)
    if pa.types.is_boolean(kind):
        return BOOLEAN
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return INTEGER
    if pa.types.is_timestamp(kind) and kind.unit == "ms":
        return INSTANT
    if pa.types.is_date32(kind):
        return DATE
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return TEXT
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return BYTES
    raise ValueError(f"TD1 has no values of type {kind}")


def table_digest(table: pa.Table, key: Sequence[str], *, excluded: Iterable[str] = (), unique: bool = True) -> str:
    """TD1 of a table in memory, in any order. Large tables are sorted outside and streamed through `TableDigest`."""
    total = TableDigest(table.schema, key, excluded=excluded, unique=unique)
    plain = pa.table({name: _flat(table.column(name)) for name in table.column_names})
    order = pc.sort_indices(plain, sort_keys=[(name, "ascending", "at_start") for name in key]) if table.num_rows else None
    if order is not None:
        total.update(plain.take(order))
    return total.hexdigest()


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array without a dictionary, 16-byte ids as variable bytes."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary())
    return array


def _joined(array: pa.Array) -> bytes:
    """The bytes of all values behind each other. The offsets of an array bound its values; bytes under a null do not count."""
    whole = pc.fill_null(array, b"" if value_kind(array.type) == BYTES else "")
    buffers = whole.buffers()
    wide = pa.types.is_large_binary(whole.type) or pa.types.is_large_string(whole.type)
    offsets = np.frombuffer(buffers[1], dtype="<i8" if wide else "<i4")[whole.offset : whole.offset + len(whole) + 1]
    return bytes(memoryview(buffers[2])[int(offsets[0]) : int(offsets[-1])]) if buffers[2] is not None and len(whole) else b""


def _as_int64(array: pa.Array, kind: str) -> pa.Array:
    if kind == DATE:
        return array.cast(pa.int32()).cast(pa.int64())
    return array.cast(pa.int64())


def _plain(scalar: pa.Scalar) -> object:
    value = scalar.as_py()
    return value.encode("utf-8") if isinstance(value, str) else value


def _ascends(before: tuple[Any, ...], after: tuple[Any, ...], strictly: bool) -> bool:
    for left, right in zip(before, after, strict=True):
        if left == right:
            continue
        if left is None or right is None:
            return left is None
        return bool(left < right)
    return not strictly
