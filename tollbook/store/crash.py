"""Named points between the steps of a commit, at which a test kills the process to prove that nothing half-done remains.

The list is closed and enumerable: the tests run the pipeline once per name and compare the result digests. Outside of such a
test `crash_point` does nothing.
"""

from __future__ import annotations

import os
from typing import Final

CRASH_VARIABLE: Final = "TOLLBOOK_CRASH_AT"
CRASH_EXIT_CODE: Final = 137

# In the order in which an ingest and a run pass them.
CRASH_POINTS: Final = (
    "file.before_write",
    "file.before_fsync",
    "file.before_rename",
    "file.after_rename",
    "file.after_folder_fsync",
    "seal.before_row",
    "seal.after_row",
    "segment.before_rename",
    "segment.after_rename",
    "known_ids.before_rename",
    "known_ids.after_rename",
    "batch.before_transaction",
    "batch.after_lease",
    "batch.after_file",
    "batch.after_batch",
    "batch.after_segments",
    "batch.after_known_ids",
    "batch.after_usage",
    "batch.after_cursor",
    "command.after_work",
    "command.after_journal",
    "command.after_commit",
    "batch.after_commit",
    "reference.before_transaction",
    "reference.after_rows",
    "reference.after_commit",
    "run.before_compute",
    "run.after_segments",
    "run.after_digest",
    "run.after_run",
    "run.after_segment_rows",
    "run.after_usage",
    "run.after_head",
    "run.after_commit",
    "document.after_number",
    "document.after_row",
    "document.after_postings",
    "dispute.after_row",
    "close.before_pack",
    "close.after_pack",
    "close.before_transaction",
    "close.after_row",
    "close.after_commit",
)


def crash_point(name: str) -> None:
    """Ends the process at once, without any clean-up, when a test armed this point.

    TOLLBOOK_CRASH_AT holds a name, or `name:3` for the third time the point is passed.
    """
    armed = os.environ.get(CRASH_VARIABLE)
    if not armed:
        return
    assert name in CRASH_POINTS, f"{name} is not in the list of crash points"
    wanted, _, times = armed.partition(":")
    if name != wanted:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(times or "1"):
        os._exit(CRASH_EXIT_CODE)


_passed: dict[str, int] = {}
