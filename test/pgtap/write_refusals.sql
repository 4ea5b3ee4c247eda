-- Which tables the direct lane leaves to INSERT: for each kind, "auto" takes the SPI lane, "direct" is an error that names
-- the reason, and what the table asks for happens: triggers fire, rules apply, policies are enforced.
--
-- A lane that looked at less than all of these would write rows past a trigger, a rule or a policy.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = error;
SET LOCAL allow_system_table_mods = on;

CREATE TABLE cases (
    place  serial,
    name   text PRIMARY KEY,
    reason text,                                        -- a pattern for the detail of the error; NULL: the direct lane runs
    events text NOT NULL,
    probe  text NOT NULL DEFAULT 'SELECT count(*) = 90 FROM events');  -- whether it happened what should, by either lane

INSERT INTO cases (name, reason, events, probe) VALUES
('plain table', NULL, '', DEFAULT),
('trigger before each row', 'trigger "t"',
 'CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION change_row()',
 'SELECT count(*) = 90 AND every(note = ''changed'') FROM events'),
('trigger after each row', 'trigger "t"',
 'CREATE TRIGGER t AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION log_row()', 'SELECT count(*) = 90 FROM log'),
('trigger before each statement', 'trigger "t"',
 'CREATE TRIGGER t BEFORE INSERT ON events EXECUTE FUNCTION log_statement()', 'SELECT count(*) = 3 FROM log'),
('trigger after each statement', 'trigger "t"',
 'CREATE TRIGGER t AFTER INSERT OR DELETE ON events EXECUTE FUNCTION log_statement()', 'SELECT count(*) = 3 FROM log'),
('trigger with a transition table', 'trigger "t"',
 'CREATE TRIGGER t AFTER INSERT ON events REFERENCING NEW TABLE AS added EXECUTE FUNCTION log_added()',
 'SELECT sum(n) = 90 FROM log'),
('trigger with a condition', 'trigger "t"',
 'CREATE TRIGGER t AFTER INSERT ON events FOR EACH ROW WHEN (NEW.votes_after > 30) EXECUTE FUNCTION log_row()',
 'SELECT count(*) > 0 FROM log'),
