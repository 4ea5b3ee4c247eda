-- Schemas that are hard to fill, one feature each: seeded as planned from the catalogs, without a word of advice.
\ir include/quiet.sql
BEGIN;
SELECT * FROM no_plan();

CREATE FUNCTION rows_of(schema_name text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb := '{}';
	name text;
	n bigint;
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = schema_name::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
	LOOP
		EXECUTE format('SELECT count(*) FROM %I.%I', schema_name, name) INTO n;
		result := result || jsonb_build_object(name, n);
	END LOOP;
	RETURN result;
END $$;

-- What every schema must go through: planned, checked, seeded, valid, seeded again in vain, and emptied.
CREATE FUNCTION nasty(what text, ddl text, expected jsonb, n int DEFAULT 40, overrides jsonb DEFAULT NULL, kept bigint DEFAULT 0) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
	run bigint;
	message text;
BEGIN
	CREATE SCHEMA nasty;
	PERFORM set_config('search_path', 'nasty, public', true);
	EXECUTE ddl;
	PERFORM set_config('search_path', 'public', true);
	BEGIN
		plan := pollseed_plan_schema('nasty', n, overrides, '2026-01-01');
		RETURN NEXT is((SELECT string_agg(concat_ws('|', c."table", c."column", c.problem), E'\n') FROM pollseed_plan_check(plan) AS c), NULL, what || ': the plan can work');
		SELECT max(s.run_id) INTO run FROM pollseed_seed_graph(plan, 7, batch_size => 16) AS s;
		SET CONSTRAINTS ALL IMMEDIATE;
		RETURN NEXT is(rows_of('nasty'), expected, what || ': rows');
		RETURN NEXT is((SELECT string_agg(concat_ws(' ', v."check", v.relation, v.violations), ', ') FROM pollseed_validate(plan, run) AS v WHERE v.violations <> 0), NULL, what || ': valid');
		RETURN NEXT is((SELECT concat_ws('|', sum(s.inserted), sum(s.updated)) FROM pollseed_seed_graph(plan, 7, batch_size => 7) AS s), '0|0', what || ': a second run writes nothing');
		PERFORM pollseed_unseed(run);
		RETURN NEXT is((SELECT sum(value::bigint) FROM jsonb_each_text(rows_of('nasty'))), kept::numeric, what || ': removed');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = PG_EXCEPTION_CONTEXT;
		RETURN NEXT fail(format('%s: %s %s', what, SQLERRM, message));
	END;
	DROP SCHEMA nasty CASCADE;
END $$;

SELECT nasty('parents in several levels', 'CREATE TABLE c (id serial PRIMARY KEY, b_id int NOT NULL); CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a);
	ALTER TABLE c ADD FOREIGN KEY (b_id) REFERENCES b', '{"a": 40, "b": 40, "c": 40}');
SELECT nasty('a tree', 'CREATE TABLE node (id bigserial PRIMARY KEY, parent_id bigint REFERENCES node, name text NOT NULL)', '{"node": 40}');
SELECT nasty('a tree whose root is its own parent', 'CREATE TABLE node (id bigserial PRIMARY KEY, parent_id bigint NOT NULL REFERENCES node)', '{"node": 40}');
SELECT nasty('a circle that may be NULL', 'CREATE TABLE teams (id serial PRIMARY KEY, lead_id int); CREATE TABLE users (id serial PRIMARY KEY, team_id int NOT NULL REFERENCES teams);
	ALTER TABLE teams ADD FOREIGN KEY (lead_id) REFERENCES users', '{"teams": 40, "users": 40}');
SELECT nasty('a circle that is deferrable', 'CREATE TABLE l (id int PRIMARY KEY, r_id int NOT NULL); CREATE TABLE r (id int PRIMARY KEY, l_id int NOT NULL REFERENCES l DEFERRABLE);
	ALTER TABLE l ADD FOREIGN KEY (r_id) REFERENCES r DEFERRABLE INITIALLY DEFERRED', '{"l": 40, "r": 40}');
SELECT nasty('a circle of required references', 'CREATE TABLE l (id int PRIMARY KEY, r_id int NOT NULL); CREATE TABLE r (id int PRIMARY KEY, l_id int NOT NULL REFERENCES l);
	ALTER TABLE l ADD FOREIGN KEY (r_id) REFERENCES r', '{"l": 40, "r": 40}');
SELECT nasty('a composite key and what refers to it', 'CREATE TABLE a (x int, y text, PRIMARY KEY (x, y)); CREATE TABLE b (id serial PRIMARY KEY, ax int NOT NULL, ay text NOT NULL, FOREIGN KEY (ax, ay) REFERENCES a)',
	'{"a": 40, "b": 40}');
SELECT nasty('composite keys that share a tenant', 'CREATE TABLE org (id serial PRIMARY KEY); CREATE TABLE person (id serial, org_id int REFERENCES org, PRIMARY KEY (org_id, id));
	CREATE TABLE project (id serial, org_id int REFERENCES org, PRIMARY KEY (org_id, id));
	CREATE TABLE task (id serial PRIMARY KEY, org_id int NOT NULL, person_id int NOT NULL, project_id int NOT NULL,
		FOREIGN KEY (org_id, person_id) REFERENCES person, FOREIGN KEY (org_id, project_id) REFERENCES project)',
	'{"org": 40, "task": 40, "person": 40, "project": 40}');
SELECT nasty('two references to one table', 'CREATE TABLE acct (id serial PRIMARY KEY); CREATE TABLE transfer (id serial PRIMARY KEY, from_id int NOT NULL REFERENCES acct, to_id int NOT NULL REFERENCES acct, CHECK (from_id <> to_id))',
	'{"acct": 40, "transfer": 40}');
SELECT nasty('a table between two others', 'CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY); CREATE TABLE ab (a_id int REFERENCES a, b_id int REFERENCES b, PRIMARY KEY (a_id, b_id))',
	'{"a": 40, "b": 40, "ab": 40}');
SELECT nasty('unique keys that overlap', 'CREATE TABLE t (id serial PRIMARY KEY); CREATE TABLE m (t_id int NOT NULL REFERENCES t, slot int NOT NULL, mail text NOT NULL, UNIQUE (t_id, slot), UNIQUE (t_id, mail), UNIQUE (slot, mail))',
	'{"m": 40, "t": 40}');
SELECT nasty('a unique key of small types', 'CREATE TYPE colour AS ENUM (''red'', ''green'', ''blue''); CREATE TABLE u (c colour, f boolean, n smallint, PRIMARY KEY (c, f, n))', '{"u": 40}');
SELECT nasty('an enum as primary key', 'CREATE TYPE colour AS ENUM (''red'', ''green'', ''blue''); CREATE TABLE u (c colour PRIMARY KEY, label text NOT NULL)', '{"u": 3}');
SELECT nasty('a table of one row', 'CREATE TABLE settings (id boolean PRIMARY KEY DEFAULT true CHECK (id), name text NOT NULL)', '{"settings": 1}');
SELECT nasty('one child a parent', 'CREATE TABLE users (id serial PRIMARY KEY); CREATE TABLE profile (user_id int PRIMARY KEY REFERENCES users, bio text)', '{"users": 40, "profile": 40}');
SELECT nasty('NULLS NOT DISTINCT', 'CREATE TABLE k (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b))', '{"k": 40}');
SELECT nasty('a partial unique index', 'CREATE TABLE users (id serial PRIMARY KEY); CREATE TABLE address (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, is_main boolean NOT NULL, city text);
	CREATE UNIQUE INDEX ON address (user_id) WHERE is_main', '{"users": 40, "address": 40}');
SELECT nasty('a unique index on an expression', 'CREATE TABLE u (id serial PRIMARY KEY, email text NOT NULL); CREATE UNIQUE INDEX ON u (lower(email))', '{"u": 40}');
SELECT nasty('short unique codes', 'CREATE TABLE u (code char(2) PRIMARY KEY, short varchar(3) NOT NULL UNIQUE)', '{"u": 40}');
SELECT nasty('an exclusion of ranges', 'CREATE TABLE booking (id serial PRIMARY KEY, during tstzrange NOT NULL, EXCLUDE USING gist (during WITH &&))', '{"booking": 40}');
SELECT nasty('checks of one column', $$CREATE TABLE k (id serial PRIMARY KEY, status text NOT NULL CHECK (status IN ('new', 'open', 'done')), age int CHECK (age BETWEEN 18 AND 99), score numeric(4,2) NOT NULL CHECK (score > 0),
	code text NOT NULL CHECK (code ~ '^[A-Z]{3}-[0-9]{4}$'), slug varchar(20) NOT NULL CHECK (slug = lower(slug) AND length(slug) >= 3), mail text CHECK (mail LIKE '%_@_%'), kind char(1) NOT NULL CHECK (kind = ANY ('{a,b}')),
	even int CHECK (even % 2 = 0), name text NOT NULL CHECK (btrim(name) <> ''), odd int NOT NULL CHECK (odd <> 0))$$, '{"k": 40}');
SELECT nasty('checks over several columns', 'CREATE TABLE k (id serial PRIMARY KEY, starts date NOT NULL, ends date NOT NULL, low int, high int, a int, b int, CHECK (ends >= starts), CHECK (low < high), CHECK (num_nonnulls(a, b) = 1))', '{"k": 40}');
SELECT nasty('one of two references', 'CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY); CREATE TABLE note (id serial PRIMARY KEY, a_id int REFERENCES a, b_id int REFERENCES b, CHECK ((a_id IS NULL) <> (b_id IS NULL)))',
	'{"a": 40, "b": 40, "note": 40}');
SELECT nasty('domains', $$CREATE DOMAIN zip AS text CHECK (VALUE ~ '^\d{5}(-\d{4})?$'); CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0); CREATE DOMAIN tiny AS positive CHECK (VALUE < 10);
	CREATE TABLE d (id serial PRIMARY KEY, z zip NOT NULL, p positive, t tiny)$$, '{"d": 40}');
SELECT nasty('generated and identity columns', 'CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, by_default int GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 10), price numeric(8,2) NOT NULL, qty int NOT NULL, total numeric GENERATED ALWAYS AS (price * qty) STORED);
	CREATE TABLE child (g_id int NOT NULL REFERENCES g, n int NOT NULL, PRIMARY KEY (g_id, n))', '{"g": 40, "child": 40}');
SELECT nasty('every kind of type', $$CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE TYPE pair AS (x int, y text);
	CREATE TABLE t (id uuid PRIMARY KEY, a smallint NOT NULL, b bigint NOT NULL, c real NOT NULL, d double precision NOT NULL, e numeric NOT NULL, f money NOT NULL, g text NOT NULL, h varchar NOT NULL, i char(5) NOT NULL, j bytea NOT NULL,
	k timestamp NOT NULL, l timestamptz NOT NULL, m date NOT NULL, n time NOT NULL, o timetz NOT NULL, p interval NOT NULL, q boolean NOT NULL, r mood NOT NULL, s point NOT NULL, u box NOT NULL, v path NOT NULL, w polygon NOT NULL, x circle NOT NULL,
	y line NOT NULL, z lseg NOT NULL, aa inet NOT NULL, ab cidr NOT NULL, ac macaddr NOT NULL, ad macaddr8 NOT NULL, ae bit(3) NOT NULL, af varbit NOT NULL, ag tsvector NOT NULL, ah tsquery NOT NULL, ai json NOT NULL, aj jsonb NOT NULL, ak int[] NOT NULL,
	al text[][] NOT NULL, am int4range NOT NULL, an tstzrange NOT NULL, ao nummultirange NOT NULL, ap pair NOT NULL, aq mood[] NOT NULL, ar xml, at oid NOT NULL, au name NOT NULL, av jsonpath NOT NULL, aw pg_lsn NOT NULL, ax "char" NOT NULL)$$, '{"t": 40}');
SELECT nasty('partitions by list and range', $$CREATE TABLE ev (id bigserial, region text NOT NULL, at date NOT NULL, PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
	CREATE TABLE ev_eu PARTITION OF ev FOR VALUES IN ('eu', 'uk'); CREATE TABLE ev_us PARTITION OF ev FOR VALUES IN ('us') PARTITION BY RANGE (at); CREATE TABLE ev_us_24 PARTITION OF ev_us FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')$$, '{"ev": 40}');
SELECT nasty('partitions by hash', 'CREATE TABLE h (id int PRIMARY KEY, v text) PARTITION BY HASH (id); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1)', '{"h": 40}');
SELECT nasty('a type and an id without a foreign key', 'CREATE TABLE posts (id bigserial PRIMARY KEY, title varchar NOT NULL); CREATE TABLE photos (id bigserial PRIMARY KEY); CREATE TABLE comments (id bigserial PRIMARY KEY, subject_type varchar NOT NULL, subject_id bigint NOT NULL, body text)',
	'{"posts": 40, "photos": 40, "comments": 40}');
SELECT nasty('names that need quotes', 'CREATE TABLE "Order Items" ("Id" serial PRIMARY KEY, "select" text NOT NULL, "a""b" int NOT NULL UNIQUE); CREATE TABLE "from" (id serial PRIMARY KEY, "Order" int NOT NULL REFERENCES "Order Items")', '{"from": 40, "Order Items": 40}');
SELECT nasty('triggers of the user', $$CREATE TABLE t (id serial PRIMARY KEY, name text NOT NULL, upper_name text); CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.upper_name := upper(NEW.name); RETURN NEW; END';
	CREATE TRIGGER up BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION up()$$, '{"t": 40}');
SELECT nasty('tables that belong to migrations', 'CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE x (id serial PRIMARY KEY)', '{"x": 40, "schema_migrations": 0}');
SELECT nasty('a small sequence', 'CREATE TABLE s (id smallserial PRIMARY KEY, v int)', '{"s": 40}');
SELECT nasty('no columns but a key', 'CREATE TABLE s (id serial PRIMARY KEY)', '{"s": 40}');
SELECT nasty('no key', 'CREATE TABLE s (a int NOT NULL, b text NOT NULL)', '{"s": 40}');
SELECT nasty('array lengths and NOT NULL arrays', 'CREATE TABLE a (id serial PRIMARY KEY, tags text[] NOT NULL CHECK (cardinality(tags) BETWEEN 1 AND 3), r numrange NOT NULL CHECK (NOT isempty(r)))', '{"a": 40}');
SELECT nasty('inheritance', 'CREATE TABLE base (id serial PRIMARY KEY, name text NOT NULL); CREATE TABLE derived (extra int NOT NULL) INHERITS (base)', '{"base": 80, "derived": 40}');
SELECT nasty('two schemas', 'CREATE SCHEMA other; CREATE TABLE other.p (id int PRIMARY KEY); INSERT INTO other.p VALUES (3), (5); CREATE TABLE c (id serial PRIMARY KEY, p_id int NOT NULL REFERENCES other.p)', '{"c": 40}');


-- What made published schemas hard.
SELECT nasty('two references to one table that differ, in one key', 'CREATE TABLE acct (id serial PRIMARY KEY); CREATE TABLE heir (id serial PRIMARY KEY, kind smallint NOT NULL, from_id int NOT NULL REFERENCES acct, to_id int NOT NULL REFERENCES acct, UNIQUE (kind, from_id, to_id), CHECK (from_id <> to_id));
	CREATE TABLE trust (from_id int REFERENCES acct, to_id int REFERENCES acct, PRIMARY KEY (from_id, to_id), CHECK (from_id <> to_id))',
	'{"acct": 40, "heir": 40, "trust": 40}');
SELECT nasty('one of two references, each unique where it is', 'CREATE TABLE mod (id serial PRIMARY KEY); CREATE TABLE version (id serial PRIMARY KEY); CREATE TABLE exemption (mod_id int REFERENCES mod, version_id int REFERENCES version, CHECK ((mod_id IS NULL) <> (version_id IS NULL)));
	CREATE UNIQUE INDEX ON exemption (mod_id) WHERE mod_id IS NOT NULL; CREATE UNIQUE INDEX ON exemption (version_id) WHERE version_id IS NOT NULL', '{"mod": 40, "version": 40, "exemption": 40}');
SELECT nasty('references that depend on a kind', $$CREATE TABLE post (id serial PRIMARY KEY); CREATE TYPE kind AS ENUM ('ban', 'remove', 'lock', 'purge');
	CREATE TABLE log (id serial PRIMARY KEY, kind kind NOT NULL, a_id int REFERENCES post, b_id int REFERENCES post, c_id int REFERENCES post, d_id int REFERENCES post,
		CHECK (kind = 'ban' AND num_nonnulls(a_id, b_id) = 2 AND num_nonnulls(c_id, d_id) = 0 OR kind = 'remove' AND num_nonnulls(a_id, b_id, c_id) = 3 AND d_id IS NULL OR kind = 'lock' AND num_nonnulls(a_id, b_id, c_id, d_id) = 4
			OR kind = 'purge' AND num_nonnulls(a_id, b_id, c_id, d_id) = 0))$$, '{"log": 40, "post": 40}');
SELECT nasty('alternatives that chance does not come to', $$CREATE TABLE kind (id serial PRIMARY KEY); CREATE TABLE area (id serial PRIMARY KEY);
	CREATE TABLE artist (id serial PRIMARY KEY, kind_id int REFERENCES kind, area_id int REFERENCES area, begin_area_id int REFERENCES area, gender text, a int, b int, c int, d int, e boolean NOT NULL, state text NOT NULL,
		CHECK (id <> 1 OR kind_id = 3 AND num_nulls(gender, a, b, c, d) = 5 AND area_id IS NULL AND begin_area_id IS NULL AND NOT e),
		CHECK (state IN ('draft', 'sent', 'paid') OR state = 'void' AND e AND a IS NOT NULL), CHECK (state <> 'paid' OR kind_id IN (7, 8) OR kind_id = 9))$$, '{"area": 40, "kind": 20, "artist": 40}');
SELECT nasty('a type and an id that is no key of it', 'CREATE TABLE users (id text PRIMARY KEY); CREATE TABLE teams (id text PRIMARY KEY); CREATE TABLE run (id text PRIMARY KEY); CREATE TABLE run_log (id text PRIMARY KEY, run_id text NOT NULL REFERENCES run, step_id text NOT NULL, step_type text NOT NULL, UNIQUE (run_id, step_id))',
	'{"run": 40, "teams": 40, "users": 40, "run_log": 40}');
SELECT nasty('a form that is asked for anywhere in a text', $$CREATE TABLE class (id serial PRIMARY KEY, class text NOT NULL CHECK (class ~ '[[:alnum:]_]')); CREATE UNIQUE INDEX ON class (lower(class))$$, '{"class": 40}');
SELECT nasty('a unique expression that is NULL in many rows', $$CREATE TABLE provider (id serial PRIMARY KEY, resource_id text); CREATE UNIQUE INDEX ON provider (lower(resource_id))$$, '{"provider": 40}');
SELECT nasty('days that must differ', 'CREATE TABLE entity (id serial PRIMARY KEY, created date NOT NULL); CREATE TABLE budget (id serial PRIMARY KEY, entity_id int NOT NULL REFERENCES entity, start_date date NOT NULL, end_date date NOT NULL, CHECK (start_date < end_date));
	CREATE TABLE phase (id serial PRIMARY KEY, budget_id int NOT NULL REFERENCES budget, created date NOT NULL, start_date date NOT NULL, end_date date NOT NULL, CHECK (start_date < end_date))', '{"phase": 400, "budget": 400, "entity": 400}', 400);
SELECT nasty('a reference to some rows of a list that is there', $$CREATE TABLE class (id serial PRIMARY KEY, name text NOT NULL UNIQUE); INSERT INTO class (name) VALUES ('vendor'), ('customer'), ('staff');
	CREATE TABLE account (id serial PRIMARY KEY, class_id int NOT NULL REFERENCES class CHECK (class_id IN (1, 2)))$$, '{"class": 43, "account": 40}', kept => 3);
SELECT nasty('a reference to some rows of many', 'CREATE TABLE class (id int PRIMARY KEY); CREATE TABLE account (id serial PRIMARY KEY, class_id int NOT NULL REFERENCES class CHECK (class_id > 37), rank_id int NOT NULL REFERENCES class, CHECK (rank_id BETWEEN 3 AND 4))',
	'{"class": 40, "account": 40}');
SELECT nasty('a key that may be NULL, and what refers to it', 'CREATE TABLE class (id smallint CHECK (id BETWEEN 1 AND 9), name text PRIMARY KEY, UNIQUE (id)); CREATE TABLE orders (id serial PRIMARY KEY, class_id int NOT NULL REFERENCES class (id))',
	'{"class": 9, "orders": 40}');
SELECT nasty('names that are reserved', $$CREATE TABLE users (id serial PRIMARY KEY, username text NOT NULL); CREATE TABLE reserved_usernames (username text PRIMARY KEY);
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF EXISTS (SELECT FROM nasty.reserved_usernames AS r WHERE r.username = NEW.username) THEN RAISE ''reserved''; END IF; RETURN NEW; END';
	CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()$$, '{"users": 40, "reserved_usernames": 40}');

SELECT nasty('a tree within what its rows belong to', 'CREATE TABLE host (id serial PRIMARY KEY); CREATE TABLE device (host_id int REFERENCES host, name text, parent_name text, PRIMARY KEY (host_id, name), FOREIGN KEY (host_id, parent_name) REFERENCES device);
	CREATE TABLE thread (id serial PRIMARY KEY, host_id int NOT NULL REFERENCES host, parent_id int REFERENCES thread)', '{"host": 40, "device": 40, "thread": 40}');
SELECT nasty('a chain', 'CREATE TABLE block (id serial PRIMARY KEY, previous_id int UNIQUE REFERENCES block)', '{"block": 40}');
SELECT nasty('one row at most of a kind', 'CREATE TABLE config (id serial PRIMARY KEY, is_default boolean NOT NULL DEFAULT false, deleted boolean NOT NULL DEFAULT false); CREATE UNIQUE INDEX ON config ((1)) WHERE is_default AND NOT deleted', '{"config": 40}');
SELECT nasty('a key that is part of a reference', 'CREATE TABLE album (id serial PRIMARY KEY); CREATE TABLE file (id serial PRIMARY KEY); CREATE TABLE album_file (album_id int REFERENCES album, file_id int REFERENCES file, PRIMARY KEY (album_id, file_id));
	CREATE TABLE trash (file_id int PRIMARY KEY, album_id int NOT NULL, FOREIGN KEY (album_id, file_id) REFERENCES album_file)', '{"file": 40, "album": 40, "trash": 40, "album_file": 40}');
SELECT nasty('rows that refer to themselves, and heads and their revisions', 'CREATE TABLE entity (id uuid PRIMARY KEY REFERENCES entity); CREATE TABLE revision (id serial PRIMARY KEY); CREATE TABLE header (id uuid PRIMARY KEY REFERENCES entity, master_id int);
	CREATE TABLE header_revision (revision_id int REFERENCES revision, id uuid REFERENCES header, PRIMARY KEY (revision_id, id)); ALTER TABLE header ADD FOREIGN KEY (master_id, id) REFERENCES header_revision',
	'{"entity": 40, "header": 40, "revision": 40, "header_revision": 40}');
SELECT nasty('triggers that refuse rows', $$CREATE TABLE users (id serial PRIMARY KEY, banned boolean NOT NULL, follows text); CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, score int NOT NULL); CREATE TABLE notes (id uuid PRIMARY KEY, post_id int NOT NULL REFERENCES posts);
	CREATE FUNCTION known() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.follows IS NOT NULL AND NOT EXISTS (SELECT FROM nasty.users WHERE follows = NEW.follows) THEN RAISE ''nobody is called %'', NEW.follows USING ERRCODE = ''2F000''; END IF; RETURN NEW; END';
	CREATE TRIGGER known BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION known();
	CREATE FUNCTION allowed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.score % 3 = 0 OR EXISTS (SELECT FROM nasty.users WHERE id = NEW.user_id AND banned) THEN RAISE ''not allowed''; END IF; RETURN NEW; END';
	CREATE TRIGGER allowed AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION allowed()$$, '{"notes": 40, "posts": 40, "users": 40}');
SELECT nasty('an empty table of another schema', 'CREATE SCHEMA lists; CREATE TABLE lists.language (id serial PRIMARY KEY); CREATE TABLE book (id serial PRIMARY KEY, language_id int NOT NULL REFERENCES lists.language)', '{"book": 40}');
SELECT nasty('keys that are made with a tenant that references share', 'CREATE TABLE tenant (id serial PRIMARY KEY); CREATE TABLE usr (tenant_id int REFERENCES tenant, id bigint, PRIMARY KEY (tenant_id, id));
	CREATE TABLE proj (id serial PRIMARY KEY, tenant_id int NOT NULL, owner_id bigint NOT NULL, maker_id bigint NOT NULL, FOREIGN KEY (tenant_id, owner_id) REFERENCES usr, FOREIGN KEY (tenant_id, maker_id) REFERENCES usr)', '{"usr": 40, "proj": 40, "tenant": 40}');
SELECT nasty('keys of few values with a tenant that references share', $$CREATE TABLE tenant (id serial PRIMARY KEY); CREATE TYPE kind AS ENUM ('admin', 'member', 'guest'); CREATE TABLE role (tenant_id int REFERENCES tenant, kind kind, PRIMARY KEY (tenant_id, kind));
	CREATE TABLE grants (id serial PRIMARY KEY, tenant_id int NOT NULL, kind kind NOT NULL, other kind NOT NULL, FOREIGN KEY (tenant_id, kind) REFERENCES role, FOREIGN KEY (tenant_id, other) REFERENCES role)$$,
	'{"role": 100, "grants": 40, "tenant": 40}', overrides => '{"rows": {"role": 100}}');
SELECT nasty('a tree whose rows belong to what has no table', 'CREATE TABLE tree (org int, id int, parent int, PRIMARY KEY (org, id), FOREIGN KEY (org, parent) REFERENCES tree)', '{"tree": 40}');
SELECT nasty('columns that follow from others, match them or are compared with them', $$CREATE TABLE ledger (id serial PRIMARY KEY, before int NOT NULL, delta int NOT NULL, after int NOT NULL, CHECK (after = before + delta AND before >= 0 AND after >= 0),
	vocabulary text NOT NULL CHECK (vocabulary ~ '^[a-z]{3,9}$'), term text NOT NULL CHECK (term ~ ('^' || vocabulary || ':[a-z]+$')), code text NOT NULL, item varchar(10) NOT NULL CHECK (item = rpad(code, 10, '0')),
	low float8 NOT NULL, high float8 NOT NULL, CHECK (low >= 0 AND low <= high), CHECK (high <= 1))$$, '{"ledger": 40}');
SELECT nasty('JSON that must be an array, and texts that a function looks at', $$CREATE FUNCTION is_uid(uid text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN uid ~ ''^[A-Za-z][A-Za-z0-9]{10}$''; END';
	CREATE TABLE jobs (id serial PRIMARY KEY, args jsonb NOT NULL CHECK (jsonb_typeof(args) = 'array'), uid varchar(11) NOT NULL UNIQUE CHECK (nasty.is_uid(uid)), name text NOT NULL CHECK (name ~* '^[A-Za-z0-9]+$' AND name ~ '^[A-Z]'))$$, '{"jobs": 40}');
SELECT nasty('a generated column that is unique, and a default of the session in a key', $$CREATE TABLE repo (id serial PRIMARY KEY, tenant_id text NOT NULL DEFAULT current_setting('TimeZone'), name text NOT NULL, folded text GENERATED ALWAYS AS (lower(name)) STORED, UNIQUE (folded, tenant_id), UNIQUE (id, tenant_id));
	CREATE TABLE app (id serial PRIMARY KEY, repo_id int NOT NULL, tenant_id text NOT NULL, FOREIGN KEY (repo_id, tenant_id) REFERENCES repo (id, tenant_id))$$, '{"app": 40, "repo": 40}');
SELECT nasty('unique references to rows of one kind', $$CREATE TYPE kind AS ENUM ('none', 'label', 'user'); CREATE TABLE label (id serial PRIMARY KEY); CREATE TABLE rule (id serial PRIMARY KEY, kind kind NOT NULL, UNIQUE (id, kind));
	CREATE TABLE rule_label (id serial PRIMARY KEY, rule_id int NOT NULL, kind kind NOT NULL CHECK (kind = 'label'), label_id int NOT NULL REFERENCES label, FOREIGN KEY (rule_id, kind) REFERENCES rule (id, kind), UNIQUE (rule_id, label_id))$$,
	'{"rule": 40, "label": 40, "rule_label": 40}');
SELECT nasty('a tenant that one foreign key forgets', 'CREATE TABLE tenant (id bigint PRIMARY KEY); CREATE TABLE page (tenantid bigint, id bigint, PRIMARY KEY (tenantid, id)); CREATE TABLE profile (tenantid bigint REFERENCES tenant, id bigint, PRIMARY KEY (tenantid, id));
	CREATE TABLE app (tenantid bigint, id bigint, pageid bigint NOT NULL, profileid bigint NOT NULL, PRIMARY KEY (tenantid, id), FOREIGN KEY (tenantid, pageid) REFERENCES page, FOREIGN KEY (tenantid, profileid) REFERENCES profile)',
	'{"app": 40, "page": 40, "tenant": 40, "profile": 40}');
SELECT nasty('a tenant that has no table', 'CREATE TABLE page (org bigint, id bigint, PRIMARY KEY (org, id)); CREATE TABLE skin (org bigint, id bigint, PRIMARY KEY (org, id));
	CREATE TABLE site (org bigint, id bigint, page bigint NOT NULL, skin bigint NOT NULL, PRIMARY KEY (org, id), FOREIGN KEY (org, page) REFERENCES page, FOREIGN KEY (org, skin) REFERENCES skin)', '{"page": 40, "site": 40, "skin": 40}');

SELECT nasty('such a tenant of the user''s own', 'CREATE TABLE page (org bigint, id bigint, PRIMARY KEY (org, id)); CREATE TABLE skin (org bigint, id bigint, PRIMARY KEY (org, id));
	CREATE TABLE site (org bigint CHECK (org = 7), id bigint, page bigint NOT NULL, skin bigint NOT NULL, PRIMARY KEY (org, id), FOREIGN KEY (org, page) REFERENCES page, FOREIGN KEY (org, skin) REFERENCES skin)', '{"page": 40, "site": 40, "skin": 40}',
	overrides => '{"tables": {"page": {"columns": {"org": {"generator": "constant", "value": 7}}}, "skin": {"columns": {"org": {"generator": "constant", "value": 7}}}}}');

SELECT * FROM finish();
ROLLBACK;
