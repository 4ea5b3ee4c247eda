-- Queries that are computed before anybody asks: what makes one, whose it is, when pollseed_cache_warm() computes, what an error does,
-- and as whom and under which settings it runs.
--
-- What a transaction has changed itself is not kept, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
SELECT no_plan();
\ir include/error_of.sql

-- What a fetch answered, and how.
CREATE FUNCTION fetched(cache text, key text, query text, params jsonb DEFAULT NULL, depends_on text[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    value jsonb := pollseed_cache_fetch(cache, key, query, params, depends_on => depends_on);
BEGIN
    RETURN (SELECT outcome FROM pollseed_cache_last()) || ' ' || value;
END $$;

CREATE TABLE items (id int PRIMARY KEY, value int);
CREATE TABLE untracked AS SELECT 1 AS id;
INSERT INTO items VALUES (1, 10), (2, 20);
SELECT pollseed_cache_track('items') \g /dev/null
SELECT pollseed_cache_create('c'), pollseed_cache_create('other'), pollseed_cache_create('both', shared => true) \g /dev/null
CREATE ROLE warm_owner;
CREATE ROLE warm_member IN ROLE warm_owner;
CREATE ROLE warm_other;
CREATE ROLE warm_watcher IN ROLE pg_read_all_stats;
CREATE SCHEMA theirs AUTHORIZATION warm_owner;

-- What is refused
SELECT is(error_of(format('SELECT pollseed_cache_warmer(%s)', arguments)), error, 'no warmer of ' || arguments)
  FROM (VALUES
    ($$'nothing', 'k', 'SELECT 1'$$, '42704 cache "nothing" does not exist'),
    ($$NULL, 'k', 'SELECT 1'$$, '22004 cache must not be null'),
    ($$'c', NULL, 'SELECT 1'$$, '22004 key must not be null'),
    ($$'c', 'k', NULL$$, '22004 query must not be null'),
    ($$'pollseed_poll', 'k', 'SELECT 1'$$, '0A000 cache "pollseed_poll" comes with the extension and has no warmers'),
    ($$'c', '', 'SELECT 1'$$, '22023 key must have 1 to 8192 bytes'),
    ($$'c', 'k', ''$$, '22023 query must be one SELECT, without a semicolon'),
    ($$'c', 'k', 'DELETE FROM items'$$, '22023 query must be one SELECT, without a semicolon'),
    ($$'c', 'k', 'SELECT 1; SELECT 2'$$, '22023 query must be one SELECT, without a semicolon'),
    ($$'c', 'k', 'SELECT 1 INTO t'$$, '22023 query must be one SELECT, without a semicolon'),
    ($$'c', 'k', 'SELECT 1 FROM FROM'$$, '42601 syntax error at or near "FROM"'),
    ($$'c', 'k', 'SELECT 1 FROM nowhere'$$, '42P01 relation "nowhere" does not exist'),
    ($$'c', 'k', 'SELECT 1', '0.999 s'$$, '22023 every must be at least 1 second'),
    ($$'c', 'k', 'SELECT 1', '-1 day'$$, '22023 every must be at least 1 second'),
    ($$'c', 'k', 'SELECT 1', ttl => '-1 s'$$, '22023 ttl must not be negative')) AS v (arguments, error);
BEGIN READ ONLY;
SELECT is(error_of($$SELECT pollseed_cache_warmer('c', 'k', 'SELECT 1')$$), '25006 cannot execute pollseed_cache_warmer() in a read-only transaction', 'a warmer is not made read-only');
SELECT is(error_of($$SELECT pollseed_cache_warmer_drop('c', 'k')$$), '25006 cannot execute pollseed_cache_warmer_drop() in a read-only transaction', 'nor dropped');
ROLLBACK;
SELECT is(error_of($$SELECT pollseed_cache_warm('nothing')$$), '42704 cache "nothing" does not exist', 'an unknown cache is not warmed');
SELECT is(pollseed_cache_warmer_drop('c', 'k'), false, 'a warmer that is not there is not dropped');
SELECT is(count(*), 0::bigint, 'nothing was made by these') FROM pollseed_cache_warmers;
SELECT is(count(*), 0::bigint, 'nor a job') FROM pollseed_jobs;

-- A warmer without a schedule
SELECT warmer_id AS id, COALESCE(job_id::text, 'none') AS job FROM pollseed_cache_warmer('c', 'sum', 'SELECT 0 AS sum') \gset
SELECT is(:'job'::text, 'none', 'without a schedule there is no job');
SELECT is(warmer_id, :id::bigint, 'the same key again is the same warmer') FROM pollseed_cache_warmer('c', 'sum', 'SELECT sum(value) AS sum FROM items', ttl => '1 minute');
SELECT is(concat_ws('|', cache, key, owner, every, due_at, runs, query, ttl), 'c|sum|postgres|0|SELECT sum(value) AS sum FROM items|00:01:00', 'with the new definition') FROM pollseed_cache_warmers;
SELECT is(concat_ws(' ', warmers, computed, fresh, failed, time_ms > 0), '1 1 0 0 t', 'it is computed when asked for') FROM pollseed_cache_warm();
SELECT is(concat_ws(' ', hits, misses, fills), '0 0 1', 'which is no miss') FROM pollseed_cache_stats WHERE cache = 'c';
SELECT is(fetched('c', 'sum', 'SELECT sum(value) AS sum FROM items'), 'hit [{"sum": 30}]', 'then a fetch finds it');
SELECT is(concat_ws('|', due_at, runs, last_outcome, last_time_ms > 0, last_error), '1|computed|t', 'that is shown') FROM pollseed_cache_warmers;
SELECT is(concat_ws(' ', warmers, computed, fresh, failed), '1 0 1 0', 'what is fresh is left') FROM pollseed_cache_warm('c');
SELECT is(concat_ws('|', runs, last_outcome, last_time_ms > 0), '2|fresh|t', 'and that is shown') FROM pollseed_cache_warmers;
SELECT is(concat_ws(' ', hits, misses, fills), '1 0 1', 'which is no hit') FROM pollseed_cache_stats WHERE cache = 'c';
UPDATE items SET value = 15 WHERE id = 1;
SELECT is(concat_ws(' ', warmers, computed, fresh, failed), '1 1 0 0', 'what has changed is computed') FROM pollseed_cache_warm('c');
SELECT is(fetched('c', 'sum', 'SELECT sum(value) AS sum FROM items'), 'hit [{"sum": 35}]', 'before anybody asks');
SELECT is(concat_ws(' ', warmers, computed, fresh, failed), '0 0 0 0', 'another cache has no warmers') FROM pollseed_cache_warm('other');

-- What will be old before it is computed the next time is computed now
SELECT FROM pollseed_cache_warmer('c', 'late', 'SELECT 1 AS n', ttl => '1 hour', depends_on => '{}') \g /dev/null
SELECT is(computed, 1, 'a warmer is run') FROM pollseed_cache_warm('c');
UPDATE pollseed.cache_warmers SET every = '30 minutes', due_at = now() + interval '30 minutes';
SELECT is(computed, 1, 'what is good until it is due is fresh, and what is not is computed') FROM pollseed_cache_warm('c');
SELECT is(string_agg(key || ' ' || last_outcome, ', ' ORDER BY key), 'late fresh, sum computed', 'each by its time to live') FROM pollseed_cache_warmers;
UPDATE pollseed.cache_warmers SET due_at = now() + interval '61 minutes';
SELECT is(computed, 2, 'what will be old before it is due is computed again') FROM pollseed_cache_warm('c');
UPDATE pollseed.cache_warmers SET every = NULL, due_at = NULL;
SELECT is(fresh, 2, 'without a schedule what is kept is fresh') FROM pollseed_cache_warm('c');
UPDATE pollseed.cache_warmers SET last_run = now() - interval '2 hours' WHERE key = 'late';
SELECT is(concat_ws(' ', computed, fresh), '1 1', 'unless it will be old after as long as the last time is ago') FROM pollseed_cache_warm('c');
SELECT pollseed_cache_warmer_drop('c', 'late') \g /dev/null

-- Errors
SELECT FROM pollseed_cache_warmer('c', 'bad', 'SELECT 1 / (value - 15) AS n FROM items WHERE id = 1') \g /dev/null
SELECT FROM pollseed_cache_warmer('c', 'last', 'SELECT 2 AS n', depends_on => '{}') \g /dev/null
SELECT is(concat_ws(' ', warmers, computed, fresh, failed), '3 1 1 1', 'an error of one does not keep others from being computed') FROM pollseed_cache_warm();
SELECT is(concat_ws('|', runs, last_outcome, last_error, last_sqlstate), '1|failed|division by zero|22012', 'it is kept with the warmer') FROM pollseed_cache_warmers WHERE key = 'bad';
UPDATE items SET value = 16 WHERE id = 1;
SELECT is(concat_ws(' ', warmers, computed, fresh, failed), '3 2 1 0', 'and tried again') FROM pollseed_cache_warm();
SELECT is(concat_ws('|', runs, last_outcome, last_error, last_sqlstate), '2|computed', 'then there is no error any more') FROM pollseed_cache_warmers WHERE key = 'bad';
SELECT pollseed_cache_warmer_drop('c', 'bad') \g /dev/null
SELECT FROM pollseed_cache_warmer('c', 'refused', 'SELECT * FROM untracked') \g /dev/null
SELECT is(concat_ws(' ', computed, fresh, failed), '1 2 0', 'what cannot be kept is computed in vain') FROM pollseed_cache_warm('c');
SELECT is(concat_ws('|', last_outcome, last_error ~ 'untracked', last_sqlstate), 'refused|t', 'which is told, and why') FROM pollseed_cache_warmers WHERE key = 'refused';
SELECT pollseed_cache_warmer_drop('c', 'refused') \g /dev/null

-- Transactions
BEGIN;
UPDATE items SET value = 100 WHERE id = 1;
SELECT is(computed, 1, 'what a transaction has changed itself is computed') FROM pollseed_cache_warm('c');
ROLLBACK;
SELECT is(fetched('c', 'sum', 'SELECT sum(value) AS sum FROM items'), 'hit [{"sum": 36}]', 'and not kept');
UPDATE items SET value = 17 WHERE id = 1;
BEGIN READ ONLY;
SELECT is(concat_ws(' ', warmers, computed, failed), '2 1 0', 'a read-only transaction warms') FROM pollseed_cache_warm();
SELECT runs AS runs FROM pollseed_cache_warmers WHERE key = 'sum' \gset
ROLLBACK;
SELECT is(runs, :runs::bigint, 'and writes nothing down') FROM pollseed_cache_warmers WHERE key = 'sum';
SELECT is(fetched('c', 'sum', 'SELECT sum(value) AS sum FROM items'), 'hit [{"sum": 37}]', 'though what it has computed is kept');

-- Settings and parameters are those of the definition
SELECT FROM pollseed_cache_warmer('c', 'params', 'SELECT value FROM items WHERE id = ($1 ->> ''id'')::int', params => '{"id": 2}') \g /dev/null
SET search_path = theirs, public;
SET TimeZone = 'Asia/Tokyo';
SELECT FROM pollseed_cache_warmer('c', 'time', $$SELECT '2000-01-01 00:00 UTC'::timestamptz AS t, current_setting('search_path') AS p$$, depends_on => '{}') \g /dev/null
RESET search_path;
RESET TimeZone;
SELECT is(computed, 2, 'they are computed') FROM pollseed_cache_warm();
SELECT is(fetched('c', 'params', 'SELECT value FROM items WHERE id = ($1 ->> ''id'')::int', '{"id": 2}'), 'hit [{"value": 20}]', 'with parameters');
SET search_path = theirs, public;
SET TimeZone = 'Asia/Tokyo';
SELECT is(fetched('c', 'time', $$SELECT '2000-01-01 00:00 UTC'::timestamptz AS t, current_setting('search_path') AS p$$, NULL, '{}'), 'hit [{"p": "theirs, public", "t": "2000-01-01T09:00:00+09:00"}]', 'under the settings of then it is found');
RESET search_path;
RESET TimeZone;
SELECT is(fetched('c', 'time', $$SELECT '2000-01-01 00:00 UTC'::timestamptz AS t, current_setting('search_path') AS p$$, NULL, '{}') ~ '^miss', true, 'under others it is not');
SELECT pollseed_cache_warmer_drop('c', key) FROM pollseed_cache_warmers \g /dev/null
CREATE FUNCTION tenant() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN current_setting('app.tenant', true); END $$;
SET app.tenant = 'first';
SET lock_timeout = '1 min';
SELECT FROM pollseed_cache_warmer('c', 'first', 'SELECT tenant() AS t', depends_on => '{}') \g /dev/null
SELECT FROM pollseed_cache_warmer('c', 'named', $$SELECT current_setting('app.tenant') AS t, current_setting('lock_timeout') AS l, current_setting('max_connections') > '0' AS m$$, depends_on => '{}') \g /dev/null
SET app.tenant = 'second';
RESET lock_timeout;
SELECT is(concat_ws(' ', computed, failed), '2 0', 'settings that the query asks for are known') FROM pollseed_cache_warm();
SELECT is(fetched('c', 'first', 'SELECT tenant() AS t', NULL, '{}') ~ '^hit', false, 'and so is what is of others');
SET app.tenant = 'first';
SET lock_timeout = '1 min';
SELECT is(fetched('c', 'first', 'SELECT tenant() AS t', NULL, '{}'), 'hit [{"t": "first"}]', 'where a function asks');
SELECT is(fetched('c', 'named', $$SELECT current_setting('app.tenant') AS t, current_setting('lock_timeout') AS l, current_setting('max_connections') > '0' AS m$$, NULL, '{}'), 'hit [{"l": "1min", "m": true, "t": "first"}]', 'and the query itself');
RESET app.tenant;
RESET lock_timeout;
SELECT is(fetched('c', 'unset', $$SELECT current_setting('app.never', true) IS NULL AS n$$), 'miss [{"n": true}]', 'a setting that never was is null');
BEGIN;
SET LOCAL app.never = 'x';
COMMIT;
SELECT is(fetched('c', 'unset', $$SELECT current_setting('app.never', true) IS NULL AS n$$), 'miss [{"n": false}]', 'one that was is not, and that is not mixed up');
SELECT pollseed_cache_warmer_drop('c', key) FROM pollseed_cache_warmers \g /dev/null

-- Roles
SET ROLE warm_owner;
CREATE TABLE theirs.secrets (id int);
INSERT INTO theirs.secrets VALUES (1), (2);
SELECT pollseed_cache_track('theirs.secrets') \g /dev/null
SELECT warmer_id AS id FROM pollseed_cache_warmer('c', 'sum', 'SELECT count(*) AS n, current_user AS who FROM theirs.secrets') \gset
RESET ROLE;
SELECT isnt(warmer_id, :id::bigint, 'each role has a warmer of a key of its own') FROM pollseed_cache_warmer('c', 'sum', 'SELECT sum(value) AS sum FROM items');
SELECT is(count(*), 2::bigint, 'a superuser sees both') FROM pollseed_cache_warmers;
SELECT pollseed_cache_warmer_drop('c', 'sum') \g /dev/null
SELECT is(string_agg(owner, ' '), 'warm_owner', 'one drops only one''s own') FROM pollseed_cache_warmers;
SET ROLE warm_other;
SELECT is(pollseed_cache_warmer_drop('c', 'sum'), false, 'so do others');
SELECT is((SELECT count(*) FROM pollseed_cache_warmers), 0::bigint, 'who see nothing');
SELECT is(warmers, 0, 'nor warm it') FROM pollseed_cache_warm();
SELECT is(error_of('SELECT * FROM pollseed.cache_warmers') ~ '^42501', true, 'the table is the extension''s');
RESET ROLE;
SET ROLE warm_watcher;
SELECT is((SELECT concat_ws('|', key, owner, query) FROM pollseed_cache_warmers), 'sum|warm_owner', 'who may read statistics sees it without its query');
SELECT is(warmers, 0, 'and does not warm it') FROM pollseed_cache_warm();
RESET ROLE;
SET ROLE warm_member;
SELECT is(concat_ws(' ', warmers, computed), '1 1', 'a member of its owner warms it') FROM pollseed_cache_warm();
SELECT is(fetched('c', 'sum', 'SELECT count(*) AS n, current_user AS who FROM theirs.secrets') ~ '^miss', true, 'for the owner, not for himself');
RESET ROLE;
SET ROLE warm_owner;
SELECT is(fetched('c', 'sum', 'SELECT count(*) AS n, current_user AS who FROM theirs.secrets'), 'hit [{"n": 2, "who": "warm_owner"}]', 'who finds it');
RESET ROLE;
SELECT is(concat_ws(' ', warmers, fresh), '1 1', 'a superuser warms all') FROM pollseed_cache_warm();
SET ROLE warm_owner;
SELECT FROM pollseed_cache_warmer('both', 'shared', 'SELECT id FROM theirs.secrets ORDER BY id') \g /dev/null
SELECT is(computed, 1, 'any role warms a shared cache') FROM pollseed_cache_warm('both');
RESET ROLE;
SELECT is(fetched('both', 'shared', 'SELECT id FROM theirs.secrets ORDER BY id'), 'hit [{"id": 1}, {"id": 2}]', 'for all');
ALTER TABLE theirs.secrets OWNER TO postgres;
REVOKE ALL ON theirs.secrets FROM warm_owner;
SELECT is(failed, 2, 'privileges are those of the moment') FROM pollseed_cache_warm();
SELECT is(concat_ws('|', last_error, last_sqlstate), 'permission denied for table secrets|42501', 'whose lack is the warmer''s error') FROM pollseed_cache_warmers WHERE cache = 'c';
CREATE FUNCTION escape() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; RETURN 1; END $$;
SET ROLE warm_owner;
SELECT FROM pollseed_cache_warmer('c', 'sum', 'SELECT public.escape() AS n', depends_on => '{}') \g /dev/null
RESET ROLE;
SELECT is(failed, 2, 'a query does not escape to who has it run') FROM pollseed_cache_warm();
SELECT is(last_error, 'cannot set parameter "role" within security-definer function', 'since it is run as its owner''s') FROM pollseed_cache_warmers WHERE cache = 'c';
ALTER ROLE warm_owner RENAME TO warm_renamed;
SELECT is(string_agg(DISTINCT owner, ' '), 'warm_renamed', 'a role of another name still has its warmers') FROM pollseed_cache_warmers;
SET ROLE warm_renamed;
SELECT is(warmers, 2, 'to warm') FROM pollseed_cache_warm();
SELECT is(pollseed_cache_warmer_drop('both', 'shared'), true, 'and to drop');
RESET ROLE;
SELECT is(pollseed_cache_drop('c'), true, 'a cache is dropped');
SELECT is(count(*), 0::bigint, 'with its warmers') FROM pollseed_cache_warmers;
SELECT is(warmers, 0, 'nothing is left to warm') FROM pollseed_cache_warm();

DROP OWNED BY warm_renamed, warm_member, warm_other, warm_watcher CASCADE;
DROP ROLE warm_member, warm_other, warm_watcher, warm_renamed;
SELECT * FROM finish();
