-- With whose rights schemas are seeded, validated and unseeded: nothing that others planted runs, and nothing of others is lost.
\ir include/quiet.sql
BEGIN;
\ir include/error_of.sql
SELECT * FROM no_plan();
CREATE ROLE rights_owner;
CREATE ROLE rights_other;
CREATE SCHEMA rights AUTHORIZATION rights_owner;
GRANT USAGE ON SCHEMA rights TO rights_other;

-- Operators, functions and casts before those of the server, of the types that the engine's own statements compare.
CREATE SCHEMA trap;
CREATE FUNCTION trap.sprung(a anyelement, b anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$;
SELECT format('CREATE FUNCTION trap.sprung(%1$s, %2$s) RETURNS boolean LANGUAGE plpgsql AS %3$L; ', l, r, 'BEGIN RAISE ''sprung''; END')
	   || string_agg(format('CREATE OPERATOR trap.%1$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = trap.sprung);', o, l, r), ' ')
  FROM unnest('{bigint,integer,text,timestamptz,name,oid,bigint,integer,unknown}'::regtype[], '{integer,integer,text,timestamptz,text,integer,bigint,bigint,text}'::regtype[]) AS t (l, r),
	   unnest('{=,<>,<,<=,>,>=,||}'::text[]) AS o
 WHERE l <> 'unknown'::regtype
 GROUP BY l, r
\gexec
CREATE TABLE rights.places (id serial PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('park', 'shop')), name text NOT NULL UNIQUE, created_at timestamptz NOT NULL);
CREATE TABLE rights.visits (id bigserial PRIMARY KEY, place_id int REFERENCES rights.places, kind_id int NOT NULL, created_at timestamptz NOT NULL, ended_at timestamptz CHECK (ended_at > created_at));
ALTER TABLE rights.places OWNER TO rights_owner;
ALTER TABLE rights.visits OWNER TO rights_owner;
SET LOCAL search_path = trap, pg_catalog, public;
SELECT pollseed_plan_schema('rights', 100, as_of => '2026-06-01') AS plan \gset
SELECT sum(inserted) AS seeded FROM pollseed_seed_graph(:'plan', mode => 'upsert') \gset
SELECT sum(unchanged) AS found FROM pollseed_seed_graph(:'plan', mode => 'upsert') \gset
SELECT sum(inserted) AS extended, max(run_id) AS run FROM pollseed_seed_graph(:'plan', mode => 'extend') \gset
SELECT sum(violations) AS violations FROM pollseed_validate() \gset
SELECT sum(removed) AS removed FROM pollseed_unseed(:run) \gset
RESET search_path;
SELECT is(error_of('SELECT 1::bigint OPERATOR(trap.=) 1::int'), 'P0001 sprung', 'traps spring');
SELECT is(array[:seeded, :found, :extended, :violations, :removed], '{200,200,200,0,200}', 'but not when a schema is seeded, again, extended, validated and unseeded');
TRUNCATE rights.places, rights.visits;

-- Rows of others that row-level security hides even from the owner of their table are not lost by a cascade.
CREATE TABLE rights.notes (place_id int REFERENCES rights.places ON DELETE CASCADE, body text);
ALTER TABLE rights.notes OWNER TO rights_owner;
ALTER TABLE rights.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE rights.notes FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE rights_owner;
SET LOCAL search_path = rights, public;
SELECT max(run_id) AS run FROM pollseed_seed_graph(pollseed_plan_schema('rights', 20, '{"include": ["places"]}')) \gset
RESET ROLE;
INSERT INTO rights.notes SELECT max(id), 'hidden' FROM rights.places;
SET LOCAL ROLE rights_owner;
SELECT is((SELECT count(*) FROM notes), 0::bigint, 'the owner does not see a row');
SELECT is((SELECT string_agg(concat_ws(' ', removed, kept, reason), ', ' ORDER BY removed) FROM pollseed_unseed(:run)), '19 1 referred to by rights.notes', 'whose parent stays');
RESET ROLE;
SELECT is((SELECT string_agg(body, ', ') FROM rights.notes), 'hidden', 'and it with that');

-- A plan of another role with SQL of his would run with the rights of who validates or unseeds it.
GRANT ALL ON rights.places TO rights_other;
GRANT ALL ON rights.places_id_seq TO rights_other;
SET LOCAL ROLE rights_other;
SELECT max(run_id) AS run FROM pollseed_seed_graph(pollseed_plan_schema('rights', 20, '{"include": ["places"], "tables": {"places": {"columns": {"name": {"generator": "expression", "sql": "''x'' || row"}}}}}'), seed => 7) \gset
SELECT is((SELECT count(*) FROM pollseed_validate(run_id => :run) WHERE violations > 0), 0::bigint, 'a role may validate its own run');
RESET ROLE;
SELECT is(error_of('SELECT * FROM pollseed_validate(run_id => ' || :run || ')'), format('42501 the plan of run %s has expressions of another role', :run), 'but not another, whatever its rights');
SELECT is(error_of('SELECT * FROM pollseed_unseed(' || :run || ')'), format('42501 the plan of run %s has expressions of another role', :run), 'nor unseed it');
SET LOCAL ROLE rights_other;
SELECT is((SELECT removed FROM pollseed_unseed(:run)), 20::bigint, 'the role itself may');
RESET ROLE;

-- Sequences are set beyond what is written, which needs UPDATE, as setval() does, and SELECT.
REVOKE ALL ON rights.places_id_seq FROM rights_other;
GRANT USAGE ON rights.places_id_seq TO rights_other;
SET LOCAL ROLE rights_other;
SELECT is(error_of($$SELECT * FROM pollseed_seed_graph(pollseed_plan_schema('rights', 20, '{"include": ["places"]}'), seed => 8)$$), '42501 permission denied for sequence places_id_seq', 'USAGE of a sequence is not enough');
RESET ROLE;
GRANT SELECT, UPDATE ON rights.places_id_seq TO rights_other;
SET LOCAL ROLE rights_other;
SELECT is((SELECT inserted + unchanged FROM pollseed_seed_graph(pollseed_plan_schema('rights', 20, '{"include": ["places"]}'), seed => 8)), 20::bigint, 'UPDATE and SELECT are');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
