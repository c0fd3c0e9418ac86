-- What mediation compares, one row a record. Empty text is no value.
CREATE OR REPLACE TEMP TABLE mediation_row AS
SELECT row_number() OVER ()::INTEGER AS n, cdr_id, leg::VARCHAR AS leg, leg_no, source::VARCHAR AS source, coalesce(trunk::VARCHAR, '') AS trunk,
    nullif(trim(call_id), '') AS call_id, coalesce(from_tag, '') AS from_tag, coalesce(to_tag, '') AS to_tag,
    nullif(lower(trim(icid)), '') AS icid, epoch_ms(setup_at) AS setup, epoch_ms(answer_at) AS answer, epoch_ms(release_at) AS release,
    duration_ms AS duration, coalesce(a_e164, a_raw, '') AS a, coalesce(b_e164, b_raw, '') AS b, coalesce(b_raw, '') AS b_raw,
    coalesce(a_class IN ('ANONYMOUS', 'MISSING', 'MASKED'), false) OR coalesce(a_e164, a_raw, '') = '' AS hidden,
    coalesce(release_party IN ({signalled}), false) AS signalled, partial_seq, partial_last, attempt_no, route_index, cic
FROM {cdrs}
