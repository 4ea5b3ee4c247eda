-- Who sees and runs whose backfill, and as whom its source and its table's functions run.
--
-- A procedure that commits cannot be called in a transaction block, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
SELECT no_plan();

CREATE ROLE backfill_owner LOGIN;
CREATE ROLE backfill_member LOGIN IN ROLE backfill_owner;
CREATE ROLE backfill_heirless LOGIN NOINHERIT IN ROLE backfill_owner;
CREATE ROLE backfill_other LOGIN;
CREATE ROLE backfill_watcher LOGIN IN ROLE pg_read_all_stats;
CREATE ROLE backfill_super LOGIN SUPERUSER;

\ir include/error_of.sql

-- Things of one role, all functions of which tell who they are
CREATE SCHEMA theirs AUTHORIZATION backfill_owner;
SET ROLE backfill_owner;
SET search_path = theirs, public;
CREATE TABLE seen (place text, who text, session_path text);
CREATE FUNCTION see(place text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO theirs.seen VALUES (see.place, current_user, current_setting('search_path'));
    RETURN true;
END $$;
CREATE FUNCTION see_always(place text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN theirs.see(place); END';
CREATE FUNCTION see_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM theirs.see(TG_NAME); RETURN NEW; END';
CREATE FUNCTION value_of(id bigint) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM theirs.see(''source''); RETURN ''v'' || id; END';
CREATE TABLE names (id bigint, name text);
INSERT INTO names SELECT i, 'theirs' FROM generate_series(1, 400) AS i;
CREATE TABLE items (id bigint PRIMARY KEY, value text, CHECK (value IS NULL OR see_always('check')));
INSERT INTO items SELECT i FROM generate_series(1, 40) AS i;
CREATE UNIQUE INDEX items_watched ON items (id) WHERE see_always('predicate');
CREATE INDEX items_computed ON items ((see_always(CASE WHEN id > 0 THEN 'expression' END)), value);
CREATE TRIGGER before_row BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION see_row();
CREATE TRIGGER after_row AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION see_row();
SELECT (pollseed_backfill_create('theirs', 'items', 'value', 'SELECT k, value_of(k) FROM unnest($1) AS k', batch_size => 10)).name \g /dev/null
CREATE TABLE failing (id bigint PRIMARY KEY, value text);
INSERT INTO failing VALUES (1), (2);
SELECT (pollseed_backfill_create('failing', 'failing', 'value', 'SELECT k, (1 / (k - 1))::text FROM unnest($1) AS k')).name \g /dev/null
SELECT quarantined FROM pollseed_backfill_step('failing', 10) \g /dev/null
CREATE TABLE broken (id bigint PRIMARY KEY, value text);
INSERT INTO broken VALUES (1);
CREATE FUNCTION broken() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''secret'' USING ERRCODE = ''XX000''; END';
SELECT (pollseed_backfill_create('broken', 'broken', 'value', 'SELECT k, broken() FROM unnest($1) AS k')).name \g /dev/null
\set ON_ERROR_STOP 0
CALL pollseed_backfill_run('broken');
\set ON_ERROR_STOP 1
RESET ROLE;
RESET search_path;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;

-- Who sees what: the backfills, of these the error messages, the SQLSTATEs, and the failures
CREATE TABLE sights (place serial, role text, backfills int, errors int, sqlstates int, failures int);
INSERT INTO sights (role, backfills, errors, sqlstates, failures) VALUES
    ('backfill_owner', 3, 1, 1, 1), ('backfill_member', 3, 1, 1, 1), ('backfill_heirless', 0, 0, 0, 0), ('backfill_other', 0, 0, 0, 0),
    ('backfill_watcher', 3, 0, 1, 0), ('backfill_super', 3, 1, 1, 1);
SELECT format('SET ROLE %I', role),
       format($$SELECT row_eq('SELECT count(*)::int, count(last_error)::int, count(last_sqlstate)::int, (SELECT count(*)::int FROM pollseed_backfill_failures) FROM pollseed_backfills',
           ROW(%s, %s, %s, %s), %L)$$, backfills, errors, sqlstates, failures, role || ' sees what it may'),
       'RESET ROLE'
  FROM sights ORDER BY place \gexec
SET ROLE backfill_owner;
SELECT is(relation || ' ' || key || ' ' || sqlstate || ' ' || message, 'theirs.failing 1 22012 division by zero', 'a failure is shown with its key and error') FROM pollseed_backfill_failures;
SELECT is(state || ' ' || last_sqlstate || ' ' || last_error, 'failed XX000 secret', 'and what failed the whole') FROM pollseed_backfills WHERE name = 'broken';
RESET ROLE;

-- Who may do what: nothing without the owner's privileges
CREATE TABLE calls (place serial, command text);
INSERT INTO calls (command) VALUES
    ($$CALL pollseed_backfill_run('theirs', 1)$$), ($$SELECT pollseed_backfill_step('theirs')$$), ($$SELECT pollseed_backfill_async('theirs')$$),
    ($$SELECT pollseed_backfill_estimate('theirs')$$), ($$SELECT pollseed_backfill_explain('theirs')$$), ($$SELECT pollseed_backfill_retry('theirs')$$),
    ($$CALL pollseed_backfill_finalize('theirs')$$), ($$SELECT pollseed_backfill_drop('theirs')$$);
SELECT format('SET ROLE %I', role), format($$SELECT is(error_of(%L), '42501 permission denied for backfill "theirs"', %L)$$, command, role || ': ' || command), 'RESET ROLE'
  FROM calls, unnest('{backfill_other,backfill_heirless,backfill_watcher}'::text[]) AS role ORDER BY role, place \gexec
SELECT is(count(*), 40::bigint, 'nobody of them has filled anything') FROM theirs.items WHERE value IS NULL;
SELECT is(error_of(format(replace(command, 'theirs', 'nobodys'))), CASE WHEN command LIKE '%drop%' THEN 'no error' ELSE '42704 backfill "nobodys" does not exist' END, 'without such a backfill: ' || command)
  FROM calls ORDER BY place;
SELECT is(error_of(replace(command, '''theirs''', 'NULL')), '22004 name must not be null', 'without a name: ' || command)
  FROM calls WHERE command !~ 'explain|retry|drop' ORDER BY place;

-- Whoever runs it, all runs as the owner, under the search path of the creation
CREATE SCHEMA trap;
GRANT ALL ON SCHEMA trap TO backfill_member;
CREATE TABLE trap.names AS SELECT i::bigint AS id, 'trap' AS name FROM generate_series(1, 400) AS i;
GRANT SELECT ON trap.names TO PUBLIC;
CREATE FUNCTION trap.value_of(id bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
-- The server folds a predicate when it first looks at an index, so it is to forget this one.
ALTER INDEX theirs.items_watched SET (fillfactor = 90);
TRUNCATE theirs.seen;
SET search_path = trap, public;
CALL pollseed_backfill_run('theirs', 1);
SELECT is(filled, 1::bigint, 'a superuser runs a step') FROM (SELECT sign(filled)::bigint AS filled FROM pollseed_backfill_step('theirs')) AS s;
SELECT isnt(count(*), 0::bigint, 'looks at the plans') FROM pollseed_backfill_explain('theirs');
SELECT isnt(rows_tried, 0::bigint, 'estimates') FROM pollseed_backfill_estimate('theirs', 1);
SET ROLE backfill_member;
CALL pollseed_backfill_run('theirs', 1);
SELECT isnt(rows_tried, 0::bigint, 'so does a member of the owner') FROM pollseed_backfill_estimate('theirs', 1);
CALL pollseed_backfill_run('theirs');
RESET ROLE;
CALL pollseed_backfill_finalize('theirs');
CALL pollseed_backfill_finalize('theirs', true);
RESET search_path;
SELECT set_eq('SELECT DISTINCT place FROM theirs.seen', $$VALUES ('source'), ('check'), ('before_row'), ('after_row'), ('expression'), ('predicate')$$, 'functions of all kinds were called');
SELECT set_eq('SELECT DISTINCT who FROM theirs.seen', $$VALUES ('backfill_owner'::text)$$, 'as the owner');
SELECT set_eq('SELECT DISTINCT session_path FROM theirs.seen WHERE place = ''source''', $$VALUES ('theirs, public, pg_temp'::text)$$, 'under the search path of the creation, with temporary tables at its end');
SELECT is(count(*), 40::bigint, 'and the source''s functions are those') FROM theirs.items WHERE value = 'v' || id;
SELECT col_not_null('theirs', 'items', 'value', 'the owner''s table is altered as the owner too');

-- A member's temporary table, or one on his search path, is not the source's
SET ROLE backfill_owner;
SET search_path = theirs, public;
CREATE TABLE named (id bigint PRIMARY KEY, value text);
INSERT INTO named SELECT i FROM generate_series(1, 400) AS i;
SELECT (pollseed_backfill_create('named', 'named', 'value', 'SELECT id, name FROM names WHERE id = ANY ($1)', batch_size => 10)).name \g /dev/null
RESET ROLE;
SET ROLE backfill_member;
SET search_path = trap, public;
CREATE TEMP TABLE names AS SELECT i::bigint AS id, 'temporary' AS name FROM generate_series(1, 400) AS i;
CALL pollseed_backfill_run('named', 2);
SET search_path = pg_catalog;
DROP TABLE pg_temp.names;
CALL public.pollseed_backfill_run('named');
RESET ROLE;
RESET search_path;
SELECT results_eq('SELECT value, count(*) FROM theirs.named GROUP BY value', $$VALUES ('theirs'::text, 400::bigint)$$, 'the tables of the source are those of its creation');

-- What only a superuser may do is not done because one runs a backfill
SET ROLE backfill_owner;
CREATE FUNCTION theirs.attack() RETURNS text LANGUAGE plpgsql AS 'BEGIN ALTER ROLE backfill_owner SUPERUSER; RETURN ''done''; END';
CREATE FUNCTION theirs.escape() RETURNS text LANGUAGE plpgsql AS 'BEGIN RESET ROLE; ALTER ROLE backfill_owner SUPERUSER; RETURN ''done''; END';
CREATE FUNCTION theirs.authorize() RETURNS text LANGUAGE plpgsql AS 'BEGIN SET SESSION AUTHORIZATION DEFAULT; ALTER ROLE backfill_owner SUPERUSER; RETURN ''done''; END';
CREATE FUNCTION theirs.temporize() RETURNS text LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE left_behind (); RETURN ''done''; END';
CREATE FUNCTION theirs.attack_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE backfill_owner SUPERUSER; RETURN NEW; END';
CREATE TABLE theirs.attacked (id bigint PRIMARY KEY, value text);
INSERT INTO theirs.attacked VALUES (1);
SELECT (pollseed_backfill_create(name, 'theirs.attacked', 'value', format('SELECT k, theirs.%s() FROM unnest($1) AS k', name))).name
  FROM unnest('{attack,escape,authorize,temporize}'::text[]) AS name \g /dev/null
RESET ROLE;
\set ON_ERROR_STOP 0
CALL pollseed_backfill_run('attack');
CALL pollseed_backfill_run('escape');
CALL pollseed_backfill_run('authorize');
CALL pollseed_backfill_run('temporize');
\set ON_ERROR_STOP 1
SELECT is(count(*), 1::bigint, 'no attack has filled anything') FROM theirs.attacked WHERE value IS NULL;
SELECT results_eq($$SELECT name, state, last_sqlstate FROM pollseed_backfills WHERE name IN ('attack', 'escape', 'authorize', 'temporize') ORDER BY name COLLATE "C"$$,
    $$VALUES ('attack'::text, 'failed'::text, '42501'::text), ('authorize', 'failed', '42501'), ('escape', 'failed', '42501'), ('temporize', 'failed', '42501')$$, 'each failed');
-- A trigger that is put off until the commit runs as who commits
SET ROLE backfill_owner;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON theirs.attacked DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION theirs.attack_row();
SELECT (pollseed_backfill_create('late', 'theirs.attacked', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k')).name \g /dev/null
RESET ROLE;
\set ON_ERROR_STOP 0
CALL pollseed_backfill_run('late');
\set ON_ERROR_STOP 1
SELECT is(count(*), 1::bigint, 'a deferred trigger does not get a superuser''s commit') FROM theirs.attacked WHERE value IS NULL;
SELECT is(rolsuper, false, 'and nobody became a superuser') FROM pg_roles WHERE rolname = 'backfill_owner';
SELECT is(current_user || ' ' || session_user, 'postgres postgres', 'the session is whose it was');
SET ROLE backfill_owner;
CREATE TABLE theirs.whose (name text);
CREATE FUNCTION theirs.note_whose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO theirs.whose VALUES (current_user); RETURN NULL; END';
DROP TRIGGER late ON theirs.attacked;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON theirs.attacked DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION theirs.note_whose();
RESET ROLE;
CALL pollseed_backfill_run('late');
SELECT results_eq('SELECT value, name FROM theirs.attacked, theirs.whose', $$VALUES ('x'::text, 'backfill_owner'::text)$$, 'it runs as the owner, before the commit');

-- Operators and functions of the caller are not called by what runs as the extension's owner
CREATE SCHEMA evil AUTHORIZATION backfill_owner;
SET ROLE backfill_owner;
CREATE TABLE evil.calls (who text, what text);
GRANT INSERT ON evil.calls TO PUBLIC;
DO $do$
DECLARE
    o record; arguments text; made integer := 0;
BEGIN
    FOR o IN SELECT DISTINCT op.oprname, l.oid::regtype::text AS l, r.oid::regtype::text AS r, t.oid::regtype::text AS t
               FROM pg_operator AS op JOIN pg_type AS l ON l.oid = op.oprleft JOIN pg_type AS r ON r.oid = op.oprright JOIN pg_type AS t ON t.oid = op.oprresult
              WHERE op.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '||', '->>', '->', '<<', '|') AND l.typtype = 'b' AND r.typtype = 'b'
                AND l.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'name'::regtype, 'oid'::regtype, 'jsonb'::regtype, 'bool'::regtype, 'numeric'::regtype,
                              'float8'::regtype, 'timestamptz'::regtype, 'interval'::regtype, 'tid'::regtype)
    LOOP
        EXECUTE format($f$CREATE FUNCTION evil.op_%s(a %s, b %s) RETURNS %s LANGUAGE plpgsql AS
            $b$BEGIN INSERT INTO evil.calls VALUES (current_user, %L); RETURN a OPERATOR(pg_catalog.%s) b; END$b$ $f$, made, o.l, o.r, o.t, o.l || o.oprname || o.r, o.oprname);
        EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.op_%s)', o.oprname, o.l, o.r, made);
        made := made + 1;
    END LOOP;
    IF made < 100 THEN
        RAISE 'only % operators', made;
    END IF;
END $do$;
CREATE TABLE evil.items (id bigint PRIMARY KEY, value text);
INSERT INTO evil.items SELECT i FROM generate_series(1, 40) AS i;
CREATE TABLE evil.pairs (a int, b text, value text, PRIMARY KEY (a, b));
INSERT INTO evil.pairs SELECT i, i FROM generate_series(1, 40) AS i;
SET search_path = evil, pg_catalog, public;
-- That they are in the way at all
SELECT 1 = 1, 'a' = 'a' \g /dev/null
SELECT isnt_empty('SELECT FROM evil.calls', 'such operators are called where nothing is done about it');
SELECT (pollseed_backfill_create('evil', 'items', 'value', 'SELECT k, CASE WHEN mod(k, 2) OPERATOR(pg_catalog.=) 0 THEN repeat(''x'', 2) END FROM unnest($1) AS k', batch_size => 10, throttle => '{"wal_bytes_per_second": "1 GB"}', after_backfill => NULL)).name \g /dev/null
SELECT (pollseed_backfill_create('evil', 'items', 'value', 'SELECT k, CASE WHEN mod(k, 2) OPERATOR(pg_catalog.=) 0 THEN repeat(''x'', 2) END FROM unnest($1) AS k', batch_size => 10, throttle => '{"wal_bytes_per_second": "1 GB"}', after_backfill => NULL)).name \g /dev/null
SELECT (pollseed_backfill_create('pairs', 'pairs', 'value', 'SELECT k, l, repeat(l, 2) FROM unnest($1, $2) AS u(k, l)', strategy => 'index', after_backfill => 'evil')).name \g /dev/null
TRUNCATE evil.calls;
SELECT rows_tried FROM pollseed_backfill_estimate('evil') \g /dev/null
SELECT count(*) FROM pollseed_backfill_explain('evil') \g /dev/null
SELECT filled FROM pollseed_backfill_step('evil', 2) \g /dev/null
CALL pollseed_backfill_run('evil', 2);
CALL pollseed_backfill_run('evil');
CALL pollseed_backfill_run('pairs');
SELECT rows FROM pollseed_backfill_retry('evil') \g /dev/null
CALL pollseed_backfill_finalize('evil');
CALL pollseed_backfill_finalize('pairs', true);
SELECT count(*) FROM pollseed_backfills \g /dev/null
SELECT count(*) FROM pollseed_backfill_failures \g /dev/null
SELECT dropped FROM pollseed_backfill_drop('evil') \g /dev/null
RESET search_path;
RESET ROLE;
SELECT is_empty($$SELECT DISTINCT who, what FROM evil.calls WHERE who <> 'backfill_owner'$$, 'none of them is called as anybody else');
SELECT is_empty($$SELECT DISTINCT who, what FROM evil.calls$$, 'nor at all');
SELECT is(count(*), 20::bigint, 'and the work is done') FROM evil.items WHERE value IS NOT NULL;

-- Nothing that the extension keeps is open to anybody
SET ROLE backfill_other;
SELECT throws_ok(format('SELECT FROM pollseed.%I', relname), '42501', NULL, 'nobody reads ' || relname)
  FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'pollseed') AND relkind IN ('r', 'v', 'S') ORDER BY relname COLLATE "C";
SELECT throws_ok('DELETE FROM pollseed.backfills', '42501', NULL, 'nobody writes it');
SELECT throws_ok('INSERT INTO pollseed.backfill_rows (backfill_id, relation_oid, key, outcome) VALUES (1, 1, '''', ''no_data'')', '42501', NULL, 'nor what rows came to');
SELECT throws_ok('CREATE TABLE pollseed.mine ()', '42501', NULL, 'nor makes a thing there');
RESET ROLE;
SELECT is_empty($$SELECT c.oid::regclass, a.grantee, a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a
                   WHERE c.relnamespace = 'pollseed'::regnamespace AND a.grantee <> c.relowner$$, 'no privilege is granted on anything there');

-- A role that is dropped leaves its backfills to superusers, to be dropped
ALTER ROLE backfill_other RENAME TO backfill_renamed;
GRANT CREATE ON SCHEMA public TO backfill_renamed;
SET ROLE backfill_renamed;
CREATE TABLE public.of_another (id bigint PRIMARY KEY, value text);
INSERT INTO public.of_another VALUES (1);
SELECT (pollseed_backfill_create('dropped', 'public.of_another', 'value', 'SELECT k, ''x'' FROM unnest($1) AS k')).name \g /dev/null
RESET ROLE;
ALTER TABLE public.of_another OWNER TO postgres;
BEGIN;
SELECT job_id AS job FROM pollseed_backfill_async('dropped') \gset
SELECT FROM pollseed_job_pause(:job) \g /dev/null
COMMIT;
DROP OWNED BY backfill_renamed;
DROP ROLE backfill_renamed;
CREATE ROLE backfill_renamed LOGIN;
GRANT ALL ON public.of_another TO backfill_renamed;
SET ROLE backfill_renamed;
SELECT is(count(*), 0::bigint, 'another role of that name does not see it') FROM pollseed_backfills;
SELECT is(error_of('SELECT pollseed_backfill_step(''dropped'')'), '42501 permission denied for backfill "dropped"', 'nor runs it');
SELECT is(error_of('SELECT pollseed_backfill_drop(''dropped'')'), '42501 permission denied for backfill "dropped"', 'nor drops it');
RESET ROLE;
SELECT is(error_of('SELECT pollseed_backfill_step(''dropped'')'), '55000 the owner of backfill "dropped" does not exist any more', 'a superuser is told why he does not run it');
SELECT is(error_of('SELECT pollseed_backfill_async(''dropped'')'), '55000 the owner of backfill "dropped" does not exist any more', 'nor has a job run it');
SELECT FROM pollseed_job_resume(:job) \g /dev/null
DO $$ BEGIN
    FOR i IN 1 .. 300 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM pollseed_jobs WHERE engine = 'backfill' AND state IN ('queued', 'running'));
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT is(state || ' ' || last_error, 'failed the backfill of job ' || :job || ', or its owner, does not exist any more', 'and one that was made before does not') FROM pollseed_jobs WHERE id = :job;
SELECT is(value, NULL, 'and it has done nothing') FROM public.of_another;
SELECT ok(dropped, 'he drops it') FROM pollseed_backfill_drop('dropped');
SELECT ok(NOT dropped, 'once') FROM pollseed_backfill_drop('dropped');

-- Roles are the server's, not the database's
DROP OWNED BY backfill_owner, backfill_member, backfill_heirless, backfill_watcher, backfill_super, backfill_renamed CASCADE;
DROP ROLE backfill_member, backfill_heirless, backfill_watcher, backfill_super, backfill_renamed, backfill_owner;
SELECT * FROM finish();
