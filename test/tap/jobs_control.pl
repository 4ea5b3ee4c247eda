# Jobs are cancelled, paused, resumed and waited for while they run, with one worker and with two: what is committed is always whole
# batches with their counts, the log tells each change, and in the end the data is that of the atomic call.  Other sessions see the
# progress and hear of each step.
use strict;
use warnings;

use File::Temp ();
use JSON::PP   ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $votes = 200_000;
my $batch = 500;

my $node = PostgreSQL::Test::Cluster->new('jobs_control');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16");
$node->start;

# All is done by a plain role.  The view at_rest reads in one statement, so in one snapshot.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE ROLE app LOGIN;
	CREATE ROLE other LOGIN;
	GRANT CREATE ON DATABASE postgres TO app;
	GRANT CREATE ON SCHEMA public TO app;
	SET ROLE app;
	CREATE FUNCTION make_poll(schema text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE SCHEMA %I', schema);
		PERFORM set_config('search_path', schema || ',public', true);
		PERFORM pollseed_create_poll_tables();
		EXECUTE format('CREATE VIEW at_rest AS
			SELECT f.events = f.votes AND f.events = f.done AND f.beyond = 0 AS agree, f.*
			  FROM (SELECT (SELECT count(*) FROM vote_events) AS events, (SELECT sum(votes) FROM options) AS votes,
			               (SELECT sum(done) FROM pollseed_jobs WHERE relation = %1$L) AS done,
			               (SELECT count(*) FROM pollseed_jobs
			                 WHERE relation = %1$L AND done < total AND done %% (arguments->>''batch_size'')::int <> 0) AS beyond) AS f', schema || '.vote_events');
		CREATE VIEW data AS
			SELECT md5(string_agg(concat_ws('|', option_id, language, votes_after, event_type, inserted_at), ',' ORDER BY option_id, votes_after))
			  FROM vote_events;
	END $$;
	CREATE FUNCTION reach(job bigint, target bigint) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		done bigint;
	BEGIN
		LOOP
			SELECT j.done INTO done FROM pollseed_jobs AS j WHERE id = job AND (j.finished_at IS NOT NULL OR j.done >= target);
			EXIT WHEN FOUND;
			PERFORM pg_sleep(0.001);
		END LOOP;
		RETURN done;
	END $$;
	CREATE TABLE samples (watched bigint, nth int, LIKE pollseed_progress);
	CREATE FUNCTION watch(watched bigint) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR nth IN 1 .. 100000 LOOP
			INSERT INTO samples SELECT watched, nth, * FROM pollseed_progress;
			EXIT WHEN EXISTS (SELECT FROM pollseed_jobs WHERE id = watched AND finished_at IS NOT NULL);
			PERFORM pg_sleep(0.02);
		END LOOP;
	END $$;
	SELECT make_poll('atomic')});

my $schema = 'atomic';
my $arguments = "$votes, 'zipf', seed => 7, ends_at => '2026-01-22', batch_size => $batch";
my @app = (extra_params => [ '-U', 'app' ]);

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', "SET statement_timeout = '180s'; SET search_path = $schema, public; $sql", @app);
}

# What a statement says on stderr, with SQLSTATEs.
sub complaint
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "SET search_path = $schema, public; $sql", extra_params => [ '-U', 'app', '-v', 'VERBOSITY=verbose' ]);
	return $err =~ /((?:NOTICE|WARNING|ERROR):  \w{5}: .*)/ ? $1 : $err;
}

# The poll that what follows is about.
sub use_poll
{
	($schema) = @_;
	$node->safe_psql('postgres', "SELECT make_poll('$schema')", @app);
	return;
}

