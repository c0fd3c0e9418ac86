"""Problems of deciding exceptions and of leading disputes."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    "DISPUTE_AMOUNT": Kind(
        Severity.FATAL,
        "The amount is not one that this step can have.",
        "Give a plain amount such as 12.50: part of what is disputed where a part is accepted, 0 where nothing is credited.",
    ),
    "DISPUTE_MOVED": Kind(
        Severity.FATAL, "Somebody else took a step with the dispute meanwhile.", "Look at where it stands now and decide again."
    ),
    "DISPUTE_NOTHING_LEFT": Kind(
        Severity.FATAL,
        "All that is disputed was decided otherwise, so nothing is left to submit.",
        "Withdraw the dispute, or undo a decision about its exceptions.",
    ),
    "DISPUTE_STEP": Kind(
        Severity.FATAL, "The dispute cannot take this step now.", "Look at its state and the steps in docs/rules/settlement.md."
    ),
    "DISPUTE_TOO_LARGE": Kind(Severity.FATAL, "More is disputed than was invoiced.", "Check the disputed amount against the invoice."),
    "DISPUTE_UNKNOWN": Kind(Severity.FATAL, "The book has no such dispute.", "Take the id from the report of the close."),
    "EXCEPTION_ASSIGNEE": Kind(
        Severity.FATAL,
        "Exceptions cannot be given to this person.",
        "Choose somebody active whose role may decide exceptions (docs/concepts/rights.md).",
    ),
    "EXCEPTION_CHOICE": Kind(Severity.FATAL, "No exception was chosen, or too many at once.", "Choose at least one and at most 200."),
    "EXCEPTION_DECISION": Kind(
        Severity.FATAL,
        "This is no decision about an exception.",
        "Choose one of DISPUTED, ACCEPTED, TOLERATED, OUR_ERROR (docs/rules/reconciliation.md).",
    ),
    "EXCEPTION_IN_DISPUTE": Kind(
        Severity.FATAL,
        "The exception is part of a dispute that the partner has.",
        "Withdraw or settle the dispute; its end decides the money.",
    ),
    "EXCEPTION_LIMIT": Kind(
        Severity.FATAL,
        "The amount is more than may be tolerated without a sign-off.",
        "Dispute or accept it, or ask somebody who may sign off.",
    ),
    "EXCEPTION_NO_CLAIM": Kind(
        Severity.FATAL,
        "It costs us nothing, so there is nothing to claim.",
        "Accept or tolerate it; what they left out is accrued, not disputed.",
    ),
    "EXCEPTION_STALE": Kind(Severity.FATAL, "Somebody else worked on the exception meanwhile.", "Look at what was done and decide again."),
    "EXCEPTION_STEP": Kind(
        Severity.FATAL,
        "This cannot be done with the exception in its state.",
        "Undo its decision first; a superseded exception has a successor in the current run.",
    ),
    "EXCEPTION_UNKNOWN": Kind(Severity.FATAL, "The book has no such exception.", "Take it from the queue of exceptions."),
    "REMARK_MISSING": Kind(Severity.FATAL, "A reason is needed.", "Say in a sentence why; whoever reads the history will ask."),
    "REMARK_UNUSABLE": Kind(
        Severity.FATAL, "The text cannot be kept.", "Write at most 2,000 characters of plain text; put longer things into a file."
    ),
}
