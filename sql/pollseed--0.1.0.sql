\echo Use "CREATE EXTENSION pollseed" to load this file. \quit

-- What the extension keeps.  An existing schema of this name makes the script fail.
CREATE SCHEMA pollseed;
COMMENT ON SCHEMA pollseed IS 'What the extension pollseed keeps';

CREATE TABLE pollseed.runs (
    run_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    engine            text NOT NULL,
    relation          text NOT NULL,
    rows_written      bigint NOT NULL,
    seed              bigint NOT NULL,
    generator_version integer NOT NULL,
    arguments         jsonb NOT NULL,
    lane              text NOT NULL,
    time_ms           double precision NOT NULL,
    run_by            name NOT NULL,
    run_by_oid        oid NOT NULL,
    run_at            timestamp with time zone NOT NULL,
    cleared_at        timestamp with time zone
);
COMMENT ON TABLE pollseed.runs IS 'Ledger of the data that pollseed generated; read it through the view pollseed_runs';
CREATE INDEX runs_relation_idx ON pollseed.runs (relation) WHERE cleared_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('pollseed.runs', '');
SELECT pg_catalog.pg_extension_config_dump('pollseed.runs_run_id_seq', '');

-- A role is whom it was only if both name and OID are the same: names are used again, and OIDs mean others after a restore.
CREATE VIEW pollseed_runs WITH (security_barrier) AS
    SELECT r.run_id, r.engine, r.relation, r.rows_written, r.seed, r.generator_version, r.arguments,
           r.lane, r.time_ms, r.run_by, r.run_at, r.cleared_at
      FROM pollseed.runs AS r
     WHERE pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
        OR EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                    WHERE o.oid OPERATOR(pg_catalog.=) r.run_by_oid AND o.rolname OPERATOR(pg_catalog.=) r.run_by
                      AND pg_catalog.pg_has_role(o.oid, 'USAGE'));
COMMENT ON VIEW pollseed_runs IS 'What was seeded, when, by whom, with which seed: one''s own runs, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_runs TO PUBLIC;

-- votes: the poll tables

CREATE FUNCTION pollseed_create_poll_tables(
    options text[] DEFAULT '{Python,JavaScript,Java,TypeScript,Go,Rust,C++,C#,Ruby,PHP,Swift,Kotlin,Scala,Elixir,Haskell}',
    OUT tables_created integer, OUT options_inserted integer)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_create_poll_tables';
COMMENT ON FUNCTION pollseed_create_poll_tables(text[]) IS
    'Creates the tables options and vote_events in the current schema where they are missing, and adds the options that are missing';

CREATE FUNCTION pollseed_drop_poll_tables(OUT tables_dropped integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_drop_poll_tables';
COMMENT ON FUNCTION pollseed_drop_poll_tables() IS
    'Drops the tables that pollseed_create_poll_tables() made in the current schema, with all their rows';

-- votes: generating

CREATE FUNCTION pollseed_vote_shares(
    vote_count bigint,
    distribution text DEFAULT 'realistic',
    weights jsonb DEFAULT NULL,
    seed bigint DEFAULT NULL,
    options regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL)
RETURNS TABLE (option_id text, label text, weight double precision, votes bigint)
LANGUAGE c ROWS 15 AS 'MODULE_PATHNAME', 'pollseed_vote_shares';
COMMENT ON FUNCTION pollseed_vote_shares(bigint, text, jsonb, bigint, regclass, jsonb) IS
    'Votes that each option would get from pollseed_seed() with the same arguments; writes nothing';

CREATE FUNCTION pollseed_generate_votes(
    vote_count bigint,
    distribution text DEFAULT 'realistic',
    time_range interval DEFAULT '24 hours',
    arrival text DEFAULT 'uniform',
    seed bigint DEFAULT NULL,
    ends_at timestamp with time zone DEFAULT NULL,
    labels text[] DEFAULT NULL,
    weights jsonb DEFAULT NULL,
    first_vote bigint DEFAULT 1,
    last_vote bigint DEFAULT NULL)
RETURNS TABLE (vote_no bigint, option_no integer, label text, votes_after bigint, cast_at timestamp with time zone)
LANGUAGE c ROWS 10000 AS 'MODULE_PATHNAME', 'pollseed_generate_votes';
COMMENT ON FUNCTION pollseed_generate_votes(bigint, text, interval, text, bigint, timestamp with time zone, text[], jsonb, bigint, bigint) IS
    'Votes in time order, from first_vote to last_vote of vote_count, without any table';

CREATE FUNCTION pollseed_seed(
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
    OUT run_id bigint, OUT votes_seeded bigint, OUT options_updated integer, OUT batches integer,
    OUT time_ms double precision, OUT seed bigint, OUT ends_at timestamp with time zone, OUT lane text)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_seed';
COMMENT ON FUNCTION pollseed_seed(bigint, text, interval, text, bigint, timestamp with time zone, integer, jsonb, regclass, regclass, jsonb) IS
    'Writes vote_count votes into the events table and adds them to the options'' counts, all or nothing';

CREATE FUNCTION pollseed_clear_seed_data(
    options regclass DEFAULT NULL,
    events regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    OUT events_deleted bigint, OUT options_updated integer)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_clear_seed_data';
COMMENT ON FUNCTION pollseed_clear_seed_data(regclass, regclass, jsonb) IS
    'Deletes the seeded events, keeps the real ones, and recounts the options'' votes';

CREATE FUNCTION pollseed_recount_votes(
    options regclass DEFAULT NULL,
    events regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    OUT options_updated integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_recount_votes';
COMMENT ON FUNCTION pollseed_recount_votes(regclass, regclass, jsonb) IS
    'Sets each option''s votes to the number of its vote and seed events';
