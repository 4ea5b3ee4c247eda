# One computation at a time: whoever asks for what another session is computing waits for that, and computes itself only if the other fails.
# A cycle of waits is found; results that get old are computed anew by one session, while the others have the old one where that is allowed.
use strict;
use warnings;

use File::Temp ();
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use FindBin;
use lib $FindBin::RealBin;
use CacheWorkload;

my $node = PostgreSQL::Test::Cluster->new('cache_flight');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nfsync = off\nmax_connections = 250\nshared_buffers = 32MB\ndeadlock_timeout = '300ms'\nlog_statement = none\nlog_min_messages = fatal\nlog_min_error_statement = panic");
$node->start;

# slow() counts its calls by a sequence, which no snapshot hides (and which is not logged, or the call would count as a write), and takes its time, which is in a table that the cache does not know of;
# failing() fails at its first call.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE TABLE facts (id int PRIMARY KEY, n int NOT NULL);
	INSERT INTO facts VALUES (1, 10), (2, 20);
	SELECT pollseed_cache_track('facts', 'id');
	CREATE TABLE pause (seconds float8 NOT NULL);
	INSERT INTO pause VALUES (0);
	CREATE UNLOGGED SEQUENCE calls;
	CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM nextval('calls'), pg_sleep(seconds) FROM pause;
		RETURN (SELECT n FROM facts WHERE id = 1);
	END $$;
	CREATE FUNCTION failing() RETURNS int LANGUAGE plpgsql STABLE AS $$
	BEGIN
		IF nextval('calls') = 1 THEN
			PERFORM pg_sleep(seconds) FROM pause;
			RAISE EXCEPTION 'it went wrong';
		END IF;
		RETURN (SELECT n FROM facts WHERE id = 1);
	END $$;
	CREATE FUNCTION numbered() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
	BEGIN
		PERFORM pg_sleep(seconds) FROM pause;
		RETURN nextval('calls');
	END $$;
	SELECT pollseed_cache_create('c'), pollseed_cache_create('soon', ttl => '300 ms'), pollseed_cache_create('patient', max_staleness => '1 hour'),
		pollseed_cache_create('hurried', max_staleness => '200 ms');
	CREATE UNLOGGED TABLE seen (n bigint, client int, PRIMARY KEY (n, client))});

sub query
{
	my ($sql) = @_;
	return ask($node, $sql);
}

# What asks for a key, by a function that is slow or failing.
sub fetch
{
	my ($key, $function, $cache) = @_;
	$cache //= 'c';
	return "pollseed_cache_fetch('$cache', '$key', 'SELECT to_jsonb($function())', depends_on => '{facts:1}')";
}

sub script
{
	my ($sql) = @_;
	my $file = File::Temp->new(SUFFIX => '.sql');
	print $file $sql;
	$file->close;
	chmod 0644, $file->filename;
	return $file;
}

# Has calls counted from 1, and take so many seconds.
sub forget
{
	my ($seconds) = @_;
	query("SELECT pollseed_cache_stats_reset(); ALTER SEQUENCE calls RESTART; UPDATE pause SET seconds = $seconds");
	return;
}

# How often they were called since then.
sub calls
{
	return query('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM calls');
}

# A statement in a session of its own; what it prints is in out, its errors in err.
sub start
{
	my ($sql) = @_;
	my %session = (out => '', err => '', began => time);
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } ref $sql ? @$sql : $sql ],
		'<', \'', '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub finish
{
	my ($session) = @_;
	eval { $session->{run}->finish };
	$session->{took} = time - $session->{began};
	chomp $session->{out};
	return $session->{out} =~ s/\n/|/gr;
}

