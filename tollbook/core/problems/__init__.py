"""The closed catalogue of problem codes, a file per room of the house. A code that was ever published keeps its meaning."""

from tollbook.core.problems import agreements, api, books, cases, cdrs, closes, decks, files, jobs, reconciliations, serving
from tollbook.core.problems.kinds import Kind, Severity

CATALOGUE: dict[str, Kind] = {
    **files.KINDS,
    **cdrs.KINDS,
    **decks.KINDS,
    **agreements.KINDS,
    **reconciliations.KINDS,
    **books.KINDS,
    **closes.KINDS,
    **cases.KINDS,
    **jobs.KINDS,
    **serving.KINDS,
    **api.KINDS,
}

__all__ = ["CATALOGUE", "Kind", "Severity"]
