-- Caches made, changed, dropped and cleared: what they are told, who may, and what a session knows of them after commits and rollbacks.
--
-- What a session keeps of definitions it keeps between transactions, so this file commits.  Looking a cache up by its name is what
-- pollseed_cache_clear() does first.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();
\ir include/error_of.sql

-- What there is of a cache: its row's version and uid
CREATE FUNCTION row_of(cache text) RETURNS text LANGUAGE sql AS $$SELECT ctid::text || ' ' || uid FROM pollseed.caches WHERE name = cache$$;

-- settings
SELECT results_eq($$SELECT name, owner, ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_cache_create('plain')$$,
    $$VALUES ('plain', 'postgres'::name, interval '5 minutes', 1000, NULL::bigint, false, interval '0')$$, 'a cache is made by its name');
SELECT results_eq($$SELECT ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_cache_create('nulls', NULL, NULL, NULL, NULL, NULL)$$,
    $$VALUES (interval '5 minutes', 1000, NULL::bigint, false, interval '0')$$, 'arguments that are null mean the defaults');
SELECT results_eq($$SELECT ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_cache_create('told', '1 day', 7, 4096, true, '2 s')$$,
    $$VALUES (interval '1 day', 7, 4096::bigint, true, interval '2 s')$$, 'or it is told what it is to be like');
SELECT ok(created_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp(), 'the view says since when it is there') FROM pollseed_caches WHERE name = 'told';
SELECT ok(bool_and(uid > 0) AND count(DISTINCT uid) = 3, 'each has a number of its own') FROM pollseed.caches;

SELECT row_of('told') AS before \gset
SELECT is((pollseed_cache_create('told', '24 hours', 7, 4096, true, '2000 ms')).ttl, interval '1 day', 'the same again returns what there is');
SELECT is(row_of('told'), :'before', 'and writes nothing, as one day is 24 hours');
SELECT results_eq($$SELECT ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_cache_create('told', '1 minute')$$,
    $$VALUES (interval '1 minute', 1000, NULL::bigint, false, interval '0')$$, 'other settings take the place of all that there were');
SELECT is(split_part(row_of('told'), ' ', 2), split_part(:'before', ' ', 2), 'the cache is the same');
SELECT results_eq($$SELECT ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_caches WHERE name = 'told'$$,
    $$VALUES (interval '1 minute', 1000, NULL::bigint, false, interval '0')$$, 'the view shows the new ones');
SELECT is((pollseed_cache_create('told', '1 minute', 1)).max_entries, 1, 'one setting is enough: entries,');
SELECT is((pollseed_cache_create('told', '1 minute', 1, 1)).max_bytes, 1::bigint, 'bytes,');
SELECT is((pollseed_cache_create('told', '1 minute', 1, 1, true)).shared, true, 'whether it is shared,');
SELECT is((pollseed_cache_create('told', '1 minute', 1, 1, true, '1 s')).max_staleness, interval '1 s', 'how old results may be');

-- entries of a cache that was changed
SELECT is((pollseed_cache_create('kept', '1 hour')).name, 'kept', 'a cache for entries is made');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'it computes');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'it keeps');
SELECT is((pollseed_cache_last()).outcome, 'hit', 'what it has computed');
SELECT is((pollseed_cache_create('kept', '1 hour')).name, 'kept', 'making it again as it is');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'leaves the entries,');
SELECT is((pollseed_cache_last()).outcome, 'hit', 'as their use shows');
SELECT is((pollseed_cache_create('kept', '2 hours')).name, 'kept', 'giving it other settings');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'forgets the entries,');
SELECT is((pollseed_cache_last()).outcome, 'miss', 'which are computed anew');
BEGIN;
SELECT pollseed_cache_create('kept', '3 hours') \g /dev/null
ROLLBACK;
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'settings that are rolled back');
SELECT is((pollseed_cache_last()).outcome, 'hit', 'forget nothing');
SELECT ok(ttl_left BETWEEN interval '1 hour' AND interval '2 hours', 'and are forgotten themselves') FROM pollseed_cache_entries WHERE cache = 'kept';
SELECT results_eq('SELECT * FROM pollseed_cache_clear(''kept'')', 'VALUES (1, 1::bigint)', 'clearing says how many entries there were');
SELECT is((SELECT count(*) FROM pollseed_cache_entries WHERE cache = 'kept'), 0::bigint, 'which are gone');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'what was cleared');
SELECT is((pollseed_cache_last()).outcome, 'miss', 'is computed anew');
BEGIN;
SELECT pollseed_cache_clear('kept') \g /dev/null
ROLLBACK;
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'a clearing that is rolled back');
SELECT is((pollseed_cache_last()).outcome, 'hit', 'clears nothing');
SELECT ok(pollseed_cache_drop('kept'), 'a cache is dropped with its entries');
SELECT is((pollseed_cache_create('kept', '2 hours')).name, 'kept', 'one of its name');
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'has none of them,');
SELECT is((pollseed_cache_last()).outcome, 'miss', 'whatever it is like');

