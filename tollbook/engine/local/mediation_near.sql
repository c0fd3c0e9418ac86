-- DUP_NEAR: like another record of the same numbers, but with another Call-ID or circuit. Conference bridges, dialers and fax servers make
-- such calls, so it is reported and goes on.
INSERT INTO mediation_mark
WITH candidate AS (
    SELECT * FROM mediation_row WHERE answer IS NOT NULL AND duration > 0 AND NOT hidden AND n NOT IN (SELECT n FROM mediation_mark)
        AND partial_seq IS NULL AND partial_last IS DISTINCT FROM false
), later AS (
    SELECT *, unnest([(answer - {within}) // {bucket}, (answer + {within}) // {bucket}]) AS bucket FROM candidate
)
SELECT l.n, 'DUP_NEAR', min(e.cdr_id), 'the same numbers within a second and almost the same duration; not removed'
FROM later l JOIN (SELECT *, answer // {bucket} AS bucket FROM candidate) e
    ON l.source = e.source AND l.leg = e.leg AND l.trunk = e.trunk AND l.a = e.a AND l.b = e.b AND l.bucket = e.bucket
WHERE (e.answer, e.cdr_id) < (l.answer, l.cdr_id) AND l.answer - e.answer <= {within} AND abs(l.duration - e.duration) <= {within}
    AND (l.call_id IS DISTINCT FROM e.call_id OR l.call_id IS NULL)
GROUP BY l.n
