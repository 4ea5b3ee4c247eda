# Who runs a backfill, and what stops it: starts from several sessions, cancelled and limited calls, calls where nothing may be
# committed, jobs whose workers change, that are paused, cancelled and ordered, DDL in the middle, settings of roles, pg_cron, dumps, and
# notifications.  Its process does not grow with the number of batches.
use strict;
use warnings;

use File::Temp ();
use IPC::Run   ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('backfill_control');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16\npollseed.backfill_max_batch_size = 20\n"
	  . "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = '@{[ $node->host ]}'\ncron.use_background_workers = on");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pg_cron;
	CREATE EXTENSION pollseed;
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	GRANT CREATE ON DATABASE postgres TO app;
	SET ROLE app;
	CREATE TABLE pause (seconds float8);
	INSERT INTO pause VALUES (0.01);
	CREATE TABLE hold (reason text);
	CREATE FUNCTION pausing(ids int[]) RETURNS TABLE (id int, value text) LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(seconds) FROM public.pause; RETURN QUERY SELECT k, ''value '' || k FROM unnest(ids) AS k; END';
	CREATE FUNCTION make(name text, rows int, strategy text DEFAULT 'index', throttle jsonb DEFAULT NULL, after text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, filler text, value text)', name);
		EXECUTE format('INSERT INTO %I SELECT i, repeat(%L, 100), NULL FROM generate_series(1, %s) AS i', name, 'x', rows);
		PERFORM pollseed_backfill_create(name, name::regclass, 'value', 'SELECT id, value FROM public.pausing($1)', strategy => strategy,
			batch_size => 10, target_time => '1 min', throttle => throttle, after_backfill => after);
	END $$});

my @app = (extra_params => [ '-U', 'app' ]);

sub query
{
	my ($sql, @more) = @_;
	return $node->safe_psql('postgres', $sql, @app, @more);
}

# What a statement says on stderr, with SQLSTATEs.
sub complaint
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'app', '-v', 'VERBOSITY=verbose' ]);
	return join("\n", $err =~ /((?:NOTICE|WARNING|ERROR):  \w{5}: .*)/g) || $err;
}

