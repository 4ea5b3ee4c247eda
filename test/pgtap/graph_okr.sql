-- The OKR preset: eleven tables, a plan that fills them, the same tenant every time.
\ir include/quiet.sql
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
SELECT is((SELECT string_agg(step || ' ' || inserted, ', ') FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2027-04-10'), dry_run => true) WHERE inserted > 0),
	'cycles 1', 'a quarter later there is a cycle more');

-- Key results go as their check-ins say.
SELECT is((SELECT string_agg(concat_ws(' ', week, checked_on, progress), ', ' ORDER BY week) FROM check_ins AS c JOIN key_results AS k ON k.id = c.key_result_id WHERE k.code = 'KR-00001'),
	'9 2025-03-03 55, 10 2025-03-10 61, 11 2025-03-17 67, 12 2025-03-24 74', 'check-ins of a cycle that is over');
SELECT is((SELECT string_agg(concat_ws(' ', week, checked_on, progress), ', ' ORDER BY week) FROM check_ins AS c JOIN key_results AS k ON k.id = c.key_result_id WHERE k.code = 'KR-00780'),
	'1 2026-10-02 6, 2 2026-10-09 12, 3 2026-10-16 18, 4 2026-10-23 24', 'check-ins of the cycle that is not');
CREATE TEMP VIEW course AS
	SELECT k.id, k.start_value, k.target_value, k.current_value, min(c.week) AS first_week, count(*) AS check_ins,
		array_agg(c.value ORDER BY c.week) AS values, array_agg(c.progress ORDER BY c.week) AS progress, array_agg(c.checked_on ORDER BY c.week) AS days
		FROM one.key_results AS k JOIN one.check_ins AS c ON c.key_result_id = k.id GROUP BY k.id;
SELECT is((SELECT count(*) FROM course), 780::bigint, 'every key result has check-ins');
SELECT is((SELECT count(*) FROM course WHERE check_ins <> 4), 0::bigint, 'four');
SELECT is((SELECT count(*) FROM course WHERE days <> ARRAY[days[1], days[1] + 7, days[1] + 14, days[1] + 21]), 0::bigint, 'each a week after the one before');
SELECT is((SELECT count(*) FROM check_ins WHERE extract(isodow FROM checked_on) > 5), 0::bigint, 'on a working day');
SELECT is((SELECT count(*) FROM check_ins WHERE checked_on <> (created_at AT TIME ZONE 'UTC')::date), 0::bigint, 'and written on that day');
SELECT is((SELECT count(*) FROM course WHERE values[4] <> current_value), 0::bigint, 'the last says what a key result has reached');
SELECT is((SELECT count(*) FROM course WHERE progress <> ARRAY(SELECT unnest(progress) ORDER BY 1)), 0::bigint, 'progress never goes back');
SELECT is((SELECT count(*) FROM course WHERE values <> ARRAY(SELECT v FROM unnest(values) AS v ORDER BY v * sign(target_value - start_value))), 0::bigint, 'nor do values turn from the target');
SELECT is((SELECT count(*) FROM course, unnest(values) AS v WHERE (v - start_value) / (target_value - start_value) NOT BETWEEN 0 AND 1), 0::bigint, 'which they come from the start to, and not beyond');
SELECT is((SELECT count(*) FROM course WHERE progress[4] = 100 AND current_value <> target_value), 0::bigint, 'and reach where all is done');
SELECT is((SELECT count(*) FROM objectives AS o WHERE progress <> (SELECT sum(progress[4]) / 3 FROM course JOIN key_results AS k USING (id) WHERE k.objective_id = o.id)), 0::bigint,
	'an objective has reached what its key results have on average');
SELECT is((SELECT count(*) FROM key_results AS k JOIN cycles AS c ON c.id = k.cycle_id WHERE k.status = 'achieved' AND (c.status <> 'closed' OR k.current_value <> k.target_value)), 0::bigint,
	'achieved is what is over and there');
SELECT is((SELECT count(*) FROM key_results AS k JOIN course USING (id) JOIN cycles AS c ON c.id = k.cycle_id WHERE c.status = 'closed' AND (k.status = 'achieved') <> (progress[4] = 100)), 0::bigint,
	'and all that is');
SELECT ok((SELECT count(DISTINCT status) = 4 FROM key_results), 'key results go differently');
SELECT ok((SELECT count(DISTINCT status) >= 4 FROM objectives), 'objectives, too');
SELECT is((SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) AS n FROM objectives GROUP BY cycle_id) AS c), '{32,32,32,32,33,33,33,33}', 'every cycle has its share');

