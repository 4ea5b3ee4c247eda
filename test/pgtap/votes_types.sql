-- Types of columns: counts, times, labels and event types of an application's own tables, seeded through both lanes and
-- compared with the votes that pollseed_generate_votes() gives for the same seed.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SELECT plan(102);

\ir include/seeded.sql

-- Makes a pair of tables; c holds the definitions that differ from the usual ones.
CREATE FUNCTION make_tables(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS ev, op;
    EXECUTE format('CREATE TABLE op (id bigint PRIMARY KEY, text %s, votes %s, updated_at %s)', COALESCE(c->>'text', 'text'),
        COALESCE(c->>'votes', 'int DEFAULT 0'), COALESCE(c->>'option_time', 'timestamp'));
    EXECUTE format('CREATE TABLE ev (seq serial, option_id bigint REFERENCES op, language %s, votes_after %s, event_type %s, inserted_at %s,
        updated_at timestamp %s)', COALESCE(c->>'language', 'text'), COALESCE(c->>'votes_after', 'int'), COALESCE(c->>'event_type', 'text'),
        COALESCE(c->>'time', 'timestamp'), c->>'more');
    INSERT INTO op (id, text) VALUES (3, 'Rust'), (1, 'Python'), (2, 'Go');
END $$;
CREATE FUNCTION try(what text, definitions jsonb, got text, want text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM make_tables(definitions);
    RETURN QUERY SELECT seeds(what, 'op', 'ev', NULL, got, want);
END $$;

-- Counts
SELECT try('votes_after ' || t, jsonb_build_object('votes_after', t), 'option_id, votes_after::text', 'option_no, votes_after::text')
  FROM unnest('{smallint,int,bigint,numeric,"numeric(5,0)"}'::text[]) AS t;
CREATE FUNCTION try_votes(type text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM make_tables(jsonb_build_object('votes', type || ' DEFAULT 20'));
    RETURN QUERY SELECT seeds('votes ' || type, 'op', 'ev', NULL, 'votes_after', 'votes_after + 20');
    PERFORM pollseed_seed(300, seed => 42, options => 'op', events => 'ev');
    RETURN NEXT results_eq('SELECT votes::text FROM op ORDER BY id', 'SELECT (20 + count(*))::text FROM expected GROUP BY option_no ORDER BY option_no', 'and seeded');
    UPDATE op SET votes = 0;
    RETURN NEXT is(pollseed_recount_votes('op', 'ev'), 3, 'and recounted');
    RETURN NEXT is(pollseed_recount_votes('op', 'ev'), 0, 'to what they were');
    RETURN NEXT results_eq('SELECT votes::text FROM op ORDER BY id', 'SELECT count(*)::text FROM expected GROUP BY option_no ORDER BY option_no', 'by that type');
END $$;
CREATE DOMAIN tally AS smallint CHECK (VALUE >= 0);
SELECT try_votes(t) FROM unnest('{smallint,bigint,numeric,"numeric(5,0)",tally}'::text[]) AS t;

-- Times.  Those without a time zone hold UTC, whatever the session's time zone: at 20:00 or later in New York the UTC date is the next one.
CREATE DOMAIN moment AS timestamp(3) CHECK (VALUE > '2000-01-01');
SELECT try('time ' || t.type, jsonb_build_object('time', t.type), 'inserted_at, option_id', t.want || ', option_no')
  FROM (VALUES ('timestamp', $$cast_at AT TIME ZONE 'UTC'$$), ('timestamp(0)', $$(cast_at AT TIME ZONE 'UTC')::timestamp(0)$$),
    ('timestamp(3)', $$(cast_at AT TIME ZONE 'UTC')::timestamp(3)$$), ('timestamptz', 'cast_at'), ('timestamptz(0)', 'cast_at::timestamptz(0)'),
    ('date', $$(cast_at AT TIME ZONE 'UTC')::date$$), ('moment', $$(cast_at AT TIME ZONE 'UTC')::timestamp(3)$$)) AS t(type, want);
SELECT results_ne($$SELECT cast_at::date FROM expected ORDER BY vote_no$$, $$SELECT (cast_at AT TIME ZONE 'UTC')::date FROM expected ORDER BY vote_no$$,
    'some votes have another date in New York than in UTC');
CREATE FUNCTION try_option_time(type text, want text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM make_tables(jsonb_build_object('option_time', type));
    PERFORM pollseed_seed(300, seed => 42, options => 'op', events => 'ev', ends_at => '2025-06-16 02:00:00.75+00');
    RETURN NEXT is(min(updated_at)::text, want, 'options.updated_at ' || type) FROM op;
    PERFORM pollseed_seed(300, seed => 42, options => 'op', events => 'ev', ends_at => '2025-06-01');
    RETURN NEXT is(min(updated_at)::text, want, 'never goes back') FROM op;
END $$;
SELECT try_option_time(t.type, t.want) FROM (VALUES ('timestamp', '2025-06-16 02:00:00.75'), ('timestamp(0)', '2025-06-16 02:00:01'),
    ('timestamptz', '2025-06-15 22:00:00.75-04'), ('date', '2025-06-16'), ('moment', '2025-06-16 02:00:00.75')) AS t(type, want);
-- Years before Christ and dates before 2000: rounding towards zero would be a day late.
SELECT make_tables('{"time": "date"}') \g /dev/null
SELECT lives_ok($$SELECT pollseed_seed(30, time_range => '1 hour', ends_at => '1969-12-31 12:00+00', options => 'op', events => 'ev')$$, 'before 1970');
SELECT results_eq('SELECT DISTINCT inserted_at FROM ev', $$VALUES ('1969-12-31'::date)$$, 'the date is that of the day');
SELECT make_tables('{}') \g /dev/null
SELECT lives_ok($$SELECT pollseed_seed(30, time_range => '1 hour', arrival => 'bursty', ends_at => '0044-03-15 12:00+00 BC', options => 'op', events => 'ev')$$, 'before Christ');
SELECT is_empty($$SELECT * FROM ev WHERE inserted_at < '0044-03-15 11:00 BC' OR inserted_at >= '0044-03-15 12:00 BC'$$, 'the time is within the range');

-- Labels and event types
CREATE TYPE language AS ENUM ('Rust', 'Go', 'Python');
CREATE TYPE kind AS ENUM ('vote', 'seed');
CREATE DOMAIN label AS varchar(10) CHECK (VALUE ~ '^[A-Z]');
CREATE DOMAIN kind_text AS varchar(4) NOT NULL DEFAULT 'vote' CHECK (VALUE IN ('vote', 'seed'));
SELECT try('language ' || t, jsonb_build_object('language', t), 'language::text', 'label') FROM unnest('{varchar,varchar(6),label,name}'::text[]) AS t;
SELECT try('language char(8)', '{"language": "char(8)"}', 'language', 'label::char(8)');
SELECT try('text and language of an enum', '{"text": "language", "language": "language"}', 'language', 'label');
SELECT try('text of an enum', '{"text": "language", "language": "text"}', 'language', 'label');
SELECT try('text of a domain', '{"text": "label", "language": "label"}', 'language', 'label');
SELECT try('event_type of an enum', '{"event_type": "kind"}', 'event_type', $$'seed'$$);
SELECT try('event_type of a domain', '{"event_type": "kind_text"}', 'event_type', $$'seed'$$);
SELECT make_tables('{"event_type": "kind"}') \g /dev/null
INSERT INTO ev (option_id, event_type) VALUES (1, 'vote'), (2, NULL);
SELECT lives_ok($$SELECT pollseed_seed(300, seed => 42, options => 'op', events => 'ev')$$, 'seeded beside a vote');
SELECT row_eq($$SELECT * FROM pollseed_clear_seed_data('op', 'ev')$$, ROW(300::bigint, 3), 'clearing by an enum');
SELECT results_eq('SELECT id, votes FROM op ORDER BY id', 'VALUES (1::bigint, 1), (2, 0), (3, 0)', 'leaves the vote');
CREATE TYPE only_seed AS ENUM ('seed', 'click');
SELECT make_tables('{"event_type": "only_seed"}') \g /dev/null
SELECT lives_ok($$SELECT pollseed_seed(300, seed => 42, options => 'op', events => 'ev')$$, 'an enum without votes');
SELECT row_eq($$SELECT * FROM pollseed_clear_seed_data('op', 'ev')$$, ROW(300::bigint, 3), 'clears, too');

-- Columns of the table's own
SELECT try('generated column', '{"more": ", day date GENERATED ALWAYS AS (inserted_at::date) STORED, loud text GENERATED ALWAYS AS (upper(language)) STORED"}',
    'day, loud', $$(cast_at AT TIME ZONE 'UTC')::date, upper(label)$$);
SELECT try('identities', '{"more": ", a int GENERATED ALWAYS AS IDENTITY (START 5), b bigint GENERATED BY DEFAULT AS IDENTITY"}', 'a - seq, b - seq', '4, 0');
SELECT try('defaults', '{"more": ", at timestamptz DEFAULT now(), source text DEFAULT ''web'', meta jsonb DEFAULT ''{}'' NOT NULL"}', 'at = now(), source, meta',
    $$true, 'web', '{}'::jsonb$$);
SELECT make_tables('{"language": "text, gone int DEFAULT 7", "more": ", last text DEFAULT ''x''"}') \g /dev/null
ALTER TABLE ev DROP COLUMN gone;
SELECT seeds('a dropped column', 'op', 'ev', NULL, 'option_id, language, votes_after, event_type, last', $$option_no, label, votes_after, 'seed', 'x'$$);

SELECT * FROM finish();
ROLLBACK;
