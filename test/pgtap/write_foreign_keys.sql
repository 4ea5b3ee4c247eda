-- Foreign keys proven once for each distinct key: each key is proven, each parent that is used is locked and no other, and
-- what was proven is forgotten when it must be.
--
-- A proof that only looked for the parent would leave it unlocked; one that kept its memory of keys beyond a seeding, or
-- that stopped at its limit of remembered keys, would let a missing parent pass.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgrowlocks;

SELECT plan(2 * 22);

CREATE FUNCTION test_lane(lane text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    ran text;
BEGIN
    EXECUTE format('CREATE SCHEMA %I', lane);
    PERFORM set_config('search_path', lane || ', public', true), set_config('pollseed.write_lane', lane, true);
    CREATE TABLE options (id bigint PRIMARY KEY, text text, votes bigint NOT NULL DEFAULT 0);
    INSERT INTO options VALUES (1, 'Python', 0), (2, 'Go', 0);
    CREATE TABLE parents (id int PRIMARY KEY, note text);
    INSERT INTO parents SELECT generate_series(0, 9);
    CREATE TABLE events (id bigserial, option_id bigint REFERENCES options, votes_after bigint, inserted_at timestamptz,
                         parent int GENERATED ALWAYS AS (votes_after % 7) STORED REFERENCES parents);

    SELECT s.lane INTO ran FROM pollseed_seed(100, seed => 7, ends_at => '2026-01-22', batch_size => 9, events => 'events') AS s;
    RETURN NEXT is(ran, lane, lane || ': parents inserted in the same transaction count');
    RETURN NEXT results_eq($q$SELECT p.id, l.modes[1] FROM pgrowlocks('parents') AS l JOIN parents AS p ON p.ctid = l.locked_row
                               ORDER BY p.id$q$,
        'SELECT i, ''For Key Share''::text FROM generate_series(0, 6) AS i', lane || ': the parents in use are locked, no others');

    -- A parent that goes after it was proven is missed by the next seeding.
    ALTER TABLE events DROP CONSTRAINT events_parent_fkey;
    DELETE FROM parents WHERE id = 3;
    DELETE FROM events;
    ALTER TABLE events ADD CONSTRAINT to_parents FOREIGN KEY (parent) REFERENCES parents;
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(100, seed => 7, ends_at => '2026-01-22', batch_size => 9, events => 'events')$q$,
        '23503', 'insert or update on table "events" violates foreign key constraint "to_parents"',
        lane || ': a parent deleted in the same transaction does not count');
    RETURN NEXT is_empty('SELECT FROM events', lane || ': and nothing stays behind');
    INSERT INTO parents VALUES (3);
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(100, seed => 7, ends_at => '2026-01-22', batch_size => 9, events => 'events')$q$,
        lane || ': with the parent back it works');

    -- Rows that have no parent by a NULL need none; those with one do.
    CREATE TABLE pairs (a bigint, b int, PRIMARY KEY (a, b));
    INSERT INTO pairs SELECT a, b FROM generate_series(1, 2) AS a, generate_series(1, 6) AS b;
    CREATE TABLE paired (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                         b int GENERATED ALWAYS AS (NULLIF(votes_after % 7, 0)) STORED,
                         FOREIGN KEY (option_id, b) REFERENCES pairs);
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(100, seed => 7, batch_size => 9, events => 'paired')$q$,
        lane || ': a key with a NULL needs no parent');
    TRUNCATE paired;
    DELETE FROM pairs WHERE a = 2 AND b = 6;
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(100, seed => 7, batch_size => 9, events => 'paired')$q$, '23503', NULL,
        lane || ': the same value beside another is another key');

    -- More keys than are remembered, each twice and far apart.
    CREATE TABLE many_options (id bigint PRIMARY KEY, text text);
    INSERT INTO many_options SELECT i, 'option ' || i FROM generate_series(1, 40000) AS i;
    CREATE TABLE many_parents AS SELECT id FROM many_options;
    ALTER TABLE many_parents ADD PRIMARY KEY (id);
    CREATE TABLE many_events (option_id bigint REFERENCES many_parents, inserted_at timestamptz);
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(80000, 'even', seed => 7, batch_size => 10000, options => 'many_options',
        events => 'many_events')$q$, lane || ': forty thousand keys');
    RETURN NEXT results_eq('SELECT count(*), count(DISTINCT option_id) FROM many_events', 'VALUES (80000::bigint, 40000::bigint)',
        lane || ': all are written');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('many_parents')), 40000::bigint, lane || ': each parent is locked');
    TRUNCATE many_events;
    DELETE FROM many_parents WHERE id = 39999;
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(80000, 'even', seed => 7, batch_size => 10000, options => 'many_options',
        events => 'many_events')$q$, '23503', NULL, lane || ': one of them without a parent is found');

    -- Keys that are many in a batch, of types and tables of all kinds.
    CREATE DOMAIN code AS text CHECK (VALUE <> '');
    CREATE TABLE "Big ""Parents""" ("the id" bigint PRIMARY KEY);
    CREATE TABLE texts (id varchar(20) COLLATE "C" PRIMARY KEY);
    CREATE TABLE parts (a int, b text, UNIQUE (b, a)) PARTITION BY LIST (a);
    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN (0);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
    CREATE TABLE hidden (id numeric PRIMARY KEY);
    ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    INSERT INTO "Big ""Parents""" SELECT generate_series(0, 49);
    INSERT INTO texts SELECT 't' || i FROM generate_series(0, 49) AS i;
    INSERT INTO parts SELECT i % 2, 't' || i FROM generate_series(0, 49) AS i;
    INSERT INTO hidden SELECT generate_series(0, 49);
    CREATE TABLE mixed (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                        small int GENERATED ALWAYS AS (votes_after % 50) STORED REFERENCES "Big ""Parents""",
                        word code GENERATED ALWAYS AS ('t' || votes_after % 50) STORED REFERENCES texts,
                        part int GENERATED ALWAYS AS (votes_after % 2) STORED,
                        money int GENERATED ALWAYS AS (NULLIF(votes_after % 50, 7)) STORED REFERENCES hidden,
                        FOREIGN KEY (word, part) REFERENCES parts (b, a));
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(200, seed => 7, batch_size => 60, events => 'mixed')$q$, lane || ': keys of all kinds');
    RETURN NEXT is((SELECT count(*) FROM mixed), 200::bigint, lane || ': all are written');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('"Big ""Parents"""')), 50::bigint, lane || ': parents of another type are locked');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('texts')), 50::bigint, lane || ': parents of another collation are locked');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('parts_0')) + (SELECT count(*) FROM pgrowlocks('parts_1')), 50::bigint,
        lane || ': parents in partitions are locked');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('hidden')), 49::bigint, lane || ': parents behind a policy are locked');
    TRUNCATE mixed;
    DELETE FROM texts WHERE id = 't49';
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(200, seed => 7, batch_size => 60, events => 'mixed')$q$, '23503',
        'insert or update on table "mixed" violates foreign key constraint "mixed_word_fkey"', lane || ': one of many without a parent is found');
    INSERT INTO texts VALUES ('t49');
    DELETE FROM parts WHERE b = 't48';
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(200, seed => 7, batch_size => 60, events => 'mixed')$q$, '23503', NULL,
        lane || ': and one without a parent in any partition');

    -- Of many keys, those with a NULL are judged as the constraint says.
    CREATE TABLE halves (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                         a int GENERATED ALWAYS AS (votes_after % 50) STORED, b int GENERATED ALWAYS AS (NULLIF(votes_after % 50, 7)) STORED);
    CREATE TABLE wholes (a int, b int, PRIMARY KEY (a, b));
    INSERT INTO wholes SELECT i, i FROM generate_series(0, 49) AS i WHERE i <> 7;
    ALTER TABLE halves ADD CONSTRAINT simple FOREIGN KEY (a, b) REFERENCES wholes;
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(200, seed => 7, batch_size => 60, events => 'halves')$q$, lane || ': a NULL needs no parent');
    TRUNCATE halves;
    ALTER TABLE halves DROP CONSTRAINT simple, ADD CONSTRAINT entire FOREIGN KEY (a, b) REFERENCES wholes MATCH FULL;
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(200, seed => 7, batch_size => 60, events => 'halves')$q$, '23503',
        'insert or update on table "halves" violates foreign key constraint "entire"', lane || ': unless it must match in full');
    RETURN NEXT is_empty('SELECT FROM halves', lane || ': and nothing stays behind');
END $$;

SELECT test_lane('spi');
SELECT test_lane('direct');

SELECT finish();
ROLLBACK;
