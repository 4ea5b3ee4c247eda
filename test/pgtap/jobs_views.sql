-- The views of jobs and the functions that steer them: their columns, types, comments and privileges; numbers that are null or of no job.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT no_plan();

CREATE ROLE jobs_anybody;
SELECT pollseed_create_poll_tables() \g /dev/null

-- Columns
CREATE TABLE wanted (place serial, view text, name text, type text);
INSERT INTO wanted (view, name, type) VALUES
    ('pollseed_jobs', 'id', 'bigint'), ('pollseed_jobs', 'engine', 'text'), ('pollseed_jobs', 'relation', 'text'), ('pollseed_jobs', 'arguments', 'jsonb'),
    ('pollseed_jobs', 'state', 'text'), ('pollseed_jobs', 'reason', 'text'), ('pollseed_jobs', 'owner', 'name'), ('pollseed_jobs', 'priority', 'integer'),
    ('pollseed_jobs', 'workers', 'integer'), ('pollseed_jobs', 'attempts', 'integer'), ('pollseed_jobs', 'max_attempts', 'integer'),
    ('pollseed_jobs', 'retries', 'integer'), ('pollseed_jobs', 'done', 'bigint'), ('pollseed_jobs', 'total', 'bigint'), ('pollseed_jobs', 'batches', 'bigint'),
    ('pollseed_jobs', 'queued_at', 'timestamp with time zone'), ('pollseed_jobs', 'started_at', 'timestamp with time zone'),
    ('pollseed_jobs', 'finished_at', 'timestamp with time zone'), ('pollseed_jobs', 'worker_pid', 'integer'), ('pollseed_jobs', 'last_error', 'text'),
    ('pollseed_jobs', 'last_sqlstate', 'text'), ('pollseed_jobs', 'result', 'jsonb'), ('pollseed_jobs', 'run_id', 'bigint'),
    ('pollseed_job_log', 'job', 'bigint'), ('pollseed_job_log', 'logged_at', 'timestamp with time zone'), ('pollseed_job_log', 'state', 'text'),
    ('pollseed_job_log', 'reason', 'text');
SELECT has_view('public', v, v || ' is there') FROM unnest('{pollseed_jobs,pollseed_job_log}'::name[]) AS v;
SELECT results_eq(format($$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %L::regclass AND attnum > 0 ORDER BY attnum$$, v),
    format('SELECT name, type FROM wanted WHERE view = %L ORDER BY place', v), format('%s: columns in their order, with their types', v))
  FROM unnest('{pollseed_jobs,pollseed_job_log}'::text[]) AS v;

-- Comments
SELECT is(obj_description('pollseed_jobs'::regclass),
    'Background jobs: one''s own, or all for members of pg_read_all_stats and pg_signal_backend, without other people''s arguments', 'pollseed_jobs: comment');
SELECT is(obj_description('pollseed_job_log'::regclass),
    'Every change of a job''s state, and every retry, with the reason, of the jobs that pollseed_jobs shows', 'pollseed_job_log: comment');

-- Functions
CREATE TABLE functions (signature text, result text, strict bool, defaults int);
INSERT INTO functions VALUES
    ('pollseed_seed_async(bigint,text,interval,text,bigint,timestamp with time zone,integer,jsonb,regclass,regclass,jsonb,integer,integer,integer)', 'bigint', false, 14),
    ('pollseed_job_wait(bigint,interval)', 'pollseed_jobs', false, 1),
    ('pollseed_job_cancel(bigint)', 'pollseed_jobs', true, 0),
    ('pollseed_job_pause(bigint)', 'pollseed_jobs', true, 0),
    ('pollseed_job_resume(bigint)', 'pollseed_jobs', true, 0),
    ('pollseed_run_jobs(integer)', 'SETOF pollseed_jobs', false, 1);
SELECT results_eq(format('SELECT pg_get_function_result(oid), proisstrict, pronargdefaults::int, provolatile::text COLLATE "default", proparallel::text COLLATE "default", prosecdef FROM pg_proc WHERE oid = %L::regprocedure', signature),
    format('VALUES (%L, %L::bool, %L::int, %L, %L, false)', result, strict, defaults, 'v', 'u'), signature) FROM functions;
SELECT isnt(obj_description(signature::regprocedure, 'pg_proc'), NULL, 'its comment') FROM functions;
SELECT ok(has_function_privilege('jobs_anybody', signature, 'EXECUTE'), 'every role may call it') FROM functions;
SELECT bag_eq($$SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'
      WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pollseed') AND proname ~ '^pollseed_(job|run_jobs|seed_async)'$$,
    'SELECT signature FROM functions', 'these are all');

