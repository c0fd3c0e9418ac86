"""What classes, causes and match rules mean, in one sentence each: for reports, the command line and the documentation."""

from __future__ import annotations

from typing import Final

CAUSE_LABELS: Final = {
    "DURATION": "Duration",
    "INCREMENT": "Billing increment",
    "RATE": "Rate",
    "DESTINATION": "Destination",
    "TIME_SHIFT": "Clock shift at a price change",
    "ROUNDING": "Rounding",
    "FX": "Other currency",
    "FEE": "Fees",
    "MISSING_OURS": "Only in their records",
    "MISSING_THEIRS": "Only in our records",
    "DUPLICATE_THEIRS": "Billed twice by them",
    "DUPLICATE_OURS": "Recorded twice by us",
    "ANSWER_MISMATCH": "Answered on one side only",
    "OTHER_BLOCK": "Other partner's trunk",
    "UNEXPLAINED": "Unexplained",
}

CAUSE_MEANINGS: Final = {
    "DURATION": "The same calls, counted longer or shorter on their side, priced on our terms.",
    "INCREMENT": "Their billed seconds differ from our increments applied to their own duration.",
    "RATE": "Their price per minute is not the one our deck has for the call.",
    "DESTINATION": "They rated the number as another code or destination.",
    "TIME_SHIFT": "Their clock puts the call on the other side of a price change.",
    "ROUNDING": "Amounts rounded at different places, at most one unit of the last digit per call.",
    "FX": "Stated in another currency than the agreement's.",
    "FEE": "Connection fees and other charges per call.",
    "MISSING_OURS": "They bill calls of which we have no record.",
    "MISSING_THEIRS": "We have records of calls they do not bill.",
    "DUPLICATE_THEIRS": "The same call stands in their records more than once.",
    "DUPLICATE_OURS": "The same call stands in our records more than once; it is counted once.",
    "ANSWER_MISMATCH": "One side says answered, the other says that nobody answered.",
    "OTHER_BLOCK": "Records of ours that belong to another partner and are no part of this comparison.",
    "UNEXPLAINED": "What no cause accounts for. Never cleared by itself.",
}

# A class is called as the cause that weighs in it, so that a difference has one name on every page and in every report.
CLASS_LABELS: Final = {
    **{name: CAUSE_LABELS[name] for name in ("DUPLICATE_THEIRS", "DUPLICATE_OURS", "ANSWER_MISMATCH", "MISSING_OURS", "MISSING_THEIRS")},
    **{name: CAUSE_LABELS[name] for name in ("TIME_SHIFT", "ROUNDING", "OTHER_BLOCK")},
    "CURRENCY_MISMATCH": CAUSE_LABELS["FX"],
    "DESTINATION_MISMATCH": CAUSE_LABELS["DESTINATION"],
    "DURATION_VARIANCE": CAUSE_LABELS["DURATION"],
    "INCREMENT_VARIANCE": CAUSE_LABELS["INCREMENT"],
    "RATE_VARIANCE": CAUSE_LABELS["RATE"],
    "MATCHED": "Agrees within tolerance",
}

REASON_LABELS: Final = {
    "MISSING_OURS": "They have it, we do not",
    "MISSING_THEIRS": "We have it, they do not",
    "ZERO_DURATION": "Lasted 0 seconds, no counterpart",
    "UNANSWERED": "Attempt without an answer, no counterpart",
    "DUP_EXACT": "Exact repeat of a kept record",
    "DUP_RELOAD": "Second record written by a switch after its restart",
    "OTHER_BLOCK": "Belongs to another partner",
}

RULE_TITLES: Final = {
    "R0": "Shared billing reference",
    "R1": "Call-ID",
    "R2": "Charging vector (ICID)",
    "R3": "Related ICID",
    "R4": "Session-ID",
    "R5": "Circuit",
    "R6": "Both numbers, answer and duration within 2 s",
    "R7": "Called number, answer within 5 s",
    "R8": "Called number, one end of the call",
    "R9": "Last 8 digits of the called number",
    "R10": "Only candidate on both sides",
    "R11": "Several records against one",
    "R12": "Minute precision",
}

OUTCOME_SENTENCES: Final = {
    "ACCEPT": "Inside the error budget: settled as it is, the difference is booked to the tolerance.",
    "LINES": "Some destinations are beyond their guard and go to dispute; the rest is inside the error budget.",
    "DISPUTE": "Outside the error budget: the variance goes to dispute.",
    "ACCRUE": "Outside the error budget, in our favour: accrued, not disputed.",
}


def rule_title(rule: str) -> str:
    """The title of a match rule; a sub-rule (R8/ANSWER) is named after its rule."""
    head, _, tail = rule.partition("/")
    title = RULE_TITLES.get(head, head)
    return f"{title}: {tail.lower().replace('_', ' ')}" if tail else title
