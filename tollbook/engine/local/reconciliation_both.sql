-- One row per unit or lone record with both sides beside each other, for every grouping of the summary. Duplicates of ours and other partners'
-- records count in minutes and records, never in money: they are not charged.
CREATE OR REPLACE TEMP TABLE r_both AS
SELECT class, 'PAIR' AS at_side, destination, day, trunk, our_calls, their_calls, our_ms, their_ms, our_billed_s, billed_theirs AS their_billed_s,
       our_value, their_value, true AS counted
FROM r_pairs
UNION ALL BY NAME
SELECT class, at_side, destination, day, CASE WHEN at_side = 'OURS' THEN trunk ELSE 'theirs: ' || coalesce(trunk, 'no trunk') END AS trunk,
       CASE WHEN at_side = 'OURS' THEN 1 ELSE 0 END AS our_calls, CASE WHEN at_side = 'THEIRS' THEN 1 ELSE 0 END AS their_calls,
       CASE WHEN at_side = 'OURS' THEN duration_ms ELSE 0 END AS our_ms, CASE WHEN at_side = 'THEIRS' THEN duration_ms ELSE 0 END AS their_ms,
       CASE WHEN at_side = 'OURS' THEN billed_s ELSE 0 END AS our_billed_s, CASE WHEN at_side = 'THEIRS' THEN billed_s ELSE 0 END AS their_billed_s,
       CASE WHEN at_side = 'OURS' THEN value ELSE 0 END AS our_value, CASE WHEN at_side = 'THEIRS' THEN value ELSE 0 END AS their_value,
       class NOT IN ('DUPLICATE_OURS', 'OTHER_BLOCK') AS counted
FROM r_alone;
