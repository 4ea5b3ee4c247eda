-- Vote number k is a function of the seed, the arguments and k: slices of pollseed_generate_votes() put together are the whole.
-- A generator that draws from one running stream fails here at the first slice that does not begin at vote 1.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(106);

-- Votes of a slice.  The range crosses a change of the clocks.
CREATE FUNCTION votes(distribution text, arrival text, first_vote bigint, last_vote bigint)
RETURNS TABLE (vote_no bigint, option_no int, label text, votes_after bigint, cast_at timestamptz) LANGUAGE sql AS $$
    SELECT * FROM pollseed_generate_votes(1500, distribution, '30 hours', arrival, 4711, '2025-03-09 14:00-04',
        first_vote => first_vote, last_vote => last_vote)
$$;
CREATE TEMP TABLE whole AS
    SELECT d.distribution, a.arrival, v.*
      FROM unnest('{realistic,weighted,even,random,zipf}'::text[]) AS d(distribution), unnest('{uniform,diurnal,bursty}'::text[]) AS a(arrival),
           votes(d.distribution, a.arrival, 1, NULL) AS v;

-- The whole
SELECT results_eq(format('SELECT vote_no FROM whole WHERE distribution = %L AND arrival = %L', distribution, arrival),
    'SELECT generate_series(1, 1500)::bigint', format('%s, %s: 1500 votes, numbered in order', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;
SELECT is_empty('SELECT * FROM (SELECT *, lag(cast_at) OVER (PARTITION BY distribution, arrival ORDER BY vote_no) AS before FROM whole) AS t
    WHERE before > cast_at', 'times never fall');
SELECT is_empty('SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY distribution, arrival, option_no ORDER BY vote_no) AS nth FROM whole)
    AS t WHERE votes_after <> nth', 'votes_after counts each option');
SELECT is_empty($$SELECT * FROM whole WHERE cast_at < '2025-03-08 07:00-05' OR cast_at >= '2025-03-09 14:00-04'$$, 'all within the range');
SELECT is_empty($$SELECT * FROM whole WHERE label <>
    ('{Python,JavaScript,Java,TypeScript,Go,Rust,C++,C#,Ruby,PHP,Swift,Kotlin,Scala,Elixir,Haskell}'::text[])[option_no]$$,
    'without labels, those of the preset');

-- The slices: a few cuts, cuts everywhere, some votes alone
SELECT is_empty(format($$
    SELECT * FROM whole WHERE distribution = %1$L AND arrival = %2$L
    EXCEPT ALL SELECT %1$L, %2$L, v.* FROM (VALUES (1, 1), (2, 64), (65, 129), (130, 130), (131, 1023), (1024, 1499), (1500, 1500)) AS s(a, b),
        votes(%1$L, %2$L, s.a, s.b) AS v$$, distribution, arrival), format('%s, %s: seven slices make the whole', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;
SELECT is_empty(format($$
    SELECT * FROM whole WHERE distribution = %1$L AND arrival = %2$L
    EXCEPT ALL SELECT %1$L, %2$L, v.* FROM generate_series(1, 1500, 37) AS s(a),
        votes(%1$L, %2$L, s.a, least(s.a + 36, 1500)) AS v$$, distribution, arrival), format('%s, %s: slices of 37 votes', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;
SELECT is_empty(format($$
    SELECT * FROM whole WHERE distribution = %1$L AND arrival = %2$L AND vote_no BETWEEN 700 AND 850
    EXCEPT ALL SELECT %1$L, %2$L, v.* FROM generate_series(700, 850) AS s(a),
        votes(%1$L, %2$L, s.a, s.a) AS v$$, distribution, arrival), format('%s, %s: votes one by one', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;
SELECT is_empty(format('SELECT * FROM votes(%L, %L, 500, 499)', distribution, arrival), format('%s, %s: an empty slice', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;

-- The ends
SELECT is_empty('SELECT * FROM pollseed_generate_votes(10, seed => 1, first_vote => 11)', 'no votes after the last');
SELECT is_empty('SELECT * FROM pollseed_generate_votes(10, seed => 1, last_vote => 0)', 'nor before the first');
SELECT is_empty('SELECT * FROM pollseed_generate_votes(0)', 'nor of none');
SELECT results_eq('SELECT * FROM pollseed_generate_votes(1, seed => 5, ends_at => ''2025-01-01'')',
    'SELECT * FROM pollseed_generate_votes(1, seed => 5, ends_at => ''2025-01-01'', first_vote => NULL, last_vote => NULL)', 'null is the end');

-- Far into very many votes, and a million of them cut at odd places
SELECT set_eq($$SELECT * FROM pollseed_generate_votes(300000000, 'random', '100 days', seed => 3, ends_at => '2025-06-01Z',
        first_vote => 211111111, last_vote => 211111190)$$,
    $$SELECT v.* FROM generate_series(211111111, 211111190, 16) AS s(a), pollseed_generate_votes(300000000, 'random', '100 days', seed => 3,
        ends_at => '2025-06-01Z', first_vote => s.a, last_vote => s.a + 15) AS v$$, 'slices deep inside 300 million votes');
SELECT set_eq($$SELECT * FROM pollseed_generate_votes(200000, 'zipf', '100 days', 'diurnal', 3, '2025-06-01Z') WHERE vote_no BETWEEN 123457 AND 124001$$,
    $$SELECT * FROM pollseed_generate_votes(200000, 'zipf', '100 days', 'diurnal', 3, '2025-06-01Z', first_vote => 123457, last_vote => 124001)$$,
    'a slice is the same in the midst of the whole');

-- Labels of one's own, any number
SELECT results_eq($$SELECT option_no, label, count(*) FROM pollseed_generate_votes(10, 'even', labels => '{yes,no,yes}') GROUP BY 1, 2 ORDER BY 1$$,
    $$VALUES (1, 'yes', 4::bigint), (2, 'no', 3), (3, 'yes', 3)$$, 'labels of one''s own');
SELECT results_eq($$SELECT label, count(*) FROM pollseed_generate_votes(12, labels => '{yes,no}', weights => '{"no": 2, "yes": 1}') GROUP BY 1 ORDER BY 1$$,
    $$VALUES ('no', 8::bigint), ('yes', 4)$$, 'and their weights');
SELECT results_eq($$SELECT count(*), count(DISTINCT option_no), max(votes_after) FROM pollseed_generate_votes(5000, 'even',
        labels => (SELECT array_agg('l' || i) FROM generate_series(1, 1000) AS i))$$, $$VALUES (5000::bigint, 1000::bigint, 5::bigint)$$, 'a thousand labels');
SELECT results_eq($$SELECT label, max(votes_after) FROM pollseed_generate_votes(110, labels => '{Python,Cobol}') GROUP BY 1 ORDER BY 1$$,
    $$VALUES ('Cobol', 10::bigint), ('Python', 100)$$, 'labels have the weights of the distribution');

-- A vote a call in the select list: a LIMIT ends the work.  All of them would take minutes.
SET LOCAL statement_timeout = '20s';
SELECT is(array_agg(n), '{1,2,3}', 'LIMIT ends the generation of a thousand million votes')
  FROM (SELECT (pollseed_generate_votes(1000000000, seed => 1)).vote_no AS n LIMIT 3) AS t;
SET LOCAL statement_timeout = 0;

-- What it generates is what pollseed_seed() writes
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');
CREATE FUNCTION seeded(d text, a text) RETURNS TABLE (n bigint, option_no int, label text, votes_after bigint, cast_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE vote_events;
    UPDATE options SET votes = 0;
    PERFORM pollseed_seed(1500, d, '30 hours', a, 4711, '2025-03-09 14:00-04');
    RETURN QUERY SELECT row_number() OVER (ORDER BY e.id), e.option_id::int, e.language::text, e.votes_after::bigint, e.inserted_at AT TIME ZONE 'UTC'
        FROM vote_events AS e ORDER BY e.id;
END $$;
SELECT results_eq(format('SELECT * FROM seeded(%L, %L)', distribution, arrival),
    format('SELECT vote_no, option_no, label, votes_after, cast_at FROM whole WHERE distribution = %L AND arrival = %L ORDER BY vote_no', distribution, arrival),
    format('%s, %s: pollseed_seed() writes these votes', distribution, arrival))
  FROM whole GROUP BY distribution, arrival ORDER BY distribution, arrival;

SELECT * FROM finish();
ROLLBACK;
