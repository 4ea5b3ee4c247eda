# The worker that refreshes a score is killed at random moments while others write: no change is lost, whether it was being refreshed or
# just captured, and the job goes on when it is adopted.  In turn a job of one score, one of all, and a standing one.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib $FindBin::RealBin;
use Killing;

# The moments are random, and the same each time unless a seed is given.
my $seed = $ENV{POLLSEED_TEST_SEED} // 20260318;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $rounds = 10;
my $groups = 20000;
my $writers = 2;

my $node = PostgreSQL::Test::Cluster->new('score_crash');
$node->init;
$node->append_conf('postgresql.conf',
	"restart_after_crash = on\nautovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16");
$node->start;

# A score of sums by group.  The view lost_changes compares, in one snapshot, the fresh rows with what they should be: a key that is
# neither refreshed nor queued would be there.
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION pollseed;
	CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, grp int NOT NULL, amount int NOT NULL);
	INSERT INTO items (grp, amount) SELECT i % $groups, i % 100 FROM generate_series(1, 2 * $groups) AS i;
	CREATE INDEX ON items (grp);
	CREATE VIEW sums_formula AS SELECT grp, sum(amount) AS total, count(*) AS items, max(id) AS last FROM items GROUP BY grp;
	SELECT pollseed_score_create('sums', 'sums_formula', 'grp', '[{"table": "items", "key": "grp"}]');
	UPDATE pollseed.scores SET full_ms = 1e9, full_is_measured = true;
	CREATE VIEW lost_changes AS
		(SELECT * FROM sums_fresh EXCEPT ALL SELECT * FROM sums_formula)
		UNION ALL (SELECT * FROM sums_formula EXCEPT ALL SELECT * FROM sums_fresh);
	CREATE PROCEDURE write_on() LANGUAGE plpgsql AS \$\$
	DECLARE
		first int;
	BEGIN
		LOOP
			first := floor(random() * $groups);
			CASE floor(random() * 5)
				WHEN 0 THEN INSERT INTO items (grp, amount) SELECT first + i, i FROM generate_series(0, 50) AS i;
				WHEN 1 THEN DELETE FROM items WHERE grp BETWEEN first AND first + 20 AND random() < 0.5;
				WHEN 2 THEN UPDATE items SET grp = grp + 1 WHERE grp BETWEEN first AND first + 10;
				ELSE UPDATE items SET amount = amount + 1 WHERE grp BETWEEN first AND first + 1000;
			END CASE;
			IF random() < 0.1 THEN
				ROLLBACK;
			ELSE
				COMMIT;
			END IF;
		END LOOP;
	END \$\$});

# Starts sessions that write until their server is gone.
sub start_writers
{
	my @sessions;
	for (1 .. $writers)
	{
		my $output = '';
		push @sessions, IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CALL write_on()' ], '<', \'', '>&', \$output);
	}
	return @sessions;
}

# The kinds of job, and what makes one or finds it.
my @kinds = (
	[ 'a job of one score', q{SELECT pollseed_score_refresh_async('sums')} ],
	[ 'a job of all scores', q{SELECT pollseed_score_refresh_async()} ],
	[ 'a standing job', q{SELECT pollseed_score_schedule('sums', '1 second')} ]);
my $kills = 0;

for my $round (1 .. $rounds)
{
	my ($what, $make) = @{ $kinds[ $round % @kinds ] };
	my @sessions = start_writers();
	usleep(200_000 + int(rand(300_000)));
	my $job = $node->safe_psql('postgres', $make);

	# A job that has ended meanwhile is followed by another, until one is met at work.
	my $worker = '';
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$worker = $node->safe_psql('postgres', "SELECT worker_pid FROM pollseed_jobs WHERE id = $job AND state = 'running'");
		last if $worker ne '';
		usleep(5_000);
		$job = $node->safe_psql('postgres', $make) if $node->safe_psql('postgres', "SELECT finished_at IS NULL FROM pollseed_jobs WHERE id = $job") ne 't';
	}
	isnt($worker, '', "round $round: $what is at work") or next;
	usleep(int(rand($round % @kinds == 2 ? 1_500_000 : 300_000)));
	kill_process($node, $worker);
	$kills++;
	eval { $_->finish } for @sessions;

	is($node->safe_psql('postgres', 'SELECT count(*) FROM lost_changes'), '0', 'no change is lost');
	my $state = $node->safe_psql('postgres', "SELECT state FROM pollseed_jobs WHERE id = $job");
	like($state, qr/^(running|queued|succeeded)$/, "the job is $state");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pollseed_run_jobs() WHERE id = $job"), 'a tick adopts it') if $state ne 'succeeded';
	next if $round % @kinds == 2;
	ok($node->poll_query_until('postgres', "SELECT state = 'succeeded' FROM pollseed_jobs WHERE id = $job"), 'it ends');
}

# Whatever is not refreshed is, at last, by one call.
is($node->safe_psql('postgres', q{SELECT count(*) FROM pollseed_jobs WHERE finished_at IS NULL AND state <> 'running'}), '0', 'no job waits for a worker');
my $standing = $node->safe_psql('postgres', q{SELECT pollseed_score_schedule('sums', NULL)});
isnt($standing, '', 'the standing job is still there');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pollseed_jobs WHERE finished_at IS NULL}), 'it ends when there is no schedule any more')
  or diag $node->safe_psql('postgres', 'SELECT * FROM pollseed_jobs; SELECT * FROM pollseed_job_log');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pollseed_jobs WHERE state <> 'succeeded'}), '0', 'all jobs have succeeded');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pollseed_jobs WHERE result ->> 'failed' <> '0'}), '0', 'no refresh has failed');
is($node->safe_psql('postgres', q{SELECT remaining FROM pollseed_score_refresh('sums')}), '0', 'one more refresh leaves nothing');
is($node->safe_psql('postgres', q{SELECT * FROM pollseed_score_verify('sums')}), '0|0|0', 'the score is as its view');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'no lock is left');
cmp_ok($kills, '>=', $rounds - 1, "$kills kills");

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|WARNING:  (?!terminating connection)|leak|still active/, 'the server has nothing to warn of');
$node->stop;
done_testing();
