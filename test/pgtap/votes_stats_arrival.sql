-- Statistics of the arrivals "diurnal" and "bursty": the profile of the week in local time, across changes of the clocks, and the
-- clustering of bursts.  Critical values are at five standard deviations; seeds are fixed, so that a pass stays a pass.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(46);

-- The chi-square value of df degrees of freedom that is z standard deviations out (Wilson and Hilferty 1931).
CREATE FUNCTION chi_square_at(df float8, z float8) RETURNS float8 LANGUAGE sql AS $$
    SELECT df * (1 - 2 / (9 * df) + z * sqrt(2 / (9 * df))) ^ 3
$$;
CREATE FUNCTION is_chi_square(statistic float8, df float8, what text) RETURNS text LANGUAGE sql AS $$
    SELECT ok(statistic BETWEEN chi_square_at(df, -5) AND chi_square_at(df, 5), format('%s: chi-square %s of %s degrees of freedom is within %s and %s', what,
        round(statistic::numeric, 1), df, round(chi_square_at(df, -5)::numeric, 1), round(chi_square_at(df, 5)::numeric, 1)))
$$;

-- Relative rates by local hour, Mondays to Fridays and at the weekend
CREATE FUNCTION rate(local timestamp) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE WHEN extract(isodow FROM local) < 6
        THEN '{18, 12, 8, 6, 6, 9, 17, 30, 48, 62, 70, 74, 78, 74, 70, 68, 68, 70, 74, 80, 84, 76, 54, 32}'
        ELSE '{30, 22, 15, 10, 8, 8, 10, 16, 28, 44, 58, 66, 70, 70, 68, 66, 64, 66, 70, 74, 76, 70, 56, 40}' END::int[])[extract(hour FROM local)::int + 1]
$$;

-- Votes in time, and what is expected of each half hour of universal time: no zone here changes within one.
CREATE TEMP TABLE votes (name text, at timestamptz);
CREATE TEMP TABLE runs (name text, zone text, arrival text, n int, from_at timestamptz, until_at timestamptz);
INSERT INTO runs VALUES
    ('New York, spring', 'America/New_York', 'diurnal', 60000, '2025-02-10 00:00-05', '2025-04-07 00:00-04'),
    ('New York, autumn', 'America/New_York', 'diurnal', 60000, '2025-10-06 00:00-04', '2025-12-01 00:00-05'),
    ('New York, a spring night', 'America/New_York', 'diurnal', 40000, '2025-03-08 20:00-05', '2025-03-09 12:00-04'),
    ('New York, an autumn night', 'America/New_York', 'diurnal', 40000, '2025-11-01 20:00-04', '2025-11-02 12:00-05'),
    ('Kolkata, half an hour off', 'Asia/Kolkata', 'diurnal', 40000, '2025-03-03 00:00Z', '2025-03-10 00:00Z'),
    ('Lord Howe, a change by half an hour', 'Australia/Lord_Howe', 'diurnal', 40000, '2025-04-04 00:00Z', '2025-04-07 00:00Z'),
    ('UTC, begun within an hour', 'UTC', 'diurnal', 40000, '1999-12-31 13:30Z', '2000-01-02 10:30Z'),
    ('bursty', 'America/New_York', 'bursty', 50000, '2025-03-03 00:00-05', '2025-03-17 00:00-04'),
    ('bursty, few votes', 'America/New_York', 'bursty', 5000, '2025-03-03 00:00-05', '2025-03-17 00:00-04'),
    ('diurnal', 'America/New_York', 'diurnal', 50000, '2025-03-03 00:00-05', '2025-03-17 00:00-04'),
    ('uniform', 'America/New_York', 'uniform', 50000, '2025-03-03 00:00-05', '2025-03-17 00:00-04');
CREATE FUNCTION make(r runs) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    votes_made bigint;
BEGIN
    PERFORM set_config('timezone', r.zone, true);
    INSERT INTO votes SELECT r.name, v.cast_at FROM pollseed_generate_votes(r.n, 'realistic',
        make_interval(secs => extract(epoch FROM r.until_at - r.from_at)::float8), r.arrival, 2025, r.until_at) AS v;
    GET DIAGNOSTICS votes_made = ROW_COUNT;
    PERFORM set_config('timezone', 'UTC', true);
    RETURN votes_made;
END $$;
SELECT is(make(r), r.n::bigint, format('%s: %s votes', r.name, r.n)) FROM runs AS r;
SELECT is_empty('SELECT name FROM votes JOIN runs USING (name) WHERE at < from_at OR at >= until_at', 'all within their range');

CREATE TEMP TABLE expected AS
    SELECT name, zone, bin, local, n * weight / sum(weight) OVER (PARTITION BY name) AS e
      FROM (SELECT r.name, r.zone, r.n, b AS bin, b AT TIME ZONE r.zone AS local,
                   CASE r.arrival WHEN 'uniform' THEN 1 ELSE rate(b AT TIME ZONE r.zone) END::float8 AS weight
              FROM runs AS r, generate_series(r.from_at, r.until_at - interval '1 second', '30 minutes') AS b) AS t;
