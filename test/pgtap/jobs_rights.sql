-- Who sees and steers jobs, and as whom they run.
--
-- A job starts when the transaction that made it commits, so this file commits.  Where a job must stay as it is, it is paused in the
-- transaction that makes it.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();

CREATE ROLE jobs_owner LOGIN;
CREATE ROLE jobs_member LOGIN IN ROLE jobs_owner;
CREATE ROLE jobs_heirless LOGIN NOINHERIT IN ROLE jobs_owner;
CREATE ROLE jobs_other LOGIN;
CREATE ROLE jobs_watcher LOGIN IN ROLE pg_read_all_stats;
CREATE ROLE jobs_signaller LOGIN IN ROLE pg_signal_backend;
CREATE ROLE jobs_nologin NOLOGIN;
CREATE ROLE jobs_super LOGIN SUPERUSER;

-- Tables of one role.  Its workers tell who they are: in a default, in a trigger, and in the trigger of the options.
CREATE SCHEMA jobs_poll AUTHORIZATION jobs_owner;
SET ROLE jobs_owner;
SET search_path = jobs_poll, public;
SELECT pollseed_create_poll_tables() \g /dev/null
ALTER TABLE vote_events ADD session_role text DEFAULT session_user, ADD effective_role text DEFAULT current_user, ADD by_trigger text;
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.by_trigger := concat_ws(' ', session_user, current_user, current_setting('role'), pg_backend_pid() = (SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()
        AND backend_type IN ('pollseed worker', 'pollseed helper') AND usename = session_user));
    RETURN NEW;
END $$;
CREATE TABLE by_defaults (LIKE vote_events INCLUDING DEFAULTS);
CREATE TRIGGER who BEFORE INSERT ON vote_events FOR EACH ROW EXECUTE FUNCTION who();
RESET ROLE;
GRANT USAGE ON SCHEMA jobs_poll TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA jobs_poll TO jobs_other, jobs_super, jobs_nologin;
GRANT ALL ON ALL SEQUENCES IN SCHEMA jobs_poll TO jobs_other, jobs_super, jobs_nologin;

