-- What a snapshot is: its exact content, whose it is, which version it tells, and how stale ones are found and made anew.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(48);
SELECT pollseed_create_targeting_tables() \g /dev/null
\ir include/naive_snapshots.sql

-- Me-file 1 holds traits of two groups, 2 of one, 3 none.  Band 1 asks for both, 2 for one, 3 for nothing, 4 for a group without traits.
INSERT INTO me_files (id, name) VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO traits (id, name) VALUES (10, 'young'), (11, 'old'), (12, 'says "so"'), (13, E'back\\slash, and\ttab'), (14, 'Zürich'), (15, 'elsewhere');
INSERT INTO trait_groups (id, name) VALUES (5, 'Age'), (3, 'Words, "quoted"'), (7, 'Nothing in it'), (8, 'Place');
INSERT INTO trait_group_traits (trait_group_id, trait_id) VALUES (5, 11), (5, 10), (3, 13), (3, 12), (8, 14), (8, 10);
INSERT INTO target_bands (id, name) VALUES (1, 'both'), (2, 'age'), (3, 'nothing'), (4, 'empty group'), (5, 'overlapping');
INSERT INTO target_band_trait_groups (target_band_id, trait_group_id) VALUES (1, 5), (1, 3), (2, 5), (4, 7), (5, 8), (5, 5), (5, 7);
INSERT INTO me_file_tags (me_file_id, trait_id) VALUES (1, 13), (1, 10), (1, 12), (1, 15), (2, 11), (2, 10), (2, 14);
INSERT INTO target_populations (id, me_file_id, target_band_id) SELECT m.id * 10 + b.id, m.id, b.id FROM me_files AS m, target_bands AS b
 WHERE (m.id, b.id) <> (2, 1);
INSERT INTO offers (id, me_file_id, target_band_id) SELECT m.id * 10 + b.id, m.id, b.id FROM me_files AS m, target_bands AS b;
INSERT INTO ad_events (me_file_id, target_band_id) SELECT m.id, b.id FROM me_files AS m, target_bands AS b, generate_series(1, 3);
CALL pollseed_backfill_snapshots();
SELECT is(fill(name) >= 0, true, name || ' ends') FROM unnest('{target_population_snapshots,offer_snapshots,ad_event_snapshots}'::text[]) AS name;

-- Content
SELECT is(matching_tags_snapshot - -1, '[{"id": 3, "name": "Words, \"quoted\"", "traits": [{"id": 12, "name": "says \"so\""},
        {"id": 13, "name": "back\\slash, and\ttab"}]}, {"id": 5, "name": "Age", "traits": [{"id": 10, "name": "young"}]}]',
    'groups by id, with those traits that the me-file holds, by id') FROM target_populations WHERE id = 11;
SELECT is(matching_tags_snapshot - -1, '[{"id": 5, "name": "Age", "traits": [{"id": 10, "name": "young"}]}]',
    'only the band''s groups') FROM target_populations WHERE id = 12;
SELECT is(matching_tags_snapshot - -1, '[{"id": 5, "name": "Age", "traits": [{"id": 10, "name": "young"}, {"id": 11, "name": "old"}]},
        {"id": 8, "name": "Place", "traits": [{"id": 10, "name": "young"}, {"id": 14, "name": "Zürich"}]}]',
    'a trait of two groups is in both; a group without match is left out') FROM target_populations WHERE id = 25;
SELECT is(matching_tags_snapshot - -1, '[]', 'a band without groups matches nothing, and that is a snapshot') FROM target_populations WHERE id = 13;
SELECT is(matching_tags_snapshot - -1, '[]', 'so does a me-file without traits') FROM target_populations WHERE id = 31;
SELECT is(count(*), 14::bigint, 'every population has one') FROM target_populations WHERE matching_tags_snapshot IS NOT NULL;
SELECT is_empty('SELECT * FROM wrong_snapshots()', 'each is what the plain query says, offers and events with and without population too');
SELECT is(jsonb_typeof(matching_tags_snapshot), 'array', 'a jsonb array') FROM target_populations WHERE id = 13;
SELECT is(count(*), 3::bigint, 'which can be searched by group') FROM target_populations WHERE matching_tags_snapshot @> '[{"id": 8}]' OR
    matching_tags_snapshot @> '[{"traits": [{"id": 13}]}]';

-- Versions
SELECT is(count(DISTINCT (target_band_id, matching_tags_snapshot -> -1 ->> 'version')), 5::bigint, 'one version a band')
  FROM (SELECT target_band_id, matching_tags_snapshot FROM target_populations UNION ALL SELECT target_band_id, matching_tags_snapshot FROM offers
        UNION ALL SELECT target_band_id, matching_tags_snapshot FROM ad_events) AS a;
SELECT is(count(DISTINCT matching_tags_snapshot -> -1 ->> 'version'), 5::bigint, 'another for each') FROM target_populations;
SELECT is_empty('SELECT * FROM pollseed_stale_snapshots()', 'none is stale');
CREATE FUNCTION stale_after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    BEGIN
        EXECUTE change;
        SELECT string_agg(DISTINCT p.target_band_id::text, ',') INTO result
          FROM pollseed_stale_snapshots() AS s JOIN target_populations AS p ON p.id = s.id AND s.relation = 'target_populations'::regclass;
        RAISE EXCEPTION USING ERRCODE = 'PSEED';
    EXCEPTION WHEN SQLSTATE 'PSEED' THEN
    END;
    RETURN result;
