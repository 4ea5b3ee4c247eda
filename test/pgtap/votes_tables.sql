-- The preset's tables: what pollseed_create_poll_tables() makes, when, where, and what pollseed_drop_poll_tables() refuses.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(85);

-- Made once, with the fifteen languages
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(2, 15), 'both tables and fifteen options are made');
SELECT results_eq('SELECT id, text, votes FROM options ORDER BY id',
    $$SELECT n, l, 0 FROM unnest('{Python,JavaScript,Java,TypeScript,Go,Rust,C++,C#,Ruby,PHP,Swift,Kotlin,Scala,Elixir,Haskell}'
        ::text[]) WITH ORDINALITY AS t(l, n)$$, 'the options stand in the order of their popularity, ids from 1, no votes');
SELECT is_empty('SELECT * FROM vote_events', 'there are no events yet');

-- Ecto's types
SELECT columns_are('options', '{id,text,votes,inserted_at,updated_at}'::name[]);
SELECT columns_are('vote_events', '{id,option_id,language,votes_after,event_type,inserted_at,updated_at}'::name[]);
SELECT col_type_is('options', c.name, c.type, 'options.' || c.name)
  FROM (VALUES ('id'::name, 'bigint'), ('text', 'text'), ('votes', 'integer'),
        ('inserted_at', 'timestamp(0) without time zone'), ('updated_at', 'timestamp(0) without time zone')) AS c(name, type);
SELECT col_type_is('vote_events', c.name, c.type, 'vote_events.' || c.name)
  FROM (VALUES ('id'::name, 'bigint'), ('option_id', 'bigint'), ('language', 'character varying(255)'),
        ('votes_after', 'integer'), ('event_type', 'character varying(255)'),
        ('inserted_at', 'timestamp(6) without time zone'),
        ('updated_at', 'timestamp(6) without time zone')) AS c(name, type);
SELECT col_not_null('options', c, 'options.' || c || ' is not null')
  FROM unnest('{id,text,votes,inserted_at,updated_at}'::name[]) AS c;
SELECT col_not_null('vote_events', c, 'vote_events.' || c || ' is not null')
  FROM unnest('{id,inserted_at,updated_at}'::name[]) AS c;
SELECT is(pg_get_serial_sequence(t, 'id'), 'public.' || t || '_id_seq', t || '.id is a serial')
  FROM unnest('{options,vote_events}'::text[]) AS t;
SELECT is(pg_get_expr(adbin, adrelid), $$nextval('$$ || adrelid::regclass || $$_id_seq'::regclass)$$, adrelid::regclass || '.id counts up')
  FROM pg_attrdef WHERE adrelid IN ('options'::regclass, 'vote_events'::regclass) AND adnum = 1 ORDER BY adrelid::regclass::text COLLATE "C";
SELECT col_default_is('options', 'votes', '0', 'options.votes starts at 0');
INSERT INTO options (text) VALUES ('default times');
SELECT results_eq($$SELECT inserted_at, updated_at FROM options WHERE text = 'default times'$$,
    $$SELECT (now() AT TIME ZONE 'UTC')::timestamp(0), (now() AT TIME ZONE 'UTC')::timestamp(0)$$,
    'times default to the present in UTC, whatever the session''s time zone');
DELETE FROM options WHERE text = 'default times';

-- Keys and the readers' indexes
SELECT col_is_pk('options', 'id', 'options has its key');
SELECT col_is_pk('vote_events', 'id', 'vote_events has its key');
SELECT col_is_unique('options', 'text', 'no two options have the same text');
SELECT fk_ok('vote_events', 'option_id', 'options', 'id', 'events refer to options');
SELECT results_eq($$SELECT confdeltype::text, condeferrable FROM pg_constraint WHERE conrelid = 'vote_events'::regclass AND contype = 'f'$$,
    $$VALUES ('c', false)$$, 'deleting an option deletes its events');
SELECT has_index('vote_events', 'vote_events_option_id_index', 'option_id', 'index on option_id');
SELECT has_index('vote_events', 'vote_events_inserted_at_index', 'inserted_at', 'index on inserted_at');
INSERT INTO vote_events (option_id) SELECT o.id FROM options AS o WHERE o.text IN ('Go', 'Rust');
DELETE FROM options WHERE text IN ('Go', 'Rust');
SELECT is_empty('SELECT * FROM vote_events', 'and so it does');

-- Ordinary tables, not members of the extension
SELECT is_empty($$SELECT * FROM pg_depend WHERE deptype = 'e'
    AND objid IN ('options'::regclass, 'vote_events'::regclass, 'options_id_seq'::regclass, 'vote_events_id_seq'::regclass)$$,
    'the tables are no members of the extension');

-- Twice is safe; what is missing is added
UPDATE options SET votes = 7 WHERE text = 'Python';
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(0, 2), 'a second call adds the two options that were deleted');
SELECT results_eq('SELECT id, text, votes FROM options WHERE id > 15 OR votes > 0 ORDER BY id',
    $$VALUES (1::bigint, 'Python', 7), (17, 'Go', 0), (18, 'Rust', 0)$$, 'and leaves the others as they are');
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(0, 0), 'a third call does nothing');
DROP TABLE vote_events;
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(1, 0), 'a missing table is made again');
SELECT row_eq($$SELECT * FROM pollseed_create_poll_tables('{Zig,Go,Zig,"Visual Basic"}')$$, ROW(0, 2),
    'options of one''s own are added beside those there, each once');
