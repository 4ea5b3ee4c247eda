-- Votes into tables of another server: postgres_fdw on loopback.  The SPI lane writes them.
\set VERBOSITY terse
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA away;
CREATE SCHEMA far;
CREATE TABLE away.options (id bigint PRIMARY KEY, text text, votes bigint NOT NULL DEFAULT 0);
INSERT INTO away.options VALUES (1, 'Python', 0), (2, 'Go', 10);
CREATE TABLE away.vote_events (id bigserial, option_id bigint REFERENCES away.options, language text, votes_after bigint,
    event_type text, inserted_at timestamptz, CONSTRAINT few CHECK (votes_after < 200));
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, host %L, port %L)',
                   current_database(), split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'));
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user %L)', current_user);
END $$;
SET search_path = far, public;
IMPORT FOREIGN SCHEMA away LIMIT TO (options, vote_events) FROM SERVER loopback INTO far;
ALTER FOREIGN TABLE vote_events DROP COLUMN id;
ALTER FOREIGN TABLE vote_events OPTIONS (ADD batch_size '50');

-- Options there, events there.
SELECT votes_seeded, options_updated, batches, seed, ends_at, lane
  FROM pollseed_seed(100, 'even', seed => 1, ends_at => '2026-01-22', batch_size => 30);
SELECT id, votes FROM away.options ORDER BY id;
SELECT option_id, language, event_type, count(*), min(votes_after), max(votes_after), min(inserted_at) >= '2026-01-21' AS after,
       max(inserted_at) < '2026-01-22' AS before
  FROM away.vote_events GROUP BY 1, 2, 3 ORDER BY 1;

-- What its server refuses fails here, and nothing stays behind.
SELECT pollseed_seed(1000, 'even', seed => 1, ends_at => '2026-01-22');
SELECT (SELECT sum(votes) FROM away.options) AS votes, (SELECT count(*) FROM away.vote_events) AS events,
       (SELECT count(*) FROM pollseed_runs WHERE relation = 'far.vote_events') AS runs;

-- It cannot be written directly.
\set VERBOSITY default
SET pollseed.write_lane = 'direct';
SELECT pollseed_seed(10, seed => 1, ends_at => '2026-01-22');
\set VERBOSITY terse
RESET pollseed.write_lane;

-- Counting and clearing work there too.
UPDATE away.options SET votes = 3;
SELECT pollseed_recount_votes();
SELECT id, votes FROM away.options ORDER BY id;
SELECT * FROM pollseed_clear_seed_data();
SELECT (SELECT sum(votes) FROM away.options) AS votes, (SELECT count(*) FROM away.vote_events) AS events;

-- Options here, events there.
SELECT votes_seeded, options_updated, lane
  FROM pollseed_seed(20, seed => 1, ends_at => '2026-01-22', options => 'away.options', events => 'far.vote_events');
SELECT (SELECT sum(votes) FROM away.options) AS votes, (SELECT count(*) FROM away.vote_events) AS events;

DROP SCHEMA far, away CASCADE;
DROP EXTENSION postgres_fdw CASCADE;
