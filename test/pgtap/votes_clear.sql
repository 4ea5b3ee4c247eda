-- Clearing removes what was seeded and nothing else, and counts again from the events that are left.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(41);
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{Python,Go,Rust}')$$, 'tables');

-- A vote of a person, as an application casts it
CREATE FUNCTION cast_vote(choice text) RETURNS void LANGUAGE sql AS $$
    WITH counted AS (UPDATE options SET votes = votes + 1 WHERE text = choice RETURNING id, text, votes)
    INSERT INTO vote_events (option_id, language, votes_after, event_type) SELECT c.id, c.text, c.votes, 'vote' FROM counted AS c
$$;

-- Seeded and real votes interleave
SELECT lives_ok($$SELECT pollseed_seed(100, 'even', seed => 1, ends_at => '2025-06-15')$$, 'seed 100');
SELECT cast_vote(c) FROM unnest('{Go,Go,Rust}'::text[]) AS c \g /dev/null
SELECT lives_ok($$SELECT pollseed_seed(50, 'even', seed => 2, ends_at => '2025-06-16')$$, 'seed 50');
SELECT cast_vote(c) FROM unnest('{Go,Python}'::text[]) AS c \g /dev/null
INSERT INTO vote_events (option_id, language, votes_after, event_type) VALUES (1, 'Python', NULL, 'reset'), (1, 'Python', NULL, NULL),
    (NULL, 'Python', 1, 'vote'), (2, 'Go', NULL, 'SEED');
CREATE TEMP TABLE real_votes AS SELECT * FROM vote_events WHERE event_type IS DISTINCT FROM 'seed';
SELECT is(sum(votes), 155::bigint, 'before: 150 seeded and 5 real votes') FROM options;

CREATE TEMP TABLE cleared AS SELECT * FROM pollseed_clear_seed_data();
SELECT row_eq('SELECT * FROM cleared', ROW(150::bigint, 3), 'the 150 seeded events are deleted, three options recounted');
SELECT columns_are('cleared', '{events_deleted,options_updated}'::name[]);
SELECT set_eq('SELECT * FROM vote_events', 'SELECT * FROM real_votes',
    'all that people did stays, with its votes_after as history, and so does what has another type or none');
SELECT results_eq('SELECT text, votes FROM options ORDER BY id', $$VALUES ('Python', 1), ('Go', 3), ('Rust', 1)$$,
    'votes are the number of real votes left: max(votes_after) would say 51, 54 and 35');
SELECT row_eq('SELECT * FROM pollseed_clear_seed_data()', ROW(0::bigint, 0), 'clearing again finds nothing');

-- The ledger notes it
SELECT results_eq($$SELECT rows_written, cleared_at = now() FROM pollseed_runs ORDER BY run_id$$, 'VALUES (100::bigint, true), (50, true)',
    'the ledger says that both runs were cleared');
SELECT lives_ok($$SELECT pollseed_seed(30, 'even', seed => 3, ends_at => '2025-06-16')$$, 'seed 30 more');
SELECT results_eq($$SELECT rows_written, cleared_at FROM pollseed_runs WHERE cleared_at IS NULL$$, 'VALUES (30::bigint, NULL::timestamptz)',
    'a new run is not cleared');
SELECT results_eq($$SELECT votes_after FROM vote_events WHERE event_type = 'seed' AND language = 'Go' ORDER BY id$$,
    'SELECT generate_series(4, 13)', 'and numbers from the real votes on');

-- Other tables' runs are not marked
CREATE TABLE other_events (LIKE vote_events INCLUDING ALL);
SELECT lives_ok($$SELECT pollseed_seed(20, 'even', seed => 3, events => 'other_events')$$, 'seed another table');
SELECT row_eq('SELECT * FROM pollseed_clear_seed_data()', ROW(30::bigint, 3), 'clear the first');
SELECT results_eq($$SELECT relation FROM pollseed_runs WHERE cleared_at IS NULL$$, $$VALUES ('public.other_events')$$,
    'the ledger knows which run was cleared');
