-- Metrics of movies, and the query whose rows are kept.  Values are whole numbers, so that sums of them are exact in whatever order.
-- Variables: movies.
SET client_min_messages = warning;
CREATE EXTENSION pollseed;
CREATE EXTENSION pg_ivm;
CREATE TABLE external_metrics (
  id bigserial PRIMARY KEY,
  movie_id bigint NOT NULL,
  value double precision NOT NULL);
SELECT setseed(0.2026) \g /dev/null
INSERT INTO external_metrics (movie_id, value)
  SELECT m, floor(random() * 1000000) FROM generate_series(1, :movies) AS m, generate_series(1, 5);
CREATE INDEX ON external_metrics (movie_id);
CREATE VIEW totals_query AS
  SELECT movie_id, count(*) AS metrics, sum(value) AS total FROM external_metrics GROUP BY movie_id;
VACUUM (FREEZE, ANALYZE);
