-- The targeting preset's tables and indexes: what is made, when, where, and what is refused; and its demonstration data.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset fieldsep '\n'
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(224);

CREATE TEMP VIEW expected_tables AS SELECT unnest('{me_files,traits,trait_groups,trait_group_traits,target_bands,
    target_band_trait_groups,me_file_tags,target_populations,offers,ad_events}'::name[]) AS name;

-- Made once
SELECT is(pollseed_create_targeting_tables(), 10, 'all tables are made');
SELECT results_eq($$SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname IN (SELECT name FROM expected_tables) ORDER BY relname$$,
    'SELECT name FROM expected_tables ORDER BY name', 'under their names');
SELECT is(pollseed_create_targeting_tables(), 0, 'a second call makes none');

-- Ecto's types
SELECT columns_are('target_populations', '{id,me_file_id,target_band_id,matching_tags_snapshot,inserted_at,updated_at}'::name[]);
SELECT columns_are('me_file_tags', '{id,me_file_id,trait_id,inserted_at,updated_at}'::name[]);
SELECT col_type_is(t.name, 'id', 'bigint', t.name || '.id'), col_is_pk(t.name, 'id', t.name || ' has its key'),
       is(pg_get_serial_sequence(t.name, 'id'), 'public.' || t.name || '_id_seq', t.name || '.id is a serial'),
       col_type_is(t.name, c, 'timestamp(0) without time zone', t.name || '.' || c),
       col_not_null(t.name, c, t.name || '.' || c || ' is not null'),
       col_has_default(t.name, c, t.name || '.' || c || ' has a default')
  FROM expected_tables AS t, unnest('{inserted_at,updated_at}'::name[]) AS c;
SELECT col_type_is(t, 'name', 'character varying(255)', t || '.name'), col_not_null(t, 'name', t || '.name is not null')
  FROM unnest('{me_files,traits,trait_groups,target_bands}'::name[]) AS t;
SELECT col_type_is(t, 'matching_tags_snapshot', 'jsonb', t || '.matching_tags_snapshot'),
       col_is_null(t, 'matching_tags_snapshot', t || '.matching_tags_snapshot may be null'),
       col_not_null(t, 'me_file_id', t || '.me_file_id is not null'),
       col_not_null(t, 'target_band_id', t || '.target_band_id is not null'),
       fk_ok(t, 'me_file_id', 'me_files', 'id'), fk_ok(t, 'target_band_id', 'target_bands', 'id')
  FROM unnest('{target_populations,offers,ad_events}'::name[]) AS t;
SELECT fk_ok('ad_events', 'offer_id', 'offers', 'id');
INSERT INTO traits (name) VALUES ('default times');
SELECT results_eq('SELECT inserted_at, updated_at FROM traits',
    $$SELECT (now() AT TIME ZONE 'UTC')::timestamp(0), (now() AT TIME ZONE 'UTC')::timestamp(0)$$,
    'times default to the present in UTC, whatever the session''s time zone');

-- Links: each pair once, found from both sides
SELECT index_is_unique('public', l.t, l.t || '_' || l.a || '_' || l.b || '_index', l.t || ' has each pair once'),
       has_index(l.t, l.t || '_' || l.a || '_' || l.b || '_index', ARRAY[l.a, l.b], l.t || ' by the one'),
       has_index(l.t, l.t || '_' || l.b || '_index', ARRAY[l.b], l.t || ' by the other')
  FROM (VALUES ('trait_group_traits'::name, 'trait_group_id'::name, 'trait_id'::name),
        ('target_band_trait_groups', 'target_band_id', 'trait_group_id'), ('me_file_tags', 'me_file_id', 'trait_id')) AS l(t, a, b);
SELECT index_is_unique('public', 'target_populations', 'target_populations_me_file_id_target_band_id_index',
    'a me-file is in a band once');
SELECT is_empty($$SELECT * FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE a.attname = 'matching_tags_snapshot'$$, 'no index on snapshots');
SELECT is_empty($$SELECT * FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
    AND objid::regclass::name IN (SELECT name FROM expected_tables)$$, 'the tables are no members of the extension');

-- Indexes on snapshots
SELECT is(pollseed_create_snapshot_indexes(gin => false), 3, 'the partial ones are made');
SELECT results_eq($$SELECT pg_get_indexdef(x::regclass) FROM unnest('{target_populations_null_snapshot_idx,offers_null_snapshot_idx,
        ad_events_null_snapshot_idx}'::text[]) AS x$$,
    $$VALUES ('CREATE INDEX target_populations_null_snapshot_idx ON public.target_populations USING btree (id) WHERE (matching_tags_snapshot IS NULL)'),
        ('CREATE INDEX offers_null_snapshot_idx ON public.offers USING btree (me_file_id, target_band_id) WHERE (matching_tags_snapshot IS NULL)'),
        ('CREATE INDEX ad_events_null_snapshot_idx ON public.ad_events USING btree (me_file_id, target_band_id) WHERE (matching_tags_snapshot IS NULL)')$$,
    'as they should be');
