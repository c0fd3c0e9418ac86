-- One row per pair (one per member of a group) and one per record without a partner.
WITH numbered AS (
    SELECT group_no, row_number() OVER (ORDER BY min(o.cdr_id), min(t.cdr_id)) AS number
    FROM {pairs} p JOIN {ours} o ON o.n = p.o JOIN {raw} t ON t.n = p.t
    WHERE group_no IS NOT NULL GROUP BY group_no
), row_of AS (
    SELECT o.cdr_id AS our_cdr_id, t.cdr_id AS their_cdr_id, g.number AS group_no, p.name,
        CASE WHEN o.answered = t.answered THEN {matched} ELSE {mismatch} END::UTINYINT AS class,
        p.answer_delta AS answer_delta_ms, p.duration_delta AS duration_delta_ms, p.offset_applied AS offset_ms, p.candidates, nullif(p.flags, 0) AS flags
    FROM {pairs} p JOIN {ours} o ON o.n = p.o JOIN {raw} t ON t.n = p.t LEFT JOIN numbered g ON g.group_no = p.group_no
    UNION ALL
    SELECT cdr_id, NULL, NULL, NULL, {missing_theirs}, NULL, NULL, NULL, NULL, NULL FROM {left_ours}
    UNION ALL
    SELECT NULL, any_value(cdr_id), NULL, NULL, {missing_ours}, NULL, NULL, NULL, NULL, NULL
    FROM {left_theirs} GROUP BY n
)
SELECT * FROM row_of
