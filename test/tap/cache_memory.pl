# The cache's memory has a bound, whether the library is preloaded or not: what does not fit is computed and not kept, without an error, and
# what is dropped gives its room back.  Definitions outlive restarts, dumps and the promotion of a standby; entries begin anew.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use CacheWorkload;

my $rounds = $ENV{POLLSEED_ROUNDS} || 1000;
my $node = PostgreSQL::Test::Cluster->new('cache_memory');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"autovacuum = off\nfsync = off\nmax_wal_senders = 4\nlog_statement = none\nlog_min_messages = error\nlog_min_error_statement = panic\npollseed.cache_memory = '4MB'");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE TABLE facts (id int PRIMARY KEY, n int NOT NULL);
	INSERT INTO facts VALUES (1, 1);
	SELECT pollseed_cache_track('facts', 'id');
	SELECT pollseed_cache_create('c', max_entries => 1000000), pollseed_cache_create('three', max_entries => 3), pollseed_cache_create('lean', max_bytes => 20000);

	-- Fetches something of that size under keys of that number; returns how many answers were wrong, and the last outcome.
	CREATE FUNCTION fetch_many(cache text, prefix text, many int, size int, OUT wrong int, OUT outcome text, OUT reason text) LANGUAGE plpgsql AS $$
	BEGIN
		wrong := 0;
		FOR i IN 1..many LOOP
			IF pollseed_cache_fetch(cache, prefix || i, format('SELECT to_jsonb(repeat(%L, %s) || n) FROM facts', i % 10, size)) ->> 0 IS DISTINCT FROM repeat((i % 10)::text, size) || (SELECT n FROM facts) THEN
				wrong := wrong + 1;
			END IF;
		END LOOP;
		SELECT l.outcome, l.reason INTO outcome, reason FROM pollseed_cache_last() AS l;
	END $$});

sub query
{
	my ($sql) = @_;
	return ask($node, $sql);
}

sub restart
{
	leave($node);
	$node->restart;
	return;
}

sub stats
{
	my ($columns, $cache) = @_;
	return query("SELECT $columns FROM pollseed_cache_stats WHERE cache = '$cache'");
}

