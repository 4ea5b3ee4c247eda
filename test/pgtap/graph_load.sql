-- Empty tables filled as a restore fills them: the same rows, whole indexes, keys proven, and closed to others only where that is so.
--
-- A fill that forgot an index, or a key that no batch proves any more, would leave a table that only amcheck or a validation finds wrong.
-- What is made in a transaction is closed to others anyhow, so here every statement is one.
\ir include/quiet.sql
\ir include/error_of.sql
CREATE EXTENSION amcheck;
CREATE EXTENSION pgrowlocks;
SELECT * FROM no_plan();

CREATE ROLE load_app;
CREATE ROLE load_other;
GRANT pg_stat_scan_tables TO load_app, load_other;
CREATE SCHEMA app AUTHORIZATION load_app;
GRANT USAGE ON SCHEMA app TO load_other;
SET ROLE load_app;
SET search_path = app, public;
CREATE TABLE places (id bigserial PRIMARY KEY, name text NOT NULL, code uuid NOT NULL UNIQUE, created_at timestamptz NOT NULL);
CREATE TABLE visits (id bigserial PRIMARY KEY, place_id bigint NOT NULL REFERENCES places, previous_id bigint REFERENCES visits, ticket int NOT NULL, note text, tags text[] NOT NULL,
	during tstzrange, created_at timestamptz NOT NULL, deleted_at timestamptz, UNIQUE (place_id, ticket), EXCLUDE USING gist (during WITH &&));
CREATE INDEX live ON visits (created_at) WHERE deleted_at IS NULL;
CREATE INDEX folded ON visits (lower(note)) INCLUDE (ticket);
CREATE INDEX tagged ON visits USING gin (tags);
CREATE INDEX aged ON visits USING brin (created_at);
CREATE TABLE plans AS SELECT pollseed_plan_schema('app', 10000, '{"exclude": ["plans"]}', as_of => '2026-06-01') AS plan;
GRANT ALL ON ALL TABLES IN SCHEMA app TO load_other;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO load_other;

