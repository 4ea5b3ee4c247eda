-- The movie preset: tables, demonstration data, the two scores, pages of predictions and their validation.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset fieldsep '\n'
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';
SET LOCAL search_path = public;
SELECT plan(153);

CREATE TEMP VIEW expected_tables AS SELECT unnest('{movies,external_metrics,festival_nominations,people,movie_credits,
    score_profiles}'::name[]) AS name;

-- Made once
SELECT is(pollseed_create_movie_tables(), 6, 'all tables are made');
SELECT has_table('public', name, name || ' is there') FROM expected_tables;
SELECT has_view('public', v, v || ' is there') FROM unnest('{movie_score_formula,movie_prediction_formula}'::name[]) AS v;
SELECT is(string_agg(concat_ws(' ', name, 'from', definition, 'by', key), '; ' ORDER BY name COLLATE "C"),
    'public.movie_predictions from public.movie_prediction_formula by profile, movie_id; public.movie_scores from public.movie_score_formula by id',
    'and the two scores') FROM pollseed_scores;
SELECT is(pollseed_create_movie_tables(), 0, 'a second call makes none');
SELECT is_empty($$SELECT * FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
    AND objid::regclass::name IN (SELECT name FROM expected_tables)$$, 'the tables are no members of the extension');

-- Ecto's types
SELECT columns_are('movies', '{id,title,release_date,import_status,canonical_sources,inserted_at,updated_at}'::name[]);
SELECT columns_are('external_metrics', '{id,movie_id,source,metric_type,value,inserted_at,updated_at}'::name[]);
SELECT columns_are('festival_nominations', '{id,movie_id,festival,category,won,inserted_at,updated_at}'::name[]);
SELECT columns_are('people', '{id,name,quality,inserted_at,updated_at}'::name[]);
SELECT columns_are('movie_credits', '{id,movie_id,person_id,role,inserted_at,updated_at}'::name[]);
SELECT columns_are('score_profiles', '{name,description,popular_opinion,critical_acclaim,industry_recognition,cultural_impact,
    people_quality,inserted_at,updated_at}'::name[]);
SELECT columns_are('movie_scores', '{id,title,release_date,lists,popular_opinion,critical_acclaim,industry_recognition,
    cultural_impact,people_quality}'::name[]);
SELECT col_type_is('movie_scores', c, 'double precision', 'movie_scores.' || c)
  FROM unnest('{popular_opinion,critical_acclaim,industry_recognition,cultural_impact,people_quality}'::name[]) AS c;
SELECT columns_are('movie_predictions', '{profile,movie_id,decade,score}'::name[]);
SELECT col_type_is(t, 'id', 'bigint', t || '.id'), is(pg_get_serial_sequence(t, 'id'), 'public.' || t || '_id_seq', t || '.id is a serial')
  FROM unnest('{movies,external_metrics,festival_nominations,people,movie_credits}'::name[]) AS t;
SELECT fk_ok(t, 'movie_id', 'movies', 'id') FROM unnest('{external_metrics,festival_nominations,movie_credits}'::name[]) AS t;
SELECT fk_ok('movie_credits', 'person_id', 'people', 'id');
SELECT is_empty($$SELECT c.conrelid::regclass, c.conname FROM pg_constraint AS c WHERE c.contype = 'f'
    AND c.conrelid::regclass::name IN (SELECT name FROM expected_tables)
    AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])$$,
    'every foreign key has an index');
SELECT index_is_unique('public', 'external_metrics', 'external_metrics_movie_id_source_metric_type_index', 'a metric is there once');
SELECT throws_ok('INSERT INTO ' || statement, '23514', NULL, 'refused: ' || statement) FROM (VALUES
    ('movies (title, canonical_sources) VALUES (''x'', ''[]'')'),
    ('people (name, quality) VALUES (''x'', 101)'),
    ('people (name, quality) VALUES (''x'', ''NaN'')'),
    ('score_profiles (name, popular_opinion) VALUES (''x'', -1)'),
    ('score_profiles (name, popular_opinion) VALUES (''x'', ''NaN'')'),
    ('score_profiles VALUES (''x'', NULL, 0, 0, 0, 0, 0)')) AS s(statement);

