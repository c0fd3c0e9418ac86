-- One side's records of one leg, reduced to what matching cannot work out again. Their row ids name the records from here on.
-- Identifiers are 64-bit hashes here: two that are different and meet by chance would have to agree in numbers and time as well.
-- A caller that is missing, anonymous, masked or zeros is null.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT
    {columns}
    cdr_id, epoch_ms(answer_at) AS answer_written, epoch_ms(release_at) AS release_written, duration_ms AS duration,
    coalesce(duration_ms > 0 OR release_at > answer_at OR sip_code = 200, false) AS answered,
    nullif(coalesce(b_e164, regexp_replace(b_raw, '[^0-9]', '', 'g')), '') AS b,
    CASE
        WHEN a_class IN ('ANONYMOUS', 'MISSING', 'MASKED', 'NON_NUMERIC') THEN NULL
        WHEN a_e164 IS NOT NULL THEN CASE WHEN ltrim(a_e164, '0') <> '' THEN a_e164 END
        WHEN regexp_full_match(a_raw, '\+?[0-9 ().-]*[1-9][0-9 ().-]*') THEN regexp_replace(a_raw, '[^0-9]', '', 'g')
    END AS a
FROM {view}
WHERE leg = '{leg}'
