-- How the CSV outputs write numbers and texts. A text that a spreadsheet would run as a formula gets a quote before it.
CREATE OR REPLACE TEMP MACRO r_micros(v) AS (CASE WHEN v < 0 THEN -1 ELSE 1 END * ((abs(v) + 30000) // 60000));
CREATE OR REPLACE TEMP MACRO r_decimal(m) AS (
    CASE WHEN m < 0 THEN '-' ELSE '' END || (abs(m) // 1000000)::VARCHAR || '.' || lpad((abs(m) % 1000000)::VARCHAR, 6, '0')
);
CREATE OR REPLACE TEMP MACRO r_money(v) AS r_decimal(r_micros(v));
CREATE OR REPLACE TEMP MACRO r_rate(n) AS (
    CASE WHEN n < 0 THEN '-' ELSE '' END
    || rtrim(rtrim((abs(n) // 1000000000)::VARCHAR || '.' || lpad((abs(n) % 1000000000)::VARCHAR, 9, '0'), '0'), '.')
);
CREATE OR REPLACE TEMP MACRO r_cell(t) AS (CASE WHEN regexp_matches(t, '^([=@\t\r]|[+-][^0-9])') THEN '''' || t ELSE t END);
CREATE OR REPLACE TEMP MACRO r_instant(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ');
