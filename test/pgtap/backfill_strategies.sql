-- What each strategy, and each kind of key and table, comes to: the same rows with the same values, and nothing left.
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL timezone = 'UTC';
SELECT no_plan();

\ir include/error_of.sql
-- Runs a backfill in steps, as far as it goes, and says how many rows were filled, had no data, and were set aside.
CREATE FUNCTION run(backfill text, batches integer DEFAULT 3) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s record; filled bigint := 0; no_data bigint := 0; quarantined bigint := 0; skipped bigint := 0; calls integer := 0;
BEGIN
    LOOP
        SELECT * INTO s FROM pollseed_backfill_step(backfill, batches);
        filled := filled + s.filled; no_data := no_data + s.no_data; quarantined := quarantined + s.quarantined; skipped := skipped + s.skipped;
        calls := calls + 1;
        IF s.finished THEN
            RETURN concat_ws(' ', filled, no_data, quarantined, skipped);
        ELSIF calls > 2000 THEN
            RETURN 'does not end';
        END IF;
    END LOOP;
END $$;

-- What 'auto' chooses, and why
CREATE TABLE chosen (id integer PRIMARY KEY, value text, filler text) WITH (autovacuum_enabled = off);
INSERT INTO chosen SELECT i, CASE WHEN i > 100 THEN 'had' END, repeat('x', 100) FROM generate_series(1, 1000) AS i;
CREATE FUNCTION choice(backfill text) RETURNS text LANGUAGE sql AS
    $$ SELECT strategy || ': ' || strategy_reason FROM pollseed_backfills WHERE name = backfill $$;
