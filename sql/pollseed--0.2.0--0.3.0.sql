\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- jobs: work that is not generated data has no seed

ALTER TABLE pollseed.jobs ALTER COLUMN seed DROP NOT NULL, ALTER COLUMN generator_version DROP NOT NULL,
    ALTER COLUMN run_id DROP NOT NULL;

-- backfill: what the extension keeps

CREATE TABLE pollseed.backfills (
    backfill_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               text NOT NULL UNIQUE,
    owner              name NOT NULL,
    owner_oid          oid NOT NULL,
    database_oid       oid NOT NULL,
    relation           text NOT NULL,
    relation_oid       oid NOT NULL,
    target_column      name NOT NULL,
    target_attnum      smallint NOT NULL,
    key_columns        name[] NOT NULL,
    key_attnums        smallint[] NOT NULL,
    source             text NOT NULL,
    strategy           text NOT NULL CHECK (strategy OPERATOR(pg_catalog.=) ANY ('{auto,index,block}'::pg_catalog.text[])),
    batch_size         integer NOT NULL,
    target_time        interval NOT NULL,
    throttle           jsonb NOT NULL,
    after_backfill     text,
    settings           jsonb NOT NULL,
    created_at         timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    state              text NOT NULL DEFAULT 'ready'
        CHECK (state OPERATOR(pg_catalog.=) ANY ('{ready,started,failed,finished}'::pg_catalog.text[])),
    phase              text NOT NULL DEFAULT 'scan' CHECK (phase OPERATOR(pg_catalog.=) ANY ('{scan,sweep}'::pg_catalog.text[])),
    run_no             integer NOT NULL DEFAULT 0,
    total              bigint,
    total_exact        boolean NOT NULL DEFAULT false,
    filled             bigint NOT NULL DEFAULT 0,
    no_data            bigint NOT NULL DEFAULT 0,
    quarantined        bigint NOT NULL DEFAULT 0,
    settled_before     bigint NOT NULL DEFAULT 0,
    skipped            bigint NOT NULL DEFAULT 0,
    batches            bigint NOT NULL DEFAULT 0,
    retries            bigint NOT NULL DEFAULT 0,
    wal_bytes          numeric NOT NULL DEFAULT 0,
    batch_size_now     integer,
    lane               text,
    job_id             bigint,
    waiting_for        text,
    last_error         text,
    last_sqlstate      text,
    started_at         timestamp with time zone,
    resumed_at         timestamp with time zone,
    resumed_filled     bigint NOT NULL DEFAULT 0,
    finished_at        timestamp with time zone
) WITH (fillfactor = 50);
COMMENT ON TABLE pollseed.backfills IS 'Backfills: definition and state; read it through the view pollseed_backfills';
SELECT pg_catalog.pg_extension_config_dump('pollseed.backfills', '');
SELECT pg_catalog.pg_extension_config_dump('pollseed.backfills_backfill_id_seq', '');

-- A part is a table, or a leaf partition, as it was when the run began.
CREATE TABLE pollseed.backfill_parts (
    backfill_id   bigint NOT NULL,
    part_no       integer NOT NULL,
    relation_oid  oid NOT NULL,
    relation      text NOT NULL,
    strategy      text NOT NULL,
    reason        text NOT NULL,
    end_block     bigint NOT NULL,
    next_block    bigint NOT NULL DEFAULT 0,
    end_key       text[],
    next_key      text[],
    claimed       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (backfill_id, part_no)
) WITH (fillfactor = 50);
COMMENT ON TABLE pollseed.backfill_parts IS 'What the scan of a backfill has still to claim of each table';

