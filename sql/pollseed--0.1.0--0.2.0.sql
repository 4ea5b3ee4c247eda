\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- jobs: what the extension keeps of them

CREATE TABLE pollseed.jobs (
    job_id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    engine             text NOT NULL,
    relation           text NOT NULL,
    relation_oid       oid NOT NULL,
    arguments          jsonb NOT NULL,
    plan               jsonb NOT NULL,
    settings           jsonb NOT NULL,
    state              text NOT NULL
        CHECK (state OPERATOR(pg_catalog.=) ANY ('{queued,running,paused,cancelling,succeeded,failed,cancelled}'::pg_catalog.text[])),
    reason             text,
    owner              name NOT NULL,
    owner_oid          oid NOT NULL,
    database_oid       oid NOT NULL,
    priority           integer NOT NULL,
    workers            integer NOT NULL,
    attempts           integer NOT NULL DEFAULT 0,
    attempts_in_vain   integer NOT NULL DEFAULT 0,
    max_attempts       integer NOT NULL,
    launches_in_vain   integer NOT NULL DEFAULT 0,
    launched_at        timestamp with time zone,
    retries            integer NOT NULL DEFAULT 0,
    done               bigint NOT NULL DEFAULT 0,
    total              bigint NOT NULL,
    batches            bigint NOT NULL DEFAULT 0,
    updated            integer NOT NULL DEFAULT 0,
    lane               text NOT NULL,
    run_id             bigint NOT NULL,
    seed               bigint NOT NULL,
    generator_version  integer NOT NULL,
    queued_at          timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    started_at         timestamp with time zone,
    finished_at        timestamp with time zone,
    worker_pid         integer,
    last_error         text,
    last_sqlstate      text,
    result             jsonb
) WITH (fillfactor = 50);
COMMENT ON TABLE pollseed.jobs IS 'Background jobs with their position; read it through the view pollseed_jobs';
CREATE INDEX jobs_unfinished_idx ON pollseed.jobs (priority DESC, job_id) WHERE finished_at IS NULL;

CREATE TABLE pollseed.job_log (
    log_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     bigint NOT NULL REFERENCES pollseed.jobs ON DELETE CASCADE,
    logged_at  timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    state      text NOT NULL,
    reason     text
);
COMMENT ON TABLE pollseed.job_log IS 'Every change of a job''s state, and every retry; read it through the view pollseed_job_log';
CREATE INDEX job_log_job_idx ON pollseed.job_log (job_id, log_id);

-- A dump keeps the history.  What was not finished would go on in another database, so it is left out.
SELECT pg_catalog.pg_extension_config_dump('pollseed.jobs', 'WHERE finished_at IS NOT NULL');
SELECT pg_catalog.pg_extension_config_dump('pollseed.jobs_job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pollseed.job_log',
    'WHERE job_id OPERATOR(pg_catalog.=) ANY (SELECT j.job_id FROM pollseed.jobs AS j WHERE j.finished_at IS NOT NULL)');
SELECT pg_catalog.pg_extension_config_dump('pollseed.job_log_log_id_seq', '');

-- The worker is the process that holds the lock of the job's leader: see src/job/locks.h.
-- A finished job may have been restored from a dump, where OIDs mean others: as in pollseed_runs, its owner is whom it was only
-- if both name and OID are the same.  Who may cancel a job must see it.
CREATE VIEW pollseed_jobs WITH (security_barrier) AS
    SELECT j.job_id AS id, j.engine, j.relation, CASE WHEN m.mine THEN j.arguments END AS arguments, j.state, j.reason, j.owner,
           j.priority, j.workers, j.attempts, j.max_attempts, j.retries, j.done, j.total, j.batches,
           j.queued_at, j.started_at, j.finished_at,
           CASE WHEN j.state OPERATOR(pg_catalog.=) ANY ('{running,cancelling}'::pg_catalog.text[]) THEN
               (SELECT l.pid FROM pg_catalog.pg_locks AS l
                 WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
                   AND l.database OPERATOR(pg_catalog.=) j.database_oid AND l.objsubid OPERATOR(pg_catalog.=) 28787
                   AND ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8)
                       OPERATOR(pg_catalog.=) j.job_id)
               END AS worker_pid,
           CASE WHEN m.mine THEN j.last_error END AS last_error, j.last_sqlstate,
           CASE WHEN m.mine THEN j.result END AS result, j.run_id
      FROM pollseed.jobs AS j,
           LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                                    WHERE o.oid OPERATOR(pg_catalog.=) j.owner_oid
                                      AND (o.rolname OPERATOR(pg_catalog.=) j.owner OR j.finished_at IS NULL)
                                      AND pg_catalog.pg_has_role(o.oid, 'USAGE'))
                         OR EXISTS (SELECT FROM pg_catalog.pg_roles AS u
                                     WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER AND u.rolsuper) AS mine) AS m
     WHERE m.mine OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE');