SELECT is(pollseed_create_snapshot_indexes(), 3, 'then those that search in snapshots');
SELECT is(pollseed_create_snapshot_indexes(), 0, 'then none');
SELECT index_is_type('public', t, t || '_matching_tags_snapshot_idx', 'gin', 'gin on ' || t)
  FROM unnest('{target_populations,offers,ad_events}'::name[]) AS t;
SELECT is(pollseed_drop_snapshot_indexes(), 6, 'all are dropped');
SELECT is(pollseed_drop_snapshot_indexes(), 0, 'dropping again does nothing');
CREATE INDEX offers_null_snapshot_idx ON offers (id) WHERE matching_tags_snapshot IS NULL;
SELECT throws_ok('SELECT pollseed_create_snapshot_indexes()', '42P07', NULL, 'another index of the name is not taken for it');
SELECT throws_ok('SELECT pollseed_drop_snapshot_indexes()', '42P07', NULL, 'nor dropped');
DROP INDEX offers_null_snapshot_idx;
CREATE INDEX offers_null_snapshot_idx ON offers USING btree (me_file_id, target_band_id) WHERE matching_tags_snapshot IS NULL;
SELECT is(pollseed_create_snapshot_indexes(false), 2, 'the same index is, whoever made it');
SELECT is(pollseed_drop_snapshot_indexes(), 3, 'and is dropped');
SELECT is((SELECT count(*) FROM pollseed_snapshot_index_ddl()), 6::bigint, 'statements for all indexes');
SELECT results_eq('SELECT * FROM pollseed_snapshot_index_ddl(false)',
    $$SELECT format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %s_null_snapshot_idx ON public.%s USING btree (%s) WHERE (matching_tags_snapshot IS NULL)', t, t, c)
        FROM (VALUES ('target_populations', 'id'), ('offers', 'me_file_id, target_band_id'), ('ad_events', 'me_file_id, target_band_id')) AS v(t, c)$$,
    'statements for the partial ones, which do not lock writers out');

-- Demonstration data
SELECT throws_ok('SELECT pollseed_seed_targeting(100, 200, 1000, 42)', '55000', 'table public.traits is not empty', 'tables with rows are not seeded');
DELETE FROM traits;
SELECT throws_ok('SELECT pollseed_seed_targeting(-1)', '22023', 'populations must not be negative', 'no negative number of rows');
SELECT throws_ok('SELECT pollseed_seed_targeting(events => NULL)', '22004', 'events must not be null', 'no null');
SELECT results_eq('SELECT me_files, populations, offers, events, seed FROM pollseed_seed_targeting(1000, 2000, 10000, 42)',
    'VALUES (100::bigint, 1000::bigint, 2000::bigint, 10000::bigint, 42::bigint)', 'as many rows as asked for');
SELECT results_eq($$SELECT (SELECT count(*) FROM target_populations), (SELECT count(*) FROM offers), (SELECT count(*) FROM ad_events),
    (SELECT count(*) FROM traits), (SELECT count(*) FROM trait_groups), (SELECT count(*) FROM target_bands)$$,
    'VALUES (1000::bigint, 2000::bigint, 10000::bigint, 400::bigint, 60::bigint, 20::bigint)', 'are there');
CREATE FUNCTION fingerprint() RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(x, E'\n' ORDER BY x COLLATE "C")) FROM (
        SELECT m::text AS x FROM me_file_tags AS m UNION ALL SELECT p::text FROM target_populations AS p
        UNION ALL SELECT o::text FROM offers AS o UNION ALL SELECT e::text FROM ad_events AS e
        UNION ALL SELECT g::text FROM trait_group_traits AS g UNION ALL SELECT b::text FROM target_band_trait_groups AS b
        UNION ALL SELECT t::text FROM traits AS t UNION ALL SELECT f::text FROM me_files AS f) AS rows
$$;
SELECT is(fingerprint(), 'd4bdf979a63f07c16f80d9b4d2767eec', 'the same data as ever');
SELECT is_empty('SELECT * FROM (SELECT matching_tags_snapshot AS s FROM target_populations UNION ALL SELECT matching_tags_snapshot
    FROM offers UNION ALL SELECT matching_tags_snapshot FROM ad_events) AS a WHERE s IS NOT NULL', 'no snapshots yet');
