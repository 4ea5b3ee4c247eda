# People who vote all the time while a job runs are numbered with its votes, without a gap or a double; neither they nor the job
# meet an error.  With one worker, two and four, whether slices may be written ahead or not, and by either lane.
use strict;
use warnings;

use File::Temp ();
use IPC::Run   ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $voters = 3;

my $node = PostgreSQL::Test::Cluster->new('jobs_votes');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nmax_wal_size = 4GB\nlog_statement = none\nlog_lock_waits = off\nmax_worker_processes = 16");
$node->start;

# What a poll amounts to is read in one statement, so in one snapshot.  Seeded votes have no voter.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pollseed;
	CREATE FUNCTION make_poll(schema text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('CREATE SCHEMA %I', schema);
		PERFORM set_config('search_path', schema || ',public', true);
		PERFORM pollseed_create_poll_tables();
		ALTER TABLE vote_events ADD voter int, ADD waited interval;
		CREATE INDEX ON vote_events (option_id);
		CREATE VIEW figures AS
			SELECT count(*) FILTER (WHERE voter IS NULL) AS seeded, count(*) FILTER (WHERE voter IS NOT NULL) AS voted FROM vote_events;
		CREATE VIEW numbering AS
			SELECT o.id, o.votes, count(e.id) AS n, count(DISTINCT e.votes_after) AS differing,
			       coalesce(min(e.votes_after), 1) AS first, coalesce(max(e.votes_after), 0) AS last
			  FROM options AS o LEFT JOIN vote_events AS e ON e.option_id = o.id GROUP BY o.id;
	END $$});

sub query
{
	my ($schema, $sql) = @_;
	return $node->safe_psql('postgres', "SET search_path = $schema, public; $sql");
}

# A file that pgbench runs.
sub script
{
	my ($sql) = @_;
	my $file = File::Temp->new(SUFFIX => '.sql');
	print $file $sql;
	$file->close;
	chmod 0644, $file->filename;
	return $file;
}

# A vote where options keep a count, and one where the events are counted.
my $counting = script(<<'SQL');
\set option random(1, 15)
BEGIN;
UPDATE options SET votes = votes + 1 WHERE id = :option RETURNING votes \gset
INSERT INTO vote_events (option_id, votes_after, event_type, voter, waited)
  VALUES (:option, :votes, 'vote', :client_id, clock_timestamp() - now());
COMMIT;
SQL
my $numbering = script(<<'SQL');
\set option random(1, 15)
BEGIN;
SELECT FROM options WHERE id = :option FOR NO KEY UPDATE;
INSERT INTO vote_events (option_id, votes_after, event_type, voter, waited)
  SELECT :option, count(*) + 1, 'vote', :client_id, clock_timestamp() - now() FROM vote_events WHERE option_id = :option;
COMMIT;
SQL

# Starts people who vote.  pgbench tells each error.
sub start_voters
{
	my ($schema, $script, $rate) = @_;
	my $voting = { errors => '' };
	my @rate = $rate ? ('-R', $rate) : ();
	local $ENV{PGOPTIONS} = "-c search_path=$schema";
	$voting->{run} = IPC::Run::start(
		[ 'pgbench', '-n', '-c', $voters, '-T', '600', @rate, '--verbose-errors', '-f', $script->filename, $node->connstr('postgres') ],
		'<', \'', '>', \my $summary, '2>', \$voting->{errors});
	ok($node->poll_query_until('postgres', "SELECT count(DISTINCT voter) = $voters FROM $schema.vote_events"), "$schema: people vote");
	return $voting;
}

# Stops them.  Not by SIGINT, which is ignored in what a shell has started in the background.
sub stop_voters
{
	my ($voting) = @_;
	$voting->{run}->signal('TERM');
	eval { $voting->{run}->finish };
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'});
	return;
}

# Has a job seed a poll while people vote, and sees to it that all is right.
sub check_job
{
	my ($name, $workers, %how) = @_;
	my $schema = "${name}_$workers";
	my $votes = $how{votes} // 200_000;
	my $lane = $how{lane} // 'auto';
	my $script = $how{script} // $counting;

	$node->safe_psql('postgres', "SELECT make_poll('$schema')");
	query($schema, $how{before}) if $how{before};
	my $voting = start_voters($schema, $script, $how{rate});
	my $job = query($schema,
		"SET pollseed.write_lane = '$lane'; SELECT pollseed_seed_async($votes, 'zipf', seed => 7, workers => $workers $how{arguments})");
	my $voted = query($schema, 'SELECT voted FROM figures');
	query($schema, "SET statement_timeout = '180s'; SELECT FROM pollseed_job_wait($job)");
	my $voted_meanwhile = query($schema, 'SELECT voted FROM figures') - $voted;
	stop_voters($voting);

	is( query($schema, "SELECT state, done, retries, attempts, last_sqlstate, last_error FROM pollseed_jobs WHERE id = $job"),
		"succeeded|$votes|0|1||", "$schema: the job succeeds without an error")
	  or diag query($schema, "SELECT * FROM pollseed_job_log WHERE job = $job");
	is($voting->{errors}, '', 'people meet no error');
	is(query($schema, 'SELECT seeded FROM figures'), $votes, 'exactly the votes asked for are there');
	cmp_ok($voted_meanwhile, '>', 0, 'between them are those that people cast');
	is(query($schema, 'SELECT * FROM numbering WHERE first <> 1 OR last <> n OR differing <> n'),
		'', 'they are numbered without a gap or a double');
	is(query($schema, 'SELECT * FROM numbering WHERE votes <> n'), '', 'the counts are those of the events') unless $how{uncounted};
	diag "$schema: " . query($schema, "SELECT format('%s votes in %s ms, %s of people meanwhile, who waited %s ms at most',
		done, round((result->>'time_ms')::numeric), $voted_meanwhile, (SELECT round(1000 * extract(epoch FROM max(waited))) FROM vote_events))
		FROM pollseed_jobs WHERE id = $job");
	query($schema, "DROP SCHEMA $schema CASCADE");
	return;
}

for my $workers (1, 2, 4)
{
	check_job('preset', $workers, arguments => '');
	check_job('unique_numbers', $workers, arguments => '', before => 'CREATE UNIQUE INDEX ON vote_events (option_id, votes_after)');
	check_job('uncounted', $workers, votes => 100_000, arguments => q{, columns => '{"votes": null}'},
		script => $numbering, uncounted => 1, rate => 60);
	check_job('bursty', $workers, arguments => q{, arrival => 'bursty', batch_size => 100}, rate => 100);
	check_job('spi', $workers, votes => 100_000, arguments => '', lane => 'spi', rate => 100);
}

unlike(slurp_file($node->logfile), qr/ERROR:  (?!canceling statement)|deadlock|exited with exit code 1|PANIC|TRAP|WARNING|leak/,
	'the server has nothing to tell of it');
$node->stop;
done_testing();
