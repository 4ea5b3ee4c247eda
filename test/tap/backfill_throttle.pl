# A backfill holds back while a real standby lags, the archiver is behind, a slot retains WAL, an old snapshot hinders vacuum or the
# user's query says so, and goes on when that is over or has lasted too long; it keeps to a budget of WAL.  All is done by a plain role.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 4GB\narchive_mode = on\narchive_command = 'true'\nlog_statement = none");
$node->start;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

my @app = (extra_params => [ '-U', 'app' ]);
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	SET ROLE app;
	CREATE TABLE hold (reason text)});

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql, @app);
}

# What a statement says on stderr, with SQLSTATE and hint.
sub complaint
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'app', '-v', 'VERBOSITY=verbose' ]);
	my ($message) = $err =~ /(ERROR:  \w{5}: .*)/;
	my ($hint) = $err =~ /HINT:  (.*)/;
	return ($message // $err) . ($hint ? " ($hint)" : '');
}

sub create_sql
{
	my ($name, $table, $throttle) = @_;
	$throttle =~ s/'/''/g;
	return qq{SELECT FROM pollseed_backfill_create('$name', '$table', 'value', 'SELECT k, k * 2 FROM unnest(\$1) AS k', throttle => '$throttle')};
}

# A table and its backfill, of one name.
sub make
{
	my ($name, $rows, $throttle) = @_;
	query(qq{CREATE TABLE $name (id int PRIMARY KEY, filler text DEFAULT repeat('x', 100), value int);
		INSERT INTO $name (id) SELECT generate_series(1, $rows);
		ANALYZE $name});
	query(create_sql($name, $name, $throttle));
	return;
}

# Runs a backfill in a session of its own, which it returns.
sub start_run
{
	my ($name) = @_;
	my $session = $node->background_psql('postgres', @app);
	$session->query_until(qr/under way/, "\\echo under way\nCALL pollseed_backfill_run('$name');\n");
	return $session;
}

sub waits
{
	my ($name, $like, $description) = @_;
	return ok($node->poll_query_until('postgres', "SELECT COALESCE(waiting_for ~ '$like', false) FROM pollseed_backfills WHERE name = '$name'"), $description)
	  || diag query('SELECT name, state, filled, waiting_for, last_error FROM pollseed_backfills');
}

# That while it waits it writes nothing, and has no snapshot that would hinder vacuum.
sub stands
{
	my ($name) = @_;
	my $filled = query("SELECT filled FROM pollseed_backfills WHERE name = '$name'");
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL pollseed_backfill_run(''$name'')%' AND backend_xmin IS NULL AND backend_xid IS NULL"),
		'it waits without a snapshot');
	query('SELECT pg_sleep(1.2)');
	is(query("SELECT filled || ' ' || (SELECT count(value) FROM $name) FROM pollseed_backfills WHERE name = '$name'"), "$filled $filled", 'and writes nothing');
	return $filled;
}

# That a run which went on ends well.
sub ends
{
	my ($name, $session, $description) = @_;
	like($session->query('SELECT 1'), qr/^1$/m, "$description: it goes on and ends");
	$session->quit;
	return is_finished($name);
}

sub is_finished
{
	my ($name) = @_;
	return is(
		query("SELECT concat_ws('|', state, filled = (SELECT count(*) FROM $name), remaining, waiting_for) FROM pollseed_backfills WHERE name = '$name'")
		  . query("SELECT count(*) FROM $name WHERE value IS DISTINCT FROM id * 2"),
		'finished|t|00', 'with all rows filled, waiting for nothing');
}

# Ends a segment of the log that has something in it.
sub switch_wal
{
	$node->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'switch', 'x'); SELECT pg_switch_wal()});
	return;
}

