-- Tables that caches follow: their triggers, who may have them made and on what, what each change of a row makes old, and what
-- data definition does.
--
-- What a transaction has noted is seen from outside: it gets no answer from memory on what it has changed itself, so a fetch
-- that depends on a tag tells by its outcome whether that was noted.  noted() fetches, does something, fetches again, and undoes
-- it.  So the tables are made and committed first, and this file cleans up after itself.
--
-- This would catch: a trigger for the parent only, arguments that pile up, a key that is noted as it was but not as it is,
-- updates that change nothing or only what does not matter, columns told apart by their places in the parent, toasted values
-- taken for changed, definitions of harmless things that clear all caches, and harmful ones that do not.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SELECT no_plan();
\ir include/error_of.sql

CREATE ROLE track_owner;
CREATE ROLE track_helper;
CREATE ROLE track_stranger;
CREATE SCHEMA tracks;
GRANT ALL ON SCHEMA tracks TO PUBLIC;
SET search_path = tracks, public;
SELECT pollseed_cache_create('tracks') \g /dev/null

-- Our triggers on some tables: when they fire, what they are given, what they go with, and whether the server made them
CREATE FUNCTION triggers_of(VARIADIC tables regclass[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', t.tgrelid::regclass, t.tgname, t.tgtype, t.tgenabled, nullif(replace(encode(t.tgargs, 'escape'), '\000', ','), ''),
        (SELECT string_agg(concat(d.deptype, e.extname), ' ') FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
          WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass),
        CASE WHEN t.tgparentid <> 0 THEN 'clone' END)
      FROM pg_trigger AS t WHERE t.tgrelid = ANY (tables) AND t.tgname ~ '^pollseed_cache_'
     ORDER BY t.tgrelid::regclass::text COLLATE "C", t.tgname
$$;

-- What a fetch becomes that depends on a tag, or on nothing: bypass where this transaction has noted the tag.
CREATE FUNCTION outcome_of(tag text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_cache_fetch('tracks', tag, 'SELECT 1 AS one',
        depends_on => CASE WHEN tag = 'anything' THEN '{}'::text[] ELSE ARRAY[tag] END);
    RETURN (SELECT CASE WHEN l.outcome = 'refused' THEN l.reason ELSE l.outcome END FROM pollseed_cache_last() AS l);
END $$;

-- The tags that a command makes old.
CREATE FUNCTION noted(command text, VARIADIC tags text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text[] := '{}';
    one text;
BEGIN
    FOREACH one IN ARRAY tags LOOP
        PERFORM outcome_of(one);
    END LOOP;
    BEGIN
        EXECUTE command;
        FOREACH one IN ARRAY tags LOOP
            found := found || CASE outcome_of(one) WHEN 'hit' THEN NULL WHEN 'bypass' THEN one ELSE concat(one, '?') END;
        END LOOP;
        RAISE EXCEPTION SQLSTATE 'XX001';
    EXCEPTION WHEN SQLSTATE 'XX001' THEN
    END;
    RETURN array_to_string(found, ' ');
END $$;

-- a table
CREATE TABLE votes (gone text, id serial PRIMARY KEY, option_id int, note text, weight int DEFAULT 1,
    twice int GENERATED ALWAYS AS (weight * 2) STORED);
ALTER TABLE votes DROP gone, ALTER note SET STORAGE EXTERNAL;
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes', 'option_id', '*', '{weight,twice,weight}')$$, 'VALUES (1, 2)', 'a table gets two triggers,');
SELECT results_eq($$SELECT triggers_of('votes')$$,
    $$VALUES ('votes pollseed_cache_row 29 A option_id,*,twice,weight, xpollseed'), ('votes pollseed_cache_truncate 32 A xpollseed')$$,
    'which fire always and go with the extension');
SELECT oid AS before FROM pg_trigger WHERE tgrelid = 'votes'::regclass AND tgname = 'pollseed_cache_row' \gset
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes', 'option_id', '*', '{twice,weight}')$$, 'VALUES (1, 0)', 'the same again makes none');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes', 'option_id', ignore => '{weight}')$$, 'VALUES (1, 1)', 'other columns change the one,');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes')$$, 'VALUES (1, 1)', 'as do none');
SELECT is((SELECT array_agg(t) FROM triggers_of('votes') AS t), '{"votes pollseed_cache_row 29 A ,, xpollseed","votes pollseed_cache_truncate 32 A xpollseed"}',
    'and leave no others');
ALTER TABLE votes DISABLE TRIGGER pollseed_cache_truncate;
ALTER TRIGGER pollseed_cache_row ON votes RENAME TO renamed;
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes', 'option_id', '*', '{weight,twice}')$$, 'VALUES (1, 2)', 'what somebody has disabled is enabled');
SELECT results_eq($$SELECT tgname, tgenabled, tgnargs FROM pg_trigger WHERE tgrelid = 'votes'::regclass ORDER BY 1$$,
    $$VALUES (name 'pollseed_cache_truncate', "char" 'A', int2 '0'), ('renamed', 'A', '4')$$, 'and what has another name is taken as it is');
ALTER TRIGGER renamed ON votes RENAME TO pollseed_cache_row;

-- its rows
INSERT INTO votes (option_id, note) VALUES (1, repeat('long', 2000)), (2, 'short'), (NULL, NULL);
SELECT is(noted('SELECT 1', 'votes', 'votes:1', 'votes:2', 'anything'), '', 'without a change nothing is noted');
SELECT is(noted('INSERT INTO votes (option_id) VALUES (1)', 'votes', 'votes:1', 'votes:2', 'anything'), 'votes votes:1', 'a new row is one of its key');
SELECT is(noted('INSERT INTO votes (option_id) VALUES (7), (8)', 'votes', 'votes:7', 'votes:8', 'votes:9'), 'votes votes:7 votes:8', 'rows are of all their keys,');
SELECT is(noted('INSERT INTO votes (option_id) VALUES (7)', 'votes:7', 'votes: 007', 'votes:70'), 'votes:7 votes: 007', 'however a key is written');
SELECT is(noted('INSERT INTO votes (option_id) VALUES (NULL)', 'votes', 'votes:1'), 'votes', 'one without a key is of none');
SELECT is(noted('DELETE FROM votes WHERE option_id = 2', 'votes', 'votes:1', 'votes:2'), 'votes votes:2', 'a row that goes is one of its key');
SELECT is(noted('DELETE FROM votes WHERE option_id = 99', 'votes'), '', 'no row, no change');
SELECT is(noted('UPDATE votes SET note = note || ''!'' WHERE option_id = 1', 'votes', 'votes:1', 'votes:2'), 'votes votes:1', 'an update of any column counts');
SELECT is(noted('UPDATE votes SET option_id = 5 WHERE option_id = 1', 'votes', 'votes:1', 'votes:5', 'votes:2'), 'votes votes:1 votes:5', 'one of the key is of both');
SELECT is(noted('UPDATE votes SET option_id = NULL WHERE option_id = 1', 'votes:1', 'votes:2'), 'votes:1', 'one that takes the key away is of the old');
SELECT is(noted('UPDATE votes SET option_id = option_id, note = note', 'votes', 'votes:1'), '', 'one that changes nothing is none, long values or not');
SELECT is(noted('UPDATE votes SET weight = weight + 1', 'votes', 'votes:1'), '', 'nor is one of columns that do not matter');
SELECT is(noted('UPDATE votes SET weight = weight + 1, note = NULL WHERE option_id = 2', 'votes', 'votes:1', 'votes:2'), 'votes votes:2', 'unless others change, too');
SELECT is(noted('TRUNCATE votes', 'votes', 'votes:1', 'votes:99'), 'votes votes:1 votes:99', 'TRUNCATE is a change of everything');
SELECT is(noted('TRUNCATE votes; INSERT INTO votes (option_id) VALUES (3)', 'anything'), '', 'but of this table only');
SELECT is(noted('INSERT INTO votes AS v (id, option_id) VALUES (2, 4) ON CONFLICT (id) DO UPDATE SET note = ''again''', 'votes', 'votes:4', 'votes:2'), 'votes votes:2',
    'a conflict is an update');
SELECT is(noted('MERGE INTO votes AS v USING (VALUES (1, 6), (9, 9)) AS n (id, key) ON v.id = n.id WHEN MATCHED THEN UPDATE SET option_id = key
    WHEN NOT MATCHED THEN INSERT (option_id) VALUES (key)', 'votes:1', 'votes:6', 'votes:9', 'votes:2'), 'votes:1 votes:6 votes:9', 'MERGE is what it does');
SELECT is(noted('INSERT INTO votes (option_id) SELECT generate_series(1, 500)', 'votes:1', 'votes:500'), 'votes:1 votes:500', 'many keys are all noted');
SELECT is(noted('SET LOCAL session_replication_role = replica; INSERT INTO votes (option_id) VALUES (1)', 'votes:1'), 'votes:1', 'what replicates is noted');
SELECT is(noted($$DO 'BEGIN INSERT INTO votes (option_id) VALUES (1); RAISE SQLSTATE ''XX002''; EXCEPTION WHEN SQLSTATE ''XX002'' THEN END'$$, 'votes', 'votes:1'), '',
    'what was rolled back is not');

-- a statement that has not ended
CREATE FUNCTION outcome_in(n int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pollseed_cache_fetch('tracks', 'count', 'SELECT count(*) FROM votes');
    RETURN (SELECT outcome FROM pollseed_cache_last());
END $$;
SELECT outcome_in(0) \g /dev/null
SELECT is(outcome_in(0), 'hit', 'a count is in memory');
INSERT INTO votes (note) SELECT outcome_in(n) FROM generate_series(1, 3) AS n;
SELECT is((SELECT array_agg(note ORDER BY id) FROM votes WHERE note IN ('hit', 'bypass', 'miss')), '{hit,bypass,bypass}',
    'a statement gets no answer on what it has changed so far');
SELECT is(outcome_in(0), 'miss', 'which is not kept before it is committed');
DELETE FROM votes WHERE option_id IS NULL;

-- other types of keys
CREATE DOMAIN code AS varchar(8);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE keys (i int8, t text, c char(6), v code, u uuid, d date, b bool, m mood, n inet);
INSERT INTO keys VALUES (1, 'a b', 'de', 'x', '6b0b4a4e-0000-0000-0000-00000000000a', '2026-01-22', true, 'glad', '10.1.0.0/16');
CREATE TEMP TABLE key_cases (key name, tag text, other text);
INSERT INTO key_cases VALUES ('i', '01', '2'), ('t', 'a b', 'a'), ('c', 'de', 'd'), ('c', 'de  ', 'ed'), ('v', 'x', 'y'), ('d', '20260122', '2026-01-23'),
    ('u', '{6B0B4A4E-0000-0000-0000-00000000000A}', '6b0b4a4e-0000-0000-0000-00000000000b'), ('b', 'yes', 'no'), ('m', 'glad', 'sad'), ('n', '10.1/16', '10.1.0.0');
SET datestyle = 'SQL, DMY';
SELECT format('DO %L', format('BEGIN PERFORM pollseed_cache_track(''keys'', %L); END', key)),
    format('SELECT is(noted(''INSERT INTO keys SELECT * FROM keys'', %1$L, %2$L), %1$L, %3$L)', 'keys:' || tag, 'keys:' || other,
        format('a key of type %s, written as %s', format_type(a.atttypid, a.atttypmod), tag))
  FROM key_cases JOIN pg_attribute AS a ON a.attrelid = 'keys'::regclass AND a.attname = key \gexec
RESET datestyle;

-- tallies: what they cover is added in memory when it is committed, and makes nothing old
CREATE TABLE options (id int PRIMARY KEY, text text, votes int DEFAULT 0, updated_at timestamptz);
CREATE TABLE events (option_id int REFERENCES options ON DELETE CASCADE ON UPDATE CASCADE, note text);
INSERT INTO options VALUES (1, 'one', 0), (2, 'two', 0);
SELECT is((pollseed_cache_track('options', 'id', 'votes', '{updated_at}')).tables, 1, 'a table has a tally of a column');
SELECT is((pollseed_cache_track('events', 'option_id', '*')).tables, 1, 'or of its rows');
CREATE FUNCTION tallied() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb := pollseed_cache_fetch('tracks', 'tallies', 'SELECT jsonb_build_object(
        ''options#votes'', (SELECT jsonb_object_agg(id, coalesce(votes, 0)) FROM options),
        ''events#*'', coalesce((SELECT jsonb_object_agg(option_id, n) FROM (SELECT option_id, count(*) AS n FROM events GROUP BY 1) AS e
            WHERE option_id IS NOT NULL), ''{}''))', depends_on => '{options#votes,events#*}');
BEGIN
    RETURN format('%s %s %s', (SELECT outcome FROM pollseed_cache_last()), result -> 'options#votes', result -> 'events#*');
END $$;
-- A change, and what was in memory after it
CREATE PROCEDURE tally(command text, INOUT result text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tallied();
    COMMIT;
    EXECUTE command;
    COMMIT;
    result := tallied();
END $$;
CREATE TEMP TABLE tally_cases (place serial, command text, result text, name text);
INSERT INTO tally_cases (command, result, name) VALUES
('UPDATE options SET votes = votes + 2, updated_at = now() WHERE id = 1', 'hit {"1": 2, "2": 0} {}', 'a sum is added to'),
('INSERT INTO events VALUES (1), (1), (2)', 'hit {"1": 2, "2": 0} {"1": 2, "2": 1}', 'rows are counted'),
('UPDATE events SET note = ''x''', 'hit {"1": 2, "2": 0} {"1": 2, "2": 1}', 'and are as many when they are changed'),
('UPDATE events SET option_id = 2 WHERE ctid = (SELECT min(ctid) FROM events)', 'hit {"1": 2, "2": 0} {"1": 1, "2": 2}', 'one of another key is counted there'),
('DELETE FROM events WHERE option_id = 2', 'hit {"1": 2, "2": 0} {"1": 1}', 'those that go are not'),
('UPDATE options SET votes = votes - 1', 'hit {"1": 1, "2": -1} {"1": 1}', 'sums of several keys are added to'),
('UPDATE options SET votes = 5, text = ''new'' WHERE id = 2', 'miss {"1": 1, "2": 5} {"1": 1}', 'another column is not of the tally,'),
('UPDATE options SET text = ''newer'' WHERE id = 2', 'miss {"1": 1, "2": 5} {"1": 1}', 'alone or not'),
('UPDATE options SET votes = NULL WHERE id = 2', 'miss {"1": 1, "2": 0} {"1": 1}', 'nor is a value that is none,'),
('UPDATE options SET votes = 3 WHERE id = 2', 'miss {"1": 1, "2": 3} {"1": 1}', 'or was none'),
('INSERT INTO options VALUES (3, ''three'', 1)', 'miss {"1": 1, "2": 3, "3": 1} {"1": 1}', 'a new row is none of a sum'),
('INSERT INTO events VALUES (NULL)', 'miss {"1": 1, "2": 3, "3": 1} {"1": 1}', 'one without a key is not counted by key'),
('UPDATE options SET id = 4 WHERE id = 1', 'miss {"2": 3, "3": 1, "4": 1} {"4": 1}', 'another key is none of a sum'),
('DELETE FROM options WHERE id = 4', 'miss {"2": 3, "3": 1} {}', 'nor is a row that goes'),
('UPDATE options SET updated_at = now()', 'hit {"2": 3, "3": 1} {}', 'what does not matter makes nothing old');
SELECT format('DO %L', format('DECLARE r text; BEGIN CALL tally(%L, r); PERFORM set_config(''tracks.result'', r, false); END', command)),
    format('SELECT is(current_setting(''tracks.result''), %L, %L)', result, name) FROM tally_cases ORDER BY place \gexec
INSERT INTO events VALUES (2), (3);
SELECT is(noted('DELETE FROM options WHERE id = 2', 'events:2', 'events:3', 'options:2', 'options:3'), 'events:2 options:2', 'foreign keys that cascade are noted');
SELECT is(noted('UPDATE options SET id = 9 WHERE id = 2', 'events:2', 'events:9', 'events:3', 'options:9'), 'events:2 events:9 options:9', 'of all rows that they change');

-- partitions
CREATE TABLE whole (id int, k int, n int) PARTITION BY LIST (k);
CREATE TABLE part1 PARTITION OF whole FOR VALUES IN (1);
CREATE TABLE part2 PARTITION OF whole FOR VALUES IN (2, 3) PARTITION BY LIST (k);
CREATE TABLE part2a (n int, gone int, k int, id int);
ALTER TABLE part2a DROP gone;
ALTER TABLE part2 ATTACH PARTITION part2a FOR VALUES IN (2);
SELECT results_eq($$SELECT * FROM pollseed_cache_track('part1', 'id')$$, 'VALUES (1, 2)', 'a partition may be tracked by itself');
SELECT is(noted('INSERT INTO whole VALUES (8, 1, 1)', 'part1:8', 'whole'), 'part1:8 whole?', 'without the whole');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('whole', 'id', 'n')$$, 'VALUES (4, 7)', 'the whole is tracked with all its partitions,');
SELECT results_eq($$SELECT triggers_of('whole', 'part1', 'part2', 'part2a')$$,
    $$VALUES ('part1 pollseed_cache_row 29 A id,n, clone'), ('part1 pollseed_cache_truncate 32 A xpollseed'),
        ('part2 pollseed_cache_row 29 A id,n, clone'), ('part2 pollseed_cache_truncate 32 A xpollseed'),
        ('part2a pollseed_cache_row 29 A id,n, clone'), ('part2a pollseed_cache_truncate 32 A xpollseed'),
        ('whole pollseed_cache_row 29 A id,n, xpollseed'), ('whole pollseed_cache_truncate 32 A xpollseed')$$, 'by the whole''s trigger');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('whole', 'id', 'n')$$, 'VALUES (4, 0)', 'which is all there is to do');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('part2', 'id', 'n')$$, 'VALUES (2, 0)', 'for a partition by the same columns, too');
SELECT is(error_of($$SELECT pollseed_cache_track('part2', 'k')$$), '55000 table "part2" is tracked as a partition', 'there is no other key for one');
SELECT is(error_of($$SELECT pollseed_cache_untrack('part2a')$$), '55000 table "part2a" is tracked as a partition', 'nor is it let go alone');
INSERT INTO whole VALUES (1, 1, 1), (2, 2, 2);
SELECT is(noted('INSERT INTO whole VALUES (7, 2, 1)', 'whole', 'whole:7', 'whole:2', 'part2:7', 'part2a:7', 'part1', 'part2a:2'), 'whole whole:7 part2:7 part2a:7',
    'a row is one of all that it is in');
SELECT is(noted('UPDATE whole SET k = 2 WHERE id = 1', 'whole:1', 'whole:2', 'part1:1', 'part2a:1', 'part2a:2'), 'whole:1 part1:1 part2a:1', 'one that moves is one of both partitions');
SELECT is(noted('TRUNCATE part1', 'whole:1', 'whole:9', 'part1', 'part2'), 'whole:1 whole:9 part1', 'TRUNCATE of a partition is a change of the whole');
SELECT is(noted('TRUNCATE whole', 'part1:9', 'part2:9', 'part2a:9'), 'part1:9 part2:9 part2a:9', 'and the other way round');
SELECT is(noted('CREATE TABLE part3 PARTITION OF whole FOR VALUES IN (4)', 'anything', 'whole'), '', 'a new partition is empty and makes nothing old');
CREATE TABLE part3 PARTITION OF whole FOR VALUES IN (4) PARTITION BY LIST (k);
CREATE TABLE part3a PARTITION OF part3 FOR VALUES IN (4);
SELECT results_eq($$SELECT triggers_of('part3a')$$,
    $$VALUES ('part3a pollseed_cache_row 29 A id,n, clone'), ('part3a pollseed_cache_truncate 32 A xpollseed')$$, 'but is tracked');
CREATE TABLE later (n int, id int, k int);
INSERT INTO later VALUES (1, 5, 5);
SELECT is(noted('ALTER TABLE whole ATTACH PARTITION later FOR VALUES IN (5)', 'anything'), 'anything', 'one that is attached has rows');
ALTER TABLE whole ATTACH PARTITION later FOR VALUES IN (5);
SELECT is((SELECT count(*) FROM triggers_of('later')), 2::bigint, 'and is tracked, too');
SELECT is(noted('ALTER TABLE whole DETACH PARTITION later', 'anything'), 'anything', 'one that is detached is missed');
SELECT is(outcome_of('whole') || ', ' || outcome_of('whole'), 'miss, hit', 'results of the whole are kept');
CREATE SCHEMA more CREATE TABLE part6 PARTITION OF tracks.whole FOR VALUES IN (6);
SELECT is((SELECT count(*) FROM triggers_of('more.part6')), 2::bigint, 'a partition that is made with its schema is tracked');
SELECT is(pollseed_cache_untrack('whole'), 16, 'the whole is let go with all its partitions,');
SELECT is_empty($$SELECT triggers_of('whole', 'part1', 'part2', 'part2a', 'part3', 'part3a', 'later', 'more.part6')$$, 'down to the last');
SELECT is(pollseed_cache_untrack('whole'), 0, 'but once');
DROP SCHEMA more CASCADE;

-- heirs
CREATE TABLE parent (id int, k int);
CREATE TABLE child (n int) INHERITS (parent);
SELECT results_eq($$SELECT * FROM pollseed_cache_track('parent', 'id', '*')$$, 'VALUES (2, 4)', 'heirs get triggers of their own');
CREATE TABLE grandchild (m int) INHERITS (child);
CREATE TABLE adopted (m int, k int, id int);
ALTER TABLE adopted INHERIT parent;
SELECT results_eq($$SELECT triggers_of('grandchild', 'adopted')$$,
    $$VALUES ('adopted pollseed_cache_row 29 A id,*, xpollseed'), ('adopted pollseed_cache_truncate 32 A xpollseed'),
        ('grandchild pollseed_cache_row 29 A id,*, xpollseed'), ('grandchild pollseed_cache_truncate 32 A xpollseed')$$, 'and so do new ones');
SELECT is(noted('INSERT INTO grandchild (id) VALUES (3)', 'parent:3', 'child:3', 'grandchild:3', 'parent:4', 'adopted:3'), 'parent:3 child:3 grandchild:3',
    'a row is one of all that it is inherited by');
SELECT is((pollseed_cache_track('child', 'k', ignore => '{n}')).triggers_created, 2, 'an heir may have another key');
INSERT INTO child (id, k, n) VALUES (1, 2, 3);
SELECT is(noted('INSERT INTO child (id, k) VALUES (3, 4)', 'child:4', 'child:3', 'parent:3', 'parent:9'), 'child:4 parent:3 parent:9',
    'which does not tell what rows of the parent have changed');
SELECT is(noted('UPDATE child SET n = 9', 'child', 'parent'), 'parent', 'nor what matters to it');
SELECT is(noted('UPDATE child SET n = n', 'child', 'parent'), '', 'though nothing is nothing');
SELECT is(outcome_of('parent:1') || ', ' || outcome_of('parent:1'), 'miss, hit', 'the parent is tracked all the same');
SELECT is((pollseed_cache_track('parent', 'id')).triggers_created, 4, 'until it is tracked anew');
SELECT is(noted('INSERT INTO child (id, k) VALUES (3, 4)', 'child:3', 'child:4', 'parent:3', 'parent:9'), 'child:3 parent:3', 'with all its heirs');
ALTER TABLE adopted NO INHERIT parent;
SELECT is(noted('INSERT INTO adopted (id) VALUES (3)', 'adopted:3', 'parent'), 'adopted:3', 'who is no heir any more is tracked by itself');

-- columns that are not what they were
SELECT is((pollseed_cache_track('keys', 'i', '*')).triggers_created, 1, 'a table is tracked by a column');
ALTER TABLE keys RENAME i TO j;
SELECT is(noted('INSERT INTO keys (j) VALUES (1)', 'keys'), 'keys?', 'whose name changes: results are not kept,');
SELECT is(outcome_of('keys'), 'column "i" of table "tracks.keys" is not what it was tracked as: SELECT pollseed_cache_track(''tracks.keys'')', 'which says why,');
SELECT lives_ok('UPDATE keys SET j = 2; DELETE FROM keys WHERE j = 3; TRUNCATE keys', 'and writers go on');
ALTER TABLE keys RENAME j TO i;
SELECT is(noted('INSERT INTO keys (i) VALUES (1)', 'keys:1', 'keys:2'), 'keys:1', 'with its name, all is well');
ALTER TABLE keys ALTER i TYPE numeric;
SELECT is(outcome_of('keys'), 'column "i" of table "tracks.keys" is not what it was tracked as: SELECT pollseed_cache_track(''tracks.keys'')', 'its type matters, too');
ALTER TABLE keys DROP i;
SELECT lives_ok('INSERT INTO keys (t) VALUES (1)', 'without the column writers go on');
SELECT is((pollseed_cache_track('keys', 't', ignore => '{v,u}')).triggers_created, 1, 'it is tracked by another');
ALTER TABLE keys DROP v;
SELECT is(noted('UPDATE keys SET u = NULL, t = t', 'keys'), '', 'a column that does not matter may go');

-- triggers that are not what they were
ALTER TABLE votes DISABLE TRIGGER pollseed_cache_row;
SELECT is(outcome_of('votes'), 'a trigger that tracks table "tracks.votes" is disabled: SELECT pollseed_cache_track(''tracks.votes'', key => ''option_id'', tally => ''*'', ignore => ''{twice, weight}'')',
    'without a trigger that fires, results are not kept');
ALTER TABLE votes ENABLE REPLICA TRIGGER pollseed_cache_row;
SELECT matches(outcome_of('votes'), 'is disabled', 'nor where it does not always');
ALTER TABLE votes ENABLE ALWAYS TRIGGER pollseed_cache_row;
SELECT is(outcome_of('votes'), 'miss', 'when it does, they are kept');
SELECT is(noted('DROP TRIGGER pollseed_cache_truncate ON votes', 'anything'), 'anything', 'dropping it makes old what was kept');
DROP TRIGGER pollseed_cache_truncate ON votes;
SELECT matches(outcome_of('votes'), '^table "tracks.votes" is not tracked: SELECT pollseed_cache_track\(.tracks.votes., key => .option_id.', 'and then they are not kept');
SELECT is((pollseed_cache_track('votes', 'option_id', '*', '{weight,twice}')).triggers_created, 1, 'what lacks is made');
CREATE TRIGGER copy AFTER INSERT OR UPDATE OR DELETE ON votes FOR EACH ROW EXECUTE FUNCTION pollseed.cache_capture('option_id', '*', 'twice', 'weight');
ALTER TABLE votes ENABLE ALWAYS TRIGGER copy;
SELECT matches(outcome_of('votes'), '^table "tracks.votes" is tracked twice', 'two would count twice');
SELECT results_eq($$SELECT * FROM pollseed_cache_track('votes', 'option_id', '*', '{weight,twice}')$$, 'VALUES (1, 0)', 'tracking it anew');
SELECT is(outcome_of('votes'), 'miss', 'leaves one');
CREATE TABLE misused (id int);
CREATE TRIGGER before BEFORE INSERT ON misused FOR EACH ROW EXECUTE FUNCTION pollseed.cache_capture('id', '*');
SELECT is(error_of('INSERT INTO misused VALUES (1)'), '39P01 cache_capture() must be called as a trigger of a tracked table', 'the function is for such triggers only,');
DROP TRIGGER before ON misused;
CREATE TRIGGER statement AFTER INSERT ON misused EXECUTE FUNCTION pollseed.cache_capture('id', '*');
SELECT is(error_of('INSERT INTO misused VALUES (1)'), '39P01 cache_capture() must be called as a trigger of a tracked table', 'for rows or for TRUNCATE');
SELECT is(error_of('SELECT pollseed.cache_capture()'), '39P01 cache_capture() must be called as a trigger of a tracked table', 'and not to be called');
DROP TABLE misused;

-- what cannot be tracked
CREATE VIEW seen AS SELECT * FROM votes;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM votes;
CREATE TEMP TABLE passing (id int);
CREATE FOREIGN DATA WRAPPER track_wrapper;
CREATE SERVER track_server FOREIGN DATA WRAPPER track_wrapper;
CREATE FOREIGN TABLE distant (id int) SERVER track_server;
CREATE TABLE taken (id int, n numeric);
CREATE TRIGGER pollseed_cache_row BEFORE UPDATE ON taken FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE loose (t text COLLATE loose, note text);
CREATE UNLOGGED TABLE fast (id int);
SELECT is(error_of(format('SELECT pollseed_cache_track(%s)', arguments)), message, 'it is refused: ' || arguments) FROM (VALUES
    ('NULL', '22004 target must not be null'),
    ('0', '42P01 relation with OID 0 does not exist'),
    ('''seen''', '42809 cannot track view "seen"'),
    ('''counted''', '42809 materialized view "counted" needs no tracking'),
    ('''passing''', '42809 cannot track temporary table "passing"'),
    ('''distant''', '42809 cannot track foreign table "distant"'),
    ('''pg_class''', '42809 cannot track system catalog "pg_class"'),
    ('''votes_id_seq''', '42809 "votes_id_seq" is not a table'),
    ('''votes_pkey''', '42809 "votes_pkey" is not a table'),
    ('''votes'', ''nothing''', '42703 column "nothing" of relation "votes" does not exist'),
    ('''votes'', ''ctid''', '42703 column "ctid" of relation "votes" does not exist'),
    ('''votes'', ''option_id'', ''nothing''', '42703 column "nothing" of relation "votes" does not exist'),
    ('''votes'', ignore => ''{note,nothing}''', '42703 column "nothing" of relation "votes" does not exist'),
    ('''votes'', ignore => ''{note,NULL}''', '22004 ignore must not contain nulls'),
    ('''votes'', ''option_id'', ignore => ''{option_id}''', '22023 column "option_id" cannot be ignored'),
    ('''votes'', ''option_id'', ''weight'', ''{weight}''', '22023 column "weight" cannot be ignored'),
    ('''votes'', tally => ''*''', '22023 a tally needs a key'),
    ('''votes'', ''option_id'', ''option_id''', '22023 column "option_id" cannot be both key and tally'),
    ('''votes'', ''note'', ''*''', '42804 a tally cannot have column "note" of type text as its key'),
    ('''votes'', ''option_id'', ''note''', '42804 column "note" of type text cannot be tallied'),
    ('''taken''', '42710 trigger "pollseed_cache_row" of table "taken" is not one of pollseed''s'),
    ('''taken'', ''n''', '42804 column "n" of type numeric cannot be a key'),
    ('''loose'', ''t''', '42804 column "t" of type text cannot be a key')) AS c(arguments, message);
SELECT is((pollseed_cache_track('loose', 'note')).triggers_created, 2, 'another column of that table can be a key');
SELECT is((pollseed_cache_track('fast', 'id')).triggers_created, 2, 'an unlogged table can be tracked');
BEGIN READ ONLY;
SELECT is(error_of('SELECT pollseed_cache_track(''votes'')'), '25006 cannot execute pollseed_cache_track() in a read-only transaction', 'not where nothing may be written,');
SELECT is(error_of('SELECT pollseed_cache_untrack(''votes'')'), '25006 cannot execute pollseed_cache_untrack() in a read-only transaction', 'nor is anything let go');
ROLLBACK;
SELECT is(outcome_of('counted') || ', ' || outcome_of('counted'), 'miss, hit', 'a materialized view needs no tracking');
SELECT is(noted('REFRESH MATERIALIZED VIEW counted', 'counted', 'votes', 'anything'), 'counted', 'as refreshing it is noticed');
SELECT matches(outcome_of('distant'), '^table "tracks.distant" is a foreign one', 'results of foreign tables are not kept');
SELECT matches(outcome_of('pg_class'), '^table "pg_catalog.pg_class" is a system catalog', 'nor of catalogs,');
SELECT matches(outcome_of('votes_id_seq'), '^"tracks.votes_id_seq" is not a table', 'nor of sequences,');
SELECT matches(outcome_of('passing'), '^table "pg_temp_\d+.passing" is temporary', 'nor of temporary tables');
CREATE TABLE mixed (id int) PARTITION BY LIST (id);
CREATE TABLE mixed1 PARTITION OF mixed FOR VALUES IN (1);
SELECT is((pollseed_cache_track('mixed')).tables, 2, 'a partitioned table is tracked');
SELECT is(noted('CREATE FOREIGN TABLE mixed2 PARTITION OF mixed FOR VALUES IN (2) SERVER track_server', 'anything'), 'anything', 'and results are kept');
CREATE FOREIGN TABLE mixed2 PARTITION OF mixed FOR VALUES IN (2) SERVER track_server;
SELECT matches(outcome_of('mixed'), '^table "tracks.mixed2" is a foreign one', 'until it has a foreign partition');
SELECT is(error_of('SELECT pollseed_cache_track(''mixed'')'), '42809 cannot track foreign table "mixed2"', 'with which it cannot be');

-- rights
SET ROLE track_owner;
CREATE TABLE owned (id int, n int);
CREATE TABLE owned_whole (id int) PARTITION BY LIST (id);
CREATE TABLE owned_part PARTITION OF owned_whole FOR VALUES IN (1);
GRANT TRIGGER ON owned, owned_whole TO track_helper;
SELECT is((pollseed_cache_track('owned', 'id')).triggers_created, 2, 'the owner may have a table tracked');
SET ROLE track_helper;
SELECT is((pollseed_cache_track('owned', 'id', '*')).triggers_created, 1, 'as may who has the privilege TRIGGER,');
SELECT is((pollseed_cache_track('owned_whole', 'id')).triggers_created, 4, 'partitions included');
SELECT is(pollseed_cache_untrack('owned'), 2, 'who may also let it go');
SELECT is((pollseed_cache_track('owned')).triggers_created, 2, 'and back');
SELECT is(error_of($$SELECT pollseed_cache_track('owned_part')$$), '42501 permission denied for table owned_part', 'the privilege on the partition is another');
SET ROLE track_stranger;
SELECT is(error_of($$SELECT pollseed_cache_track('owned')$$), '42501 permission denied for table owned', 'others may not');
SELECT is(error_of($$SELECT pollseed_cache_untrack('owned')$$), '42501 permission denied for table owned', 'nor let it go');
SELECT is(error_of($$SELECT pollseed_cache_track('votes')$$), '42501 permission denied for table votes', 'not even as it is');
SELECT is(error_of($$SELECT pollseed_cache_track('seen')$$), '42501 permission denied for view seen', 'nor be told what it is');
RESET ROLE;
GRANT INSERT ON owned_whole TO track_stranger;
SET ROLE track_stranger;
SELECT lives_ok('INSERT INTO owned_whole VALUES (1)', 'who may write needs nothing more where changes are noted');
SET ROLE track_owner;
REVOKE TRIGGER ON owned FROM track_owner;
SELECT is((pollseed_cache_track('owned')).triggers_created, 0, 'an owner without the privilege is still the owner');
CREATE TABLE owned_more PARTITION OF owned_whole FOR VALUES IN (2);
SELECT is((SELECT count(*) FROM triggers_of('owned_more')), 2::bigint, 'his new partition is tracked');
RESET ROLE;

-- data definition: what is harmless, what is not
CREATE TABLE plain (id int PRIMARY KEY, n int);
CREATE TABLE public.plain (id int);
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE numbered;
CREATE VIEW last_numbered AS SELECT last_value FROM numbered;
CREATE SCHEMA more;
SELECT is(noted(command, 'anything'), '', 'makes nothing old: ' || command) FROM unnest(ARRAY[
    'CREATE TABLE fresh (id serial PRIMARY KEY, plain int REFERENCES plain, CHECK (id > 0))',
    'CREATE TABLE fresh AS SELECT 1 AS id',
    'CREATE INDEX ON plain (n); CREATE INDEX named ON plain (n); ALTER INDEX named RENAME TO other; DROP INDEX other',
    'CREATE SEQUENCE numbers; ALTER SEQUENCE numbers RESTART 5; DROP SEQUENCE numbers',
    'CREATE STATISTICS related ON id, n FROM plain; ALTER STATISTICS related SET STATISTICS 5; DROP STATISTICS related',
    'COMMENT ON TABLE plain IS ''plain''; GRANT SELECT ON plain TO track_stranger; REINDEX TABLE plain',
    'CREATE MATERIALIZED VIEW other AS SELECT 1 AS one',
    'CREATE FOREIGN TABLE other (id int) SERVER track_server',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO track_stranger',
    'ANALYZE plain; TRUNCATE plain; DELETE FROM plain; CREATE TABLE IF NOT EXISTS votes (id int)',
    'CREATE TEMP TABLE votes (id serial PRIMARY KEY, n int CHECK (n > 0)); CREATE INDEX ON votes (n); ALTER TABLE votes ADD m text DEFAULT ''a''; DROP TABLE votes',
    'CREATE TEMP TABLE votes AS SELECT 1 AS one; CREATE TEMP VIEW passing_view AS SELECT * FROM votes; DROP TABLE votes CASCADE',
    'CREATE TEMP TABLE t (id int) ON COMMIT DROP; ALTER TABLE t RENAME id TO n; CREATE TEMP TABLE u (id int) INHERITS (t)',
    'CREATE TABLE pg_temp.t (id int); CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''; DROP FUNCTION pg_temp.f()',
    'SELECT pollseed_cache_untrack(''fast''), pollseed_cache_track(''fast'')']) AS command;
SELECT is(noted(command, 'anything'), 'anything', 'makes all old: ' || command) FROM unnest(ARRAY[
    'ALTER TABLE plain ADD more int', 'ALTER TABLE plain RENAME TO other', 'ALTER TABLE plain SET SCHEMA more', 'DROP TABLE plain',
    'CREATE TABLE more.plain (id int)', 'CREATE TABLE more.votes AS SELECT 1 AS one', 'CREATE SCHEMA fresh', 'ALTER SCHEMA more RENAME TO fresh',
    'DROP SCHEMA more', 'CREATE VIEW other AS SELECT 1 AS one', 'CREATE OR REPLACE VIEW seen AS SELECT * FROM votes WHERE id > 1', 'DROP VIEW seen',
    'DROP MATERIALIZED VIEW counted', 'CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS ''SELECT 2''', 'DROP FUNCTION one()',
    'ALTER FUNCTION one() IMMUTABLE', 'REVOKE EXECUTE ON FUNCTION one() FROM PUBLIC', 'REVOKE SELECT ON votes FROM track_stranger',
    'CREATE POLICY p ON plain USING (n = 1)', 'ALTER TABLE plain ENABLE ROW LEVEL SECURITY', 'CREATE RULE r AS ON INSERT TO plain DO ALSO NOTHING',
    'CREATE TYPE kind AS ENUM (''a'')', 'ALTER TYPE mood RENAME VALUE ''sad'' TO ''blue''', 'DROP TYPE mood CASCADE', 'CREATE DOMAIN small AS int CHECK (VALUE < 9)',
    'CREATE CAST (mood AS int) WITH INOUT', 'CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)', 'CREATE EXTENSION btree_gist',
    'CREATE TRIGGER t BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'DROP SEQUENCE numbered CASCADE', 'DROP OWNED BY track_helper CASCADE']) AS command;
SELECT is(noted('ALTER TABLE child NO INHERIT parent', 'anything'), 'anything', 'an heir that is none any more is missed');
SELECT is(noted('SELECT pollseed_cache_track(''plain'', ''id'')', 'votes', 'anything'), '', 'tracking a table makes nothing of others old');
SELECT is(noted('SELECT pollseed_cache_track(''fast'')', 'fast'), 'fast', 'but what there is of its own');
SELECT is(noted('SELECT pollseed_cache_track(''fast'', ''id'')', 'fast'), '', 'unless it is tracked already');
SELECT is(noted('SELECT pollseed_cache_untrack(''fast'')', 'fast', 'votes', 'anything'), 'fast', 'letting it go makes its results old');

-- poll tables, and writers that write past triggers
CREATE SCHEMA polls;
SET search_path = polls, tracks, public;
SELECT results_eq('SELECT * FROM pollseed_create_poll_tables(''{a,b}'')', 'VALUES (2, 2)', 'poll tables are made');
SELECT results_eq($$SELECT triggers_of('options', 'vote_events')$$,
    $$VALUES ('options pollseed_cache_row 29 A id,votes,updated_at, xpollseed'), ('options pollseed_cache_truncate 32 A xpollseed'),
        ('vote_events pollseed_cache_row 29 A option_id,*, xpollseed'), ('vote_events pollseed_cache_truncate 32 A xpollseed')$$, 'and tracked');
SELECT pollseed_cache_untrack('options') \g /dev/null
DROP TABLE vote_events;
SELECT results_eq('SELECT * FROM pollseed_create_poll_tables(''{a,b}'')', 'VALUES (1, 0)', 'what is there');
SELECT is((SELECT count(*) FROM triggers_of('options', 'vote_events')), 2::bigint, 'stays as it is');
SELECT pollseed_cache_track('options', 'id', 'votes', '{updated_at}') \g /dev/null
CREATE TABLE lanes (place serial, lane text);
SET pollseed.write_lane = 'direct';
SELECT is(noted('INSERT INTO lanes (lane) SELECT lane FROM pollseed_seed(50, seed => 1)', 'vote_events', 'vote_events:1', 'vote_events:99', 'lanes'),
    'vote_events vote_events:1 vote_events:99 lanes?', 'rows that are inserted directly are noted all at once');
SELECT lives_ok('SELECT pollseed_seed(50, seed => 1)', 'which is done where it is asked for,');
SET pollseed.write_lane = 'spi';
SELECT is(noted('SELECT pollseed_seed(1, weights => ''{"a": 1, "b": 0}'', seed => 1)', 'vote_events', 'vote_events:1', 'vote_events:2', 'options:1', 'options:2'),
    'vote_events vote_events:1 options:1', 'by SQL they are noted one by one');
RESET pollseed.write_lane;
SELECT is((SELECT lane FROM pollseed_seed(50, seed => 1)), 'direct', 'and where nothing is asked for');
SET session_replication_role = replica;
SELECT is((SELECT lane FROM pollseed_seed(50, seed => 1)), 'spi', 'foreign keys that do not fire are left to SQL');
ALTER TABLE vote_events DROP CONSTRAINT vote_events_option_id_fkey;
SELECT is((SELECT lane FROM pollseed_seed(50, seed => 1)), 'direct', 'triggers of ours are not');
RESET session_replication_role;
CREATE TABLE filled (id int PRIMARY KEY, c int);
INSERT INTO filled VALUES (1), (2);
SELECT pollseed_cache_track('filled', 'id') \g /dev/null
SELECT pollseed_backfill_create('tracks', 'filled', 'c', 'SELECT id, id FROM filled WHERE id = ANY ($1)') \g /dev/null
SET pollseed.write_lane = 'direct';
SELECT is(noted('SELECT pollseed_backfill_step(''tracks'', 10)', 'filled', 'filled:1', 'filled:99'), 'filled filled:1 filled:99', 'columns that are filled directly are noted');
SELECT is((SELECT filled FROM pollseed_backfill_step('tracks', 10)), 2::bigint, 'as they are filled');
SELECT is((SELECT lane FROM pollseed_backfills WHERE name = 'tracks'), 'direct', 'in that way');
RESET pollseed.write_lane;
SELECT pollseed_backfill_drop('tracks') \g /dev/null
CREATE TEMP TABLE options (id int);
DROP TABLE pg_temp.options;
SET search_path = pg_temp, tracks, public;
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'temporary poll tables are not tracked');

SET search_path = public;
SELECT pollseed_cache_drop('tracks') \g /dev/null
DROP SCHEMA tracks, polls CASCADE;
DROP TABLE public.plain;
DROP FOREIGN DATA WRAPPER track_wrapper CASCADE;
DROP ROLE track_owner, track_helper, track_stranger;
SELECT * FROM finish();
