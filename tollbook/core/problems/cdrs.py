"""Problems of CDR files and mediation."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
