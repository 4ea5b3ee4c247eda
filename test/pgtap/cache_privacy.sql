-- Nobody gets from a cache what he could not read himself: CVE-2024-45624 was that of another one.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
SELECT no_plan();

-- Every statement is a transaction of its own: what a transaction has changed itself is not cached.
CREATE ROLE cache_owner;
CREATE ROLE cache_alice;
CREATE ROLE cache_bob;
CREATE ROLE cache_managers;
CREATE SCHEMA priv AUTHORIZATION cache_owner;
GRANT USAGE ON SCHEMA priv TO PUBLIC;

-- What the cache has for a query, and where from
CREATE FUNCTION answer(cache text, key text, query text, depends_on text[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb := pollseed_cache_fetch(cache, key, query, depends_on => depends_on);
BEGIN
    RETURN coalesce(result::text, 'null') || ' ' || (SELECT outcome FROM pollseed_cache_last());
END $$;

-- What it has for a key, if anything
CREATE FUNCTION got(cache text, key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce(pollseed_cache_get(cache, key)::text, 'nothing');
EXCEPTION WHEN insufficient_privilege THEN
    RETURN 'nothing';
END $$;

SET ROLE cache_owner;
CREATE TABLE priv.secrets (id int PRIMARY KEY, owner name, body text);
INSERT INTO priv.secrets VALUES (1, 'cache_alice', 'of alice'), (2, 'cache_bob', 'of bob');
SELECT pollseed_cache_track('priv.secrets', 'id') \g /dev/null
GRANT SELECT ON priv.secrets TO cache_alice;
SELECT ok((pollseed_cache_create('own')).shared = false, 'a cache whose entries belong to roles');
SELECT ok((pollseed_cache_create('common', shared => true)).shared, 'a cache that its owner has declared shared');
RESET ROLE;

-- the rows of a table that another may not read
SET ROLE cache_alice;
SELECT is(answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] miss', 'who may read a table fills a cache,');
SELECT is(answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] hit', 'and is answered from it');
SELECT is(answer('common', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] miss', 'a shared one, too,');
SELECT is(answer('common', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] hit', 'which it is answered from');
RESET ROLE;
SET ROLE cache_bob;
SELECT throws_ok($$SELECT answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id')$$, '42501', 'permission denied for table secrets', 'who may not read it does not get it from there,');
SELECT throws_ok($$SELECT answer('common', 'all', 'SELECT body FROM priv.secrets ORDER BY id')$$, '42501', 'permission denied for table secrets', 'nor from the shared one,');
SELECT is(got('common', 'all'), 'nothing', 'nor by its key,');
SELECT is(got('own', 'all'), 'nothing', 'where another''s entries are not found;');
SELECT throws_ok($$SELECT answer('common', 'all', 'SELECT count(*) FROM priv.secrets')$$, '42501', NULL, 'not even how many rows there are');
SELECT is((SELECT count(*) FROM pollseed_cache_entries WHERE cache = 'own'), 0::bigint, 'entries of others are not shown');
RESET ROLE;
GRANT SELECT ON priv.secrets TO cache_bob;
SET ROLE cache_bob;
SELECT is(answer('common', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] hit', 'who may read it now is answered from the shared one,');
SELECT is(answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), '[{"body": "of alice"}, {"body": "of bob"}] miss', 'and not from another''s entries');
RESET ROLE;

-- revoked after it was cached; SET ROLE within the session
REVOKE SELECT ON priv.secrets FROM cache_alice;
SET ROLE cache_alice;
SELECT throws_ok($$SELECT answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id')$$, '42501', NULL, 'after REVOKE the entry is no answer any more,');
SELECT throws_ok($$SELECT answer('common', 'all', 'SELECT body FROM priv.secrets ORDER BY id')$$, '42501', NULL, 'nor is the shared one,');
SELECT is(got('own', 'all'), 'nothing', 'nor is it found by its key');
SET ROLE cache_bob;
SELECT is(left(answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id'), 43), '[{"body": "of alice"}, {"body": "of bob"}] ', 'another role of the session has its own answers');
RESET ROLE;
REVOKE USAGE ON SCHEMA priv FROM PUBLIC;
SET ROLE cache_bob;
SELECT throws_ok($$SELECT answer('own', 'all', 'SELECT body FROM priv.secrets ORDER BY id')$$, '42501', 'permission denied for schema priv', 'a schema that was revoked');
RESET ROLE;
GRANT USAGE ON SCHEMA priv TO PUBLIC;
REVOKE SELECT ON priv.secrets FROM cache_bob;

-- columns
GRANT SELECT (id) ON priv.secrets TO cache_bob;
GRANT SELECT ON priv.secrets TO cache_alice;
SET ROLE cache_alice;
SELECT is(answer('common', 'ids', 'SELECT id FROM priv.secrets ORDER BY id'), '[{"id": 1}, {"id": 2}] miss', 'one column');
SELECT is(answer('common', 'rows', 'SELECT * FROM priv.secrets WHERE id = 1'), '[{"id": 1, "body": "of alice", "owner": "cache_alice"}] miss', 'and all');
SELECT is(answer('common', 'where', 'SELECT id FROM priv.secrets WHERE body = ''of bob'''), '[{"id": 2}] miss', 'and one by another');
SET ROLE cache_bob;
SELECT is(answer('common', 'ids', 'SELECT id FROM priv.secrets ORDER BY id'), '[{"id": 1}, {"id": 2}] hit', 'a column that the role may read');
SELECT throws_ok($$SELECT answer('common', 'rows', 'SELECT * FROM priv.secrets WHERE id = 1')$$, '42501', NULL, 'columns that it may not read,');
SELECT throws_ok($$SELECT answer('common', 'where', 'SELECT id FROM priv.secrets WHERE body = ''of bob''')$$, '42501', NULL, 'nor ask for');
RESET ROLE;
REVOKE SELECT (id) ON priv.secrets FROM cache_bob;

-- views: the view is asked for, and its owner for what is under it
SET ROLE cache_owner;
CREATE VIEW priv.shown AS SELECT id, owner FROM priv.secrets;
CREATE VIEW priv.asked WITH (security_invoker) AS SELECT id FROM priv.secrets;
GRANT SELECT ON priv.shown, priv.asked TO cache_alice, cache_bob;
SET ROLE cache_alice;
SELECT is(answer('common', 'shown', 'SELECT id FROM priv.shown ORDER BY id'), '[{"id": 1}, {"id": 2}] miss', 'a view');
SELECT is(answer('common', 'asked', 'SELECT id FROM priv.asked ORDER BY id'), '[{"id": 1}, {"id": 2}] miss', 'one that asks as its caller');
SET ROLE cache_bob;
SELECT is(answer('common', 'shown', 'SELECT id FROM priv.shown ORDER BY id'), '[{"id": 1}, {"id": 2}] hit', 'who may read the view need not be allowed to read the table,');
SELECT throws_ok($$SELECT answer('common', 'asked', 'SELECT id FROM priv.asked ORDER BY id')$$, '42501', NULL, 'unless the view asks as its caller');
RESET ROLE;
REVOKE SELECT ON priv.shown FROM cache_bob;
SET ROLE cache_bob;
SELECT throws_ok($$SELECT answer('common', 'shown', 'SELECT id FROM priv.shown ORDER BY id')$$, '42501', 'permission denied for view shown', 'a view that was revoked');
RESET ROLE;
ALTER VIEW priv.shown OWNER TO cache_bob;
GRANT SELECT ON priv.shown TO cache_alice;
SET ROLE cache_alice;
SELECT throws_ok($$SELECT answer('common', 'shown', 'SELECT id FROM priv.shown ORDER BY id')$$, '42501', 'permission denied for table secrets', 'a view whose owner may not read the table');
RESET ROLE;
DROP VIEW priv.shown, priv.asked;

-- functions
CREATE FUNCTION priv.told() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT string_agg(body, '','' ORDER BY id) FROM priv.secrets';
REVOKE EXECUTE ON FUNCTION priv.told() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION priv.told() TO cache_alice;
SET ROLE cache_alice;
SELECT is(answer('common', 'told', 'SELECT to_jsonb(priv.told())', '{priv.secrets}'), '"of alice,of bob" miss', 'what a function tells');
SET ROLE cache_bob;
SELECT throws_ok($$SELECT answer('common', 'told', 'SELECT to_jsonb(priv.told())', '{priv.secrets}')$$, '42501', 'permission denied for function told', 'who may not call it');
RESET ROLE;
DROP FUNCTION priv.told();

-- row security
CREATE TABLE priv.rows (id int PRIMARY KEY, owner name, tenant text);
INSERT INTO priv.rows VALUES (1, 'cache_alice', 'red'), (2, 'cache_bob', 'blue');
SELECT pollseed_cache_track('priv.rows') \g /dev/null
GRANT SELECT ON priv.rows TO PUBLIC;
SET ROLE cache_alice;
SELECT is(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), '[{"id": 1}, {"id": 2}] miss', 'without row security all rows');
RESET ROLE;
ALTER TABLE priv.rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON priv.rows USING (owner = current_user);
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 20), '[{"id": 1}, {"id": 2', 'a superuser sees all with it');
SET ROLE cache_alice;
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'others what is theirs,');
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'also of a cache that is not shared');
SET ROLE cache_bob;
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 2}] ', 'each what is his');
SET ROLE cache_alice;
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'each time');
SET row_security = off;
SELECT throws_ok($$SELECT answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id')$$, '42501', NULL, 'or an error, where that is asked for');
RESET row_security;
RESET ROLE;
DROP POLICY own ON priv.rows;
CREATE POLICY tenant ON priv.rows USING (tenant = current_setting('app.tenant', true));
SET ROLE cache_alice;
SET app.tenant = 'red';
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'a policy by a setting');
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'of a role''s own entries');
SET app.tenant = 'blue';
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 2}] ', 'shows other rows by another setting,');
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 2}] ', 'also of its own entries,');
RESET app.tenant;
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 3), '[] ', 'and none without');
SET app.tenant = 'red';
SELECT is(left(answer('common', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'and again');
RESET ROLE;
DROP POLICY tenant ON priv.rows;
CREATE POLICY managers ON priv.rows TO cache_managers USING (true);
CREATE POLICY everybody ON priv.rows USING (id = 1);
GRANT cache_managers TO cache_bob;
SET ROLE cache_bob;
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 23), '[{"id": 1}, {"id": 2}] ', 'members of a role see what its policy shows');
RESET ROLE;
REVOKE cache_managers FROM cache_bob;
SET ROLE cache_bob;
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'and no longer when they are members no more');
RESET ROLE;
ALTER ROLE cache_bob BYPASSRLS;
SET ROLE cache_bob;
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 23), '[{"id": 1}, {"id": 2}] ', 'who is above row security sees all');
RESET ROLE;
ALTER ROLE cache_bob NOBYPASSRLS;
SET ROLE cache_bob;
SELECT is(left(answer('own', 'rows of', 'SELECT id FROM priv.rows ORDER BY id'), 12), '[{"id": 1}] ', 'and not when that was taken away');
RESET ROLE;

