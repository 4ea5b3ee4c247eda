-- pollseed_seed_async(): what it refuses, and that a job writes and records what pollseed_seed() does with the same arguments.
--
-- A job starts when the transaction that made it commits, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT no_plan();

SELECT pollseed_create_poll_tables() \g /dev/null

-- What is refused, with the same error as the atomic call's where that has the argument too
CREATE FUNCTION error_of(command text, OUT code text, OUT message text, OUT whole text) LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    EXECUTE command;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    whole := concat_ws(E'\n', code, message, detail, hint);
END $$;
CREATE FUNCTION refuses(arguments text, want_code text, want_message text, only_jobs bool DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    job record := error_of(format('SELECT pollseed_seed_async(%s)', arguments));
BEGIN
    RETURN NEXT is(concat_ws(' ', job.code, job.message), want_code || ' ' || want_message, format('refused: %s', left(arguments, 100)));
    IF NOT only_jobs THEN
        RETURN NEXT is(job.whole, (error_of(format('SELECT pollseed_seed(%s)', arguments))).whole, 'as by the atomic call');
    END IF;
END $$;
CREATE TABLE no_options (LIKE options);
CREATE TABLE small_options (LIKE options INCLUDING DEFAULTS);
INSERT INTO small_options (id, text, votes) VALUES (1, 'Go', 2147483640);
CREATE TABLE twins (LIKE options INCLUDING DEFAULTS);
INSERT INTO twins (id, text) VALUES (1, 'a'), (1, 'b');
CREATE MATERIALIZED VIEW matview AS SELECT * FROM options;
SELECT refuses(a, c, m) FROM (VALUES
    ('-1', '22023', 'vote_count must be between 0 and 10000000000'),
    ('10000000001', '22023', 'vote_count must be between 0 and 10000000000'),
    ('10000000000, batch_size => 1', '22023', 'batch_size is too small for so many votes'),
    ('10, ''normal''', '22023', 'unrecognized distribution "normal"'),
    ('10, ''''', '22023', 'unrecognized distribution ""'),
    ('10, time_range => ''0''', '22023', 'time_range must be greater than zero'),
    ('10, time_range => ''-1 day''', '22023', 'time_range must be greater than zero'),
    ('10, time_range => ''1001 years''', '22023', 'time_range must be at most 1000 years'),
    ('10, arrival => ''often''', '22023', 'unrecognized arrival "often"'),
    ('10, ends_at => ''infinity''', '22023', 'ends_at must be finite'),
    ('10, batch_size => 0', '22023', 'batch_size must be between 1 and 100000'),
    ('10, batch_size => 100001', '22023', 'batch_size must be between 1 and 100000'),
    ('10, weights => ''[]''', '22023', 'weights must be a JSON object'),
    ('10, weights => ''{"Cobol": 1}''', '22023', 'weights name the unknown option "Cobol"'),
    ('10, weights => ''{"Go": "x"}''', '22023', 'weight of option "Go" is not a number'),
    ('10, weights => ''{"Go": -1}''', '22023', 'weight of option "Go" is negative or too large'),
    ('10, weights => ''{"Go": 0}''', '22023', 'all weights are zero'),
    ('10, columns => ''[]''', '22023', 'columns must be a JSON object'),
    ('10, columns => ''{"choice": "x"}''', '22023', 'columns name the unknown role "choice"'),
    ('10, columns => ''{"option_id": null}''', '22023', 'column "option_id" cannot be left out'),
    ('10, columns => ''{"option_id": "choice"}''', '42703', 'column "choice" of relation "vote_events" does not exist'),
    ('10, options => ''options_pkey''', '42809', '"options_pkey" is not a table or view'),
    ('10, events => ''options_id_seq''', '42809', '"options_id_seq" is not a table or view'),
    ('10, events => 4294967295', '42P01', 'relation with OID 4294967295 does not exist'),
    ('10, options => ''no_options''', '55000', 'relation "no_options" has no options'),
    ('10, options => ''small_options''', '22003', 'votes of option "Go" would exceed the range of column "votes"'),
    ('10, options => ''twins''', '23505', 'column "id" of relation "twins" contains duplicate values')) AS r(a, c, m);
SELECT refuses(a, '22023', m, true) FROM (VALUES
    ('10, workers => 0', 'workers must be between 1 and 64'),
    ('10, workers => -1', 'workers must be between 1 and 64'),
    ('10, workers => 65', 'workers must be between 1 and 64'),
    ('10, max_attempts => 0', 'max_attempts must be between 1 and 1000000'),
    ('10, max_attempts => 1000001', 'max_attempts must be between 1 and 1000000')) AS r(a, m);
SELECT throws_ok('SELECT pollseed_seed_async(10, columns => ''{"id": "ctid"}'')', '42P10', 'cannot use system column "ctid"', 'a system column');

-- Views that cannot be written
SELECT is((error_of('SELECT pollseed_seed_async(10, events => ''matview'')')).whole, (error_of('SELECT pollseed_seed(10, events => ''matview'')')).whole,
    'a materialized view, as by the atomic call');
SELECT isnt((error_of('SELECT pollseed_seed_async(10, events => ''matview'')')).code, NULL, 'which refuses it');

-- Where no job can be made
SELECT throws_ok('SET LOCAL transaction_read_only = on; SELECT pollseed_seed_async(10)', '25006',
    'cannot execute pollseed_seed_async() in a read-only transaction', 'a read-only transaction');
SET transaction_read_only = off;
CREATE TABLE indexed (a int);
CREATE FUNCTION submit_in_index(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    PERFORM public.pollseed_seed_async(10, options => 'public.options', events => 'public.vote_events');
    RETURN 1;
END $$;
INSERT INTO indexed VALUES (1);
SELECT throws_ok('CREATE INDEX ON indexed (submit_in_index(a))', '42501', 'cannot start a job within security-restricted operation', 'an index expression');

-- Temporary tables
CREATE TEMP TABLE temp_options (LIKE options INCLUDING DEFAULTS);
INSERT INTO temp_options (text) VALUES ('Go');
CREATE TEMP TABLE temp_events (LIKE vote_events INCLUDING DEFAULTS);
CREATE TEMP VIEW temp_view AS SELECT * FROM vote_events;
SELECT refuses(a, '0A000', 'a background job cannot use temporary relation ' || r, true) FROM (VALUES
    ('10, options => ''temp_options''', '"temp_options"'),
    ('10, events => ''temp_events''', '"temp_events"'),
    ('10, options => ''temp_options'', events => ''temp_events''', '"temp_options"'),
    ('10, events => ''temp_view''', '"temp_view"')) AS t(a, r);
DROP VIEW temp_view;
DROP TABLE temp_options, temp_events;

-- None of these is a job, and none used up the tables' sequences
SELECT is_empty('SELECT * FROM pollseed_jobs', 'none of these is a job');
SELECT is_empty('SELECT * FROM pollseed_job_log', 'nor in the log');
SELECT is((SELECT is_called FROM vote_events_id_seq), false, 'none took an id');
SELECT is((SELECT is_called FROM pollseed.jobs_job_id_seq), false, 'none took a number');

-- A job's row, just made: all arguments may be null
BEGIN;
SELECT pollseed_seed_async(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS job \gset
SELECT is(arguments - 'seed', jsonb_build_object('vote_count', 10000, 'distribution', 'realistic', 'time_range', '24:00:00', 'arrival', 'uniform',
    'batch_size', 1000, 'weights', NULL, 'columns', NULL, 'options', 'public.options', 'events', 'public.vote_events', 'time_zone', 'UTC', 'ends_at', now()),
    'arguments that are null have their defaults') FROM pollseed_jobs WHERE id = :job;
SELECT ok((arguments->>'seed')::bigint BETWEEN 0 AND (1::bigint << 53) - 1, 'and a fresh seed, which JSON can carry') FROM pollseed_jobs WHERE id = :job;
SELECT row_eq(format('SELECT engine, relation, state, reason, owner::text, priority, workers, max_attempts, attempts, retries, done, total, batches FROM pollseed_jobs WHERE id = %s', :job),
    ROW('votes'::text, 'public.vote_events'::text, 'queued'::text, 'waiting for its worker to start'::text, current_user::text,
        0, 1, 3, 0, 0, 0::bigint, 10000::bigint, 0::bigint), 'the row of a job that is queued');
SELECT ok(queued_at BETWEEN now() AND clock_timestamp() AND started_at IS NULL AND finished_at IS NULL AND worker_pid IS NULL
      AND last_error IS NULL AND last_sqlstate IS NULL AND result IS NULL AND run_id IS NOT NULL, 'with nothing yet of what comes later')
  FROM pollseed_jobs WHERE id = :job;
SELECT pollseed_seed_async(1) AS one, pollseed_seed_async(1) AS two \gset
SELECT is(count(DISTINCT arguments->>'seed'), 2::bigint, 'another each time') FROM pollseed_jobs WHERE id IN (:one, :two);
SELECT is(count(*), 0::bigint, 'nothing is written in the transaction') FROM vote_events;
COMMIT;
SELECT row_eq(format('SELECT state, reason, done, total, attempts, worker_pid, last_error FROM pollseed_job_wait(%s, ''150 s'')', :job),
    ROW('succeeded'::text, 'all done'::text, 10000::bigint, 10000::bigint, 1, NULL::int, NULL::text), 'it ends well');
SELECT ok(queued_at <= started_at AND started_at <= finished_at, 'its times') FROM pollseed_jobs WHERE id = :job;
SELECT is((result->>'time_ms')::float8, extract(epoch FROM finished_at - started_at)::float8 * 1000, 'time_ms is the time between') FROM pollseed_jobs WHERE id = :job;
SELECT results_eq(format('SELECT state, reason FROM pollseed_job_log WHERE job = %s', :job),
    $$VALUES ('queued', 'submitted'), ('running', 'started'), ('succeeded', 'all done')$$, 'its log');
SELECT is(count(pollseed_job_wait(id, '150 s')), count(*), 'so do the others') FROM pollseed_jobs;

-- Job = atomic.  Each case seeds once in each way into the same tables, which are emptied between.
CREATE TABLE choices (key uuid PRIMARY KEY, name text, tally bigint NOT NULL DEFAULT 0, touched timestamptz);
INSERT INTO choices (key, name) SELECT md5(n)::uuid, n FROM unnest(ARRAY['Ada', 'Größe "q"', 'C', '', 'Zig']) AS n;
CREATE TABLE ballots (seq bigint GENERATED ALWAYS AS IDENTITY, choice uuid REFERENCES choices, running bigint, lang text, at timestamptz, kind text, extra int DEFAULT 7);
CREATE TABLE bare_options (id int PRIMARY KEY, text text);
INSERT INTO bare_options SELECT n, 'o' || n FROM generate_series(1, 4) AS n;
CREATE TABLE bare_events (seq serial, option_id int, inserted_at timestamp);
CREATE TABLE counted_events (seq serial, option_id int, votes_after int, event_type text, inserted_at timestamp);
CREATE TABLE parted_events (LIKE vote_events INCLUDING DEFAULTS) PARTITION BY HASH (option_id);
CREATE TABLE parted_0 PARTITION OF parted_events FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted_events FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE unique_events (LIKE vote_events INCLUDING DEFAULTS, UNIQUE (option_id, votes_after));
CREATE TABLE watched_events (LIKE vote_events INCLUDING DEFAULTS, note text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := NEW.votes_after % 3; RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT ON watched_events FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE "Odd ""events""" (LIKE vote_events INCLUDING DEFAULTS);

CREATE TABLE cases (place serial, name text, arguments text, options text DEFAULT 'options', events text DEFAULT 'vote_events', id text DEFAULT 'id',
    columns jsonb, settings text DEFAULT '', more text DEFAULT '');
INSERT INTO cases (name, arguments) SELECT d, format('3000, %L, seed => 11', d) FROM unnest('{realistic,weighted,even,random,zipf}'::text[]) AS d;
INSERT INTO cases (name, arguments, more) SELECT format('%s, %s workers', a, w), format('20000, ''zipf'', ''3 days'', %L, seed => 12', a), format(', workers => %s', w)
  FROM unnest('{uniform,diurnal,bursty}'::text[]) AS a, generate_series(1, 3) AS w;
INSERT INTO cases (name, arguments, settings, more) SELECT format('%s lane, %s workers', l, w), '20000, ''random'', seed => -13', format('SET pollseed.write_lane = %s', l),
    format(', workers => %s', w) FROM unnest('{direct,spi}'::text[]) AS l, generate_series(1, 3) AS w;
INSERT INTO cases (name, arguments, more) SELECT format('batch size %s, %s workers', b, w), format('2003, seed => 14, batch_size => %s', b), format(', workers => %s', w)
  FROM unnest('{1,7,2003,100000}'::int[]) AS b, generate_series(1, 2) AS w;
INSERT INTO cases (name, arguments) VALUES
    ('no votes', '0, seed => 15'), ('no votes, with an end', '0, ''even'', seed => 15, batch_size => 7'), ('one vote', '1, seed => 16'),
    ('all for one', '5000, weights => ''{"Go": 1}'', seed => 17'), ('two weights', '5000, weights => ''{"Go": 0.5, "C++": 1e-3}'', seed => -9223372036854775808'),
    ('a long time', '500, time_range => ''900 years'', arrival => ''diurnal'', seed => 9223372036854775807');
INSERT INTO cases (name, arguments, settings, more) VALUES
    ('time zone of New York', '3000, ''even'', ''5 days'', ''diurnal'', seed => 18', 'SET timezone = ''America/New_York''', ', workers => 2'),
    ('time zone of Kathmandu', '3000, ''even'', ''1 mon 2 days'', ''bursty'', seed => 19', 'SET timezone = ''Asia/Kathmandu''', ''),
    ('other styles', '3000, seed => 20', 'SET datestyle = ''german''; SET intervalstyle = ''sql_standard''; SET extra_float_digits = -3', '');
INSERT INTO cases (name, arguments, options, events, id, columns, settings, more)
    SELECT format('%s, %s, %s workers', t.name, l, w), '6000, ''random'', ''2 days'', seed => 21, batch_size => 100', t.options, t.events, t.id, t.columns,
           format('SET timezone = ''America/New_York''; SET pollseed.write_lane = %s', l), format(', workers => %s', w)
      FROM (VALUES
        ('own names and types', 'choices', 'ballots', 'seq', '{"id": "key", "text": "name", "votes": "tally", "options.updated_at": "touched", "option_id": "choice",
            "language": "lang", "votes_after": "running", "event_type": "kind", "inserted_at": "at"}'::jsonb),
        ('the count left out', 'choices', 'ballots', 'seq', '{"id": "key", "text": "name", "votes": null, "option_id": "choice",
            "language": "lang", "votes_after": "running", "event_type": "kind", "inserted_at": "at"}'),
        ('the fewest columns', 'bare_options', 'bare_events', 'seq', NULL),
        ('options without a count', 'bare_options', 'counted_events', 'seq', NULL),
        ('partitions', 'options', 'parted_events', 'id', NULL),
        ('unique numbers', 'options', 'unique_events', 'id', NULL),
        ('a trigger', 'options', 'watched_events', 'id', NULL),
        ('an odd name', 'options', '"Odd ""events"""', 'id', NULL)) AS t(name, options, events, id, columns),
      unnest('{auto,spi}'::text[]) AS l, generate_series(1, 2) AS w;

CREATE FUNCTION call_of(c cases) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s, ends_at => ''2025-03-10 12:00:00.75-04'', options => %L, events => %L%s', c.arguments, c.options, c.events,
        coalesce(format(', columns => %L', c.columns), ''))
$$;
CREATE FUNCTION empty_tables(c cases) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('TRUNCATE %s', c.events);
    UPDATE options SET votes = id, updated_at = '2000-01-01';
    UPDATE choices SET tally = 5, touched = '2000-01-01';
END $$;
CREATE TABLE atomic_figures (LIKE pollseed_jobs);
CREATE FUNCTION keep(c cases) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS atomic_events, atomic_options;
    EXECUTE format('CREATE TABLE atomic_events AS SELECT to_jsonb(e) - %L AS row FROM %s AS e', c.id, c.events);
    EXECUTE format('CREATE TABLE atomic_options AS SELECT to_jsonb(o) AS row FROM %s AS o', c.options);
END $$;
CREATE FUNCTION compare(c cases, job_id bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    job pollseed_jobs;
BEGIN
    SELECT * INTO job FROM pollseed_jobs AS j WHERE j.id = job_id;
    RETURN NEXT is(concat_ws(' ', job.state, job.reason, job.done, job.total, job.attempts, job.retries, job.last_error),
        concat_ws(' ', 'succeeded all done', job.total, job.total, 1, 0), c.name || ': the job ends well');
    RETURN NEXT results_eq(format('SELECT (to_jsonb(e) - %L)::text FROM %s AS e ORDER BY 1', c.id, c.events), 'SELECT row::text FROM atomic_events ORDER BY 1', 'with the same events');
    RETURN NEXT results_eq(format('SELECT to_jsonb(o)::text FROM %s AS o ORDER BY 1', c.options), 'SELECT row::text FROM atomic_options ORDER BY 1', 'the same options');
    RETURN NEXT is(job.result - '{run_id,time_ms}'::text[], (SELECT to_jsonb(f) - '{run_id,time_ms}'::text[] FROM figures AS f), 'the same figures');
    RETURN NEXT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(job.result) AS k), (SELECT array_agg(k ORDER BY k) FROM figures AS f, jsonb_object_keys(to_jsonb(f)) AS k),
        'all of them');
    RETURN NEXT is((SELECT to_jsonb(r) - '{run_id,time_ms,run_at}'::text[] FROM pollseed_runs AS r WHERE run_id = job.run_id),
        (SELECT to_jsonb(r) - '{run_id,time_ms,run_at}'::text[] FROM pollseed_runs AS r JOIN figures USING (run_id)), 'the same entry in the ledger');
    RETURN NEXT is(job.arguments, (SELECT arguments || jsonb_build_object('seed', r.seed) FROM pollseed_runs AS r JOIN figures USING (run_id)),
        'the same arguments, and the seed');
END $$;
SELECT 'RESET ALL; SET client_min_messages = warning; SET timezone = ''UTC''; ' || settings,
       format('SELECT empty_tables(c) FROM cases AS c WHERE place = %s', place),
       'DROP TABLE IF EXISTS figures',
       format('CREATE TABLE figures AS SELECT * FROM pollseed_seed(%s)', call_of(c)),
       format('SELECT keep(c) FROM cases AS c WHERE place = %s', place),
       format('SELECT empty_tables(c) FROM cases AS c WHERE place = %s', place),
       format('CREATE TABLE job AS SELECT job_id FROM pollseed_seed_async(%s%s)', call_of(c), more),
       'SELECT count(w.state) FROM job, pollseed_job_wait(job_id, ''150 s'') AS w OFFSET 1',
       format('SELECT compare(c, job_id) FROM cases AS c, job WHERE place = %s', place),
       'DROP TABLE job'
  FROM cases AS c ORDER BY place \gexec
RESET ALL;
SET client_min_messages = warning;

-- A job writes on from what is there
UPDATE options SET votes = 0;
TRUNCATE vote_events;
SELECT job_id AS job FROM pollseed_seed_async(2500, 'even', seed => 1, ends_at => '2026-01-01', workers => 2) \gset
SELECT state FROM pollseed_job_wait(:job, '150 s') OFFSET 1;
SELECT job_id AS job FROM pollseed_seed_async(2500, 'zipf', seed => 2, ends_at => '2026-01-02', workers => 2) \gset
SELECT is(state, 'succeeded', 'a second job') FROM pollseed_job_wait(:job, '150 s');
SELECT is_empty('SELECT * FROM (SELECT votes_after, row_number() OVER (PARTITION BY option_id ORDER BY inserted_at, votes_after) AS nth
    FROM vote_events) AS t WHERE votes_after IS DISTINCT FROM nth', 'numbers on where the first ended');
SELECT is_empty('SELECT * FROM options AS o WHERE votes <> (SELECT count(*) FROM vote_events WHERE option_id = o.id)', 'and the counts agree');

-- What a job's session takes along of the one that made it, and what not
CREATE SCHEMA "A b";
CREATE FUNCTION settings() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_object_agg(s, current_setting(s, true)) FROM unnest('{TimeZone,DateStyle,IntervalStyle,extra_float_digits,bytea_output,search_path,pollseed.write_lane,
        default_transaction_isolation,transaction_isolation,transaction_read_only,application_name,work_mem,test.own}'::text[]) AS s
$$;
CREATE TABLE settings_events (LIKE vote_events INCLUDING DEFAULTS, seen jsonb DEFAULT settings());
SET timezone = 'Asia/Kathmandu'; SET datestyle = 'german'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = -3; SET bytea_output = 'escape';
SET search_path = "A b", public, pg_catalog; SET pollseed.write_lane = spi; SET default_transaction_isolation = serializable; SET work_mem = '1234kB'; SET test.own = 'mine';
SELECT job_id AS job FROM pollseed_seed_async(3000, events => 'settings_events', workers => 2) \gset
RESET ALL;
SET client_min_messages = warning;
SELECT is(state, 'succeeded', 'a job of a session with many settings') FROM pollseed_job_wait(:job, '150 s');
SELECT results_eq($$SELECT DISTINCT seen - '{application_name,work_mem}'::text[] FROM settings_events$$,
    $$VALUES ('{"TimeZone": "Asia/Kathmandu", "DateStyle": "German, DMY", "IntervalStyle": "sql_standard", "extra_float_digits": "-3", "bytea_output": "escape",
        "search_path": "\"A b\", public, pg_catalog", "pollseed.write_lane": "spi", "default_transaction_isolation": "read committed",
        "transaction_isolation": "read committed", "transaction_read_only": "off", "test.own": null}'::jsonb)$$, 'takes along what data depends on, in all its workers');
SELECT is(count(*), 0::bigint, 'and nothing else') FROM settings_events WHERE seen->>'work_mem' = '1234kB';

-- What is given beside is kept
SELECT job_id AS job FROM pollseed_seed_async(1, workers => 64, priority => -2147483648, max_attempts => 1000000) \gset
SELECT row_eq(format('SELECT state, workers, priority, max_attempts FROM pollseed_job_wait(%s, ''150 s'')', :job),
    ROW('succeeded'::text, 64, '-2147483648'::int, 1000000), 'the highest number of workers, which need not all come');
SELECT results_eq($$SELECT DISTINCT state FROM pollseed_jobs$$, $$VALUES ('succeeded')$$, 'all jobs have succeeded');
SELECT * FROM finish();
