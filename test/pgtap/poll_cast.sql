-- Votes cast one by one and reset: what is written, in tables of any names and types, by roles of few privileges; and statements
-- that are kept for the session mean what they would if they were prepared now.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT no_plan();
CREATE FUNCTION hint_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{Python,Go,Rust}')$$, 'poll tables');

-- What is written
SELECT row_eq('SELECT * FROM pollseed_cast_vote(2)', ROW(1::bigint, 1::bigint), 'the first vote of an option');
SELECT row_eq('SELECT * FROM pollseed_cast_vote(2, NULL)', ROW(2::bigint, 2::bigint), 'the second, of the default type');
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(3, 'super')$$, ROW(1::bigint, 3::bigint), 'one of another type');
SELECT results_eq('SELECT option_id, language, votes_after, event_type, inserted_at, updated_at FROM vote_events ORDER BY id',
    $$SELECT v.*, timezone('UTC', now()), timezone('UTC', now())
        FROM (VALUES (2::bigint, 'Go'::varchar, 1, 'vote'::varchar), (2, 'Go', 2, 'vote'), (3, 'Rust', 1, 'super')) AS v$$,
    'an event has the option''s text, its new count, the type and the time in UTC');
SELECT results_eq('SELECT id, votes FROM options ORDER BY id', 'VALUES (1::bigint, 0), (2, 2), (3, 1)', 'the counts');
UPDATE options SET updated_at = CASE id WHEN 1 THEN timestamp '2020-01-01' ELSE timestamp '2999-01-01' END;
SELECT votes FROM pollseed_cast_vote(1) \g /dev/null
SELECT votes FROM pollseed_cast_vote(2) \g /dev/null
SELECT results_eq('SELECT id, updated_at FROM options ORDER BY id',
    $$VALUES (1::bigint, timezone('UTC', now())::timestamp(0)), (2, '2999-01-01'), (3, '2999-01-01')$$, 'updated_at moves up and never back');
SELECT is(pollseed_recount_votes(), 1, 'a vote of another type is in the count until it is made anew');

-- What is refused
SELECT throws_ok('SELECT pollseed_cast_vote(99)', 'P0002', 'relation "options" has no option 99', 'an option that is not there');
SELECT matches(hint_of('SELECT pollseed_cast_vote(99)'), 'pollseed_list_options\(\)', 'the hint says how to find those that are');
SELECT throws_ok('SELECT pollseed_cast_vote(NULL)', '22004', 'option_id must not be null', 'no option');
UPDATE options SET votes = 2147483647 WHERE id = 1;
SELECT throws_ok('SELECT pollseed_cast_vote(1)', '22003', 'integer out of range', 'a count that is full');
UPDATE options SET votes = 1 WHERE id = 1;
SELECT throws_ok($$SELECT pollseed_cast_vote(1, columns => '{"colour": "red"}')$$, '22023', 'columns name the unknown role "colour"', 'an unknown role');
SELECT throws_ok($$SELECT pollseed_cast_vote(1, columns => '{"votes": "tally"}')$$, '42703', 'column "tally" of relation "options" does not exist',
    'a column that is not there');
SELECT throws_ok($$SELECT pollseed_cast_vote(1, repeat('x', 300))$$, '22001', NULL, 'a type that is too long');
SELECT throws_ok($$SELECT pollseed_cast_vote(1, 'super', columns => '{"event_type": null}')$$, '42703', 'relation "vote_events" has no column for event types',
    'a type that cannot be written');
SELECT lives_ok($$SELECT pollseed_cast_vote(1, columns => '{"event_type": null, "language": null}')$$, 'columns may be left out');
SELECT results_eq('SELECT language, votes_after, event_type FROM vote_events ORDER BY id DESC LIMIT 1', 'VALUES (NULL::varchar, 2, NULL::varchar)',
    'and get their defaults');
SELECT throws_ok('SELECT pollseed_cast_vote(1, options => 1)', '42P01', NULL, 'a table that is not there');
SELECT throws_ok($$SELECT pollseed_cast_vote(1, options => 'options_pkey')$$, '42809', NULL, 'an index');
SELECT is(count(*), 6::bigint, 'nothing was written meanwhile') FROM vote_events;