-- A range is what one process works on: blocks, or keys after one up to another.
CREATE TABLE pollseed.backfill_ranges (
    range_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backfill_id  bigint NOT NULL,
    part_no      integer NOT NULL,
    run_no       integer NOT NULL,
    first_block  bigint NOT NULL DEFAULT 0,
    end_block    bigint NOT NULL DEFAULT 0,
    visit        integer NOT NULL DEFAULT 0,
    visits       integer NOT NULL DEFAULT 1,
    position     text[],
    inclusive    boolean NOT NULL DEFAULT false,
    end_key      text[],
    filled       bigint NOT NULL DEFAULT 0,
    no_data      bigint NOT NULL DEFAULT 0,
    quarantined  bigint NOT NULL DEFAULT 0,
    skipped      bigint NOT NULL DEFAULT 0,
    batches      bigint NOT NULL DEFAULT 0,
    wal_bytes    numeric NOT NULL DEFAULT 0,
    batch_size   integer,
    lane         text
) WITH (fillfactor = 50);
COMMENT ON TABLE pollseed.backfill_ranges IS 'Ranges of backfills that are being worked on, with their position';
CREATE INDEX backfill_ranges_backfill_idx ON pollseed.backfill_ranges (backfill_id, range_id);

CREATE TABLE pollseed.backfill_rows (
    backfill_id   bigint NOT NULL,
    relation_oid  oid NOT NULL,
    key           text NOT NULL,
    outcome       text NOT NULL CHECK (outcome OPERATOR(pg_catalog.=) ANY ('{no_data,quarantined}'::pg_catalog.text[])),
    sqlstate      text,
    message       text,
    settled_at    timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (backfill_id, relation_oid, key)
);
COMMENT ON TABLE pollseed.backfill_rows IS 'Rows that a backfill is done with although they have no value, and why';
CREATE INDEX backfill_rows_quarantined_idx ON pollseed.backfill_rows (backfill_id)
    WHERE outcome OPERATOR(pg_catalog.=) 'quarantined';

-- backfill: what the views show

-- A range's figures are added to its backfill's when it is done.  The runner is the process that holds the lock: see
-- src/backfill/locks.h.  As with jobs, an owner is whom he was only if both name and OID are the same, unless it was restored.
CREATE VIEW pollseed.backfill_figures AS
    SELECT b.backfill_id,
           b.filled OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.filled), 0)::pg_catalog.int8 AS filled,
           b.no_data OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.no_data), 0)::pg_catalog.int8 AS no_data,
           b.quarantined OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.quarantined), 0)::pg_catalog.int8 AS quarantined,
           b.skipped OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.skipped), 0)::pg_catalog.int8 AS skipped,
           b.batches OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.batches), 0)::pg_catalog.int8 AS batches,
           b.wal_bytes OPERATOR(pg_catalog.+) COALESCE(pg_catalog.sum(r.wal_bytes), 0) AS wal_bytes,
           COALESCE(pg_catalog.max(r.batch_size), b.batch_size_now) AS batch_size_now,
           COALESCE(pg_catalog.max(r.lane), b.lane) AS lane
      FROM pollseed.backfills AS b LEFT JOIN pollseed.backfill_ranges AS r
        ON r.backfill_id OPERATOR(pg_catalog.=) b.backfill_id
     GROUP BY b.backfill_id;
COMMENT ON VIEW pollseed.backfill_figures IS 'Figures of each backfill, those of the ranges that are being worked on included';

CREATE VIEW pollseed.backfill_standing AS
    SELECT b.backfill_id, f.filled, f.no_data, f.quarantined, f.skipped, f.batches, f.wal_bytes, f.batch_size_now, f.lane,
           f.filled OPERATOR(pg_catalog.+) f.no_data OPERATOR(pg_catalog.+) f.quarantined
               OPERATOR(pg_catalog.-) b.settled_before AS done,
           CASE WHEN b.state OPERATOR(pg_catalog.=) 'finished' THEN 0
                WHEN b.total IS NOT NULL THEN
                    GREATEST(b.total OPERATOR(pg_catalog.-) f.filled OPERATOR(pg_catalog.-) f.no_data
                             OPERATOR(pg_catalog.-) f.quarantined OPERATOR(pg_catalog.+) b.settled_before, 0) END AS remaining,
           (SELECT l.pid FROM pg_catalog.pg_locks AS l
             WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
               AND l.database OPERATOR(pg_catalog.=) b.database_oid AND l.objsubid OPERATOR(pg_catalog.=) 28789
               AND ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8)
                   OPERATOR(pg_catalog.=) b.backfill_id) AS runner_pid
      FROM pollseed.backfills AS b JOIN pollseed.backfill_figures AS f ON f.backfill_id OPERATOR(pg_catalog.=) b.backfill_id;
