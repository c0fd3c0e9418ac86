-- n:1 by Call-ID. Answered records of one Call-ID that follow each other within the guard are one session of their side; a session of several
-- against a session of one, close in their earliest answers, is a group. A session with more than one such counterpart is none.
CREATE OR REPLACE TEMP TABLE matching_group AS
WITH member AS (
    SELECT 'o' AS side, n, call, b, b_last, routing, answer, release, 0 AS offset_applied
    FROM {ours} WHERE answered AND answer IS NOT NULL AND call IN (SELECT k FROM {repeated})
    UNION ALL
    SELECT 't', n, call, b, b_last, routing, answer, release, offset_applied
    FROM {theirs} l WHERE answered AND answer IS NOT NULL AND call IN (SELECT k FROM {repeated}){only}
), following AS (
    SELECT *, max(release) OVER (
        PARTITION BY side, call ORDER BY answer, release, n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS latest FROM member
), numbered AS (
    SELECT *, sum(CASE WHEN answer - latest > {guard} THEN 1 ELSE 0 END)
        OVER (PARTITION BY side, call ORDER BY answer, release, n) AS session,
        greatest(0, release - greatest(answer, coalesce(latest, answer))) AS fresh
    FROM following
), session AS (
    SELECT side, call, session, count(*) AS members, min(answer) AS answer, max(release) AS release, sum(fresh) AS talked,
        any_value(n) AS n, any_value(b) AS b, any_value(b_last) AS b_last, any_value(routing) AS routing
    FROM numbered GROUP BY ALL
), meeting AS (
    SELECT o.call, o.session AS our_session, t.session AS their_session, o.members AS ours, t.members AS theirs,
        t.answer - o.answer AS answer_delta, t.release - o.release AS release_delta, (t.talked - o.talked)::BIGINT AS duration_delta,
        count(*) OVER (PARTITION BY o.call, o.session) AS our_meetings, count(*) OVER (PARTITION BY t.call, t.session) AS their_meetings
    FROM session o JOIN session t ON o.side = 'o' AND t.side = 't' AND o.call = t.call AND abs(t.answer - o.answer) <= {guard}
), pair AS (
    SELECT o.n AS o, t.n AS t, m.call, m.our_session, m.answer_delta, m.release_delta, m.duration_delta, t.offset_applied,
        coalesce({compatible}, false) AS compatible, greatest(m.ours, m.theirs) AS members
    FROM meeting m
    JOIN numbered o ON o.side = 'o' AND o.call = m.call AND o.session = m.our_session
    JOIN numbered t ON t.side = 't' AND t.call = m.call AND t.session = m.their_session
    WHERE least(m.ours, m.theirs) = 1 AND greatest(m.ours, m.theirs) > 1 AND our_meetings = 1 AND their_meetings = 1
)
SELECT o, t, answer_delta, release_delta, duration_delta, offset_applied, members,
    min(o) OVER (PARTITION BY call, our_session) AS number
FROM pair QUALIFY bool_and(compatible) OVER (PARTITION BY call, our_session)
