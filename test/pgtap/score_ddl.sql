-- Data definition under a score: what can be followed is followed at once, what cannot is in pollseed_scores, and never is a score
-- silently other than its view.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

\ir include/error_of.sql

-- State and problem of a score
CREATE FUNCTION state_of(score text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(': ', state, problem) FROM pollseed_scores WHERE name = 'public.' || score $$;

-- What is not as it should be: fresh rows, then what a refresh makes of the score.  A broken score may be neither, and says so.
CREATE FUNCTION wrong(score text, view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint; columns text; result text; verified record;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) INTO columns FROM pg_attribute WHERE attrelid = view::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('SELECT count(*) FROM ((SELECT %1$s FROM %2$I EXCEPT ALL SELECT %1$s FROM %3$s) UNION ALL (SELECT %1$s FROM %3$s EXCEPT ALL SELECT %1$s FROM %2$I)) AS d', columns, score || '_fresh', view) INTO n;
    IF n > 0 THEN result := n || ' rows not fresh'; END IF;
    PERFORM pollseed_score_refresh(score);
    SELECT * INTO verified FROM pollseed_score_verify(score);
    IF verified.missing + verified.extra + verified.different > 0 THEN result := concat_ws(', ', result, verified::text || ' after a refresh'); END IF;
    RETURN result;
END $$;

CREATE TABLE items (id int PRIMARY KEY, value int, other int, label text);
CREATE TABLE parts (id int, item int, day date, amount int) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE INDEX ON parts (item);
INSERT INTO items SELECT i, i, i * 10, 'l' || i FROM generate_series(1, 10) AS i;
INSERT INTO parts SELECT i, i % 10 + 1, '2026-01-05', i FROM generate_series(1, 30) AS i;
CREATE FUNCTION factor() RETURNS int LANGUAGE sql STABLE AS 'SELECT 2';
CREATE FUNCTION offset_of(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
CREATE VIEW inner_view AS SELECT id, value * factor() AS value FROM items;
CREATE VIEW formula AS SELECT v.id, offset_of(v.value) AS value, (SELECT sum(p.amount) FROM parts AS p WHERE p.item = v.id) AS amount FROM inner_view AS v;
SELECT is(state, 'ready', 'made') FROM pollseed_score_create('scores', 'formula', 'id');
SELECT is(wrong('scores', 'formula'), NULL, 'a new score is its view');

-- The view, one under it, and functions in either
CREATE OR REPLACE VIEW formula AS SELECT v.id, offset_of(v.value) + 1 AS value, (SELECT sum(p.amount) FROM parts AS p WHERE p.item = v.id) AS amount FROM inner_view AS v;
SELECT is(dirty_keys, NULL, 'the view is replaced: all keys are dirty at once') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and are recomputed');
CREATE OR REPLACE VIEW inner_view AS SELECT id, value * factor() + other AS value FROM items;
SELECT is(dirty_keys, NULL, 'so are they where a view under it is replaced') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and recomputed');
UPDATE items SET other = other + 1 WHERE id = 1;
SELECT is(dirty_keys, 1::bigint, 'a column that matters now is captured') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'its change is in');
CREATE OR REPLACE FUNCTION factor() RETURNS int LANGUAGE sql STABLE AS 'SELECT 3';
SELECT is(dirty_keys, NULL, 'and where a function of a view under it is replaced') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and recomputed');
CREATE OR REPLACE FUNCTION offset_of(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n + 5; END';
SELECT is(dirty_keys, NULL, 'in whatever language') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and recomputed');
CREATE OR REPLACE VIEW inner_view AS SELECT id, value * factor() + other AS value FROM items;
SELECT is(dirty_keys, 0::bigint, 'the same once more dirties nothing') FROM pollseed_scores;

-- A table more under the view, and one less
CREATE TABLE bonuses (item int PRIMARY KEY, bonus int);
INSERT INTO bonuses VALUES (1, 1);
CREATE OR REPLACE VIEW inner_view AS SELECT i.id, i.value * factor() + i.other + coalesce(b.bonus, 0) AS value FROM items AS i LEFT JOIN bonuses AS b ON b.item = i.id;
SELECT is(state_of('scores'), 'ready', 'a table more is followed');
SELECT is(wrong('scores', 'formula'), NULL, 'its rows are in');
INSERT INTO bonuses VALUES (2, 50);
UPDATE bonuses SET bonus = 9 WHERE item = 1;
SELECT is(dirty_keys, 2::bigint, 'its changes are captured') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and in');
CREATE OR REPLACE VIEW inner_view AS SELECT id, value * factor() + other AS value FROM items;
SELECT is(wrong('scores', 'formula'), NULL, 'a table less is followed');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'bonuses'::regclass AND NOT tgisinternal), 0::bigint, 'which is captured no more');

