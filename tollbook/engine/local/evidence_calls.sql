-- One row per pair or single record that makes a difference, both records side by side.
-- Views: r_pairs, r_alone, r_variances of the reconciliation; r_ours, r_theirs, r_our_duplicates, r_their_duplicates (CDR).
CREATE OR REPLACE TEMP TABLE evidence_records AS
SELECT cdr_id, call_id, a_e164, b_e164, setup_at, answer_at, release_at, duration_ms, trunk, sequence_no, q850, sip_code,
       their_rate_text, their_amount_nanos, their_billed_s, their_currency, their_code, their_destination
FROM (
    SELECT * FROM r_ours UNION ALL BY NAME SELECT * FROM r_theirs
    UNION ALL BY NAME SELECT * EXCLUDE (mark, kept_cdr_id) FROM r_our_duplicates
    UNION ALL BY NAME SELECT * EXCLUDE (mark, kept_cdr_id) FROM r_their_duplicates
);

CREATE OR REPLACE TEMP TABLE evidence_units AS
WITH units AS (
    SELECT our_cdr_id, their_cdr_id, class, rule, offset_ms, our_calls, their_calls, our_value, their_value, our_billed_s, billed_theirs AS their_billed_s,
           destination
    FROM r_pairs
    UNION ALL
    SELECT CASE WHEN at_side = 'OURS' THEN cdr_id END, CASE WHEN at_side = 'THEIRS' THEN cdr_id END, class, NULL, NULL,
           CASE WHEN at_side = 'OURS' THEN 1 ELSE 0 END, CASE WHEN at_side = 'THEIRS' THEN 1 ELSE 0 END,
           CASE WHEN at_side = 'OURS' THEN value ELSE 0 END, CASE WHEN at_side = 'THEIRS' THEN value ELSE 0 END,
           CASE WHEN at_side = 'OURS' THEN billed_s ELSE 0 END, CASE WHEN at_side = 'THEIRS' THEN billed_s ELSE 0 END, destination
    FROM r_alone WHERE class <> 'OTHER_BLOCK'
),
different AS (
    SELECT our_cdr_id, their_cdr_id, sum(value)::BIGINT AS difference, sum(minutes_ms)::BIGINT AS minutes_ms FROM r_variances
    WHERE cause <> 'OTHER_BLOCK' AND value <> 0 GROUP BY ALL
)
SELECT row_number() OVER (ORDER BY d.our_cdr_id NULLS LAST, d.their_cdr_id NULLS LAST) AS call, u.*, d.difference, d.minutes_ms
FROM different d
JOIN units u ON u.our_cdr_id IS NOT DISTINCT FROM d.our_cdr_id AND u.their_cdr_id IS NOT DISTINCT FROM d.their_cdr_id
WHERE {chosen};
