-- The preset's backfills: made by one call, run in turn, on the seeded tables and on other people's of the same names.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(23);

SELECT throws_ok('CALL pollseed_backfill_snapshots()', '42P01', NULL, 'no tables, no backfill');
SELECT pollseed_create_targeting_tables() \g /dev/null
\ir include/naive_snapshots.sql
SELECT pollseed_seed_targeting(1000, 2000, 10000, 42) \g /dev/null

-- One call in a transaction: the three are made, and a batch of the first is done
CALL pollseed_backfill_snapshots();
SELECT results_eq($$SELECT concat_ws(' | ', name, relation, target_column, key, batch_size, after_backfill) COLLATE "default" FROM pollseed_backfills ORDER BY id$$,
    $$VALUES ('target_population_snapshots | public.target_populations | matching_tags_snapshot | id | 100'),
        ('offer_snapshots | public.offers | matching_tags_snapshot | me_file_id, target_band_id | 100 | target_population_snapshots'),
        ('ad_event_snapshots | public.ad_events | matching_tags_snapshot | me_file_id, target_band_id | 100 | target_population_snapshots')$$,
    'three backfills are made');
SELECT cmp_ok(count(*), '>', 0::bigint, 'the first has begun') FROM target_populations WHERE matching_tags_snapshot IS NOT NULL;
SELECT cmp_ok(count(*), '<', 1000::bigint, 'one call in a transaction is one batch') FROM target_populations WHERE matching_tags_snapshot IS NOT NULL;
SELECT is(count(*), 0::bigint, 'the others wait for it') FROM offers WHERE matching_tags_snapshot IS NOT NULL;
SELECT throws_ok($$SELECT pollseed_backfill_step('offer_snapshots')$$, '55000', NULL, 'offers wait for their populations');

-- Step by step to the end
SELECT cmp_ok(fill('target_population_snapshots'), '>', 0::bigint, 'populations');
SELECT is(fill('offer_snapshots'), 2000::bigint, 'offers');
SELECT is(fill('ad_event_snapshots'), 10000::bigint, 'events');
SELECT is_empty('SELECT * FROM wrong_snapshots()', 'all have the snapshot that the plain query makes');
SELECT results_eq('SELECT state FROM pollseed_backfills ORDER BY id', $$VALUES ('finished'), ('finished'), ('finished')$$, 'all are finished');
SELECT isnt_empty($$SELECT * FROM target_populations WHERE jsonb_array_length(matching_tags_snapshot) = 1$$, 'some match nothing');

-- The next call takes up what has come since
INSERT INTO offers (me_file_id, target_band_id) SELECT me_file_id, target_band_id FROM target_populations WHERE id <= 3;
CALL pollseed_backfill_snapshots();
SELECT is((SELECT count(*) FROM pollseed_backfills), 3::bigint, 'no more backfills are made');
SELECT is(fill('offer_snapshots') <= 3, true, 'new offers');
SELECT is_empty('SELECT * FROM wrong_snapshots()', 'of populations that were filled long ago are filled too');
SELECT is(count(*), 3::bigint, 'with their population''s snapshot') FROM offers AS o JOIN target_populations AS p USING (me_file_id, target_band_id)
 WHERE o.id > 2000 AND o.matching_tags_snapshot = p.matching_tags_snapshot;

-- Where the partial indexes are there, their order is gone along
CREATE SCHEMA app;
SET LOCAL search_path = app, public;
SELECT pollseed_create_targeting_tables(), pollseed_create_snapshot_indexes() \g /dev/null
SELECT pollseed_seed_targeting(100, 100, 100, 7) \g /dev/null
CALL pollseed_backfill_snapshots(50);
SELECT results_eq($$SELECT concat_ws(' | ', name, relation, batch_size, strategy, after_backfill) FROM pollseed_backfills ORDER BY id OFFSET 3$$,
    $$VALUES ('app.target_population_snapshots | app.target_populations | 50 | index'),
        ('app.offer_snapshots | app.offers | 50 | index | app.target_population_snapshots'),
        ('app.ad_event_snapshots | app.ad_events | 50 | index | app.target_population_snapshots')$$,
    'tables of another schema have backfills of their own');
SELECT cmp_ok(fill('app.target_population_snapshots'), '>=', 0::bigint, 'app''s populations');
SELECT is(fill('app.offer_snapshots'), 100::bigint, 'offers');
SELECT is(fill('app.ad_event_snapshots'), 100::bigint, 'events');
SELECT is(count(*), 0::bigint, 'are filled') FROM app.ad_events WHERE matching_tags_snapshot IS NULL;
CALL pollseed_backfill_snapshots(50);
SELECT is((SELECT count(*) FROM pollseed_backfills), 6::bigint, 'and are found again');

-- The source does not depend on the search path of whoever runs it
UPDATE app.offers SET matching_tags_snapshot = NULL;
CREATE FUNCTION step_elsewhere() RETURNS bigint LANGUAGE sql SET search_path = pg_catalog AS
    $$ SELECT filled FROM public.pollseed_backfill_step('app.offer_snapshots', 100) $$;
SELECT is(step_elsewhere(), 100::bigint, 'a search path without the tables');

SELECT * FROM finish();
ROLLBACK;
