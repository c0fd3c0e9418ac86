"""Problems of matching and reconciliation."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
