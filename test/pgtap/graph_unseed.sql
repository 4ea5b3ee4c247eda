-- What a run wrote is removed, and nothing else: changed rows, rows that others refer to, rows of others, circles, tables without keys.
\ir include/quiet.sql
BEGIN;
\ir include/error_of.sql
SELECT * FROM no_plan();
CREATE SCHEMA un;
SET search_path = un, public;
CREATE TABLE orgs (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE people (id serial PRIMARY KEY, org_id int NOT NULL REFERENCES orgs ON DELETE CASCADE, boss_id int REFERENCES people ON DELETE SET NULL, name text NOT NULL);
CREATE TABLE notes (person_id int REFERENCES people ON DELETE CASCADE, body text NOT NULL);
CREATE TABLE plain AS SELECT pollseed_plan_schema('un', 50, '{"exclude": ["plain"]}', '2026-06-01') AS plan;
CREATE FUNCTION fill() RETURNS bigint LANGUAGE sql AS $$ SELECT max(run_id) FROM plain, pollseed_seed_graph(plan) $$;
CREATE FUNCTION undo(run bigint, force boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', relation, removed, kept, reason), ', ' ORDER BY relation, reason) FROM pollseed_unseed(run, force)
$$;
CREATE FUNCTION counts() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', (SELECT count(*) FROM orgs), (SELECT count(*) FROM people), (SELECT count(*) FROM notes)) $$;

INSERT INTO orgs (name) VALUES ('mine');
INSERT INTO people (org_id, name) SELECT id, 'me' FROM orgs;
SELECT fill() AS run \gset
SELECT is(counts(), '51 51 50', 'rows beside those that were there');
SELECT is(undo(:run), 'un.notes 50 0, un.orgs 50 0, un.people 50 0', 'all that was written goes');
SELECT is(counts(), '1 1 0', 'and what was there stays');
SELECT is((SELECT string_agg(concat_ws(' ', name, removed, kept), ', ' ORDER BY name) FROM pollseed_graph_steps WHERE run_id = :run), 'notes 50 0, orgs 50 0, people 50 0', 'the ledger knows');
SELECT is((SELECT cleared_at IS NOT NULL FROM pollseed_runs WHERE run_id = :run), true, 'that all is gone');

-- Rows that were changed, and those that they refer to.
SELECT fill() AS run \gset
UPDATE people SET name = 'changed' WHERE id = (SELECT max(id) FROM people);
SELECT matches(undo(:run), 'un.people 4[0-9] 1 changed', 'a row that was changed stays');
SELECT is((SELECT count(*) FROM people AS p JOIN orgs AS o ON o.id = p.org_id WHERE p.name = 'changed'), 1::bigint, 'with its parent');
SELECT is((SELECT cleared_at FROM pollseed_runs WHERE run_id = :run), NULL, 'the run still counts');
SELECT matches(undo(:run, true), 'un.people [1-9] 0', 'by force it goes');
SELECT is(counts(), '1 1 0', 'with its parents');

-- Rows of others that refer to ours: neither lost by a cascade nor in the way.
SELECT fill() AS run \gset
INSERT INTO notes SELECT max(id), 'mine' FROM people WHERE name <> 'me';
INSERT INTO people (org_id, name) SELECT max(id), 'guest' FROM orgs WHERE name <> 'mine';
SELECT matches(undo(:run, true), 'referred to by un.notes', 'what a row of others refers to stays, by force, too');
SELECT is((SELECT string_agg(body, ' ') FROM notes), 'mine', 'and the row with it');
SELECT is((SELECT count(*) FROM people WHERE name = 'guest'), 1::bigint, 'whatever the cascade');
TRUNCATE orgs, people, notes;

-- Rows that are gone; a table that is the same again and again.
SELECT fill() AS run \gset
DELETE FROM notes WHERE person_id IN (SELECT id FROM people ORDER BY id LIMIT 5);
SELECT count(*) AS left FROM notes \gset
SELECT is(undo(:run), format('un.notes %s 0, un.orgs 50 0, un.people 50 0', :left), 'rows that are gone are not missed');
SELECT is(counts(), '0 0 0', 'nothing is left');

-- Rows that a run added behind those of another: their keys are made of what was added.
CREATE SCHEMA more;
CREATE TABLE more.a (id serial PRIMARY KEY, code int NOT NULL UNIQUE);
CREATE TABLE more.b (id serial PRIMARY KEY);
CREATE TABLE more.ab (a_id int REFERENCES more.a, b_id int REFERENCES more.b, kind boolean, n int NOT NULL, PRIMARY KEY (a_id, b_id, kind));
CREATE TABLE longer AS SELECT pollseed_plan_schema('more', 50, as_of => '2026-06-01') AS plan;
SELECT max(run_id) AS run FROM longer, pollseed_seed_graph(plan) \gset
SELECT max(run_id) AS extension FROM longer, pollseed_seed_graph(plan, mode => 'extend') \gset
SELECT is((SELECT count(*) FROM more.ab), 100::bigint, 'a run extends another');
SELECT is((SELECT sum(violations) FROM pollseed_validate(run_id => :extension)), 0::numeric, 'its rows are found');
SELECT is(undo(:extension), 'more.a 50 0, more.ab 50 0, more.b 50 0', 'they go');
SELECT is((SELECT sum(unchanged) FROM longer, pollseed_seed_graph(plan)), 150::numeric, 'and those of the other are as they were');
SELECT is(undo(:run), 'more.a 50 0, more.ab 50 0, more.b 50 0', 'until they go');

SELECT matches(error_of('SELECT * FROM pollseed_unseed(0)'), 'run_id must be', 'no such run');
SELECT matches(error_of('SELECT * FROM pollseed_unseed(NULL)'), 'run_id must not be null', 'no run');

-- What is wrong is found.
SELECT fill() AS run \gset
SELECT is((SELECT count(*) FROM pollseed_validate() WHERE violations > 0), 0::bigint, 'seeded rows are valid');
SELECT is((SELECT string_agg(v."check", ', ' ORDER BY v."check") FROM pollseed_validate(run_id => :run) AS v WHERE relation = 'un.orgs'), 'not null, rows, unique orgs_name_key, unique orgs_pkey', 'what is looked at of a table');
ALTER TABLE people DROP CONSTRAINT people_org_id_fkey;
ALTER TABLE people ADD CONSTRAINT people_org_id_fkey FOREIGN KEY (org_id) REFERENCES orgs NOT VALID;
DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes);
SET session_replication_role = replica;
DELETE FROM orgs WHERE id = (SELECT org_id FROM people ORDER BY id LIMIT 1);
SET session_replication_role = origin;
SELECT is((SELECT string_agg(concat_ws(' ', v."check", v.relation), ', ' ORDER BY v."check", v.relation) FROM pollseed_validate((SELECT plan FROM plain)) AS v WHERE violations > 0),
	'foreign key people_org_id_fkey un.people, rows un.notes, rows un.orgs', 'a parent that is gone, and rows that are missing');
ALTER TABLE orgs ADD CONSTRAINT short CHECK (length(name) < 2) NOT VALID;
SELECT is((SELECT violations FROM pollseed_validate(run_id => :run) WHERE "check" = 'check short'), 49::bigint, 'a check that is not valid');

SELECT * FROM finish();
ROLLBACK;