-- what is refused
SELECT is(error_of(format('SELECT pollseed_cache_create(%s)', arguments)), error, 'refused: ' || left(arguments, 30))
  FROM (VALUES ('NULL', '22004 name must not be null'),
               ('''''', '22023 name must not be empty'),
               ('repeat(''x'', 64)', '22023 cache name "' || repeat('x', 64) || '" is too long'),
               ('repeat(''é'', 32)', '22023 cache name "' || repeat('é', 32) || '" is too long'),
               ('''c'', ttl => ''0''', '22023 ttl must be positive'),
               ('''c'', ttl => ''-1 s''', '22023 ttl must not be negative'),
               ('''c'', ttl => ''1 day -25 hours''', '22023 ttl must not be negative'),
               ('''c'', max_entries => 0', '22023 max_entries must be between 1 and 10000000'),
               ('''c'', max_entries => 10000001', '22023 max_entries must be between 1 and 10000000'),
               ('''c'', max_bytes => 0', '22023 max_bytes must be positive'),
               ('''c'', max_staleness => ''-1 us''', '22023 max_staleness must not be negative')) AS v(arguments, error);
SELECT is((SELECT count(*) FROM pollseed_caches WHERE name = 'c'), 0::bigint, 'what is refused is not made');
SELECT is((pollseed_cache_create('c', '1 us', 10000000, 9223372036854775807, true, '178000000 years')).max_entries, 10000000, 'the ends of the ranges are taken');
SELECT is(pollseed_cache_fetch('c', 'k', 'SELECT 1', bypass => true), '[{"?column?": 1}]', 'and used');
SELECT is((pollseed_cache_create('c', '178000000 years')).ttl, interval '178000000 years', 'so is a ttl without an end in sight');
SELECT is(pollseed_cache_fetch('c', 'k', 'SELECT 1', depends_on => '{}'), '[{"?column?": 1}]', 'an entry of which');
SELECT ok(ttl_left > interval '1000 years', 'outlives us all') FROM pollseed_cache_entries WHERE cache = 'c';
SELECT is((pollseed_cache_create(repeat('x', 63))).name, repeat('x', 63), 'a name may have 63 bytes');
SELECT is((pollseed_cache_create(repeat('é', 31))).name, repeat('é', 31), 'of whatever characters');
SELECT is((pollseed_cache_create('It''s "odd"')).name, 'It''s "odd"', 'and quotes');
SELECT results_eq('SELECT caches FROM pollseed_cache_clear(''It''''s "odd"'')', 'VALUES (1)', 'it is found by them');
SELECT is(error_of('SELECT pollseed_cache_clear(''it''''s "odd"'')'), '42704 cache "it''s "odd"" does not exist', 'and by them alone');
CREATE FUNCTION hint_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE command;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
SELECT is(hint_of('SELECT pollseed_cache_fetch(''it''''s'', ''k'', ''SELECT 1'')'), 'Make it with pollseed_cache_create(''it''''s'').', 'who fetches from a cache that is not there is told how to make it');
SELECT is(error_of('SELECT pollseed_cache_clear('''')'), '42704 cache "" does not exist', 'there is none without a name');
BEGIN READ ONLY;
SELECT matches(error_of('SELECT pollseed_cache_create(''plain'')'), '^25006 ', 'no cache is made in a read-only transaction,');
SELECT matches(error_of('SELECT pollseed_cache_drop(''plain'')'), '^25006 ', 'nor dropped,');
SELECT is((pollseed_cache_clear('plain')).caches, 1, 'while clearing writes nothing');
COMMIT;

-- dropping
INSERT INTO pollseed.cache_warmers (cache, key, owner, owner_oid, system_identifier, database_oid, query, settings)
    SELECT 'plain', 'k', owner, owner_oid, system_identifier, database_oid, 'SELECT 1', '{}' FROM pollseed.caches WHERE name = 'plain';
SELECT row_of('plain') AS before \gset
SELECT ok(pollseed_cache_drop('plain'), 'a cache is dropped by its name');
SELECT is((SELECT count(*) FROM pollseed_caches WHERE name = 'plain'), 0::bigint, 'the view does not have it any more');
SELECT is((SELECT count(*) FROM pollseed.cache_warmers), 0::bigint, 'its warmers went with it');
SELECT ok(NOT pollseed_cache_drop('plain'), 'dropping it again is no error');
SELECT is(pollseed_cache_drop(NULL), NULL, 'nor is null');
SELECT is(error_of('SELECT pollseed_cache_clear(''plain'')'), '42704 cache "plain" does not exist', 'it cannot be used any more');
SELECT pollseed_cache_create('plain') \g /dev/null
SELECT isnt(split_part(row_of('plain'), ' ', 2), split_part(:'before', ' ', 2), 'another of the name has another number');

-- what a session knows after rollbacks
BEGIN;
SELECT pollseed_cache_create('rolled') \g /dev/null
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'a transaction uses the cache that it makes');
ROLLBACK;
SELECT is(error_of('SELECT pollseed_cache_clear(''rolled'')'), '42704 cache "rolled" does not exist', 'which is not there any more once that is rolled back');
BEGIN;
SAVEPOINT s;
SELECT pollseed_cache_create('rolled') \g /dev/null
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'the same of a subtransaction,');
ROLLBACK TO s;
SELECT is(error_of('SELECT pollseed_cache_clear(''rolled'')'), '42704 cache "rolled" does not exist', 'after which it is gone,');
COMMIT;
SELECT is(error_of('SELECT pollseed_cache_clear(''rolled'')'), '42704 cache "rolled" does not exist', 'and stays so');
BEGIN;
SAVEPOINT s;
SELECT pollseed_cache_create('rolled') \g /dev/null
RELEASE s;
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'one that a subtransaction leaves');
COMMIT;
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'is there');
BEGIN;
SAVEPOINT s;
SELECT pollseed_cache_drop('rolled') \g /dev/null
SELECT is(error_of('SELECT pollseed_cache_clear(''rolled'')'), '42704 cache "rolled" does not exist', 'a cache that is dropped is gone');
ROLLBACK TO s;
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'until that is rolled back');
SELECT pollseed_cache_drop('rolled') \g /dev/null
ROLLBACK;
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'by whatever way');

