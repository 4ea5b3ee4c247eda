# A database with scores, dumped and restored: the definitions, the keys that were waiting, and what captures changes are there,
# in databases of other names too.  Without the extension the tables of scores are plain tables.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('score_dump');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nlog_statement = none");
$node->start;
my $dump = $node->basedir . '/dump';

sub run_in
{
	my ($db, $sql, @params) = @_;
	return $node->safe_psql($db, qq{SET search_path = "A ""b""", public; SET client_min_messages = error; $sql}, @params);
}

sub error_in
{
	my ($db, $sql, @params) = @_;
	my ($ret, $out, $err) = $node->psql($db, qq{SET search_path = "A ""b""", public; SET client_min_messages = warning; $sql}, @params);
	return $err;
}

# A score of a table, one of partitions by two keys, one of a score, and one with a query for its keys.
$node->safe_psql('postgres', $_) for 'CREATE ROLE app LOGIN', 'CREATE DATABASE source';
$node->safe_psql('source', q{CREATE EXTENSION pollseed; CREATE SCHEMA "A ""b""" AUTHORIZATION app; GRANT ALL ON SCHEMA public TO PUBLIC});
my @app = (extra_params => [ '-U', 'app' ]);
run_in('source', q{
	CREATE TABLE items (id int PRIMARY KEY, value int NOT NULL);
	CREATE TABLE parts (id int, item int, "The kind" text, amount numeric) PARTITION BY LIST ("The kind");
	CREATE TABLE parts_x PARTITION OF parts FOR VALUES IN ('x');
	CREATE TABLE "parts ""y""" PARTITION OF parts FOR VALUES IN ('y');
	CREATE INDEX ON parts (item, "The kind");
	CREATE TABLE makers (id int PRIMARY KEY, rank int);
	CREATE TABLE made (item int, maker int, PRIMARY KEY (item, maker));
	CREATE INDEX ON made (maker);
	INSERT INTO items SELECT i, i FROM generate_series(1, 100) AS i;
	INSERT INTO parts SELECT i, i % 100, CASE WHEN i % 2 = 0 THEN 'x' ELSE 'y' END, i FROM generate_series(1, 300) AS i;
	INSERT INTO makers SELECT i, i FROM generate_series(1, 10) AS i;
	INSERT INTO made SELECT i, i % 10 + 1 FROM generate_series(1, 100) AS i;
	CREATE FUNCTION doubled(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
	CREATE VIEW item_formula AS SELECT i.id, doubled(i.value) AS value, (SELECT sum(m.rank) FROM made AS d JOIN makers AS m ON m.id = d.maker WHERE d.item = i.id) AS rank FROM items AS i;
	CREATE VIEW "Parts" AS SELECT item, "The kind", sum(amount) AS amount FROM parts WHERE item IS NOT NULL GROUP BY 1, 2;
	SELECT FROM pollseed_score_create('item_scores', 'item_formula', 'id', '[{"table": "makers", "key": "id", "via": "SELECT d.item FROM made AS d WHERE d.maker = ANY ($1)"}]');
	SELECT FROM pollseed_score_create('"Part scores"', '"Parts"', 'item, "The kind"');
	CREATE VIEW top_formula AS SELECT id, value FROM item_scores WHERE value > 100;
	SELECT FROM pollseed_score_create('top_scores', 'top_formula', 'id');
	CREATE VIEW later AS SELECT * FROM item_scores}, @app);
my @scores = ('item_scores', '"Part scores"', 'top_scores');

# Some keys wait in the queues when it is dumped.
run_in('source', q{
	SELECT FROM pollseed_score_refresh('item_scores');
	UPDATE items SET value = value + 100 WHERE id < 20;
	DELETE FROM items WHERE id = 90;
	UPDATE parts SET "The kind" = 'y', item = 7 WHERE id = 2;
	UPDATE makers SET rank = 100 WHERE id = 3}, @app);
my $queued = run_in('source', q{SELECT name, dirty_keys FROM pollseed_scores ORDER BY id});
unlike($queued, qr/scores"?\|0.*\n.*\|0/, 'keys are waiting');

# What the database has of scores, without numbers of its own.
sub has
{
	my ($db) = @_;
	return run_in($db, q{
		SELECT name, owner, definition, key, state, problem, dirty_keys, refreshes, last_mode FROM pollseed_scores ORDER BY id;
		SELECT r.score_id, source_no, relation, key_columns, via, columns FROM pollseed.score_sources AS r ORDER BY 1, 2;
		SELECT tgrelid::regclass, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0 ORDER BY tgrelid::regclass::text COLLATE "C", tgname;
		SELECT * FROM item_scores_queue ORDER BY 1, k1; SELECT * FROM "Part scores_queue" ORDER BY 1, k1;
		SELECT * FROM item_scores ORDER BY id; SELECT * FROM item_scores_fresh ORDER BY id});
}

# Where each score is what its view is: fresh before a refresh, stored after.
sub is_fresh
{
	my ($db, $what) = @_;
	is(run_in($db, join '; ', map { my ($score, $view) = @$_;
			"SELECT count(*) FROM ((TABLE $score EXCEPT ALL TABLE $view) UNION ALL (TABLE $view EXCEPT ALL TABLE $score)) AS d" }
			([ 'item_scores_fresh', 'item_formula' ], [ '"Part scores_fresh"', '"Parts"' ], [ 'top_scores_fresh', 'top_formula' ])),
		"0\n0\n0", "$db: fresh rows are what the views are, $what");
	return;
}

sub is_stored
{
	my ($db, $what, @params) = @_;
	for my $score (@scores)
	{
		my $name = $score =~ s/'/''/gr;
		isnt(run_in($db, "SELECT mode FROM pollseed_score_refresh('$name')", @params), '', "$db: $score is refreshed, $what");
	}
	is(run_in($db, join('; ', map { "SELECT * FROM pollseed_score_verify('$_')" } @scores), @params), "0|0|0\n0|0|0\n0|0|0", 'and is what its view is');
	is(run_in($db, q{SELECT string_agg(state || coalesce(problem, ''), ' ') FROM pollseed_scores}), 'ready ready ready', 'the scores are ready');
	return;
}

# Changes of each source.
sub change
{
	my ($db, @params) = @_;
	run_in($db, q{
		UPDATE items SET value = value + 1 WHERE id BETWEEN 10 AND 30; INSERT INTO items SELECT max(id) + 1, 1 FROM items;
		INSERT INTO "parts ""y""" VALUES (1000, 50, 'y', 5); UPDATE parts SET "The kind" = 'x' WHERE id = 3; DELETE FROM parts_x WHERE item = 8;
		UPDATE makers SET rank = rank + 1 WHERE id = 5; DELETE FROM made WHERE item = 12}, @params);
	return;
}

$node->command_ok([ 'pg_dump', '-f', "$dump.sql", $node->connstr('source') ], 'a dump as text');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", $node->connstr('source') ], 'a dump as an archive');
$node->command_ok([ 'pg_dump', '--schema-only', '-f', "$dump.schema", $node->connstr('source') ], 'a dump of the schema only');
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") for 'text', 'archive', 'schema_only', 'again';
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", $node->connstr('text') ], 'restored from text');
$node->command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr('archive'), "$dump.custom" ], 'restored from an archive');

