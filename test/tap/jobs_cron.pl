# The real pg_cron runs what waits and adopts what was orphaned, in its background workers and as a client.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $votes = 5000;

# A server with pg_cron in one of its modes.
sub start_node
{
	my ($mode, $workers) = @_;
	my $node = PostgreSQL::Test::Cluster->new($mode);
	$node->init;
	$node->append_conf('postgresql.conf',
		"autovacuum = off\nmax_worker_processes = 16\nlog_statement = none\nshared_preload_libraries = 'pg_cron'\n"
		  . "cron.database_name = 'postgres'\ncron.host = '@{[ $node->host ]}'\ncron.use_background_workers = $workers");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron; CREATE EXTENSION pollseed; SELECT FROM pollseed_create_poll_tables()');
	return $node;
}

# Jobs without a worker: one whose worker was terminated, and one that had to wait for it.
sub make_jobs
{
	my ($node) = @_;
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; SELECT FROM options FOR UPDATE');
	my @jobs = ($node->safe_psql('postgres', "SELECT pollseed_seed_async($votes, seed => 1)"));
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pollseed worker' AND wait_event_type = 'Lock'})
	  or BAIL_OUT('a job does not start');
	$node->safe_psql('postgres', 'ALTER DATABASE postgres SET pollseed.max_running_jobs = 1');
	push @jobs, $node->safe_psql('postgres', "SELECT pollseed_seed_async($votes, seed => 2)");
	$node->poll_query_until('postgres', qq{SELECT reason ~ '^pollseed.max_running_jobs' FROM pollseed_jobs WHERE id = $jobs[1]})
	  or BAIL_OUT('a job does not wait');
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid, 180000) FROM pg_stat_activity WHERE backend_type = 'pollseed worker'});
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET pollseed.max_running_jobs');
	$holder->quit;
	return @jobs;
}

# The two modes at the same time: pg_cron takes its time.
my %node = (workers => start_node('workers', 'on'), client => start_node('client', 'off'));
my (%cron, %orphan, %queued);
for my $mode (sort keys %node)
{
	my $node = $node{$mode};
	($orphan{$mode}, $queued{$mode}) = make_jobs($node);
	is($node->safe_psql('postgres', 'SELECT id, state, worker_pid FROM pollseed_jobs ORDER BY id'),
		"$orphan{$mode}|running|\n$queued{$mode}|queued|", "$mode: an orphan and a queued job have no worker");

	# From 1.5 on pg_cron knows seconds; before that only minutes.
	my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'});
	my ($major, $minor) = $version =~ /^(\d+)\.(\d+)/;
	my $schedule = $major > 1 || $minor >= 5 ? '2 seconds' : '* * * * *';
	note "pg_cron $version is asked for '$schedule'";
	$cron{$mode} = $node->safe_psql('postgres', "SELECT cron.schedule('$schedule', \$\$SELECT pollseed_run_jobs()\$\$)");
}
for my $mode (sort keys %node)
{
	my $node = $node{$mode};
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pollseed_jobs WHERE state = 'succeeded'}),
		"$mode: pg_cron has them run to their end")
	  or diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log; SELECT * FROM cron.job_run_details');
	is($node->safe_psql('postgres', 'SELECT id, attempts FROM pollseed_jobs ORDER BY id'),
		"$orphan{$mode}|2\n$queued{$mode}|1", 'each was taken up once more');
	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM vote_events), (SELECT sum(votes) FROM options)'),
		2 * $votes . '|' . 2 * $votes, 'all votes are there once');
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM cron.job_run_details WHERE jobid = $cron{$mode} AND status = 'succeeded'"),
		'pg_cron notes that its command succeeded');
	is($node->safe_psql('postgres', "SELECT return_message FROM cron.job_run_details WHERE jobid = $cron{$mode} AND status = 'failed'"),
		'', 'and never that it failed');
	$node->safe_psql('postgres', "SELECT cron.unschedule($cron{$mode})");
	unlike(slurp_file($node->logfile), qr/(?:ERROR|PANIC|TRAP):/, 'the log tells of no trouble');
	$node->stop;
}
done_testing();