-- Which indexes of a table this transaction has closed to others, and whether it has locked rows.
CREATE FUNCTION closed(target regclass) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pg_locks AS l JOIN pg_index AS i ON l.relation = i.indexrelid WHERE i.indrelid = target AND l.mode = 'AccessExclusiveLock' AND l.pid = pg_backend_pid()
$$;
CREATE FUNCTION locked(target text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN count(*) > 0 THEN 'locked' ELSE 'not locked' END FROM pgrowlocks(target) $$;

-- Seeds, and tells of rows inserted, rows that were there, indexes of places and of visits that are closed, and whether places are locked.
CREATE FUNCTION seed() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	figures text;
BEGIN
	SELECT concat_ws(' ', sum(inserted), sum(unchanged)) INTO figures FROM plans, pollseed_seed_graph(plan);
	RETURN concat_ws(', ', figures, closed('places'), closed('visits'), locked('app.places'));
END $$;
CREATE FUNCTION content() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', (SELECT sum(hash_record_extended(t, 0)) FROM places AS t), (SELECT sum(hash_record_extended(t, 0)) FROM visits AS t))
$$;
CREATE PROCEDURE anew() LANGUAGE sql AS $$ TRUNCATE places, visits RESTART IDENTITY $$;

SET pollseed.load_empty_tables = off;
SELECT is(seed(), '20000 0, 0, 0, locked', 'rows are written by batches, which close nothing and lock parents');
SELECT content() AS by_batches \gset
CALL anew();
RESET pollseed.load_empty_tables;

SELECT is(seed(), '20000 0, 2, 7, not locked', 'rows are written into empty tables, which are closed; nobody else sees the parents');
SELECT is(content(), :'by_batches', 'they are the same');
RESET ROLE;
SELECT lives_ok(format('SELECT bt_index_check(%L, true)', indexrelid::regclass), 'whole: ' || indexrelid::regclass)
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
 WHERE i.indrelid IN ('visits'::regclass, 'places'::regclass) AND a.amname = 'btree' ORDER BY 1;
SET ROLE load_app;
SELECT is((SELECT count(*) FROM pg_index WHERE indrelid IN ('visits'::regclass, 'places'::regclass) AND NOT (indisvalid AND indisready AND indislive)), 0::bigint, 'all indexes are valid');
SET enable_seqscan = off;
SELECT cmp_ok((SELECT count(*) FROM visits WHERE tags @> (SELECT tags FROM visits WHERE id = 77)), '>', 0::bigint, 'a GIN index finds rows');
SELECT is((SELECT count(*) FROM visits WHERE during && (SELECT during FROM visits WHERE during IS NOT NULL ORDER BY id LIMIT 1)), 1::bigint, 'a GiST index finds the row');
RESET enable_seqscan;
SELECT is((SELECT string_agg(DISTINCT reltuples::text, ' ') FROM pg_class WHERE oid IN ('visits'::regclass, 'places'::regclass)), '10000', 'the planner knows the tables');
SELECT is(seed(), '0 20000, 0, 0, not locked', 'a second run finds them');
SELECT is((SELECT sum(violations) FROM plans, pollseed_validate(plan)), 0::numeric, 'nothing is wrong');
SELECT is((SELECT nextval('visits_id_seq')), 10001::bigint, 'the sequence goes on');
SELECT is((SELECT sum(removed) FROM pollseed_runs AS r, pollseed_unseed(r.run_id) WHERE r.engine = 'graph' AND r.cleared_at IS NULL AND r.run_id = (SELECT max(run_id) FROM pollseed_runs)), 20000::numeric, 'it can be removed');
CALL anew();

-- Tables that are not filled so: with rows, of another owner, with functions that could read them, for few rows.
INSERT INTO places (id, name, code, created_at) VALUES (999999, 'there', gen_random_uuid(), '2026-01-01');
SELECT is(seed(), '20000 0, 0, 7, locked', 'beside a row: parents that others can see are locked, and their indexes open');
CALL anew();
INSERT INTO places (id, name, code, created_at) VALUES (999999, 'there', gen_random_uuid(), '2026-01-01');
DELETE FROM places;
SELECT is(seed(), '20000 0, 2, 7, not locked', 'a table whose rows were deleted is empty');
CALL anew();
SET ROLE load_other;
SELECT is(seed(), '20000 0, 0, 0, locked', 'a role that only may write closes nothing');
SET ROLE load_app;
CALL anew();
CREATE FUNCTION crowd(int) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT (SELECT count(*) FROM app.visits WHERE ticket = $1) < 100';
ALTER TABLE visits ADD CONSTRAINT no_crowd CHECK (crowd(ticket));
SELECT is(seed(), '20000 0, 2, 0, locked', 'nor a table that a check may read');
ALTER TABLE visits DROP CONSTRAINT no_crowd;
CALL anew();
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE searcher CURSOR FOR SELECT id FROM visits WHERE id > 0 ORDER BY id;
FETCH searcher;
SELECT is(seed(), '20000 0, 2, 0, locked', 'nor a table that a cursor of this session reads by an index') \gset
COMMIT;
SELECT :'is';
CALL anew();
ALTER TABLE places ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY whoever ON places USING (true);
SELECT is(seed(), '20000 0, 0, 7, locked', 'behind a forced policy rows are written by SQL, and keys proven by batches');
ALTER TABLE places DISABLE ROW LEVEL SECURITY;
CALL anew();

-- What cannot be is found at the end as it would be at each row.
UPDATE plans SET plan = jsonb_set(plan, '{steps,0,columns,code}', '{"generator": "expression", "sql": "md5((row / 2)::text)::uuid"}');
SELECT is(error_of('SELECT seed()'), '23505 could not create unique index "places_code_key"', 'a key that is there twice is found');
UPDATE plans SET plan = jsonb_set(plan, '{steps,0,columns,code}', '{"generator": "uuid"}');
CREATE FUNCTION asked() RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM app.visits';
UPDATE plans SET plan = jsonb_set(plan, '{steps,1,columns,ticket}', '{"generator": "expression", "sql": "row::int + app.asked() * 0"}');
SELECT is(seed(), '20000 0, 2, 0, locked', 'nor a table that an expression may read');
CALL anew();
ALTER TABLE visits ADD legacy int REFERENCES visits;
UPDATE plans SET plan = jsonb_set(pollseed_plan_schema('app', 10000, '{"exclude": ["plans"]}', as_of => '2026-06-01'), '{steps,1,columns,legacy}', '{"generator": "integer", "min": 10001, "max": 20000}');
UPDATE plans SET plan = jsonb_set(plan, '{steps,1,refs}', (SELECT jsonb_agg(r) FROM jsonb_array_elements(plan #> '{steps,1,refs}') AS r WHERE r -> 'columns' <> '["legacy"]'));
SELECT is(error_of('SELECT seed()'), '23503 insert or update on table "visits" violates foreign key constraint "visits_legacy_fkey"', 'a key without a parent is found');
SELECT is(content(), '', 'and nothing stays behind');
UPDATE plans SET plan = pollseed_plan_schema('app', 9999, '{"exclude": ["plans"]}', as_of => '2026-06-01');
SELECT is(seed(), '19998 0, 0, 0, locked', 'few rows close nothing');

SELECT * FROM finish();
RESET ROLE;
DROP OWNED BY load_app, load_other CASCADE;
DROP ROLE load_app, load_other;