my $source = has('source');
for my $db ('text', 'archive')
{
	is(has($db), $source, "$db: all of it is there");
	is_fresh($db, 'as it was restored');
	change($db, @app);
	is_fresh($db, 'after changes');
	is_stored($db, 'by its owner', @app);
	change($db);
	is_stored($db, 'once more');
	is(run_in($db, q{INSERT INTO parts VALUES (5000, 1, 'x', 1); CREATE TABLE parts_z PARTITION OF parts FOR VALUES IN ('z'); INSERT INTO parts_z VALUES (5001, 2, 'z', 2); SELECT count(*) FROM "Part scores_queue" WHERE k1 IS NOT NULL}, @app), '2',
		'a new partition is captured');
	is_stored($db, 'with it');
	run_in($db, q{CREATE VIEW more AS SELECT id, value AS n FROM items; SELECT FROM pollseed_score_create('more_scores', 'more', 'id'); INSERT INTO items VALUES (3000, 3)});
	is(run_in($db, q{SELECT inserted FROM pollseed_score_refresh('more_scores')}), '1', 'a new score has a number of its own');
	is(run_in($db, q{SELECT pollseed_score_drop('more_scores')}), 't', 'and is dropped');
	is_stored($db, 'without the other');
}

# Schemas without data: what the scores are is not known there, and nothing is in the way of knowing it anew.
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.schema", $node->connstr('schema_only') ], 'restored without data');
is(run_in('schema_only', 'SELECT count(*) FROM pollseed_scores'), '0', 'without data there are no scores');
run_in('schema_only', q{INSERT INTO items VALUES (1, 1); UPDATE items SET value = 2; DELETE FROM items; TRUNCATE parts});
is(run_in('schema_only', 'SELECT count(*) FROM items'), '0', 'their triggers let writers write');

