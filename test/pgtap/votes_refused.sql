-- Bad input: each kind with its SQLSTATE, refused before the first row is written.  That no row was tried shows in the sequence
-- of the events' ids, which a row that was written and rolled back would have moved on.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan((SELECT 136 + CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 8 ELSE 0 END));

-- No tables yet
SELECT throws_ok(format('SELECT * FROM %s', c), '42P01', 'relation "options" does not exist', c || ' without tables')
  FROM unnest('{pollseed_seed(),pollseed_vote_shares(10),pollseed_clear_seed_data(),pollseed_recount_votes()}'::text[]) AS c;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');
ALTER TABLE vote_events RENAME TO gone;
SELECT throws_ok(format('SELECT * FROM %s', c), '42P01', 'relation "vote_events" does not exist', c || ' without events')
  FROM unnest('{pollseed_seed(),pollseed_clear_seed_data(),pollseed_recount_votes()}'::text[]) AS c;
ALTER TABLE gone RENAME TO vote_events;
CREATE TEMP TABLE before AS SELECT (SELECT is_called FROM vote_events_id_seq) AS id_called, (SELECT count(*) FROM pollseed_runs) AS runs;

-- Arguments of both pollseed_seed() and pollseed_generate_votes()
CREATE FUNCTION refused(sqlstate text, arguments text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT throws_ok(format('SELECT * FROM %s(%s)', f, arguments), sqlstate, NULL, format('%s(%s): %s', f, arguments, sqlstate))
      FROM unnest('{pollseed_seed,pollseed_generate_votes}'::text[]) AS f
$$;
SELECT refused(e, a) FROM (VALUES
    ('22023', $$-1$$),
    ('22023', $$-9223372036854775808$$),
    ('22023', $$10000000001$$),
    ('22023', $$9223372036854775807$$),
    ('22023', $$10, 'normal'$$),
    ('22023', $$10, ''$$),
    ('22023', $$10, 'Realistic'$$),
    ('22023', $$10, arrival => 'poisson'$$),
    ('22023', $$10, arrival => 'UNIFORM'$$),
    ('22023', $$10, time_range => '0'$$),
    ('22023', $$0, time_range => '0'$$),
    ('22023', $$10, time_range => '-1 microsecond'$$),
    ('22023', $$10, time_range => '-1 month'$$),
    ('22023', $$10, time_range => '1 day -24 hours'$$),
    ('22023', $$10, time_range => '1003 years'$$),
    ('22023', $$10, time_range => '5000 years'$$),
    -- Before the first time that the server can hold, it is the server that says so.
    ('22008', $$10, time_range => '10000 years'$$),
    ('22023', $$10, ends_at => 'infinity'$$),
    ('22023', $$10, ends_at => '-infinity'$$),
    ('22023', $$10, weights => '{"Python": -1}'$$),
    ('22023', $$10, weights => '{"Python": 1, "Go": -0.001}'$$),
    ('22023', $$10, weights => '{"Python": "1"}'$$),
    ('22023', $$10, weights => '{"Python": null}'$$),
    ('22023', $$10, weights => '{"Python": [1]}'$$),
    ('22023', $$10, weights => '{"Python": {"Go": 1}}'$$),
    ('22023', $$10, weights => '{"Python": true}'$$),
    ('22023', $$10, weights => '{"Python": 0, "Go": 0.0}'$$),
    ('22023', $$10, weights => '{}'$$),
    ('22023', $$10, weights => '{"Python": 1, "Cobol": 1}'$$),
    ('22023', $$10, weights => '{"Python": 1, "Cobol": 0}'$$),
    ('22023', $$10, weights => '{"python": 1}'$$),
    ('22023', $$10, weights => '{"": 1}'$$),
    ('22023', $$10, weights => '["Python"]'$$),
    ('22023', $$10, weights => '[]'$$),
    ('22023', $$10, weights => '3'$$),
    ('22023', $$10, weights => 'null'$$),
    ('22023', $$0, weights => '{"Cobol": 1}'$$),
    ('22023', $$10, 'random', weights => '{"Go": -1}'$$)) AS t(e, a);
SELECT refused('22023', a) FROM unnest(ARRAY[$$10, time_range => 'infinity'$$, $$10, time_range => '-infinity'$$, $$10, 'random', 'infinity', 'diurnal'$$,
    $$0, time_range => 'infinity'$$]) AS a WHERE current_setting('server_version_num')::int >= 170000;

-- Arguments of one of them
SELECT throws_ok(format('SELECT * FROM %s', c), e, NULL, format('%s: %s', c, e)) FROM (VALUES
    ('22023', $$pollseed_seed(10, batch_size => 0)$$),
    ('22023', $$pollseed_seed(10, batch_size => -1)$$),
    ('22023', $$pollseed_seed(10, batch_size => 100001)$$),
    ('22023', $$pollseed_seed(0, batch_size => 0)$$),
    ('22004', $$pollseed_generate_votes(NULL)$$),
    ('22023', $$pollseed_generate_votes(10, first_vote => 0)$$),
    ('22023', $$pollseed_generate_votes(10, first_vote => -5)$$),
    ('22023', $$pollseed_generate_votes(10, last_vote => 11)$$),
    ('22023', $$pollseed_generate_votes(0, last_vote => 1)$$),
    ('22023', $$pollseed_generate_votes(10, labels => '{}')$$),
    ('22004', $$pollseed_generate_votes(10, labels => '{a,NULL}')$$),
    ('54000', $$pollseed_generate_votes(10, labels => array_fill('a'::text, '{1000001}'))$$),
    ('22004', $$pollseed_vote_shares(NULL)$$),
    ('22023', $$pollseed_vote_shares(-1)$$),
    ('22023', $$pollseed_vote_shares(10000000001)$$),
    ('22023', $$pollseed_vote_shares(1, 'normal')$$),
    ('22023', $$pollseed_vote_shares(1, weights => '{"Cobol": 1}')$$),
    ('22023', $$pollseed_vote_shares(1, columns => '{"name": "text"}')$$)) AS t(e, c);

-- "columns"
SELECT throws_ok(format('SELECT * FROM pollseed_seed(10, columns => %L)', c), e, NULL, format('columns %s: %s', c, e)) FROM (VALUES
    ('22023', '[]'), ('22023', '"id"'), ('22023', 'null'),
    ('22023', '{"choice": "option_id"}'), ('22023', '{"options.language": "text"}'), ('22023', '{"ID": "id"}'), ('22023', '{"": "id"}'),
    ('22023', '{"language": 1}'), ('22023', '{"language": ["a"]}'), ('22023', '{"language": {}}'), ('22023', '{"language": true}'),
    ('22023', '{"id": null}'), ('22023', '{"text": null}'), ('22023', '{"option_id": null}'), ('22023', '{"inserted_at": null}'),
    ('22023', '{"events.inserted_at": null}'),
    ('42703', '{"option_id": "choice_id"}'), ('42703', '{"language": "Language"}'), ('42703', '{"language": ""}'), ('42703', '{"options.updated_at": "option_id"}'),
    ('42P10', '{"id": "ctid"}'), ('42P10', '{"language": "tableoid"}'),
    ('42701', '{"language": "event_type"}'),
    ('42804', '{"votes": "text"}'), ('42804', '{"votes_after": "language"}'), ('42804', '{"inserted_at": "language"}'),
    ('42804', '{"options.updated_at": "votes"}'), ('42804', '{"event_type": "id", "votes_after": "inserted_at"}'),
    ('42804', '{"option_id": "inserted_at", "inserted_at": "updated_at", "events.updated_at": null}')) AS t(e, c);

-- The widest that is allowed
SELECT is(count(*), 10::bigint, 'a thousand years, ' || a) FROM unnest('{uniform,diurnal}'::text[]) AS a, pollseed_generate_votes(10, time_range => '1000 years', arrival => a)
 GROUP BY a;

-- No row of these was tried
SELECT row_eq('SELECT (SELECT is_called FROM vote_events_id_seq), (SELECT count(*) FROM pollseed_runs)', before,
    'no event was begun and no run recorded') FROM before;
SELECT is_empty('SELECT * FROM vote_events', 'no events');
SELECT is_empty('SELECT * FROM options WHERE votes <> 0', 'no votes');

SELECT * FROM finish();
ROLLBACK;
