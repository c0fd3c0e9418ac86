"""Tables: declared columns, sorted, filtered and paged on the server, remembered in the address, exported as they are shown.

A table reads a Django query or a DuckDB relation over sealed segments; both are bounded to one page and read nothing per row.
"""

from tollbook.web.table.columns import Column, Kind, choices
from tollbook.web.table.memory_rows import MemoryRows
from tollbook.web.table.query_rows import QueryRows
from tollbook.web.table.segment_rows import SegmentRows
from tollbook.web.table.table import Table

__all__ = ["Column", "Kind", "MemoryRows", "QueryRows", "SegmentRows", "Table", "choices"]