-- A table whose key cannot be told
CREATE TABLE rates (rate int);
INSERT INTO rates VALUES (1);
SAVEPOINT before;
CREATE OR REPLACE VIEW inner_view AS SELECT id, value * (SELECT sum(rate)::int FROM rates) AS value FROM items;
SELECT matches(state_of('scores'), '^broken: .*rates', 'a table that cannot be captured breaks it');
SELECT matches(error_of($$SELECT pollseed_score_refresh('scores')$$), '^55000 .*cannot be refreshed', 'it is not refreshed');
CREATE OR REPLACE VIEW inner_view AS SELECT id, value * factor() + other AS value FROM items;
SELECT is(state_of('scores'), 'ready', 'the view of before mends it');
SELECT is(wrong('scores', 'formula'), NULL, 'and it is right again');
ROLLBACK TO before;

-- Columns of the view
CREATE OR REPLACE VIEW formula AS SELECT v.id, offset_of(v.value) AS value, (SELECT sum(p.amount) FROM parts AS p WHERE p.item = v.id) AS amount, 'new ' || v.id AS "Added col" FROM inner_view AS v;
SELECT is(state_of('scores'), 'ready', 'a new column is followed');
SELECT has_column('scores', 'Added col', 'the table has it');
SELECT has_column('scores_fresh', 'Added col', 'the view of fresh rows too');
SELECT is(wrong('scores', 'formula'), NULL, 'it is filled');
INSERT INTO items VALUES (11, 11, 11);
SELECT is(wrong('scores', 'formula'), NULL, 'for new rows too');
ALTER VIEW formula RENAME COLUMN "Added col" TO renamed;
SELECT ok(state_of('scores') LIKE 'broken: %' OR wrong('scores', 'formula') IS NULL, 'a column of another name is followed or told: ' || state_of('scores'));
ALTER VIEW formula RENAME COLUMN renamed TO "Added col";
SELECT is(state_of('scores'), 'ready', 'its old name mends it');
SELECT is(wrong('scores', 'formula'), NULL, 'and it is right');
SAVEPOINT before;
CREATE OR REPLACE VIEW two_formula AS SELECT id, value, other FROM items;
SELECT is(state, 'ready', 'a score of two columns alike') FROM pollseed_score_create('two', 'two_formula', 'id');
ALTER VIEW two_formula RENAME COLUMN value TO x;
ALTER VIEW two_formula RENAME COLUMN other TO value;
ALTER VIEW two_formula RENAME COLUMN x TO other;
SELECT is(wrong('two', 'two_formula'), NULL, 'which exchange their names');
UPDATE items SET value = value + 1 WHERE id = 2;
SELECT is(wrong('two', 'two_formula'), NULL, 'and go on being captured');
ROLLBACK TO before;
SAVEPOINT before;
ALTER VIEW formula RENAME COLUMN id TO key;
SELECT matches(state_of('scores'), '^broken: ', 'a key of another name is told');
ROLLBACK TO before;
SAVEPOINT before;
DROP VIEW formula CASCADE;
SELECT matches(state_of('scores'), '^broken: .*formula', 'a view that was dropped is told');
SELECT isnt(error_of($$SELECT pollseed_score_refresh('scores')$$), 'no error', 'and an error for who refreshes');
UPDATE items SET value = 1000;
SELECT is(error_of('DELETE FROM items WHERE id = 1'), 'no error', 'writers write all the same');
SELECT ok(pollseed_score_drop('scores'), 'what is left can be dropped');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pollseed%'), 0::bigint, 'with all triggers');
ROLLBACK TO before;

