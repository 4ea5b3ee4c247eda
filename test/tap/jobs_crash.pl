# A job that is killed with -9, the process or the whole server, at any moment, goes on where it was: not one vote is lost or
# doubled, by either lane, with one worker or two, while people vote too.  What brings the server down each time is given up.
use strict;
use warnings;

use File::Temp ();
use IPC::Run   ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use Killing;

# The moments are random, and the same each time unless a seed is given.
my $seed = $ENV{POLLSEED_TEST_SEED} // 20260122;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $votes = 150_000;

my $node = PostgreSQL::Test::Cluster->new('jobs_crash');
$node->init;
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nautovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16");
$node->start;

# What a poll amounts to is read in one statement, so in one snapshot.  Seeded votes have no voter.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE EXTENSION amcheck;
	CREATE FUNCTION make_poll(schema text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE SCHEMA %I', schema);
		PERFORM set_config('search_path', schema || ',public', true);
		PERFORM pollseed_create_poll_tables();
		ALTER TABLE vote_events ADD voter int;
		EXECUTE format('CREATE VIEW figures AS
			SELECT (SELECT count(*) FROM vote_events) AS events, (SELECT sum(votes) FROM options) AS votes,
			       (SELECT count(*) FROM vote_events WHERE voter IS NULL) AS seeded,
			       (SELECT sum(done) FROM pollseed_jobs WHERE relation = %L) AS done', schema || '.vote_events');
		CREATE VIEW agreement AS SELECT events = votes AND seeded = done AS agree, * FROM figures;
		CREATE VIEW numbering AS SELECT bool_and(first = 1 AND last = n AND n = differing AND n = votes) AS exact
			FROM (SELECT o.votes, count(e.id) AS n, count(DISTINCT e.votes_after) AS differing,
			             coalesce(min(e.votes_after), 1) AS first, coalesce(max(e.votes_after), 0) AS last
			        FROM options AS o LEFT JOIN vote_events AS e ON e.option_id = o.id GROUP BY o.id) AS numbers;
		CREATE VIEW data AS
			SELECT md5(string_agg(concat_ws('|', option_id, language, event_type, inserted_at, updated_at), ',' ORDER BY option_id, votes_after))
			  FROM vote_events WHERE voter IS NULL;
	END $$;
	CREATE FUNCTION reach(job bigint, target bigint, OUT done bigint, OUT pid int) LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			SELECT j.done, CASE WHEN j.finished_at IS NULL THEN j.worker_pid END INTO done, pid
			  FROM pollseed_jobs AS j WHERE id = job AND (j.finished_at IS NOT NULL OR j.worker_pid IS NOT NULL AND j.done >= target);
			EXIT WHEN FOUND;
			PERFORM pg_sleep(0.001);
		END LOOP;
	END $$;
	ALTER FUNCTION reach SET statement_timeout = '180s';
	SELECT make_poll('atomic')});
my $arguments = "$votes, 'zipf', seed => 7, ends_at => '2026-01-22', batch_size => 500";
$node->safe_psql('postgres', "SET search_path = atomic, public; SELECT FROM pollseed_seed($arguments)");

sub query
{
	my ($schema, $sql) = @_;
	return $node->safe_psql('postgres', "SET search_path = $schema, public; $sql");
}

is(query('atomic', 'TABLE numbering'), 't', 'the atomic call numbers votes without a gap or a double');
my $data = query('atomic', 'TABLE data');

sub submit
{
	my ($schema, $lane, $workers, $more) = @_;
	$more //= '';
	return query($schema, "SET pollseed.write_lane = '$lane'; SELECT pollseed_seed_async($arguments, workers => $workers $more)");
}

# Stop the server at once by pg_ctl, and start it again.
sub restart_at_once
{
	$node->stop('immediate');
	$node->start;
	return;
}

# The position of a job that has reached some, and the worker's pid unless the job has ended.  The limit of time is for a server
# that hangs.
sub reach
{
	my ($job, $target) = @_;
	return split /\|/, $node->safe_psql('postgres', "SET statement_timeout = '180s'; SELECT * FROM reach($job, $target)"), -1;
}

# A tick adopts the job; not at once where it was killed while its worker was being started.
sub adopt
{
	my ($job) = @_;
	return $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pollseed_run_jobs() WHERE id = $job");
}