-- Privileges: the views are read by everybody and written by nobody, what is behind them is closed
SELECT table_privs_are('public', v, 'jobs_anybody', '{SELECT}'::text[], format('%s: every role may read it', v)) FROM unnest('{pollseed_jobs,pollseed_job_log}'::name[]) AS v;
SELECT is(relacl::text, format('{%s=%s/%1$s,=r/%1$s}', current_user, CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'arwdDxtm' ELSE 'arwdDxt' END),
    format('%s: its privileges', relname)) FROM pg_class WHERE oid IN ('pollseed_jobs'::regclass, 'pollseed_job_log'::regclass);
SELECT table_privs_are('pollseed', t, 'jobs_anybody', '{}'::text[], format('%s: no privilege', t)) FROM unnest('{jobs,job_log}'::name[]) AS t;
SELECT sequence_privs_are('pollseed', s, 'jobs_anybody', '{}'::text[], format('%s: no privilege', s)) FROM unnest('{jobs_job_id_seq,job_log_log_id_seq}'::name[]) AS s;
SELECT is(relacl, NULL, format('%s: nobody but its owner', relname)) FROM pg_class
 WHERE relnamespace = 'pollseed'::regnamespace AND relname IN ('jobs', 'job_log', 'jobs_job_id_seq', 'job_log_log_id_seq');
SELECT is(reloptions::text, '{security_barrier=true}', format('%s: a security barrier', relname)) FROM pg_class WHERE oid IN ('pollseed_jobs'::regclass, 'pollseed_job_log'::regclass);
SELECT throws_ok(c, '55000', NULL, c) FROM unnest('{DELETE FROM pollseed_jobs,UPDATE pollseed_jobs SET done = 0,INSERT INTO pollseed_jobs DEFAULT VALUES}'::text[]) AS c;
SET LOCAL ROLE jobs_anybody;
SELECT throws_ok(c, '42501', 'permission denied for view pollseed_job_log', c) FROM unnest('{DELETE FROM pollseed_job_log,UPDATE pollseed_job_log SET state = NULL,
    INSERT INTO pollseed_job_log VALUES (1)}'::text[]) AS c;
RESET ROLE;
SELECT is(obj_description(t::regclass), c, format('%s: comment', t)) FROM (VALUES
    ('pollseed.jobs', 'Background jobs with their position; read it through the view pollseed_jobs'),
    ('pollseed.job_log', 'Every change of a job''s state, and every retry; read it through the view pollseed_job_log')) AS t(t, c);

-- Kept by dumps, without what was not finished
SELECT bag_eq($$SELECT c.oid::regclass::text, c.condition LIKE 'WHERE %finished_at IS NOT NULL%' FROM pg_extension, unnest(extconfig, extcondition) AS c(oid, condition)
      WHERE extname = 'pollseed' AND c.oid::regclass::text ~ 'job'$$,
    $$VALUES ('pollseed.jobs', true), ('pollseed.job_log', true), ('pollseed.jobs_job_id_seq', false), ('pollseed.job_log_log_id_seq', false)$$, 'what dumps keep');

-- No jobs
SELECT is_empty('SELECT * FROM pollseed_jobs', 'no jobs');
SELECT is_empty('SELECT * FROM pollseed_job_log', 'no log');
SELECT is_empty('SELECT * FROM pollseed_run_jobs()', 'nothing to run');
SELECT is_empty('SELECT * FROM pollseed_run_jobs(NULL)', 'nor of any number');
SELECT is_empty('SELECT * FROM pollseed_run_jobs(0)', 'nor of none');
SELECT throws_ok('SELECT * FROM pollseed_run_jobs(-1)', '22023', 'max_jobs must not be negative', 'a negative number');

-- NULL is no job, and not an unknown one
SELECT is(f, NULL, 'NULL returns NULL') FROM unnest(ARRAY[pollseed_job_wait(NULL)::text, pollseed_job_wait(NULL, '1 h')::text, pollseed_job_wait(NULL, NULL)::text,
    pollseed_job_cancel(NULL)::text, pollseed_job_pause(NULL)::text, pollseed_job_resume(NULL)::text]) AS f;
SELECT is((SELECT count(*) FROM pollseed_job_wait(NULL)), 1::bigint, 'one row of nulls');

