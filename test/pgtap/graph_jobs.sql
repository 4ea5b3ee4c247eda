-- Schemas seeded by background jobs: the same rows as in one transaction, whoever works on them.
\ir include/quiet.sql
\ir include/error_of.sql
SELECT * FROM no_plan();
CREATE SCHEMA jobs;
SET search_path = jobs, public;
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, team_id int, created_at timestamptz NOT NULL);
CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL, lead_id int NOT NULL REFERENCES users);
ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams;
CREATE TABLE posts (id uuid PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL, created_at timestamptz NOT NULL);
CREATE INDEX ON posts (user_id);
CREATE TABLE plans AS SELECT pollseed_plan_schema('jobs', 3000, '{"exclude": ["plans"]}', as_of => '2026-06-01') AS plan;
CREATE FUNCTION content() RETURNS text LANGUAGE sql AS $$
	SELECT md5(concat_ws('/', (SELECT string_agg(t::text, '|' ORDER BY id) FROM users AS t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM teams AS t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM posts AS t)))
$$;
CREATE PROCEDURE start_again() LANGUAGE sql AS $$ TRUNCATE users, teams, posts RESTART IDENTITY; UPDATE pollseed.runs SET cleared_at = now() WHERE cleared_at IS NULL $$;

SELECT count(*) FROM plans, pollseed_seed_graph(plan);
CREATE TABLE hash AS SELECT content() AS hash;
CALL start_again();
SELECT pollseed_seed_graph_async(plan, batch_size => 200) AS job FROM plans \gset
SELECT is((SELECT concat_ws(' ', state, done, total, result - 'run_id' - 'seed') FROM pollseed_job_wait(:job, '60 s')), 'succeeded 12000 12000 {"tables": 3, "updated": 0, "inserted": 9000, "unchanged": 0}', 'a job ends');
SELECT is(content(), (SELECT hash FROM hash), 'with the rows of one transaction');
SELECT is((SELECT string_agg(concat_ws(' ', name, inserted), ', ' ORDER BY name) FROM pollseed_graph_steps JOIN pollseed_runs USING (run_id) WHERE cleared_at IS NULL), 'posts 3000, teams 3000, users 3000', 'the ledger has its steps');
SELECT is((SELECT sum(inserted) FROM plans, pollseed_seed_graph(plan)), 0::numeric, 'a second run finds them');
SELECT is((SELECT sum(removed) FROM pollseed_unseed((SELECT max(run_id) FROM pollseed_runs WHERE cleared_at IS NULL))), 9000::numeric, 'they can be removed');
CALL start_again();
SELECT pollseed_seed_graph_async(plan, batch_size => 100, workers => 3) AS job FROM plans \gset
SELECT is((SELECT concat_ws(' ', state, done) FROM pollseed_job_wait(:job, '60 s')), 'succeeded 12000', 'three workers');
SELECT is(content(), (SELECT hash FROM hash), 'make the same rows');
SELECT pollseed_seed_graph_async(plan) AS job FROM plans \gset
SELECT is((SELECT concat_ws(' ', state, result ->> 'inserted', result ->> 'unchanged') FROM pollseed_job_wait(:job, '60 s')), 'succeeded 0 9000', 'another job writes nothing');

SELECT matches(error_of('SELECT pollseed_seed_graph_async(NULL)'), 'plan must not be null', 'no plan');
SELECT matches(error_of($$SELECT pollseed_seed_graph_async(plan, mode => 'x') FROM plans$$), 'unrecognized mode', 'no such mode');
CREATE TABLE l (id int PRIMARY KEY, r_id int NOT NULL);
CREATE TABLE r (id int PRIMARY KEY, l_id int NOT NULL REFERENCES l);
ALTER TABLE l ADD FOREIGN KEY (r_id) REFERENCES r;
SELECT matches(error_of($$SELECT pollseed_seed_graph_async(pollseed_plan_schema('jobs', 10, '{"include": ["l", "r"]}'))$$), '0A000 .*circle of required references', 'a circle that takes one statement');

-- A job ends where a row cannot be made, whoever of a team comes to it, and keeps what was committed before.
CREATE FUNCTION is_small(n int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n < 1500';
CREATE TABLE heads (id int PRIMARY KEY, n int NOT NULL);
CREATE TABLE tails (id int PRIMARY KEY, head_id int NOT NULL REFERENCES heads, n int NOT NULL CHECK (is_small(n)));
CREATE TABLE doomed AS SELECT pollseed_plan_schema('jobs', 3000, '{"include": ["heads", "tails"], "tables": {"tails": {"columns": {"n": {"generator": "row"}}}}}', as_of => '2026-06-01') AS plan;
SELECT pollseed_seed_graph_async(plan, batch_size => 100) AS job FROM doomed \gset
SELECT is((SELECT concat_ws(' ', state, done <= 4499, last_sqlstate) FROM pollseed_job_wait(:job, '60 s')), 'failed t 23514', 'a job ends with a row that cannot be made');
TRUNCATE heads, tails;
SELECT pollseed_seed_graph_async(plan, batch_size => 100, workers => 3) AS job FROM doomed \gset
SELECT is((SELECT concat_ws(' ', state, done <= 4499, last_sqlstate) FROM pollseed_job_wait(:job, '60 s')), 'failed t 23514', 'so does a team');
SELECT is((SELECT (SELECT count(*) FROM heads) + (SELECT count(*) FROM tails)), (SELECT done FROM pollseed_jobs WHERE id = :job), 'what came before is there');

SELECT * FROM finish();
DROP SCHEMA jobs CASCADE;
