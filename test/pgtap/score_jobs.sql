-- Scores refreshed by background jobs: one, all that have something to do, and by schedule; whose jobs these are, what an error does,
-- and that a standing job holds and writes nothing while there is nothing to do.
--
-- A job starts when the transaction that made it commits, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();

CREATE FUNCTION tries(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- Waits until a query is true.
CREATE FUNCTION becomes(query text, description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    so boolean;
BEGIN
    FOR i IN 1 .. 1200 LOOP
        EXECUTE query INTO so;
        IF so THEN
            RETURN ok(true, description);
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN ok(false, description);
END $$;

-- A score of sums by group, of a table of its own; a divisor of 0 makes it fail.
CREATE FUNCTION make(name text, groups int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I_items (id serial PRIMARY KEY, grp int NOT NULL, amount int NOT NULL, divisor int NOT NULL DEFAULT 1)', name);
    EXECUTE format('INSERT INTO %I_items (grp, amount) SELECT i %% %s, i FROM generate_series(0, %s) AS i', name, groups, 2 * groups - 1);
    EXECUTE format('CREATE INDEX ON %I_items (grp)', name);
    EXECUTE format('CREATE VIEW %I_formula AS SELECT grp, sum(amount / divisor) AS total, count(*) AS items FROM %I_items GROUP BY grp', name, name);
    PERFORM pollseed_score_create(name, (name || '_formula')::regclass, 'grp', jsonb_build_array(jsonb_build_object('table', name || '_items', 'key', 'grp')));
END $$;

-- Rows that are not as the view has them.
CREATE FUNCTION wrong(name text) RETURNS bigint LANGUAGE sql AS 'SELECT missing + extra + different FROM pollseed_score_verify(name)';

SELECT make('small', 100), make('large', 12000) \g /dev/null

-- What is refused
SELECT is(tries($$SELECT pollseed_score_refresh_async('nothing')$$), '42704 score "nothing" does not exist', 'an unknown score is not refreshed');
SELECT is(tries($$SELECT pollseed_score_schedule('nothing', '1 day')$$), '42704 score "nothing" does not exist', 'nor scheduled');
SELECT is(tries($$SELECT pollseed_score_schedule(NULL, '1 day')$$), '22004 name must not be null', 'a schedule is of one score');
SELECT is(tries(format('SELECT pollseed_score_schedule(''small'', %L)', e)), '22023 every must be at least 1 second', format('not every %s', e))
  FROM unnest('{0.999 s,0,-1 day,1 month -31 days}'::text[]) AS e;
SELECT is(tries($$SELECT pollseed_score_schedule('small', '293000 years')$$), '22008 timestamp out of range', 'not later than times go');
BEGIN READ ONLY;
SELECT is(tries($$SELECT pollseed_score_refresh_async('small')$$), '25006 cannot execute pollseed_score_refresh_async() in a read-only transaction', 'not read-only');
SELECT is(tries($$SELECT pollseed_score_schedule('small', '1 day')$$), '25006 cannot execute pollseed_score_schedule() in a read-only transaction', 'nor this');
ROLLBACK;
SELECT pollseed_score_pause('small') \g /dev/null
SELECT is(tries($$SELECT pollseed_score_refresh_async('small')$$), '55000 score public.small is paused', 'a paused score is not refreshed');
SELECT pollseed_score_resume('small') \g /dev/null
SELECT is(count(*), 0::bigint, 'none of these has made a job') FROM pollseed_jobs;

-- One score, in several transactions
-- By keys, though all at once would be cheaper here.  All are dirty where somebody wrote, if only autovacuum, while it was made.
SELECT pollseed_score_refresh('large', 'full') \g /dev/null
UPDATE pollseed.scores SET full_ms = 1e9, full_is_measured = true;
UPDATE large_items SET amount = amount + 1;
BEGIN;
SELECT pollseed_score_refresh_async('large') AS job \gset
SELECT is(pollseed_score_refresh_async('large'), :job::bigint, 'a score has one job');
SELECT is(job, :job::bigint, 'which its row names') FROM pollseed_scores WHERE name = 'public.large';
SELECT isnt(pollseed_score_refresh_async('small'), :job::bigint, 'another has another');
COMMIT;
SELECT is(concat_ws(' ', state, done, total, reason), 'succeeded 12000 12000 all done', 'the job ends') FROM pollseed_job_wait(:job, '150 s');
SELECT is(result, '{"refreshed": 1, "failed": 0, "keys": 12000, "inserted": 0, "updated": 12000, "deleted": 0}'::jsonb, 'its figures') FROM pollseed_jobs WHERE id = :job;
SELECT cmp_ok(batches, '>=', 2::bigint, 'several transactions') FROM pollseed_jobs WHERE id = :job;
SELECT is(concat_ws(' ', engine, relation, arguments ->> 'name', run_id), 'score public.large public.large', 'what it is of') FROM pollseed_jobs WHERE id = :job;
SELECT is(wrong('large'), 0::bigint, 'the score is as its view');
SELECT is(dirty_keys, 0::bigint, 'nothing is queued') FROM pollseed_scores WHERE name = 'public.large';
SELECT is(concat_ws(' ', w.state, w.done, w.result), 'succeeded 0 {"keys": 0, "failed": 0, "deleted": 0, "updated": 0, "inserted": 0, "refreshed": 1}', 'one with nothing to do ends as well')
  FROM pollseed_scores AS s, pollseed_job_wait(s.job, '150 s') AS w WHERE s.name = 'public.small';

DELETE FROM small_items WHERE grp < 10;
INSERT INTO small_items (grp, amount) SELECT i, 1 FROM generate_series(200, 204) AS i;
SELECT pollseed_score_refresh_async('small') AS job \gset
SELECT is(result, '{"refreshed": 1, "failed": 0, "keys": 15, "inserted": 5, "updated": 0, "deleted": 10}'::jsonb, 'rows come and go') FROM pollseed_job_wait(:job, '150 s');

-- A transaction that does not see a job finds it
UPDATE small_items SET amount = amount + 1 WHERE grp = 50;
SELECT pollseed_score_refresh_async('small') AS job \gset
SELECT state FROM pollseed_job_pause(:job) \g /dev/null
SELECT pollseed_job_wait(:job, '0.1 s') \g /dev/null
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(pollseed_score_refresh_async('small'), :job::bigint, 'a repeatable read transaction finds the job, though it is paused');
COMMIT;
SELECT state FROM pollseed_job_cancel(:job) \g /dev/null
SELECT is(state, 'cancelled', 'a job is cancelled') FROM pollseed_job_wait(:job, '150 s');
SELECT isnt(pollseed_score_refresh_async('small'), :job::bigint, 'then there is another');
SELECT is(w.state, 'succeeded', 'which ends') FROM pollseed_scores AS s, pollseed_job_wait(s.job, '150 s') AS w WHERE s.name = 'public.small';
SELECT is(wrong('small'), 0::bigint, 'with the score as its view');

-- All that have something to do: not those that are paused or broken or another role's
SELECT make('paused', 10), make('broken', 10) \g /dev/null
CREATE ROLE score_owner LOGIN;
CREATE ROLE score_member LOGIN IN ROLE score_owner;
CREATE ROLE score_other LOGIN;
GRANT CREATE ON SCHEMA public TO score_owner;
SET ROLE score_owner;
SELECT make('owned', 10) \g /dev/null
UPDATE owned_items SET amount = 1000;
RESET ROLE;
UPDATE small_items SET amount = amount + 1;
UPDATE large_items SET amount = amount + 1 WHERE grp < 20;
UPDATE paused_items SET amount = 1000;
UPDATE broken_items SET amount = 1000;
SELECT pollseed_score_pause('paused') \g /dev/null
UPDATE pollseed.scores SET problem = 'of a test' WHERE name = 'public.broken';
SELECT pollseed_score_refresh_async() AS job \gset
SELECT is(concat_ws(' ', state, done, total), 'succeeded 115 115', 'one job refreshes them') FROM pollseed_job_wait(:job, '150 s');
SELECT is(result, '{"refreshed": 2, "failed": 0, "keys": 115, "inserted": 0, "updated": 115, "deleted": 0}'::jsonb, 'its figures are of both') FROM pollseed_jobs WHERE id = :job;
SELECT is(wrong(s), CASE WHEN s IN ('small', 'large') THEN 0 ELSE 10 END::bigint, s || ' is ' || CASE WHEN s IN ('small', 'large') THEN 'fresh' ELSE 'left' END)
  FROM unnest('{small,large,paused,broken,owned}'::text[]) AS s;
BEGIN;
SELECT pollseed_score_refresh_async() AS job \gset
SELECT is(pollseed_score_refresh_async(), :job::bigint, 'a role has one such job');
COMMIT;
SELECT is(concat_ws(' ', state, done, total, result ->> 'refreshed'), 'succeeded 0 0 0', 'which ends when there is nothing to do') FROM pollseed_job_wait(:job, '150 s');

-- The error of one
UPDATE small_items SET divisor = 0 WHERE grp = 50;
UPDATE large_items SET amount = amount + 1 WHERE grp < 20;
SELECT pollseed_score_refresh_async() AS job \gset
SELECT is(concat_ws(' ', state, result ->> 'refreshed', result ->> 'failed'), 'succeeded 1 1', 'the error of one score does not keep others from being refreshed') FROM pollseed_job_wait(:job, '150 s');
SELECT is(concat_ws('|', state, last_error, last_sqlstate, dirty_keys), 'failing|division by zero|22012|1', 'it is kept with the score') FROM pollseed_scores WHERE name = 'public.small';
SELECT is(concat_ws('|', state, last_error, dirty_keys), 'ready|0', 'and no other') FROM pollseed_scores WHERE name = 'public.large';
SELECT pollseed_score_refresh_async('small') AS job \gset
SELECT is(concat_ws('|', state, last_error, last_sqlstate, result ->> 'refreshed'), 'failed|division by zero|22012|0', 'a job of that score alone fails') FROM pollseed_job_wait(:job, '150 s');
UPDATE small_items SET divisor = 1;
SELECT is(state, 'queued', 'it can be resumed') FROM pollseed_job_resume(:job);
SELECT is(state, 'succeeded', 'when the cause is gone') FROM pollseed_job_wait(:job, '150 s');
SELECT is(concat_ws('|', state, last_error, last_sqlstate, failed_at, dirty_keys), 'ready|0', 'then the score has no error any more') FROM pollseed_scores WHERE name = 'public.small';
UPDATE pollseed.scores SET problem = NULL WHERE name = 'public.broken';
SELECT pollseed_score_resume('paused') \g /dev/null
SELECT pollseed_score_refresh_async() AS job \gset
SELECT is(result ->> 'refreshed', '2', 'those that were left are refreshed when they can be') FROM pollseed_job_wait(:job, '150 s');

-- A schedule
SELECT pollseed_score_schedule('small', '1 second') AS job \gset
SELECT is(pollseed_score_schedule('large', '1 hour'), :job::bigint, 'a role has one standing job');
SELECT is(string_agg(concat_ws(' ', name, every, job = :job, due_at > now()), ', ' ORDER BY name), 'public.large 01:00:00 t t, public.small 00:00:01 t t', 'which the scores name') FROM pollseed_scores WHERE every IS NOT NULL;
SELECT due_at AS due FROM pollseed_scores WHERE name = 'public.large' \gset
SELECT is(pollseed_score_schedule('large', '1 hour'), :job::bigint, 'the same schedule again');
SELECT is(due_at, :'due'::timestamptz, 'changes nothing') FROM pollseed_scores WHERE name = 'public.large';
UPDATE small_items SET amount = amount + 1 WHERE grp < 60;
UPDATE large_items SET amount = amount + 1 WHERE grp < 5;
SELECT becomes('SELECT wrong(''small'') = 0', 'a score is refreshed when it is due');
SELECT is(concat_ws(' ', state, total), 'running -1', 'the job goes on') FROM pollseed_jobs WHERE id = :job;
SELECT becomes(format('SELECT done = 1 FROM pollseed_jobs WHERE id = %s', :job), 'and has refreshed one once');
SELECT becomes(format('SELECT waiting_for = ''no score is due'' FROM pollseed_progress WHERE job = %s AND total IS NULL', :job), 'it waits');
SELECT is(wrong('large'), 5::bigint, 'one that is not due is not refreshed');
UPDATE pollseed.scores SET due_at = now() - interval '1 day' WHERE name = 'public.large';
SELECT becomes('SELECT wrong(''large'') = 0', 'one that was due long ago is refreshed');
SELECT cmp_ok(due_at, '>', now() + interval '59 minutes', 'and is due next after the time between, counted from now') FROM pollseed_scores WHERE name = 'public.large';

-- While there is nothing to do
SELECT becomes(format('SELECT done = 2 FROM pollseed_jobs WHERE id = %s', :job), 'two refreshes had something to do');
SELECT ctid AS place, xmin AS writer FROM pollseed.jobs WHERE job_id = :job \gset
SELECT refreshes AS refreshes FROM pollseed_scores WHERE name = 'public.small' \gset
CREATE TEMP TABLE seen AS
    SELECT a.xact_start, a.backend_xid FROM pg_stat_activity AS a WHERE false;
DO $$
BEGIN
    FOR i IN 1 .. 30 LOOP
        PERFORM pg_stat_clear_snapshot();
        INSERT INTO seen SELECT a.xact_start, a.backend_xid FROM pg_stat_activity AS a WHERE a.backend_type = 'pollseed worker' AND a.datname = current_database();
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT cmp_ok(count(*) FILTER (WHERE xact_start IS NULL AND backend_xid IS NULL), '>', count(*) * 2 / 3, 'it is in no transaction most of the time') FROM seen;
SELECT cmp_ok(count(*), '>', 20::bigint, 'it was there') FROM seen;
SELECT cmp_ok(refreshes, '>=', :refreshes + 2::bigint, 'the score is refreshed all the time') FROM pollseed_scores WHERE name = 'public.small';
SELECT is(concat_ws(' ', ctid, xmin), concat_ws(' ', :'place', :'writer'), 'but nothing is written to the job''s row') FROM pollseed.jobs WHERE job_id = :job;

-- Errors, pauses
UPDATE small_items SET divisor = 0 WHERE grp = 50;
SELECT becomes($$SELECT last_sqlstate = '22012' FROM pollseed_scores WHERE name = 'public.small'$$, 'the error of a scheduled score is kept');
SELECT cmp_ok(due_at - failed_at, '>', interval '9 seconds', 'it is tried again after a while') FROM pollseed_scores WHERE name = 'public.small';
UPDATE large_items SET amount = amount + 1 WHERE grp < 5;
SELECT pollseed_score_schedule('large', '1.5 seconds') \g /dev/null
SELECT becomes('SELECT wrong(''large'') = 0', 'meanwhile others are refreshed');
SELECT is(state, 'running', 'the job goes on') FROM pollseed_jobs WHERE id = :job;
UPDATE small_items SET divisor = 1;
UPDATE pollseed.scores SET due_at = now() WHERE name = 'public.small';
SELECT becomes($$SELECT state = 'ready' AND wrong('small') = 0 FROM pollseed_scores WHERE name = 'public.small'$$, 'it is well again');
SELECT pollseed_score_pause('small') \g /dev/null
UPDATE small_items SET amount = amount + 1;
UPDATE large_items SET amount = amount + 1;
SELECT becomes('SELECT wrong(''large'') = 0', 'a paused score is passed over');
SELECT is(concat_ws('|', state, last_error, wrong('small')), 'paused|95', 'and keeps what it has') FROM pollseed_scores WHERE name = 'public.small';
SELECT pollseed_score_resume('small') \g /dev/null
SELECT becomes('SELECT wrong(''small'') = 0', 'until it is resumed');

SELECT state FROM pollseed_job_pause(:job) \g /dev/null
SELECT becomes(format('SELECT worker_pid IS NULL FROM pollseed_jobs WHERE id = %s', :job), 'a standing job is paused');
UPDATE small_items SET amount = amount + 1;
SELECT is(pollseed_score_schedule('small', '1 second'), :job::bigint, 'a schedule does not have it go on');
SELECT is(state, 'queued', 'it is resumed') FROM pollseed_job_resume(:job);
SELECT becomes('SELECT wrong(''small'') = 0', 'then it goes on');
SELECT state FROM pollseed_job_cancel(:job) \g /dev/null
SELECT is(concat_ws(' ', state, (result ->> 'refreshed')::int > 3, result ->> 'failed'), 'cancelled t 1', 'it is cancelled, with its figures') FROM pollseed_job_wait(:job, '150 s');
SELECT is(count(*), 2::bigint, 'the schedules are still there') FROM pollseed_scores WHERE every IS NOT NULL;
UPDATE small_items SET amount = amount + 1;
UPDATE pollseed.scores SET due_at = now() WHERE name = 'public.large';
SELECT pollseed_score_refresh_async() AS other \gset
SELECT is(result ->> 'refreshed', '2', 'pollseed_score_refresh_async() sees to one that is due, and to one that has something to do') FROM pollseed_job_wait(:other, '150 s');
SELECT cmp_ok(due_at, '>', now(), 'after which it is not due') FROM pollseed_scores WHERE name = 'public.large';
SELECT pollseed_score_schedule('small', '1 second') AS other \gset
SELECT isnt(:other::bigint, :job::bigint, 'a schedule makes another job');
UPDATE small_items SET amount = amount + 1;
SELECT becomes('SELECT wrong(''small'') = 0', 'which does the same');

-- Its end, and one that is resumed while there is another
SELECT is(pollseed_score_schedule('small', NULL), :other::bigint, 'a schedule ends');
SELECT is(concat_ws(' ', every, due_at), '', 'the score has none any more') FROM pollseed_scores WHERE name = 'public.small';
SELECT pg_sleep(1.5) \g /dev/null
SELECT is(state, 'running', 'the job goes on for others') FROM pollseed_jobs WHERE id = :other;
UPDATE pollseed.jobs SET state = 'failed' WHERE job_id = :job;
SELECT is(state, 'queued', 'one that had failed is resumed') FROM pollseed_job_resume(:job);
SELECT is(state, 'succeeded', 'and leaves the schedules to the one that there is') FROM pollseed_job_wait(:job, '150 s');
SELECT is(state, 'running', 'which goes on') FROM pollseed_jobs WHERE id = :other;
BEGIN;
SELECT pollseed_score_schedule('large', NULL) \g /dev/null
SELECT is(pollseed_score_schedule('small', '1 hour'), :other::bigint, 'the last schedule goes and one comes in a transaction');
COMMIT;
SELECT pg_sleep(1.5) \g /dev/null
SELECT is(state, 'running', 'the job goes on') FROM pollseed_jobs WHERE id = :other;
SELECT pollseed_score_drop('small') \g /dev/null
SELECT is(concat_ws(' ', state, reason, done = total), 'succeeded all done t', 'it ends with the last scheduled score') FROM pollseed_job_wait(:other, '150 s');
SELECT is(pollseed_score_schedule('large', NULL), NULL, 'no schedule, no job');

-- Roles
SET ROLE score_other;
SELECT is(tries($$SELECT pollseed_score_refresh_async('owned')$$), '42501 permission denied for score public.owned', 'another role''s score is not refreshed');
SELECT is(tries($$SELECT pollseed_score_schedule('owned', '1 hour')$$), '42501 permission denied for score public.owned', 'nor scheduled');
SELECT pollseed_score_refresh_async() AS job \gset
SELECT is(concat_ws(' ', owner, state, result ->> 'refreshed'), 'score_other succeeded 0', 'a role without scores has nothing to do') FROM pollseed_job_wait(:job, '150 s');
SET ROLE score_member;
SELECT pollseed_score_refresh_async('owned') AS job \gset
SELECT is(concat_ws(' ', owner, state, done), 'score_member succeeded 10', 'a member refreshes it as itself') FROM pollseed_job_wait(:job, '150 s');
SELECT pollseed_score_schedule('owned', '1 second') AS job \gset
SELECT is(owner, 'score_owner', 'the job that a member makes is the owner''s') FROM pollseed_jobs WHERE id = :job;
SET ROLE score_owner;
SELECT is(pollseed_score_schedule('owned', '2 seconds'), :job::bigint, 'who has no other');
UPDATE owned_items SET amount = amount + 1;
SELECT becomes('SELECT wrong(''owned'') = 0', 'it works as the owner');
SELECT is(pollseed_score_schedule('owned', NULL), :job::bigint, 'the schedule ends');
SELECT is(state, 'succeeded', 'and so does the job') FROM pollseed_job_wait(:job, '150 s');
SELECT pollseed_score_drop('owned') \g /dev/null
RESET ROLE;
DROP OWNED BY score_owner, score_member, score_other CASCADE;
DROP ROLE score_member, score_other, score_owner;

-- Dropped between
UPDATE large_items SET amount = amount + 1;
BEGIN;
SELECT pollseed_score_refresh_async('large') AS job \gset
SELECT pollseed_score_drop('large') \g /dev/null
COMMIT;
SELECT is(concat_ws(' ', state, last_sqlstate), 'failed 42704', 'a job whose score is dropped fails') FROM pollseed_job_wait(:job, '150 s');

SELECT * FROM finish();
