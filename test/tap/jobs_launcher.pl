# Jobs that wait or were orphaned go on: by themselves in each database where the library is preloaded, at the next tick where it
# is not; as many at once as there may be, those of higher priority first, and each adopted by one tick only.
use strict;
use warnings;

use File::Temp ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $votes = 5000;
my $node;

# A poll in a database.
sub make_poll
{
	my ($db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION pollseed; SELECT FROM pollseed_create_poll_tables()');
	return;
}

# A session that has locked all options: jobs start, and wait for it.
sub hold
{
	my ($db) = @_;
	my $session = $node->background_psql($db);
	$session->query_safe('BEGIN; SELECT FROM options FOR UPDATE');
	return $session;
}

sub submit
{
	my ($db, $more) = @_;
	return $node->safe_psql($db, "SELECT pollseed_seed_async($votes, seed => 1" . ($more // '') . ')');
}

sub job
{
	my ($db, $job, $columns) = @_;
	return $node->safe_psql($db, "SELECT $columns FROM pollseed_jobs WHERE id = $job");
}

# Waits until a job's columns are so.
sub becomes
{
	my ($db, $job, $columns, $want, $description) = @_;
	return ok($node->poll_query_until($db, "SELECT concat_ws('|', $columns) FROM pollseed_jobs WHERE id = $job", $want), $description)
	  || diag $node->safe_psql($db, 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
}

# A job whose worker waits for the holder.
sub start_job
{
	my ($db) = @_;
	my $job = submit($db);
	$node->poll_query_until($db,
		"SELECT count(*) = 1 FROM pollseed_jobs AS j JOIN pg_stat_activity AS a ON a.pid = j.worker_pid WHERE j.id = $job AND a.wait_event_type = 'Lock'")
	  or BAIL_OUT('a job does not start');
	return $job;
}

# A job whose worker was terminated.
sub make_orphan
{
	my ($db) = @_;
	my $job = start_job($db);
	$node->safe_psql($db, "SELECT pg_terminate_backend(worker_pid, 180000) FROM pollseed_jobs WHERE id = $job");
	return $job;
}

# The only job of a database has ended well, and its votes are there once.
sub succeeds
{
	my ($db, $job, $attempts, $description) = @_;
	becomes($db, $job, 'state, attempts, done', "succeeded|$attempts|$votes", $description);
	is($node->safe_psql($db, q{SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(done) FROM pollseed_jobs),
	                                  (SELECT sum(votes) FROM options) = (SELECT sum(done) FROM pollseed_jobs)}),
		't|t', 'its votes are there once');
	return;
}

sub launcher_pid { return $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pollseed launcher'}) }

sub set_naptime
{
	my ($naptime) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET pollseed.launcher_naptime = '$naptime'");
	$node->reload;
	return;
}

# Preloaded: the launcher looks at each database when the server has started, and then only each day, unless told otherwise.
$node = PostgreSQL::Test::Cluster->new('preloaded');
$node->init;
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nautovacuum = off\nlog_statement = none\nlog_line_prefix = '%m [%p] %b: '\n"
	  . "shared_preload_libraries = 'pollseed'\npollseed.launcher_naptime = 1d\nmax_worker_processes = 16");
$node->start;
make_poll($_) for 'a', 'b';

# Databases that have no jobs: none, an older release, and such that nobody can connect to.
$node->safe_psql('postgres', 'CREATE DATABASE without');
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', q{CREATE EXTENSION pollseed VERSION '0.1.0'});
$node->safe_psql('postgres', 'CREATE DATABASE closed ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'CREATE DATABASE half_dropped');
$node->safe_psql('postgres', q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half_dropped'});
ok(launcher_pid(), 'the launcher runs');

my %holder = map { $_ => hold($_) } 'a', 'b';
my %job = map { $_ => start_job($_) } 'a', 'b';
$node->stop('immediate');
eval { $_->quit } for values %holder;
$node->start;
succeeds($_, $job{$_}, 2, "database $_: after a crash of the server a job goes on by itself") for 'a', 'b';
is( $node->safe_psql('a', "SELECT string_agg(concat_ws(': ', state, reason), ', ' ORDER BY logged_at) FROM pollseed_job_log WHERE job = $job{a}"),
	'queued: submitted, running: started, queued: adopted: its worker is gone, running: taken up again, succeeded: all done', 'its log tells why');

# What was queued without a worker, too.
my $holder = hold('a');
my $running = start_job('a');
$node->safe_psql('postgres', 'ALTER DATABASE a SET pollseed.max_running_jobs = 1');
my $queued = submit('a');
becomes('a', $queued, 'state, reason', 'queued|pollseed.max_running_jobs (1) are running', 'a job waits for another');
$node->stop('immediate');
eval { $holder->quit };
$node->start;
succeeds('a', $running, 2, 'after a crash the running job goes on');
succeeds('a', $queued, 1, 'and then the queued one starts');

# The launcher is terminated, and killed.
$holder = hold('a');
my $orphan = make_orphan('a');
my $launcher = launcher_pid();
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
becomes('a', $orphan, 'state, attempts', 'running|2', 'a launcher that was terminated comes back, and adopts an orphan');
isnt(launcher_pid(), $launcher, 'it is another process');
$holder->quit;
succeeds('a', $orphan, 2, 'the orphan succeeds');

$holder = hold('b');
$running = start_job('b');
$launcher = launcher_pid();
kill 'KILL', $launcher;
$node->poll_query_until('b', "SELECT pid <> $launcher FROM pg_stat_activity WHERE backend_type = 'pollseed launcher'")
  or BAIL_OUT('the launcher does not come back');
eval { $holder->quit };
succeeds('b', $running, 2, 'after the launcher was killed jobs go on');

# A new time between visits is heard of during a visit too: here the launcher waits for a tick that waits for us.
$holder = hold('a');
$orphan = make_orphan('a');
my $blocker = $node->background_psql('a');
$blocker->query_safe('BEGIN; LOCK TABLE pollseed.jobs');
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pollseed tick' AND wait_event_type = 'Lock'}),
	'a reload has the launcher look again');
set_naptime('1s');
$blocker->quit;
becomes('a', $orphan, 'state, attempts', 'running|2', 'it finds an orphan');
$node->safe_psql('a', "SELECT pg_terminate_backend(worker_pid) FROM pollseed_jobs WHERE id = $orphan");
becomes('a', $orphan, 'state, attempts', 'running|3', 'pollseed.launcher_naptime is applied: it finds it again when it is orphaned again');
$holder->quit;
succeeds('a', $orphan, 3, 'the orphan succeeds');

# Nothing of that is in the way of others.
$node->safe_psql('postgres', 'DROP DATABASE b');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE a');
is($node->safe_psql('copy', 'SELECT count(*) > 0, bool_and(state = $$succeeded$$) FROM pollseed_jobs'), 't|t', 'databases can be dropped and copied');
$node->stop;
my $log = slurp_file($node->logfile);
my @complaints = grep { !/terminating background worker|database "b" does not exist/ } $log =~ /^.*pollseed (?:launcher|tick): (?:WARNING|ERROR|FATAL|PANIC):.*$/mg;
is(join("\n", @complaints), '', 'no database gives the launcher trouble');

# Not preloaded: nothing happens until a tick.
$node = PostgreSQL::Test::Cluster->new('plain');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nmax_logical_replication_workers = 0\nmax_worker_processes = 16");
$node->start;
make_poll('a');
$holder = hold('a');
$running = start_job('a');
$node->stop('immediate');
eval { $holder->quit };
$node->start;
is(launcher_pid(), '', 'without preload there is no launcher');
is(job('a', $running, 'state, attempts, worker_pid'), 'running|1|', 'after a crash a job stays where it was');
is($node->safe_psql('a', 'SELECT id, state, reason FROM pollseed_run_jobs()'), "$running|queued|adopted: its worker is gone", 'until a tick');
succeeds('a', $running, 2, 'which has it go on');
is($node->safe_psql('a', 'SELECT count(*) FROM pollseed_run_jobs()'), '0', 'there is nothing to do for another');

# Two ticks at once adopt an orphan once.
my @ticks = map { $node->background_psql('a') } 1 .. 2;
my $tick = 'SELECT id, attempts FROM pollseed_run_jobs()';
$holder = hold('a');
$orphan = make_orphan('a');
is($ticks[0]->query_safe("BEGIN; $tick"), "$orphan|1", 'a tick adopts an orphan');
is($ticks[1]->query_safe("BEGIN; $tick"), '', 'another at the same time does not, and does not wait');
is($ticks[0]->query_safe("$tick"), '', 'nor does the same again');
$ticks[0]->query_safe('COMMIT');
is($ticks[1]->query_safe($tick), '', 'nor the other when the first has committed');
$ticks[1]->query_safe('COMMIT');
becomes('a', $orphan, 'state, attempts', 'running|2', 'it is taken up once');

# One that is rolled back has adopted nothing.
$node->safe_psql('a', "SELECT pg_terminate_backend(worker_pid, 180000) FROM pollseed_jobs WHERE id = $orphan");
is($ticks[0]->query_safe("BEGIN; $tick"), "$orphan|2", 'a tick adopts it again');
$ticks[0]->query_safe('ROLLBACK');
is($node->safe_psql('a', "$tick"), "$orphan|2", 'when that is rolled back another does');
becomes('a', $orphan, 'state, attempts', 'running|3', 'it is taken up once');
$holder->quit;
succeeds('a', $orphan, 3, 'the orphan succeeds');
$_->quit for @ticks;

# Many at once.
my $script = File::Temp->new(SUFFIX => '.sql');
print $script "INSERT INTO adopted SELECT id FROM pollseed_run_jobs();\n";
$script->close;
$node->safe_psql('a', 'CREATE TABLE adopted (job bigint)');
for my $round (1 .. 3)
{
	$holder = hold('a');
	$orphan = make_orphan('a');
	$node->command_ok([ 'pgbench', '-n', '-c', '10', '-t', '3', '-f', $script->filename, $node->connstr('a') ], '10 sessions tick 3 times each');
	is($node->safe_psql('a', "SELECT count(*) FROM adopted WHERE job = $orphan"), '1', 'one of them adopts the orphan');
	becomes('a', $orphan, 'state, attempts', 'running|2', 'it is taken up once');
	$holder->quit;
	succeeds('a', $orphan, 2, 'the orphan succeeds');
}

# One job at a time: the others wait, those of higher priority less long.
$node->safe_psql('postgres', 'ALTER DATABASE a SET pollseed.max_running_jobs = 1');
$holder = hold('a');
my @jobs = (start_job('a'), map { submit('a', ", priority => $_") } 0, 5, -1, 5);
becomes('a', $_, 'state, reason, attempts', 'queued|pollseed.max_running_jobs (1) are running|0', "job $_ waits") for @jobs[ 1 .. 4 ];
is($node->safe_psql('a', $tick), '', 'a tick starts none of them');
is($node->safe_psql('a', 'SELECT id FROM pollseed_run_jobs(10)'), '', 'even if it were to start ten');
$holder->quit;
succeeds('a', $_, 1, "job $_ succeeds") for @jobs;
is($node->safe_psql('a', "SELECT string_agg(id::text, ' ' ORDER BY started_at) FROM pollseed_jobs WHERE id >= $jobs[0]"),
	join(' ', @jobs[ 0, 2, 4, 1, 3 ]), 'each is started when another ends, by priority');
is($node->safe_psql('a', "SELECT bool_and(started_at >= ended) FROM (SELECT started_at, lag(finished_at) OVER (ORDER BY started_at) AS ended
                            FROM pollseed_jobs WHERE id >= $jobs[0]) AS j"), 't', 'one at a time');

# A tick starts as many as it is told to.
$node->safe_psql('postgres', 'ALTER DATABASE a SET pollseed.max_running_jobs = 4');
$holder = hold('a');
@jobs = map { make_orphan('a') } 1 .. 3;
is($node->safe_psql('a', 'SELECT id FROM pollseed_run_jobs(2)'), "$jobs[0]\n$jobs[1]", 'a tick starts two of three');
is(job('a', $jobs[2], 'state, reason'), 'queued|its worker is gone', 'the third is queued');
is($node->safe_psql('a', 'SELECT id FROM pollseed_run_jobs()'), $jobs[2], 'the next tick starts that');
$holder->quit;
succeeds('a', $_, 2, "job $_ succeeds") for @jobs;

# No slot for a worker: a job waits, and nobody waits for it.
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;
$holder = hold('a');
$running = start_job('a');
$queued = submit('a', ', workers => 2');
is(job('a', $queued, 'state, reason, attempts'), 'queued|no free worker slot (max_worker_processes is 1)|0', 'without a slot a job is queued, and says so');
$node->safe_psql('a', 'SELECT FROM pollseed_run_jobs()') for 1 .. 4;
is(job('a', $queued, 'state, reason, attempts'), 'queued|no free worker slot (max_worker_processes is 1)|0', 'ticks change nothing, however many');
$holder->quit;
succeeds('a', $running, 1, 'the job in the slot succeeds');

# The slot is its worker's own until that is gone, so that it leads the other itself.
succeeds('a', $queued, 1, 'it succeeds, with one worker instead of two');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'the log tells of no trouble');
$node->stop;
done_testing();
