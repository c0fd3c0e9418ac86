-- One row per matched unit: a pair, or a group of one record against several. Inputs are the views the engine names:
--   r_matches (MATCH), r_ours and r_theirs (CDR, kept records of the block), r_charges (cdr_id, value, ... of our kept records).
-- Seconds, milliseconds and money of a group are sums over its records; who and when is its earliest record's.
CREATE OR REPLACE TEMP TABLE r_heads AS
WITH paired AS (
    SELECT * FROM r_matches WHERE our_cdr_id IS NOT NULL AND their_cdr_id IS NOT NULL
),
grouped AS (
    SELECT m.group_no,
           arg_min(m.our_cdr_id, struct_pack(at := coalesce(o.answer_at, o.setup_at, o.release_at), id := m.our_cdr_id)) AS our_cdr_id,
           arg_min(m.their_cdr_id, struct_pack(at := coalesce(t.answer_at, t.setup_at, t.release_at), id := m.their_cdr_id)) AS their_cdr_id,
           min(m.rule) AS rule, min(m.class) AS class, min(m.offset_ms) AS offset_ms, min(m.flags) AS flags, max(m.candidates) AS candidates,
           min(m.answer_delta_ms) AS answer_delta_ms, min(m.duration_delta_ms) AS duration_delta_ms
    FROM paired m JOIN r_ours o ON o.cdr_id = m.our_cdr_id JOIN r_theirs t ON t.cdr_id = m.their_cdr_id
    WHERE m.group_no IS NOT NULL
    GROUP BY m.group_no
),
heads AS (
    SELECT our_cdr_id, their_cdr_id, NULL::BIGINT AS group_no, rule, class, offset_ms, flags, candidates, answer_delta_ms, duration_delta_ms
    FROM paired WHERE group_no IS NULL
    UNION ALL
    SELECT our_cdr_id, their_cdr_id, group_no, rule, class, offset_ms, flags, candidates, answer_delta_ms, duration_delta_ms FROM grouped
)
SELECT row_number() OVER () AS unit_no, * FROM heads;

CREATE OR REPLACE TEMP TABLE r_members AS
SELECT h.unit_no, m.group_no, m.our_cdr_id, m.their_cdr_id
FROM r_matches m JOIN r_heads h USING (group_no)
WHERE m.group_no IS NOT NULL AND m.our_cdr_id IS NOT NULL AND m.their_cdr_id IS NOT NULL;

CREATE OR REPLACE TEMP TABLE r_our_sums AS
SELECT unit_no, count(*) AS calls, sum(duration_ms)::BIGINT AS duration_ms,
       sum(value)::BIGINT AS value, sum(exact)::BIGINT AS exact, sum(billed_s)::BIGINT AS billed_s
FROM (SELECT DISTINCT unit_no, our_cdr_id FROM r_members) m
JOIN r_ours o ON o.cdr_id = m.our_cdr_id
LEFT JOIN r_charges c ON c.cdr_id = m.our_cdr_id
GROUP BY unit_no;

CREATE OR REPLACE TEMP TABLE r_their_sums AS
SELECT unit_no, count(*) AS calls, sum(duration_ms)::BIGINT AS duration_ms,
       sum(their_amount_nanos)::BIGINT AS their_amount_nanos,
       CASE WHEN count(their_billed_s) = count(*) THEN sum(their_billed_s)::BIGINT END AS their_billed_s,
       CASE WHEN count(DISTINCT their_rate_text) = 1 THEN min(their_rate_text) END AS their_rate_text
FROM (SELECT DISTINCT unit_no, their_cdr_id FROM r_members) m JOIN r_theirs t ON t.cdr_id = m.their_cdr_id
GROUP BY unit_no;

-- A local time that their clock showed twice is sealed as the first of the two. Which one they meant is told by the offset the matching
-- found: `refold` takes its whole quarter hours out and leaves what their clock is really off.
CREATE OR REPLACE TEMP TABLE r_units AS
SELECT h.unit_no, h.our_cdr_id, h.their_cdr_id, h.group_no, h.rule::VARCHAR AS rule, h.class::VARCHAR AS match_class, h.flags::VARCHAR AS flags,
       h.offset_ms, h.answer_delta_ms, h.duration_delta_ms, h.candidates, o.leg::VARCHAR AS leg, o.trunk::VARCHAR AS trunk, o.b_e164,
       o.setup_at, o.answer_at, o.release_at, t.setup_at AS their_setup_at, t.answer_at AS their_answer_at, t.release_at AS their_release_at,
       to_milliseconds(CASE WHEN t.time_quality = 'AMBIGUOUS_LOCAL' THEN 900000 * round(coalesce(h.offset_ms, 0) / 900000.0)::BIGINT ELSE 0 END)
           AS refold,
       o.record_no AS our_record_no, t.record_no AS their_record_no, o.file_digest::VARCHAR AS our_file_digest,
       t.file_digest::VARCHAR AS their_file_digest,
       coalesce(os.calls, 1) AS our_calls, coalesce(ts.calls, 1) AS their_calls,
       coalesce(os.duration_ms, o.duration_ms) AS our_ms, coalesce(ts.duration_ms, t.duration_ms) AS their_ms,
       coalesce(os.value, c.value, 0) AS our_value, coalesce(os.exact, c.exact, 0) AS our_exact,
       coalesce(os.billed_s, c.billed_s, 0) AS our_billed_s,
       c.rate_nanos_per_minute AS our_rate, c.code AS our_code, c.destination AS our_destination,
       coalesce(ts.their_rate_text, CASE WHEN ts.calls IS NULL THEN t.their_rate_text::VARCHAR END) AS their_rate_text,
       CASE WHEN ts.calls IS NULL THEN t.their_amount_nanos ELSE ts.their_amount_nanos END AS their_amount_nanos,
       CASE WHEN ts.calls IS NULL THEN t.their_billed_s ELSE ts.their_billed_s END AS their_billed_s,
       t.their_currency::VARCHAR AS their_currency, t.their_code::VARCHAR AS their_code, t.their_destination::VARCHAR AS their_destination
FROM r_heads h
JOIN r_ours o ON o.cdr_id = h.our_cdr_id
JOIN r_theirs t ON t.cdr_id = h.their_cdr_id
LEFT JOIN r_charges c ON c.cdr_id = h.our_cdr_id
LEFT JOIN r_our_sums os ON os.unit_no = h.unit_no
LEFT JOIN r_their_sums ts ON ts.unit_no = h.unit_no;