SELECT is(count(*), 20::bigint, 'the other table keeps its events') FROM other_events;
SELECT row_eq($$SELECT events_deleted FROM pollseed_clear_seed_data(events => 'other_events')$$, ROW(20::bigint), 'which clears, too');
SELECT is_empty('SELECT * FROM pollseed_runs WHERE cleared_at IS NULL', 'all is cleared');

-- Recounting
SELECT is(pollseed_recount_votes(), 3, 'counts that were of the other table''s events come right: three options') ;
SELECT results_eq('SELECT text, votes FROM options ORDER BY id', $$VALUES ('Python', 1), ('Go', 3), ('Rust', 1)$$, 'recounted');
SELECT is(pollseed_recount_votes(), 0, 'what is right is not written again');
SELECT lives_ok($$SELECT pollseed_seed(60, 'even', seed => 3, ends_at => '2025-06-16')$$, 'seed 60');
UPDATE options SET votes = CASE text WHEN 'Go' THEN 100000 WHEN 'Rust' THEN -5 ELSE votes END, updated_at = '2000-01-01';
SELECT is(pollseed_recount_votes(), 2, 'two damaged counts are mended');
SELECT results_eq('SELECT text, votes FROM options ORDER BY id', $$VALUES ('Python', 21), ('Go', 23), ('Rust', 21)$$, 'to seeded and real votes');
SELECT results_eq($$SELECT text, updated_at > '2020-01-01' FROM options ORDER BY id$$, $$VALUES ('Python', false), ('Go', true), ('Rust', true)$$,
    'and only these are newer');
DELETE FROM vote_events WHERE language = 'Python' AND id % 2 = 0;
SELECT is(pollseed_recount_votes(), 1, 'after events were deleted');
SELECT is_empty($$SELECT * FROM options AS o WHERE votes <>
    (SELECT count(*) FROM vote_events AS e WHERE e.option_id = o.id AND e.event_type IN ('seed', 'vote'))$$, 'counts are numbers of events');
SELECT isnt((SELECT votes FROM options WHERE text = 'Python'), (SELECT max(votes_after) FROM vote_events WHERE language = 'Python'),
    'which the largest votes_after is not');
DELETE FROM vote_events;
SELECT is(pollseed_recount_votes(), 3, 'without events');
SELECT is(sum(votes), 0::bigint, 'there are no votes') FROM options;

ALTER TABLE options ALTER COLUMN votes DROP NOT NULL;
UPDATE options SET votes = NULL WHERE text = 'Rust';
SELECT is(pollseed_recount_votes(), 1, 'a count that is missing');
SELECT is(count(*), 3::bigint, 'is set') FROM options WHERE votes = 0;

-- Nothing to recount from, nothing to delete by
SELECT row_eq($$SELECT * FROM pollseed_clear_seed_data(columns => '{"votes": null}')$$, ROW(0::bigint, 0), 'options without a count are not updated');
SELECT throws_ok($$SELECT pollseed_recount_votes(columns => '{"votes": null}')$$, '42703', 'relation "options" has no column for votes',
    'recounting needs a count');
SELECT throws_ok($$SELECT pollseed_clear_seed_data(columns => '{"event_type": null}')$$, '42703', 'relation "vote_events" has no column for event types',
    'clearing needs to tell seeded events from real ones');
SELECT lives_ok($$SELECT pollseed_seed(9, 'even', seed => 3, columns => '{"event_type": null}')$$, 'seeding does not');
UPDATE options SET votes = 0;
SELECT row_eq($$SELECT pollseed_recount_votes(columns => '{"event_type": null}')$$, ROW(3), 'nor does recounting');
SELECT is(sum(votes), 9::bigint, 'then every event counts') FROM options;
SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT pollseed_clear_seed_data()', '25006', NULL, 'a read-only transaction clears nothing');
SELECT throws_ok('SELECT pollseed_recount_votes()', '25006', NULL, 'and recounts nothing');

SELECT * FROM finish();
ROLLBACK;