# People who vote while the job runs, until the server goes.
my $script = File::Temp->new(SUFFIX => '.sql');
print $script <<'SQL';
\set option random(1, 15)
BEGIN;
UPDATE options SET votes = votes + 1 WHERE id = :option RETURNING votes \gset
INSERT INTO vote_events (option_id, votes_after, event_type, voter) VALUES (:option, :votes, 'vote', :client_id);
COMMIT;
SQL
$script->close;
chmod 0644, $script->filename;

my $voters_log = '';

sub start_voters
{
	my ($schema) = @_;
	local $ENV{PGOPTIONS} = "-c search_path=$schema";
	return IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '600', '-f', $script->filename, $node->connstr('postgres') ],
		'<', \'', '>&', \$voters_log);
}

sub stop_voters
{
	my ($voters) = @_;
	eval { $voters->kill_kill(grace => 5) };
	return;
}

# The state of a job that has ended, or that it still has after a long time.
sub wait_for_end
{
	my ($job) = @_;
	return $node->safe_psql('postgres', "SELECT state FROM pollseed_job_wait($job, '180s')");
}

my $kills = 0;

# Kill a job a few times at random moments, and see what is there each time; then let it end.  Each kill costs it an attempt; one
# that came before its worker took it up may not.
sub check_rounds
{
	my ($lane, $workers, $people, @ways) = @_;
	my $name = "$lane, $workers worker" . ($workers > 1 ? 's' : '') . ($people ? ', people voting' : '');
	my $schema = "${lane}_$workers" . ($people ? '_people' : '');
	my $last = 0;
	my ($at_most, $at_least) = (1, 1);

	$node->safe_psql('postgres', "SELECT make_poll('$schema')");
	my $voters;
	$voters = start_voters($schema) if $people;
	my $job = submit($schema, $lane, $workers, ', max_attempts => 100');
	for my $round (1 .. @ways)
	{
		my $way = $ways[ $round - 1 ];
		my $target = $way eq 'submitted' ? 0 : int($last + rand($votes * 0.8 * $round / @ways - $last));
		my ($done, $pid) = $way eq 'submitted' ? (0, '') : reach($job, $target);
		last if $way ne 'submitted' && $pid eq '';
		$way eq 'worker' ? kill_process($node, $pid) : $way eq 'stop' ? restart_at_once() : kill_server($node);
		stop_voters($voters) if $people;

		# A job that was faster than the one who kills has to be there once all the same.
		last if query($schema, "SELECT finished_at IS NOT NULL FROM pollseed_jobs WHERE id = $job") eq 't';
		$kills++;
		$at_most++;
		$at_least++ if $way ne 'submitted';

		my $state = query($schema, 'TABLE agreement');
		like($state, qr/^t\|/, "$name: round $round ($way at $target): events, counts and position agree: $state");
		$last = (split /\|/, $state)[4];
		cmp_ok($last, '>=', $done, 'what was committed is there');
		is(query($schema, "SELECT done % 500, worker_pid FROM pollseed_jobs WHERE id = $job"), '0|', 'the job stands after a batch, and shows no worker');
		$voters = start_voters($schema) if $people;
		ok(adopt($job), 'a tick adopts it');
	}

	wait_for_end($job);
	stop_voters($voters) if $people;
	is( query($schema, "SELECT state, done, total, worker_pid, attempts BETWEEN $at_least AND $at_most FROM pollseed_jobs WHERE id = $job"),
		"succeeded|$votes|$votes||t", "$name: the job succeeds, at the attempt that it was to need")
	  or diag query($schema, "SELECT * FROM pollseed_job_log WHERE job = $job");
	like(query($schema, 'TABLE agreement'), qr/^t\|\d+\|\d+\|$votes\|$votes\z/, 'exactly the votes asked for are there');
	is(query($schema, 'TABLE numbering'), 't', 'they are numbered without a gap or a double');
	is(query($schema, 'TABLE data'), $data, 'and those of the atomic call');
	cmp_ok(query($schema, 'SELECT count(*) FROM vote_events WHERE voter IS NOT NULL'), '>', 0, 'between them are those that people cast')
	  if $people;
	is( query($schema, "SELECT count(*), bool_and(r.run_id = j.run_id), sum(rows_written) FROM pollseed_runs AS r, pollseed_jobs AS j
	                     WHERE j.id = $job AND r.relation = '$schema.vote_events'"),
		"1|t|$votes", 'the ledger has one run');
	is( query($schema, q{SELECT count(bt_index_check(indexrelid, true) IS NULL) FROM pg_index WHERE indrelid = 'vote_events'::regclass}),
		'3', 'the indexes are sound');
	return;
}

check_rounds('direct', 1, 0, 'submitted', 'worker', 'kill', 'worker', 'stop');
check_rounds('direct', 2, 0, 'worker', 'kill', 'worker', 'stop', 'worker');
check_rounds('spi', 1, 0, 'worker', 'kill', 'submitted', 'worker');
check_rounds('spi', 2, 0, 'kill', 'worker', 'stop', 'worker');
check_rounds('direct', 2, 1, 'worker', 'kill', 'worker');
check_rounds('spi', 1, 1, 'worker', 'stop', 'worker');

# A job may have ended before it was to be killed: others make up for it.
for my $workers (3 .. 9)
{
	last if $kills >= 20;
	check_rounds('direct', $workers, 0, ('worker') x 3);
}
cmp_ok($kills, '>=', 20, "$kills kills");

sub make_poll
{
	my ($schema) = @_;
	$node->safe_psql('postgres', "SELECT make_poll('$schema')");
	return;
}

# Ticks until the job has ended, however often the server goes down meanwhile.
sub tick_until_ended
{
	my ($job) = @_;
	return wait_until_true($node,
		"WITH t AS MATERIALIZED (SELECT count(*) FROM pollseed_run_jobs()) SELECT finished_at IS NOT NULL FROM pollseed_jobs, t WHERE id = $job");
}

# A vote that takes the server down, in the first batch or later.
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION kill_server() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
		RETURN NEW;
	END $$});