-- It looks like a tenant.
SELECT is((SELECT concat_ws(' ', name, slug) FROM organizations), 'Acme acme', 'the organisation');
SELECT is((SELECT string_agg(concat_ws(' ', name, starts_on, ends_on, status), ', ' ORDER BY name) FROM cycles WHERE name ~ '2026'),
	'2026 Q1 2026-01-01 2026-03-31 closed, 2026 Q2 2026-04-01 2026-06-30 closed, 2026 Q3 2026-07-01 2026-09-30 closed, 2026 Q4 2026-10-01 2026-12-31 active', 'cycles are quarters');
SELECT is((SELECT count(*) FROM key_results AS k JOIN objectives AS o ON o.id = k.objective_id WHERE o.cycle_id <> k.cycle_id), 0::bigint, 'key results are of the cycle of their objective');
SELECT is((SELECT count(*) FROM initiatives AS i JOIN key_results AS k ON k.id = i.key_result_id WHERE k.objective_id <> i.objective_id), 0::bigint, 'initiatives of the objective of their key result');
SELECT is((SELECT count(*) FROM users WHERE email !~ lower(left(first_name, 1)) OR created_at > '2026-11-15 12:00+00' OR updated_at < created_at), 0::bigint, 'users have names that go with their e-mails');
SELECT is((SELECT count(*) FROM objectives AS o JOIN users AS u ON u.id = o.owner_id WHERE o.created_at < u.created_at), 0::bigint, 'objectives come after their owners');
SELECT is((SELECT count(*) FROM objectives AS o JOIN objectives AS p ON p.id = o.parent_id WHERE o.created_at < p.created_at), 0::bigint, 'and after those that they are part of');
SELECT is((SELECT count(*) FROM users AS u JOIN users AS m ON m.id = u.manager_id WHERE u.created_at < m.created_at), 0::bigint, 'managers come first');
SELECT is((SELECT count(*) FROM initiatives AS i JOIN objectives AS o ON o.id = i.objective_id JOIN cycles AS c ON c.id = o.cycle_id WHERE i.due_on NOT BETWEEN c.starts_on AND c.ends_on), 0::bigint,
	'initiatives are due within their cycle');
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

-- Words go together.
SELECT is((SELECT count(DISTINCT title) FROM objectives), 30::bigint, 'objectives differ');
SELECT is((SELECT string_agg(DISTINCT o.title, ', ' ORDER BY o.title) FROM objectives AS o JOIN key_results AS k ON k.objective_id = o.id WHERE k.title = 'Reduce monthly churn'),
	'Become the vendor that customers recommend, Keep the customers we have, Turn support into a reason to buy', 'churn is for objectives about customers who are there');
SELECT is((SELECT string_agg(DISTINCT k.title, ', ' ORDER BY k.title) FROM objectives AS o JOIN key_results AS k ON k.objective_id = o.id WHERE o.title = 'Open the German market'),
	'Be found by search, Get reviews on comparison sites, Shorten the first sale, Translate the product, Win customers in Germany', 'a market has key results of a market');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT pillar_id) AS n FROM objectives GROUP BY title) AS t), 1::bigint, 'an objective is for its pillar');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT o.title) AS n FROM objectives AS o JOIN key_results AS k ON k.objective_id = o.id GROUP BY k.title) AS t), 3::bigint,
	'a key result is for one of the three objectives of its theme');
SELECT is((SELECT count(*) FROM (SELECT FROM key_results GROUP BY objective_id, title HAVING count(*) > 1) AS t), 0::bigint, 'and once in each');
SELECT is((SELECT count(DISTINCT (k.title, i.title)) - count(DISTINCT i.title) FROM initiatives AS i JOIN key_results AS k ON k.id = i.key_result_id), 0::bigint, 'an initiative goes with its key result');
SELECT is((SELECT min(n) FROM (SELECT count(DISTINCT pillar_id) AS n FROM objectives GROUP BY cycle_id) AS c), 5::bigint, 'every cycle has objectives of all pillars');
SELECT is((SELECT string_agg(comment, ' ' ORDER BY week) FROM check_ins AS c JOIN key_results AS k ON k.id = c.key_result_id WHERE k.code = 'KR-00001'),
	'Holidays took a week from us. Now monthly churn is at 3.2%. We wait for another team; meanwhile monthly churn has come to 2.9%. It moves, but not enough: 2.8% for monthly churn.', 'comments say what is measured');
