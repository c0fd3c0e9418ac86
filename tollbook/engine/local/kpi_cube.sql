-- The cube of the kpi stage. Tables: kpi_attempt, {found} (n, destination: of attempts that have no charge), {sip} (sip_code, q850),
-- {classes} (q850, class), {countries} (beginning of three digits, country: its calling code).
WITH money AS (
    -- What the other side of a call's money is, beside the first of its rows on each leg, so that it is counted once.
    SELECT call, leg, min(n) AS n, sum(amount_micros) FILTER (status = 'RATED') AS amount, min(currency) FILTER (status = 'RATED') AS currency
    FROM kpi_attempt WHERE answered GROUP BY call, leg
), other AS (
    SELECT own.n, theirs.amount, theirs.currency FROM money own JOIN money theirs ON theirs.call = own.call AND theirs.leg <> own.leg
    WHERE theirs.amount IS NOT NULL
), measured AS (
    SELECT a.source, a.trunk, a.leg, a.answered, a.duration_ms, a.status, a.billed_s, a.amount_micros,
        date_trunc('hour', a.seized_at) AS hour, coalesce(a.partner, '') AS partner,
        coalesce(a.destination, f.destination, '') AS destination, coalesce(c.country, '') AS country,
        CASE WHEN a.answered THEN 'ANSWER'
            WHEN a.alerted AND (a.sip_code IN ({rung_sip}) OR a.q850 IN ({rung_q850})) THEN 'NO_ANSWER'
            ELSE coalesce(k.class, 'OTHER') END AS cause,
        CASE WHEN a.status = 'RATED' THEN a.currency ELSE '' END AS currency, coalesce(o.currency, '') AS other_currency,
        coalesce(o.amount, 0) AS other_amount, CASE WHEN a.held >= 0 THEN a.held END AS held, CASE WHEN a.pdd >= 0 THEN a.pdd END AS pdd
    FROM kpi_attempt a
    LEFT JOIN {found} f ON f.n = a.n
    LEFT JOIN {sip} s ON s.sip_code = a.sip_code
    LEFT JOIN {classes} k ON k.q850 = coalesce(a.q850, s.q850)
    LEFT JOIN {countries} c ON c.beginning = left(a.b_e164, 3)
    LEFT JOIN other o ON o.n = a.n
    WHERE a.seized_at IS NOT NULL
)
SELECT hour, source, partner, trunk, leg, destination, country, cause, currency, other_currency,
    count(*) AS seizures,
    count(*) FILTER (answered) AS answers,
    coalesce(sum(duration_ms) FILTER (answered), 0)::BIGINT AS conversation_ms,
    count(held) AS holding,
    coalesce(sum(held), 0)::BIGINT AS holding_ms,
    count(*) FILTER (answered AND duration_ms <= {short_first}) AS short_6,
    count(*) FILTER (answered AND duration_ms <= {short_second}) AS short_15,
    count(pdd) AS rung,
    {pdd_classes},
    coalesce(sum(billed_s) FILTER (status = 'RATED'), 0)::BIGINT AS billed_s,
    coalesce(sum(amount_micros) FILTER (status = 'RATED'), 0)::BIGINT AS amount_micros,
    sum(other_amount)::BIGINT AS other_micros,
    count(*) FILTER (answered AND duration_ms > 0 AND (status IS NULL OR status NOT IN ('RATED', 'NOT_BILLABLE'))) AS unpriced
FROM measured
GROUP BY ALL