-- Names of everything
ALTER VIEW formula RENAME TO renamed_formula;
SELECT is(wrong('scores', 'renamed_formula'), NULL, 'the view under another name');
CREATE SCHEMA elsewhere;
ALTER VIEW renamed_formula SET SCHEMA elsewhere;
SELECT is(wrong('scores', 'elsewhere.renamed_formula'), NULL, 'and in another schema');
SELECT is(definition, 'elsewhere.renamed_formula', 'which it says') FROM pollseed_scores;
ALTER VIEW elsewhere.renamed_formula SET SCHEMA public;
ALTER VIEW renamed_formula RENAME TO formula;
ALTER TABLE items RENAME TO articles;
UPDATE articles SET value = value + 1 WHERE id = 2;
SELECT is(dirty_keys, 1::bigint, 'a source of another name is captured') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and right');
ALTER TABLE articles SET SCHEMA elsewhere;
UPDATE elsewhere.articles SET value = value + 1 WHERE id = 2;
SELECT is(wrong('scores', 'formula'), NULL, 'in another schema');
ALTER TABLE elsewhere.articles RENAME COLUMN value TO worth;
SELECT is(state_of('scores'), 'ready', 'a column of another name is followed');
UPDATE elsewhere.articles SET worth = worth + 1 WHERE id = 2;
SELECT is(wrong('scores', 'formula'), NULL, 'and captured');
ALTER TABLE elsewhere.articles RENAME COLUMN id TO article;
UPDATE elsewhere.articles SET worth = worth + 1 WHERE article = 3;
SELECT is(wrong('scores', 'formula'), NULL, 'a key of another name too');
ALTER TABLE parts RENAME COLUMN item TO of_item;
UPDATE parts SET amount = amount + 1 WHERE of_item = 4;
INSERT INTO parts_1 VALUES (100, 5, '2026-01-06', 5);
SELECT is(wrong('scores', 'formula'), NULL, 'so in partitions');
ALTER TABLE elsewhere.articles RENAME COLUMN article TO id;
ALTER TABLE elsewhere.articles RENAME COLUMN worth TO value;
ALTER TABLE parts RENAME COLUMN of_item TO item;
ALTER TABLE elsewhere.articles SET SCHEMA public;
ALTER TABLE articles RENAME TO items;
SELECT is(wrong('scores', 'formula'), NULL, 'and under all names of before');
ALTER TABLE items ADD unrelated text, DROP COLUMN label;
UPDATE items SET unrelated = 'x';
SELECT is(dirty_keys, 0::bigint, 'columns that come and go and are not read matter not') FROM pollseed_scores;
UPDATE items SET value = value + 1 WHERE id = 6;
SELECT is(wrong('scores', 'formula'), NULL, 'but the others do');

-- The score's own relations
ALTER TABLE scores RENAME TO results;
ALTER TABLE scores_queue RENAME TO results_queue;
UPDATE items SET value = value + 1 WHERE id = 7;
SELECT is(name, 'public.results', 'it has the name of its table') FROM pollseed_scores;
SELECT is(updated, 1::bigint, 'by which it is refreshed') FROM pollseed_score_refresh('results');
SELECT is(v::text, '(0,0,0)', 'and right') FROM pollseed_score_verify('results') AS v;
SELECT is((SELECT count(*) FROM scores_fresh), (SELECT count(*) FROM formula), 'the view of fresh rows goes on');
ALTER TABLE results SET SCHEMA elsewhere;
SELECT is(v::text, '(0,0,0)', 'in another schema too') FROM pollseed_score_verify('elsewhere.results') AS v;
ALTER TABLE elsewhere.results SET SCHEMA public;
ALTER TABLE results RENAME TO scores;
ALTER TABLE results_queue RENAME TO scores_queue;
CREATE INDEX ON scores (value);
ALTER TABLE scores SET (fillfactor = 70);
SELECT is(wrong('scores', 'formula'), NULL, 'indexes and options of one''s own are fine');
SAVEPOINT before;
ALTER TABLE scores DROP COLUMN amount CASCADE;
SELECT ok(state_of('scores') LIKE 'broken: %' OR error_of($$SELECT pollseed_score_refresh('scores')$$) = 'no error', 'a column that the table has lost is told or mended: ' || state_of('scores'));
ROLLBACK TO before;
SAVEPOINT before;
DROP TABLE scores_queue CASCADE;
SELECT matches(state_of('scores'), '^broken: .*scores_queue', 'a queue that was dropped is told');
SELECT is(error_of('UPDATE items SET value = 3'), 'no error', 'writers write all the same');
SELECT ok(pollseed_score_drop('scores'), 'what is left can be dropped');
ROLLBACK TO before;
SAVEPOINT before;
DROP VIEW scores_fresh;
UPDATE items SET value = value + 1;
SELECT is(updated, 11::bigint, 'without the view of fresh rows it is refreshed') FROM pollseed_score_refresh('scores');
ROLLBACK TO before;