-- what tells of the role or its privileges, in a shared cache
SET ROLE cache_alice;
SELECT is(left(answer('common', 'who', 'SELECT to_jsonb(current_user)', '{}'), 14), '"cache_alice" ', 'a query may ask who asks');
SELECT is(left(answer('common', 'may', 'SELECT to_jsonb(has_table_privilege(''priv.secrets'', ''SELECT''))', '{}'), 5), 'true ', 'or what he may');
SELECT is(left(answer('common', 'see', 'SELECT to_jsonb(count(*)) FROM information_schema.tables WHERE table_name = ''secrets''', '{}'), 2), '1 ', 'or see');
SELECT is(left(answer('common', 'member', 'SELECT to_jsonb(pg_has_role(''cache_alice'', ''USAGE''))', '{}'), 5), 'true ', 'or is a member of');
SET ROLE cache_bob;
SELECT is(left(answer('common', 'who', 'SELECT to_jsonb(current_user)', '{}'), 12), '"cache_bob" ', 'and is not told of another:');
SELECT is(left(answer('common', 'may', 'SELECT to_jsonb(has_table_privilege(''priv.secrets'', ''SELECT''))', '{}'), 6), 'false ', 'nor what that one may,');
SELECT is(left(answer('common', 'see', 'SELECT to_jsonb(count(*)) FROM information_schema.tables WHERE table_name = ''secrets''', '{}'), 2), '0 ', 'nor sees,');
SELECT is(left(answer('common', 'member', 'SELECT to_jsonb(pg_has_role(''cache_alice'', ''USAGE''))', '{}'), 6), 'false ', 'nor is a member of');
RESET ROLE;

