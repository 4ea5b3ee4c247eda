# A dump keeps finished jobs with their log, and leaves out what was not finished: restored, nothing of that goes on in another
# database.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('jobs_dump');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nmax_worker_processes = 16");
$node->start;
my $dump = $node->basedir . '/dump';

# One job of each state.  The one that runs waits for a session that has locked all options.
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE EXTENSION pollseed;
	CREATE SCHEMA "A ""b""";
	SET search_path = "A ""b""", public;
	SELECT FROM pollseed_create_poll_tables();
	CREATE ROLE app LOGIN;
	GRANT USAGE ON SCHEMA "A ""b""" TO app;
	GRANT ALL ON ALL TABLES IN SCHEMA "A ""b""" TO app;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA "A ""b""" TO app});

sub run_in
{
	my ($db, $sql, @params) = @_;
	return $node->safe_psql($db, qq{SET search_path = "A ""b""", public; $sql}, @params);
}

my @app = (extra_params => [ '-U', 'app' ]);
my %job;

# Waits until a job's columns are so.
sub becomes
{
	my ($what, $want) = @_;
	return ok($node->poll_query_until('source', "SELECT concat_ws('|', state, reason) FROM pollseed_jobs WHERE id = $job{$what}", $want), "a job is $want")
	  || diag $node->safe_psql('source', 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
}

$job{succeeded} = run_in('source', q{SELECT pollseed_seed_async(3000, 'zipf', seed => 1, ends_at => '2026-01-22', workers => 2)}, @app);
becomes('succeeded', 'succeeded|all done');
run_in('source', 'ALTER TABLE vote_events ADD CONSTRAINT high CHECK (id < 5000)');
$job{failed} = run_in('source', 'SELECT pollseed_seed_async(30000, batch_size => 100)');
becomes('failed', 'failed|failed with an error');
run_in('source', 'ALTER TABLE vote_events DROP CONSTRAINT high');
my $holder = $node->background_psql('source');
$holder->query_safe(q{BEGIN; SELECT FROM "A ""b""".options FOR UPDATE});
$job{cancelled} = run_in('source', 'SELECT pollseed_seed_async(3000)', @app);
becomes('cancelled', 'running|started');
run_in('source', "SELECT pollseed_job_cancel($job{cancelled})");
becomes('cancelled', 'cancelled|cancelled');
$node->safe_psql('postgres', 'ALTER DATABASE source SET pollseed.max_running_jobs = 1');
$job{running} = run_in('source', 'SELECT pollseed_seed_async(3000, workers => 2)');
becomes('running', 'running|started');
$job{queued} = run_in('source', 'SELECT pollseed_seed_async(3000)');
becomes('queued', 'queued|pollseed.max_running_jobs (1) are running');
$job{paused} = run_in('source', 'SELECT pollseed_seed_async(3000)');
run_in('source', "SELECT pollseed_job_pause($job{paused})");
becomes('paused', 'paused|paused by a user');

# A failed job that was resumed is finished no more.
run_in('source', 'ALTER TABLE vote_events ADD CONSTRAINT none CHECK (false) NOT VALID');
$node->safe_psql('postgres', 'ALTER DATABASE source RESET pollseed.max_running_jobs');
my $elsewhere = q{CREATE SCHEMA again; SET search_path = again, public; SELECT FROM pollseed_create_poll_tables();
	ALTER TABLE vote_events ADD CONSTRAINT none CHECK (false)};
$job{resumed} = $node->safe_psql('source', "$elsewhere; SELECT pollseed_seed_async(10)");
becomes('resumed', 'failed|failed with an error');
run_in('source', "BEGIN; SELECT pollseed_job_resume($job{resumed}); SELECT pollseed_job_pause($job{resumed}); COMMIT");
becomes('resumed', 'paused|paused by a user');
run_in('source', 'ALTER TABLE vote_events DROP CONSTRAINT none');

my $finished = join(', ', sort { $a <=> $b } @job{qw(succeeded failed cancelled)});
my $jobs = "SELECT * FROM pollseed_jobs WHERE id IN ($finished) ORDER BY id";
my $log = "SELECT * FROM pollseed_job_log WHERE job IN ($finished)";
my $kept_jobs = $node->safe_psql('source', $jobs);
my $kept_log = $node->safe_psql('source', $log);
my $last_job = $node->safe_psql('source', 'SELECT max(id) FROM pollseed_jobs');
is(scalar(split /\n/, $kept_jobs), 3, 'three jobs have ended');

# Dumped while the others wait, as text and as an archive, and restored into new databases.
$node->command_ok([ 'pg_dump', '-f', "$dump.sql", $node->connstr('source') ], 'a dump as text');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", $node->connstr('source') ], 'a dump as an archive');
$node->command_ok([ 'pg_dump', '--schema-only', '-f', "$dump.schema", $node->connstr('source') ], 'a dump of the schema only');
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") for 'text', 'archive', 'schema_only';
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", $node->connstr('text') ], 'restored from text');
$node->command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr('archive'), "$dump.custom" ], 'restored from an archive');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.schema", $node->connstr('schema_only') ], 'restored without data');