('constraint trigger', 'trigger "t"',
 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_row();
  SET CONSTRAINTS ALL IMMEDIATE', 'SELECT count(*) = 90 FROM log'),
('trigger inherited from a partitioned table', 'trigger "t"',
 'CREATE TABLE whole (LIKE events INCLUDING DEFAULTS) PARTITION BY RANGE (id);
  ALTER TABLE whole ATTACH PARTITION events DEFAULT;
  CREATE TRIGGER t AFTER INSERT ON whole FOR EACH ROW EXECUTE FUNCTION log_row()', 'SELECT count(*) = 90 FROM log'),
('trigger that always fires', 'trigger "t"',
 'CREATE TRIGGER t AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION log_row(); ALTER TABLE events ENABLE ALWAYS TRIGGER t',
 'SELECT count(*) = 90 FROM log'),
('trigger that is disabled', NULL,
 'CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION change_row(); ALTER TABLE events DISABLE TRIGGER t',
 'SELECT count(*) = 90 AND every(note IS NULL) FROM events'),
('triggers on other commands', NULL,
 'CREATE TRIGGER t BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION log_row();
  CREATE TRIGGER t2 AFTER TRUNCATE ON events EXECUTE FUNCTION log_statement()', DEFAULT),
('rule that does something instead', 'rules',
 'CREATE RULE r AS ON INSERT TO events DO INSTEAD INSERT INTO log (n) VALUES (NEW.votes_after)',
 'SELECT count(*) = 90 AND NOT EXISTS (SELECT FROM events) FROM log'),
('rule that does nothing instead', 'rules', 'CREATE RULE r AS ON INSERT TO events DO INSTEAD NOTHING',
 'SELECT NOT EXISTS (SELECT FROM events)'),
('rule that does something also', 'rules',
 'CREATE RULE r AS ON INSERT TO events DO ALSO INSERT INTO log (n) VALUES (NEW.votes_after)',
 'SELECT count(*) = 90 AND (SELECT count(*) FROM events) = 90 FROM log'),
('view', 'view', 'ALTER TABLE events RENAME TO rows; CREATE VIEW events AS SELECT * FROM rows', 'SELECT count(*) = 90 FROM rows'),
('view with a trigger', 'view',
 'CREATE VIEW seen AS SELECT e.*, 1 AS one FROM events AS e GROUP BY id; ALTER TABLE events RENAME TO rows;
  ALTER VIEW seen RENAME TO events;
  CREATE TRIGGER t INSTEAD OF INSERT ON events FOR EACH ROW EXECUTE FUNCTION log_row()', 'SELECT count(*) = 90 FROM log'),
('partitioned table', 'partitioned',
 'ALTER TABLE events RENAME TO old; CREATE TABLE events (LIKE old INCLUDING DEFAULTS) PARTITION BY HASH (option_id);
  CREATE TABLE p0 PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE p1 PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 1)', DEFAULT),
('table of another access method', 'access method',
 'ALTER TABLE events RENAME TO old; CREATE TABLE events (LIKE old INCLUDING DEFAULTS) USING heap2', DEFAULT),
('deferrable foreign key', 'foreign key "f".*deferrable',
 'ALTER TABLE events ADD CONSTRAINT f FOREIGN KEY (option_id) REFERENCES options DEFERRABLE', DEFAULT),
('deferred foreign key', 'foreign key "f".*deferrable',
 'ALTER TABLE events ADD CONSTRAINT f FOREIGN KEY (option_id) REFERENCES options DEFERRABLE INITIALLY DEFERRED', DEFAULT),
('deferrable unique constraint', 'index "u"', 'ALTER TABLE events ADD CONSTRAINT u UNIQUE (id, option_id) DEFERRABLE', DEFAULT),
('deferrable exclusion constraint', 'index "u"',
 'ALTER TABLE events ADD CONSTRAINT u EXCLUDE USING hash (id WITH =) DEFERRABLE INITIALLY DEFERRED', DEFAULT),
('volatile default', 'column "extra".*volatile', 'ALTER TABLE events ADD extra bigint DEFAULT count_events()',
 'SELECT every(extra = id - 1) FROM events'),
('volatile default that no value needs', NULL, 'ALTER TABLE events ALTER votes_after SET DEFAULT count_events()', DEFAULT),
('volatile function within a default', 'column "extra".*volatile',
 'ALTER TABLE events ADD extra text DEFAULT (CASE WHEN count_events() > 3 THEN ''many'' ELSE ''few'' END) || ''!''',
 'SELECT every(extra = CASE WHEN id > 4 THEN ''many!'' ELSE ''few!'' END) FROM events'),
('current value of a sequence as default', 'column "extra".*volatile',
 'ALTER TABLE events ADD extra bigint DEFAULT currval(''events_id_seq'')', 'SELECT every(extra = id) FROM events'),
('volatile check', 'constraint "c".*volatile', 'ALTER TABLE events ADD CONSTRAINT c CHECK (count_events() = id - 1)', DEFAULT),
('volatile operator in a check', 'constraint "c".*volatile',
 'CREATE OPERATOR === (FUNCTION = volatile_equal, LEFTARG = bigint, RIGHTARG = bigint);
  ALTER TABLE events ADD CONSTRAINT c CHECK (votes_after === votes_after)', DEFAULT),
('volatile check of a domain', 'volatile',
 'CREATE DOMAIN counted AS int DEFAULT 1 CHECK (count_events() IS NOT NULL); ALTER TABLE events ADD extra counted;
  ALTER DOMAIN counted ADD CHECK (count_events() < 90)', DEFAULT),
('volatile check of a domain that is written', 'volatile',
 'CREATE DOMAIN counted AS bigint CHECK (VALUE IS NULL OR count_events() >= VALUE - 1); ALTER TABLE events ALTER votes_after TYPE counted',
 DEFAULT),
('volatile default of a domain', 'column "extra".*volatile',
 'CREATE DOMAIN counted AS bigint DEFAULT count_events(); ALTER TABLE events ADD extra counted',
 'SELECT every(extra = id - 1) FROM events'),
('volatile cast', 'volatile',
 'CREATE TYPE numbered AS (option_id bigint, number bigint);
  CREATE FUNCTION number(n bigint) RETURNS numbered LANGUAGE sql AS ''SELECT n, count_events()'';
  CREATE CAST (bigint AS numbered) WITH FUNCTION number AS ASSIGNMENT;
  ALTER TABLE events DROP option_id, ADD option_id numbered',
 'SELECT every((option_id).number = id - 1) FROM events'),
('distributed by citus', '"citus"',
 'CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass); INSERT INTO pg_dist_partition VALUES (''events'')', DEFAULT),
('not distributed by citus', NULL,
 'CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass); INSERT INTO pg_dist_partition VALUES (''options'')', DEFAULT),
('hypertable', '"timescaledb"',
 'CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable (schema_name name, table_name name);
  INSERT INTO _timescaledb_catalog.hypertable VALUES (current_schema, ''events'')', DEFAULT),
('no hypertable', NULL,
 'CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable (schema_name name, table_name name);
  INSERT INTO _timescaledb_catalog.hypertable VALUES (''other'', ''events''), (current_schema, ''options'')', DEFAULT),
('chunk of a hypertable', '"timescaledb"',
 'CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.chunk (schema_name name, table_name name);
  INSERT INTO _timescaledb_catalog.chunk VALUES (current_schema, ''events'')', DEFAULT),
('triggers in a replica', 'session_replication_role',
 'CREATE TABLE parents (id bigint PRIMARY KEY); ALTER TABLE events ADD FOREIGN KEY (option_id) REFERENCES parents;
  SET LOCAL session_replication_role = replica', DEFAULT),
('no triggers in a replica', NULL, 'SET LOCAL session_replication_role = replica', DEFAULT),
('row-level security for others', NULL, 'ALTER TABLE events ENABLE ROW LEVEL SECURITY', DEFAULT),
('row-level security for the owner', 'Row-level security',
 'ALTER TABLE events OWNER TO pollseed_test_owner; ALTER TABLE events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY p ON events USING (true) WITH CHECK (votes_after < 1000); SET LOCAL ROLE pollseed_test_owner', DEFAULT),
('row-level security that spares the owner', NULL,
 'ALTER TABLE events OWNER TO pollseed_test_owner; ALTER TABLE events ENABLE ROW LEVEL SECURITY;
  SET LOCAL ROLE pollseed_test_owner', DEFAULT),
('row-level security', 'Row-level security',
 'ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON events USING (true); SET LOCAL ROLE pollseed_test_owner', DEFAULT);

SELECT plan((SELECT 2 * count(*) + count(reason) FROM cases)::int + 15);

CREATE ROLE pollseed_test_owner;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;

CREATE FUNCTION make_tables() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE options (id bigint PRIMARY KEY, text text, votes bigint NOT NULL DEFAULT 0);
    INSERT INTO options VALUES (1, 'Python', 0), (2, 'Go', 0);
    CREATE TABLE events (id bigserial PRIMARY KEY, option_id bigint, votes_after bigint, inserted_at timestamptz, note text);
    CREATE TABLE log (n bigint);
    CREATE FUNCTION change_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''changed''; RETURN NEW; END';
    CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO log VALUES (NEW.votes_after); RETURN NEW; END';
    CREATE FUNCTION log_statement() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (NULL); RETURN NULL; END';
    CREATE FUNCTION log_added() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO log SELECT count(*) FROM added; RETURN NULL; END';
    CREATE FUNCTION count_events() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM events); END';
    CREATE FUNCTION volatile_equal(a bigint, b bigint) RETURNS boolean LANGUAGE sql RETURN a = b AND count_events() < 90;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO pollseed_test_owner;
    EXECUTE format('GRANT ALL ON SCHEMA %1$I TO pollseed_test_owner; GRANT ALL ON ALL TABLES IN SCHEMA %1$I TO pollseed_test_owner;
                    GRANT ALL ON ALL SEQUENCES IN SCHEMA %1$I TO pollseed_test_owner', current_schema);
END $$;

-- Seeds a case as a setting has it; tells the lane, or what error there was, and whether it happened what should.
CREATE FUNCTION attempt(c cases, setting text, OUT lane text, OUT code text, OUT detail text, OUT hint text, OUT happened boolean)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pollseed.write_lane', setting, true);
    EXECUTE format('CREATE SCHEMA %I', c.place || setting);
    PERFORM set_config('search_path', format('%I, public', c.place || setting), true);
    PERFORM make_tables();
    EXECUTE c.events;
    BEGIN
        SELECT s.lane INTO STRICT lane
          FROM pollseed_seed(90, seed => 1, ends_at => '2026-01-22', batch_size => 40, events => 'events') AS s;
        EXECUTE c.probe INTO happened;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    END;
    -- What the case set or made outside its schema goes again.
    RAISE EXCEPTION SQLSTATE 'XX001';
EXCEPTION WHEN SQLSTATE 'XX001' THEN
END $$;

CREATE FUNCTION check_case(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    automatic record := attempt(c, 'auto');
    direct record := attempt(c, 'direct');
BEGIN
    IF c.reason IS NULL THEN
        RETURN NEXT is(automatic.lane, 'direct', c.name || ': is written directly');
        RETURN NEXT ok(coalesce(automatic.happened, false), c.name || ': with the result that it should have');
        RETURN;
    END IF;
    RETURN NEXT is(automatic.lane, 'spi', c.name || ': is left to the SPI lane');
    RETURN NEXT ok(coalesce(automatic.happened, false), c.name || ': happens as it should');
    RETURN NEXT CASE WHEN direct.code = '55000' AND direct.detail ~ c.reason AND direct.hint ~ 'pollseed.write_lane'
                     THEN pass(c.name || ': is an error that says why where "direct" is asked for')
                     ELSE fail(c.name || ': is an error that says why where "direct" is asked for')
                          || E'\n' || diag(direct::text) END;
END $$;
SELECT check_case(c) FROM cases AS c ORDER BY place;

-- Policies hold on the SPI lane, and where the session wants no silent policies that is said.
SET LOCAL search_path = public;
CREATE SCHEMA policies;
SET LOCAL search_path = policies, public;
SELECT make_tables() \g /dev/null
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON events WITH CHECK (votes_after < 30);
RESET pollseed.write_lane;
SET LOCAL ROLE pollseed_test_owner;
SELECT throws_ok($$SELECT pollseed_seed(90, seed => 1, events => 'events')$$, '42501',
    'new row violates row-level security policy for table "events"', 'a policy is enforced');
SET LOCAL row_security = off;
SELECT throws_ok($$SELECT pollseed_seed(90, seed => 1, events => 'events')$$, '42501',
    'query would be affected by row-level security policy for table "events"', 'row_security = off is respected');
SET LOCAL row_security = on;
RESET ROLE;
SELECT is_empty('SELECT FROM events', 'and nothing stays behind');
SELECT is(sum(votes), 0::numeric, 'nor in the counts') FROM options;
SELECT is((SELECT lane FROM pollseed_seed(90, seed => 1, events => 'events')), 'direct', 'a superuser is above policies');

-- A table that is eligible is written by either lane where a setting says so.
SET LOCAL pollseed.write_lane = 'spi';
SELECT is((SELECT lane FROM pollseed_seed(10, seed => 1, events => 'events')), 'spi', 'write_lane = spi');
SET LOCAL pollseed.write_lane = 'direct';
SELECT is((SELECT lane FROM pollseed_seed(10, seed => 1, events => 'events')), 'direct', 'write_lane = direct');
SELECT bag_eq('SELECT lane FROM pollseed_runs WHERE relation = ''policies.events''', $$VALUES ('direct'), ('spi'), ('direct')$$,
    'the ledger knows the lanes');

-- A seeding within a trigger of a seeding: each has its own batch.
CREATE TABLE outer_events (LIKE events INCLUDING DEFAULTS);
CREATE FUNCTION seed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_seed(20, seed => 2, events => 'events');
    RETURN NULL;
END $$;
CREATE TRIGGER t AFTER INSERT ON outer_events EXECUTE FUNCTION seed_once();
SET LOCAL pollseed.write_lane = 'spi';
SELECT lives_ok($$SELECT pollseed_seed(30, seed => 3, batch_size => 15, events => 'outer_events')$$,
    'a seeding within a seeding');
SELECT results_eq('SELECT (SELECT count(*) FROM outer_events), (SELECT count(*) FROM events)', 'VALUES (30::bigint, 150::bigint)',
    'both write all that they should');

-- What tells whose a table is may be out of the caller's sight, and nobody may slip in something of his own in its place: it
-- would run with the rights of whoever seeds.
RESET pollseed.write_lane;
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.hypertable (schema_name name, table_name name);
ALTER TABLE outer_events DISABLE TRIGGER t;
ALTER TABLE events DISABLE ROW LEVEL SECURITY;
SET LOCAL ROLE pollseed_test_owner;
SELECT lives_ok($$SELECT pollseed_seed(10, seed => 3, events => 'events')$$, 'a catalog that the caller may not read is no hindrance');
RESET ROLE;
DROP SCHEMA _timescaledb_catalog CASCADE;
CREATE SCHEMA _timescaledb_catalog AUTHORIZATION pollseed_test_owner;
CREATE TABLE spied (who name);
GRANT INSERT ON spied TO PUBLIC;
SET LOCAL ROLE pollseed_test_owner;
CREATE FUNCTION _timescaledb_catalog.spy() RETURNS name LANGUAGE plpgsql
    AS $$BEGIN INSERT INTO policies.spied VALUES (current_user); RETURN 'events'; END$$;
CREATE VIEW _timescaledb_catalog.hypertable AS SELECT name 'policies' AS schema_name, _timescaledb_catalog.spy() AS table_name;
RESET ROLE;
SELECT pollseed_seed(10, seed => 3, events => 'events') \g /dev/null
SELECT is_empty('SELECT who FROM spied', 'a catalog that another role made does not run as the caller');

-- The settings themselves.
SELECT results_eq($$SELECT boot_val, context, enumvals FROM pg_settings WHERE name = 'pollseed.write_lane'$$,
    $$VALUES ('auto', 'user', '{auto,spi,direct}'::text[])$$, 'pollseed.write_lane is a setting of the user');
SELECT throws_ok($$SET pollseed.write_lane = 'fast'$$, '22023', 'invalid value for parameter "pollseed.write_lane": "fast"',
    'it takes no other value');
SELECT throws_ok($$SET pollseed.write_lan = 'spi'$$, '42602', 'invalid configuration parameter name "pollseed.write_lan"',
    'other settings of the prefix are refused');

SELECT finish();
ROLLBACK;
