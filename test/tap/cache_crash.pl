# Nothing old is answered while sessions that read, compute and write are cancelled, ended or killed, after the server was restarted, or
# when a transaction commits that was prepared before that; and what was changed by those that are gone makes nothing old for ever.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib $FindBin::RealBin;
use CacheWorkload;
use Killing;

# The moments are random, and the same each time unless a seed is given.
my $seed = $ENV{POLLSEED_TEST_SEED} // 20261201;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('cache_crash');
$node->init;
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nautovacuum = off\nfsync = off\nmax_prepared_transactions = 10\nlog_statement = none\nlog_min_messages = error\nlog_min_error_statement = panic");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pollseed');
make_workload($node);

sub query
{
	my ($sql) = @_;
	return ask($node, $sql);
}

# Queries, what they depend on, and what changes them; %s is a number that has not been used yet.
my %kept = (
	'all rows' => [ q{SELECT to_jsonb(sum(n)) FROM counters}, '', q{UPDATE counters SET n = n + 1 WHERE id = 1} ],
	'a key' => [ q{SELECT to_jsonb(n) FROM counters WHERE id = 2}, 'counters:2', q{UPDATE counters SET n = n + 1 WHERE id = 2} ],
	'a tally' => [ q{SELECT jsonb_build_object('choices#votes', (SELECT jsonb_object_agg(id, votes) FROM choices))}, 'choices#votes',
		q{UPDATE choices SET votes = votes + 1 WHERE id = 3} ],
	'a count' => [ q{SELECT jsonb_build_object('happened#*', (SELECT coalesce(jsonb_object_agg(option_id, n), '{}') FROM (SELECT option_id, count(*) AS n FROM happened GROUP BY option_id) AS c))}, 'happened#*',
		q{INSERT INTO happened (option_id) VALUES (1), (2), (2), (1000)} ],
	'a partition' => [ q{SELECT to_jsonb(sum(n)) FROM parts}, '', q{UPDATE parts_20 SET n = n + 1 WHERE id = 12} ],
	'a row of many' => [ q{SELECT to_jsonb(n) FROM counters WHERE id = 99}, 'counters:99', q{UPDATE counters SET n = n + 1} ],
	'a view' => [ q{SELECT to_jsonb(n) FROM changing}, '', q{CREATE OR REPLACE VIEW changing AS SELECT %s::bigint AS n} ],
	'a table emptied' => [ q{SELECT to_jsonb(count(*)) FROM copied}, '', q{TRUNCATE copied; INSERT INTO copied SELECT generate_series(1, %s)} ]);
query('CREATE VIEW changing AS SELECT 0::bigint AS n');

# For each: whether the cache has what the query has, and where it has that from.
sub fetch
{
	my @statements;
	for my $what (@_)
	{
		my ($query, $tags) = @{ $kept{$what} };
		my $quoted = $query =~ s/'/''/gr;
		$tags = $tags eq '' ? 'NULL' : "'{$tags}'";
		push @statements, "SELECT pollseed_cache_fetch('plain', '$what', '$quoted', depends_on => $tags) = ($query)", 'SELECT outcome FROM pollseed_cache_last()';
	}
	my @lines = split /\n/, query(join ';', @statements);
	return join "\n", map { "$lines[2 * $_]|$lines[ 2 * $_ + 1 ]" } 0 .. $#_;
}

# What is cached is what is there, and a second call has it from memory: nothing is taken to be under way for ever.
sub is_sound
{
	my ($what) = @_;
	is(query('SELECT check_all()'), '0', "$what: nothing that is read is old");
	return if query('SELECT count(*) FROM pg_prepared_xacts') > 0;
	fetch(sort keys %kept);
	is(fetch(sort keys %kept), join("\n", ('t|hit') x keys %kept), "$what: answers are from memory again");
	return;
}