# All that there is to see of memory, in either way of having it.
sub check_bounds
{
	my ($way) = @_;

	# More than there is room for
	my $many = 3000;
	is(query("SELECT wrong FROM fetch_many('c', 'many ', $many, 4000)"), '0', "$way: $many answers of four kilobytes are right where there are four megabytes");
	cmp_ok(query('SELECT sum(bytes) FROM pollseed_cache_stats'), '<=', 4 * 1024 * 1024, 'no more than that is in use,');
	cmp_ok(query('SELECT sum(bytes) FROM pollseed_cache_stats'), '>', 2 * 1024 * 1024, 'and not much less');
	cmp_ok(stats('evicted', 'c'), '>', $many / 2, 'what was there went');
	is(query("SELECT wrong, outcome FROM fetch_many('c', 'many ', 10, 4000); SELECT wrong, outcome FROM fetch_many('c', 'many ', 10, 4000)"), "0|miss\n0|hit", 'what is new is kept');

	# Sizes that do not fit, beside others
	is(query("SELECT wrong, outcome, reason IS NOT NULL FROM fetch_many('c', 'large ', 3, 1100000)"), '0|refused|t', "$way: more than a megabyte is computed and not kept");
	query("SELECT pollseed_cache_clear('c')");
	is(query("SELECT wrong, outcome FROM fetch_many('c', 'fits ', 2, 1000000); SELECT wrong, outcome FROM fetch_many('c', 'fits ', 2, 1000000)"), "0|miss\n0|hit", 'a little less is');
	is( query("SELECT setseed(0.5) \\gset\nSELECT sum(wrong) FROM generate_series(1, 100) AS i, LATERAL (SELECT (random() ^ 4 * 900000)::int AS size, i AS n) AS s, LATERAL fetch_many('c', 'mixed ' || n || ' ', 1, size)"),
		'0', "$way: answers of all sizes are right");
	cmp_ok(query('SELECT sum(bytes) FROM pollseed_cache_stats'), '<=', 4 * 1024 * 1024, 'within the bound');

	# Limits of a cache
	is(query("SELECT wrong FROM fetch_many('three', 'k', 50, 100)"), '0', "$way: a cache of three entries");
	is(stats('entries, evicted', 'three'), '3|47', 'has three');
	is(query("SELECT count(*) FROM pollseed_cache_entries WHERE cache = 'three'"), '3', 'which are shown');
	query("SELECT count(pollseed_cache_put('three', 'put ' || i, '1')) FROM generate_series(1, 5) AS i");
	is(stats('entries', 'three'), '3', 'what is put counts as well');
	is(query("SELECT wrong FROM fetch_many('lean', 'k', 100, 1000)"), '0', "$way: a cache of 20000 bytes");
	is(query("SELECT bytes <= 20000 AND bytes > 15000 AND entries BETWEEN 8 AND 20 FROM pollseed_cache_stats WHERE cache = 'lean'"), 't', 'has no more, and not much less') or diag stats('entries, bytes', 'lean');
	is(query("SELECT sum(e.bytes) = s.bytes FROM pollseed_cache_stats AS s JOIN pollseed_cache_entries AS e USING (cache) WHERE s.cache = 'lean' GROUP BY s.bytes"), 't', 'the bytes of its entries, exactly');
	is(query("SELECT wrong, outcome FROM fetch_many('lean', 'large', 1, 30000)"), '0|refused', 'what alone is too much for it is not kept,');
	cmp_ok(stats('entries', 'lean'), '>', 7, 'nor in place of others');

	# What is cleared and dropped
	query("SELECT pollseed_cache_clear('c')");
	is(stats('entries, bytes', 'c'), '0|0', "$way: nothing is left of a cache that is cleared");
	query("SELECT pollseed_cache_clear('three'), pollseed_cache_clear('lean')");
	is(query('SELECT sum(entries), sum(bytes) FROM pollseed_cache_stats'), '0|0', 'nor of the others');
	is(query('SELECT count(*) FROM pollseed_cache_entries'), '0', 'which none of the views shows');
	return;
}

