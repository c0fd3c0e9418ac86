"""The kinds of table a book keeps: schema, key, what is outside of TD1, and how a row finds its UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core import cdr
from tollbook.core.digest import TableDigest


@dataclass(frozen=True, slots=True)
class TableKind:
    """One kind of table. `anchors` are the instants that date a row, the first one present decides; none for tables without a day.

    Where no key is unique, the rows are ordered by every column that counts, and equal rows are simply equal.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    unique: bool = True

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that order the rows for TD1."""
        if self.unique:
            return self.key
        rest = sorted(name for name in self.schema.names if name not in self.key and name not in self.excluded)
        return (*self.key, *rest)

    def digest(self) -> TableDigest:
        """A fresh TD1 for rows of this kind, which arrive in `order`."""
        return TableDigest(self.schema, self.order, excluded=self.excluded, unique=self.unique)


KINDS: Final[dict[str, TableKind]] = {
    kind.name: kind
    for kind in (
        TableKind("cdr", cdr.CDR, cdr.CDR_KEY, cdr.PROVENANCE, ("answer_at", "setup_at", "alert_at", "release_at")),
        TableKind("mark", cdr.MARK, cdr.MARK_KEY),
        TableKind("charge", cdr.CHARGE, cdr.CHARGE_KEY, (), ("anchor_at",)),
        TableKind("match", cdr.MATCH, cdr.MATCH_KEY),
        TableKind("variance", cdr.VARIANCE, cdr.VARIANCE_KEY),
        # A problem is known by what is wrong; where in which file it stood is provenance.
        TableKind("problem", cdr.PROBLEM, ("code", "column"), ("file_digest", "record_no"), (), unique=False),
        TableKind("kpi", cdr.KPI, cdr.KPI_KEY, (), ("hour",)),
        TableKind("counter", cdr.COUNTER, ("source", "trunk", "hour"), (), ("hour",)),
    )
}


def anchor_of(rows: pa.Table | pa.RecordBatch, kind: TableKind) -> pa.Array | pa.ChunkedArray | None:
    """The instant that dates each row, null where it has none; None for a kind without days."""
    if not kind.anchors:
        return None
    return pc.coalesce(*(rows.column(name) for name in kind.anchors))
