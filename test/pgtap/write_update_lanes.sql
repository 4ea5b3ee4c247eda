-- Both lanes fill a column as UPDATE does.  Each case makes a table four times, in subtransactions that are undone: filled by
-- one plain UPDATE (where that raises an error, by one UPDATE a row, which shows what must be set aside), and by a backfill
-- through either lane and through the one that is chosen.  Then the rows, the bytes of their new versions and where they lie,
-- the toasted values, the indexes and the errors must be the same.
--
-- What this would catch: a lane that leaves out assignment casts, lengths of types, domains, generated columns, constraints,
-- triggers, rules or index entries, keeps dropped columns, toasts again what it did not touch or keeps pointers into another
-- table, takes a row of NULLs for no value, or sees its own batch where UPDATE does not.
BEGIN;
CREATE EXTENSION amcheck;
CREATE EXTENSION pageinspect;
CREATE EXTENSION btree_gist;
SET LOCAL timezone = 'Europe/Lisbon';
SET LOCAL client_min_messages = error;
SET LOCAL allow_system_table_mods = on;
SET LOCAL jit = off;
SET LOCAL pollseed.backfill_min_batch_size = 7;
SET LOCAL pollseed.backfill_max_batch_size = 7;

CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TYPE mood AS ENUM ('sad', 'calm', 'glad');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE wrapped AS (n int);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN tiny AS positive CHECK (VALUE < 15);
CREATE DOMAIN object AS jsonb CHECK (jsonb_typeof(VALUE) = 'object');
CREATE FUNCTION any_number(int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN true; END';
CREATE FUNCTION to_wrapped(n int) RETURNS wrapped LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN IF n % 5 = 0 THEN RETURN NULL; END IF; RETURN ROW(n)::wrapped; END';
CREATE FUNCTION built_array(n int) RETURNS int[] LANGUAGE plpgsql IMMUTABLE
    AS 'DECLARE a int[]; BEGIN FOR i IN 1..n LOOP a[i] := i; END LOOP; RETURN a; END';
CREATE FUNCTION long_text(n int) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT string_agg(md5(i::text || ' ' || n), '' ORDER BY i) FROM generate_series(1, 120) AS i $$;
CREATE TABLE elsewhere (id int PRIMARY KEY, v text);
ALTER TABLE elsewhere ALTER v SET STORAGE EXTERNAL;
INSERT INTO elsewhere SELECT i, long_text(i) FROM generate_series(1, 20) AS i;
CREATE TABLE log (n int, what text);
CREATE FUNCTION change_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.d := NEW.d || ''!''; RETURN NEW; END';
CREATE FUNCTION forget_value() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN IF NEW.id % 4 = 0 THEN NEW.c := NULL; ELSIF NEW.id % 4 = 1 THEN RETURN NULL; END IF; RETURN NEW; END';
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO log VALUES (NEW.id, TG_NAME || '' '' || coalesce(OLD.c::text, ''NULL'') || '' '' || NEW.c); RETURN NULL; END';
CREATE FUNCTION log_rows() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO log SELECT id, TG_NAME || '' '' || c FROM added; RETURN NULL; END';
CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN IF NEW.id = 9 THEN RAISE ''not nine'' USING ERRCODE = ''PT009''; END IF; RETURN NULL; END';

CREATE TABLE cases (
    place  serial,
    name   text PRIMARY KEY,
    type   text NOT NULL,                               -- of the column c that is filled
    value  text NOT NULL,                               -- over a row
    more   text NOT NULL DEFAULT '',                    -- what the case does to the table
    reason text,                                        -- a pattern for why the direct lane refuses; NULL: it does not
    errors boolean NOT NULL DEFAULT false,              -- whether some rows raise one
    bytes  boolean NOT NULL DEFAULT true,               -- whether the same versions must lie at the same places
    probe  text);                                       -- a condition that an index other than a B-tree answers

-- Types
INSERT INTO cases (name, type, value, more) VALUES
('jsonb', 'jsonb', 'jsonb_build_object(''id'', id, ''tags'', jsonb_build_array(d, id % 3))', ''),
('the same type', 'int', 'id * 2', ''),
('a cast to a smaller type', 'smallint', 'id::bigint * 3', ''),
('a cast that calls input and output', 'text', 'id', ''),
('a length that is kept by cutting off blanks', 'varchar(3)', 'repeat(''x'', id % 4) || repeat('' '', 5)', ''),
('padding', 'char(6)', '''v'' || id', ''),
('rounding', 'numeric(5,2)', '(id * 1.23456)::numeric', ''),
('precision of a time', 'timestamptz(0)', 'timestamptz ''2026-01-22 12:00:00.6+00'' + id * interval ''1 hour''', ''),
('a time without a zone', 'timestamp', 'timestamptz ''2026-03-29 00:30:00+00'' + id * interval ''10 min''', ''),
('a domain over a domain', 'tiny', 'id % 14 + 1', ''),
('a domain over jsonb', 'object', 'jsonb_build_object(''id'', id)', ''),
('an array', 'int[]', 'ARRAY[id, NULL, 2]', ''),
('an array with another length', 'varchar(2)[]', 'ARRAY[(id % 90)::text, ''a'']', ''),
('an enum', 'mood', 'CASE id % 3 WHEN 0 THEN ''sad'' WHEN 1 THEN ''calm'' ELSE ''glad'' END::mood', ''),
('a row', 'pair', 'ROW(id, ''x'' || id)::pair', ''),
('a row of nulls is a value', 'pair', 'ROW(NULL, NULL)::pair', ''),
('a row of nulls stays', 'pair', 'ROW(id, NULL)::pair', 'UPDATE filled SET c = ROW(NULL, NULL) WHERE id IN (2, 11)'),
('values that are there stay', 'text', '''new''', 'UPDATE filled SET c = ''theirs'' WHERE id % 6 = 0'),
('no data', 'int', 'NULLIF(id % 3, 0)', '');

-- Of arrays in memory UPDATE keeps another header than it does of those that a query returned.
INSERT INTO cases (name, type, value, bytes) VALUES ('an array as a function has built it', 'int[]', 'built_array(id)', false);

-- What the values need room for
INSERT INTO cases (name, type, value, more) VALUES
('long values', 'text', 'long_text(id)', ''),
('compressed values', 'text', 'repeat(d || id, 4000)', ''),
('values from elsewhere''s toast', 'text', '(SELECT v FROM elsewhere WHERE elsewhere.id = filled.id)', ''),
('values from the row''s own toast', 'text', 'e', 'UPDATE filled SET e = long_text(id)'),
('other columns that are toasted', 'jsonb', 'jsonb_build_object(''id'', id)',
 'ALTER TABLE filled ALTER e SET STORAGE EXTERNAL; UPDATE filled SET e = repeat(md5(id::text), id % 2 * 200)'),
('other columns that have to be toasted now', 'text', 'repeat(md5(d || id), 30)',
 'UPDATE filled SET e = (SELECT string_agg(md5(i::text || id), '''') FROM generate_series(1, 40) AS i)'),
('a value that fills a page', 'text', 'left(long_text(id), 3000)', 'ALTER TABLE filled ALTER c SET STORAGE PLAIN'),
('room on the page', 'int', 'id', 'ALTER TABLE filled SET (fillfactor = 50)'),
('columns that the rows do not have yet', 'int', 'id', 'ALTER TABLE filled ADD f int NOT NULL DEFAULT 7, ADD g text, ADD h text DEFAULT ''h'''),
('columns that are dropped', 'int', 'id', 'ALTER TABLE filled ADD f text DEFAULT ''f''; UPDATE filled SET f = id; ALTER TABLE filled DROP f, DROP e');

-- Generated columns and constraints
INSERT INTO cases (name, type, value, more, errors) VALUES
('generated columns', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 2) STORED, ADD g text GENERATED ALWAYS AS (d || ''g'') STORED,
  ADD h boolean GENERATED ALWAYS AS (tableoid <> 0) STORED', false),
('constraints that hold', 'int', 'id',
 'ALTER TABLE filled ADD CHECK (c BETWEEN 0 AND 99 AND tableoid <> 0), ADD CHECK (d <> ''x'') NOT VALID', false),
('a foreign key of another column', 'int', 'id',
 'ALTER TABLE filled ADD f int REFERENCES elsewhere DEFAULT 1; SET CONSTRAINTS ALL IMMEDIATE', false),
('a table that others refer to', 'int', 'id', 'CREATE TABLE child (f int REFERENCES filled); INSERT INTO child VALUES (3)', false),
('a key that others refer to', 'int', 'id',
 'ALTER TABLE filled ADD UNIQUE (c); CREATE TABLE child (f int REFERENCES filled (c)); INSERT INTO child VALUES (NULL)', false),
('too long', 'varchar(3)', 'repeat(''x'', id % 5)', '', true),
('too large', 'smallint', 'id::bigint * 3000', '', true),
('too large a number', 'numeric(5,2)', '(id * 100.456)::numeric', '', true),
('not in the domain', 'positive', 'id - 3', '', true),
('not in the domain over a domain', 'tiny', 'id', '', true),
('not in the domain over jsonb', 'object', 'CASE id % 7 WHEN 0 THEN ''[]'' ELSE jsonb_build_object(''id'', id) END', '', true),
('no such element', 'varchar(1)[]', 'ARRAY[''a'', id::text]', '', true),
('a constraint', 'int', 'id', 'ALTER TABLE filled ADD CONSTRAINT small CHECK (c NOT IN (4, 18))', true),
('a constraint on another column that was never checked', 'int', 'id',
 'ALTER TABLE filled ADD CONSTRAINT unproven CHECK (id <> 5) NOT VALID', true),
('a generated column that overflows', 'int', 'id', 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 200000000) STORED', true),
('a generated column that is NOT NULL', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (CASE WHEN c = 13 THEN NULL ELSE coalesce(c, 0) END) STORED NOT NULL', true),
('a constraint on a generated column', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 2) STORED CONSTRAINT small CHECK (f < 20)', true),
('a unique constraint', 'int', 'id % 17', 'ALTER TABLE filled ADD UNIQUE (c)', true),
('a unique constraint against what is there', 'int', 'id', 'ALTER TABLE filled ADD UNIQUE (c); INSERT INTO filled (id, c) VALUES (21, 4)', true),
('a unique index on an expression', 'int', 'id', 'CREATE UNIQUE INDEX ON filled ((c / 2))', true),
('a unique partial index', 'int', 'id % 17', 'CREATE UNIQUE INDEX ON filled (c) WHERE c > 1', true),
('a unique index with nulls alike', 'int', 'NULLIF(id % 17, 0)', 'UPDATE filled SET c = id + 100 WHERE id > 1; UPDATE filled SET c = -1 WHERE id = 7;
  CREATE UNIQUE INDEX ON filled (c) NULLS NOT DISTINCT', false),
('an exclusion constraint', 'int4range', 'int4range(id, id + 1 + (id IN (4, 12))::int)', 'ALTER TABLE filled ADD EXCLUDE USING gist (c WITH &&)', true),
('too large an index entry', 'text', 'CASE id WHEN 6 THEN long_text(6) ELSE d || id END', 'CREATE INDEX ON filled (c)', true),
('a foreign table''s partition''s bound', 'int', 'id',
 'CREATE TABLE whole (LIKE filled INCLUDING DEFAULTS) PARTITION BY LIST (c); DROP TABLE filled;
  CREATE TABLE filled (e text, c int, id int PRIMARY KEY, d text DEFAULT ''d'');
  INSERT INTO filled (id) SELECT generate_series(1, 20);
  ALTER TABLE whole ATTACH PARTITION filled FOR VALUES IN (NULL, 1, 2, 3, 17)', true);
UPDATE cases SET name = 'a partition''s bound' WHERE name LIKE '%bound';

-- Indexes
INSERT INTO cases (name, type, value, more, probe) VALUES
('an index on the column', 'int', 'id % 7', 'CREATE INDEX ON filled (c, d)', NULL),
('indexes on other columns', 'int', 'id', 'CREATE INDEX ON filled (d); CREATE INDEX ON filled (lower(e))', NULL),
('the index of what is to be filled', 'int', 'id', 'CREATE INDEX ON filled (id) WHERE c IS NULL', NULL),
('the index of what is filled', 'int', 'id', 'CREATE INDEX ON filled (id) WHERE c > 10', NULL),
('an index on an expression', 'text', '''V'' || id', 'CREATE INDEX ON filled (lower(c) COLLATE "C")', NULL),
('a covering index', 'int', 'id', 'CREATE UNIQUE INDEX ON filled (id) INCLUDE (c)', NULL),
('an index on a generated column', 'int', 'id', 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c % 5) STORED; CREATE INDEX ON filled (f)', NULL),
('GIN', 'jsonb', 'jsonb_build_object(''id'', id)', 'CREATE INDEX ON filled USING gin (c)', 'c ? ''id'''),
('GIN without a list', 'int[]', 'ARRAY[id, 2]', 'CREATE INDEX ON filled USING gin (c) WITH (fastupdate = off)', 'c @> ''{2}'''),
('GiST', 'int4range', 'int4range(id, id + 5)', 'CREATE INDEX ON filled USING gist (c)', 'c && ''[1,100)'''),
('SP-GiST', 'text', 'd || id', 'CREATE INDEX ON filled USING spgist (c)', 'c ^@ ''d'''),
('hash', 'int', '3', 'CREATE INDEX ON filled USING hash (c)', 'c = 3'),
('BRIN', 'int', 'id', 'CREATE INDEX ON filled USING brin (c) WITH (pages_per_range = 1)', 'c BETWEEN 1 AND 20'),
('BRIN beside a B-tree', 'int', 'id',
 'CREATE INDEX ON filled USING brin (c) WITH (pages_per_range = 1); CREATE INDEX ON filled (c)', 'c BETWEEN 1 AND 20');

-- Tables
INSERT INTO cases (name, type, value, more) VALUES
('unlogged', 'int', 'id', 'ALTER TABLE filled SET UNLOGGED'),
('a partition with columns in another order', 'int', 'id',
 'CREATE TABLE whole (LIKE filled INCLUDING DEFAULTS) PARTITION BY RANGE (id); DROP TABLE filled;
  CREATE TABLE filled (e text, gone int, c int, id int PRIMARY KEY, d text DEFAULT ''d''); ALTER TABLE filled DROP gone;
  INSERT INTO filled (id) SELECT generate_series(1, 20); CREATE INDEX ON whole (c, d);
  ALTER TABLE whole ATTACH PARTITION filled FOR VALUES FROM (0) TO (100)'),
('a child', 'int', 'id',
 'CREATE TABLE parent (LIKE filled INCLUDING DEFAULTS); ALTER TABLE parent ADD CONSTRAINT k CHECK (c > 0); ALTER TABLE filled ADD CONSTRAINT k CHECK (c > 0);
  ALTER TABLE filled INHERIT parent');

-- What the direct lane leaves to UPDATE, and what it need not
INSERT INTO cases (name, type, value, more, reason, errors, bytes) VALUES
('a trigger before each row', 'int', 'id', 'CREATE TRIGGER t BEFORE UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION change_row()', 'trigger "t"', false, false),
('a trigger on the column', 'int', 'id', 'CREATE TRIGGER t BEFORE UPDATE OF c ON filled FOR EACH ROW EXECUTE FUNCTION change_row()', 'trigger "t"', false, false),
('a trigger on another column', 'int', 'id', 'CREATE TRIGGER t BEFORE UPDATE OF e ON filled FOR EACH ROW EXECUTE FUNCTION change_row()', NULL, false, true),
('a trigger on a column generated from it', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 2) STORED;
  CREATE TRIGGER t BEFORE UPDATE OF f ON filled FOR EACH ROW EXECUTE FUNCTION change_row()', 'trigger "t"', false, false),
('a trigger that takes values away', 'int', 'id', 'CREATE TRIGGER t BEFORE UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION forget_value()', 'trigger "t"', false, false),
('a trigger after each row', 'int', 'id', 'CREATE TRIGGER t AFTER UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION log_row()', 'trigger "t"', false, true),
('a trigger with a condition', 'int', 'id', 'CREATE TRIGGER t AFTER UPDATE ON filled FOR EACH ROW WHEN (NEW.c > 5) EXECUTE FUNCTION log_row()', 'trigger "t"', false, true),
('a trigger after each statement', 'int', 'id',
 'CREATE TRIGGER t AFTER UPDATE ON filled REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION log_rows()', 'trigger "t"', false, true),
('a trigger that raises an error', 'int', 'id', 'CREATE TRIGGER t AFTER UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION refuse_row()', 'trigger "t"', true, false),
('a constraint trigger', 'int', 'id',
 'CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON filled DEFERRABLE FOR EACH ROW EXECUTE FUNCTION log_row()', 'trigger "t"', false, true),
('a trigger that always fires', 'int', 'id',
 'CREATE TRIGGER t AFTER UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION log_row(); ALTER TABLE filled ENABLE ALWAYS TRIGGER t', 'trigger "t"', false, true),
('a trigger that is disabled', 'int', 'id',
 'CREATE TRIGGER t BEFORE UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION change_row(); ALTER TABLE filled DISABLE TRIGGER t', NULL, false, true),
('triggers on other commands', 'int', 'id', 'CREATE TRIGGER t BEFORE INSERT OR DELETE ON filled FOR EACH ROW EXECUTE FUNCTION change_row()', NULL, false, true),
('a rule on another command', 'int', 'id', 'CREATE RULE r AS ON INSERT TO filled DO ALSO INSERT INTO log VALUES (NEW.id)', 'rules', false, true),
('its own foreign key', 'int', 'id', 'ALTER TABLE filled ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES elsewhere', 'foreign key "f"', false, true),
('its own foreign key without a parent', 'int', 'id + 3', 'ALTER TABLE filled ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES elsewhere', 'foreign key "f"', true, false),
('a foreign key that it is one column of', 'int', 'id',
 'CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs SELECT i, i FROM generate_series(1, 18) AS i;
  ALTER TABLE filled ADD CONSTRAINT f FOREIGN KEY (id, c) REFERENCES pairs', 'foreign key "f"', true, false),
('a foreign key of a column generated from it', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c + 1) STORED CONSTRAINT f REFERENCES elsewhere', 'foreign key "f"', true, false),
('a generated key that others refer to', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (coalesce(c, -id)) STORED UNIQUE;
  CREATE TABLE child (f int REFERENCES filled (f)); INSERT INTO child VALUES (-2)', 'generated from it is in a key', true, false),
('a check that a row still waits for', 'int', 'id',
 'ALTER TABLE filled ADD f int; ALTER TABLE filled ADD FOREIGN KEY (f) REFERENCES elsewhere DEFERRABLE INITIALLY DEFERRED; INSERT INTO filled (id, f) VALUES (21, 1)',
 'pending trigger events', false, true),
('a deferrable unique constraint', 'int', 'id', 'ALTER TABLE filled ADD CONSTRAINT u UNIQUE (c) DEFERRABLE', 'index "u"', false, true),
('a deferrable exclusion constraint', 'int', 'id', 'ALTER TABLE filled ADD CONSTRAINT u EXCLUDE USING btree (c WITH =) DEFERRABLE', 'index "u"', false, true),
('a volatile check', 'int', 'id', 'ALTER TABLE filled ADD CONSTRAINT v CHECK (any_number(c))', 'constraint "v".*volatile', false, true),
('a cast that gives no value', 'wrapped', 'id', 'CREATE CAST (int AS wrapped) WITH FUNCTION to_wrapped AS ASSIGNMENT', NULL, false, false),
('a volatile cast', 'wrapped', 'id',
 'ALTER FUNCTION to_wrapped VOLATILE; CREATE CAST (int AS wrapped) WITH FUNCTION to_wrapped AS ASSIGNMENT', 'column "c".*volatile', false, false),
('another access method', 'int', 'id',
 'ALTER TABLE filled RENAME TO old; CREATE TABLE filled USING heap2 AS SELECT * FROM old; ALTER TABLE filled ADD PRIMARY KEY (id)', 'access method', false, false),
('triggers in a replica', 'int', 'id',
 'CREATE TRIGGER t BEFORE UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION change_row(); SET LOCAL session_replication_role = replica',
 'session_replication_role', false, true),
('a table that Citus distributes', 'int', 'id',
 'CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass); INSERT INTO pg_dist_partition VALUES (''filled'')', '"citus"', false, true);

-- What came with PostgreSQL 18
INSERT INTO cases (name, type, value, more, errors)
SELECT * FROM (VALUES ('virtual generated columns', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 2) VIRTUAL, ADD g text GENERATED ALWAYS AS (d || ''g'')', false),
('a constraint on a virtual column', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (c * 2) VIRTUAL CONSTRAINT small CHECK (f < 30)', true),
('a virtual column that is NOT NULL', 'int', 'id',
 'ALTER TABLE filled ADD f int GENERATED ALWAYS AS (CASE WHEN c = 13 THEN NULL ELSE coalesce(c, 0) END) VIRTUAL NOT NULL', true),
('a NOT NULL that was never checked', 'int', 'id', 'UPDATE filled SET e = ''e'' WHERE id <> 6; ALTER TABLE filled ADD CONSTRAINT given NOT NULL e NOT VALID', true),
('constraints that are not enforced', 'int', 'id',
 'ALTER TABLE filled ADD CHECK (c < 0) NOT ENFORCED, ADD f int DEFAULT 99 REFERENCES elsewhere NOT ENFORCED', false)) AS v
 WHERE current_setting('server_version_num')::int >= 180000;

SELECT no_plan();

-- Fills the table with one UPDATE, or where that raises an error with one a row; returns the errors.
CREATE FUNCTION update_plainly(c cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    command text := format('UPDATE ONLY filled SET c = %1$s WHERE c IS NOT DISTINCT FROM NULL AND (%1$s) IS DISTINCT FROM NULL', c.value);
    errors text := '';
    row_id int;
BEGIN
    BEGIN
        EXECUTE command;
        RETURN '';
    EXCEPTION WHEN OTHERS THEN
    END;
    FOR row_id IN EXECUTE 'SELECT id FROM ONLY filled ORDER BY id' LOOP
        BEGIN
            EXECUTE command || ' AND id = $1' USING row_id;
        EXCEPTION WHEN OTHERS THEN
            errors := errors || format(E'%s: %s %s\n', row_id, SQLSTATE, SQLERRM);
        END;
    END LOOP;
    RETURN errors;
END $$;

-- Fills it with a backfill; tells the lane, or what error there was, and the rows that were set aside with theirs.
CREATE FUNCTION fill(c cases, OUT ran text, OUT errors text) LANGUAGE plpgsql AS $$
DECLARE
    code text;
    detail text;
BEGIN
    PERFORM pollseed_backfill_create('lanes', 'filled', 'c', format('SELECT id, %s FROM filled WHERE id = ANY ($1)', c.value),
                                     strategy => 'index', batch_size => 7);
    FOR i IN 1..6 LOOP
        EXIT WHEN (SELECT finished FROM pollseed_backfill_step('lanes'));
    END LOOP;
    SELECT lane INTO ran FROM pollseed_backfills WHERE name = 'lanes';
    SELECT coalesce(string_agg(format(E'%s: %s %s\n', key, sqlstate, message), '' ORDER BY key::int), '') INTO errors
      FROM pollseed_backfill_failures WHERE backfill = 'lanes';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
    ran := concat_ws(' ', code, SQLERRM, detail);
END $$;

-- All rows as text, with their sizes if asked for, and what triggers wrote.
CREATE FUNCTION rows_of_case(sizes boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    list text;
    result text;
BEGIN
    SELECT string_agg(CASE WHEN attgenerated = 'v' OR NOT sizes THEN quote_ident(attname)
                      ELSE format('%1$s::text, pg_column_size(%1$s), pg_column_compression(%1$s)', quote_ident(attname)) END, ', ' ORDER BY attnum) INTO list
      FROM pg_attribute WHERE attrelid = 'filled'::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('SELECT string_agg(ROW(%s)::text, E''\n'' ORDER BY id) FROM ONLY filled', list) INTO result;
    RETURN concat_ws(E'\n', result, (SELECT string_agg(l::text, E'\n' ORDER BY n, what COLLATE "C") FROM log AS l));
END $$;

-- The bytes of all versions of rows, where they lie, and which are heap-only; without the OIDs in pointers to toasted values.
CREATE FUNCTION bytes_of_case() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT string_agg(concat_ws('|', page, i.lp, i.lp_len, i.t_infomask2, i.t_infomask & 7, i.t_hoff, i.t_bits,
                                regexp_replace(encode(i.t_data, 'hex'), '(0112.{16}).{16}', '\1 value table ', 'g')), E'\n' ORDER BY page, i.lp)
      FROM generate_series(0, pg_relation_size('filled') / 8192 - 1) AS page, heap_page_items(get_raw_page('filled', page::int)) AS i
     WHERE i.t_data IS NOT NULL);
END $$;

-- The chunks of the toasted values, each value by its place.
CREATE FUNCTION toast_of_case() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE coalesce((SELECT format('SELECT string_agg(line, E''\n'' ORDER BY chunk_id, chunk_seq) FROM (SELECT chunk_id, chunk_seq,
                                     concat_ws(''|'', dense_rank() OVER (ORDER BY chunk_id), chunk_seq, md5(chunk_data)) AS line FROM %s) AS t', reltoastrelid::regclass)
                        FROM pg_class WHERE oid = 'filled'::regclass AND reltoastrelid <> 0), 'SELECT NULL') INTO result;
    RETURN result;
END $$;

-- Has amcheck look for each row in each B-tree, and counts what the index of another kind finds, when it is the only one.
CREATE FUNCTION indexes_of_case(c cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    i record;
    line text;
    result text;
BEGIN
    FOR i IN SELECT x.indexrelid::regclass AS index, a.amname FROM pg_index AS x JOIN pg_class AS r ON r.oid = x.indexrelid
               JOIN pg_am AS a ON a.oid = r.relam WHERE x.indrelid = 'filled'::regclass ORDER BY r.relname COLLATE "C" LOOP
        result := concat_ws('|', result, i.index);
        IF i.amname = 'btree' THEN
            PERFORM bt_index_check(i.index, heapallindexed => true);
        END IF;
        IF i.amname = 'btree' AND c.probe IS NOT NULL AND i.index::text !~ 'pkey' THEN
            EXECUTE 'DROP INDEX ' || i.index;
        END IF;
    END LOOP;
    IF c.probe IS NOT NULL THEN
        PERFORM set_config('enable_seqscan', 'off', true);
        FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT FROM filled WHERE ' || c.probe LOOP
            result := concat_ws(E'\n', result, substring(line FROM 'Index .*Scan .*'));
        END LOOP;
        EXECUTE 'SELECT count(*) FROM filled WHERE ' || c.probe INTO line;
        result := concat_ws(E'\n', result, line);
    END IF;
    RETURN result;
END $$;

CREATE TABLE outcomes (name text, way text, ran text, errors text, rows text, bytes text, toast text, indexes text, PRIMARY KEY (name, way));

CREATE FUNCTION try_case(c cases, way text) RETURNS outcomes LANGUAGE plpgsql AS $$
DECLARE
    o outcomes;
BEGIN
    o.name := c.name;
    o.way := way;
    EXECUTE format('CREATE TABLE filled (gone text, id int PRIMARY KEY, c %s, gone2 int DEFAULT 5 NOT NULL, d text DEFAULT ''d'', e text)', c.type);
    INSERT INTO filled (id) SELECT generate_series(1, 20);
    ALTER TABLE filled DROP gone, DROP gone2;
    EXECUTE c.more;
    IF way = 'update' THEN
        o.errors := update_plainly(c);
    ELSE
        PERFORM set_config('pollseed.write_lane', way, true);
        SELECT f.ran, f.errors INTO o.ran, o.errors FROM fill(c) AS f;
    END IF;
    o.rows := rows_of_case(c.bytes);
    o.toast := toast_of_case();
    IF c.bytes AND NOT c.errors THEN
        o.bytes := bytes_of_case();
    END IF;
    o.indexes := indexes_of_case(c);
    RAISE EXCEPTION SQLSTATE 'XX001';
EXCEPTION WHEN SQLSTATE 'XX001' THEN
    RETURN o;
END $$;

INSERT INTO outcomes
SELECT o.* FROM cases AS c, unnest('{update,spi,direct,auto}'::text[]) AS way, LATERAL try_case(c, way) AS o
 ORDER BY c.place;

-- All of an outcome that must be the same.
CREATE FUNCTION shown(o outcomes) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(E'\n', 'Errors:', o.errors, 'Rows:', o.rows, 'Bytes:', o.bytes, 'Toast:', o.toast, 'Indexes:', o.indexes) $$;

-- Compares two texts, and shows the first line that differs.
CREATE FUNCTION same(got text, want text, description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    differs record;
BEGIN
    IF got = want THEN
        RETURN pass(description);
    END IF;
    SELECT * INTO differs
      FROM regexp_split_to_table(got, E'\n') WITH ORDINALITY AS g(got, n)
      FULL JOIN regexp_split_to_table(want, E'\n') WITH ORDINALITY AS w(want, n) USING (n)
     WHERE g.got IS DISTINCT FROM w.want ORDER BY n LIMIT 1;
    RETURN fail(description) || E'\n' || diag(left(differs::text, 2000));
END $$;

CREATE FUNCTION compare(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    want outcomes := (SELECT r FROM outcomes AS r WHERE r.name = c.name AND r.way = 'update');
    o outcomes;
BEGIN
    IF (want.errors <> '') IS DISTINCT FROM c.errors THEN
        RETURN NEXT fail(c.name || ': UPDATE raises errors, or none') || E'\n' || diag(want.errors);
    END IF;
    FOR o IN SELECT * FROM outcomes AS r WHERE r.name = c.name AND r.way <> 'update' ORDER BY r.way LOOP
        IF o.way = 'direct' AND c.reason IS NOT NULL THEN
            RETURN NEXT matches(o.ran, '^55000 .*' || c.reason, c.name || ': the direct lane says why not');
        ELSIF o.ran IS DISTINCT FROM (CASE WHEN o.way <> 'auto' THEN o.way WHEN c.reason IS NULL THEN 'direct' ELSE 'spi' END) THEN
            RETURN NEXT fail(format('%s: %s takes the right lane', c.name, o.way)) || E'\n' || diag(o.ran);
        ELSE
            RETURN NEXT same(shown(o), shown(want), format('%s: %s does the same as UPDATE', c.name, o.way));
        END IF;
    END LOOP;
END $$;
SELECT compare(c) FROM cases AS c ORDER BY place;

-- Each batch is a statement of its own: it sees the batches before it, and nothing of itself.
CREATE TABLE seeing (id int PRIMARY KEY, c int);
CREATE FUNCTION filled_before() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(c) FROM seeing); END';
ALTER TABLE seeing ADD CHECK (c BETWEEN filled_before() + 1 AND filled_before() + 7);
CREATE FUNCTION see(way text, OUT lane text, OUT filled bigint, OUT quarantined bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pollseed.write_lane', way, true);
    INSERT INTO seeing SELECT generate_series(1, 20);
    PERFORM pollseed_backfill_create('seeing', 'seeing', 'c', 'SELECT k, k FROM unnest($1) AS k', strategy => 'index', batch_size => 7);
    PERFORM pollseed_backfill_step('seeing', 10);
    SELECT b.lane, b.filled, b.quarantined INTO lane, filled, quarantined FROM pollseed_backfills AS b WHERE name = 'seeing';
    RAISE EXCEPTION SQLSTATE 'XX001';
EXCEPTION WHEN SQLSTATE 'XX001' THEN
END $$;
SELECT results_eq('SELECT * FROM see(''direct'')', $$VALUES ('direct', 20::bigint, 0::bigint)$$, 'a batch sees those before it: direct');
SELECT results_eq('SELECT * FROM see(''spi'')', $$VALUES ('spi', 20::bigint, 0::bigint)$$, 'a batch sees those before it: spi');

-- What a source itself does to the table while it is asked stays, and what it moved is asked for again.
CREATE TABLE meddled (id int PRIMARY KEY, c text, d text DEFAULT 'd');
CREATE FUNCTION meddle(i int, was text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE meddled SET c = 'own' WHERE id = i AND i = 3;
    UPDATE meddled SET d = 'new' WHERE id = i AND i = 5;
    DELETE FROM meddled WHERE id = i AND i = 7;
    RETURN was || i;
END $$;
CREATE FUNCTION be_meddled(way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('pollseed.write_lane', way, true);
    INSERT INTO meddled SELECT generate_series(1, 8);
    PERFORM pollseed_backfill_create('meddled', 'meddled', 'c', 'SELECT id, CASE WHEN d = ''new'' THEN d || id ELSE meddle(id, d) END
                                                                   FROM meddled WHERE id = ANY ($1)');
    PERFORM pollseed_backfill_step('meddled', 10);
    SELECT concat_ws(' ', min(b.lane), min(b.filled), string_agg(concat_ws('=', m.id, m.c), ' ' ORDER BY m.id)) INTO result
      FROM meddled AS m, pollseed_backfills AS b WHERE b.name = 'meddled';
    RAISE EXCEPTION SQLSTATE 'XX001';
EXCEPTION WHEN SQLSTATE 'XX001' THEN
    RETURN result;
END $$;
SELECT is(be_meddled(way), way || ' 6 1=d1 2=d2 3=own 4=d4 5=new5 6=d6 8=d8', 'a source that writes: ' || way)
  FROM unnest('{spi,direct}'::text[]) AS way;

-- The lane is chosen anew for each batch.
CREATE TABLE changing (id int PRIMARY KEY, c int, d text DEFAULT 'd', e text);
INSERT INTO changing SELECT generate_series(1, 40);
CREATE FUNCTION step_lane() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_backfill_step('changing');
    RETURN (SELECT concat_ws(' ', lane, filled) FROM pollseed_backfills WHERE name = 'changing');
END $$;
SET LOCAL pollseed.write_lane = 'auto';
SELECT pollseed_backfill_create('changing', 'changing', 'c', 'SELECT k, k FROM unnest($1) AS k', strategy => 'index', batch_size => 7) \g /dev/null
SELECT is(lane, NULL, 'before the first batch there is no lane') FROM pollseed_backfills WHERE name = 'changing';
SELECT is(step_lane(), 'direct 7', 'a plain table is filled directly');
CREATE TRIGGER t BEFORE UPDATE ON changing FOR EACH ROW EXECUTE FUNCTION change_row();
SELECT is(step_lane(), 'spi 14', 'a trigger that came meanwhile has the next batch left to UPDATE');
SET LOCAL pollseed.write_lane = 'direct';
SELECT throws_ok('SELECT step_lane()', '55000', NULL, 'or is an error, where "direct" is asked for');
SELECT is(count(*), 0::bigint, 'which sets no row aside') FROM pollseed_backfill_failures WHERE backfill = 'changing';
DROP TRIGGER t ON changing;
SELECT is(step_lane(), 'direct 21', 'without the trigger the next is filled directly again');
SET LOCAL pollseed.write_lane = 'spi';
SELECT is(step_lane(), 'spi 28', 'or not, where "spi" is asked for');
SELECT results_eq('SELECT d, count(c), min(c) FROM changing GROUP BY d ORDER BY d COLLATE "C"', $$VALUES ('d', 21::bigint, 1), ('d!', 7, 8)$$,
                  'the trigger saw the rows of its time');

-- What neither lane does, each with the same error.
CREATE FUNCTION error_of(command text, way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM set_config('pollseed.write_lane', way, true);
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, NULLIF(detail, ''));
END $$;
CREATE FUNCTION neither(command text, error text, what text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT matches(error_of(command, way), error, format('%s: %s', what, way)) FROM unnest('{spi,direct,auto}'::text[]) AS way $$;
CREATE TABLE odd (id int PRIMARY KEY, c int, g int GENERATED ALWAYS AS (nullif(c, 0)) STORED, i int GENERATED ALWAYS AS IDENTITY);
INSERT INTO odd SELECT generate_series(1, 3);
SELECT neither($$SELECT pollseed_backfill_create('odd', 'odd', 'c', 'SELECT k, timestamp ''2026-01-22'' FROM unnest($1) AS k')$$,
               '^42804 .*"c".*integer.*timestamp', 'another type');
SELECT neither($$SELECT pollseed_backfill_create('odd', 'odd', 'g', 'SELECT k, k FROM unnest($1) AS k')$$, '^(428C9|55000) .*"g"', 'a generated column');
CREATE TABLE ruled (id int PRIMARY KEY, c int);
INSERT INTO ruled SELECT generate_series(1, 3);
CREATE RULE r AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT neither($$SELECT pollseed_backfill_create('ruled', 'ruled', 'c', 'SELECT k, k FROM unnest($1) AS k')$$, '^0A000 .*rule on UPDATE', 'a rule on UPDATE');
DROP RULE r ON ruled;
SELECT pollseed_backfill_create('ruled', 'ruled', 'c', 'SELECT k, k FROM unnest($1) AS k') \g /dev/null
CREATE RULE r AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT neither($$SELECT pollseed_backfill_step('ruled')$$, '^0A000 .*rule on UPDATE', 'a rule on UPDATE that came later');
CREATE TABLE published (id int NOT NULL, c int);
INSERT INTO published SELECT generate_series(1, 3);
CREATE PUBLICATION pollseed_test FOR TABLE published;
SELECT pollseed_backfill_create('published', 'published', 'c', 'SELECT k, k FROM unnest($1) AS k', key => 'id', strategy => 'block') \g /dev/null
SELECT is(error_of('SELECT pollseed_backfill_step(''published'')', way), error_of('UPDATE published SET c = id', way), 'no replica identity: ' || way)
  FROM unnest('{spi,direct,auto}'::text[]) AS way;
SELECT matches(error_of('UPDATE published SET c = id', 'spi'), '^55000 .*replica identity', 'which is an error of UPDATE');
ALTER TABLE published ADD PRIMARY KEY (id);
SELECT is(error_of('SELECT pollseed_backfill_step(''published'')', 'direct'), 'no error', 'with a key there is no error');
SELECT is(count(*), 3::bigint, 'and each row has its value') FROM published WHERE c = id;

-- A role with the right to update the column alone fills it by either lane, and one without by none.
CREATE ROLE pollseed_test_filler;
CREATE TABLE guarded (id int PRIMARY KEY, c int, d text);
INSERT INTO guarded SELECT generate_series(1, 3);
GRANT SELECT ON guarded TO pollseed_test_filler;
GRANT UPDATE (d) ON guarded TO pollseed_test_filler;
SET LOCAL ROLE pollseed_test_filler;
SELECT neither($$SELECT pollseed_backfill_create('guarded', 'guarded', 'c', 'SELECT k, k FROM unnest($1) AS k')$$, '^42501 .*guarded', 'no right to the column');
RESET ROLE;
GRANT UPDATE (c) ON guarded TO pollseed_test_filler;
CREATE FUNCTION fill_guarded(way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('pollseed.write_lane', way, true);
    PERFORM pollseed_backfill_create('guarded', 'guarded', 'c', 'SELECT k, k FROM unnest($1) AS k');
    PERFORM pollseed_backfill_step('guarded', 10);
    SELECT concat_ws(' ', lane, filled) INTO result FROM pollseed_backfills WHERE name = 'guarded';
    RAISE EXCEPTION SQLSTATE 'XX001';
EXCEPTION WHEN SQLSTATE 'XX001' THEN
    RETURN result;
END $$;
SET LOCAL ROLE pollseed_test_filler;
SELECT is(fill_guarded(way), way || ' 3', 'the right to the column is enough: ' || way) FROM unnest('{spi,direct}'::text[]) AS way;
RESET ROLE;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (true);
SET LOCAL ROLE pollseed_test_filler;
SELECT neither($$SELECT pollseed_backfill_create('guarded', 'guarded', 'c', 'SELECT k, k FROM unnest($1) AS k')$$, '^42501 .*row-level security', 'row-level security');
RESET ROLE;

SELECT finish();
ROLLBACK;
