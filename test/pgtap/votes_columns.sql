-- An application's own tables: other names, other types, columns that are missing or left out.  Every case is compared with the
-- votes that pollseed_generate_votes() gives for the same seed, and plain tables are seeded through both lanes.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(72);

\ir include/seeded.sql

-- Other names
CREATE TABLE choices (key bigserial PRIMARY KEY, name text, tally int NOT NULL DEFAULT 0, touched timestamp, updated_at text DEFAULT 'not a time');
CREATE TABLE ballots (seq bigserial, choice_id bigint NOT NULL REFERENCES choices, lang varchar(255) DEFAULT 'none', running int DEFAULT -1,
    kind text DEFAULT 'other', at timestamp, changed timestamp);
INSERT INTO choices (name) VALUES ('Python'), ('Go'), ('Rust');
CREATE FUNCTION names(more jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"id": "key", "text": "name", "votes": "tally", "options.updated_at": "touched", "option_id": "choice_id", "language": "lang",
        "votes_after": "running", "event_type": "kind", "inserted_at": "at", "events.updated_at": "changed"}' || more
$$;
SELECT seeds('all columns have other names', 'choices', 'ballots', names('{}'), 'choice_id, lang, running, kind, at, changed',
    $$option_no, label, votes_after, 'seed', cast_at AT TIME ZONE 'UTC', cast_at AT TIME ZONE 'UTC'$$);
SELECT seeds('columns that are left out get their defaults', 'choices', 'ballots',
    names('{"language": null, "votes_after": null, "event_type": null, "events.updated_at": null}'), 'choice_id, lang, running, kind, at, changed',
    $$option_no, 'none', -1, 'other', cast_at AT TIME ZONE 'UTC', NULL::timestamp$$);
SELECT lives_ok(format('SELECT pollseed_seed(300, seed => 42, ends_at => ''2025-06-15 12:00:00.75+00'', options => ''choices'', events => ''ballots'', columns => %L)',
    names('{}')), 'own names, once for good');
SELECT results_eq('SELECT name, tally::bigint FROM choices ORDER BY key', 'SELECT label, count(*) FROM expected GROUP BY 1, option_no ORDER BY option_no',
    'the count of other name');
SELECT is_empty($$SELECT * FROM choices WHERE touched <> '2025-06-15 12:00:00.75' OR updated_at <> 'not a time'$$, 'the time of other name, and only that');
SELECT row_eq(format('SELECT * FROM pollseed_clear_seed_data(''choices'', ''ballots'', %L)', names('{}')), ROW(300::bigint, 3), 'clearing by other names');
SELECT is(sum(tally), 0::bigint, 'which recounts') FROM choices;
UPDATE choices SET tally = 5, touched = '2000-01-01';
SELECT is((SELECT options_updated FROM pollseed_seed(30, options => 'choices', events => 'ballots', columns => names('{"options.updated_at": null}'))), 3,
    'the options'' time left out');
SELECT is_empty($$SELECT * FROM choices WHERE touched <> '2000-01-01'$$, 'stays as it is');
SELECT is((SELECT options_updated FROM pollseed_seed(30, options => 'choices', events => 'ballots', columns => names('{"votes": null}'))), 0,
    'the options'' count left out: no option is updated');
SELECT is(pollseed_recount_votes('choices', 'ballots', names('{}')), 3, 'recounting by other names');
SELECT is(sum(tally), 60::bigint, 'counts them all') FROM choices;

-- A plain key means both tables, a qualified one goes before it
CREATE TABLE choices2 (id int PRIMARY KEY, text text, votes int DEFAULT 0, changed timestamp, updated_at timestamp);
CREATE TABLE ballots2 (seq serial, option_id int, inserted_at timestamp, changed timestamp, updated_at timestamp);
INSERT INTO choices2 VALUES (1, 'Python'), (2, 'Go'), (3, 'Rust');
SELECT seeds('updated_at of both', 'choices2', 'ballots2', NULL, 'changed, updated_at', $$NULL::timestamp, cast_at AT TIME ZONE 'UTC'$$);
SELECT seeds('updated_at of both by another name', 'choices2', 'ballots2', '{"updated_at": "changed"}', 'changed, updated_at',
    $$cast_at AT TIME ZONE 'UTC', NULL::timestamp$$);
SELECT seeds('updated_at of both left out', 'choices2', 'ballots2', '{"updated_at": null}', 'changed, updated_at', 'NULL::timestamp, NULL::timestamp');
SELECT seeds('the qualified key of the events goes first', 'choices2', 'ballots2', '{"updated_at": null, "events.updated_at": "changed"}', 'changed, updated_at',
    $$cast_at AT TIME ZONE 'UTC', NULL::timestamp$$);
SELECT lives_ok($$SELECT pollseed_seed(3, 'even', ends_at => '2025-06-15Z', options => 'choices2', events => 'ballots2',
    columns => '{"updated_at": "changed", "options.updated_at": "updated_at"}')$$, 'the qualified key of the options goes first');
SELECT is_empty($$SELECT * FROM choices2 WHERE changed IS NOT NULL OR updated_at IS DISTINCT FROM '2025-06-15'$$, 'and only for them');

-- The fewest columns
CREATE TABLE few_options (id int, text text);
CREATE TABLE few_events (seq serial, option_id int, inserted_at timestamp);
INSERT INTO few_options VALUES (1, 'Python'), (2, 'Go'), (3, 'Rust');
SELECT seeds('columns that the tables lack are left out', 'few_options', 'few_events', NULL, 'option_id, inserted_at', $$option_no, cast_at AT TIME ZONE 'UTC'$$);
SELECT throws_ok($$SELECT pollseed_seed(1, options => 'few_options', events => 'few_events', columns => '{"language": "language"}')$$, '42703', NULL,
    'but not when they are asked for');

