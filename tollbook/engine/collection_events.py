"""Accounting events to calls: an answered INVITE and the first BYE with its Call-ID and tags, in whichever order the tags stand."""

from __future__ import annotations

from collections.abc import Iterator

from tollbook.engine.collection_rows import Options
from tollbook.formats.cdr.reader import RawBatch, SourceFile


def event_batches(file: SourceFile, options: Options) -> Iterator[RawBatch]:
    yield from file.batches()
