-- A hostile search path: a schema in front of pg_catalog with functions, operators, types and tables of the server's names, each
-- of which raises an error when it is used.  SQL that the engine generates must name the server's own.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SELECT plan(55);
CREATE SCHEMA app;
CREATE SCHEMA evil;
SET LOCAL search_path = app, public;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');
SET LOCAL search_path = public;

-- Operators on all types that the engine could compare or add
CREATE FUNCTION evil.attack() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the search path was followed'; END $$;
DO $do$
DECLARE
    f record;
BEGIN
    -- Every operator of these names that the server has, with the same arguments and result
    FOR f IN SELECT format('trap_%s', o.oid) AS trap, o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
               FROM pg_operator AS o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b'
                AND o.oprname IN ('=', '<>', '+', '-', '<', '<=', '>', '>=', '||', '->', '->>', '*', '@>')
                AND o.oprleft <> 0 AND o.oprresult <> 0
                AND o.oprleft::regtype::text !~ '^any|^"any' AND o.oprright::regtype::text !~ '^any|^"any'
                AND o.oprleft IN (SELECT oid FROM pg_type WHERE typtype = 'b') AND o.oprright IN (SELECT oid FROM pg_type WHERE typtype = 'b') LOOP
        EXECUTE format('CREATE FUNCTION evil.%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$',
            f.trap, f.l, f.r, f.result);
        EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%s)', f.oprname, f.l, f.r, f.trap);
    END LOOP;
END $do$;
SELECT cmp_ok(count(*), '>', 300::bigint, 'hundreds of hostile operators') FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace;

