# A backfill runs while others update, fill, insert, delete, lock and reference the same rows, and while VACUUM runs: none of theirs is
# overwritten, none of the rows that were there is left, nobody waits for long, and it ends.  Rows that are held are waited for at the
# end, whatever becomes of them; old snapshots see what they saw.
use strict;
use warnings;

use File::Temp ();
use IPC::Run   ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 6000;
my $node = PostgreSQL::Test::Cluster->new('backfill_concurrent');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16\npollseed.backfill_max_batch_size = 40");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE FUNCTION slowly(ids int[]) RETURNS TABLE (id int, value text) LANGUAGE sql VOLATILE AS
		$$ SELECT k, 'value ' || k FROM unnest(ids) AS k, (SELECT pg_sleep(0.005) OFFSET 0) AS s $$;
	CREATE FUNCTION make(name text, key text, strategy text, rows int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE TABLE %1$I (id int NOT NULL, n int NOT NULL DEFAULT 0, theirs boolean NOT NULL DEFAULT false, filler text, value text);
		                INSERT INTO %1$I SELECT i, 0, false, repeat(%2$L, 100 + i %% 50), NULL FROM generate_series(1, %3$s) AS i;
		                CREATE SEQUENCE %4$I START %5$s', name, 'x', rows, name || '_new', rows + 1);
		IF key = 'id' THEN
			EXECUTE format('ALTER TABLE %1$I ADD PRIMARY KEY (id); CREATE TABLE %2$I (parent int NOT NULL REFERENCES %1$I)', name, name || '_children');
			PERFORM pollseed_backfill_create(name, name::regclass, 'value', 'SELECT id, value FROM public.slowly($1)', strategy => strategy);
		ELSE
			EXECUTE format('CREATE INDEX ON %I (id)', name);
			PERFORM pollseed_backfill_create(name, name::regclass, 'value',
				format('SELECT t.ctid, v.value FROM public.%I AS t, public.slowly(ARRAY(SELECT id FROM public.%1$I WHERE ctid = ANY ($1))) AS v
				         WHERE t.ctid = ANY ($1) AND t.id = v.id', name), strategy => strategy);
		END IF;
	END $$});

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# A statement in a session of its own.
sub start
{
	my ($sql) = @_;
	my %session = (err => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \'', '>', \$session{out}, '2>', \$session{err});
	return \%session;
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

# What others do to a table.  Only rows with a number divisible by 5 are deleted, and only others are referenced.
sub writers
{
	my ($t, $referenced) = @_;
	my @scripts = (
		[ 6, "\\set id random(1, $rows)\nUPDATE $t SET n = n + 1 WHERE id = :id;\n" ],
		[ 2, "\\set id random(1, $rows)\nBEGIN;\nUPDATE $t SET value = 'theirs ' || id, theirs = true WHERE id = :id;\n\\sleep 3 ms\nCOMMIT;\n" ],
		[ 1, "\\set id random(1, $rows)\nBEGIN;\nUPDATE $t SET value = 'theirs, not' WHERE id = :id;\n\\sleep 3 ms\nROLLBACK;\n" ],
		[ 2, "INSERT INTO $t (id) VALUES (nextval('${t}_new'));\n" ],
		[ 1, "INSERT INTO $t (id, theirs, value) SELECT i, true, 'theirs ' || i FROM nextval('${t}_new') AS i;\n" ],
		[ 1, "\\set id random(1, $rows / 5)\nDELETE FROM $t WHERE id = 5 * :id;\n" ],
		[ 2, "\\set id random(1, $rows)\nBEGIN;\nSELECT FROM $t WHERE id = :id FOR UPDATE;\n\\sleep 10 ms\nCOMMIT;\n" ]);
	push @scripts, [ 2, "\\set id random(0, $rows / 5 - 1)\nINSERT INTO ${t}_children VALUES (5 * :id + 1);\n" ] if $referenced;
	return map { [ $_->[0], script($_->[1]) ] } @scripts;
}

# Fills a table amid all that.
sub check_amid_writers
{
	my ($t, $key, $strategy, $workers) = @_;
	my $name = "$t ($key, $strategy, " . ($workers ? "$workers workers" : 'call') . ')';
	query("SELECT make('$t', '$key', '$strategy', $rows)");
	my @scripts = writers($t, $key eq 'id');
	my $log = '';
	my $pgbench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '4', '-T', '4', '--latency-limit=3000', (map { ('-f', $_->[1]->filename . "\@$_->[0]") } @scripts), $node->connstr('postgres') ],
		'<', \'', '>&', \$log);
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM $t WHERE id > $rows") or BAIL_OUT('nobody writes');
	my $call;
	$workers ? query("SELECT pollseed_backfill_async('$t', $workers)") : ($call = start("CALL pollseed_backfill_run('$t')"));
	for (1 .. 3)
	{
		query("VACUUM $t");
	}
	ok($node->poll_query_until('postgres', "SELECT state = 'finished' FROM pollseed_backfills WHERE name = '$t'"), "$name: it ends")
	  or diag query('SELECT * FROM pollseed_backfills');
	$pgbench->pump_nb;
	ok($pgbench->pumpable, 'while others are still writing') or diag $log;
	if ($call)
	{
		ok($call->{run}->finish, 'the call returns') or diag $call->{err};
	}
	is(query("SELECT count(*) FROM $t WHERE value IS NULL AND id <= $rows"), '0', 'no row that was there is left');
	is(query("SELECT filled > 0, quarantined, no_data, last_error, waiting_for FROM pollseed_backfills WHERE name = '$t'"), 't|0|0||', 'as it says');
	ok($pgbench->finish, 'the others end well') or diag $log;
	like($log, qr/number of transactions above the 3000\.0 ms latency limit: 0\/[1-9]/, 'nobody waited for long');
	unlike($log, qr/ERROR|aborted/, 'nobody met an error');
	is(query("SELECT count(*) FROM $t WHERE theirs AND value IS DISTINCT FROM 'theirs ' || id"), '0', 'what others wrote is there');
	is(query("SELECT count(*) FROM $t WHERE NOT theirs AND value <> 'value ' || id"), '0', 'what it wrote is right');
	query("CALL pollseed_backfill_run('$t')");
	is(query("SELECT count(*) FROM $t WHERE value IS NULL"), '0', 'another run fills what came later');
	return;
}

