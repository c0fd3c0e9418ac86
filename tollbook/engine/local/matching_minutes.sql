-- Minutes of ours in which answers may be shifted: the median can only be beyond the limit where at least half of the pairs are.
WITH likely AS (
    SELECT o.answer // 60000 AS minute
    FROM {pairs} p JOIN {ours} o ON o.n = p.o WHERE p.release_delta IS NOT NULL AND p.group_no IS NULL
    GROUP BY minute HAVING count(*) >= {fewest} AND 2 * greatest(count_if(answer_delta > {shift}), count_if(answer_delta < -{shift})) >= count(*)
)
SELECT o.answer // 60000 AS minute, count(*), floor(median(p.answer_delta))::BIGINT, floor(median(p.release_delta))::BIGINT
FROM {pairs} p JOIN {ours} o ON o.n = p.o
WHERE p.release_delta IS NOT NULL AND p.group_no IS NULL AND minute IN (SELECT minute FROM likely)
GROUP BY minute ORDER BY minute
