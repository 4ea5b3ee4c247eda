# Scores of a subscriber: what the apply worker does to their sources is captured, which fires no trigger of a statement, and so
# is what the tables are first filled with.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('score_publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', "autovacuum = off\nfsync = off");
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('score_subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nwal_retrieve_retry_interval = 100ms\nmax_logical_replication_workers = 8");
$subscriber->start;

my $tables = q{
	CREATE TABLE items (id int PRIMARY KEY, value int, note text);
	CREATE TABLE parts (id int PRIMARY KEY, item int, amount numeric);
	CREATE TABLE readings (sensor int, day date, value int, PRIMARY KEY (sensor, day)) PARTITION BY RANGE (day);
	CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE readings_2 PARTITION OF readings FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	CREATE TABLE whole (id int, n int);
	ALTER TABLE whole REPLICA IDENTITY FULL};
$publisher->safe_psql('postgres', "$tables;" . q{
	INSERT INTO items SELECT i, i, 'n' FROM generate_series(1, 50) AS i;
	INSERT INTO parts SELECT i, i % 50 + 1, i FROM generate_series(1, 100) AS i;
	INSERT INTO readings SELECT i % 10, date '2026-01-01' + i, i FROM generate_series(1, 50) AS i;
	INSERT INTO whole SELECT i % 5, i FROM generate_series(1, 20) AS i;
	CREATE PUBLICATION leaves FOR TABLE items, parts, readings, whole});

# The subscriber's tables may be others: with other columns first, and partitions where the publisher has none.
$subscriber->safe_psql('postgres', "CREATE EXTENSION pollseed; SET client_min_messages = error; $tables;" . q{
	ALTER TABLE items ADD own int DEFAULT 7;
	DROP TABLE parts;
	CREATE TABLE parts (own text, amount numeric, item int, id int PRIMARY KEY) PARTITION BY HASH (id);
	CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE INDEX ON parts (item);
	CREATE VIEW item_formula AS SELECT i.id, i.value + i.own AS value, (SELECT sum(p.amount) FROM parts AS p WHERE p.item = i.id) AS amount FROM items AS i;
	CREATE VIEW sensor_formula AS SELECT sensor, sum(value) AS value, count(*) AS n FROM readings GROUP BY sensor;
	CREATE VIEW whole_formula AS SELECT id, sum(n) AS n FROM whole GROUP BY id;
	SELECT FROM pollseed_score_create('item_scores', 'item_formula', 'id');
	SELECT FROM pollseed_score_create('sensor_scores', 'sensor_formula', 'sensor');
	SELECT FROM pollseed_score_create('whole_scores', 'whole_formula', 'id')});
my @scores = ([ 'item_scores', 'item_formula' ], [ 'sensor_scores', 'sensor_formula' ], [ 'whole_scores', 'whole_formula' ]);

# Fresh rows are what the views are, then the refreshed ones are.
sub check
{
	my ($what) = @_;
	for my $score (@scores)
	{
		my ($name, $view) = @$score;
		is($subscriber->safe_psql('postgres', "SELECT count(*) FROM ((TABLE ${name}_fresh EXCEPT ALL TABLE $view) UNION ALL (TABLE $view EXCEPT ALL TABLE ${name}_fresh)) AS d"), '0', "$what: fresh rows of $name");
		$subscriber->safe_psql('postgres', "SELECT FROM pollseed_score_refresh('$name', 'delta')");
		is($subscriber->safe_psql('postgres', "SELECT * FROM pollseed_score_verify('$name')"), '0|0|0', 'and stored ones');
	}
	return;
}

# The keys in the queues.
sub queued
{
	return $subscriber->safe_psql('postgres', join(' UNION ALL ', map {
		"SELECT '$_->[0]', string_agg(DISTINCT k, ' ' ORDER BY k) FROM $_->[0]_queue, unnest(coalesce(k1, '{all}')) AS k HAVING count(*) > 0"
	} @scores) . ' ORDER BY 1');
}

my $connstr = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION leaves");
$subscriber->wait_for_subscription_sync($publisher, 'sub');
is($subscriber->safe_psql('postgres', 'SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM parts), (SELECT count(*) FROM readings), (SELECT count(*) FROM whole)'), '50|100|50|20', 'the tables are filled');
isnt(queued(), '', 'which was captured');
check('the first copy');
is(queued(), '', 'nothing waits then');

for my $case (
	[ 'an insert', 'INSERT INTO items VALUES (51, 51); INSERT INTO parts VALUES (101, 51, 5)', 'item_scores|51' ],
	[ 'an update', 'UPDATE items SET value = 0 WHERE id IN (1, 2)', 'item_scores|1 2' ],
	[ 'an update of what is not read', "UPDATE items SET note = 'other' WHERE id = 3", '' ],
	[ 'a delete', 'DELETE FROM items WHERE id = 4', 'item_scores|4' ],
	[ 'a move of a row to another key', 'UPDATE parts SET item = 6 WHERE id = 4', 'item_scores|5 6' ],
	[ 'a new key', 'UPDATE items SET id = 60 WHERE id = 7', 'item_scores|60 7' ],
	[ 'partitions', "INSERT INTO readings VALUES (20, '2026-02-20', 1); UPDATE readings SET value = 100 WHERE sensor = 1 AND day < '2026-01-15'", 'sensor_scores|1 20' ],
	[ 'a move to another partition', "UPDATE readings SET day = '2026-02-25', sensor = 30 WHERE sensor = 2 AND day = '2026-01-03'", 'sensor_scores|2 30' ],
	[ 'rows without a key', 'UPDATE whole SET id = 9 WHERE id = 3; DELETE FROM whole WHERE id = 4', 'whole_scores|3 4 9' ],
	[ 'TRUNCATE', 'TRUNCATE parts', 'item_scores|all' ],
	[ 'TRUNCATE of a partition', 'TRUNCATE readings_1', 'sensor_scores|all' ],
	[ 'TRUNCATE of all', 'TRUNCATE items, readings, whole', "item_scores|all\nsensor_scores|all\nwhole_scores|all" ])
{
	my ($what, $sql, $expected) = @$case;
	$publisher->safe_psql('postgres', $sql);
	$publisher->wait_for_catchup('sub');
	is(queued(), $expected, "$what is captured, and nothing else");
	check($what);
}

# A transaction that is rolled back, and one of many rows with a savepoint
$publisher->safe_psql('postgres', q{BEGIN; INSERT INTO items SELECT i, i FROM generate_series(1, 3000) AS i; SAVEPOINT s; DELETE FROM items; ROLLBACK TO s; UPDATE items SET value = 1 WHERE id % 2 = 0; COMMIT;
	BEGIN; DELETE FROM items; ROLLBACK});
$publisher->wait_for_catchup('sub');
is($subscriber->safe_psql('postgres', 'SELECT count(*), sum(value) FROM items'), '3000|2251500', 'many rows arrive');
check('many rows');

# The subscriber's own writers, captured by statements as ever
$subscriber->safe_psql('postgres', 'INSERT INTO items VALUES (9999, 1); UPDATE items SET own = 8 WHERE id = 1; DELETE FROM items WHERE id = 2');
is($subscriber->safe_psql('postgres', 'SELECT count(*), count(DISTINCT k1) FROM item_scores_queue'), '3|3', 'own changes are captured once');
check('own changes');
$subscriber->safe_psql('postgres', q{SET session_replication_role = replica; UPDATE items SET value = 5 WHERE id = 10; DELETE FROM items WHERE id = 11; INSERT INTO items VALUES (11000, 1); TRUNCATE whole});
check('a session that says it is a replica');

# A refresh on the subscriber reaches nobody else; a score of a subscriber's score follows.
is($subscriber->safe_psql('postgres', q{SELECT string_agg(DISTINCT state, ' ') FROM pollseed_scores}), 'ready', 'the scores are ready');
unlike(slurp_file($subscriber->logfile), qr/PANIC|TRAP|leak|ERROR/, 'the subscriber met no error');
$subscriber->stop;
$publisher->stop;
done_testing();
