-- The parts of calls that were written in parts, as mediation_part (n, root). A part has a sequence number or is marked intermediate.
-- Parts with a reference belong together by it; others follow each other in time, same numbers and trunk.
CREATE OR REPLACE TEMP TABLE mediation_part AS
WITH RECURSIVE open_row AS (
    SELECT *, coalesce(answer, release - duration) AS start, coalesce(answer, release - duration) + duration AS until
    FROM mediation_row WHERE n NOT IN (SELECT n FROM mediation_mark WHERE mark <> 'DUP_NEAR') AND coalesce(answer, release) IS NOT NULL
), referenced AS (
    SELECT *, coalesce('c' || call_id, 'i' || icid) AS reference FROM open_row WHERE partial_seq IS NOT NULL AND coalesce(call_id, icid) IS NOT NULL
), following AS (
    SELECT *, start - max(until) OVER (PARTITION BY source, leg, leg_no, trunk, reference, from_tag, to_tag
        ORDER BY start, partial_seq, cdr_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > {apart} AS anew
    FROM referenced
), session AS (
    SELECT *, sum(CASE WHEN anew THEN 1 ELSE 0 END) OVER (PARTITION BY source, leg, leg_no, trunk, reference, from_tag, to_tag
        ORDER BY start, partial_seq, cdr_id) AS number
    FROM following
), by_reference AS (
    SELECT n, first_value(n) OVER (PARTITION BY source, leg, leg_no, trunk, reference, from_tag, to_tag, number ORDER BY start, partial_seq, cdr_id) AS root
    FROM session
), loose AS (
    SELECT * FROM open_row WHERE n NOT IN (SELECT n FROM by_reference)
), step AS (
    SELECT p.n AS previous, f.n AS next,
        row_number() OVER (PARTITION BY p.n ORDER BY abs(f.start - p.until), f.cdr_id) AS forward,
        row_number() OVER (PARTITION BY f.n ORDER BY abs(f.start - p.until), p.cdr_id) AS backward
    FROM (SELECT *, unnest(range((until - {contiguous}) // 60000, (until + {contiguous}) // 60000 + 1)) AS bucket FROM loose WHERE NOT partial_last) p
    JOIN (SELECT *, start // 60000 AS bucket FROM loose) f
        ON p.source = f.source AND p.leg = f.leg AND p.trunk = f.trunk AND p.a = f.a AND p.b = f.b AND p.bucket = f.bucket
    WHERE p.n <> f.n AND abs(f.start - p.until) <= {contiguous} AND (f.start, f.cdr_id) > (p.start, p.cdr_id)
), link AS (
    SELECT previous, next FROM step WHERE forward = 1 AND backward = 1
), chain AS (
    SELECT n, n AS root FROM loose WHERE NOT partial_last AND n NOT IN (SELECT next FROM link)
    UNION ALL
    SELECT link.next, chain.root FROM chain JOIN link ON link.previous = chain.n
)
SELECT n, root FROM by_reference UNION ALL SELECT n, root FROM chain
