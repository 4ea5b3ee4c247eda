-- Plans: what is refused in one, and what is made of a schema.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
BEGIN;
SELECT no_plan();
\ir include/error_of.sql

-- a plan that can be read, with what a test wants otherwise put in
CREATE FUNCTION plan_with(path text, value jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_set('{"version": 1, "name": "small", "since": "2024-01-01", "as_of": "2026-01-01T00:00:00+00:00", "steps": [
        {"step": "users", "relation": "public.plan_users", "rows": 3, "columns": {"email": {"generator": "email"}}},
        {"step": "posts", "relation": "public.plan_posts", "rows": 5, "columns": {"title": {"generator": "title"}},
         "refs": [{"columns": ["user_id"], "relation": "public.plan_users", "key": ["id"], "fan_out": "even"}]}]}', path::text[], value)
$$;
CREATE FUNCTION error_with(path text, value jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT error_of(format('SELECT * FROM pollseed_plan_check(%L)', plan_with(path, value)))
$$;
CREATE FUNCTION hint_with(path text, value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    PERFORM pollseed_plan_check(plan_with(path, value));
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;

-- the head
SELECT is(error_of('SELECT * FROM pollseed_plan_check(''[]'')'), '22023 the plan must be a JSON object', 'an array is no plan');
SELECT is(error_of('SELECT * FROM pollseed_plan_check(''{}'')'), '22023 the plan lacks member "version"', 'a plan has a version');
SELECT is(error_with('{version}', '2'), '22023 the plan is of version 2', 'another version is refused');
SELECT is(hint_with('{version}', '2'), 'This release of pollseed reads version 1.', 'the hint says which version is read');
SELECT is(error_with('{version}', '"1"'), '22023 "version" of the plan must be an integer', 'a version is a number');
SELECT is(error_with('{size}', '3'), '22023 unrecognized member "size" of the plan', 'members of the plan are known ones');
SELECT is(hint_with('{size}', '3'), 'Its members are version, name, since, as_of, seed, steps, notes.', 'the hint lists the plan''s members');
SELECT is(error_with('{step}', '3'), '22023 unrecognized member "step" of the plan', 'a part of a member''s name is not one');
SELECT is(error_with('{seed}', '1.5'), '22023 "seed" of the plan must be an integer', 'a seed is an integer');
SELECT is(error_with('{seed}', '10000000000000000000'), '22023 "seed" of the plan must be an integer', 'a seed has 64 bits');
SELECT is(error_with('{since}', '"2026-01-02"'), '22023 "since" of the plan must be before "as_of"', 'the time has a beginning before its end');
SELECT is(error_with('{steps}', '[]'), '22023 "steps" of the plan must have at least one step', 'a plan has steps');
SELECT is(error_with('{steps}', '[1]'), '22023 "steps" of the plan must be an array of JSON objects', 'steps are objects');
SELECT is(error_with('{notes}', '[1]'), '22023 "notes" of the plan must be an array of texts that are not empty', 'notes are texts');

-- times, which no setting changes
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT is(error_with('{since}', to_jsonb(m)), '22023 "since" of the plan must be a date and time as "2026-01-31T12:00:00+00:00", or a date alone',
        format('%s is no moment', m))
  FROM unnest('{01/02/2024,2024-13-01,2024-02-30,2024-1-1,today,infinity,2024-01-01T25:00,2024-01-01T10:00+99,2024-01-01 x}'::text[]) AS m;
SELECT isnt(error_with('{since}', to_jsonb(m)), '22023 "since" of the plan must be a date and time as "2026-01-31T12:00:00+00:00", or a date alone',
        format('%s is a moment', m))
  FROM unnest('{2024-02-29,2024-01-01T10:00,2024-01-01 10:00:01.5Z,2024-01-01T10:00:00+05:30,2024-01-01T10:00:00-0800,2024-01-01T10:00:00+02}'::text[]) AS m;
RESET DateStyle;
RESET TimeZone;

-- steps
SELECT is(error_with('{steps,0}', '{"relation": "a"}'), '22023 step 1 of the plan lacks member "step"', 'a step has a name');
SELECT is(error_with('{steps,0}', '{"step": "a", "rows": 1}'), '22023 step "a" lacks member "relation"', 'a step has a relation');
SELECT is(error_with('{steps,0}', '{"step": "a", "relation": "a"}'), '22023 step "a" lacks member "rows"', 'a step has rows');
SELECT is(error_with('{steps,0,rows}', '-1'), '22023 "rows" of step "users" must be an integer of at least 0', 'rows are not negative');
SELECT is(error_with('{steps,0,rows}', '"3"'), '22023 "rows" of step "users" must be an integer of at least 0', 'rows are a number');
SELECT is(error_with('{steps,0,table}', '"a"'), '22023 unrecognized member "table" of step "users"', 'members of a step are known ones');
SELECT is(hint_with('{steps,0,table}', '"a"'), 'Its members are step, relation, rows, natural_key, columns, refs, why.', 'the hint lists a step''s members');
SELECT is(error_with('{steps,0,relation}', '"a.b.c"'), '22023 "relation" of step "users" must be a table''s name, such as "public.users"', 'a relation has at most a schema');
SELECT is(error_with('{steps,0,step}', '"posts"'), '22023 the plan has two steps "posts"', 'a step''s name is its own');
SELECT is(error_with('{steps,0,relation}', '"Public.plan_posts"'), '22023 steps "users" and "posts" are both of relation public.plan_posts',
    'a relation has one step, however it is spelled');
SELECT is(error_with('{steps,0,natural_key}', '[]'), '22023 "natural_key" of step "users" must name at least one column', 'a natural key has columns');
SELECT is(error_with('{steps,0,natural_key}', '["email", "email"]'), '22023 "natural_key" of step "users" names column "email" twice', 'a natural key has a column once');

-- columns
SELECT is(error_with('{steps,0,columns}', '[]'), '22023 "columns" of step "users" must be a JSON object', 'columns are an object');
SELECT is(error_with('{steps,0,columns,email}', '"email"'), '22023 "email" of "columns" of step "users" must be a JSON object', 'a column is an object');
SELECT is(error_with('{steps,0,columns,email}', '{}'), '22023 column "email" of step "users" lacks member "generator"', 'a column has a generator');
SELECT is(error_with('{steps,0,columns,email,nulls}', '2'), '22023 "nulls" of column "email" of step "users" must be a number between 0 and 1', 'nulls are a share');
SELECT is(error_with('{steps,0,columns,email,why}', '2'), '22023 "why" of column "email" of step "users" must be a text', 'a reason is a text');

-- references
SELECT is(error_with('{steps,1,refs,0,columns}', '[]'), '22023 "columns" of reference 1 of step "posts" must name at least one column', 'a reference has columns');
SELECT is(error_with('{steps,1,refs,0,columns}', '["a", "a"]'), '22023 "columns" of reference 1 of step "posts" names column "a" twice', 'a reference has a column once');
SELECT is(error_with('{steps,1,refs,0,key}', '["a", "b"]'), '22023 "key" of reference 1 of step "posts" must name as many columns as "columns" does', 'a key is as long as the columns');
SELECT is(error_with('{steps,1,refs,0,fan_out}', '"wide"'), '22023 unrecognized "fan_out" of reference 1 of step "posts": "wide"', 'a fan-out is a known one');
SELECT is(hint_with('{steps,1,refs,0,fan_out}', '"wide"'), 'It is even, skewed, random or one.', 'the hint lists the fan-outs');
SELECT is(error_with('{steps,1,refs,0,to}', '"a"'), '22023 unrecognized member "to" of reference 1 of step "posts"', 'members of a reference are known ones');
SELECT is(error_with('{steps,1,columns,user_id}', '{"generator": "row"}'), '22023 column "user_id" of step "posts" is in "columns" and in "refs"', 'a column has one source');
SELECT is(error_with('{steps,1,refs}', '[{"columns": ["a"], "relation": "b"}, {"columns": ["a"], "relation": "b"}]'), '22023 "refs" of step "posts" has (a) to b twice',
    'a reference stands there once');
SELECT is(error_with('{steps,1,refs,0}', '{"columns": ["t", "i"], "relation": "a", "polymorphic": []}'),
    '22023 reference 1 of step "posts" has "polymorphic" beside "relation" or "key"', 'a polymorphic pair has no relation of its own');
SELECT is(error_with('{steps,1,refs,0}', '{"columns": ["t", "i"], "polymorphic": []}'),
    '22023 "polymorphic" of reference 1 of step "posts" must name at least one table whose weight is not 0', 'a polymorphic pair has targets');
SELECT is(error_with('{steps,1,refs,0}', '{"columns": ["t", "i"], "polymorphic": [{"type": "A"}]}'),
    '22023 target 1 of reference 1 of step "posts" lacks member "relation"', 'a target has a relation');
SELECT is(error_with('{steps,1,refs,0}', '{"columns": ["i"], "polymorphic": [{"type": "A", "relation": "a"}]}'),
    '22023 "columns" of reference 1 of step "posts" must name the type''s column and then those of the key', 'a polymorphic pair has two columns');

-- values that would be made of themselves
CREATE TABLE plan_loop (a text, b text, c text);
SELECT is((SELECT string_agg(concat_ws(' ', "column", problem), ', ') FROM pollseed_plan_check('{"version": 1, "name": "loop", "since": "2024-01-01", "as_of": "2026-01-01", "steps": [{"step": "l", "relation": "public.plan_loop", "rows": 3,
        "columns": {"a": {"generator": "expression", "sql": "b || 1"}, "b": {"generator": "expression", "sql": "c || 1"}, "c": {"generator": "expression", "sql": "a || 1"}}}]}')),
    'a is made of itself, by "b" and "c"', 'columns are not made of one another in a circle');
SELECT is(error_of('SELECT pollseed_plan_schema(''information_schema'')'), '22023 schema "information_schema" is the server''s own', 'the server''s schemas are not planned');
SELECT is(error_of('SELECT pollseed_plan_schema(''pg_catalog'')'), '22023 schema "pg_catalog" is the server''s own', 'whichever');

-- a schema
CREATE SCHEMA shop;
CREATE TYPE shop.size AS ENUM ('small', 'large');
CREATE TABLE shop.countries (code char(2) PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE shop.companies (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug varchar(40) NOT NULL UNIQUE, name text NOT NULL, country_code char(2) REFERENCES shop.countries,
    UNIQUE (country_code, id));
CREATE TABLE shop.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, company_id uuid NOT NULL REFERENCES shop.companies, first_name text NOT NULL, last_name text NOT NULL,
    email text NOT NULL UNIQUE, manager_id bigint REFERENCES shop.users, is_admin boolean NOT NULL DEFAULT false, posts_count integer NOT NULL DEFAULT 0,
    initial text GENERATED ALWAYS AS (left(first_name, 1)) STORED, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz);
CREATE TABLE shop.profiles (user_id bigint PRIMARY KEY REFERENCES shop.users, bio text, tags text[] NOT NULL DEFAULT '{}');
CREATE TABLE shop.products (id bigserial PRIMARY KEY, name text NOT NULL, price numeric(6,2) NOT NULL, size shop.size NOT NULL, sku varchar(12) NOT NULL UNIQUE, starts_on date, ends_on date);
CREATE TABLE shop.user_products (user_id bigint REFERENCES shop.users, product_id bigint REFERENCES shop.products, quantity integer NOT NULL, PRIMARY KEY (user_id, product_id));
CREATE TABLE shop.size_labels (size shop.size PRIMARY KEY, label text NOT NULL);
CREATE TABLE shop.switches (enabled boolean PRIMARY KEY);
CREATE TABLE shop.comments (id bigserial PRIMARY KEY, commentable_type varchar(30) NOT NULL, commentable_id bigint NOT NULL, author_id bigint NOT NULL, body text NOT NULL);
CREATE TABLE shop."BlogPosts" (id serial PRIMARY KEY, "createdAt" timestamp NOT NULL, "updatedAt" timestamp NOT NULL, "userId" bigint);
CREATE TABLE shop.schema_migrations (version text PRIMARY KEY);
CREATE TABLE shop.logs (at timestamptz NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE shop.logs_2025 PARTITION OF shop.logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE VIEW shop.names AS SELECT name FROM shop.products;

CREATE TEMP TABLE plans AS SELECT pollseed_plan_schema('shop', 50, as_of => '2026-01-01T00:00:00+00') AS plan;
CREATE FUNCTION pg_temp.step(name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT s FROM plans, jsonb_array_elements(plan -> 'steps') AS s WHERE s ->> 'step' = name
$$;
CREATE FUNCTION pg_temp.generator(step text, "column" text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT (pg_temp.step(step) -> 'columns' -> "column") - 'why'
$$;
CREATE FUNCTION pg_temp.ref(step text, "column" text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT r - 'why' FROM jsonb_array_elements(pg_temp.step(step) -> 'refs') AS r WHERE r -> 'columns' ? "column"
$$;

SELECT is((SELECT string_agg(s ->> 'step', ' ') FROM plans, jsonb_array_elements(plan -> 'steps') AS s),
    'BlogPosts comments companies countries logs products profiles schema_migrations size_labels switches user_products users',
    'tables are planned in the order of their names, without views and partitions');
SELECT is((SELECT plan - 'steps' FROM plans), '{"version": 1, "name": "shop", "since": "2024-01-01T00:00:00+00:00", "as_of": "2026-01-01T00:00:00+00:00", "notes": []}',
    'the plan bears the schema''s name and two years');
SELECT is(pg_temp.step('BlogPosts') ->> 'relation', 'shop."BlogPosts"', 'relations are quoted where they need to be');

-- rows
SELECT is((SELECT jsonb_object_agg(s ->> 'step', s -> 'rows') FROM plans, jsonb_array_elements(plan -> 'steps') AS s),
    '{"BlogPosts": 50, "comments": 50, "companies": 50, "countries": 20, "logs": 50, "products": 50, "profiles": 50, "schema_migrations": 0, "size_labels": 2,
      "switches": 2, "user_products": 50, "users": 50}', 'tables get as many rows as their keys have room for');
SELECT is(pg_temp.step('size_labels') ->> 'why', 'its key size_labels_pkey has no more values', 'the step says why it has fewer');
SELECT is(pg_temp.step('schema_migrations') ->> 'why', 'a tool keeps its own rows in it', 'a migration tool''s table stays empty');

-- columns
SELECT is(pg_temp.generator('users', 'id'), '{"generator": "sequence"}', 'an identity column is a sequence''s');
SELECT is(pg_temp.generator('products', 'id'), '{"generator": "sequence"}', 'so is a serial one');
SELECT is(pg_temp.generator('companies', 'id'), '{"generator": "uuid5", "of": ["slug"]}', 'a UUID follows from the natural key');
SELECT is(pg_temp.step('companies') -> 'natural_key', '["slug"]', 'the natural key is unique and of texts that are there');
SELECT is(pg_temp.generator('companies', 'name'), '{"generator": "company"}', 'the name of a company is a company''s');
SELECT is(pg_temp.generator('companies', 'slug'), '{"generator": "slug", "of": ["name"]}', 'a slug is of the name');
SELECT is(pg_temp.generator('products', 'name'), '{"generator": "product"}', 'the name of a product is a product''s');
SELECT is(pg_temp.generator('countries', 'name'), '{"generator": "country"}', 'the name of a country is a country''s');
SELECT is(pg_temp.generator('users', 'email'), '{"generator": "email", "of": ["first_name", "last_name"]}', 'an e-mail address is of the names');
SELECT is(pg_temp.generator('users', 'is_admin'), '{"generator": "boolean", "true": 0.05}', 'few users are administrators');
SELECT is(pg_temp.step('users') -> 'columns' -> 'posts_count', '{"generator": "default", "why": "a counter, which the application keeps"}', 'a counter is left to its default');
SELECT is(pg_temp.generator('users', 'initial'), NULL, 'a generated column is left out');
SELECT is(pg_temp.generator('users', 'updated_at'), '{"generator": "moment", "after": "created_at", "within": "30 days"}', 'a row is updated after it was made');
SELECT is(pg_temp.generator('users', 'deleted_at'), '{"generator": "moment", "after": "created_at", "nulls": 0.9}', 'few rows are deleted');
SELECT is(pg_temp.generator('BlogPosts', 'updatedAt'), '{"generator": "moment", "after": "createdAt", "within": "30 days"}', 'names may be in camel case');
SELECT is(pg_temp.generator('products', 'ends_on'), '{"generator": "moment", "after": "starts_on", "within": "14 days", "nulls": 0.2}', 'an end comes after its start');
SELECT is(pg_temp.generator('products', 'size'), '{"generator": "allowed", "weights": "first"}', 'an enum has its values');
SELECT is(pg_temp.generator('profiles', 'tags'), '{"generator": "array", "min": 0, "max": 3, "element": {"generator": "word"}}', 'an array is of what its name says');

-- references
SELECT is(pg_temp.ref('users', 'company_id'), '{"columns": ["company_id"], "relation": "shop.companies", "key": ["id"], "fan_out": "skewed"}', 'a foreign key is a reference');
SELECT is(pg_temp.ref('users', 'manager_id'), '{"columns": ["manager_id"], "relation": "shop.users", "key": ["id"], "fan_out": "even", "nulls": 0.1}', 'a tree has roots');
SELECT is(pg_temp.ref('profiles', 'user_id') ->> 'fan_out', 'one', 'a unique reference has a parent of its own');
SELECT is(pg_temp.ref('comments', 'author_id'), '{"columns": ["author_id"], "relation": "shop.users", "key": ["id"], "fan_out": "skewed"}', 'a name can be a reference');
SELECT is(pg_temp.ref('BlogPosts', 'userId') ->> 'relation', 'shop.users', 'so can one in camel case');
SELECT is((SELECT string_agg(t ->> 'type', ' ' ORDER BY t ->> 'type') FROM jsonb_array_elements(pg_temp.ref('comments', 'commentable_id') -> 'polymorphic') AS t),
    'BlogPost Product User', 'a polymorphic pair refers to tables by their classes');

-- overrides
CREATE FUNCTION pg_temp.overridden(overrides jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT pollseed_plan_schema('shop', 50, overrides, '2026-01-01T00:00:00+00')
$$;
CREATE FUNCTION pg_temp.refused(overrides jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT error_of(format('SELECT pollseed_plan_schema(''shop'', 50, %L)', overrides))
$$;
CREATE FUNCTION pg_temp.step_of(plan jsonb, name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT s FROM jsonb_array_elements(plan -> 'steps') AS s WHERE s ->> 'step' = name
$$;
SELECT is(pg_temp.step_of(pg_temp.overridden('{"rows": {"users": 70, "*": 10}}'), 'users') -> 'rows', '70', 'rows of a table can be said');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"rows": {"users": 70, "*": 10}}'), 'products') -> 'rows', '10', 'and of all others');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"scale": 2}'), 'users') -> 'rows', '100', 'a scale multiplies rows');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"rows": {"users": 7}}'), 'profiles') -> 'rows', '7', 'keys follow the parents'' rows');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"tables": {"products": {"columns": {"name": {"generator": "word"}, "starts_on": null}}}}'), 'products') -> 'columns' -> 'name',
    '{"generator": "word"}', 'a column can be said');
