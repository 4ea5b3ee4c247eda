# A seeding that is cancelled, timed out or failed in the middle leaves nothing behind and the session usable, by either lane;
# what only generates can be cancelled too, whatever the count.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Seconds until a cancelled call must have ended; it takes milliseconds, the rest is for a busy machine.
my $soon = 5;

my $node = PostgreSQL::Test::Cluster->new('interrupts');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE EXTENSION amcheck;
	SELECT FROM pollseed_create_poll_tables();
	SELECT FROM pollseed_seed(1000, seed => 1);
	CREATE TABLE before AS SELECT * FROM options;
	CREATE VIEW remains AS
	  SELECT (SELECT count(*) FROM vote_events) AS events,
	         (SELECT count(*) FROM (TABLE options EXCEPT TABLE before) AS changed) AS options,
	         (SELECT count(*) FROM pollseed_runs) AS runs,
	         (SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
	           WHERE c.relname IN ('options', 'vote_events') AND l.pid <> pg_backend_pid()) AS locks});
my $untouched = '1000|0|1|0';
is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'before');

# Waits until the seeding has written a good deal.
sub wait_for_rows
{
	my ($before) = @_;
	return $node->poll_query_until('postgres', "SELECT pg_relation_size('vote_events') > $before + 2000000");
}

sub events_size
{
	return $node->safe_psql('postgres', q{SELECT pg_relation_size('vote_events')});
}

for my $lane ('direct', 'spi')
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("SET pollseed.write_lane = '$lane'");

	# Cancelled in the middle.
	for my $batch_size (1000, 100000)
	{
		my $before = events_size();
		$session->query_until(qr/seeding/,
			"\\echo seeding\nSELECT pollseed_seed(50000000, seed => 1, batch_size => $batch_size);\n");
		ok(wait_for_rows($before), "$lane, batches of $batch_size: a seeding is under way");
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		my $start = time;
		is($session->query('SELECT 1'), '1', 'after its cancellation the session is usable');
		cmp_ok(time - $start, '<', $soon, 'and soon');
		like($session->{stderr}, qr/canceling statement due to user request/, 'it was cancelled');
		$session->{stderr} = '';
		is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'nothing is left of it');
	}

	# In a transaction that goes on.
	my $before = events_size();
	$session->query('BEGIN; SAVEPOINT here');
	$session->query_until(qr/seeding/, "\\echo seeding\nSELECT pollseed_seed(50000000, seed => 1);\n");
	ok(wait_for_rows($before), "$lane: a seeding after a savepoint is under way");
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$session->query('ROLLBACK TO here');
	is($session->query(q{SELECT votes_seeded, lane FROM pollseed_seed(500, seed => 2)}), "500|$lane",
		'after its cancellation another runs in the same transaction');
	$session->query('ROLLBACK');
	$session->{stderr} = '';
	is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'nothing is left of them');

	# Timed out.
	$session->query(q{SET statement_timeout = '300ms'});
	$session->query('SELECT pollseed_seed(50000000, seed => 1)');
	like($session->{stderr}, qr/canceling statement due to statement timeout/, "$lane: a seeding times out");
	$session->{stderr} = '';
	$session->query('RESET statement_timeout');
	is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'nothing is left of it');

	# Failed late.
	my $limit = $node->safe_psql('postgres', q{SELECT last_value + 50000 FROM vote_events_id_seq});
	$node->safe_psql('postgres', "ALTER TABLE vote_events ADD CONSTRAINT early CHECK (id < $limit)");
	$session->query('SELECT pollseed_seed(100000, seed => 1)');
	like($session->{stderr}, qr/new row for relation "vote_events" violates check constraint "early"/,
		"$lane: a seeding fails at vote 50000");
	$session->{stderr} = '';
	is($node->safe_psql('postgres', q{SELECT last_value FROM vote_events_id_seq}), $limit, 'exactly there');
	$node->safe_psql('postgres', 'ALTER TABLE vote_events DROP CONSTRAINT early');
	is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'nothing is left of it');

	# Terminated.
	$before = events_size();
	$session->query_until(qr/seeding/, "\\echo seeding\nSELECT pollseed_seed(50000000, seed => 1);\n");
	ok(wait_for_rows($before), "$lane: a seeding is under way");
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
	is($node->safe_psql('postgres', 'TABLE remains'), $untouched, 'when its session is terminated nothing is left of it');
	eval { $session->quit };
}

# Clearing and counting many events.
$node->safe_psql('postgres', 'SELECT pollseed_seed(200000, seed => 1)');
my ($ret, $out, $err) = $node->psql('postgres', q{SET statement_timeout = '20ms'; SELECT pollseed_clear_seed_data()});
like($err, qr/canceling statement due to statement timeout/, 'clearing times out');
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM vote_events), (SELECT sum(votes) FROM options)'),
	'201000|201000', 'and clears nothing');

# A table with the remains of so many failures in it is sound.
is( $node->safe_psql(
		'postgres', q{SELECT count(bt_index_check(indexrelid, true) IS NULL) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		              WHERE indrelid = 'vote_events'::regclass}),
	'3', 'the indexes are sound');

# Calls that only generate, each of a length that would take hours.
for my $call (
	q{SELECT count(*) FROM pollseed_generate_votes(10000000000, seed => 1)},
	q{SELECT count(v) FROM (SELECT pollseed_generate_votes(10000000000, seed => 1) AS v) AS votes},
	q{SELECT count(*) FROM pollseed_generate_votes(10000000000, seed => 1, first_vote => 5000000000)},
	q{SELECT count(*) FROM pollseed_generate_votes(10000000000, arrival => 'bursty', seed => 1)},
	q{SELECT count(*) FROM pollseed_generate_votes(10000000000, arrival => 'diurnal', seed => 1, time_range => '900 years')},
	q{SELECT count(*) FROM pollseed_generate_votes(10000000000, 'random', seed => 1)},
	q{SELECT count(*) FROM pollseed_vote_shares(10000000000, 'random', seed => 1)},
	q{SELECT pollseed_seed(2000000000, 'random', arrival => 'bursty', seed => 1)})
{
	my $start = time;
	($ret, $out, $err) = $node->psql('postgres', "SET statement_timeout = '200ms'; $call");
	like($err, qr/canceling statement due to statement timeout/, "$call can be cancelled");
	cmp_ok(time - $start, '<', 0.2 + $soon, 'and soon');
}

# Part of a long generation is at once there.
is( $node->safe_psql('postgres', q{SELECT vote_no FROM pollseed_generate_votes(100000000, seed => 1, first_vote => 99999990)}),
	join("\n", 99999990 .. 100000000), 'the last votes of many');

unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP/, 'the server has nothing to warn of');
$node->stop;
done_testing();
