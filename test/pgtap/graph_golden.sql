-- Golden rows: checksums of seeded schemas, taken once and never to change while the generators' version stays the same.
-- Another server version, processor or compiler must give the same rows, and so must every change to the code that does not
-- raise the version.
\ir include/quiet.sql
SET timezone = 'America/New_York';
SET extra_float_digits = 1;
BEGIN;
SELECT plan(7);

CREATE FUNCTION content(schema_name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name text;
	hash text;
	result text := '';
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = schema_name::regnamespace AND relkind = 'r' ORDER BY relname COLLATE "C"
	LOOP
		EXECUTE format('SELECT md5(string_agg(t::text, ''|'' ORDER BY t::text COLLATE "C")) FROM %I.%I AS t', schema_name, name) INTO hash;
		result := result || coalesce(hash, 'none');
	END LOOP;
	RETURN md5(result);
END $$;

SELECT is(md5(string_agg(concat_ws(' ', name, arguments, gives, example), '|' ORDER BY name COLLATE "C")), '22731462268e10d074aa6c8cd644936f', 'examples of all generators') FROM pollseed_generators();

CREATE SCHEMA types;
SET LOCAL search_path = types, public;
CREATE TYPE mood AS ENUM ('ok', 'bad', 'worse');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN zip AS text CHECK (VALUE ~ '^\d{5}(-\d{4})?$');
CREATE TABLE everything (id uuid PRIMARY KEY, a smallint NOT NULL, b bigint, c real, d double precision, e numeric(9, 3), f money, g text, h varchar(20), i char(5), j bytea, k timestamp, l timestamptz, m date, n time, o timetz, p interval,
	q boolean, r mood, s point, u box, v path, w polygon, x circle, y line, z lseg, aa inet, ab cidr, ac macaddr, ad macaddr8, ae bit(3), af varbit, ag tsvector, ah tsquery, ai json, aj jsonb, ak int[], al text[], am int4range, an tstzrange,
	ao nummultirange, ap pair, aq mood[], ar zip, aw pg_lsn);
SET LOCAL search_path = public;
SELECT pollseed_plan_schema('types', 200, as_of => '2026-06-01 00:00+00') AS plan \gset
SELECT is(md5(:'plan'::jsonb::text), '49b8d9ca2c332bd0c5447db3a9189a04', 'the plan of a column of each type');
SELECT sum(inserted) FROM pollseed_seed_graph(:'plan', 42) \g /dev/null
SELECT is(content('types'), 'a68aedb8471da2205b0db8942ee08762', 'a column of each type');

CREATE SCHEMA app;
SET LOCAL search_path = app, public;
CREATE TABLE organizations (id bigserial PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE, website text, created_at timestamptz NOT NULL);
CREATE TABLE users (id uuid PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, manager_id uuid REFERENCES users, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL UNIQUE, phone text, city text, country text,
	active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, deleted_at timestamptz);
CREATE TABLE projects (id uuid PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, name text NOT NULL, budget numeric(10, 2) CHECK (budget > 0), starts_on date NOT NULL, ends_on date NOT NULL, CHECK (ends_on > starts_on));
CREATE TABLE memberships (project_id uuid REFERENCES projects, user_id uuid REFERENCES users, role text NOT NULL CHECK (role IN ('owner', 'member', 'guest')), PRIMARY KEY (project_id, user_id));
CREATE TABLE tasks (id bigserial PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects, assignee_id uuid REFERENCES users, parent_id bigint REFERENCES tasks, number int NOT NULL, title text NOT NULL, body text, status text NOT NULL CHECK (status IN ('todo', 'doing', 'done')),
	estimate interval, tags text[] NOT NULL, settings jsonb NOT NULL, created_at timestamptz NOT NULL, UNIQUE (project_id, number));
CREATE TABLE comments (id bigserial PRIMARY KEY, subject_type text NOT NULL, subject_id uuid NOT NULL, author_id uuid NOT NULL REFERENCES users, body text NOT NULL, rating smallint CHECK (rating BETWEEN 1 AND 5), created_at timestamptz NOT NULL);
CREATE TABLE bookings (id serial PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects, during tstzrange NOT NULL, EXCLUDE USING gist (during WITH &&));
SET LOCAL search_path = public;
SELECT pollseed_plan_schema('app', 300, as_of => '2026-06-01 00:00+00') AS plan \gset
SELECT is(md5(:'plan'::jsonb::text), 'ef0ad16dcd693b9f53e5c870a2b20db9', 'the plan of an application');
SELECT sum(inserted) FROM pollseed_seed_graph(:'plan', 42) \g /dev/null
SELECT is(content('app'), '0a3b9eda9dace856db8336e0c7886c6e', 'an application');

CREATE SCHEMA okr;
SET LOCAL search_path = okr, public;
SELECT pollseed_create_okr_tables() \g /dev/null
SELECT is(md5(pollseed_plan_okr(as_of => '2026-06-01')::text), '719960e8ff5bac2b4c149e5f3b2ab6c3', 'the plan of an OKR tenant');
SELECT sum(inserted) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-06-01')) \g /dev/null
SELECT is(content('okr'), '07ce0ca043aca75549c768c1f9a0af8d', 'an OKR tenant');

SELECT * FROM finish();
ROLLBACK;
