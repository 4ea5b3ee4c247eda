-- Both lanes ask for the same privileges as INSERT does, and what tables call runs as the caller.
--
-- A lane that bypassed the executor's checks would write where INSERT may not, or tell in an error what the caller may not
-- read.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;

CREATE TABLE cases (
    place  serial,
    name   text PRIMARY KEY,
    grants text NOT NULL,          -- what the role has beyond the schema
    code   text,                   -- NULL: the seeding succeeds
    message text);
INSERT INTO cases (name, grants, code, message) VALUES
('all privileges', 'GRANT ALL ON options, events, events_id_seq TO seeder', NULL, NULL),
('nothing', '', '42501', 'permission denied for table options'),
('no privilege on the events', 'GRANT ALL ON options TO seeder', '42501', 'permission denied for table events'),
('read-only events', 'GRANT ALL ON options TO seeder; GRANT SELECT, UPDATE, DELETE ON events TO seeder', '42501',
 'permission denied for table events'),
('events that may only be inserted', 'GRANT ALL ON options, events_id_seq TO seeder; GRANT INSERT ON events TO seeder', NULL, NULL),
('no privilege on a column', 'GRANT ALL ON options, events_id_seq TO seeder;
  GRANT INSERT (id, option_id, inserted_at, note) ON events TO seeder', '42501', 'permission denied for table events'),
('the columns that are written and no others', 'GRANT USAGE ON events_id_seq TO seeder;
  GRANT SELECT (id, text, votes), UPDATE (votes) ON options TO seeder;
  GRANT INSERT (option_id, votes_after, inserted_at) ON events TO seeder', NULL, NULL),
('no privilege to read a column of the options', 'GRANT SELECT (id, text), UPDATE (votes) ON options TO seeder;
  GRANT ALL ON events, events_id_seq TO seeder', '42501', 'permission denied for table options'),
('read-only options', 'GRANT SELECT ON options TO seeder; GRANT ALL ON events, events_id_seq TO seeder', '42501',
 'permission denied for table options'),
('no privilege to update the counts', 'GRANT SELECT, UPDATE (text) ON options TO seeder; GRANT ALL ON events, events_id_seq TO seeder',
 '42501', 'permission denied for table options'),
('no privilege on the sequence', 'GRANT ALL ON options, events TO seeder', '42501', 'permission denied for sequence events_id_seq'),
('identity needs no privilege on its sequence', 'ALTER TABLE events ALTER id DROP DEFAULT, ALTER id ADD GENERATED ALWAYS AS IDENTITY;
  GRANT ALL ON options, events TO seeder', NULL, NULL),
('no privilege on the function of a default', 'GRANT ALL ON options, events, events_id_seq TO seeder;
  REVOKE EXECUTE ON FUNCTION caller FROM PUBLIC', '42501', 'permission denied for function caller'),
('no privilege on the function of a check', 'GRANT ALL ON options, events, events_id_seq TO seeder;
  CREATE FUNCTION fine(bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS ''BEGIN RETURN true; END'';
  ALTER TABLE events ADD CHECK (fine(votes_after)); REVOKE EXECUTE ON FUNCTION fine FROM PUBLIC',
 '42501', 'permission denied for function fine'),
('a parent that the role may not read', 'CREATE TABLE parents (id bigint PRIMARY KEY); INSERT INTO parents VALUES (1), (2);
  ALTER TABLE events ADD FOREIGN KEY (option_id) REFERENCES parents; GRANT ALL ON options, events, events_id_seq TO seeder',
 NULL, NULL),
('privileges on another schema only', 'GRANT ALL ON options, events, events_id_seq TO seeder; CREATE SCHEMA hidden;
  ALTER TABLE events SET SCHEMA hidden', '42501', 'permission denied for schema hidden'),
('a row that the role may not see', 'GRANT ALL ON options, events_id_seq TO seeder;
  GRANT INSERT (option_id, votes_after, inserted_at) ON events TO seeder; ALTER TABLE events ADD CHECK (note = ''x'')',
 '23514', 'new row for relation "events" violates check constraint "events_note_check"');

SELECT plan((SELECT 3 * count(*) FROM cases)::int + 6);

CREATE ROLE seeder;
CREATE FUNCTION attempt(c cases, setting text, OUT lane text, OUT code text, OUT message text, OUT whole text, OUT callers text)
LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text; table_name text; target oid;
BEGIN
    EXECUTE format('CREATE SCHEMA %I', c.place || setting);
    PERFORM set_config('search_path', format('%I, public', c.place || setting), true),
            set_config('pollseed.write_lane', setting, true);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO seeder', c.place || setting);
    CREATE TABLE options (id bigint PRIMARY KEY, text text, votes bigint NOT NULL DEFAULT 0, note text);
    INSERT INTO options VALUES (1, 'Python', 0), (2, 'Go', 0);
    CREATE FUNCTION caller() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN current_user; END';
    CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, note text DEFAULT caller(),
                         secret text DEFAULT 'secret');
    target := 'events'::regclass;
    EXECUTE c.grants;
    BEGIN
        SET LOCAL ROLE seeder;
        SELECT s.lane INTO STRICT lane
          FROM pollseed_seed(40, seed => 1, ends_at => '2026-01-22', batch_size => 15, events => target) AS s;
        RESET ROLE;
        EXECUTE format('SELECT string_agg(DISTINCT note, '','') || count(*) FROM %s', target::regclass) INTO callers;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT, table_name = TABLE_NAME;
    END;
    whole := concat_ws(E'\n', message, NULLIF(detail, ''), NULLIF(hint, ''), NULLIF(table_name, ''));
    PERFORM set_config('search_path', 'public', true);
    EXECUTE 'DROP SCHEMA IF EXISTS hidden CASCADE';
END $$;

CREATE FUNCTION check_case(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    spi record := attempt(c, 'spi');
    direct record := attempt(c, 'direct');
BEGIN
    RETURN NEXT is(concat_ws(' ', spi.code, spi.message, spi.lane), concat_ws(' ', c.code, c.message, CASE WHEN c.code IS NULL THEN 'spi' END),
                   c.name || ': the SPI lane');
    RETURN NEXT is(concat_ws(' ', direct.code, direct.whole, direct.lane),
                   concat_ws(' ', spi.code, spi.whole, CASE WHEN spi.code IS NULL THEN 'direct' END), c.name || ': the direct lane');
    RETURN NEXT is(direct.callers, spi.callers, c.name || ': the same is written, with defaults computed as the caller');
END $$;
SELECT check_case(c) FROM cases AS c ORDER BY place;

SELECT is((attempt(c, 'auto')).callers, 'seeder40', 'the function of a default runs as the caller') FROM cases AS c
 WHERE name = 'all privileges';
SELECT unalike((attempt(c, 'auto')).whole, '%secret%', 'an error does not tell what the caller may not read') FROM cases AS c
 WHERE name = 'a row that the role may not see';

-- Of the ledger a role sees its own runs, and writes none but by seeding.
SET LOCAL ROLE seeder;
SELECT ok((SELECT count(*) > 0 AND every(run_by = 'seeder') FROM pollseed_runs), 'a role sees its own runs');
SELECT throws_ok('INSERT INTO pollseed.runs DEFAULT VALUES', '42501', NULL, 'a role cannot write the ledger');
SELECT throws_ok('SELECT FROM pollseed.runs', '42501', NULL, 'nor read the table behind it');
RESET ROLE;
SELECT is((SELECT count(*) FROM pollseed_runs), (SELECT count(*) FROM pollseed.runs), 'a superuser sees all runs');

SELECT finish();
ROLLBACK;
