-- How a backfill's rows are found, and what trying it costs and leaves.
--
-- VACUUM cannot run in a transaction block, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset fieldsep '\n'
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();

CREATE FUNCTION plan_of(backfill text, step text, relation text DEFAULT NULL) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(e.plan, E'\n') FROM pollseed_backfill_explain(backfill) AS e WHERE e.step = $2 AND ($3 IS NULL OR e.relation = $3) $$;
CREATE FUNCTION shape(plan text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(m[1], ', ') FROM regexp_matches(plan, '(Seq Scan|Tid Range Scan|Tid Scan|Index Only Scan|Index Scan|Bitmap Heap Scan)(?: using \S+)? on (?:items|names|parted_\d|pairs)\M', 'g') AS m $$;

CREATE TABLE names (id bigint PRIMARY KEY, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(1, 20000) AS i;
CREATE TABLE items (id bigint PRIMARY KEY, name text, filler text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, CASE WHEN i % 2 > 0 THEN 'had' END, repeat('x', 80) FROM generate_series(1, 20000) AS i;
CREATE INDEX items_null_idx ON items (id) WHERE name IS NULL;
VACUUM ANALYZE items;
VACUUM ANALYZE names;
SELECT (pollseed_backfill_create(strategy, 'items', 'name', 'SELECT id, name FROM names WHERE id = ANY ($1)', strategy => strategy, target_time => '1 h')).name FROM unnest('{index,block}'::text[]) AS strategy \g /dev/null

-- By the index
SELECT results_eq('SELECT relation, step FROM pollseed_backfill_explain(''index'')', $$VALUES ('public.items'::text, 'find'::text), ('public.items', 'values'), ('public.items', 'sweep')$$, 'the steps of a batch');
SELECT is(shape(plan_of('index', 'find')), 'Index Only Scan', 'by the index the keys are found without the table');
SELECT matches(plan_of('index', 'find'), 'Index Only Scan using items_null_idx on items', 'in the partial index');
SELECT matches(plan_of('index', 'find'), 'Index Cond: \(id > ', 'from the last key on, however many dead entries come before it');
SELECT unalike(plan_of('index', 'find'), '%Sort%', 'in its order');
SELECT matches(shape(plan_of('index', 'values')), '^Index Scan, Index Scan$', 'their values by indexes of both tables');
SELECT is(count(*), 0::bigint, 'nothing reads a whole table but the sweep') FROM pollseed_backfill_explain('index') WHERE plan ~ 'Seq Scan on' AND step <> 'sweep';
SELECT unalike(plan_of('index', 'sweep'), '%Seq Scan%', 'nor does the sweep, with the index');
-- By blocks
SELECT is(shape(plan_of('block', 'find')), 'Tid Range Scan', 'by blocks rows are found in ranges of places');
SELECT matches(plan_of('block', 'find'), 'TID Cond: \(\(ctid > .*\) AND \(ctid < ', 'between two of them');
SELECT matches(shape(plan_of('block', 'values')), '(Tid Scan.*Index Scan|Index Scan.*Tid Scan)', 'their values by place, and by the index of the other table');
SELECT is(count(*), 0::bigint, 'nothing reads a whole table') FROM pollseed_backfill_explain('block') WHERE plan ~ 'Seq Scan on' AND step <> 'sweep';
-- Whatever the planner of the session is told, and with as many rows as a batch may have
SELECT is(count(*) FILTER (WHERE plan ~ 'Seq Scan on (items|names)'), 0::bigint, 'a large batch does not read the whole either') FROM pollseed_backfill_explain('block') WHERE step <> 'sweep';
SELECT is(count(*) FILTER (WHERE plan ~ 'Gather'), 0::bigint, 'nothing is read by several processes, which would not keep the order') FROM pollseed_backfill_explain('block');
SELECT matches(min(statement), 'id = ANY \(\$1\)', 'the statements are those that run, with the source') FROM pollseed_backfill_explain('block') WHERE step = 'values';
SELECT ok(bool_and(length(line) <= 210), 'lines are cut where keys would fill pages') FROM pollseed_backfill_explain('block'), string_to_table(plan, E'\n') AS line;
-- It works on nothing
SELECT is(count(*), 10000::bigint, 'nothing is filled by it') FROM items WHERE name IS NULL;
SELECT is(string_agg(state, ' '), 'ready ready', 'nor begun') FROM pollseed_backfills;
-- In a transaction that may not write
BEGIN READ ONLY;
SELECT is(count(*), 3::bigint, 'so that it can be asked where nothing may be written') FROM pollseed_backfill_explain('block');
COMMIT;

-- Two columns
CREATE TABLE pairs (a integer, b text, name text, PRIMARY KEY (a, b)) WITH (autovacuum_enabled = off);
INSERT INTO pairs SELECT i % 100, i::text, CASE WHEN i % 10 > 0 THEN 'had' END FROM generate_series(1, 20000) AS i;
CREATE INDEX pairs_null_idx ON pairs (a, b) WHERE name IS NULL;
VACUUM ANALYZE pairs;
SELECT (pollseed_backfill_create('pairs', 'pairs', 'name', 'SELECT k, l, ''v'' || l FROM unnest($1, $2) AS u(k, l)', strategy => 'index')).name \g /dev/null
SELECT matches(plan_of('pairs', 'find'), 'Index (Only )?Scan using pairs_null_idx on pairs', 'two columns by their partial index');
SELECT matches(plan_of('pairs', 'find'), 'Index Cond: \(ROW\(a, b\) > ROW\(', 'from the last keys on');
SELECT unalike(plan_of('pairs', 'find'), '%Sort%', 'in its order');
SELECT unalike(plan_of('pairs', 'values'), '%Seq Scan%', 'and their values without reading all');

-- Partitions, and a table without a row
CREATE TABLE parted (id bigint NOT NULL, name text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10000) TO (20001);
INSERT INTO parted SELECT i FROM generate_series(1, 9000) AS i;
VACUUM ANALYZE parted;
SELECT (pollseed_backfill_create('parted', 'parted', 'name', 'SELECT id, name FROM names WHERE id = ANY ($1)', 'id')).name \g /dev/null
SELECT results_eq('SELECT relation, string_agg(step, '' '' ORDER BY step) FROM pollseed_backfill_explain(''parted'') GROUP BY relation ORDER BY relation COLLATE "C"',
    $$VALUES ('public.parted_1'::text, 'find sweep values'::text), ('public.parted_2', 'find sweep')$$, 'partitions one by one, each with what it has');
SELECT is(shape(plan_of('parted', 'find', 'public.parted_1')), 'Tid Range Scan', 'by blocks too');

-- A trial
CREATE FUNCTION state_of_all() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg(i::text, ',' ORDER BY id) FROM (SELECT xmin, ctid, * FROM items) AS i), (SELECT string_agg(b::text, ',' ORDER BY backfill_id) FROM pollseed.backfills AS b),
        (SELECT string_agg(p::text, ',' ORDER BY p::text) FROM pollseed.backfill_parts AS p), (SELECT string_agg(r::text, ',' ORDER BY range_id) FROM pollseed.backfill_ranges AS r),
        (SELECT string_agg(r::text, ',' ORDER BY r::text) FROM pollseed.backfill_rows AS r), (SELECT string_agg(l::text, ',') FROM pg_locks AS l WHERE l.locktype = 'advisory')))
