\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- graph: what the extension keeps

-- What a run did to each of its tables; what it wrote is told apart by it, so that it can be removed.
CREATE TABLE pollseed.graph_steps (
    run_id            bigint NOT NULL REFERENCES pollseed.runs ON DELETE CASCADE,
    step              integer NOT NULL,
    name              text NOT NULL,
    relation          text NOT NULL,
    planned           bigint NOT NULL,
    inserted          bigint NOT NULL,
    updated           bigint NOT NULL,
    unchanged         bigint NOT NULL,
    retries           integer NOT NULL,
    statements        bigint NOT NULL,
    lane              text NOT NULL,
    time_ms           double precision NOT NULL,
    first_row         bigint NOT NULL,
    inserted_rows     int8multirange NOT NULL,
    sequences         jsonb NOT NULL,
    transactions      xid8[] NOT NULL,
    last_command      bigint,
    removed           bigint,
    kept              bigint,
    PRIMARY KEY (run_id, step)
);
COMMENT ON TABLE pollseed.graph_steps IS 'Ledger of seeded schemas, a row for each table of a run; read it through the view pollseed_graph_steps';
SELECT pg_catalog.pg_extension_config_dump('pollseed.graph_steps', '');

CREATE VIEW pollseed_graph_steps WITH (security_barrier) AS
    SELECT s.run_id, s.step, s.name, s.relation, s.planned, s.inserted, s.updated, s.unchanged, s.retries, s.statements,
           s.lane, s.time_ms, s.first_row, s.removed, s.kept
      FROM pollseed_runs AS r JOIN pollseed.graph_steps AS s ON s.run_id OPERATOR(pg_catalog.=) r.run_id;
COMMENT ON VIEW pollseed_graph_steps IS 'What runs of pollseed_seed_graph() did to each table: one''s own runs, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_graph_steps TO PUBLIC;

-- graph: plans

CREATE FUNCTION pollseed_generators(OUT name text, OUT arguments text, OUT gives text, OUT example text)
RETURNS SETOF record LANGUAGE c STABLE ROWS 60 AS 'MODULE_PATHNAME', 'pollseed_generators';
COMMENT ON FUNCTION pollseed_generators() IS 'The generators that a plan can name, with their arguments and an example of what each gives';

CREATE FUNCTION pollseed_plan_schema(
    schema_name name,
    rows integer DEFAULT 100,
    overrides jsonb DEFAULT NULL,
    as_of timestamp with time zone DEFAULT NULL)
RETURNS jsonb LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pollseed_plan_schema';
COMMENT ON FUNCTION pollseed_plan_schema(name, integer, jsonb, timestamp with time zone) IS
    'A plan for pollseed_seed_graph() that fills all tables of a schema, made from the catalogs, with a reason for each choice';

CREATE FUNCTION pollseed_plan_check(plan jsonb, OUT "table" text, OUT "column" text, OUT problem text, OUT hint text)
RETURNS SETOF record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_plan_check';
COMMENT ON FUNCTION pollseed_plan_check(jsonb) IS 'What of a plan cannot work, before any row is written; no row if all can';

-- graph: seeding

CREATE FUNCTION pollseed_seed_graph(
    plan jsonb,
    seed bigint DEFAULT NULL,
    mode text DEFAULT 'skip',
    batch_size integer DEFAULT 1000,
    dry_run boolean DEFAULT false,
    OUT step text,
    OUT relation text,
    OUT planned bigint,
    OUT inserted bigint,
    OUT updated bigint,
    OUT unchanged bigint,
    OUT retries integer,
    OUT time_ms double precision,
    OUT lane text,
    OUT run_id bigint)
RETURNS SETOF record LANGUAGE c ROWS 20 AS 'MODULE_PATHNAME', 'pollseed_seed_graph';
COMMENT ON FUNCTION pollseed_seed_graph(jsonb, bigint, text, integer, boolean) IS
    'Fills the tables of a plan with rows that keep all constraints, in one transaction; rows that are there are left, or with upsert made as planned';

CREATE FUNCTION pollseed_seed_graph_async(
    plan jsonb,
    seed bigint DEFAULT NULL,
    mode text DEFAULT 'skip',
    batch_size integer DEFAULT 1000,
    workers integer DEFAULT 1,
    priority integer DEFAULT 0,
    max_attempts integer DEFAULT 10)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_seed_graph_async';
COMMENT ON FUNCTION pollseed_seed_graph_async(jsonb, bigint, text, integer, integer, integer, integer) IS
    'Has background workers do what pollseed_seed_graph() does, committing batch by batch; returns the job''s id';

CREATE FUNCTION pollseed_validate(
    plan jsonb DEFAULT NULL,
    run_id bigint DEFAULT NULL,
    OUT "check" text,
    OUT relation text,
    OUT rows bigint,
    OUT violations bigint,
    OUT time_ms double precision)
RETURNS SETOF record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_validate';
COMMENT ON FUNCTION pollseed_validate(jsonb, bigint) IS
    'Looks at the tables of a plan, or of a run, for what breaks a foreign key, a unique key, a check, the order of times or the planned counts';

CREATE FUNCTION pollseed_unseed(
    run_id bigint,
    force boolean DEFAULT false,
    OUT relation text,
    OUT removed bigint,
    OUT kept bigint,
    OUT reason text,
    OUT time_ms double precision)
RETURNS SETOF record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_unseed';
COMMENT ON FUNCTION pollseed_unseed(bigint, boolean) IS
    'Removes exactly the rows that a run of pollseed_seed_graph() wrote, children first; rows that were changed, or are referred to, are kept unless force';

CREATE FUNCTION pollseed_uuid5(namespace uuid, name text)
RETURNS uuid LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pollseed_uuid5';
COMMENT ON FUNCTION pollseed_uuid5(uuid, text) IS 'The UUID of version 5 (RFC 9562) of a name in a namespace';

-- graph: the OKR preset

CREATE FUNCTION pollseed_create_okr_tables(OUT tables_created integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_create_okr_tables';
COMMENT ON FUNCTION pollseed_create_okr_tables() IS 'Creates the eleven tables of an OKR application in the current schema where they are missing';

CREATE FUNCTION pollseed_drop_okr_tables(OUT tables_dropped integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_drop_okr_tables';
COMMENT ON FUNCTION pollseed_drop_okr_tables() IS 'Drops the tables that pollseed_create_okr_tables() made in the current schema, with all their rows';

CREATE FUNCTION pollseed_plan_okr(
    users integer DEFAULT 200,
    objectives integer DEFAULT 260,
    organisation text DEFAULT 'Acme',
    as_of timestamp with time zone DEFAULT NULL)
RETURNS jsonb LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_plan_okr';
COMMENT ON FUNCTION pollseed_plan_okr(integer, integer, text, timestamp with time zone) IS
    'A plan for pollseed_seed_graph() that fills one tenant of an OKR application, from the organisation to check-ins and roles; makes the tables where they are missing';