SELECT ok(NOT pg_temp.step_of(pg_temp.overridden('{"tables": {"products": {"columns": {"starts_on": null}}}}'), 'products') -> 'columns' ? 'starts_on', 'or left to its default');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"tables": {"users": {"refs": [{"columns": ["manager_id"], "relation": "shop.users", "fan_out": "random"}]}}}'), 'users') #>> '{refs,0,fan_out}',
    'random', 'a reference can be said');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"tables": {"users": {"columns": {"manager_id": {"generator": "constant", "value": 1}}}}}'), 'users') #> '{columns,manager_id}',
    '{"generator": "constant", "value": 1}', 'a generator takes a reference''s place');
SELECT is(pg_temp.step_of(pg_temp.overridden('{"tables": {"users": {"natural_key": ["first_name", "last_name"]}}}'), 'users') -> 'natural_key',
    '["first_name", "last_name"]', 'a natural key can be said');
SELECT is((SELECT string_agg(s ->> 'step', ' ') FROM jsonb_array_elements(pg_temp.overridden('{"include": ["c*", "users"], "exclude": ["comments"]}') -> 'steps') AS s),
    'companies countries users', 'tables can be chosen by patterns');
SELECT is(pg_temp.overridden('{"since": "2025-06-01T02:00:00+02:00"}') ->> 'since', '2025-06-01T00:00:00+00:00', 'the beginning can be said');
SELECT is(pg_temp.refused('{"row": {}}'), '22023 unrecognized member "row" of overrides', 'members of overrides are known ones');
SELECT is(pg_temp.refused('{"rows": {"user": 1}}'), '22023 "rows" of overrides names table "user", which the plan has not', 'tables are known ones');
SELECT is(pg_temp.refused('{"exclude": ["user"]}'), '22023 "exclude" of overrides names table "user", which the plan has not', 'so are those left out');
SELECT is(pg_temp.refused('{"tables": {"users": {"columns": {"mail": {}}}}}'), '22023 "columns" of table "users" of overrides names column "mail", which cannot be seeded', 'columns are known ones');
SELECT is(pg_temp.refused('{"tables": {"users": {"columns": {"initial": {}}}}}'), '22023 "columns" of table "users" of overrides names column "initial", which cannot be seeded',
    'and not generated ones');
