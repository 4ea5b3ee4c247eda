# What the cache answers is never old: readers compare it with what they read themselves, while writers change tables in every way,
# commit, roll back, prepare transactions, and wait in each gap of the commit and of the filling.
#
# POLLSEED_ROUNDS scales the time that it takes, 1000 being what is usual.  With POLLSEED_CACHE_HITS=10000000 it goes on until so many
# answers were from memory.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use CacheWorkload;

my $rounds = $ENV{POLLSEED_ROUNDS} || 1000;
my $wanted = $ENV{POLLSEED_CACHE_HITS} || 0;
my $seed = $ENV{POLLSEED_TEST_SEED} // 20261130;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('cache_checker');
$node->init;
# A long run leaves many dead rows.
$node->append_conf('postgresql.conf', 'autovacuum = ' . ($wanted > 0 ? 'on' : 'off'));
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 10\nlog_statement = none\nlog_min_messages = error\nlog_min_error_statement = panic");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pollseed');
make_workload($node, $wanted > 0 ? 100 : 5);

my ($reads, $writes) = (0, 0);
my $wrongs = '';
my $hits = 0;
my $seconds = $wanted > 0 ? 20 : 6 * $rounds / 1000;
do
{
	my @readers = map { start_reader($node, $seconds) } 1 .. 3;
	my @writers = map { start_writer($node, $seconds) } 1 .. 3;
	my @preparers = start_preparers($node, $seconds);
	$wrongs .= wrongs_of(map { end_client($_) } @readers, @writers, @preparers);
	$reads += counted_by(@readers);
	$writes += counted_by(@writers);
	$hits = hits_of($node);
	diag("$hits hits so far") if $wanted > 0;
} while ($hits < $wanted && $wrongs eq '');
is($wrongs, '', 'no answer was older or newer than what can be read, and nobody met an error');
cmp_ok($reads, '>', 2 * $rounds, "$reads answers were checked");
cmp_ok($writes, '>', $rounds / 10, "$writes transactions were committed meanwhile");
cmp_ok($hits, '>', $reads / 10, 'many of them from memory');
note(ask($node, 'SELECT * FROM pollseed_cache_stats'));
is(ask($node, q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no flight is left');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|still active/, 'the server has nothing to warn of');
leave($node);
$node->stop;
done_testing();
