"""Problems of books: storage, ingest, rights."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    # The book itself
    "BOOK_DATABASE_MISMATCH": Kind(
        Severity.FATAL,
        "The database is not the one this book was made with.",
        "Set or unset TOLLBOOK_DATABASE_URL as it was when the book was made.",
    ),
    "BOOK_EXISTS": Kind(Severity.FATAL, "There is a book in this folder already.", "Use it, or name another folder with --book."),
    "BOOK_MISSING": Kind(
        Severity.FATAL, "There is no book in this folder.", "Make one with tollbook init, or name its folder with --book."
    ),
    "BOOK_NEWER": Kind(
        Severity.FATAL, "The book was written by a newer version of Tollbook.", "Install that version; nothing was changed."
    ),
    "BOOK_SETTINGS": Kind(
        Severity.FATAL, "The book's book.toml cannot be used.", "Mend the key it names; docs/concepts/book.md lists them all."
    ),
    # Rights and commands
    "INSTANT_INVALID": Kind(Severity.FATAL, "This is no instant.", "Write it as 2026-12-03T09:00:00Z."),
    "IDEMPOTENCY_CONFLICT": Kind(
        Severity.FATAL,
        "This idempotency key was used before with another input.",
        "Use a new key for a new command, or send the same input again.",
    ),
    "RIGHT_MISSING": Kind(
        Severity.FATAL, "The role does not have the right this needs.", "Ask the owner of the book for a role that has it."
    ),
    "USER_UNKNOWN": Kind(Severity.FATAL, "The book has no active user of this name.", "Ask the owner of the book."),
    "USER_NAME": Kind(
        Severity.FATAL,
        "Nobody can be invited by this name.",
        "Use 2 to 100 lower-case letters, digits and . _ @ -, beginning with a letter or digit, that nobody has yet.",
    ),
    "USER_PARTNER": Kind(
        Severity.FATAL, "The role and the partner do not go together.", "Name the partner for the role partner, and for no other role."
    ),
    "USER_ROLE": Kind(
        Severity.FATAL,
        "A token cannot give a role, or change who has one, with rights beyond its own.",
        "Use a token whose scope has all rights of the role, or do it on the pages as the owner.",
    ),
    "USER_LAST_OWNER": Kind(Severity.FATAL, "The book would have no owner.", "Make somebody else an owner first."),
    # Writers
    "LEASE_HELD": Kind(Severity.FATAL, "Another process is writing for this source.", "Wait until it is done, then try again."),
    "LEASE_LOST": Kind(
        Severity.FATAL, "Another process took over this source while this one worked; nothing of this part was published.", "Run it again."
    ),
    # Ingest
    "CDR_UNKNOWN": Kind(
        Severity.FATAL, "The book has no such record.", "Take the id from a report, or from matches.csv of a reconciliation."
    ),
    "CDR_CONFLICT": Kind(
        Severity.ERROR,
        "A record with the identity of a known one has another content; the known one stays.",
        "Ask the sender which is right; a corrected record comes as a credit or a new agreement, never over the old one.",
        "partner",
    ),
    "DUP_FILE": Kind(Severity.INFO, "These very bytes were ingested before for this source.", "Nothing to do: no record was read twice."),
    "RECORD_UNACCOUNTED": Kind(
        Severity.FATAL,
        "A reader lost a record: read is not accepted + duplicates + problems.",
        "Report this as a defect with the file; nothing was published.",
    ),
    "SOURCE_UNKNOWN": Kind(
        Severity.FATAL,
        "No source of the book takes this file.",
        "Name it with --source, or add its name pattern to the source's profile (files = [...]).",
    ),
    "FILE_KIND_UNKNOWN": Kind(
        Severity.ERROR,
        "What kind of file this is cannot be told from its content.",
        "Name it with --as cdr, agreement, deck, source, zone or trunks.",
    ),
    "DECK_UNCLAIMED": Kind(
        Severity.ERROR,
        "No agreement of the book names this deck.",
        "Ingest the agreement whose [decks.buy] or [decks.sell] names this file, then the deck again.",
    ),
    "AGREEMENTS_OVERLAP": Kind(
        Severity.ERROR,
        "Two agreements with a partner price the same leg at the same time.",
        "End one of them: give both the same id, so that the later version replaces the earlier.",
    ),
    "DECK_AWAITED": Kind(
        Severity.ERROR, "An agreement names a deck that the book does not have.", "Ingest the deck under the name the agreement gives it."
    ),
    "REFERENCE_MISSING": Kind(
        Severity.ERROR, "No document of this kind was in force and known at that time.", "Ingest it, or choose a later time to know from."
    ),
    # Runs
    "RUN_NOT_REPRODUCED": Kind(
        Severity.FATAL,
        "A run that was made before gives another result from the same inputs.",
        "Report this as a defect with the book's journal; the earlier result stays.",
    ),
    "NOTHING_TO_MATCH": Kind(
        Severity.ERROR,
        "The partner's records of the period are not in the book.",
        "Ask the partner for them, ingest them, then run the stage again.",
    ),
    "RUN_PARKED": Kind(
        Severity.ERROR,
        "This partner's run could not be done and is parked; the others went on.",
        "Mend what the reason names, then run the stage again.",
    ),
    # Check
    "CHECK_BATCH": Kind(
        Severity.ERROR, "A batch does not add up to its segments.", "Restore the book's folder from a backup; see docs/concepts/book.md."
    ),
    "CHECK_COMPILED_DECK": Kind(
        Severity.ERROR,
        "A compiled deck is not what its versions are compiled to: prices that were looked up in it may be wrong.",
        "Remove it with tollbook check --repair, then run the stages again: runs that used it get other results.",
    ),
    "CHECK_FILE": Kind(
        Severity.ERROR,
        "A file the book relies on is missing or altered.",
        "Restore it from a backup; its name is the SHA-256 of its content.",
    ),
    "CHECK_HEAD": Kind(Severity.ERROR, "A current run cannot be relied on.", "Run the stage again."),
    "CHECK_JOURNAL": Kind(
        Severity.ERROR,
        "The journal's chain is broken: a row was changed or removed.",
        "Compare with a backup; find out who had access to the database.",
    ),
    "CHECK_INDEX": Kind(
        Severity.ERROR,
        "The index of a segment is missing or says something else than its segment.",
        "Make it again with tollbook check --repair.",
    ),
    "CHECK_KNOWN_IDS": Kind(Severity.ERROR, "The known ids are not those of the segments.", "Rebuild them with tollbook check --repair."),
    "CHECK_LEDGER": Kind(
        Severity.ERROR, "The ledger does not balance.", "Compare with a backup; entries that do not balance were not written by Tollbook."
    ),
    "CHECK_ORPHAN": Kind(
        Severity.INFO,
        "A file belongs to nothing: what an interrupted command leaves behind.",
        "Remove such files with tollbook check --repair.",
    ),
    "CHECK_KPI": Kind(
        Severity.ERROR,
        "The key figures of a day are not what its records add up to.",
        "Restore the day's file from a backup, or report it: the same records must give the same sums.",
    ),
    "CHECK_STOPPED": Kind(
        Severity.ERROR,
        "A file is so damaged that a check cannot go on.",
        "Put the files that CHECK_FILE names back from a copy, then check again.",
    ),
    "CHECK_USAGE": Kind(Severity.ERROR, "The running usage is not what the records add up to.", "Rebuild it with tollbook check --repair."),
    "SEALED_FILE_MISSING": Kind(
        Severity.FATAL, "A sealed file is not where its digest says.", "Restore it from a backup; run tollbook check."
    ),
}
