-- Relations of other kinds and odd names: partitioned, unlogged and temporary tables, views, inheritance, other schemas.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(100);
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{Python,Go,Rust}')$$, 'tables');
CREATE TEMP TABLE expected AS
    SELECT vote_no, option_no, label, votes_after, cast_at AT TIME ZONE 'UTC' AS at
      FROM pollseed_generate_votes(400, 'realistic', '3 days', 'bursty', 42, '2025-07-02 12:00+00', labels => '{Python,Go,Rust}');

-- Seeds, compares, checks the counts, seeds again, clears and recounts: all that the engine does to a pair of tables.
CREATE FUNCTION works(what text, options regclass, events regclass, lane text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    used text;
BEGIN
    SELECT r.lane INTO used FROM pollseed_seed(400, 'realistic', '3 days', 'bursty', 42, '2025-07-02 12:00+00', 150, options => options, events => events) AS r;
    RETURN NEXT is(used, lane, what || ': lane ' || lane);
    RETURN NEXT results_eq(format('SELECT option_id::int, language::text, votes_after::bigint, event_type::text, inserted_at, updated_at
            FROM %s ORDER BY inserted_at, option_id, votes_after', events),
        'SELECT option_no, label, votes_after, ''seed''::text, at, at FROM expected ORDER BY at, option_no, votes_after', what || ': the votes');
    RETURN NEXT results_eq(format('SELECT votes::bigint FROM %s ORDER BY id', options),
        'SELECT count(*) FROM expected GROUP BY option_no ORDER BY option_no', what || ': the counts');
    PERFORM pollseed_seed(50, 'even', '1 day', seed => 43, ends_at => '2025-07-03 12:00+00', options => options, events => events);
    RETURN NEXT is_empty(format('SELECT * FROM (SELECT votes_after, row_number() OVER (PARTITION BY option_id ORDER BY inserted_at, votes_after) AS nth
        FROM %s) AS t WHERE votes_after <> nth', events), what || ': votes_after goes on');
    EXECUTE format('UPDATE %s SET votes = 1', options);
    RETURN NEXT is(pollseed_recount_votes(options, events), 3, what || ': recounted');
    EXECUTE format('INSERT INTO %s (option_id, language, votes_after, event_type, inserted_at, updated_at)
        VALUES (2, ''Go'', 9, ''vote'', ''2025-07-01'', ''2025-07-01'')', events);
    RETURN NEXT row_eq(format('SELECT * FROM pollseed_clear_seed_data(%L, %L)', options, events), ROW(450::bigint, 3), what || ': cleared');
    RETURN NEXT results_eq(format('SELECT votes::bigint FROM %s ORDER BY id', options), 'VALUES (0::bigint), (1), (0)', what || ': the vote stays');
    EXECUTE format('DELETE FROM %s', events);
    EXECUTE format('UPDATE %s SET votes = 0', options);
END $$;

SELECT works('preset', 'options', 'vote_events', 'direct');

-- Partitioned by time, by option and in two levels; a partition alone is a plain table
CREATE TABLE parted (LIKE vote_events INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (inserted_at);
CREATE TABLE parted_june PARTITION OF parted FOR VALUES FROM ('2025-06-01') TO ('2025-07-01');
CREATE TABLE parted_july PARTITION OF parted FOR VALUES FROM ('2025-07-01') TO ('2025-08-01') PARTITION BY LIST (option_id);
CREATE TABLE parted_july_1 PARTITION OF parted_july FOR VALUES IN (1);
CREATE TABLE parted_july_others PARTITION OF parted_july DEFAULT;
SELECT works('partitioned', 'options', 'parted', 'spi');
SELECT lives_ok($$SELECT pollseed_seed(400, 'realistic', '3 days', 'bursty', 42, '2025-07-02 12:00+00', events => 'parted')$$, 'partitions, filled');
SELECT ok((SELECT count(*) FROM parted_june) > 50 AND (SELECT count(*) FROM parted_july_1) > 50 AND (SELECT count(*) FROM parted_july_others) > 50,
    'each has its part');
SELECT throws_ok($$SELECT pollseed_seed(400, 'realistic', '90 days', seed => 42, ends_at => '2025-07-02 12:00+00', events => 'parted')$$, '23514', NULL,
    'votes of a time without a partition are an error');
SELECT is((SELECT count(*) FROM parted), 400::bigint, 'that leaves nothing');
SELECT is((SELECT sum(votes) FROM options), 400::bigint, 'nowhere');
DELETE FROM parted;
UPDATE options SET votes = 0;
CREATE TABLE parted_options (id bigint, text text, votes int DEFAULT 0) PARTITION BY LIST (id);
CREATE TABLE parted_options_1 PARTITION OF parted_options FOR VALUES IN (1, 3);
CREATE TABLE parted_options_2 PARTITION OF parted_options FOR VALUES IN (2);
INSERT INTO parted_options VALUES (3, 'Rust'), (2, 'Go'), (1, 'Python');
SELECT works('options partitioned', 'parted_options', 'parted', 'spi');

-- Unlogged, temporary
CREATE UNLOGGED TABLE unlogged_events (LIKE vote_events INCLUDING ALL);
SELECT works('unlogged', 'options', 'unlogged_events', 'direct');
CREATE TEMP TABLE temporary_events (LIKE vote_events INCLUDING ALL);
SELECT works('temporary', 'options', 'temporary_events', 'direct');
CREATE TEMP TABLE temporary_options AS SELECT id, text, 0 AS votes FROM options;
SELECT works('both temporary', 'temporary_options', 'temporary_events', 'direct');

-- A view with INSTEAD OF triggers, and ones that the server can write through
CREATE TABLE archive (at timestamp, changed timestamp, data jsonb);
CREATE VIEW archive_events AS
    SELECT (data->>'o')::bigint AS option_id, data->>'l' AS language, (data->>'n')::int AS votes_after, data->>'t' AS event_type,
           at AS inserted_at, changed AS updated_at FROM archive;
CREATE FUNCTION to_archive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO archive VALUES (NEW.inserted_at, NEW.updated_at,
            jsonb_build_object('o', NEW.option_id, 'l', NEW.language, 'n', NEW.votes_after, 't', NEW.event_type));
        RETURN NEW;
    END IF;
    DELETE FROM archive AS a WHERE a.at = OLD.inserted_at AND a.data @> jsonb_build_object('o', OLD.option_id, 'n', OLD.votes_after);
    RETURN OLD;
END $$;
CREATE TRIGGER to_archive INSTEAD OF INSERT OR DELETE ON archive_events FOR EACH ROW EXECUTE FUNCTION to_archive();
SELECT works('view with triggers', 'options', 'archive_events', 'spi');
CREATE VIEW simple_events AS SELECT * FROM vote_events WHERE option_id < 10 WITH CHECK OPTION;
SELECT works('simple view', 'options', 'simple_events', 'spi');
CREATE VIEW simple_options AS SELECT * FROM options WHERE id < 10;
SELECT works('view of the options', 'simple_options', 'simple_events', 'spi');
CREATE VIEW joined AS SELECT e.* FROM vote_events AS e JOIN options AS o ON o.id = e.option_id;
SELECT throws_ok($$SELECT pollseed_seed(1, events => 'joined')$$, '55000', NULL, 'a view that nobody can write through is an error');

-- A parent table
CREATE TABLE child_events () INHERITS (unlogged_events);
SELECT works('parent of a table', 'options', 'unlogged_events', 'direct');

-- Odd names, other schemas, columns of odd names and keys that are words of SQL
CREATE SCHEMA "select; --";
CREATE TABLE "select; --"."My ""Options""" (id int PRIMARY KEY, "te""xt" text, "user" int DEFAULT 0, "Ünï 1" timestamp);
CREATE TABLE "b\ack'sl$1ash" ("$1" int, "v1" text, "b.v1" int, "%s %d" text DEFAULT 'kept', "order" text, "group" timestamp, "b" timestamp);
INSERT INTO "select; --"."My ""Options""" VALUES (3, 'Rust'), (2, 'it''s "Go" \ $1 %s'), (1, 'Python');
CREATE FUNCTION odd(l text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    used text;
BEGIN
    PERFORM set_config('pollseed.write_lane', l, true);
    DELETE FROM "b\ack'sl$1ash";
    UPDATE "select; --"."My ""Options""" SET "user" = 0;
    SELECT r.lane INTO used FROM pollseed_seed(400, 'realistic', '3 days', 'bursty', 42, '2025-07-02 12:00+00',
        weights => '{"Python": 100, "it''s \"Go\" \\ $1 %s": 70, "Rust": 65}',
        options => '"select; --"."My ""Options"""', events => '"b\ack''sl$1ash"',
        columns => '{"text": "te\"xt", "votes": "user", "options.updated_at": "Ünï 1", "option_id": "$1", "language": "v1", "votes_after": "b.v1",
            "event_type": "order", "inserted_at": "group", "events.updated_at": "b"}') AS r;
    RETURN used;
END $$;
SELECT is(odd(l), l, 'odd names by ' || l) FROM unnest('{spi,direct}'::text[]) AS l;
SELECT results_eq($$SELECT "$1", v1, "b.v1"::bigint, "%s %d", "order", "group", b FROM "b\ack'sl$1ash" ORDER BY "group", "$1", "b.v1"$$,
    $$SELECT option_no, CASE option_no WHEN 2 THEN 'it''s "Go" \ $1 %s' ELSE label END, votes_after, 'kept', 'seed', at, at FROM expected ORDER BY at, option_no, votes_after$$,
    'odd names: the votes');
SELECT results_eq($$SELECT "user"::bigint FROM "select; --"."My ""Options""" ORDER BY id$$,
    'SELECT count(*) FROM expected GROUP BY option_no ORDER BY option_no', 'odd names: the counts');
SELECT row_eq($$SELECT * FROM pollseed_clear_seed_data('"select; --"."My ""Options"""', '"b\ack''sl$1ash"',
        '{"text": "te\"xt", "votes": "user", "options.updated_at": "Ünï 1", "option_id": "$1", "event_type": "order", "inserted_at": "group", "events.updated_at": "b",
          "language": "v1", "votes_after": "b.v1"}')$$, ROW(400::bigint, 3), 'odd names: cleared');
RESET pollseed.write_lane;

-- A table that has the name of what the spi lane reads its batches from
CREATE TABLE pollseed_batch (LIKE vote_events INCLUDING ALL);
SELECT works('a table of the engine''s word', 'options', 'pollseed_batch', 'direct');
SET LOCAL pollseed.write_lane = 'spi';
SELECT works('a table of the engine''s word', 'options', 'pollseed_batch', 'spi');
RESET pollseed.write_lane;

-- Tables on the search path are found where the session would find them
CREATE SCHEMA app;
CREATE TABLE app.vote_events (LIKE vote_events INCLUDING ALL);
SET LOCAL search_path = app, public;
SELECT lives_ok('SELECT pollseed_seed(3)', 'two tables of two schemas');
SELECT is(count(*), 3::bigint, 'the nearer events') FROM app.vote_events;
CREATE TEMP TABLE vote_events (LIKE vote_events INCLUDING ALL);
SELECT lives_ok('SELECT pollseed_seed(4)', 'temporary tables go first');
SELECT is(count(*), 4::bigint, 'as in the session''s own SQL') FROM pg_temp.vote_events;

SELECT * FROM finish();
ROLLBACK;