COMMENT ON VIEW pollseed.backfill_standing IS 'How far each backfill is, and which process runs it';

CREATE VIEW pollseed_backfills WITH (security_barrier) AS
    SELECT b.backfill_id AS id, b.name, b.owner, b.relation, b.target_column,
           CASE WHEN pg_catalog.cardinality(b.key_columns) OPERATOR(pg_catalog.=) 0 THEN 'ctid'
                ELSE pg_catalog.array_to_string(b.key_columns, ', ') END AS key,
           COALESCE(p.strategy, b.strategy) AS strategy, p.reason AS strategy_reason,
           CASE WHEN b.state OPERATOR(pg_catalog.<>) 'started' THEN b.state
                WHEN s.runner_pid IS NOT NULL THEN 'running' ELSE 'interrupted' END AS state,
           b.phase, b.total, s.done, s.filled, s.no_data, s.quarantined, s.skipped, s.remaining,
           CASE WHEN b.total_exact THEN 'exact' ELSE 'estimated' END AS remaining_is,
           CASE WHEN s.runner_pid IS NOT NULL THEN v.rate END AS rate,
           CASE WHEN s.runner_pid IS NOT NULL AND v.rate OPERATOR(pg_catalog.>) 0 THEN
               pg_catalog.make_interval(secs => pg_catalog.ceil(s.remaining::pg_catalog.float8 OPERATOR(pg_catalog./) v.rate)) END AS eta,
           b.batch_size, s.batch_size_now, s.batches, b.retries, s.wal_bytes, s.lane,
           CASE WHEN s.runner_pid IS NOT NULL THEN b.waiting_for END AS waiting_for,
           CASE WHEN m.mine THEN b.last_error END AS last_error, b.last_sqlstate, s.runner_pid, b.job_id AS job,
           b.after_backfill, b.created_at, b.started_at, b.finished_at
      FROM pollseed.backfills AS b JOIN pollseed.backfill_standing AS s ON s.backfill_id OPERATOR(pg_catalog.=) b.backfill_id
      LEFT JOIN LATERAL (SELECT pg_catalog.string_agg(DISTINCT q.strategy, ', ') AS strategy, pg_catalog.min(q.reason) AS reason
                           FROM pollseed.backfill_parts AS q WHERE q.backfill_id OPERATOR(pg_catalog.=) b.backfill_id) AS p ON true,
           LATERAL (SELECT pg_catalog.round(((s.filled OPERATOR(pg_catalog.-) b.resumed_filled)::pg_catalog.float8 OPERATOR(pg_catalog./)
                       NULLIF(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) b.resumed_at), 0))) AS rate) AS v,
           LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                                    WHERE o.rolname OPERATOR(pg_catalog.=) b.owner
                                      AND (o.oid OPERATOR(pg_catalog.=) b.owner_oid
                                           OR b.database_oid OPERATOR(pg_catalog.<>) (SELECT d.oid FROM pg_catalog.pg_database AS d
                                               WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
                                      AND pg_catalog.pg_has_role(o.oid, 'USAGE'))
                         OR EXISTS (SELECT FROM pg_catalog.pg_roles AS u
                                     WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER AND u.rolsuper) AS mine) AS m
     WHERE m.mine OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');
COMMENT ON VIEW pollseed_backfills IS
    'Backfills, how far they are and what they wait for: one''s own, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_backfills TO PUBLIC;

