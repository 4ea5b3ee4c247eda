# A seeding is seen by other sessions while its transaction is open, with what it waits for and whom; nothing of it is left
# when it ends, is cancelled or terminated, or the server crashes; and listeners are told of it when it is committed.  All with
# and without the library in shared_preload_libraries.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('progress');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = on\nmax_prepared_transactions = 2\nlog_lock_waits = off");
$node->start;

# A vote of the id that the session's setting test.gate names waits for an advisory lock: in the middle of a batch, by either lane.
# The direct one takes no function that says what it is.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	SELECT FROM pollseed_create_poll_tables();
	CREATE FUNCTION gate(id bigint) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		IF id = nullif(current_setting('test.gate', true), '')::bigint THEN
			PERFORM pg_advisory_xact_lock(1);
		END IF;
		RETURN true;
	END $$;
	ALTER TABLE vote_events ADD CONSTRAINT gate CHECK (gate(id));
	CREATE ROLE other LOGIN;
	CREATE DATABASE elsewhere});
$node->safe_psql('elsewhere', 'CREATE EXTENSION pollseed');

my $columns = 'job, engine, relation, phase, done, total, percent, waiting_for';

# A session that is ready to seed up to the gate, and its pid.
sub seeder
{
	my ($lane) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe(qq{SET pollseed.write_lane = '$lane'});
	$session->query_safe(q{SELECT set_config('test.gate', (SELECT last_value + 50500 FROM vote_events_id_seq)::text, false)});
	return ($session, $pid);
}

# Starts a statement and does not wait for its end.
sub start_in
{
	my ($session, $sql) = @_;
	$session->query_until(qr/under way/, "\\echo under way\n$sql;\n");
}

# Waits until the only work that is shown is this.
sub shows
{
	my ($want, $description) = @_;
	my $quoted = $want =~ s/'/''/gr;
	ok( $node->poll_query_until('postgres', "SELECT string_agg(concat_ws('|', $columns), ' ') = '$quoted' FROM pollseed_progress"),
		$description)
	  or diag $node->safe_psql('postgres', 'TABLE pollseed_progress');
}

sub shows_nothing
{
	my ($description) = @_;
	is($node->safe_psql('postgres', 'TABLE pollseed_progress'), '', $description);
}

# What a seeding of 100000 votes shows while a session holds the gate.
sub at_gate
{
	my ($holder) = @_;
	return "votes|public.vote_events|writing votes|50000|100000|50.0|Lock: advisory, blocked by $holder";
}

sub check_seedings
{
	my ($how) = @_;
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	my $holder_pid = $holder->query_safe('SELECT pg_backend_pid()');

	for my $lane ('direct', 'spi')
	{
		my ($session, $pid) = seeder($lane);

		# It waits for the options before it writes.
		$holder->query_safe('BEGIN; SELECT pg_advisory_lock(1); UPDATE options SET votes = votes WHERE id = 3');
		start_in($session, 'SELECT pollseed_seed(100000, seed => 1)');
		shows("votes|public.vote_events|locking options|0|Lock: transactionid, blocked by $holder_pid",
			"$how, $lane: a seeding that waits for the options is seen, and who blocks it");
		$holder->query_safe('ROLLBACK');

		# In the middle.
		shows(at_gate($holder_pid), "$how, $lane: a seeding in an open transaction is seen");
		is($node->safe_psql('postgres', 'SELECT pid FROM pollseed_progress'), $pid, 'its pid');
		is($node->safe_psql('postgres', 'SELECT p.run = s.last_value FROM pollseed_progress AS p, pollseed.runs_run_id_seq AS s'),
			't', 'its run, which is not yet in the ledger');
		is($node->safe_psql('postgres', q{SELECT rate > 0, eta > '0', now() - started_at BETWEEN '0' AND '10 min' FROM pollseed_progress}),
			't|t|t', 'its rate and estimate');
		my $rate = $node->safe_psql('postgres', 'SELECT rate FROM pollseed_progress');
		ok($node->poll_query_until('postgres', "SELECT rate < $rate FROM pollseed_progress"), 'the rate falls while it waits');
		is($node->safe_psql('postgres', 'TABLE pollseed_progress', extra_params => [ '-U', 'other' ]), '', 'another role does not see it');
		is($node->safe_psql('elsewhere', 'TABLE pollseed_progress'), '', 'nor does another database');

		# Its end.
		$holder->query_safe('SELECT pg_advisory_unlock(1)');
		like($session->query('SELECT 1'), qr/^\(\d+,100000,15,100,.*,$lane\)\n1\z/, "$how, $lane: it ends");
		shows_nothing('nothing is left of it');

		# A run in the open transaction of a session that then idles.
		$session->query_safe('SET test.gate = 0; BEGIN; SELECT pollseed_seed(10)');
		shows_nothing('a seeding that has ended shows nothing, though its transaction is open');
		$session->query_safe('ROLLBACK');
		$session->quit;

		# Cancelled, and terminated.
		$holder->query_safe('SELECT pg_advisory_lock(1)');
		($session, $pid) = seeder($lane);
		$session->query('BEGIN; SAVEPOINT here');
		start_in($session, 'SELECT pollseed_seed(100000, seed => 1)');
		shows(at_gate($holder_pid), "$how, $lane: another");
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$session->query('ROLLBACK TO here');
		$session->{stderr} = '';
		shows_nothing('nothing is left when it is cancelled');
		$session->query_safe(q{SELECT set_config('test.gate', (SELECT last_value + 50500 FROM vote_events_id_seq)::text, false)});
		start_in($session, 'SELECT pollseed_seed(100000, seed => 1)');
		shows(at_gate($holder_pid), "$how, $lane: another, in the same transaction");
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
		shows_nothing('nothing is left when it is terminated');
		$holder->query_safe('SELECT pg_advisory_unlock(1)');
		eval { $session->quit };
	}

	# Several at once, of which one does not want to be seen.
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	my ($first, $first_pid) = seeder('direct');
	start_in($first, 'SELECT pollseed_seed(100000, seed => 1)');
	shows(at_gate($holder_pid), "$how: a first seeding");
	my ($unseen, $unseen_pid) = seeder('direct');
	$unseen->query_safe('SET pollseed.track_progress = off');
	start_in($unseen, 'SELECT pollseed_seed(10)');
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = $unseen_pid");
	my ($second, $second_pid) = seeder('direct');
	start_in($second, 'SELECT pollseed_clear_seed_data()');
	ok( $node->poll_query_until(
			'postgres', "SELECT string_agg(pid || ' ' || phase || ' ' || (waiting_for IS NOT NULL), ', ' ORDER BY started_at)
			               = '$first_pid writing votes true, $second_pid locking options true' FROM pollseed_progress"),
		'work of several sessions is shown, but not with pollseed.track_progress off');
	$holder->query_safe('SELECT pg_advisory_unlock(1)');
	for my $session ($first, $unseen, $second)
	{
		like($session->query('SELECT 1'), qr/\n1\z/, 'it ends');
		$session->quit;
	}
	shows_nothing('nothing is left');
	$holder->quit;
}

# Kills a seeding's process, which makes the server start anew.
sub check_crash
{
	my ($how) = @_;
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	my $holder_pid = $holder->query_safe('SELECT pg_backend_pid()');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	my ($session, $pid) = seeder('direct');
	start_in($session, 'SELECT pollseed_seed(100000, seed => 1)');
	shows(at_gate($holder_pid), "$how: a seeding is under way");

	kill 'KILL', $pid;
	eval { $_->quit } for ($session, $holder);
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'the server is there again');
	like(slurp_file($node->logfile), qr/\(PID $pid\) was terminated by signal 9/, 'it was killed');
	shows_nothing('nothing is left');
}