SELECT row_eq($$SELECT * FROM pollseed_create_poll_tables('{}')$$, ROW(0, 0), 'an empty list adds none');
SELECT throws_ok('SELECT pollseed_create_poll_tables(NULL)', '22004', 'options must not be null', 'null is no list');
SELECT throws_ok($$SELECT pollseed_create_poll_tables('{a,NULL}')$$, '22004', 'options must not contain nulls', 'null is no option');

-- Dropped, and dropped again
SELECT is(pollseed_drop_poll_tables(), 2, 'both tables are dropped');
SELECT hasnt_table('public', 'options', 'options is gone');
SELECT hasnt_table('public', 'vote_events', 'vote_events is gone');
SELECT is(pollseed_drop_poll_tables(), 0, 'dropping again does nothing');

-- Own list on a first call, in the order of the list
SELECT row_eq($$SELECT * FROM pollseed_create_poll_tables('{yes,no,"don''t know",no}')$$, ROW(2, 3), 'a list of one''s own');
SELECT results_eq('SELECT text FROM options ORDER BY id', $$VALUES ('yes'), ('no'), ('don''t know')$$, 'in its order');
CREATE TABLE refers (option_id bigint REFERENCES options);
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '2BP01', NULL, 'tables that others refer to are not dropped');
SELECT has_table('public', 'vote_events', 'none of the two, not even the other one');
DROP TABLE refers;
SELECT is(pollseed_drop_poll_tables(), 2, 'and are, once nobody does');

-- Tables that were not made here are refused
CREATE TABLE options (id int, text text);
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '55000', 'table "options" was not made by pollseed_create_poll_tables()',
    'a table of the application is not dropped');
SELECT has_table('public', 'options', 'it is still there');
DROP TABLE options;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'made again');
COMMENT ON TABLE options IS 'the application''s own now';
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '55000', NULL, 'a table that was taken over by the application is not dropped');
SELECT has_table('public', 'vote_events', 'nor is the other one');
COMMENT ON TABLE options IS NULL;
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '55000', NULL, 'nor without any comment');
DROP TABLE vote_events, options;

-- In the schema that the search path begins with
CREATE SCHEMA app;
CREATE SCHEMA "The ""App""";
SET LOCAL search_path = app, public;
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(2, 15), 'made in the first schema of the search path');
SELECT has_table('app', 'options', 'options is there');
SELECT hasnt_table('public', 'options', 'and not in another');
SET LOCAL search_path = "The ""App""", app, public;
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(2, 15), 'tables further down the path are not in the way');
SELECT is((SELECT votes_seeded FROM pollseed_seed(15, 'even')), 15::bigint, 'an odd name of the schema is no trouble');
SELECT is((SELECT sum(votes) FROM "The ""App""".options), 15::bigint, 'the first ones on the path were seeded');
SELECT is((SELECT sum(votes) FROM app.options), 0::bigint, 'and not the others');
SELECT is(pollseed_drop_poll_tables(), 2, 'only the first schema''s are dropped');
SELECT is(pollseed_drop_poll_tables(), 0, 'a call more does not go on to the next schema');
SELECT has_table('app', 'options', 'whose tables stay');

-- Temporary ones, where these come first
SET LOCAL search_path = pg_temp, public;
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(2, 15), 'temporary tables');
SELECT is((SELECT votes_seeded FROM pollseed_seed(15, 'even')), 15::bigint, 'are seeded');
SELECT is(pollseed_drop_poll_tables(), 2, 'and dropped');

-- No schema to create in
SET LOCAL search_path = public;
CREATE FUNCTION sqlstate_without_schema(command text) RETURNS text LANGUAGE plpgsql SET search_path = nowhere AS $$
BEGIN
    EXECUTE command;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT is(sqlstate_without_schema('SELECT public.pollseed_create_poll_tables()'), '3F000', 'create needs a schema to create in');
SELECT is(sqlstate_without_schema('SELECT public.pollseed_drop_poll_tables()'), '3F000', 'and so does drop');

-- The caller owns them, and needs the right to create
CREATE ROLE votes_tables_user;
GRANT USAGE ON SCHEMA app TO votes_tables_user;
SET LOCAL ROLE votes_tables_user;
SET LOCAL search_path = app, public;
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '42501', NULL, 'other people''s tables are not dropped');
RESET ROLE;
DROP TABLE app.vote_events, app.options;
SET LOCAL ROLE votes_tables_user;
SELECT throws_ok('SELECT pollseed_create_poll_tables()', '42501', NULL, 'no tables without the right to create them');
RESET ROLE;
GRANT CREATE ON SCHEMA app TO votes_tables_user;
SET LOCAL ROLE votes_tables_user;
SELECT row_eq('SELECT * FROM pollseed_create_poll_tables()', ROW(2, 15), 'with it, anybody makes them');
SELECT table_owner_is('app', 'vote_events', 'votes_tables_user', 'and owns them');
SELECT is(pollseed_drop_poll_tables(), 2, 'and drops them');
RESET ROLE;

SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT pollseed_create_poll_tables()', '25006', NULL, 'a read-only transaction creates nothing');
SELECT throws_ok('SELECT pollseed_drop_poll_tables()', '25006', NULL, 'and drops nothing');

SELECT * FROM finish();
ROLLBACK;