for my $db ('text', 'archive')
{
	is($node->safe_psql($db, $jobs), $kept_jobs, "$db: finished jobs are there, in every column");
	is($node->safe_psql($db, $log), $kept_log, 'with their log');
	is($node->safe_psql($db, 'SELECT count(*), (SELECT count(DISTINCT job) FROM pollseed_job_log) FROM pollseed_jobs'), '3|3', 'what was not finished is not there, nor its log');
	is($node->safe_psql($db, 'SELECT count(*) FROM pollseed.jobs AS j WHERE NOT EXISTS (SELECT FROM pollseed.job_log AS l WHERE l.job_id = j.job_id)'), '0', 'each has a log');
	is($node->safe_psql($db, 'SELECT count(*) FROM pollseed_run_jobs()'), '0', 'a tick finds nothing to do');
	is($node->safe_psql($db, q{SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type LIKE 'pollseed%'}), '0', 'no worker runs there');
	is($node->safe_psql($db, 'SELECT string_agg(id::text, $$, $$ ORDER BY id), count(arguments) FROM pollseed_jobs', @app), "$job{succeeded}, $job{cancelled}|2",
		'on the same server they belong to whom they belonged');
	is($node->safe_psql($db, 'SELECT count(*) FROM pollseed_runs JOIN pollseed_jobs USING (run_id)'), '2', 'those that wrote anything are in the ledger');
	is(run_in($db, 'SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(done) FROM pollseed_jobs), (SELECT sum(votes) FROM options) = (SELECT sum(done) FROM pollseed_jobs)'),
		't|t', 'and their votes are there');

	# They have ended, for good.
	my ($ret, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\nSELECT pollseed_job_resume($job{failed})");
	like($err, qr/^psql:<stdin>:2: ERROR:  55000: cannot resume job $job{failed}\nDETAIL:  It belongs to another database\.\nHINT:  Start a new job\.$/m,
		'a failed job is not resumed');
	for my $call ('cancel', 'pause')
	{
		($ret, $out, $err) = $node->psql($db, "SELECT state FROM pollseed_job_$call($job{failed})");
		is("$out $err", "failed psql:<stdin>:1: NOTICE:  job $job{failed} has already ended: failed", "to $call it changes nothing");
	}
	($ret, $out, $err) = $node->psql($db, "SELECT pollseed_job_resume($job{running})");
	like($err, qr/ERROR:  job $job{running} does not exist/, 'what was running is unknown');
	is($node->safe_psql($db, "SELECT state, done FROM pollseed_job_wait($job{succeeded})"), 'succeeded|3000', 'one can wait for what has ended');

	# New jobs.
	my $new = run_in($db, 'SELECT pollseed_seed_async(2000, workers => 2)');
	cmp_ok($new, '>', $last_job, 'a new job has a number that no other had');
	is(run_in($db, "SELECT state, done FROM pollseed_job_wait($new, '150 s')"), 'succeeded|2000', 'it ends well');
	is($node->safe_psql($db, "SELECT string_agg(state, ' ') FROM pollseed_job_log WHERE job = $new"), 'queued running succeeded', 'its log');
	is($node->safe_psql($db, 'SELECT count(*), count(DISTINCT run_id) FROM pollseed_runs JOIN pollseed_jobs USING (run_id)'), '3|3', 'its run has a number of its own');
	is(run_in($db, 'SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(done) FROM pollseed_jobs), (SELECT sum(votes) FROM options) = (SELECT sum(done) FROM pollseed_jobs)'),
		't|t', 'its votes come to the others');
	is($node->safe_psql($db, $jobs), $kept_jobs, 'the restored ones are as they were');
}

# The schema only.
is($node->safe_psql('schema_only', 'SELECT (SELECT count(*) FROM pollseed_jobs), (SELECT count(*) FROM pollseed_job_log), (SELECT count(*) FROM pollseed_run_jobs())'),
	'0|0|0', 'without data there are no jobs');
run_in('schema_only', q{INSERT INTO options (text) VALUES ('Go')});
is(run_in('schema_only', 'SELECT pollseed_seed_async(100)'), '1', 'the first has number 1');
is(run_in('schema_only', q{SELECT state FROM pollseed_job_wait(1, '150 s')}), 'succeeded', 'it ends well');

# A dump that was restored into a new database can be dumped again.
$node->command_ok([ 'pg_dump', '-f', "$dump.again", $node->connstr('text') ], 'a dump of what was restored');
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.again", $node->connstr('again') ], 'restored');
is($node->safe_psql('again', 'SELECT * FROM pollseed_jobs ORDER BY id'), $node->safe_psql('text', 'SELECT * FROM pollseed_jobs ORDER BY id'), 'with the same jobs');

# A failed job whose table was dropped, and made again.
$job{dropped} = $node->safe_psql('source', q{CREATE SCHEMA dropped; SET search_path = dropped, public; SELECT FROM pollseed_create_poll_tables();
	ALTER TABLE vote_events ADD CONSTRAINT none CHECK (false); SELECT pollseed_seed_async(10)});
becomes('dropped', 'failed|failed with an error');
for my $then ('', 'SELECT FROM pollseed_create_poll_tables()')
{
	$node->safe_psql('source', "SET search_path = dropped, public; DROP TABLE IF EXISTS vote_events; $then");
	my ($ret, $out, $err) = $node->psql('source', "SELECT pollseed_job_resume($job{dropped})");
	like($err, qr/ERROR:  cannot resume job $job{dropped}\n/, 'a failed job whose table is gone is not resumed');
}

# The source has not noticed.
$holder->quit;
becomes('running', 'succeeded|all done');
becomes('queued', 'succeeded|all done') if $node->safe_psql('source', "SELECT count(*) FROM pollseed_run_jobs() \\g /dev/null\nSELECT 1");
$node->safe_psql('source', "SELECT pollseed_job_resume($job{paused})");
becomes('paused', 'succeeded|all done');
is(run_in('source', q{SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(done) FROM pollseed_jobs WHERE relation LIKE '"A%'),
                             (SELECT sum(votes) FROM options) = (SELECT sum(done) FROM pollseed_jobs WHERE relation LIKE '"A%')}), 't|t', 'in the source all jobs went on');

# A copied database has the rows of all jobs, of which none goes on there.
$job{copied} = run_in('source', 'BEGIN; SELECT pollseed_seed_async(1000) AS job \\gset' . "\nSELECT id FROM pollseed_job_pause(:job); COMMIT");
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'source'});
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE source');
is($node->safe_psql('copy', 'SELECT count(*) FROM pollseed_run_jobs()'), '0', 'in a copied database a tick finds nothing to do');
my ($ret, $out, $err) = $node->psql('copy', "SELECT pollseed_job_resume($job{copied})");
like($err, qr/ERROR:  cannot resume job $job{copied}\nDETAIL:  It belongs to another database\./, 'a job of the original is not resumed there');
is($node->safe_psql('copy', "SELECT state FROM pollseed_job_cancel($job{copied})"), 'cancelled', 'but can be cancelled');
is($node->safe_psql('source', "SELECT state FROM pollseed_job_resume($job{copied})"), 'queued', 'in the original it is resumed');
becomes('copied', 'succeeded|all done');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|WARNING/, 'the server has nothing to warn of');
$node->stop;
done_testing();
