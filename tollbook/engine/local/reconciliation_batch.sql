-- One batch of r_units as the pair rules take it; the refolded instants are theirs as they meant them.
SELECT * EXCLUDE (refold), their_setup_at - refold AS refolded_setup_at, their_answer_at - refold AS refolded_answer_at,
       their_release_at - refold AS refolded_release_at
FROM r_units WHERE unit_no BETWEEN {first} AND {last}
