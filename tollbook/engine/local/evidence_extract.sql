-- The extract of the disputed calls as both sides will read it. Amounts in units of 1/60 of 10^-9, exact; times in UTC.
SELECT
    u.call,
    u.class,
    u.destination,
    u.rule,
    u.offset_ms,
    u.our_calls,
    u.their_calls,
    lower(hex(u.our_cdr_id)) AS our_record,
    lower(hex(u.their_cdr_id)) AS their_record,
    t.sequence_no AS their_record_no,
    coalesce(t.call_id, o.call_id) AS call_id,
    strftime(o.answer_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS our_answer_at,
    strftime(t.answer_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS their_answer_at,
    strftime(o.release_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS our_release_at,
    strftime(t.release_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS their_release_at,
    o.duration_ms AS our_duration_ms,
    t.duration_ms AS their_duration_ms,
    n.masked AS a_number,
    n.keyed AS a_number_hmac,
    coalesce(o.b_e164, t.b_e164) AS b_number,
    o.trunk AS our_trunk,
    c.deck_digest AS our_deck_digest,
    c.deck_row AS our_deck_row,
    c.code AS our_code,
    c.rate_nanos_per_minute AS our_rate_nanos_per_minute,
    c.duration_ms AS our_charged_ms,
    u.our_billed_s,
    u.our_value AS our_60th_nanos,
    t.their_code,
    t.their_destination,
    t.their_rate_text AS their_rate,
    u.their_billed_s,
    u.their_value AS their_60th_nanos,
    u.difference AS difference_60th_nanos,
    u.minutes_ms
FROM evidence_units u
LEFT JOIN evidence_records o ON o.cdr_id = u.our_cdr_id
LEFT JOIN evidence_records t ON t.cdr_id = u.their_cdr_id
LEFT JOIN {charges} c ON c.cdr_id = u.our_cdr_id
LEFT JOIN {numbers} n ON n.number = coalesce(o.a_e164, t.a_e164)
ORDER BY u.call
