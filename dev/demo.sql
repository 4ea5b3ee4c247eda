-- What "make demo" runs and shows.
\set QUIET on
\pset footer off
\pset border 1
\pset format aligned
SET client_min_messages = warning;

\echo
\echo '=> CREATE EXTENSION pollseed;'
CREATE EXTENSION pollseed;

\echo '=> SELECT * FROM pollseed_create_poll_tables();'
SELECT * FROM pollseed_create_poll_tables() \g /dev/null

\echo '=> SELECT * FROM pollseed_seed(10000, ''realistic'', arrival => ''diurnal'');'
\echo
\x on
SELECT * FROM pollseed_seed(10000, 'realistic', arrival => 'diurnal');
\x off

\echo
\echo '== Votes per option'
SELECT o.text AS option,
       o.votes,
       repeat('█', (50 * o.votes / greatest(max(o.votes) OVER (), 1))::int) AS " "
  FROM options o
 ORDER BY o.votes DESC, o.text;

\echo '== Votes per hour (UTC)'
SELECT to_char(date_trunc('hour', e.inserted_at), 'Dy HH24:00') AS hour,
       count(*) AS votes,
       repeat('█', (50 * count(*) / greatest(max(count(*)) OVER (), 1))::int) AS " "
  FROM vote_events e
 GROUP BY date_trunc('hour', e.inserted_at)
 ORDER BY date_trunc('hour', e.inserted_at);

\echo '== A vote, and the poll from memory'
\echo
SELECT pollseed_poll_stats() \g /dev/null
\echo '=> SELECT * FROM pollseed_cast_vote(1);'
SELECT * FROM pollseed_cast_vote(1);

\echo '=> SELECT pollseed_poll_stats();'
SELECT o ->> 'text' AS option, o ->> 'votes' AS votes, o ->> 'percentage' AS percentage
  FROM jsonb_array_elements(pollseed_poll_stats() -> 'options') AS o
 LIMIT 3;

\echo '=> SELECT outcome, age FROM pollseed_cache_last();'
SELECT outcome, age FROM pollseed_cache_last();
