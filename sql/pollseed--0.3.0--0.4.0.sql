\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- score: what the extension keeps

-- A score is a table that follows a view, a row a key.  Its queue, a table beside it, holds the keys that were changed since.
CREATE TABLE pollseed.scores (
    score_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL UNIQUE,
    owner             name NOT NULL,
    owner_oid         oid NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    relation_oid      oid NOT NULL,
    queue             text NOT NULL,
    queue_oid         oid NOT NULL,
    fresh             text NOT NULL,
    fresh_oid         oid NOT NULL,
    definition        text NOT NULL,
    definition_oid    oid NOT NULL,
    key_columns       name[] NOT NULL,
    settings          jsonb NOT NULL,
    fingerprint       text NOT NULL,
    user_sources      jsonb,
    created_at        timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    paused            boolean NOT NULL DEFAULT false,
    every             interval,
    due_at            timestamp with time zone,
    problem           text,
    job_id            bigint,
    refreshes         bigint NOT NULL DEFAULT 0,
    last_refresh      timestamp with time zone,
    last_mode         text,
    last_reason       text,
    last_keys         bigint,
    last_inserted     bigint,
    last_updated      bigint,
    last_deleted      bigint,
    last_time_ms      double precision,
    estimated_delta_ms double precision,
    estimated_full_ms double precision,
    delta_key_ms      double precision NOT NULL,
    full_ms           double precision NOT NULL,
    full_is_measured  boolean NOT NULL DEFAULT false,
    last_error        text,
    last_sqlstate     text,
    failed_at         timestamp with time zone
) WITH (fillfactor = 50);
COMMENT ON TABLE pollseed.scores IS 'Scores: definition and state; read it through the view pollseed_scores';
SELECT pg_catalog.pg_extension_config_dump('pollseed.scores', '');
SELECT pg_catalog.pg_extension_config_dump('pollseed.scores_score_id_seq', '');

-- Where changes are captured.  A table may be there several times, with other keys.
CREATE TABLE pollseed.score_sources (
    score_id       bigint NOT NULL,
    source_no      smallint NOT NULL,
    relation       text NOT NULL,
    relation_oid   oid NOT NULL,
    key_columns    name[] NOT NULL,
    via            text,
    columns        name[],
    PRIMARY KEY (score_id, source_no)
);
COMMENT ON TABLE pollseed.score_sources IS
    'Tables that scores are made from: their columns that say which keys a row is of (none: all keys), the query from these to the score''s keys (null: they are), and the columns that matter (null: all)';
SELECT pg_catalog.pg_extension_config_dump('pollseed.score_sources', '');
CREATE INDEX score_sources_relation_idx ON pollseed.score_sources (relation_oid);

CREATE FUNCTION pollseed.score_capture()
RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_capture';
COMMENT ON FUNCTION pollseed.score_capture() IS
    'Puts the keys that a statement changed into the queue of a score; its arguments are the score''s number and the source''s';

CREATE FUNCTION pollseed.score_dirty_keys(score_id bigint)
RETURNS bigint LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_dirty_keys';
COMMENT ON FUNCTION pollseed.score_dirty_keys(bigint) IS
    'Keys in the queue of a score, null where all are dirty or the score is not one''s own';

CREATE FUNCTION pollseed.score_after_ddl()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_after_ddl';
COMMENT ON FUNCTION pollseed.score_after_ddl() IS
    'Sees to the scores whose view or tables a command has changed';

CREATE FUNCTION pollseed.score_after_drop()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_after_drop';
COMMENT ON FUNCTION pollseed.score_after_drop() IS
    'Forgets scores whose table was dropped, and notes what others have lost';

-- score: the view

CREATE VIEW pollseed_scores WITH (security_barrier) AS
    SELECT s.score_id AS id, s.name, s.owner, s.definition, pg_catalog.array_to_string(s.key_columns, ', ') AS key,
           CASE WHEN s.problem IS NOT NULL THEN 'broken' WHEN s.paused THEN 'paused'
                WHEN s.failed_at IS NOT NULL THEN 'failing' ELSE 'ready' END AS state,
           s.problem, CASE WHEN m.mine THEN pollseed.score_dirty_keys(s.score_id) END AS dirty_keys,
           s.every, s.due_at, s.refreshes, s.last_refresh, s.last_mode, s.last_reason, s.last_keys, s.last_inserted, s.last_updated,
           s.last_deleted, s.last_time_ms, s.estimated_delta_ms, s.estimated_full_ms,
           CASE WHEN m.mine THEN s.last_error END AS last_error, s.last_sqlstate, s.failed_at, s.job_id AS job, s.created_at
      FROM pollseed.scores AS s,
           (SELECT d.oid, c.system_identifier FROM pg_catalog.pg_database AS d, pg_catalog.pg_control_system() AS c
             WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) AS h,
           LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                                    WHERE CASE WHEN s.database_oid OPERATOR(pg_catalog.=) h.oid
                                                AND s.system_identifier OPERATOR(pg_catalog.=) h.system_identifier
                                               THEN o.oid OPERATOR(pg_catalog.=) s.owner_oid
                                               ELSE o.rolname OPERATOR(pg_catalog.=) s.owner END
                                      AND pg_catalog.pg_has_role(o.oid, 'USAGE'))
                         OR EXISTS (SELECT FROM pg_catalog.pg_roles AS u
                                     WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER AND u.rolsuper) AS mine) AS m
     WHERE m.mine OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');