-- Unknown jobs
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws('|', SQLSTATE, message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT is(error_of(format('SELECT %s(%s)', f, j)), format('42704|job %s does not exist|The view pollseed_jobs lists the jobs.', j), format('%s(%s): there is no such job', f, j))
  FROM unnest('{pollseed_job_wait,pollseed_job_cancel,pollseed_job_pause,pollseed_job_resume}'::text[]) AS f, unnest('{1,0,-1,9223372036854775807,-9223372036854775808}'::bigint[]) AS j;
SELECT is(error_of('SELECT pollseed_job_wait(1, ''-1 h'')'), '42704|job 1 does not exist|The view pollseed_jobs lists the jobs.', 'nor when one only looks');

-- Nor in a read-only transaction, where one can look
SELECT pollseed_seed_async(10) AS job \gset
SAVEPOINT writable;
SET LOCAL transaction_read_only = on;
SELECT is(error_of(format('SELECT %s(%s)', f, :job)), format('25006|cannot execute %s() in a read-only transaction', f), format('%s() in a read-only transaction', f))
  FROM unnest('{pollseed_job_cancel,pollseed_job_pause,pollseed_job_resume}'::text[]) AS f;
SELECT is(error_of('SELECT pollseed_run_jobs()'), '25006|cannot execute pollseed_run_jobs() in a read-only transaction', 'pollseed_run_jobs() in a read-only transaction');
SELECT is(state, 'queued', 'the view in a read-only transaction') FROM pollseed_jobs WHERE id = :job;
ROLLBACK TO writable;

-- In the transaction that made it a job can be steered
SELECT is(error_of(format('SELECT pollseed_job_wait(%s)', :job)),
    format('55000|cannot wait for job %s in the transaction that changed it last|A job starts when this transaction commits: wait after that.', :job), 'but not waited for');
SELECT is_empty('SELECT * FROM pollseed_run_jobs()', 'a tick leaves it alone, as its worker is being started');
SELECT is(concat_ws('|', state, reason), 'queued|waiting for its worker to start', 'resumed: it is queued') FROM pollseed_job_resume(:job);
SELECT is(concat_ws('|', state, reason), 'paused|paused by a user', 'paused') FROM pollseed_job_pause(:job);
SELECT is(concat_ws('|', state, reason), 'paused|paused by a user', 'paused again') FROM pollseed_job_pause(:job);
SELECT is(concat_ws('|', state, reason), 'queued|waiting for its worker to start', 'resumed') FROM pollseed_job_resume(:job);
SELECT is(concat_ws('|', state, reason, finished_at IS NOT NULL), 'cancelled|cancelled by a user|t', 'cancelled') FROM pollseed_job_cancel(:job);
SELECT is(concat_ws('|', state, reason), 'cancelled|cancelled by a user', 'cancelled again') FROM pollseed_job_cancel(:job);
SELECT is(state, 'cancelled', 'what is cancelled is not resumed') FROM pollseed_job_resume(:job);
SELECT is(state, 'cancelled', 'nor paused') FROM pollseed_job_pause(:job);
SELECT results_eq(format('SELECT state, reason FROM pollseed_job_log WHERE job = %s', :job),
    $$VALUES ('queued', 'submitted'), ('paused', 'paused by a user'), ('queued', 'resumed by a user'), ('cancelled', 'cancelled by a user')$$, 'each change once, in order');
SELECT row_eq(format('SELECT result - ''{run_id,time_ms,seed,ends_at}''::text[] FROM pollseed_jobs WHERE id = %s', :job),
    ROW('{"lane": "direct", "batches": 0, "votes_seeded": 0, "options_updated": 0}'::jsonb), 'the result of what never started');
SELECT is_empty('SELECT * FROM pollseed_runs', 'which is no run');
SELECT is_empty('SELECT * FROM vote_events', 'and wrote nothing');

-- In a schema of the user's choice
DROP EXTENSION pollseed;
CREATE SCHEMA "Jobs ""elsewhere""";
CREATE EXTENSION pollseed SCHEMA "Jobs ""elsewhere""";
SELECT "Jobs ""elsewhere""".pollseed_seed_async(10) AS job \gset
SELECT is((SELECT state FROM "Jobs ""elsewhere""".pollseed_job_pause(:job)), 'paused', 'functions find their view in any schema');
SELECT is((SELECT state FROM "Jobs ""elsewhere""".pollseed_job_resume(:job)), 'queued', 'all of them');
SELECT is((SELECT state FROM "Jobs ""elsewhere""".pollseed_job_cancel(:job)), 'cancelled', 'and in no other');
SELECT is_empty('SELECT * FROM "Jobs ""elsewhere""".pollseed_run_jobs()', 'a tick too');

SELECT * FROM finish();
ROLLBACK;