sub submit
{
	my ($more, $before) = @_;
	return query(($before // '') . ";SELECT pollseed_seed_async($arguments" . ($more // '') . ')');
}

sub job
{
	my ($job, $columns) = @_;
	return query("SELECT concat_ws('|', $columns) FROM pollseed_jobs WHERE id = $job");
}

sub becomes
{
	my ($job, $columns, $want, $description) = @_;
	return ok($node->poll_query_until('postgres', "SELECT concat_ws('|', $columns) FROM pollseed_jobs WHERE id = $job", $want), $description)
	  || diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
}

# Waits for its end.
sub ends
{
	my ($job, $columns, $want, $description) = @_;
	return is(query("SELECT concat_ws('|', $columns) FROM pollseed_job_wait($job, '150 s')"), $want, $description)
	  || diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
}

sub log_is
{
	my ($job, $want, $description) = @_;
	return is(query("SELECT string_agg(state || ': ' || reason, ', ') FROM pollseed_job_log WHERE job = $job"), join(', ', @$want), $description);
}

sub agrees
{
	my ($description) = @_;
	return is(query('SELECT agree FROM at_rest'), 't', "$description: whole batches, events = counts = done") || diag query('TABLE at_rest');
}

# No process works for any job any more.
sub is_quiet
{
	my ($description) = @_;
	return ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('pollseed worker', 'pollseed helper')}),
		$description);
}

sub start_in
{
	my ($session, $sql) = @_;
	$session->query_until(qr/under way/, "\\echo under way\n$sql;\n");
	return;
}

# A session that has locked all options: jobs start, and wait for it.
sub hold
{
	my $session = $node->background_psql('postgres', @app);
	$session->query_safe("BEGIN; SELECT FROM $schema.options FOR UPDATE");
	return $session;
}

sub waits_for_lock
{
	my ($job) = @_;
	return $node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pollseed_jobs AS j JOIN pg_stat_activity AS a ON a.pid = j.worker_pid WHERE j.id = $job AND a.wait_event_type = 'Lock'");
}

# Who listens hears all that is told from now on; a marker that is sent last tells that all has come.
my $listener = $node->background_psql('postgres', extra_params => [ '-U', 'other' ]);
$listener->query_safe('LISTEN pollseed');
my @told;

sub told
{
	my ($job) = @_;
	my $output = '';
	$node->safe_psql('postgres', q{NOTIFY pollseed, 'marker'});
	for (1 .. 1800)
	{
		$output .= $listener->query('SELECT pg_sleep(0.05)') . "\n";
		last if $output =~ /"marker"/;
	}
	push @told, map { JSON::PP::decode_json($_) } $output =~ /notification "pollseed" with payload "(\{.*\})"/g;
	return grep { $_->{job} == $job } @told;
}

