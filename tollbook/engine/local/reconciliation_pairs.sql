-- r_incoming (a batch of units with what the pair rules found) as rows of r_pairs. The two days tell whether the periods differ.
SELECT x.* EXCLUDE (their_setup_at, their_release_at, setup_at, release_at, b_e164, refolded_setup_at, refolded_answer_at, refolded_release_at,
                    their_day),
       coalesce(x.our_destination, '') AS destination, d.period, e.period IS DISTINCT FROM d.period AS boundary
FROM (
    SELECT *, coalesce(answer_at, setup_at, release_at) AS at_time, r_day(coalesce(answer_at, setup_at, release_at)) AS day,
           r_day(coalesce(their_answer_at, their_setup_at, their_release_at)) AS their_day
    FROM r_incoming
) x
LEFT JOIN r_days d ON d.day = x.day
LEFT JOIN r_days e ON e.day = x.their_day
