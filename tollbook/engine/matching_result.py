"""What a matching run gives back: pairs and records without a partner, as one table in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.cdr import MATCH
from tollbook.core.matching.ladder import FLAGS, MATCH_NAMES
from tollbook.engine.database import sql
from tollbook.engine.matching_records import OURS, PAIRS, RAW, Room

CLASSES: Final = ("MATCHED", "ANSWER_MISMATCH", "MISSING_THEIRS", "MISSING_OURS")


def match_table(room: Room) -> pa.Table:
    """Pairs and records without a partner as the MATCH table, in the order of our then their cdr_id, none last."""
    numbers = {name.lower(): number for number, name in enumerate(CLASSES)}
    found = room.connection.sql(
        sql("matching_result").format(
            pairs=PAIRS,
            ours=OURS,
            raw=RAW,
            left_ours=room.left["ours"],
            left_theirs=room.left["theirs"],
            matched=numbers["matched"],
            mismatch=numbers["answer_mismatch"],
            missing_theirs=numbers["missing_theirs"],
            missing_ours=numbers["missing_ours"],
        )
    ).to_arrow_table()
    flags = [",".join(flag for place, flag in enumerate(FLAGS) if bits >> place & 1) for bits in range(1 << len(FLAGS))]
    words = {
        "leg": _words(pa.array(np.zeros(found.num_rows, dtype=np.int32)), [room.leg]),
        "rule": _words(found.column("name"), MATCH_NAMES),
        "class": _words(found.column("class"), CLASSES),
        "flags": _words(found.column("flags"), flags),
    }
    columns = {name: words[name] if name in words else found.column(name).cast(MATCH.field(name).type) for name in MATCH.names}
    ids = [columns[name].combine_chunks() for name in ("our_cdr_id", "their_cdr_id")]
    unordered = pa.table([columns[name] for name in MATCH.names], schema=MATCH)
    return unordered.take(pa.array(id_order(*ids)))


def id_order(ours: pa.FixedSizeBinaryArray, theirs: pa.FixedSizeBinaryArray) -> npt.NDArray[np.int64]:
    """The order of rows by two columns of 128-bit ids, nulls last: by the first 64 bits, and wholly where those are equal."""
    keys = [key for ids in (theirs, ours) for key in _sort_keys(ids)]
    first = np.where(keys[-1], np.iinfo(np.uint64).max, keys[-2])
    order = np.argsort(first, kind="stable")
    equal = first[order][1:] == first[order][:-1]
    tied = np.zeros(len(order), dtype=np.bool_)
    tied[1:] |= equal
    tied[:-1] |= equal
    rows = order[tied]
    order[tied] = rows[np.lexsort([key[rows] for key in keys])]
    return order


def _sort_keys(ids: pa.FixedSizeBinaryArray) -> list[npt.NDArray[Any]]:
    """The lower and the upper half of each id as numbers, and whether there is none: the least significant key first."""
    count = len(ids)
    buffer = ids.buffers()[1]
    if count == 0 or buffer is None:
        nothing = np.zeros(count, dtype=np.uint64)
        return [nothing, nothing, np.ones(count, dtype=np.bool_)]
    halves = np.frombuffer(buffer, dtype=">u8", count=2 * (count + ids.offset))[2 * ids.offset :].reshape(-1, 2)
    missing = ids.is_null().to_numpy(zero_copy_only=False)
    return [np.where(missing, 0, halves[:, 1].astype(np.uint64)), np.where(missing, 0, halves[:, 0].astype(np.uint64)), missing]


def _words(numbers: pa.Array | pa.ChunkedArray, names: Sequence[str]) -> pa.Array:
    """Numbers of names as a column of words."""
    whole = numbers.combine_chunks() if isinstance(numbers, pa.ChunkedArray) else numbers
    return pa.DictionaryArray.from_arrays(whole.cast(pa.int32()), pa.array(list(names), pa.string()))
