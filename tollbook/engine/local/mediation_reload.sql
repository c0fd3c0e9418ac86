-- DUP_RELOAD: a second record of a call that a switch wrote after its restart: closed by a timer, with no or another Call-ID, beside exactly one
-- record of the same numbers and instant that was closed by signalling, which is kept.
INSERT INTO mediation_mark
WITH candidate AS (
    SELECT * FROM mediation_row WHERE answer IS NOT NULL AND n NOT IN (SELECT n FROM mediation_mark)
), phantom AS (
    SELECT *, unnest([(answer - {within}) // {bucket}, (answer + {within}) // {bucket}]) AS bucket FROM candidate WHERE NOT signalled
), pair AS (
    SELECT DISTINCT p.n, s.n AS kept, s.cdr_id
    FROM phantom p JOIN (SELECT *, answer // {bucket} AS bucket FROM candidate WHERE signalled) s
        ON p.source = s.source AND p.leg = s.leg AND p.trunk = s.trunk AND p.a = s.a AND p.b = s.b AND p.bucket = s.bucket
    WHERE abs(p.answer - s.answer) <= {within}
        AND (p.call_id IS NULL OR p.call_id IS DISTINCT FROM s.call_id)
        AND (p.icid IS NULL OR s.icid IS NULL OR p.icid = s.icid)
)
SELECT n, 'DUP_RELOAD', any_value(cdr_id), 'closed by a timer beside the record that was closed by signalling' FROM pair GROUP BY n HAVING count(*) = 1