-- and after transactions that were prepared
BEGIN;
SELECT pollseed_cache_create('prepared') \g /dev/null
SELECT pollseed_cache_drop('rolled') \g /dev/null
PREPARE TRANSACTION 'cache_create';
SELECT is(error_of('SELECT pollseed_cache_clear(''prepared'')'), '42704 cache "prepared" does not exist', 'what is prepared is not there yet');
SELECT is((pollseed_cache_clear('rolled')).caches, 1, 'nor gone yet');
COMMIT PREPARED 'cache_create';
SELECT is((pollseed_cache_clear('prepared')).caches, 1, 'it is when it is committed');
SELECT is(error_of('SELECT pollseed_cache_clear(''rolled'')'), '42704 cache "rolled" does not exist', 'and gone, though the session had looked it up');
SELECT count(pollseed_cache_create('many ' || i)) FROM generate_series(1, 70) AS i \g /dev/null
SELECT is((pollseed_cache_clear('many 70')).caches, 1, 'many are made');
BEGIN;
SELECT count(pollseed_cache_drop('many ' || i)) FROM generate_series(1, 70) AS i \g /dev/null
PREPARE TRANSACTION 'cache_create';
SELECT is((pollseed_cache_clear('many 70')).caches, 1, 'a prepared transaction that drops many');
COMMIT PREPARED 'cache_create';
SELECT is(error_of('SELECT pollseed_cache_clear(''many 70'')'), '42704 cache "many 70" does not exist', 'has dropped each');