# Ends what is prepared.
sub end_prepared
{
	for my $gid (split /\n/, query('SELECT gid FROM pg_prepared_xacts'))
	{
		query((rand() < 0.5 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$gid'");
	}
	query('TRUNCATE ready');
	return;
}

# Lets sessions work and does something to one of them, now and then.
my %done;
my $hits = 0;

sub disturb
{
	my ($way, $times) = @_;
	my @clients = map { (start_reader($node, 30), start_writer($node, 30)) } 1 .. 3;
	push @clients, start_preparers($node, 30);
	for my $try (1 .. $times)
	{
		usleep(100_000 + int(rand(200_000)));
		my $victim = query(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND query LIKE 'CALL %' ORDER BY random() LIMIT 1});
		next if $victim eq '';
		$hits += hits_of($node) if $try == $times;
		$done{$way}++;
		leave($node) if $way =~ /kill|restart/;
		if ($way eq 'kill') { kill_process($node, $victim) }
		elsif ($way eq 'restart') { kill_server($node) }
		elsif ($way eq 'cancel') { query("SELECT pg_cancel_backend($victim)") }
		else
		{
			query("SELECT pg_terminate_backend($victim)");
			push @clients, rand() < 0.5 ? start_reader($node, 30) : start_writer($node, 30);
		}
	}
	# One that was just started may come late.
	while (grep { $_->{run}->pumpable } @clients)
	{
		query(q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});
		usleep(20_000);
		$_->{run}->pump_nb for grep { $_->{run}->pumpable } @clients;
	}
	end_client($_) for @clients;
	is(join("\n", grep { /wrong:/ } split /\n/, wrongs_of(@clients)), '', "$way: no answer was wrong");
	is_sound("$way, beside what is prepared");
	end_prepared();
	is_sound($way);
	return;
}

disturb('terminate', 8);
disturb('cancel', 8);
disturb('kill', 1) for 1 .. 3;
disturb('restart', 1);

# Transactions that were prepared, some before the server was restarted: what was filled in between is old when they commit, and not
# when they are rolled back.
my $round = 100;

sub prepare_and_end
{
	my ($between, $end, @changes) = @_;
	my $what = "$between, $end PREPARED";
	my @readable = grep { !/view|emptied/ } @changes;
	$round++;
	fetch(@changes);
	query(join ';', 'BEGIN', (map { $kept{$_}[2] =~ s/%s/$round/r } @changes), "PREPARE TRANSACTION 'one'");
	if ($between ne 'at once')
	{
		my $walwriter = query(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});
		leave($node);
		if ($between eq 'killed') { kill_process($node, $walwriter) }
		else
		{
			$node->stop($between eq 'stopped at once' ? 'immediate' : 'fast');
			$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'pollseed'}) if $between eq 'preloaded';
			$node->start;
		}
	}
	unlike(fetch(@readable), qr/^f/m, "$what: before it, all is as it was") if @readable;
	query("$end PREPARED 'one'");
	unlike(fetch(@changes), qr/^f/m, "$what: then all is as it is: @changes");
	is(fetch(@changes), join("\n", ('t|hit') x @changes), 'and from memory');
	return;
}

# Locks of prepared transactions keep others from reading what some have changed, so these are alone.
my @together = grep { !/view|emptied|many/ } sort keys %kept;
for my $between ('at once', 'stopped', 'stopped at once', 'killed', 'preloaded')
{
	prepare_and_end($between, 'COMMIT', @together);
	prepare_and_end($between, 'ROLLBACK', @together) if $between =~ /at once/;
	prepare_and_end($between, 'COMMIT', 'a row of many') if $between !~ /at once/;
}
prepare_and_end('stopped', 'COMMIT', 'a view');
prepare_and_end('stopped', 'COMMIT', 'a table emptied');
is_sound('at the end');
cmp_ok($done{terminate}, '>', 4, 'sessions were ended,');
cmp_ok($done{cancel}, '>', 4, 'cancelled,');
is("$done{kill} $done{restart}", '3 1', 'and killed');
cmp_ok($hits, '>', 1000, "after $hits answers from memory");
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|still active/, 'the server has nothing to warn of');
leave($node);
$node->stop;
done_testing();
