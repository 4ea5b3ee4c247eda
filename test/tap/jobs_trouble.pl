# A job while much goes wrong around it: locks that are held for long, triggers that fail, tables, options, roles, databases and
# the extension that are dropped, strange settings.  It goes on, or ends and says why; and what is committed is always whole.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('jobs_trouble');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 24\n"
	  . "max_prepared_transactions = 2\npollseed.max_running_jobs = 8");
$node->start;
my $version = $node->safe_psql('postgres', q{SELECT current_setting('server_version_num')::int / 10000});

# The extension, and polls in schemas of their own.  A poll can be made to take its time after each batch, and what it amounts to
# is read in one statement, so in one snapshot.
sub set_up
{
	my ($db) = @_;
	$node->safe_psql(
		$db, q{
		CREATE EXTENSION pollseed;
		CREATE TABLE pace (schema text PRIMARY KEY, seconds float8);
		GRANT SELECT ON pace TO PUBLIC;
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_sleep(seconds) FROM public.pace WHERE schema = TG_TABLE_SCHEMA AND seconds > 0;
			RETURN NULL;
		END $$;
		CREATE FUNCTION make_poll(schema text, seconds float8) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			EXECUTE format('CREATE SCHEMA %I', schema);
			PERFORM set_config('search_path', schema || ',public', true);
			PERFORM pollseed_create_poll_tables();
			EXECUTE format('CREATE VIEW agreement AS
				SELECT events = votes AND events = done AS agree, events, state
				  FROM (SELECT (SELECT count(*) FROM vote_events) AS events, (SELECT sum(votes) FROM options) AS votes) AS counts,
				       pollseed_jobs WHERE relation = %L', schema || '.vote_events');
			CREATE VIEW data AS
				SELECT md5(string_agg(concat_ws('|', option_id, votes_after, language, event_type, inserted_at, updated_at), ','
				                      ORDER BY option_id, votes_after)) FROM vote_events;
			IF seconds IS NOT NULL THEN
				INSERT INTO public.pace VALUES (schema, seconds);
				CREATE TRIGGER slow AFTER INSERT ON vote_events FOR EACH STATEMENT EXECUTE FUNCTION public.slow();
			END IF;
		END $$});
	return;
}
set_up('postgres');

# The same arguments everywhere, 100 batches.  Each poll's data is compared with that of the atomic call.
my $arguments = q{20000, 'zipf', seed => 7, ends_at => '2026-01-22', batch_size => 200};

sub query
{
	my ($schema, $sql, %how) = @_;
	return $node->safe_psql($how{db} // 'postgres', "SET search_path = $schema, public; $sql");
}

sub make_poll
{
	my ($schema, $seconds, %how) = @_;
	$node->safe_psql($how{db} // 'postgres', "SELECT make_poll('$schema', " . ($seconds // 'NULL') . ')');
	return;
}

make_poll('atomic');
query('atomic', "SELECT FROM pollseed_seed($arguments)");
my $data = query('atomic', 'TABLE data');

# Lets a poll's job go on without pauses.
sub hurry
{
	my ($schema) = @_;
	$node->safe_psql('postgres', "UPDATE pace SET seconds = 0 WHERE schema = '$schema'");
	return;
}

# A role that may seed a poll, with settings.
sub make_role
{
	my ($role, $schema, @settings) = @_;
	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN");
	$node->safe_psql('postgres', "ALTER ROLE $role SET $_") for @settings;
	allow($role, $schema);
	return;
}

sub allow
{
	my ($role, $schema) = @_;
	$node->safe_psql('postgres', "GRANT USAGE ON SCHEMA $schema TO $role; GRANT ALL ON ALL TABLES IN SCHEMA $schema TO $role;
		GRANT ALL ON ALL SEQUENCES IN SCHEMA $schema TO $role");
	return;
}

# Makes a job, as a role if one is named.
sub submit
{
	my ($schema, %how) = @_;
	my $role = $how{role} ? "SET ROLE $how{role};" : '';
	my $more = $how{more} // '';
	return query($schema, "$role SELECT pollseed_seed_async($arguments $more)", %how);
}

sub job
{
	my ($job, $columns, %how) = @_;
	return $node->safe_psql($how{db} // 'postgres', "SELECT $columns FROM pollseed_jobs WHERE id = $job");
}

sub wait_for_job
{
	my ($job, $condition, $description) = @_;
	return ok($node->poll_query_until('postgres', "SELECT $condition FROM pollseed_jobs WHERE id = $job"), $description)
	  || diag $node->safe_psql('postgres', "SELECT * FROM pollseed_jobs WHERE id = $job; SELECT * FROM pollseed_job_log WHERE job = $job");
}

# Waits until the job has committed something and is not at its end.
sub wait_for_some
{
	my ($job, $description) = @_;
	return wait_for_job($job, 'done BETWEEN 1 AND total - 5000', $description);
}

sub wait_for_end
{
	my ($job, %how) = @_;
	return $node->safe_psql($how{db} // 'postgres', "SET statement_timeout = '180s'; SELECT state FROM pollseed_job_wait($job)");
}

# Waits until a job has no process any more.
sub wait_for_no_worker
{
	my ($job, $description) = @_;
	return ok(
		$node->poll_query_until(
			'postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed' AND query ~ '^pollseed job $job:'"),
		$description);
}

# What holds of a job that has ended well.
sub ends_well
{
	my ($schema, $job, $columns, $expected, $description) = @_;
	is(wait_for_end($job), 'succeeded', $description)
	  or diag $node->safe_psql('postgres', "SELECT * FROM pollseed_jobs WHERE id = $job; SELECT * FROM pollseed_job_log WHERE job = $job");
	is(query($schema, 'TABLE agreement'), 't|20000|succeeded', 'events, counts and position agree');
	is(query($schema, 'TABLE data'), $data, 'the data is that of the atomic call');
	is(job($job, $columns), $expected, "$columns: $expected");
	return;
}

# A session that holds something.
sub holder
{
	my ($sql) = @_;
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $holder->query_safe('SELECT pg_backend_pid()');
	$holder->query($sql);
	return ($holder, $pid);
}

# The log from here on.
sub log_position
{
	return -s $node->logfile;
}

sub log_since
{
	my ($position) = @_;
	return substr(slurp_file($node->logfile), $position);
}

# Tables that somebody has locked, while jobs of an owner with a short lock_timeout run: one that goes on by itself, one with
# two workers, one that is cancelled and one that is paused and resumed while they wait to try again.
my @locked = ('locked', 'locked_2', 'locked_cancel', 'locked_pause');
make_poll($_, 0.005) for @locked;
make_role('hasty', 'locked', q{lock_timeout = '300ms'});
allow('hasty', $_) for @locked;
my %locked = map { $_ => submit($_, role => 'hasty', more => $_ eq 'locked_2' ? ', workers => 2' : '') } @locked;
wait_for_some($locked{$_}, "$_: the job has begun") for @locked;
my ($holder, $holder_pid) =
  holder('BEGIN; LOCK ' . join(', ', map { "$_.vote_events" } @locked) . ' IN ACCESS EXCLUSIVE MODE');
ok( $node->poll_query_until(
		'postgres', "SELECT waiting_for LIKE 'Lock: relation, blocked by %$holder_pid%' FROM pollseed_progress WHERE job = $locked{locked}"),
	'a job that waits for a table says for what, and who holds it');
for my $schema ('locked_cancel', 'locked_pause')
{
	# In the pause after the third time, which is of 2 s at least.
	my $job = $locked{$schema};
	my $what = $schema eq 'locked_cancel' ? 'cancel' : 'pause';
	wait_for_job($job, 'retries >= 3', "$schema: the job has tried again");
	ok( $node->poll_query_until(
			'postgres', "SELECT waiting_for LIKE 'tries again after % s: 55P03' FROM pollseed_progress WHERE job = $job"),
		'its progress says what it waits for');
	is(job($job, 'state, last_sqlstate, last_error, done % 200'),
		'running|55P03|canceling statement due to lock timeout|0', 'as its row does');
	my $position = log_position();
	my $start = time;
	like($node->safe_psql('postgres', "SELECT state FROM pollseed_job_$what($job)"), qr/^(cancelling|cancelled|paused)\z/, "$what");
	wait_for_job($job, $what eq 'cancel' ? q{state = 'cancelled'} : q{state = 'paused'}, "$what: it is so");
	wait_for_no_worker($job, 'the worker goes');
	cmp_ok(time - $start, '<', 1.5, 'long before it would have tried again');
	unlike(log_since($position), qr/exited with exit code|ERROR|FATAL|job $job failed/, 'and without an error');
	if ($what eq 'pause')
	{
		is($node->safe_psql('postgres', "SELECT state FROM pollseed_job_resume($job)"), 'queued', 'it is resumed');
		wait_for_job($job, q{state = 'running' AND attempts = 2 AND retries >= 4}, 'meets the lock again');
	}
}
is(job($locked{locked_cancel}, q{state, reason, done = (result->>'votes_seeded')::int}), 'cancelled|cancelled|t', 'it ends as cancelled');
hurry($_) for @locked;
wait_for_job($locked{$_}, 'retries >= 3', "$_: the others have tried again") for 'locked', 'locked_2';
$holder->query_safe('COMMIT');
ends_well($_, $locked{$_}, 'retries >= 3, last_sqlstate, attempts', 't|55P03|' . ($_ eq 'locked_pause' ? 2 : 1),
	"$_: when the lock is gone the job succeeds")
  for 'locked', 'locked_2', 'locked_pause';
is(query('locked_cancel', 'SELECT agree, state FROM agreement'), 't|cancelled', 'what the cancelled one committed is whole');
is( $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE l.reason LIKE 'tries again after % s: 55P03') = j.retries
                                    FROM pollseed_job_log AS l JOIN pollseed_jobs AS j ON l.job = j.id WHERE j.id = $locked{locked} GROUP BY j.retries"),
	't', 'each retry is in the log');

# Somebody who holds the job's row for longer than its owner's lock_timeout, and whose pause is rolled back.
make_poll('row_locked', 0.005);
allow('hasty', 'row_locked');
my $job = submit('row_locked', role => 'hasty');
wait_for_some($job, 'row_locked: the job has begun');
$holder->query("BEGIN; SELECT pollseed_job_pause($job)");
ok( $node->poll_query_until(
		'postgres', "SELECT waiting_for LIKE 'Lock: %blocked by %$holder_pid%' FROM pollseed_progress WHERE job = $job"),
	'it waits for somebody who holds its row');
$holder->query('SELECT pg_sleep(0.6); ROLLBACK');
hurry('row_locked');
ends_well('row_locked', $job, 'attempts, last_sqlstate', '1|55P03', 'a job whose row was locked for long goes on');

# A pause and a cancellation rolled back to a savepoint, and committed.
for my $what ('pause', 'cancel')
{
	make_poll("savepoint_$what", 0.005);
	$job = submit("savepoint_$what");
	wait_for_some($job, "savepoint_$what: the job has begun");
	my $position = log_position();
	$node->safe_psql('postgres', "BEGIN; SAVEPOINT here; SELECT pollseed_job_$what($job); ROLLBACK TO here; COMMIT");
	hurry("savepoint_$what");
	ends_well("savepoint_$what", $job, 'attempts, retries', '1|0', "a $what that is rolled back to a savepoint does nothing");
	unlike(log_since($position), qr/ERROR/, 'nor is it noticed');
}

$holder->quit;

# Triggers that fail three times for a reason that may pass, with one worker and two; the count of times outlives the transaction.
for my $workers (1, 2)
{
	my $schema = "conflict_$workers";
	make_poll($schema);
	query(
		$schema, q{
		CREATE SEQUENCE tries;
		CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE
			try bigint := nextval(format('%I.tries', TG_TABLE_SCHEMA));
		BEGIN
			IF try BETWEEN 11 AND 13 THEN
				RAISE 'a conflict' USING ERRCODE = '40001';
			END IF;
			RETURN NULL;
		END $$;
		CREATE TRIGGER conflict AFTER INSERT ON vote_events FOR EACH STATEMENT EXECUTE FUNCTION conflict()});
}
my @conflicts = map { submit("conflict_$_", more => ", workers => $_") } 1, 2;
ends_well('conflict_1', $conflicts[0], 'retries, last_sqlstate, last_error, attempts', '3|40001|a conflict|1',
	'a job that meets three conflicts tries again');
ends_well('conflict_2', $conflicts[1], 'retries BETWEEN 0 AND 3, attempts', 't|1', 'with two workers as well');

# A trigger that has all workers change one row.
make_poll('totals');
query(
	'totals', q{
	CREATE TABLE total (votes bigint);
	INSERT INTO total VALUES (0);
	CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN UPDATE totals.total SET votes = votes + (SELECT count(*) FROM added); RETURN NULL; END';
	CREATE TRIGGER add_up AFTER INSERT ON vote_events REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION add_up()});
my $position = log_position();
ends_well('totals', submit('totals', more => ', workers => 2'), 'retries, attempts, last_error', '0|1|',
	'two workers do not come into conflict by a trigger');
is(query('totals', 'TABLE total'), '20000', 'which sees each vote once');
unlike(log_since($position), qr/ERROR|deadlock|tries again/, 'and without a deadlock');

# A table, and an option, that is dropped in the middle.  Dropping one locks the other too where a foreign key is between them, and
# may come into a deadlock with a job as with anybody.
for my $table ('vote_events', 'options')
{
	my $schema = "dropped_$table";
	make_poll($schema, 0.005);
	query($schema, 'ALTER TABLE vote_events DROP CONSTRAINT vote_events_option_id_fkey');
	$job = submit($schema, more => ', workers => 2');
	wait_for_some($job, "$schema: the job has begun");
	query($schema, "DROP TABLE $table CASCADE");
	is(wait_for_end($job), 'failed', "$schema: the job fails when a table is dropped");
	like(job($job, 'reason, last_sqlstate, last_error, retries'), qr/^failed with an error\|42P01\|relation with OID \d+ does not exist\|0\z/,
		'and says why');
	wait_for_no_worker($job, 'its worker goes');
	my ($ret, $out, $err) = $node->psql('postgres', "SELECT pollseed_job_resume($job)");
	like($err, $table eq 'vote_events' ? qr/cannot resume job $job/ : qr/^\z/, 'what cannot go on is not resumed');
	wait_for_job($job, q{state = 'failed'}, 'it stays failed');
}
make_poll('deleted', 0.005);
$job = submit('deleted', more => ', workers => 2');
wait_for_some($job, 'deleted: the job has begun');
query('deleted', 'DELETE FROM options WHERE id = 15');
is(wait_for_end($job), 'failed', 'the job fails when an option is deleted');
is(job($job, 'last_sqlstate, last_error'), '55000|option with id 15 of relation "options" is gone', 'and says which');
is(query('deleted', 'SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(votes) FROM options)'), 't', 'the others stay whole');

# An option that comes, and one that gets another name.
make_poll('changed', 0.005);
$job = submit('changed', more => ', workers => 2');
wait_for_some($job, 'changed: the job has begun');
query('changed', q{INSERT INTO options (id, text) VALUES (0, 'Zig'), (99, 'Nim'); UPDATE options SET text = 'Other' WHERE id = 1});
hurry('changed');
is(wait_for_end($job), 'succeeded', 'options that come, and names that change, do not disturb');
is(query('changed', 'TABLE agreement'), 't|20000|succeeded', 'events, counts and position agree');
is(query('changed', 'SELECT sum(votes) FROM options WHERE id IN (0, 99)'), '0', 'those that came get none');
is( query('changed', q{SELECT count(DISTINCT language), bool_and(language = 'Other') FILTER (WHERE votes_after = votes)
                         FROM vote_events AS e JOIN options AS o ON o.id = e.option_id WHERE option_id = 1}),
	'2|t', 'votes get the name that the option has then');

# The owner is dropped while the job is paused.
my ($ret, $out, $err);
make_poll('parted', 0.005);
make_role('leaver', 'parted');
$job = submit('parted', role => 'leaver');
wait_for_some($job, 'parted: the job has begun');
$node->safe_psql('postgres', "SELECT pollseed_job_pause($job)");
wait_for_no_worker($job, 'it is paused');
$node->safe_psql('postgres', 'DROP OWNED BY leaver; DROP ROLE leaver');
is(job($job, 'state, owner'), 'paused|leaver', 'a superuser sees the job of a role that was dropped');
($ret, $out, $err) = $node->psql('postgres', "SELECT pollseed_job_resume($job)");
like($err, qr/cannot resume job $job\nDETAIL:  Its owner does not exist any more/, 'but cannot resume it');
is($node->safe_psql('postgres', "SELECT state FROM pollseed_job_cancel($job)"), 'cancelled', 'only cancel');

# While it is queued, by a prepared transaction; and its owner's name is given to another.
make_role('leaver', 'parted');
$job = query('parted', "SET ROLE leaver; BEGIN; SELECT pollseed_seed_async($arguments); PREPARE TRANSACTION 'parted'");
$node->safe_psql('postgres', q{COMMIT PREPARED 'parted'; DROP OWNED BY leaver; DROP ROLE leaver});
make_role('leaver', 'parted');
is($node->safe_psql('postgres', 'SET ROLE leaver; SELECT count(*) FROM pollseed_jobs'), '0',
	'another role with the name of its owner does not see a job');
($ret, $out, $err) = $node->psql('postgres', "SET ROLE leaver; SELECT pollseed_job_cancel($job)");
like($err, qr/permission denied for job $job/, 'nor may steer it');
is($node->safe_psql('postgres', 'SET ROLE leaver; SELECT count(*) FROM pollseed_run_jobs()'), '0', 'a tick does not start it');
is(job($job, 'state, reason, attempts, worker_pid'), 'failed|its owner does not exist any more|0|', 'but ends it, and says why');
$node->safe_psql('postgres', 'DROP OWNED BY leaver; DROP ROLE leaver');

# While it runs, by one transaction.
for my $workers (1, 2)
{
	make_poll("gone_$workers", 0.005);
	make_role('leaver', "gone_$workers");
	$job = submit("gone_$workers", role => 'leaver', more => ", workers => $workers");
	wait_for_some($job, "gone_$workers: the job has begun");
	$node->safe_psql('postgres', 'BEGIN; DROP OWNED BY leaver; DROP ROLE leaver; COMMIT');
	is(wait_for_end($job), 'failed', 'a job fails when its owner is dropped');
	like($node->safe_psql('postgres', "SELECT reason, last_sqlstate, last_error FROM pollseed.jobs WHERE job_id = $job"),
		qr/^(failed with an error\|42(501|704)\|.+|its owner does not exist any more\|.*)\z/, 'and says why');
	is(job($job, 'arguments IS NOT NULL'), 't', 'a superuser sees its arguments and its error') if $workers == 1;
	is(query("gone_$workers", 'SELECT agree FROM agreement'), 't', 'events, counts and position agree');
	wait_for_no_worker($job, 'its worker goes');
}

# The owner is renamed.
make_poll('renamed', 0.005);
make_role('before', 'renamed');
$job = submit('renamed', role => 'before', more => ', workers => 2');
wait_for_some($job, 'renamed: the job has begun');
$node->safe_psql('postgres', "ALTER ROLE before RENAME TO after");
is($node->safe_psql('postgres', "SET ROLE after; SELECT state FROM pollseed_job_pause($job)"), 'paused', 'an owner with a new name can pause the job');
wait_for_no_worker($job, 'it is paused');
is($node->safe_psql('postgres', "SET ROLE after; SELECT state FROM pollseed_job_resume($job)"), 'queued', 'and resume it');
hurry('renamed');
ends_well('renamed', $job, 'attempts, retries', '2|0', 'it goes on');

# An owner that may not log in.
make_poll('no_login');
make_role('nobody', 'no_login');
$node->safe_psql('postgres', 'ALTER ROLE nobody NOLOGIN');
if ($version < 17)
{
	($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET search_path = no_login, public; SET ROLE nobody; SELECT pollseed_seed_async($arguments)");
	like($err, qr/28000: role "nobody" is not permitted to log in/, 'before 17 an owner must have LOGIN');
}
else
{
	ends_well('no_login', submit('no_login', role => 'nobody', more => ', workers => 2'), 'attempts, retries', '1|0',
		'since 17 an owner need not have LOGIN');
}

# Settings of a role that a job must not mind.
make_poll('settings');
make_role('strange', 'settings', 'default_transaction_read_only = on', 'default_transaction_isolation = serializable',
	'default_transaction_deferrable = on', 'statement_timeout = 1', 'idle_in_transaction_session_timeout = 1', 'search_path = nowhere',
	q{DateStyle = 'SQL, DMY'}, 'standard_conforming_strings = off', q{lc_messages = 'C'}, 'row_security = off', 'enable_indexscan = off');
ends_well('settings', submit('settings', role => 'strange', more => ', workers => 2'), 'attempts, retries', '1|0',
	'settings of the role do not disturb');

# Since 17 a role may have a limit for transactions, which ends the process.  A slice is made to last longer.
if ($version >= 17)
{
	make_poll('limited', 0.1);
	make_role('limited', 'limited', q{transaction_timeout = '50ms'});
	$job = submit('limited', role => 'limited');
	wait_for_job($job, 'done > 0 OR started_at IS NOT NULL AND worker_pid IS NULL', 'limited: the job has begun');
	is(job($job, 'done > 0'), 't', q{the owner's transaction_timeout does not end its worker});
	hurry('limited');
	$node->safe_psql('postgres', 'ALTER ROLE limited RESET transaction_timeout; SELECT FROM pollseed_run_jobs()');
	is(wait_for_end($job), 'succeeded', 'it succeeds');
}

# Ids whose text depends on settings.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE dates (id date PRIMARY KEY, text text, votes int DEFAULT 0);
	INSERT INTO dates SELECT date '2026-01-20' + i, 'option ' || i FROM generate_series(0, 9) AS i;
	CREATE TABLE date_events (option_id date, votes_after int, inserted_at timestamptz, event_type text);
	CREATE TABLE floats (id float8 PRIMARY KEY, text text, votes int DEFAULT 0);
	INSERT INTO floats SELECT i / 3.0, 'option ' || i FROM generate_series(0, 9) AS i;
	CREATE TABLE float_events (option_id float8, votes_after int, inserted_at timestamptz, event_type text)});
for my $case ([ 'date', q{DateStyle = 'German'} ], [ 'float', 'extra_float_digits = -3' ])
{
	my ($type, $setting) = @$case;
	$job = $node->safe_psql('postgres', "SET $setting; SELECT pollseed_seed_async($arguments, options => '${type}s', events => '${type}_events', workers => 2)");
	is(wait_for_end($job), 'succeeded', "options with ids of type $type, and $setting") or diag job($job, '*');
	is($node->safe_psql('postgres', "SELECT count(*) = 20000 AND count(*) = (SELECT sum(votes) FROM ${type}s) FROM ${type}_events"),
		't', 'all is there');
}

# A constraint that forbids one vote: the job stops at the end of a batch, tells which error, and goes on when it is gone.
my $listener = $node->background_psql('postgres', on_error_stop => 0);
for my $workers (1, 2)
{
	my $schema = "forbidden_$workers";
	make_poll($schema);
	query($schema, 'ALTER TABLE vote_events ADD CONSTRAINT forbidden CHECK (option_id <> 1 OR votes_after <> 2500)');
	$listener->query_safe('LISTEN pollseed');
	$job = submit($schema, more => ", workers => $workers");
	is(wait_for_end($job), 'failed', "$workers workers: a job with a vote that a constraint forbids fails");
	is(job($job, 'last_sqlstate, last_error, retries, attempts, done % 200, done > 0'),
		'23514|new row for relation "vote_events" violates check constraint "forbidden"|0|1|0|t', 'after a batch, and says why');
	is(query($schema, 'SELECT agree FROM agreement'), 't', 'events, counts and position agree');
	my $told = '';
	for (1 .. 1800)
	{
		$told .= $listener->query('SELECT pg_sleep(0.1)');
		last if $told =~ /"event": "failed".* received from/;
	}
	like($told, qr/"event": "failed", "engine": "votes", "job": $job, .*"error": "23514"/, 'listeners are told the SQLSTATE');
	$listener->query_safe('UNLISTEN pollseed');
	query($schema, 'ALTER TABLE vote_events DROP CONSTRAINT forbidden');
	is($node->safe_psql('postgres', "SELECT state FROM pollseed_job_resume($job)"), 'queued', 'the constraint is dropped, and the job resumed');
	ends_well($schema, $job, 'attempts, last_sqlstate', '2|23514', 'it goes on to its end');
	is(query($schema, "SELECT count(*), sum(rows_written) FROM pollseed_runs WHERE relation = '$schema.vote_events'"), '1|20000',
		'and is one run in the ledger');
}
$listener->quit;

# Clearing while a job runs.
for my $workers (1, 2)
{
	my $schema = "cleared_$workers";
	make_poll($schema, 0.005);
	$job = submit($schema, more => ", workers => $workers");
	my $agree = 'SELECT (SELECT count(*) FROM vote_events) = (SELECT sum(votes) FROM options)';
	for my $part (1, 2)
	{
		wait_for_job($job, "done BETWEEN $part * 5000 AND 19000", "$schema: the job is under way");
		query($schema, 'SELECT FROM pollseed_clear_seed_data()');
		is(query($schema, $agree), 't', 'when its data is cleared, events and counts agree');
	}
	hurry($schema);
	is(wait_for_end($job), 'succeeded', 'it goes on') or diag job($job, '*');
	is(query($schema, $agree), 't', 'events and counts agree');
	is(query($schema, 'SELECT count(*) BETWEEN 1 AND 15000 FROM vote_events'), 't', 'what was cleared stays away');
}

# A prepared transaction.
make_poll('prepared');
$job = query('prepared', "BEGIN; SELECT pollseed_seed_async($arguments); PREPARE TRANSACTION 'job'");
is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_run_jobs()'), '0', 'a job in a prepared transaction is not yet there');
$node->safe_psql('postgres', q{COMMIT PREPARED 'job'});
is(job($job, 'state, reason'), 'queued|waiting for pollseed_run_jobs(), after a prepared transaction', 'when it is committed the job waits');
is($node->safe_psql('postgres', 'SELECT id FROM pollseed_run_jobs()'), $job, 'for a tick, which starts it at once');
ends_well('prepared', $job, 'attempts, retries', '1|0', 'it runs');

# Its worker is cancelled, and terminated.
make_poll('interrupted', 0.005);
$job = submit('interrupted', more => ', workers => 2');
wait_for_some($job, 'interrupted: the job has begun');
is($node->safe_psql('postgres', "SELECT pg_cancel_backend(worker_pid) FROM pollseed_jobs WHERE id = $job"), 't', 'its worker is cancelled');
is(wait_for_end($job), 'cancelled', 'that cancels the job');
is(job($job, 'reason, worker_pid'), 'its worker was cancelled by pg_cancel_backend()|', 'and says so');
is(query('interrupted', 'SELECT agree FROM agreement'), 't', 'events, counts and position agree');
wait_for_no_worker($job, 'the worker goes');
make_poll('terminated', 0.005);
$job = submit('terminated', more => ', workers => 2');
wait_for_some($job, 'terminated: the job has begun');
is($node->safe_psql('postgres', "SELECT pg_terminate_backend(worker_pid, 180000) FROM pollseed_jobs WHERE id = $job"), 't', 'its worker is terminated');
is(job($job, 'state, worker_pid'), 'running|', 'the job is an orphan');
is(query('terminated', 'SELECT agree FROM agreement'), 't', 'events, counts and position agree');
hurry('terminated');
is($node->safe_psql('postgres', 'SELECT id, reason FROM pollseed_run_jobs()'), "$job|adopted: its worker is gone", 'the next tick adopts it');
ends_well('terminated', $job, 'attempts, retries', '2|0', 'it goes on to its end');

# An owner without CONNECT: no worker can be started, until it is given up; when the privilege is back it can be resumed.
$node->safe_psql('postgres', 'CREATE DATABASE closed');
set_up('closed');
make_poll('poll', undef, db => 'closed');
$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE closed FROM PUBLIC; CREATE ROLE outsider LOGIN');
$node->safe_psql('closed', 'GRANT USAGE ON SCHEMA poll TO outsider; GRANT ALL ON ALL TABLES IN SCHEMA poll TO outsider;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA poll TO outsider');
$position = log_position();
$job = submit('poll', role => 'outsider', db => 'closed');
$node->wait_for_log(qr/permission denied for database "closed"/, $position);
is(job($job, 'state, reason, attempts', db => 'closed'), 'queued|waiting for its worker to start|0', 'a job whose owner may not connect stays queued');
is($node->safe_psql('closed', 'SELECT count(*) FROM pollseed_run_jobs()'), '0', 'its worker is not started again at once');
$node->safe_psql(
	'closed', q{
	CREATE FUNCTION tick_later(job bigint) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE pollseed.jobs SET launched_at = launched_at - interval '11 seconds' WHERE job_id = job;
		PERFORM pollseed_run_jobs();
		RETURN (SELECT state = 'failed' FROM pollseed_jobs WHERE id = job);
	END $$});
ok($node->poll_query_until('closed', "SELECT tick_later($job)"), 'after some ticks, each seconds later, it fails')
  or diag job($job, '*', db => 'closed');
like(job($job, 'reason', db => 'closed'), qr/^\d+ workers could not be started as its owner; see the server's log\z/, 'and says why');
$node->safe_psql('postgres', 'GRANT CONNECT ON DATABASE closed TO outsider');
$node->safe_psql('closed', "SELECT FROM pollseed_job_resume($job)");
is(wait_for_end($job, db => 'closed'), 'succeeded', 'with CONNECT it can be resumed');
is(query('poll', 'TABLE data', db => 'closed'), $data, 'the data is that of the atomic call');

# A database is dropped: after its jobs have ended, and while one runs.
$node->safe_psql('postgres', 'DROP DATABASE closed');
pass('a database whose jobs have ended can be dropped');
$node->safe_psql('postgres', 'CREATE DATABASE doomed');
set_up('doomed');
make_poll('poll', 0.05, db => 'doomed');
$job = submit('poll', more => ', workers => 2', db => 'doomed');
ok($node->poll_query_until('doomed', "SELECT done > 0 FROM pollseed_jobs WHERE id = $job"), 'a job runs in a database');
$node->safe_psql('postgres', 'DROP DATABASE doomed WITH (FORCE)');
pass('which is dropped by force');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'doomed'}), '0', 'no worker is left');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE objsubid IN (28787, 28788) AND locktype = 'advisory'}), '0',
	'and no lock of one');

# The extension is dropped while a job runs, and made again.
$node->safe_psql('postgres', 'CREATE DATABASE bare');
set_up('bare');
make_poll('poll', 0.01, db => 'bare');
submit('poll', more => ', workers => 3', db => 'bare');
ok($node->poll_query_until('bare', 'SELECT done > 0 FROM pollseed_jobs'), 'a job runs in another');
my $before = $node->safe_psql('bare', 'SELECT done FROM pollseed_jobs');
is($node->psql('bare', q{SET statement_timeout = '60s'; BEGIN; DROP EXTENSION pollseed CASCADE; SELECT pg_sleep(6); ROLLBACK}), 0,
	'a drop comes through a team whose members wait for one another');
ok($node->poll_query_until('bare', "SELECT done > $before FROM pollseed_jobs"), 'which goes on when it is rolled back');
is($node->psql('bare', 'DROP EXTENSION pollseed CASCADE'), 0, 'the extension is dropped, which waits for slices and deadlocks with none');
ok($node->poll_query_until('bare', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed'}),
	'when the extension is dropped no worker is left');
is(query('poll', 'SELECT count(*) % 200, count(*) = (SELECT sum(votes) FROM options) FROM vote_events', db => 'bare'), '0|t',
	'what it committed is whole');
$node->safe_psql('bare', q{CREATE EXTENSION pollseed; DELETE FROM poll.vote_events; UPDATE poll.options SET votes = 0; DROP TRIGGER slow ON poll.vote_events});
$job = submit('poll', db => 'bare');
is(wait_for_end($job, db => 'bare'), 'succeeded', 'and when it is made again a job runs');
is(query('poll', 'TABLE data', db => 'bare'), $data, 'as it should');

# Nothing is left.
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type ~ '^pollseed'}), 'no worker is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_jobs WHERE finished_at IS NULL'), '0', 'all jobs have ended');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pollseed_progress'), '0', 'and none is shown');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|not closed|still referenced|WARNING/, 'the server has nothing to warn of');
$node->stop;
done_testing();
