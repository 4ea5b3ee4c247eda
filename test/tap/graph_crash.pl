# A schema's seeding that is killed with -9, a worker or the whole server, at any moment, goes on to the rows that one transaction
# would have written; one that is cancelled halfway can be undone, and its rows be written again.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use Killing;
use Time::HiRes qw(usleep);

# The moments are random, and the same each time unless a seed is given.
my $seed = $ENV{POLLSEED_TEST_SEED} // 20261201;
srand($seed);
note "POLLSEED_TEST_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('graph_crash');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_wal_size = 2GB\nlog_statement = none\nmax_worker_processes = 16");
$node->start;

my $tables = q{
	CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, created_at timestamptz NOT NULL);
	CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL, lead_id int);
	CREATE TABLE users (id serial PRIMARY KEY, team_id int NOT NULL REFERENCES teams, name text NOT NULL);
	ALTER TABLE teams ADD FOREIGN KEY (lead_id) REFERENCES users;
	CREATE TABLE orders (id uuid PRIMARY KEY, code text NOT NULL UNIQUE, customer_id bigint NOT NULL REFERENCES customers, seller_id int REFERENCES users, created_at timestamptz NOT NULL);
	CREATE TABLE items (order_id uuid REFERENCES orders, line int, note text, PRIMARY KEY (order_id, line));
	CREATE INDEX ON orders (customer_id);
	CREATE INDEX ON orders (seller_id)};
$node->safe_psql('postgres', "CREATE EXTENSION pollseed; CREATE SCHEMA pristine; SET search_path = pristine, public; $tables");

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', "SET search_path = shop, public; $sql");
}

# The tables empty, and their sequences at the start: each time in a schema of the same name, since rows depend on it.
sub start_anew
{
	$node->safe_psql('postgres',
		"DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop; SET search_path = shop, public; $tables; UPDATE pollseed.runs SET cleared_at = now() WHERE cleared_at IS NULL");
	return;
}

my $plan = q{pollseed_plan_schema('shop', 8000, as_of => '2026-06-01')};
my $content = join ' || ', map { "(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM $_ AS t)" } qw(customers teams users orders items);

start_anew();
query("SELECT count(*) FROM pollseed_seed_graph($plan)");
my $wanted = query("SELECT $content");
is(query('SELECT count(*) FROM items'), '8000', 'one transaction writes all rows');

# Has a job begun, and waits until it has come to some unit; returns its number and its worker's pid.
sub begin
{
	my ($workers, $units) = @_;
	start_anew();
	my $job = query("SELECT pollseed_seed_graph_async($plan, batch_size => 100, workers => $workers)");
	return ($job, reach($job, $units));
}

sub reach
{
	my ($job, $units) = @_;
	$node->poll_query_until('postgres', "SELECT finished_at IS NOT NULL OR worker_pid IS NOT NULL AND done >= $units FROM pollseed_jobs WHERE id = $job")
	  or BAIL_OUT('the job does not go on');
	return query("SELECT CASE WHEN finished_at IS NULL THEN worker_pid END FROM pollseed_jobs WHERE id = $job");
}

sub ends_whole
{
	my ($job, $description) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		query('SELECT pollseed_run_jobs()');
		last if query("SELECT finished_at IS NOT NULL FROM pollseed_jobs WHERE id = $job") eq 't';
		usleep(100_000);
	}
	is(query("SELECT state FROM pollseed_jobs WHERE id = $job"), 'succeeded', "$description: it goes on to its end")
	  or diag query("SELECT * FROM pollseed_jobs WHERE id = $job");
	is(query("SELECT $content"), $wanted, 'with the rows of one transaction');
	is(query("SELECT count(*) FROM pollseed_validate() WHERE violations > 0"), '0', 'which are valid');
	return;
}

my $total = 40_000 + 8000;
for my $round (1 .. 4)
{
	my $workers = 1 + $round % 2;
	my ($job, $pid) = begin($workers, int(rand(0.8 * $total)));
	if ($round <= 2)
	{
		kill_process($node, $pid) if $pid;
	}
	else
	{
		kill_server($node);
	}
	ends_whole($job, $round <= 2 ? "a worker of $workers is killed" : "the server is killed, $workers workers");
}

# Cancelled halfway.
my ($job) = begin(2, int(0.3 * $total));
query("SELECT pollseed_job_cancel($job)");
$node->poll_query_until('postgres', "SELECT finished_at IS NOT NULL FROM pollseed_jobs WHERE id = $job");
my $run = query(q{SELECT max(run_id) FROM pollseed_runs WHERE engine = 'graph' AND cleared_at IS NULL});
my $written = query(join ' + ', map { $_ eq 'customers' ? "SELECT (SELECT count(*) FROM $_)" : "(SELECT count(*) FROM $_)" } qw(customers teams users orders items));
cmp_ok($written, '>', 0, 'a job that was cancelled has written something');
is(query("SELECT sum(removed) || ' ' || sum(kept) FROM pollseed_unseed($run)"), "$written 0", 'which can be removed');
is(query("SELECT sum(inserted) FROM pollseed_seed_graph($plan)"), '40000', 'and all be written');

done_testing();
