# The extension as an object of the database: made in a schema of the user's choice, dumped and restored, dropped; what belongs
# to it and what does not; independent of the caller's search_path.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('extension');
$node->init;
$node->start;

# It does not take over a schema of its own schema's name.
my ($ret, $out, $err) = $node->psql('postgres', 'CREATE SCHEMA pollseed; CREATE EXTENSION pollseed');
like($err, qr/schema "pollseed" already exists/, 'a schema "pollseed" that exists is not taken over');
$node->safe_psql('postgres', 'DROP SCHEMA pollseed');

# Only a superuser makes it, and it stays where it was made.
$node->safe_psql('postgres', 'CREATE ROLE seeder LOGIN; CREATE ROLE other LOGIN; GRANT CREATE ON DATABASE postgres TO seeder');
($ret, $out, $err) = $node->psql('postgres', 'SET ROLE seeder; CREATE EXTENSION pollseed');
like($err, qr/permission denied to create extension "pollseed"/, 'a superuser must make it');
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', 'CREATE SCHEMA "My Tools"; CREATE EXTENSION pollseed SCHEMA "My Tools"; GRANT USAGE ON SCHEMA "My Tools" TO PUBLIC');
($ret, $out, $err) = $node->psql('source', 'ALTER EXTENSION pollseed SET SCHEMA public');
like($err, qr/extension "pollseed" does not support SET SCHEMA/, 'it cannot be moved');

# With nothing on the search path, all works by qualified names.
my $tools = q{SET search_path = ''; };
($ret, $out, $err) = $node->psql('source', $tools . q{SELECT "My Tools".pollseed_create_poll_tables()});
like($err, qr/no schema has been selected to create in/, 'poll tables need a schema to be made in');
$node->safe_psql(
	'source', q{
	SET search_path = public, "My Tools";
	SELECT FROM pollseed_create_poll_tables();
	GRANT ALL ON ALL TABLES IN SCHEMA public TO seeder, other;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO seeder, other});
($ret, $out, $err) = $node->psql('source', $tools . q{SELECT "My Tools".pollseed_seed(10)});
like($err, qr/relation "options" does not exist/, 'tables that are not on the path are not found');
my $tables = q{options => 'public.options', events => 'public.vote_events'};
for my $lane ('spi', 'direct')
{
	is( $node->safe_psql(
			'source',
			"SET pollseed.write_lane = '$lane'; $tools"
			  . qq{SELECT votes_seeded, options_updated, lane FROM "My Tools".pollseed_seed(100, seed => 1, $tables)}),
		"100|15|$lane", "a seeding by the lane $lane with an empty search path");
}
is( $node->safe_psql('source', $tools . q{SELECT count(*), sum(votes) FROM "My Tools".pollseed_vote_shares(50, options => 'public.options')}),
	'15|50', 'shares with an empty search path');
is($node->safe_psql('source', $tools . q{SELECT count(*) FROM "My Tools".pollseed_generate_votes(50)}), '50', 'votes with an empty search path');
is($node->safe_psql('source', $tools . qq{SELECT "My Tools".pollseed_recount_votes($tables)}), '0', 'a recount with an empty search path');
is($node->safe_psql('source', $tools . qq{SELECT "My Tools".pollseed_clear_seed_data($tables)}), '(200,15)', 'clearing with an empty search path');
is($node->safe_psql('source', $tools . q{SELECT count(*) FROM "My Tools".pollseed_runs WHERE cleared_at IS NOT NULL}),
	'2', 'the ledger with an empty search path');

