-- Records without a counterpart, one row each: duplicates, records of another partner, and what is missing on the other side.
-- Inputs besides those of reconciliation_units.sql: r_our_duplicates and r_their_duplicates (CDR with kept_cdr_id and mark),
-- r_other_block (CDR of ours that belongs to another partner), r_their_prices (unit_no, value, destination ... at our terms).
CREATE OR REPLACE TEMP TABLE r_singles AS
WITH our_paired AS (
    SELECT our_cdr_id AS cdr_id FROM r_matches WHERE our_cdr_id IS NOT NULL AND their_cdr_id IS NOT NULL
),
their_paired AS (
    SELECT their_cdr_id AS cdr_id FROM r_matches WHERE our_cdr_id IS NOT NULL AND their_cdr_id IS NOT NULL
),
ours_alone AS (
    SELECT o.* FROM r_ours o ANTI JOIN our_paired p ON p.cdr_id = o.cdr_id
),
theirs_alone AS (
    SELECT t.* FROM r_theirs t ANTI JOIN their_paired p ON p.cdr_id = t.cdr_id
)
SELECT 'MISSING_THEIRS' AS class, 'OURS' AS at_side, cdr_id, NULL::BLOB AS kept_cdr_id, NULL::VARCHAR AS mark, leg, partner, trunk, duration_ms,
       answer_at IS NOT NULL OR sip_code = 200 AS answered, coalesce(answer_at, setup_at, release_at) AS at_time, NULL::BIGINT AS their_amount_nanos, NULL::VARCHAR AS their_currency, NULL::BIGINT AS their_billed_s
FROM ours_alone
UNION ALL
SELECT 'DUPLICATE_OURS', 'OURS', cdr_id, kept_cdr_id, mark, leg, partner, trunk, duration_ms, answer_at IS NOT NULL OR sip_code = 200,
       coalesce(answer_at, setup_at, release_at), NULL, NULL, NULL
FROM r_our_duplicates
UNION ALL
SELECT 'OTHER_BLOCK', 'OURS', cdr_id, NULL, NULL, leg, partner, trunk, duration_ms, answer_at IS NOT NULL OR sip_code = 200,
       coalesce(answer_at, setup_at, release_at), NULL, NULL, NULL
FROM r_other_block
UNION ALL
SELECT 'MISSING_OURS', 'THEIRS', cdr_id, NULL, NULL, leg, partner, trunk, duration_ms, answer_at IS NOT NULL OR sip_code = 200,
       coalesce(answer_at, setup_at, release_at), their_amount_nanos, their_currency, their_billed_s
FROM theirs_alone
UNION ALL
SELECT 'DUPLICATE_THEIRS', 'THEIRS', cdr_id, kept_cdr_id, mark, leg, partner, trunk, duration_ms, answer_at IS NOT NULL OR sip_code = 200,
       coalesce(answer_at, setup_at, release_at), their_amount_nanos, their_currency, their_billed_s
FROM r_their_duplicates;
