"""What a process of the web application does before it serves: whatever the first request would otherwise wait for."""

from __future__ import annotations

import pyarrow as pa


def make_ready() -> None:
    """Loads the stages a page asks (the price function takes seconds to import), the compiled look-ups, and the database over segments."""
    from tollbook.engine import number, segment_keys
    from tollbook.flow import explain  # noqa: F401 - the import is the work
    from tollbook.web import segments, urls  # noqa: F401

    segment_keys.number_bounds("0")
    segment_keys.text_bounds("")
    segment_keys.number_keys(pa.array(["0"]))
    number.number_keys(pa.array(["0"]))
    segments.connection().execute("SELECT 1")
