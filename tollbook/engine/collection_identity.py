"""Record ids from the record's own raw identity: SHA-256 over source, a separator and the identity, its first 128 bits.

Raw texts only, so a corrected zone or number profile, a split file or another file name keeps the id (docs/guides/mapping.md).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.cdr import ID
from tollbook.engine.database import open_database

SEPARATOR: Final = "\x1f"
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_IDS: Final = """
SELECT CASE WHEN regexp_full_match(given, '[0-9a-fA-F]{32}') THEN unhex(given)
            ELSE unhex(left(sha256(source || chr(31) || identity), 32)) END AS cdr_id
FROM records
"""
_HASHED: Final = "SELECT unhex(left(sha256(source || chr(31) || identity), 32)) AS cdr_id FROM records"
_SEEN: Final = """
SELECT now.place, coalesce(sum(seen.times), 0)::BIGINT AS times
FROM now LEFT JOIN seen ON seen.high = now.high AND seen.low = now.low GROUP BY now.place ORDER BY now.place
"""


class Identifier:
    """Gives ids to the records of one file, batch after batch in their order. Close it when the file is done."""

    def __init__(self) -> None:
        self._connection = open_database(threads=1)
        self._connection.execute("SET preserve_insertion_order = true")

    def close(self) -> None:
        self._connection.close()

    def ids(self, source: pa.Array, identity: pa.Array, given: pa.Array | None, without: Int64s, raw: list[bytes]) -> pa.Array:
        """Ids of a batch. `given` are ids the file has itself; `without` are the rows that have no identity but their raw bytes."""
        columns = {"source": source, "identity": identity} | ({} if given is None else {"given": given})
        self._connection.register("records", pa.table(columns))
        found = self._connection.sql(_HASHED if given is None else _IDS).to_arrow_table().column("cdr_id").combine_chunks()
        self._connection.unregister("records")
        ids = found.cast(ID)
        if not len(without):
            return ids
        names = source.dictionary_decode() if pa.types.is_dictionary(source.type) else source
        digests = self._raw_ids(names.take(pa.array(without)).to_pylist(), raw)
        mask = np.zeros(len(ids), dtype=np.bool_)
        mask[without] = True
        return pc.replace_with_mask(ids.cast(pa.binary()), pa.array(mask), pa.array(digests, pa.binary())).cast(ID)

    def _raw_ids(self, sources: list[str], raw: list[bytes]) -> list[bytes]:
        """Ids of records that are known by their bytes: equal ones are told apart by the number of their occurrence in the file."""
        digests = [hashlib.sha256(source.encode() + b"\x1f" + each).digest() for source, each in zip(sources, raw, strict=True)]
        halves = np.frombuffer(b"".join(each[:16] for each in digests), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        place = np.arange(len(halves))
        now = pa.table({"place": pa.array(place), "high": pa.array(halves[:, 0]), "low": pa.array(halves[:, 1])})
        connection = self._connection
        connection.execute("CREATE TABLE IF NOT EXISTS seen (high UBIGINT, low UBIGINT, times BIGINT)")
        connection.register("now", now)
        before = connection.sql(_SEEN).to_arrow_table().column("times").to_numpy()
        connection.execute("INSERT INTO seen SELECT high, low, count(*) FROM now GROUP BY high, low")
        connection.unregister("now")
        order = np.lexsort((place, halves[:, 1], halves[:, 0]))
        same = np.zeros(len(order), dtype=np.bool_)
        same[1:] = (halves[order[1:]] == halves[order[:-1]]).all(axis=1)
        starts = np.maximum.accumulate(np.where(same, 0, place))
        occurrence = np.empty(len(order), dtype=np.int64)
        occurrence[order] = place - starts
        numbers = (before + occurrence + 1).tolist()
        return [
            hashlib.sha256(source.encode() + b"\x1f" + each + b"\x1f" + str(number).encode()).digest()[:16]
            for source, each, number in zip(sources, raw, numbers, strict=True)
        ]


def identity_text(columns: list[pa.Array]) -> pa.Array:
    """Raw texts joined to one identity; an empty cell is an empty text."""
    return pc.binary_join_element_wise(*columns, SEPARATOR, null_handling="replace", null_replacement="")