-- Tables of other types
CREATE TYPE kind AS ENUM ('vote', 'seed', 'jury');
CREATE DOMAIN number AS bigint CHECK (VALUE > 0);
CREATE FUNCTION votes_in(id_type text, event_columns text, columns jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    cast_vote record;
    event text;
BEGIN
    EXECUTE format('CREATE TABLE choices (id %s PRIMARY KEY, text text, votes bigint)', id_type);
    EXECUTE format('CREATE TABLE ballots (%s)', event_columns);
    INSERT INTO choices VALUES ('1', 'Tea'), ('2', NULL);
    FOR i IN 1..2 LOOP
        cast_vote := pollseed_cast_vote(2, options => 'choices', events => 'ballots', columns => votes_in.columns);
    END LOOP;
    EXECUTE 'SELECT b::text FROM ballots AS b OFFSET 1' INTO event;
    DROP TABLE ballots, choices;
    RETURN format('%s %s', cast_vote, event);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT is(votes_in('smallint', 'option_id smallint, votes_after smallint, inserted_at date'),
    format('(2,) (2,2,%s)', (now() AT TIME ZONE 'UTC')::date), 'small integers, a date, events without an id');
SELECT is(votes_in('int', 'option_id int, event_type kind, inserted_at timestamptz, id smallserial'), format('(2,2) (2,vote,"%s",2)', now()), 'an enum, time with zone');
SELECT is(votes_in('numeric', 'option_id numeric, votes_after numeric(5, 1), inserted_at timestamp(0), id uuid DEFAULT gen_random_uuid()')
    ~ format('^\(2,\) \(2,2.0,"%s",[-0-9a-f]+\)$', timezone('UTC', now())::timestamp(0)), true, 'numeric ids, and an event''s that is no number');
SELECT is(votes_in('text', 'option_id varchar(9), language text, event_type char(6), inserted_at timestamp(0)'),
    format('(2,) (2,,"vote  ","%s")', timezone('UTC', now())::timestamp(0)), 'an id that is a text');
SELECT is(votes_in('number', 'option_id number, inserted_at timestamp(0), id number DEFAULT 7', '{"votes": null, "event_type": null}'),
    format('(2,7) (2,"%s",7)', timezone('UTC', now())::timestamp(0)), 'domains, and a count by the events');
SELECT is(votes_in('interval', 'option_id interval, inserted_at timestamp'), 'column "id" is of type interval but must be a number', 'no numbers');

-- Options without a count
CREATE TABLE labels (id int, text text);
CREATE TABLE marks (id bigserial, option_id int, votes_after int, event_type text, inserted_at timestamp);
INSERT INTO labels VALUES (1, 'Tea'), (2, 'Coffee');
INSERT INTO marks (option_id, event_type) VALUES (1, 'vote'), (1, 'seed'), (1, 'reset'), (2, 'vote');
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(1, options => 'labels', events => 'marks')$$, ROW(3::bigint, 5::bigint), 'votes are numbered by the events');
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(1, options => 'labels', events => 'marks', columns => '{"event_type": null}')$$, ROW(5::bigint, 6::bigint),
    'by all of them where they have no type');
INSERT INTO labels VALUES (1, 'Tee');
SELECT throws_ok($$SELECT pollseed_cast_vote(1, options => 'labels', events => 'marks')$$, '23505', 'relation "labels" has 2 options 1', 'an id that two have');
SELECT is(count(*), 6::bigint, 'gets no event') FROM marks;

-- What is kept of statements
CREATE SCHEMA app;
SET LOCAL search_path = app, public;
CREATE TABLE options (id int PRIMARY KEY, text text, votes int DEFAULT 0, spare int DEFAULT 0);
CREATE TABLE vote_events (id serial, option_id int, inserted_at timestamp);
INSERT INTO options VALUES (1, 'Tea'), (2, 'Coffee');
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(1::bigint, 1::bigint), 'tables that come first on the search path take the place');
ALTER TABLE options RENAME votes TO kept;
ALTER TABLE options RENAME spare TO votes;
ALTER TABLE options RENAME kept TO spare;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(1::bigint, 2::bigint), 'columns that changed their names');
SELECT row_eq('SELECT votes, spare FROM options WHERE id = 1', ROW(1, 1), 'are what they are called');
ALTER TABLE vote_events ADD votes_after int, ADD language text;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(2::bigint, 3::bigint), 'columns that came later');
SELECT results_eq('SELECT votes_after, language FROM vote_events ORDER BY id', $$VALUES (NULL, NULL), (NULL, NULL), (2, 'Tea')$$, 'are written');
ALTER TABLE vote_events DROP votes_after;
ALTER TABLE options ALTER votes TYPE bigint USING 3000000000, ALTER text TYPE varchar(9);
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000001, 4::bigint), 'a column that went, another that got another type');
ALTER TABLE vote_events RENAME id TO number;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000002, NULL::bigint), 'an id that is called otherwise');
ALTER TABLE vote_events RENAME number TO id;
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(1, columns => '{"votes": "spare"}')$$, ROW(2::bigint, 6::bigint), 'the same tables, another mapping');
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(1, columns => '{"votes": "spare"}')$$, ROW(3::bigint, 7::bigint), 'again');
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000003, 8::bigint), 'and the first as it was');
ALTER SCHEMA app RENAME TO moved;
SET LOCAL search_path = moved, public;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000004, 9::bigint), 'a schema of another name');
ALTER TABLE options RENAME TO old_options;
CREATE VIEW options AS SELECT id, text, votes FROM old_options;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000005, 10::bigint), 'a view in the place of the table');
CREATE OR REPLACE VIEW options AS SELECT id, text, spare::bigint AS votes FROM old_options;
SELECT throws_ok('SELECT pollseed_cast_vote(1)', '0A000', NULL, 'which cannot be updated since it was replaced');
DROP VIEW options;
ALTER TABLE old_options RENAME TO options;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3000000006, 11::bigint), 'the table again');
SET LOCAL search_path = public;
SELECT row_eq('SELECT * FROM pollseed_cast_vote(3)', ROW(1::bigint, 8::bigint), 'and those of the other schema are as they were');