# How many answers of that size there is room for, however the memory is parted by now.
sub room
{
	query("SELECT pollseed_cache_clear('c')");
	return query("SELECT count(*) FILTER (WHERE (SELECT outcome FROM fetch_many('c', 'room ' || i || ' ', 1, 300000)) IS NOT NULL) FROM generate_series(1, 20) AS i;
		SELECT pg_sleep(0); SELECT entries FROM pollseed_cache_stats WHERE cache = 'c'") =~ s/.*\n//sr;
}

check_bounds('not preloaded');
my $room = room();
cmp_ok($room, '>', 4, "there is room for $room large answers when all that is gone");

# Caches that come and go, each with something in it that is of the same size.  The memory must not have less room afterwards.
sub churn
{
	my ($many) = @_;
	return query(qq{
		DO \$\$
		DECLARE
			kept bigint;
		BEGIN
			FOR i IN 1..$many LOOP
				PERFORM pollseed_cache_create('temporary ' || i % 7);
				COMMIT;
				PERFORM pollseed_cache_fetch('temporary ' || i % 7, 'k', 'SELECT to_jsonb(repeat(''x'', 100000) || ' || i || ') FROM facts');
				IF (pollseed_cache_fetch('temporary ' || i % 7, 'k', 'SELECT to_jsonb(repeat(''x'', 100000) || ' || i || ') FROM facts') ->> 0) <> repeat('x', 100000) || i THEN
					RAISE EXCEPTION 'wrong';
				END IF;
				SELECT sum(bytes) INTO kept FROM pollseed_cache_stats;
				IF kept > 300000 OR (SELECT outcome FROM pollseed_cache_last()) <> 'hit' THEN
					RAISE EXCEPTION '% at %, %', kept, i, pollseed_cache_last();
				END IF;
				PERFORM pollseed_cache_drop('temporary ' || i % 7);
				COMMIT;
			END LOOP;
		END \$\$;
		SELECT count(*), sum(entries), sum(bytes) FROM pollseed_cache_stats WHERE cache NOT LIKE 'pollseed%'});
}
query("SELECT pollseed_cache_clear('c')");
my $many = int($rounds / 2);
is(churn($many), '3|0|0', "$many caches are made, used and dropped, and nothing is left of them");
cmp_ok(room(), '>=', $room - 1, 'there is as much room as before');

# Another database, and one that is a copy: their caches are others.
is(query("SELECT wrong, outcome FROM fetch_many('c', 'ours', 1, 10)"), '0|miss', 'something to be found again');
leave($node);
$node->safe_psql('template1', 'CREATE DATABASE other TEMPLATE postgres');
is($node->safe_psql('other', q{SELECT sum(entries), sum(hits) FROM pollseed_cache_stats}), '0|0', 'a database that is a copy of another has none of its entries');
$node->safe_psql('other', q{UPDATE facts SET n = 7});
is($node->safe_psql('other', q{SELECT wrong, outcome FROM fetch_many('c', 'ours', 1, 10)}), '0|miss', 'and keeps its own');
is(query("SELECT wrong, outcome FROM fetch_many('c', 'ours', 1, 10)"), '0|hit', 'which are not those of the first');
$node->safe_psql('other', q{SELECT pollseed_cache_clear()});
is(query("SELECT wrong, outcome FROM fetch_many('c', 'ours', 1, 10)"), '0|hit', 'nor are they cleared with them');
$node->safe_psql('postgres', 'DROP DATABASE other');

# Where the operating system has no room for it: as with a small /dev/shm, but by a limit on the size of files, which those in there obey.
SKIP:
{
	skip 'no prlimit', 4 if system("prlimit --pid $$ --fsize=24000000:unlimited 2>/dev/null") != 0;
	$node->append_conf('postgresql.conf', "pollseed.cache_memory = '32MB'");
	restart();
	system("prlimit --pid $$ --fsize=unlimited:unlimited");
	is(query("SELECT * FROM fetch_many('c', 'k', 20, 100)") =~ s/: .*//r, '0|refused|no shared memory', 'where there is no shared memory all is computed');
	query('UPDATE facts SET n = n + 1');
	is(query("SELECT wrong, outcome FROM fetch_many('three', 'k', 20, 100)"), '0|refused', 'and right');
	is(query("SELECT kept FROM pollseed_cache_put('c', 'put', '1'); SELECT pollseed_cache_get('c', 'put') IS NULL, pollseed_cache_delete('c', 'put')"), "f\nt|f", 'nothing can be put there,');
	is(query("SELECT entries, bytes, hits FROM pollseed_cache_stats WHERE cache = 'c'; SELECT count(*) FROM pollseed_cache_entries"), "0|0|0\n0", 'and there is nothing');
	$node->append_conf('postgresql.conf', "pollseed.cache_memory = '4MB'");
}

# Restarted, with the library preloaded from now on
my $definitions = query('SELECT name, owner, ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_caches ORDER BY name');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pollseed'");
restart();
is(query('SELECT sum(entries), sum(bytes), sum(hits) FROM pollseed_cache_stats'), '0|0|0', 'a restart empties all');
is(query('SELECT name, owner, ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_caches ORDER BY name'), $definitions, 'but for the definitions');
check_bounds('preloaded');
is(churn(int($rounds / 10)), '3|0|0', 'nothing is left of caches that were dropped');

# A standby sees no commits: what depends on tags is not kept there unless it may be old.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('cache_standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
query(q{SELECT pollseed_cache_create('lax', max_staleness => '1 hour'); UPDATE facts SET n = 100});
query(q{SELECT pollseed_cache_create('timed', ttl => '1 hour')});
$node->wait_for_catchup($standby);

sub on_standby
{
	my ($cache, $depends_on) = @_;
	return $standby->safe_psql('postgres', "SELECT pollseed_cache_fetch('$cache', 'n', 'SELECT to_jsonb(n) FROM facts', depends_on => $depends_on); SELECT outcome FROM pollseed_cache_last()") =~ s/\n/|/r;
}
is(on_standby('c', 'NULL'), '100|refused', 'on a standby what depends on a table is computed');
isnt($standby->safe_psql('postgres', q{SELECT pollseed_cache_fetch('c', 'n', 'SELECT to_jsonb(n) FROM facts') \gset
	SELECT reason FROM pollseed_cache_last()}), '', 'and not kept, for a reason');
is(on_standby('lax', 'NULL'), '100|miss', 'unless it may be old');
is(on_standby('timed', q{'{}'}), '100|miss', 'or depends on the time only');
query('UPDATE facts SET n = 101');
$node->wait_for_catchup($standby);
is(on_standby('c', 'NULL'), '101|refused', 'what is replayed is seen');
is(on_standby('lax', 'NULL'), '100|stale', 'but where it may be old');
is(on_standby('timed', q{'{}'}), '100|hit', 'and where nothing but time makes it old');

# Promoted
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is(on_standby('c', 'NULL'), '101|miss', 'after the promotion results are kept');
is(on_standby('c', 'NULL'), '101|hit', 'and come from memory');
$standby->safe_psql('postgres', 'UPDATE facts SET n = 102');
is(on_standby('c', 'NULL'), '102|miss', 'until they change');
$standby->safe_psql('postgres', q{SELECT pollseed_cache_create('lax', max_staleness => '0')});
is(on_standby('lax', 'NULL'), '102|miss', 'and what is from before is not taken for new');
$standby->stop;

# Dump and restore
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'is restored');
is($node->safe_psql('restored', 'SELECT name, owner, ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_caches ORDER BY name'),
	query('SELECT name, owner, ttl, max_entries, max_bytes, shared, max_staleness FROM pollseed_caches ORDER BY name'), 'with the definitions of caches');
is($node->safe_psql('restored', q{SELECT wrong, outcome FROM fetch_many('c', 'k', 1, 10)}), '0|miss', 'a table is still tracked');
is($node->safe_psql('restored', q{SELECT wrong, outcome FROM fetch_many('c', 'k', 1, 10)}), '0|hit', 'results are kept');
$node->safe_psql('restored', 'UPDATE facts SET n = 5');
is($node->safe_psql('restored', q{SELECT wrong, outcome FROM fetch_many('c', 'k', 1, 10)}), '0|miss', 'as long as they are right');
is($node->safe_psql('restored', q{SELECT outcome FROM fetch_many('three', 'k', 1, 10); SELECT pollseed_cache_clear('three'); SELECT entries FROM pollseed_cache_stats WHERE cache = 'three'}) =~ s/\n.*\n/|/r, 'miss|0', 'restored caches can be cleared');

# Without the extension
my ($ret, $out, $err) = $node->psql('restored', q{SELECT pollseed_cache_untrack('facts'); DROP EXTENSION pollseed});
is($err, '', 'the extension can be dropped');
leave($node);
($ret, $out, $err) = $node->psql('postgres', q{DROP EXTENSION pollseed; UPDATE facts SET n = 9; SELECT n FROM facts; SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal});
is("$out$err", "9\n0", 'also while tables are tracked, without CASCADE');
is($node->safe_psql('postgres', q{CREATE EXTENSION pollseed; SELECT count(*) FROM pollseed_caches WHERE name IN ('c', 'three', 'lean')}), '0', 'and made again, without those caches');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|still active|out of (?:shared )?memory/, 'the server has nothing to warn of');
$node->stop;
done_testing();
