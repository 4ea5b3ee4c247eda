-- Which keys each kind of statement puts into a score's queue: no more, no fewer, each once a statement.
--
-- The score is set up by hand, so that what captures is tested without what finds sources and refreshes.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT no_plan();

-- Scores are made by hand here, which nothing is to mend.
ALTER EVENT TRIGGER pollseed_score_after_ddl DISABLE;
ALTER EVENT TRIGGER pollseed_score_after_drop DISABLE;

CREATE VIEW formula AS SELECT 1 AS id;

-- Makes a score without sources, and its queue for so many columns of keys.
CREATE FUNCTION make_score(name text, columns int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
BEGIN
    EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY)', name);
    EXECUTE format('CREATE TABLE %I (source_no int2 NOT NULL, changed_at timestamptz NOT NULL, %s) WITH (toast_tuple_target = 8160)',
        name || '_queue', (SELECT string_agg(format('k%s text[]', n), ', ') FROM generate_series(1, columns) AS n));
    EXECUTE format('ALTER TABLE %I %s', name || '_queue',
        (SELECT string_agg(format('ALTER k%s SET STORAGE MAIN', n), ', ') FROM generate_series(1, columns) AS n));
    INSERT INTO pollseed.scores (name, owner, owner_oid, database_oid, relation_oid, queue, queue_oid, fresh, definition, definition_oid,
            key_columns, settings, fingerprint, delta_key_ms, full_ms, system_identifier, fresh_oid)
    SELECT format('public.%I', name), r.rolname, r.oid, d.oid, name::regclass, format('public.%I', name || '_queue'),
           (name || '_queue')::regclass, format('public.%I', name || '_fresh'), 'public.formula', 'formula'::regclass, '{id}', '{}', '', 1, 1, c.system_identifier, 0
      FROM pg_roles AS r, pg_database AS d, pg_control_system() AS c WHERE r.rolname = current_user AND d.datname = current_database()
    RETURNING score_id INTO id;
    RETURN id;
END $$;

