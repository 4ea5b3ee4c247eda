# Prepared transactions: what they changed is captured with them.  A refresh neither waits for them nor loses their keys, also
# over a crash of the server in between.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('score_2pc');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 10\nlock_timeout = '20s'");
$node->start;

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

query(q{
	CREATE EXTENSION pollseed;
	SET client_min_messages = error;
	CREATE TABLE items (id int PRIMARY KEY, value int);
	CREATE TABLE parts (id int PRIMARY KEY, item int, amount int);
	CREATE INDEX ON parts (item);
	INSERT INTO items SELECT i, i FROM generate_series(1, 20) AS i;
	INSERT INTO parts SELECT i, i % 20 + 1, i FROM generate_series(1, 60) AS i;
	CREATE VIEW item_formula AS SELECT i.id, i.value, coalesce(p.amount, 0) AS amount FROM items AS i LEFT JOIN (SELECT item, sum(amount) AS amount FROM parts GROUP BY item) AS p ON p.item = i.id;
	SELECT FROM pollseed_score_create('item_scores', 'item_formula', 'id')});

sub refresh
{
	my ($mode) = @_;
	return query("SELECT keys, inserted, updated, deleted, remaining FROM pollseed_score_refresh('item_scores', '$mode')");
}

sub is_right
{
	my ($what) = @_;
	is(query('SELECT count(*) FROM ((TABLE item_scores_fresh EXCEPT ALL TABLE item_formula) UNION ALL (TABLE item_formula EXCEPT ALL TABLE item_scores_fresh)) AS d'), '0', "$what: fresh rows are what the view is");
	return;
}

sub is_stored
{
	my ($what) = @_;
	is(query("SELECT * FROM pollseed_score_verify('item_scores')"), '0|0|0', "$what: the score is what its view is");
	return;
}

sub crash
{
	$node->stop('immediate');
	$node->start;
	return;
}

query('SELECT FROM pollseed_score_refresh($$item_scores$$)');

# Prepared, with a savepoint rolled back in it, and a key that another change has too; the server crashes or does not.
for my $crash (0, 1)
{
	my $what = $crash ? 'over a crash' : 'prepared';
	query(q{BEGIN; UPDATE items SET value = value + 100 WHERE id = 1; SAVEPOINT s; UPDATE items SET value = 0 WHERE id = 2; ROLLBACK TO s;
		UPDATE parts SET item = 4 WHERE id = 2; DELETE FROM items WHERE id = 10; INSERT INTO items VALUES (100, 100); PREPARE TRANSACTION 'one'});
	query(q{BEGIN; UPDATE items SET value = value + 1 WHERE id = 5; PREPARE TRANSACTION 'two'});
	query(q{UPDATE items SET value = value + 10 WHERE id = 6; UPDATE parts SET amount = amount + 1 WHERE item = 1});
	crash() if $crash;
	is_right($what);
	is(refresh('delta'), '2|0|2|0|0', "$what: a refresh finds what is committed");
	is_stored($what);
	is(refresh('full') =~ s/^\d+\|//r, '0|0|0|0', 'and so does a full one');
	crash() if $crash;
	query(q{COMMIT PREPARED 'one'});
	is_right('committed');
	crash() if $crash;
	is(refresh('delta'), '5|1|3|1|0', 'then the keys of the first are found');
	is_stored('committed');
	query(q{ROLLBACK PREPARED 'two'});
	is_right('rolled back');
	is(refresh('delta'), '0|0|0|0|0', 'nothing is left of the second');
	is_stored('rolled back');
	query(q{DELETE FROM items WHERE id = 100; INSERT INTO items VALUES (10, 10); UPDATE parts SET item = 3 WHERE id = 2});
	refresh('auto');
}

# A refresh in a transaction that is prepared: the next one waits for it, and finds the keys if it is rolled back.
query('UPDATE items SET value = 1000 WHERE id = 7');
query(q{BEGIN; SELECT FROM pollseed_score_refresh('item_scores'); PREPARE TRANSACTION 'refresh'});
query('UPDATE items SET value = 1001 WHERE id = 8');
crash();
is_right('a prepared refresh');
my ($ret, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT pollseed_score_refresh('item_scores')});
like($err, qr/ERROR:  canceling statement due to lock timeout/, 'another refresh waits for it');
query(q{ROLLBACK PREPARED 'refresh'});
is(refresh('delta'), '2|0|2|0|0', 'and finds its keys when it is rolled back');
is_stored('a refresh rolled back');
query('UPDATE items SET value = 2000 WHERE id = 7');
query(q{BEGIN; SELECT FROM pollseed_score_refresh('item_scores', 'full'); PREPARE TRANSACTION 'refresh'});
query('UPDATE items SET value = 2001 WHERE id IN (7, 8)');
crash();
query(q{COMMIT PREPARED 'refresh'});
is_right('a refresh committed');
is(refresh('delta'), '2|0|2|0|0', 'what came after it is found');
is_stored('a refresh committed');

# TRUNCATE
query(q{BEGIN; TRUNCATE parts; INSERT INTO parts VALUES (1, 1, 1); PREPARE TRANSACTION 'truncate'});
($ret, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT pollseed_score_refresh('item_scores')});
note($err);
crash();
query(q{COMMIT PREPARED 'truncate'});
is_right('TRUNCATE');
is(query(q{SELECT mode FROM pollseed_score_refresh('item_scores', 'delta')}), 'full', 'a prepared TRUNCATE makes all keys dirty');
is_stored('TRUNCATE');

# A score that is made beside a prepared transaction waits for it where it has a lock, and is right.
query(q{BEGIN; UPDATE items SET value = -1 WHERE id = 3; PREPARE TRANSACTION 'before'});
($ret, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT pollseed_score_create('other_scores', 'item_formula', 'id')});
like($err, qr/ERROR:  canceling statement due to lock timeout/, 'a score is not made beside one');
is(query(q{SELECT to_regclass('other_scores') IS NULL, count(*) FROM pollseed_scores}), 't|1', 'and nothing is left of it');
query(q{COMMIT PREPARED 'before'});

# A score that is made in a prepared transaction
query(q{BEGIN; SET LOCAL client_min_messages = error; SELECT FROM pollseed_score_create('other_scores', 'item_formula', 'id'); UPDATE items SET value = 9 WHERE id = 9; PREPARE TRANSACTION 'create'});
crash();
query(q{COMMIT PREPARED 'create'; UPDATE items SET value = 10 WHERE id = 9});
query(q{SELECT FROM pollseed_score_refresh('other_scores')});
is(query(q{SELECT * FROM pollseed_score_verify('other_scores')}), '0|0|0', 'a score of a prepared transaction is right');
refresh('auto');
is_stored('at the end');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'the server has nothing to warn of');
$node->stop;
done_testing();