CREATE VIEW pollseed_backfill_failures WITH (security_barrier) AS
    SELECT b.name AS backfill, p.relation, r.key, r.sqlstate, r.message, r.settled_at AS failed_at
      FROM pollseed.backfill_rows AS r JOIN pollseed.backfills AS b ON b.backfill_id OPERATOR(pg_catalog.=) r.backfill_id
      LEFT JOIN pollseed.backfill_parts AS p ON p.backfill_id OPERATOR(pg_catalog.=) r.backfill_id
                                            AND p.relation_oid OPERATOR(pg_catalog.=) r.relation_oid
     WHERE r.outcome OPERATOR(pg_catalog.=) 'quarantined'
       AND (EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                     WHERE o.rolname OPERATOR(pg_catalog.=) b.owner
                       AND (o.oid OPERATOR(pg_catalog.=) b.owner_oid
                            OR b.database_oid OPERATOR(pg_catalog.<>) (SELECT d.oid FROM pg_catalog.pg_database AS d
                                WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
                       AND pg_catalog.pg_has_role(o.oid, 'USAGE'))
            OR EXISTS (SELECT FROM pg_catalog.pg_roles AS u
                        WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER AND u.rolsuper));
COMMENT ON VIEW pollseed_backfill_failures IS
    'Rows of one''s own backfills that raised an error and were set aside; pollseed_backfill_retry() has them asked again';
GRANT SELECT ON pollseed_backfill_failures TO PUBLIC;

-- backfill: the functions

CREATE FUNCTION pollseed_backfill_create(
    name text,
    target regclass,
    target_column name,
    source text,
    key name DEFAULT NULL,
    strategy text DEFAULT 'auto',
    batch_size integer DEFAULT 100,
    target_time interval DEFAULT '250 ms',
    throttle jsonb DEFAULT NULL,
    after_backfill text DEFAULT NULL)
RETURNS pollseed_backfills LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_create';
COMMENT ON FUNCTION pollseed_backfill_create(text, regclass, name, text, name, text, integer, interval, jsonb, text) IS
    'Defines how a column is filled where it is null; fills nothing yet';

CREATE FUNCTION pollseed_backfill_drop(name text, OUT dropped boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_backfill_drop';
COMMENT ON FUNCTION pollseed_backfill_drop(text) IS
    'Forgets a backfill and where it stood; what it has filled stays';

CREATE FUNCTION pollseed_backfill_retry(name text, no_data boolean DEFAULT false, OUT rows bigint)
RETURNS bigint LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_backfill_retry';
COMMENT ON FUNCTION pollseed_backfill_retry(text, boolean) IS
    'Has the next run ask again for the rows that raised an error and were set aside, and if asked to for those without data';

CREATE PROCEDURE pollseed_backfill_run(
    name text,
    max_batches bigint DEFAULT NULL,
    max_runtime interval DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_run';
COMMENT ON PROCEDURE pollseed_backfill_run(text, bigint, interval) IS
    'Fills what is null, committing each batch, until nothing is left or a limit is reached; goes on where an earlier call stopped';

CREATE FUNCTION pollseed_backfill_step(
    name text,
    batches integer DEFAULT 1,
    OUT filled bigint, OUT no_data bigint, OUT quarantined bigint, OUT skipped bigint, OUT remaining bigint,
    OUT finished boolean, OUT time_ms double precision)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_step';
COMMENT ON FUNCTION pollseed_backfill_step(text, integer) IS
    'Runs some batches of a backfill within the caller''s transaction';

CREATE FUNCTION pollseed_backfill_async(name text, workers integer DEFAULT 1, OUT job_id bigint)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_async';
COMMENT ON FUNCTION pollseed_backfill_async(text, integer) IS
    'Starts a background job that runs a backfill, or changes the number of workers of the one that does, and returns its id';

CREATE FUNCTION pollseed_backfill_explain(name text)
RETURNS TABLE (relation text, step text, statement text, plan text)
LANGUAGE c STRICT ROWS 3 AS 'MODULE_PATHNAME', 'pollseed_backfill_explain';
COMMENT ON FUNCTION pollseed_backfill_explain(text) IS
    'The statements that a batch of a backfill consists of, and how the server would do them now';

CREATE PROCEDURE pollseed_backfill_finalize(name text, set_not_null boolean DEFAULT false)
LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_finalize';
COMMENT ON PROCEDURE pollseed_backfill_finalize(text, boolean) IS
    'Proves that nothing is left to fill, and if asked to sets the column NOT NULL without a long lock';

CREATE FUNCTION pollseed_backfill_estimate(
    name text,
    batches integer DEFAULT 3,
    OUT remaining bigint, OUT remaining_is text, OUT rows_tried bigint, OUT rows_per_second double precision,
    OUT wal_bytes_per_row double precision, OUT hot_share double precision, OUT time_left interval, OUT dead_bytes bigint,
    OUT advice text)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_estimate';
COMMENT ON FUNCTION pollseed_backfill_estimate(text, integer) IS
    'Tries some batches of a backfill and rolls them back, and says what the whole will cost';

-- backfill: the targeting tables

CREATE FUNCTION pollseed_create_targeting_tables(OUT tables_created integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_create_targeting_tables';
COMMENT ON FUNCTION pollseed_create_targeting_tables() IS
    'Creates the targeting tables in the current schema where they are missing';

CREATE FUNCTION pollseed_drop_targeting_tables(OUT tables_dropped integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_drop_targeting_tables';
COMMENT ON FUNCTION pollseed_drop_targeting_tables() IS
    'Drops the tables that pollseed_create_targeting_tables() made in the current schema, with all their rows';

CREATE FUNCTION pollseed_create_snapshot_indexes(gin boolean DEFAULT true, OUT indexes_created integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_create_snapshot_indexes';
COMMENT ON FUNCTION pollseed_create_snapshot_indexes(boolean) IS
    'Creates the partial indexes on rows without a snapshot where they are missing, and those that search in snapshots unless told not to';

CREATE FUNCTION pollseed_drop_snapshot_indexes(OUT indexes_dropped integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_drop_snapshot_indexes';
COMMENT ON FUNCTION pollseed_drop_snapshot_indexes() IS
    'Drops the indexes that pollseed_create_snapshot_indexes() and the statements of pollseed_snapshot_index_ddl() make';

CREATE FUNCTION pollseed_snapshot_index_ddl(gin boolean DEFAULT true)
RETURNS TABLE (statement text)
LANGUAGE c ROWS 6 AS 'MODULE_PATHNAME', 'pollseed_snapshot_index_ddl';
COMMENT ON FUNCTION pollseed_snapshot_index_ddl(boolean) IS
    'Statements that make the same indexes without locking out writers, one by one outside a transaction: for \gexec';

CREATE FUNCTION pollseed_seed_targeting(
    populations integer DEFAULT 100000,
    offers integer DEFAULT 200000,
    events integer DEFAULT 1000000,
    seed bigint DEFAULT NULL,
    OUT me_files bigint, OUT populations bigint, OUT offers bigint, OUT events bigint, OUT rows_written bigint,
    OUT time_ms double precision, OUT seed bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_seed_targeting';
COMMENT ON FUNCTION pollseed_seed_targeting(integer, integer, integer, bigint) IS
    'Fills the empty targeting tables with demonstration data that depends on the seed alone, without any snapshot';

-- backfill: the snapshots of the targeting tables

CREATE PROCEDURE pollseed_backfill_snapshots(batch_size integer DEFAULT 100)
LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_backfill_snapshots';
COMMENT ON PROCEDURE pollseed_backfill_snapshots(integer) IS
    'Fills the missing snapshots of target populations, offers and events with three backfills, which it makes where they are missing';

CREATE FUNCTION pollseed_stale_snapshots()
RETURNS TABLE (relation regclass, id bigint, version text, current_version text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pollseed_stale_snapshots';
COMMENT ON FUNCTION pollseed_stale_snapshots() IS
    'Snapshots that were made from another definition of their band than the present one';

CREATE FUNCTION pollseed_requeue_stale_snapshots(OUT populations bigint, OUT offers bigint, OUT events bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_requeue_stale_snapshots';
COMMENT ON FUNCTION pollseed_requeue_stale_snapshots() IS
    'Removes the snapshots that pollseed_stale_snapshots() lists, so that the next run of the backfills makes them anew';