-- Five profiles
SELECT results_eq('SELECT name::text FROM score_profiles ORDER BY name COLLATE "C"',
    $$VALUES ('award_hunter'), ('balanced'), ('critics_choice'), ('crowd_pleaser'), ('cult_classic')$$, 'five profiles');
SELECT is_empty('SELECT name FROM score_profiles WHERE abs(popular_opinion + critical_acclaim + industry_recognition
    + cultural_impact + people_quality - 1) > 1e-9', 'whose weights are shares');

-- Before there are movies
SELECT is_empty('SELECT * FROM pollseed_predict()', 'nothing is predicted of nothing');
SELECT is_empty('SELECT * FROM pollseed_predict_with(''{"popular_opinion": 1}'')', 'whatever the weights');
SELECT is_empty('SELECT * FROM pollseed_validate_predictions()', 'nor validated');

-- Demonstration data
SELECT throws_ok('SELECT pollseed_seed_movies(NULL)', '22004', 'movies must not be null', 'a number is needed');
SELECT throws_ok('SELECT pollseed_seed_movies(-1)', '22023', 'movies must not be negative', 'that is none');
CREATE TEMP TABLE seeded AS SELECT * FROM pollseed_seed_movies(3000, 42);
SELECT results_eq('SELECT movies, metrics, nominations, people, credits, seed FROM seeded',
    'SELECT (SELECT count(*) FROM movies), (SELECT count(*) FROM external_metrics), (SELECT count(*) FROM festival_nominations),
            (SELECT count(*) FROM people), (SELECT count(*) FROM movie_credits), 42::bigint', 'the figures are right');
SELECT results_eq('SELECT movies, people, credits FROM seeded', 'VALUES (3000::bigint, 1500::bigint, 15000::bigint)', 'as asked for');
SELECT results_eq('SELECT rows_written FROM seeded', 'SELECT movies + metrics + nominations + people + credits FROM seeded', 'and their sum');
SELECT throws_ok('SELECT pollseed_seed_movies(10)', '55000', 'table public.movies is not empty', 'only once');
SELECT is((SELECT count(*) FROM pollseed_runs WHERE engine = 'movies' AND seed = 42), 5::bigint, 'the ledger has an entry a table');
SELECT is(nextval('movies_id_seq'), 3001::bigint, 'ids go on');
SELECT cmp_ok((SELECT avg((release_date < '1920-01-01' OR release_date > '2025-12-31')::int) FROM movies), '=', 0::numeric, 'dates from 1920 to 2025');
SELECT ok((SELECT count(*) FILTER (WHERE release_date >= '2010-01-01') > 3 * count(*) FILTER (WHERE release_date < '1950-01-01') FROM movies),
    'more and more movies a year');
SELECT cmp_ok((SELECT avg((import_status <> 'full')::int)::float8 FROM movies), '<', 0.07::float8, 'some were imported in part');
SELECT ok((SELECT avg((canonical_sources ? '1001_movies')::int) BETWEEN 0.08 AND 0.12 FROM movies), 'one in ten is on the list');
SELECT ok((SELECT corr(a.value, b.value) > 0.9 FROM external_metrics AS a JOIN external_metrics AS b USING (movie_id)
    WHERE a.source = 'imdb' AND a.metric_type = 'rating_average' AND b.metric_type = 'metascore'), 'those who rate agree');
SELECT ok((SELECT max(value) > 20 * percentile_cont(0.5) WITHIN GROUP (ORDER BY value) FROM external_metrics
    WHERE metric_type = 'popularity'), 'a few movies are very popular');

-- The same seed gives the same data, everywhere: whoever changes it raises MOVIE_GENERATOR_VERSION
SELECT is(md5(string_agg(concat_ws('|', id, title, release_date, import_status, canonical_sources), ';' ORDER BY id)),
    '977154d88f97869eb449a451478592c6', 'the movies of seed 42') FROM movies;
SELECT is(md5(string_agg(concat_ws('|', id, movie_id, source, metric_type, value), ';' ORDER BY id)),
    'f87251a2fedf7c33805fc8884b4d034a', 'their metrics') FROM external_metrics;
SELECT is(md5(string_agg(concat_ws('|', id, movie_id, festival, category, won), ';' ORDER BY id)),
    '33ce16f275d3280aac918df395c61cf5', 'their nominations') FROM festival_nominations;
SELECT is(md5(string_agg(concat_ws('|', id, name, quality), ';' ORDER BY id)), 'f51b4be2eee4dbe3565117fa5d136efc', 'the people') FROM people;
SELECT is(md5(string_agg(concat_ws('|', id, movie_id, person_id, role), ';' ORDER BY id)), '350bf872936c65fb363a784216bce310', 'their credits')
  FROM movie_credits;

-- The formulas are those of the application's query
CREATE TEMP VIEW applications_query AS
SELECT m.id, m.title, m.release_date,
 coalesce(t.value,0)/10*0.5+coalesce(i.value,0)/10*0.5 AS popular_opinion,
 coalesce(mc.value,0)/100*0.5+coalesce(rt.value,0)/100*0.5 AS critical_acclaim,
 least(1.0, coalesce(f.wins,0)*0.2+coalesce(f.noms,0)*0.05) AS industry_recognition,
 least(1.0, coalesce((SELECT count(*) FROM jsonb_each(coalesce(m.canonical_sources,'{}'::jsonb))),0)*0.1
   + CASE WHEN coalesce(p.value,0)=0 THEN 0 ELSE ln(p.value+1)/ln(1001) END) AS cultural_impact,
 coalesce(pq.q,0)/100 AS people_quality
FROM movies m
LEFT JOIN external_metrics t ON t.movie_id=m.id AND t.source='tmdb' AND t.metric_type='rating_average'
LEFT JOIN external_metrics i ON i.movie_id=m.id AND i.source='imdb' AND i.metric_type='rating_average'
LEFT JOIN external_metrics mc ON mc.movie_id=m.id AND mc.source='metacritic' AND mc.metric_type='metascore'
LEFT JOIN external_metrics rt ON rt.movie_id=m.id AND rt.source='rotten_tomatoes' AND rt.metric_type='tomatometer'
LEFT JOIN external_metrics p ON p.movie_id=m.id AND p.source='tmdb' AND p.metric_type='popularity'
LEFT JOIN (SELECT movie_id, count(*) FILTER (WHERE won) wins, count(*) noms FROM festival_nominations GROUP BY 1) f ON f.movie_id=m.id
LEFT JOIN (SELECT movie_id, avg(quality) q FROM movie_credits JOIN people ON people.id = person_id GROUP BY 1) pq ON pq.movie_id=m.id
WHERE m.import_status='full';
CREATE FUNCTION pg_temp.wrong_scores() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM applications_query AS a FULL JOIN movie_scores AS s USING (id)
     WHERE a.id IS NULL OR s.id IS NULL OR (a.title, a.release_date) IS DISTINCT FROM (s.title, s.release_date)
        OR abs(a.popular_opinion - s.popular_opinion) > 1e-9 OR abs(a.critical_acclaim - s.critical_acclaim) > 1e-9
        OR abs(a.industry_recognition - s.industry_recognition) > 1e-9 OR abs(a.cultural_impact - s.cultural_impact) > 1e-9
        OR abs(a.people_quality - s.people_quality) > 1e-9 $$;
SELECT is(pg_temp.wrong_scores(), 0::bigint, 'the scores are refreshed when the data is there, and right');
SELECT is((SELECT count(*) FROM movie_predictions), 5 * (SELECT count(*) FROM movie_scores WHERE lists = '{}'),
    'the ranking has each movie that is on no list once for each profile');
SELECT is_empty('SELECT * FROM movie_predictions WHERE decade <> (SELECT date_part(''decade'', release_date) * 10 FROM movies WHERE id = movie_id)',
    'in its decade');

-- Both scores follow each table
INSERT INTO movies (id, title, release_date) VALUES (10001, 'New', '2024-05-05'), (10002, 'On a list', '2024-05-05'), (10003, 'Undated', NULL),
    (10004, 'Eternal', 'infinity'), (10005, 'Ancient', '0300-01-01 BC'), (10006, 'Far', '400000-01-01');
UPDATE movies SET canonical_sources = '{"z": 1, "b": {}}' WHERE id = 10002;
INSERT INTO external_metrics (movie_id, source, metric_type, value)
SELECT m, s, t, v FROM unnest('{10001,10002,10003}'::bigint[]) AS m,
    (VALUES ('tmdb', 'rating_average', 10), ('imdb', 'rating_average', 10), ('metacritic', 'metascore', 100),
            ('rotten_tomatoes', 'tomatometer', 100), ('tmdb', 'popularity', 1000)) AS x(s, t, v);
INSERT INTO festival_nominations (movie_id, festival, category, won) SELECT 10001, 'F', 'C', true FROM generate_series(1, 6);
INSERT INTO people (id, name, quality) VALUES (10001, 'The best', 100);
INSERT INTO movie_credits (movie_id, person_id, role) VALUES (10001, 10001, 'director'), (10001, 10001, 'actor');
UPDATE people SET quality = quality / 2 WHERE id % 3 = 0;
DELETE FROM movies WHERE id % 10 = 1 AND id < 3000;
DELETE FROM festival_nominations WHERE id % 5 = 0;
SELECT lives_ok('SELECT pollseed_score_refresh(''movie_scores'')', 'refreshed');
SELECT is(pg_temp.wrong_scores(), 0::bigint, 'movie_scores follows');
SELECT results_eq('SELECT popular_opinion, critical_acclaim, industry_recognition, cultural_impact, people_quality FROM movie_scores WHERE id = 10001',
    'VALUES (1::float8, 1::float8, 1::float8, 1::float8, 1::float8)', 'the best there can be');
SELECT is((SELECT lists FROM movie_scores WHERE id = 10002), '{b,z}'::text[], 'lists, in order');
SELECT lives_ok('SELECT pollseed_score_refresh(''movie_predictions'')', 'the ranking too');
SELECT results_eq('SELECT * FROM pollseed_score_verify(''movie_predictions'')', 'VALUES (0::bigint, 0::bigint, 0::bigint)', 'follows');
SELECT results_eq('SELECT DISTINCT movie_id, decade FROM movie_predictions WHERE movie_id > 10000 ORDER BY 1',
    'VALUES (10001::bigint, 2020), (10005, -300), (10006, 400000)', 'without those on a list or without a date');

-- A profile and a movie gone between two refreshes
SAVEPOINT before;
DELETE FROM movies WHERE id = 10001;
SELECT lives_ok('SELECT pollseed_score_refresh(''movie_scores'')', 'a movie is gone');
DELETE FROM score_profiles WHERE name = 'balanced';
SELECT lives_ok('SELECT pollseed_score_refresh(''movie_predictions'')', 'a profile too');
SELECT results_eq('SELECT * FROM pollseed_score_verify(''movie_predictions'')', 'VALUES (0::bigint, 0::bigint, 0::bigint)', 'so are all its rows');
ROLLBACK TO before;

-- Pages
CREATE FUNCTION pg_temp.walk(a_profile text, a_decade int, size int) RETURNS TABLE (rank bigint, movie_id bigint, score float8)
LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN
    LOOP
        found := 0;
        FOR rank, movie_id, score IN SELECT p.rank, p.movie_id, p.score FROM pollseed_predict(a_profile, a_decade, size, score, movie_id) AS p LOOP
            found := found + 1;
            RETURN NEXT;
        END LOOP;
        EXIT WHEN found < size;
    END LOOP;
END $$;
SELECT results_eq(format('SELECT * FROM pg_temp.walk(%L, %s, %s)', p, d, size),
    format('SELECT row_number() OVER (ORDER BY score DESC, movie_id), movie_id, score FROM movie_predictions
             WHERE profile = %L AND decade = %s ORDER BY score DESC, movie_id', p, d), format('%s of %s, %s a page', p, d, size))
  FROM (VALUES ('balanced', 2020, 25), ('balanced', 2010, 1000), ('balanced', 2010, 7), ('cult_classic', 1980, 100)) AS x(p, d, size);
SELECT results_eq('SELECT rank, movie_id, score FROM pollseed_predict()', 'SELECT * FROM pg_temp.walk(''balanced'', 2020, 25) LIMIT 25',
    'by default 25 of the 2020s, balanced');
SELECT results_eq('SELECT movie_id, title, release_date, popular_opinion, critical_acclaim, industry_recognition, cultural_impact, people_quality
    FROM pollseed_predict() ORDER BY movie_id', 'SELECT s.id, s.title::text, s.release_date, s.popular_opinion, s.critical_acclaim, s.industry_recognition,
    s.cultural_impact, s.people_quality FROM movie_scores AS s JOIN pollseed_predict() AS p ON p.movie_id = s.id ORDER BY s.id', 'with their criteria');
SELECT is_empty('SELECT * FROM pollseed_predict(decade => 2990)', 'nothing of a decade without movies');
SELECT is((SELECT rank FROM pollseed_predict('balanced', 2020, 1, 1e9, 5)), 1::bigint, 'after more than the best comes the best');
SELECT is_empty('SELECT * FROM pollseed_predict(''balanced'', 2020, 1, -1, 5)', 'after less than the worst comes nothing');
INSERT INTO movies (id, title, release_date) SELECT 20000 + n, 'Equal', '2950-01-01' FROM generate_series(1, 700) AS n;
SELECT pollseed_score_refresh('movie_scores') IS NULL, pollseed_score_refresh('movie_predictions') IS NULL \g /dev/null
SELECT results_eq('SELECT rank, movie_id FROM pg_temp.walk(''balanced'', 2950, 9)',
    'SELECT n, 20000 + n FROM generate_series(1::bigint, 700) AS n', 'movies of the same score are told apart by their ids');

-- Ranks are those of the present ranking, also when a refresh was rolled back
CREATE FUNCTION pg_temp.deep_rank() RETURNS bigint LANGUAGE sql AS 'SELECT rank FROM pollseed_predict(''balanced'', 2950, 1, 0, 20690)';
SELECT is(pg_temp.deep_rank(), 691::bigint, 'the rank of a deep page');
SAVEPOINT before;
DELETE FROM movies WHERE id BETWEEN 20001 AND 20100;
SELECT pollseed_score_refresh('movie_scores') IS NULL, pollseed_score_refresh('movie_predictions') IS NULL \g /dev/null
SELECT is(pg_temp.deep_rank(), 591::bigint, 'follows the refresh');
ROLLBACK TO before;
SELECT is(pg_temp.deep_rank(), 691::bigint, 'and its rollback');
DELETE FROM movies WHERE id BETWEEN 20001 AND 20050;
SELECT pollseed_score_refresh('movie_scores') IS NULL, pollseed_score_refresh('movie_predictions') IS NULL \g /dev/null
SELECT is(pg_temp.deep_rank(), 641::bigint, 'and the next, of the same number');

-- Weights that are not stored
SELECT results_eq($$SELECT * FROM pollseed_predict_with('{"popular_opinion": 0.25, "critical_acclaim": 0.25, "industry_recognition": 0.2,
    "cultural_impact": 0.15, "people_quality": 0.15}', 2010, 50)$$, 'SELECT * FROM pollseed_predict(''balanced'', 2010, 50)',
    'the same weights give the same, to the last bit');
SELECT results_eq($$SELECT w.* FROM (SELECT * FROM pollseed_predict('balanced', 2010, 50) ORDER BY rank DESC LIMIT 1) AS l,
    pollseed_predict_with('{"popular_opinion": 0.25, "critical_acclaim": 0.25, "industry_recognition": 0.2,
    "cultural_impact": 0.15, "people_quality": 0.15}', 2010, 50, l.score, l.movie_id) AS w$$,
    'SELECT p.* FROM pollseed_predict(''balanced'', 2010, 100) AS p WHERE p.rank > 50', 'on the next page, too');
SELECT results_eq($$SELECT movie_id, rank FROM pollseed_predict_with('{"popular_opinion": 2, "people_quality": 6}')$$,
    $$SELECT movie_id, rank FROM pollseed_predict_with('{"people_quality": 3, "popular_opinion": 1, "cultural_impact": 0}')$$, 'only their relation counts');
SELECT throws_ok(format('SELECT * FROM pollseed_predict_with(%L)', w), c, m, 'refused: ' || coalesce(w, 'NULL')) FROM (VALUES
    (NULL, '22004', 'weights must not be null'),
    ('[]', '22023', 'weights must be a JSON object'),
    ('7', '22023', 'weights must be a JSON object'),
    ('{}', '22023', 'at least one weight must be greater than 0'),
    ('{"people_quality": 0}', '22023', 'at least one weight must be greater than 0'),
    ('{"taste": 1}', '22023', 'unrecognized weight "taste"'),
    ('{"people_quality": -1}', '22023', 'weight "people_quality" must be between 0 and 1000000'),
    ('{"people_quality": 1e400}', '22023', 'weight "people_quality" must be between 0 and 1000000'),
    ('{"people_quality": "1"}', '22023', 'weight "people_quality" must be a number'),
    ('{"people_quality": {"people_quality": 1}}', '22023', 'weight "people_quality" must be a number'),
    ('{"people_quality": null}', '22023', 'weight "people_quality" must be a number')) AS x(w, c, m);

-- What is refused of a page
SELECT throws_ok('SELECT * FROM pollseed_predict(' || a || ')', c, m, 'refused: ' || a) FROM (VALUES
    ('''nobody''', '42704', 'profile "nobody" does not exist'),
    ('decade => 2021', '22023', 'decade must be a multiple of 10 between 10 and 9990'),
    ('decade => 0', '22023', 'decade must be a multiple of 10 between 10 and 9990'),
    ('page_size => 0', '22023', 'page_size must be between 1 and 1000'),
    ('page_size => 1001', '22023', 'page_size must be between 1 and 1000'),
    ('after_id => 1', '22023', 'after_score and after_id must be given together'),
    ('after_score => 1', '22023', 'after_score and after_id must be given together')) AS x(a, c, m);
SELECT throws_ok('SELECT * FROM pollseed_validate_predictions(''nobody'')', '42704', 'profile "nobody" does not exist', 'validation needs a profile too');

-- A profile's change takes effect at once, before anything is refreshed, and is gone when it is rolled back
SAVEPOINT before;
UPDATE score_profiles SET popular_opinion = 0, critical_acclaim = 0, industry_recognition = 0, cultural_impact = 0, people_quality = 1 WHERE name = 'balanced';
CREATE TEMP TABLE at_once AS SELECT * FROM pg_temp.walk('balanced', 2010, 100);
SELECT results_eq('SELECT movie_id FROM at_once', $$SELECT id FROM movie_scores WHERE lists = '{}' AND release_date >= '2010-01-01'
    AND release_date < '2020-01-01' ORDER BY people_quality DESC, id$$, 'new weights count at once, on each page');
SELECT pollseed_score_refresh('movie_predictions') IS NULL \g /dev/null
SELECT results_eq('SELECT * FROM pg_temp.walk(''balanced'', 2010, 100)', 'TABLE at_once', 'and the same is stored by the refresh');
ROLLBACK TO before;
SELECT results_eq('SELECT * FROM pg_temp.walk(''balanced'', 2010, 100)',
    'SELECT row_number() OVER (ORDER BY score DESC, movie_id), movie_id, score FROM movie_predictions
      WHERE profile = ''balanced'' AND decade = 2010 ORDER BY score DESC, movie_id', 'with the change, its ranking is gone');
INSERT INTO score_profiles (name) VALUES ('mine');
SELECT results_eq('SELECT * FROM pollseed_predict(''mine'')', $$SELECT * FROM pollseed_predict_with('{"popular_opinion": 1, "critical_acclaim": 1,
    "industry_recognition": 1, "cultural_impact": 1, "people_quality": 1}')$$, 'a new profile is there at once');
DELETE FROM score_profiles WHERE name = 'mine';
SELECT throws_ok('SELECT * FROM pollseed_predict(''mine'')', '42704', NULL, 'and gone at once');
SELECT pollseed_score_refresh('movie_predictions') IS NULL \g /dev/null

-- Validation
SELECT results_eq('SELECT * FROM pollseed_validate_predictions(''critics_choice'')', $$
    WITH scored AS (SELECT s.id, (date_part('decade', s.release_date) * 10)::int AS decade, '1001_movies' = ANY (s.lists) AS on_list,
            row_number() OVER (PARTITION BY date_part('decade', s.release_date)
                ORDER BY 0.1 * s.popular_opinion + 0.6 * s.critical_acclaim + 0.15 * s.industry_recognition + 0.05 * s.cultural_impact
                    + 0.1 * s.people_quality DESC, s.id) AS place
        FROM movie_scores AS s WHERE isfinite(s.release_date) AND s.release_date < '10000-01-01'),
    listed AS (SELECT decade, count(*) FILTER (WHERE on_list) AS n FROM scored GROUP BY decade)
    SELECT decade, n, n, count(*) FILTER (WHERE on_list AND place <= n), count(*) FILTER (WHERE on_list AND place <= n) / nullif(n, 0)::float8
      FROM scored JOIN listed USING (decade) GROUP BY decade, n
    UNION ALL SELECT 400000, 0, 0, 0, NULL ORDER BY decade$$, 'is what it says');
SELECT ok((SELECT sum(hits) / sum(listed) > 0.85 FROM pollseed_validate_predictions()), 'the balanced profile finds the list');
SELECT is((SELECT sum(listed) FROM pollseed_validate_predictions(list => 'no such list')), 0::numeric, 'of a list that there is not, nothing is found');

-- Who may read the scores gets pages, and needs nothing else
CREATE ROLE movies_reader;
GRANT SELECT ON movie_scores, movie_predictions, score_profiles TO movies_reader;
SET LOCAL ROLE movies_reader;
SELECT is((SELECT count(*) FROM pollseed_predict()), 25::bigint, 'pages');
SELECT is((SELECT min(rank) FROM pollseed_predict(after_score => 0.4, after_id => 1)), 1 + (SELECT count(*) FROM movie_predictions
    WHERE profile = 'balanced' AND decade = 2020 AND (score > 0.4 OR score = 0.4 AND movie_id <= 1)), 'ranks');
SELECT is((SELECT count(*) FROM pollseed_predict_with('{"people_quality": 1}')), 25::bigint, 'weights of one''s own');
RESET ROLE;
REVOKE SELECT ON movie_predictions FROM movies_reader;
SET LOCAL ROLE movies_reader;
SELECT throws_ok('SELECT * FROM pollseed_predict()', '42501', NULL, 'without the right to read them, none');
RESET ROLE;

-- Dropped, and what is not dropped
DROP VIEW applications_query CASCADE;
SELECT is(pollseed_drop_movie_tables(), 6, 'all tables are dropped, with their rows');
SELECT hasnt_table('public', 'movie_scores', 'and the scores'), hasnt_view('public', 'movie_score_formula', 'and the views');
SELECT is_empty('SELECT * FROM pollseed_scores', 'nothing is left of them');
SELECT isnt((SELECT max(cleared_at) FROM pollseed_runs WHERE relation = 'public.movies'), NULL, 'the ledger knows that too');
SELECT is(pollseed_drop_movie_tables(), 0, 'dropping again does nothing');
SELECT throws_ok('SELECT * FROM pollseed_predict()', '42P01', 'no schema on the search path has the table "movie_scores"', 'no tables, no pages');
SELECT throws_ok('SELECT pollseed_seed_movies()', '42P01', NULL, 'and no data');
CREATE TABLE movies (id bigint, price int);
SELECT throws_ok('SELECT pollseed_create_movie_tables()', '42P07', 'relation "movies" already exists and has no column "canonical_sources"',
    'a table that is something else is refused');
DROP TABLE movies;
CREATE TABLE people (id bigserial PRIMARY KEY, name text, quality float8);
SELECT is(pollseed_create_movie_tables(), 5, 'one of the application that will do is left');
SELECT throws_ok('SELECT pollseed_drop_movie_tables()', '55000', 'table "people" was not made by pollseed_create_movie_tables()', 'and not dropped');
SELECT has_table('public', 'movie_scores', 'nor is anything else then');

-- In the schema that the search path begins with; found in the first one that has them
CREATE SCHEMA "The ""App""";
SET LOCAL search_path = "The ""App""", public;
SELECT is(pollseed_create_movie_tables(), 6, 'made in the first schema of the search path');
SELECT is((SELECT rows_written > 0 FROM pollseed_seed_movies(200, 7)), true, 'an odd name of the schema is no trouble');
SELECT is((SELECT count(*) FROM pollseed_predict(decade => 2010)), 25::bigint, 'nor for pages');
SELECT is((SELECT count(*) FROM public.movie_scores), 0::bigint, 'other tables are left alone');
SET LOCAL search_path = public;
SELECT is_empty('SELECT * FROM pollseed_predict(decade => 2010)', 'in the same session, the other schema''s pages are the other''s');
SET LOCAL search_path = "The ""App""", public;
SELECT is(pollseed_drop_movie_tables(), 6, 'only the first schema''s are dropped');

SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT ' || f || '()', '25006', NULL, f || '() writes')
  FROM unnest('{pollseed_create_movie_tables,pollseed_drop_movie_tables,pollseed_seed_movies}'::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