SELECT is(pg_temp.refused('{"tables": {"users": {"columns": {"email": {}}}}}'), '22023 column "email" of step "users" lacks member "generator"', 'what is given must be a plan''s');
SELECT is(pg_temp.refused('{"scale": -1}'), '22023 "scale" of overrides must be a number between 0 and 1e+09', 'a scale is not negative');
SELECT is(error_of('SELECT pollseed_plan_schema(''shop'', 1, ''{"as_of": "2026-01-01"}'', ''2026-01-01'')'), '22023 as_of is given as an argument and in overrides', 'a moment is given once');

-- the call
SELECT is(error_of('SELECT pollseed_plan_schema(''nowhere'')'), '3F000 schema "nowhere" does not exist', 'a schema must exist');
SELECT is(error_of('SELECT pollseed_plan_schema(NULL)'), '22004 schema_name must not be null', 'a schema must be given');
SELECT is(error_of('SELECT pollseed_plan_schema(''shop'', -1)'), '22023 rows must not be negative', 'rows must not be negative');
CREATE SCHEMA empty_schema;
SELECT is(error_of('SELECT pollseed_plan_schema(''empty_schema'')'), '55000 schema "empty_schema" has no table that can be seeded', 'a schema must have tables');
SELECT is(date_trunc('day', now() AT TIME ZONE 'UTC')::text, (SELECT replace(left(pollseed_plan_schema('shop') ->> 'as_of', 19), 'T', ' ')), 'without a moment it is the start of the day in UTC');

