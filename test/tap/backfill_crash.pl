# A backfill that is killed at any moment, its process or the whole server, terminated or cancelled, goes on where it was: what it
# says of itself is what is in the table, and every row is written once.  By a call and by jobs, by keys and by blocks, in a table and
# in partitions.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib $FindBin::RealBin;
use Killing;

# The moments are random, and the same each time unless a seed is given.
my $seed = $ENV{POLLSEED_TEST_SEED} // 20260212;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $rows = 9000;

# Small batches, of which each takes a moment: there is always one to be killed.
my $node = PostgreSQL::Test::Cluster->new('backfill_crash');
$node->init;
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nautovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16\n"
	  . 'pollseed.backfill_max_batch_size = 40');
$node->start;

# The view standing compares, in one snapshot, what the backfill says with what is in the table.  Where a trigger counts how often a
# row is written, no row may have been twice; elsewhere the figure of the backfill would show it.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE FUNCTION slowly(ids int[]) RETURNS TABLE (id int, value text) LANGUAGE sql VOLATILE AS
		$$ SELECT k, 'value ' || k FROM unnest(ids) AS k, (SELECT pg_sleep(0.003) OFFSET 0) AS s $$;
	CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN NEW.times_written := OLD.times_written + 1; RETURN NEW; END';
	CREATE FUNCTION make(name text, strategy text, rows int, counted boolean, parts int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, times_written int NOT NULL DEFAULT 0, filler text NOT NULL, value text) %s',
		               name, CASE WHEN parts > 0 THEN 'PARTITION BY HASH (id)' END);
		FOR i IN 0 .. parts - 1 LOOP
			EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)', name || i, name, parts, i);
		END LOOP;
		EXECUTE format('INSERT INTO %I SELECT i, 0, repeat(%L, 100 + i %% 50), NULL FROM generate_series(1, %s) AS i', name, 'x', rows);
		IF counted THEN
			EXECUTE format('CREATE TRIGGER count_writes BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION count_writes()', name);
		END IF;
		PERFORM pollseed_backfill_create(name, name::regclass, 'value', 'SELECT id, value FROM public.slowly($1)', strategy => strategy, batch_size => 20);
		EXECUTE format('CREATE VIEW standing_%s AS
			SELECT b.filled = t.filled AND b.remaining = %s - t.filled AND t.wrong = 0 AND t.rows = %s
			       AND t.twice = 0 AND (NOT %L OR t.written = t.filled) AS agree, b.filled, b.state, t.*
			  FROM pollseed_backfills AS b,
			       (SELECT count(*) AS rows, count(value) AS in_table, count(value) AS filled, sum(times_written) AS written,
			               count(*) FILTER (WHERE times_written > 1) AS twice, count(*) FILTER (WHERE value <> %L || id) AS wrong
			          FROM %I) AS t
			 WHERE b.name = %L', name, rows, rows, counted, 'value ', name, name);
	END $$;
	CREATE FUNCTION reach(backfill text, target bigint) RETURNS TABLE (filled bigint, runner int) LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			RETURN QUERY SELECT b.filled, b.runner_pid FROM pollseed_backfills AS b
			              WHERE name = backfill AND (b.state = 'finished' OR b.runner_pid IS NOT NULL AND b.filled >= target);
			EXIT WHEN FOUND;
			PERFORM pg_sleep(0.001);
		END LOOP;
	END $$;
	ALTER FUNCTION reach SET statement_timeout = '60s'} =~ s/t\.\*/t.in_table, t.written, t.twice, t.wrong/r);

# Some helper of the job, or, where all have left, its leader.
sub helper_or
{
	my ($leader) = @_;
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pollseed helper' ORDER BY random() LIMIT 1});
	return $pid eq '' ? $leader : $pid;
}

my %ways = (
	kill => sub { kill_process($node, $_[0]) },
	server => sub { kill_server($node) },
	terminate => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[0], 60000)") },
	cancel => sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($_[0])") },
	kill_helper => sub { kill_process($node, helper_or($_[0])) },
	terminate_helper => sub { my $pid = helper_or($_[0]); $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)") });

my $call;

# Starts the backfill, or has it go on: a CALL in a session of its own, or a job, which a tick adopts if it did not end.
sub go_on
{
	my ($name, $workers) = @_;
	if ($workers == 0)
	{
		my $output = '';
		$call = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "CALL pollseed_backfill_run('$name')" ],
			'<', \'', '>&', \$output);
		return;
	}
	my $job = $node->safe_psql('postgres', "SELECT job FROM pollseed_backfills AS b JOIN pollseed_jobs AS j ON j.id = b.job WHERE name = '$name' AND j.finished_at IS NULL");
	if ($job eq '')
	{
		$node->safe_psql('postgres', "SELECT pollseed_backfill_async('$name', $workers)");
	}
	else
	{
		ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pollseed_run_jobs() WHERE id = $job"), 'a tick adopts the job');
	}
	return;
}

# Waits until no process works on it any more.
sub comes_to_rest
{
	if ($call)
	{
		eval { $call->finish };
		undef $call;
	}
	return $node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed'});
}

my $kills = 0;
my $advisory = q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'};