$$;
SELECT state_of_all() AS before \gset
SELECT is(remaining || ' ' || remaining_is || ' ' || rows_tried, '10000 exact 331', 'a trial by the index: three batches from a hundred on'),
       ok(rows_per_second > 0 AND time_left > '0' AND time_left < '1 h', 'at a rate that makes a time'),
       ok(wal_bytes_per_row BETWEEN 50 AND 5000, 'so much WAL a row: ' || wal_bytes_per_row),
       is(hot_share, 0::double precision, 'no update is HOT with an index that has the column'),
       ok(dead_bytes BETWEEN 10000 * 80 AND 10000 * 400, 'dead rows come to ' || dead_bytes),
       matches(advice, 'Index "items_null_idx" has the column', 'as the advice says')
  FROM pollseed_backfill_estimate('index');
SELECT is(state_of_all(), :'before'::text, 'nothing is left of it');
SELECT is(rows_tried, 100::bigint, 'one batch') FROM pollseed_backfill_estimate('index', 1);
SELECT isnt(rows_tried, 0::bigint, 'by blocks') FROM pollseed_backfill_estimate('block', 2);
SELECT is(state_of_all(), :'before'::text, 'nothing is left of these');
DROP INDEX items_null_idx;
SELECT ok(hot_share BETWEEN 0 AND 1, 'without the index some may be HOT'), unalike(advice, '%items_null_idx%', 'and there is other advice') FROM pollseed_backfill_estimate('block', 4);
-- On its way, it goes on from where the backfill stands
SELECT filled FROM pollseed_backfill_step('block', 5) \gset
SELECT state_of_all() AS before \gset
SELECT is(remaining, 10000::bigint - :filled, 'on the way it knows what remains') FROM pollseed_backfill_estimate('block');
SELECT is(state_of_all(), :'before'::text, 'nothing is left of it either');
-- One that fails leaves nothing either, and the session as it was
CREATE FUNCTION broken(id bigint) RETURNS text LANGUAGE plpgsql AS 'BEGIN IF id > 1500 THEN RAISE ''broken'' USING ERRCODE = ''XX000''; END IF; RETURN ''v''; END';
SELECT (pollseed_backfill_create('broken', 'items', 'name', 'SELECT k, broken(k) FROM unnest($1) AS k', batch_size => 50)).name \g /dev/null
SELECT state_of_all() AS before \gset
\set ON_ERROR_STOP 0
SELECT * FROM pollseed_backfill_estimate('broken', 100);
\set code :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP 1
SELECT is(:'code'::text, 'XX000', 'a trial that fails says why');
SELECT is(state_of_all(), :'before'::text, 'leaves nothing, and the session as it was');
BEGIN;
SAVEPOINT s;
\set ON_ERROR_STOP 0
SELECT * FROM pollseed_backfill_estimate('broken', 100);
\set ON_ERROR_STOP 1
ROLLBACK TO s;
SELECT is(rows_tried > 0, true, 'so it does in a subtransaction') FROM pollseed_backfill_estimate('block');
COMMIT;
-- Of rows that raise errors or have no data too
SELECT (pollseed_backfill_create('poor', 'items', 'name', 'SELECT k, (1 / NULLIF(mod(k, 20), 0))::text FROM unnest($1) AS k', batch_size => 50)).name \g /dev/null
SELECT isnt(rows_tried, 0::bigint, 'rows without data are tried too') FROM pollseed_backfill_estimate('poor');
SELECT results_eq('SELECT count(*) FROM pollseed_backfill_failures', 'VALUES (0::bigint)', 'and leave nothing');
-- Nothing to do
UPDATE items SET name = 'had';
SELECT is(remaining || ' ' || rows_tried, '0 0', 'of nothing there is nothing'), is(rows_per_second, NULL, 'no rate'), is(time_left, NULL, 'no time') FROM pollseed_backfill_estimate('poor');
SELECT is(state, 'ready', 'it does not even finish it') FROM pollseed_backfills WHERE name = 'poor';
\ir include/error_of.sql
SELECT is(error_of('SELECT pollseed_backfill_estimate(''poor'', 0)'), '22023 batches must be at least 1', 'no batch is none');
SELECT is(error_of('SELECT pollseed_backfill_step(''poor'', 0)'), '22023 batches must be at least 1', 'neither in a step');
SELECT is(error_of('CALL pollseed_backfill_run(''poor'', 0)'), '22023 max_batches must be at least 1', 'nor in a run');

SELECT * FROM finish();