COMMENT ON VIEW pollseed_scores IS
    'Scores, how fresh they are and how they were refreshed: one''s own, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_scores TO PUBLIC;

-- score: the functions

CREATE FUNCTION pollseed_score_create(
    name text,
    definition regclass,
    key text,
    sources jsonb DEFAULT NULL,
    fillfactor integer DEFAULT 80)
RETURNS pollseed_scores LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_create';
COMMENT ON FUNCTION pollseed_score_create(text, regclass, text, jsonb, integer) IS
    'Makes a table of a view''s rows, filled, and has the changes of the tables under the view captured from now on';

CREATE FUNCTION pollseed_score_sources(
    definition regclass,
    key text,
    OUT relation regclass, OUT key_columns name[], OUT columns name[], OUT reason text, OUT index_ddl text)
RETURNS SETOF record LANGUAGE c STRICT ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_score_sources';
COMMENT ON FUNCTION pollseed_score_sources(regclass, text) IS
    'The tables under a view, the columns of each that say which keys a row is of (null where that cannot be told), those that matter, and the index that is missing';

CREATE FUNCTION pollseed_score_refresh(
    name text,
    mode text DEFAULT 'auto',
    OUT mode text, OUT keys bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT unchanged bigint,
    OUT time_ms double precision, OUT remaining bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_refresh';
COMMENT ON FUNCTION pollseed_score_refresh(text, text) IS
    'Brings a score up to date within the caller''s transaction: by the keys that changed, in full, or by what is cheaper';

CREATE FUNCTION pollseed_score_refresh_async(name text DEFAULT NULL, OUT job_id bigint)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_refresh_async';
COMMENT ON FUNCTION pollseed_score_refresh_async(text) IS
    'Starts a background job that refreshes a score, or all of one''s own that have something to do; returns its id, or that of the one that does already';

CREATE FUNCTION pollseed_score_schedule(name text, every interval, OUT job_id bigint)
RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_schedule';
COMMENT ON FUNCTION pollseed_score_schedule(text, interval) IS
    'Has a standing background job refresh a score each time that so long has passed; null: not any more';

CREATE FUNCTION pollseed_score_explain(
    name text,
    OUT step text, OUT detail text, OUT plan text)
RETURNS SETOF record LANGUAGE c STRICT ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_score_explain';
COMMENT ON FUNCTION pollseed_score_explain(text) IS
    'What a refresh would do now and why, the plan of either way, and what is captured of each source';

CREATE FUNCTION pollseed_score_staleness(
    name text,
    OUT dirty_keys bigint, OUT oldest_change timestamp with time zone, OUT last_refresh timestamp with time zone,
    OUT last_error text)
RETURNS record LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_staleness';
COMMENT ON FUNCTION pollseed_score_staleness(text) IS
    'How many keys of a score are dirty (null: all) and since when, as the caller''s snapshot sees it';

CREATE FUNCTION pollseed_score_wait(name text, timeout interval DEFAULT '10 seconds')
RETURNS boolean LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_score_wait';
COMMENT ON FUNCTION pollseed_score_wait(text, interval) IS
    'Waits until all that was committed when it was called is in a score; false where the time runs out';

CREATE FUNCTION pollseed_score_verify(name text, OUT missing bigint, OUT extra bigint, OUT different bigint)
RETURNS record LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_verify';
COMMENT ON FUNCTION pollseed_score_verify(text) IS
    'Compares a score with its view, in one snapshot: rows that it lacks, has too many, or has otherwise';

CREATE FUNCTION pollseed_score_pause(name text, OUT paused boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_pause';
COMMENT ON FUNCTION pollseed_score_pause(text) IS
    'Has a score not refreshed until pollseed_score_resume(); changes are captured all the same';

CREATE FUNCTION pollseed_score_resume(name text, OUT resumed boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_resume';
COMMENT ON FUNCTION pollseed_score_resume(text) IS
    'Has a paused score refreshed again';

CREATE FUNCTION pollseed_score_drop(name text, OUT dropped boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_score_drop';
COMMENT ON FUNCTION pollseed_score_drop(text) IS
    'Drops a score: its table, its queue, the view of fresh rows, and what captures changes; the view that defines it stays';

-- score: data definition is noticed

CREATE EVENT TRIGGER pollseed_score_after_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE VIEW', 'ALTER VIEW', 'ALTER SCHEMA',
                 'CREATE POLICY', 'ALTER POLICY', 'CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER TRIGGER')
    EXECUTE FUNCTION pollseed.score_after_ddl();
ALTER EVENT TRIGGER pollseed_score_after_ddl ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER pollseed_score_after_ddl IS 'Sees to scores whose view or tables a command has changed';

CREATE EVENT TRIGGER pollseed_score_after_drop ON sql_drop EXECUTE FUNCTION pollseed.score_after_drop();
ALTER EVENT TRIGGER pollseed_score_after_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER pollseed_score_after_drop IS 'Sees to scores whose view, tables or triggers were dropped';

-- score: the movie tables

CREATE FUNCTION pollseed_create_movie_tables(OUT tables_created integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_create_movie_tables';
COMMENT ON FUNCTION pollseed_create_movie_tables() IS
    'Creates the movie tables, the view of their scores and the scores made from it in the current schema where they are missing';

CREATE FUNCTION pollseed_drop_movie_tables(OUT tables_dropped integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_drop_movie_tables';
COMMENT ON FUNCTION pollseed_drop_movie_tables() IS
    'Drops what pollseed_create_movie_tables() made in the current schema, with all rows';

CREATE FUNCTION pollseed_seed_movies(
    movies integer DEFAULT 10000,
    seed bigint DEFAULT NULL,
    OUT movies bigint, OUT metrics bigint, OUT nominations bigint, OUT people bigint, OUT credits bigint, OUT rows_written bigint,
    OUT time_ms double precision, OUT seed bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_seed_movies';
COMMENT ON FUNCTION pollseed_seed_movies(integer, bigint) IS
    'Fills the empty movie tables with demonstration data that depends on the seed alone, and refreshes their scores';

CREATE FUNCTION pollseed_predict(
    profile text DEFAULT 'balanced',
    decade integer DEFAULT 2020,
    page_size integer DEFAULT 25,
    after_score double precision DEFAULT NULL,
    after_id bigint DEFAULT NULL,
    OUT rank bigint, OUT movie_id bigint, OUT title text, OUT release_date date, OUT score double precision,
    OUT popular_opinion double precision, OUT critical_acclaim double precision, OUT industry_recognition double precision,
    OUT cultural_impact double precision, OUT people_quality double precision)
RETURNS SETOF record LANGUAGE c STABLE ROWS 25 AS 'MODULE_PATHNAME', 'pollseed_predict';
COMMENT ON FUNCTION pollseed_predict(text, integer, integer, double precision, bigint) IS
    'A page of the movies of a decade that are on no list yet, best first by the weights of a profile; the next page goes on after the last score and id';

CREATE FUNCTION pollseed_predict_with(
    weights jsonb,
    decade integer DEFAULT 2020,
    page_size integer DEFAULT 25,
    after_score double precision DEFAULT NULL,
    after_id bigint DEFAULT NULL,
    OUT rank bigint, OUT movie_id bigint, OUT title text, OUT release_date date, OUT score double precision,
    OUT popular_opinion double precision, OUT critical_acclaim double precision, OUT industry_recognition double precision,
    OUT cultural_impact double precision, OUT people_quality double precision)
RETURNS SETOF record LANGUAGE c STABLE ROWS 25 AS 'MODULE_PATHNAME', 'pollseed_predict_with';
COMMENT ON FUNCTION pollseed_predict_with(jsonb, integer, integer, double precision, bigint) IS
    'The same by weights that are not stored: {"popular_opinion": 2, "critical_acclaim": 1, …}, taken relative to their sum';

CREATE FUNCTION pollseed_validate_predictions(
    profile text DEFAULT 'balanced',
    list text DEFAULT '1001_movies',
    OUT decade integer, OUT listed bigint, OUT predicted bigint, OUT hits bigint, OUT hit_rate double precision)
RETURNS SETOF record LANGUAGE c STABLE ROWS 12 AS 'MODULE_PATHNAME', 'pollseed_validate_predictions';
COMMENT ON FUNCTION pollseed_validate_predictions(text, text) IS
    'How well a profile finds the movies of a list: of each decade, how many of as many best movies as are listed are on it';