-- More polls than are kept
DO $$
BEGIN
    FOR round IN 1..2 LOOP
        FOR i IN 1..20 LOOP
            IF round = 1 THEN
                EXECUTE format('CREATE TABLE options_%s (id int, text text, votes int); INSERT INTO options_%s VALUES (1, %s, 0);
                    CREATE TABLE events_%s (id serial, option_id int, votes_after int, language text, inserted_at date)', i, i, i, i);
            END IF;
            PERFORM pollseed_cast_vote(1, options => format('options_%s', i)::regclass, events => format('events_%s', i)::regclass);
            PERFORM pollseed_cast_vote(1, options => format('options_%s', i)::regclass, events => format('events_%s', i)::regclass);
        END LOOP;
    END LOOP;
END $$;
SELECT is((SELECT string_agg(query_to_xml(format('SELECT votes, votes_after, language FROM options_%s, events_%s WHERE votes_after = 4', i, i), true, true, '')::text, '')
             FROM generate_series(1, 20) AS i),
    (SELECT string_agg(query_to_xml(format('SELECT 4 AS votes, 4 AS votes_after, %L AS language', i), true, true, '')::text, '') FROM generate_series(1, 20) AS i),
    'twenty polls in turn, each with its votes');

-- Triggers
CREATE FUNCTION vote_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.option_id < 3 THEN
        -- has the statements that are running think that they are not valid any more
        ANALYZE vote_events;
        PERFORM pollseed_cast_vote(NEW.option_id + 1);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER again AFTER INSERT ON vote_events FOR EACH ROW EXECUTE FUNCTION vote_again();
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(3::bigint, 9::bigint), 'a vote that casts others');
SELECT results_eq('SELECT option_id, votes_after FROM vote_events ORDER BY id DESC LIMIT 3', 'VALUES (3::bigint, 2), (2, 4), (1, 3)', 'which are cast');
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(4::bigint, 12::bigint), 'once more');
DROP TRIGGER again ON vote_events;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE TRIGGER elsewhere BEFORE INSERT ON vote_events FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT row_eq('SELECT * FROM pollseed_cast_vote(1)', ROW(5::bigint, NULL::bigint), 'an event that a trigger keeps out has no id');
DROP TRIGGER elsewhere ON vote_events;
CREATE TRIGGER frozen BEFORE UPDATE ON options FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT throws_ok('SELECT pollseed_cast_vote(1)', '27000', 'votes of option 1 in relation "options" could not be updated', 'a trigger that keeps the count');
SELECT throws_ok('SELECT pollseed_cast_vote(99)', 'P0002', NULL, 'is not an option that is not there');
DROP TRIGGER frozen ON options;

-- Roles
CREATE ROLE poll_voter;
CREATE FUNCTION as_voter(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    SET LOCAL ROLE poll_voter;
    EXECUTE command INTO answer;
    RESET ROLE;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '42501 permission denied for table options', 'a role without privileges');
GRANT SELECT (id, text, votes, updated_at), UPDATE (votes, updated_at) ON options TO poll_voter;
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '42501 permission denied for table vote_events', 'with those on the options');
GRANT INSERT (option_id, language, votes_after, event_type, inserted_at, updated_at) ON vote_events TO poll_voter;
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '42501 permission denied for sequence vote_events_id_seq', 'with those on the events');
GRANT USAGE ON SEQUENCE vote_events_id_seq TO poll_voter;
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '(6,)', 'with that on the sequence; the event''s id is not told, which may not be read');
SELECT is((SELECT (votes, event_id IS NOT NULL) FROM pollseed_cast_vote(1))::text, '(7,t)', 'a superuser in between');
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '(8,)', 'and the role again');
GRANT SELECT (id) ON vote_events TO poll_voter;
SELECT is(as_voter('SELECT (votes, event_id IS NOT NULL)::text FROM pollseed_cast_vote(1)'), '(9,t)', 'until it may');
REVOKE UPDATE (votes) ON options FROM poll_voter;
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '42501 permission denied for table options', 'a privilege that was taken back');
SELECT is(as_voter(format('SELECT pollseed_cast_vote(1, options => %s, events => %s)::text', 'moved.options'::regclass::oid, 'moved.vote_events'::regclass::oid)),
    '42501 permission denied for schema moved', 'a schema that it may not use');
