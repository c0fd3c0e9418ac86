-- The results in the shapes others keep: r_alone, r_variances, beside r_pairs. Inputs: r_pairs, r_singles, r_their_prices, r_charges,
-- r_options (currency, band, money) and the macro r_day.
CREATE OR REPLACE TEMP TABLE r_alone AS
WITH valued AS (
    SELECT s.*, coalesce(c.destination, p.destination, '') AS destination, coalesce(c.code, p.code) AS code,
           CASE WHEN s.at_side = 'OURS' THEN coalesce(c.value, 0) ELSE coalesce(p.value, 0) END AS value,
           CASE WHEN s.at_side = 'OURS' THEN coalesce(c.billed_s, 0) ELSE coalesce(s.their_billed_s, p.billed_s, 0) END AS billed_s
    FROM r_singles s
    LEFT JOIN r_charges c ON s.at_side = 'OURS' AND c.cdr_id = s.cdr_id
    LEFT JOIN r_their_prices p ON s.at_side = 'THEIRS' AND p.cdr_id = s.cdr_id
)
SELECT v.*, r_day(at_time) AS day,
       CASE WHEN class = 'OTHER_BLOCK' THEN 'OTHER_BLOCK' WHEN mark IS NOT NULL THEN mark
            WHEN duration_ms = 0 AND answered IS NOT TRUE THEN 'UNANSWERED' WHEN duration_ms = 0 THEN 'ZERO_DURATION' ELSE class END AS reason
FROM valued v;

CREATE OR REPLACE TEMP TABLE r_variances AS
WITH whole AS (
    SELECT our_cdr_id, their_cdr_id, leg, 'ANSWER_MISMATCH' AS cause, their_value - our_value AS value, their_ms - our_ms AS minutes_ms,
           destination, day, trunk, NULL::VARCHAR AS detail
    FROM r_pairs WHERE class = 'ANSWER_MISMATCH'
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, leg, 'FX', their_value - our_value, their_ms - our_ms, destination, day, trunk,
           'stated in ' || their_currency
    FROM r_pairs WHERE class <> 'ANSWER_MISMATCH' AND other_currency
),
parts AS (SELECT * FROM r_pairs WHERE class <> 'ANSWER_MISMATCH' AND NOT other_currency),
split AS (
    SELECT our_cdr_id, their_cdr_id, leg, 'DURATION' AS cause, v_duration AS value, their_ms - our_ms AS minutes_ms, destination, day, trunk, NULL::VARCHAR AS detail
    FROM parts
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, leg, CASE WHEN explained_by = 1 THEN 'TIME_SHIFT' ELSE 'DESTINATION' END, v_row, 0, destination, day, trunk, detail
    FROM parts WHERE v_row <> 0
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, leg, 'INCREMENT', v_increment, 0, destination, day, trunk, NULL FROM parts WHERE v_increment <> 0
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, leg, 'RATE', v_rate, 0, destination, day, trunk, CASE WHEN explained_by = 3 THEN detail END
    FROM parts WHERE v_rate <> 0
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, leg, CASE WHEN abs(v_residual) <= o.band THEN 'ROUNDING' ELSE 'UNEXPLAINED' END, v_residual, 0, destination, day, trunk, NULL
    FROM parts, r_options o WHERE v_residual <> 0
),
alone AS (
    SELECT CASE WHEN at_side = 'OURS' THEN cdr_id END AS our_cdr_id, CASE WHEN at_side = 'THEIRS' THEN cdr_id END AS their_cdr_id, leg, class AS cause,
           CASE WHEN at_side = 'OURS' THEN -value ELSE value END AS value, CASE WHEN at_side = 'OURS' THEN -duration_ms ELSE duration_ms END AS minutes_ms,
           destination, day, trunk, NULL::VARCHAR AS detail
    FROM r_alone
)
SELECT * FROM (SELECT * FROM whole UNION ALL SELECT * FROM split UNION ALL SELECT * FROM alone)
WHERE value <> 0 OR minutes_ms <> 0;