check_amid_writers('t1', 'id', 'index', 0);
check_amid_writers('t2', 'id', 'block', 2);
check_amid_writers('t3', 'id', 'index', 2);
check_amid_writers('t4', 'id', 'block', 0);
check_amid_writers('t5', 'ctid', 'block', 0);
check_amid_writers('t6', 'ctid', 'block', 2);

# A row that is updated without a pause is filled all the same: the run need not wait until that ends.
for my $strategy ('index', 'block')
{
	my $t = "hot_$strategy";
	query("SELECT make('$t', 'id', '$strategy', 1000)");
	my $hot = script("UPDATE $t SET n = n + 1 WHERE id = 500;\n");
	my $log = '';
	my $pgbench = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '600', '-f', $hot->filename, $node->connstr('postgres') ], '<', \'', '>&', \$log);
	$node->poll_query_until('postgres', "SELECT n > 100 FROM $t WHERE id = 500") or BAIL_OUT('nobody writes');
	my $call = start("CALL pollseed_backfill_run('$t')");
	ok($node->poll_query_until('postgres', "SELECT state = 'finished' FROM pollseed_backfills WHERE name = '$t'"), "$strategy: a row that is updated all the time is filled");
	$pgbench->pump_nb;
	ok($pgbench->pumpable, 'while it is') or diag $log;
	eval { $pgbench->kill_kill(grace => 5) };
	ok($call->{run}->finish, 'the call returns');
	is(query("SELECT count(value) FROM $t"), '1000', 'all rows are filled');
}

# Rows that a session holds, and then does something to.
my %ends = (
	lets_go => [ 'SELECT', 300, 0 ],
	deletes => [ 'DELETE FROM %s WHERE id IN (100, 150, 200)', 297, 0 ],
	moves => [ "UPDATE %s SET filler = repeat('y', 1500) WHERE id IN (100, 150, 200)", 300, 0 ],
	fills => [ "UPDATE %s SET value = 'theirs' WHERE id IN (100, 150, 200)", 300, 3 ]);
for my $strategy ('index', 'block')
{
	for my $end (sort keys %ends)
	{
		my ($sql, $left, $theirs) = @{ $ends{$end} };
		my $workers = $end eq 'moves' ? 2 : 0;
		my $t = "held_${strategy}_$end";
		query("SELECT make('$t', 'id', '$strategy', 300)");
		my $holder = $node->background_psql('postgres');
		$holder->query_safe("BEGIN; SELECT FROM $t WHERE id IN (100, 150, 200) FOR UPDATE");
		my $call;
		$workers ? query("SELECT pollseed_backfill_async('$t', $workers)") : ($call = start("CALL pollseed_backfill_run('$t')"));
		ok( $node->poll_query_until('postgres', "SELECT state = 'running' AND filled = 297 AND waiting_for ~ '3 rows .* locked' FROM pollseed_backfills WHERE name = '$t'"),
			"$strategy, holder $end: the others are filled, and the run says what it waits for")
		  or diag query("SELECT * FROM pollseed_backfills WHERE name = '$t'");
		$holder->query_safe(sprintf("$sql; COMMIT", $t));
		ok($node->poll_query_until('postgres', "SELECT state = 'finished' FROM pollseed_backfills WHERE name = '$t'"), 'it ends then');
		ok($call->{run}->finish, 'the call returns') if $call;
		is(query("SELECT count(*), count(value), count(*) FILTER (WHERE value = 'theirs') FROM $t"), "$left|$left|$theirs", 'no row is left');
		is(query("SELECT filled, waiting_for, remaining, skipped FROM pollseed_backfills WHERE name = '$t'"), ($left - $theirs) . '||0|0', 'and it says so');
		$holder->quit;
	}
}

# A snapshot from before: it sees the rows as they were, and the run ends.
for my $strategy ('index', 'block')
{
	my $t = "old_$strategy";
	query("SELECT make('$t', 'id', '$strategy', 1000)");
	my $old = $node->background_psql('postgres');
	$old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM $t");
	my $call = start("CALL pollseed_backfill_run('$t')");
	query("VACUUM $t");
	ok($call->{run}->finish, "$strategy: with an old snapshot open the run ends") or diag $call->{err};
	is(query("SELECT count(value), count(*) FROM $t"), '1000|1000', 'all rows are filled');
	is($old->query_safe("SELECT count(value), count(*) FROM $t"), '0|1000', 'the old snapshot sees none of that');
	$old->quit;
}

is(query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
is(query('SELECT count(*) FROM pollseed.backfill_ranges'), '0', 'no range is open');
unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|TRAP|WARNING|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
