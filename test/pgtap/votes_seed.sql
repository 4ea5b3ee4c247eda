-- pollseed_seed() on the preset's tables: the figures that it returns, and what the rows look like.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(54);
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');

-- As the first line of the manual has it
SELECT lives_ok($$SELECT pollseed_seed(10000,'realistic')$$, 'two arguments are enough');
SELECT is(count(*), 10000::bigint, 'and give so many votes') FROM vote_events;
SELECT is(sum(votes), 10000::bigint, 'which the options count') FROM options;
SELECT ok(bool_and(inserted_at >= now() AT TIME ZONE 'UTC' - interval '24 hours' AND inserted_at < now() AT TIME ZONE 'UTC'),
    'of the last day') FROM vote_events;
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0, updated_at = '2000-01-01';

-- The row of figures
CREATE TEMP TABLE figures AS
    SELECT * FROM pollseed_seed(2500, 'realistic', '3 days', seed => 42, ends_at => '2025-06-15 12:00:00.5+00', batch_size => 1000);
SELECT columns_are('figures', '{run_id,votes_seeded,options_updated,batches,time_ms,seed,ends_at,lane}'::name[]);
SELECT is(votes_seeded, 2500::bigint, 'votes_seeded') FROM figures;
SELECT is(options_updated, 15, 'options_updated') FROM figures;
SELECT is(batches, 3, 'batches: two full ones and a half') FROM figures;
SELECT ok(time_ms > 0, 'time_ms') FROM figures;
SELECT is(seed, 42::bigint, 'seed') FROM figures;
SELECT is(ends_at, '2025-06-15 12:00:00.5+00'::timestamptz, 'ends_at') FROM figures;
SELECT is(lane, 'direct', 'lane: plain tables take the direct one') FROM figures;
SELECT ok(f.run_id = r.run_id AND r.rows_written = 2500, 'run_id is the last of the ledger')
  FROM figures AS f, pollseed_runs AS r ORDER BY r.run_id DESC LIMIT 1;

-- Every column of the events
SELECT results_eq('SELECT id FROM vote_events ORDER BY id', 'SELECT generate_series(1, 2500)::bigint', 'ids count from 1 without a gap');
SELECT is_empty($$SELECT * FROM vote_events AS e WHERE NOT EXISTS
    (SELECT FROM options AS o WHERE o.id = e.option_id AND o.text = e.language)$$, 'language is the text of the option');
SELECT is_empty($$SELECT * FROM vote_events WHERE event_type IS DISTINCT FROM 'seed'$$, 'event_type says that they are seeded');
SELECT is_empty('SELECT * FROM vote_events WHERE updated_at IS DISTINCT FROM inserted_at', 'updated_at is inserted_at');
SELECT is_empty($$SELECT * FROM vote_events WHERE inserted_at < '2025-06-12 12:00:00.5' OR inserted_at >= '2025-06-15 12:00:00.5'$$,
    'all times lie in the range, its end not included');