-- what dropped caches leave in memory
SELECT pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}') \g /dev/null
BEGIN;
SELECT pollseed_cache_drop('kept') \g /dev/null
SELECT pollseed_cache_create('frees what is not used') \g /dev/null
ROLLBACK;
SELECT is(pollseed_cache_fetch('kept', 'k', 'SELECT 1 AS one', depends_on => '{}'), '[{"one": 1}]', 'a cache whose drop is rolled back');
SELECT is((pollseed_cache_last()).outcome, 'hit', 'has kept its entries');
CREATE PROCEDURE come_and_go() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 10 LOOP
        PERFORM pollseed_cache_create('comes and goes');
        COMMIT;
        PERFORM pollseed_cache_fetch('comes and goes', 'k', 'SELECT 1', depends_on => '{}');
        PERFORM pollseed_cache_drop('comes and goes');
        COMMIT;
    END LOOP;
END $$;
CALL come_and_go();
SELECT cmp_ok(count(*), '<=', 1::bigint, 'of those that were dropped at most the last one takes memory') FROM pollseed.cache_counters() AS u WHERE uid <> ALL (SELECT c.uid FROM pollseed.caches AS c);

-- rights
CREATE ROLE cache_owner;
CREATE ROLE cache_member IN ROLE cache_owner;
CREATE ROLE cache_heirless NOINHERIT IN ROLE cache_owner;
CREATE ROLE cache_other;
CREATE ROLE cache_watcher IN ROLE pg_read_all_stats;
SET ROLE cache_owner;
SELECT is((pollseed_cache_create('theirs', '1 hour')).owner, 'cache_owner', 'a cache belongs to the role that makes it');
SELECT pollseed_cache_create('theirs too') \g /dev/null
RESET ROLE;
SELECT row_of('theirs') AS before \gset
SET ROLE cache_other;
SELECT is((SELECT owner FROM pollseed_caches WHERE name = 'theirs'), 'cache_owner', 'everybody sees that');
SELECT is(error_of('SELECT pollseed_cache_create(''theirs'', ''1 hour'')'), '42501 permission denied for cache "theirs"', 'others cannot make it, not even as it is,');
SELECT is(error_of('SELECT pollseed_cache_create(''theirs'')'), '42501 permission denied for cache "theirs"', 'nor otherwise,');
SELECT is(error_of('SELECT pollseed_cache_drop(''theirs'')'), '42501 permission denied for cache "theirs"', 'nor drop it,');
SELECT is(error_of('SELECT pollseed_cache_clear(''theirs'')'), '42501 permission denied for cache "theirs"', 'nor clear it,');
SELECT is(error_of('SELECT pollseed_cache_stats_reset(''theirs'')'), '42501 permission denied for cache "theirs"', 'nor reset its counters');
SELECT results_eq('SELECT caches, entries FROM pollseed_cache_clear()', 'VALUES (0, 0::bigint)', 'of their own they clear none, having none');
SELECT is(pollseed_cache_stats_reset(), 0, 'nor reset any');
SELECT matches(error_of('INSERT INTO pollseed.caches DEFAULT VALUES'), '^42501 ', 'definitions cannot be written by hand');
SELECT is((pollseed_cache_create('of another')).owner, 'cache_other', 'but everybody makes their own');
SELECT results_eq('SELECT caches FROM pollseed_cache_clear()', 'VALUES (1)', 'which they clear');
SET ROLE cache_watcher;
SELECT is(error_of('SELECT pollseed_cache_clear(''theirs'')'), '42501 permission denied for cache "theirs"', 'who reads all statistics has no part in it');
SET ROLE cache_heirless;
SELECT is(error_of('SELECT pollseed_cache_clear(''theirs'')'), '42501 permission denied for cache "theirs"', 'nor does a member without the role''s privileges');
SET ROLE cache_member;
SELECT results_eq('SELECT caches FROM pollseed_cache_clear()', 'VALUES (2)', 'a member of the owner has its caches');
SELECT is((pollseed_cache_create('theirs', '2 hours')).owner, 'cache_owner', 'and changes them, which stay the owner''s');
SELECT is(pollseed_cache_stats_reset('theirs'), 1, 'resets counters');
SELECT ok(pollseed_cache_drop('theirs too'), 'and drops');
RESET ROLE;
SELECT is((pollseed_cache_clear('theirs')).caches, 1, 'superusers do, too');
SELECT is(split_part(row_of('theirs'), ' ', 2), split_part(:'before', ' ', 2), 'it still is the same cache');

