-- unmatched.csv: every record without a counterpart of its own, of both sides, with its class and reason. A later part of a call is
-- compared with the first, which kept_cdr_id names.
WITH records AS (
    SELECT 'OURS' AS at_side, cdr_id, file_digest, record_no, a_e164, a_raw, b_e164, b_raw, setup_at, answer_at, release_at, call_id, icid FROM r_ours
    UNION ALL
    SELECT 'OURS', cdr_id, file_digest, record_no, a_e164, a_raw, b_e164, b_raw, setup_at, answer_at, release_at, call_id, icid FROM r_our_duplicates
    UNION ALL
    SELECT 'OURS', cdr_id, file_digest, record_no, a_e164, a_raw, b_e164, b_raw, setup_at, answer_at, release_at, call_id, icid FROM r_other_block
    UNION ALL
    SELECT 'THEIRS', cdr_id, file_digest, record_no, a_e164, a_raw, b_e164, b_raw, setup_at, answer_at, release_at, call_id, icid FROM r_theirs
    UNION ALL
    SELECT 'THEIRS', cdr_id, file_digest, record_no, a_e164, a_raw, b_e164, b_raw, setup_at, answer_at, release_at, call_id, icid FROM r_their_duplicates
), parts AS (
    SELECT 'OURS' AS at_side, * FROM parts_ours UNION ALL BY NAME SELECT 'THEIRS' AS at_side, * FROM parts_theirs
)
SELECT a.at_side AS side, r.record_no, f.file, lower(hex(a.cdr_id)) AS cdr_id, a.class, a.reason, lower(hex(a.kept_cdr_id)) AS kept_cdr_id,
       r_cell(a.partner) AS partner, r_cell(a.trunk) AS trunk, r_cell(coalesce(r.a_e164, r.a_raw)) AS a_number,
       r_cell(coalesce(r.b_e164, r.b_raw)) AS b_number, r_instant(r.setup_at) AS setup_at, r_instant(r.answer_at) AS answer_at,
       r_instant(r.release_at) AS release_at, a.duration_ms, CASE WHEN k.money THEN r_money(a.value) END AS value,
       CASE WHEN k.money THEN k.currency END AS currency, r_cell(nullif(a.destination, '')) AS destination, r_cell(r.call_id) AS call_id,
       r_cell(r.icid) AS icid
FROM r_alone a
JOIN records r ON r.at_side = a.at_side AND r.cdr_id = a.cdr_id
LEFT JOIN r_files f ON f.digest = r.file_digest, r_options k
UNION ALL
SELECT p.at_side, p.record_no, f.file, lower(hex(p.cdr_id)), 'PARTIAL', 'PARTIAL', lower(hex(p.kept_cdr_id)), r_cell(p.partner), r_cell(p.trunk),
       r_cell(coalesce(p.a_e164, p.a_raw)), r_cell(coalesce(p.b_e164, p.b_raw)), r_instant(p.setup_at), r_instant(p.answer_at),
       r_instant(p.release_at), p.duration_ms, NULL, NULL, NULL, r_cell(p.call_id), r_cell(p.icid)
FROM parts p LEFT JOIN r_files f ON f.digest = p.file_digest
ORDER BY side, file, record_no, cdr_id