END $$;
SELECT is(stale_after(change), stale, what)
  FROM (VALUES ('UPDATE trait_groups SET name = ''Years'' WHERE id = 5', '1,2,5', 'a group''s name'),
        ('UPDATE traits SET name = ''ancient'' WHERE id = 11', '1,2,5', 'the name of a trait that nobody holds there'),
        ('UPDATE traits SET name = ''far'' WHERE id = 15', NULL, 'not of one that the band does not ask for'),
        ('UPDATE target_bands SET name = ''x''', NULL, 'nor the band''s name'),
        ('DELETE FROM trait_group_traits WHERE trait_id = 12', '1', 'a trait less'),
        ('INSERT INTO trait_group_traits (trait_group_id, trait_id) VALUES (7, 15)', '4,5', 'a trait more'),
        ('DELETE FROM target_band_trait_groups WHERE trait_group_id = 7', '4,5', 'a group less, be it empty'),
        ('INSERT INTO target_band_trait_groups (target_band_id, trait_group_id) VALUES (3, 7)', '3', 'a group more'),
        ('INSERT INTO me_file_tags (me_file_id, trait_id) VALUES (3, 10)', NULL, 'what a me-file holds is no part of it'))
    AS c(change, stale, what);
CREATE TEMP TABLE before AS SELECT 'offers' AS t, id, matching_tags_snapshot AS s FROM offers UNION ALL
    SELECT 'events', id, matching_tags_snapshot FROM ad_events UNION ALL SELECT 'populations', id, matching_tags_snapshot FROM target_populations;

-- Made anew: the same definitions give the same bytes
UPDATE target_populations SET matching_tags_snapshot = NULL WHERE id = 11;
UPDATE offers SET matching_tags_snapshot = NULL;
UPDATE ad_events SET matching_tags_snapshot = NULL;
SELECT is(fill('target_population_snapshots'), 1::bigint, 'one population is filled again');
SELECT is(fill('offer_snapshots'), 15::bigint, 'and all offers');
SELECT is(fill('ad_event_snapshots', 1), 45::bigint, 'and all events');
SELECT results_eq($$SELECT t, id, s::text FROM before ORDER BY 1, 2$$,
    $$SELECT 'events', id, matching_tags_snapshot::text FROM ad_events UNION ALL SELECT 'offers', id, matching_tags_snapshot::text FROM offers
        UNION ALL SELECT 'populations', id, matching_tags_snapshot::text FROM target_populations ORDER BY 1, 2$$, 'with the same snapshots');

-- Offers take over their population's snapshot: as it was then, unless the band was changed since
INSERT INTO me_file_tags (me_file_id, trait_id) VALUES (3, 10);
UPDATE offers SET matching_tags_snapshot = NULL WHERE me_file_id = 3;
UPDATE target_populations SET matching_tags_snapshot = '{"of": "the application"}' WHERE id = 34;
SELECT is(fill('offer_snapshots'), 5::bigint, 'offers of a me-file that has changed');
SELECT is(o.matching_tags_snapshot, p.matching_tags_snapshot, 'have their population''s snapshot: ' || p.id)
  FROM offers AS o JOIN target_populations AS p USING (me_file_id, target_band_id) WHERE p.me_file_id = 3 ORDER BY p.id;
SELECT is_empty('SELECT * FROM pollseed_stale_snapshots()', 'what does not tell its version is the application''s, not stale');
UPDATE trait_groups SET name = 'Years' WHERE id = 5;
UPDATE offers SET matching_tags_snapshot = NULL WHERE id = 32;
SELECT is(fill('offer_snapshots'), 1::bigint, 'an offer after its band was changed');
SELECT is(matching_tags_snapshot - -1, '[{"id": 5, "name": "Years", "traits": [{"id": 10, "name": "young"}]}]', 'has one of its own')
  FROM offers WHERE id = 32;

-- Stale ones are listed and made anew
SELECT results_eq('SELECT relation, count(*), count(DISTINCT version), bool_and(version <> current_version) FROM pollseed_stale_snapshots()
        GROUP BY relation ORDER BY relation::text',
    $$VALUES ('ad_events'::regclass, 27::bigint, 3::bigint, true), ('offers', 8, 3, true), ('target_populations', 8, 3, true)$$,
    'stale are those of the bands with the group, but for the one made since');
SELECT results_eq('SELECT * FROM pollseed_requeue_stale_snapshots()', 'VALUES (8::bigint, 8::bigint, 27::bigint)', 'they are queued again');
SELECT results_eq('SELECT * FROM pollseed_requeue_stale_snapshots()', 'VALUES (0::bigint, 0::bigint, 0::bigint)', 'once');
SELECT is(fill('target_population_snapshots'), 8::bigint, 'populations');
SELECT is(fill('offer_snapshots'), 8::bigint, 'offers');
SELECT is(fill('ad_event_snapshots'), 27::bigint, 'and events are filled');
SELECT is_empty('SELECT * FROM pollseed_stale_snapshots()', 'and none is stale');
SELECT is_empty('SELECT * FROM wrong_snapshots() WHERE NOT (snapshot ? ''of'') AND id NOT IN (33, 34)
    AND (relation <> ''ad_events'' OR snapshot @> ''[{"id": 5}]'')', 'they are what the plain query says');

-- Nobody without the rights
CREATE ROLE targeting_snapshots_user;
SET LOCAL ROLE targeting_snapshots_user;
SELECT throws_ok('SELECT * FROM pollseed_stale_snapshots()', '42501', NULL, 'stale snapshots are listed to those who may read');
SELECT throws_ok('SELECT * FROM pollseed_requeue_stale_snapshots()', '42501', NULL, 'and queued again by those who may write');
RESET ROLE;
SELECT pollseed_drop_targeting_tables() \g /dev/null
SELECT throws_ok('SELECT * FROM pollseed_stale_snapshots()', '42P01', NULL, 'no tables, no snapshots');

SELECT * FROM finish();
ROLLBACK;
