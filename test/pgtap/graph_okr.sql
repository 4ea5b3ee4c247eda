-- The OKR preset: eleven tables, a plan that fills them, the same tenant every time.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
\ir include/error_of.sql
SELECT * FROM no_plan();
CREATE SCHEMA one;
CREATE SCHEMA two;
SET search_path = one, public;

SELECT is(pollseed_create_okr_tables(), 11, 'eleven tables are made');
SELECT is(pollseed_create_okr_tables(), 0, 'and once');
SELECT is(pollseed_drop_okr_tables(), 11, 'they are dropped');
SELECT is(pollseed_drop_okr_tables(), 0, 'and once');
CREATE TABLE users (id int);
SELECT matches(error_of('SELECT pollseed_create_okr_tables()'), 'relation "users" already exists', 'another table of a name is refused');
SELECT matches(error_of('SELECT pollseed_drop_okr_tables()'), 'was not made by', 'and not dropped');
DROP TABLE users;

-- The plan makes the tables, and the seeding fills them.
CREATE TEMP TABLE done AS SELECT * FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-11-15 12:00+00'));
SELECT is((SELECT string_agg(step || ' ' || inserted, ', ') FROM done),
	'organizations 1, workspaces 5, teams 20, users 200, cycles 8, strategic_pillars 5, objectives 260, key_results 780, initiatives 520, check_ins 3120, role_assignments 240',
	'the seed''s eleven steps in their order');
