-- The records with their numbers and the times that follow from those written. A record whose switch wrote no answer has it from release and
-- duration; the release is the answer plus the duration.
SELECT * EXCLUDE (answer_written),
    CASE WHEN length(a) >= 7 THEN right(a, 7) END AS a_last,
    hash(right(b, 8)) AS b_last,
    CASE WHEN answered AND answer IS NOT NULL THEN answer + duration ELSE release_written END AS release,
    coalesce(setup, answer, release_written) AS start,
    CASE WHEN answered THEN coalesce(answer, setup) ELSE coalesce(setup, answer, release_written) END AS anchor
FROM (
    SELECT *, {constants}
        CASE WHEN answered THEN coalesce(answer_written, release_written - duration) ELSE answer_written END AS answer
    FROM {source}
)