# Restored for other owners: the role of old does not exist on another server.
my $other = PostgreSQL::Test::Cluster->new('score_dump_other');
$other->init;
$other->append_conf('postgresql.conf', 'fsync = off');
$other->start;
$other->safe_psql('postgres', 'CREATE DATABASE theirs TEMPLATE template0');
$other->safe_psql('theirs', 'GRANT ALL ON SCHEMA public TO PUBLIC; ALTER DATABASE theirs SET client_min_messages = error');
$other->command_ok([ 'pg_restore', '--no-owner', '--no-acl', '-e', '-d', $other->connstr('theirs'), "$dump.custom" ], 'restored where the owner does not exist');
my ($ret, $out, $err) = $other->psql('theirs', q{SET search_path = "A ""b""", public; UPDATE items SET value = 5 WHERE id = 50; SELECT pollseed_score_refresh('item_scores')});
like($err, qr/ERROR:  the owner of score "A ""b""".item_scores does not exist any more\nHINT:  Drop the score and create it anew\./, 'whose a score is not there is not refreshed by anybody else');
isnt($other->safe_psql('theirs', q{SELECT count(*) FROM pollseed_scores}), '0', 'the scores are known');
is($other->safe_psql('theirs', q{SET search_path = "A ""b""", public; SELECT count(*) FROM ((TABLE item_scores_fresh EXCEPT ALL TABLE item_formula) UNION ALL (TABLE item_formula EXCEPT ALL TABLE item_scores_fresh)) AS d}), '0',
	'fresh rows are what the view is');
$other->safe_psql('theirs', q{SET search_path = "A ""b""", public; DROP VIEW later; SELECT pollseed_score_drop('top_scores'); DROP VIEW top_formula; SELECT pollseed_score_drop('item_scores')});
($ret, $out, $err) = $other->psql('theirs', q{SET search_path = "A ""b""", public; UPDATE items SET value = 6 WHERE id = 50; SELECT state FROM pollseed_score_create('item_scores', 'item_formula', 'id',
	'[{"table": "makers", "key": "id", "via": "SELECT d.item FROM made AS d WHERE d.maker = ANY ($1)"}]'); UPDATE items SET value = 7 WHERE id = 50; SELECT updated FROM pollseed_score_refresh('item_scores')});
is($out, "ready\n1", 'one can drop it, and make it anew') or diag $err;
$other->stop;

# A dump of what was restored
change('text', @app);
$node->command_ok([ 'pg_dump', '-f', "$dump.again", $node->connstr('text') ], 'a dump of what was restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.again", $node->connstr('again') ], 'restored once more');
is_fresh('again', 'there too');
change('again', @app);
is_stored('again', 'there too', @app);
change('source', @app);
is_stored('source', 'which has not noticed', @app);

# A copied database, and a renamed one
$node->safe_psql('postgres', $_) for 'CREATE DATABASE copy TEMPLATE again', 'ALTER DATABASE again RENAME TO renamed';
for my $db ('copy', 'renamed')
{
	change($db, @app) if $db eq 'copy';
	run_in($db, 'UPDATE items SET value = 77 WHERE id = 40');
	is_fresh($db, 'at once');
	is_stored($db, 'as it is', @app);
}

# An owner of another name, on the server itself
$node->safe_psql('postgres', 'ALTER ROLE app RENAME TO app_renamed');
@app = (extra_params => [ '-U', 'app_renamed' ]);
change('source', @app);
is_stored('source', 'by an owner of another name', @app);
is(run_in('source', 'SELECT DISTINCT owner FROM pollseed_scores', @app), 'app_renamed', 'who is told that they are his');

# The extension is dropped without a word about what depends on it; what it made for users stays.
run_in('copy', 'UPDATE items SET value = 78 WHERE id = 41');
my $rows = run_in('copy', 'SELECT * FROM item_scores ORDER BY id; SELECT * FROM "Part scores" ORDER BY 1, 2');
is(error_in('copy', 'DROP EXTENSION pollseed'), '', 'the extension is dropped');
is(run_in('copy', 'SELECT * FROM item_scores ORDER BY id; SELECT * FROM "Part scores" ORDER BY 1, 2'), $rows, 'the tables have their rows');
is(run_in('copy', q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pollseed%'}), '0', 'no trigger is left');
is(error_in('copy', q{UPDATE items SET value = 1; DELETE FROM made; TRUNCATE parts; DROP TABLE item_scores, top_scores, "Part scores" CASCADE}), '', 'writers write, and the tables can be dropped');
is(error_in('copy', q{CREATE EXTENSION pollseed}), '', 'the extension can be made again');

# A database of the release before scores, updated.
$node->safe_psql('postgres', 'CREATE DATABASE older');
run_in('older', q{CREATE EXTENSION pollseed VERSION '0.3.0'; CREATE SCHEMA "A ""b"""; CREATE TABLE items (id int PRIMARY KEY, value int); INSERT INTO items VALUES (1, 1); CREATE VIEW item_formula AS SELECT * FROM items;
	ALTER EXTENSION pollseed UPDATE TO '0.4.0'});
run_in('older', q{SELECT FROM pollseed_score_create('item_scores', 'item_formula', 'id'); UPDATE items SET value = 2});
is(run_in('older', q{SELECT updated FROM pollseed_score_refresh('item_scores')}), '1', 'an updated database has scores');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|WARNING/, 'the server has nothing to warn of');
$node->stop;
done_testing();
