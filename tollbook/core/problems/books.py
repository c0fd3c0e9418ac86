"""Problems of books: storage, ingest, rights."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
