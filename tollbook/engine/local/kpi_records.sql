-- Billing records and attempts ({cdrs}), and the events ({events}) of calls that have neither: some sources write the same call twice.
CREATE OR REPLACE TEMP VIEW kpi_records AS
SELECT * FROM {cdrs}
UNION ALL BY NAME
SELECT e.* FROM {events} e
ANTI JOIN {cdrs} c ON c.leg = e.leg AND c.call_id = e.call_id AND coalesce(c.trunk, '') = coalesce(e.trunk, '')
