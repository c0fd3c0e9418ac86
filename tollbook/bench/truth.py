"""`tollbook bench truth`: how many of the true pairs of two real switches the ladder finds, and how many it makes up, by cause of the fault.

The truth comes from the ends of the calls, which neither carrier sees; it is used only to count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tollbook.core.cdr import CDR
from tollbook.core.problem import refuse
from tollbook.core.zone import Zone
from tollbook.core.zone_document import read_zone
from tollbook.engine.database import open_database
from tollbook.engine.matching import MatchResult, match
from tollbook.engine.mediation import kept, mark

LAB = Path("examples/two-carriers/lab")
# What is withheld in each mode, beside nothing at all.
MODES: dict[str, tuple[str, ...]] = {
    "all identifiers": (),
    "no charging vector": ("icid",),
    "numbers and times only": ("icid", "call_id"),
    "numbers without callers": ("icid", "call_id", "a_raw", "a_e164", "a_class"),
}
