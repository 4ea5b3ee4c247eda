\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- Fails where this session has the library of an older release loaded: install, restart or reconnect, and then update.
CREATE FUNCTION pollseed.cache_forget()
RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_forget';
COMMENT ON FUNCTION pollseed.cache_forget() IS 'Has all results of this database computed anew, and all sessions look up the caches';

-- Sessions may know what an extension that was dropped before has kept.
SELECT pollseed.cache_forget();

-- cache: what the extension keeps

-- Definitions only: entries live in shared memory, under the cache's uid, which no other cache ever had.
CREATE TABLE pollseed.caches (
    name              text PRIMARY KEY,
    uid               bigint NOT NULL UNIQUE,
    owner             name NOT NULL,
    owner_oid         oid NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    ttl               interval NOT NULL,
    max_entries       integer NOT NULL,
    max_bytes         bigint,
    shared            boolean NOT NULL,
    max_staleness     interval NOT NULL,
    created_at        timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE pollseed.caches IS 'Caches: definitions; read them through the view pollseed_caches';
SELECT pg_catalog.pg_extension_config_dump('pollseed.caches', '');

-- Queries that are computed before anybody asks.
CREATE TABLE pollseed.cache_warmers (
    warmer_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cache             text NOT NULL REFERENCES pollseed.caches (name) ON DELETE CASCADE,
    key               text NOT NULL,
    owner             name NOT NULL,
    owner_oid         oid NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    query             text NOT NULL,
    params            jsonb,
    ttl               interval,
    depends_on        text[],
    settings          jsonb NOT NULL,
    every             interval,
    due_at            timestamp with time zone,
    runs              bigint NOT NULL DEFAULT 0,
    last_run          timestamp with time zone,
    last_outcome      text,
    last_time_ms      double precision,
    last_error        text,
    last_sqlstate     text,
    created_at        timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE (cache, key, owner_oid, database_oid, system_identifier)
);
COMMENT ON TABLE pollseed.cache_warmers IS 'Standing queries of caches; read them through the view pollseed_cache_warmers';
SELECT pg_catalog.pg_extension_config_dump('pollseed.cache_warmers', '');
SELECT pg_catalog.pg_extension_config_dump('pollseed.cache_warmers_warmer_id_seq', '');

CREATE FUNCTION pollseed.cache_capture()
RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_capture';
COMMENT ON FUNCTION pollseed.cache_capture() IS
    'Notes what a change of a table makes old in caches; its arguments are the names of the key, of the tallied column, and of columns that do not matter';

CREATE FUNCTION pollseed.cache_after_ddl()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_after_ddl';
COMMENT ON FUNCTION pollseed.cache_after_ddl() IS
    'Has entries of caches computed anew that a command may have changed, and tracks new partitions';

CREATE FUNCTION pollseed.cache_before_ddl()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_before_ddl';
COMMENT ON FUNCTION pollseed.cache_before_ddl() IS
    'Has entries of caches computed anew while a partition is being detached';

CREATE FUNCTION pollseed.cache_after_drop()
RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_after_drop';
COMMENT ON FUNCTION pollseed.cache_after_drop() IS
    'Has entries of caches computed anew after something was dropped';

CREATE FUNCTION pollseed.cache_counters(
    OUT uid bigint, OUT hits bigint, OUT misses bigint, OUT waits bigint, OUT stale bigint, OUT bypassed bigint, OUT fills bigint,
    OUT refused bigint, OUT evicted bigint, OUT expired bigint, OUT invalidated bigint, OUT entries bigint, OUT bytes bigint,
    OUT fill_ms_p50 double precision, OUT fill_ms_p99 double precision, OUT saved_ms double precision,
    OUT stats_reset timestamp with time zone)
RETURNS SETOF record LANGUAGE c ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_cache_counters';
COMMENT ON FUNCTION pollseed.cache_counters() IS 'Counters of the caches of this database that have been used since the server started';

CREATE FUNCTION pollseed.cache_contents(
    OUT cache text, OUT key text, OUT params jsonb, OUT role oid, OUT bytes bigint, OUT age interval, OUT ttl_left interval,
    OUT hits bigint, OUT tags text[], OUT fill_ms double precision)
RETURNS SETOF record LANGUAGE c ROWS 100 AS 'MODULE_PATHNAME', 'pollseed_cache_contents';
COMMENT ON FUNCTION pollseed.cache_contents() IS
    'Entries of the caches of this database that are the caller''s or shared';

CREATE FUNCTION pollseed.cache_builtins(
    OUT name text, OUT uid bigint, OUT owner name, OUT ttl interval, OUT max_entries integer)
RETURNS SETOF record LANGUAGE c STABLE ROWS 4 AS 'MODULE_PATHNAME', 'pollseed_cache_builtins';
COMMENT ON FUNCTION pollseed.cache_builtins() IS 'Caches that are there without being made, unless another has the name';

-- cache: views

CREATE VIEW pollseed.all_caches AS
    SELECT c.name, c.uid, COALESCE(o.rolname, c.owner) AS owner, c.ttl, c.max_entries, c.max_bytes, c.shared, c.max_staleness, c.created_at
      FROM pollseed.caches AS c
     CROSS JOIN (SELECT d.oid, s.system_identifier FROM pg_catalog.pg_database AS d, pg_catalog.pg_control_system() AS s
                  WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) AS h
      LEFT JOIN pg_catalog.pg_roles AS o ON c.database_oid OPERATOR(pg_catalog.=) h.oid
       AND c.system_identifier OPERATOR(pg_catalog.=) h.system_identifier AND o.oid OPERATOR(pg_catalog.=) c.owner_oid
     UNION ALL
    SELECT b.name, b.uid, b.owner, b.ttl, b.max_entries, NULL, false, '0', NULL
      FROM pollseed.cache_builtins() AS b
     WHERE NOT EXISTS (SELECT FROM pollseed.caches AS c WHERE c.name OPERATOR(pg_catalog.=) b.name);
COMMENT ON VIEW pollseed.all_caches IS 'Caches: those that were made, and those that are there without';

CREATE VIEW pollseed_caches WITH (security_barrier) AS
    SELECT c.name, c.owner, c.ttl, c.max_entries, c.max_bytes, c.shared, c.max_staleness, c.created_at
      FROM pollseed.all_caches AS c;
COMMENT ON VIEW pollseed_caches IS 'Caches: their definitions';
GRANT SELECT ON pollseed_caches TO PUBLIC;

CREATE VIEW pollseed_cache_stats WITH (security_barrier) AS
    SELECT c.name AS cache, COALESCE(s.hits, 0) AS hits, COALESCE(s.misses, 0) AS misses,
           pg_catalog.round(100.0 OPERATOR(pg_catalog.*) s.hits
             OPERATOR(pg_catalog./) NULLIF(s.hits OPERATOR(pg_catalog.+) s.misses, 0), 2) AS hit_rate,
           COALESCE(s.waits, 0) AS waits, COALESCE(s.stale, 0) AS stale, COALESCE(s.bypassed, 0) AS bypassed,
           COALESCE(s.fills, 0) AS fills, COALESCE(s.refused, 0) AS refused, COALESCE(s.evicted, 0) AS evicted,
           COALESCE(s.expired, 0) AS expired, COALESCE(s.invalidated, 0) AS invalidated,
           COALESCE(s.entries, 0) AS entries, COALESCE(s.bytes, 0) AS bytes, s.fill_ms_p50, s.fill_ms_p99,
           COALESCE(s.saved_ms, 0) AS saved_ms, s.stats_reset
      FROM pollseed.all_caches AS c LEFT JOIN pollseed.cache_counters() AS s ON s.uid OPERATOR(pg_catalog.=) c.uid;
COMMENT ON VIEW pollseed_cache_stats IS
    'How each cache does: answers from memory (hits, of which waits waited for another session''s computation and stale were not the newest), computed ones (misses), and why entries went';
GRANT SELECT ON pollseed_cache_stats TO PUBLIC;

CREATE VIEW pollseed_cache_entries WITH (security_barrier) AS
    SELECT e.cache, e.key, e.params, pg_catalog.pg_get_userbyid(e.role) AS role, e.bytes, e.age, e.ttl_left, e.hits, e.tags, e.fill_ms
      FROM pollseed.cache_contents() AS e;
COMMENT ON VIEW pollseed_cache_entries IS
    'Entries of caches, one''s own and shared ones (role is null): size, age, time to live left, answers given, and what makes them old';
GRANT SELECT ON pollseed_cache_entries TO PUBLIC;

CREATE VIEW pollseed_cache_warmers WITH (security_barrier) AS
    SELECT w.warmer_id AS id, w.cache, w.key, COALESCE(o.rolname, w.owner) AS owner, w.every, w.due_at, w.runs, w.last_run,
           w.last_outcome, w.last_time_ms, CASE WHEN m.mine THEN w.last_error END AS last_error, w.last_sqlstate,
           CASE WHEN m.mine THEN w.query END AS query, CASE WHEN m.mine THEN w.params END AS params, w.ttl,
           CASE WHEN m.mine THEN w.depends_on END AS depends_on, w.created_at
      FROM pollseed.cache_warmers AS w
      CROSS JOIN (SELECT d.oid, c.system_identifier FROM pg_catalog.pg_database AS d, pg_catalog.pg_control_system() AS c
                   WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) AS h
      LEFT JOIN pg_catalog.pg_roles AS o
        ON CASE WHEN w.database_oid OPERATOR(pg_catalog.=) h.oid AND w.system_identifier OPERATOR(pg_catalog.=) h.system_identifier
                THEN o.oid OPERATOR(pg_catalog.=) w.owner_oid ELSE o.rolname OPERATOR(pg_catalog.=) w.owner END
      CROSS JOIN LATERAL (SELECT COALESCE(pg_catalog.pg_has_role(o.oid, 'USAGE'), false)
                                 OR EXISTS (SELECT FROM pg_catalog.pg_roles AS u
                                             WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER AND u.rolsuper) AS mine) AS m
     WHERE m.mine OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');
COMMENT ON VIEW pollseed_cache_warmers IS
    'Queries that are computed before anybody asks, and how that went: one''s own, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_cache_warmers TO PUBLIC;

-- cache: definitions

CREATE FUNCTION pollseed_cache_create(
    name text,
    ttl interval DEFAULT '5 minutes',
    max_entries integer DEFAULT 1000,
    max_bytes bigint DEFAULT NULL,
    shared boolean DEFAULT false,
    max_staleness interval DEFAULT '0')
RETURNS pollseed_caches LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_create';
COMMENT ON FUNCTION pollseed_cache_create(text, interval, integer, bigint, boolean, interval) IS
    'Makes a cache, or gives one''s own other settings; returns its definition';

CREATE FUNCTION pollseed_cache_drop(cache text, OUT dropped boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_cache_drop';
COMMENT ON FUNCTION pollseed_cache_drop(text) IS
    'Drops a cache with its entries and warmers; false where there is none';

CREATE FUNCTION pollseed_cache_clear(cache text DEFAULT NULL, OUT caches integer, OUT entries bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_clear';
COMMENT ON FUNCTION pollseed_cache_clear(text) IS
    'Forgets all entries of a cache, or of all of one''s own, when the transaction commits';

-- cache: entries

CREATE FUNCTION pollseed_cache_fetch(
    cache text,
    key text,
    query text,
    params jsonb DEFAULT NULL,
    ttl interval DEFAULT NULL,
    depends_on text[] DEFAULT NULL,
    bypass boolean DEFAULT false)
RETURNS jsonb LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_fetch';
COMMENT ON FUNCTION pollseed_cache_fetch(text, text, text, jsonb, interval, text[], boolean) IS
    'The result of a query, from memory or computed once and kept: an array of its rows as objects, or the value where the query has one column of type json or jsonb';

CREATE FUNCTION pollseed_cache_get(cache text, key text)
RETURNS jsonb LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_cache_get';
COMMENT ON FUNCTION pollseed_cache_get(text, text) IS
    'What is kept under a key, put there or fetched without parameters; null where there is nothing';

CREATE FUNCTION pollseed_cache_put(
    cache text,
    key text,
    value jsonb,
    ttl interval DEFAULT NULL,
    depends_on text[] DEFAULT NULL,
    OUT kept boolean)
RETURNS boolean LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_put';
COMMENT ON FUNCTION pollseed_cache_put(text, text, jsonb, interval, text[]) IS
    'Keeps a value under a key when the transaction commits; false where it will not be kept, pollseed_cache_last() says why';

CREATE FUNCTION pollseed_cache_delete(cache text, key text, OUT deleted boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_cache_delete';
COMMENT ON FUNCTION pollseed_cache_delete(text, text) IS
    'Forgets what is kept under a key, whatever its parameters, when the transaction commits; true where there was something';

CREATE FUNCTION pollseed_cache_last(
    OUT cache text, OUT key text, OUT outcome text, OUT reason text, OUT fill_ms double precision, OUT age interval)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_last';
COMMENT ON FUNCTION pollseed_cache_last() IS
    'What the session''s last call on a cache did: hit, miss, waited, stale, bypass or refused, and why';

CREATE FUNCTION pollseed_cache_stats_reset(cache text DEFAULT NULL, OUT caches integer)
RETURNS integer LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_stats_reset';
COMMENT ON FUNCTION pollseed_cache_stats_reset(text) IS
    'Sets the counters of a cache, or of all of one''s own, to zero';

-- cache: tracked tables

CREATE FUNCTION pollseed_cache_track(
    target regclass,
    key name DEFAULT NULL,
    tally name DEFAULT NULL,
    ignore name[] DEFAULT NULL,
    OUT tables integer, OUT triggers_created integer)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_track';
COMMENT ON FUNCTION pollseed_cache_track(regclass, name, name, name[]) IS
    'Has changes of a table make entries old that depend on it, or on the rows with a value of the key; counts of rows (tally ''*'') or sums of a column by that key are kept up to date within entries';

CREATE FUNCTION pollseed_cache_untrack(target regclass, OUT triggers_dropped integer)
RETURNS integer LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_cache_untrack';
COMMENT ON FUNCTION pollseed_cache_untrack(regclass) IS
    'Undoes pollseed_cache_track(); results that depend on the table are not kept any more';

-- cache: warmers

CREATE FUNCTION pollseed_cache_warmer(
    cache text,
    key text,
    query text,
    every interval DEFAULT NULL,
    params jsonb DEFAULT NULL,
    ttl interval DEFAULT NULL,
    depends_on text[] DEFAULT NULL,
    OUT warmer_id bigint, OUT job_id bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_warmer';
COMMENT ON FUNCTION pollseed_cache_warmer(text, text, text, interval, jsonb, interval, text[]) IS
    'Has a query kept in a cache before anybody asks: by a standing job each time that so long has passed, or, where every is null, whenever pollseed_cache_warm() is called';

CREATE FUNCTION pollseed_cache_warmer_drop(cache text, key text, OUT dropped boolean)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pollseed_cache_warmer_drop';
COMMENT ON FUNCTION pollseed_cache_warmer_drop(text, text) IS
    'Drops one''s own warmer of a key; what it keeps stays until it is old';

CREATE FUNCTION pollseed_cache_warm(
    cache text DEFAULT NULL,
    OUT warmers integer, OUT computed integer, OUT fresh integer, OUT failed integer, OUT time_ms double precision)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cache_warm';
COMMENT ON FUNCTION pollseed_cache_warm(text) IS
    'Computes what the warmers of a cache, or of all, keep and what is not fresh; only one''s own';

-- votes: casting and resetting

CREATE FUNCTION pollseed_cast_vote(
    option_id bigint,
    event_type text DEFAULT 'vote',
    options regclass DEFAULT NULL,
    events regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    OUT votes bigint, OUT event_id bigint)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_cast_vote';
COMMENT ON FUNCTION pollseed_cast_vote(bigint, text, regclass, regclass, jsonb) IS
    'Adds a vote to an option''s count and writes its event; returns the new count and the event''s id';

CREATE FUNCTION pollseed_reset_votes(
    options regclass DEFAULT NULL,
    events regclass DEFAULT NULL,
    columns jsonb DEFAULT NULL,
    OUT events_deleted bigint, OUT options_updated integer)
RETURNS record LANGUAGE c AS 'MODULE_PATHNAME', 'pollseed_reset_votes';
COMMENT ON FUNCTION pollseed_reset_votes(regclass, regclass, jsonb) IS
    'Deletes all events, those of votes that people cast included, and sets the options'' counts to 0';

-- votes: what the readers ask of the tables, under whatever schema the caller's search path finds them in

-- Members that are named as a tag are kept up to date by the cache while votes are cast.
CREATE FUNCTION pollseed.options_query()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'SELECT pg_catalog.jsonb_build_object(
            ''options#votes'', COALESCE(pg_catalog.jsonb_object_agg(o.id, COALESCE(o.votes, 0)), ''{}''),
            ''options'', COALESCE(pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(''id'', o.id, ''text'', CAST(o.text AS pg_catalog.text)) ORDER BY o.id), ''[]''))
          FROM options AS o';
COMMENT ON FUNCTION pollseed.options_query() IS 'The query for a poll''s options and their counts';

CREATE FUNCTION pollseed.stats_query()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'SELECT pg_catalog.jsonb_build_object(
            ''options#votes'', o.votes, ''options'', o.options, ''vote_events#*'', COALESCE(e.counts, ''{}''),
            ''others'', COALESCE(e.others, 0), ''computed_at'', pg_catalog.statement_timestamp())
          FROM (SELECT COALESCE(pg_catalog.jsonb_object_agg(o.id, COALESCE(o.votes, 0)), ''{}'') AS votes,
                       COALESCE(pg_catalog.jsonb_agg(
                           pg_catalog.jsonb_build_object(''id'', o.id, ''text'', CAST(o.text AS pg_catalog.text)) ORDER BY o.id), ''[]'') AS options
                  FROM options AS o) AS o,
               (SELECT pg_catalog.jsonb_object_agg(c.option_id, c.events) FILTER (WHERE c.option_id IS NOT NULL) AS counts,
                       pg_catalog.max(c.events) FILTER (WHERE c.option_id IS NULL) AS others
                  FROM (SELECT e.option_id, pg_catalog.count(*) AS events FROM vote_events AS e GROUP BY e.option_id) AS c) AS e';
COMMENT ON FUNCTION pollseed.stats_query() IS 'The query for a poll''s options, their counts and their numbers of events';

-- Parameter $1 is what pollseed.trend_params() returns.
CREATE FUNCTION pollseed.trends_query()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'SELECT pg_catalog.jsonb_build_object(''window'', $1, ''options'', COALESCE(pg_catalog.jsonb_agg(
            pg_catalog.jsonb_build_object(
                ''id'', o.id, ''text'', CAST(o.text AS pg_catalog.text), ''votes'', COALESCE(o.votes, 0),
                ''since'', COALESCE(s.votes, 0), ''buckets'', COALESCE(s.buckets, ''{}'')) ORDER BY o.id), ''[]''))
          FROM options AS o LEFT JOIN
               (SELECT b.option_id, pg_catalog.sum(b.votes) AS votes,
                       pg_catalog.jsonb_object_agg(
                           CAST(EXTRACT(epoch FROM b.starts OPERATOR(pg_catalog.-) CAST($1 OPERATOR(pg_catalog.->>) ''from'' AS pg_catalog.timestamp))
                                OPERATOR(pg_catalog.*) 1000000
                                OPERATOR(pg_catalog./) CAST($1 OPERATOR(pg_catalog.->>) ''width_us'' AS pg_catalog.int8) AS pg_catalog.int4),
                           b.votes) FILTER (WHERE b.starts IS NOT NULL) AS buckets
                  FROM (SELECT e.option_id, pg_catalog.count(*) AS votes,
                               CASE WHEN e.inserted_at OPERATOR(pg_catalog.<) CAST($1 OPERATOR(pg_catalog.->>) ''until'' AS pg_catalog.timestamp)
                                    THEN pg_catalog.date_bin(CAST($1 OPERATOR(pg_catalog.->>) ''width'' AS pg_catalog.interval), e.inserted_at,
                                                             CAST($1 OPERATOR(pg_catalog.->>) ''from'' AS pg_catalog.timestamp)) END AS starts
                          FROM vote_events AS e
                         WHERE e.inserted_at OPERATOR(pg_catalog.>=) CAST($1 OPERATOR(pg_catalog.->>) ''from'' AS pg_catalog.timestamp)
                           AND CAST(e.event_type AS pg_catalog.text) OPERATOR(pg_catalog.=) ANY (''{seed,vote}'')
                         GROUP BY e.option_id, starts) AS b
                 GROUP BY b.option_id) AS s ON s.option_id OPERATOR(pg_catalog.=) o.id';