for my $workers (1, 2)
{
	my $schema = "poison_$workers";
	make_poll($schema);
	my $trigger = sub { "CREATE TRIGGER poison BEFORE INSERT ON vote_events FOR EACH ROW WHEN (NEW.votes_after = $_[0]) EXECUTE FUNCTION kill_server()" };
	query($schema, $trigger->(1));
	my $job = submit($schema, 'auto', $workers);
	ok(tick_until_ended($job), "$workers workers: a job whose first batch brings the server down ends");
	is( query($schema, "SELECT state, reason, attempts, done, worker_pid FROM pollseed_jobs WHERE id = $job"),
		'failed|given up: 3 attempts ended without a batch being committed|3|0|', 'given up after max_attempts, and says so')
	  or diag query($schema, "TABLE pollseed_job_log");
	is(query($schema, 'TABLE agreement'), 't|0|0|0|0', 'without a trace');

	# Later: what comes before it is committed.
	query($schema, 'DROP TRIGGER poison ON vote_events; ' . $trigger->(20000));
	query($schema, "SELECT FROM pollseed_job_resume($job)");
	ok(tick_until_ended($job), 'a job that a later batch does so in ends');
	like(query($schema, "SELECT state, reason, done FROM pollseed_jobs WHERE id = $job"),
		qr/^failed\|given up: 3 attempts ended without a batch being committed\|[1-9]\d*$/, 'given up too');
	like(query($schema, 'TABLE agreement'), qr/^t\|[1-9]/, 'what came before is there');

	query($schema, 'DROP TRIGGER poison ON vote_events');
	query($schema, "SELECT FROM pollseed_job_resume($job)");
	is(wait_for_end($job), 'succeeded', 'when the cause is gone it can be resumed');
	like(query($schema, 'TABLE agreement'), qr/^t\|\d+\|\d+\|$votes\|$votes\z/, 'exactly the votes asked for are there');
	is(query($schema, 'SELECT exact, md5 FROM numbering, data'), "t|$data", 'and those of the atomic call');
}

# Attempts in vain are counted too when the job has to wait for its turn between them.
make_poll('waiting');
query('waiting', 'CREATE TRIGGER poison BEFORE INSERT ON vote_events FOR EACH ROW EXECUTE FUNCTION kill_server()');
my $waiting = submit('waiting', 'auto', 1);
for my $attempt (1 .. 3)
{
	wait_until_true($node, "SELECT attempts >= $attempt AND worker_pid IS NULL FROM pollseed_jobs WHERE id = $waiting");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_run_jobs(0)'), '0', 'a tick that may start nothing finds the orphan');
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pollseed_run_jobs()") if $attempt < 3;
}
tick_until_ended($waiting);
is($node->safe_psql('postgres', "SELECT state, attempts FROM pollseed_jobs WHERE id = $waiting"), 'failed|3',
	'a job that brings the server down is given up though it waits between its attempts');

