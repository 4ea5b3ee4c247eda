# Random changes by several sessions, whose transactions overlap, with refreshes in between: in every snapshot the view of fresh
# rows is what the formula is, and after a refresh each score is, to the byte.
#
# The scores are the movies' of six outer joins and a query for the keys, ones with composite keys and keys of many types, one
# over partitions, and views with every clause that an incremental view cannot have.  What is drawn depends on the seed alone.
use strict;
use warnings;

use List::Util qw(sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $rounds = $ENV{POLLSEED_ROUNDS} || 1000;
my $seed = $ENV{POLLSEED_SEED} || 5605;
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('score_differential');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nlog_statement = none\nlog_min_messages = warning\nlog_min_error_statement = panic\nlog_lock_waits = off");
$node->start;

# Sums are of numbers that a double has exactly, so that the order of adding makes no difference.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;

	CREATE TABLE movies (id bigint PRIMARY KEY, title text NOT NULL, release_date date, import_status text NOT NULL DEFAULT 'full', canonical_sources jsonb, note text);
	CREATE TABLE external_metrics (id bigserial, movie_id bigint NOT NULL REFERENCES movies ON DELETE CASCADE ON UPDATE CASCADE, source text NOT NULL,
		metric_type text NOT NULL, value float8, UNIQUE (movie_id, source, metric_type));
	CREATE TABLE festival_nominations (id bigserial PRIMARY KEY, movie_id bigint REFERENCES movies ON DELETE SET NULL ON UPDATE CASCADE, won boolean NOT NULL);
	CREATE INDEX ON festival_nominations (movie_id);
	CREATE TABLE people (id bigint PRIMARY KEY, name text, quality float8);
	CREATE TABLE movie_credits (movie_id bigint NOT NULL REFERENCES movies ON DELETE CASCADE ON UPDATE CASCADE, person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
		PRIMARY KEY (movie_id, person_id));
	CREATE INDEX ON movie_credits (person_id);
	INSERT INTO movies SELECT i, 'Movie ' || i, date '1950-01-01' + i * 100, CASE WHEN i % 20 = 0 THEN 'partial' ELSE 'full' END, CASE WHEN i % 7 = 0 THEN '{"1001_movies": {}}' ELSE '{}' END::jsonb
		FROM generate_series(1, 200) AS i;
	INSERT INTO external_metrics (movie_id, source, metric_type, value) SELECT i, s, t, (i * 7 + length(s)) % 41 * 0.25
		FROM generate_series(1, 200) AS i, (VALUES ('tmdb', 'rating'), ('imdb', 'rating'), ('meta', 'score'), ('rt', 'score'), ('tmdb', 'popularity')) AS v (s, t) WHERE i % 9 <> length(s);
	INSERT INTO festival_nominations (movie_id, won) SELECT i * 13 % 200 + 1, i % 3 = 0 FROM generate_series(1, 100) AS i;
	INSERT INTO people SELECT i, 'Person ' || i, i % 100 FROM generate_series(1, 60) AS i;
	INSERT INTO movie_credits SELECT DISTINCT i * 17 % 200 + 1, i * 7 % 60 + 1 FROM generate_series(1, 500) AS i;
	CREATE VIEW movie_formula AS
		SELECT m.id, m.title, m.release_date,
			coalesce(t.value, 0) / 10 * 0.5 + coalesce(i.value, 0) / 10 * 0.5 AS popular_opinion,
			coalesce(mc.value, 0) / 100 * 0.5 + coalesce(rt.value, 0) / 100 * 0.5 AS critical_acclaim,
			least(1.0, coalesce(f.wins, 0) * 0.2 + coalesce(f.noms, 0) * 0.05) AS industry_recognition,
			least(1.0, coalesce((SELECT count(*) FROM jsonb_each(coalesce(m.canonical_sources, '{}'::jsonb))), 0) * 0.1
				+ CASE WHEN coalesce(p.value, 0) = 0 THEN 0 ELSE ln(p.value + 1) / ln(1001) END) AS cultural_impact,
			coalesce(pq.q, 0) / 100 AS people_quality
		FROM movies AS m
		LEFT JOIN external_metrics AS t ON t.movie_id = m.id AND t.source = 'tmdb' AND t.metric_type = 'rating'
		LEFT JOIN external_metrics AS i ON i.movie_id = m.id AND i.source = 'imdb' AND i.metric_type = 'rating'
		LEFT JOIN external_metrics AS mc ON mc.movie_id = m.id AND mc.source = 'meta' AND mc.metric_type = 'score'
		LEFT JOIN external_metrics AS rt ON rt.movie_id = m.id AND rt.source = 'rt' AND rt.metric_type = 'score'
		LEFT JOIN external_metrics AS p ON p.movie_id = m.id AND p.source = 'tmdb' AND p.metric_type = 'popularity'
		LEFT JOIN (SELECT movie_id, count(*) FILTER (WHERE won) AS wins, count(*) AS noms FROM festival_nominations GROUP BY 1) AS f ON f.movie_id = m.id
		LEFT JOIN (SELECT c.movie_id, sum(q.quality) / count(*) AS q FROM movie_credits AS c JOIN people AS q ON q.id = c.person_id GROUP BY 1) AS pq ON pq.movie_id = m.id
		WHERE m.import_status = 'full';
	CREATE VIEW metric_formula AS SELECT movie_id, source, count(*) AS n, sum(value) AS total FROM external_metrics GROUP BY movie_id, source HAVING count(value) > 0;

	CREATE TABLE accounts (id uuid PRIMARY KEY, name text);
	CREATE TABLE orders (id int PRIMARY KEY, account uuid, amount numeric(10, 2), at timestamptz, paid interval, data bytea);
	CREATE INDEX ON orders (account);
	INSERT INTO accounts SELECT md5(i::text)::uuid, 'a' || i FROM generate_series(1, 30) AS i;
	INSERT INTO orders SELECT i, md5((i % 35)::text)::uuid, i / 7.0, timestamptz '2026-01-01' + i * interval '7 hours', i * interval '1 minute', decode(lpad(to_hex(i), 8, '0'), 'hex') FROM generate_series(1, 90) AS i;
	CREATE VIEW account_formula AS
		SELECT a.id, a.name, sum(o.amount) AS amount, max(o.at) AS last, sum(o.paid) AS paid, array_agg(o.data ORDER BY o.id) AS data
		FROM accounts AS a LEFT JOIN orders AS o ON o.account = a.id GROUP BY a.id;
	CREATE VIEW slot_formula AS SELECT at, paid, data, count(*) AS n, min(amount) AS least FROM orders WHERE at IS NOT NULL AND paid IS NOT NULL AND data IS NOT NULL GROUP BY at, paid, data;

	CREATE TABLE tags (id int PRIMARY KEY, tag text, n int);
	CREATE INDEX ON tags (tag);
	INSERT INTO tags SELECT i, (ARRAY['', 'NULL', 'a,b', '"', '\', '{}', 'é', 'e''', ' x ', NULL])[i % 10 + 1], i FROM generate_series(1, 60) AS i;
	CREATE VIEW tag_formula AS SELECT tag, count(*) AS uses, sum(n) AS n, string_agg(id::text, ',' ORDER BY id) AS ids FROM tags WHERE tag IS NOT NULL GROUP BY tag;

	CREATE TABLE readings (sensor int NOT NULL, day date NOT NULL, value int, filler text) PARTITION BY RANGE (day);
	CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-01-11');
	CREATE TABLE readings_2 (day date NOT NULL, junk int, value int, filler text, sensor int NOT NULL) PARTITION BY LIST (sensor);
	ALTER TABLE readings_2 DROP junk;
	ALTER TABLE readings ATTACH PARTITION readings_2 FOR VALUES FROM ('2026-01-11') TO ('2026-01-21');
	CREATE TABLE readings_21 PARTITION OF readings_2 FOR VALUES IN (1, 2, 3, 4, 5);
	CREATE TABLE readings_22 PARTITION OF readings_2 DEFAULT;
	CREATE TABLE readings_d PARTITION OF readings DEFAULT;
	CREATE INDEX ON readings (sensor);
	INSERT INTO readings SELECT i % 15 + 1, date '2026-01-01' + i % 30, i, repeat('x', i) FROM generate_series(1, 150) AS i;
	CREATE VIEW sensor_formula AS SELECT sensor, count(*) AS n, sum(value) AS total, max(day) AS last, count(DISTINCT day) AS days FROM readings GROUP BY sensor;

	CREATE TABLE a (id int PRIMARY KEY, grp int, val int, list int[], wide text);
	CREATE TABLE b (id int PRIMARY KEY, a_id int, kind text, n int, wide text);
	CREATE TABLE c (a_id int NOT NULL, no int NOT NULL, n int, PRIMARY KEY (a_id, no));
	CREATE INDEX ON b (a_id);
	CREATE TABLE b_more () INHERITS (b);
	CREATE INDEX ON b_more (a_id);
	ALTER TABLE a ALTER wide SET STORAGE EXTERNAL;
	INSERT INTO a SELECT i, i % 5, i * 3 % 17, ARRAY(SELECT generate_series(1, i % 4)), repeat('w', i % 3 * 3000) FROM generate_series(1, 50) AS i;
	INSERT INTO b SELECT i, i * 7 % 60, (ARRAY['x', 'y', 'z'])[i % 3 + 1], i % 11, repeat('w', 100) FROM generate_series(1, 120) AS i;
	INSERT INTO c SELECT i % 50 + 1, i / 50, i FROM generate_series(1, 120) AS i;
	CREATE VIEW f_outer AS SELECT a.id, x.n AS x, y.n AS y, coalesce(z.n, -1) AS z FROM a
		LEFT JOIN LATERAL (SELECT min(n) AS n FROM b WHERE b.a_id = a.id AND kind = 'x') AS x ON true
		LEFT JOIN (SELECT a_id, max(n) AS n FROM b WHERE kind = 'y' GROUP BY a_id) AS y ON y.a_id = a.id AND y.n > 3
		LEFT JOIN c AS z ON z.a_id = a.id AND z.no = 1;
	CREATE VIEW f_twice AS SELECT a_id AS id, max(s) AS most, count(*) AS kinds FROM (SELECT a_id, kind, sum(n) AS s FROM b GROUP BY a_id, kind) AS k WHERE a_id IS NOT NULL GROUP BY a_id;
	CREATE VIEW f_first AS SELECT DISTINCT ON (a_id) a_id AS id, kind, n, id AS b FROM b WHERE a_id > 0 ORDER BY a_id, n DESC, b.id, kind;
	CREATE VIEW f_window AS SELECT a_id, no, n, rank() OVER w AS rank, sum(n) OVER w AS running, n - lag(n) OVER w AS step FROM c WINDOW w AS (PARTITION BY a_id ORDER BY n, no);
	CREATE VIEW f_exists AS SELECT a.id, a.val, NOT EXISTS (SELECT FROM c WHERE c.a_id = a.id AND c.n > 60) AS low FROM a
		WHERE EXISTS (SELECT FROM b WHERE b.a_id = a.id AND b.kind <> 'z');
	CREATE VIEW f_cte AS WITH sums AS (SELECT a_id, sum(n) AS n FROM b GROUP BY a_id), most AS MATERIALIZED (SELECT a_id, max(n) AS n FROM c GROUP BY a_id)
		SELECT a.id, a.wide, s.n AS sum, m.n AS most FROM a JOIN sums AS s ON s.a_id = a.id LEFT JOIN most AS m ON m.a_id = a.id;
	CREATE VIEW f_union AS SELECT id, 'a' AS which, val::bigint AS n FROM a UNION SELECT a_id, 'b', sum(n) FROM b WHERE a_id IS NOT NULL GROUP BY a_id
		UNION ALL SELECT a_id, 'c', count(*) FROM c GROUP BY a_id HAVING count(*) > 1;
	CREATE VIEW f_lateral AS SELECT a.id, l.id AS best, l.n, l.kind FROM a LEFT JOIN LATERAL (SELECT b.id, b.n, b.kind FROM b WHERE b.a_id = a.id ORDER BY b.n DESC, b.id, b.kind LIMIT 1) AS l ON true;
	CREATE VIEW f_sets AS SELECT a.id, e.place, e.v, a.val FROM a, unnest(a.list) WITH ORDINALITY AS e (v, place);
	CREATE VIEW f_few AS SELECT id, val FROM a WHERE val > 5;
	CREATE VIEW f_share AS SELECT a.id, a.grp, a.val, g.total FROM a JOIN (SELECT grp, sum(val) AS total FROM a GROUP BY grp) AS g ON g.grp = a.grp;
	CREATE TABLE names (no serial, name text, view text)});

# Name, view, key, and what cannot be found of the sources.
my @scores = (
	[ 's_movies', 'movie_formula', 'id', '[{"table": "people", "key": "id", "via": "SELECT c.movie_id FROM public.movie_credits AS c WHERE c.person_id = ANY ($1)"}]' ],
	[ 's_metrics', 'metric_formula', 'movie_id, source' ],
	[ 's_accounts', 'account_formula', 'id' ],
	[ 's_slots', 'slot_formula', 'at, paid, data' ],
	[ 's_tags', 'tag_formula', 'tag' ],
	[ 's_sensors', 'sensor_formula', 'sensor' ],
	[ 's_outer', 'f_outer', 'id' ],
	[ 's_twice', 'f_twice', 'id' ],
	[ 's_first', 'f_first', 'id' ],
	[ 's_window', 'f_window', 'a_id, no', '[{"table": "c", "key": "a_id", "via": "SELECT x.a_id, x.no FROM public.c AS x WHERE x.a_id = ANY ($1)"}, {"table": "c", "key": ["a_id", "no"]}]' ],
	[ 's_exists', 'f_exists', 'id' ],
	[ 's_cte', 'f_cte', 'id' ],
	[ 's_union', 'f_union', 'id, which', '[{"table": "a", "key": "id", "via": "SELECT i, w FROM unnest($1) AS i, unnest(ARRAY[\'a\', \'b\', \'c\']) AS w"},
		{"table": "b", "key": "a_id", "via": "SELECT i, \'b\' FROM unnest($1) AS i"}, {"table": "c", "key": "a_id", "via": "SELECT i, \'c\' FROM unnest($1) AS i"}]' ],
	[ 's_lateral', 'f_lateral', 'id' ],
	[ 's_sets', 'f_sets', 'id, place', '[{"table": "a", "key": "id", "via": "SELECT i, p FROM unnest($1) AS i, generate_series(1, 6) AS p"}]' ],
	[ 's_few', 'f_few', 'id' ],
	[ 's_share', 'f_share', 'id', '[{"table": "a", "key": "grp", "via": "SELECT x.id FROM public.a AS x WHERE x.grp = ANY ($1)"}, {"table": "a", "key": "id"}]' ],
	[ 's_score', 'f_score', 'id' ]);

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

for my $score (@scores)
{
	my ($name, $view, $key, $sources) = @$score;

	# The last one is made of a score.
	query('CREATE VIEW f_score AS SELECT s.id, s.val * 2 AS double, (SELECT count(*) FROM c WHERE c.a_id = s.id) AS n FROM s_few AS s') if $view eq 'f_score';
	$sources = defined $sources ? "\$json\$$sources\$json\$" : 'NULL';
	query("SET client_min_messages = error; SET log_min_messages = error; SELECT pollseed_score_create('$name', '$view', '$key', $sources); INSERT INTO names (name, view) VALUES ('$name', '$view')");
}

# What is not as it should be; all in one snapshot a score.
query(q{
	CREATE FUNCTION unlike(one text, other text) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE n bigint;
	BEGIN
		EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL TABLE %2$s) UNION ALL (TABLE %2$s EXCEPT ALL TABLE %1$s)) AS d', one, other) INTO n;
		RETURN n;
	END $$;
	CREATE FUNCTION not_fresh() RETURNS text LANGUAGE sql AS
		$$ SELECT string_agg(name || ' ' || n, ', ' ORDER BY no) FROM names, LATERAL (SELECT unlike(name || '_fresh', view) AS n OFFSET 0) AS d WHERE n > 0 $$;
	CREATE FUNCTION not_stored() RETURNS text LANGUAGE sql AS
		$$ SELECT string_agg(name || ' ' || v::text, ', ' ORDER BY no) FROM names, LATERAL (SELECT missing, extra, different FROM pollseed_score_verify(name) OFFSET 0) AS v WHERE missing + extra + different > 0 $$;
	CREATE FUNCTION refresh_all(modes text[]) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		score record; done record; total bigint := 0;
	BEGIN
		FOR score IN SELECT name, no FROM names ORDER BY no LOOP
			SELECT * INTO done FROM pollseed_score_refresh(score.name, modes[score.no]);
			total := total + done.inserted + done.updated + done.deleted;
			IF done.remaining IS DISTINCT FROM 0 AND score.name <> 's_few' THEN RAISE '% keys of % remain', done.remaining, score.name; END IF;
		END LOOP;
		RETURN total;
	END $$});

sub one_of { return $_[ int(rand(@_)) ] }
sub to { return 1 + int(rand($_[0])) }
sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'$text'" }
sub uuid { return sprintf("md5('%d')::uuid", to(35)) }
sub tag { my $tag = one_of('', 'NULL', 'a,b', '"', '\\', '{}', 'é', "e'", ' x ', undef, to(99)); return defined $tag ? quoted($tag) : 'NULL' }
sub kind { return quoted(one_of('x', 'y', 'z')) }
sub maybe { return rand() < 0.1 ? 'NULL' : $_[0] }

my $next = 1000;
sub next_id { my $id = ++$next; return $id }
my %count;

# A statement, or a few.
sub change
{
	my ($what, $sql) = @{ one_of(
		[ 'insert', "INSERT INTO movies (id, title, release_date, import_status) VALUES (${\ next_id()}, 'New', '2026-01-01', ${\ quoted(one_of('full', 'full', 'partial'))})" ],
		[ 'update', "UPDATE movies SET title = title || '.' WHERE id % 50 = ${\ to(50)}" ],
		[ 'update', "UPDATE movies SET note = 'not scored ' || ${\ to(100)} WHERE id < 100" ],
		[ 'update', "UPDATE movies SET import_status = CASE import_status WHEN 'full' THEN 'partial' ELSE 'full' END WHERE id % 70 = ${\ to(70)}" ],
		[ 'update', "UPDATE movies SET canonical_sources = jsonb_build_object('l' || ${\ to(9)}, 1) WHERE id % 60 = ${\ to(60)}" ],
		[ 'move', "UPDATE movies SET id = ${\ next_id()} WHERE id = ${\ to(200)}" ],
		[ 'cascade', "DELETE FROM movies WHERE id IN (${\ to(200)}, ${\ to($next)})" ],
		[ 'insert', "INSERT INTO external_metrics (movie_id, source, metric_type, value) SELECT id, 'tmdb', 'rating', ${\ to(10)} FROM movies WHERE id % 40 = ${\ to(40)}
			ON CONFLICT (movie_id, source, metric_type) DO UPDATE SET value = EXCLUDED.value" ],
		[ 'insert', "INSERT INTO external_metrics (movie_id, source, metric_type, value) SELECT id, 'imdb', 'rating', 1 FROM movies WHERE id % 30 = ${\ to(30)} ON CONFLICT DO NOTHING" ],
		[ 'update', "UPDATE external_metrics SET value = ${\ maybe(to(40) / 4)} WHERE movie_id % 60 = ${\ to(60)} AND source = ${\ quoted(one_of('tmdb', 'meta', 'rt'))}" ],
		[ 'move', "UPDATE external_metrics SET movie_id = (SELECT id FROM movies ORDER BY id OFFSET ${\ to(100)} LIMIT 1) WHERE movie_id = ${\ to(200)} AND source = 'rt'" ],
		[ 'move', "UPDATE external_metrics SET source = 'other' WHERE movie_id = ${\ to(200)} AND source = 'meta'" ],
		[ 'delete', "DELETE FROM external_metrics WHERE movie_id % 90 = ${\ to(90)}" ],
		[ 'merge', "MERGE INTO external_metrics AS t USING (SELECT id, ${\ to(9)} AS value FROM movies WHERE id % 20 = ${\ to(20)}) AS s ON t.movie_id = s.id AND t.source = 'meta' AND t.metric_type = 'score'
			WHEN MATCHED AND s.id % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET value = s.value WHEN NOT MATCHED THEN INSERT (movie_id, source, metric_type, value) VALUES (s.id, 'meta', 'score', s.value)" ],
		[ 'copy', "COPY festival_nominations (movie_id, won) FROM PROGRAM 'printf ''%s\\n'' ${\ to(200)},t ${\ to(200)},f ,t' WITH (FORMAT csv)" ],
		[ 'insert', "INSERT INTO festival_nominations (movie_id, won) SELECT id, id % 2 = 0 FROM movies WHERE id % 30 = ${\ to(30)}" ],
		[ 'move', "UPDATE festival_nominations SET movie_id = ${\ maybe(to(200))} WHERE id % 20 = ${\ to(20)}" ],
		[ 'delete', "DELETE FROM festival_nominations WHERE id % 5 = ${\ to(5)}" ],
		[ 'update', "UPDATE people SET quality = ${\ maybe(to(100))} WHERE id = ${\ to(60)}" ],
		[ 'update', "UPDATE people SET name = 'N' WHERE id < 30" ],
		[ 'cascade', "DELETE FROM people WHERE id = ${\ to(600)}" ],
		[ 'insert', "INSERT INTO movie_credits SELECT m.id, p.id FROM movies AS m, people AS p WHERE m.id % 40 = ${\ to(40)} AND p.id % 20 = ${\ to(20)} ON CONFLICT DO NOTHING" ],
		[ 'move', "UPDATE movie_credits SET movie_id = ${\ to(200)} WHERE movie_id = ${\ to(200)} AND person_id % 4 = 0" ],
		[ 'move', "UPDATE movie_credits SET person_id = ${\ to(60)} WHERE movie_id = ${\ to(200)} AND person_id % 4 = 1" ],
		[ 'cascade', "INSERT INTO people VALUES (${\ next_id()}, 'new', 50); INSERT INTO movie_credits SELECT m.id, p.id FROM movies AS m, (SELECT max(id) AS id FROM people) AS p WHERE m.id % 50 = ${\ to(50)}" ],
		[ 'insert', "INSERT INTO orders SELECT ${\ next_id()}, ${\ uuid()}, ${\ to(9999)} / 100.0, timestamptz '2026-03-29 00:30:00.123456' + ${\ to(9)} * interval '1 hour', ${\ to(3)} * interval '1 month 2 days -3 hours', decode('00ff', 'hex')" ],
		[ 'update', "UPDATE orders SET amount = amount + 1.5, paid = ${\ maybe(quoted(to(90) . ' min'))} WHERE id % 10 = ${\ to(10)}" ],
		[ 'move', "UPDATE orders SET account = ${\ uuid()}, at = at + interval '1 second' WHERE id % 20 = ${\ to(20)}" ],
		[ 'delete', "DELETE FROM orders WHERE id % 25 = ${\ to(25)}; DELETE FROM accounts WHERE id = ${\ uuid()}" ],
		[ 'insert', "INSERT INTO accounts VALUES (${\ uuid()}, 'again') ON CONFLICT (id) DO UPDATE SET name = accounts.name || '+'" ],
		[ 'insert', "INSERT INTO tags VALUES (${\ next_id()}, ${\ tag()}, 1), (${\ next_id()}, ${\ tag()}, 2)" ],
		[ 'move', "UPDATE tags SET tag = ${\ tag()} WHERE id % 12 = ${\ to(12)}" ],
		[ 'update', "UPDATE tags SET n = n + 1 WHERE tag = ${\ tag()} OR id < 3" ],
		[ 'delete', "DELETE FROM tags WHERE id % 15 = ${\ to(15)}" ],
		[ 'insert', "INSERT INTO readings SELECT ${\ to(15)}, date '2026-01-01' + i, i FROM generate_series(1, ${\ to(40)}, 7) AS i" ],
		[ 'insert', "INSERT INTO readings_22 (sensor, day, value) VALUES (${\ (5 + to(9))}, '2026-01-12', 5); INSERT INTO readings_2 (sensor, day, value) VALUES (${\ to(15)}, '2026-01-13', 6)" ],
		[ 'move', "UPDATE readings SET day = date '2026-01-01' + ${\ to(50)} WHERE sensor = ${\ to(15)} AND value % 3 = 0" ],
		[ 'move', "UPDATE readings_2 SET sensor = ${\ to(15)} WHERE sensor = ${\ to(15)}" ],
		[ 'move', "UPDATE readings SET sensor = sensor % 15 + 1, day = day + 9 WHERE value % 10 = ${\ to(10)}" ],
		[ 'update', "UPDATE readings SET filler = 'not read' WHERE sensor < 5" ],
		[ 'update', "UPDATE readings_1 SET value = value + 1 WHERE sensor = ${\ to(15)}" ],
		[ 'delete', "DELETE FROM readings WHERE value % 20 = ${\ to(20)}" ],
		[ 'merge', "MERGE INTO readings AS r USING (SELECT ${\ to(15)} AS sensor, date '2026-01-05' + ${\ to(20)} AS day) AS s ON r.sensor = s.sensor AND r.day = s.day
			WHEN MATCHED AND r.value > 100 THEN DELETE WHEN MATCHED THEN UPDATE SET day = r.day + 6 WHEN NOT MATCHED THEN INSERT (sensor, day, value) VALUES (s.sensor, s.day, 8)" ],
		[ 'insert', "INSERT INTO a (id, grp, val, list) VALUES (${\ to(70)}, ${\ maybe(to(5))}, ${\ to(20)}, ARRAY[1, 2, 3, 4, 5]) ON CONFLICT (id) DO UPDATE SET val = EXCLUDED.val, grp = EXCLUDED.grp" ],
		[ 'update', "UPDATE a SET wide = wide || 'z' WHERE id % 25 = ${\ to(25)}" ],
		[ 'update', "UPDATE a SET list = list[2:] WHERE id % 10 = ${\ to(10)}" ],
		[ 'update', "UPDATE a SET val = ${\ to(12)} WHERE id % 12 = ${\ to(12)}" ],
		[ 'update', "UPDATE a SET grp = ${\ to(5)} WHERE id % 12 = ${\ to(12)}" ],
		[ 'move', "UPDATE a SET id = ${\ to(80)} WHERE id = ${\ to(70)}" ],
		[ 'delete', "DELETE FROM a WHERE id % 30 = ${\ to(30)}" ],
		[ 'insert', "INSERT INTO b SELECT ${\ next_id()}, ${\ maybe(to(60))}, ${\ kind()}, ${\ to(11)}" ],
		[ 'insert', "INSERT INTO b_more SELECT ${\ next_id()}, ${\ maybe(to(60))}, ${\ kind()}, ${\ to(11)}" ],
		[ 'update', "UPDATE b SET n = ${\ maybe(to(11))} WHERE id % 20 = ${\ to(20)}" ],
		[ 'update', "UPDATE b SET wide = wide || '!' WHERE a_id < 20" ],
		[ 'move', "UPDATE b SET a_id = ${\ maybe(to(60))} WHERE id % 30 = ${\ to(30)}" ],
		[ 'move', "UPDATE b_more SET a_id = a_id + 1, kind = ${\ kind()}" ],
		[ 'update', "WITH gone AS (DELETE FROM b WHERE a_id = ${\ to(60)} RETURNING a_id), more AS (UPDATE a SET val = val + 1 WHERE id IN (SELECT a_id FROM gone) RETURNING id)
			INSERT INTO c SELECT id, 9, 1 FROM more ON CONFLICT DO NOTHING" ],
		[ 'update', "UPDATE b SET n = b.n + a.val, kind = 'x' FROM a WHERE a.id = b.a_id AND a.grp = ${\ to(5)}" ],
		[ 'delete', "DELETE FROM b WHERE id % 25 = ${\ to(25)}" ],
		[ 'insert', "INSERT INTO c VALUES (${\ to(50)}, ${\ to(5)}, ${\ to(120)}) ON CONFLICT (a_id, no) DO UPDATE SET n = EXCLUDED.n" ],
		[ 'move', "UPDATE c SET a_id = ${\ to(50)}, no = no + 5 WHERE a_id = ${\ to(50)}" ],
		[ 'delete', "DELETE FROM c WHERE n % 20 = ${\ to(20)}" ],
		[ 'copy', "COPY c FROM PROGRAM 'printf ''%s\\n'' ${\ to(50)},${\ next_id()},7 ${\ to(50)},${\ next_id()},' WITH (FORMAT csv)" ],
		rand() < 0.15 ? [ 'truncate', one_of('TRUNCATE c', 'TRUNCATE movie_credits', 'TRUNCATE readings_1', 'TRUNCATE readings_2', 'TRUNCATE festival_nominations, tags', 'TRUNCATE b', 'TRUNCATE ONLY b',
			'TRUNCATE external_metrics; INSERT INTO external_metrics (movie_id, source, metric_type, value) SELECT id, $$tmdb$$, $$popularity$$, id % 100 FROM movies') ] : [ 'none', 'SELECT' ]) };
	$count{$what}++;
	return $sql;
}

# Sessions with settings of their own.  A lock that another has is given up on, and the transaction with it.
no warnings 'redefine';
*PostgreSQL::Test::BackgroundPsql::note = sub { };
use warnings 'redefine';
my @sessions;
for my $settings ("SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'",
	"SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/New_York'; SET IntervalStyle = 'postgres_verbose'; SET extra_float_digits = 0; SET standard_conforming_strings = on",
	"SET search_path = pg_temp, public; SET default_transaction_isolation = 'repeatable read'", 'SET default_toast_compression = pglz')
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->set_query_timer_restart();
	$session->query("$settings; SET lock_timeout = '3ms'; SET client_min_messages = error; SET jit = off");
	push @sessions, { psql => $session, open => 0 };
}
my $main = $node->background_psql('postgres', on_error_stop => 0);
$main->set_query_timer_restart();
$main->query("SET jit = off; SET client_min_messages = error; SET lock_timeout = '3s'");

my ($checks, $overlaps, $errors, $failed, $changed, $own) = (0) x 6;

# Runs SQL that must not fail, and returns what it says.
sub must
{
	my ($session, $sql) = @_;
	my ($out, $failure) = $session->query($sql);
	$out .= $session->{stderr} if $failure;
	$session->{stderr} = '';
	return $out;
}

# Something in a session: part of its transaction, or one of its own.
sub act
{
	my ($session) = @_;
	my $psql = $session->{psql};
	my $sql = '';
	if (!$session->{open} && rand() < 0.6)
	{
		$sql = 'BEGIN; ';
		$session->{open} = 1;
	}
	for (1 .. to(3))
	{
		my $change = change();
		if ($session->{open} && rand() < 0.3)
		{
			$sql .= "SAVEPOINT s;\n$change\n;" . one_of('ROLLBACK TO s', 'ROLLBACK TO s; ' . change() . "\n", 'RELEASE s') . ";\n";
			$count{savepoint}++;
		}
		else
		{
			$sql .= "$change\n;\n";
		}
	}
	my (undef, $error) = $psql->query($sql);
	if ($error)
	{
		die $psql->{stderr} unless $psql->{stderr} =~ /ERROR/;
		if ($psql->{stderr} =~ /^.*ERROR:  (?!canceling statement due to lock timeout|duplicate key|current transaction is aborted|could not serialize|update or delete on|insert or update on|MERGE command cannot|null value|there is no unique|savepoint|cannot truncate|ON CONFLICT DO UPDATE command cannot|tuple to be)(.*)/m)
		{
			diag("unexpected: $1\n$sql") if $failed++ < 5;
		}
		$errors++;
		$psql->{stderr} = '';
	}
	return;
}

# Ends a session's transaction.
sub end
{
	my ($session) = @_;
	return unless $session->{open};
	$session->{psql}->query(rand() < 0.75 ? 'COMMIT' : 'ROLLBACK');
	$session->{psql}->{stderr} = '';
	$session->{open} = 0;
	return;
}

# New partitions come and go.
sub change_partitions
{
	my $sql = one_of(
		"CREATE TABLE readings_x PARTITION OF readings FOR VALUES FROM ('2027-01-01') TO ('2027-02-01'); INSERT INTO readings_x VALUES (1, '2027-01-05', 77), (16, '2027-01-06', 78)",
		"CREATE TABLE readings_x (LIKE readings); INSERT INTO readings_x VALUES (2, '2027-01-05', 79), (17, '2027-01-06', 80); ALTER TABLE readings ATTACH PARTITION readings_x FOR VALUES FROM ('2027-01-01') TO ('2027-02-01'); UPDATE readings_x SET value = 0 WHERE sensor = 2",
		'ALTER TABLE readings DETACH PARTITION readings_x; UPDATE readings_x SET value = 1; DROP TABLE readings_x',
		'DROP TABLE readings_x',
		"CREATE TABLE readings_23 PARTITION OF readings_2 FOR VALUES IN (77)", 'DROP TABLE readings_23');
	$main->query($sql);
	$main->{stderr} = '';
	$count{ddl}++;
	return;
}

my $start = time;
my @problems;
for my $round (1 .. $rounds)
{
	for (1 .. to(2))
	{
		act(one_of(@sessions));
	}
	my $open = sum0(map { $_->{open} } @sessions);
	$overlaps++ if $open > 1;

	# In a snapshot of any session, its own changes included
	if (rand() < 0.05)
	{
		my $session = one_of(@sessions);
		my ($out, $error) = $session->{psql}->query('SELECT not_fresh()');
		push @problems, "round $round, in a session: not fresh: $out" if !$error && $out ne '';
		$own++ unless $error;
		$session->{psql}->{stderr} = '';
	}

	# Beside transactions that are open
	my $some = one_of(@scores)->[0];
	if (rand() < 0.3)
	{
		my $mode = one_of('auto', 'delta', 'delta', 'full');
		my $out = must($main, "SELECT '' FROM pollseed_score_refresh('$some', '$mode')");
		push @problems, "round $round, refresh of $some: $out" if $out ne '' && $out !~ /lock timeout/;
		$count{$mode}++;
	}

	for my $session (@sessions)
	{
		end($session) if rand() < 0.5;
	}
	next if rand() < 0.75 && $round < $rounds;
	end($_) for @sessions;
	change_partitions() if rand() < 0.1;
	my $modes = join ',', map { one_of('auto', 'delta', 'delta', 'full') } @scores;
	my $out = must($main, "SELECT not_fresh(); SELECT refresh_all('{$modes}') \\gset\nSELECT not_stored(); SELECT not_fresh();\nSELECT :refresh_all");
	$out =~ s/(\d+)$//;
	$changed += $1 // 0;
	push @problems, "round $round: $out" if $out =~ /\S/;
	$checks++;
	last if @problems > 5;
}
is(join("\n", @problems), '', "in $rounds rounds every snapshot has what the formulas say") or diag "seed $seed";
cmp_ok($checks, '>', $rounds / 6, 'all scores were verified after many of them');
cmp_ok($overlaps, '>', $rounds / 10, 'transactions overlapped');
cmp_ok($own, '>', $rounds / 50, 'sessions looked in the middle of theirs');
cmp_ok($changed, '>', $rounds * 2, 'refreshes had something to do');
is($failed, 0, 'nobody met an error that is not about keys and locks');
note(sprintf '%d checks, %d rows changed by them, %d rounds with overlaps, %d errors, %.0f s: %s', $checks, $changed, $overlaps, $errors, time - $start, join ', ', map { "$count{$_} $_" } sort keys %count);
$_->{psql}->quit for @sessions;
$main->quit;
is(query("SELECT string_agg(DISTINCT state, ' ') FROM pollseed_scores"), 'ready', 'the scores are ready');
unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|TRAP|WARNING|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