# Refusals.
query('CREATE TABLE refused (id int PRIMARY KEY, value int)');
for my $case (
	[ '{"lag": 1}', qr/^ERROR:  22023: unrecognized throttle signal "lag" \(.*archiver_backlog, replica_lag, .*query\.\)$/ ],
	[ '{"replica_lag": {"limmit": 1}}', qr/^ERROR:  22023: unrecognized member "limmit" of throttle signal "replica_lag" \(.*"limit", "resume" and "max_hold"\.\)$/ ],
	[ '[]', qr/^ERROR:  22023: throttle must be a JSON object/ ],
	[ '{"replica_lag": "soon"}', qr/^ERROR:  22023: invalid value for throttle signal "replica_lag" \(.*interval.*\)$/ ],
	[ '{"replica_lag": {"limit": "1 s", "resume": "2 s"}}', qr/^ERROR:  22023: "resume" of throttle signal "replica_lag" must not be above its limit$/ ],
	[ '{"replica_lag": {"max_hold": 0}}', qr/^ERROR:  22023: invalid "max_hold" for throttle signal "replica_lag"/ ],
	[ '{"slot_retention": "64 apples"}', qr/^ERROR:  22023: invalid size: "64 apples"/ ],
	[ '{"dead_tuples": 20}', qr/^ERROR:  22023: invalid value for throttle signal "dead_tuples" \(.*between 0 and 1.*\)$/ ],
	[ '{"wal_bytes_per_second": 0}', qr/^ERROR:  22023: invalid value for throttle signal "wal_bytes_per_second"/ ],
	[ '{"query": "DELETE FROM hold"}', qr/^ERROR:  22023: throttle signal "query" must be one SELECT that only reads$/ ],
	[ '{"query": "SELECT 1; SELECT 2"}', qr/^ERROR:  22023: throttle signal "query" must be one SELECT that only reads$/ ],
	[ '{"query": "SELECT reason FROM hold FOR UPDATE"}', qr/^ERROR:  22023: throttle signal "query" must be one SELECT that only reads$/ ],
	[ '{"query": "SELECT now()"}', qr/^ERROR:  22023: throttle signal "query" must return one column of type/ ],
	[ '{"query": "SELECT 1, 2"}', qr/^ERROR:  22023: throttle signal "query" must return one column of type/ ],
	[ '{"query": "SELECT nothing"}', qr/^ERROR:  42703: column "nothing" does not exist/ ])
{
	my ($throttle, $like) = @$case;
	like(complaint(create_sql('refused', 'refused', $throttle)), $like, "refused: $throttle");
}
is(query('SELECT count(*) FROM pollseed_backfills'), '0', 'nothing is left of them');

# A standby that lags before the run begins.
make('lag_before', 3000, '{"replica_lag": {"limit": "1 s", "max_hold": null}}');
$node->wait_for_catchup($standby);
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
ok( $standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'}), 'the standby replays no more');
ok( $node->poll_query_until(
		'postgres', q{SELECT COALESCE(max(replay_lag) > '1.5 s', false) FROM (SELECT pg_logical_emit_message(true, 'lag', repeat('x', 9000)) OFFSET 0) AS w, pg_stat_replication}),
	'and lags');
my $run = start_run('lag_before');
waits('lag_before', '^replica_lag: .* s, limit 1 s, goes on at 800 ms$', 'a run waits for it and says so');
is(query(q{SELECT state FROM pollseed_backfills WHERE name = 'lag_before'}), 'running', 'it counts as running');
stands('lag_before');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
ends('lag_before', $run, 'the standby replays again');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM lag_before WHERE value = id * 2'), '3000', 'the standby has it all');

# A standby that begins to lag while the run goes on, in bytes; the budget makes it long enough.
make('lag_during', 30_000, '{"replica_lag_bytes": {"limit": "256 kB", "max_hold": null}, "wal_bytes_per_second": "1 MB"}');
$node->wait_for_catchup($standby);
$run = start_run('lag_during');
ok($node->poll_query_until('postgres', q{SELECT filled > 0 FROM pollseed_backfills WHERE name = 'lag_during'}), 'a run has begun');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
waits('lag_during', '^replica_lag_bytes: \d+ [kM]B, limit 256 kB, goes on at 205 kB$', 'it waits for the standby that lags now');
cmp_ok(stands('lag_during'), '<', 30_000, 'before its end');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
ends('lag_during', $run, 'the standby replays again');

# The budget, measured by the server's own position in the log, full-page images and all.
my $budget = 500_000;
make('budget', 10_000, qq({"wal_bytes_per_second": $budget, "replica_lag": false, "archiver_backlog": false}));
$node->safe_psql('postgres', 'CHECKPOINT');
my ($rate, $counted) = split /\|/, query(
	q{CREATE TEMP TABLE before AS SELECT clock_timestamp() AS moment, pg_current_wal_insert_lsn() AS position;
	CALL pollseed_backfill_run('budget');
	SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), position) / extract(epoch FROM clock_timestamp() - moment),
		(SELECT wal_bytes FROM pollseed_backfills WHERE name = 'budget') / pg_wal_lsn_diff(pg_current_wal_insert_lsn(), position) FROM before});