SELECT is((SELECT sum(inserted) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-11-15 12:00+00'))), 0::numeric, 'a second run writes nothing');
SELECT is((SELECT sum(inserted) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-12-24'))), 0::numeric, 'nor one on another day of the year');
SELECT is((SELECT string_agg(concat_ws(' ', "check", relation, violations), ', ') FROM pollseed_validate() WHERE violations > 0), NULL, 'it is valid');

-- It looks like a tenant.
SELECT is((SELECT concat_ws(' ', name, slug) FROM organizations), 'Acme acme', 'the organisation');
SELECT is((SELECT string_agg(concat_ws(' ', name, starts_on, ends_on, status), ', ' ORDER BY name) FROM cycles WHERE name ~ '2026'),
	'2026 Q1 2026-01-01 2026-03-31 closed, 2026 Q2 2026-04-01 2026-06-30 closed, 2026 Q3 2026-07-01 2026-09-30 closed, 2026 Q4 2026-10-01 2026-12-31 active', 'cycles are quarters');
SELECT is((SELECT count(*) FROM key_results AS k JOIN objectives AS o ON o.id = k.objective_id WHERE o.cycle_id <> k.cycle_id), 0::bigint, 'key results are of the cycle of their objective');
SELECT is((SELECT count(*) FROM initiatives AS i JOIN key_results AS k ON k.id = i.key_result_id WHERE k.objective_id <> i.objective_id), 0::bigint, 'initiatives of the objective of their key result');
SELECT is((SELECT count(*) FROM users WHERE email !~ lower(left(first_name, 1)) OR created_at > '2026-11-15 12:00+00' OR updated_at < created_at), 0::bigint, 'users have names that go with their e-mails');
SELECT is((SELECT count(*) FROM objectives AS o JOIN users AS u ON u.id = o.owner_id WHERE o.created_at < u.created_at), 0::bigint, 'objectives come after their owners');
SELECT is((SELECT count(*) FROM role_assignments AS r WHERE NOT CASE r.scope_type WHEN 'ORGANIZATION' THEN EXISTS (SELECT FROM organizations WHERE id = r.scope_id)
	WHEN 'WORKSPACE' THEN EXISTS (SELECT FROM workspaces WHERE id = r.scope_id) ELSE EXISTS (SELECT FROM teams WHERE id = r.scope_id) END), 0::bigint, 'roles are in something');
SELECT is((SELECT count(*) FROM users AS u JOIN role_assignments AS r ON r.user_id = u.id WHERE r.role = 'ORG_ADMIN' AND u.manager_id IS NULL AND u.status = 'active'), 1::bigint,
	'who has no manager runs the organisation');
SELECT is((SELECT string_agg(DISTINCT role || ' ' || scope_type, ', ' ORDER BY role || ' ' || scope_type) FROM role_assignments),
	'CONTRIBUTOR TEAM, CONTRIBUTOR WORKSPACE, ORG_ADMIN ORGANIZATION, TEAM_LEAD TEAM, VIEWER ORGANIZATION, VIEWER TEAM, VIEWER WORKSPACE, WORKSPACE_LEAD WORKSPACE', 'a role is in what it is for');
SELECT is((SELECT count(*) FROM users AS u WHERE NOT EXISTS (SELECT FROM role_assignments AS r WHERE r.user_id = u.id AND r.role <> 'VIEWER')), 0::bigint, 'everybody does something');
SELECT matches(error_of($$UPDATE role_assignments SET scope_type = 'TEAM' WHERE role = 'ORG_ADMIN'$$), '^23514', 'nobody runs the organisation in a team');
SELECT matches(error_of($$UPDATE role_assignments SET scope_id = gen_random_uuid() WHERE role = 'ORG_ADMIN'$$), '^23514', 'nor one that he is not of');
SELECT ok((SELECT count(*) FILTER (WHERE status = 'active') > 160 AND count(*) FILTER (WHERE status = 'suspended') < 20 FROM users), 'statuses are weighted');
SELECT ok((SELECT count(DISTINCT title) > 15 FROM objectives), 'objectives differ');
SELECT is((SELECT count(*) FROM users WHERE manager_id IS NULL), 1::bigint, 'one has no manager');

-- Ids follow from natural keys: another schema has the same.
SET search_path = two, public;
SELECT count(*) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-11-15 12:00+00'));
SELECT is((SELECT sum(removed) FROM pollseed_unseed((SELECT max(run_id) FROM pollseed_runs))), 5159::numeric, 'it can be removed');
SELECT is((SELECT count(*) FROM users), 0::bigint, 'and is gone');
SELECT is((SELECT count(*) FROM one.users), 200::bigint, 'the other tenant is not');

-- The hundred thousandth code has six digits, and differs from the ten thousandth.
CREATE FUNCTION code_of(of_step text, n bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	SELECT step #>> '{columns,code,sql}' INTO code FROM jsonb_array_elements(pollseed_plan_okr() -> 'steps') AS step WHERE step ->> 'step' = of_step;
	EXECUTE format('SELECT %s FROM (SELECT $1 AS "row") AS cell', code) INTO code USING n - 1;
	RETURN code;
END $$;
SELECT is(code_of(step, 1), prefix || '-00001', step || ': the first code') FROM (VALUES ('objectives', 'O'), ('key_results', 'KR'), ('initiatives', 'I')) AS steps (step, prefix);
SELECT is(code_of(step, 99999), prefix || '-99999', step || ': the last of five digits') FROM (VALUES ('objectives', 'O'), ('key_results', 'KR'), ('initiatives', 'I')) AS steps (step, prefix);
SELECT is(code_of(step, 100000), prefix || '-100000', step || ': the first of six') FROM (VALUES ('objectives', 'O'), ('key_results', 'KR'), ('initiatives', 'I')) AS steps (step, prefix);
SELECT is(code_of(step, 2147483648), prefix || '-2147483648', step || ': and of ten') FROM (VALUES ('objectives', 'O'), ('key_results', 'KR'), ('initiatives', 'I')) AS steps (step, prefix);

-- Arguments.
SELECT is((SELECT string_agg(step || ' ' || planned, ', ') FROM pollseed_seed_graph(pollseed_plan_okr(1, 0, 'Solo & Sons', '2026-11-15'))),
	'organizations 1, workspaces 1, teams 1, users 1, cycles 8, strategic_pillars 5, objectives 0, key_results 0, initiatives 0, check_ins 0, role_assignments 1', 'as small as can be');
SELECT is((SELECT concat_ws(' ', name, slug) FROM organizations), 'Solo & Sons solo-sons', 'with a name of its own');
SELECT is((SELECT role || ' ' || status FROM role_assignments AS r JOIN users AS u ON u.id = r.user_id), 'ORG_ADMIN active', 'whose only user runs it');
SELECT matches(error_of('SELECT pollseed_plan_okr(0)'), 'users must be', 'no users');
SELECT matches(error_of('SELECT pollseed_plan_okr(objectives => -1)'), 'objectives', 'less than no objectives');
SELECT matches(error_of($$SELECT pollseed_plan_okr(as_of => 'infinity')$$), 'as_of must be finite', 'no end of time');

SELECT * FROM finish();
ROLLBACK;
