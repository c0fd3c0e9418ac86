"""Problems of closes, packs and their verification."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
