-- What pollseed_score_sources() finds under a view, and what it must not find.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT no_plan();

CREATE TABLE movies (id bigint PRIMARY KEY, title text NOT NULL, release_date date, import_status text NOT NULL, canonical_sources jsonb);
CREATE TABLE external_metrics (id bigserial PRIMARY KEY, movie_id bigint NOT NULL, source text NOT NULL, metric_type text NOT NULL, value double precision);
CREATE TABLE festival_nominations (id bigserial PRIMARY KEY, movie_id bigint NOT NULL, won boolean NOT NULL DEFAULT false);
CREATE TABLE people (id bigint PRIMARY KEY, name text, quality double precision);
CREATE TABLE movie_credits (id bigserial PRIMARY KEY, movie_id bigint NOT NULL, person_id bigint NOT NULL, job text);
CREATE INDEX ON external_metrics (movie_id, source, metric_type);
CREATE INDEX ON festival_nominations (movie_id) WHERE won;
CREATE INDEX ON movie_credits (person_id, movie_id);
CREATE TABLE small (id int, movie_id int, f4 real, f8 double precision, v varchar(20), t text, b char(5), n name, d date, ts timestamp, m money, k int[]);
CREATE TABLE "Odd ""table""" ("Weird ""col""" bigint, "a, b" int);
CREATE TABLE tree (id bigint, parent bigint);
CREATE TABLE parts (id bigint, movie_id bigint, value int) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE base (id bigint, movie_id bigint);
CREATE TABLE derived (more int) INHERITS (base);
CREATE UNLOGGED TABLE cache (movie_id bigint);
CREATE TEMP TABLE scratch (movie_id bigint);
CREATE MATERIALIZED VIEW counts AS SELECT movie_id, count(*) FROM movie_credits GROUP BY movie_id;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE far (movie_id bigint) SERVER nowhere;
CREATE SEQUENCE numbers;
CREATE TABLE guarded (movie_id bigint, secret text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE blind_names (name text COLLATE blind, t text);
CREATE VIEW plain_movies AS SELECT id AS movie, title FROM movies WHERE import_status = 'full';
CREATE VIEW credited AS SELECT p.movie, p.title, c.person_id FROM plain_movies AS p JOIN movie_credits AS c ON c.movie_id = p.movie;
CREATE VIEW limited AS SELECT id, title FROM movies ORDER BY title LIMIT 10;

-- What is found of a view: its tables, each with its key columns or with a ? where they are not found.
CREATE FUNCTION found(query text, key text DEFAULT 'id') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'CREATE VIEW asked AS ' || query;
    SELECT string_agg(concat(s.relation, ' ', COALESCE(array_to_string(s.key_columns, ','), '?')), '; ' ORDER BY s.relation::text COLLATE "C", s.key_columns::text)
      INTO result FROM pollseed_score_sources('asked', key) AS s;
    DROP VIEW asked;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

CREATE TABLE cases (place serial, about text, query text, expected text, key text DEFAULT 'id');
INSERT INTO cases (about, query, expected) VALUES
-- Joins
('one table', 'SELECT id, title FROM movies', 'movies id'),
('a key under another name', 'SELECT title, movie_id AS id FROM movies, external_metrics AS e WHERE e.movie_id = movies.id', 'external_metrics movie_id; movies id'),
('an inner join', 'SELECT m.id, c.job FROM movies AS m JOIN movie_credits AS c ON c.movie_id = m.id', 'movie_credits movie_id; movies id'),
('an inner join the other way round', 'SELECT c.movie_id AS id FROM movies AS m JOIN movie_credits AS c ON m.id = c.movie_id', 'movie_credits movie_id; movies id'),
('a condition in WHERE', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE c.movie_id = m.id AND c.job = $$cast$$', 'movie_credits movie_id; movies id'),
('a cross join', 'SELECT m.id FROM movies AS m, movie_credits AS c', 'movie_credits ?; movies id'),
('an OR', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE c.movie_id = m.id OR c.job IS NULL', 'movie_credits ?; movies id'),
('a NOT', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE NOT c.movie_id = m.id', 'movie_credits ?; movies id'),
('another operator', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE c.movie_id >= m.id', 'movie_credits ?; movies id'),
('IS NOT DISTINCT FROM', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE c.movie_id IS NOT DISTINCT FROM m.id', 'movie_credits ?; movies id'),
('an expression', 'SELECT m.id FROM movies AS m, movie_credits AS c WHERE c.movie_id = m.id + 0', 'movie_credits ?; movies id'),
('a computed key', 'SELECT id + 0 AS id FROM movies', 'movies ?'),
('a chain of equalities', 'SELECT m.id FROM movies AS m JOIN movie_credits AS c ON c.movie_id = m.id JOIN external_metrics AS e ON e.movie_id = c.movie_id', 'external_metrics movie_id; movie_credits movie_id; movies id'),
('a left join', 'SELECT m.id FROM movies AS m LEFT JOIN movie_credits AS c ON c.movie_id = m.id', 'movie_credits movie_id; movies id'),
('a left join whose other side has the key', 'SELECT c.movie_id AS id FROM movies AS m LEFT JOIN movie_credits AS c ON c.movie_id = m.id', 'movie_credits movie_id; movies ?'),
('a left join on a constant too', 'SELECT m.id FROM movies AS m LEFT JOIN movie_credits AS c ON c.movie_id = m.id AND c.job = $$cast$$', 'movie_credits movie_id; movies id'),
('a left join with OR', 'SELECT m.id FROM movies AS m LEFT JOIN movie_credits AS c ON c.movie_id = m.id OR c.job = $$cast$$', 'movie_credits ?; movies id'),
('a right join', 'SELECT m.id FROM movie_credits AS c RIGHT JOIN movies AS m ON c.movie_id = m.id', 'movie_credits movie_id; movies id'),
('a right join whose other side has the key', 'SELECT c.movie_id AS id FROM movie_credits AS c RIGHT JOIN movies AS m ON c.movie_id = m.id', 'movie_credits movie_id; movies ?'),
('left joins in a row', 'SELECT m.id FROM movies AS m LEFT JOIN movie_credits AS c ON c.movie_id = m.id LEFT JOIN external_metrics AS e ON e.movie_id = c.movie_id', 'external_metrics movie_id; movie_credits movie_id; movies id'),
('a left join of an inner join', 'SELECT m.id FROM movies AS m LEFT JOIN (movie_credits AS c JOIN festival_nominations AS f ON f.movie_id = c.movie_id) ON c.movie_id = m.id', 'festival_nominations movie_id; movie_credits movie_id; movies id'),
('a left join of a left join', 'SELECT m.id FROM movies AS m LEFT JOIN (movie_credits AS c LEFT JOIN festival_nominations AS f ON f.movie_id = c.movie_id) ON f.movie_id = m.id', 'festival_nominations movie_id; movie_credits ?; movies id'),
('a full join', 'SELECT m.id FROM movies AS m FULL JOIN movie_credits AS c ON c.movie_id = m.id', 'movie_credits ?; movies id'),
('USING', 'SELECT movie_id AS id FROM movie_credits JOIN external_metrics USING (movie_id)', 'external_metrics movie_id; movie_credits movie_id'),
('LEFT JOIN USING', 'SELECT movie_id AS id FROM movie_credits LEFT JOIN external_metrics USING (movie_id)', 'external_metrics movie_id; movie_credits movie_id'),
('RIGHT JOIN USING', 'SELECT movie_id AS id FROM movie_credits RIGHT JOIN external_metrics USING (movie_id)', 'external_metrics movie_id; movie_credits movie_id'),
('FULL JOIN USING', 'SELECT movie_id AS id FROM movie_credits FULL JOIN external_metrics USING (movie_id)', 'external_metrics ?; movie_credits ?'),
('NATURAL JOIN', 'SELECT f.movie_id AS id FROM (SELECT movie_id FROM movie_credits) AS c NATURAL JOIN festival_nominations AS f', 'festival_nominations movie_id; movie_credits movie_id'),
('a join with an alias', 'SELECT j.id FROM (movies AS m JOIN movie_credits AS c (credit, movie) ON c.movie = m.id) AS j', 'movie_credits movie_id; movies id'),
('a self join by the same key', 'SELECT a.movie_id AS id FROM movie_credits AS a JOIN movie_credits AS b ON a.movie_id = b.movie_id', 'movie_credits movie_id'),
('a self join by another key', 'SELECT a.id FROM tree AS a LEFT JOIN tree AS b ON b.parent = a.id', 'tree id; tree parent'),
('a self join that ties only one', 'SELECT a.id FROM tree AS a LEFT JOIN tree AS b ON b.parent <> a.id', 'tree id; tree ?'),
('a row comparison', 'SELECT m.id FROM movies AS m JOIN people AS p ON (m.id, m.title) = (p.id, p.name)', 'movies id; people id'),
-- Types
('integers of two sizes', 'SELECT m.id FROM movies AS m JOIN small AS s ON s.movie_id = m.id', 'movies id; small movie_id'),
('an integer that is cast', 'SELECT m.id FROM movies AS m JOIN small AS s ON s.movie_id::bigint = m.id', 'movies id; small ?'),
('floats of two sizes', 'SELECT s.f8 AS id FROM small AS s JOIN small AS r ON r.f4 = s.f8', 'small f8; small ?'),
('varchar and text', 'SELECT s.v AS id FROM small AS s JOIN people AS p ON p.name = s.v', 'people name; small v'),
('char and text', 'SELECT s.b AS id FROM small AS s JOIN people AS p ON p.name = s.b', 'people ?; small b'),
('name and text', 'SELECT s.n AS id FROM small AS s JOIN people AS p ON p.name = s.n', 'people ?; small n'),
('a date and a timestamp', 'SELECT s.d AS id FROM small AS s JOIN small AS r ON r.ts = s.d', 'small d; small ?'),
('money, whose text has no fixed form', 'SELECT s.m AS id FROM small AS s', 'small ?'),
('arrays', 'SELECT s.k AS id FROM small AS s JOIN small AS r ON r.k = s.k', 'small k'),
('a collation that is blind', 'SELECT n.t AS id FROM blind_names AS n JOIN people AS p ON p.name = n.t COLLATE blind', 'blind_names t; people ?'),
('a collation that is blind, without COLLATE', 'SELECT n.name AS id FROM blind_names AS n JOIN blind_names AS o ON o.name = n.name', 'blind_names name; blind_names ?'),
-- Subqueries in FROM
('a grouped subquery', 'SELECT m.id, f.n FROM movies AS m LEFT JOIN (SELECT movie_id, count(*) AS n FROM festival_nominations GROUP BY movie_id) AS f ON f.movie_id = m.id', 'festival_nominations movie_id; movies id'),
('a subquery grouped by more', 'SELECT m.id, f.n FROM movies AS m LEFT JOIN (SELECT won, movie_id, count(*) AS n FROM festival_nominations GROUP BY 1, 2) AS f ON f.movie_id = m.id', 'festival_nominations movie_id; movies id'),
('a subquery grouped by something else', 'SELECT m.id, f.n FROM movies AS m LEFT JOIN (SELECT max(movie_id) AS movie_id, count(*) AS n FROM festival_nominations GROUP BY won) AS f ON f.movie_id = m.id', 'festival_nominations ?; movies id'),
('a subquery grouped by a column that the key depends on', 'SELECT q.title AS id FROM (SELECT m.title, count(*) FROM movies AS m, tree GROUP BY m.id) AS q', 'movies ?; tree ?'),
('GROUPING SETS', 'SELECT movie_id AS id, count(*) FROM festival_nominations GROUP BY GROUPING SETS ((movie_id), ())', 'festival_nominations ?'),
('ROLLUP', 'SELECT movie_id AS id, won, count(*) FROM festival_nominations GROUP BY ROLLUP (movie_id, won)', 'festival_nominations ?'),
('HAVING', 'SELECT movie_id AS id FROM festival_nominations GROUP BY movie_id HAVING count(*) > 1', 'festival_nominations movie_id'),
('one group of all rows', 'SELECT max(id) AS id FROM movies', 'movies ?'),
('a group by the same column twice', 'SELECT movie_id AS id, movie_id AS again, count(*) FROM festival_nominations GROUP BY movie_id', 'festival_nominations movie_id'),
('aggregates over aggregates', 'SELECT m.id, sum(f.n) FROM movies AS m LEFT JOIN (SELECT movie_id, won, count(*) AS n FROM festival_nominations GROUP BY 1, 2) AS f ON f.movie_id = m.id GROUP BY m.id', 'festival_nominations movie_id; movies id'),
('a subquery with LIMIT', 'SELECT q.id FROM (SELECT id FROM movies ORDER BY title LIMIT 5) AS q', 'movies ?'),
('a subquery with OFFSET 0', 'SELECT q.id FROM (SELECT id FROM movies OFFSET 0) AS q', 'movies ?'),
('LIMIT itself', 'SELECT id FROM movies ORDER BY title LIMIT 5', 'movies ?'),
('FETCH FIRST', 'SELECT id FROM movies ORDER BY title FETCH FIRST 5 ROWS WITH TIES', 'movies ?'),
('a window per key', 'SELECT movie_id AS id, row_number() OVER (PARTITION BY movie_id ORDER BY id) FROM movie_credits', 'movie_credits movie_id'),
('a window over all', 'SELECT id, rank() OVER (ORDER BY release_date) FROM movies', 'movies ?'),
('a window per key and one over all', 'SELECT movie_id AS id, count(*) OVER (PARTITION BY movie_id), sum(id) OVER () FROM movie_credits', 'movie_credits ?'),
('a window per something else', 'SELECT movie_id AS id, count(*) OVER w FROM movie_credits WINDOW w AS (PARTITION BY person_id)', 'movie_credits ?'),
('the first row of a window per key', 'SELECT q.movie_id AS id FROM (SELECT movie_id, row_number() OVER (PARTITION BY job, movie_id) AS n FROM movie_credits) AS q WHERE q.n = 1', 'movie_credits movie_id'),
('DISTINCT', 'SELECT DISTINCT movie_id AS id FROM movie_credits', 'movie_credits movie_id'),
('DISTINCT ON the key', 'SELECT DISTINCT ON (movie_id) movie_id AS id, job FROM movie_credits ORDER BY movie_id, job', 'movie_credits movie_id'),
('DISTINCT ON something else', 'SELECT DISTINCT ON (person_id) movie_id AS id FROM movie_credits ORDER BY person_id, job', 'movie_credits ?'),
('DISTINCT ON more than the key', 'SELECT DISTINCT ON (person_id, movie_id) movie_id AS id FROM movie_credits', 'movie_credits movie_id'),
('a constant in a subquery', 'SELECT m.id FROM movies AS m JOIN (SELECT 1::bigint AS one, movie_id FROM movie_credits) AS q ON q.one = m.id', 'movie_credits ?; movies id'),
('a set-returning function', 'SELECT id, jsonb_object_keys(canonical_sources) AS source FROM movies', 'movies id'),
('functions and VALUES in FROM', 'SELECT m.id FROM movies AS m, generate_series(1, 2) AS g, (VALUES (1), (2)) AS v (n) WHERE v.n = g', 'movies id'),
('UNION ALL', 'SELECT id FROM movies UNION ALL SELECT movie_id FROM movie_credits', 'movie_credits movie_id; movies id'),
('UNION of other columns', 'SELECT id, title FROM movies UNION SELECT movie_id, job FROM movie_credits', 'movie_credits movie_id; movies id'),
('UNION of unlike types', 'SELECT f4 AS id FROM small UNION SELECT f8 FROM small', 'small f8; small ?'),
('INTERSECT and EXCEPT', '(SELECT id FROM movies INTERSECT SELECT movie_id FROM movie_credits) EXCEPT SELECT movie_id FROM festival_nominations', 'festival_nominations movie_id; movie_credits movie_id; movies id'),
('UNION with a branch that is limited', 'SELECT id FROM movies UNION ALL (SELECT movie_id FROM movie_credits LIMIT 3)', 'movie_credits ?; movies id'),
('UNION that is limited', 'SELECT id FROM movies UNION ALL SELECT movie_id FROM movie_credits ORDER BY 1 LIMIT 3', 'movie_credits ?; movies ?'),
('UNION with a constant', 'SELECT id FROM movies UNION ALL SELECT 0 FROM movie_credits', 'movie_credits ?; movies id'),
-- CTEs and views
('a CTE', 'WITH c AS (SELECT movie_id, count(*) AS n FROM movie_credits GROUP BY movie_id) SELECT m.id, c.n FROM movies AS m LEFT JOIN c ON c.movie_id = m.id', 'movie_credits movie_id; movies id'),
('a materialized CTE', 'WITH c AS MATERIALIZED (SELECT movie_id FROM movie_credits) SELECT m.id FROM movies AS m JOIN c ON c.movie_id = m.id', 'movie_credits movie_id; movies id'),
('a CTE that is read twice, once without the key', 'WITH c AS (SELECT movie_id FROM movie_credits) SELECT m.id, (SELECT count(*) FROM c AS d) FROM movies AS m JOIN c ON c.movie_id = m.id', 'movie_credits movie_id; movie_credits ?; movies id'),
('a CTE that is not read', 'WITH c AS (SELECT movie_id FROM movie_credits) SELECT id FROM movies', 'movies id'),
('a CTE of a CTE', 'WITH c AS (SELECT movie_id FROM movie_credits), d AS (SELECT movie_id FROM c) SELECT movie_id AS id FROM d', 'movie_credits movie_id'),
('a recursive CTE', 'WITH RECURSIVE r AS (SELECT id, parent FROM tree UNION ALL SELECT r.id, t.parent FROM r JOIN tree AS t ON t.id = r.parent) SELECT m.id, r.parent FROM movies AS m JOIN r ON r.id = m.id', 'movies id; tree ?'),
('a recursive CTE from a row of the key', 'SELECT m.id, (WITH RECURSIVE r AS (SELECT t.id, t.parent FROM tree AS t WHERE t.id = m.id UNION ALL SELECT u.id, u.parent FROM r JOIN tree AS u ON u.id = r.parent) SELECT count(*) FROM r) FROM movies AS m', 'movies id; tree id; tree ?'),
('a CTE that RECURSIVE does not make recursive', 'WITH RECURSIVE r AS (SELECT movie_id FROM movie_credits) SELECT movie_id AS id FROM r', 'movie_credits movie_id'),
('a view', 'SELECT movie AS id FROM plain_movies', 'movies id'),
('a view of a view', 'SELECT movie AS id FROM credited', 'movie_credits movie_id; movies id'),
('a view beside a table', 'SELECT e.movie_id AS id FROM external_metrics AS e LEFT JOIN credited AS c ON c.movie = e.movie_id', 'external_metrics movie_id; movie_credits movie_id; movies id'),
('a view with LIMIT', 'SELECT c.movie_id AS id FROM movie_credits AS c JOIN limited AS l ON l.id = c.movie_id', 'movie_credits movie_id; movies ?'),
-- LATERAL and subqueries in expressions
('LATERAL', 'SELECT m.id, q.n FROM movies AS m, LATERAL (SELECT count(*) AS n FROM movie_credits AS c WHERE c.movie_id = m.id) AS q', 'movie_credits movie_id; movies id'),
('LATERAL with LIMIT', 'SELECT m.id, q.job FROM movies AS m LEFT JOIN LATERAL (SELECT c.job FROM movie_credits AS c WHERE c.movie_id = m.id ORDER BY c.id LIMIT 1) AS q ON true', 'movie_credits movie_id; movies id'),
('LATERAL that is not tied to the key', 'SELECT m.id, q.n FROM movies AS m, LATERAL (SELECT count(*) AS n FROM people AS p WHERE p.name = m.title) AS q', 'movies id; people ?'),
('LATERAL in LATERAL', 'SELECT m.id FROM movies AS m, LATERAL (SELECT n.x FROM movie_credits AS c, LATERAL (SELECT count(*) AS x FROM external_metrics AS e WHERE e.movie_id = m.id) AS n WHERE c.movie_id = m.id) AS q', 'external_metrics movie_id; movie_credits movie_id; movies id'),
('a subquery as a column', 'SELECT m.id, (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id) FROM movies AS m', 'movie_credits movie_id; movies id'),
('an ARRAY', 'SELECT m.id, ARRAY(SELECT c.job FROM movie_credits AS c WHERE m.id = c.movie_id ORDER BY 1 LIMIT 3) FROM movies AS m', 'movie_credits movie_id; movies id'),
('a subquery that is not correlated', 'SELECT m.id, (SELECT count(*) FROM movie_credits) FROM movies AS m', 'movie_credits ?; movies id'),
('a subquery of a grouped query', 'SELECT c.movie_id AS id, count(*), (SELECT title FROM movies AS m WHERE m.id = c.movie_id) FROM movie_credits AS c GROUP BY c.movie_id', 'movie_credits movie_id; movies id'),
('EXISTS', 'SELECT m.id FROM movies AS m WHERE EXISTS (SELECT FROM movie_credits AS c WHERE c.movie_id = m.id)', 'movie_credits movie_id; movies id'),
('NOT EXISTS', 'SELECT m.id FROM movies AS m WHERE NOT EXISTS (SELECT FROM movie_credits AS c WHERE c.movie_id = m.id) OR m.title = $$x$$', 'movie_credits movie_id; movies id'),
('EXISTS of something else', 'SELECT m.id FROM movies AS m WHERE EXISTS (SELECT FROM people AS p WHERE p.name = m.title)', 'movies id; people ?'),
('EXISTS with OR', 'SELECT m.id FROM movies AS m WHERE EXISTS (SELECT FROM movie_credits AS c WHERE c.movie_id = m.id OR c.job IS NULL)', 'movie_credits ?; movies id'),
('EXISTS in the condition of a left join', 'SELECT m.id FROM movies AS m LEFT JOIN people AS p ON p.id = m.id AND EXISTS (SELECT FROM movie_credits AS c WHERE c.movie_id = p.id)', 'movie_credits movie_id; movies id; people id'),
('IN', 'SELECT m.id FROM movies AS m WHERE m.id IN (SELECT movie_id FROM movie_credits)', 'movie_credits movie_id; movies id'),
('IN of two columns', 'SELECT m.id FROM movies AS m WHERE (m.title, m.id) IN (SELECT job, movie_id FROM movie_credits)', 'movie_credits movie_id; movies id'),
('IN under OR', 'SELECT m.id FROM movies AS m WHERE m.id IN (SELECT movie_id FROM movie_credits) OR m.title = $$x$$', 'movie_credits ?; movies id'),
('IN as a column', 'SELECT m.id, m.id IN (SELECT movie_id FROM movie_credits) FROM movies AS m', 'movie_credits ?; movies id'),
('IN with LIMIT', 'SELECT m.id FROM movies AS m WHERE m.id IN (SELECT movie_id FROM movie_credits LIMIT 10)', 'movie_credits ?; movies id'),
('IN of groups', 'SELECT m.id FROM movies AS m WHERE m.id IN (SELECT movie_id FROM movie_credits GROUP BY movie_id HAVING count(*) > 2)', 'movie_credits movie_id; movies id'),
('IN of another column', 'SELECT m.id FROM movies AS m WHERE m.title IN (SELECT name FROM people)', 'movies id; people ?'),
('IN that is correlated', 'SELECT m.id FROM movies AS m WHERE m.title IN (SELECT c.job FROM movie_credits AS c WHERE c.movie_id = m.id)', 'movie_credits movie_id; movies id'),
('NOT IN', 'SELECT m.id FROM movies AS m WHERE m.id NOT IN (SELECT movie_id FROM movie_credits)', 'movie_credits ?; movies id'),
('<> ALL', 'SELECT m.id FROM movies AS m WHERE m.id <> ALL (SELECT movie_id FROM movie_credits)', 'movie_credits ?; movies id'),
('= ANY of an ARRAY', 'SELECT m.id FROM movies AS m WHERE m.id = ANY (ARRAY(SELECT movie_id FROM movie_credits))', 'movie_credits ?; movies id'),
('a subquery in LIMIT', 'SELECT id FROM movies LIMIT (SELECT count(*) FROM people)', 'movies ?; people ?'),
('a subquery in ORDER BY', 'SELECT m.id FROM movies AS m ORDER BY (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id)', 'movie_credits movie_id; movies id'),
('a subquery in GROUP BY', 'SELECT m.id, (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id) AS n FROM movies AS m GROUP BY m.id, (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id)', 'movie_credits movie_id; movies id'),
('a subquery in the arguments of a function in FROM', 'SELECT m.id, g FROM movies AS m, generate_series(1, (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id)) AS g', 'movie_credits movie_id; movies id'),
('a subquery in an aggregate', 'SELECT m.id, sum((SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id)) FROM movies AS m GROUP BY m.id', 'movie_credits movie_id; movies id'),
-- Relations
('a partitioned table', 'SELECT movie_id AS id, value FROM parts', 'parts movie_id'),
('a partition, whose rows come through the root', 'SELECT movie_id AS id, value FROM parts_1', 'parts movie_id'),
('a table that others inherit from', 'SELECT movie_id AS id FROM base', 'base movie_id'),
('ONLY', 'SELECT movie_id AS id FROM ONLY base', 'base movie_id'),
('a table that inherits', 'SELECT movie_id AS id FROM derived', 'derived ?'),
('an unlogged table', 'SELECT movie_id AS id FROM cache', 'cache ?'),
('a temporary table', 'SELECT movie_id AS id FROM scratch', 'scratch ?'),
('a materialized view', 'SELECT movie_id AS id FROM counts', 'counts ?'),
('a foreign table', 'SELECT movie_id AS id FROM far', 'far ?'),
('a sequence', 'SELECT m.id, s.last_value FROM movies AS m, numbers AS s', 'movies id; numbers ?'),
('a system catalog', 'SELECT oid AS id FROM pg_class', 'pg_class ?'),
('TABLESAMPLE', 'SELECT id FROM movies TABLESAMPLE bernoulli (10)', 'movies ?'),
('a system column as key', 'SELECT tableoid AS id FROM movies', 'movies ?'),
('odd names', 'SELECT "Weird ""col""" AS id FROM "Odd ""table"""', '"Odd ""table""" Weird "col"'),
('no table', 'SELECT 1 AS id', NULL);
INSERT INTO cases (about, query, expected, key) VALUES
('a composite key', 'SELECT movie_id, person_id, count(*) FROM movie_credits GROUP BY 1, 2', 'movie_credits movie_id,person_id', 'movie_id, person_id'),
('a composite key in its order', 'SELECT movie_id, person_id, count(*) FROM movie_credits GROUP BY 1, 2', 'movie_credits person_id,movie_id', 'person_id, movie_id'),
('a composite key over two tables', 'SELECT c.movie_id, c.person_id, m.title FROM movie_credits AS c JOIN movies AS m ON m.id = c.movie_id', 'movie_credits movie_id,person_id; movies ?', 'movie_id, person_id'),
('a composite key over three', 'SELECT c.movie_id, c.person_id FROM movie_credits AS c LEFT JOIN tree AS t ON t.parent = c.person_id AND t.id = c.movie_id', 'movie_credits movie_id,person_id; tree id,parent', 'movie_id, person_id'),
('a window per a part of the key', 'SELECT movie_id, person_id, count(*) OVER (PARTITION BY movie_id) FROM movie_credits', 'movie_credits ?', 'movie_id, person_id'),
('a key with an odd name', 'SELECT id AS "a, b" FROM movies', 'movies id', 'a, b'),
('a key with a quoted name', 'SELECT id AS "Id" FROM movies', 'movies id', '"Id"');
SELECT is(found(query, key), expected, about) FROM cases ORDER BY place;

-- The movie view
CREATE VIEW score_formula AS
    SELECT m.id, m.title, m.release_date, COALESCE(t.value, 0) / 10 * 0.5 + COALESCE(i.value, 0) / 10 * 0.5 AS popular_opinion,
           least(1.0, COALESCE(f.wins, 0) * 0.2 + COALESCE(f.noms, 0) * 0.05) AS industry_recognition,
           COALESCE((SELECT count(*) FROM jsonb_each(COALESCE(m.canonical_sources, '{}'))), 0) * 0.1 AS cultural_impact, COALESCE(q.q, 0) / 100 AS people_quality
      FROM movies AS m
      LEFT JOIN external_metrics AS t ON t.movie_id = m.id AND t.source = 'tmdb' AND t.metric_type = 'rating_average'
      LEFT JOIN external_metrics AS i ON i.movie_id = m.id AND i.source = 'imdb' AND i.metric_type = 'rating_average'
      LEFT JOIN (SELECT movie_id, count(*) FILTER (WHERE won) AS wins, count(*) AS noms FROM festival_nominations GROUP BY 1) AS f ON f.movie_id = m.id
      LEFT JOIN (SELECT c.movie_id, avg(p.quality) AS q FROM movie_credits AS c JOIN people AS p ON p.id = c.person_id GROUP BY 1) AS q ON q.movie_id = m.id
     WHERE m.import_status = 'full';
SELECT is((SELECT string_agg(concat_ws(' | ', relation, COALESCE(key_columns::text, '?'), columns, reason, index_ddl), E'\n' ORDER BY relation::text COLLATE "C")
             FROM pollseed_score_sources('score_formula', 'id')),
    concat_ws(E'\n',
        'external_metrics | {movie_id} | {movie_id,source,metric_type,value} | a row counts only for the key that is in its movie_id',
        'festival_nominations | {movie_id} | {movie_id,won} | a row counts only for the key that is in its movie_id | CREATE INDEX ON public.festival_nominations (movie_id)',
        'movie_credits | {movie_id} | {movie_id,person_id} | a row counts only for the key that is in its movie_id | CREATE INDEX ON public.movie_credits (movie_id)',
        'movies | {id} | {id,title,release_date,import_status,canonical_sources} | a row counts only for the key that is in its id',
        'people | ? | {id,quality} | its rows are joined by p.id = c.person_id, which is not the key'),
    'the movie view');

-- Columns that matter
CREATE FUNCTION matter(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'CREATE VIEW asked AS ' || query;
    SELECT string_agg(concat(s.relation, ' ', COALESCE(array_to_string(s.columns, ','), 'all')), '; ' ORDER BY s.relation::text COLLATE "C") INTO result FROM pollseed_score_sources('asked', 'id') AS s;
    DROP VIEW asked;
    RETURN result;
END $$;
SELECT is(matter('SELECT id, title FROM movies'), 'movies id,title', 'columns that are read matter');
SELECT is(matter('SELECT id FROM movies WHERE release_date IS NULL ORDER BY title'), 'movies id,title,release_date', 'and those of conditions and orders');
SELECT is(matter('SELECT id, m FROM movies AS m'), 'movies all', 'a whole row is all');
SELECT is(matter('SELECT id, ctid FROM movies AS m'), 'movies all', 'a system column as well');
SELECT is(matter('SELECT m.id, (SELECT count(*) FROM movie_credits AS c WHERE c.movie_id = m.id) FROM movies AS m'), 'movie_credits movie_id; movies id', 'what is counted matters by its key alone');
SELECT is(matter('SELECT a.movie_id AS id, a.job, b.person_id FROM movie_credits AS a JOIN movie_credits AS b USING (movie_id)'), 'movie_credits movie_id,job,person_id', 'occurrences of one key are merged');
SELECT is(matter('SELECT movie_id AS id, value FROM parts'), 'parts movie_id,value', 'of a partitioned table too');
SELECT is(matter('SELECT movie_id AS id, value FROM parts_1'), 'parts all', 'rows enter and leave a partition with any column');
SELECT is(matter('SELECT movie AS id FROM plain_movies'), 'movies id,title,import_status', 'a view within has what it reads');

-- Reasons
CREATE FUNCTION reasons(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'CREATE VIEW asked AS ' || query;
    SELECT string_agg(concat(s.relation, ': ', s.reason), '; ' ORDER BY s.relation::text COLLATE "C") INTO result FROM pollseed_score_sources('asked', 'id') AS s WHERE s.key_columns IS NULL;
    DROP VIEW asked;
    RETURN result;
END $$;
SELECT is(reasons('SELECT m.id FROM movies AS m, people AS p'), 'people: nothing that the view says ties its rows to the key', 'the reason of a cross join');
SELECT is(reasons('SELECT m.id FROM movies AS m, people AS p WHERE p.name = m.title'), 'people: its rows are joined by p.name = m.title, which is not the key', 'the reason of a join by something else');
SELECT is(reasons('SELECT id FROM movies LIMIT 1'), 'movies: LIMIT or OFFSET choose among the rows of all keys', 'the reason of LIMIT');
SELECT is(reasons('SELECT id, count(*) OVER () FROM movies'), 'movies: a window function looks at rows of several keys', 'the reason of a window');
SELECT is(reasons('SELECT DISTINCT ON (title) id FROM movies'), 'movies: DISTINCT ON chooses among the rows of several keys', 'the reason of DISTINCT ON');
SELECT is(reasons('SELECT id + 1 AS id FROM movies'), 'movies: the key is computed, not a column of a table', 'the reason of a computed key');
SELECT is(reasons('SELECT movie_id AS id FROM far'), 'far: changes of a foreign table cannot be captured', 'the reason of a foreign table');
SELECT is(reasons('SELECT movie_id AS id FROM derived'), 'derived: changes made through the table that it inherits from are not seen at it', 'the reason of a table that inherits');

-- Row-level security of the view's owner
CREATE ROLE pollseed_test_reader;
GRANT SELECT ON guarded TO pollseed_test_reader;
CREATE VIEW guarded_view AS SELECT movie_id AS id FROM guarded;
SELECT is((SELECT key_columns::text FROM pollseed_score_sources('guarded_view', 'id')), '{movie_id}', 'row-level security that the owner of the view passes by');
ALTER VIEW guarded_view OWNER TO pollseed_test_reader;
SELECT is((SELECT key_columns::text || reason FROM pollseed_score_sources('guarded_view', 'id')), NULL, 'row-level security that applies to the owner of the view');

-- Indexes in any order of the key
CREATE TABLE pairs (a int, b int, c int);
CREATE VIEW pairs_view AS SELECT a, b, c FROM pairs;
SELECT is((SELECT index_ddl FROM pollseed_score_sources('pairs_view', 'a, b')), 'CREATE INDEX ON public.pairs (a, b)', 'no index');
CREATE INDEX ON pairs (b);
SELECT is((SELECT index_ddl FROM pollseed_score_sources('pairs_view', 'a, b')), 'CREATE INDEX ON public.pairs (a, b)', 'an index on a part of the key');
CREATE INDEX pairs_index ON pairs (b, a, c);
SELECT is((SELECT index_ddl FROM pollseed_score_sources('pairs_view', 'a, b')), NULL, 'an index that begins with the key in another order');
DROP INDEX pairs_index;
CREATE INDEX ON pairs (a) INCLUDE (b);
CREATE INDEX ON pairs USING hash (a);
CREATE INDEX ON pairs (a, (b + 0));
SELECT is((SELECT index_ddl FROM pollseed_score_sources('pairs_view', 'a, b')), 'CREATE INDEX ON public.pairs (a, b)', 'indexes that have the key, but not to look up');

-- What is refused
SELECT throws_ok($$ SELECT pollseed_score_sources('movies', 'id') $$, '42809', '"movies" is not a view', 'a table');
SELECT throws_ok($$ SELECT pollseed_score_sources(4294967295::oid::regclass, 'id') $$, '42P01', NULL, 'a view that is not there');
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', 'd') $$, '42703', 'column "d" of relation "pairs_view" does not exist', 'a column that is not there');
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', 'a, a') $$, '42701', 'column "a" is in the key more than once', 'a column twice');
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', 'a,') $$, '42602', 'invalid key "a,"', 'a list that breaks off');
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', '') $$, '42602', 'invalid key ""', 'no key');
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', 'a,b,c,d,e,f,g,h,i') $$, '54011', 'a score''s key has at most 8 columns', 'nine columns');
SET LOCAL ROLE pollseed_test_reader;
SELECT throws_ok($$ SELECT pollseed_score_sources('pairs_view', 'a') $$, '42501', 'permission denied for view pairs_view', 'a view that one may not read');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
