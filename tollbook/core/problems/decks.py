"""Problems of rate decks, their import, their timeline and the prices they give."""

from tollbook.core.problems.kinds import Kind, Severity

_ERROR, _FATAL, _INFO, _WARNING = Severity.ERROR, Severity.FATAL, Severity.INFO, Severity.WARNING
_PARTNER = "partner"
_LEFT_OUT = "The row is left out until it is mended."
_PROFILE = "in a deck profile (docs/rules/decks.md)"

# The document as a whole.
DOCUMENT = {
    "DECK_COLUMN_AMBIGUOUS": Kind(_FATAL, "Two columns mean the same thing.", f"Name the column to use {_PROFILE}."),
    "DECK_COLUMN_MISSING": Kind(
        _FATAL, "A column named in the profile is not in the deck.", "Correct the profile, or ask for the usual layout."
    ),
    "DECK_COLUMN_UNSUPPORTED": Kind(
        _FATAL, "A column changes prices in a way that is not applied.", f"Map it, or list it under ignore, {_PROFILE}."
    ),
    "DECK_COLUMN_UNUSED": Kind(_INFO, "Columns that are not used.", "Map them in a deck profile if they carry prices."),
    "DECK_CURRENCY_DIFFERS": Kind(
        _FATAL, "The deck is in another currency than the agreement.", "Use the right deck: rates are never converted silently."
    ),
    "DECK_CURRENCY_MIXED": Kind(_FATAL, "The deck names more than one currency.", "Ask for one deck per currency.", _PARTNER),
    "DECK_CURRENCY_UNKNOWN": Kind(_WARNING, "The deck names no currency.", f"Name it {_PROFILE}, or give an agreement."),
    "DECK_HEADER_NOT_FOUND": Kind(
        _FATAL, "No header row with a code and a rate in the first 20 rows.", f"Name the header row and the columns {_PROFILE}."
    ),
    "DECK_NO_ROWS": Kind(_FATAL, "The deck has no usable row.", "Mend the rows named by the other problems.", _PARTNER),
    "DECK_PROFILE_INVALID": Kind(
        _FATAL, "The deck profile cannot be used.", "Correct the key named here (docs/rules/decks.md lists them)."
    ),
    "DECK_RECEIVED_MIXED": Kind(_FATAL, "The deck names more than one instant of receipt.", "Keep one file per received deck."),
    "DECK_SHEET_MISSING": Kind(_FATAL, "The workbook has no such sheet, or several and none is chosen.", f"Name the sheet {_PROFILE}."),
    "DECK_TOO_MANY_ROWS": Kind(_FATAL, "The deck has more rows than the limit.", "Split it by destination."),
    "DUPLICATE_CONFLICT": Kind(
        _FATAL,
        "A code has two different prices for the same time.",
        "Ask which row holds; nothing of the deck is used until then.",
        _PARTNER,
    ),
    "NO_TIMESTAMP": Kind(
        _WARNING, "No effective date is given.", "Ask for the date; until then the row counts from receipt, or from the beginning."
    ),
}