CREATE TEMP TABLE observed AS
    SELECT name, date_bin('30 minutes', at, '2000-01-01Z') AS bin, count(*) AS o FROM votes GROUP BY 1, 2;
CREATE TEMP TABLE bins AS SELECT *, COALESCE(o, 0) AS seen FROM expected LEFT JOIN observed USING (name, bin);
SELECT is(sum(b.seen), (SELECT sum(n) FROM runs)::numeric, 'the bins hold all votes') FROM bins AS b;

-- Hour of the week, in local time: 168 of them.  In spring an hour is missing once and in autumn one comes twice, which the exposure has.
SELECT is_chi_square(sum((seen - e) ^ 2 / e), 167, name || ': hours of the local week')
  FROM (SELECT name, sum(seen) AS seen, sum(e) AS e FROM bins WHERE name IN ('New York, spring', 'New York, autumn')
        GROUP BY name, extract(isodow FROM local), extract(hour FROM local)) AS t GROUP BY name ORDER BY name COLLATE "C";
-- A profile that follows universal time, or keeps the offset of the range's end, fails the same test.
SELECT cmp_ok(sum((seen - e) ^ 2 / e)::float8, '>', chi_square_at(1343, 5), 'New York, spring: hours by the offset of the end would not do')
  FROM (SELECT sum(seen) AS seen, 60000 * sum(weight) / sum(sum(weight)) OVER () AS e
          FROM (SELECT bin, seen, rate(bin AT TIME ZONE interval '-04:00') AS weight FROM bins WHERE name = 'New York, spring') AS w
         GROUP BY date_trunc('hour', bin)) AS t;

-- Every half hour on its own: nothing is moved at the changes of the clocks
SELECT is_chi_square(sum((seen - e) ^ 2 / e), count(*) - 1, name || ': half hours of universal time')
  FROM bins WHERE name NOT LIKE 'bursty%' GROUP BY name ORDER BY name COLLATE "C";

-- The skipped hour, 02:00 to 03:00 local time on March 9th: no vote, and the hour after it does not hold those of two
SELECT is_empty($$SELECT at FROM votes WHERE name LIKE 'New York%' AND (at AT TIME ZONE 'America/New_York')::time >= '02:00'
    AND (at AT TIME ZONE 'America/New_York')::time < '03:00' AND (at AT TIME ZONE 'America/New_York')::date = '2025-03-09'$$, 'no vote in the skipped hour');
-- Weights of that night, 20:00 to 12:00: Saturday 76 + 70 + 56 + 40, Sunday 30 + 22 (+ 15 skipped) + 10 + 8 + 8 + 10 + 16 + 28 + 44 + 58 + 66
SELECT is(round(sum(e)), round(40000 * 10 / 542.0::float8), 'the hour after it has its own exposure') FROM bins
 WHERE name = 'New York, a spring night' AND local >= '2025-03-09 03:00' AND local < '2025-03-09 04:00';
SELECT cmp_ok(abs(sum(seen) - sum(e)) / sqrt(sum(e)), '<', 5::float8, 'and its own votes') FROM bins
 WHERE name = 'New York, a spring night' AND local >= '2025-03-09 03:00' AND local < '2025-03-09 04:00';
-- The doubled hour, 01:00 to 02:00 on November 2nd, has two hours' votes, in the first pass as many as in the second
SELECT is(round(sum(e)), round(40000 * 2 * 22 / 579.0::float8), 'the doubled hour has a doubled exposure') FROM bins
 WHERE name = 'New York, an autumn night' AND local >= '2025-11-02 01:00' AND local < '2025-11-02 02:00';
SELECT cmp_ok(abs(sum(seen) - sum(e)) / sqrt(sum(e)), '<', 5::float8, 'and the votes of two hours') FROM bins
 WHERE name = 'New York, an autumn night' AND local >= '2025-11-02 01:00' AND local < '2025-11-02 02:00';
SELECT cmp_ok(abs(sum(seen) FILTER (WHERE bin < '2025-11-02 06:00Z') - sum(seen) FILTER (WHERE bin >= '2025-11-02 06:00Z')) / sqrt(sum(e)), '<', 5::float8,
    'half of them each time') FROM bins WHERE name = 'New York, an autumn night' AND local >= '2025-11-02 01:00' AND local < '2025-11-02 02:00';

-- Within an hour the rate is constant
SELECT is_chi_square(sum((o - e) ^ 2 / e), 59, 'New York, spring: minutes of the hour')
  FROM (SELECT count(*) AS o, 1000::float8 AS e FROM votes WHERE name = 'New York, spring' GROUP BY extract(minute FROM at)) AS t;