SELECT is_empty('SELECT * FROM ad_events AS e JOIN offers AS o ON o.id = e.offer_id
    WHERE (e.me_file_id, e.target_band_id) <> (o.me_file_id, o.target_band_id)', 'events are those of their offers');
SELECT isnt_empty('SELECT * FROM offers AS o WHERE NOT EXISTS (SELECT FROM target_populations AS p
    WHERE p.me_file_id = o.me_file_id AND p.target_band_id = o.target_band_id)', 'some offers have no population');
SELECT isnt_empty('SELECT * FROM target_populations WHERE target_band_id = 20', 'some bands in use have no trait groups');
SELECT ok((SELECT abs(corr(id, me_file_id)) < 0.1 FROM ad_events), 'events are not in the order of me-files');
INSERT INTO traits (name) VALUES ('one more');
SELECT is((SELECT max(id) FROM traits), 401::bigint, 'ids go on after the seeded ones');
SELECT results_eq($$SELECT engine, rows_written, seed FROM pollseed_runs WHERE relation = 'public.ad_events' AND cleared_at IS NULL$$,
    $$VALUES ('targeting', 10000::bigint, 42::bigint)$$, 'the ledger knows it');
TRUNCATE me_files, traits, trait_groups, target_bands CASCADE;
SELECT lives_ok('SELECT pollseed_seed_targeting(1000, 2000, 10000, 43)', 'another seed');
SELECT isnt(fingerprint(), 'd4bdf979a63f07c16f80d9b4d2767eec', 'gives other data');
TRUNCATE me_files, traits, trait_groups, target_bands CASCADE;
SELECT lives_ok('SELECT pollseed_seed_targeting(0, 5, 5, 1)', 'offers and events without populations');
TRUNCATE me_files, traits, trait_groups, target_bands CASCADE;
SELECT lives_ok('SELECT pollseed_seed_targeting(5, 0, 5, 1)', 'events without offers');
SELECT is((SELECT count(offer_id) FROM ad_events), 0::bigint, 'which then refer to none');

-- Dropped, and what is not dropped
SELECT is(pollseed_drop_targeting_tables(), 10, 'all tables are dropped, with their rows');
SELECT isnt((SELECT max(cleared_at) FROM pollseed_runs WHERE relation = 'public.ad_events'), NULL, 'the ledger knows that too');
SELECT is(pollseed_drop_targeting_tables(), 0, 'dropping again does nothing');
SELECT throws_ok('SELECT pollseed_create_snapshot_indexes()', '42P01', NULL, 'no tables, no indexes');
CREATE TABLE offers (id bigint, price int);
SELECT throws_ok('SELECT pollseed_create_targeting_tables()', '42P07', 'relation "offers" already exists and has no column "matching_tags_snapshot"',
    'a table that is something else is refused');
DROP TABLE offers;
CREATE TABLE offers (id bigint PRIMARY KEY, matching_tags_snapshot jsonb);
SELECT is(pollseed_create_targeting_tables(), 9, 'one of the application that will do is left');
SELECT throws_ok('SELECT pollseed_drop_targeting_tables()', '55000', 'table "offers" was not made by pollseed_create_targeting_tables()',
    'and not dropped');
SELECT has_table('public', 'ad_events', 'nor is any other then');

-- In the schema that the search path begins with; found in the first one that has them
CREATE SCHEMA "The ""App""";
SET LOCAL search_path = "The ""App""", public;
SELECT is(pollseed_create_targeting_tables(), 10, 'made in the first schema of the search path');
SELECT is(pollseed_create_snapshot_indexes(), 6, 'an odd name of the schema is no trouble');
SELECT has_index('The "App"', 'offers', 'offers_null_snapshot_idx', 'the indexes are there');
SELECT hasnt_index('public', 'offers', 'offers_null_snapshot_idx', 'and not elsewhere');
SELECT lives_ok('SELECT pollseed_seed_targeting(10, 10, 10)', 'nor for seeding');
SELECT is(pollseed_drop_targeting_tables(), 10, 'only the first schema''s are dropped');
CREATE SCHEMA front;
SET LOCAL search_path = front, public;
SELECT is(pollseed_drop_snapshot_indexes(), 0, 'a schema that has no such tables is passed over');

-- The caller owns them, and needs the right to create
CREATE ROLE targeting_tables_user;
GRANT USAGE ON SCHEMA front TO targeting_tables_user;
SET LOCAL ROLE targeting_tables_user;
SELECT throws_ok('SELECT pollseed_create_targeting_tables()', '42501', NULL, 'no tables without the right to create them');
RESET ROLE;
GRANT CREATE ON SCHEMA front TO targeting_tables_user;
SET LOCAL ROLE targeting_tables_user;
SELECT is(pollseed_create_targeting_tables(), 10, 'with it, anybody makes them');
SELECT table_owner_is('front', 'ad_events', 'targeting_tables_user', 'and owns them');
SELECT lives_ok('SELECT pollseed_seed_targeting(10, 10, 10)', 'and seeds them');
SELECT is(pollseed_drop_targeting_tables(), 10, 'and drops them');
RESET ROLE;

SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT ' || f || '()', '25006', NULL, f || '() writes')
  FROM unnest('{pollseed_create_targeting_tables,pollseed_drop_targeting_tables,pollseed_create_snapshot_indexes,
      pollseed_drop_snapshot_indexes,pollseed_seed_targeting,pollseed_requeue_stale_snapshots}'::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