SELECT ok(min(inserted_at) < '2025-06-12 12:15' AND max(inserted_at) > '2025-06-15 11:45', 'and fill it') FROM vote_events;
SELECT is_empty('SELECT * FROM (SELECT inserted_at, lag(inserted_at) OVER (ORDER BY id) AS before FROM vote_events) AS t
    WHERE before > inserted_at', 'times never fall as ids rise');
SELECT cmp_ok(count(DISTINCT inserted_at), '>', 2490::bigint, 'times have microseconds') FROM vote_events;

-- The running count, which a numbering before the times are shuffled would get wrong
SELECT is_empty('SELECT * FROM (SELECT votes_after, row_number() OVER (PARTITION BY option_id ORDER BY inserted_at, id) AS nth
    FROM vote_events) AS t WHERE votes_after IS DISTINCT FROM nth', 'votes_after of each option is 1, 2, 3 … in the order of time');
SELECT is_empty('SELECT * FROM options AS o WHERE votes IS DISTINCT FROM (SELECT max(votes_after) FROM vote_events WHERE option_id = o.id)',
    'the options end at the last of them');
SELECT is_empty('SELECT * FROM options AS o WHERE votes IS DISTINCT FROM (SELECT count(*) FROM vote_events WHERE option_id = o.id)',
    'which is the number of their events');
SELECT results_eq('SELECT o.id::text, text, votes::bigint FROM options AS o ORDER BY o.id',
    $$SELECT option_id, label, votes FROM pollseed_vote_shares(2500, 'realistic')$$, 'and the shares of the distribution');
SELECT is_empty($$SELECT * FROM options WHERE updated_at IS DISTINCT FROM '2025-06-15 12:00:00.5'::timestamp(0)$$,
    'options were updated when the last vote was');
SELECT results_eq($$SELECT option_id, language::text, votes_after::bigint, inserted_at FROM vote_events ORDER BY id$$,
    $$SELECT option_no::bigint, label, votes_after, cast_at AT TIME ZONE 'UTC'
        FROM pollseed_generate_votes(2500, 'realistic', '3 days', 'uniform', 42, '2025-06-15 12:00:00.5+00')$$,
    'the rows are those of pollseed_generate_votes()');

-- A second seeding adds up; one that counts again from zero would not
SELECT lives_ok($$SELECT pollseed_seed(1000, 'random', '2 days', seed => 7, ends_at => '2025-06-17 12:00:00.5+00')$$, 'a second seeding');
SELECT is(count(*), 3500::bigint, 'adds its events') FROM vote_events;
SELECT is(sum(votes), 3500::bigint, 'and their number to the options') FROM options;
SELECT is_empty('SELECT * FROM (SELECT votes_after, row_number() OVER (PARTITION BY option_id ORDER BY inserted_at, id) AS nth
    FROM vote_events) AS t WHERE votes_after IS DISTINCT FROM nth', 'the numbering goes on where the first ended');
SELECT is_empty($$SELECT * FROM options WHERE updated_at IS DISTINCT FROM '2025-06-17 12:00:00.5'::timestamp(0)$$, 'options are newer');
SELECT lives_ok($$SELECT pollseed_seed(10, 'even', seed => 7, ends_at => '2001-01-01')$$, 'a third, of earlier times');
SELECT is_empty($$SELECT * FROM options WHERE updated_at IS DISTINCT FROM '2025-06-17 12:00:00.5'::timestamp(0)$$,
    'does not make the options older');

-- The numbering goes on from options.votes, which real votes raised, whatever events there are
UPDATE options SET votes = votes + 100 WHERE text = 'Haskell';
CREATE TEMP TABLE before AS SELECT id, votes FROM options;
SELECT is((SELECT options_updated FROM pollseed_seed(40, weights => '{"Haskell": 1}', seed => 1, ends_at => '2025-07-01')), 1,
    'one option that gets all votes is one option updated');
SELECT results_eq($$SELECT votes_after - b.votes FROM vote_events JOIN before AS b ON b.id = option_id
    WHERE vote_events.inserted_at > '2025-06-20' ORDER BY vote_events.id$$, 'SELECT generate_series(1, 40)', 'numbering starts above its count');

-- No votes are fine
DELETE FROM vote_events;
UPDATE options SET votes = 3, updated_at = '2000-01-01';
CREATE TEMP TABLE nothing AS SELECT * FROM pollseed_seed(0, seed => 5);
SELECT row_eq('SELECT votes_seeded, options_updated, batches, seed FROM nothing', ROW(0::bigint, 0, 0, 5::bigint), 'no votes, no batches');
SELECT is_empty('SELECT * FROM vote_events', 'no events');
SELECT is_empty($$SELECT * FROM options WHERE votes <> 3 OR updated_at <> '2000-01-01'$$, 'no option touched');

-- An option with a share of zero has no phantom vote
SELECT is((SELECT options_updated FROM pollseed_seed(1, 'realistic', seed => 5)), 1, 'one vote updates one option');
SELECT results_eq('SELECT language::text, votes_after FROM vote_events', $$VALUES ('Python', 4)$$, 'the most popular one');
SELECT is(sum(votes), 46::bigint, 'and no other gets any') FROM options;

-- NULL means the default
SELECT results_eq('SELECT votes_seeded, options_updated, batches, lane FROM
    pollseed_seed(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)', $$VALUES (10000::bigint, 15, 10, 'direct')$$,
    'all arguments may be null');
SELECT is((SELECT r.ends_at FROM pollseed_seed(1) AS r), now(), 'without an end, the range ends at the transaction''s start');
SELECT ok((SELECT r.seed FROM pollseed_seed(1) AS r) BETWEEN 0 AND (1::bigint << 53) - 1, 'a fresh seed is one that JSON can carry');
SELECT isnt((SELECT r.seed FROM pollseed_seed(1) AS r), (SELECT r.seed FROM pollseed_seed(1) AS r), 'and another each time');
SELECT is((SELECT r.seed FROM pollseed_seed(1, seed => -9223372036854775808) AS r), -9223372036854775808, 'seeds may be negative');

-- A range in days counts by the session's calendar, one in hours by the clock
SET LOCAL timezone = 'America/New_York';
TRUNCATE vote_events;
SELECT lives_ok($$SELECT pollseed_seed(5000, time_range => '1 day', seed => 1, ends_at => '2025-03-09 12:00-04')$$, 'a day with 23 hours');
SELECT ok(min(inserted_at) BETWEEN '2025-03-08 17:00' AND '2025-03-08 17:05', 'begins at the same time of day, kept in UTC')
  FROM vote_events;
TRUNCATE vote_events;
SELECT lives_ok($$SELECT pollseed_seed(5000, time_range => '24 hours', seed => 1, ends_at => '2025-03-09 12:00-04')$$, '24 hours of it');
SELECT ok(min(inserted_at) BETWEEN '2025-03-08 16:00' AND '2025-03-08 16:05', 'begin an hour earlier')
  FROM vote_events;

-- Every arrival
SELECT is(ROW((SELECT r.votes_seeded FROM pollseed_seed(777, arrival => a, seed => 3) AS r), a)::text, format('(777,%s)', a), a)
  FROM unnest('{diurnal,bursty}'::text[]) AS a;

SELECT * FROM finish();
ROLLBACK;
