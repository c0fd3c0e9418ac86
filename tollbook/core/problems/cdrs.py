"""Problems of CDR files, source profiles, zones and mediation."""

from tollbook.core.problems.kinds import Kind, Severity

_FIX_ROW = "The record is left out: ask the source for it again, or mend the row."

KINDS: dict[str, Kind] = {
    # The file as it stands
    "CDR_FILE_TRUNCATED": Kind(
        Severity.FATAL, "The compressed file ends before its end mark.", "Have it sent again; nothing of it should be billed.", "partner"
    ),
    "CDR_LAST_LINE_OPEN": Kind(
        Severity.INFO, "The last line has no line end.", "If the file was cut off, have it sent again; otherwise nothing is to be done."
    ),
    "CDR_LINE_TOO_LONG": Kind(Severity.FATAL, "A line is longer than the limit.", "Check the delimiter and the quotes of the file."),
    "CDR_ROWS_LIMIT": Kind(
        Severity.FATAL, "The file holds more records than the limit.", "Split the file, or raise the limit in the settings."
    ),
    # The columns as they stand
    "CDR_COLUMN_DOUBLE": Kind(
        Severity.FATAL,
        "Two columns have the same name.",
        "Have the header mended, or set header = false and name the columns in the profile.",
    ),
    "CDR_COLUMN_LOST": Kind(
        Severity.WARNING,
        "A column that the profile reads is not in the file.",
        "Ask the source whether its export changed, then adapt the profile.",
    ),
    "CDR_COLUMN_NEEDED": Kind(
        Severity.FATAL,
        "A column without which no call can be read is not in the file.",
        "Name the right format with --format, or adapt the profile to the header.",
    ),
    "CDR_COLUMN_NEW": Kind(
        Severity.WARNING,
        "The file has a column that the profile does not know.",
        "See whether it carries money or identity; map it, or list it under unused in the profile.",
    ),
    "CDR_COLUMN_RETYPED": Kind(
        Severity.WARNING,
        "Most cells of a column do not hold what the profile reads there.",
        "Ask the source whether its export changed, then adapt the profile.",
    ),
    # One record
    "CDR_AMOUNT_UNREADABLE": Kind(
        Severity.WARNING,
        "The partner's amount is no plain decimal.",
        "The text is kept without a value; adapt the profile if this repeats.",
    ),
    "CDR_CODE_UNREADABLE": Kind(
        Severity.WARNING,
        "A cell that holds a whole number holds something else.",
        "The value is left empty; adapt the profile if this repeats.",
    ),
    "CDR_DURATION_INCONSISTENT": Kind(
        Severity.WARNING,
        "The recorded duration and the times differ by more than a second.",
        "The recorded duration is kept; look at the clock of the source if this repeats.",
    ),
    "CDR_DURATION_MISSING": Kind(
        Severity.ERROR,
        "There is no duration, and the times do not give one.",
        "Export the duration or the release time, then send the file again.",
    ),
    "CDR_DURATION_UNREADABLE": Kind(Severity.ERROR, "The duration is not a number from 0 to 31 days.", _FIX_ROW),
    "CDR_EVENT_UNPAIRED": Kind(
        Severity.ERROR,
        "An answer without its release, or a release without its answer.",
        "Add the file that holds the other half, or bill this source from its CDR table.",
    ),
    "CDR_EVENTS_JOINED": Kind(Severity.INFO, "Accounting events were put together to calls.", "Nothing is to be done."),
    "CDR_FIELD_TOO_LONG": Kind(Severity.ERROR, "A cell is longer than the limit.", "Check the delimiter and the quotes of the file."),
    "CDR_LINE_MALFORMED": Kind(Severity.ERROR, "The line does not have as many columns as the header.", _FIX_ROW),
    "CDR_NUMBER_DAMAGED": Kind(
        Severity.ERROR,
        "A spreadsheet has turned the number into a power of ten; its digits are lost.",
        "Export again without opening the file in a spreadsheet.",
        "partner",
    ),
    "CDR_NUMBER_GUESSED": Kind(
        Severity.INFO,
        "The number was taken as national or international by its look.",
        "Declare assume in the number profile of the trunk.",
    ),
    "CDR_NUMBER_INVALID": Kind(
        Severity.WARNING,
        "The called number is no E.164 number under the number profile of its trunk.",
        "Declare the tech prefix or the dialling prefixes of the trunk in its number profile.",
    ),
    "CDR_NUMBER_REPAIRED": Kind(
        Severity.INFO, "A dialling digit inside the number was taken out.", "Have the source send E.164 numbers if this repeats."
    ),
    "CDR_QUOTE_OPEN": Kind(Severity.ERROR, "A quoted cell does not end.", _FIX_ROW),
    "CDR_TEXT_ENCODING": Kind(
        Severity.ERROR, "The line is not text in the declared encoding.", "Declare the right encoding in the profile."
    ),
    "CDR_TIME_MISSING": Kind(Severity.ERROR, "The record has no time at all.", _FIX_ROW),
    "CDR_TIME_UNREADABLE": Kind(
        Severity.ERROR, "A time does not have the form the profile declares.", "Declare the form of the column under [time] in the profile."
    ),
    "CDR_TIMES_REVERSED": Kind(
        Severity.WARNING, "The release lies before the answer.", "The recorded duration is kept; look at the clock of the source."
    ),
    "CDR_TRUNK_UNKNOWN": Kind(
        Severity.WARNING, "The trunk is in no trunk map, so the call has no partner.", "Add the trunk under [trunks] in the profile."
    ),
    "CDR_VALUE_UNMAPPED": Kind(
        Severity.WARNING, "The value is none of the values the profile maps.", "Add the value under [values] in the profile."
    ),
    # Source profiles
    "SOURCE_FORMAT": Kind(
        Severity.FATAL, "The profile is no tollbook-source/1 document.", 'Begin the profile with format = "tollbook-source/1".'
    ),
    "SOURCE_KEY_UNKNOWN": Kind(
        Severity.FATAL, "The profile has a key that means nothing.", "Correct or remove the key (docs/guides/mapping.md)."
    ),
    "SOURCE_UNREADABLE": Kind(Severity.FATAL, "The profile is not TOML.", "Correct the profile at the line that is named."),
    "SOURCE_VALUE": Kind(
        Severity.FATAL, "A key of the profile has a value that cannot be used.", "Correct the value (docs/guides/mapping.md)."
    ),
    # Zones and periods
    "PERIOD_UNKNOWN": Kind(
        Severity.FATAL, "The text names no period.", "Write a month as 2026-11, a week as 2026-W47, a day as 2026-11-22."
    ),
    "ZONE_RULES": Kind(
        Severity.FATAL, "The zone document names rules.", "Name the IANA zone, or write a line for each offset with its UNTIL."
    ),
    "ZONE_UNKNOWN": Kind(Severity.FATAL, "There is no such zone.", "Write an IANA name such as Europe/Amsterdam, or give a zone document."),
    "ZONE_UNREADABLE": Kind(Severity.FATAL, "The zone document cannot be read.", "Write it as in docs/rules/time.md."),
}
