-- Progress: what a seeding shows of itself while it runs, to whom, and that nothing is left of it however it ends.  Triggers on
-- the tables that it writes read the view in the middle of it.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(56);

CREATE ROLE progress_one;
CREATE ROLE progress_two;
CREATE ROLE progress_member;
CREATE ROLE progress_watcher;
GRANT progress_one TO progress_member;
GRANT pg_read_all_stats TO progress_watcher;
CREATE SCHEMA one AUTHORIZATION progress_one;

-- The view
SELECT columns_are('public', 'pollseed_progress',
    '{pid,job,run,engine,relation,phase,done,total,percent,rate,eta,waiting_for,started_at}'::name[]);
SELECT col_type_is('public', 'pollseed_progress', c.name::name, c.type, c.name || ': ' || c.type)
  FROM (VALUES ('pid', 'integer'), ('job', 'bigint'), ('run', 'bigint'), ('engine', 'text'), ('relation', 'text'), ('phase', 'text'),
        ('done', 'bigint'), ('total', 'bigint'), ('percent', 'numeric'), ('rate', 'double precision'), ('eta', 'interval'),
        ('waiting_for', 'text'), ('started_at', 'timestamp with time zone')) AS c(name, type);
SELECT is_empty('SELECT * FROM pollseed_progress', 'nothing is under way');
SET LOCAL ROLE progress_two;
SELECT lives_ok('SELECT * FROM pollseed_progress', 'every role may read it');
SELECT throws_ok('SELECT * FROM pollseed.progress_slots()', '42501', NULL, 'but not name what is behind it');
SELECT throws_ok('DELETE FROM pollseed_progress', '55000', NULL, 'nor write it');
RESET ROLE;