-- Partitions: new ones, such as were tables of their own, and such as are none any more
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO parts_2 VALUES (200, 1, '2026-02-02', 7);
SELECT isnt(dirty_keys, 0::bigint, 'a new partition is captured') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'its rows are in');
CREATE TABLE parts_3 (junk int, day date, amount int, item int, id int);
ALTER TABLE parts_3 DROP junk;
INSERT INTO parts_3 VALUES ('2026-03-03', 8, 2, 300), ('2026-03-04', 9, 3, 301);
SELECT is(dirty_keys, 0::bigint, 'a table is none of its sources') FROM pollseed_scores;
ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
SELECT is(wrong('scores', 'formula'), NULL, 'until it is attached: its rows are in');
UPDATE parts_3 SET amount = 80 WHERE id = 300;
UPDATE parts SET day = '2026-01-20', amount = 10 WHERE id = 301;
SELECT is(dirty_keys, 2::bigint, 'its changes are captured') FROM pollseed_scores;
SELECT is(wrong('scores', 'formula'), NULL, 'and in');
ALTER TABLE parts DETACH PARTITION parts_3;
SELECT is(wrong('scores', 'formula'), NULL, 'it is detached: its rows are out');
UPDATE parts_3 SET amount = 90;
SELECT is(dirty_keys, 0::bigint, 'and its changes none of the score''s') FROM pollseed_scores;
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'parts_3'::regclass AND NOT tgisinternal), 0::bigint, 'no trigger is left on it');
DROP TABLE parts_2;
SELECT is(wrong('scores', 'formula'), NULL, 'a partition is dropped: its rows are out');
CREATE TABLE parts_4 (LIKE parts) PARTITION BY LIST (item);
CREATE TABLE parts_41 PARTITION OF parts_4 FOR VALUES IN (1);
CREATE TABLE parts_42 PARTITION OF parts_4 DEFAULT;
INSERT INTO parts_4 VALUES (400, 1, '2026-04-01', 1), (401, 2, '2026-04-01', 2);
ALTER TABLE parts ATTACH PARTITION parts_4 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
INSERT INTO parts_42 VALUES (402, 3, '2026-04-02', 3);
UPDATE parts_4 SET item = 5 WHERE id = 400;
SELECT is(wrong('scores', 'formula'), NULL, 'a tree of partitions is attached');
ALTER TABLE parts_4 DETACH PARTITION parts_42;
INSERT INTO parts_42 VALUES (403, 4, '2026-04-03', 4);
SELECT is(wrong('scores', 'formula'), NULL, 'and one of its leaves detached');
CREATE TABLE more_items () INHERITS (items);
INSERT INTO more_items VALUES (50, 50, 50);
SELECT is(wrong('scores', 'formula'), NULL, 'a child of a table is captured');
ALTER TABLE more_items NO INHERIT items;
SELECT is(wrong('scores', 'formula'), NULL, 'until it is none');
ALTER TABLE more_items INHERIT items;
SELECT is(wrong('scores', 'formula'), NULL, 'and when it is one again');
TRUNCATE more_items;
SELECT is(wrong('scores', 'formula'), NULL, 'and is emptied');
DROP TABLE more_items;
CREATE TABLE copied AS SELECT * FROM items;
SELECT is(state_of('scores'), 'ready', 'other tables do not matter');

-- Triggers that were disabled or dropped
SELECT tgname AS trigger FROM pg_trigger WHERE tgrelid = 'items'::regclass AND tgname LIKE '%\_update' \gset
ALTER TABLE items DISABLE TRIGGER :"trigger";
SELECT ok(state_of('scores') LIKE 'broken: %' || :'trigger' || '%' OR (SELECT tgenabled = 'O' FROM pg_trigger WHERE tgname = :'trigger' AND tgrelid = 'items'::regclass),
    'a disabled trigger is told, or enabled again: ' || state_of('scores'));
