# A schema that nobody here wrote is filled as pollseed_plan_schema() plans it: every table has the rows that were planned, all is
# valid, a second run writes nothing, and what was written can be removed.  POLLSEED_SCHEMA_SQL is the path of the schema's SQL;
# POLLSEED_SCHEMA_NAMES are the schemas to fill (public), POLLSEED_SCHEMA_ROWS how many rows a table (1000).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $sql = $ENV{POLLSEED_SCHEMA_SQL};
plan skip_all => 'POLLSEED_SCHEMA_SQL names no schema' unless $sql;

my @schemas = split ' ', $ENV{POLLSEED_SCHEMA_NAMES} // 'public';
my $rows = $ENV{POLLSEED_SCHEMA_ROWS} // 1000;

my $node = PostgreSQL::Test::Cluster->new('graph_schema');
$node->init;
$node->append_conf('postgresql.conf', "max_locks_per_transaction = 1024\nautovacuum = off\nfsync = off");
$node->start;
my ($status, undef, $complaints) = $node->psql('postgres', "SET check_function_bodies = off;\n" . slurp_file($sql), on_error_stop => 1);
is($status, 0, 'the schema is made') or diag $complaints;
$node->safe_psql('postgres', 'CREATE SCHEMA pollseed_test; CREATE EXTENSION pollseed SCHEMA pollseed_test');

sub query
{
	my ($statement) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "SET search_path = pg_catalog, pollseed_test;\n$statement");
	fail("$statement") && diag $err if $ret != 0;
	return $out;
}

for my $schema (@schemas)
{
	query("CREATE TABLE pollseed_test.plan AS SELECT pollseed_plan_schema('$schema', $rows) AS plan");
	is(query('SELECT c.* FROM pollseed_test.plan, pollseed_plan_check(plan) AS c'), '', "$schema: the plan can work");
	query('CREATE TABLE pollseed_test.run AS SELECT s.* FROM pollseed_test.plan, pollseed_seed_graph(plan) AS s');
	is( query('SELECT relation, planned, inserted, unchanged FROM pollseed_test.run WHERE inserted + unchanged <> planned'),
		'', "$schema: every table has its rows");
	is( query('SELECT v.* FROM (SELECT max(run_id) AS id FROM pollseed_test.run) AS r, pollseed_validate(run_id => r.id) AS v WHERE v.violations > 0'),
		'', "$schema: they are valid");
	is( query('SELECT s.relation, s.inserted, s.updated FROM pollseed_test.plan, pollseed_seed_graph(plan) AS s WHERE s.inserted + s.updated > 0'),
		'', "$schema: a second run writes nothing");
	is( query('SELECT u.* FROM (SELECT max(run_id) AS id FROM pollseed_test.run) AS r, pollseed_unseed(r.id) AS u WHERE u.kept > 0'),
		'', "$schema: what was written can be removed");
	query('DROP TABLE pollseed_test.plan, pollseed_test.run');
}

done_testing();
