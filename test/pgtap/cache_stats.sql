-- What caches show of themselves: counters, entries, and what the session's last call did; and to whom.
--
-- Entries are made and become old when transactions commit, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();
\ir include/error_of.sql

CREATE ROLE stats_owner;
CREATE ROLE stats_member IN ROLE stats_owner;
CREATE ROLE stats_other;
CREATE ROLE stats_watcher IN ROLE pg_read_all_stats;
CREATE TABLE items (id int PRIMARY KEY, value int);
INSERT INTO items SELECT i, i FROM generate_series(1, 10) AS i;
ANALYZE items;
CREATE TABLE untracked (id int);
GRANT SELECT ON items, untracked TO PUBLIC;
SELECT pollseed_cache_track('items', 'id') \g /dev/null

-- Counters of a cache, those that are not zero
CREATE FUNCTION counters(name text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', key, value), ', ' ORDER BY key COLLATE "C")
      FROM pollseed_cache_stats AS s, jsonb_each_text(to_jsonb(s) - '{cache,bytes,fill_ms_p50,fill_ms_p99,saved_ms,stats_reset}'::text[])
     WHERE s.cache = name AND value <> '0'
$$;
-- What the last call did
CREATE FUNCTION last_call() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', cache, key, outcome, CASE WHEN fill_ms > 0 THEN 'took time' END, CASE WHEN age >= '0' THEN 'has an age' END) FROM pollseed_cache_last()
$$;
-- Fetches a key, which takes a while to compute
CREATE FUNCTION ask(cache text, key text, ttl interval DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_cache_fetch(cache, key, 'SELECT count(*) FROM items AS a, items AS b, items AS c, items AS d', ttl => ttl);
    RETURN last_call();
END $$;

-- before anything was done
SELECT is(last_call(), '', 'a session that has not called a cache has no last call');
SELECT ok(cache IS NULL AND key IS NULL AND outcome IS NULL AND reason IS NULL AND fill_ms IS NULL AND age IS NULL, 'all of which is null') FROM pollseed_cache_last();
SET ROLE stats_owner;
SELECT pollseed_cache_create('counted', '1 hour') \g /dev/null
RESET ROLE;
SELECT is(counters('counted'), NULL, 'a cache that was not used has counted nothing');
SELECT ok(hit_rate IS NULL AND fill_ms_p50 IS NULL AND fill_ms_p99 IS NULL AND saved_ms = 0 AND bytes = 0, 'and has no rates') FROM pollseed_cache_stats WHERE cache = 'counted';
SET ROLE stats_owner;
SELECT is(pollseed_cache_stats_reset('counted'), 1, 'it can be reset all the same');
RESET ROLE;

-- outcomes
SELECT is(ask('counted', 'a'), 'counted a miss took time', 'the first call computes');
SELECT is(ask('counted', 'a'), 'counted a hit took time has an age', 'the second has it from memory');
SELECT is(ask('counted', 'a'), 'counted a hit took time has an age', 'and so the third');
SELECT is(counters('counted'), 'entries 1, fills 1, hit_rate 66.67, hits 2, misses 1', 'they are counted');
SELECT ok(fill_ms_p50 > 0 AND fill_ms_p99 >= fill_ms_p50 AND saved_ms > 0 AND bytes > 0, 'with the time that they took and saved') FROM pollseed_cache_stats WHERE cache = 'counted';
SELECT ok(s.fill_ms_p50 BETWEEN e.fill_ms / sqrt(2) AND e.fill_ms * sqrt(2) AND s.fill_ms_p99 BETWEEN e.fill_ms / sqrt(2) AND e.fill_ms * sqrt(2)
    AND abs(s.saved_ms - 2 * e.fill_ms) < 0.01 AND e.bytes = s.bytes AND e.hits = 2, 'which is what the entry took, as near as buckets are')
  FROM pollseed_cache_stats AS s JOIN pollseed_cache_entries AS e ON e.cache = s.cache WHERE s.cache = 'counted';
SELECT pollseed_cache_fetch('counted', 'a', 'SELECT 1', bypass => true) \g /dev/null
SELECT is(last_call(), 'counted a bypass took time', 'who asks for it gets what the query returns');
SELECT is(counters('counted'), 'bypassed 1, entries 1, fills 1, hit_rate 66.67, hits 2, misses 1', 'which is counted apart');
SELECT pollseed_cache_fetch('counted', 'b', 'SELECT count(*) FROM untracked') \g /dev/null
SELECT matches(last_call(), '^counted b refused', 'what cannot be kept is refused,');
SELECT matches((pollseed_cache_last()).reason, 'untracked.*pollseed_cache_track', 'with the reason');
SELECT is((regexp_match(counters('counted'), 'refused \d+'))[1], 'refused 1', 'and counted');

-- reset
SET ROLE stats_member;
SELECT is(pollseed_cache_stats_reset('counted'), 1, 'a member of the owner resets the counters');
RESET ROLE;
SELECT is(counters('counted'), 'entries 1', 'which are zero then');
SELECT ok(stats_reset BETWEEN now() - interval '1 minute' AND clock_timestamp() AND hit_rate IS NULL AND fill_ms_p50 IS NULL AND saved_ms = 0,
    'all of them') FROM pollseed_cache_stats WHERE cache = 'counted';
SELECT is(ask('counted', 'a'), 'counted a hit took time has an age', 'entries stay');
SELECT is(counters('counted'), 'entries 1, hit_rate 100.00, hits 1', 'and the counters go on');

-- entries that go
SELECT pollseed_cache_create('small', '1 hour', max_entries => 2) \g /dev/null
SELECT ask('small', i::text) FROM generate_series(1, 3) AS i \g /dev/null
SELECT is(counters('small'), 'entries 2, evicted 1, fills 3, hit_rate 0.00, misses 3', 'an entry too many makes another go');
SELECT pollseed_cache_create('short', '1 ms') \g /dev/null
SELECT is(ask('short', 'a'), 'short a miss took time', 'one with a short life');
SELECT pg_sleep(0.005) \g /dev/null
SELECT is(ask('short', 'a'), 'short a miss took time', 'is computed anew');
SELECT is((regexp_match(counters('short'), 'expired \d+'))[1], 'expired 1', 'as it has expired');
SELECT ask('counted', 'a') \g /dev/null
UPDATE items SET value = 0 WHERE id = 1;
SELECT is(ask('counted', 'a'), 'counted a miss took time', 'one whose table has changed is computed anew');
SELECT is((regexp_match(counters('counted'), 'invalidated \d+'))[1], 'invalidated 1', 'as it is old');

-- entries as they are shown
SELECT is(ask('counted', 'of superuser', '1 day'), 'counted of superuser miss took time', 'a superuser fetches');
SET ROLE stats_other;
SELECT is(ask('counted', 'of other'), 'counted of other miss took time', 'another role does');
SELECT is((SELECT string_agg(key, ', ' ORDER BY key) FROM pollseed_cache_entries WHERE cache = 'counted'), 'of other', 'who sees its own');
RESET ROLE;
SELECT results_eq($$SELECT key, role, hits, tags FROM pollseed_cache_entries WHERE cache = 'counted' ORDER BY key COLLATE "C"$$,
    $$VALUES ('a', 'postgres'::name, 0::bigint, '{public.items}'::text[]), ('of other', 'stats_other', 0, '{public.items}'), ('of superuser', 'postgres', 0, '{public.items}')$$, 'superusers see all');
SELECT ok(bool_and(age BETWEEN '0' AND '1 minute' AND bytes BETWEEN 100 AND 100000 AND fill_ms > 0 AND params IS NULL)
    AND bool_and(CASE WHEN key = 'of superuser' THEN ttl_left BETWEEN '12 hours' AND '1 day' ELSE ttl_left BETWEEN '30 minutes' AND '1 hour' END),
    'with their size, age and the time that they have left') FROM pollseed_cache_entries WHERE cache = 'counted';
SELECT pollseed_cache_fetch('counted', 'with params', 'SELECT $1', '[7]', depends_on => '{}') \g /dev/null
SELECT is(params::text || tags::text, '[7]{}', 'their parameters') FROM pollseed_cache_entries WHERE key = 'with params';
SET ROLE stats_watcher;
SELECT is((SELECT count(*) FROM pollseed_cache_entries), 0::bigint, 'who reads all statistics does not see keys of others');
SELECT isnt(counters('counted'), NULL, 'but counters, as everybody does');
SET ROLE stats_member;
SELECT is((SELECT count(*) FROM pollseed_cache_entries WHERE cache = 'counted'), 4::bigint, 'a member of the cache''s owner sees all of it');
SELECT is((SELECT count(*) FROM pollseed_cache_entries WHERE cache <> 'counted'), 0::bigint, 'and none of other caches');
RESET ROLE;
SELECT pollseed_cache_create('open', '1 hour', shared => true) \g /dev/null
SELECT ask('open', 'for all') \g /dev/null
SET ROLE stats_watcher;
SELECT results_eq('SELECT cache, key, role FROM pollseed_cache_entries', $$VALUES ('open', 'for all', NULL::name)$$, 'entries of shared caches are for all to see');
SELECT is(ask('open', 'for all'), 'open for all hit took time has an age', 'and to use');
RESET ROLE;

-- the last call
SELECT ask('counted', 'secret') \g /dev/null
SELECT matches(last_call(), '^counted secret miss ', 'a session knows what it asked for,');
SET ROLE stats_other;
SELECT is(concat_ws(' ', cache, key, outcome, reason), 'counted miss', 'but not what it asked for as another role') FROM pollseed_cache_last();
RESET ROLE;
SELECT pollseed_cache_fetch('counted', repeat('é', 600), 'SELECT 1', depends_on => '{}') \g /dev/null
SELECT is(key, repeat('é', 512), 'long keys are cut between characters') FROM pollseed_cache_last();
SELECT matches(error_of('SELECT pollseed_cache_fetch(''counted'', ''a'', ''SELECT 1/0'', depends_on => ''{}'')'), '^22012', 'a call that fails');
SELECT is(key, repeat('é', 512), 'leaves what there was') FROM pollseed_cache_last();

-- what is cleared
SELECT is(caches, 1, 'one is cleared') FROM pollseed_cache_clear('counted');
SELECT is((SELECT count(*) FROM pollseed_cache_entries WHERE cache = 'counted'), 0::bigint, 'and shows no entries');
SELECT pollseed_cache_drop('counted') \g /dev/null
SELECT is((SELECT count(*) FROM pollseed_cache_stats WHERE cache = 'counted'), 0::bigint, 'one that is dropped has no counters');
SELECT pollseed_cache_create('counted') \g /dev/null
SELECT is(counters('counted'), NULL, 'nor has another of its name');

DROP ROLE stats_member, stats_other, stats_watcher, stats_owner;
SELECT * FROM finish();
