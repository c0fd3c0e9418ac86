"""Problems of any file, whatever it holds."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS = {
    "BENCH_UNKNOWN": Kind(Severity.FATAL, "There is no such bench.", "Run tollbook bench --help for their names."),
    "COMMAND_USAGE": Kind(
        Severity.FATAL, "The command was not called as it wants to be.", "Add --help to it for what it takes, with an example."
    ),
    "DEFECT": Kind(
        Severity.FATAL,
        "Tollbook itself made a mistake; your files are unchanged.",
        "Report it with the details; nothing that was sealed is lost.",
    ),
    "FILE_MISSING": Kind(Severity.FATAL, "The file does not exist.", "Check the path and try again."),
    "FILE_UNREADABLE": Kind(
        Severity.FATAL, "The file cannot be read.", "Check its permissions and that it is complete, then send it again."
    ),
    "FILE_EMPTY": Kind(Severity.FATAL, "The file holds no records.", "Ask the sender for the file again.", "partner"),
    "FILE_TOO_LARGE": Kind(Severity.FATAL, "The file is larger than the limit.", "Split the file, or raise the limit in the settings."),
    "FILE_COMPRESSION_RATIO": Kind(
        Severity.FATAL, "The file expands beyond the allowed ratio.", "Unpack it yourself and look at it before you ingest it."
    ),
    "FILE_FORMAT_UNKNOWN": Kind(
        Severity.FATAL, "No known format reads this file.", "Name a format with --format, or write a mapping (docs/guides/mapping.md)."
    ),
    "FILE_ENCODING": Kind(Severity.FATAL, "The bytes are not text in the declared encoding.", "Declare the right encoding in the profile."),
    "OUTPUT_UNWRITABLE": Kind(Severity.FATAL, "The output cannot be written.", "Choose a folder that exists and can be written to."),
}
