-- The final MATCH rows: pairs (every member of a group), then the records without a counterpart. Records of another partner are no match rows.
SELECT leg, our_cdr_id, their_cdr_id, group_no, rule, class, answer_delta_ms, duration_delta_ms, offset_ms, candidates,
       nullif(concat_ws(' ', nullif(flags, ''), CASE WHEN boundary THEN 'BOUNDARY' END), '') AS flags
FROM r_pairs WHERE group_no IS NULL
UNION ALL
SELECT p.leg, m.our_cdr_id, m.their_cdr_id, m.group_no, x.rule::VARCHAR, p.class, x.answer_delta_ms, x.duration_delta_ms, x.offset_ms, x.candidates,
       nullif(concat_ws(' ', nullif(p.flags, ''), CASE WHEN p.boundary THEN 'BOUNDARY' END), '')
FROM r_members m
JOIN r_pairs p USING (unit_no)
JOIN r_matches x ON x.our_cdr_id = m.our_cdr_id AND x.their_cdr_id = m.their_cdr_id
UNION ALL
SELECT leg, CASE WHEN at_side = 'OURS' THEN cdr_id END, CASE WHEN at_side = 'THEIRS' THEN cdr_id END, NULL, NULL, class, NULL, NULL, NULL, NULL,
       CASE WHEN reason <> class THEN reason END
FROM r_alone WHERE class <> 'OTHER_BLOCK'
ORDER BY 2 NULLS LAST, 3 NULLS LAST
