# A role's warmers with a schedule, run by its standing job: at once, when they are due, and all of them when the server has
# started, since memory is empty then; past errors and locked rows; until there are none any more.  A dump keeps them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('cache_warm');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nfsync = off\nlog_statement = none\nmax_worker_processes = 16\nshared_preload_libraries = 'pollseed'\npollseed.launcher_naptime = 1d");
$node->start;
my @app = (extra_params => [ '-U', 'app' ]);
my $items = 'SELECT count(*) AS n FROM items';

$node->safe_psql('postgres', $_) for 'CREATE ROLE app LOGIN', 'CREATE DATABASE warm';
$node->safe_psql('warm', q{
	CREATE EXTENSION pollseed;
	CREATE SCHEMA app AUTHORIZATION app;
	SELECT FROM pollseed_cache_create('slow', '2 hours');
	SELECT FROM pollseed_cache_create('fast', '1 minute')});
$node->safe_psql('warm', q{CREATE TABLE items (id int); INSERT INTO items VALUES (1), (2); SELECT FROM pollseed_cache_track('items')}, @app);

sub sql { my ($query) = @_; return $node->safe_psql('warm', $query, @app) }

# Waits until a query is true.
sub becomes
{
	my ($query, $description, $db) = @_;
	$db //= 'warm';
	return ok($node->poll_query_until($db, $query), $description)
	  || diag $node->safe_psql($db, 'SELECT * FROM pollseed_cache_warmers; SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
}

# A warmer of the role app; its job.
sub warmer
{
	my ($cache, $key, $query, $every) = @_;
	return sql("SELECT job_id FROM pollseed_cache_warmer('$cache', '$key', '$query', '$every')");
}

# What a fetch does that nobody has made before.
sub finds
{
	my ($cache, $key, $query, $description) = @_;
	my $found = sql("SELECT pollseed_cache_fetch('$cache', '$key', '$query') IS NOT NULL; SELECT outcome FROM pollseed_cache_last()");
	return is($found, "t\nhit", $description);
}

# At once, though it is due in an hour
my $job = warmer('slow', 'items', $items, '1 hour');
becomes(q{SELECT runs = 1 AND last_outcome = 'computed' FROM pollseed_cache_warmers}, 'a warmer is run at once');
finds('slow', 'items', $items, 'the first who asks finds what it has computed');
is(sql(q{SELECT due_at > now() + interval '59 minutes' FROM pollseed_cache_warmers}), 't', 'it is due in an hour');
is(warmer('fast', 'items', $items, '1 second'), $job, 'a role has one job');
is(sql("SELECT concat_ws('|', engine, owner, relation, state, total) FROM pollseed_jobs WHERE id = $job AND state = 'running'"), 'cache|app|pollseed.cache_warmers|running|-1', 'which goes on');
becomes(q{SELECT runs >= 2 AND last_outcome = 'fresh' FROM pollseed_cache_warmers WHERE cache = 'fast'}, 'one that is due each second is run each second, and leaves what is fresh');
sql('INSERT INTO items VALUES (3)');
becomes(q{SELECT last_outcome = 'computed' FROM pollseed_cache_warmers WHERE cache = 'fast'}, 'what has changed is computed');
my $theirs = $node->safe_psql('warm', q{SELECT job_id FROM pollseed_cache_warmer('slow', 'items', 'SELECT 1 AS n', '1 hour', depends_on => '{}')});
isnt($theirs, $job, 'another role has another job');

# Errors; paused, and resumed while who has run a warmer that is due does not commit
warmer('fast', 'bad', 'SELECT 1 / 0 AS n', '1 second');
becomes(q{SELECT last_sqlstate = '22012' AND due_at > last_run + interval '9 seconds' FROM pollseed_cache_warmers WHERE key = 'bad'}, 'an error is kept, and not met each second');
sql("SELECT FROM pollseed_job_pause($job)");
becomes("SELECT worker_pid IS NULL FROM pollseed_jobs WHERE id = $job", 'the job is paused');
my ($ret, $out, $err) = $node->psql('warm', q{SELECT job_id FROM pollseed_cache_warmer('fast', 'more', 'SELECT 1 AS n', '1 second', depends_on => '{}')}, @app);
$err =~ s/psql:<stdin>:\d+: //;
is("$out $err", "$job NOTICE:  job $job is paused\nHINT:  Let it go on with pollseed_job_resume($job).", 'a new warmer waits for it');
$node->safe_psql('warm', q{UPDATE pollseed.cache_warmers SET due_at = now() - interval '1 day' WHERE cache = 'slow'});
my $holder = $node->background_psql('warm', @app);
$holder->query_safe(q{BEGIN; SELECT FROM pollseed_cache_warm('slow')});
sql("SELECT FROM pollseed_job_resume($job)");
becomes(q{SELECT runs > 0 FROM pollseed_cache_warmers WHERE key = 'more'}, 'it is run when the job goes on, though another that is due first is locked');
is(sql(q{SELECT due_at < now() FROM pollseed_cache_warmers WHERE cache = 'slow'}), 't', 'which is not run');
$holder->query_safe('COMMIT');
$holder->quit;
becomes(q{SELECT due_at > now() FROM pollseed_cache_warmers WHERE cache = 'slow' AND owner = 'app'}, 'before it can be');
sql("SELECT FROM pollseed_job_cancel($job)");
is(sql("SELECT concat_ws('|', state, (result ->> 'computed')::int >= 2, (result ->> 'failed')::int >= 1) FROM pollseed_job_wait($job, '150 s')"), 'cancelled|t|t', 'a cancelled job has its figures');
isnt(warmer('fast', 'items', $items, '1 second'), $job, 'then there is another');
$job = sql(q{SELECT id FROM pollseed_jobs WHERE state IN ('queued', 'running')});

# Restarts: memory is empty
for my $how ('fast', 'immediate')
{
	$node->stop($how);
	$node->start;
	becomes(q{SELECT count(*) = 2 FROM pollseed_cache_warmers WHERE cache = 'slow' AND last_outcome = 'computed' AND last_run > pg_postmaster_start_time()},
		"after a restart ($how) all warmers are run at once");
	finds('slow', 'items', $items, 'and what is kept is found');
}
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is($node->safe_psql('warm', 'SELECT count(*) FROM pollseed_run_jobs()'), '2', 'where the library is not preloaded a tick has them run');
becomes(q{SELECT count(*) = 2 FROM pollseed_cache_warmers WHERE cache = 'slow' AND last_outcome = 'computed' AND last_run > pg_postmaster_start_time()}, 'all at once as well');

# A dump
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('warm') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], 'restored');
my $all = q{SELECT id, cache, key, owner, every, due_at, runs, last_outcome, query, params, ttl, depends_on, created_at FROM pollseed_cache_warmers WHERE cache = 'slow' ORDER BY id};
is($node->safe_psql('restored', $all), $node->safe_psql('warm', $all), 'the warmers are there');
is($node->safe_psql('restored', 'SELECT count(*) FROM pollseed_jobs WHERE finished_at IS NULL'), '0', 'their jobs are not');
is($node->safe_psql('restored', q{SELECT warmers, computed, failed FROM pollseed_cache_warm()}, @app), '4|3|1', 'their owner warms them');
my $again = $node->safe_psql('restored', "SELECT warmer_id, job_id FROM pollseed_cache_warmer('slow', 'items', '$items', '1 hour')", @app);
is((split /\|/, $again)[0], sql(q{SELECT id FROM pollseed_cache_warmers WHERE cache = 'slow' AND key = 'items'}), 'defined again each is the same');
becomes(q{SELECT count(*) = 4 FROM pollseed_cache_warmers WHERE owner = 'app' AND runs > 0 AND last_run > (SELECT started_at FROM pollseed_jobs WHERE finished_at IS NULL)}, 'a job runs all of them', 'restored');
$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');

# The end
sql(qq{BEGIN; SELECT pollseed_cache_warmer_drop(cache, key) FROM pollseed_cache_warmers; SELECT FROM pollseed_cache_warmer('slow', 'items', '$items', '1 hour'); COMMIT});
becomes(q{SELECT runs > 0 FROM pollseed_cache_warmers WHERE owner = 'app'}, 'the last warmer goes and one comes in a transaction');
is(sql("SELECT state FROM pollseed_jobs WHERE id = $job"), 'running', 'the job goes on');
is(sql(q{SELECT pollseed_cache_warmer_drop('slow', 'items')}), 't', 'the last one is dropped');
is(sql("SELECT concat_ws('|', state, reason) FROM pollseed_job_wait($job, '150 s')"), 'succeeded|all done', 'then the job ends');
is($node->safe_psql('warm', q{SELECT pollseed_cache_drop('slow')}), 't', 'a cache is dropped with the warmer of another role');
is($node->safe_psql('warm', "SELECT state FROM pollseed_job_wait($theirs, '150 s')"), 'succeeded', 'whose job ends, too');
is($node->safe_psql('warm', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|WARNING:  (?!terminating connection|warmer \d+ of key "bad")|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