cmp_ok($rate / $budget, '<', 1.2, 'a run keeps to its budget of WAL');
cmp_ok($rate / $budget, '>', 0.8, 'and uses it');
cmp_ok(abs($counted - 1), '<', 0.2, 'the view says how much it wrote');
is_finished('budget');

# The user's query.
make('asked', 3000, '{"query": "SELECT reason FROM hold"}');
query(q{INSERT INTO hold VALUES ('business hours')});
$run = start_run('asked');
waits('asked', '^query: business hours$', 'a run waits for what the query says');
stands('asked');
query('DELETE FROM hold');
ends('asked', $run, 'the query has no row');

make('numbers', 3000, q({"query": "SELECT count(*) FROM hold WHERE reason <> ''"}));
query(q{INSERT INTO hold VALUES ('a'), ('b')});
$run = start_run('numbers');
waits('numbers', '^query: 2$', 'a run waits for a number other than 0');
query(q{UPDATE hold SET reason = ''});
ends('numbers', $run, 'the query returns 0');

# A query cannot write, and its errors are raised; what was done stays, and the run can be taken up.
query('CREATE FUNCTION write() RETURNS text LANGUAGE sql VOLATILE AS $$ DELETE FROM hold RETURNING reason $$;
	CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / count(*) FROM hold; END $$');
make('writing', 3000, '{"query": "SELECT write()"}');
like(complaint(q{CALL pollseed_backfill_run('writing')}), qr/^ERROR:  25006: /, 'a query that would write is refused');
make('failing', 3000, '{"query": "SELECT fail() > 1"}');
query('TRUNCATE hold');
like(complaint(q{CALL pollseed_backfill_run('failing')}), qr/^ERROR:  22012: division by zero/, q{a query's error is raised});
query('INSERT INTO hold DEFAULT VALUES');
query(q{CALL pollseed_backfill_run('failing')});
is_finished('failing');

# The longest hold.
make('patient', 3000, '{"query": {"sql": "SELECT true", "max_hold": "1 s"}}');
my $log = -s $node->logfile;
is(query(q{CREATE TEMP TABLE before AS SELECT clock_timestamp() AS moment; CALL pollseed_backfill_run('patient');
	SELECT clock_timestamp() - moment >= '1 s' FROM before}), 't', 'a run waits for no longer than max_hold');
is_finished('patient');
like(slurp_file($node->logfile, $log), qr/LOG:  pollseed backfill "patient" ignores query, which has held it for 1 s/, 'and the log says so');

# An old snapshot.
make('snapshot', 3000, '{"oldest_snapshot": {"limit": "500 ms", "max_hold": null}}');
my $old = $node->background_psql('postgres', @app);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM hold');
query('SELECT pg_sleep(0.6)');
$run = start_run('snapshot');
waits('snapshot', '^oldest_snapshot: .*, limit 500 ms, goes on at 400 ms$', 'a run waits for an old snapshot');
stands('snapshot');
$old->query_safe('COMMIT');
$old->quit;
ends('snapshot', $run, 'the snapshot is gone');

# The archiver.
make('archive', 3000, '{"archiver_backlog": {"limit": 1, "resume": 0, "max_hold": null}, "replica_lag": false}');
$node->append_conf('postgresql.conf', q{archive_command = 'false'});
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT current_setting('archive_command') = 'false'}), 'archiving fails');
switch_wal() for 1 .. 3;
$run = start_run('archive');
waits('archive', '^archiver_backlog: \d+, limit 1, goes on at 0$', 'a run waits for the archiver');
stands('archive');
$node->append_conf('postgresql.conf', q{archive_command = 'true'});
$node->reload;
ends('archive', $run, 'archiving works');

# A slot that nobody reads.
make('slot', 3000, '{"slot_retention": {"limit": "8 MB", "max_hold": null}, "archiver_backlog": false, "replica_lag": false}');
$node->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('forgotten', true)});
switch_wal() for 1 .. 2;
$run = start_run('slot');
waits('slot', '^slot_retention: \d+ MB, limit 8192 kB, goes on at 6554 kB$', 'a run waits for a slot that retains much');
stands('slot');
$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('forgotten')});
ends('slot', $run, 'the slot is gone');

unlike(slurp_file($node->logfile), qr/leak|was not closed|still referenced|PANIC|TRAP/, 'the log tells of no leak');

$standby->stop;
$node->stop;
done_testing();
