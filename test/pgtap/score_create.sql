-- Making, refreshing, verifying, pausing and dropping scores: what is made, what is refused.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
BEGIN;
SELECT no_plan();

CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, note text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), amount numeric(10,2) NOT NULL, shape point);
CREATE INDEX orders_customer ON orders (customer_id);
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 300) AS i;
INSERT INTO orders SELECT i, 1 + i % 300, i, point(i, i) FROM generate_series(1, 1200) AS i;
CREATE VIEW totals AS
    SELECT c.id, c.name, count(o.id) AS orders, COALESCE(sum(o.amount), 0) AS amount, json_build_object('last', max(o.id)) AS facts
      FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id GROUP BY c.id;

-- making
SELECT is((pollseed_score_create('customer_totals', 'totals', 'id')).state, 'ready', 'a score is made by one call');
SELECT results_eq('SELECT * FROM pollseed_score_verify(''customer_totals'')', 'VALUES (0::bigint, 0::bigint, 0::bigint)', 'it is filled');
SELECT is((SELECT dirty_keys FROM pollseed_scores WHERE name = 'public.customer_totals'), 0::bigint, 'nothing is dirty where nobody else wrote');
SELECT col_is_pk('customer_totals', 'id', 'its key is the primary key');
SELECT is((SELECT reloptions FROM pg_class WHERE oid = 'customer_totals'::regclass), '{fillfactor=80}', 'its pages have room for updates');
SELECT results_eq('SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = ''customer_totals''::regclass AND attnum > 0 ORDER BY attnum',
    'SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = ''totals''::regclass AND attnum > 0 ORDER BY attnum',
    'it has the columns of the view');
SELECT is((SELECT relation || ' ' || key_columns::text FROM pollseed.score_sources WHERE relation LIKE '%orders'), 'public.orders {customer_id}', 'the key of a source is found by its join');

-- by keys
UPDATE orders SET amount = amount + 1 WHERE customer_id IN (7, 8);
INSERT INTO orders VALUES (5000, 9, 1);
DELETE FROM orders WHERE customer_id = 10;
UPDATE orders SET customer_id = 12 WHERE id = (SELECT min(id) FROM orders WHERE customer_id = 11);
SELECT is((SELECT dirty_keys FROM pollseed_score_staleness('customer_totals')), 6::bigint, 'six keys are dirty, the one that a row left and the one that it went to among them');
SELECT results_eq('SELECT * FROM pollseed_score_verify(''customer_totals'')', 'VALUES (0::bigint, 0::bigint, 6::bigint)', 'verify says how many rows differ');
SELECT results_eq('SELECT id, orders, amount FROM customer_totals_fresh ORDER BY id', 'SELECT id, orders, amount FROM totals ORDER BY id', 'the fresh rows are the view''s');
SELECT results_eq('SELECT mode, keys, inserted, updated, deleted, unchanged, remaining FROM pollseed_score_refresh(''customer_totals'')',
    'VALUES (''delta'', 6::bigint, 0::bigint, 6::bigint, 0::bigint, 0::bigint, 0::bigint)', 'a refresh recomputes these');
SELECT results_eq('SELECT * FROM pollseed_score_verify(''customer_totals'')', 'VALUES (0::bigint, 0::bigint, 0::bigint)', 'after which nothing differs');
INSERT INTO customers VALUES (301, 'new');
DELETE FROM orders WHERE customer_id = 1;
DELETE FROM customers WHERE id = 1;
UPDATE customers SET name = name WHERE id = 2;
SELECT results_eq('SELECT inserted, updated, deleted, unchanged FROM pollseed_score_refresh(''customer_totals'')',
    'VALUES (1::bigint, 0::bigint, 1::bigint, 0::bigint)', 'rows come and go; an update that changes nothing counts for nothing');
UPDATE customers SET note = 'not in the view';
SELECT is((SELECT dirty_keys FROM pollseed_score_staleness('customer_totals')), 0::bigint, 'a column that the view does not read does not matter');
UPDATE orders SET shape = point(0, 0);
SELECT is((SELECT dirty_keys FROM pollseed_score_staleness('customer_totals')), 0::bigint, 'not even one whose type cannot be compared');

