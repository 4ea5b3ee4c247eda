-- Foreign keys proven once for each distinct key: each key is proven, each parent that is used is locked and no other, and
-- what was proven is forgotten when it must be.
--
-- A proof that only looked for the parent would leave it unlocked; one that kept its memory of keys beyond a seeding, or
-- that stopped at its limit of remembered keys, would let a missing parent pass.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgrowlocks;

SELECT plan(2 * 11);

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
    INSERT INTO many_options SELECT i, 'option ' || i FROM generate_series(1, 20000) AS i;
    CREATE TABLE many_parents AS SELECT id FROM many_options;
    ALTER TABLE many_parents ADD PRIMARY KEY (id);
    CREATE TABLE many_events (option_id bigint REFERENCES many_parents, inserted_at timestamptz);
    RETURN NEXT lives_ok($q$SELECT pollseed_seed(40000, 'even', seed => 7, batch_size => 10000, options => 'many_options',
        events => 'many_events')$q$, lane || ': twenty thousand keys');
    RETURN NEXT results_eq('SELECT count(*), count(DISTINCT option_id) FROM many_events', 'VALUES (40000::bigint, 20000::bigint)',
        lane || ': all are written');
    RETURN NEXT is((SELECT count(*) FROM pgrowlocks('many_parents')), 20000::bigint, lane || ': each parent is locked');
    TRUNCATE many_events;
    DELETE FROM many_parents WHERE id = 19999;
    RETURN NEXT throws_ok($q$SELECT pollseed_seed(40000, 'even', seed => 7, batch_size => 10000, options => 'many_options',
        events => 'many_events')$q$, '23503', NULL, lane || ': one of them without a parent is found');
END $$;

SELECT test_lane('spi');
SELECT test_lane('direct');

SELECT finish();
ROLLBACK;