# The process that is computing.
sub leader
{
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or BAIL_OUT("nobody computes");
	return query(q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
}

# Any number of clients, nothing in the cache
for my $clients (1, 10, 200)
{
	forget($clients < 100 ? 0.2 : 0.8);
	my $script = script("SELECT ${\ fetch(qq{cold $clients}, 'slow')};\n");
	my ($out, $err) = run_command([ 'pgbench', '-n', '-c', $clients, '-t', '1', '-f', $script->filename, $node->connstr('postgres') ]);
	like($out, qr{actually processed: $clients/$clients}, "$clients clients ask") or diag $err;
	is(calls(), '1', "$clients clients: one computes");
	is(query(q{SELECT misses, fills, hits FROM pollseed_cache_stats WHERE cache = 'c'}), join('|', 1, 1, $clients - 1), 'the others have it from memory');
	my $waits = query(q{SELECT waits FROM pollseed_cache_stats WHERE cache = 'c'});
	cmp_ok($waits, $clients == 1 ? '==' : '>=', int($clients / 2), "$waits of them after waiting") if $clients != 10;
}

# The leader fails, is cancelled, or ended: one of the others computes, for all that are left.
sub follow
{
	my ($what, $fetch, $hit) = @_;
	forget(1.2);
	my @sessions = map { start("SELECT $fetch") } 1 .. 5;
	$hit->() if $hit;
	my @answers = map { finish($_) } @sessions;
	is(join(' ', sort @answers), ' 10 10 10 10', "$what: the others have the result");
	is(calls(), '2', "$what: another computed it");
	my ($failed) = grep { $_->{err} ne '' } @sessions;
	return $failed->{err};
}
like(follow('an error', fetch('an error', 'failing')), qr/ERROR:  it went wrong/, 'who computed has the error');
like(follow('cancelled', fetch('cancelled', 'slow'), sub { my $pid = leader(); query("SELECT pg_cancel_backend($pid)") }), qr/ERROR:  canceling statement due to user request/, 'who computed knows why');
like(follow('ended', fetch('ended', 'slow'), sub { my $pid = leader(); query("SELECT pg_terminate_backend($pid)") }), qr/FATAL:  terminating connection/, 'who computed is gone');

# Who waits may be cancelled, or give up on a lock, and nobody else minds.
forget(0.7);
my $leader = start("SELECT ${\ fetch('impatient', 'slow')}");
leader();
my $impatient = start([ q{SET statement_timeout = '50ms'}, "SELECT ${\ fetch('impatient', 'slow')}" ]);
my $follower = start([ "SELECT ${\ fetch('impatient', 'slow')}", 'SELECT outcome FROM pollseed_cache_last()' ]);
finish($impatient);
like($impatient->{err}, qr/canceling statement due to statement timeout/, 'a follower that is cancelled gives up');
is(finish($leader), '10', 'the computation goes on');
is(finish($follower), '10|waited', 'and others wait for it');
is(calls(), '1', 'it is the only one');

# The leader waits for a lock of who then waits for the leader.
no warnings 'redefine';
*PostgreSQL::Test::BackgroundPsql::note = sub { };
use warnings 'redefine';
my $holder = $node->background_psql('postgres', on_error_stop => 0);
$holder->set_query_timer_restart();
$holder->query_safe('BEGIN; LOCK TABLE facts');
my $blocked = start(q{SELECT pollseed_cache_fetch('c', 'locked', 'SELECT to_jsonb(n) FROM facts WHERE id = 2')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted}) or BAIL_OUT('nobody waits');
my $began = time;
my $answer = $holder->query(q{SELECT pollseed_cache_fetch('c', 'locked', 'SELECT to_jsonb(n) FROM facts WHERE id = 2')});
like($answer . $holder->{stderr}, qr/^20$|deadlock detected/, 'a session that holds what the leader waits for is not kept waiting');
cmp_ok(time - $began, '<', 5, 'for long');
$holder->{stderr} = '';
$holder->query('ROLLBACK');
is(finish($blocked), '20', 'the leader has its result then');
is(query(q{SELECT pollseed_cache_fetch('c', 'locked', 'SELECT to_jsonb(n) FROM facts WHERE id = 2')}), '20', 'the key can be asked for as before');

# Who must have a result of its own does not wait for one that is not.
forget(1);
$leader = start("SELECT ${\ fetch('own', 'slow')}");
leader();
query('UPDATE pause SET seconds = 0');
$began = time;
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM facts');
query('UPDATE facts SET n = 11 WHERE id = 1');
is($holder->query_safe("SELECT ${\ fetch('own', 'slow')}"), '10', 'an old snapshot gets what it shows,');
is($holder->query_safe('SELECT outcome FROM pollseed_cache_last()'), 'bypass', 'past the cache;');
$holder->query_safe('ROLLBACK; BEGIN; UPDATE facts SET n = 12 WHERE id = 1');
is($holder->query_safe("SELECT ${\ fetch('own', 'slow')}"), '12', 'who has changed it itself gets its own');
is($holder->query_safe('SELECT outcome FROM pollseed_cache_last()'), 'bypass', 'past the cache,');
cmp_ok(time - $began, '<', 0.8, 'and without waiting for another');
$holder->query_safe('ROLLBACK');
is(finish($leader), '10', 'who computes meanwhile is not disturbed');

# A query that asks the cache itself, for another key and for its own
query(q{CREATE FUNCTION inner_fetch(depth int) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
	BEGIN
		RETURN CASE WHEN depth > 0 THEN pollseed_cache_fetch('c', 'nested', 'SELECT inner_fetch(' || depth - 1 || ')', depends_on => '{}') ELSE '"deep"' END;
	END $$});
my ($ret, $out, $err) = $node->psql('postgres', q{SET statement_timeout = '10s'; SELECT pollseed_cache_fetch('c', 'nested', 'SELECT inner_fetch(3)', depends_on => '{}'), pollseed_cache_fetch('c', 'around', 'SELECT inner_fetch(1)', depends_on => '{}')});
is("$out$err", '"deep"|"deep"', 'computations may ask the cache, whatever for');

# Results that expire, again and again, with clients that never stop asking: each is computed once, and all see it.
forget(0.01);
my $clients = 8;
my $duration = 3;
my $asking = script(<<"SQL");
SELECT ${\ fetch('expiring', 'numbered', 'soon')} AS n \\gset
INSERT INTO seen VALUES (:n, :client_id) ON CONFLICT DO NOTHING;
\\sleep 1 ms
SQL
($out, $err) = run_command([ 'pgbench', '-n', '-c', $clients, '-T', $duration, '-f', $asking->filename, $node->connstr('postgres') ]);
my $calls = calls();
my ($shared, $alone) = split /\|/, query('SELECT count(*) FILTER (WHERE clients > 1), count(*) FILTER (WHERE clients = 1) FROM (SELECT n, count(*) AS clients FROM seen GROUP BY n) AS s');
cmp_ok($calls, '>=', $duration / 0.3 * 0.6, "a result that lives 0.3 seconds was computed $calls times in $duration seconds");
cmp_ok($calls, '<=', $duration / 0.3 * 2.5, 'and not much oftener than it has to be');
cmp_ok($calls - $shared, '<=', 1, "each for all: $shared were seen by several clients") or diag "$alone by one only";
my ($hits, $waits) = split /\|/, query(q{SELECT hits, waits FROM pollseed_cache_stats WHERE cache = 'soon'});
cmp_ok($hits, '>', 100 * $calls, "$hits answers came from memory, $waits of them after waiting");

# Where staleness is allowed, one computes what has changed, and the others do not wait; where too much time has passed, they do.
for my $allowed ([ 'patient', 'stale' ], [ 'hurried', 'waited' ])
{
	my ($cache, $outcome) = @$allowed;
	forget(0);
	my $old = query("SELECT ${\ fetch('old', 'slow', $cache)}");
	my $new = query('UPDATE facts SET n = n + 1 WHERE id = 1 RETURNING n');
	usleep(250_000);
	forget(0.6);
	$leader = start("SELECT ${\ fetch('old', 'slow', $cache)}");
	leader();
	$began = time;
	is(query("SELECT ${\ fetch('old', 'slow', $cache)}; SELECT outcome FROM pollseed_cache_last()"), ($outcome eq 'stale' ? $old : $new) . "\n$outcome", "$cache: others have the answer that is allowed");
	cmp_ok(time - $began, '<', 0.4, "$cache: at once") if $outcome eq 'stale';
	is(finish($leader), $new, "$cache: who computes has the new one");
	is(query("SELECT ${\ fetch('old', 'slow', $cache)}; SELECT outcome FROM pollseed_cache_last()"), "$new\nhit", "$cache: and then everybody has");
	is(calls(), '1', "$cache: it was computed once");
}
$holder->quit;
is(query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no flight is left');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|still active/, 'the server has nothing to warn of');
leave($node);
$node->stop;
done_testing();