# Cells of one row.
CELLS = {
    "CHANGE_UNKNOWN": Kind(
        _WARNING, "The change or status word is not known.", "The row counts as active; map the word if it means closed or blocked."
    ),
    "CODE_AMBIGUOUS": Kind(_ERROR, "The code list can be read in two ways.", f"{_LEFT_OUT} Freeze dash_mode or the separator {_PROFILE}."),
    "CODE_DASH_READ": Kind(
        _INFO, "A dash in a code list was read as a range or as two parts.", "Confirm it once, and freeze dash_mode in the profile."
    ),
    "CODE_DATE": Kind(_ERROR, "A spreadsheet turned the code into a date.", f"{_LEFT_OUT} Ask for the code as text.", _PARTNER),
    "CODE_DESCENDING": Kind(_ERROR, "The range of codes runs backwards.", _LEFT_OUT, _PARTNER),
    "CODE_MISSING": Kind(_ERROR, "The row has a price but no code.", _LEFT_OUT, _PARTNER),
    "CODE_REPAIRED": Kind(
        _WARNING, "The code was a number with a zero fraction and was read as digits.", "Ask for codes as text.", _PARTNER
    ),
    "CODE_SCIENTIFIC": Kind(
        _ERROR, "The code is in scientific notation and has lost digits.", f"{_LEFT_OUT} Ask for the code as text.", _PARTNER
    ),
    "CODE_TOO_MANY": Kind(_ERROR, "One cell stands for more than 10,000 codes.", f"{_LEFT_OUT} Ask for shorter codes.", _PARTNER),
    "CODE_UNREADABLE": Kind(_ERROR, "The cell is not a code of 1 to 15 digits.", _LEFT_OUT, _PARTNER),
    "CURRENCY_UNREADABLE": Kind(_ERROR, "The cell is not an ISO 4217 currency code.", _LEFT_OUT, _PARTNER),
    "DATE_AMBIGUOUS": Kind(_ERROR, "Day and month cannot be told apart in this notation.", f"{_LEFT_OUT} Name date_format {_PROFILE}."),
    "DATE_UNREADABLE": Kind(_ERROR, "The cell is not a date.", _LEFT_OUT, _PARTNER),
    "DUPLICATE_ROW": Kind(_WARNING, "The same code and price stand in the deck twice.", "Nothing is lost; one of the rows is used."),
    "END_BEFORE_START": Kind(_ERROR, "The row ends before it starts.", _LEFT_OUT, _PARTNER),
    "INCREMENT_AMBIGUOUS": Kind(
        _ERROR, "A spreadsheet turned the increment into a date that can be read in two ways.", f"{_LEFT_OUT} Name date_format {_PROFILE}."
    ),
    "INCREMENT_MISSING": Kind(
        _WARNING, "No billing increment is given; 1/1 is used.", "Ask for the increment, or name increment_default in the profile."
    ),
    "INCREMENT_REPAIRED": Kind(
        _INFO, "A spreadsheet turned the increment into a date; it was turned back.", "Ask for increments as text.", _PARTNER
    ),
    "INCREMENT_UNREADABLE": Kind(_ERROR, "The cell is not a billing increment.", _LEFT_OUT, _PARTNER),
    "NUMBER_UNREADABLE": Kind(_ERROR, "The cell is not a plain number.", _LEFT_OUT, _PARTNER),
    "RATE_BLOCKED": Kind(_WARNING, "The row has no rate and blocks its code.", "Calls to the code get no price; ask for the rate."),
    "RATE_DECIMAL_COMMA": Kind(_ERROR, "A comma may be a decimal or a thousands separator.", f"{_LEFT_OUT} Name decimal {_PROFILE}."),
    "RATE_TOO_FINE": Kind(_ERROR, "The amount is finer than a billionth.", f"{_LEFT_OUT} Name rate_rounding {_PROFILE}."),
    "RATE_TOO_LARGE": Kind(
        _ERROR, "A call of a day at this price would not fit the exact arithmetic.", f"{_LEFT_OUT} Check the scale of the deck."
    ),
    "RATE_UNREADABLE": Kind(_ERROR, "The cell is not a price.", _LEFT_OUT, _PARTNER),
    "RATE_ZERO": Kind(_ERROR, "A rate of zero is not allowed.", f"{_LEFT_OUT} Set allow_zero {_PROFILE} if the code is free."),
    "ROW_QUOTE_OPEN": Kind(_ERROR, "A quote opens in the row and does not close.", _LEFT_OUT, _PARTNER),
    "ROW_SKIPPED": Kind(_INFO, "Rows without code and price, such as notes.", "Nothing, if they are notes."),
}

# The timeline of versions, and the price of a call.
TIMELINE = {
    "CHANGE_TYPE_MISMATCH": Kind(
        _WARNING, "The declared change is not what the rates say.", "The computed change counts; tell the sender.", _PARTNER
    ),
    "DECK_GAP": Kind(
        _WARNING,
        "A code has no price between two of its rows.",
        "Ask for the missing price: calls in the gap get the shorter code's, or none.",
        _PARTNER,
    ),
    "DECK_TOO_LARGE": Kind(_FATAL, "The timeline has more pieces than fit.", "Close old versions of the deck."),
    "DECK_GUARD": Kind(_WARNING, "The new version changes unusually much.", "Look at it before it becomes active."),
    "NOTICE_DEFERRED": Kind(
        _WARNING, "The notice is too short; the row starts later than claimed.", "Tell the sender from when the price counts.", _PARTNER
    ),
    "NOTICE_REJECTED": Kind(_ERROR, "The notice is too short and the agreement refuses the row.", "Ask for a new notice.", _PARTNER),
    "PENDING_CANCELLED": Kind(_INFO, "A newer version voids a row that had not started yet.", "Nothing, if that is what the sender meant."),
    "RETROACTIVE": Kind(
        _WARNING, "The row claims to start before it was received.", "It counts from receipt at the earliest; tell the sender.", _PARTNER
    ),
    # What stands in the problem column of a rated record.
    "BLOCKED": Kind(_ERROR, "The code is blocked: the call has no price.", "Find out why traffic went there, and agree a price."),
    "HELD": Kind(_ERROR, "The price cannot be decided from this record.", "Look at its times and duration."),
    "UNRATED": Kind(_ERROR, "No code of the deck has a price for this call.", "Ask for the missing price, or correct the called number."),
}

KINDS: dict[str, Kind] = {**DOCUMENT, **CELLS, **TIMELINE}