-- Makes a table a source of a score.
CREATE FUNCTION add_source(score bigint, no int, source regclass, keys name[], columns name[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
    prefix text := format('pollseed_score_%s_%s_', score, no);
    run text := format('EXECUTE FUNCTION pollseed.score_capture(%L, %L)', score, no);
BEGIN
    INSERT INTO pollseed.score_sources VALUES (score, no, source::text, source, keys, NULL, columns);
    FOR relation IN SELECT relid FROM pg_partition_tree(source) UNION SELECT source UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = source LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS n FOR EACH STATEMENT %s', prefix || 'insert', relation, run);
        EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %s REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT %s',
            prefix || 'update', relation, run);
        EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %s REFERENCING OLD TABLE AS o FOR EACH STATEMENT %s', prefix || 'delete', relation, run);
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT %s', prefix || 'truncate', relation, run);
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', relation, prefix || 'truncate');
        IF (SELECT relkind FROM pg_class WHERE oid = relation) = 'p' THEN
            EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH STATEMENT %s', prefix || 'before', relation, run);
        ELSE
            EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW %s', prefix || 'row', relation, run);
            EXECUTE format('ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %I', relation, prefix || 'row');
        END IF;
    END LOOP;
END $$;

-- Runs a statement and empties the queue: the rows of it, in order, as "source: keys".
CREATE FUNCTION captured(statement text, queue text DEFAULT 's_queue') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE statement;
    EXECUTE format('WITH q AS (DELETE FROM %I AS q RETURNING q.*)
        SELECT string_agg(source_no || '': '' || coalesce((SELECT string_agg(k, '' '' ORDER BY k) FROM unnest(k1) AS k), ''all''), ''; ''
            ORDER BY source_no, k1) FROM q', queue) INTO result;
    RETURN coalesce(result, 'nothing');
END $$;

CREATE TABLE a (id int PRIMARY KEY, k int, v text, w text);
SELECT make_score('s', 1) AS s \gset
SELECT add_source(:s, 1, 'a', '{k}', '{k,v}') \g /dev/null

-- Plain statements
SELECT is(captured('INSERT INTO a SELECT n, n % 3, ''v'', ''w'' FROM generate_series(1, 9) AS n'), '1: 0 1 2', 'INSERT: each key once');
SELECT is(captured('INSERT INTO a SELECT 1 WHERE false'), 'nothing', 'no row, no key');
SELECT is(captured('INSERT INTO a VALUES (10, NULL)'), 'nothing', 'a key that is null belongs to nobody');
SELECT is(captured('UPDATE a SET k = 7 WHERE id = 10'), '1: 7', 'one that was null and is not');
SELECT is(captured('UPDATE a SET k = NULL WHERE id = 10'), '1: 7', 'and the other way round');
SELECT is(captured('UPDATE a SET v = ''x'' WHERE id IN (1, 4, 2)'), '1: 1 2', 'UPDATE of a column that matters');
SELECT is(captured('UPDATE a SET w = ''x'''), 'nothing', 'UPDATE of one that does not');
SELECT is(captured('UPDATE a SET v = v, k = k'), 'nothing', 'UPDATE to the same values');
SELECT is(captured('UPDATE a SET v = CASE id WHEN 5 THEN NULL ELSE v END'), '1: 2', 'only the row that changed');
SELECT is(captured('UPDATE a SET k = k + 10 WHERE id < 3'), '1: 1 11 12 2', 'a key that moves: both');
SELECT is(captured('UPDATE a SET k = b.k FROM (VALUES (1, 1), (2, 12)) AS b (id, k) WHERE a.id = b.id'), '1: 1 11', 'UPDATE FROM');
SELECT is(captured('DELETE FROM a WHERE id IN (3, 6)'), '1: 0', 'DELETE');
SELECT is(captured('INSERT INTO a VALUES (1, 5, ''x''), (20, 6, ''x'') ON CONFLICT (id) DO UPDATE SET k = excluded.k + 50'), '1: 1 55; 1: 6',
    'ON CONFLICT DO UPDATE: what was inserted and what was updated');
SELECT is(captured('INSERT INTO a VALUES (1, 5) ON CONFLICT DO NOTHING'), 'nothing', 'ON CONFLICT DO NOTHING');
SELECT is(captured('MERGE INTO a USING (VALUES (1), (2), (21)) AS b (id) ON a.id = b.id WHEN MATCHED AND b.id = 1 THEN UPDATE SET v = ''merged''
    WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (b.id, 66)'), '1: 12; 1: 55; 1: 66', 'MERGE: what each action did');
SELECT is(captured('WITH one AS (UPDATE a SET v = ''one'' WHERE id = 4), two AS (DELETE FROM a WHERE id = 5) UPDATE a SET v = ''three'' WHERE id = 7'),
    '1: 1; 1: 2', 'statements within one');
SELECT is(captured('TRUNCATE a'), '1: all', 'TRUNCATE: everything');
SAVEPOINT before_change;
INSERT INTO a VALUES (1, 1);
SELECT is((SELECT count(*) FROM s_queue), 1::bigint, 'a change within a savepoint is queued');
ROLLBACK TO before_change;
SELECT is_empty('SELECT FROM s_queue', 'and goes with it');
SELECT is(captured('INSERT INTO a VALUES (1, 1)'), '1: 1', 'the next is queued');

-- What replicates fires for rows
SET LOCAL session_replication_role = replica;
SELECT is(captured('INSERT INTO a VALUES (3, 3), (4, 4)'), '1: 3; 1: 4', 'replicated INSERT: a row each');
SELECT is(captured('UPDATE a SET w = ''r'''), 'nothing', 'replicated UPDATE of what does not matter');
SELECT is(captured('UPDATE a SET k = 30 WHERE id = 3'), '1: 3 30', 'replicated move of a key');
SELECT is(captured('DELETE FROM a WHERE id = 4'), '1: 4', 'replicated DELETE');
SELECT is(captured('TRUNCATE a'), '1: all', 'replicated TRUNCATE');
RESET session_replication_role;

-- Values that are stored elsewhere
SELECT is(captured('INSERT INTO a SELECT n, n, string_agg(md5(m::text), '''') FROM generate_series(1, 2) AS n, generate_series(1, 2000) AS m GROUP BY n'),
    '1: 1 2', 'INSERT of long values');
SELECT is(captured('UPDATE a SET w = ''x'''), 'nothing', 'a long value that stays');
SELECT is(captured('UPDATE a SET v = v || '''''), 'nothing', 'one that is written anew and the same');
SELECT is(captured('UPDATE a SET v = overlay(v PLACING ''?'' FROM 30000) WHERE id = 2'), '1: 2', 'one as long and not the same');
ALTER TABLE a ADD u int DEFAULT 5;
SELECT is(captured('UPDATE a SET w = u::text'), 'nothing', 'a column that was added');

-- A source without key, and columns that are gone
SELECT add_source(:s, 2, 'a', '{}', '{w}') \g /dev/null
SELECT is(captured('UPDATE a SET w = ''y'''), '2: all', 'a source without key: everything, once a statement');
SELECT is(captured('UPDATE a SET v = id::text'), '1: 1 2', 'and nothing where no column of it changed');
ALTER TABLE a RENAME k TO k2;
SELECT is(captured('INSERT INTO a VALUES (5, 5)'), '1: all; 2: all', 'a key that is not there any more: everything');
ALTER TABLE a RENAME k2 TO k;
SELECT is(captured('INSERT INTO a VALUES (6, 6)'), '1: 6; 2: all', 'one that is there again');

-- Inheritance
CREATE TABLE parent (id int, k int, v text);
CREATE TABLE child (extra int, k int, id int, v text);
ALTER TABLE child INHERIT parent;
SELECT make_score('h', 1) AS h \gset
SELECT add_source(:h, 1, 'parent', '{k}', '{k,v}') \g /dev/null
SELECT is(captured('INSERT INTO child VALUES (0, 1, 1, ''c''), (0, 2, 2, ''c'')', 'h_queue'), '1: 1 2', 'INSERT into a table that inherits');
SELECT is(captured('INSERT INTO parent VALUES (3, 3)', 'h_queue'), '1: 3', 'and into the one that it inherits from');
SELECT is(captured('UPDATE parent SET v = ''x'' WHERE k IN (2, 3)', 'h_queue'), '1: 2 3', 'UPDATE of both');
SELECT is(captured('UPDATE child SET extra = 1', 'h_queue'), 'nothing', 'UPDATE of a column that only one has');
SELECT is(captured('DELETE FROM ONLY parent', 'h_queue'), '1: 3', 'DELETE FROM ONLY');
ALTER TABLE child NO INHERIT parent;
SELECT is(captured('DELETE FROM child', 'h_queue'), 'nothing', 'a table that does not inherit any more');

-- Partitions, one with its columns elsewhere
CREATE TABLE r (id int, p int, v int, w text) PARTITION BY LIST (p);
CREATE TABLE r1 (w text, gone int, id int, p int, v int);
ALTER TABLE r1 DROP gone;
ALTER TABLE r ATTACH PARTITION r1 FOR VALUES IN (1);
CREATE TABLE r23 PARTITION OF r FOR VALUES IN (2, 3) PARTITION BY LIST (p);
CREATE TABLE r2 PARTITION OF r23 FOR VALUES IN (2);
CREATE TABLE r3 PARTITION OF r23 FOR VALUES IN (3);
SELECT make_score('q', 1) AS q \gset
SELECT add_source(:q, 1, 'r', '{id}', '{id,p,v}') \g /dev/null
SELECT is(captured('INSERT INTO r VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 3, 4)', 'q_queue'), '1: 1 2 3 4', 'INSERT into the root');
SELECT is(captured('INSERT INTO r1 (id, p) VALUES (5, 1)', 'q_queue'), '1: 5', 'INSERT into a partition');
SELECT is(captured('UPDATE r SET w = ''w''', 'q_queue'), 'nothing', 'UPDATE of what does not matter, in all partitions');
SELECT is(captured('UPDATE r SET v = v + CASE WHEN id IN (2, 4) THEN 1 ELSE 0 END', 'q_queue'), '1: 2 4', 'rows are compared with themselves');
SELECT is(captured('UPDATE r SET p = 3 - p, w = ''m'' WHERE id IN (1, 2, 3)', 'q_queue'), '1: 1 2 3', 'rows that move to another partition');
SELECT is(captured('UPDATE r SET id = id + 100, p = CASE p WHEN 3 THEN 1 ELSE p END, v = v WHERE id IN (1, 4)', 'q_queue'), '1: 1 101 104 4',
    'rows that move or stay, with other keys');
SELECT is(captured('UPDATE r23 SET p = 5 - p', 'q_queue'), '1: 101 2', 'UPDATE of a partition that has some itself');
SELECT is(captured('DELETE FROM r3', 'q_queue'), '1: 101 2', 'DELETE from a partition');
SELECT is(captured('TRUNCATE r3', 'q_queue'), '1: all', 'TRUNCATE of a partition');
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE INSERT ON r2 FOR EACH ROW EXECUTE FUNCTION swallow();
SELECT is(captured('UPDATE r SET p = CASE id WHEN 3 THEN 2 ELSE p END', 'q_queue'), '1: 104 3 5', 'a row that is lost on its way to a partition');
DROP TRIGGER swallow ON r2;
SELECT is(captured('MERGE INTO r USING (VALUES (104)) AS b (id) ON r.id = b.id WHEN MATCHED THEN UPDATE SET v = 0', 'q_queue'), '1: 104',
    'MERGE that moves nothing');
SELECT is(captured('MERGE INTO r USING (VALUES (104)) AS b (id) ON r.id = b.id WHEN MATCHED THEN UPDATE SET p = 3', 'q_queue'), '1: all',
    'MERGE that may move rows, which the server does not tell');
ALTER TABLE r DETACH PARTITION r1;
SELECT is(captured('DELETE FROM r1', 'q_queue'), 'nothing', 'a partition that was detached is nobody''s');

-- Texts of keys do not depend on settings
CREATE TABLE t (d date, f float8, i interval, b bytea, z timestamptz, n numeric, u uuid, e text);
SELECT make_score('x', 8) AS x \gset
SELECT add_source(:x, 1, 't', '{d,f,i,b,z,n,u,e}') \g /dev/null
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL IntervalStyle = 'postgres_verbose';
SET LOCAL bytea_output = 'escape';
SET LOCAL extra_float_digits = -5;
SET LOCAL TimeZone = 'UTC';
INSERT INTO t VALUES ('2020-02-01', 1.0::float8 / 3, '1 day 2 hours', 'abc', '2020-02-01 00:00:00+00', 1.50, '00000000-0000-0000-0000-000000000001', 'é "{}" \ ,'),
    ('2020-02-01', 1.0::float8 / 3, '1 day 2 hours', 'abc', '2020-02-01 00:00:00+00', 1.50, '00000000-0000-0000-0000-000000000001', 'é "{}" \ ,');
SELECT results_eq('SELECT k1, k2, k3, k4, k5, k6, k7, k8 FROM x_queue', $$VALUES ('{2020-02-01}'::text[], '{0.3333333333333333}'::text[],
    '{P1DT2H}'::text[], ARRAY['\x616263'], '{2020-02-01 00:00:00+00}'::text[], '{1.50}'::text[],
    '{00000000-0000-0000-0000-000000000001}'::text[], ARRAY['é "{}" \ ,'])$$, 'texts of keys are made under settings of their own');
SELECT is(current_setting('DateStyle'), 'SQL, DMY', 'and the session''s come back');
DELETE FROM x_queue;
INSERT INTO t (d, f, i, b, z, n, u, e) SELECT '2020-02-01', n, '1 day', '', now(), 0, '00000000-0000-0000-0000-000000000001', n FROM generate_series(1, 3000) AS n;
SELECT is(sum(cardinality(k1)), 3000::bigint, 'many keys are all there') FROM x_queue;
SELECT is((SELECT count(DISTINCT (f, e)) FROM x_queue, unnest(k2, k8) AS k (f, e) WHERE f = e), 3000::bigint, 'their columns side by side');
SELECT cmp_ok(max(pg_column_size(q.*)), '<', 8160, 'in rows that fit into a page') FROM x_queue AS q;
SELECT cmp_ok(count(*), '<', 100::bigint, 'and not in many') FROM x_queue;
SELECT is(captured(format('INSERT INTO a VALUES (100, 1), (101, 2); INSERT INTO a SELECT n, n %% 1000, '''' FROM generate_series(1000, 250000) AS n')) ~
    '999', true, 'more keys than are held at once');

-- Who may call it
SELECT throws_ok('SELECT pollseed.score_capture()', '39P01', NULL, 'it is a trigger function');
CREATE TABLE forged (k int);
CREATE TRIGGER forged AFTER INSERT ON forged REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION pollseed.score_capture(:'s', '1');
SELECT throws_ok('INSERT INTO forged VALUES (1)', '42501', NULL, 'not of any table');
DROP TRIGGER forged ON forged;
CREATE TRIGGER forged AFTER INSERT ON forged FOR EACH STATEMENT EXECUTE FUNCTION pollseed.score_capture(:'s', '1');
SELECT throws_ok('INSERT INTO forged VALUES (1)', '39P01', NULL, 'not without the transition table');
CREATE ROLE capture_writer;
GRANT INSERT ON a TO capture_writer;
SET LOCAL ROLE capture_writer;
SELECT lives_ok('INSERT INTO a (id, k) VALUES (-1, 99)', 'a writer needs no privilege on the queue');
RESET ROLE;
SELECT is(captured('SELECT'), '1: 99; 2: all', 'and what it wrote is there');

-- What is gone breaks nobody
DROP TABLE s_queue;
SELECT lives_ok('INSERT INTO a (id, k) VALUES (-2, 99)', 'the queue is gone');
DELETE FROM pollseed.scores WHERE score_id = :h;
SELECT lives_ok('INSERT INTO parent VALUES (9, 9)', 'the score is gone');

SELECT * FROM finish();
ROLLBACK;
