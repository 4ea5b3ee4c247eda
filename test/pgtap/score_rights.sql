-- Who may make, see and refresh whose score, and as whom its view is asked.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
BEGIN;
SELECT no_plan();

CREATE ROLE score_owner;
CREATE ROLE score_member IN ROLE score_owner;
CREATE ROLE score_writer;
CREATE ROLE score_other;
CREATE ROLE score_watcher IN ROLE pg_read_all_stats;
CREATE SCHEMA theirs AUTHORIZATION score_owner;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;

SET ROLE score_owner;
SET search_path = theirs, public;
CREATE TABLE items (id int PRIMARY KEY, value text);
INSERT INTO items SELECT i, 'v' || i FROM generate_series(1, 10) AS i;
CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
CREATE VIEW shown AS SELECT id, value, who() AS who FROM items;
SELECT is((pollseed_score_create('shown_score', 'shown', 'id')).owner, 'score_owner', 'a role makes a score of its own tables');
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON items TO score_writer;
RESET ROLE;

-- writers need nothing of the score
SET ROLE score_writer;
SELECT lives_ok('UPDATE theirs.items SET value = ''w'' WHERE id = 1', 'who may write to a source needs no privilege on the queue');
SELECT throws_ok('SELECT * FROM theirs.shown_score_queue', '42501', NULL, 'and has none');
RESET ROLE;

-- others
SET ROLE score_other;
SELECT is((SELECT count(*) FROM pollseed_scores), 0::bigint, 'others see no score');
SELECT throws_ok('SELECT pollseed_score_refresh(''theirs.shown_score'')', '42501', 'permission denied for score theirs.shown_score', 'nor refresh it,');
SELECT throws_ok('SELECT pollseed_score_drop(''theirs.shown_score'')', '42501', 'permission denied for score theirs.shown_score', 'nor drop it,');
SELECT throws_ok('SELECT pollseed_score_pause(''theirs.shown_score'')', '42501', NULL, 'nor pause it,');
SELECT throws_ok('SELECT pollseed_score_verify(''theirs.shown_score'')', '42501', NULL, 'nor verify it,');
SELECT throws_ok('SELECT pollseed_score_explain(''theirs.shown_score'')', '42501', NULL, 'nor have it explained,');
SELECT throws_ok('SELECT pollseed_score_staleness(''theirs.shown_score'')', '42501', NULL, 'nor ask how stale it is,');
SELECT throws_ok('SELECT pollseed_score_wait(''theirs.shown_score'')', '42501', NULL, 'nor wait for it,');
SELECT throws_ok('SELECT pollseed_score_schedule(''theirs.shown_score'', ''1 minute'')', '42501', NULL, 'nor schedule it');
SELECT throws_ok('SELECT pollseed.score_dirty_keys(1)', '42501', NULL, 'what is dirty is not told');
SELECT throws_ok('SELECT * FROM theirs.shown_score', '42501', NULL, 'the table is its owner''s');
SELECT throws_ok('INSERT INTO pollseed.scores DEFAULT VALUES', '42501', NULL, 'definitions cannot be forged');
SELECT throws_ok('SELECT pollseed.score_capture()', NULL, NULL, 'nor changes');
RESET ROLE;
SET ROLE score_watcher;
SELECT is((SELECT name || ' ' || COALESCE(dirty_keys::text, 'unknown') FROM pollseed_scores), 'theirs.shown_score unknown', 'members of pg_read_all_stats see it, without what is in its queue');
RESET ROLE;

-- members of the owner
SET ROLE score_member;
SELECT is((SELECT updated FROM pollseed_score_refresh('theirs.shown_score')), 1::bigint, 'members of the owner refresh it');
SELECT is((SELECT string_agg(DISTINCT who, ',') FROM theirs.shown_score), 'score_owner', 'as the owner');
RESET ROLE;
SELECT is((SELECT keys FROM pollseed_score_refresh('theirs.shown_score', 'full')), 10::bigint, 'a superuser does, too,');
SELECT is((SELECT string_agg(DISTINCT who, ',') FROM theirs.shown_score), 'score_owner', 'as the owner');

-- making one takes rights on the tables
SET ROLE score_other;
CREATE TEMP TABLE mine (id int);
SET search_path = theirs, public;
SELECT throws_ok('SELECT pollseed_score_create(''theirs.s'', ''theirs.shown'', ''id'')', '42501', NULL, 'of another''s view nobody makes a score');
RESET ROLE;
GRANT SELECT ON theirs.shown, theirs.items TO score_other;
CREATE SCHEMA others AUTHORIZATION score_other;
SET ROLE score_other;
SELECT throws_ok('SELECT pollseed_score_create(''others.s'', ''theirs.shown'', ''id'')', '42501', NULL, 'without the right to make triggers neither');
RESET ROLE;
GRANT TRIGGER ON theirs.items TO score_other;
SET ROLE score_other;
SELECT is((pollseed_score_create('others.s', 'theirs.shown', 'id')).state, 'ready', 'with it one does');

