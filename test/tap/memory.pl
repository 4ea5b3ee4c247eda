# The memory of a seeding does not grow with the number of its votes, by either lane, and after each batch nothing but the
# batch's own memory has been in use.
#
# A writer that kept something for each row, even a pointer, would have eight megabytes more at a million votes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'the memory of a process is read from /proc' unless -r "/proc/$$/status";

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 8GB\nshared_buffers = 64MB\ncheckpoint_timeout = 1h");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pollseed');

# Private memory of a process in kB.
sub private_memory
{
	my ($pid) = @_;
	open(my $status, '<', "/proc/$pid/status") or return 0;
	my ($kb) = join('', <$status>) =~ /^RssAnon:\s+(\d+) kB/m;
	close($status);
	return $kb // 0;
}

# Seeds in a new session; returns the peak of its private memory in kB.
sub peak_memory
{
	my ($lane, $count) = @_;
	$node->safe_psql('postgres',
		'SET client_min_messages = error; DROP TABLE IF EXISTS vote_events, options; SELECT FROM pollseed_create_poll_tables()');
	my $session = $node->background_psql('postgres');
	$session->query_safe("SET pollseed.write_lane = '$lane'");
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $peak = 0;
	my $logged = 0;
	my $log = slurp_file($node->logfile);
	my $size = length($log);

	$session->query_until(qr/seeding/, "\\echo seeding\nSELECT votes_seeded, lane FROM pollseed_seed($count, seed => 1);\n\\echo seeded\n");
	for (;;)
	{
		my $kb = private_memory($pid);
		$peak = $kb if $kb > $peak;
		$session->{run}->pump_nb;
		last if $session->{stdout} =~ /^seeded$/m;
		usleep(2000);
		# Some way in, once, ask for what is in use.
		$logged++;
		$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)") if $count >= 1000000 && $logged == 200;
	}
	like($session->{stdout}, qr/^\Q$count|$lane\E$/m, "$lane: $count votes are seeded");
	$session->{stdout} = '';
	$session->quit;

	if ($count >= 1000000)
	{
		my $report = substr(slurp_file($node->logfile), $size);
		# The batch's memory at most, and no context of ours that is larger.
		my @ours = $report =~ /(pollseed [\w ]+): (\d+) total/g;
		my %bytes;
		while (my ($name, $total) = splice(@ours, 0, 2))
		{
			$bytes{$name} = $total if $total > ($bytes{$name} // 0);
		}
		ok(exists $bytes{'pollseed writer'} && exists $bytes{'pollseed writer batch'}, "$lane: the writer's memory is known by name");
		cmp_ok($bytes{$_}, '<', 2_000_000, "$lane: of \"$_\" little is in use") for sort keys %bytes;
		my ($total) = $report =~ /Grand total: (\d+) bytes/;
		cmp_ok($total, '<', 16_000_000, "$lane: of all memory little is in use");
	}
	return $peak;
}

for my $lane ('direct', 'spi')
{
	my $few = peak_memory($lane, 100000);
	my $many = peak_memory($lane, 1000000);
	cmp_ok($few, '>', 1000, "$lane: the memory in use at 100000 votes is seen ($few kB)");
	cmp_ok($many / $few, '<=', 1.2, "$lane: at a million votes it is hardly more ($many kB)");
}

# Generating without tables.
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my %peak;
for my $count (100000, 2000000)
{
	my $highest = 0;
	$session->query_until(qr/generating/,
		"\\echo generating\nSELECT count(v) FROM (SELECT pollseed_generate_votes($count, arrival => 'bursty', seed => 1) AS v) AS votes;\n"
		  . "\\echo generated\n");
	until ($session->{stdout} =~ /^generated$/m)
	{
		my $kb = private_memory($pid);
		$highest = $kb if $kb > $highest;
		$session->{run}->pump_nb;
		usleep(2000);
	}
	like($session->{stdout}, qr/^$count$/m, "$count votes are generated");
	$session->{stdout} = '';
	$peak{$count} = $highest;
}
cmp_ok($peak{2000000} / $peak{100000}, '<=', 1.2, "twenty times the votes need no more memory ($peak{100000} and $peak{2000000} kB)");
$session->quit;

unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP/, 'the server has nothing to warn of');
$node->stop;
done_testing();
