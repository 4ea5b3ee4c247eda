-- What becomes of each row: filled, without data, skipped, or set aside with its error; and that others' values stay.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; code text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(E'\n', code || ' ' || message, NULLIF(detail, ''));
END $$;
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
CREATE FUNCTION figures(backfill text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', state, total, filled, no_data, quarantined, remaining) FROM pollseed_backfills WHERE name = backfill $$;
CREATE FUNCTION failures(backfill text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(key || ': ' || sqlstate || ' ' || message, E'\n' ORDER BY length(key), key COLLATE "C") FROM pollseed_backfill_failures AS f WHERE f.backfill = $1 $$;

-- What the source is asked for is kept with each key.
CREATE TABLE asked (key bigint);
CREATE FUNCTION ask(key bigint) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO asked VALUES (key); RETURN key; END';

-- A source that returns a value, NULL, or nothing
CREATE TABLE items (id bigint PRIMARY KEY, value text, other integer DEFAULT 0);
CREATE FUNCTION fill_items(rows integer) RETURNS void LANGUAGE sql AS $$
    TRUNCATE items, asked;
    INSERT INTO items SELECT i FROM generate_series(1, rows) AS i;
$$;
CREATE FUNCTION try_nothing(strategy text) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    backfill text := 'nothing, ' || strategy;
BEGIN
    PERFORM fill_items(300);
    PERFORM pollseed_backfill_create(backfill, 'items', 'value',
        'SELECT a, CASE WHEN a % 3 = 0 THEN ''v'' || a END FROM (SELECT ask(k) AS a FROM unnest($1) AS k OFFSET 0) AS a WHERE a % 3 < 2', strategy => strategy, batch_size => 20);
    RETURN NEXT is(run(backfill), '100 200 0 0', backfill || ': NULL and no row are both no data');
    RETURN NEXT is(figures(backfill), 'finished 300 100 200 0 0', 'as the view says');
    RETURN NEXT is((SELECT count(*) || ' ' || count(DISTINCT key) FROM asked), '300 300', 'each key is asked for once');
    RETURN NEXT is((SELECT count(*) FROM items WHERE (value IS NOT NULL) <> (id % 3 = 0) OR value <> 'v' || id), 0::bigint, 'with the right value');
    RETURN NEXT is(run(backfill), '0 0 0 0', 'a second run finds nothing to ask for');
    RETURN NEXT is(figures(backfill), 'finished 0 0 200 0 0', 'and still knows what has no data');
    INSERT INTO items SELECT i FROM generate_series(301, 330) AS i;
    RETURN NEXT is(run(backfill), '10 20 0 0', 'a third finds what is new');
    RETURN NEXT is((SELECT count(*) || ' ' || count(DISTINCT key) FROM asked), '330 330', 'and asks for that alone');
    RETURN NEXT is(figures(backfill), 'finished 30 10 220 0 0', 'with figures of its own');
    -- Interrupted, and resumed, wherever it stood
    PERFORM fill_items(120), pollseed_backfill_drop(backfill);
    PERFORM pollseed_backfill_create(backfill, 'items', 'value',
        'SELECT a, CASE WHEN a % 3 = 0 THEN ''v'' || a END FROM (SELECT ask(k) AS a FROM unnest($1) AS k OFFSET 0) AS a WHERE a % 3 < 2', strategy => strategy, batch_size => 20);
    RETURN NEXT is(run(backfill, 1), '40 80 0 0', 'one batch at a time, resumed each time');
    RETURN NEXT is(figures(backfill), 'finished 120 40 80 0 0', 'comes to the same');
    RETURN NEXT is((SELECT count(*) || ' ' || count(DISTINCT key) FROM asked), '120 120', 'without asking for a key again');
    -- Without data only in what was done before the resumption
    PERFORM fill_items(60), pollseed_backfill_drop(backfill);
    PERFORM pollseed_backfill_create(backfill, 'items', 'value',
        'SELECT a, ''v'' || a FROM (SELECT ask(k) AS a FROM unnest($1) AS k OFFSET 0) AS a WHERE a > 5 AND a % 8 > 0', strategy => strategy, batch_size => 20);
    PERFORM pollseed_backfill_step(backfill, 1);
    UPDATE items SET value = 'theirs' WHERE value IS NULL AND id NOT IN (SELECT key FROM asked);
    PERFORM run(backfill, 50);
    RETURN NEXT is((SELECT count(*) - count(DISTINCT key) FROM asked), 0::bigint, 'nor where all that has no data came before');
END $$;
SELECT try_nothing('index');
SELECT try_nothing('block');
SELECT pollseed_backfill_drop(name) FROM pollseed_backfills \g /dev/null

-- Nothing has data; all have
SELECT fill_items(100) \g /dev/null
SELECT pollseed_backfill_create('empty', 'items', 'value', 'SELECT 1::bigint, ''x'' WHERE false', batch_size => 10) \g /dev/null
SELECT is(run('empty'), '0 100 0 0', 'a source without a row ends too');
SELECT is(run('empty'), '0 0 0 0', 'and again');
SELECT pollseed_backfill_create('more', 'items', 'value', 'SELECT i, ''v'' || i FROM generate_series(1::bigint, 1000) AS i', batch_size => 10) \g /dev/null
SELECT is(run('more'), '100 0 0 0', 'a source may return more keys than it was asked for');
SELECT is(count(*), 100::bigint, 'of which the others are nobody''s') FROM items WHERE value = 'v' || id;

-- Errors, each with one key: the others are filled, and what failed is kept
CREATE TABLE poisons (place serial, about text, source text, value text, failure text);
INSERT INTO poisons (about, source, failure) VALUES
('division by zero', 'SELECT k, (100 / (k - 77))::text FROM unnest($1) AS k', '77: 22012 division by zero'),
('two rows for a key', 'SELECT k, ''v'' FROM unnest($1) AS k UNION ALL SELECT 77, ''w'' WHERE 77 = ANY ($1)', '77: 21000 the source returned more than one row for key 77'),
('the same row twice', 'SELECT k, ''v'' FROM unnest($1) AS k UNION ALL SELECT 77, ''v'' WHERE 77 = ANY ($1)', '77: 21000 the source returned more than one row for key 77'),
('a constraint of the table', 'SELECT k, CASE k WHEN 77 THEN ''bad'' ELSE ''v'' END FROM unnest($1) AS k', '77: 23514 new row for relation "poisoned" violates check constraint "poisoned_value_check"'),
('too long a value', 'SELECT k, CASE k WHEN 77 THEN ''toolong'' ELSE ''v'' END FROM unnest($1) AS k', '77: 22001 value too long for type character varying(4)'),
('a trigger', 'SELECT k, CASE k WHEN 77 THEN ''no'' ELSE ''v'' END FROM unnest($1) AS k', '77: P0001 the trigger says no'),
('a duplicate', 'SELECT k, CASE k WHEN 77 THEN ''one'' ELSE k::text END FROM unnest($1) AS k', '77: 23505 duplicate key value violates unique constraint "poisoned_unique"'),
('no parent', 'SELECT k, CASE k WHEN 77 THEN ''lost'' ELSE ''v'' END FROM unnest($1) AS k', '77: 23503 insert or update on table "poisoned" violates foreign key constraint "poisoned_value_fkey"'),
('a cast', 'SELECT k, CASE k WHEN 77 THEN ''x'' ELSE k::text END::integer::text FROM unnest($1) AS k', '77: 22P02 invalid input syntax for type integer: "x"'),
('a generated column', 'SELECT k, CASE k WHEN 77 THEN ''gen'' ELSE ''v'' END FROM unnest($1) AS k', '77: 22P02 invalid input syntax for type integer: "gen"');
CREATE TABLE parents (value varchar(4) PRIMARY KEY);
INSERT INTO parents VALUES ('v');
CREATE FUNCTION say_no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.value = ''no'' THEN RAISE ''the trigger says no''; END IF; RETURN NEW; END';
CREATE FUNCTION try_poison(p poisons, strategy text) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    backfill text := p.about || ', ' || strategy;
BEGIN
    CREATE TABLE poisoned (id bigint PRIMARY KEY, value varchar(4) CHECK (value <> 'bad'));
    INSERT INTO poisoned SELECT i FROM generate_series(1, 150) AS i;
    IF p.about = 'a trigger' THEN
        CREATE TRIGGER say_no BEFORE UPDATE ON poisoned FOR EACH ROW EXECUTE FUNCTION say_no();
    ELSIF p.about = 'a duplicate' THEN
        ALTER TABLE poisoned ADD CONSTRAINT poisoned_unique UNIQUE (value);
        INSERT INTO poisoned VALUES (151, 'one');
    ELSIF p.about = 'no parent' THEN
        ALTER TABLE poisoned ADD FOREIGN KEY (value) REFERENCES parents;
    ELSIF p.about = 'a generated column' THEN
        ALTER TABLE poisoned ADD computed integer GENERATED ALWAYS AS (CASE WHEN value <> 'v' THEN value::integer END) STORED;
    END IF;
    PERFORM pollseed_backfill_create(backfill, 'poisoned', 'value', p.source, strategy => strategy, batch_size => 40);
    RETURN NEXT is(run(backfill), '149 0 1 0', backfill || ': one row is set aside, the others are filled');
    RETURN NEXT is(figures(backfill), 'finished 150 149 0 1 0', 'as the view says');
    RETURN NEXT is(failures(backfill), p.failure, 'with its error');
    RETURN NEXT is((SELECT string_agg(id::text, ' ') FROM poisoned WHERE value IS NULL), '77', 'it has no value');
    RETURN NEXT is(run(backfill), '0 0 0 0', 'a second run leaves it alone');
    RETURN NEXT is(rows, 1::bigint, 'it can be asked for again') FROM pollseed_backfill_retry(backfill);
    RETURN NEXT is(failures(backfill), NULL, 'and is no failure until then');
    RETURN NEXT is(run(backfill), '0 0 1 0', 'then it fails again');
    RETURN NEXT is(failures(backfill), p.failure, 'in the same way');
    DROP TABLE poisoned;
END $$;
SELECT try_poison(p, s) FROM poisons AS p, unnest('{index,block}'::text[]) AS s ORDER BY place, s;
SELECT pollseed_backfill_drop(name) FROM pollseed_backfills \g /dev/null

-- A value that an index cannot hold
CREATE TABLE indexed (id bigint PRIMARY KEY, value text);
CREATE INDEX ON indexed (value);
INSERT INTO indexed SELECT i FROM generate_series(1, 50) AS i;
SELECT pollseed_backfill_create('indexed', 'indexed', 'value',
    'SELECT k, CASE k WHEN 7 THEN (SELECT string_agg(md5(i::text), '''') FROM generate_series(1, 600) AS i) ELSE ''v'' END FROM unnest($1) AS k') \g /dev/null
SELECT is(run('indexed'), '49 0 1 0', 'a value that is too long for an index');
SELECT matches(failures('indexed'), '^7: 54000 index row (size|requires) ', 'is set aside');

-- Errors that say nothing of a row end the run, with what was done kept
SELECT fill_items(100) \g /dev/null
CREATE FUNCTION breaks(key bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF key = 50 THEN
        EXECUTE 'SELECT FROM missing_table';
    END IF;
    RETURN 'v';
END $$;
SELECT pollseed_backfill_create('breaks', 'items', 'value', 'SELECT k, breaks(k) FROM unnest($1) AS k', strategy => 'index', batch_size => 20) \g /dev/null
SELECT is(filled, 20::bigint, 'a run that is to fail begins well') FROM pollseed_backfill_step('breaks', 1);
SELECT is(error_of('SELECT pollseed_backfill_step(''breaks'', 10)'), '42P01 relation "missing_table" does not exist', 'a table that the source misses on its way ends the run');
SELECT is(count(value), 20::bigint, 'a function that fails leaves what was before it') FROM items;
CREATE TABLE missing_table ();
SELECT is(run('breaks'), '80 0 0 0', 'with the table there the run goes on where it stood');

-- Many failures: where it stops, and how it goes on
SELECT fill_items(100) \g /dev/null
CREATE TABLE mended (key bigint);
SELECT pollseed_backfill_create('many', 'items', 'value', 'SELECT k, CASE WHEN k % 10 = 0 AND k NOT IN (SELECT key FROM mended) THEN (1 / (k - k))::text ELSE ''v'' || k END FROM unnest($1) AS k', strategy => 'index', batch_size => 20) \g /dev/null
SET LOCAL pollseed.backfill_max_failures = 3;
SELECT is(error_of('SELECT pollseed_backfill_step(''many'', 100)'), E'22012 more than 3 rows of backfill "many" raise errors\nThe last one, with key 40: division by zero', 'too many failures end the run');
SELECT is(count(value), 0::bigint, 'in one transaction with all of it') FROM items;
SELECT is(quarantined, 2::bigint, 'in steps, one batch after the other') FROM pollseed_backfill_step('many', 1);
SELECT is(error_of('SELECT pollseed_backfill_step(''many'', 1)'), E'22012 more than 3 rows of backfill "many" raise errors\nThe last one, with key 40: division by zero', 'the limit is one of the whole run');
SET LOCAL pollseed.backfill_max_failures = 4;
SELECT is(quarantined, 2::bigint, 'with a higher one it goes on') FROM pollseed_backfill_step('many', 1);
SELECT is(failures('many'), E'10: 22012 division by zero\n20: 22012 division by zero\n30: 22012 division by zero\n40: 22012 division by zero', 'all of them are shown');
INSERT INTO mended VALUES (10), (20), (30), (40), (50);
SELECT is(rows, 4::bigint, 'a retry on the way') FROM pollseed_backfill_retry('many');
SELECT is(quarantined, 0::bigint, 'has none set aside') FROM pollseed_backfills WHERE name = 'many';
SET LOCAL pollseed.backfill_max_failures = 1000;
SELECT run('many') \g /dev/null
SELECT is(figures('many'), 'finished 100 95 0 5 0', 'what was mended before it was asked for, or asked for again, is filled');
SELECT is(failures('many'), E'60: 22012 division by zero\n70: 22012 division by zero\n80: 22012 division by zero\n90: 22012 division by zero\n100: 22012 division by zero', 'the others are set aside');
INSERT INTO mended SELECT id FROM items;
SELECT is(rows, 5::bigint, 'retried') FROM pollseed_backfill_retry('many');
SELECT is(state || ' ' || quarantined, 'ready 0', 'it is to be run again') FROM pollseed_backfills WHERE name = 'many';
SELECT is(run('many'), '5 0 0 0', 'which fills the rest');
SELECT is(rows, 0::bigint, 'then there is nothing to retry') FROM pollseed_backfill_retry('many');
SELECT is(state, 'finished', 'and it stays finished') FROM pollseed_backfills WHERE name = 'many';
SET LOCAL pollseed.backfill_max_failures = 0;
SELECT fill_items(10) \g /dev/null
TRUNCATE mended;
SELECT is(error_of('SELECT pollseed_backfill_step(''many'', 100)'), E'22012 more than 0 rows of backfill "many" raise errors\nThe last one, with key 10: division by zero', 'none may be allowed');
RESET pollseed.backfill_max_failures;

-- One bad row in many
CREATE TABLE crowd (id integer PRIMARY KEY, value integer) WITH (autovacuum_enabled = off);
INSERT INTO crowd SELECT i FROM generate_series(1, 20000) AS i;
SELECT pollseed_backfill_create('crowd', 'crowd', 'value', 'SELECT k, 1 + 0 * (1 / (k - 12345)) FROM unnest($1) AS k', batch_size => 1000, target_time => '1 h') \g /dev/null
SELECT is(run('crowd', 100), '19999 0 1 0', 'one row in twenty thousand');
SELECT is(failures('crowd'), '12345: 22012 division by zero', 'is found');
SELECT is(string_agg(id::text, ' '), '12345', 'all others are filled') FROM crowd WHERE value IS NULL;

-- Keys that are set aside by their place
CREATE TABLE keyless (n integer, value integer) WITH (autovacuum_enabled = off);
INSERT INTO keyless SELECT i FROM generate_series(1, 100) AS i;
SELECT pollseed_backfill_create('keyless', 'keyless', 'value',
    'SELECT t.ctid, CASE WHEN t.n <> 5 THEN 100 / (t.n - 7) END FROM keyless AS t WHERE t.ctid = ANY ($1)', batch_size => 30) \g /dev/null
SELECT is(run('keyless'), '98 2 2 0', 'rows without a key, which are asked for once more in the end');
SELECT is(failures('keyless'), '(0,7): 22012 division by zero', 'are shown by their place');
UPDATE keyless SET n = -n WHERE n IN (5, 7);
SELECT is(run('keyless'), '2 0 0 0', 'which says nothing of them in the next run: all that has no value is asked for');
SELECT is(count(*), 0::bigint, 'so that none is left') FROM keyless WHERE value IS NULL;

-- What others wrote is never overwritten
SELECT fill_items(200) \g /dev/null
UPDATE items SET value = 'theirs' WHERE id % 4 = 0;
SELECT pollseed_backfill_create('theirs', 'items', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', batch_size => 20) \g /dev/null
SELECT filled FROM pollseed_backfill_step('theirs', 3) \g /dev/null
UPDATE items SET value = 'theirs', other = 1 WHERE value IS NULL AND id % 5 = 0;
CREATE TABLE others_wrote AS SELECT id FROM items WHERE value = 'theirs';
UPDATE items SET other = 2 WHERE value IS NULL AND id % 7 = 0;
DELETE FROM items WHERE value IS NULL AND id % 11 = 0;
INSERT INTO items SELECT i, CASE WHEN i % 2 = 0 THEN 'theirs' END FROM generate_series(1001, 1010) AS i;
SELECT run('theirs') \g /dev/null
SELECT is(count(*) || ' ' || count(*) FILTER (WHERE value = 'theirs'), (SELECT count(*) || ' ' || count(*) FROM others_wrote), 'what others wrote stays') FROM items JOIN others_wrote USING (id);
SELECT is_empty('SELECT * FROM items WHERE value IS NULL AND id <= 1000', 'all else is filled');
SELECT is_empty('SELECT * FROM items WHERE value NOT IN (''theirs'', ''v'' || id)', 'with its value');
-- A source that fills the row itself
SELECT fill_items(30) \g /dev/null
CREATE FUNCTION fills(key bigint) RETURNS text LANGUAGE plpgsql AS 'BEGIN IF key % 3 = 0 THEN UPDATE items SET value = ''theirs'' WHERE id = key; END IF; RETURN ''v''; END';
SELECT pollseed_backfill_create('self', 'items', 'value', 'SELECT k, fills(k) FROM unnest($1) AS k', batch_size => 10) \g /dev/null
SELECT run('self') \g /dev/null
SELECT is(count(*) FILTER (WHERE value = 'theirs') || ' ' || count(*) FILTER (WHERE value = 'v'), '10 20', 'not even what the source itself wrote is overwritten') FROM items;

-- Triggers, once a row, with all that they do
CREATE TABLE triggered (id integer PRIMARY KEY, value text, updated_at integer DEFAULT 0, computed text GENERATED ALWAYS AS (value || '!') STORED);
CREATE TABLE trigger_log (name text, level text, id integer, old text, new text, n bigint);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := OLD.updated_at + 1; RETURN NEW; END';
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO trigger_log VALUES (TG_NAME, TG_LEVEL, NEW.id, OLD.value, NEW.value);
    ELSE
        INSERT INTO trigger_log (name, level) VALUES (TG_NAME, TG_LEVEL);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_table() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO trigger_log (name, n) SELECT TG_NAME, count(*) FROM changed; RETURN NULL; END';
CREATE FUNCTION drop_some() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.id % 10 = 0 THEN NULL ELSE NEW END; END';
CREATE TRIGGER touch BEFORE UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER note AFTER UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note_value AFTER UPDATE OF value ON triggered FOR EACH ROW WHEN (NEW.id % 2 = 0) EXECUTE FUNCTION note();
CREATE TRIGGER note_other AFTER UPDATE OF updated_at ON triggered FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note_late AFTER UPDATE ON triggered REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_table();
CREATE CONSTRAINT TRIGGER deferred AFTER UPDATE ON triggered DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO triggered SELECT i FROM generate_series(1, 100) AS i;
SELECT pollseed_backfill_create('triggered', 'triggered', 'value', 'SELECT k, ''v'' || k FROM unnest($1) AS k', batch_size => 20) \g /dev/null
SELECT is(run('triggered'), '100 0 0 0', 'with triggers');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT is(count(*), 100::bigint, 'a BEFORE trigger changed each row once, and what is computed follows') FROM triggered WHERE value = 'v' || id AND updated_at = 1 AND computed = 'v' || id || '!';
SELECT results_eq($$SELECT name, count(*), count(DISTINCT id), count(old), min(new) FROM trigger_log WHERE level = 'ROW' GROUP BY name ORDER BY name COLLATE "C"$$,
    $$VALUES ('deferred'::text, 100::bigint, 100::bigint, 0::bigint, 'v1'::text), ('note', 100, 100, 0, 'v1'), ('note_value', 50, 50, 0, 'v10')$$, 'AFTER triggers saw each row once, those of the column alone');
SELECT is(sum(n), 100::numeric, 'and those of statements all of them') FROM trigger_log WHERE name = 'note_late';
-- A trigger that drops updates, for ever
UPDATE triggered SET value = NULL;
CREATE TRIGGER drop_some BEFORE UPDATE ON triggered FOR EACH ROW WHEN (OLD.value IS NULL) EXECUTE FUNCTION drop_some();
SELECT isnt(s.finished, NULL, 'a trigger that drops updates leaves the rest to be filled') FROM pollseed_backfill_step('triggered', 200) AS s;
SELECT is(count(*) FILTER (WHERE id % 10 <> 0 AND value IS NULL), 0::bigint, 'which it is') FROM triggered;

-- A foreign key on the column, and an index of the rows without a value
CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES crowd);
CREATE INDEX children_null_idx ON children (id) WHERE parent IS NULL;
CREATE UNIQUE INDEX children_parent_idx ON children (parent);
INSERT INTO children SELECT i FROM generate_series(1, 300) AS i;
ANALYZE children;
SELECT pollseed_backfill_create('children', 'children', 'parent', 'SELECT k, CASE WHEN k = 200 THEN 100000 WHEN k = 250 THEN 1 ELSE k END FROM unnest($1) AS k', strategy => 'index', batch_size => 50) \g /dev/null
SELECT is(run('children'), '298 0 2 0', 'a foreign key and a unique index');
SELECT is(failures('children'), E'200: 23503 insert or update on table "children" violates foreign key constraint "children_parent_fkey"\n'
    '250: 23505 duplicate key value violates unique constraint "children_parent_idx"', 'each fails its own row');
SET LOCAL enable_seqscan = off;
SELECT results_eq('SELECT id FROM children WHERE parent IS NULL ORDER BY id', 'VALUES (200), (250)', 'the index has the rows that are left, and no others');
RESET enable_seqscan;

-- Without a key rows are known by their places, which all change in the middle
CREATE TABLE placed (x integer, value text);
INSERT INTO placed SELECT generate_series(1, 4000);
CREATE INDEX placed_x ON placed (x DESC);
SELECT (pollseed_backfill_create('moved', 'placed', 'value', 'SELECT t.ctid, ''v'' || t.x FROM placed AS t WHERE t.ctid = ANY ($1) AND t.x % 2 = 0')).name \g /dev/null
SELECT ok(NOT finished AND no_data > 0, 'a run without a key is under way') FROM pollseed_backfill_step('moved', 10);
CLUSTER placed USING placed_x;
SELECT isnt(run('moved'), 'does not end', 'it ends after CLUSTER');
SELECT is(count(*), 0::bigint, 'no row is taken for one that was at its place before') FROM placed WHERE value IS DISTINCT FROM CASE WHEN x % 2 = 0 THEN 'v' || x END;
SELECT is(figures('moved'), 'finished 4000 2000 2000 0 0', 'and none is counted twice');

SELECT * FROM finish();
ROLLBACK;