-- an owner with another name, and one who is gone
ALTER ROLE cache_owner RENAME TO cache_renamed;
SELECT is((SELECT owner FROM pollseed_caches WHERE name = 'theirs'), 'cache_renamed', 'an owner is shown by the name that the role has now');
CREATE ROLE cache_owner;
SET ROLE cache_owner;
SELECT is(error_of('SELECT pollseed_cache_clear(''theirs'')'), '42501 permission denied for cache "theirs"', 'who takes the old name does not take the cache');
SET ROLE cache_renamed;
SELECT is((pollseed_cache_clear('theirs')).caches, 1, 'which is the renamed role''s');
RESET ROLE;
DROP ROLE cache_renamed;
SET ROLE cache_owner;
SELECT is(error_of('SELECT pollseed_cache_clear(''theirs'')'), '42501 permission denied for cache "theirs"', 'when the owner is dropped');
RESET ROLE;
SELECT is((pollseed_cache_clear('theirs')).caches, 1, 'superusers remain,');
SELECT is((pollseed_cache_create('theirs', '2 hours')).owner, 'postgres', 'who may make it theirs');

-- restored from another database: there the owner is known by name
UPDATE pollseed.caches SET owner = 'cache_owner', owner_oid = 1, database_oid = 1 WHERE name = 'theirs';
UPDATE pollseed.caches SET owner = 'cache_later', owner_oid = 1, system_identifier = 1 WHERE name = 'plain';
SELECT pollseed_cache_create('makes sessions look') \g /dev/null
SET ROLE cache_owner;
SELECT is((pollseed_cache_clear('theirs')).caches, 1, 'after a restore the role of the name is the owner');
SELECT is((pollseed_cache_create('theirs', '2 hours')).owner, 'cache_owner', 'making it as it is');
RESET ROLE;
SELECT ok(owner_oid = 'cache_owner'::regrole AND database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()), 'keeps who that is') FROM pollseed.caches WHERE name = 'theirs';
SELECT is((pollseed_cache_clear('plain')).caches, 1, 'one whose owner is not there yet is the superusers''');
CREATE ROLE cache_later;
SET ROLE cache_later;
SELECT is((pollseed_cache_clear('plain')).caches, 1, 'until the role is made');
RESET ROLE;
SELECT is((SELECT owner FROM pollseed_caches WHERE name = 'plain'), 'cache_later', 'the view shows it all the while');

-- whatever the search path is
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'called from a search path'; END$$;
CREATE FUNCTION evil.never(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'called from a search path'; END$$;
CREATE OPERATOR evil.= (FUNCTION = evil.never, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR evil.= (FUNCTION = evil.never, LEFTARG = oid, RIGHTARG = oid);
SET search_path = evil, pg_catalog, public;
SELECT error_of('SELECT pollseed_cache_create(''path'')') AS made, error_of('SELECT pollseed_cache_create(''path'', ''1 hour'')') AS changed,
    error_of('SELECT pollseed_cache_clear()') AS cleared, error_of('SELECT pollseed_cache_drop(''path'')') AS dropped \gset
RESET search_path;
SELECT is(concat_ws(', ', :'made', :'changed', :'cleared', :'dropped'), 'no error, no error, no error, no error', 'no search path matters');

DROP ROLE cache_member, cache_heirless, cache_other, cache_watcher, cache_owner, cache_later;
SELECT * FROM finish();
