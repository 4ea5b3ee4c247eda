-- Statistics of the options: totals of "random", and the order in which options come.
-- Critical values are at five standard deviations (one in 3.5 million by chance); seeds are fixed, so that a pass stays a pass.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(24);
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');

-- The chi-square value of df degrees of freedom that is z standard deviations out (Wilson and Hilferty 1931).
CREATE FUNCTION chi_square_at(df float8, z float8) RETURNS float8 LANGUAGE sql AS $$
    SELECT df * (1 - 2 / (9 * df) + z * sqrt(2 / (9 * df))) ^ 3
$$;
CREATE FUNCTION is_chi_square(statistic float8, df float8, what text) RETURNS text LANGUAGE sql AS $$
    SELECT ok(statistic BETWEEN chi_square_at(df, -5) AND chi_square_at(df, 5), format('%s: chi-square %s of %s degrees of freedom is within %s and %s', what,
        round(statistic::numeric, 1), df, round(chi_square_at(df, -5)::numeric, 1), round(chi_square_at(df, 5)::numeric, 1)))
$$;
SELECT ok(abs(chi_square_at(10, 1.644854) - 18.307) < 0.02 AND abs(chi_square_at(200, -1.644854) - 168.279) < 0.02, 'the table of chi-square agrees');

-- Totals of many votes
SELECT is_chi_square(sum((votes - 10000) ^ 2 / 10000.0), 14, 'random: totals of 150000 votes, seed ' || s)
  FROM generate_series(1, 3) AS s, pollseed_vote_shares(150000, 'random', seed => s) GROUP BY s ORDER BY s;
