-- DUP_EXACT: the same record once more. Tags and times that a source does not write are null on both and equal; a Call-ID never is.
-- The lowest cdr_id is kept, whatever was loaded first.
INSERT INTO mediation_mark
WITH repeated AS (
    SELECT call_id FROM mediation_row WHERE call_id IS NOT NULL AND coalesce(setup, answer, release) IS NOT NULL GROUP BY call_id HAVING count(*) > 1
), grouped AS (
    SELECT n, cdr_id, min(cdr_id) OVER (
        PARTITION BY source, leg, leg_no, trunk, call_id, from_tag, to_tag, setup, answer, release, b_raw, partial_seq, attempt_no, route_index
    ) AS lowest
    FROM mediation_row SEMI JOIN repeated USING (call_id) WHERE coalesce(setup, answer, release) IS NOT NULL
)
SELECT n, 'DUP_EXACT', lowest, 'the same record as the one kept' FROM grouped WHERE cdr_id <> lowest
