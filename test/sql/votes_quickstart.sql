-- From nothing to a seeded poll, as the manual shows it, and what a second run, a clearing and a recount do.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres';
CREATE SCHEMA votes_quickstart;
SET search_path = votes_quickstart, public;

SELECT * FROM pollseed_create_poll_tables();
SELECT (pollseed_seed).votes_seeded FROM (SELECT pollseed_seed(10000,'realistic')) AS seeded;
SELECT text, votes FROM options ORDER BY id;
SELECT event_type, count(*), count(DISTINCT option_id) AS options FROM vote_events GROUP BY event_type;

-- A seeding that can be repeated
SELECT * FROM pollseed_clear_seed_data();
SELECT votes_seeded, options_updated, batches, seed, ends_at, lane
  FROM pollseed_seed(20, 'random', '2 hours', 'bursty', seed => 7, ends_at => '2025-06-15 18:00+00', batch_size => 8);
SELECT option_id, language, votes_after, event_type, inserted_at FROM vote_events ORDER BY inserted_at, id;

-- The same without a table, and in part
SELECT * FROM pollseed_generate_votes(20, 'random', '2 hours', 'bursty', 7, '2025-06-15 18:00+00', first_vote => 18);

-- What a seeding would do
SELECT * FROM pollseed_vote_shares(1000, 'zipf') WHERE votes > 50;
SELECT * FROM pollseed_vote_shares(10, weights => '{"Python": 3, "Go": 1}') WHERE votes > 0;

-- People vote, and the seeded votes go
WITH counted AS (UPDATE options SET votes = votes + 1 WHERE text = 'Elixir' RETURNING id, text, votes)
INSERT INTO vote_events (option_id, language, votes_after, event_type) SELECT id, text, votes, 'vote' FROM counted;
SELECT * FROM pollseed_clear_seed_data();
SELECT text, votes FROM options WHERE votes > 0;
UPDATE options SET votes = 99 WHERE text = 'Python';
SELECT * FROM pollseed_recount_votes();

-- The ledger
SELECT engine, relation, rows_written, generator_version, lane, cleared_at IS NOT NULL AS cleared,
       arguments - 'ends_at' AS arguments
  FROM pollseed_runs WHERE relation LIKE 'votes_quickstart.%' ORDER BY run_id;

SELECT pollseed_drop_poll_tables();
DROP SCHEMA votes_quickstart;
