"""What one version of a deck changes against another, code by code, in columns. See docs/rules/decks.md, "Changes and notice"."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from tollbook.core.deck import FULL, Deck

CHANGES: Final = ("NEW", "INCREASE", "INCREMENTS", "DECREASE", "CLOSED", "BLOCKED", "RENAME")
_ROWS: Final = """
SELECT code, CAST(destination AS VARCHAR) AS destination, rate_nanos, minimum_s, step_s, CAST(status AS VARCHAR) AS status,
    effective_from, row
FROM {name} QUALIFY row_number() OVER (PARTITION BY code ORDER BY effective_from DESC NULLS LAST, row DESC) = 1
"""
# The rows of a code in force last are compared. A coarser step with the same rate costs more, so it needs the same notice as an increase.
_QUERY: Final = """
WITH old AS ({old}), new AS ({new}), joined AS (
    SELECT coalesce(new.code, old.code) AS code, coalesce(new.destination, old.destination) AS destination,
        old.destination AS old_destination,
        old.rate_nanos AS old_rate, new.rate_nanos AS new_rate, old.minimum_s || '/' || old.step_s AS old_increments,
        new.minimum_s || '/' || new.step_s AS new_increments, epoch_ms(new.effective_from) AS from_ms, new.row AS row,
        CASE
            WHEN new.code IS NULL THEN CASE WHEN old.status = 'ACTIVE' AND {is_full} THEN 'CLOSED' END
            WHEN new.status = 'BLOCKED' THEN CASE WHEN old.status IS DISTINCT FROM 'BLOCKED' THEN 'BLOCKED' END
            WHEN new.status = 'DELETED' THEN CASE WHEN old.status = 'ACTIVE' THEN 'CLOSED' END
            WHEN old.code IS NULL OR old.status <> 'ACTIVE' THEN 'NEW'
            WHEN new.rate_nanos > old.rate_nanos THEN 'INCREASE'
            WHEN new.rate_nanos < old.rate_nanos THEN 'DECREASE'
            WHEN new.minimum_s <> old.minimum_s OR new.step_s <> old.step_s THEN 'INCREMENTS'
            WHEN new.destination <> old.destination THEN 'RENAME' END AS change
    FROM new FULL JOIN old ON new.code = old.code
)
SELECT *, new_rate - old_rate AS difference,
    CASE WHEN change IN ('INCREASE', 'INCREMENTS') AND from_ms < {earliest} THEN 'too short'
        WHEN change IN ('INCREASE', 'INCREMENTS') THEN 'kept' END AS notice
FROM joined WHERE change IS NOT NULL
"""


def relation(connection: duckdb.DuckDBPyConnection, old: Deck, new: Deck, *, earliest_increase_ms: int) -> str:
    """A SELECT of the codes that differ: code, change, destinations, rates, increments, from when as claimed, and whether an increase
    claims to begin before it may. A code that is absent from a partial version is unchanged."""
    connection.register("deck_old", _plain(old))
    connection.register("deck_new", _plain(new))
    return _QUERY.format(
        old=_ROWS.format(name="deck_old"),
        new=_ROWS.format(name="deck_new"),
        is_full="true" if new.mode == FULL else "false",
        earliest=int(earliest_increase_ms),
    )


def _plain(deck: Deck) -> pa.Table:
    return deck.rows.select(["code", "destination", "rate_nanos", "minimum_s", "step_s", "status", "effective_from", "row"])