-- What is seen is kept here, with the number of rows that roles see.
CREATE TABLE seen (nth integer GENERATED ALWAYS AS IDENTITY, event text, LIKE pollseed_progress, seen_at timestamptz, rows jsonb);
CREATE FUNCTION as_one() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM pollseed_progress';
CREATE FUNCTION as_two() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM pollseed_progress';
CREATE FUNCTION as_member() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM pollseed_progress';
CREATE FUNCTION as_watcher() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM pollseed_progress';
ALTER FUNCTION as_one() OWNER TO progress_one;
ALTER FUNCTION as_two() OWNER TO progress_two;
ALTER FUNCTION as_member() OWNER TO progress_member;
ALTER FUNCTION as_watcher() OWNER TO progress_watcher;
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO seen OVERRIDING USER VALUE
    SELECT NULL, TG_ARGV[0], p.*, clock_timestamp(), jsonb_build_object('one', as_one(), 'two', as_two(), 'member', as_member(), 'watcher', as_watcher())
      FROM pollseed_progress AS p;
    -- The first batches take their time, so that the rate is known and the end is far away.
    IF (SELECT max(done) < 40 AND max(total) = 2000 FROM pollseed_progress) THEN
        PERFORM pg_sleep(0.1);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION watch(events regclass, options regclass DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER look AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION look(''insert'')', events);
    EXECUTE format('CREATE TRIGGER look_delete AFTER DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION look(''delete'')', events);
    IF options IS NOT NULL THEN
        EXECUTE format('CREATE TRIGGER look AFTER UPDATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION look(''update'')', options);
    END IF;
END $$;

-- A seeding
SET LOCAL ROLE progress_one;
SET LOCAL search_path = one, public;
SELECT pollseed_create_poll_tables() \g /dev/null
RESET ROLE;
SELECT watch('vote_events', 'options') \g /dev/null
SET LOCAL ROLE progress_one;
CREATE TEMP TABLE run AS SELECT * FROM pollseed_seed(2000, seed => 1, batch_size => 10);
SELECT is_empty('SELECT * FROM pollseed_progress', 'nothing is shown after the call, in the same transaction');
RESET ROLE;
SELECT results_eq($$SELECT DISTINCT pid, job, seen.run, engine, relation FROM seen$$,
    $$SELECT pg_backend_pid(), NULL::bigint, run_id, 'votes', 'one.vote_events' FROM run$$, 'whose, which run, what, where');
SELECT results_eq($$SELECT DISTINCT rows FROM seen$$, $$VALUES ('{"one": 1, "two": 0, "member": 1, "watcher": 1}'::jsonb)$$,
    'seen by its role, who has the rights of that role, and pg_read_all_stats');
SELECT results_eq($$SELECT phase, done, total FROM seen WHERE event = 'insert' ORDER BY nth$$,
    $$SELECT 'writing votes', 10::bigint * i, 2000::bigint FROM generate_series(0, 199) AS i$$, 'each batch is counted once written');
SELECT results_eq($$SELECT phase, done, total, percent, eta FROM seen WHERE event = 'update' ORDER BY nth$$,
    $$VALUES ('counting votes', 0::bigint, NULL::bigint, NULL::numeric, NULL::interval)$$, 'the last phase has no total');
SELECT is_empty($$SELECT done, percent FROM seen WHERE event = 'insert' AND percent::text <> trunc(100.0 * done / total, 1)::text$$,
    'percent, with one decimal');
SELECT is_empty($$SELECT * FROM seen WHERE waiting_for IS NOT NULL$$, 'it waits for nothing');
SELECT results_eq($$SELECT DISTINCT started_at BETWEEN now() AND seen_at FROM seen$$, 'VALUES (true)', 'started_at is a moment of its own');
SELECT is(count(DISTINCT started_at), 1::bigint, 'and one for all phases') FROM seen;
SELECT is(rate, 0::double precision, 'no rate before the first batch is written') FROM seen WHERE done = 0 AND event = 'insert';
SELECT is(eta, NULL, 'and no estimate') FROM seen WHERE done = 0 AND event = 'insert';
-- The phase began a little after the work.
SELECT ok(rate BETWEEN 0.99 * done / extract(epoch FROM seen_at - started_at) AND 3 * done / extract(epoch FROM seen_at - started_at),
    format('%s votes in %s: rate %s', done, seen_at - started_at, rate)) FROM seen WHERE event = 'insert' AND done IN (10, 40, 1990);
SELECT ok(abs(extract(epoch FROM eta) - (total - done) / rate) <= 1 + 0.01 * (total - done) / rate,
    format('%s of %s votes at rate %s: eta %s', done, total, rate, eta)) FROM seen WHERE event = 'insert' AND done IN (10, 40, 1990);
SELECT ok(bool_and(eta > '0'), 'no estimate is zero before the end') FROM seen WHERE eta IS NOT NULL;
SELECT ok(bool_and(rate::text ~ '^0$|^[0-9]{1,3}0*$|^[0-9.]{1,4}$'), 'rates have three digits') FROM seen;

-- Clearing and recounting
TRUNCATE seen;
SET LOCAL ROLE progress_one;
SELECT pollseed_clear_seed_data() \g /dev/null
RESET ROLE;
SELECT results_eq($$SELECT event, phase, done, total, percent, run, relation FROM seen ORDER BY nth$$,
    $$VALUES ('delete', 'deleting seeded votes', 0::bigint, NULL::bigint, NULL::numeric, NULL::bigint, 'one.vote_events'),
             ('update', 'counting votes', 0, NULL, NULL, NULL, 'one.vote_events')$$, 'the phases of clearing');
UPDATE options SET votes = 7;
TRUNCATE seen;
SELECT pollseed_recount_votes() \g /dev/null
SELECT results_eq($$SELECT event, phase FROM seen$$, $$VALUES ('update', 'counting votes')$$, 'the phase of counting');
SELECT results_eq($$SELECT DISTINCT rows FROM seen$$, $$VALUES ('{"one": 0, "two": 0, "member": 0, "watcher": 1}'::jsonb)$$,
    'what a superuser does is seen by pg_read_all_stats only');
SELECT is_empty('SELECT * FROM pollseed_progress', 'nothing is left of either');

-- Errors
SELECT throws_ok('SELECT pollseed_seed(10, weights => ''{"Python": -1}'')', NULL, NULL, 'an error before the first row');
SELECT is_empty('SELECT * FROM pollseed_progress', 'leaves nothing');
ALTER TABLE vote_events ADD CONSTRAINT early CHECK (votes_after < 5);
SELECT throws_ok('SELECT pollseed_seed(1000, batch_size => 10)', '23514', NULL, 'an error in the middle');
SELECT is_empty('SELECT * FROM pollseed_progress', 'leaves nothing');
DO $$
BEGIN
    PERFORM pollseed_seed(1000, batch_size => 10);
EXCEPTION WHEN check_violation THEN
    IF EXISTS (SELECT FROM pollseed_progress) THEN
        RAISE 'progress of what failed';
    END IF;
END $$;
SELECT pass('nor does one that PL/pgSQL catches');
CREATE FUNCTION public.fail_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
CREATE TRIGGER fail_it AFTER DELETE ON vote_events FOR EACH STATEMENT EXECUTE FUNCTION fail_it();
SELECT throws_ok('SELECT pollseed_clear_seed_data()', '22012', NULL, 'clearing fails');
SELECT is_empty('SELECT * FROM pollseed_progress', 'and leaves nothing');
ALTER TABLE vote_events DROP CONSTRAINT early;
DROP TRIGGER fail_it ON vote_events;

-- Work within work: the outer is shown
CREATE SCHEMA two;
SET LOCAL search_path = two, public;
SELECT pollseed_create_poll_tables() \g /dev/null
SELECT watch('vote_events', 'options') \g /dev/null
CREATE FUNCTION public.seed_two() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_seed(20, batch_size => 10, options => 'two.options', events => 'two.vote_events');
    BEGIN
        PERFORM pollseed_seed(20, batch_size => 10, options => 'two.options', events => 'two.vote_events');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
    END;
    BEGIN
        PERFORM pollseed_seed(20, weights => '{"Python": -1}', options => 'two.options', events => 'two.vote_events');
    EXCEPTION WHEN OTHERS THEN
    END;
    PERFORM set_config('pollseed.track_progress', 'on', true);
    PERFORM pollseed_recount_votes(options => 'two.options', events => 'two.vote_events');
    PERFORM pollseed_seed(20, batch_size => 10, options => 'two.options', events => 'two.vote_events');
    RETURN NULL;
END $$;
SET LOCAL search_path = one, public;
-- before the trigger look
CREATE TRIGGER inner_seeding AFTER INSERT ON vote_events FOR EACH STATEMENT EXECUTE FUNCTION seed_two();
TRUNCATE seen;
CREATE TEMP TABLE outer_run AS SELECT * FROM pollseed_seed(40, batch_size => 10);
SELECT results_eq($$SELECT DISTINCT relation, run FROM seen$$, $$SELECT 'one.vote_events', run_id FROM outer_run$$, 'only the outer seeding is shown');
SELECT results_eq($$SELECT DISTINCT done, total, phase FROM seen WHERE event = 'insert' ORDER BY done$$,
    $$SELECT 10::bigint * i, 40::bigint, 'writing votes' FROM generate_series(0, 3) AS i$$, 'its count and phase stay, though inner ones end and fail');
SELECT is(phase, 'counting votes', 'its last phase is shown') FROM seen ORDER BY nth DESC LIMIT 1;
SELECT is_empty('SELECT * FROM pollseed_progress', 'nothing is shown after it');

-- Switched off
SET LOCAL pollseed.track_progress = off;
TRUNCATE seen;
SELECT pollseed_seed(40, batch_size => 10) \g /dev/null
SELECT is_empty('TABLE seen', 'with pollseed.track_progress off nothing is shown, nor of inner work that has it on');
DROP TRIGGER inner_seeding ON vote_events;
SET LOCAL pollseed.track_progress = off;
SELECT pollseed_seed(40, batch_size => 10) \g /dev/null
SELECT pollseed_clear_seed_data() \g /dev/null
SELECT is_empty('TABLE seen', 'nor of clearing');
SET LOCAL pollseed.track_progress = on;
SELECT pollseed_seed(10) \g /dev/null
SELECT isnt_empty('TABLE seen', 'and on again it is');

-- The longest names
SELECT format('CREATE SCHEMA %I; CREATE TABLE %1$I.%1$I (LIKE one.vote_events INCLUDING ALL)', repeat('"', 63)),
       format('CREATE TABLE %I.%I (LIKE one.vote_events INCLUDING ALL)', repeat('"', 63), repeat('ä', 31)) \gexec
SELECT watch(format('%I.%1$I', repeat('"', 63))::regclass), watch(format('%I.%I', repeat('"', 63), repeat('ä', 31))::regclass) \g /dev/null
TRUNCATE seen;
SELECT pollseed_seed(10, options => 'one.options', events => format('%I.%1$I', repeat('"', 63))::regclass),
       pollseed_seed(10, options => 'one.options', events => format('%I.%I', repeat('"', 63), repeat('ä', 31))::regclass) \g /dev/null
SELECT bag_eq($$SELECT relation FROM seen WHERE event = 'insert'$$,
    $$VALUES (format('%I.%1$I', repeat('"', 63))), (format('%I.%I', repeat('"', 63), repeat('ä', 31)))$$, 'the longest names are shown whole');

SELECT * FROM finish();
ROLLBACK;
