-- The groups that hold and share no record with another that holds; none with a record in a stretch where one side counts otherwise.
CREATE OR REPLACE TEMP TABLE matching_group AS
WITH pair AS (
    SELECT number, CASE WHEN ours THEN whole ELSE part END AS o, CASE WHEN ours THEN part ELSE whole END AS t FROM matching_passing
), shared AS (
    SELECT number FROM pair WHERE o IN (SELECT o FROM pair GROUP BY o HAVING count(DISTINCT number) > 1)
        OR t IN (SELECT t FROM pair GROUP BY t HAVING count(DISTINCT number) > 1)
), timed AS (
    SELECT pair.number, pair.o, pair.t, o.answer AS our_answer, o.release AS our_release, t.answer AS their_answer, t.release AS their_release,
        o.duration AS our_duration, t.duration AS their_duration, t.offset_applied, t.ambiguous,
        (o.answer // 60000) IN (SELECT minute FROM matching_shift) AS shifted, count(*) OVER (PARTITION BY pair.number) AS members
    FROM pair JOIN {ours} o ON o.n = pair.o JOIN {theirs} t ON t.n = pair.t
    WHERE pair.number NOT IN (SELECT number FROM shared)
), grouped AS (
    SELECT *, bool_or(shifted OR ambiguous) OVER one AS unfit,
        min(their_answer) OVER one - min(our_answer) OVER one AS answer_delta,
        max(their_release) OVER one - max(our_release) OVER one AS release_delta
    FROM timed WINDOW one AS (PARTITION BY number)
), union_of AS (
    -- The union of the parts: each adds what lies beyond all before it.
    SELECT number, sum(greatest(0, until - greatest(start, coalesce(latest, start)))) AS talked
    FROM (
        SELECT number, start, until, max(until) OVER (PARTITION BY number ORDER BY start, until ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
        FROM (
            SELECT p.number, CASE WHEN p.ours THEN t.their_answer ELSE t.our_answer END AS start,
                CASE WHEN p.ours THEN t.their_release ELSE t.our_release END AS until
            FROM timed t JOIN (SELECT DISTINCT number, ours FROM matching_passing) p USING (number)
        )
    ) GROUP BY number
)
SELECT o, t, number, answer_delta, release_delta, offset_applied, members,
    CASE WHEN kind.ours THEN talked - our_duration ELSE their_duration - talked END::BIGINT AS duration_delta
FROM grouped JOIN union_of USING (number) JOIN (SELECT DISTINCT number, ours FROM matching_passing) kind USING (number)
WHERE NOT unfit
