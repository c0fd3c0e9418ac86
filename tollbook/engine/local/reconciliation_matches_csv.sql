-- matches.csv: every pair, a row per member of a group. Seconds and money of a group stand in its first row alone.
WITH members AS (
    SELECT *, our_ms AS our_duration_ms, their_ms AS their_duration_ms, true AS first FROM r_pairs WHERE group_no IS NULL
    UNION ALL BY NAME
    SELECT p.* REPLACE (m.our_cdr_id AS our_cdr_id, m.their_cdr_id AS their_cdr_id, o.record_no AS our_record_no, t.record_no AS their_record_no,
                        o.file_digest::VARCHAR AS our_file_digest, t.file_digest::VARCHAR AS their_file_digest,
                        o.answer_at AS answer_at, t.answer_at AS their_answer_at),
           o.duration_ms AS our_duration_ms, t.duration_ms AS their_duration_ms,
           row_number() OVER (PARTITION BY unit_no ORDER BY m.our_cdr_id, m.their_cdr_id) = 1 AS first
    FROM r_members m JOIN r_pairs p USING (unit_no)
    JOIN r_ours o ON o.cdr_id = m.our_cdr_id
    JOIN r_theirs t ON t.cdr_id = m.their_cdr_id
)
SELECT m.our_record_no, m.their_record_no, fo.file AS our_file, ft.file AS their_file,
       lower(hex(m.our_cdr_id)) AS our_cdr_id, lower(hex(m.their_cdr_id)) AS their_cdr_id, m.rule, m.class, m.group_no,
       nullif(concat_ws(' ', nullif(m.flags, ''), CASE WHEN m.boundary THEN 'BOUNDARY' END), '') AS flags,
       m.offset_ms, m.answer_delta_ms, m.duration_delta_ms, r_instant(m.answer_at) AS our_answer_at, r_instant(m.their_answer_at) AS their_answer_at,
       m.our_duration_ms, m.their_duration_ms,
       CASE WHEN m.first THEN m.our_billed_s END AS our_billed_s, CASE WHEN m.first THEN m.billed_theirs END AS their_billed_s,
       CASE WHEN m.first THEN r_rate(m.our_rate) END AS our_rate, CASE WHEN m.first THEN r_rate(m.rate_theirs) END AS their_rate,
       CASE WHEN m.first AND k.money THEN r_money(m.our_value) END AS our_amount,
       CASE WHEN m.first AND k.money THEN r_money(m.their_value) END AS their_amount,
       CASE WHEN m.first AND k.money THEN r_money(m.their_value - m.our_value) END AS difference,
       CASE WHEN k.money THEN k.currency END AS currency,
       m.our_code, r_cell(m.their_code) AS their_code, r_cell(m.our_destination) AS our_destination, r_cell(m.their_destination) AS their_destination,
       CASE WHEN m.first THEN r_cell(m.detail) END AS detail
FROM members m
LEFT JOIN r_files fo ON fo.digest = m.our_file_digest
LEFT JOIN r_files ft ON ft.digest = m.their_file_digest, r_options k
ORDER BY m.our_file_digest, m.our_record_no, m.their_file_digest, m.their_record_no