SELECT is_chi_square(sum((votes - e) ^ 2 / e), 14, 'random with weights: totals of 150000 votes')
  FROM (SELECT votes, 150000 * weight / sum(weight) OVER () AS e
          FROM pollseed_vote_shares(150000, 'random', '{"Python": 100, "JavaScript": 1, "Java": 3, "TypeScript": 0.5, "Go": 17, "Rust": 65, "C++": 60, "C#": 55,
            "Ruby": 50, "PHP": 45, "Swift": 40, "Kotlin": 35, "Scala": 30, "Elixir": 25, "Haskell": 9}', 4)) AS t;

-- Totals over many seeds: they vary as much as they must.  Equal shares, passed off as random, have a chi-square of nearly zero.
CREATE TEMP TABLE draws AS
    SELECT s.seed, v.* FROM generate_series(1, 300) AS s(seed), pollseed_vote_shares(1000, 'random', seed => s.seed) AS v;
SELECT is_chi_square(sum((votes - 1000 / 15.0) ^ 2 / (1000 / 15.0)), 300 * 14, 'random: totals of 1000 votes for each of 300 seeds') FROM draws;
SELECT ok(sum((votes - 1000 / 15.0) ^ 2 / (1000 / 15.0)) < chi_square_at(300 * 14, -5), 'which even is not')
  FROM generate_series(1, 300) AS s(seed), pollseed_vote_shares(1000, 'even', seed => s.seed);
SELECT is_chi_square(sum((votes - 20000) ^ 2 / 20000.0), 14, 'random: no option is favoured over the seeds')
  FROM (SELECT option_id, sum(votes) AS votes FROM draws GROUP BY 1) AS t;
-- Options do not move together: shares of groups of options are binomial, and vary over 300 seeds as such.

SELECT is_chi_square(sum((votes - 1000 * 7 / 15.0) ^ 2) / (1000 * 7 / 15.0 * 8 / 15.0), 300, 'random: the share of the first seven options together')
  FROM (SELECT seed, sum(votes) AS votes FROM draws WHERE option_id::int <= 7 GROUP BY 1) AS t;
SELECT is_chi_square(sum((votes - 1000 / 3.0) ^ 2) / (1000 / 3.0 * 2 / 3.0), 300, 'random: the share of every third option together')
  FROM (SELECT seed, sum(votes) AS votes FROM draws WHERE option_id::int % 3 = 0 GROUP BY 1) AS t;

-- Others have exact counts, whatever the seed
SELECT is_empty(format($$SELECT s.votes, s.label FROM pollseed_vote_shares(20011, %1$L) AS s EXCEPT ALL
    SELECT count(*), v.label FROM pollseed_generate_votes(20011, %1$L, arrival => %2$L, seed => 12) AS v GROUP BY v.label$$, d, a), d || ', ' || a || ': exact counts')
  FROM (VALUES ('realistic', 'uniform'), ('weighted', 'diurnal'), ('even', 'bursty'), ('zipf', 'uniform')) AS t(d, a);

-- Serial independence of the options: the table of pairs in a series, against the product of its margins
CREATE TEMP TABLE pairs (series text, a int, b int);
CREATE FUNCTION pairs_chi_square(name text) RETURNS float8 LANGUAGE sql AS $$
    WITH cells AS (SELECT a, b, count(*) AS n FROM pairs WHERE series = name GROUP BY a, b),
         rows AS (SELECT a, sum(n) AS n FROM cells GROUP BY a),
         columns AS (SELECT b, sum(n) AS n FROM cells GROUP BY b),
         total AS (SELECT sum(n) AS n FROM cells)
    SELECT sum((COALESCE(x.n, 0) - e) ^ 2 / e)::float8
      FROM (SELECT r.a, c.b, r.n * c.n / t.n AS e FROM rows AS r, columns AS c, total AS t) AS p LEFT JOIN cells AS x USING (a, b)
$$;
CREATE TEMP TABLE random AS SELECT vote_no, option_no, cast_at FROM pollseed_generate_votes(60000, 'random', seed => 5, ends_at => '2025-06-15');
CREATE TEMP TABLE realistic AS SELECT vote_no, option_no, cast_at FROM pollseed_generate_votes(60000, 'realistic', seed => 6, ends_at => '2025-06-15');
CREATE TEMP TABLE next_seed AS SELECT vote_no, option_no, cast_at FROM pollseed_generate_votes(60000, 'random', seed => 6, ends_at => '2025-06-15');
INSERT INTO pairs
    SELECT 'random', option_no, lead(option_no) OVER (ORDER BY vote_no) FROM random
    UNION ALL SELECT 'random, two apart', option_no, lead(option_no, 2) OVER (ORDER BY vote_no) FROM random
    UNION ALL SELECT 'realistic', option_no, lead(option_no) OVER (ORDER BY vote_no) FROM realistic
    UNION ALL SELECT 'seeds', r.option_no, n.option_no FROM random AS r JOIN next_seed AS n USING (vote_no)
    UNION ALL SELECT 'realistic by time', option_no, ntile(10) OVER (ORDER BY vote_no) FROM realistic
    UNION ALL SELECT 'random by place of 64', option_no, vote_no % 64 FROM random
    UNION ALL SELECT 'in turn', n % 15, (n + 1) % 15 FROM generate_series(1, 60000) AS n
    UNION ALL SELECT 'sorted', n / 4000, ntile(10) OVER (ORDER BY n) FROM generate_series(0, 59999) AS n;
DELETE FROM pairs WHERE b IS NULL;
SELECT is_chi_square(pairs_chi_square('random'), 14 * 14, 'random: each option and the next');
SELECT is_chi_square(pairs_chi_square('random, two apart'), 14 * 14, 'random: each option and the next but one');
SELECT is_chi_square(pairs_chi_square('realistic'), 14 * 14, 'realistic: each option and the next');
SELECT is_chi_square(pairs_chi_square('realistic by time'), 14 * 9, 'realistic: options and tenths of the time');
SELECT is_chi_square(pairs_chi_square('random by place of 64'), 14 * 63, 'random: options and places in rows of 64');
SELECT is_chi_square(pairs_chi_square('seeds'), 14 * 14, 'random: options of a seed and of the next');
SELECT cmp_ok(pairs_chi_square('in turn'), '>', chi_square_at(14 * 14, 5), 'options that take turns fail');
SELECT cmp_ok(pairs_chi_square('sorted'), '>', chi_square_at(14 * 9, 5), 'options one after the other fail');

-- Runs of the same option: of 60000 votes each follows one of its own kind with probability 1/15; standard deviation 61.1
SELECT cmp_ok(abs(count(*) - 59999 / 15.0), '<', 5 * 61.1, 'random: as many repetitions as by chance') FROM pairs WHERE series = 'random' AND a = b;

SELECT * FROM finish();
ROLLBACK;