# Statements in a session of their own; its output comes with their end.
sub start
{
	my ($sql) = @_;
	my %session = (err => '', out => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-U', 'app', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \'', '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub ends
{
	my ($session) = @_;
	return $session->{run}->finish;
}

sub becomes
{
	my ($name, $columns, $want, $description) = @_;
	return ok($node->poll_query_until('postgres', "SELECT concat_ws('|', $columns) FROM pollseed_backfills WHERE name = '$name'", $want), $description)
	  || diag $node->safe_psql('postgres', "SELECT * FROM pollseed_backfills WHERE name = '$name'; SELECT * FROM pollseed_jobs");
}

sub is_in
{
	my ($name, $columns, $want, $description) = @_;
	return is(query("SELECT concat_ws('|', $columns) FROM pollseed_backfills WHERE name = '$name'"), $want, $description);
}

# Waits until a call is at work, some way in.
sub is_at_work
{
	my ($name) = @_;
	$node->poll_query_until('postgres', "SELECT state = 'running' AND filled >= 20 FROM pollseed_backfills WHERE name = '$name'") or BAIL_OUT("$name does not run");
	return;
}

# A pause in each batch, from now on.
sub pause
{
	my ($seconds) = @_;
	query("UPDATE pause SET seconds = $seconds");
	return;
}

# A worker that has ended its job has still to go.
sub has_no_lock
{
	return ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'}), 'no lock is left')
	  || diag $node->safe_psql('postgres', q{SELECT * FROM pg_locks WHERE locktype = 'advisory'});
}

sub is_filled
{
	my ($name, $description) = @_;
	is(query("SELECT count(*) FROM $name WHERE value IS DISTINCT FROM 'value ' || id"), '0', $description);
	is_in($name, 'state, remaining, waiting_for, last_error', 'finished|0', 'it is finished');
	has_no_lock();
	is($node->safe_psql('postgres', "SELECT count(*) FROM pollseed.backfill_ranges AS r JOIN pollseed.backfills AS b USING (backfill_id) WHERE b.name = '$name'"), '0', 'no range is open');
	return;
}

# pg_cron takes its time: what it is asked here is seen at the end.
query("SELECT make('scheduled', 3000)");
$node->safe_psql('postgres', q{GRANT USAGE ON SCHEMA cron TO app; GRANT EXECUTE ON FUNCTION cron.schedule(text, text) TO app});
query(q{SELECT cron.schedule('* * * * *', $$CALL pollseed_backfill_run('scheduled', max_runtime => '40 s')$$)});

# A call, and others who want to run the same.
query("SELECT make('twice', 5000)");
my $first = start("CALL pollseed_backfill_run('twice')");
is_at_work('twice');
my $runner = query("SELECT runner_pid FROM pollseed_backfills WHERE name = 'twice'");
like(complaint("CALL pollseed_backfill_run('twice')"), qr/ERROR:  55006: backfill "twice" is being run by process $runner$/m, 'a second call is refused, and told who runs it');
like(complaint("SELECT pollseed_backfill_step('twice')"), qr/ERROR:  55006: .* process $runner$/m, 'so is a step');
like(complaint("BEGIN; CALL pollseed_backfill_run('twice')"), qr/ERROR:  55006: .* process $runner$/m, 'and a call in a transaction block');
my $job = query("SELECT pollseed_backfill_async('twice', 1)");
ok($node->poll_query_until('postgres', "SELECT state = 'running' AND reason ~ 'another session runs' FROM pollseed_jobs WHERE id = $job"), 'a job waits for it')
  or diag query('TABLE pollseed_jobs');
like(complaint("SELECT pollseed_backfill_async('twice', 3)"), qr/NOTICE:  00000: job $job runs backfill "twice" already; the workers it is to have now: 3/, 'another is the same job');
is(query("SELECT count(*), max(workers) FROM pollseed_jobs WHERE arguments->>'name' = 'twice'"), '1|3', 'with other workers');
query("SELECT pg_cancel_backend($runner)");
ok(!ends($first), 'the call is cancelled');
like($first->{err}, qr/ERROR:  57014: canceling statement due to user request/, 'as it says');
pause(0.001);
is(query("SELECT state FROM pollseed_job_wait($job, '60 s')"), 'succeeded', 'the job takes over');
is_filled('twice', 'and fills the rest');
like(complaint("CALL pollseed_backfill_run('twice')"), qr/NOTICE:  00000: backfill "twice": nothing to do/, 'then there is nothing to do');

# A step's lock lasts as long as its transaction.
query("SELECT make('step', 100)");
my $step = $node->background_psql('postgres', @app);
$step->query_safe("BEGIN; SELECT pollseed_backfill_step('step', 2)");
like(complaint("CALL pollseed_backfill_run('step')"), qr/ERROR:  55006: /, 'while a step is not committed nobody else runs the backfill');
$step->query_safe('ROLLBACK');
is_in('step', 'state, filled', 'ready|0', 'a step that is rolled back leaves no trace');
$step->query_safe("BEGIN; SELECT pollseed_backfill_step('step', 2); COMMIT");
is_in('step', 'state, filled, batches', 'interrupted|21|2', 'one that is committed is there');
is(query("SELECT filled, finished FROM pollseed_backfill_step('step', 1000)"), '79|t', 'steps go on to the end');
is_filled('step', 'and fill all');
$step->quit;

# Limits.
query("SELECT make('limits', 1000)");
query("CALL pollseed_backfill_run('limits', max_batches => 3)");
is_in('limits', 'state, batches', 'interrupted|3', 'max_batches');
pause(0.02);
query("CALL pollseed_backfill_run('limits', max_runtime => '300 ms')");
is(query("SELECT state, batches > 3, remaining > 0 FROM pollseed_backfills WHERE name = 'limits'"), 'interrupted|t|t', 'max_runtime');
pause(0.001);
query("CALL pollseed_backfill_run('limits')");
is_filled('limits', 'without a limit it runs to its end');

# Where a call may commit, and where not.
for my $case (
	[ 'block', "BEGIN; CALL pollseed_backfill_run('%s'); COMMIT", 0 ],
	[ 'do', "DO \$\$ BEGIN CALL pollseed_backfill_run('%s'); END \$\$", 1 ],
	[ 'procedure', "CREATE PROCEDURE outer_%1\$s() LANGUAGE plpgsql AS \$\$ BEGIN CALL pollseed_backfill_run('%1\$s'); END \$\$;\nCALL outer_%1\$s()", 1 ],
	[ 'exception', "DO \$\$ BEGIN CALL pollseed_backfill_run('%s'); EXCEPTION WHEN division_by_zero THEN NULL; END \$\$", 0 ],
	[ 'function', "CREATE FUNCTION outer_%1\$s() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN CALL pollseed_backfill_run('%1\$s'); END \$\$; SELECT outer_%1\$s()", 0 ])
{
	my ($how, $sql, $commits) = @$case;
	my $name = "from_$how";
	query("SELECT make('$name', 100)");
	my $said = complaint(sprintf($sql, $name));
	if ($commits)
	{
		cmp_ok(query("SELECT count(DISTINCT xmin::text) FROM $name"), '>=', 4, "$how: batches are committed");
	}
	else
	{
		like($said, qr/NOTICE:  00000: one batch at most was run, because the procedure cannot commit here/, "$how: one batch, and a notice");
		is_in($name, 'state, filled', 'interrupted|10', 'of which the rows are there');
		query("CALL pollseed_backfill_run('$name')");
	}
	is_filled($name, 'all is filled');
}
query("SELECT make('one', 30), make('other', 30)");
my $both = start("CALL pollseed_backfill_run('one'); CALL pollseed_backfill_run('other')");
ok(ends($both), 'two calls in one string');
is(query(q{SELECT string_agg(name || ' ' || filled, ', ' ORDER BY name COLLATE "C") FROM pollseed_backfills WHERE name IN ('one', 'other')}), 'one 10, other 10', 'do one batch each');

# Cancelled in a batch, while it holds back, and while it waits for a row.
query("SELECT make('cancel_batch', 500), make('cancel_row', 500),
              make('cancel_hold', 500, throttle => '{\"query\": {\"sql\": \"SELECT reason FROM hold\"}}')");
my %until = (cancel_batch => "filled >= 100", cancel_hold => "waiting_for ~ 'lunch'", cancel_row => "waiting_for ~ '1 row '");
for my $name (sort keys %until)
{
	pause($name eq 'cancel_batch' ? 0.05 : 0.001);
	my $holder = $node->background_psql('postgres', @app);
	$holder->query_safe("BEGIN; SELECT FROM $name WHERE id = 77 FOR UPDATE") if $name eq 'cancel_row';
	query("INSERT INTO hold VALUES ('lunch')") if $name eq 'cancel_hold';
	my $call = start("CALL pollseed_backfill_run('$name')");
	ok($node->poll_query_until('postgres', "SELECT state = 'running' AND $until{$name} FROM pollseed_backfills WHERE name = '$name'"), "$name: it is there")
	  or diag $node->safe_psql('postgres', "SELECT * FROM pollseed_backfills WHERE name = '$name'");
	query("SELECT pg_cancel_backend(runner_pid) FROM pollseed_backfills WHERE name = '$name'");
	ok(!ends($call), 'it is cancelled');
	like($call->{err}, qr/ERROR:  57014: /, 'as it says');
	is_in($name, 'state, waiting_for, last_error', 'interrupted', 'it waits for nothing any more');
	is(query("SELECT filled = (SELECT count(value) FROM $name) FROM pollseed_backfills WHERE name = '$name'"), 't', 'its figures are right');
	has_no_lock();
	is(query('SELECT count(*) FROM pollseed_progress'), '0', 'it shows no progress');
	$holder->quit;
	query('DELETE FROM hold');
	pause(0.001);
	query("CALL pollseed_backfill_run('$name')");
	is_filled($name, 'it goes on');
}

# The number of workers, while they run.
sub workers_become
{
	my ($count) = @_;
	return ok($node->poll_query_until('postgres', "SELECT count(*) = $count FROM pg_stat_activity WHERE backend_type IN ('pollseed worker', 'pollseed helper')"), "$count workers");
}
pause(0.01);
query("SELECT make('crew', 20000, 'block')");
$job = query("SELECT pollseed_backfill_async('crew')");
workers_become(1);
is(query("SELECT pollseed_backfill_async('crew', 4)"), $job, 'more workers are of the same job');
workers_become(4);
is(query("SELECT pollseed_backfill_async('crew', 2)"), $job, 'fewer too');
workers_become(2);

# Paused, resumed, cancelled.
query("SELECT pollseed_job_pause($job)");
workers_become(0);
is_in('crew', 'state', 'interrupted', 'a paused job leaves it interrupted');
is(query("SELECT filled = (SELECT count(value) FROM crew) FROM pollseed_backfills WHERE name = 'crew'"), 't', 'with right figures');
query("SELECT pollseed_job_resume($job)");
workers_become(2);
query("SELECT pollseed_job_cancel($job)");
workers_become(0);
is(query("SELECT state FROM pollseed_jobs WHERE id = $job"), 'cancelled', 'a job is cancelled');
is(query("SELECT filled = (SELECT count(value) FROM crew) FROM pollseed_backfills WHERE name = 'crew'"), 't', 'the figures are right');
pause(0);
my $second = query("SELECT pollseed_backfill_async('crew', 2)");
cmp_ok($second, '>', $job, 'another job');
is(query("SELECT state, done, total FROM pollseed_job_wait($second, '60 s')"), 'succeeded|20000|20000', 'ends it');
is_filled('crew', 'all is filled');

# One that is to run after another.
pause(0.001);
query("SELECT make('before', 100), make('after', 100, after => 'before')");
like(complaint("CALL pollseed_backfill_run('after')"), qr/ERROR:  55000: .*"before"/, 'a call does not run before its turn');
$job = query("SELECT pollseed_backfill_async('after')");
ok($node->poll_query_until('postgres', "SELECT reason ~ '\"before\"' FROM pollseed_jobs WHERE id = $job"), 'a job waits') or diag query('TABLE pollseed_jobs');
query("CALL pollseed_backfill_run('before')");
is(query("SELECT state FROM pollseed_job_wait($job, '60 s')"), 'succeeded', 'until its turn has come');
is_filled('after', 'and then fills');

# DDL in the middle of a run.
for my $case (
	[ 'add', 'ALTER TABLE %s ADD COLUMN more int DEFAULT 7', '' ],
	[ 'rename_other', 'ALTER TABLE %s RENAME COLUMN filler TO filling', '' ],
	[ 'rename_target', 'ALTER TABLE %s RENAME COLUMN value TO worth', '' ],
	[ 'rename_key', 'ALTER TABLE %s RENAME COLUMN id TO number', '' ],
	[ 'rename_table', 'ALTER TABLE %1$s RENAME TO %1$s_renamed', '' ],
	[ 'widen_target', 'ALTER TABLE %s ALTER COLUMN value TYPE varchar(100)', '' ],
	[ 'retype_target', 'ALTER TABLE %s ALTER COLUMN value TYPE int USING 1', '42804' ],
	[ 'drop_target', 'ALTER TABLE %s DROP COLUMN value', '42703' ],
	[ 'drop_key', 'ALTER TABLE %s DROP COLUMN id', '42703' ],
	[ 'drop_table', 'DROP TABLE %s', '42P01' ],
	[ 'truncate', 'TRUNCATE %s', '' ])
{
	my ($how, $ddl, $sqlstate) = @$case;
	my $name = "ddl_$how";
	pause(0.05);
	query("SELECT make('$name', 400)");
	my $call = start("CALL pollseed_backfill_run('$name')");
	is_at_work($name);
	query(sprintf($ddl, $name));
	pause(0);
	my $returned = ends($call);
	my ($error) = $call->{err} =~ /(ERROR:  .*)/;
	my $standing = query("SELECT concat_ws('|', state, last_sqlstate) FROM pollseed_backfills WHERE name = '$name'");
	if ($sqlstate eq '')
	{
		ok($returned, "$how: the run goes on") or diag $call->{err};
		is($standing, 'finished', 'to its end');
	}
	else
	{
		like($error // '', qr/ERROR:  $sqlstate: /, "$how: the run says what is the matter");
		is($standing, "failed|$sqlstate", 'so does its state');
		like(complaint("CALL pollseed_backfill_run('$name')"), qr/ERROR:  $sqlstate: /, 'and another call');
	}
	has_no_lock();
}
is(query('SELECT count(worth), count(*) FROM ddl_rename_target'), '400|400', 'a renamed column is filled');
is(query('SELECT count(value), count(*) FROM ddl_rename_table_renamed'), '400|400', 'and that of a renamed table');

# Settings of the role and of its sessions.
pause(0.005);
query("SELECT make('statement_timeout', 1000), make('lock_timeout', 1000, 'block'), make('idle', 200), make('serializable', 1000, 'block'), make('repeatable', 1000)");
query(q{ALTER ROLE app SET statement_timeout = '200 ms'});
like(complaint("CALL pollseed_backfill_run('statement_timeout')"), qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout ends a call');
is_in('statement_timeout', 'state, last_error', 'interrupted', 'which leaves it interrupted');
$job = query("SELECT pollseed_backfill_async('statement_timeout')");
query('ALTER ROLE app RESET statement_timeout');
is(query("SELECT state FROM pollseed_job_wait($job, '60 s')"), 'succeeded', 'but not a job');
is_filled('statement_timeout', 'which fills all');

query(q{ALTER ROLE app SET lock_timeout = '100 ms'});
my $call = start("CALL pollseed_backfill_run('lock_timeout')");
is_at_work('lock_timeout');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE lock_timeout IN ACCESS EXCLUSIVE MODE');
ok($node->poll_query_until('postgres', q{SELECT retries >= 2 FROM pollseed_backfills WHERE name = 'lock_timeout'}), 'lock_timeout has batches tried again')
  or diag query("SELECT * FROM pollseed_backfills WHERE name = 'lock_timeout'");
$holder->query_safe('COMMIT');
ok(ends($call), 'until the lock is free') or diag $call->{err};
is_filled('lock_timeout', 'then it fills all');
$holder->quit;
query(q{ALTER ROLE app RESET lock_timeout; ALTER ROLE app SET idle_in_transaction_session_timeout = '50 ms'});
query("INSERT INTO hold VALUES ('lunch')");
query(q{SELECT make('idle_hold', 200, throttle => '{"query": {"sql": "SELECT reason FROM hold"}}')});
$call = start("CALL pollseed_backfill_run('idle_hold')");
$node->poll_query_until('postgres', q{SELECT waiting_for ~ 'lunch' FROM pollseed_backfills WHERE name = 'idle_hold'});
usleep(300_000);
query('DELETE FROM hold');
ok(ends($call), 'idle_in_transaction_session_timeout does not end a call that holds back') or diag $call->{err};
is_filled('idle_hold', 'which fills all');
query('ALTER ROLE app RESET idle_in_transaction_session_timeout');

# Isolation levels: somebody else writes the rows all the time.
for my $level ('serializable', 'repeatable read')
{
	my ($name) = $level =~ /^(\w+)/;
	my $script = File::Temp->new(SUFFIX => '.sql');
	print $script "\\set id random(1, 1000)\nUPDATE $name SET filler = filler WHERE id = :id;\n";
	$script->close;
	chmod 0644, $script->filename;
	my $log = '';
	my $writer = IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-R', '1000', '-T', '600', '-f', $script->filename, $node->connstr('postgres') ], '<', \'', '>&', \$log);
	query("ALTER ROLE app SET default_transaction_isolation = '$level'");
	is(complaint("CALL pollseed_backfill_run('$name')") =~ /NOTICE:  00000: backfill "$name" is finished/, 1, "$level is no trouble to a call");
	query('ALTER ROLE app RESET default_transaction_isolation');
	eval { $writer->kill_kill(grace => 5) };
	is_filled($name, 'which fills all');
	is_in($name, 'retries', '0', 'without a retry');
}

# Notifications of a job.
query("SELECT make('loud', 200)");
my $listener = $node->background_psql('postgres', @app);
$listener->query_safe('LISTEN pollseed');
$job = query("SELECT pollseed_backfill_async('loud')");
query("SELECT FROM pollseed_job_wait($job, '60 s')");
my $heard = $listener->query('SELECT 1');
for my $event ('started', 'succeeded')
{
	like($heard, qr/Asynchronous notification "pollseed" with payload "\{[^\n]*"event": ?"$event"[^\n]*"engine": ?"backfill"[^\n]*"job": ?$job\b/, "a listener hears that it has $event");
}
$listener->quit;

# A dump in the middle keeps the definition; restored, it fills the rest.
pause(0.005);
query("SELECT make('dumped', 500)");
query("CALL pollseed_backfill_run('dumped', max_batches => 5)");
my $dump = $node->basedir . '/dump.sql';
my $columns = 'name, owner, relation, target_column, key, batch_size, after_backfill, state, waiting_for, last_error';
my $kept = $node->safe_psql('postgres', "SELECT $columns FROM pollseed_backfills WHERE name = 'dumped'");
$node->command_ok([ 'pg_dump', '-N', 'cron', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
my $text = slurp_file($dump);
$text =~ s/^(CREATE EXTENSION IF NOT EXISTS pg_cron|COMMENT ON EXTENSION pg_cron|GRANT [^\n]* cron\b)[^\n]*\n//mg;
open my $out, '>', $dump or die;
print $out $text;
close $out;
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'restored');
is($node->safe_psql('restored', "SELECT $columns FROM pollseed_backfills WHERE name = 'dumped'"), $kept, 'a definition is restored');
$node->safe_psql('restored', q{CALL pollseed_backfill_run('dumped')}, @app);
is($node->safe_psql('restored', q{SELECT state, filled > 0, (SELECT count(*) FROM dumped WHERE value IS DISTINCT FROM 'value ' || id) FROM pollseed_backfills WHERE name = 'dumped'}, @app),
	'finished|t|0', 'a call fills the rest');
is($node->safe_psql('restored', q{SELECT state, filled FROM pollseed_backfills WHERE name = 'limits'}), 'finished|1000', 'what was finished still is');
is_in('dumped', 'state, batches', 'interrupted|5', 'the original has not noticed');
query("CALL pollseed_backfill_run('dumped')");
is_filled('dumped', 'and goes on');

# A call of thousands of batches does not grow.
SKIP:
{
	skip 'the memory of a process is read from /proc', 3 unless -r "/proc/$$/status";
	my $memory = sub {
		my ($pid) = @_;
		open(my $status, '<', "/proc/$pid/status") or return 0;
		my ($kb) = join('', <$status>) =~ /^RssAnon:\s+(\d+) kB/m;
		return $kb // 0;
	};
	pause(0);
	for my $strategy ('index', 'block')
	{
		my $name = "long_$strategy";
		query("SELECT make('$name', 60000, '$strategy')");
		my $long = $node->background_psql('postgres', @app);
		my $pid = $long->query_safe('SET pollseed.backfill_max_batch_size = 10; SELECT pg_backend_pid()');
		my ($early, $late) = (0, 0);
		$long->query_until(qr/under way/, "\\echo under way\nCALL pollseed_backfill_run('$name');\n\\echo over\n");
		for (;;)
		{
			my $kb = $memory->($pid);
			my $batches = query("SELECT batches FROM pollseed_backfills WHERE name = '$name'");
			$early = $kb if $batches < 1200 && $kb > $early;
			$late = $kb if $batches >= 1200 && $kb > $late;
			$long->{run}->pump_nb;
			last if $long->{stdout} =~ /^over$/m;
			usleep(10_000);
		}
		$long->{stdout} = '';
		$long->quit;
		note "$name: $early kB at first, $late kB later";
		cmp_ok($late - $early, '<', 2048, "$strategy: after thousands of batches the process is as large as before");
		is_in($name, 'state, batches >= 6000', 'finished|t', 'there were thousands');
	}
}

# What pg_cron was asked.
pause(0);
ok($node->poll_query_until('postgres', q{SELECT state = 'finished' FROM pollseed_backfills WHERE name = 'scheduled'}), 'pg_cron runs a backfill')
  or diag $node->safe_psql('postgres', 'TABLE cron.job_run_details');
is_filled('scheduled', 'and fills all');

unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|TRAP|WARNING|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
