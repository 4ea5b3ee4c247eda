-- The extension, the poll's tables with :votes votes, and what a hit is measured beside: the same result in a table of results, and a
-- row found by its primary key.  Variables: votes.
SET client_min_messages = warning;
CREATE EXTENSION pollseed;
CREATE EXTENSION pg_prewarm;
SELECT pollseed_create_poll_tables() \g /dev/null
SELECT pollseed_seed(:votes, seed => 42, ends_at => '2026-01-01 00:00+00') \g /dev/null
CREATE INDEX ON vote_events (option_id);

-- Nothing makes this result old.
CREATE TABLE shares (id integer PRIMARY KEY, share integer NOT NULL);
INSERT INTO shares SELECT n, 7 * n FROM generate_series(1, 15) AS n;
SELECT pollseed_cache_track('shares') \g /dev/null
SELECT pollseed_cache_create('bench', ttl => '1 day') \g /dev/null
CREATE UNLOGGED TABLE results (key text PRIMARY KEY, value jsonb NOT NULL, expires_at timestamptz NOT NULL);
INSERT INTO results SELECT 'shares', jsonb_object_agg(id, share), now() + interval '1 day' FROM shares;
CREATE TABLE pages (id integer PRIMARY KEY, page jsonb NOT NULL);
INSERT INTO pages SELECT n, r.value FROM results AS r, generate_series(1, 1000) AS n;

-- The statistics of the poll, made old by each vote: what a cache does that knows no more than tables.
SELECT pollseed_cache_create('plain', ttl => '5 seconds') \g /dev/null
CREATE FUNCTION plain_stats() RETURNS jsonb LANGUAGE sql
RETURN pollseed.poll_stats_shown(pollseed_cache_fetch('plain', 'stats', pollseed.stats_query(), depends_on => '{options,vote_events}'));

-- The same without the events: what is left to compute when nothing is counted.
CREATE FUNCTION count_stats() RETURNS jsonb LANGUAGE sql STABLE
RETURN (SELECT jsonb_build_object('total_votes', sum(o.votes), 'options',
          jsonb_agg(jsonb_build_object('id', o.id, 'text', o.text, 'votes', o.votes,
                                       'percentage', round(100.0 * o.votes / nullif(t.votes, 0), 2)) ORDER BY o.id))
          FROM options AS o, (SELECT sum(votes) AS votes FROM options) AS t);

-- Tables that rows are inserted into, one by one.
CREATE TABLE untracked (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, option_id integer NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE tracked (LIKE untracked INCLUDING ALL);
CREATE TABLE tallied (LIKE untracked INCLUDING ALL);
SELECT pollseed_cache_track('tracked') \g /dev/null
SELECT pollseed_cache_track('tallied', key => 'option_id', tally => '*') \g /dev/null
CREATE FUNCTION tallies() RETURNS jsonb LANGUAGE sql
RETURN pollseed_cache_fetch('bench', 'tallies',
         $$SELECT jsonb_build_object('tallied#*', coalesce(jsonb_object_agg(option_id, n), '{}'))
             FROM (SELECT option_id, count(*) AS n FROM tallied GROUP BY option_id) AS t$$, depends_on => '{tallied#*}');