# A search path full of other people's functions and operators changes nothing.
$node->safe_psql(
	'source', q{
	CREATE SCHEMA evil;
	CREATE FUNCTION evil.trap() RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
	CREATE FUNCTION evil.plus(bigint, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT evil.trap(); SELECT 0::bigint';
	CREATE FUNCTION evil.plus(int, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT evil.trap(); SELECT 0::bigint';
	CREATE FUNCTION evil.same(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap(); SELECT true';
	CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap(); SELECT true';
	CREATE FUNCTION evil.same(int, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap(); SELECT true';
	CREATE OPERATOR evil.+ (FUNCTION = evil.plus, LEFTARG = bigint, RIGHTARG = bigint);
	CREATE OPERATOR evil.+ (FUNCTION = evil.plus, LEFTARG = int, RIGHTARG = bigint);
	CREATE OPERATOR evil.= (FUNCTION = evil.same, LEFTARG = bigint, RIGHTARG = bigint);
	CREATE OPERATOR evil.= (FUNCTION = evil.same, LEFTARG = text, RIGHTARG = text);
	CREATE OPERATOR evil.<> (FUNCTION = evil.same, LEFTARG = int, RIGHTARG = bigint);
	CREATE OPERATOR evil.<> (FUNCTION = evil.same, LEFTARG = bigint, RIGHTARG = bigint);
	CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.trap(); SELECT NULL::timestamptz';
	CREATE FUNCTION evil.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT evil.trap(); SELECT 1::bigint';
	CREATE FUNCTION evil.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT evil.trap(); SELECT 0::bigint';
	CREATE FUNCTION evil.min(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT evil.trap(); SELECT 0::bigint';
	CREATE FUNCTION evil.jsonb_build_object(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS 'jsonb_object_agg_transfn';
	CREATE FUNCTION evil.timezone(text, timestamptz) RETURNS timestamp LANGUAGE sql AS 'SELECT evil.trap(); SELECT NULL::timestamp';
	CREATE FUNCTION evil.pg_has_role(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
	CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
	CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (false);
	CREATE TABLE evil.pollseed_batch (v1 int);
	GRANT ALL ON SCHEMA evil TO PUBLIC});
my $evil = q{SET search_path = evil, pg_catalog, "My Tools"; };
($ret, $out, $err) = $node->psql('source', $evil . 'SELECT 1::bigint + 1::bigint');
like($err, qr/trapped/, 'the trap is set');
for my $lane ('spi', 'direct')
{
	is( $node->safe_psql(
			'source', "SET pollseed.write_lane = '$lane'; $evil" . qq{SELECT votes_seeded, options_updated FROM pollseed_seed(100, seed => 1, $tables)}),
		'100|15', "a seeding by the lane $lane with a hostile search path");
}
$node->safe_psql('source', 'UPDATE public.options SET votes = 1');
is($node->safe_psql('source', $evil . "SELECT pollseed_recount_votes($tables)"), '15', 'a recount with a hostile search path');
is($node->safe_psql('source', $evil . "SELECT pollseed_clear_seed_data($tables)"), '(200,15)', 'clearing with a hostile search path');
is( $node->safe_psql(
		'source', q{
		CREATE SCHEMA made;
		SET search_path = made, evil, pg_catalog, "My Tools";
		SELECT pollseed_create_poll_tables('{a,b}');
		INSERT INTO made.options (text) VALUES ('c');
		SELECT pollseed_drop_poll_tables();
		DROP SCHEMA made}),
	"(2,2)\n2", 'making tables with a hostile search path');
$node->safe_psql('source', 'SET client_min_messages = error; DROP SCHEMA evil CASCADE');

# Dump and restore: the ledger goes along, the poll tables are the user's.
$node->safe_psql('source', 'SET search_path = public, "My Tools"; SET ROLE seeder; '
	  . q{SELECT FROM pollseed_seed(300, 'zipf', seed => 4, ends_at => '2026-01-22', weights => NULL)});
$node->safe_psql('source', 'SET search_path = public, "My Tools"; SET ROLE other; SELECT FROM pollseed_seed(20, seed => 5)');
$node->safe_psql('source', q{
	SET search_path = public, "My Tools";
	CREATE TABLE whole (id int, k int, n int) PARTITION BY LIST (k);
	CREATE TABLE part1 PARTITION OF whole FOR VALUES IN (1);
	CREATE TABLE part2 PARTITION OF whole FOR VALUES IN (2) PARTITION BY LIST (k);
	CREATE TABLE part2a PARTITION OF part2 FOR VALUES IN (2);
	CREATE TABLE parent (id int, "a ""key" text);
	CREATE TABLE heir (n int) INHERITS (parent);
	INSERT INTO whole SELECT g, 1 + g % 2, g FROM generate_series(1, 10) AS g;
	INSERT INTO heir VALUES (1, 'a', 1);
	SELECT pollseed_cache_track('whole', 'id', 'n', '{k}'), pollseed_cache_track('parent', 'a "key')});
my $dump = $node->basedir . '/source.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', $dump ], 'pg_dump');
my $text = slurp_file($dump);
like($text, qr/^CREATE TABLE public\.vote_events /m, 'the dump makes the poll tables');
unlike($text, qr/CREATE TABLE pollseed\./, 'and leaves the ledger to the extension');
like($text, qr/^CREATE EXTENSION IF NOT EXISTS pollseed WITH SCHEMA "My Tools"/m, 'which it makes in its schema');
$node->safe_psql('postgres', 'CREATE DATABASE target');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('target'), '-f', $dump ], 'restore');
my $all = q{SET timezone = 'UTC'; SELECT r FROM "My Tools".pollseed_runs AS r ORDER BY run_id;
	SELECT md5(string_agg(e::text, '' ORDER BY id)) FROM public.vote_events AS e; SELECT o FROM public.options AS o ORDER BY id};
is($node->safe_psql('target', $all), $node->safe_psql('source', $all), 'the ledger and the tables are restored');
is($node->safe_psql('target', q{SELECT count(*) FROM "My Tools".pollseed_runs}), '6', 'all six runs of it');
my $triggers = q{SELECT pg_get_triggerdef(t.oid), t.tgenabled, t.tgparentid <> 0, (SELECT count(*) FROM pg_depend AS d WHERE d.classid = 'pg_trigger'::regclass
	AND d.objid = t.oid AND d.deptype = 'x') FROM pg_trigger AS t WHERE t.tgname LIKE 'pollseed\_cache%' ORDER BY 1};
is($node->safe_psql('target', $triggers), $node->safe_psql('source', $triggers), 'tables that caches follow are followed after a restore');
is($node->safe_psql('target', q{SET search_path = public, "My Tools"; SELECT pollseed_cache_track('whole', 'id', 'n', '{k}'), pollseed_cache_track('parent', 'a "key'),
	pollseed_cache_track('options', 'id', 'votes', '{updated_at}'), pollseed_cache_track('vote_events', 'option_id', '*')}),
	'(4,0)|(2,0)|(1,0)|(1,0)', 'with nothing left to do');
my $last = $node->safe_psql('source', q{SELECT max(run_id) FROM "My Tools".pollseed_runs});
for my $database ('source', 'target')
{
	is( $node->safe_psql($database, 'SET search_path = public, "My Tools"; SELECT run_id FROM pollseed_seed(10, seed => 6)'),
		$last + 1, "$database: the runs are numbered on");
}
is($node->safe_psql('target', q{SET ROLE other; SELECT string_agg(DISTINCT run_by, ',') FROM "My Tools".pollseed_runs}),
	'other', 'a role still sees its own runs only');

# Members of the extension, and nobody else: what users call in the schema that it was made in, the rest in its own.  From 17 on
# the types of a table's rows are members like the table, and arrays of them.
$node->safe_psql(
	'target', q{
	CREATE VIEW public.members AS
		SELECT d.classid, d.objid, a.type, a.schema, a.name, a.identity
		FROM pg_extension AS e JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e',
			pg_identify_object(d.classid, d.objid, 0) AS a
		WHERE e.extname = 'pollseed' AND NOT EXISTS (SELECT FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
			WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c'))});
# Members of which a condition is true, a line each.
sub members_that
{
	my ($condition) = @_;
	return $node->safe_psql('target', "SELECT type || ' ' || identity FROM public.members AS m WHERE $condition ORDER BY 1");
}
is(members_that(q{(type, identity) IN (VALUES ('schema', 'pollseed'), ('table', 'pollseed.runs'), ('view', '"My Tools".pollseed_runs'))}),
	join("\n", 'schema pollseed', 'table pollseed.runs', 'view "My Tools".pollseed_runs'), 'the members have been looked at');
is(members_that(q{type NOT IN ('schema', 'event trigger') AND schema IS DISTINCT FROM 'pollseed' AND schema IS DISTINCT FROM '"My Tools"'}),
	'', 'the poll tables are no members');
is(members_that(q{type = 'schema' AND identity <> 'pollseed'}), '', 'one schema is');
is(members_that(q{schema = '"My Tools"' AND type NOT IN ('view', 'function', 'procedure', 'aggregate', 'type')}),
	'', 'what users call is where the extension was made, what it keeps is not');
is( members_that(
		q{schema = '"My Tools"' AND substring(coalesce(name, (SELECT proname FROM pg_proc WHERE oid = objid)) FROM 1 FOR 9) <> 'pollseed_'}),
	'', 'all of that is named pollseed_');
is(members_that(q{type <> 'sequence' AND obj_description(objid, classid::regclass::name) IS NULL}), '', 'all have a comment');
is( members_that(
		q{EXISTS (SELECT FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
			WHERE classid = 'pg_proc'::regclass AND p.oid = objid AND l.lanname <> 'c' AND p.prosqlbody IS NULL
				AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search\_path=%'))}),
	'', 'a function that is not in C looks names up in no search path of the caller');
is( members_that(
		q{EXISTS (SELECT FROM pg_class AS c, aclexplode(c.relacl) AS r
			WHERE classid = 'pg_class'::regclass AND c.oid = objid AND schema = 'pollseed' AND r.grantee <> c.relowner)
		  OR EXISTS (SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS r
			WHERE classid = 'pg_namespace'::regclass AND n.oid = objid AND r.grantee <> n.nspowner)}),
	'', 'what it keeps is nobody else\'s');
$node->safe_psql('target', 'DROP VIEW public.members');

# Dropping it leaves the poll tables and their rows.
my $rows = $node->safe_psql('target', 'SELECT count(*), (SELECT sum(votes) FROM public.options) FROM public.vote_events');
$node->safe_psql('target', 'DROP EXTENSION pollseed');
is($node->safe_psql('target', 'SELECT count(*), (SELECT sum(votes) FROM public.options) FROM public.vote_events'),
	$rows, 'the poll tables outlive the extension');
is($node->safe_psql('target', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'pollseed'}), '0', 'its own schema does not');
is($node->safe_psql('target', $triggers), '', 'nor do triggers');
$node->safe_psql('target', 'CREATE EXTENSION pollseed');
is($node->safe_psql('target', 'SELECT votes_seeded, run_id FROM pollseed_seed(10)'), '10|1', 'made again, it seeds them on');
is($node->safe_psql('target', 'SELECT pollseed_drop_poll_tables()'), '2', 'and drops them');

# Loaded at the server's start it works as well.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pollseed'\npollseed.write_lane = 'spi'");
$node->restart;
is( $node->safe_psql('source', 'SET search_path = public, "My Tools"; SELECT lane FROM pollseed_seed(10)'),
	'spi', 'preloaded, with a setting in the configuration file');
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'the server has nothing to warn of');
$node->stop;
done_testing();