SELECT is((SELECT count(*) FROM check_ins WHERE strpos(comment, trim_scale(value)::text) = 0), 0::bigint, 'and where it is');
SELECT is((SELECT string_agg(DISTINCT unit, ', ' ORDER BY unit) FROM key_results WHERE title ~ 'revenue'), 'euro', 'revenue is money');
SELECT is((SELECT count(*) FROM key_results WHERE unit = 'percent' AND greatest(start_value, target_value) > 100), 0::bigint, 'no percentage is more than all');
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

-- Another seed has other people at the same work.
SELECT count(*) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-11-15 12:00+00'), seed => 5);
SELECT is((SELECT count(*) FROM one.key_results AS a FULL JOIN key_results AS b USING (code) WHERE (a.title, a.current_value, a.status) IS DISTINCT FROM (b.title, b.current_value, b.status)), 0::bigint,
	'another seed has the same key results');
SELECT ok((SELECT count(*) < 20 FROM one.users JOIN users USING (email)), 'and other people');
SELECT is((SELECT string_agg(concat_ws(' ', "check", relation, violations), ', ') FROM pollseed_validate() WHERE violations > 0), NULL, 'and is valid');
SELECT is((SELECT sum(removed) FROM pollseed_unseed((SELECT max(run_id) FROM pollseed_runs))), 5159::numeric, 'and can be removed, too');

-- Whatever the size and the day: what is wrong with a tenant, or nothing.
CREATE FUNCTION wrong_with(users int, objectives int, as_of timestamptz) RETURNS text LANGUAGE plpgsql SET search_path = tenant, public AS $$
DECLARE
	plan jsonb;
	wrong text;
BEGIN
	CREATE SCHEMA tenant;
	plan := pollseed_plan_okr(users, objectives, as_of => as_of);
	IF EXISTS (SELECT FROM pollseed_plan_check(plan)) THEN
		RETURN 'the plan';
	END IF;
	PERFORM count(*) FROM pollseed_seed_graph(plan);
	SELECT concat_ws(', ',
		(SELECT string_agg(relation || ': ' || "check", ', ') FROM pollseed_validate() WHERE violations > 0),
		(SELECT 'rows' FROM pollseed_seed_graph(plan) HAVING sum(unchanged) <> sum(planned)),
		(SELECT 'admins' FROM role_assignments AS r JOIN users AS u ON u.id = r.user_id WHERE role = 'ORG_ADMIN' AND u.status = 'active' HAVING count(*) = 0),
		(SELECT 'check-ins outside of their cycle' FROM check_ins AS i JOIN key_results AS k ON k.id = i.key_result_id JOIN cycles AS c ON c.id = k.cycle_id
			WHERE i.checked_on NOT BETWEEN c.starts_on AND c.ends_on HAVING count(*) > 0),
		(SELECT 'not in that week' FROM check_ins AS i JOIN key_results AS k ON k.id = i.key_result_id JOIN cycles AS c ON c.id = k.cycle_id
			WHERE (i.checked_on - c.starts_on) / 7 + 1 <> i.week HAVING count(*) > 0),
		(SELECT 'not where the key result is' FROM key_results AS k WHERE current_value <> (SELECT value FROM check_ins WHERE key_result_id = k.id ORDER BY week DESC LIMIT 1) HAVING count(*) > 0),
		(SELECT 'made in the future' FROM (SELECT created_at FROM organizations UNION ALL SELECT created_at FROM workspaces UNION ALL SELECT created_at FROM teams UNION ALL
			SELECT created_at FROM users UNION ALL SELECT created_at FROM cycles UNION ALL SELECT created_at FROM strategic_pillars UNION ALL SELECT created_at FROM objectives UNION ALL
			SELECT created_at FROM key_results UNION ALL SELECT created_at FROM initiatives UNION ALL SELECT created_at FROM check_ins UNION ALL SELECT created_at FROM role_assignments) AS rows
			WHERE rows.created_at > coalesce(wrong_with.as_of, now()) HAVING count(*) > 0),
		(SELECT 'made before what it refers to' FROM (
			SELECT c.created_at, p.created_at FROM workspaces AS c JOIN organizations AS p ON p.id = c.organization_id UNION ALL
			SELECT c.created_at, p.created_at FROM teams AS c JOIN workspaces AS p ON p.id = c.workspace_id UNION ALL
			SELECT c.created_at, p.created_at FROM users AS c JOIN teams AS p ON p.id = c.team_id UNION ALL
			SELECT c.created_at, p.created_at FROM cycles AS c JOIN organizations AS p ON p.id = c.organization_id UNION ALL
			SELECT c.created_at, p.created_at FROM objectives AS c JOIN cycles AS p ON p.id = c.cycle_id UNION ALL
			SELECT c.created_at, p.created_at FROM objectives AS c JOIN strategic_pillars AS p ON p.id = c.pillar_id UNION ALL
			SELECT c.created_at, p.created_at FROM objectives AS c JOIN users AS p ON p.id = c.owner_id UNION ALL
			SELECT c.created_at, p.created_at FROM key_results AS c JOIN objectives AS p ON p.id = c.objective_id UNION ALL
			SELECT c.created_at, p.created_at FROM initiatives AS c JOIN key_results AS p ON p.id = c.key_result_id UNION ALL
			SELECT c.created_at, p.created_at FROM check_ins AS c JOIN key_results AS p ON p.id = c.key_result_id UNION ALL
			SELECT c.created_at, p.created_at FROM role_assignments AS c JOIN users AS p ON p.id = c.user_id) AS pairs (child, parent) WHERE child < parent HAVING count(*) > 0)) INTO wrong;
	DROP SCHEMA tenant CASCADE;
	RETURN nullif(wrong, '');
