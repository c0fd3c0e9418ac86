"""Problems of the API: what is wrong with a request, before anything was done."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    # Who asks
    "TOKEN_MISSING": Kind(
        Severity.FATAL, "The request carries no token.", "Send Authorization: Bearer with a token that the owner of the book made."
    ),
    "TOKEN_INVALID": Kind(
        Severity.FATAL, "The book has no such token.", "Check that the whole token was sent; a lost one is replaced, never shown again."
    ),
    "TOKEN_EXPIRED": Kind(Severity.FATAL, "The token has expired.", "Ask the owner of the book for a new one."),
    "TOKEN_REVOKED": Kind(Severity.FATAL, "The token was revoked.", "Ask the owner of the book for a new one."),
    "TOKEN_TRIES": Kind(
        Severity.FATAL, "Too many wrong tokens came from this address.", "Wait as long as Retry-After says, then send the right token."
    ),
    # Making tokens
    "TOKEN_NAME": Kind(
        Severity.FATAL,
        "This cannot be the name of a token.",
        "Use 2 to 100 lower-case letters, digits and . _ @ -, beginning with a letter or digit, that nobody has yet.",
    ),
    "TOKEN_SCOPE": Kind(
        Severity.FATAL, "A token cannot be given this right.", "Choose rights that its role has, and that you may give yourself."
    ),
    "TOKEN_PARTNER": Kind(
        Severity.FATAL, "The token's partner does not fit.", "Name a partner of the book; the role partner needs one, whatever its scope."
    ),
    "TOKEN_EXPIRY": Kind(Severity.FATAL, "A token cannot expire then.", "Choose an instant in the future, at most two years from now."),
    "TOKEN_UNKNOWN": Kind(Severity.FATAL, "The book has no token of this name.", "Look its name up in the list of tokens."),
    # The request
    "API_NOT_FOUND": Kind(
        Severity.FATAL, "There is nothing here, or it is not yours to see.", "Check the address against the list of operations."
    ),
    "API_METHOD": Kind(Severity.FATAL, "This address does not take the method.", "Use one of those that the Allow header names."),
    "API_NOT_ACCEPTABLE": Kind(
        Severity.FATAL, "The answer does not come in a form that Accept allows.", "Ask for one of the media types the reason names."
    ),
    "API_MEDIA_TYPE": Kind(
        Severity.FATAL, "The body is not of the media type this takes.", "Send the media type the reason names in Content-Type."
    ),
    "API_LENGTH": Kind(Severity.FATAL, "The request does not say how long its body is.", "Send a Content-Length."),
    "API_TOO_LARGE": Kind(
        Severity.FATAL, "The body is larger than this takes.", "Send less at once; on the server itself tollbook ingest takes any size."
    ),
    "API_PARAMETER": Kind(
        Severity.FATAL, "A parameter, a header or a field of the body is not what this takes.", "Mend what `errors` names, one by one."
    ),
    "API_CURSOR": Kind(
        Severity.FATAL,
        "The cursor does not belong to this list in this order.",
        "Begin again without one, or follow `next` as it was given.",
    ),
    "API_PRECONDITION": Kind(
        Severity.FATAL, "It was changed since you read it.", "Read it again, decide again, and send its present ETag in If-Match."
    ),
    "API_PRECONDITION_MISSING": Kind(
        Severity.FATAL,
        "The step does not say what it was decided on.",
        "Read the thing, and send its ETag in If-Match or its state in `seen_state`.",
    ),
    "API_STREAMS": Kind(
        Severity.FATAL,
        "As many watch jobs as may at a time.",
        "Try again after Retry-After, or ask for the job itself.",
    ),
    "API_FAILED": Kind(
        Severity.FATAL, "This failed on our side.", "Try again with the same Idempotency-Key; if it fails again, report the time."
    ),
    "IDEMPOTENCY_KEY_MISSING": Kind(
        Severity.FATAL,
        "This moves money, so it needs an idempotency key.",
        "Send Idempotency-Key with a text of your own that no other command has, and the same when you try again.",
    ),
    "IDEMPOTENCY_IN_PROGRESS": Kind(
        Severity.FATAL, "The command with this idempotency key is still at work.", "Wait, then send it again with the same key."
    ),
}
