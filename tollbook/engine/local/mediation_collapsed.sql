-- The calls that were written in parts: from the first answer to the last release, as long as the union of the parts.
CREATE OR REPLACE TEMP TABLE {table} AS
WITH part AS (
    SELECT coalesce(m.kept_cdr_id, c.cdr_id) AS root, c.leg::VARCHAR AS leg, c.leg_no, c.cdr_id,
        coalesce(epoch_ms(c.answer_at), epoch_ms(c.release_at) - c.duration_ms) AS start, c.duration_ms AS duration
    FROM {cdrs} c LEFT JOIN {marks} m ON m.cdr_id = c.cdr_id AND m.leg = c.leg AND m.leg_no = c.leg_no AND m.mark = 'PARTIAL'
    WHERE m.cdr_id IS NOT NULL OR (c.cdr_id, c.leg::VARCHAR, c.leg_no) IN (SELECT (kept_cdr_id, leg::VARCHAR, leg_no) FROM {marks} WHERE mark = 'PARTIAL')
), following AS (
    SELECT *, start + duration AS until, max(start + duration) OVER (
        PARTITION BY root, leg, leg_no ORDER BY start, start + duration ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS latest FROM part
)
SELECT root AS cdr_id, leg, leg_no, make_timestamptz(min(start) * 1000) AS first_answer, make_timestamptz(max(until) * 1000) AS last_release,
    sum(greatest(0, until - greatest(start, coalesce(latest, start))))::BIGINT AS talked
FROM following GROUP BY ALL