# A server that goes down before a worker has taken its job up says nothing about the job.
make_poll('early');
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END';
	CREATE TRIGGER wait_here BEFORE UPDATE ON pollseed.jobs FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION wait_here()});
my $early;
for my $round (1 .. 4)
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	$round == 1 ? $early = submit('early', 'auto', 1) : $node->safe_psql('postgres', 'SELECT FROM pollseed_run_jobs()');
	ok( $node->poll_query_until('postgres',
			q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pollseed worker' AND wait_event = 'advisory'}),
		"a worker is about to take up its job, time $round")
	  or last;
	restart_at_once();
	eval { $holder->quit };
	is($node->safe_psql('postgres', "SELECT state, attempts FROM pollseed_jobs WHERE id = $early"), 'queued|0', 'the job is still queued');
}
is($node->safe_psql('postgres', 'SELECT id FROM pollseed_run_jobs()'), $early, 'the next tick starts it');
is(wait_for_end($early), 'succeeded', 'in the end it runs');
$node->safe_psql('postgres', 'DROP TRIGGER wait_here ON pollseed.jobs');

# A worker that is terminated leaves an orphan, without a crash; a helper that is leaves the job to the others.
make_poll('orphan');
for my $workers (1, 2)
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; SELECT FROM orphan.options FOR UPDATE');
	my $waits = 'FROM pg_stat_activity WHERE wait_event_type = \'Lock\' AND backend_type =';
	my $job = submit('orphan', 'direct', $workers);
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 $waits 'pollseed worker'"), "$workers workers: a job waits");
	if ($workers > 1)
	{
		ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pollseed helper'}),
			'its helper too');
		$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pollseed helper'});
		ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pollseed helper'}),
			'the helper can be terminated');
		is($node->safe_psql('postgres', "SELECT state, attempts, worker_pid IS NOT NULL FROM pollseed_jobs WHERE id = $job"),
			'running|1|t', 'the job goes on without it');
	}
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $waits 'pollseed worker'");
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed'}),
		'when the worker is terminated nothing of the job is left');
	is($node->safe_psql('postgres', "SELECT state, attempts, worker_pid FROM pollseed_jobs WHERE id = $job"),
		'running|1|', 'but its row: an orphan');
	is($node->safe_psql('postgres', 'SELECT id, state, reason FROM pollseed_run_jobs()'),
		"$job|queued|adopted: its worker is gone", 'the next tick adopts it');
	$holder->quit;
	is(wait_for_end($job), 'succeeded', 'and it succeeds');
	is($node->safe_psql('postgres', "SELECT attempts, done FROM pollseed_jobs WHERE id = $job"), "2|$votes", 'at its second attempt');
	is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(': ', state, reason), ', ' ORDER BY logged_at) FROM pollseed_job_log WHERE job = $job"),
		'queued: submitted, running: started, queued: adopted: its worker is gone, running: taken up again, succeeded: all done',
		'its log tells it all');
}
is(query('orphan', 'SELECT agree, events, exact FROM agreement, numbering'), 't|' . 2 * $votes . '|t', 'no vote is lost or doubled');

# Leaders and helpers that are terminated while they write.
make_poll('terminated');
my $terminated_at = 0;
my $terminations = 0;
my $terminated = submit('terminated', 'spi', 3, ', max_attempts => 100');
for my $who ('helper', 'worker', 'helper', 'worker')
{
	my ($done, $pid) = reach($terminated, $terminated_at += int($votes / 10));
	last if $pid eq '';
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid, 180000) FROM pg_stat_activity WHERE backend_type = 'pollseed $who'");

	# The job may have ended before that.
	last if query('terminated', "SELECT finished_at IS NOT NULL FROM pollseed_jobs WHERE id = $terminated") eq 't';
	$terminations++;
	ok(adopt($terminated), "when its worker is terminated at $terminated_at it is adopted") if $who eq 'worker';
}
cmp_ok($terminations, '>', 0, 'processes are terminated');
is(wait_for_end($terminated), 'succeeded', 'a job whose workers are terminated succeeds');
like(query('terminated', 'TABLE agreement'), qr/^t\|\d+\|\d+\|$votes\|$votes\z/, 'exactly the votes asked for are there');
is(query('terminated', 'SELECT exact, md5 FROM numbering, data'), "t|$data", 'and those of the atomic call');

unlike(slurp_file($node->logfile), qr/leak|was not closed|still referenced|PANIC|TRAP|invalid page/, 'the log tells of no leak');
$node->stop;
done_testing();
