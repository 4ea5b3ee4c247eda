-- The ledger: what each run did, who may see it, and that nobody can write it.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'Europe/Berlin';
SELECT plan(44);

CREATE ROLE ledger_one;
CREATE ROLE ledger_two;
CREATE ROLE ledger_group;
CREATE ROLE ledger_watcher;
GRANT ledger_group TO ledger_two;
GRANT pg_read_all_stats TO ledger_watcher;
CREATE SCHEMA "Ledger ""1""" AUTHORIZATION ledger_one;
CREATE SCHEMA two AUTHORIZATION ledger_two;

SET LOCAL ROLE ledger_one;
SET LOCAL search_path = "Ledger ""1""", public;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables of one role');
CREATE TEMP TABLE run AS SELECT * FROM pollseed_seed(1234, 'random', '1 day 12:00', 'diurnal', 99, '2025-06-15 12:00+00', 100, '{"Go": 1, "Rust": 2}');
RESET ROLE;
SET LOCAL ROLE ledger_two;
SET LOCAL search_path = two, public;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables of another');
SELECT lives_ok('SELECT pollseed_seed(10)', 'a run of another');
RESET ROLE;
SET LOCAL search_path = public;

-- The entry
SELECT columns_are('public', 'pollseed_runs',
    '{run_id,engine,relation,rows_written,seed,generator_version,arguments,lane,time_ms,run_by,run_at,cleared_at}'::name[]);
SELECT is(r.engine, 'votes', 'engine') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.relation, '"Ledger ""1""".vote_events', 'relation: qualified and quoted') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.rows_written, 1234::bigint, 'rows_written') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.seed, 99::bigint, 'seed') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.generator_version, 1, 'generator_version') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.lane, 'direct', 'lane') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT ok(r.time_ms > 0 AND r.time_ms <= run.time_ms, 'time_ms') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.run_by, 'ledger_one', 'run_by') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.run_at, now(), 'run_at') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.cleared_at, NULL, 'cleared_at') FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(r.arguments, '{"vote_count": 1234, "distribution": "random", "time_range": "1 day 12:00:00", "arrival": "diurnal",
    "batch_size": 100, "weights": {"Go": 1, "Rust": 2}, "columns": null, "options": "\"Ledger \"\"1\"\"\".options",
    "events": "\"Ledger \"\"1\"\"\".vote_events", "ends_at": "2025-06-15T14:00:00+02:00", "time_zone": "Europe/Berlin"}'::jsonb, 'arguments')
  FROM pollseed_runs AS r JOIN run USING (run_id);
SELECT is(a.value, 'null'::jsonb, format('an argument that was left out is null: %s', a.key))
  FROM pollseed_runs AS r, jsonb_each(r.arguments) AS a
 WHERE r.run_by = 'ledger_two' AND a.key IN ('weights', 'columns') ORDER BY a.key;

-- Who sees it
SELECT is(count(*), 2::bigint, 'a superuser sees all runs') FROM pollseed_runs;
SET LOCAL ROLE ledger_one;
SELECT set_eq('SELECT run_by::text FROM pollseed_runs', $$VALUES ('ledger_one')$$, 'a role sees its own');
SELECT throws_ok('SELECT * FROM pollseed.runs', '42501', NULL, 'but not the table behind it');
RESET ROLE;
SET LOCAL ROLE ledger_two;
SELECT set_eq('SELECT run_by::text FROM pollseed_runs', $$VALUES ('ledger_two')$$, 'and so does the other');
RESET ROLE;
SET LOCAL ROLE ledger_group;
SELECT is_empty('SELECT * FROM pollseed_runs', 'a group does not see the runs of its members');
RESET ROLE;
GRANT ledger_one TO ledger_group;
SET LOCAL ROLE ledger_two;
SELECT set_eq('SELECT run_by::text FROM pollseed_runs', $$VALUES ('ledger_one'), ('ledger_two')$$, 'who has the rights of a role sees its runs');
RESET ROLE;
REVOKE ledger_one FROM ledger_group;
SET LOCAL ROLE ledger_watcher;
SELECT set_eq('SELECT run_by::text FROM pollseed_runs', $$VALUES ('ledger_one'), ('ledger_two')$$, 'members of pg_read_all_stats see all');
RESET ROLE;

-- A filter of the reader's does not see hidden rows
CREATE FUNCTION leak(name) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'leaked %', $1; END $$;
SET LOCAL ROLE ledger_group;
SELECT lives_ok('SELECT * FROM pollseed_runs WHERE leak(run_by)', 'a function in the query is not shown what its caller may not see');
RESET ROLE;

-- Nobody writes it
SELECT throws_ok(format('SET LOCAL ROLE %s; %s', w.role, w.command), '42501', NULL, format('%s: %s', w.role, w.command))
  FROM (SELECT r.role, c.command FROM unnest('{ledger_one,ledger_watcher}'::text[]) AS r(role),
    unnest(ARRAY['INSERT INTO pollseed.runs DEFAULT VALUES', 'UPDATE pollseed.runs SET seed = 0', 'DELETE FROM pollseed.runs',
        'TRUNCATE pollseed.runs', 'SELECT nextval(''pollseed.runs_run_id_seq'')', 'UPDATE pollseed_runs SET seed = 0',
        'DELETE FROM pollseed_runs']) AS c(command)) AS w;
RESET ROLE;
SELECT schema_privs_are('pollseed', 'ledger_one', '{}'::text[], 'the schema is closed');
SELECT is(count(*), 2::bigint, 'all entries are as they were') FROM pollseed_runs;

-- A run of a transaction that ends badly is not in it
DO $$
BEGIN
    PERFORM pollseed_seed(1, options => 'two.options', events => 'two.vote_events');
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
END $$;
SELECT is(count(*), 2::bigint, 'a run that was rolled back is not among them') FROM pollseed_runs;

-- Dropping the tables clears their runs: new tables of the same names have none
CREATE SCHEMA dropped;
SET LOCAL search_path = dropped, public;
SELECT pollseed_create_poll_tables() \g /dev/null
CREATE TEMP TABLE dropped_run AS SELECT * FROM pollseed_seed(3);
SELECT is(r.cleared_at, NULL, 'a run of tables that are there') FROM pollseed_runs AS r JOIN dropped_run USING (run_id);
SELECT pollseed_drop_poll_tables() \g /dev/null
SELECT is(r.cleared_at, now(), 'a run of tables that were dropped') FROM pollseed_runs AS r JOIN dropped_run USING (run_id);

SELECT * FROM finish();
ROLLBACK;
