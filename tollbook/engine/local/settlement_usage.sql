-- One row per invoice line: all calls of one price. Views: {charges} (CHARGE schema and prior_period, the name of the earlier period a late
-- call belongs to, else empty), {rates} (deck_digest, deck_row, increments, version).
-- The exact charges are summed in 128 bits and leave as text, because Arrow has no integer that wide.
SELECT
    c.leg AS direction,
    c.prior_period,
    coalesce(c.destination, '') AS destination,
    coalesce(c.a_zone, '') AS a_zone,
    coalesce(c.band, '') AS band,
    coalesce(c.jurisdiction, '') AS jurisdiction,
    coalesce(r.increments, '') AS increments,
    coalesce(r.version, '') AS rate_version,
    c.rate_nanos_per_minute,
    c.currency,
    coalesce(c.deck_digest, '') AS deck_digest,
    coalesce(c.clause, '') AS clause,
    list_sort(list(DISTINCT c.code)) AS codes,
    count(*) AS calls,
    CAST(sum(c.duration_ms) AS BIGINT) AS duration_ms,
    CAST(sum(c.billed_s) AS BIGINT) AS billed_s,
    CAST(sum(CAST(c.exact_60th_nanos AS HUGEINT)) AS VARCHAR) AS exact_60th_nanos,
    CAST(sum(CAST(c.amount_micros AS HUGEINT)) AS VARCHAR) AS amount_micros
FROM {charges} c
LEFT JOIN {rates} r ON r.deck_digest = c.deck_digest AND r.deck_row = c.deck_row
WHERE c.status = 'RATED' AND c.acceptance <> 'NON_PAYABLE' AND (c.billed_s > 0 OR c.exact_60th_nanos <> 0)
GROUP BY ALL
ORDER BY ALL