# All notifications up to a marker that is sent last, without what varies.
sub told
{
	my ($listener) = @_;
	my $output = '';
	$node->safe_psql('postgres', q{NOTIFY pollseed, 'marker'});
	for (1 .. 600)
	{
		$output .= $listener->query('SELECT') . "\n";
		last if $output =~ /"marker"/;
		select(undef, undef, undef, 0.1);
	}
	return [ map { s/"time_ms": \d+\.\d{3},/"time_ms": T,/r =~ s/"run": \d+/"run": R/r } $output =~ /notification "pollseed" with payload "(\{.*\})"/g ];
}

sub check_notifications
{
	my ($how) = @_;
	my $listener = $node->background_psql('postgres', on_error_stop => 0);
	my $complete = '{"event": "seeding_complete", "engine": "votes", "job": null, "run": R, "done": 10, "total": 10, "time_ms": T, "error": null}';
	$listener->query_safe('LISTEN pollseed');

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('BEGIN; SELECT pollseed_seed(10)');
	is_deeply(told($listener), [], "$how: nobody is told of a seeding that is not committed");
	$session->query_safe('COMMIT');
	is_deeply(told($listener), [$complete], 'but once it is');
	$session->query_safe('BEGIN; SELECT pollseed_seed(10); ROLLBACK');
	$session->query_safe('BEGIN; SAVEPOINT here; SELECT pollseed_seed(10); ROLLBACK TO here; COMMIT');
	$session->query(q{SELECT pollseed_seed(10, weights => '{"Python": -1}')});
	$session->{stderr} = '';
	is_deeply(told($listener), [], 'nor is anybody of one that is rolled back or fails');
	$session->query_safe('BEGIN; SELECT pollseed_seed(10); SELECT pollseed_seed(10); COMMIT');
	is_deeply(told($listener), [ $complete, $complete ], 'two seedings in a transaction are two');
	$session->query_safe('SELECT pollseed_clear_seed_data()');
	$session->query_safe('SET pollseed.notify = off; SELECT pollseed_seed(10); RESET pollseed.notify');
	is_deeply(told($listener), [], 'with pollseed.notify off nobody is told');

	# The server has no NOTIFY in prepared transactions.
	my ($ret, $out, $err) = $node->psql('postgres', q{BEGIN; SELECT pollseed_seed(10); PREPARE TRANSACTION 'p'});
	like($err, qr/cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY/, 'a seeding that tells cannot be prepared');
	$node->safe_psql('postgres', q{SET pollseed.notify = off; BEGIN; SELECT pollseed_seed(10); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'});
	is_deeply(told($listener), [], 'one that does not can');
	$_->quit for ($session, $listener);
}

check_notifications('not preloaded');
check_seedings('not preloaded');
check_crash('not preloaded');
check_seedings('after a crash');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pollseed'");
$node->restart;
is($node->safe_psql('postgres', 'SHOW pollseed.track_progress'), 'on', 'a preloaded library has its settings at once');
is($node->safe_psql('postgres', 'SHOW pollseed.notify'), 'on', 'both');
shows_nothing('after a restart nothing is shown');
check_notifications('preloaded');
check_crash('preloaded');
check_seedings('preloaded');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|WARNING:  (?!terminating connection)/, 'the server has nothing to warn of');
$node->stop;
done_testing();
