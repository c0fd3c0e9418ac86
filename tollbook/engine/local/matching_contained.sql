-- Records of one side inside the interval of a record of the other, with its margin; only wholes that hold at least two, all of one caller:
-- a caller who is hidden in the whole fits everybody, but the parts of one call have one.
INSERT INTO matching_held
WITH whole AS (
    SELECT *, unnest(range((answer - {margin}) // {bucket}, (release + {margin}) // {bucket} + 1)) AS bucket
    FROM {whole} WHERE answered AND answer IS NOT NULL AND b IS NOT NULL
), part AS (
    SELECT *, answer // {bucket} AS bucket FROM {part} WHERE answered AND answer IS NOT NULL AND b IS NOT NULL
)
SELECT '{side}', {w}.n, {p}.n, {w}.duration, {p}.answer, {p}.release
FROM whole {w} JOIN part {p} ON {w}.b_last = {p}.b_last AND {w}.bucket = {p}.bucket AND {w}.b = {p}.b
WHERE {p}.answer >= {w}.answer - {margin} AND {p}.release <= {w}.release + {margin} AND {caller}{blocks}
WINDOW one AS (PARTITION BY {w}.n)
QUALIFY count(*) OVER one > 1 AND coalesce(min({p}.a_last) OVER one = max({p}.a_last) OVER one, true)
