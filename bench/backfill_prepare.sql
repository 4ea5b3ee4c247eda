-- The extension, and the targeting tables with rows and no snapshot.  Variables: populations, offers, events.
-- The preset itself says how snapshots are made; its own backfills are dropped again, so that a call makes them anew.
SET client_min_messages = warning;
CREATE EXTENSION pollseed;
CREATE EXTENSION pg_prewarm;
CREATE EXTENSION pg_stat_statements;
SELECT pollseed_create_targeting_tables() \g /dev/null
CALL pollseed_backfill_snapshots();
SELECT pollseed_seed_targeting(:populations, :offers, :events, seed => 20260101) \g /dev/null

SELECT source AS population_source FROM pollseed.backfills WHERE name = 'target_population_snapshots' \gset
SELECT source AS event_source FROM pollseed.backfills WHERE name = 'ad_event_snapshots' \gset
SELECT pollseed_backfill_drop(name) FROM pollseed_backfills \g /dev/null

SELECT FROM pollseed_backfill_create('populations', 'target_populations', 'matching_tags_snapshot', :'population_source',
    key => 'id', strategy => 'index', batch_size => 100) \g /dev/null
SELECT FROM pollseed_backfill_create('events', 'ad_events', 'matching_tags_snapshot', :'event_source',
    key => 'me_file_id, target_band_id', strategy => 'block') \g /dev/null
SELECT FROM pollseed_backfill_create('throttled', 'ad_events', 'matching_tags_snapshot', :'event_source',
    key => 'me_file_id, target_band_id', strategy => 'block',
    throttle => '{"wal_bytes_per_second": "256kB"}') \g /dev/null
SELECT FROM pollseed_backfill_create('hurried', 'ad_events', 'matching_tags_snapshot', :'event_source',
    key => 'me_file_id, target_band_id', strategy => 'block',
    throttle => '{"wal_bytes_per_second": "4MB"}') \g /dev/null
VACUUM (FREEZE, ANALYZE);
