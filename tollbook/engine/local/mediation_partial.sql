-- PARTIAL: every part but the first, which stands for the call. PARTIAL_GAP: the first, where a number is missing or the end is.
INSERT INTO mediation_mark
WITH part AS (
    SELECT p.root, r.*, f.cdr_id AS root_id FROM mediation_part p JOIN mediation_row r USING (n) JOIN mediation_row f ON f.n = p.root
), call AS (
    SELECT root, any_value(root_id) AS root_id, count(DISTINCT partial_seq) AS numbers, min(partial_seq) AS first, max(partial_seq) AS last,
        arg_max(coalesce(partial_last, true), (coalesce(partial_seq, 0), coalesce(answer, release), cdr_id)) AS ended
    FROM part GROUP BY root
)
SELECT n, 'PARTIAL', root_id, 'a part of the call kept' FROM part WHERE n <> root
UNION ALL
SELECT root, 'PARTIAL_GAP', root_id, CASE
    WHEN first > 1 OR last - first + 1 > numbers THEN 'a part is missing: numbers ' || first || ' to ' || last || ', ' || numbers || ' there'
    ELSE 'the last part is missing' END
FROM call WHERE first > 1 OR last - first + 1 > numbers OR NOT ended
