-- Tables that cannot be seeded: wrong kinds, wrong types, no options, counts that would not fit, missing privileges, read-only
-- transactions.  Each with its SQLSTATE, refused before the first row is written.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(108);
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');

-- Each call must fail so; none must have begun a row or a run.
CREATE FUNCTION fails(sqlstate text, command text, message text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT throws_ok(command, sqlstate, message, format('%s: %s', sqlstate, command));
    IF (SELECT is_called FROM vote_events_id_seq) OR EXISTS (SELECT FROM pollseed_runs) OR EXISTS (SELECT FROM vote_events) THEN
        RETURN NEXT fail('but it had begun to write');
        PERFORM setval('vote_events_id_seq', 1, false);
    END IF;
END $$;

-- Things that are no tables
CREATE TABLE dropped (LIKE options);
CREATE TEMP TABLE dropped_oid AS SELECT 'dropped'::regclass::oid AS oid;
DROP TABLE dropped;
CREATE MATERIALIZED VIEW matview AS SELECT * FROM options;
CREATE TYPE composite AS (id bigint, text text);
CREATE TABLE parted (LIKE options) PARTITION BY RANGE (id);
CREATE INDEX parted_index ON parted (id);
SELECT fails('42P01', format('SELECT pollseed_seed(10, %s => %s)', a, o)) FROM dropped_oid, unnest('{options,events}'::text[]) AS a, unnest(ARRAY[oid, 999999999]) AS o;
SELECT fails('42809', format('SELECT pollseed_seed(10, %s => %L)', a, t)) FROM unnest('{options,events}'::text[]) AS a,
    unnest('{options_pkey,options_id_seq,matview,composite,parted_index}'::text[]) AS t;
SELECT fails('42809', format('SELECT %s(%L)', f, t)) FROM unnest('{pollseed_clear_seed_data,pollseed_recount_votes}'::text[]) AS f,
    unnest('{options_pkey,options_id_seq,matview,composite}'::text[]) AS t;
SELECT fails('42809', format('SELECT * FROM pollseed_vote_shares(10, options => %L)', t)) FROM unnest('{options_pkey,options_id_seq,composite}'::text[]) AS t;

-- No options, or none with an id
CREATE TABLE empty_options (LIKE options);
SELECT fails('55000', c, 'relation "empty_options" has no options') FROM unnest(ARRAY[$$SELECT pollseed_seed(10, options => 'empty_options')$$,
    $$SELECT pollseed_seed(0, options => 'empty_options')$$, $$SELECT * FROM pollseed_vote_shares(10, options => 'empty_options')$$]) AS c;
CREATE TABLE null_options (id bigint, text text);
INSERT INTO null_options VALUES (1, 'a'), (NULL, 'b');
SELECT fails('22004', $$SELECT pollseed_seed(10, options => 'null_options')$$, 'column "id" of relation "null_options" contains null values');

-- Missing columns: each of the four that are needed
CREATE TABLE bad_options (LIKE options);
CREATE TABLE bad_events (LIKE vote_events);
INSERT INTO bad_options SELECT * FROM options;
CREATE FUNCTION without(relation text, "column" text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO hidden', relation, "column");
    RETURN QUERY SELECT fails('42703', 'SELECT pollseed_seed(10, options => ''bad_options'', events => ''bad_events'')',
        format('column "%s" of relation "%s" does not exist', "column", relation));
    EXECUTE format('ALTER TABLE %s RENAME COLUMN hidden TO %I', relation, "column");
END $$;
SELECT without(t, c) FROM (VALUES ('bad_options', 'id'), ('bad_options', 'text'), ('bad_events', 'option_id'), ('bad_events', 'inserted_at')) AS v(t, c);

-- Wrong types
CREATE FUNCTION of_type(relation text, "column" text, type text, sqlstate text DEFAULT '42804') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE wrong (LIKE %s)', relation);
    EXECUTE format('ALTER TABLE wrong DROP COLUMN %I', "column");
    EXECUTE format('ALTER TABLE wrong ADD COLUMN %I %s', "column", type);
    RETURN QUERY SELECT f || ' -- ' || "column" || ' ' || type FROM fails(sqlstate, CASE relation WHEN 'options' THEN 'SELECT pollseed_seed(10, options => ''wrong'')'
        ELSE 'SELECT pollseed_seed(10, events => ''wrong'')' END) AS f;
    DROP TABLE wrong;
END $$;
CREATE DOMAIN a_text AS text;
CREATE TYPE languages AS ENUM ('Python', 'JavaScript', 'Java', 'TypeScript', 'Go', 'Rust', 'C++', 'C#', 'Ruby', 'PHP', 'Swift', 'Kotlin', 'Scala', 'Elixir', 'Haskell');
SELECT of_type('options', 'votes', t) FROM unnest('{text,real,"double precision",money,boolean,jsonb,int[],interval,a_text}'::text[]) AS t;
SELECT of_type('options', 'updated_at', t) FROM unnest('{text,time,timetz,bigint,interval,tstzrange}'::text[]) AS t;
SELECT of_type('vote_events', 'votes_after', t) FROM unnest('{text,real,bigint[]}'::text[]) AS t;
SELECT of_type('vote_events', 'inserted_at', t) FROM unnest('{text,time,bigint,a_text}'::text[]) AS t;
SELECT of_type('vote_events', 'updated_at', t) FROM unnest('{text}'::text[]) AS t;
SELECT of_type('vote_events', 'option_id', t) FROM unnest('{uuid,bytea,"bigint[]",timestamp}'::text[]) AS t;
SELECT of_type('vote_events', 'language', t) FROM unnest('{int,jsonb,"text[]"}'::text[]) AS t;
-- A text is not assigned to an enum, as in the server's own INSERT … SELECT.
SELECT of_type('vote_events', 'language', 'languages');
-- A column of this table whose values INSERT may not give.
SELECT of_type('vote_events', 'votes_after', 'int GENERATED ALWAYS AS (1) STORED', '428C9');
SELECT of_type('vote_events', 'votes_after', 'bigint GENERATED ALWAYS AS IDENTITY', '428C9');

-- Counts that would not fit
CREATE TABLE small_options (id int, text text, votes smallint);
INSERT INTO small_options VALUES (1, 'Python', 32700), (2, 'Go', 0);
CREATE TABLE plain_options (id int, text text, votes bigint);
INSERT INTO plain_options VALUES (1, 'Python', 2147483600), (2, 'Go', 0);
CREATE TABLE small_events (id int, option_id int, votes_after smallint, event_type text, inserted_at timestamp);
CREATE TABLE bare_options (id int, text text);
INSERT INTO bare_options VALUES (1, 'Python');
SELECT fails('22003', $$SELECT pollseed_seed(136, 'even', options => 'small_options', events => 'bad_events')$$,
    'votes of option "Python" would exceed the range of column "votes"');
SELECT fails('22003', $$SELECT pollseed_seed(100, 'even', options => 'plain_options', events => 'bad_events')$$,
    'votes of option "Python" would exceed the range of column "votes_after"');
SELECT fails('22003', $$SELECT pollseed_seed(32768, options => 'bare_options', events => 'small_events')$$,
    'votes of option "Python" would exceed the range of column "votes_after"');
SELECT fails('22003', $$SELECT pollseed_seed(10000000000, weights => '{"Python": 1}', options => 'options')$$);
CREATE TABLE numeric_options (id bigint, text text, votes numeric(3,0));
INSERT INTO numeric_options VALUES (1, 'Python', 995);
SELECT fails('22003', $$SELECT pollseed_seed(5, options => 'numeric_options')$$, 'votes of option "Python" would exceed the range of column "votes"');
INSERT INTO small_events SELECT 0, 1, 0, 'vote', now() FROM generate_series(1, 32700);
SELECT fails('22003', $$SELECT pollseed_seed(68, options => 'bare_options', events => 'small_events')$$,
    'votes of option "Python" would exceed the range of column "votes_after"');

-- Privileges
CREATE ROLE refused_user;
GRANT USAGE ON SEQUENCE vote_events_id_seq TO refused_user;
CREATE FUNCTION fails_for_user(grants text, command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state text := '00000';
BEGIN
    BEGIN
        EXECUTE grants;
        SET LOCAL ROLE refused_user;
        EXECUTE command;
    EXCEPTION WHEN OTHERS THEN
        state := SQLSTATE;
    END;
    RETURN NEXT is(state, '42501', format('%s with only: %s', command, grants));
    IF (SELECT is_called FROM vote_events_id_seq) THEN
        RETURN NEXT fail('but it had begun to write');
    END IF;
END $$;
SELECT fails_for_user(g, 'SELECT pollseed_seed(10)') FROM unnest(ARRAY[
    'SELECT 1',
    'GRANT ALL ON options TO refused_user',
    'GRANT ALL ON vote_events TO refused_user',
    'GRANT SELECT ON options TO refused_user; GRANT ALL ON vote_events TO refused_user',
    'GRANT UPDATE ON options TO refused_user; GRANT ALL ON vote_events TO refused_user',
    'GRANT ALL ON options TO refused_user; GRANT SELECT, UPDATE, DELETE ON vote_events TO refused_user',
    'GRANT SELECT (id, text), UPDATE ON options TO refused_user; GRANT ALL ON vote_events TO refused_user',
    'GRANT SELECT, UPDATE (votes) ON options TO refused_user; GRANT ALL ON vote_events TO refused_user',
    'GRANT SELECT, UPDATE (updated_at) ON options TO refused_user; GRANT ALL ON vote_events TO refused_user',
    'GRANT ALL ON options TO refused_user; GRANT INSERT (option_id, votes_after, event_type, inserted_at, updated_at) ON vote_events TO refused_user',
    'GRANT ALL ON options TO refused_user; GRANT INSERT (option_id, language, votes_after, inserted_at, updated_at) ON vote_events TO refused_user']) AS g;
SELECT fails_for_user(g, 'SELECT pollseed_clear_seed_data()') FROM unnest(ARRAY[
    'SELECT 1',
    'GRANT ALL ON options TO refused_user; GRANT SELECT ON vote_events TO refused_user',
    'GRANT ALL ON options TO refused_user; GRANT DELETE ON vote_events TO refused_user',
    'GRANT SELECT ON options TO refused_user; GRANT ALL ON vote_events TO refused_user']) AS g;
SELECT fails_for_user(g, 'SELECT pollseed_recount_votes()') FROM unnest(ARRAY[
    'SELECT 1',
    'GRANT ALL ON options TO refused_user',
    'GRANT SELECT ON options TO refused_user; GRANT ALL ON vote_events TO refused_user']) AS g;
SELECT fails_for_user('GRANT SELECT (id) ON options TO refused_user', 'SELECT * FROM pollseed_vote_shares(10)');

-- A read-only transaction
CREATE FUNCTION fails_read_only(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state text := '00000';
BEGIN
    BEGIN
        SET LOCAL transaction_read_only = on;
        EXECUTE command;
    EXCEPTION WHEN OTHERS THEN
        state := SQLSTATE;
    END;
    RETURN NEXT is(state, '25006', 'read-only: ' || command);
END $$;
SELECT fails_read_only(c) FROM unnest('{SELECT pollseed_seed(10),SELECT pollseed_seed(0)}'::text[]) AS c;

-- With just the columns that are written, a role may seed
GRANT SELECT (id, text, votes, updated_at), UPDATE (votes, updated_at) ON options TO refused_user;
GRANT INSERT (option_id, language, votes_after, event_type, inserted_at, updated_at) ON vote_events TO refused_user;
SET LOCAL ROLE refused_user;
SET LOCAL pollseed.write_lane = 'spi';
SELECT is((SELECT r.votes_seeded FROM pollseed_seed(10) AS r), 10::bigint, 'privileges on columns are enough, spi');
SET LOCAL pollseed.write_lane = 'direct';
SELECT is((SELECT r.votes_seeded FROM pollseed_seed(10) AS r), 10::bigint, 'privileges on columns are enough, direct');
RESET ROLE;
RESET pollseed.write_lane;

-- What only the write itself can find leaves nothing either
UPDATE options SET votes = 0;
DELETE FROM vote_events;
DELETE FROM pollseed.runs;
CREATE FUNCTION leaves_nothing(sqlstate text, definition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE definition;
    PERFORM set_config('pollseed.write_lane', 'spi', true);
    RETURN NEXT throws_ok('SELECT pollseed_seed(2000, seed => 1, batch_size => 10)', sqlstate, NULL, definition || ' (spi): ' || sqlstate);
    PERFORM set_config('pollseed.write_lane', 'direct', true);
    RETURN NEXT throws_ok('SELECT pollseed_seed(2000, seed => 1, batch_size => 10)', sqlstate, NULL, definition || ' (direct): ' || sqlstate);
    RETURN NEXT is((SELECT count(*) FROM vote_events) + (SELECT sum(votes) FROM options) + (SELECT count(*) FROM pollseed_runs), 0::bigint, 'nothing is left');
END $$;
SELECT leaves_nothing('23514', 'ALTER TABLE vote_events ADD CONSTRAINT small CHECK (votes_after < 150)');
SELECT leaves_nothing('22001', 'ALTER TABLE vote_events DROP CONSTRAINT small, ALTER COLUMN language TYPE varchar(9)');
SELECT leaves_nothing('23502', 'ALTER TABLE vote_events ALTER COLUMN language TYPE text, ADD COLUMN needed int NOT NULL');
SELECT leaves_nothing('23505', 'ALTER TABLE vote_events DROP COLUMN needed, ADD UNIQUE (votes_after)');

SELECT * FROM finish();
ROLLBACK;