-- rights
CREATE ROLE planner;
GRANT USAGE ON SCHEMA shop TO planner;
GRANT INSERT ON shop.countries, shop.companies TO planner;
GRANT INSERT (id, name, price, sku, size) ON shop.products TO planner;
SET LOCAL ROLE planner;
SELECT is((SELECT string_agg(s ->> 'step', ' ') FROM jsonb_array_elements(pollseed_plan_schema('shop') -> 'steps') AS s), 'companies countries products', 'only tables that the caller may fill are planned');
SELECT ok(pollseed_plan_schema('shop') -> 'notes' ? 'users is left out: INSERT is not granted', 'a note names the others');
SELECT ok(NOT s -> 'columns' ? 'ends_on' AND s -> 'columns' ? 'price', 'nor are columns that he may not')
  FROM jsonb_array_elements(pollseed_plan_schema('shop') -> 'steps') AS s WHERE s ->> 'step' = 'products';
RESET ROLE;

-- keys that few rows can be in, and other schemas
CREATE SCHEMA other;
CREATE TABLE other.tenants (id int PRIMARY KEY);
CREATE TABLE other.plans (id serial PRIMARY KEY, name text NOT NULL, is_default boolean NOT NULL);
CREATE UNIQUE INDEX only_default ON other.plans (is_default) WHERE is_default;
CREATE TABLE other.members (id serial PRIMARY KEY, tenant text NOT NULL DEFAULT current_setting('app.tenant', true), buyer_id bigint REFERENCES shop.users, seller_id bigint NOT NULL REFERENCES shop.users);
UPDATE plans SET plan = pollseed_plan_schema('other', 50);
SELECT is(pg_temp.step('plans') -> 'rows', '20', 'a partial key for one row does not limit the others');
SELECT is(pg_temp.generator('plans', 'is_default'), '{"generator": "constant", "value": false}', 'which are kept out of it');
SELECT is(pg_temp.generator('members', 'tenant'), '{"generator": "default"}', 'what the session says is left to the default');
SELECT is((SELECT string_agg(s ->> 'relation', ' ') FROM plans, jsonb_array_elements(plan -> 'steps') AS s WHERE s ->> 'relation' LIKE 'shop.%'), 'shop.users shop.companies', 'an empty table that must be referred to is added, and what it refers to');
SELECT is((SELECT plan -> 'notes' ->> 0 FROM plans), 'shop.users is added: members refers to it, and it is empty', 'a note says so');
UPDATE plans SET plan = pollseed_plan_schema('other', 50, '{"exclude": ["users"]}');
SELECT is(pg_temp.step('members') -> 'rows', '0', 'where it is left out there are no rows');
SELECT is((SELECT plan -> 'notes' FROM plans), '["shop.users is not in the plan and has no rows: fill it first"]', 'a note says so');
INSERT INTO shop.companies (slug, name) VALUES ('a', 'A');
INSERT INTO shop.users (company_id, first_name, last_name, email) SELECT id, 'Ann', 'Archer', 'ann@example.com' FROM shop.companies;
UPDATE plans SET plan = pollseed_plan_schema('other', 50);
SELECT is(pg_temp.step('members') -> 'rows', '50', 'where it has rows there are');

