-- One row per seizure of a leg. Views: {records} (CDR schema), {marks} (MARK schema), {charges} (CHARGE schema). A phantom or a repeat is no
-- seizure; neither is an attempt of an incoming call that was tried again or answered: the caller asked once.
CREATE OR REPLACE TEMP TABLE kpi_attempt AS
WITH record AS MATERIALIZED (
    SELECT cdr_id, leg, leg_no, source, partner, coalesce(trunk, '') AS trunk, setup_at, alert_at, answer_at, release_at, duration_ms, q850, sip_code,
        session_id, call_id, from_tag, b_raw, b_e164
    FROM {records}
), repeated AS (
    SELECT trunk, call_id FROM record WHERE leg = 'IN' AND call_id <> '' GROUP BY trunk, call_id HAVING count(*) > 1
), placed AS (
    SELECT r.cdr_id, r.leg, r.leg_no, r.answer_at, row_number() OVER (
        PARTITION BY r.trunk, r.call_id, r.from_tag, r.b_raw
        ORDER BY r.answer_at IS NULL, coalesce(r.setup_at, r.alert_at, r.release_at) DESC, r.cdr_id) AS place
    FROM record r JOIN repeated USING (trunk, call_id) WHERE r.leg = 'IN'
), dropped AS (
    SELECT cdr_id, leg, leg_no FROM placed WHERE place > 1 AND answer_at IS NULL
    UNION ALL
    SELECT cdr_id, leg, leg_no FROM {marks} WHERE mark IN ('DUP_EXACT', 'DUP_RELOAD', 'PARTIAL')
)
SELECT row_number() OVER ()::BIGINT AS n, CASE WHEN r.session_id <> '' THEN encode(r.session_id) ELSE r.cdr_id END AS call,
    r.source, r.partner, r.trunk, r.leg, r.q850, r.sip_code, r.b_e164, h.destination,
    coalesce(r.setup_at, r.alert_at, r.answer_at, r.release_at) AS seized_at, r.answer_at IS NOT NULL AS answered, r.alert_at IS NOT NULL AS alerted,
    epoch_ms(r.release_at) - epoch_ms(r.setup_at) AS held, epoch_ms(r.alert_at) - epoch_ms(r.setup_at) AS pdd,
    coalesce(h.duration_ms, r.duration_ms) AS duration_ms, h.status, h.billed_s, h.amount_micros, h.currency
FROM record r
LEFT JOIN {charges} h ON h.cdr_id = r.cdr_id AND h.leg = r.leg AND h.leg_no = r.leg_no
ANTI JOIN dropped d ON d.cdr_id = r.cdr_id AND d.leg = r.leg AND d.leg_no = r.leg_no