END $$;
SELECT is(wrong_with(1, 1, '2026-11-15'), NULL, 'one user and one objective');
SELECT is(wrong_with(1, 260, '2026-11-15'), NULL, 'one user and many objectives');
SELECT is(wrong_with(7, 0, '2026-11-15'), NULL, 'seven users and no objective');
SELECT is(wrong_with(43, 5, '2026-11-15'), NULL, 'fewer objectives than cycles');
SELECT is(wrong_with(2001, 401, '2026-11-15'), NULL, 'many of both');
SELECT is(wrong_with(20, 40, '2026-01-01'), NULL, 'on the first day of a year');
SELECT is(wrong_with(20, 40, '2026-10-28 23:59+00'), NULL, 'when a quarter is not four weeks old');
SELECT is(wrong_with(20, 40, '2026-10-29 00:00+00'), NULL, 'when it is');
SELECT is(wrong_with(20, 40, '2028-02-29 10:00+00'), NULL, 'on a leap day');
SELECT is(wrong_with(20, 40, '2028-12-31 23:59+00'), NULL, 'on the last day of its year');
SELECT is(wrong_with(20, 40, '0004-01-01'), NULL, 'long ago');
SELECT is(wrong_with(20, 40, NULL), NULL, 'and today');

-- Arguments.
SELECT is((SELECT string_agg(step || ' ' || planned, ', ') FROM pollseed_seed_graph(pollseed_plan_okr(1, 0, 'Solo & Sons', '2026-11-15'))),
	'organizations 1, workspaces 1, teams 1, users 1, cycles 8, strategic_pillars 5, objectives 0, key_results 0, initiatives 0, check_ins 0, role_assignments 1', 'as small as can be');
SELECT is((SELECT concat_ws(' ', name, slug) FROM organizations), 'Solo & Sons solo-sons', 'with a name of its own');
SELECT is((SELECT role || ' ' || status FROM role_assignments AS r JOIN users AS u ON u.id = r.user_id), 'ORG_ADMIN active', 'whose only user runs it');
SELECT matches(error_of('SELECT pollseed_plan_okr(0)'), 'users must be', 'no users');
SELECT matches(error_of('SELECT pollseed_plan_okr(objectives => -1)'), 'objectives', 'less than no objectives');
SELECT matches(error_of($$SELECT pollseed_plan_okr(as_of => 'infinity')$$), '^22023 as_of must be finite', 'no end of time');
SELECT matches(error_of($$SELECT pollseed_plan_okr(as_of => '0003-12-31')$$), '^22008 as_of must be in the years 4 to 9999', 'no time before cycles');
SELECT matches(error_of($$SELECT pollseed_plan_okr(as_of => '10000-01-01')$$), '^22008 as_of must be in the years 4 to 9999', 'no year of five digits');

SELECT * FROM finish();
ROLLBACK;
