-- Rows that nobody is to blame for, errors that wait for the commit, partitions that leave, and what may not be filled at all.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT plan(17);

CREATE FUNCTION figures(backfill text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', state, filled, no_data, quarantined, remaining) FROM pollseed_backfills WHERE name = backfill $$;
CREATE FUNCTION failures(of text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(concat_ws(' ', key, sqlstate, message), '; ' ORDER BY key) FROM pollseed_backfill_failures WHERE backfill = of $$;

-- A trigger that keeps a row empty must not keep the run from ending, nor may an error at the commit end it
CREATE TABLE kept (id bigint PRIMARY KEY, value integer);
INSERT INTO kept SELECT i FROM generate_series(1, 200) AS i;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 5 THEN RETURN NULL; END IF; IF NEW.id = 6 THEN NEW.value := NULL; END IF; RETURN NEW; END';
CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep();
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 77 THEN RAISE ''too late''; END IF; RETURN NEW; END';
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON kept INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
SELECT is(state, 'ready', 'defined') FROM pollseed_backfill_create('kept', 'kept', 'value', 'SELECT k, 1 FROM unnest($1) AS k');
CALL pollseed_backfill_run('kept');
SELECT is(figures('kept'), 'finished 197 0 3 0', 'all others are filled');
SELECT is(failures('kept'), '5 27000 a trigger or a cast keeps the row without a value; 6 27000 a trigger or a cast keeps the row without a value; 77 P0001 too late',
    'and these are set aside, with the reason');

-- Rows without data are asked for again if one asks for that
CREATE TABLE known (id bigint PRIMARY KEY, value integer);
INSERT INTO known SELECT i, CASE WHEN i > 3 THEN i END FROM generate_series(1, 20) AS i;
CREATE TABLE wanting (id bigint PRIMARY KEY, value integer);
INSERT INTO wanting SELECT i FROM generate_series(1, 20) AS i;
SELECT is(state, 'ready', 'defined') FROM pollseed_backfill_create('wanting', 'wanting', 'value', 'SELECT id, value FROM known WHERE id = ANY ($1)');
CALL pollseed_backfill_run('wanting');
SELECT is(figures('wanting'), 'finished 17 3 0 0', 'three have no data');
UPDATE known SET value = 0;
CALL pollseed_backfill_run('wanting');
SELECT is(count(*), 3::bigint, 'nor does another run ask') FROM wanting WHERE value IS NULL;
SELECT is(pollseed_backfill_retry('wanting'), 0::bigint, 'what failed is nothing');
SELECT is(pollseed_backfill_retry('wanting', no_data => true), 3::bigint, 'rows without data are three');
CALL pollseed_backfill_run('wanting');
SELECT is(count(*), 0::bigint, 'now they are filled') FROM wanting WHERE value IS NULL;

-- A partition that leaves takes its rows along
CREATE TABLE parts (id bigint PRIMARY KEY, value integer) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (101);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (101) TO (201);
INSERT INTO parts SELECT i FROM generate_series(1, 200) AS i;
SELECT is(state, 'ready', 'defined') FROM pollseed_backfill_create('parts', 'parts', 'value', 'SELECT k, 1 FROM unnest($1) AS k', batch_size => 20);
CALL pollseed_backfill_run('parts', 2);
ALTER TABLE parts DETACH PARTITION parts_2;
CALL pollseed_backfill_run('parts');
SELECT is(count(*), 0::bigint, 'the rest is filled') FROM parts WHERE value IS NULL;
SELECT is(count(*), 100::bigint, 'what left is left alone') FROM parts_2 WHERE value IS NULL;
SELECT is(state, 'finished', 'and the run ends') FROM pollseed_backfills WHERE name = 'parts';
SELECT throws_ok($$SELECT pollseed_backfill_create('key', 'parts', 'id', 'SELECT k, 1 FROM unnest($1) AS k')$$, '0A000',
    'column "id" of relation "parts" cannot be backfilled', 'a partition key decides where its row is');

-- Composite values of nulls are values
CREATE TYPE pair AS (a integer, b integer);
CREATE TABLE pairs (id bigint PRIMARY KEY, value pair);
INSERT INTO pairs VALUES (1, ROW(NULL, NULL)), (2, NULL);
SELECT is(state, 'ready', 'defined') FROM pollseed_backfill_create('pairs', 'pairs', 'value', 'SELECT k, ROW(1, 2)::pair FROM unnest($1) AS k');
CALL pollseed_backfill_run('pairs');
SELECT is(string_agg(value::text, ' ' ORDER BY id), '(,) (1,2)', 'and are kept') FROM pairs;
SELECT is(figures('pairs'), 'finished 1 0 0 0', 'as the view says');

SELECT finish();