-- a trigger of ours on a table that is no source
CREATE TABLE others.bait (id int);
SELECT throws_ok($$CREATE TRIGGER forged AFTER INSERT ON others.bait REFERENCING NEW TABLE AS pollseed_new FOR EACH STATEMENT
    EXECUTE FUNCTION pollseed.score_capture('1', '1')$$, '42501', NULL, 'nobody makes triggers that write to a queue');
RESET ROLE;
CREATE TRIGGER forged AFTER INSERT ON others.bait REFERENCING NEW TABLE AS pollseed_new FOR EACH STATEMENT
    EXECUTE FUNCTION pollseed.score_capture('1', '1');
SELECT throws_ok('INSERT INTO others.bait VALUES (1)', NULL, NULL, 'and where a superuser does, a table that is no source cannot');

-- row security that is switched on after the score was made, and its policies
SET ROLE score_owner;
CREATE TABLE theirs.secrets (id int PRIMARY KEY, level int);
INSERT INTO theirs.secrets VALUES (1, 1), (2, 2), (3, 3);
CREATE VIEW theirs.told AS SELECT id, level FROM theirs.secrets;
SELECT is((pollseed_score_create('theirs.tellable', 'theirs.told', 'id')).state, 'ready', 'a score of a table without row security');
ALTER TABLE theirs.secrets FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
SELECT is((SELECT state FROM pollseed_scores WHERE name = 'theirs.tellable'), 'broken', 'with it one has to say which rows depend on what');
SELECT is(pollseed_score_drop('theirs.tellable'), true, 'the score is made anew');
CREATE POLICY low ON theirs.secrets USING (level < 3);
SELECT is((pollseed_score_create('theirs.tellable', 'theirs.told', 'id', '[{"table": "theirs.secrets", "key": "id"}]')).state, 'ready', 'with sources');
SELECT is((SELECT count(*) FROM theirs.tellable), 2::bigint, 'it has what its owner sees');
ALTER POLICY low ON theirs.secrets USING (level < 2);
SELECT is((SELECT deleted FROM pollseed_score_refresh('theirs.tellable')), 1::bigint, 'a policy that was changed makes all keys dirty');
DROP POLICY low ON theirs.secrets;
SELECT is((SELECT deleted FROM pollseed_score_refresh('theirs.tellable')), 1::bigint, 'so does one that was dropped');
CREATE POLICY every ON theirs.secrets USING (true);
SELECT is((SELECT inserted FROM pollseed_score_refresh('theirs.tellable')), 3::bigint, 'and one that was made');

-- a queue that its owner has written to or altered
CREATE TABLE theirs.pairs (a int, b int, amount int, PRIMARY KEY (a, b));
INSERT INTO theirs.pairs VALUES (1, 1, 1), (2, 2, 2);
CREATE VIEW theirs.paired AS SELECT a, b, amount FROM theirs.pairs;
SELECT is((pollseed_score_create('theirs.pair_score', 'theirs.paired', 'a, b')).state, 'ready', 'a key of two columns');
INSERT INTO theirs.pair_score_queue (source_no, changed_at, k1) VALUES (1, now(), '{1}');
SELECT is((SELECT mode FROM pollseed_score_refresh('theirs.pair_score', 'delta')), 'full', 'what half a key is of cannot be told: all are recomputed');
INSERT INTO theirs.pair_score_queue (source_no, changed_at, k1, k2) VALUES (1, now(), '{}', '{}');
SELECT is((SELECT keys FROM pollseed_score_refresh('theirs.pair_score', 'delta')), 0::bigint, 'no keys are none');
ALTER TABLE theirs.pair_score_queue ADD COLUMN note int DEFAULT 1, ADD COLUMN notes text[] DEFAULT '{x}';
UPDATE theirs.pairs SET amount = 3;
SELECT is((SELECT updated FROM pollseed_score_refresh('theirs.pair_score', 'delta')), 2::bigint, 'further columns of a queue do not matter');

-- what the owner's code sets for its session does not stay in that of who refreshes
CREATE FUNCTION theirs.set_path() RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'theirs, pg_catalog', false);
    RETURN 1;
END $$;
CREATE TABLE theirs.ones (id int PRIMARY KEY);
INSERT INTO theirs.ones VALUES (1);
CREATE VIEW theirs.hijacking AS SELECT id, theirs.set_path() AS one FROM theirs.ones;
SELECT (public.pollseed_score_create('theirs.hijack', 'theirs.hijacking', 'id', '[{"table": "theirs.ones", "key": "id"}]')).state AS state \gset
RESET ROLE;
SET search_path = public, pg_catalog;
SELECT is(:'state'::text, 'ready', 'a view whose function sets the search path');
SELECT is((SELECT unchanged FROM pollseed_score_refresh('theirs.hijack', 'full')), 1::bigint, 'is refreshed by a superuser');
SELECT is(current_setting('search_path'), 'public, pg_catalog', 'whose search path it leaves alone');

SELECT * FROM finish();
ROLLBACK;
