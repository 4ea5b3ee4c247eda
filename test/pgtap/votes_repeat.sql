-- The same seed and arguments give the same rows: at every batch size, through both lanes, and with the seed that was returned.
-- A generator that draws its numbers batch by batch, or one stream for all, fails here.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(45);
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');

-- Seeds into emptied tables, and returns what is in them, ids and all.
CREATE FUNCTION rows_of(lane text, batch_size int, vote_count bigint, distribution text, arrival text, seed bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    figures record;
BEGIN
    TRUNCATE vote_events RESTART IDENTITY;
    UPDATE options SET votes = 5 * id, updated_at = '2000-01-01';
    PERFORM set_config('pollseed.write_lane', lane, true);
    SELECT * INTO figures FROM pollseed_seed(vote_count, distribution, '36 hours', arrival, seed, '2025-03-09 18:30:00.25-04', batch_size);
    ASSERT figures.lane = rows_of.lane AND figures.batches = ceil(vote_count / batch_size::numeric);
    RETURN md5((SELECT string_agg(e::text, E'\n' ORDER BY e.id) FROM vote_events AS e)
            || (SELECT string_agg(ROW(o.id, o.text, o.votes, o.updated_at)::text, E'\n' ORDER BY o.id) FROM options AS o));
END $$;

-- Batch sizes
CREATE TEMP TABLE reference AS
    SELECT d.distribution, a.arrival, rows_of('spi', 1000, 2003, d.distribution, a.arrival, 99) AS rows
      FROM unnest('{realistic,random}'::text[]) AS d(distribution), unnest('{uniform,diurnal,bursty}'::text[]) AS a(arrival);
SELECT is(rows_of(l, b, 2003, r.distribution, r.arrival, 99), r.rows, format('%s, %s: %s, batches of %s', r.distribution, r.arrival, l, b))
  FROM reference AS r, unnest('{spi,direct}'::text[]) AS l, unnest('{7,1000,100000}'::int[]) AS b;
SELECT is(rows_of(l, 1, 2003, r.distribution, r.arrival, 99), r.rows, format('%s, %s: %s, batches of one', r.distribution, r.arrival, l))
  FROM reference AS r, unnest('{spi,direct}'::text[]) AS l WHERE r.distribution = 'random' AND r.arrival = 'bursty';
SELECT is(count(DISTINCT rows), 6::bigint, 'each of these has rows of its own') FROM reference;
SELECT isnt(rows_of('direct', 1000, 2003, 'realistic', 'uniform', 100), rows, 'and so has another seed')
  FROM reference WHERE distribution = 'realistic' AND arrival = 'uniform';

-- The seed that a call returns, with its end, repeats it
RESET pollseed.write_lane;
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0;
CREATE TEMP TABLE first_run AS SELECT * FROM pollseed_seed(1500, 'random', '2 hours', 'bursty');
CREATE TEMP TABLE first_rows AS SELECT * FROM vote_events;
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0;
SELECT lives_ok('SELECT pollseed_seed(1500, ''random'', ''2 hours'', ''bursty'', r.seed, r.ends_at) FROM first_run AS r', 'a run again');
SELECT set_eq('SELECT * FROM vote_events', 'SELECT * FROM first_rows', 'with its seed and end: the same rows');

-- And so does the ledger alone
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0;
SELECT lives_ok($$SELECT pollseed_seed((r.arguments->>'vote_count')::bigint, r.arguments->>'distribution',
        (r.arguments->>'time_range')::interval, r.arguments->>'arrival', r.seed, (r.arguments->>'ends_at')::timestamptz,
        (r.arguments->>'batch_size')::int, NULLIF(r.arguments->'weights', 'null'), (r.arguments->>'options')::regclass,
        (r.arguments->>'events')::regclass, NULLIF(r.arguments->'columns', 'null'))
    FROM pollseed_runs AS r JOIN first_run USING (run_id)$$, 'a run again from the ledger');
SELECT set_eq('SELECT * FROM vote_events', 'SELECT * FROM first_rows', 'the same rows once more');

SELECT * FROM finish();
ROLLBACK;
