"""Problems of agreements and their lint."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
