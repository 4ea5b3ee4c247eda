-- The proof that a column is filled, and the hand-over to NOT NULL.
--
-- A procedure that commits cannot be called in a transaction block, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();

CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; code text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', code || ' ' || message, NULLIF(detail, ''), NULLIF(hint, ''));
END $$;
CREATE FUNCTION constraints_of(relation regclass) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(conname || CASE WHEN convalidated THEN '' ELSE ' not valid' END, ' ' ORDER BY conname COLLATE "C") FROM pg_constraint WHERE conrelid = relation AND contype = 'c' $$;

CREATE TABLE items (id integer PRIMARY KEY, value text, other text);
INSERT INTO items SELECT i FROM generate_series(1, 100) AS i;
SELECT (pollseed_backfill_create('items', 'items', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k WHERE k <> 50', batch_size => 10)).name \g /dev/null

-- Refused while rows are left, wherever it stands
SELECT is(error_of($$CALL pollseed_backfill_finalize('items')$$), E'55000 backfill "items" is not finished: 100 rows have no value and were not asked for\n'
    'Run it again.  If rows without a value keep coming, fill them by a trigger or a default first.', 'before it has run');
CALL pollseed_backfill_run('items', 3);
SELECT matches(error_of($$CALL pollseed_backfill_finalize('items')$$), '^55000 backfill "items" is not finished: [1-9][0-9]* rows', 'on its way');
\set ON_ERROR_STOP 0
\set VERBOSITY terse
CALL pollseed_backfill_finalize('items', true);
\set code :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP 1
SELECT is(:'code'::text, '55000', 'with NOT NULL too');
CALL pollseed_backfill_run('items');
CALL pollseed_backfill_finalize('items');
SELECT pass('when it has ended it is complete, with rows that have no data');
SELECT is(state, 'finished', 'and stays so') FROM pollseed_backfills WHERE name = 'items';
INSERT INTO items VALUES (101);
SELECT matches(error_of($$CALL pollseed_backfill_finalize('items')$$), '^55000 backfill "items" is not finished: 1 rows', 'a row that came later is left');
DELETE FROM items WHERE id = 101;

-- NOT NULL
SELECT is(error_of($$CALL pollseed_backfill_finalize('items', true)$$), E'2D000 pollseed_backfill_finalize() cannot set NOT NULL here, because it cannot commit\n'
    'In one transaction the table would be locked while it is read.\nCALL it outside of a transaction block, function or EXCEPTION block.', 'not where it cannot commit');
BEGIN;
CALL pollseed_backfill_finalize('items');
SELECT pass('in a transaction block it proves');
COMMIT;
\set ON_ERROR_STOP 0
CALL pollseed_backfill_finalize('items', true);
\set code :LAST_ERROR_SQLSTATE
\set message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP 1
SELECT is(:'code'::text || ' ' || :'message', '23502 column "value" of public.items cannot be set NOT NULL: 1 rows have no value', 'not with rows that have no data');
SELECT col_is_null('items', 'value', 'it is not');
SELECT is(constraints_of('items'), NULL, 'nor is there a constraint that would be');
SELECT is(state, 'finished', 'a proof that fails leaves the backfill as it is') FROM pollseed_backfills WHERE name = 'items';
UPDATE items SET value = 'by hand' WHERE value IS NULL;
CALL pollseed_backfill_finalize('items', true);
SELECT col_not_null('items', 'value', 'with them filled it is NOT NULL');
SELECT is(constraints_of('items'), NULL, 'and the constraint that came before it is gone');
CALL pollseed_backfill_finalize('items', true);
CALL pollseed_backfill_finalize('items');
SELECT col_not_null('items', 'value', 'once more does no harm');
SELECT is(error_of('INSERT INTO items VALUES (200, NULL)'), E'23502 null value in column "value" of relation "items" violates not-null constraint\nFailing row contains (200, null, null).', 'it holds');
SELECT filled + no_data AS filled, finished FROM pollseed_backfill_step('items', 100) \gset
SELECT is(:filled::integer, 0, 'and the backfill still can be run');

-- After a hand-over that was interrupted: each of its steps may have been done
CREATE FUNCTION interrupted(ddl text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    ALTER TABLE items ALTER value DROP NOT NULL;
    EXECUTE ddl;
END $$;
SELECT interrupted('ALTER TABLE items ADD CONSTRAINT pollseed_not_null_value CHECK (value IS NOT NULL) NOT VALID');
SELECT is(constraints_of('items'), 'pollseed_not_null_value not valid', 'with the first step done');
CALL pollseed_backfill_finalize('items', true);
SELECT is(constraints_of('items'), NULL, 'it goes on');
SELECT col_not_null('items', 'value', 'to its end');
SELECT interrupted('ALTER TABLE items ADD CONSTRAINT pollseed_not_null_value CHECK (value IS NOT NULL)');
CALL pollseed_backfill_finalize('items', true);
SELECT is(constraints_of('items'), NULL, 'with the second step done too');
SELECT col_not_null('items', 'value', 'it is NOT NULL');

-- Odd and long names
CREATE TABLE "Odd ""table""" ("Key" integer PRIMARY KEY, "A column with a name that is as long as a name may be, all of it" text, "A column with a name that is as long as a name may be, but o" text);
INSERT INTO "Odd ""table""" SELECT i FROM generate_series(1, 20) AS i;
SELECT attname AS first FROM pg_attribute WHERE attrelid = '"Odd ""table"""'::regclass AND attnum = 2 \gset
SELECT attname AS second FROM pg_attribute WHERE attrelid = '"Odd ""table"""'::regclass AND attnum = 3 \gset
SELECT (pollseed_backfill_create('Odd 1', '"Odd ""table"""', :'first', 'SELECT k, ''v'' FROM unnest($1) AS k')).name \g /dev/null
SELECT (pollseed_backfill_create('Odd 2', '"Odd ""table"""', :'second', 'SELECT k, ''v'' FROM unnest($1) AS k')).name \g /dev/null
CALL pollseed_backfill_run('Odd 1');
CALL pollseed_backfill_run('Odd 2');
CALL pollseed_backfill_finalize('Odd 1', true);
CALL pollseed_backfill_finalize('Odd 2', true);
SELECT col_not_null('public'::name, 'Odd "table"'::name, :'first'::name, 'a column with a long name');
SELECT col_not_null('public'::name, 'Odd "table"'::name, :'second'::name, 'and one that begins with the same');
SELECT is(constraints_of('"Odd ""table"""'), NULL, 'leave no constraint');

-- A constraint of that name that says something else
CREATE TABLE taken (id integer PRIMARY KEY, value text, CONSTRAINT pollseed_not_null_value CHECK (id > 0));
INSERT INTO taken VALUES (1);
SELECT (pollseed_backfill_create('taken', 'taken', 'value', 'SELECT k, ''v'' FROM unnest($1) AS k')).name \g /dev/null
CALL pollseed_backfill_run('taken');
\set ON_ERROR_STOP 0
CALL pollseed_backfill_finalize('taken', true);
\set code :LAST_ERROR_SQLSTATE
\set message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP 1
SELECT is(:'code'::text || ' ' || :'message', '42710 constraint "pollseed_not_null_value" of relation "taken" already exists and is another one', 'a constraint of the user''s under the name that is needed');
SELECT is(constraints_of('taken'), 'pollseed_not_null_value', 'is not dropped');

-- Partitions, with columns numbered in their own ways
CREATE TABLE parted (id bigint NOT NULL, value text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 (gone integer, value text, id bigint NOT NULL);
ALTER TABLE parted_2 DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200);
INSERT INTO parted SELECT i FROM generate_series(1, 199) AS i;
SELECT (pollseed_backfill_create('parted', 'parted', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', 'id', batch_size => 20)).name \g /dev/null
CALL pollseed_backfill_run('parted', 5);
SELECT matches(error_of($$CALL pollseed_backfill_finalize('parted')$$), '^55000 backfill "parted" is not finished', 'partitions that are not filled');
CALL pollseed_backfill_run('parted');
ALTER TABLE parted RENAME value TO worth;
CALL pollseed_backfill_finalize('parted', true);
SELECT col_not_null(relation, 'worth', relation || ' is NOT NULL, also with the column renamed') FROM unnest('{parted,parted_1,parted_2}'::name[]) AS relation;
SELECT is(constraints_of(relation::regclass), NULL, relation || ' has no constraint left') FROM unnest('{parted,parted_1,parted_2}'::name[]) AS relation;

-- Other columns and tables: what was numbered otherwise, as in a database that was restored from a dump
UPDATE pollseed.backfills SET target_attnum = 1000 WHERE name = 'items';
CALL pollseed_backfill_finalize('items', true);
SELECT pass('a column is known by its name, whatever its number');

-- Who may alter the table
CREATE ROLE backfill_filler;
CREATE TABLE lent (id integer PRIMARY KEY, value text);
GRANT SELECT, UPDATE ON lent TO backfill_filler;
INSERT INTO lent VALUES (1);
SET ROLE backfill_filler;
SELECT (pollseed_backfill_create('lent', 'lent', 'value', 'SELECT k, ''v'' FROM unnest($1) AS k')).name \g /dev/null
CALL pollseed_backfill_run('lent');
CALL pollseed_backfill_finalize('lent');
RESET ROLE;
\set ON_ERROR_STOP 0
CALL pollseed_backfill_finalize('lent', true);
\set code :LAST_ERROR_SQLSTATE
\set message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP 1
SELECT is(:'code'::text || ' ' || :'message', '42501 must be owner of table lent', 'who may fill a table may not alter it, whoever calls');
SELECT is(state || ' ' || coalesce(last_sqlstate, 'none'), 'finished 42501', 'and the backfill is as finished as it was') FROM pollseed_backfills WHERE name = 'lent';
SELECT col_is_null('lent', 'value', 'nor is it');

-- Where the call stands
CREATE PROCEDURE within() LANGUAGE plpgsql AS $$
BEGIN
    CALL pollseed_backfill_finalize('items', true);
    CALL pollseed_backfill_run('items');
END $$;
CALL within();
SELECT pass('a procedure may call it, which may commit');
CREATE TABLE within (id integer PRIMARY KEY, value text);
INSERT INTO within SELECT i FROM generate_series(1, 100) AS i;
SELECT (pollseed_backfill_create('within', 'within', 'value', 'SELECT k, ''v'' FROM unnest($1) AS k', batch_size => 10)).name \g /dev/null
CREATE PROCEDURE within_exception() LANGUAGE plpgsql AS $$
BEGIN
    CALL pollseed_backfill_run('within');
    CALL pollseed_backfill_finalize('items');
EXCEPTION WHEN division_by_zero THEN
    NULL;
END $$;
CALL within_exception();
SELECT ok(count(value) BETWEEN 1 AND 20, 'where it may not, within an EXCEPTION block, one batch is done') FROM within;
SELECT is(state, 'interrupted', 'and can be gone on with') FROM pollseed_backfills WHERE name = 'within';
CREATE PROCEDURE within_exception_not_null() LANGUAGE plpgsql AS $$
BEGIN
    CALL pollseed_backfill_finalize('items', true);
EXCEPTION WHEN division_by_zero THEN
    NULL;
END $$;
SELECT is(left(error_of('CALL within_exception_not_null()'), 5), '2D000', 'and what must commit is refused');
\set ON_ERROR_STOP 0
CALL within_exception_not_null();
\set message :LAST_ERROR_MESSAGE
\set ON_ERROR_STOP 1
SELECT is(:'message'::text, 'pollseed_backfill_finalize() cannot set NOT NULL here, because it cannot commit', 'with the same words outside of a transaction block');

REVOKE ALL ON lent FROM backfill_filler;
DROP ROLE backfill_filler;
SELECT * FROM finish();
