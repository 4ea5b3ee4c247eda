-- Edges: options that share an id, columns that are full, the ends of time, refusals before the first row, ledger of a role that is gone.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(27);
SELECT pollseed_create_poll_tables('{A,B}') \g /dev/null

-- Two options with one id: an UPDATE by id would give the votes of one of them to both
CREATE TABLE twins (id bigint, text text, votes int DEFAULT 0);
INSERT INTO twins VALUES (1, 'A'), (2, 'B'), (2, 'C');
CREATE TABLE twin_events (option_id bigint, votes_after int, event_type text, inserted_at timestamptz);
SELECT throws_ok($$SELECT pollseed_seed(10, options => 'twins', events => 'twin_events')$$, '23505', NULL, 'options with the same id');
SELECT is_empty('SELECT * FROM twin_events', 'nothing was written');
SELECT throws_ok($$SELECT pollseed_vote_shares(10, options => 'twins')$$, '23505', NULL, 'nor are there shares');

-- An option whose count is full may go without votes
CREATE TABLE wide_options (id int PRIMARY KEY, text text, votes bigint DEFAULT 0);
INSERT INTO wide_options VALUES (1, 'A', 3000000000), (2, 'B', 0);
CREATE TABLE narrow_events (option_id int, votes_after int, event_type text, inserted_at timestamptz);
SELECT is((SELECT votes_seeded FROM pollseed_seed(0, options => 'wide_options', events => 'narrow_events')), 0::bigint, 'no votes');
SELECT is((SELECT options_updated FROM pollseed_seed(7, weights => '{"B": 1}', options => 'wide_options', events => 'narrow_events')), 1,
    'votes for the other option');
SELECT throws_ok($$SELECT pollseed_seed(7, weights => '{"A": 1}', options => 'wide_options', events => 'narrow_events')$$, '22003', NULL,
    'but not for the full one');
SELECT is((SELECT count(*) FROM pollseed_generate_votes(0, arrival => 'bursty')), 0::bigint, 'no votes in bursts');
SELECT is((SELECT votes_seeded FROM pollseed_seed(0, arrival => 'bursty')), 0::bigint, 'nor from a seeding');

-- The ends of time
SELECT throws_ok($$SELECT pollseed_generate_votes(3, time_range => '298000 years', ends_at => '294276-01-01')$$, '22023', NULL,
    'a range that does not fit 64 bits');
SELECT is((SELECT count(*) FROM pollseed_generate_votes(3, time_range => '1000 years', ends_at => ends)), 3::bigint,
    format('a thousand years up to %s', ends)) FROM unnest('{2026-01-01,294276-12-31}'::timestamptz[]) AS ends;
SET LOCAL timezone = 'America/Juneau';
SELECT is((SELECT count(*) FROM pollseed_generate_votes(3, time_range => '1000 years', ends_at => '2026-01-01')), 3::bigint,
    'also where local time once was a day off');
SET LOCAL timezone = 'UTC';
-- The profile does not depend on the century: the same weekday, far apart (400 years are whole weeks)
SELECT results_eq(
    format($$SELECT extract(hour FROM cast_at), count(*) FROM pollseed_generate_votes(2000, arrival => %L, time_range => '7 days', seed => 1,
             ends_at => '294247-01-15') GROUP BY 1 ORDER BY 1$$, arrival),
    format($$SELECT extract(hour FROM cast_at), count(*) FROM pollseed_generate_votes(2000, arrival => %L, time_range => '7 days', seed => 1,
             ends_at => '2247-01-15') GROUP BY 1 ORDER BY 1$$, arrival), format('%s near the end of time', arrival))
  FROM unnest('{diurnal,bursty}'::text[]) AS arrival;
-- The next change of offset may lie beyond the last timestamp: a day's profile is there all the same
SET LOCAL timezone = 'America/New_York';
SET LOCAL statement_timeout = '20s';
SELECT is((SELECT count(DISTINCT extract(hour FROM cast_at)) FROM pollseed_generate_votes(1000, arrival => 'diurnal',
    time_range => '7 days', ends_at => '294276-12-20', seed => 1)), 24::bigint, 'no change of offset before the end of time');