-- Options without a count: numbering goes on from the number of events
CREATE TABLE counted_events (seq serial, option_id int, votes_after int, event_type text, inserted_at timestamp DEFAULT now());
INSERT INTO counted_events (option_id, votes_after, event_type) SELECT 1, 1000, 'vote' FROM generate_series(1, 7);
INSERT INTO counted_events (option_id, event_type) VALUES (2, 'vote'), (2, 'seed'), (2, 'reset'), (2, NULL);
SELECT results_eq($$SELECT * FROM seeded('spi', 'few_options', 'counted_events', NULL, 'option_id, votes_after') AS s OFFSET 11$$,
    'SELECT ROW(option_no, votes_after + CASE option_no WHEN 1 THEN 7 WHEN 2 THEN 2 ELSE 0 END)::text FROM expected ORDER BY vote_no',
    'without a count, numbering goes on from the number of votes and seeded votes (spi)');
SELECT results_eq($$SELECT * FROM seeded('direct', 'few_options', 'counted_events', NULL, 'option_id, votes_after') AS s OFFSET 11$$,
    'SELECT ROW(option_no, votes_after + CASE option_no WHEN 1 THEN 7 WHEN 2 THEN 2 ELSE 0 END)::text FROM expected ORDER BY vote_no',
    'without a count, numbering goes on from the number of votes and seeded votes (direct)');
SELECT results_eq($$SELECT * FROM seeded('direct', 'few_options', 'counted_events', '{"event_type": null}', 'option_id, votes_after') AS s OFFSET 11$$,
    'SELECT ROW(option_no, votes_after + CASE option_no WHEN 1 THEN 7 WHEN 2 THEN 4 ELSE 0 END)::text FROM expected ORDER BY vote_no',
    'and of all events where they have no type');

-- A count of NULL is none
CREATE TABLE null_options (id int, text text, votes int);
INSERT INTO null_options VALUES (1, 'Python', NULL), (2, 'Go', 10), (3, 'Rust', NULL);
DELETE FROM counted_events;
SELECT seeds('votes of null count as none', 'null_options', 'counted_events', NULL, 'votes_after',
    'votes_after + CASE option_no WHEN 2 THEN 10 ELSE 0 END');
SELECT lives_ok($$SELECT pollseed_seed(300, seed => 42, options => 'null_options', events => 'counted_events')$$, 'once for good');
SELECT results_eq('SELECT votes::bigint FROM null_options ORDER BY id',
    'SELECT count(*) + CASE option_no WHEN 2 THEN 10 ELSE 0 END FROM expected GROUP BY option_no ORDER BY option_no', 'and become a number');

-- Ids of other types
CREATE FUNCTION number_of(id text) RETURNS text LANGUAGE sql AS $$ SELECT right(id, 1) $$;
CREATE DOMAIN positive AS bigint CHECK (VALUE > 0);
CREATE FUNCTION try_id_type(type text, prefix text, event_type text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE id_options (id %s PRIMARY KEY, text text, votes int DEFAULT 0)', type);
    EXECUTE format('CREATE TABLE id_events (seq serial, id uuid DEFAULT gen_random_uuid() PRIMARY KEY, option_id %s REFERENCES id_options,
        votes_after int, inserted_at timestamp)', event_type);
    EXECUTE format('INSERT INTO id_options VALUES (%L, %L), (%L, %L), (%L, %L)', prefix || 3, 'Rust', prefix || 1, 'Python', prefix || 2, 'Go');
    RETURN QUERY SELECT seeds(format('ids of type %s, events'' of type %s', type, event_type), 'id_options', 'id_events', NULL, 'number_of(option_id::text), votes_after',
        'option_no::text, votes_after');
    PERFORM pollseed_seed(300, seed => 42, options => 'id_options', events => 'id_events');
    RETURN NEXT set_eq('SELECT number_of(id::text)::int, votes::bigint FROM id_options', 'SELECT option_no, count(*) FROM expected GROUP BY 1',
        'and are found again by the count');
    UPDATE id_options SET votes = 0;
    RETURN NEXT is(pollseed_recount_votes('id_options', 'id_events'), 3, 'and the recount');
    DROP TABLE id_events, id_options;
END $$;
SELECT try_id_type('int', '', 'int');
SELECT try_id_type('int', '', 'bigint');
SELECT try_id_type('bigint', '', 'int');
SELECT try_id_type('smallint', '', 'smallint');
SELECT try_id_type('numeric', '1.', 'numeric');
SELECT try_id_type('uuid', '00000000-0000-0000-0000-00000000000', 'uuid');
SELECT try_id_type('text', 'slug ', 'text');
SELECT try_id_type('varchar(10)', 'slug ''', 'text');
SELECT try_id_type('positive', '', 'positive');

-- Ids of options that do not fit the events' column can have no events, least of all those of another option
CREATE TABLE long_ids (id text PRIMARY KEY, text text, votes int DEFAULT 0);
CREATE TABLE short_ids (option_id varchar(3), event_type text, inserted_at timestamp DEFAULT now());
INSERT INTO long_ids VALUES ('abc', 'Go'), ('abcdef', 'Rust');
INSERT INTO short_ids VALUES ('abc', 'vote');
SELECT lives_ok($$SELECT pollseed_recount_votes('long_ids', 'short_ids')$$, 'ids are compared whole');
SELECT results_eq('SELECT id, votes FROM long_ids ORDER BY id', $$VALUES ('abc', 1), ('abcdef', 0)$$, 'not cut to the length of the events'' column');

SELECT * FROM finish();
ROLLBACK;