-- in full
SELECT results_eq('SELECT mode, keys, unchanged FROM pollseed_score_refresh(''customer_totals'', ''full'')', 'VALUES (''full'', 300::bigint, 300::bigint)', 'a full refresh compares all');
DELETE FROM customer_totals WHERE id = 5;
UPDATE customer_totals SET name = 'tampered' WHERE id = 6;
INSERT INTO customer_totals SELECT -1, name, orders, amount, facts FROM customer_totals WHERE id = 7;
SELECT results_eq('SELECT * FROM pollseed_score_verify(''customer_totals'')', 'VALUES (1::bigint, 1::bigint, 1::bigint)', 'verify finds what somebody did to the table');
SELECT results_eq('SELECT inserted, updated, deleted FROM pollseed_score_refresh(''customer_totals'', ''full'')', 'VALUES (1::bigint, 1::bigint, 1::bigint)', 'and a full refresh mends it');
TRUNCATE orders;
SELECT is((SELECT dirty_keys FROM pollseed_score_staleness('customer_totals')), NULL, 'after TRUNCATE all keys are dirty');
SELECT results_eq('SELECT id, orders FROM customer_totals_fresh ORDER BY id', 'SELECT id, orders FROM totals ORDER BY id', 'which the fresh rows know');
SELECT results_eq('SELECT mode, updated FROM pollseed_score_refresh(''customer_totals'', ''delta'')', 'VALUES (''full'', 298::bigint)', 'so that a refresh is a full one whatever was asked for');
SELECT is((SELECT last_mode || ': ' || last_reason FROM pollseed_scores), 'full: all keys are dirty', 'the view says which it was, and why');
INSERT INTO orders SELECT i, 2 + i % 299, i FROM generate_series(1, 2990) AS i;
SELECT is((SELECT remaining FROM pollseed_score_refresh('customer_totals', NULL)), 0::bigint, 'a mode of null is auto');
SELECT matches((SELECT last_reason FROM pollseed_scores), '^299 keys at [0-9.]+ ms are [0-9.]+ ms, a full refresh is [0-9]+ ms$', 'the reason has both estimates');

-- pausing
SELECT ok(pollseed_score_pause('customer_totals'), 'a score can be paused');
SELECT ok(NOT pollseed_score_pause('customer_totals'), 'again changes nothing');
SELECT is((SELECT state FROM pollseed_scores), 'paused', 'the view says so');
UPDATE orders SET amount = 0 WHERE customer_id = 3;
SELECT throws_ok('SELECT pollseed_score_refresh(''customer_totals'')', '55000', 'score public.customer_totals is paused', 'a paused score is not refreshed');
SELECT ok(pollseed_score_resume('customer_totals'), 'it can be resumed');
SELECT is((SELECT updated FROM pollseed_score_refresh('customer_totals')), 1::bigint, 'what changed meanwhile was captured');

-- waiting
SELECT ok(pollseed_score_wait('customer_totals'), 'there is nothing to wait for');
UPDATE orders SET amount = 1 WHERE customer_id = 3;
SELECT ok(NOT pollseed_score_wait('customer_totals', '10 ms'), 'waiting ends when the time is over');
SELECT ok((SELECT oldest_change <= clock_timestamp() AND last_refresh IS NOT NULL FROM pollseed_score_staleness('customer_totals')), 'staleness tells since when');

-- explaining
SELECT set_eq('SELECT step FROM pollseed_score_explain(''customer_totals'')', ARRAY['choice', 'delta', 'full', 'source public.customers', 'source public.orders'], 'explain has the choice, both plans and the sources');
SELECT matches((SELECT plan FROM pollseed_score_explain('customer_totals') WHERE step = 'delta'), 'Index (Only )?Scan (using|on) orders_customer', 'by keys the index of a source is used');
SELECT matches((SELECT detail FROM pollseed_score_explain('customer_totals') WHERE step = 'source public.orders'), 'keys by customer_id; columns that matter: ', 'and says which columns matter');

-- other names, other keys
CREATE SCHEMA "Odd Names";
CREATE TABLE "Odd Names"."the ""table" ("the key" uuid PRIMARY KEY, "Value" text);
INSERT INTO "Odd Names"."the ""table" SELECT gen_random_uuid(), i::text FROM generate_series(1, 20) AS i;
CREATE VIEW "Odd Names"."a view" AS SELECT "the key", upper("Value") AS "U V" FROM "Odd Names"."the ""table";
SELECT is((pollseed_score_create('"Odd Names"."the score"', '"Odd Names"."a view"', '"the key"')).name, '"Odd Names"."the score"', 'names may need quotes');
UPDATE "Odd Names"."the ""table" SET "Value" = 'x' WHERE "Value" = '3';
SELECT is((SELECT updated FROM pollseed_score_refresh('"Odd Names"."the score"')), 1::bigint, 'and are refreshed');
ALTER TABLE "Odd Names"."the score" RENAME TO renamed;
SELECT is((SELECT keys FROM pollseed_score_refresh('"Odd Names".renamed')), 0::bigint, 'a score that was renamed is known by its new name');
SELECT is((SELECT count(*) FROM pollseed_scores WHERE name = '"Odd Names".renamed'), 1::bigint, 'and shown by it');
CREATE VIEW pairs AS SELECT o.customer_id, o.id AS order_id, o.amount FROM orders AS o;
SELECT is((pollseed_score_create('pair_amounts', 'pairs', 'customer_id, order_id', fillfactor => 100)).key, 'customer_id, order_id', 'a key may have several columns');
UPDATE orders SET customer_id = 4 WHERE id = 1;
SELECT results_eq('SELECT inserted, deleted FROM pollseed_score_refresh(''pair_amounts'')', 'VALUES (1::bigint, 1::bigint)', 'and move');
CREATE VIEW by_name AS SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id;
SELECT throws_ok('SELECT pollseed_score_create(''order_names'', ''by_name'', ''id'')', '55000', NULL, 'where the key of a source cannot be told, it is not guessed');
SELECT lives_ok($$SELECT pollseed_score_create('order_names', 'by_name', 'id',
    '[{"table": "customers", "key": "id", "via": "SELECT id FROM orders WHERE customer_id = ANY ($1)"}]')$$, 'the user says it');