# Interrupts a backfill in each of the ways at random moments, and sees what is there each time; then lets it end.
sub check_rounds
{
	my ($name, $strategy, $workers, $counted, $parts, @ways) = @_;
	my $last = 0;

	$node->safe_psql('postgres', "SELECT make('$name', '$strategy', $rows, '$counted', $parts)");
	go_on($name, $workers);
	for my $round (1 .. @ways)
	{
		my $way = $ways[ $round - 1 ];
		my $target = int($last + rand($rows * 0.9 * $round / @ways - $last));
		my ($filled, $runner) = split /\|/, $node->safe_psql('postgres', "SELECT * FROM reach('$name', $target)"), -1;
		last if $runner eq '';
		usleep(int(rand(4000)));
		$ways{$way}->($runner);

		# The others of a team go on without a helper that was terminated.
		if ($way eq 'terminate_helper')
		{
			like($node->safe_psql('postgres', "SELECT agree, state FROM standing_$name"), qr/^t\|(running|finished)$/, "$name: round $round ($way at $target): the others go on");
			$kills++;
			$last = $filled;
			next;
		}
		comes_to_rest();
		my ($state) = $node->safe_psql('postgres', "SELECT * FROM standing_$name");
		like($state, qr/^t\|\d+\|interrupted\|/, "$name: round $round ($way at $target): the table is as the backfill says: $state")
		  or diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_backfills; SELECT * FROM pollseed.backfill_ranges; SELECT * FROM pollseed.backfill_parts');
		is($node->safe_psql('postgres', $advisory), '0', 'no lock is left');
		last if $state !~ /\|interrupted\|/;
		$kills++;
		$last = (split /\|/, $state)[1];
		cmp_ok($last, '>=', $filled, 'what was committed is there');
		go_on($name, $workers);
	}
	ok($node->poll_query_until('postgres', "SELECT state = 'finished' FROM pollseed_backfills WHERE name = '$name'"), "$name: it ends")
	  or diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_backfills; SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
	comes_to_rest();
	is( $node->safe_psql('postgres', "SELECT agree, filled, state FROM standing_$name"),
		"t|$rows|finished", 'all rows are filled, each once');
	is($node->safe_psql('postgres', "SELECT remaining, skipped, waiting_for, last_error, total, remaining_is FROM pollseed_backfills WHERE name = '$name'"),
		"0|0|||$rows|exact", 'and nothing is left');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pollseed.backfill_ranges"), '0', 'no range is open');
	is($node->safe_psql('postgres', $advisory), '0', 'no lock is left');
	is($node->safe_psql('postgres', "SELECT j.state, j.done, j.total FROM pollseed_jobs AS j JOIN pollseed_backfills AS b ON b.job = j.id WHERE b.name = '$name'"),
		"succeeded|$rows|$rows", 'the job has succeeded')
	  if $workers > 0;
	return;
}

check_rounds('call_index', 'index', 0, 1, 0, 'kill', 'cancel', 'terminate', 'server');
check_rounds('call_block', 'block', 0, 0, 0, 'terminate', 'kill', 'cancel', 'server');
check_rounds('call_parts', 'index', 0, 0, 3, 'kill', 'terminate');
check_rounds('one_block_parts', 'block', 1, 1, 3, 'kill', 'terminate', 'server');
check_rounds('three_index', 'index', 3, 0, 0, 'kill_helper', 'terminate_helper', 'terminate', 'server');
check_rounds('three_block', 'block', 3, 1, 0, 'kill', 'terminate', 'cancel', 'kill_helper', 'terminate_helper');
# Helpers whose leader was terminated are still in the middle of a batch when somebody else has taken up the run: what they do then
# counts, or is undone.
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE pause (seconds float8);
	INSERT INTO pause VALUES (0.01);
	CREATE FUNCTION pausing(ids int[]) RETURNS TABLE (id int, value text) LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(seconds) FROM public.pause; RETURN QUERY SELECT k, ''value '' || k FROM unnest(ids) AS k; END'});
for my $strategy ('index', 'block')
{
	my $name = "orphan_$strategy";
	$node->safe_psql(
		'postgres', qq{
		SELECT make('$name', '$strategy', $rows, true, 0);
		SELECT pollseed_backfill_drop('$name');
		SELECT pollseed_backfill_create('$name', '$name', 'value', 'SELECT id, value FROM public.pausing(\$1)', strategy => '$strategy', batch_size => 20)});
	go_on($name, 3);
	$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'pollseed helper'}) or BAIL_OUT('no helpers');
	$node->safe_psql('postgres', 'UPDATE pause SET seconds = 1.5');
	$node->poll_query_until('postgres', q{SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type ~ '^pollseed'});
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(runner_pid, 60000) FROM pollseed_backfills WHERE name = '$name'");
	go_on($name, 0);
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed'});
	$node->safe_psql('postgres', 'UPDATE pause SET seconds = 0.001');
	eval { $call->finish };
	undef $call;
	is( $node->safe_psql('postgres', "SELECT agree, filled, state FROM standing_$name"),
		"t|$rows|finished", "$strategy: a run that was taken over from helpers without a leader fills all rows, each once");

	# The job, which nobody works on, has nothing left to do.
	$node->safe_psql('postgres', 'SELECT FROM pollseed_run_jobs()');
	is($node->safe_psql('postgres', "SELECT w.state FROM pollseed_backfills AS b, pollseed_job_wait(b.job, '60 s') AS w WHERE name = '$name'"), 'succeeded', 'its job ends too');
	comes_to_rest();
}

cmp_ok($kills, '>=', 20, "$kills interruptions");

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|WARNING:  (?!terminating connection)|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
