-- The calls of an invoice in the order of their anchors, each with the number of its line. Views: {charges} (with prior_period), {rates}, {cdrs} (CDR schema), {lines}.
-- A-numbers show their first five digits. Amounts are decimals written from integers: nothing here is a float.
SELECT
    l.line,
    lower(hex(c.cdr_id)) AS cdr_id,
    d.call_id,
    strftime(d.setup_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS setup_at,
    strftime(d.answer_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS answer_at,
    strftime(d.release_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS release_at,
    rpad(left(d.a_e164, least(5, greatest(0, length(d.a_e164) - 4))), CAST(length(d.a_e164) AS INTEGER), '*') AS a_number,
    coalesce(d.b_e164, d.b_raw) AS b_number,
    c.code,
    c.destination,
    c.duration_ms,
    c.billed_s,
    printf('%d.%09d', c.rate_nanos_per_minute // 1000000000, c.rate_nanos_per_minute % 1000000000) AS rate_per_minute,
    c.exact_60th_nanos,
    printf('%d.%06d', c.amount_micros // 1000000, c.amount_micros % 1000000) AS amount,
    c.currency,
    d.q850,
    c.deck_digest,
    c.deck_row
FROM {charges} c
LEFT JOIN {rates} r ON r.deck_digest = c.deck_digest AND r.deck_row = c.deck_row
JOIN {lines} l
    ON l.direction = c.leg
    AND l.prior_period = c.prior_period
    AND l.destination = coalesce(c.destination, '')
    AND l.a_zone = coalesce(c.a_zone, '')
    AND l.band = coalesce(c.band, '')
    AND l.jurisdiction = coalesce(c.jurisdiction, '')
    AND l.increments = coalesce(r.increments, '')
    AND l.rate_version = coalesce(r.version, '')
    AND l.rate_nanos_per_minute = c.rate_nanos_per_minute
    AND l.deck_digest = coalesce(c.deck_digest, '')
    AND l.clause = coalesce(c.clause, '')
JOIN {cdrs} d ON d.cdr_id = c.cdr_id AND d.leg = c.leg AND d.leg_no = c.leg_no
WHERE c.status = 'RATED' AND c.acceptance <> 'NON_PAYABLE' AND (c.billed_s > 0 OR c.exact_60th_nanos <> 0)
ORDER BY c.anchor_at, c.cdr_id, c.leg, c.leg_no
