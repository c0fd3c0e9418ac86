"""Problems of rate decks and their import."""

from tollbook.core.problems.kinds import Kind

KINDS: dict[str, Kind] = {}
