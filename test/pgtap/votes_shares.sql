-- How votes are shared among options: exact sums, largest remainders, the weights of each distribution.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(53);
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');

-- Option tables of several sizes.  Ids count down, so that an order by anything but the id is seen.
CREATE FUNCTION make_options(n int) RETURNS regclass LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE options_%s (id int PRIMARY KEY, text text)', n);
    EXECUTE format('INSERT INTO options_%s SELECT i, COALESCE((SELECT o.text FROM options AS o WHERE o.id = i), ''Language '' || i)
        FROM generate_series(%s, 1, -1) AS i', n, n);
    RETURN format('options_%s', n)::regclass;
END $$;

-- The shares of every distribution for many counts and numbers of options
CREATE TEMP TABLE shares AS
    SELECT n.options, d.distribution, c.vote_count, s.ordinality AS position, s.option_id, s.label, s.weight, s.votes
      FROM (SELECT n AS options, make_options(n) AS relation FROM unnest('{1,2,3,7,15,1000}'::int[]) AS n OFFSET 0) AS n,
           unnest('{realistic,weighted,even,zipf,random,object}'::text[]) AS d(distribution),
           unnest('{0,1,2,14,15,16,999,10000,1000003}'::bigint[]) AS c(vote_count),
           ROWS FROM (pollseed_vote_shares(c.vote_count, CASE d.distribution WHEN 'object' THEN 'realistic' ELSE d.distribution END,
                CASE d.distribution WHEN 'object' THEN (SELECT jsonb_object_agg(l, 1 + i * i % 17 + i / 10.0)
                    FROM unnest('{Python,JavaScript,Java,TypeScript,Go,Rust,C++}'::text[]) WITH ORDINALITY AS t(l, i)
                    WHERE i <= n.options) END, 11, n.relation)) WITH ORDINALITY AS s(option_id, label, weight, votes, ordinality);
CREATE TEMP VIEW quotas AS
    SELECT *, vote_count * weight::numeric / sum(weight::numeric) OVER (PARTITION BY options, distribution, vote_count) AS quota FROM shares;

SELECT is(count(*), 6 * 9 * 1028::bigint, 'every option has its row') FROM shares;
SELECT is_empty('SELECT options, distribution, vote_count FROM shares GROUP BY 1, 2, 3 HAVING sum(votes) <> vote_count',
    'shares add up to exactly the number of votes: rounding each for itself would not');
SELECT is_empty('SELECT * FROM shares WHERE votes < 0', 'no share is negative');
SELECT is_empty('SELECT * FROM shares WHERE option_id <> position::text', 'options come in the order of their ids, not of the table');
SELECT is_empty($$SELECT * FROM quotas WHERE distribution <> 'random' AND abs(votes - quota) >= 1$$, 'each share is within one of its quota');
SELECT is_empty($$SELECT options, distribution, vote_count FROM quotas WHERE distribution <> 'random' GROUP BY 1, 2, 3
    HAVING min(quota - floor(quota)) FILTER (WHERE votes = floor(quota) + 1)
         < max(quota - floor(quota)) FILTER (WHERE votes = floor(quota)) - 1e-6$$,
    'votes left over by rounding down went to the largest remainders');
SELECT is_empty('SELECT * FROM shares WHERE weight = 0 AND votes > 0', 'an option without weight gets no votes');
SELECT results_eq($$SELECT votes FROM shares WHERE options = 15 AND distribution = 'even' AND vote_count = 16 ORDER BY position$$,
    'SELECT CASE n WHEN 1 THEN 2 ELSE 1 END::bigint FROM generate_series(1, 15) AS n', 'among equal remainders the first goes first');

-- Weights
SELECT is_empty($$SELECT * FROM shares WHERE distribution = 'weighted' AND abs(weight - 0.8 ^ (position - 1)) > 1e-12$$,
    'weighted: 0.8 to the power of the position');
SELECT is_empty($$SELECT * FROM shares WHERE distribution IN ('even', 'random') AND weight <> 1$$, 'even and random: all the same');
SELECT is_empty($$SELECT * FROM shares WHERE distribution = 'zipf' AND abs(weight - 1.0 / position) > 1e-12$$, 'zipf: 1 by the position');
SELECT results_eq('SELECT label, weight FROM pollseed_vote_shares(1)',
    $$VALUES ('Python', 100::float8), ('JavaScript', 90), ('Java', 80), ('TypeScript', 75), ('Go', 70), ('Rust', 65), ('C++', 60),
        ('C#', 55), ('Ruby', 50), ('PHP', 45), ('Swift', 40), ('Kotlin', 35), ('Scala', 30), ('Elixir', 25), ('Haskell', 20)$$,
    'realistic: the fifteen weights');
SELECT is_empty($$SELECT * FROM shares WHERE distribution = 'realistic' AND position > 15 AND weight <> 10$$,
    'realistic: 10 for an option that it does not know');
SELECT results_eq('SELECT votes FROM pollseed_vote_shares(840)', 'SELECT weight::bigint FROM pollseed_vote_shares(840)',
    'realistic: as many votes as the weights add up to, the weights');
SELECT results_eq($$SELECT votes FROM pollseed_vote_shares(10000, 'weighted')$$,
    'VALUES (2073::bigint), (1658), (1327), (1061), (849), (679), (543), (435), (348), (278), (223), (178), (143), (114), (91)',
    'weighted: the figures themselves');
SELECT results_eq($$SELECT votes FROM pollseed_vote_shares(1, 'realistic', options => 'options_2')$$, 'VALUES (1::bigint), (0)',
    'one vote for two options');

-- Weights of one's own
SELECT results_eq($$SELECT label, weight, votes FROM pollseed_vote_shares(10, weights => '{"Python": 3, "Go": 1}') WHERE weight > 0$$,
    $$VALUES ('Python', 3::float8, 8::bigint), ('Go', 1, 2)$$, 'an object of weights');
SELECT is_empty($$SELECT * FROM pollseed_vote_shares(1000, weights => '{"Python": 3, "Go": 1}')
    WHERE label NOT IN ('Python', 'Go') AND (weight <> 0 OR votes <> 0)$$, 'options that it does not name get nothing');
SELECT results_eq(format($$SELECT votes FROM pollseed_vote_shares(1000, %L, '{"Python": 0.25, "Go": 0.75, "Rust": 0}')
    WHERE label IN ('Python', 'Go', 'Rust')$$, d), 'VALUES (250::bigint), (750), (0)', 'they go before the weights of ' || d) FROM unnest('{realistic,weighted,even,zipf}'::text[]) AS d;
SELECT results_eq($$SELECT votes FROM pollseed_vote_shares(1000, weights => '{"Python": 1e-300, "Go": 3e-300}') WHERE votes > 0$$,
    'VALUES (250::bigint), (750)', 'very small weights');
SELECT results_eq($$SELECT votes FROM pollseed_vote_shares(1000, weights => '{"Python": 1e300, "Go": 3e300, "Rust": 1e-300}') WHERE votes > 0$$,
    'VALUES (250::bigint), (750)', 'very large ones, beside a small one');
SELECT results_eq($$SELECT votes FROM pollseed_vote_shares(10000000000, weights => '{"Python": 1, "Go": 2}') WHERE votes > 0$$,
    'VALUES (3333333333::bigint), (6666666667)', 'ten thousand million votes');

-- random draws, and weights make it draw unevenly
SELECT is(sum(votes), 100000::numeric, 'random with weights adds up')
  FROM pollseed_vote_shares(100000, 'random', '{"Python": 3, "Go": 1}', 5);
SELECT is_empty($$SELECT * FROM pollseed_vote_shares(100000, 'random', '{"Python": 3, "Go": 1}', 5)
    WHERE votes > 0 AND label NOT IN ('Python', 'Go')$$, 'random with weights: none for others');
-- Binomial(100000, 3/4): standard deviation 137; five of them are 685.
SELECT cmp_ok(abs(votes - 75000), '<', 685::bigint, 'random with weights: near the expectation')
  FROM pollseed_vote_shares(100000, 'random', '{"Python": 3, "Go": 1}', 5) WHERE label = 'Python';
SELECT isnt(votes, 75000::bigint, 'random with weights: but not on it')
  FROM pollseed_vote_shares(100000, 'random', '{"Python": 3, "Go": 1}', 5) WHERE label = 'Python';
SELECT results_eq($$SELECT * FROM pollseed_vote_shares(5000, 'random', seed => 8)$$, $$SELECT * FROM pollseed_vote_shares(5000, 'random', seed => 8)$$,
    'random: the same seed draws the same');
SELECT results_ne($$SELECT * FROM pollseed_vote_shares(5000, 'random', seed => 8)$$, $$SELECT * FROM pollseed_vote_shares(5000, 'random', seed => 9)$$,
    'random: another seed another');
SELECT results_ne($$SELECT * FROM pollseed_vote_shares(5000, 'random')$$, $$SELECT * FROM pollseed_vote_shares(5000, 'random')$$,
    'random: no seed a fresh one');
SELECT is_empty(format($$(SELECT * FROM pollseed_vote_shares(5000, %1$L, seed => 8)) EXCEPT (SELECT * FROM pollseed_vote_shares(5000, %1$L, seed => 9))$$, d),
    d || ': the seed makes no difference') FROM unnest('{realistic,weighted,even,zipf}'::text[]) AS d;

-- What the shares say is what a seeding does
CREATE FUNCTION shares_differ(d text, w jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    differing bigint;
BEGIN
    TRUNCATE vote_events;
    UPDATE options SET votes = 0;
    PERFORM pollseed_seed(3217, d, seed => 2024, weights => w);
    SELECT count(*) INTO differing FROM pollseed_vote_shares(3217, d, w, 2024) AS s
     WHERE s.votes <> (SELECT count(*) FROM vote_events AS e WHERE e.option_id = s.option_id::bigint)
        OR s.votes <> (SELECT o.votes FROM options AS o WHERE o.id = s.option_id::bigint);
    RETURN differing;
END $$;
SELECT is(shares_differ(d, NULL), 0::bigint, d || ': pollseed_seed() does what the shares say')
  FROM unnest('{realistic,weighted,even,random,zipf}'::text[]) AS d;
SELECT is(shares_differ(d, '{"Go": 1, "Rust": 2.5, "PHP": 0}'), 0::bigint, d || ' with weights: pollseed_seed() does what the shares say')
  FROM unnest('{realistic,random}'::text[]) AS d;
SELECT is_empty(format($$SELECT s.votes, s.label FROM pollseed_vote_shares(3217, %1$L, seed => 2024) AS s EXCEPT ALL
    SELECT count(*), v.label FROM pollseed_generate_votes(3217, %1$L, seed => 2024) AS v GROUP BY v.label$$, d),
    d || ': and so does pollseed_generate_votes()') FROM unnest('{realistic,weighted,even,random,zipf}'::text[]) AS d;

-- Own tables, any id, labels that are NULL or the same
CREATE TABLE choices (key uuid DEFAULT gen_random_uuid(), name varchar(20));
INSERT INTO choices VALUES ('00000000-0000-0000-0000-00000000000b', 'Go'), ('00000000-0000-0000-0000-00000000000a', NULL),
    ('00000000-0000-0000-0000-00000000000c', 'Go');
SELECT results_eq($$SELECT * FROM pollseed_vote_shares(150, options => 'choices', columns => '{"id": "key", "text": "name"}')$$,
    $$VALUES ('00000000-0000-0000-0000-00000000000a', NULL, 10::float8, 10::bigint),
        ('00000000-0000-0000-0000-00000000000b', 'Go', 70, 70), ('00000000-0000-0000-0000-00000000000c', 'Go', 70, 70)$$,
    'other names, uuids, a missing label and a double one');
SELECT throws_ok($$SELECT * FROM pollseed_vote_shares(NULL)$$, '22004', 'vote_count must not be null', 'a number of votes is needed');

-- Nothing is written, so a read-only transaction and the right to read are enough
CREATE ROLE votes_shares_reader;
GRANT SELECT ON options TO votes_shares_reader;
CREATE TEMP TABLE ledger AS SELECT count(*) AS runs FROM pollseed_runs;
SET LOCAL ROLE votes_shares_reader;
SET LOCAL transaction_read_only = on;
SELECT is(sum(votes), 100::numeric, 'a reader in a read-only transaction may ask') FROM pollseed_vote_shares(100, 'random');
RESET ROLE;
SELECT is(count(*), (SELECT runs FROM ledger), 'the ledger does not mention it') FROM pollseed_runs;

SELECT * FROM finish();
ROLLBACK;