-- what names stand for
CREATE SCHEMA first_path;
CREATE SCHEMA second_path;
CREATE TABLE first_path.names AS SELECT 'first' AS n;
CREATE TABLE second_path.names AS SELECT 'second' AS n;
CREATE TABLE second_path.later AS SELECT 'second' AS n;
SELECT pollseed_cache_track('first_path.names'), pollseed_cache_track('second_path.names'), pollseed_cache_track('second_path.later') \g /dev/null
SET search_path = first_path, public;
SELECT is(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), '"first" miss', 'the search path says what a name is');
SET search_path = second_path, public;
SELECT is(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), '"second" miss', 'another one says otherwise');
SET search_path = first_path, public;
SELECT is(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), '"first" hit', 'and both are kept');
CREATE TEMP TABLE names AS SELECT 'temporary' AS n;
SELECT is(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), '"temporary" refused', 'a temporary table comes first,');
SELECT is(answer('common', 'names', 'SELECT to_jsonb(n) FROM names', '{}'), '"temporary" refused', 'whatever it is said to depend on,');
DROP TABLE pg_temp.names;
SELECT is(left(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), 8), '"first" ', 'until it is dropped');
CREATE FUNCTION second_path.f() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'second'$$;
SET search_path = first_path, second_path, public;
SELECT is(answer('common', 'f', 'SELECT to_jsonb(f())'), '"second" miss', 'a function');
CREATE FUNCTION first_path.f() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'first'$$;
SELECT is(answer('common', 'f', 'SELECT to_jsonb(f())'), '"first" miss', 'one that comes before it');
SELECT is(answer('common', 'later', 'SELECT to_jsonb(n) FROM later'), '"second" miss', 'a table by its name');
CREATE TABLE first_path.later AS SELECT 'first' AS n;
SELECT is(left(answer('common', 'later', 'SELECT to_jsonb(n) FROM later'), 8), '"first" ', 'one that comes before that');
DROP SCHEMA first_path CASCADE;
SELECT is(left(answer('common', 'names', 'SELECT to_jsonb(n) FROM names'), 9), '"second" ', 'and goes');

