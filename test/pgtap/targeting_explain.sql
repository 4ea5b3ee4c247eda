-- The statements of the preset's three backfills use the indexes that are made for them: the populations' keys come from
-- theirs alone, offers and events are found by theirs, and nothing but the sweep of another strategy reads a whole table.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT plan(13);

SELECT is(pollseed_create_targeting_tables(), 10, 'the tables');
SELECT is(pollseed_create_snapshot_indexes(gin => false), 3, 'their indexes');
SELECT is(rows_written > 0, true, 'some data') FROM pollseed_seed_targeting(3000, 6000, 30000, seed => 1);

-- In a transaction one batch is run, so that the backfills are defined and nearly all is left.
BEGIN;
CALL pollseed_backfill_snapshots(10);
COMMIT;
SELECT is(string_agg(strategy, ',' ORDER BY name COLLATE "C"), 'index,index,index', 'all are to go by index') FROM pollseed_backfills;
VACUUM (ANALYZE) target_populations, offers, ad_events, me_file_tags;

CREATE FUNCTION plan_of(backfill text, wanted text) RETURNS text LANGUAGE sql AS
    $$ SELECT plan FROM pollseed_backfill_explain(backfill) WHERE step = wanted $$;
SELECT matches(plan_of('target_population_snapshots', 'find'), 'Index Only Scan using target_populations_null_snapshot_idx',
    'the keys of populations by an index-only scan');
SELECT matches(plan_of('offer_snapshots', 'find'), 'Index Scan using offers_null_snapshot_idx', 'offers by an index scan');
SELECT matches(plan_of('ad_event_snapshots', 'find'), 'Index Scan using ad_events_null_snapshot_idx', 'and events too');
SELECT unalike(plan_of(name, 'find'), '%Sort%', name || ' are read in the order of their index') FROM pollseed_backfills ORDER BY name COLLATE "C";
SELECT is(plan_of(name, 'values') ~ ('Seq Scan on (target_populations|offers|ad_events|me_file_tags)'), false,
    'the values of ' || name || ' without reading a whole table') FROM pollseed_backfills ORDER BY name COLLATE "C";

SELECT finish();
