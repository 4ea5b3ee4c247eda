-- What pollseed_backfill_create() refuses and makes of its arguments, before the first row is looked at.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

-- What a command comes to: its SQLSTATE and message, with detail and hint behind a line each.
CREATE FUNCTION outcome(command text, whole boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; code text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', code || ' ' || message, CASE WHEN whole THEN NULLIF(detail, '') END, CASE WHEN whole THEN NULLIF(hint, '') END);
END $$;
-- The notices of a command cannot be caught in SQL; they are made errors of.
CREATE FUNCTION creation(arguments text) RETURNS text LANGUAGE sql AS
    $$ SELECT 'SELECT pollseed_backfill_create(' || arguments || ')' $$;

CREATE TABLE items (id bigint PRIMARY KEY, code text NOT NULL, maybe integer, value text, small smallint, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE VIEW items_view AS SELECT * FROM items;
CREATE MATERIALIZED VIEW items_copy AS SELECT * FROM items;
CREATE INDEX items_index ON items (code);
CREATE SEQUENCE items_sequence;
CREATE TEMP TABLE items_temp (id bigint PRIMARY KEY, value text);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE items_foreign (id bigint NOT NULL, value text) SERVER nowhere;
CREATE TABLE items_parts (id bigint NOT NULL, value text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE items_far PARTITION OF items_parts FOR VALUES FROM (0) TO (10) SERVER nowhere;
CREATE TYPE pair AS (id bigint, value text);
CREATE TABLE keyless (id bigint, value text);
CREATE TABLE composite (b integer, a text, value text, PRIMARY KEY (a, b));
CREATE TABLE "Odd ""table""" ("Weird ""col""" integer PRIMARY KEY, "a, b" integer NOT NULL, "Va""lue" text);
CREATE TABLE wide (a int NOT NULL, b int NOT NULL, c int NOT NULL, d int NOT NULL, e int NOT NULL, f int NOT NULL, g int NOT NULL, h int NOT NULL, i int NOT NULL, value text);

CREATE TABLE cases (place serial, arguments text, expected text, about text);
INSERT INTO cases (about, arguments, expected) VALUES
-- Arguments that are null
('no name', $$NULL, 'items', 'value', 'SELECT 1, 2'$$, '22004 name must not be null'),
('no target', $$'x', NULL, 'value', 'SELECT 1, 2'$$, '22004 target must not be null'),
('no column', $$'x', 'items', NULL, 'SELECT 1, 2'$$, '22004 target_column must not be null'),
('no source', $$'x', 'items', 'value', NULL$$, '22004 source must not be null'),
-- Targets
('a table that is not there', $$'x', 4294967295::oid::regclass, 'value', 'SELECT 1, 2'$$, '42P01 relation with OID 4294967295 does not exist'),
('a column that is not there', $$'x', 'items', 'values', 'SELECT 1, 2'$$, '42703 column "values" of relation "items" does not exist'),
('a system column', $$'x', 'items', 'ctid', 'SELECT 1, 2'$$, '42703 column "ctid" of relation "items" does not exist'),
('a column in other case', $$'x', 'items', 'VALUE', 'SELECT 1, 2'$$, '42703 column "VALUE" of relation "items" does not exist'),
('a view', $$'x', 'items_view', 'value', 'SELECT 1, 2'$$, E'42809 "items_view" is not a table\nBackfill the table that the column belongs to.'),
('a materialized view', $$'x', 'items_copy', 'value', 'SELECT 1, 2'$$, E'42809 "items_copy" is not a table\nBackfill the table that the column belongs to.'),
('an index', $$'x', 'items_index', 'code', 'SELECT 1, 2'$$, E'42809 "items_index" is not a table\nBackfill the table that the column belongs to.'),
('a sequence', $$'x', 'items_sequence', 'last_value', 'SELECT 1, 2'$$, E'42809 "items_sequence" is not a table\nBackfill the table that the column belongs to.'),
('a type', $$'x', 'pair', 'value', 'SELECT 1, 2'$$, E'42809 "pair" is not a table\nBackfill the table that the column belongs to.'),
('a foreign table', $$'x', 'items_foreign', 'value', 'SELECT 1, 2'$$, E'42809 "items_foreign" is not a table\nBackfill the table that the column belongs to.'),
('a foreign partition', $$'x', 'items_parts', 'value', 'SELECT 1, 2', 'id'$$, E'42809 partition "items_far" cannot be backfilled\nIt is not a table of this server.'),
('a temporary table', $$'x', 'items_temp', 'value', 'SELECT 1, 2'$$, E'0A000 temporary relation "items_temp" cannot be backfilled\nOther sessions could not go on with it.'),
('a generated column', $$'x', 'items', 'twice', 'SELECT 1, 2'$$, '428C9 column "twice" is a generated column'),
-- Keys
('a key that is not there', $$'x', 'items', 'value', 'SELECT 1, 2', 'ids'$$, '42703 column "ids" of relation "items" does not exist'),
('a key that may be null', $$'x', 'items', 'value', 'SELECT 1, 2', 'maybe'$$, E'42611 column "maybe" of relation "items" may be null, so it cannot be a backfill''s key\nName a column that is NOT NULL.'),
('a list with a key that may be null', $$'x', 'items', 'value', 'SELECT 1, 2', 'id, maybe'$$, E'42611 column "maybe" of relation "items" may be null, so it cannot be a backfill''s key\nName a column that is NOT NULL.'),
('a list that breaks off', $$'x', 'items', 'value', 'SELECT 1, 2', 'id,'$$, E'42602 invalid key "id,"\nName a column, or several with commas between them.'),
('no key at all', $$'x', 'items', 'value', 'SELECT 1, 2', ''$$, E'42602 invalid key ""\nName a column, or several with commas between them.'),
('a key with an open quote', $$'x', 'items', 'value', 'SELECT 1, 2', '"id'$$, E'42602 invalid key ""id"\nName a column, or several with commas between them.'),
('an expression as key', $$'x', 'items', 'value', 'SELECT 1, 2', 'lower(code)'$$, '42703 column "lower(code)" of relation "items" does not exist'),
('a list that a name cannot hold', $$'x', 'wide', 'value', 'SELECT 1, 2', 'a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h'$$,
 E'42622 key list "a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h, a, b, c, d, e, " is too long\nIt may have been cut off at 63 bytes.'),
('nine columns as key', $$'x', 'wide', 'value', 'SELECT 1, 2', 'a, b, c, d, e, f, g, h, i'$$, '54011 a backfill''s key has at most 8 columns'),
('a generated column that may be null as key', $$'x', 'items', 'value', 'SELECT 1, 2', 'twice'$$, E'42611 column "twice" of relation "items" may be null, so it cannot be a backfill''s key\nName a column that is NOT NULL.'),
-- Manner
('an unknown strategy', $$'x', 'items', 'value', 'SELECT 1, 2', strategy => 'Index'$$, E'22023 unrecognized strategy "Index"\nAvailable strategies: auto, index, block.'),
('a batch of no rows', $$'x', 'items', 'value', 'SELECT 1, 2', batch_size => 0$$, '22023 batch_size must be between 1 and 100000'),
('a batch of fewer', $$'x', 'items', 'value', 'SELECT 1, 2', batch_size => -2147483648$$, '22023 batch_size must be between 1 and 100000'),
('too large a batch', $$'x', 'items', 'value', 'SELECT 1, 2', batch_size => 100001$$, '22023 batch_size must be between 1 and 100000'),
('no time', $$'x', 'items', 'value', 'SELECT 1, 2', target_time => '0'$$, '22023 target_time must be between 1 ms and 1 hour'),
('less time', $$'x', 'items', 'value', 'SELECT 1, 2', target_time => '-1 s'$$, '22023 target_time must be between 1 ms and 1 hour'),
('too much time', $$'x', 'items', 'value', 'SELECT 1, 2', target_time => '1 month'$$, '22023 target_time must be between 1 ms and 1 hour'),
('a backfill that is not there, to run after', $$'x', 'items', 'value', 'SELECT id, value FROM items WHERE id = ANY ($1)', after_backfill => 'x'$$,
 E'42704 backfill "x" does not exist\nThe view pollseed_backfills lists the backfills; pollseed_backfill_create() makes one.'),
('a throttle that is a list', $$'x', 'items', 'value', 'SELECT 1, 2', throttle => '[]'$$, NULL),
('an unknown throttle', $$'x', 'items', 'value', 'SELECT 1, 2', throttle => '{"moon": 1}'$$, NULL),
('a throttle with a bad threshold', $$'x', 'items', 'value', 'SELECT 1, 2', throttle => '{"replica_lag": "soon"}'$$, NULL),
-- Sources
('an empty source', $$'x', 'items', 'value', ''$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('a comment', $$'x', 'items', 'value', '-- SELECT 1'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('a semicolon', $$'x', 'items', 'value', 'SELECT id, value FROM items WHERE id = ANY ($1);'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('two statements', $$'x', 'items', 'value', 'SELECT 1, 2; SELECT 1, 2'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('an UPDATE', $$'x', 'items', 'value', 'UPDATE items SET value = NULL RETURNING id, value'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('SELECT INTO', $$'x', 'items', 'value', 'SELECT id, value INTO made FROM items'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('EXPLAIN', $$'x', 'items', 'value', 'EXPLAIN SELECT 1, 2'$$, E'42P13 a backfill''s source must be one SELECT, without a semicolon\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('a syntax error', $$'x', 'items', 'value', 'SELEC 1'$$, '42601 syntax error at or near "SELEC"'),
('a source that closes what it stands in', $$'x', 'items', 'value', 'SELECT 1, 2) AS q(k1, value), (SELECT 3, 4'$$, '42601 syntax error at or near ")"'),
('one column', $$'x', 'items', 'value', 'SELECT id FROM items'$$, E'42P13 source of backfill "x" must return 2 columns: the key and the value\nIt returns 1.\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('three columns', $$'x', 'items', 'value', 'SELECT id, code, value FROM items'$$, E'42P13 source of backfill "x" must return 2 columns: the key and the value\nIt returns 3.\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('two columns for a key of two', $$'x', 'composite', 'value', 'SELECT a, value FROM composite'$$, E'42P13 source of backfill "x" must return 3 columns: the key and the value\nIt returns 2.\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('no column', $$'x', 'items', 'value', 'SELECT'$$, E'42P13 source of backfill "x" must return 2 columns: the key and the value\nIt returns 0.\nExample: SELECT id, lower(email) FROM users WHERE id = ANY ($1)'),
('a second parameter', $$'x', 'items', 'value', 'SELECT id, value FROM items WHERE id = ANY ($2)'$$, '42P02 there is no parameter $2'),
('a table that the source misses', $$'x', 'items', 'value', 'SELECT id, value FROM things WHERE id = ANY ($1)'$$, '42P01 relation "things" does not exist'),
('keys of another type', $$'x', 'items', 'value', 'SELECT id, value FROM items WHERE code = ANY ($1)'$$, NULL),
('a key that does not fit', $$'x', 'items', 'value', 'SELECT point(1, 2), value FROM items'$$, E'42804 column 1 of the source of backfill "x" has type point, but the key "id" has type bigint\nThe source returns the key first, then the value.'),
('a data-modifying CTE', $$'x', 'items', 'value', 'WITH d AS (DELETE FROM items RETURNING id, value) SELECT id, value FROM d'$$, '0A000 WITH clause containing a data-modifying statement must be at the top level'),
-- Index wanted, but there is none
('strategy index without an index', $$'x', 'items', 'value', 'SELECT code, code FROM items WHERE code = ANY ($1)', 'id, code', strategy => 'index'$$, NULL),
('strategy index by ctid', $$'x', 'keyless', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k', strategy => 'index'$$,
 E'55000 no index of relation "keyless" has the keys of backfill "x" in order\nUse strategy "block".');
SELECT CASE WHEN expected IS NULL THEN isnt(outcome(creation(arguments)), 'no error', about || ' is refused')
            ELSE is(outcome(creation(arguments), true), expected, about) END
  FROM cases ORDER BY place;
SELECT is(outcome(creation($$'x', 'items', 'value', 'SELECT id, code, value FROM items WHERE id = ANY ($1) AND code = ANY ($2)', 'id, code', strategy => 'index'$$), true),
    E'55000 no index of relation "items" has the keys of backfill "x" in order\n'
    'Use strategy "block", or CREATE INDEX CONCURRENTLY ON public.items (id, code) WHERE value IS NULL.', 'what index is missed, as a statement');
SELECT is(outcome(creation($$'x', '"Odd ""table"""', 'Va"lue', 'SELECT 1, 2, ''x''', '"Weird ""col""", "a, b"', strategy => 'index'$$), true),
    E'55000 no index of relation "Odd "table"" has the keys of backfill "x" in order\n'
    'Use strategy "block", or CREATE INDEX CONCURRENTLY ON public."Odd ""table""" ("Weird ""col""", "a, b") WHERE "Va""lue" IS NULL.', 'with odd names too');
SELECT matches(outcome(creation($$'x', 'items', 'value', 'SELECT id, code FROM items WHERE code = ANY ($1)'$$)), '^42883 operator does not exist: text = bigint', 'keys are given in their own type');
-- A value that the column's type does not take
SELECT matches(outcome(creation($$'x', 'items', 'small', 'SELECT id, point(1, 2) FROM items WHERE id = ANY ($1)'$$)),
    '^42804 column "small" of relation "items" is of type smallint but values are of type point', 'a value that cannot be assigned');
SELECT matches(outcome(creation($$'x', 'items', 'small', 'SELECT id, code FROM items WHERE id = ANY ($1)'$$)),
    '^42804 column "small" of relation "items" is of type smallint but values are of type text', 'a value that could only be cast on demand');
SELECT is(count(*), 0::bigint, 'nothing of all that is kept') FROM pollseed_backfills;
-- An index of other rows or in another order is none
CREATE INDEX items_of_maybe ON items (code, id) WHERE maybe IS NULL;
SELECT matches(outcome(creation($$'x', 'items', 'value', 'SELECT code, id, value FROM items', 'code, id', strategy => 'index'$$)), '^55000 no index', 'an index of other rows does not serve');
DROP INDEX items_of_maybe;
CREATE INDEX items_hash ON items USING hash (code);
CREATE INDEX items_expression ON items ((id + 1), code);
SELECT matches(outcome(creation($$'x', 'items', 'value', 'SELECT id, code, value FROM items', 'id, code', strategy => 'index'$$)), '^55000 no index', 'nor an expression');

-- What is made of good ones
CREATE FUNCTION made(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b pollseed_backfills;
BEGIN
    EXECUTE format('SELECT * FROM pollseed_backfill_create(%s)', arguments) INTO b;
    RETURN concat_ws('|', b.name, b.relation, b.target_column, b.key, b.strategy, b.state, b.batch_size, b.after_backfill);
END $$;
SELECT is(made($$'single', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)'$$), 'single|public.items|value|id|auto|ready|100', 'a primary key is found');
SELECT is(made($$'pair', 'composite', 'value', 'SELECT a, b, a FROM composite WHERE a = ANY ($1) AND b = ANY ($2)'$$), 'pair|public.composite|value|a, b|auto|ready|100', 'in its own order');
SELECT is(made($$'ctid', 'keyless', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k'$$), 'ctid|public.keyless|value|ctid|auto|ready|100', 'without one the place is the key');
SELECT is(made($$'list', 'composite', 'value', 'SELECT b, a, a FROM composite WHERE a = ANY ($2) AND b = ANY ($1)', ' b ,A'$$), 'list|public.composite|value|b, a|auto|ready|100', 'a list is one of identifiers');
SELECT is(made($$'odd', '"Odd ""table"""', 'Va"lue', 'SELECT k, ''x'' FROM unnest($1) AS k', 'Weird "col"'$$), 'odd|public."Odd ""table"""|Va"lue|Weird "col"|auto|ready|100', 'a column of just that name comes first');
SELECT is(made($$'comma', '"Odd ""table"""', 'Va"lue', 'SELECT k, ''x'' FROM unnest($1) AS k', 'a, b'$$), 'comma|public."Odd ""table"""|Va"lue|a, b|auto|ready|100', 'even one with a comma');
SELECT is(made($$'quoted', '"Odd ""table"""', 'Va"lue', 'SELECT k, l, ''x'' FROM unnest($1, $2) AS u(k, l)', '"Weird ""col""", "a, b"'$$), 'quoted|public."Odd ""table"""|Va"lue|Weird "col", a, b|auto|ready|100', 'quotes name them in a list');
SELECT is(made($$'comment', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1) -- done'$$), 'comment|public.items|value|id|auto|ready|100', 'a source may end in a comment');
SELECT is(made($$'block comment', 'items', 'value', '/* first */ SELECT id, code FROM items WHERE id = ANY ($1) ORDER BY 1 LIMIT 1000'$$), 'block comment|public.items|value|id|auto|ready|100', 'begin with one, and have an order and a limit');
SELECT is(made($$'values', 'items', 'value', 'VALUES (1, ''one''), (2, ''two'')'$$), 'values|public.items|value|id|auto|ready|100', 'VALUES is a SELECT');
SELECT is(made($$'cte', 'items', 'value', 'WITH c AS (SELECT id, code FROM items WHERE id = ANY ($1)) TABLE c'$$), 'cte|public.items|value|id|auto|ready|100', 'so is TABLE of a common table expression');
SELECT is(made($$'union', 'items', 'value', 'SELECT 1, ''one'' UNION ALL SELECT 2, NULL'$$), 'union|public.items|value|id|auto|ready|100', 'and UNION');
SELECT is(made($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7, target_time => NULL, strategy => NULL, after_backfill => 'single'$$),
    'after|public.items|value|id|auto|ready|7|single', 'null is the default');
SELECT is(made($$'bounds', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 100000, target_time => '1 hour', strategy => 'index'$$),
    'bounds|public.items|value|id|index|ready|100000', 'the bounds are allowed, and the primary key''s index serves');
SELECT is(made($$'small', 'items', 'small', 'SELECT id, id FROM items WHERE id = ANY ($1)'$$), 'small|public.items|small|id|auto|ready|100', 'a value is assigned as INSERT would');
SELECT is(made($$'', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)'$$), '|public.items|value|id|auto|ready|100', 'any text is a name');

-- The same again
CREATE FUNCTION count_rows() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM pollseed_backfills';
SELECT count_rows() AS before \gset
SELECT is(made($$'single', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)'$$), 'single|public.items|value|id|auto|ready|100', 'the same again returns its row');
SELECT is(made($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7, after_backfill => 'single', target_time => '250 ms', throttle => '{}'$$),
    'after|public.items|value|id|auto|ready|7|single', 'also where defaults were spelled out');
SELECT is(count_rows(), :before::bigint, 'and makes none');
SELECT is(outcome(creation(arguments), true), E'42710 backfill "after" already exists and is another one\nDrop it with pollseed_backfill_drop(), or choose another name.', 'not the same: ' || about)
  FROM (VALUES ($$'after', 'composite', 'value', 'SELECT a, b, a FROM composite WHERE a = ANY ($1) AND b = ANY ($2)', batch_size => 7, after_backfill => 'single'$$, 'table'),
               ($$'after', 'items', 'code', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7, after_backfill => 'single'$$, 'column'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1) ', batch_size => 7, after_backfill => 'single'$$, 'source'),
               ($$'after', 'items', 'value', 'SELECT id, code, code FROM items WHERE id = ANY ($1)', 'id, code', batch_size => 7, after_backfill => 'single'$$, 'key'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', strategy => 'block', batch_size => 7, after_backfill => 'single'$$, 'strategy'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 8, after_backfill => 'single'$$, 'batch size'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7, after_backfill => 'single', target_time => '251 ms'$$, 'time'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7, after_backfill => 'pair'$$, 'order'),
               ($$'after', 'items', 'value', 'SELECT id, code FROM items WHERE id = ANY ($1)', batch_size => 7$$, 'no order')) AS v(arguments, about);

-- Privileges
CREATE ROLE backfill_maker;
CREATE FUNCTION as_maker(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    SET LOCAL ROLE backfill_maker;
    result := outcome(command);
    RESET ROLE;
    RETURN result;
END $$;
GRANT EXECUTE ON FUNCTION outcome TO backfill_maker;
CREATE TABLE owned (id bigint PRIMARY KEY, value text, other text);
SELECT creation($$'mine', 'owned', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k'$$) AS mine \gset
SELECT is(as_maker(:'mine'), '42501 permission denied for table owned', 'without a privilege');
GRANT SELECT ON owned TO backfill_maker;
SELECT is(as_maker(:'mine'), '42501 permission denied for table owned', 'with SELECT alone');
REVOKE SELECT ON owned FROM backfill_maker;
GRANT UPDATE ON owned TO backfill_maker;
SELECT is(as_maker(:'mine'), '42501 permission denied for table owned', 'with UPDATE alone');
REVOKE UPDATE ON owned FROM backfill_maker;
GRANT SELECT ON owned TO backfill_maker;
GRANT UPDATE (other) ON owned TO backfill_maker;
SELECT is(as_maker(:'mine'), '42501 permission denied for table owned', 'with UPDATE of another column');
REVOKE ALL (other) ON owned FROM backfill_maker;
REVOKE ALL ON owned FROM backfill_maker;
GRANT SELECT (id, value), UPDATE (value) ON owned TO backfill_maker;
SELECT is(as_maker(:'mine'), '42501 permission denied for table owned', 'with the columns alone, which do not let see the rows'' places');
GRANT SELECT ON owned TO backfill_maker;
SELECT is(as_maker(:'mine'), 'no error', 'with SELECT and UPDATE of the column');
INSERT INTO owned SELECT i FROM generate_series(1, 30) AS i;
SET LOCAL ROLE backfill_maker;
SELECT is(filled || ' ' || finished, '30 true', 'which is enough to run it') FROM pollseed_backfill_step('mine', 100);
RESET ROLE;
SELECT is(as_maker(creation($$'after mine', 'owned', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k', after_backfill => 'single'$$)), '42501 permission denied for backfill "single"', 'after somebody else''s');
SELECT is(as_maker(creation($$'single', 'owned', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k'$$)), '42710 backfill "single" already exists and is another one', 'under the name of somebody else''s');
CREATE TABLE apart (id bigint NOT NULL, value text) PARTITION BY RANGE (id);
CREATE TABLE apart_1 PARTITION OF apart FOR VALUES FROM (0) TO (10);
GRANT SELECT, UPDATE ON apart TO backfill_maker;
SELECT is(as_maker(creation($$'apart', 'apart', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k', 'id'$$)), '42501 permission denied for table apart_1', 'partitions are backfilled one by one, so privileges on them are needed');
CREATE SCHEMA closed;
CREATE TABLE closed.owned (id bigint PRIMARY KEY, value text);
GRANT ALL ON closed.owned TO backfill_maker;
SELECT is(as_maker(format($$SELECT pollseed_backfill_create('closed', %s::oid, 'value', 'SELECT k, ''x'' FROM unnest($1) AS k')$$, 'closed.owned'::regclass::oid)), '42501 permission denied for schema closed', 'in a schema that is closed');

-- Row security
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY later ON owned USING (id > 10);
SELECT creation($$'secured', 'owned', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k'$$) AS secured \gset
SELECT is(as_maker(:'secured'), '42501 cannot backfill relation "owned" under row-level security', 'under row security');
SELECT is(outcome(:'secured'), 'no error', 'which does not apply to everybody');
ALTER ROLE backfill_maker BYPASSRLS;
SELECT is(as_maker(creation($$'bypassing', 'owned', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k'$$)), 'no error', 'not to who bypasses it');

SELECT * FROM finish();
ROLLBACK;