-- statistics
CREATE TABLE shop.orders (id serial PRIMARY KEY, state text NOT NULL, total integer, buyer_email text);
INSERT INTO shop.orders (state, total, buyer_email) SELECT CASE WHEN i % 4 = 0 THEN 'open' ELSE 'paid' END, NULLIF(i % 10, 0), 'someone' || i || '@example.org' FROM generate_series(1, 400) AS i;
ANALYZE shop.orders;
SET LOCAL DateStyle = 'SQL, DMY';
UPDATE plans SET plan = pollseed_plan_schema('shop', 50, '{"from_stats": true, "include": ["orders"]}');
SELECT is(pg_temp.step('orders') -> 'rows', '50', 'the largest table gets the rows that are asked for');
SELECT is(pg_temp.generator('orders', 'state'), '{"generator": "stats", "values": ["paid", "open"], "weights": [0.75, 0.25]}', 'values are as common as they are');
SELECT is(pg_temp.generator('orders', 'total') -> 'nulls', '0.1', 'as are NULLs');
SELECT is(pg_temp.generator('orders', 'buyer_email') ->> 'generator', 'email', 'what looks personal is not taken over');
SELECT ok(pollseed_plan_schema('shop', 50, '{"from_stats": true, "include": ["orders"]}')::text !~ 'someone', 'nor is any of it in the plan');
UPDATE plans SET plan = pollseed_plan_schema('shop', 50, '{"from_stats": true, "scale": 0.5, "include": ["orders"]}');
SELECT is(pg_temp.step('orders') -> 'rows', '200', 'with a scale rows are in proportion to those that are there');

SELECT * FROM finish();
ROLLBACK;