-- a path that says something else for each role
CREATE SCHEMA cache_alice AUTHORIZATION cache_alice;
CREATE SCHEMA cache_bob AUTHORIZATION cache_bob;
SET search_path = "$user", public;
SET ROLE cache_alice;
CREATE TABLE mine AS SELECT 'of alice' AS n;
SELECT pollseed_cache_track('mine') \g /dev/null
SELECT is(answer('common', 'mine', 'SELECT to_jsonb(n) FROM mine'), '"of alice" miss', 'a table in a schema of the role''s name');
SET ROLE cache_bob;
CREATE TABLE mine AS SELECT 'of bob' AS n;
SELECT is(left(answer('common', 'mine', 'SELECT to_jsonb(n) FROM mine'), 9), '"of bob" ', 'is another for another role');
RESET ROLE;
RESET search_path;

-- settings that shape results, whenever they have their effect
CREATE FUNCTION follows(setting text, one text, other text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    expected jsonb;
    different jsonb;
    got jsonb[];
BEGIN
    FOR round IN 1..2 LOOP
        PERFORM set_config(setting, one, false);
        EXECUTE query INTO expected;
        got := array_append(got, pollseed_cache_fetch('common', 'settings', query, depends_on => '{}'));
        IF got[cardinality(got)] IS DISTINCT FROM expected THEN
            RETURN format('%s where it should be %s', got[cardinality(got)], expected);
        END IF;
        PERFORM set_config(setting, other, false);
        EXECUTE query INTO different;
        got := array_append(got, pollseed_cache_fetch('common', 'settings', query, depends_on => '{}'));
        IF got[cardinality(got)] IS DISTINCT FROM different THEN
            RETURN format('%s where it should be %s', got[cardinality(got)], different);
        END IF;
    END LOOP;
    RETURN CASE WHEN expected = different THEN 'no difference' ELSE '' END;
END $$;
SET escape_string_warning = off;
SELECT is(follows(setting, one, other, query), '', setting || ': ' || query)
  FROM (VALUES ('TimeZone', 'UTC', 'Asia/Tokyo', 'SELECT to_jsonb(to_timestamp(0)::text)'),
               ('TimeZone', 'UTC', 'Asia/Tokyo', 'SELECT to_jsonb(extract(epoch FROM timestamptz ''2026-01-01 00:00''))'),
               ('DateStyle', 'ISO, DMY', 'ISO, MDY', 'SELECT to_jsonb(''01/02/2026''::text::date)'),
               ('DateStyle', 'ISO, DMY', 'ISO, MDY', 'SELECT to_jsonb(date ''01/02/2026'')'),
               ('DateStyle', 'ISO', 'German', 'SELECT to_jsonb(date ''2026-02-01''::text)'),
               ('IntervalStyle', 'postgres', 'iso_8601', 'SELECT to_jsonb(make_interval(days => 1)::text)'),
               ('extra_float_digits', '0', '1', 'SELECT to_jsonb((0.1::float8 * 3)::text)'),
               ('bytea_output', 'hex', 'escape', 'SELECT to_jsonb(decode(''61'', ''hex'')::text)'),
               ('xmlbinary', 'hex', 'base64', 'SELECT to_jsonb(xmlelement(name a, decode(''61'', ''hex''))::text)'),
               ('default_text_search_config', 'pg_catalog.simple', 'pg_catalog.english', 'SELECT to_jsonb(to_tsvector(''the cats'')::text)'),
               ('standard_conforming_strings', 'on', 'off', 'SELECT to_jsonb(length(''\\''))'),
               ('transform_null_equals', 'on', 'off', 'SELECT to_jsonb(count(*)) FROM (VALUES (NULL)) AS v (n) WHERE n = NULL'),
               ('array_nulls', 'on', 'off', 'SELECT to_jsonb(cardinality(array_remove(''{NULL}''::text::text[], NULL)))'),
               ('quote_all_identifiers', 'on', 'off', 'SELECT to_jsonb(quote_ident(''a''))'),
               ('app.tenant', 'red', 'blue', 'SELECT to_jsonb(current_setting(''app.tenant''))'),
               ('application_name', 'one', 'another', 'SELECT to_jsonb(current_setting(''application_name''))'),
               ('search_path', 'public', 'pg_catalog, public', 'SELECT to_jsonb(current_schema())')) AS v (setting, one, other, query);
RESET ALL;
SET client_min_messages = error;

-- whose a shared cache is
SET ROLE cache_alice;
SELECT throws_ok($$SELECT pollseed_cache_create('common', shared => true)$$, '42501', NULL, 'another''s cache is not made anew,');
SELECT throws_ok($$SELECT pollseed_cache_create('own', shared => true)$$, '42501', NULL, 'nor declared shared,');
SELECT throws_ok($$SELECT pollseed_cache_drop('common')$$, '42501', NULL, 'nor dropped,');
SELECT throws_ok($$SELECT pollseed_cache_clear('common')$$, '42501', NULL, 'nor cleared');
SELECT throws_ok($$SELECT pollseed_cache_put('common', 'k', '1')$$, '42501', NULL, 'nothing is put into a shared cache of another''s,');
SELECT throws_ok($$SELECT pollseed_cache_delete('common', 'all')$$, '42501', NULL, 'nor deleted from it');
SELECT is((SELECT kept FROM pollseed_cache_put('own', 'mine', '"of alice"')), true, 'where entries are not shared, each role has its own');
SET ROLE cache_bob;
SELECT is(pollseed_cache_get('own', 'mine'), NULL, 'which another does not get,');
SELECT is((SELECT deleted FROM pollseed_cache_delete('own', 'mine')), false, 'nor delete');
SELECT is(answer('own', 'mine', 'SELECT to_jsonb(1)'), '1 miss', 'nor find in its place');
SET ROLE cache_alice;
SELECT is(pollseed_cache_get('own', 'mine'), '"of alice"', 'it is still there');
SET ROLE cache_owner;
SELECT is((SELECT kept FROM pollseed_cache_put('common', 'notice', '"of the owner"')), true, 'the owner of a shared cache puts there what all may know');
SET ROLE cache_bob;
SELECT is(pollseed_cache_get('common', 'notice'), '"of the owner"', 'and all get it');
SELECT isnt(answer('common', 'notice', 'SELECT to_jsonb(''forged''::text)'), NULL, 'who asks for something else under its key');
SET ROLE cache_alice;
SELECT isnt(pollseed_cache_get('common', 'notice'), '"forged"', 'does not change what others get');
SET ROLE cache_owner;
SELECT is(answer('common', 'poll', 'SELECT to_jsonb(''honest''::text)'), '"honest" miss', 'a query of the owner''s');
SET ROLE cache_bob;
SELECT isnt(answer('common', 'poll', 'SELECT to_jsonb(''forged''::text)'), NULL, 'and another under the same key');
SET ROLE cache_alice;
SELECT is(left(answer('common', 'poll', 'SELECT to_jsonb(''honest''::text)'), 9), '"honest" ', 'do not get mixed up,');
SELECT isnt(pollseed_cache_get('common', 'poll'), '"forged"', 'nor for who asks for the key only');
RESET ROLE;

-- more than a query
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'DELETE FROM priv.secrets RETURNING id')$$, NULL, NULL, 'no DELETE');
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'SELECT 1; DELETE FROM priv.secrets')$$, NULL, NULL, 'no two statements');
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'SELECT 1) AS q; DELETE FROM priv.secrets; SELECT * FROM (SELECT 1')$$, NULL, NULL, 'no end of ours in between');
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'WITH d AS (DELETE FROM priv.secrets RETURNING id) SELECT * FROM d')$$, NULL, NULL, 'no DELETE within a query');
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'SELECT id FROM priv.secrets FOR UPDATE')$$, NULL, NULL, 'no locks');
SELECT throws_ok($$SELECT pollseed_cache_fetch('own', 'k', 'SELECT id INTO priv.made FROM priv.secrets')$$, NULL, NULL, 'no tables made');
SELECT is((SELECT count(*) FROM priv.secrets), 2::bigint, 'all rows are still there');

SELECT * FROM finish();
DROP SCHEMA priv, second_path, cache_alice, cache_bob CASCADE;
SELECT pollseed_cache_drop('own'), pollseed_cache_drop('common') \g /dev/null
DROP OWNED BY cache_owner, cache_alice, cache_bob, cache_managers;
DROP ROLE cache_owner, cache_alice, cache_bob, cache_managers;