CREATE FUNCTION chosen(about text, strategy text DEFAULT 'auto') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_backfill_create(about, 'chosen', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', strategy => chosen.strategy, batch_size => 10);
    PERFORM pollseed_backfill_step(about);
    RETURN choice(about);
END $$;
SELECT is(chosen('no index'), 'block: no index on (id) has just the rows where "value" is null', 'without a partial index blocks are read');
CREATE INDEX chosen_null_idx ON chosen (id) WHERE value IS NULL;
SELECT is(chosen('unknown'), 'block: "value" is null in an unknown part of the rows, so blocks are read in order; index "chosen_null_idx" makes every update write to all indexes',
    'so they are where nothing is known of the column');
ANALYZE chosen;
SELECT is(chosen('few'), 'index: index "chosen_null_idx" has just the rows where "value" is null, 8 % of all', 'with few rows without a value the index is read');
UPDATE chosen SET value = CASE WHEN id <= 300 THEN 'had' END;
ANALYZE chosen;
SELECT is(chosen('many'), 'block: "value" is null in 70 % of the rows, so blocks are read in order; index "chosen_null_idx" makes every update write to all indexes',
    'with many rows it is not');
SELECT is(chosen('asked', 'index'), 'index: asked for; index "chosen_null_idx" has the keys in order', 'a strategy that is asked for is taken');
SELECT is(chosen('asked for blocks', 'block'), 'block: asked for', 'either');
DROP INDEX chosen_null_idx;
CREATE INDEX chosen_other_idx ON chosen (id) WHERE filler IS NULL;
CREATE INDEX chosen_both_idx ON chosen (id) WHERE value IS NULL AND filler IS NULL;
CREATE INDEX chosen_not_idx ON chosen (id) WHERE value IS NOT NULL;
CREATE INDEX chosen_value_idx ON chosen (value, id) WHERE value IS NULL;
UPDATE chosen SET value = 'had' WHERE id > 100;
ANALYZE chosen;
SELECT matches(chosen('others'), '^block: no index on \(id\) has just the rows', 'indexes of other rows and columns are none');
SELECT is(chosen('primary key', 'index'), 'index: asked for; index "chosen_pkey" has the keys in order', 'the primary key has the keys in order too');
UPDATE chosen SET value = NULL;

-- The same data, found in each way, gives the same
CREATE TABLE origin (id bigint, label text, day date, uid uuid, a integer, b text, value text);
INSERT INTO origin
SELECT i, 'Label ' || substr(md5(i::text), 1, 6) || ' é' || i, date '2020-01-01' + (i * 7919) % 3000 * 1, md5('u' || i)::uuid, i % 13, md5('b' || i),
       CASE i % 5 WHEN 0 THEN 'had ' || i END
  FROM generate_series(1, 3000) AS i ORDER BY md5('o' || i);
CREATE TABLE ways (place serial, name text, ddl text, key text, arrays text, keys text, strategy text);
INSERT INTO ways (name, ddl, key, keys, arrays, strategy) VALUES
('bigint by index', 'ALTER TABLE %1$s ADD PRIMARY KEY (id); CREATE INDEX ON %1$s (id) WHERE value IS NULL', NULL, 'id', 'id = ANY ($1)', 'index'),
('bigint by primary key', 'ALTER TABLE %1$s ADD PRIMARY KEY (id)', NULL, 'id', 'id = ANY ($1)', 'index'),
('bigint by blocks', 'ALTER TABLE %1$s ADD PRIMARY KEY (id)', NULL, 'id', 'id = ANY ($1)', 'block'),
('uuid by index', 'ALTER TABLE %1$s ADD PRIMARY KEY (uid)', NULL, 'uid', 'uid = ANY ($1)', 'index'),
('uuid by blocks', 'ALTER TABLE %1$s ADD PRIMARY KEY (uid)', NULL, 'uid', 'uid = ANY ($1)', 'block'),
('text by index', 'ALTER TABLE %1$s ADD PRIMARY KEY (label)', NULL, 'label', 'label = ANY ($1)', 'index'),
('text by blocks', 'ALTER TABLE %1$s ADD PRIMARY KEY (label)', NULL, 'label', 'label = ANY ($1)', 'block'),
('two columns by index', 'ALTER TABLE %1$s ADD PRIMARY KEY (a, b); CREATE INDEX ON %1$s (a, b) WHERE value IS NULL', NULL, 'a, b', '(a, b) IN (SELECT * FROM unnest($1, $2))', 'index'),
('two columns by blocks', 'ALTER TABLE %1$s ADD PRIMARY KEY (b, a)', NULL, 'b, a', '(b, a) IN (SELECT * FROM unnest($1, $2))', 'block'),
('two columns in the other order', 'ALTER TABLE %1$s ADD PRIMARY KEY (b, a)', 'a, b', 'a, b', '(a, b) IN (SELECT * FROM unnest($1, $2))', 'auto'),
('three columns of three types', 'ALTER TABLE %1$s ADD PRIMARY KEY (day, a, uid)', NULL, 'day, a, uid', '(day, a, uid) IN (SELECT * FROM unnest($1, $2, $3))', 'index'),
('a key without an index', 'ALTER TABLE %1$s ALTER id SET NOT NULL', 'id', 'id', 'id = ANY ($1)', 'auto');
CREATE FUNCTION try_way(w ways) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    tab text := format('%I', w.name);
BEGIN
    EXECUTE format('CREATE TABLE %s AS TABLE origin', tab);
    EXECUTE format(w.ddl, tab);
    EXECUTE format('SELECT pollseed_backfill_create($1, %L, ''value'', $2, key => $3, strategy => $4, batch_size => 70)', tab)
      USING w.name, format('SELECT %s, ''v'' || id FROM origin WHERE %s', w.keys, w.arrays), w.key::name, w.strategy;
    RETURN NEXT is(run(w.name), '2400 0 0 0', w.name || ': each row once');
    RETURN NEXT results_eq(format('SELECT id, value FROM %s ORDER BY id', tab), 'SELECT id, COALESCE(value, ''v'' || id) FROM origin ORDER BY id', w.name || ': with its value');
    RETURN NEXT is((SELECT concat_ws(' ', state, filled, remaining, remaining_is, total, done) FROM pollseed_backfills WHERE name = w.name), 'finished 2400 0 exact 2400 2400', w.name || ': and the view says so');
    RETURN NEXT is(run(w.name), '0 0 0 0', w.name || ': run again there is nothing');
END $$;
SELECT try_way(w) FROM ways AS w ORDER BY place;
-- A table without a key
CREATE TABLE keyless AS TABLE origin;
SELECT pollseed_backfill_create('ctid', 'keyless', 'value', 'SELECT t.ctid, ''v'' || t.id FROM keyless AS t WHERE t.ctid = ANY ($1)', batch_size => 70) \g /dev/null
SELECT is(run('ctid'), '2400 0 0 0', 'ctid: each row once');
SELECT results_eq('SELECT id, value FROM keyless ORDER BY id', 'SELECT id, COALESCE(value, ''v'' || id) FROM origin ORDER BY id', 'ctid: with its value');

-- Keys of other types, in text and back at each step
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE kinds (place serial, type text, value text);
INSERT INTO kinds (type, value) VALUES
('smallint', 'i'), ('integer', '-i'), ('numeric', 'i / 7.0'), ('double precision', 'i::float8 / 7'), ('real', 'i::real / 3'), ('timestamptz', 'timestamptz ''2020-01-01'' + i * interval ''7 h 0.000001 s'''),
('timestamp', 'timestamp ''2020-01-01'' + i * interval ''7 h'''), ('date', 'date ''2020-01-25'' + i'), ('time', 'time ''00:00'' + i * interval ''1 min 0.5 s'''), ('interval', 'i * interval ''1 h 3 s'''),
('bytea', 'decode(md5(i::text), ''hex'')'), ('inet', 'inet ''10.0.0.0'' + i'), ('text', 'i::text || E''\\\\ "{},'''), ('varchar(40)', 'md5(i::text)'), ('char(12)', 'i::text'), ('name', '(''n'' || i)::name'),
('oid', 'i::oid'), ('int4range', 'int4range(i, i + 5)'), ('jsonb', 'jsonb_build_object(''i'', i)'), ('positive', 'i'), ('bit(12)', 'i::bit(12)'), ('"char"', 'chr(i + 20)::"char"');
CREATE FUNCTION try_kind(k kinds) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    n integer := CASE k.type WHEN '"char"' THEN 80 ELSE 120 END;
    s text;
BEGIN
    FOREACH s IN ARRAY '{index,block}'::text[] LOOP
        EXECUTE format('CREATE TABLE of_kind (id %s PRIMARY KEY, value text)', k.type);
        EXECUTE format('INSERT INTO of_kind SELECT %s FROM generate_series(1, %s) AS i', k.value, n);
        PERFORM pollseed_backfill_create(k.type || s, 'of_kind', 'value', 'SELECT k, ''v'' || k::text FROM unnest($1) AS k', strategy => s, batch_size => 10);
        PERFORM pollseed_backfill_step(k.type || s, 2);
        -- Settings that the texts of values depend on
        PERFORM set_config('DateStyle', 'SQL, DMY', true), set_config('IntervalStyle', 'sql_standard', true), set_config('extra_float_digits', '-10', true),
                set_config('bytea_output', 'escape', true), set_config('timezone', 'Asia/Kolkata', true);
        PERFORM pollseed_backfill_step(k.type || s, 2);
        PERFORM set_config('DateStyle', 'German', true), set_config('IntervalStyle', 'iso_8601', true);
        PERFORM run(k.type || s);
        PERFORM set_config('DateStyle', 'ISO, MDY', true), set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
                set_config('bytea_output', 'hex', true), set_config('timezone', 'UTC', true);
        RETURN NEXT is((SELECT concat_ws(' ', state, filled, total) FROM pollseed_backfills WHERE name = k.type || s), format('finished %s %1$s', n), format('a key of type %s, strategy %s', k.type, s));
        RETURN NEXT is((SELECT count(*)::integer FROM of_kind WHERE value = 'v' || id::text), n, 'in steps under different settings');
        DROP TABLE of_kind;
    END LOOP;
END $$;
SELECT try_kind(k) FROM kinds AS k ORDER BY place;
CREATE TABLE moods (id mood PRIMARY KEY, value text);
INSERT INTO moods VALUES ('happy'), ('ok'), ('sad');
SELECT pollseed_backfill_create('moods', 'moods', 'value', 'SELECT k, ''v'' || k::text FROM unnest($1) AS k', strategy => 'index', batch_size => 1) \g /dev/null
SELECT is(run('moods', 1), '3 0 0 0', 'an enumeration');
CREATE TABLE listed (id integer[] PRIMARY KEY, value text);
SELECT is(error_of($$SELECT pollseed_backfill_create('listed', 'listed', 'value', 'SELECT id, ''x'' FROM listed')$$), '42704 could not find array type for data type integer[]', 'a key that is an array is refused');
CREATE TABLE documents (id json NOT NULL, value text);
SELECT matches(error_of($$SELECT pollseed_backfill_create('documents', 'documents', 'value', 'SELECT id, ''x'' FROM documents', 'id')$$), '^42883 could not identify an? .* operator for type json', 'so is one without an order');

-- Keys in another collation than the source's, and in one where different texts are the same
CREATE TABLE collated (id text COLLATE "C" PRIMARY KEY, value text);
CREATE TABLE collated_source (id text COLLATE "POSIX", value text);
INSERT INTO collated SELECT 'k' || i FROM generate_series(1, 30) AS i;
INSERT INTO collated_source SELECT 'k' || i, 'v' || i FROM generate_series(1, 30) AS i;
SELECT pollseed_backfill_create('collated ' || s, 'collated', 'value', 'SELECT id, value FROM collated_source', strategy => s, batch_size => 10) FROM unnest('{index,block}'::text[]) AS s \g /dev/null
SELECT is(run('collated index'), '30 0 0 0', 'a source in another collation, by index');
UPDATE collated SET value = NULL;
SELECT is(run('collated block'), '30 0 0 0', 'and by blocks');

-- Tables that inherit
CREATE TABLE ancestor (id integer PRIMARY KEY, value text);
CREATE TABLE heir (extra integer) INHERITS (ancestor);
CREATE TABLE late_heir (value text, id integer NOT NULL);
ALTER TABLE late_heir INHERIT ancestor;
INSERT INTO ancestor SELECT i FROM generate_series(1, 20) AS i;
INSERT INTO heir SELECT i FROM generate_series(21, 40) AS i;
INSERT INTO late_heir (id) SELECT i FROM generate_series(41, 60) AS i;
SELECT pollseed_backfill_create('inherited', 'ancestor', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', batch_size => 10) \g /dev/null
SELECT is(run('inherited'), '60 0 0 0', 'rows of tables that inherit are the table''s');
SELECT is(count(*), 60::bigint, 'with their values') FROM ancestor WHERE value = 'v' || id;

-- Rows that share keys
CREATE TABLE shared (a integer NOT NULL, b text NOT NULL, n serial, value text) WITH (autovacuum_enabled = off);
INSERT INTO shared (a, b) SELECT i % 7, 'b' || i % 3 FROM generate_series(1, 2100) AS i;
INSERT INTO shared (a, b) SELECT 3, 'big' FROM generate_series(1, 1500);
INSERT INTO shared (a, b) SELECT 3, 'empty' FROM generate_series(1, 500);
CREATE TABLE shared_values AS SELECT DISTINCT a, b, a || b AS value FROM shared WHERE b <> 'empty';
CREATE TABLE asked (a integer, b text);
CREATE FUNCTION ask(a integer, b text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO asked VALUES (a, b); RETURN true; END';
CREATE FUNCTION try_shared(strategy text) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    TRUNCATE asked;
    UPDATE shared SET value = NULL WHERE value IS NOT NULL;
    PERFORM pollseed_backfill_create('shared ' || strategy, 'shared', 'value',
        'SELECT s.a, s.b, s.value FROM shared_values AS s JOIN (SELECT u.a, u.b, ask(u.a, u.b) FROM unnest($1, $2) AS u(a, b) OFFSET 0) AS u USING (a, b)', 'a, b', strategy, batch_size => 50);
    -- By the index, rows of a key that turns out to be without data are passed over, and not counted one by one.
    RETURN NEXT matches(run('shared ' || strategy), CASE strategy WHEN 'index' THEN '^3600 [1-9][0-9]* 0 0$' ELSE '^3600 500 0 0$' END, format('strategy %s: all rows of each key', strategy));
    RETURN NEXT is((SELECT count(*) FROM shared WHERE value IS DISTINCT FROM CASE WHEN b <> 'empty' THEN a || b END), 0::bigint, 'have its value');
    RETURN NEXT is(run('shared ' || strategy), '0 0 0 0', 'again there is nothing to do');
    RETURN NEXT is((SELECT concat_ws(' ', filled, no_data > 0) FROM pollseed_backfills WHERE name = 'shared ' || strategy), '0 t', 'what is without data is kept');
    IF strategy = 'index' THEN
        RETURN NEXT is((SELECT count(DISTINCT xmin::text) FROM asked WHERE b = 'empty'), 1::bigint, 'and was asked for by one batch');
    END IF;
END $$;
SELECT try_shared('block');
CREATE INDEX shared_idx ON shared (a, b);
SELECT try_shared('index');
DROP INDEX shared_idx;
CREATE INDEX shared_null_idx ON shared (a, b) WHERE value IS NULL;
SELECT try_shared('auto');

-- Partitions, some with other numbers of their columns
CREATE TABLE parted (id bigint NOT NULL, region text NOT NULL, value text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (100);
CREATE TABLE parted_2 (dropped integer, value text, also_dropped text, region text NOT NULL, id bigint NOT NULL);
ALTER TABLE parted_2 DROP COLUMN dropped, DROP COLUMN also_dropped;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (200) TO (400) PARTITION BY LIST (region);
CREATE TABLE parted_3_eu PARTITION OF parted_3 FOR VALUES IN ('eu');
CREATE TABLE parted_3_rest PARTITION OF parted_3 DEFAULT;
CREATE TABLE parted_empty PARTITION OF parted FOR VALUES FROM (400) TO (500);
CREATE TABLE parted_none PARTITION OF parted FOR VALUES FROM (500) TO (600) PARTITION BY LIST (region);
CREATE FUNCTION try_parted(about text, strategy text, key text, renames text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE parted;
    INSERT INTO parted SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END FROM generate_series(1, 399) AS i;
    EXECUTE format('SELECT pollseed_backfill_create(%L, ''parted'', ''value'', ''SELECT k, ''''v'''' || k FROM unnest($1) AS k'', %L, %L, batch_size => 10)', about, key, strategy);
    PERFORM pollseed_backfill_step(about, 14);
    EXECUTE COALESCE(renames, 'SELECT');
    PERFORM run(about);
    RETURN NEXT is((SELECT concat_ws(' ', state, filled, total) FROM pollseed_backfills WHERE name = about), 'finished 399 399', about || ': all rows');
END $$;
SELECT try_parted('partitions by blocks', 'auto', 'id');
SELECT is(count(*), 399::bigint, 'with their values') FROM parted WHERE value = 'v' || id;
ALTER TABLE parted ADD PRIMARY KEY (id, region);
CREATE INDEX parted_null_idx ON parted (id) WHERE value IS NULL;
SELECT try_parted('partitions by index', 'index', 'id');
SELECT is(count(*), 399::bigint, 'with their values') FROM parted WHERE value = 'v' || id;
SELECT try_parted('partitions with columns renamed on the way', 'index', 'id', 'ALTER TABLE parted RENAME value TO worth; ALTER TABLE parted RENAME id TO number; ALTER TABLE parted_2 RENAME TO parted_two');
SELECT is(count(*), 399::bigint, 'with their values') FROM parted WHERE worth = 'v' || number;
ALTER TABLE parted RENAME worth TO value;
ALTER TABLE parted RENAME number TO id;
TRUNCATE parted;
INSERT INTO parted SELECT i, 'eu' FROM generate_series(1, 399) AS i;
SELECT pollseed_backfill_create('partitions come and go', 'parted', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', 'id', 'block', batch_size => 10) \g /dev/null
SELECT filled FROM pollseed_backfill_step('partitions come and go', 2) \g /dev/null
DROP TABLE parted_3;
CREATE TABLE parted_new PARTITION OF parted FOR VALUES FROM (200) TO (400);
INSERT INTO parted SELECT i, 'eu' FROM generate_series(200, 220) AS i;
SELECT run('partitions come and go') \g /dev/null
SELECT is(count(*) FILTER (WHERE id < 200) || ' ' || count(*) FILTER (WHERE id >= 200), '0 21', 'a partition that comes during a run is left to the next one') FROM parted WHERE value IS NULL;
SELECT is(run('partitions come and go'), '21 0 0 0', 'which fills it');
-- A leaf alone
SELECT pollseed_backfill_create('leaf', 'parted_two', 'region', 'SELECT k, ''x'' FROM unnest($1) AS k', 'id') \g /dev/null
SELECT is(run('leaf'), '0 0 0 0', 'a partition can be a target by itself');

-- Columns that are not there any more
CREATE TABLE holed (gone_1 text DEFAULT repeat('x', 50), id integer PRIMARY KEY, gone_2 integer DEFAULT 5, value text, kept text DEFAULT 'kept', gone_3 text DEFAULT 'y');
INSERT INTO holed SELECT 'a', i FROM generate_series(1, 100) AS i;
ALTER TABLE holed DROP COLUMN gone_1, DROP COLUMN gone_2, DROP COLUMN gone_3;
ALTER TABLE holed ADD COLUMN added integer DEFAULT 7, ADD COLUMN computed text GENERATED ALWAYS AS (value || '!') STORED;
SELECT pollseed_backfill_create('holed', 'holed', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', batch_size => 10) \g /dev/null
SELECT is(run('holed'), '100 0 0 0', 'a table with dropped columns');
SELECT is(count(*), 100::bigint, 'whose other columns stay') FROM holed WHERE value = 'v' || id AND kept = 'kept' AND added = 7 AND computed = 'v' || id || '!';

-- What is renamed and altered between two steps
CREATE SCHEMA first;
CREATE TABLE first.moving (id integer PRIMARY KEY, value integer, note text);
INSERT INTO first.moving SELECT i FROM generate_series(1, 400) AS i;
CREATE INDEX moving_null_idx ON first.moving (id) WHERE value IS NULL;
CREATE FUNCTION try_moving(about text, ddl text, tab text DEFAULT 'first.moving', key text DEFAULT 'id', col text DEFAULT 'value') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    s text; backfill text; undo text;
BEGIN
    FOREACH s IN ARRAY '{index,block}'::text[] LOOP
        backfill := about || ', strategy ' || s;
        UPDATE first.moving SET value = NULL;
        PERFORM pollseed_backfill_create(backfill, 'first.moving', 'value', 'SELECT k, k * 2 FROM unnest($1) AS k', strategy => s, batch_size => 10);
        PERFORM pollseed_backfill_step(backfill, 2);
        BEGIN
            EXECUTE ddl;
            PERFORM pollseed_backfill_step(backfill, 2);
            PERFORM run(backfill);
            EXECUTE format('SELECT concat_ws('' '', count(*), (SELECT concat_ws('' '', state, filled) FROM pollseed_backfills WHERE name = %L)) FROM %s WHERE %I = %I * 2', backfill, tab, col, key) INTO undo;
            RAISE EXCEPTION USING ERRCODE = 'TRIED';
        EXCEPTION WHEN SQLSTATE 'TRIED' THEN
            RETURN NEXT is(undo, '400 finished 400', backfill);
        WHEN OTHERS THEN
            RETURN NEXT is(SQLSTATE || ' ' || SQLERRM, 'no error', backfill);
        END;
    END LOOP;
END $$;
SELECT try_moving('key renamed', 'ALTER TABLE first.moving RENAME id TO number', key => 'number');
SELECT try_moving('target renamed', 'ALTER TABLE first.moving RENAME value TO worth', col => 'worth');
SELECT try_moving('table renamed', 'ALTER TABLE first.moving RENAME TO moved', 'first.moved');
SELECT try_moving('schema renamed', 'ALTER SCHEMA first RENAME TO "Second one"', '"Second one".moving');
SELECT try_moving('table in another schema', 'ALTER TABLE first.moving SET SCHEMA public', 'public.moving');
SELECT try_moving('key from integer to bigint', 'ALTER TABLE first.moving ALTER id TYPE bigint');
SELECT try_moving('key from integer to text and its source with it', 'ALTER TABLE first.moving ALTER note TYPE varchar(9), ALTER value TYPE bigint');
SELECT try_moving('target from integer to bigint', 'ALTER TABLE first.moving ALTER value TYPE bigint');
SELECT try_moving('target from integer to numeric', 'ALTER TABLE first.moving ALTER value TYPE numeric(10, 2)');
SELECT try_moving('a column dropped and one added', 'ALTER TABLE first.moving DROP COLUMN note, ADD COLUMN other text DEFAULT ''x''');
SELECT try_moving('the index of the keys dropped', 'DROP INDEX first.moving_null_idx');
SELECT try_moving('rewritten', 'CLUSTER first.moving USING moving_pkey');
SELECT try_moving('another name taken', 'ALTER TABLE first.moving RENAME TO moved; CREATE TABLE first.moving (id integer PRIMARY KEY, value integer); INSERT INTO first.moving VALUES (1)', 'first.moved');

-- What cannot go on says so, and can be made to go on or be dropped
SELECT pollseed_backfill_create('fails', 'first.moving', 'value', 'SELECT k, k * 2 FROM unnest($1) AS k', batch_size => 10) \g /dev/null
SELECT filled FROM pollseed_backfill_step('fails') \g /dev/null
ALTER TABLE first.moving RENAME value TO kept;
SAVEPOINT s;
ALTER TABLE first.moving DROP COLUMN kept;
SELECT is(error_of('SELECT pollseed_backfill_step(''fails'')'), '42703 column "value" of relation "moving" does not exist', 'a target that is dropped');
SELECT is(error_of('SELECT pollseed_backfill_explain(''fails'')'), '42703 column "value" of relation "moving" does not exist', 'has no plans');
SELECT is(error_of('CALL pollseed_backfill_finalize(''fails'')'), '42703 column "value" of relation "moving" does not exist', 'is never complete');
ALTER TABLE first.moving ADD COLUMN value integer;
SELECT is(left(run('fails'), 3), '400', 'one made anew under its name is filled from where it stood, and the rest in the sweep');
ROLLBACK TO s;
ALTER TABLE first.moving DROP CONSTRAINT moving_pkey, DROP COLUMN id;
SELECT is(error_of('SELECT pollseed_backfill_step(''fails'')'), '42703 column "id" of relation "moving" does not exist', 'a key that is dropped');
ROLLBACK TO s;
ALTER TABLE first.moving ALTER id TYPE text;
SELECT matches(error_of('SELECT pollseed_backfill_step(''fails'')'), '^42883 operator does not exist: text \* integer', 'a key whose new type the source does not take');
ROLLBACK TO s;
DROP TABLE first.moving;
SELECT is(error_of('SELECT pollseed_backfill_step(''fails'')'), '42P01 relation first.moving does not exist any more', 'a table that is dropped');
SELECT is(error_of('CALL pollseed_backfill_run(''fails'')'), '42P01 relation first.moving does not exist any more', 'whichever way it is run');
SELECT is(error_of('SELECT pollseed_backfill_estimate(''fails'')'), '42P01 relation first.moving does not exist any more', 'estimated');
SELECT is(error_of('SELECT pollseed_backfill_explain(''fails'')'), '42P01 relation first.moving does not exist any more', 'explained');
SELECT is(error_of('CALL pollseed_backfill_finalize(''fails'')'), '42P01 relation first.moving does not exist any more', 'or finalized');
SELECT is(relation, 'first.moving', 'is still shown by its name') FROM pollseed_backfills WHERE name = 'fails';
CREATE TABLE first.moving (id integer PRIMARY KEY, value integer);
INSERT INTO first.moving SELECT i FROM generate_series(1, 30) AS i;
SELECT is(run('fails', 100), '30 0 0 0', 'a table made anew under its name is filled from its beginning');
SELECT is(count(*), 0::bigint, 'whole') FROM first.moving WHERE value IS NULL;

-- Drop
SELECT ok(dropped, 'a backfill is dropped') FROM pollseed_backfill_drop('fails');
SELECT is(error_of('SELECT pollseed_backfill_step(''fails'')'), '42704 backfill "fails" does not exist', 'then there is none');
SELECT dropped FROM pollseed_backfills AS b, pollseed_backfill_drop(b.name) \g /dev/null
SELECT is((SELECT count(*) FROM pollseed.backfills) + (SELECT count(*) FROM pollseed.backfill_parts) + (SELECT count(*) FROM pollseed.backfill_ranges) + (SELECT count(*) FROM pollseed.backfill_rows), 0::bigint,
    'and with all of them dropped nothing is kept of any');

SELECT * FROM finish();
ROLLBACK;