\ir include/error_of.sql
-- What a role gets from a call, with everything as it was afterwards.
CREATE FUNCTION tries(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    BEGIN
        EXECUTE command INTO result;
        RAISE EXCEPTION USING ERRCODE = 'TRIED';
    EXCEPTION WHEN SQLSTATE 'TRIED' THEN
        RETURN result;
    WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
    END;
END $$;

-- A job that has failed, one that is paused, and one of another role
SET ROLE jobs_owner;
ALTER TABLE vote_events ADD CONSTRAINT secret CHECK (id < 0) NOT VALID;
SELECT job_id AS failed FROM pollseed_seed_async(10) \gset
SELECT is(state, 'failed', 'a job of one role fails') FROM pollseed_job_wait(:failed, '150 s');
ALTER TABLE vote_events DROP CONSTRAINT secret;
BEGIN;
SELECT job_id AS paused FROM pollseed_seed_async(1000, workers => 2) \gset
SELECT is(state, 'paused', 'another is paused') FROM pollseed_job_pause(:paused);
COMMIT;
SET ROLE jobs_other;
BEGIN;
SELECT job_id AS others FROM pollseed_seed_async(10) \gset
SELECT is(owner, 'jobs_other', 'a third is another role''s') FROM pollseed_job_pause(:others);
COMMIT;
RESET ROLE;

-- Who sees what: the jobs, those with arguments, those with an error message, those with an SQLSTATE, those in the log
CREATE TABLE sights (place serial, role text, jobs int, arguments int, errors int, sqlstates int, logged int);
INSERT INTO sights (role, jobs, arguments, errors, sqlstates, logged) VALUES
    ('jobs_owner', 2, 2, 1, 1, 2), ('jobs_member', 2, 2, 1, 1, 2), ('jobs_heirless', 0, 0, 0, 0, 0), ('jobs_other', 1, 1, 0, 0, 1),
    ('jobs_watcher', 3, 0, 0, 1, 3), ('jobs_signaller', 3, 0, 0, 1, 3), ('jobs_nologin', 0, 0, 0, 0, 0), ('jobs_super', 3, 3, 1, 1, 3);
SELECT format('SET ROLE %I', role),
       format($$SELECT row_eq('SELECT count(*)::int, count(arguments)::int, count(last_error)::int, count(last_sqlstate)::int, (SELECT count(DISTINCT job)::int FROM pollseed_job_log) FROM pollseed_jobs',
           ROW(%s, %s, %s, %s, %s), %L)$$, jobs, arguments, errors, sqlstates, logged, role || ' sees what it may'),
       'RESET ROLE'
  FROM sights ORDER BY place \gexec
SET ROLE jobs_watcher;
SELECT is(jsonb_strip_nulls(to_jsonb(j)) - '{queued_at,started_at,finished_at,run_id}'::text[], jsonb_build_object('id', :failed, 'engine', 'votes', 'relation', 'jobs_poll.vote_events',
    'state', 'failed', 'reason', 'failed with an error', 'owner', 'jobs_owner', 'priority', 0, 'workers', 1, 'attempts', 1, 'max_attempts', 3, 'retries', 0, 'done', 0, 'total', 10,
    'batches', 0, 'last_sqlstate', '23514'), 'of another''s job all but arguments, error message and result is shown') FROM pollseed_jobs AS j WHERE id = :failed;
RESET ROLE;

-- A filter of the reader's is not shown what is hidden
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'leaked %', $1; END $$;
SET ROLE jobs_nologin;
SELECT lives_ok('SELECT * FROM pollseed_jobs WHERE leak(relation)', 'a function in a query sees no hidden job');
SELECT lives_ok('SELECT * FROM pollseed_job_log WHERE leak(reason)', 'nor its log');
RESET ROLE;
SET ROLE jobs_watcher;
SELECT lives_ok('SELECT * FROM pollseed_jobs WHERE arguments IS NOT NULL AND leak(arguments::text)', 'nor hidden arguments');
RESET ROLE;

-- Who may do what with the paused job
CREATE TABLE rights (place serial, role text, waits text, cancels text, pauses text, resumes text);
INSERT INTO rights (role, waits, cancels, pauses, resumes) VALUES
    ('jobs_owner', 'paused', 'cancelled', 'paused', 'queued'), ('jobs_member', 'paused', 'cancelled', 'paused', 'queued'),
    ('jobs_super', 'paused', 'cancelled', 'paused', 'queued'), ('jobs_heirless', NULL, NULL, NULL, NULL), ('jobs_other', NULL, NULL, NULL, NULL),
    ('jobs_nologin', NULL, NULL, NULL, NULL), ('jobs_watcher', 'paused', NULL, NULL, NULL), ('jobs_signaller', 'paused', 'cancelled', NULL, NULL);
SELECT format('SET ROLE %I', role),
       format('SELECT is(tries(%L), %L, %L)', format('SELECT state FROM pollseed_job_wait(%s, ''0'')', :paused), coalesce(waits, '42501 permission denied for job ' || :paused), role || ' waits'),
       format('SELECT is(tries(%L), %L, %L)', format('SELECT state FROM pollseed_job_cancel(%s)', :paused), coalesce(cancels, '42501 permission denied for job ' || :paused), role || ' cancels'),
       format('SELECT is(tries(%L), %L, %L)', format('SELECT state FROM pollseed_job_pause(%s)', :paused), coalesce(pauses, '42501 permission denied for job ' || :paused), role || ' pauses'),
       format('SELECT is(tries(%L), %L, %L)', format('SELECT state FROM pollseed_job_resume(%s)', :paused), coalesce(resumes, '42501 permission denied for job ' || :paused), role || ' resumes'),
       'SELECT lives_ok(''SELECT * FROM pollseed_run_jobs()'', ''every role may tick'')',
       'RESET ROLE'
  FROM rights ORDER BY place \gexec
SELECT is(state, 'paused', 'the job is as it was') FROM pollseed_jobs WHERE id = :paused;
SELECT is(count(*), 2::bigint, 'so is its log') FROM pollseed_job_log WHERE job = :paused;

-- What is behind the views is closed, also to those who see all
SELECT format('SET ROLE %I', r), format('SELECT matches(error_of(%L), ''^42501 permission denied for '', %L)', c, format('%s: %s', r, c)), 'RESET ROLE'
  FROM unnest('{jobs_owner,jobs_watcher,jobs_signaller}'::text[]) AS r,
       unnest('{SELECT FROM pollseed.jobs,SELECT FROM pollseed.job_log,INSERT INTO pollseed.jobs DEFAULT VALUES,INSERT INTO pollseed.job_log (job_id) VALUES (1),
           UPDATE pollseed.jobs SET priority = 9,UPDATE pollseed.job_log SET reason = NULL,DELETE FROM pollseed.jobs,DELETE FROM pollseed.job_log,
           TRUNCATE pollseed.jobs,TRUNCATE pollseed.job_log,LOCK pollseed.jobs,LOCK pollseed.job_log,
           SELECT nextval(''pollseed.jobs_job_id_seq''),SELECT nextval(''pollseed.job_log_log_id_seq''),
           SELECT last_value FROM pollseed.jobs_job_id_seq,UPDATE pollseed_job_log SET reason = NULL,DELETE FROM pollseed_job_log,
           SELECT pollseed.progress_slots()}'::text[]) AS c \gexec
-- To know their OIDs does not help either.
SELECT 'pollseed.jobs_job_id_seq'::regclass::oid AS sequence \gset
SET ROLE jobs_owner;
SELECT is(error_of(format('SELECT nextval(%s::oid)', :sequence)), '42501 permission denied for sequence jobs_job_id_seq', 'neither to draw a number');
SELECT is(error_of(format('SELECT setval(%s::oid, 1)', :sequence)), '42501 permission denied for sequence jobs_job_id_seq', 'nor to set it');
SELECT is(error_of('SELECT setval(''pollseed.jobs_job_id_seq'', 1)'), '42501 permission denied for schema pollseed', 'nor by its name');
RESET ROLE;

-- As whom jobs run
SET ROLE jobs_owner;
SELECT is(state, 'queued', 'the paused job is resumed by its owner') FROM pollseed_job_resume(:paused);
SELECT is(state, 'succeeded', 'and succeeds') FROM pollseed_job_wait(:paused, '150 s');
SELECT results_eq('SELECT DISTINCT session_role, effective_role, by_trigger FROM vote_events', $$VALUES ('jobs_owner', 'jobs_owner', 'jobs_owner jobs_owner none t')$$,
    'its workers'' sessions are those of its owner, not of who resumed it or of a superuser');
SELECT job_id AS job FROM pollseed_seed_async(20000, events => 'by_defaults', workers => 2) \gset
SELECT is(state, 'succeeded', 'a job of plain tables') FROM pollseed_job_wait(:job, '150 s');
SELECT results_eq('SELECT DISTINCT session_role, effective_role FROM by_defaults', $$VALUES ('jobs_owner', 'jobs_owner')$$, 'defaults know its owner too');
SELECT is(result->>'lane', 'direct', 'in the direct lane') FROM pollseed_jobs WHERE id = :job;
RESET ROLE;
SELECT is(count(*), 2::bigint, 'the runs are the owner''s') FROM pollseed_runs AS r JOIN pollseed_jobs AS j USING (run_id) WHERE r.run_by = 'jobs_owner' AND j.id IN (:paused, :job);
TRUNCATE jobs_poll.vote_events;

-- Resumed by a superuser and by a member it still runs as its owner
SELECT 'SET ROLE jobs_owner',
       'CREATE TEMP TABLE made AS SELECT job_id FROM pollseed_seed_async(100), pollseed_job_pause(job_id)',
       format('GRANT SELECT ON made TO %I', r), format('SET ROLE %I', r),
       'SELECT is(count(p.state), 1::bigint, ''resumed'') FROM made, pollseed_job_resume(job_id) AS p',
       format('SELECT is(w.state || '' '' || w.owner, ''succeeded jobs_owner'', %L) FROM made, pollseed_job_wait(job_id, ''150 s'') AS w', 'resumed by ' || r), 'RESET ROLE',
       'SELECT results_eq(''SELECT DISTINCT session_role, effective_role FROM vote_events'', ''VALUES (''''jobs_owner'''', ''''jobs_owner'''')'', ''it runs as its owner'')',
       'TRUNCATE vote_events', 'DROP TABLE made'
  FROM unnest('{jobs_member,jobs_super}'::text[]) AS r \gexec

-- SECURITY DEFINER: the job is the definer's
CREATE FUNCTION seed_for_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = jobs_poll, public AS 'SELECT job_id FROM pollseed_seed_async(100)';
ALTER FUNCTION seed_for_all() OWNER TO jobs_owner;
SET ROLE jobs_watcher;
SELECT seed_for_all() AS job \gset
SELECT is(concat_ws(' ', owner, state), 'jobs_owner succeeded', 'a job of a SECURITY DEFINER function is the definer''s') FROM pollseed_job_wait(:job, '150 s');
SELECT is(tries(format('SELECT pollseed_job_cancel(%s)', :job)), '42501 permission denied for job ' || :job, 'whose caller may not cancel it');
RESET ROLE;
SELECT results_eq('SELECT DISTINCT session_role, effective_role FROM vote_events', $$VALUES ('jobs_owner', 'jobs_owner')$$, 'and it runs as the definer');
TRUNCATE vote_events;

-- SET ROLE and SET SESSION AUTHORIZATION: the job is the current role's, which need not be the session's
SET SESSION AUTHORIZATION jobs_member;
SET ROLE jobs_owner;
SELECT job_id AS job FROM pollseed_seed_async(100) \gset
SELECT is(concat_ws(' ', owner, state), 'jobs_owner succeeded', 'a job made after SET ROLE is that role''s') FROM pollseed_job_wait(:job, '150 s');
RESET ROLE;
SELECT is(owner, 'jobs_owner', 'the member sees it') FROM pollseed_jobs WHERE id = :job;
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT DISTINCT session_role, effective_role FROM vote_events', $$VALUES ('jobs_owner', 'jobs_owner')$$, 'and it runs as that role');
TRUNCATE vote_events;

-- Privileges are those of the seeding, when the job is made and when it runs
SET ROLE jobs_watcher;
SELECT is(error_of('SELECT pollseed_seed_async(10)'), '42501 permission denied for table options', 'without privileges no job is made');
RESET ROLE;
SET ROLE jobs_other;
SELECT is(concat_ws(' ', state, done), 'queued 0', 'the other role''s job is resumed') FROM pollseed_job_resume(:others);
SELECT is(state, 'succeeded', 'and has the privileges that it needs') FROM pollseed_job_wait(:others, '150 s');
BEGIN;
SELECT job_id AS others FROM pollseed_seed_async(10) \gset
SELECT is(state, 'paused', 'another') FROM pollseed_job_pause(:others);
COMMIT;
RESET ROLE;
REVOKE INSERT ON vote_events FROM jobs_other;
SET ROLE jobs_other;
SELECT is(state, 'queued', 'whose privileges were revoked meanwhile') FROM pollseed_job_resume(:others);
SELECT is(concat_ws(' ', state, last_sqlstate, last_error), 'failed 42501 permission denied for table vote_events', 'fails') FROM pollseed_job_wait(:others, '150 s');
RESET ROLE;
SELECT is_empty($$SELECT FROM vote_events WHERE session_role <> 'jobs_other'$$, 'and did not write as another');

-- A role that cannot log in
SET ROLE jobs_nologin;
SELECT is(error_of('SELECT pollseed_seed_async(10)'), CASE WHEN current_setting('server_version_num')::int < 170000
    THEN '28000 role "jobs_nologin" is not permitted to log in' ELSE 'no error' END, 'before 17 a job''s role must be able to log in');
RESET ROLE;
SELECT is(count(*) FILTER (WHERE w.state = 'succeeded'), count(*), 'from 17 on it need not, and its job succeeds')
  FROM pollseed_jobs AS j, pollseed_job_wait(j.id, '150 s') AS w WHERE j.owner = 'jobs_nologin';

-- A running job, which waits for a lock, is cancelled by who may signal its worker
BEGIN;
UPDATE options SET votes = votes;
PREPARE TRANSACTION 'jobs_rights';
SET ROLE jobs_owner;
SELECT job_id AS job FROM pollseed_seed_async(10) \gset
-- A job that is queued becomes cancelled at once, which is tested elsewhere.
SELECT format($$DO 'BEGIN WHILE EXISTS (SELECT FROM pollseed_jobs WHERE id = %s AND state = ''queued'') LOOP PERFORM pg_sleep(0.01); END LOOP; END'$$, :job) \gexec
SELECT is(state, 'running', 'a job of one role runs') FROM pollseed_jobs WHERE id = :job;
SET ROLE jobs_watcher;
SELECT is(tries(format('SELECT state FROM pollseed_job_cancel(%s)', :job)), '42501 permission denied for job ' || :job, 'pg_read_all_stats does not cancel it');
SET ROLE jobs_signaller;
SELECT matches(state, '^cancell(ing|ed)$', 'pg_signal_backend does') FROM pollseed_job_cancel(:job);
SELECT is(concat_ws(' ', state, done, arguments), 'cancelled 0', 'and waits for its end, without seeing its arguments') FROM pollseed_job_wait(:job, '150 s');
SELECT is(tries(format('SELECT state FROM pollseed_job_resume(%s)', :job)), '42501 permission denied for job ' || :job, 'but does not resume it');
RESET ROLE;
ROLLBACK PREPARED 'jobs_rights';

-- A renamed owner keeps its unfinished jobs, a dropped one does not
SET ROLE jobs_owner;
BEGIN;
SELECT job_id AS job FROM pollseed_seed_async(10) \gset
SELECT is(state, 'paused', 'a job is paused') FROM pollseed_job_pause(:job);
COMMIT;
RESET ROLE;
ALTER ROLE jobs_owner RENAME TO jobs_renamed;
SET ROLE jobs_renamed;
SELECT is(count(arguments), 1::bigint, 'a renamed role still owns what is not finished, and that alone') FROM pollseed_jobs;
SELECT is(state, 'queued', 'it resumes it') FROM pollseed_job_resume(:job);
RESET ROLE;
SELECT is(state, 'succeeded', 'it goes on') FROM pollseed_job_wait(:job, '150 s');
SELECT results_eq('SELECT DISTINCT session_role FROM vote_events WHERE session_role <> ''jobs_other'' AND session_role <> ''jobs_nologin''', $$VALUES ('jobs_renamed')$$, 'as the role of the new name');
ALTER ROLE jobs_renamed RENAME TO jobs_owner;

-- Roles are the server's, not the database's
DROP OWNED BY jobs_owner, jobs_member, jobs_heirless, jobs_other, jobs_watcher, jobs_signaller, jobs_nologin, jobs_super CASCADE;
DROP ROLE jobs_member, jobs_heirless, jobs_other, jobs_watcher, jobs_signaller, jobs_nologin, jobs_super, jobs_owner;
SELECT is(count(*) FILTER (WHERE owner = 'jobs_owner'), count(*) FILTER (WHERE owner LIKE 'jobs\_owner'), 'jobs of dropped roles are still there for superusers') FROM pollseed_jobs;
SELECT isnt(count(*), 0::bigint, 'some') FROM pollseed_jobs;
SELECT isnt(count(arguments), 0::bigint, 'with their arguments') FROM pollseed_jobs;

SELECT * FROM finish();
