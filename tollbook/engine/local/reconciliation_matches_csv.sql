-- matches.csv: every pair, a row per member of a group. Money of a group stands in its first row alone.
SELECT o.record_no AS our_record_no, t.record_no AS their_record_no, fo.file AS our_file, ft.file AS their_file,
       lower(hex(m.our_cdr_id)) AS our_cdr_id, lower(hex(m.their_cdr_id)) AS their_cdr_id, p.rule, p.class, m.group_no,
       nullif(concat_ws(' ', nullif(p.flags, ''), CASE WHEN p.boundary THEN 'BOUNDARY' END), '') AS flags,
       x.offset_ms, x.answer_delta_ms, x.duration_delta_ms, r_instant(o.answer_at) AS our_answer_at, r_instant(t.answer_at) AS their_answer_at,
       o.duration_ms AS our_duration_ms, t.duration_ms AS their_duration_ms,
       CASE WHEN m.first THEN p.our_billed_s END AS our_billed_s, CASE WHEN m.first THEN p.billed_theirs END AS their_billed_s,
       CASE WHEN m.first THEN r_rate(p.our_rate) END AS our_rate, CASE WHEN m.first THEN r_rate(p.rate_theirs) END AS their_rate,
       CASE WHEN m.first AND k.money THEN r_money(p.our_value) END AS our_amount,
       CASE WHEN m.first AND k.money THEN r_money(p.their_value) END AS their_amount,
       CASE WHEN m.first AND k.money THEN r_money(p.their_value - p.our_value) END AS difference,
       CASE WHEN k.money THEN k.currency END AS currency,
       p.our_code, r_cell(p.their_code) AS their_code, r_cell(p.our_destination) AS our_destination, r_cell(p.their_destination) AS their_destination,
       CASE WHEN m.first THEN r_cell(p.detail) END AS detail
FROM (
    SELECT unit_no, group_no, our_cdr_id, their_cdr_id,
           row_number() OVER (PARTITION BY unit_no ORDER BY our_cdr_id, their_cdr_id) = 1 AS first
    FROM (SELECT unit_no, group_no, our_cdr_id, their_cdr_id FROM r_members
          UNION ALL SELECT unit_no, NULL, our_cdr_id, their_cdr_id FROM r_pairs WHERE group_no IS NULL)
) m
JOIN r_pairs p USING (unit_no)
JOIN r_matches x ON x.our_cdr_id = m.our_cdr_id AND x.their_cdr_id = m.their_cdr_id
JOIN r_ours o ON o.cdr_id = m.our_cdr_id
JOIN r_theirs t ON t.cdr_id = m.their_cdr_id
LEFT JOIN r_files fo ON fo.digest = o.file_digest
LEFT JOIN r_files ft ON ft.digest = t.file_digest, r_options k
ORDER BY o.file_digest, o.record_no, t.file_digest, t.record_no