SELECT row_eq($$SELECT * FROM pollseed_cast_vote(1, options => 'moved.options', events => 'moved.vote_events')$$, ROW(3000000007, 12::bigint), 'others may');
GRANT ALL ON moved.options, moved.vote_events, moved.vote_events_id_seq TO poll_voter;
SELECT is(as_voter(format('SELECT pollseed_cast_vote(1, options => %s, events => %s)::text', 'moved.options'::regclass::oid, 'moved.vote_events'::regclass::oid)),
    '42501 permission denied for schema moved', 'which changes nothing for it');
GRANT UPDATE (votes) ON options TO poll_voter;
ALTER TABLE options ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON options FOR SELECT USING (true);
CREATE POLICY voted ON options FOR UPDATE USING (id = 2);
SELECT is(as_voter('SELECT pollseed_cast_vote(1)::text'), '27000 votes of option 1 in relation "options" could not be updated', 'a policy that keeps the count');
SELECT is(as_voter('SELECT (votes > 0)::text FROM pollseed_cast_vote(2)'), 'true', 'and lets another be');
ALTER TABLE options DISABLE ROW LEVEL SECURITY;

-- Resetting
SELECT is(as_voter('SELECT pollseed_reset_votes()::text'), '42501 permission denied for table vote_events', 'resetting takes a privilege of its own');
SELECT lives_ok($$SELECT pollseed_seed(100, ends_at => '2025-06-15', seed => 1)$$, 'seeded votes');
UPDATE options SET votes = 0, updated_at = '2020-01-01' WHERE id = 2;
SELECT count(*) AS events FROM vote_events \gset
GRANT DELETE ON vote_events TO poll_voter;
SELECT is(as_voter('SELECT pollseed_reset_votes()::text'), format('(%s,2)', :events), 'all events are deleted, two counts were not 0');
SELECT is_empty('SELECT FROM vote_events', 'real votes too');
SELECT results_eq('SELECT votes, updated_at > ''2025-01-01'' FROM options ORDER BY id', 'VALUES (0, true), (0, false), (0, true)', 'the counts are 0');
SELECT is_empty('SELECT FROM pollseed_runs WHERE cleared_at IS NULL', 'the ledger says that what was seeded is gone');
SELECT row_eq('SELECT * FROM pollseed_reset_votes()', ROW(0::bigint, 0), 'nothing is left');
SELECT is((SELECT votes FROM pollseed_cast_vote(1)), 1::bigint, 'votes begin at 1 again');
ALTER TABLE options ALTER votes DROP NOT NULL;
UPDATE options SET votes = NULL;
SELECT row_eq('SELECT * FROM pollseed_reset_votes()', ROW(1::bigint, 3), 'a count of null is set');
SELECT row_eq($$SELECT * FROM pollseed_reset_votes('labels', 'marks')$$, ROW(6::bigint, 0), 'options without a count');
SELECT row_eq($$SELECT * FROM pollseed_reset_votes('moved.options', 'moved.vote_events', '{"votes": "spare"}')$$, ROW(12::bigint, 1), 'columns of other names');
SELECT row_eq($$SELECT sum(votes)::numeric > 0, sum(spare) FROM moved.options$$, ROW(true, 0::bigint), 'and only they');
DELETE FROM labels;
SELECT row_eq($$SELECT * FROM pollseed_reset_votes('labels', 'marks')$$, ROW(0::bigint, 0), 'no options at all');
SELECT throws_ok($$SELECT pollseed_reset_votes(columns => '{"votes": "tally"}')$$, '42703', NULL, 'a count that is not there');

SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT pollseed_cast_vote(1)', '25006', NULL, 'a read-only transaction casts no vote');
SELECT throws_ok('SELECT pollseed_reset_votes()', '25006', NULL, 'and resets none');
SELECT * FROM finish();
ROLLBACK;

BEGIN ISOLATION LEVEL REPEATABLE READ;
CREATE TABLE labels (id int, text text);
CREATE TABLE marks (option_id int, inserted_at date);
INSERT INTO labels VALUES (1, 'Tea');
DO $$
BEGIN
    PERFORM pollseed_cast_vote(1, options => 'labels', events => 'marks');
    RAISE 'it was counted';
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
ROLLBACK;
