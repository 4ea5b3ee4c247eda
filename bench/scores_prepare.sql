-- The extension, tables of movies and what is known of them, the seed's score query over them as the view score_query, and what
-- keeps its rows: the score "scores" and the materialized view "scores_peer", each with a unique index on the key.
-- Qualities are whole numbers, so that their mean is the same to the last bit in whatever order they come.  Variables: movies.
SET client_min_messages = warning;
CREATE EXTENSION pollseed;
CREATE EXTENSION pg_prewarm;
SET max_parallel_workers_per_gather = 0;
SELECT setseed(0.2026) \g /dev/null

CREATE TABLE movies (
  id bigint PRIMARY KEY,
  title text NOT NULL,
  release_date date,
  import_status text NOT NULL,
  canonical_sources jsonb);
CREATE TABLE external_metrics (
  id bigserial PRIMARY KEY,
  movie_id bigint NOT NULL,
  source text NOT NULL,
  metric_type text NOT NULL,
  value double precision);
CREATE TABLE festival_nominations (
  id bigserial PRIMARY KEY,
  movie_id bigint NOT NULL,
  won boolean NOT NULL DEFAULT false);
CREATE TABLE movie_credits (
  id bigserial PRIMARY KEY,
  movie_id bigint NOT NULL,
  person_id bigint NOT NULL,
  quality double precision);

INSERT INTO movies
  SELECT g, 'Movie ' || g, date '1920-01-01' + (random() * 38000)::int,
         CASE WHEN random() < 0.95 THEN 'full' ELSE 'partial' END,
         CASE WHEN random() < 0.1 THEN '{"1001_movies": {"rank": 1}}'::jsonb ELSE '{}'::jsonb END
    FROM generate_series(1, :movies) AS g;
INSERT INTO external_metrics (movie_id, source, metric_type, value)
  SELECT m.id, s.source, s.metric_type,
         random() * CASE s.metric_type WHEN 'rating_average' THEN 10 WHEN 'metascore' THEN 100 WHEN 'tomatometer' THEN 100 ELSE 1000 END
    FROM movies AS m, (VALUES ('tmdb', 'rating_average'), ('imdb', 'rating_average'), ('metacritic', 'metascore'),
                              ('rotten_tomatoes', 'tomatometer'), ('tmdb', 'popularity'), ('imdb', 'rating_votes')) AS s (source, metric_type)
   WHERE random() < 0.85
   ORDER BY m.id;
INSERT INTO festival_nominations (movie_id, won)
  SELECT 1 + (random() * (:movies - 1))::int, random() < 0.3 FROM generate_series(1, :movies * 6 / 10);
INSERT INTO movie_credits (movie_id, person_id, quality)
  SELECT 1 + (random() * (:movies - 1))::int, (random() * (:movies / 2))::int, floor(random() * 100) FROM generate_series(1, :movies * 5);

ALTER TABLE external_metrics ADD FOREIGN KEY (movie_id) REFERENCES movies (id);
ALTER TABLE festival_nominations ADD FOREIGN KEY (movie_id) REFERENCES movies (id);
ALTER TABLE movie_credits ADD FOREIGN KEY (movie_id) REFERENCES movies (id);
CREATE UNIQUE INDEX ON external_metrics (movie_id, source, metric_type);
CREATE INDEX ON festival_nominations (movie_id, won);
CREATE INDEX ON movie_credits (movie_id);
VACUUM (FREEZE, ANALYZE);
RESET max_parallel_workers_per_gather;

CREATE VIEW score_query AS
  SELECT m.id, m.title, m.release_date,
         coalesce(t.value, 0) / 10 * 0.5 + coalesce(i.value, 0) / 10 * 0.5 AS popular_opinion,
         coalesce(mc.value, 0) / 100 * 0.5 + coalesce(rt.value, 0) / 100 * 0.5 AS critical_acclaim,
         least(1.0, coalesce(f.wins, 0) * 0.2 + coalesce(f.noms, 0) * 0.05) AS industry_recognition,
         least(1.0, coalesce((SELECT count(*) FROM jsonb_each(coalesce(m.canonical_sources, '{}'::jsonb))), 0) * 0.1
               + CASE WHEN coalesce(p.value, 0) = 0 THEN 0 ELSE ln(p.value + 1) / ln(1001) END) AS cultural_impact,
         coalesce(pq.q, 0) / 100 AS people_quality
    FROM movies AS m
    LEFT JOIN external_metrics AS t ON t.movie_id = m.id AND t.source = 'tmdb' AND t.metric_type = 'rating_average'
    LEFT JOIN external_metrics AS i ON i.movie_id = m.id AND i.source = 'imdb' AND i.metric_type = 'rating_average'
    LEFT JOIN external_metrics AS mc ON mc.movie_id = m.id AND mc.source = 'metacritic' AND mc.metric_type = 'metascore'
    LEFT JOIN external_metrics AS rt ON rt.movie_id = m.id AND rt.source = 'rotten_tomatoes' AND rt.metric_type = 'tomatometer'
    LEFT JOIN external_metrics AS p ON p.movie_id = m.id AND p.source = 'tmdb' AND p.metric_type = 'popularity'
    LEFT JOIN (SELECT movie_id, count(*) FILTER (WHERE won) AS wins, count(*) AS noms FROM festival_nominations GROUP BY 1) AS f
      ON f.movie_id = m.id
    LEFT JOIN (SELECT movie_id, avg(quality) AS q FROM movie_credits GROUP BY 1) AS pq ON pq.movie_id = m.id
   WHERE m.import_status = 'full';

SELECT FROM pollseed_score_create('scores', 'score_query', 'id') \g /dev/null
CREATE MATERIALIZED VIEW scores_peer AS SELECT * FROM score_query;
CREATE UNIQUE INDEX ON scores_peer (id);
VACUUM (FREEZE, ANALYZE) scores, scores_peer;
