"""One side of a comparison: its files read into canonical records on disk, or an Arrow table as it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from tollbook.core.cdr import CDR
from tollbook.core.problem import refuse
from tollbook.core.zone import Zone
from tollbook.engine.collection import canonical_batches, digest_of
from tollbook.formats.cdr.profile import detect_profile, find_profile

Records: TypeAlias = str | Path | Sequence[str | Path] | pa.Table | pa.RecordBatchReader


@dataclass
class Side:
    """The canonical records of one side as Parquet files, what was read of each input, and the problems of its records."""

    name: str
    parquet: list[Path] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    problems: list[pa.Table] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    zone: Zone | None = None


def read_side(records: Records, name: str, folder: Path, format_name: str | Path | None) -> Side:
    """Read everything of one side. `name` is OURS or THEIRS; `format_name` a built-in format or the path of a mapping, else it is detected.

    Raises `Refusal` where a file cannot be read at all. Records that cannot be read become problems.
    """
    side = Side(name)
    if isinstance(records, pa.Table | pa.RecordBatchReader):
        _take_table(side, records, folder / f"{name.lower()}.parquet")
        return side
    paths = [Path(records)] if isinstance(records, str | Path) else [Path(each) for each in records]
    if not paths:
        raise refuse("RECONCILE_NOTHING", f"There is no file of {name.lower()}.")
    for number, path in enumerate(paths):
        _read_file(side, path, folder / f"{name.lower()}-{number}.parquet", format_name)
    return side


def _take_table(side: Side, records: pa.Table | pa.RecordBatchReader, target: Path) -> None:
    reader = records.to_reader() if isinstance(records, pa.Table) else records
    if reader.schema.names != CDR.names:
        raise refuse("RECONCILE_COLUMNS", file=side.name.lower())
    count = 0
    with pq.ParquetWriter(target, CDR) as writer:
        for batch in reader:
            writer.write_table(pa.Table.from_batches([batch]).cast(CDR))
            count += batch.num_rows
    side.parquet.append(target)
    side.inputs.append(input_row(side.name, "a table", "canonical columns", "", "", count, count))


def _read_file(side: Side, path: Path, target: Path, format_name: str | Path | None) -> None:
    digest = digest_of(path)
    profile = find_profile(format_name) if format_name else detect_profile(path)
    read = accepted = 0
    with pq.ParquetWriter(target, CDR) as writer:
        for batch in canonical_batches(path, profile, profile.source or side.name.lower(), side=side.name, file_digest=digest):
            writer.write_table(batch.cdrs)
            read += batch.read
            accepted += batch.accepted
            if batch.problems.num_rows:
                side.problems.append(batch.problems)
    side.zone = side.zone or profile.zone
    side.files[digest] = path.name
    side.parquet.append(target)
    zone = profile.zone.name if profile.zone else ""
    side.inputs.append(input_row(side.name, path.name, profile.name, zone, digest, read, accepted))


def input_row(side: str, file: str, form: str, zone: str, digest: str, read: int, accepted: int) -> dict[str, Any]:
    """One line of the summary's inputs: read = accepted + problems, in records (rows, for a deck)."""
    return {
        "side": side,
        "file": file,
        "format": form,
        "zone": zone,
        "digest": digest,
        "read": read,
        "accepted": accepted,
        "problems": read - accepted,
    }
