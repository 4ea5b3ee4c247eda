-- Scores at the edges: keys that the view's type does not allow, odd names and definitions, commands that have nothing to do with
-- a score, restores, and owners who mean no good.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

CREATE FUNCTION outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- State and problem of a score
CREATE FUNCTION state_of(score text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(': ', state, problem) FROM pollseed_scores WHERE name = 'public.' || score $$;

-- Makes a score that has nothing dirty.
CREATE FUNCTION made(score text, view regclass, key text, sources jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_score_create(score, view, key, sources);
    PERFORM pollseed_score_refresh(score);
END $$;

-- What is not as it should be: fresh rows, then what a refresh by keys makes of the score.
CREATE FUNCTION wrong(score text, view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint; columns text; result text; verified record;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) INTO columns FROM pg_attribute WHERE attrelid = view::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('SELECT count(*) FROM ((SELECT %1$s FROM %2$I EXCEPT ALL SELECT %1$s FROM %3$s) UNION ALL (SELECT %1$s FROM %3$s EXCEPT ALL SELECT %1$s FROM %2$I)) AS d', columns, score || '_fresh', view) INTO n;
    IF n > 0 THEN result := n || ' rows not fresh'; END IF;
    PERFORM pollseed_score_refresh(quote_ident(score), 'delta');
    SELECT * INTO verified FROM pollseed_score_verify(quote_ident(score));
    IF verified.missing + verified.extra + verified.different > 0 THEN result := concat_ws(', ', result, verified::text || ' after a refresh'); END IF;
    RETURN result;
END $$;

-- Keys that a source has and the view cannot
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE items (id int PRIMARY KEY, size numeric(4, 1) UNIQUE, code varchar(3) UNIQUE, rank positive UNIQUE, name text);
CREATE TABLE parts (item bigint, size numeric, code text, rank int, amount int DEFAULT 1);
INSERT INTO items VALUES (1, 1.0, 'abc', 1, 'one'), (2, 2.5, 'd', 2, 'two');
CREATE VIEW by_id AS SELECT id, name, (SELECT sum(amount) FROM parts AS p WHERE p.item = i.id) AS amount FROM items AS i;
CREATE VIEW by_size AS SELECT size, (SELECT sum(amount) FROM parts AS p WHERE p.size = i.size) AS amount FROM items AS i;
CREATE VIEW by_code AS SELECT code, (SELECT sum(amount) FROM parts AS p WHERE p.code = i.code) AS amount FROM items AS i;
CREATE VIEW by_rank AS SELECT rank, (SELECT sum(amount) FROM parts AS p WHERE p.rank = i.rank) AS amount FROM items AS i;
SELECT made(replace(view, 'by', 'score'), view::regclass, substr(view, 4)) FROM unnest('{by_id,by_size,by_code,by_rank}'::text[]) AS view;
INSERT INTO parts VALUES (3000000000, 123456, 'abcdef', -5), (1, 1.00, 'abc', 1), (-1, 1.04, '', 0), (2, 2.5, 'd', 2);
SELECT is(wrong('score_id', 'by_id'), NULL, 'a key beyond integer is that of no row');
SELECT is(wrong('score_size', 'by_size'), NULL, 'one with more digits than numeric(4,1)');
SELECT is(wrong('score_code', 'by_code'), NULL, 'one with more characters than varchar(3)');
SELECT is(wrong('score_rank', 'by_rank'), NULL, 'one that a domain does not allow');

-- Keys that are equal and not the same
CREATE FUNCTION make_collation() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    RETURN true;
EXCEPTION WHEN feature_not_supported THEN
    CREATE COLLATION caseless FROM "C";
    RETURN false;
END $$;
SELECT ok(make_collation() IS NOT NULL, 'a collation that does not tell cases apart, where the server can');
CREATE TABLE words (word text COLLATE caseless, n int);
INSERT INTO words VALUES ('Abc', 1), ('x', 2);
CREATE VIEW by_word AS SELECT word, sum(n) AS n FROM words GROUP BY word;
SELECT made('score_word', 'by_word', 'word');
INSERT INTO words VALUES ('abc', 1), ('ABC', 1), ('Y', 1), ('y', 2);
SELECT is(wrong('score_word', 'by_word'), NULL, 'keys that are equal under a collation are one');
INSERT INTO words VALUES ('X', 5);
UPDATE words SET word = 'ABC' WHERE n = 2;
SELECT is(wrong('score_word', 'by_word'), NULL, 'however they are spelled');

-- Keys whose text is not theirs
CREATE TABLE padded (code char(5) PRIMARY KEY, at timestamptz, ratio float4);
CREATE VIEW by_padded AS SELECT code::text AS code, ratio::float8 AS ratio FROM padded;
CREATE VIEW by_ratio AS SELECT ratio::float8 AS ratio, count(*) AS n FROM padded GROUP BY 1;
CREATE VIEW by_day AS SELECT at::date AS day, count(*) AS n FROM padded GROUP BY 1;
SELECT matches(outcome($$SELECT made('score_padded', 'by_padded', 'code', '[{"table": "padded", "key": "code"}]')$$), '^42804 ', 'blanks are no key of a text');
SELECT matches(outcome($$SELECT made('score_ratio', 'by_ratio', 'ratio', '[{"table": "padded", "key": "ratio"}]')$$), '^42804 ', 'float4 is none of float8');
SELECT matches(outcome($$SELECT made('score_day', 'by_day', 'day', '[{"table": "padded", "key": "at"}]')$$), '^42804 ', 'nor a moment of a day');
SELECT is(outcome($$SELECT made('score_padded', 'by_padded', 'code', '[{"table": "padded", "key": "code", "via": "SELECT p.code::text FROM unnest($01) AS p(code) -- cast"}]')$$), 'no error', 'a query can say so, also with a comment');
INSERT INTO padded VALUES ('ab', now(), 0.1);
SELECT is(wrong('score_padded', 'by_padded'), NULL, 'and is right');

-- A row of which a query knows half the key
CREATE TABLE links (item int, other int, amount int);
CREATE VIEW by_links AS SELECT i.id, (SELECT sum(l.amount) FROM links AS l WHERE l.item = i.size) AS amount FROM items AS i;
SELECT made('score_links', 'by_links', 'id', '[{"table": "links", "key": ["item", "other"], "via": "SELECT id FROM items WHERE size = ANY ($1)"}]');
INSERT INTO links VALUES (1, 1, 1);
SELECT is(wrong('score_links', 'by_links'), NULL, 'a query of two columns');
INSERT INTO links VALUES (1, NULL, 1);
SELECT is(dirty_keys, NULL::bigint, 'where one of them is null it may be of any key') FROM pollseed_scores WHERE name = 'public.score_links';
SELECT is(wrong('score_links', 'by_links'), NULL, 'and is not lost');
INSERT INTO links VALUES (NULL, NULL, 1);
SELECT is(dirty_keys, 0::bigint, 'where both are, of none') FROM pollseed_scores WHERE name = 'public.score_links';

-- Columns of the table that are not the view's
ALTER TABLE score_id ADD COLUMN note text, ADD COLUMN upper_name text GENERATED ALWAYS AS (upper(name)) STORED;
UPDATE items SET name = 'uno' WHERE id = 1;
INSERT INTO items VALUES (3, 3, 'c', 3, 'three');
SELECT is(wrong('score_id', 'by_id'), NULL, 'an owner may add columns to the table');
SELECT is(string_agg(upper_name, ' ' ORDER BY id), 'UNO TWO THREE', 'which are computed') FROM score_id;
CREATE OR REPLACE VIEW by_id AS SELECT id, name, (SELECT sum(amount) FROM parts AS p WHERE p.item = i.id) AS amount, 1 AS one FROM items AS i;
SELECT is(state_of('score_id'), 'ready', 'and replace the view');
SELECT is(wrong('score_id', 'by_id'), NULL, 'which is followed');

-- As many columns as there can be
SELECT outcome(format('CREATE TABLE wide (%s)', string_agg('c' || n || ' int', ', '))) FROM generate_series(1, 1600) AS n;
CREATE VIEW by_wide AS SELECT * FROM wide;
SELECT made('score_wide', 'by_wide', 'c1');
INSERT INTO wide (c1, c1600) VALUES (1, 1), (2, 2);
SELECT is((SELECT missing FROM pollseed_score_verify('score_wide')), 2::bigint, 'a score of 1600 columns is verified');
SELECT is((SELECT inserted FROM pollseed_score_refresh('score_wide', 'delta')), 2::bigint, 'and refreshed');

-- Commands that have nothing to do with scores write nothing of theirs, which a refresh may have locked
SELECT pollseed_score_refresh(name) FROM pollseed_scores;
CREATE TEMP TABLE places AS SELECT score_id, ctid AS place FROM pollseed.scores;
CREATE FUNCTION unrelated() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW unrelated_view AS SELECT unrelated() AS one;
CREATE OR REPLACE FUNCTION unrelated() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE TABLE unrelated_table (id int);
ALTER TABLE unrelated_table ADD COLUMN value int;
ALTER TABLE parts ADD COLUMN unrelated int;
DROP TABLE unrelated_table;
SELECT is(count(*), 0::bigint, 'rows of scores stay where they are') FROM pollseed.scores AS s JOIN places AS p USING (score_id) WHERE s.ctid <> p.place;
SELECT is(count(*), 0::bigint, 'and no key is dirty') FROM pollseed_scores WHERE dirty_keys IS DISTINCT FROM 0;

-- Temporary and unlogged
SET LOCAL search_path = pg_temp, public;
SELECT matches(outcome($$SELECT pollseed_score_create('score_temporary', 'by_word', 'word')$$), '^0A000 a score cannot be temporary', 'a score is not made in a temporary schema');
SET LOCAL search_path = public;
ALTER TABLE score_word_queue SET UNLOGGED;
SELECT matches(state_of('score_word'), '^broken: .*unlogged', 'a queue that may be emptied is told');
ALTER TABLE score_word_queue SET LOGGED;
SELECT is(state_of('score_word'), 'ready', 'until it is not');
SELECT is(dirty_keys, NULL::bigint, 'then all keys are dirty') FROM pollseed_scores WHERE name = 'public.score_word';
ALTER TABLE score_word SET UNLOGGED;
SELECT matches(state_of('score_word'), '^broken: .*unlogged', 'so is a table');
ALTER TABLE score_word SET LOGGED;

-- Options of the view
SELECT pollseed_score_refresh('score_size');
ALTER VIEW by_size SET (security_invoker = true);
SELECT is(dirty_keys, NULL::bigint, 'another reader of the tables may see other rows') FROM pollseed_scores WHERE name = 'public.score_size';

-- Data definition where it is replicated
CREATE TABLE days (id int, day date, value int) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO days VALUES (1, '2026-01-05', 1), (2, '2026-02-05', 1);
CREATE VIEW by_days AS SELECT id, sum(value) AS value FROM days GROUP BY id;
SELECT made('score_days', 'by_days', 'id');
SET LOCAL session_replication_role = replica;
DROP TABLE days_1;
SET LOCAL session_replication_role = origin;
SELECT is(wrong('score_days', 'by_days'), NULL, 'a partition that is dropped by who replicates is noticed');

-- A restore into a database with the OID of the one that was dumped, and into that one itself
UPDATE pollseed.scores SET system_identifier = 1, relation_oid = 1, queue_oid = 1, definition_oid = 1, fresh_oid = 1 WHERE name = 'public.score_rank';
UPDATE pollseed.score_sources SET relation_oid = 1 WHERE score_id = (SELECT score_id FROM pollseed.scores WHERE name = 'public.score_rank');
ALTER TABLE score_rank_queue SET (fillfactor = 90);
UPDATE parts SET amount = amount + 1;
SELECT is(dirty_keys, 4::bigint, 'changes are captured before the first refresh') FROM pollseed_scores WHERE name = 'public.score_rank';
SELECT is(wrong('score_rank', 'by_rank'), NULL, 'which finds them');
UPDATE pollseed.scores SET relation_oid = 1, queue_oid = 1, definition_oid = 1, fresh_oid = 1 WHERE name = 'public.score_rank';
UPDATE pollseed.score_sources SET relation_oid = 1 WHERE score_id = (SELECT score_id FROM pollseed.scores WHERE name = 'public.score_rank');
ALTER TABLE score_rank_queue SET (fillfactor = 80);
UPDATE parts SET amount = amount + 1;
SELECT is(dirty_keys, 4::bigint, 'so they are where only the tables are others') FROM pollseed_scores WHERE name = 'public.score_rank';
SELECT is(wrong('score_rank', 'by_rank'), NULL, 'as does the refresh');

-- What an owner has his queue run, it runs as him
CREATE ROLE edge_owner;
CREATE ROLE edge_member IN ROLE edge_owner;
CREATE SCHEMA theirs AUTHORIZATION edge_owner;
SET LOCAL ROLE edge_owner;
CREATE TABLE theirs.items (id int PRIMARY KEY, value int);
CREATE VIEW theirs.formula AS SELECT id, value FROM theirs.items;
SELECT outcome($$SELECT pollseed_score_create('theirs.scores', 'theirs.formula', 'id')$$);
INSERT INTO theirs.items VALUES (1, 1);
CREATE SEQUENCE theirs.spied_as_owner;
CREATE SEQUENCE theirs.spied_as_other;
CREATE FUNCTION theirs.spy() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval(CASE WHEN current_user = 'edge_owner' THEN 'theirs.spied_as_owner' ELSE 'theirs.spied_as_other' END);
    RETURN true;
END $$;
CREATE FUNCTION theirs.spied() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', o.is_called, x.is_called) FROM theirs.spied_as_owner AS o, theirs.spied_as_other AS x $$;
CREATE POLICY spying ON theirs.scores_queue USING (theirs.spy());
ALTER TABLE theirs.scores_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE theirs.scores_queue FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE edge_member;
SELECT setval('theirs.spied_as_owner', 1, false);
SELECT count(dirty_keys) FROM pollseed_scores WHERE name = 'theirs.scores';
SELECT is(theirs.spied(), 't f', 'who looks at pollseed_scores does not run a policy of a queue');
SELECT setval('theirs.spied_as_owner', 1, false);
SELECT dirty_keys FROM pollseed_score_staleness('theirs.scores');
SELECT is(theirs.spied(), 't f', 'nor who asks for staleness');
SELECT setval('theirs.spied_as_owner', 1, false);
SELECT pollseed_score_wait('theirs.scores', '0 seconds');
SELECT is(theirs.spied(), 't f', 'nor who waits');
RESET ROLE;

-- Partitions that the owner of a source adds
CREATE ROLE edge_table_owner;
CREATE SCHEMA tables AUTHORIZATION edge_table_owner;
SET LOCAL ROLE edge_table_owner;
CREATE TABLE tables.days (id int, day date, value int) PARTITION BY RANGE (day);
CREATE TABLE tables.days_1 PARTITION OF tables.days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
GRANT USAGE ON SCHEMA tables TO edge_owner;
GRANT SELECT, TRIGGER ON tables.days TO edge_owner;
SET LOCAL ROLE edge_owner;
CREATE VIEW theirs.days_formula AS SELECT id, sum(value) AS value FROM tables.days GROUP BY id;
SELECT is(outcome($$SELECT pollseed_score_create('theirs.days', 'theirs.days_formula', 'id')$$), 'no error', 'TRIGGER on a source is enough');
SET LOCAL ROLE edge_table_owner;
CREATE TABLE tables.days_2 PARTITION OF tables.days FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO tables.days_2 VALUES (2, '2026-02-05', 1);
RESET ROLE;
SELECT is(state, 'ready', 'also for new partitions') FROM pollseed_scores WHERE name = 'theirs.days';
SELECT is((SELECT inserted FROM pollseed_score_refresh('theirs.days')), 1::bigint, 'whose changes are captured');

SELECT * FROM finish();
ROLLBACK;
