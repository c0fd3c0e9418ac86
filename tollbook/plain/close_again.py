"""A close on its way through verification: its evidence as files, what was computed again so far, and the checks.

Steps that do not rest on one another run side by side. Each has a connection of its own over the same tables and a list of checks of
its own, so that what is found and the order in which it is said do not depend on which step was quicker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tollbook.core.agreement import Agreement
from tollbook.core.deck import Deck
from tollbook.core.evidence import Pack
from tollbook.engine import derivation
from tollbook.engine.database import another_connection
from tollbook.formats.cdr.profile_words import SourceProfile
from tollbook.plain.verification import Verification

BLOCK_BYTES: Final = 1 << 20
# Most steps wait for DuckDB or for compiled code, both of which let another step run meanwhile.
STEPS_AT_ONCE: Final = 2


@dataclass(slots=True)
class CloseAgain:
    """A close being computed again."""

    pack: Pack
    folder: Path
    found: Verification
    connection: duckdb.DuckDBPyConnection
    agreements: dict[str, Agreement] = field(default_factory=dict)
    decks: dict[str, Deck] = field(default_factory=dict)
    profiles: list[SourceProfile] = field(default_factory=list)
    sealed: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    made: dict[tuple[str, str, str], Path] = field(default_factory=dict)
    # The pack is one stream with one place to read from, and a part is unpacked once.
    reading: threading.RLock = field(default_factory=threading.RLock)

    @property
    def manifest(self) -> Any:
        return self.pack.manifest

    def part(self, name: str) -> bytes:
        """The content of one part; KeyError where the pack has none of that name."""
        with self.reading:
            return self.pack.part(name)

    def path_of(self, part: str) -> Path:
        """A part as a file under its own name: readers look at the suffix."""
        path = self.folder / part
        with self.reading:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                entry = self.pack.entries[part]
                self.pack.stream.seek(entry.offset)
                with path.open("wb") as target:
                    left = entry.size
                    while left:
                        block = self.pack.stream.read(min(left, BLOCK_BYTES))
                        target.write(block)
                        left -= len(block)
        return path

    def together(self, steps: Sequence[Step]) -> None:
        """Runs steps side by side; their checks are added in the order of the steps. What a step raises is raised."""

        def work(step: Step) -> Verification:
            found = Verification(self.found.file)
            with closing(another_connection(self.connection)) as connection:
                step(replace(self, found=found, connection=connection))
            return found

        with ThreadPoolExecutor(STEPS_AT_ONCE) as pool:
            for found in pool.map(work, steps):
                self.found.checks += found.checks
                self.found.problems += found.problems

    def write(self, stage: str, scope: str, kind: str, tables: Iterator[pa.Table] | list[pa.Table], schema: pa.Schema) -> Path:
        """Rows that were computed again, kept as a file for the stages after."""
        path = self.folder / f"{stage}-{scope.replace('/', '-')}-{kind}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table.cast(schema))
        self.made[stage, scope, kind] = path
        return path

    def compare(self, stage: str, scope: str, kind: str) -> None:
        """The TD1 of what was computed against the one that was sealed."""
        view = derivation.open_files(self.connection, "computed", kind, [self.made[stage, scope, kind]])
        td1, rows = derivation.view_digest(self.connection, view, kind)
        expected = self.sealed[stage, scope]["tables"][kind]
        self.found.add(
            f"{stage} {scope} {kind}", f"{stage.capitalize()} of {scope}: {rows:,} {kind} rows come out again.", expected["td1"], td1
        )

    def table(self, stage: str, scope: str, kind: str) -> pa.Table:
        return pq.read_table(self.made[stage, scope, kind])


Step: TypeAlias = Callable[[CloseAgain], None]
