-- Statistics of the arrival "uniform": a Poisson process, given its number of votes.  Times are uniform and gaps exponential.
-- Evenly jittered times pass the first test and fail the second.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(24);

-- Series of 20000 fractions of a range: of three seeds, of a short range and a long one, and two made here: sorted random ones, and one at random
-- within each of as many equal parts.
CREATE TEMP TABLE series (name text, n bigint, t float8);
CREATE FUNCTION fractions(range interval, seed bigint, distribution text) RETURNS TABLE (n bigint, t float8) LANGUAGE sql AS $$
    SELECT vote_no, 1 - extract(epoch FROM '2025-06-15'::timestamptz - cast_at)::float8 / extract(epoch FROM range)::float8
      FROM pollseed_generate_votes(20000, distribution, range, 'uniform', seed, '2025-06-15')
$$;
CREATE FUNCTION hash_fraction(key text) RETURNS float8 LANGUAGE sql AS $$ SELECT ('x' || left(md5(key), 12))::bit(48)::bigint / 2.0::float8 ^ 48 $$;
INSERT INTO series SELECT 'seed 1', f.* FROM fractions('24 hours', 1, 'realistic') AS f;
INSERT INTO series SELECT 'seed 2', f.* FROM fractions('24 hours', 2, 'random') AS f;
INSERT INTO series SELECT 'seed -3, one minute', f.* FROM fractions('1 minute', -3, 'even') AS f;
INSERT INTO series SELECT 'seed 4, 1000 days', f.* FROM fractions('1000 days', 4, 'zipf') AS f;
INSERT INTO series SELECT 'control', row_number() OVER (ORDER BY t), t FROM (SELECT hash_fraction('c' || i) AS t FROM generate_series(1, 20000) AS i) AS s;
INSERT INTO series SELECT 'jittered', i, (i - 1 + hash_fraction('j' || i)) / 20000 FROM generate_series(1, 20000) AS i;
CREATE TEMP VIEW gaps AS SELECT name, n, (t - lag(t, 1, 0) OVER (PARTITION BY name ORDER BY n)) * 20000 AS gap FROM series;

SELECT is(count(*), 20000::bigint, name || ': as many votes as asked for') FROM series GROUP BY name ORDER BY name COLLATE "C";

-- Kolmogorov–Smirnov: the distance is beyond 2.73 / sqrt(n) = 0.0193 with a probability of 2 exp(-2 * 2.73^2), less than one in a million.
CREATE TEMP TABLE distances AS
    SELECT name, 'times' AS what, max(greatest(i / 20000.0 - f, f - (i - 1) / 20000.0)) AS d
      FROM (SELECT name, t AS f, row_number() OVER (PARTITION BY name ORDER BY t) AS i FROM series) AS s GROUP BY 1
    UNION ALL
    SELECT name, 'gaps', max(greatest(i / 20000.0 - f, f - (i - 1) / 20000.0))
      FROM (SELECT name, 1 - exp(-gap) AS f, row_number() OVER (PARTITION BY name ORDER BY gap) AS i FROM gaps) AS s GROUP BY 1;
SELECT cmp_ok(d::float8, '<', 0.0193::float8, format('%s: %s have the right distribution', name, what))
  FROM distances WHERE name <> 'jittered' ORDER BY name COLLATE "C", what COLLATE "C";
SELECT cmp_ok(d::float8, '<', 0.0193::float8, 'evenly jittered: times seem right') FROM distances WHERE name = 'jittered' AND what = 'times';
SELECT cmp_ok(d::float8, '>', 0.1::float8, 'evenly jittered: gaps give it away') FROM distances WHERE name = 'jittered' AND what = 'gaps';

-- Gaps do not depend on those before: the correlation of neighbours has the standard deviation 1 / sqrt(n); five are 0.0354.
SELECT cmp_ok(abs(r), '<', 0.0354::float8, name || ': neighbouring gaps do not correlate')
  FROM (SELECT name, corr(gap, before) AS r FROM (SELECT *, lag(gap) OVER (PARTITION BY name ORDER BY n) AS before FROM gaps) AS g GROUP BY 1) AS c
 WHERE name LIKE 'seed%' ORDER BY name COLLATE "C";
-- Nor do those of two seeds.
SELECT cmp_ok(abs(corr(a.gap, b.gap)), '<', 0.0354::float8, 'gaps of two seeds do not correlate')
  FROM gaps AS a JOIN gaps AS b USING (n) WHERE a.name = 'seed 1' AND b.name = 'seed 2';

-- One vote of each of 2000 seeds in a row: uniform as well.  2.73 / sqrt(2000) = 0.0610.
SELECT cmp_ok(max(greatest(i / 2000.0 - f, f - (i - 1) / 2000.0))::float8, '<', 0.0610::float8, 'single votes of 2000 seeds in a row are uniform')
  FROM (SELECT f, row_number() OVER (ORDER BY f) AS i FROM (SELECT extract(epoch FROM cast_at - '2025-06-14') / 86400 AS f
        FROM generate_series(1, 2000) AS s, pollseed_generate_votes(1, seed => s, ends_at => '2025-06-15')) AS t) AS u;

SELECT * FROM finish();
ROLLBACK;