COMMENT ON FUNCTION pollseed.trends_query() IS 'The query for a poll''s votes in a window of time';

-- Parameter $1 is what pollseed.activity_params() returns.
CREATE FUNCTION pollseed.activity_query()
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            ''event_id'', e.id, ''option_id'', e.option_id, ''text'', COALESCE(CAST(o.text AS pg_catalog.text), CAST(e.language AS pg_catalog.text)),
            ''votes_after'', e.votes_after, ''event_type'', e.event_type, ''cast_at'', pg_catalog.timezone(''UTC'', e.inserted_at))
            ORDER BY e.inserted_at DESC, e.id DESC), ''[]'')
          FROM (SELECT e.id, e.option_id, e.language, e.votes_after, e.event_type, e.inserted_at FROM vote_events AS e
                 ORDER BY e.inserted_at DESC, e.id DESC LIMIT CAST($1 OPERATOR(pg_catalog.->>) ''rows'' AS pg_catalog.int8)) AS e
          LEFT JOIN options AS o ON o.id OPERATOR(pg_catalog.=) e.option_id';
COMMENT ON FUNCTION pollseed.activity_query() IS 'The query for a poll''s newest events';

CREATE FUNCTION pollseed.trend_params(minutes_back integer, buckets integer)
RETURNS jsonb LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pollseed_trend_params';
COMMENT ON FUNCTION pollseed.trend_params(integer, integer) IS 'A window of time that ends with the bucket that it is now, checked';