-- Clustering: variance of the counts of 10 minutes by their mean, the mean being that of the diurnal rate (by its own half hour).
-- For a Poisson process it is 1, give or take sqrt(2 / 2015) = 0.0315 for 2016 windows; five of these are 0.158.
CREATE TEMP TABLE dispersion AS
    SELECT name, sum((COALESCE(o, 0) - e) ^ 2 / e) / count(*) AS index
      FROM (SELECT b.name, b.bin + i * interval '10 minutes' AS ten, b.e / 3 AS e FROM bins AS b, generate_series(0, 2) AS i) AS x
      LEFT JOIN (SELECT name, date_bin('10 minutes', at, '2000-01-01Z') AS ten, count(*) AS o FROM votes GROUP BY 1, 2) AS y USING (name, ten)
     GROUP BY name;
SELECT cmp_ok(abs(index - 1), '<', 0.158::float8, format('%s: index of dispersion %s is that of a Poisson process', name, round(index::numeric, 3)))
  FROM dispersion WHERE name IN ('uniform', 'diurnal') ORDER BY name COLLATE "C";
SELECT cmp_ok(index, '>', 3::float8, format('%s: index of dispersion %s is well above', name, round(index::numeric, 3)))
  FROM dispersion WHERE name LIKE 'bursty%' ORDER BY name COLLATE "C";
-- Bursts last longer than that, so that counts of hours vary more yet: for independent votes 1, give or take sqrt(2 / 335) = 0.0773.
SELECT cmp_ok(abs(index - 1) / 0.0773, CASE WHEN name LIKE 'bursty%' THEN '>' ELSE '<' END, CASE WHEN name LIKE 'bursty%' THEN 100 ELSE 5 END::float8,
        format('%s: index of dispersion by the hour %s', name, round(index::numeric, 3)))
  FROM (SELECT name, sum((seen - e) ^ 2 / e) / count(*) AS index
          FROM (SELECT name, sum(seen) AS seen, sum(e) AS e FROM bins WHERE name IN ('bursty', 'diurnal', 'uniform') GROUP BY name, date_trunc('hour', bin)) AS h
         GROUP BY name) AS i ORDER BY name COLLATE "C";
-- Votes that draw others come after them: counts of neighbouring windows correlate, which for independent ones is 0, give or take 0.0223.
SELECT cmp_ok(r, CASE WHEN name LIKE 'bursty%' THEN '>' ELSE '<' END, CASE WHEN name LIKE 'bursty%' THEN 0.3 ELSE 5 * 0.0223 END::float8,
        format('%s: neighbouring windows correlate by %s', name, round(r::numeric, 3)))
  FROM (SELECT name, corr(z, before) AS r
          FROM (SELECT name, z, lag(z) OVER (PARTITION BY name ORDER BY ten) AS before
                  FROM (SELECT name, ten, (COALESCE(o, 0) - e) / sqrt(e) AS z
                          FROM (SELECT b.name, b.bin + i * interval '10 minutes' AS ten, b.e / 3 AS e FROM bins AS b, generate_series(0, 2) AS i) AS x
                          LEFT JOIN (SELECT name, date_bin('10 minutes', at, '2000-01-01Z') AS ten, count(*) AS o FROM votes GROUP BY 1, 2) AS y USING (name, ten)) AS w) AS v
         WHERE name IN ('bursty', 'diurnal', 'uniform') GROUP BY name) AS c ORDER BY name COLLATE "C";
-- On the whole bursts follow the day all the same: the six hours from 18:00 have many times the votes of those from 01:00.
SELECT cmp_ok(count(*) FILTER (WHERE h BETWEEN 17 AND 22), '>', 4 * count(*) FILTER (WHERE h BETWEEN 1 AND 6), 'bursty: evenings have more votes than nights')
  FROM (SELECT extract(hour FROM at AT TIME ZONE 'America/New_York') AS h FROM votes WHERE name = 'bursty') AS t;

-- Exactly as many votes as asked for, in order and within the range, for few votes and short ranges
SELECT is((SELECT array_agg(n.n ORDER BY n.n) FROM unnest('{1,2,3,10,100,5000}'::int[]) AS n(n), unnest('{1 microsecond,1 second,1 hour,400 days}'::interval[]) AS r,
        LATERAL (SELECT count(*) AS votes, count(*) FILTER (WHERE cast_at >= '2025-06-15'::timestamptz - r AND cast_at < '2025-06-15') AS inside,
            count(*) FILTER (WHERE cast_at < before) AS backwards
          FROM (SELECT cast_at, lag(cast_at) OVER (ORDER BY vote_no) AS before FROM pollseed_generate_votes(n.n, 'random', r, a, 8, '2025-06-15')) AS v) AS v
        WHERE v.votes = n.n AND v.inside = n.n AND v.backwards = 0),
    '{1,1,1,1,2,2,2,2,3,3,3,3,10,10,10,10,100,100,100,100,5000,5000,5000,5000}'::int[], a || ': few votes, short ranges')
  FROM unnest('{uniform,diurnal,bursty}'::text[]) AS a;

SELECT * FROM finish();
ROLLBACK;
