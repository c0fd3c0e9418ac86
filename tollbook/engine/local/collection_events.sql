-- Events to records: an answered INVITE with the first BYE behind it that has its Call-ID and the same two tags in either order (the callee's
-- BYE swaps them), each failed INVITE, and the halves without their other half. Later answers and releases of a call belong to it.
CREATE TABLE paired AS
WITH keyed AS (
    SELECT record, method, call_id, coalesce(code, '') AS code, from_tag, coalesce(place, record) AS place,
           least(coalesce(from_tag, ''), coalesce(to_tag, '')) || chr(31) || greatest(coalesce(from_tag, ''), coalesce(to_tag, '')) AS tags
    FROM events
),
answers AS (
    SELECT * FROM keyed WHERE method = 'INVITE' AND code LIKE '2%' AND call_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY call_id, tags ORDER BY place, record) = 1
),
byes AS (
    SELECT * FROM keyed WHERE method = 'BYE' AND call_id IS NOT NULL
),
ended AS (
    SELECT answers.record, byes.record AS release_record, byes.from_tag = answers.from_tag AS by_caller
    FROM answers JOIN byes ON byes.call_id = answers.call_id AND byes.tags = answers.tags
         AND (byes.place, byes.record) > (answers.place, answers.record)
    QUALIFY row_number() OVER (PARTITION BY answers.record ORDER BY byes.place, byes.record) = 1
)
-- A source that never swaps the tags writes them one way round whoever ends the call, so then nobody can tell who did.
SELECT 'CALL' AS kind, record, release_record,
       CASE WHEN NOT by_caller THEN 'CALLEE' WHEN (SELECT bool_and(by_caller) FROM ended) THEN 'UNKNOWN' ELSE 'CALLER' END AS ended_by
FROM ended
UNION ALL
SELECT 'OPEN', record, NULL, NULL FROM answers WHERE record NOT IN (SELECT record FROM ended)
UNION ALL
SELECT 'ATTEMPT', record, record, NULL FROM keyed WHERE method = 'INVITE' AND code NOT LIKE '2%'
UNION ALL
SELECT 'LOOSE', record, NULL, NULL FROM byes
WHERE NOT EXISTS (SELECT 1 FROM answers WHERE answers.call_id = byes.call_id AND answers.tags = byes.tags)
QUALIFY row_number() OVER (PARTITION BY call_id, tags ORDER BY place, record) = 1
UNION ALL
SELECT 'LOOSE', record, NULL, NULL FROM keyed WHERE call_id IS NULL AND (method = 'BYE' OR (method = 'INVITE' AND code LIKE '2%'))