CREATE FUNCTION pollseed.activity_params(max_rows integer)
RETURNS jsonb LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'pollseed_activity_params';
COMMENT ON FUNCTION pollseed.activity_params(integer) IS 'A number of events, checked';

-- votes: what the readers show of that

CREATE FUNCTION pollseed.poll_stats_shown(counts jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pollseed_poll_stats_shown';
COMMENT ON FUNCTION pollseed.poll_stats_shown(jsonb) IS 'Statistics from a poll''s counts';

CREATE FUNCTION pollseed.options_shown(counts jsonb, OUT id bigint, OUT text text, OUT votes bigint)
RETURNS SETOF record LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 15 AS 'MODULE_PATHNAME', 'pollseed_options_shown';
COMMENT ON FUNCTION pollseed.options_shown(jsonb) IS 'Options from a poll''s counts';

CREATE FUNCTION pollseed.chart_shown(counts jsonb, kind text)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pollseed_chart_shown';
COMMENT ON FUNCTION pollseed.chart_shown(jsonb, text) IS 'A pie or bar chart from a poll''s counts';

CREATE FUNCTION pollseed.trends_shown(
    trends jsonb,
    OUT bucket timestamp with time zone, OUT option_id bigint, OUT text text, OUT votes bigint, OUT cumulative bigint,
    OUT share double precision)
RETURNS SETOF record LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 900 AS 'MODULE_PATHNAME', 'pollseed_trends_shown';
COMMENT ON FUNCTION pollseed.trends_shown(jsonb) IS 'A row for each bucket and option from a poll''s votes in a window of time';

CREATE FUNCTION pollseed.timeline_shown(trends jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pollseed_timeline_shown';
COMMENT ON FUNCTION pollseed.timeline_shown(jsonb) IS 'A line chart from a poll''s votes in a window of time';

-- votes: the readers.  The planner puts the body of each in place of the call: the functions that return a document must not be
-- declared STABLE for that, those that return rows must be.

CREATE FUNCTION pollseed_poll_stats(bypass boolean DEFAULT false)
RETURNS jsonb LANGUAGE sql
RETURN pollseed.poll_stats_shown(pollseed_cache_fetch('pollseed_poll', 'stats', pollseed.stats_query(), NULL, NULL,
                                                      '{options#votes,vote_events#*}', bypass));
COMMENT ON FUNCTION pollseed_poll_stats(boolean) IS
    'Options with votes and percentages that add up to 100, and the totals of votes and events; from the cache unless bypass';

CREATE FUNCTION pollseed_list_options(bypass boolean DEFAULT false)
RETURNS TABLE (id bigint, text text, votes bigint) LANGUAGE sql STABLE ROWS 15
BEGIN ATOMIC
    SELECT o.id, o.text, o.votes
      FROM pollseed.options_shown(pollseed_cache_fetch('pollseed_options', 'options', pollseed.options_query(), NULL, NULL,
                                                       '{options#votes}', bypass)) AS o;
END;
COMMENT ON FUNCTION pollseed_list_options(boolean) IS 'The options of a poll with their votes; from the cache unless bypass';

CREATE FUNCTION pollseed_chart_data(kind text DEFAULT 'pie', bypass boolean DEFAULT false)
RETURNS jsonb LANGUAGE sql
RETURN CASE WHEN kind OPERATOR(pg_catalog.=) 'timeline'
            THEN pollseed.timeline_shown(pollseed_cache_fetch('pollseed_charts', 'timeline', pollseed.trends_query(),
                                                              pollseed.trend_params(NULL, NULL), NULL, '{vote_events,options}', bypass))
            ELSE pollseed.chart_shown(pollseed_cache_fetch('pollseed_charts', 'options', pollseed.options_query(), NULL, NULL,
                                                           '{options#votes}', bypass), COALESCE(kind, 'pie')) END;
COMMENT ON FUNCTION pollseed_chart_data(text, boolean) IS
    'A poll as a chart library takes it: kind pie, bar or timeline; from the cache unless bypass';

CREATE FUNCTION pollseed_vote_trends(
    minutes_back integer DEFAULT 60,
    buckets integer DEFAULT 60,
    bypass boolean DEFAULT false)
RETURNS TABLE (bucket timestamp with time zone, option_id bigint, text text, votes bigint, cumulative bigint, share double precision)
LANGUAGE sql STABLE ROWS 900
BEGIN ATOMIC
    SELECT t.bucket, t.option_id, t.text, t.votes, t.cumulative, t.share
      FROM pollseed.trends_shown(pollseed_cache_fetch('pollseed_trends', 'trends', pollseed.trends_query(),
                                                      pollseed.trend_params(minutes_back, buckets), NULL, '{vote_events,options}',
                                                      bypass)) AS t;
END;
COMMENT ON FUNCTION pollseed_vote_trends(integer, integer, boolean) IS
    'Votes of each option in each of some equal times up to now, and what its count was at their ends; from the cache unless bypass';

CREATE FUNCTION pollseed_recent_activity(max_rows integer DEFAULT 10, bypass boolean DEFAULT false)
RETURNS TABLE (event_id bigint, option_id bigint, text text, votes_after bigint, event_type text, cast_at timestamp with time zone)
LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    SELECT a.event_id, a.option_id, a.text, a.votes_after, a.event_type, a.cast_at
      FROM pg_catalog.jsonb_to_recordset(
               pollseed_cache_fetch('pollseed_poll', 'activity', pollseed.activity_query(), pollseed.activity_params(max_rows), NULL,
                                    '{vote_events,options}', bypass))
           AS a(event_id bigint, option_id bigint, text text, votes_after bigint, event_type text, cast_at timestamp with time zone);
END;
COMMENT ON FUNCTION pollseed_recent_activity(integer, boolean) IS 'The newest vote events, newest first; from the cache unless bypass';

-- cache: data definition is noticed

CREATE EVENT TRIGGER pollseed_cache_after_ddl ON ddl_command_end EXECUTE FUNCTION pollseed.cache_after_ddl();
ALTER EVENT TRIGGER pollseed_cache_after_ddl ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER pollseed_cache_after_ddl IS 'Has entries of caches computed anew that a command may have changed';

CREATE EVENT TRIGGER pollseed_cache_after_drop ON sql_drop EXECUTE FUNCTION pollseed.cache_after_drop();
ALTER EVENT TRIGGER pollseed_cache_after_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER pollseed_cache_after_drop IS 'Has entries of caches computed anew after something was dropped';

CREATE EVENT TRIGGER pollseed_cache_before_ddl ON ddl_command_start WHEN TAG IN ('ALTER TABLE')
    EXECUTE FUNCTION pollseed.cache_before_ddl();
ALTER EVENT TRIGGER pollseed_cache_before_ddl ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER pollseed_cache_before_ddl IS 'Has entries of caches computed anew while a partition is being detached';
