-- What people read when their input is wrong: every message with its hint.  (SQLSTATEs: test/pgtap/votes_refused*.sql.)
\set VERBOSITY default
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE SCHEMA votes_errors;
SET search_path = votes_errors, public;

-- No tables
SELECT pollseed_seed(10);
SELECT pollseed_clear_seed_data();
SELECT pollseed_recount_votes();
SELECT * FROM pollseed_vote_shares(10);
SELECT pollseed_create_poll_tables(NULL);
SELECT pollseed_create_poll_tables('{a,NULL}');
SELECT * FROM pollseed_create_poll_tables();
ALTER TABLE vote_events RENAME TO elsewhere;
SELECT pollseed_seed(10);
ALTER TABLE elsewhere RENAME TO vote_events;

-- Arguments
SELECT pollseed_seed(-1);
SELECT pollseed_seed(10000000001);
SELECT pollseed_seed(10, 'normal');
SELECT pollseed_seed(10, arrival => 'poisson');
SELECT pollseed_seed(10, batch_size => 0);
SELECT pollseed_seed(10, batch_size => 100001);
SELECT pollseed_seed(10, time_range => '0');
SELECT pollseed_seed(10, time_range => '-1 hour');
SELECT pollseed_seed(10, time_range => '2000 years');
SELECT pollseed_seed(10, ends_at => 'infinity');
SELECT pollseed_vote_shares(NULL);
SELECT pollseed_generate_votes(NULL);
SELECT pollseed_generate_votes(10, first_vote => 0);
SELECT pollseed_generate_votes(10, last_vote => 11);
SELECT pollseed_generate_votes(10, labels => '{}');
SELECT pollseed_generate_votes(10, labels => '{a,NULL}');

-- Weights
SELECT pollseed_seed(10, weights => '{"Python": -1}');
SELECT pollseed_seed(10, weights => '{"Python": "many"}');
SELECT pollseed_seed(10, weights => '{"Python": 0}');
SELECT pollseed_seed(10, weights => '{"python": 1}');
SELECT pollseed_seed(10, weights => '["Python"]');

-- Columns
SELECT pollseed_seed(10, columns => '["language"]');
SELECT pollseed_seed(10, columns => '{"choice": "option_id"}');
SELECT pollseed_seed(10, columns => '{"language": 1}');
SELECT pollseed_seed(10, columns => '{"option_id": null}');
SELECT pollseed_seed(10, columns => '{"option_id": "choice_id"}');
SELECT pollseed_seed(10, columns => '{"language": "ctid"}');
SELECT pollseed_seed(10, columns => '{"language": "event_type"}');
SELECT pollseed_seed(10, columns => '{"votes": "text"}');
SELECT pollseed_seed(10, columns => '{"inserted_at": "language"}');
SELECT pollseed_recount_votes(columns => '{"votes": null}');
SELECT pollseed_clear_seed_data(columns => '{"event_type": null}');
ALTER TABLE vote_events RENAME COLUMN option_id TO choice_id;
SELECT pollseed_seed(10);
ALTER TABLE vote_events RENAME COLUMN choice_id TO option_id;
CREATE TABLE uuid_events (option_id uuid, inserted_at timestamp);
SELECT pollseed_seed(10, events => 'uuid_events');
CREATE TABLE generated_events (option_id bigint, inserted_at timestamp, votes_after int GENERATED ALWAYS AS (1) STORED);
SELECT pollseed_seed(10, events => 'generated_events');

-- Tables
CREATE TABLE empty_options (id int, text text);
SELECT pollseed_seed(10, options => 'empty_options');
INSERT INTO empty_options VALUES (NULL, 'a');
SELECT pollseed_seed(10, options => 'empty_options');
SELECT pollseed_seed(10, options => 'options_pkey');
SELECT pollseed_seed(10, events => 'vote_events_id_seq');
SELECT pollseed_seed(10, options => 999999999);
CREATE TABLE small_options (id int, text text, votes smallint);
INSERT INTO small_options VALUES (1, 'Python', 32760);
SELECT pollseed_seed(10, options => 'small_options');
SELECT pollseed_seed(3000000000, weights => '{"Go": 1}');
CREATE TABLE uncounted_options (id int, text text);
INSERT INTO uncounted_options VALUES (1, 'Python');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pollseed_seed(10, options => 'uncounted_options');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT votes_seeded FROM pollseed_seed(10, options => 'uncounted_options');
ROLLBACK;

-- Rights
CREATE ROLE regress_pollseed_errors;
GRANT USAGE ON SCHEMA votes_errors TO regress_pollseed_errors;
SET ROLE regress_pollseed_errors;
SELECT pollseed_seed(10);
SELECT pollseed_create_poll_tables('{Zig}');
SELECT pollseed_drop_poll_tables();
RESET ROLE;
GRANT SELECT, UPDATE ON options TO regress_pollseed_errors;
SET ROLE regress_pollseed_errors;
SELECT pollseed_seed(10);
SELECT * FROM pollseed.runs;
RESET ROLE;
BEGIN READ ONLY;
SELECT pollseed_seed(10);
ROLLBACK;
BEGIN READ ONLY;
SELECT pollseed_clear_seed_data();
ROLLBACK;
BEGIN READ ONLY;
SELECT pollseed_recount_votes();
ROLLBACK;
BEGIN READ ONLY;
SELECT pollseed_create_poll_tables();
ROLLBACK;

-- The lane
SET pollseed.write_lane = 'fast';
SET pollseed.unknown = 'x';
CREATE VIEW events_view AS SELECT * FROM vote_events;
SET pollseed.write_lane = 'direct';
SELECT pollseed_seed(10, events => 'events_view');
RESET pollseed.write_lane;

-- Nothing was written
SELECT (SELECT count(*) FROM vote_events) AS events, (SELECT sum(votes) FROM options) AS votes, (SELECT is_called FROM vote_events_id_seq) AS tried,
       (SELECT count(*) FROM pollseed_runs WHERE relation LIKE 'votes_errors.%') AS runs;

-- Rows that do not arrive are not passed over in silence
CREATE FUNCTION discard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE lossy_events (LIKE vote_events INCLUDING ALL);
CREATE TRIGGER discard BEFORE INSERT ON lossy_events FOR EACH ROW WHEN (NEW.option_id = 1) EXECUTE FUNCTION discard();
SELECT votes_seeded, lane FROM pollseed_seed(30, 'even', seed => 1, ends_at => '2025-06-15Z', events => 'lossy_events');
UPDATE options SET votes = 0;
CREATE TABLE stubborn_options (LIKE options INCLUDING ALL);
INSERT INTO stubborn_options (text) VALUES ('Python'), ('Go');
CREATE TRIGGER discard BEFORE UPDATE ON stubborn_options FOR EACH ROW WHEN (NEW.text = 'Go') EXECUTE FUNCTION discard();
CREATE TABLE stubborn_events (LIKE vote_events INCLUDING ALL);
SELECT pollseed_seed(30, 'even', options => 'stubborn_options', events => 'stubborn_events');

-- Dropping
DROP TABLE lossy_events, stubborn_events, stubborn_options;
SELECT pollseed_drop_poll_tables();
DROP VIEW events_view;
COMMENT ON TABLE options IS NULL;
SELECT pollseed_drop_poll_tables();
SET search_path = nowhere;
SELECT public.pollseed_create_poll_tables();
SELECT public.pollseed_drop_poll_tables();
SET search_path = votes_errors, public;

DROP SCHEMA votes_errors CASCADE;
DROP ROLE regress_pollseed_errors;
