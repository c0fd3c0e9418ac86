-- One side's records of one leg, reduced to what matching compares. Its row ids name the records from here on.
-- Identifiers are 64-bit hashes here: two that are different and meet by chance would have to agree in numbers and time as well.
-- A caller that is missing, anonymous or masked is null. A record whose switch wrote no answer time gets it from release and duration.
CREATE OR REPLACE TEMP TABLE {table} AS
WITH record AS (
    SELECT
        {keys}
        cdr_id, leg_no, {source_no} AS source_no, {file}
        epoch_ms(setup_at) AS setup, epoch_ms(answer_at) AS answer_written, epoch_ms(release_at) AS release_written,
        duration_ms AS duration,
        coalesce(duration_ms > 0 OR release_at > answer_at OR sip_code = 200, false) AS answered,
        nullif(coalesce(b_e164, regexp_replace(b_raw, '[^0-9]', '', 'g')), '') AS b,
        nullif(routing_number, '') AS routing,
        CASE
            WHEN a_class IN ('ANONYMOUS', 'MISSING', 'MASKED', 'NON_NUMERIC') THEN NULL
            WHEN a_e164 IS NOT NULL THEN a_e164
            WHEN regexp_full_match(a_raw, '\+?[0-9 ().-]+') THEN regexp_replace(a_raw, '[^0-9]', '', 'g')
        END AS caller
    FROM {view}
    WHERE leg = '{leg}'
), timed AS (
    SELECT * EXCLUDE (caller),
        CASE WHEN ltrim(caller, '0') <> '' THEN caller END AS a,
        CASE WHEN answered THEN coalesce(answer_written, release_written - duration) ELSE answer_written END AS answer
    FROM record
)
SELECT * EXCLUDE (answer_written),
    CASE WHEN length(a) >= 7 THEN right(a, 7) END AS a_last,
    hash(right(b, 8)) AS b_last,
    CASE WHEN answered AND answer IS NOT NULL THEN answer + duration ELSE release_written END AS release,
    coalesce(setup, answer, release_written) AS start,
    CASE WHEN answered THEN coalesce(answer, setup) ELSE coalesce(setup, answer, release_written) END AS anchor
FROM timed
