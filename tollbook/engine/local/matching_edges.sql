-- The crowded candidate pairs with the rank of their records in the order of (answer, cdr_id), ours first.
WITH edge AS (
    SELECT o, t, least(cost, {limit})::BIGINT AS cost FROM {stage} WHERE o IN (SELECT o FROM matching_crowd)
), our_order AS (
    SELECT n, a IS NULL AS masked, row_number() OVER (ORDER BY anchor, cdr_id, leg_no) - 1 AS rank
    FROM {ours} WHERE n IN (SELECT o FROM edge)
), their_order AS (
    SELECT n, any_value(a) IS NULL AS masked, row_number() OVER (ORDER BY min(anchor), any_value(cdr_id), any_value(leg_no)) - 1 AS rank
    FROM {theirs} WHERE n IN (SELECT t FROM edge) GROUP BY n
)
SELECT edge.o, edge.t, our_order.rank AS our_rank, their_order.rank AS their_rank, edge.cost,
    our_order.masked OR their_order.masked AS masked
FROM edge JOIN our_order ON edge.o = our_order.n JOIN their_order ON edge.t = their_order.n
ORDER BY our_rank, their_rank
