"""Problems of agreements and their lint."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS = {
    "FX_INVALID": Kind(Severity.FATAL, "The document of exchange rates cannot be used.", "Write it as docs/rules/fx.md shows."),
    "AGREEMENT_NOT_TOML": Kind(Severity.FATAL, "The agreement is not valid TOML.", "Mend the line named in the reason."),
    "AGREEMENT_FORMAT": Kind(
        Severity.FATAL,
        "The document does not say that it is an agreement this version can read.",
        'Begin it with format = "tollbook-agreement/1", or use a newer version of Tollbook.',
    ),
    "AGREEMENT_KEY_MISSING": Kind(
        Severity.FATAL, "A key that has no default is missing.", "Add the key; docs/reference/agreement.md lists them all."
    ),
    "AGREEMENT_KEY_UNKNOWN": Kind(
        Severity.FATAL,
        "The agreement has a key that means nothing here, so a term would be ignored.",
        "Correct its spelling or remove it; docs/reference/agreement.md lists all keys.",
    ),
    "AGREEMENT_VALUE": Kind(Severity.FATAL, "A key has a value outside its allowed values.", "Use one of the allowed values."),
    "AGREEMENT_CLAUSE_MISSING": Kind(
        Severity.WARNING,
        "A table that changes money names no clause of the contract.",
        'Add clause = "..." to the table, so that every amount can name its ground.',
    ),
    "AGREEMENT_CLAUSE_UNKNOWN": Kind(
        Severity.WARNING, "A table names a clause whose text is not in the document.", 'Add [clauses."..."] with its title and text.'
    ),
    "AGREEMENT_TERM_NOT_APPLIED": Kind(
        Severity.WARNING,
        "The term is kept with the agreement, but this version does not apply it.",
        "Settle this term by hand and note it with the close.",
    ),
}