COMMENT ON VIEW pollseed_jobs IS
    'Background jobs: one''s own, or all for members of pg_read_all_stats and pg_signal_backend, without other people''s arguments';
GRANT SELECT ON pollseed_jobs TO PUBLIC;

CREATE VIEW pollseed_job_log WITH (security_barrier) AS
    SELECT l.job_id AS job, l.logged_at, l.state, l.reason
      FROM pollseed.job_log AS l
     WHERE l.job_id OPERATOR(pg_catalog.=) ANY (SELECT j.id FROM pollseed_jobs AS j)
     ORDER BY l.log_id;
COMMENT ON VIEW pollseed_job_log IS 'Every change of a job''s state, and every retry, with the reason, of the jobs that pollseed_jobs shows';
GRANT SELECT ON pollseed_job_log TO PUBLIC;

-- jobs: steering them

CREATE FUNCTION pollseed_job_wait(job_id bigint, timeout interval DEFAULT NULL)
RETURNS pollseed_jobs LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_job_wait';
COMMENT ON FUNCTION pollseed_job_wait(bigint, interval) IS
    'Waits until a job has ended, or for so long, and returns its row';

CREATE FUNCTION pollseed_job_cancel(job_id bigint)
RETURNS pollseed_jobs LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_job_cancel';
COMMENT ON FUNCTION pollseed_job_cancel(bigint) IS
    'Ends a job for good; what it has committed stays';

CREATE FUNCTION pollseed_job_pause(job_id bigint)
RETURNS pollseed_jobs LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_job_pause';
COMMENT ON FUNCTION pollseed_job_pause(bigint) IS
    'Stops a job after the batch that it last committed, until pollseed_job_resume()';

CREATE FUNCTION pollseed_job_resume(job_id bigint)
RETURNS pollseed_jobs LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_job_resume';
COMMENT ON FUNCTION pollseed_job_resume(bigint) IS
    'Lets a paused or failed job go on where it stopped';

CREATE FUNCTION pollseed_run_jobs(max_jobs integer DEFAULT NULL)
RETURNS SETOF pollseed_jobs LANGUAGE c ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_run_jobs';
COMMENT ON FUNCTION pollseed_run_jobs(integer) IS
    'Starts jobs that wait and adopts those whose worker is gone, for pg_cron; returns those that the caller may see';

-- votes: in the background

CREATE FUNCTION pollseed_seed_async(
    vote_count bigint DEFAULT 10000,
    distribution text DEFAULT 'realistic',
    time_range interval DEFAULT '24 hours',
    arrival text DEFAULT 'uniform',
    seed bigint DEFAULT NULL,
    ends_at timestamp with time zone DEFAULT NULL,
    batch_size integer DEFAULT 1000,
    weights jsonb DEFAULT NULL,
    options regclass DEFAULT NULL,
    events regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    workers integer DEFAULT 1,
    priority integer DEFAULT 0,
    max_attempts integer DEFAULT 3,
    OUT job_id bigint)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_seed_async';
COMMENT ON FUNCTION pollseed_seed_async(bigint, text, interval, text, bigint, timestamp with time zone, integer, jsonb, regclass, regclass, jsonb, integer, integer, integer) IS
    'Starts a background job that does what pollseed_seed() does, committing per batch, and returns its id at once';

-- progress

CREATE FUNCTION pollseed.progress_slots(
    OUT pid integer, OUT job bigint, OUT run bigint, OUT engine text, OUT relation text, OUT phase text,
    OUT done bigint, OUT total bigint, OUT percent numeric, OUT rate double precision, OUT eta interval,
    OUT waiting_for text, OUT started_at timestamp with time zone)
RETURNS SETOF record LANGUAGE c PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_progress_slots';
COMMENT ON FUNCTION pollseed.progress_slots() IS
    'What the view pollseed_progress shows; everybody may call it, as the view does so for everybody, and gets what he may see';

CREATE VIEW pollseed_progress AS
    SELECT p.pid, p.job, p.run, p.engine, p.relation, p.phase, p.done, p.total, p.percent, p.rate, p.eta,
           p.waiting_for, p.started_at
      FROM pollseed.progress_slots() AS p;
COMMENT ON VIEW pollseed_progress IS
    'Work under way in this database, also of transactions still open: one''s own, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_progress TO PUBLIC;