UPDATE customers SET name = 'moved' WHERE id = 4;
SELECT ok((SELECT updated = (SELECT count(*) FROM orders WHERE customer_id = 4) FROM pollseed_score_refresh('order_names')), 'and one change is of many keys');

-- what is refused
SELECT throws_ok('SELECT pollseed_score_create(NULL, ''totals'', ''id'')', '22004', 'name must not be null', 'no name');
SELECT throws_ok('SELECT pollseed_score_create(''s'', NULL, ''id'')', '22004', 'definition must not be null', 'no view');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', NULL)', '22004', 'key must not be null', 'no key');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''orders'', ''id'')', '42809', '"orders" is not a view', 'a table');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', ''nothing'')', '42703', 'column "nothing" of relation "totals" does not exist', 'an unknown key');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', ''id,'')', '42602', 'invalid key "id,"', 'a malformed key');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', ''facts'')', '42883', 'could not identify an equality operator for type json', 'a key that cannot be compared');
CREATE VIEW by_customer AS SELECT customer_id, amount FROM orders;
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''by_customer'', ''customer_id'')', '23505', NULL, 'a key that is not unique');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', ''id'', fillfactor => 5)', '22023', 'fillfactor must be between 10 and 100', 'a fillfactor out of range');
SELECT is((pollseed_score_create('customer_totals', 'totals', 'id')).refreshes, (SELECT refreshes FROM pollseed_scores WHERE name = 'public.customer_totals'), 'the same again is no error, and nothing new');
SELECT throws_ok('SELECT pollseed_score_create(''customer_totals'', ''by_customer'', ''customer_id'')', '42P07', 'score public.customer_totals already exists with another definition', 'another of the same name');
SELECT throws_ok('SELECT pollseed_score_create(''orders'', ''totals'', ''id'')', '42P07', 'relation "orders" already exists', 'a name that is taken');
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''totals'', ''id, id'')', '42701', 'column "id" is in the key more than once', 'a column twice');
SELECT throws_ok(format('SELECT pollseed_score_create(%L, ''totals'', ''id'')', repeat('x', 60)), '42622', NULL, 'a name that is too long');
SELECT throws_ok('SELECT pollseed_score_create(''nowhere.s'', ''totals'', ''id'')', '3F000', 'schema "nowhere" does not exist', 'an unknown schema');
CREATE TEMP VIEW short_lived AS SELECT * FROM customers;
SELECT throws_ok('SELECT pollseed_score_create(''s'', ''short_lived'', ''id'')', '0A000', NULL, 'a temporary view');
SELECT throws_ok('SELECT pollseed_score_refresh(''nothing'')', '42704', 'score "nothing" does not exist', 'an unknown score');
SELECT throws_ok('SELECT pollseed_score_refresh(''customer_totals'', ''quick'')', '22023', 'unrecognized refresh mode "quick"', 'an unknown mode');
SELECT throws_ok('SELECT pollseed_score_refresh(NULL)', '22004', 'name must not be null', 'no score');
CREATE VIEW doubled AS SELECT id, name FROM customers UNION ALL SELECT id, name FROM customers WHERE id = 10000;
SELECT is((pollseed_score_create('doubled_score', 'doubled', 'id')).state, 'ready', 'a view whose key is unique as yet');
INSERT INTO customers VALUES (10000, 'twice');
SELECT throws_ok('SELECT pollseed_score_refresh(''doubled_score'')', NULL, NULL, 'and is not any more, is an error');

-- dropping
SELECT ok(pollseed_score_drop('customer_totals'), 'a score is dropped');
SELECT hasnt_table('customer_totals'::name, 'its table is gone');
SELECT hasnt_table('customer_totals_queue'::name, 'its queue too');
SELECT hasnt_view('customer_totals_fresh'::name, 'and its view');
SELECT has_view('totals'::name, 'the view that defined it stays');
SELECT ok(NOT pollseed_score_drop('customer_totals'), 'again drops nothing');
DROP TABLE pair_amounts CASCADE;
SELECT hasnt_table('pair_amounts_queue'::name, 'the queue goes with the table');
SELECT is((SELECT count(*) FROM pollseed_scores WHERE name LIKE '%pair_amounts'), 0::bigint, 'and so does the score');
SELECT pollseed_score_drop(name) FROM pollseed_scores \g /dev/null
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pollseed%'), 0::bigint, 'no trigger is left');
SELECT is((SELECT count(*) FROM pollseed.score_sources), 0::bigint, 'nor a source');

SELECT * FROM finish();
ROLLBACK;