-- Functions
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.timezone(text, timestamptz) RETURNS timestamp LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.jsonb_build_object(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS 'jsonb_build_object_noargs';
CREATE FUNCTION evil.jsonb_build_object() RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.fail_step(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE AGGREGATE evil.count(*) (SFUNC = evil.fail_step, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION evil.fail_step(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE AGGREGATE evil.min(bigint) (SFUNC = evil.fail_step, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE evil.max(bigint) (SFUNC = evil.fail_step, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE evil.sum(bigint) (SFUNC = evil.fail_step, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION evil.int8(int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.float8(numeric) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE FUNCTION evil.text(varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;

-- Types and tables
CREATE FUNCTION evil.refuse(anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.varchar AS pg_catalog.varchar CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.timestamptz AS pg_catalog.timestamptz CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil."timestamp" AS pg_catalog.timestamp CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (evil.refuse(VALUE));
CREATE DOMAIN evil.regclass AS pg_catalog.regclass CHECK (evil.refuse(VALUE));
CREATE TABLE evil.pollseed_batch (v1 bigint, v2 pg_catalog.text, v3 bigint, v4 pg_catalog.timestamp, v5 pg_catalog.timestamp);
CREATE TABLE evil.pg_class (oid oid);
CREATE TABLE evil.pg_roles (rolname name, oid oid);
CREATE TABLE evil.runs (run_id bigint);
CREATE TABLE evil.pollseed_runs (run_id bigint);
CREATE FUNCTION evil.pollseed_generate_votes(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); END $$;
GRANT USAGE ON SCHEMA evil TO PUBLIC;

-- Runs SQL under the hostile path; the application's tables are after it.
CREATE FUNCTION public.attacked(command pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql SET search_path = evil, pg_catalog, app AS $$
BEGIN
    EXECUTE command;
    RETURN 'survived';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- The traps are sharp
SELECT is(attacked(c), 'the search path was followed', 'a trap: ' || c) FROM unnest(ARRAY['SELECT 1 FROM app.options WHERE id = 1', 'SELECT now()',
    'SELECT votes + 1::pg_catalog.int8 FROM app.options', 'SELECT count(*) FROM app.options', 'SELECT min(id) FROM app.options', 'SELECT unnest(''{1}''::pg_catalog.int4[])',
    'SELECT 1 FROM app.options WHERE text = ''Go''::pg_catalog.text', 'SELECT votes::int8 FROM app.options', 'SELECT ''Go''::text', 'SELECT nextval(''app.options_id_seq''::pg_catalog.regclass)',
    'SELECT 1 FROM app.options WHERE votes <> 1::pg_catalog.int8', 'SELECT 1 FROM app.options WHERE updated_at > inserted_at', 'SELECT jsonb_build_object()']) AS c;

-- The engine steps into none
SELECT is(attacked(format(c, l)), 'survived', format(c, l)) FROM unnest('{spi,direct}'::text[]) AS l, unnest(ARRAY[
    'SET LOCAL pollseed.write_lane = %s; SELECT public.pollseed_seed(200, seed => 1)',
    'SET LOCAL pollseed.write_lane = %s; SELECT public.pollseed_seed(200, ''random'', arrival => ''bursty'', weights => ''{"Go": 1}'', columns => ''{"language": null}'')',
    'SET LOCAL pollseed.write_lane = %s; SELECT public.pollseed_seed(200, columns => ''{"votes": null}'')']) AS c;
SELECT is(attacked(c), 'survived', c) FROM unnest(ARRAY[
    'SELECT * FROM public.pollseed_vote_shares(100, ''zipf'')',
    'SELECT * FROM public.pollseed_generate_votes(100, arrival => ''diurnal'')',
    'SELECT public.pollseed_recount_votes()',
    'UPDATE app.options SET votes = 1; SELECT public.pollseed_recount_votes()',
    'SELECT * FROM public.pollseed_runs',
    'SELECT public.pollseed_clear_seed_data()']) AS c;
SELECT is(sum(votes), 0::bigint, 'and all was done') FROM app.options;
SELECT is(count(*), 6::bigint, 'the runs are in the ledger') FROM pollseed_runs WHERE cleared_at IS NOT NULL;
SELECT is(count(*), 6::bigint, 'with their arguments') FROM pollseed_runs WHERE arguments ? 'vote_count';
SELECT is(attacked(c), 'survived', c) FROM unnest(ARRAY[
    'SELECT public.pollseed_cast_vote(1), public.pollseed_cast_vote(1)',
    'SELECT public.pollseed_cast_vote(1, columns => ''{"votes": null}'')',
    'SELECT public.pollseed_poll_stats(true)',
    'SELECT public.pollseed_poll_stats()',
    'SELECT * FROM public.pollseed_list_options(true)',
    'SELECT public.pollseed_chart_data(k, true) FROM pg_catalog.unnest(''{pie,bar,timeline}''::pg_catalog.text[]) AS k',
    'SELECT * FROM public.pollseed_vote_trends(bypass => true)',
    'SELECT * FROM public.pollseed_recent_activity(bypass => true)',
    'SELECT * FROM public.pollseed_vote_trends() AS t, public.pollseed_recent_activity() AS a',
    'SELECT public.pollseed_reset_votes()']) AS c;
SELECT is(sum(votes), 0::bigint, 'votes were cast, read and reset') FROM app.options;
SELECT is_empty('SELECT * FROM evil.pollseed_batch', 'nothing went into a table of the same name');

-- Application tables of other types, whose operators the path would give, too
CREATE TYPE app.language AS ENUM ('Python', 'Go');
CREATE TABLE app.choices (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), text app.language, votes numeric DEFAULT 0, updated_at timestamptz);
CREATE TABLE app.ballots (id int GENERATED ALWAYS AS IDENTITY, option_id uuid REFERENCES app.choices, language app.language, votes_after smallint, event_type varchar(9),
    inserted_at date);
INSERT INTO app.choices (text) VALUES ('Python'), ('Go');
SELECT is(attacked(format(c, l)), 'survived', format(c, l)) FROM unnest('{spi,direct}'::text[]) AS l, unnest(ARRAY[
    'SET LOCAL pollseed.write_lane = %s; SELECT public.pollseed_seed(200, seed => 1, options => ''choices'', events => ''ballots'')',
    'SELECT public.pollseed_clear_seed_data(''choices'', ''ballots'')']) AS c;

-- Tables of the preset, made and dropped in a schema that is followed by the hostile one
CREATE SCHEMA other;
CREATE FUNCTION public.attacked_other(command pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql SET search_path = other, evil, pg_catalog AS $$
BEGIN
    EXECUTE command;
    RETURN 'survived';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT is(attacked_other(c), 'survived', c) FROM unnest(ARRAY['SELECT public.pollseed_create_poll_tables()', 'SELECT public.pollseed_create_poll_tables(''{Zig}'')',
    'SELECT public.pollseed_seed(200)', 'SELECT public.pollseed_clear_seed_data()']) AS c;
SELECT col_type_is('other', 'vote_events', c.name, 'pg_catalog', c.type, 'other.vote_events.' || c.name)
  FROM (VALUES ('language'::name, 'character varying(255)'), ('inserted_at', 'timestamp(6) without time zone'), ('votes_after', 'integer')) AS c(name, type);
SELECT is(attacked_other('SELECT public.pollseed_drop_poll_tables()'), 'survived', 'dropped');
SELECT hasnt_table('other', 'options', 'gone');

SELECT * FROM finish();
ROLLBACK;
