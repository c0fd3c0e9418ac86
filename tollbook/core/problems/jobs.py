"""Problems of long work that was started from a page."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    "JOB_ABANDONED": Kind(
        Severity.FATAL,
        "The worker ended in the middle of this, again and again.",
        "Look at the worker's output and at the memory of its machine, then start it again.",
    ),
    "JOB_OVER": Kind(Severity.FATAL, "It is over already; nothing is left to stop.", "Look at its result."),
    "JOB_PARAMETERS": Kind(Severity.FATAL, "This cannot be started as it was asked for.", "Mend what the reason names and start it again."),
    "JOB_UNKNOWN": Kind(Severity.FATAL, "There is no long work of this kind.", "Choose one that the page offers."),
    "UPLOAD_EMPTY": Kind(Severity.FATAL, "No file came with this.", "Choose one file or several, then send them."),
}