SET LOCAL statement_timeout = 0;
SET LOCAL timezone = 'UTC';
SELECT throws_ok($$SELECT pollseed_seed(10000000000, batch_size => 1)$$, '22023', NULL, 'more batches than can be counted');

-- Counts that cannot be changed are refused before the first row
CREATE TABLE computed_options (id bigint PRIMARY KEY, text text, votes int GENERATED ALWAYS AS (0) STORED);
INSERT INTO computed_options VALUES (1, 'A');
CREATE VIEW joined_options AS SELECT o.id, o.text, p.votes FROM options AS o JOIN options AS p USING (id);
CREATE SEQUENCE written;
CREATE TABLE counting_events (n bigint DEFAULT nextval('written'), option_id bigint, inserted_at timestamptz);
SELECT throws_ok($$SELECT pollseed_seed(10, options => 'computed_options', events => 'counting_events')$$, '428C9', NULL, 'a generated count');
SELECT throws_ok($$SELECT pollseed_seed(10, options => 'joined_options', events => 'counting_events')$$, '55000', NULL, 'a view of a join');
SELECT is((SELECT is_called FROM written), false, 'no row was begun for them');

-- A label that is null has no name to weigh it by
CREATE TABLE nameless (id bigint PRIMARY KEY, text text, votes int DEFAULT 0);
INSERT INTO nameless VALUES (1, 'A'), (2, NULL);
SELECT throws_ok($$SELECT pollseed_vote_shares(10, weights => '{"": 1}', options => 'nameless')$$, '22023', NULL, 'no name');
SELECT results_eq($$SELECT label, votes FROM pollseed_vote_shares(20, options => 'nameless')$$, $$VALUES ('A', 10::bigint), (NULL, 10)$$,
    'its weight is that of an unknown label');

-- Shares need no right but to the columns that they read
CREATE ROLE edges_reader;
GRANT SELECT (id, text) ON options TO edges_reader;
SET LOCAL ROLE edges_reader;
SELECT is((SELECT sum(votes) FROM pollseed_vote_shares(10)), 10::numeric, 'columns without the count');
RESET ROLE;
REVOKE ALL ON options FROM edges_reader;

-- Changing a count takes reading it, and that is found out first
GRANT SELECT (id, text), UPDATE (votes, updated_at) ON options TO edges_reader;
GRANT INSERT ON counting_events TO edges_reader;
GRANT USAGE ON SEQUENCE written TO edges_reader;
SET LOCAL ROLE edges_reader;
SELECT throws_ok($$SELECT pollseed_seed(10, events => 'counting_events')$$, '42501', NULL, 'a count that may be set but not read');
RESET ROLE;
SELECT is((SELECT is_called FROM written), false, 'no row was begun for it either');

-- The ledger of a role that is gone is not that of the next one of its name
CREATE ROLE edges_seeder;
GRANT ALL ON options, vote_events TO edges_seeder;
GRANT ALL ON SEQUENCE vote_events_id_seq TO edges_seeder;
SET LOCAL ROLE edges_seeder;
SELECT pollseed_seed(3) \g /dev/null
SELECT is((SELECT count(*) FROM pollseed_runs), 1::bigint, 'its run');
RESET ROLE;
DROP OWNED BY edges_seeder;
DROP ROLE edges_seeder;
CREATE ROLE edges_seeder;
SET LOCAL ROLE edges_seeder;
SELECT is((SELECT count(*) FROM pollseed_runs), 0::bigint, 'is not shown to the next role of that name');
RESET ROLE;
SELECT is((SELECT count(*) FROM pollseed_runs WHERE run_by = 'edges_seeder'), 1::bigint, 'but it is still there');

SELECT * FROM finish();
ROLLBACK;