UPDATE items SET value = value + 1;
SELECT ok(state_of('scores') LIKE 'broken: %' OR wrong('scores', 'formula') IS NULL, 'so nothing is lost unseen');
ALTER TABLE items ENABLE TRIGGER :"trigger";
SELECT is(state_of('scores'), 'ready', 'enabled, all is well');
SELECT is(wrong('scores', 'formula'), NULL, 'what was not captured is in');
ALTER TABLE items DISABLE TRIGGER ALL;
UPDATE items SET value = value + 1;
ALTER TABLE items ENABLE TRIGGER ALL;
SELECT is(wrong('scores', 'formula'), NULL, 'all triggers disabled for a time, as loaders do');
ALTER TABLE parts_1 DISABLE TRIGGER USER;
UPDATE parts_1 SET amount = amount + 1;
ALTER TABLE parts_1 ENABLE TRIGGER USER;
SELECT is(wrong('scores', 'formula'), NULL, 'so in a partition');
SELECT is((SELECT string_agg(DISTINCT tgenabled::text, '' ORDER BY tgenabled::text) FROM pg_trigger WHERE tgname LIKE 'pollseed%'), 'AOR', 'each fires when it should');
DROP TRIGGER :"trigger" ON items;
UPDATE items SET value = value + 1;
SELECT ok(state_of('scores') LIKE 'broken: %' OR wrong('scores', 'formula') IS NULL, 'a dropped trigger is told or made again: ' || state_of('scores'));
SELECT error_of($$SELECT pollseed_score_refresh('scores')$$) \g /dev/null
SELECT is(wrong('scores', 'formula'), NULL, 'and what it did not capture is in after a refresh');
SELECT tgname AS trigger FROM pg_trigger WHERE tgrelid = 'items'::regclass AND tgname LIKE '%\_insert' \gset
ALTER TRIGGER :"trigger" ON items RENAME TO mine;
INSERT INTO items VALUES (70, 70, 70);
SELECT ok(state_of('scores') LIKE 'broken: %' OR wrong('scores', 'formula') IS NULL, 'a trigger of another name: ' || state_of('scores'));

-- Sources that are dropped
SAVEPOINT before;
DROP TABLE parts CASCADE;
SELECT matches(state_of('scores'), '^broken: .*', 'a source that is dropped together with the view is told');
SELECT isnt(error_of($$SELECT pollseed_score_refresh('scores')$$), 'no error', 'and an error for who refreshes');
ROLLBACK TO before;
SAVEPOINT before;
DROP SCHEMA elsewhere CASCADE;
CREATE OR REPLACE VIEW formula AS SELECT v.id, offset_of(v.value) AS value, v.id::bigint AS amount, 'new ' || v.id AS "Added col" FROM inner_view AS v;
DROP TABLE parts;
SELECT is(wrong('scores', 'formula'), NULL, 'one that the view read no more is not missed');
ROLLBACK TO before;
SAVEPOINT before;
ALTER TABLE items SET UNLOGGED;
SELECT ok(state_of('scores') LIKE 'broken: %' OR state_of('scores') = 'ready', 'a source that became unlogged: ' || state_of('scores'));
ROLLBACK TO before;

-- Types: PostgreSQL lets no column change that a view reads, but that of a table under a view that was made again it does.
SAVEPOINT before;
DROP VIEW formula CASCADE;
DROP VIEW inner_view;
SELECT matches(state_of('scores'), '^broken: ', 'without the view it is broken');
ALTER TABLE items ALTER value TYPE bigint USING value * 2;
CREATE VIEW formula AS SELECT id, value, 1::bigint AS amount, 'x' AS "Added col" FROM items;
SELECT ok(state_of('scores') LIKE 'broken: %' OR wrong('scores', 'formula') IS NULL, 'another view of the name is followed, or not taken for it: ' || state_of('scores'));
ROLLBACK TO before;

-- The score itself
DROP TABLE scores CASCADE;
SELECT is(count(*), 0::bigint, 'a score whose table is dropped is none any more') FROM pollseed_scores;
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pollseed%'), 0::bigint, 'no trigger is left');
SELECT hasnt_table('scores_queue');
SELECT hasnt_view('scores_fresh');
SELECT is((SELECT count(*) FROM pollseed.score_sources), 0::bigint, 'nothing is kept of it');
SELECT is(error_of('UPDATE items SET value = 1'), 'no error', 'writers write');
SELECT is(state, 'ready', 'it can be made again') FROM pollseed_score_create('scores', 'formula', 'id');
SELECT is(wrong('scores', 'formula'), NULL, 'and is right');
SELECT ok(pollseed_score_drop('scores'), 'and dropped');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pollseed%'), 0::bigint, 'with its triggers');
SELECT * FROM finish();
ROLLBACK;