# Its events without progress.
sub told_is
{
	my ($job, $want, $description) = @_;
	return is(join(', ', map { "$_->{event} $_->{done} " . ($_->{error} // '-') } grep { $_->{event} ne 'progress' } told($job)), $want, $description);
}

query("SET pollseed.notify = off; SELECT FROM pollseed_seed($arguments)");
my $data = query('TABLE data');

# Paused and resumed while it runs, three times.
for my $workers (1, 2)
{
	use_poll("paused$workers");
	my $job = submit(", workers => $workers");
	my @log = ('queued: submitted', 'running: started');
	my @heard = 'started 0 -';
	for my $target (20_000, 60_000, 120_000)
	{
		my $done = query("SELECT reach($job, $target) \\g /dev/null\nSELECT state || ' ' || done FROM pollseed_job_pause($job)");
		like($done, qr/^paused \d+$/, "workers $workers: paused after vote $target") or diag query("SELECT * FROM pollseed_jobs WHERE id = $job");
		$done =~ s/paused //;
		agrees('at once');
		is(job($job, 'state, reason, done, finished_at'), "paused|paused by a user|$done", 'nothing was committed since');
		is(complaint("SELECT pollseed_job_pause($job)"), '', 'paused again, without a word');
		is_quiet('its workers leave');
		is(query('SELECT count(*) FROM pollseed_progress'), '0', 'no progress is shown of it');
		is(job($job, 'state, done, worker_pid'), "paused|$done", 'and it stands where it stood');
		agrees('still');
		is(query("SELECT state, done FROM pollseed_job_wait($job, '0.05 s')"), "paused|$done", 'one can wait for it, in vain');
		is(query("SELECT state, reason, done FROM pollseed_job_resume($job)"), "queued|waiting for its worker to start|$done", 'resumed');
		is(complaint("SELECT pollseed_job_resume($job)"), '', 'resumed again, without a word');
		push @log, 'paused: paused by a user', 'queued: resumed by a user', 'running: taken up again';
		push @heard, "started $done -";
	}
	ends($job, 'state, reason, done, attempts, retries', "succeeded|all done|$votes|4|0", "workers $workers: it ends well");
	agrees('at the end');
	is(query('TABLE data'), $data, 'the data is that of the atomic call');
	is(query("SELECT (result->>'batches')::int, batches, (SELECT rows_written FROM pollseed_runs AS r WHERE r.run_id = j.run_id) FROM pollseed_jobs AS j WHERE id = $job"),
		join('|', ($votes / $batch) x 2, $votes), 'its figures and its run are of all of it');
	log_is($job, [ @log, 'succeeded: all done' ], 'the log tells each change');
	told_is($job, join(', ', @heard, "succeeded $votes -"), 'listeners heard of each start, and of the end');
	for my $call ('pause', 'resume', 'cancel')
	{
		is(complaint("SELECT pollseed_job_$call($job)"), "NOTICE:  00000: job $job has already ended: succeeded", "$call of what has succeeded: a notice") for 1, 2;
	}
	is(job($job, 'state'), 'succeeded', 'and nothing else');
}

# Cancelled while it runs.
for my $workers (1, 2)
{
	use_poll("cancelled$workers");
	my $job = submit(", workers => $workers");
	like(query("SELECT reach($job, 50000) \\g /dev/null\nSELECT state || ' ' || reason FROM pollseed_job_cancel($job)"),
		qr/^cancelling cancelled by a user$/, "workers $workers: told to cancel");
	is(complaint("SELECT pollseed_job_cancel($job)"), '', 'told again, without a word');
	ends($job, 'state, reason, attempts, done < total, worker_pid', 'cancelled|cancelled|1|t', 'its worker cancels it');
	agrees('then');
	is(complaint("SELECT pollseed_job_cancel($job)"), '', 'cancelled again, without a word');
	is(complaint("SELECT pollseed_job_$_($job)"), "NOTICE:  00000: job $job has already ended: cancelled", "$_ of what is cancelled: a notice") for 'pause', 'resume';
	log_is($job, [ 'queued: submitted', 'running: started', 'cancelling: cancelled by a user', 'cancelled: cancelled' ], 'the log tells each change');
	my $done = job($job, 'done');
	told_is($job, "started 0 -, cancelled $done -", 'listeners heard of start and end');
	is_quiet('its workers leave');
	is(job($job, 'done'), $done, 'nothing comes after');
	is(query("SELECT rows_written, (SELECT result->>'votes_seeded' FROM pollseed_jobs AS j WHERE j.run_id = r.run_id) FROM pollseed_runs AS r WHERE relation = '$schema.vote_events'"),
		"$done|$done", 'what was committed is a run');
	is(query('SELECT events_deleted FROM pollseed_clear_seed_data()'), $done, 'which can be cleared');
}

# Stopped while it waits for a lock: at once, not when the lock is there.
use_poll('locked');
my $holder = hold();
my $job = submit();
ok(waits_for_lock($job), 'a job waits for a lock');
query("SELECT pollseed_job_pause($job)");
is_quiet('paused, its worker leaves');
query("SELECT pollseed_job_resume($job)");
ok(waits_for_lock($job), 'resumed, it waits again');
my $worker = job($job, 'worker_pid');

# Stops that are rolled back have not happened.
query("BEGIN; SELECT pollseed_job_cancel($job); ROLLBACK");
query("BEGIN; SAVEPOINT s; SELECT pollseed_job_pause($job); ROLLBACK TO s; SAVEPOINT t; SELECT pollseed_job_cancel($job); ROLLBACK TO t; COMMIT");
is(job($job, 'state, attempts, worker_pid'), "running|2|$worker", 'a stop that is rolled back, also to a savepoint, leaves it running');

# What waits for it hears of its end.
my $waiter = $node->background_psql('postgres', @app);
my $waiter_pid = $waiter->query_safe('SELECT pg_backend_pid()');
start_in($waiter, "SELECT state, done FROM pollseed_job_wait($job)");
$node->poll_query_until('postgres', "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $waiter_pid");
query("SELECT pollseed_job_cancel($job)");
like($waiter->query('SELECT 1'), qr/^cancelled\|0\n1$/, 'who waits in another session hears that it was cancelled');
is(query("SELECT extract(epoch FROM finished_at - (SELECT max(logged_at) FROM pollseed_job_log WHERE job = id AND state = 'cancelling')) < 3
            FROM pollseed_jobs WHERE id = $job"), 't', 'and soon');
log_is($job, [ 'queued: submitted', 'running: started', 'paused: paused by a user', 'queued: resumed by a user', 'running: taken up again',
		'cancelling: cancelled by a user', 'cancelled: cancelled' ], 'the log tells of what happened');
is(query("SELECT state, done, result->>'votes_seeded', result->>'options_updated' FROM pollseed_jobs WHERE id = $job"), 'cancelled|0|0|0', 'it wrote nothing');
is(query('SELECT count(*) FROM pollseed_runs AS r JOIN pollseed_jobs AS j USING (run_id) WHERE j.id = ' . $job), '0', 'so it is no run');

# The same of a job that goes on undisturbed.
$job = submit();
ok(waits_for_lock($job), 'another waits for the lock');
query("BEGIN; SELECT pollseed_job_cancel($job); SELECT pollseed_job_pause($job); ROLLBACK");
start_in($waiter, "SELECT state, done FROM pollseed_job_wait($job)");
$holder->quit;
like($waiter->query('SELECT 1'), qr/^succeeded\|$votes\n1$/, 'who waits in another session hears that it succeeded');
is(job($job, 'attempts, retries, last_error'), '1|0', 'a stop that was rolled back has disturbed it in nothing');
is(query('TABLE data'), $data, 'the data is that of the atomic call');

# Waiting.
use_poll('waiting');
$holder = hold();
$job = submit();
ok(waits_for_lock($job), 'a job waits for a lock');
is(query("SELECT state, done FROM pollseed_job_wait($job, '$_')"), 'running|0', "to wait for $_ returns the row as it is") for '0.2 s', '0', '-1 day';
is(query("SELECT clock_timestamp() - now() >= '0.3 s' FROM (SELECT state FROM pollseed_job_wait($job, '0.3 s') OFFSET 0) AS w"), 't', 'it does wait');
is(complaint("BEGIN ISOLATION LEVEL $_; SELECT pollseed_job_wait($job)"),
	'ERROR:  0A000: cannot wait for a job in a transaction of isolation level repeatable read or serializable', "in $_ one cannot wait")
  for 'REPEATABLE READ', 'SERIALIZABLE';
like(complaint("BEGIN; SELECT pollseed_job_pause($job); SELECT pollseed_job_wait($job)"),
	qr/^ERROR:  55000: cannot wait for job $job in the transaction that changed it last$/, 'nor in a transaction that paused it');
like(complaint('BEGIN; SELECT pollseed_job_wait(pollseed_seed_async(10))'),
	qr/^ERROR:  55000: cannot wait for job \d+ in the transaction that changed it last$/, 'nor where it was made');
like(complaint('BEGIN; SAVEPOINT s; SELECT pollseed_seed_async(10) AS job \gset' . "\nRELEASE s; SELECT pollseed_job_wait(:job)"),
	qr/^ERROR:  55000: cannot wait for job \d+ in the transaction that changed it last$/, 'nor where a subtransaction made it');
is(complaint(q{SET statement_timeout = '200ms';} . "SELECT pollseed_job_wait($job)"), 'ERROR:  57014: canceling statement due to statement timeout', 'waiting can be cancelled');
is(job($job, 'state, attempts, retries'), 'running|1|0', 'the job goes on meanwhile');
$holder->quit;
ends($job, 'state, attempts', 'succeeded|1', 'it ends well');

# Several sessions pause and resume it again and again.
for my $workers (1, 2)
{
	use_poll("storm$workers");
	my $script = File::Temp->new(SUFFIX => '.sql');
	print $script "\\set t random(1, 60)\nSELECT pollseed_job_pause(:job);\n\\sleep :t ms\nSELECT pollseed_job_resume(:job);\n\\sleep :t ms\n";
	$script->close;
	$job = submit(", workers => $workers");
	query("SELECT reach($job, 1)");
	$node->command_ok([ 'pgbench', '-n', '-c', '2', '-t', '12', '-D', "job=$job", '-f', $script->filename, $node->connstr('postgres') . ' user=app' ],
		"workers $workers: two sessions pause and resume a job 12 times each");
	query("SELECT pollseed_job_resume($job)");
	ends($job, 'state, done', "succeeded|$votes", 'it ends well, without a tick');
	agrees('then');
	is(query('TABLE data'), $data, 'the data is that of the atomic call');
	is( query("SELECT string_agg(DISTINCT before || '>' || state, ' ') FROM (SELECT state, lag(state) OVER (ORDER BY nth) AS before
	             FROM (SELECT state, row_number() OVER () AS nth FROM pollseed_job_log WHERE job = $job) AS l) AS l
	            WHERE before || '>' || state NOT IN ('queued>running', 'queued>paused', 'running>paused', 'paused>queued', 'running>succeeded')"),
		'', 'the log has no step that cannot be');
	is(query("SELECT count(*) = (SELECT attempts FROM pollseed_jobs WHERE id = $job) FROM pollseed_job_log WHERE job = $job AND state = 'running'"),
		't', 'each attempt is in it');
	is_quiet('all workers leave');
}

# Of queued jobs: only one may run at once.
use_poll('queue');
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET pollseed.max_running_jobs = 1');
$holder = hold();
my $running = submit();
ok(waits_for_lock($running), 'a job runs');
my $full = 'queued|pollseed.max_running_jobs (1) are running';
my %queued;
for my $what (qw(low cancelled paused resumed high))
{
	$queued{$what} = submit(', priority => ' . ({ low => -5, high => 5 }->{$what} // 0));
	becomes($queued{$what}, 'state, reason, attempts', "$full|0", "another, $what, is queued");
}
is(query("SELECT state, reason, done FROM pollseed_job_cancel($queued{cancelled})"), 'cancelled|cancelled by a user|0', 'a queued job is cancelled at once');
is(complaint("SELECT pollseed_job_cancel($queued{cancelled})"), '', 'again, without a word');
log_is($queued{cancelled}, [ 'queued: submitted', 'cancelled: cancelled by a user' ], 'its log');
told_is($queued{cancelled}, 'cancelled 0 -', 'listeners hear of it');
for my $what ('paused', 'resumed')
{
	is(query("SELECT state, reason, done FROM pollseed_job_pause($queued{$what})"), 'paused|paused by a user|0', 'a queued job is paused at once') for 1, 2;
}
is(query("SELECT state, reason FROM pollseed_job_resume($queued{resumed})"), 'queued|waiting for its worker to start', 'one is resumed');
becomes($queued{resumed}, 'state, reason', $full, 'and queued');
is(query("SELECT state, reason FROM pollseed_job_resume($queued{low})"), $full, 'to resume what is queued changes nothing');
$holder->quit;
ends($_, 'state, attempts', 'succeeded|1', "job $_ ends well") for $running, @queued{qw(low resumed high)};
is(query(q{SELECT string_agg(id::text, ' ' ORDER BY started_at) FROM pollseed_jobs WHERE relation = 'queue.vote_events' AND started_at IS NOT NULL}),
	join(' ', $running, @queued{qw(high resumed low)}), 'those of higher priority were started first');
is(query(q{SELECT bool_and(started_at >= before) FROM (SELECT started_at, lag(finished_at) OVER (ORDER BY started_at) AS before
             FROM pollseed_jobs WHERE relation = 'queue.vote_events' AND started_at IS NOT NULL) AS j}), 't', 'one after the other');
is(job($queued{paused}, 'state, attempts'), 'paused|0', 'what is paused does not start');
agrees('all');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET pollseed.max_running_jobs');
is(query("SELECT state, reason FROM pollseed_job_cancel($queued{paused})"), 'cancelled|cancelled by a user', 'a paused job is cancelled at once');
log_is($queued{paused}, [ 'queued: submitted', 'paused: paused by a user', 'cancelled: cancelled by a user' ], 'its log');

# What is rolled back leaves nothing.
use_poll('undone');
my $offset = -s $node->logfile;
query("BEGIN; SELECT pollseed_seed_async($arguments); ROLLBACK");
query("BEGIN; SAVEPOINT s; SELECT pollseed_seed_async($arguments, workers => 2); ROLLBACK TO s; COMMIT");
complaint("BEGIN; SELECT pollseed_seed_async($arguments); SELECT 1/0; COMMIT");
is(query(q{SELECT count(*) FROM pollseed_jobs WHERE relation = 'undone.vote_events'}), '0', 'a submission that is rolled back, also to a savepoint, is no job');
is_quiet('and no worker');
is(query('SELECT count(*) FROM vote_events'), '0', 'and no vote');
$job = query("BEGIN; SAVEPOINT s; SELECT pollseed_seed_async($arguments); RELEASE s; COMMIT");
ends($job, 'state, done', "succeeded|$votes", 'one of a savepoint that is released is one');
unlike(slurp_file($node->logfile, $offset), qr/(?:ERROR|FATAL):  (?!division by zero)/, 'without an error in the log');

# Progress, seen from another session.
for my $workers (1, 2)
{
	use_poll("seen$workers");
	$job = query("SELECT pollseed_seed_async(600000, 'zipf', seed => 7, workers => $workers)");
	my $seen = "FROM samples WHERE watched = $job";
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_progress', extra_params => [ '-U', 'other' ]), '0', "workers $workers: another role sees no progress");
	query("SELECT watch($job)");
	is(query("SELECT DISTINCT job, engine, relation, phase, total, run = (SELECT run_id FROM pollseed_jobs WHERE id = $job) $seen"),
		"$job|votes|$schema.vote_events|writing votes|600000|t", 'its row in another session');
	cmp_ok(query("SELECT count(DISTINCT done) $seen"), '>=', 5, 'it moves');
	is(query("SELECT count(*) FROM (SELECT done, lag(done) OVER (ORDER BY nth) AS before $seen) AS s WHERE done < before"), '0', 'and only forth');
	is(query("SELECT count(*) $seen AND done BETWEEN 100000 AND 599999 AND (rate > 0 AND eta > '0') IS NOT TRUE"), '0', 'with its rate and the time left');
	is(query("SELECT count(*) $seen AND percent <> trunc(100.0 * done / total, 1)"), '0', 'and per cent');
	is(query("SELECT count(DISTINCT pid), count(*) - count(DISTINCT nth) $seen"), '1|0', 'one row at a time, of one process');
	ends($job, 'state', 'succeeded', 'it ends well');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_progress'), '0', 'its row is gone');
	told_is($job, 'started 0 -, succeeded 600000 -', 'listeners hear of start and end');
	cmp_ok(scalar(grep { $_->{event} eq 'progress' } told($job)), '>=', 2, 'and of progress between');
}

# Failed, and resumed.
use_poll('failed');
query('ALTER TABLE vote_events ADD CONSTRAINT low CHECK (votes_after < 20000)');
$job = submit();
ends($job, 'state, reason, last_sqlstate, attempts, retries', 'failed|failed with an error|23514|1|0', 'an error that another try cannot mend fails a job');
like(job($job, 'last_error'), qr/^new row for relation "vote_events" violates check constraint "low"$/, 'its message');
agrees('then');
my $failed_at = job($job, 'done');
told_is($job, "started 0 -, failed $failed_at 23514", 'listeners hear of the SQLSTATE');
is(complaint("SELECT pollseed_job_$_($job)"), "NOTICE:  00000: job $job has already ended: failed", "$_ of what has failed: a notice") for 'pause', 'cancel';
is(query("SELECT rows_written FROM pollseed_runs AS r JOIN pollseed_jobs AS j USING (run_id) WHERE j.id = $job"), $failed_at, 'what was committed is a run');
query("SELECT pollseed_job_resume($job)");
ends($job, "state, last_sqlstate, attempts, done >= $failed_at", 'failed|23514|2|t', 'resumed, it fails again');
agrees('then');
$failed_at = job($job, 'done');
query('ALTER TABLE vote_events DROP CONSTRAINT low');
query('ALTER TABLE vote_events RENAME TO ballots');
my $after_rename = complaint("SELECT pollseed_job_resume($job)");
is($after_rename, '', 'a failed job is resumed after its table was renamed');
query('ALTER TABLE ballots RENAME TO vote_events');
query("SELECT pollseed_job_resume($job)") if $after_rename;
ends($job, 'state, reason, last_sqlstate, done', "succeeded|all done|23514|$votes", 'it goes on, and keeps its last error');
is(query('TABLE data'), $data, 'the data is that of the atomic call');
is(query("SELECT count(*), sum(rows_written) FROM pollseed_runs AS r JOIN pollseed_jobs AS j USING (run_id) WHERE j.id = $job"), "1|$votes", 'it is one run');
log_is($job, [ 'queued: submitted', 'running: started', 'failed: failed with an error',
		('queued: resumed by a user', 'running: taken up again', 'failed: failed with an error'),
		('queued: resumed by a user', 'running: taken up again', 'succeeded: all done') ], 'the log tells each change');

# Failed, cleared, and resumed: the run is not cleared any more.
use_poll('cleared');
query('ALTER TABLE vote_events ADD CONSTRAINT low CHECK (votes_after < 20000)');
$job = submit();
ends($job, 'state', 'failed', 'another fails');
query('SELECT pollseed_clear_seed_data(); ALTER TABLE vote_events DROP CONSTRAINT low');
is(query(q{SELECT cleared_at IS NULL FROM pollseed_runs WHERE relation = 'cleared.vote_events'}), 'f', 'its votes are cleared');
query("SELECT pollseed_job_resume($job)");
ends($job, 'state', 'succeeded', 'resumed, it writes the rest');
is(query(q{SELECT cleared_at IS NULL, (SELECT count(*) > 0 FROM vote_events) FROM pollseed_runs WHERE relation = 'cleared.vote_events'}), 't|t',
	'its run, of which there are votes, is not a cleared one');

# Of a job that was cancelled early only the options that got votes are counted.
use_poll('few');
query('ALTER TABLE vote_events ADD CONSTRAINT early CHECK (id <= 3000)');
$job = query(q{SELECT pollseed_seed_async(200000, weights => '{"Python": 199999, "Go": 1}', seed => 1, batch_size => 500)});
ends($job, 'state, done > 0', 'failed|t', 'a job fails early');
is(query("SELECT result->>'options_updated' FROM pollseed_jobs WHERE id = $job"), query('SELECT count(*) FROM options WHERE votes > 0'),
	'options_updated is of what is committed');

# Switched off where the job was made, wherever it is cancelled.
use_poll('silent');
$holder = hold();
$job = submit('', 'SET pollseed.notify = off');
my $heard = submit();
ok(waits_for_lock($_), "job $_ waits for a lock") for $job, $heard;
query("SET pollseed.notify = on; SELECT pollseed_job_cancel($job)");
query("SET pollseed.notify = off; SELECT pollseed_job_cancel($heard)");
ends($_, 'state', 'cancelled', "job $_ is cancelled") for $job, $heard;
told_is($heard, 'started 0 -, cancelled 0 -', 'with pollseed.notify off where it is cancelled, listeners hear of it');
is(scalar(told($job)), 0, 'with pollseed.notify off where it was made, of nothing');
$job = query("SET pollseed.notify = off; BEGIN; SELECT pollseed_job_pause(pollseed_seed_async($arguments)) \\g /dev/null\nSELECT max(id) FROM pollseed_jobs; COMMIT");
query("SET pollseed.notify = on; SELECT pollseed_job_cancel($job)");
is(job($job, 'state'), 'cancelled', 'one that never ran is cancelled by its caller');
is(scalar(told($job)), 0, 'of which nobody hears either');
$holder->quit;
$job = submit('', 'SET pollseed.notify = off; SET pollseed.track_progress = off');
query("SELECT watch($job)");
ends($job, 'state, done', "succeeded|$votes", 'one that is neither seen nor heard of ends well');
is(scalar(told($job)), 0, 'nobody heard of it');
is(query("SELECT count(*) FROM samples WHERE watched = $job"), '0', 'nor saw it');

# A job that takes all worker slots there are, and in the same session one that is made the moment that it has ended.
use_poll('crowded');
my $started = 0;
for (1 .. 8)
{
	my $next = query('SELECT job_id AS first FROM pollseed_seed_async(1, workers => 64) \gset' . "\n"
		  . q{SELECT state FROM pollseed_job_wait(:first, '150 s') \g /dev/null} . "\n"
		  . 'SELECT job_id AS next FROM pollseed_seed_async(10) \gset' . "\n"
		  . q{SELECT concat_ws(': ', state, reason) FROM pollseed_job_wait(:next, '5 s')});
	if ($next ne 'succeeded: all done')
	{
		diag $next;
		last;
	}
	$started++;
}
is($started, 8, 'a job that is made while all worker slots are about to be free starts by itself');
query('SELECT FROM pollseed_run_jobs()');

# All that was told.
my (%bad, %last, %times);
for my $event (@told)
{
	$bad{keys}++ unless join(' ', sort keys %$event) eq 'done engine error event job run time_ms total';
	$bad{engine}++ unless $event->{engine} eq 'votes';
	$bad{event}++ unless $event->{event} =~ /^(?:started|progress|succeeded|failed|cancelled)$/;
	$bad{'beyond the total'}++ unless $event->{done} <= $event->{total};
	$bad{'done falls'}++ if exists $last{ $event->{job} } && $event->{done} < $last{ $event->{job} }{done};
	$bad{'time falls'}++ if exists $last{ $event->{job} } && $event->{time_ms} < $last{ $event->{job} }{time_ms};
	$bad{'another run'}++ if exists $last{ $event->{job} } && $event->{run} != $last{ $event->{job} }{run};
	$bad{'after its end'}++ if exists $last{ $event->{job} } && $last{ $event->{job} }{event} =~ /^(?:succeeded|cancelled)$/;
	$bad{error}++ if defined $event->{error} != ($event->{event} eq 'failed');
	$last{ $event->{job} } = $event;

	# Not more than four in any second, since the job was last started.
	my $times = $times{ $event->{job} } //= [];
	@$times = () if $event->{event} eq 'started';
	push @$times, $event->{time_ms} if $event->{event} eq 'progress';
	$bad{'too many'}++ if @$times > 4 && $times->[-1] - $times->[-5] < 900;
}
cmp_ok(scalar(@told), '>', 50, 'many events were told');
is(join(', ', map { "$_: $bad{$_}" } sort keys %bad), '', 'each as it must be') or diag explain \@told;

$_->quit for $listener, $waiter;
is_quiet('no worker is left');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|WARNING|could not/, 'the server has nothing to warn of');
$node->stop;
done_testing();
