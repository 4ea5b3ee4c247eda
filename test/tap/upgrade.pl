# A database of any older release, updated, is what a new one is: the same members with the same definitions and rights, the
# same functions at work, and the rows that were there.  So is what a dump of either, restored, makes.
#
# The library is the newest throughout, as it is on a server between the installation and ALTER EXTENSION: the fixtures of the
# older releases show that it serves their scripts too.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub by_version
{
	my ($left, $right) = map { sprintf '%05d.%05d.%05d', split /\./ } @_;
	return $left cmp $right;
}

my %versions = map { /--(\d+\.\d+\.\d+)\.sql$/ ? ($1 => 1) : () } glob('sql/pollseed--*.sql');
my @versions = sort { by_version($a, $b) } keys %versions;
my $newest = $versions[-1] or die 'no scripts in sql/';

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE seeder LOGIN');

# What users of a release have made, and what the release keeps of it.
my @fixtures = (
	'0.1.0' => q{
		GRANT USAGE ON SCHEMA "My Tools" TO PUBLIC;
		GRANT ALL ON SCHEMA public TO seeder;
		SELECT FROM pollseed_create_poll_tables();
		GRANT ALL ON ALL TABLES IN SCHEMA public TO seeder;
		GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO seeder;
		INSERT INTO vote_events (option_id, event_type) VALUES (1, 'vote');
		SELECT FROM pollseed_seed(100, 'zipf', seed => 1, ends_at => '2026-01-22');
		SELECT FROM pollseed_clear_seed_data();
		SELECT FROM pollseed_seed(200, arrival => 'bursty', seed => 2, ends_at => '2026-01-22');
		SET ROLE seeder;
		SELECT FROM pollseed_seed(300, weights => '{"Go": 3, "Rust": 1}', seed => 3, ends_at => '2026-01-22');
		RESET ROLE;
		REVOKE SELECT ON pollseed_runs FROM PUBLIC;
		GRANT SELECT (run_id, seed), REFERENCES ON pollseed_runs TO seeder;
		REVOKE EXECUTE ON FUNCTION pollseed_drop_poll_tables() FROM PUBLIC;
		CREATE VIEW seeds AS SELECT run_id, seed FROM pollseed_runs;
		CREATE FUNCTION shares() RETURNS SETOF bigint BEGIN ATOMIC SELECT votes FROM pollseed_vote_shares(100, seed => 1); END},
	'0.2.0' => q{
		INSERT INTO pollseed.jobs (engine, relation, arguments, plan, settings, state, owner, owner_oid, relation_oid, database_oid, lane, priority, workers,
				max_attempts, total, run_id, seed, generator_version, finished_at)
			SELECT 'votes', 'public.vote_events', '{}', '{}', '{}', state, 'seeder', 'seeder'::regrole, 'vote_events'::regclass,
				(SELECT oid FROM pg_database WHERE datname = current_database()), 'direct', 0, 1,
				3, 100, 900 + no, no, 1, CASE WHEN state = 'succeeded' THEN timestamptz '2026-01-22' END
			FROM unnest('{succeeded,paused,succeeded}'::text[]) WITH ORDINALITY AS s (state, no);
		INSERT INTO pollseed.job_log (job_id, state, reason) SELECT job_id, state, 'fixture' FROM pollseed.jobs});

# Run the fixtures of the releases after one, up to another.
sub add_fixtures
{
	my ($db, $after, $upto) = @_;
	for (my $i = 0; $i < @fixtures; $i += 2)
	{
		my ($version, $sql) = @fixtures[ $i, $i + 1 ];
		next if by_version($version, $after) <= 0 || by_version($version, $upto) > 0;
		$node->safe_psql($db, qq{SET search_path = public, "My Tools"; SET client_min_messages = warning; $sql});
	}
	return;
}

# A database with the extension at a version, and all that its users made.
sub make_database
{
	my ($db, $version) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, qq{CREATE SCHEMA "My Tools"; CREATE EXTENSION pollseed VERSION '$version' SCHEMA "My Tools"});
	add_fixtures($db, '0.0.0', $version);
	return;
}

# Dump a database and restore it into a new one.
sub restore_into
{
	my ($db, $source) = @_;
	my $dump = $node->basedir . "/$source.sql";
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'pg_dump', '-d', $node->connstr($source), '-f', $dump ], "$source: pg_dump");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', $dump ],
		"$source: restore into $db");
	return;
}

# Everything that the catalogs hold of the extension and its members, a line each, without OIDs and column numbers.
sub members
{
	my ($db) = @_;
	return $node->safe_psql($db, <<'SQL');
SET search_path = pg_catalog;
WITH ext AS (
	SELECT * FROM pg_extension WHERE extname = 'pollseed'
), member AS (
	SELECT d.classid, d.objid, d.classid::regclass::name AS catalog, pg_describe_object(d.classid, d.objid, 0) AS name
	  FROM pg_depend AS d JOIN ext AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	 WHERE d.deptype = 'e'
), typ AS (
	SELECT m.name, t.* FROM pg_type AS t JOIN member AS m ON m.catalog = 'pg_type' AND m.objid = t.oid
), rel AS (
	SELECT m.name, c.* FROM pg_class AS c JOIN member AS m ON m.catalog = 'pg_class' AND m.objid = c.oid
	UNION ALL
	SELECT t.name, c.* FROM pg_class AS c JOIN typ AS t ON t.typrelid = c.oid WHERE c.relkind = 'c'
), col AS (
	SELECT r.name, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS place, a.*
	  FROM pg_attribute AS a JOIN rel AS r ON r.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
), fact (name, fact) AS (
	SELECT 'extension', format('version %s, schema %s, relocatable %s, owner %s', extversion, extnamespace::regnamespace,
		extrelocatable, extowner::regrole) FROM ext
	UNION ALL
	SELECT 'extension', format('dumps %s %s', c.oid::regclass, c.condition)
	  FROM ext, unnest(extconfig, extcondition) AS c (oid, condition)
	UNION ALL
	SELECT name, format('comment %L', obj_description(objid, catalog)) FROM member
	UNION ALL
	SELECT m.name, format('rights at first, column %s: %s', coalesce(c.attname, '-'), i.initprivs)
	  FROM pg_init_privs AS i JOIN member AS m ON m.classid = i.classoid AND m.objid = i.objoid
	  LEFT JOIN col AS c ON m.catalog = 'pg_class' AND c.attrelid = i.objoid AND c.attnum = i.objsubid
	UNION ALL
	SELECT m.name, format('owner %s, rights %s', n.nspowner::regrole, n.nspacl)
	  FROM pg_namespace AS n JOIN member AS m ON m.catalog = 'pg_namespace' AND m.objid = n.oid
	UNION ALL
	SELECT m.name, format('owner %s, rights %s, support %s, %s', p.proowner::regrole, p.proacl, p.prosupport,
		CASE WHEN p.prokind = 'a' THEN to_jsonb(a)::text ELSE pg_get_functiondef(p.oid) END)
	  FROM pg_proc AS p JOIN member AS m ON m.catalog = 'pg_proc' AND m.objid = p.oid
	  LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
	UNION ALL
	SELECT name, format('kind %s, owner %s, rights %s, options %s, persistence %s, row security %s %s, replica identity %s, access method %s',
		relkind, relowner::regrole, relacl, reloptions, relpersistence, relrowsecurity, relforcerowsecurity, relreplident,
		(SELECT a.amname FROM pg_am AS a WHERE a.oid = rel.relam))
	  FROM rel
	UNION ALL
	SELECT name, pg_get_viewdef(oid) FROM rel WHERE relkind IN ('v', 'm')
	UNION ALL
	SELECT r.name, format('sequence of %s, from %s by %s, %s to %s, cache %s, cycle %s', s.seqtypid::regtype, s.seqstart,
		s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
	  FROM pg_sequence AS s JOIN rel AS r ON r.oid = s.seqrelid
	UNION ALL
	SELECT c.name, format('column %s: %I %s%s, default %s, identity %L, generated %L, collation %s, storage %s, target %s, rights %s, comment %L',
		c.place, c.attname, format_type(c.atttypid, c.atttypmod), CASE WHEN c.attnotnull THEN ' NOT NULL' END,
		pg_get_expr(d.adbin, d.adrelid), c.attidentity, c.attgenerated, c.attcollation::regcollation, c.attstorage,
		c.attstattarget, c.attacl, col_description(c.attrelid, c.attnum))
	  FROM col AS c LEFT JOIN pg_attrdef AS d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
	UNION ALL
	SELECT coalesce(r.name, t.name), format('constraint %s %s, comment %L', c.conname, pg_get_constraintdef(c.oid),
		obj_description(c.oid, 'pg_constraint'))
	  FROM pg_constraint AS c LEFT JOIN rel AS r ON r.oid = c.conrelid LEFT JOIN typ AS t ON t.oid = c.contypid
	 WHERE r.oid IS NOT NULL OR t.oid IS NOT NULL
	UNION ALL
	SELECT r.name, format('%s, valid %s, comment %L', pg_get_indexdef(i.indexrelid), i.indisvalid,
		obj_description(i.indexrelid, 'pg_class'))
	  FROM pg_index AS i JOIN rel AS r ON r.oid = i.indrelid
	UNION ALL
	SELECT r.name, format('%s, enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
	  FROM pg_trigger AS t JOIN rel AS r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
	UNION ALL
	SELECT r.name, pg_get_ruledef(u.oid) FROM pg_rewrite AS u JOIN rel AS r ON r.oid = u.ev_class WHERE u.rulename <> '_RETURN'
	UNION ALL
	SELECT r.name, format('policy %s for %s, permissive %s, to %s, using %s, check %s', p.polname, p.polcmd, p.polpermissive,
		p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
	  FROM pg_policy AS p JOIN rel AS r ON r.oid = p.polrelid
	UNION ALL
	SELECT r.name, pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext AS s JOIN rel AS r ON r.oid = s.stxrelid
	UNION ALL
	SELECT name, format('type %s, owner %s, rights %s, of %s, not null %s, default %s', typtype, typowner::regrole, typacl,
		format_type(typbasetype, typtypmod), typnotnull, typdefault) FROM typ
	UNION ALL
	SELECT t.name, format('label %s: %s', row_number() OVER (PARTITION BY t.oid ORDER BY e.enumsortorder), e.enumlabel)
	  FROM pg_enum AS e JOIN typ AS t ON t.oid = e.enumtypid
)
SELECT regexp_replace(name || ': ' || coalesce(fact, '-'), '\s+', ' ', 'g') FROM fact ORDER BY 1
SQL
}

# Test that two lists of lines are the same, and show only what is not.
sub same_lines
{
	my ($got, $wanted, $name) = @_;
	my %in_got = map { $_ => 1 } split /\n/, $got;
	my %in_wanted = map { $_ => 1 } split /\n/, $wanted;
	my @differences = ((map { "  too many: $_" } grep { !$in_wanted{$_} } sort keys %in_got),
		(map { "  missing: $_" } grep { !$in_got{$_} } sort keys %in_wanted));
	ok($got eq $wanted, $name) or diag(join "\n", @differences ? @differences : 'the order or the number of lines');
	return;
}

# The extension's tables in a database: how to select all columns that each has now, and which rows of it a dump takes.
sub tables
{
	my ($db) = @_;
	return split /\n/, $node->safe_psql(
		$db, q{
		SELECT format('SELECT ROW(%s)::text FROM %s AS t', string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum), c.oid::regclass),
			k.condition
		FROM pg_extension AS e JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'p')
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN LATERAL unnest(e.extconfig, e.extcondition) AS k (oid, condition) ON k.oid = c.oid
		WHERE e.extname = 'pollseed' GROUP BY c.oid, k.oid, k.condition ORDER BY c.oid::regclass::text COLLATE "C"});
}

# The rows that the extension keeps, or those of them that a dump takes.
sub rows
{
	my ($db, $dumped, @tables) = @_;
	my $rows = '';
	for (@tables)
	{
		my ($select, $condition) = split /\|/, $_, 2;
		$rows .= "$select:\n" . $node->safe_psql($db, "SET timezone = 'UTC'; $select" . ($dumped ? " $condition" : '') . ' ORDER BY 1') . "\n";
	}
	return $rows;
}

# What every release's functions answer, without a trace but in sequences.
sub answers
{
	my ($db) = @_;
	return $node->safe_psql(
		$db, q{
		SET search_path = public, "My Tools";
		SET timezone = 'UTC';
		BEGIN;
		SELECT md5(string_agg(v::text, '' ORDER BY v.vote_no))
		  FROM pollseed_generate_votes(1000, 'zipf', arrival => 'diurnal', seed => 1, ends_at => '2026-01-22') AS v;
		SELECT md5(string_agg(s::text, '' ORDER BY s.option_id COLLATE "C")) FROM pollseed_vote_shares(1000, seed => 1) AS s;
		SELECT md5(string_agg(s::text, '' ORDER BY s)) FROM shares() AS s;
		SELECT sum(votes) FROM options;
		SELECT votes_seeded, options_updated, batches, seed, ends_at, lane FROM pollseed_seed(300, seed => 4, ends_at => '2026-01-22');
		SELECT engine, relation, rows_written, arguments FROM pollseed_runs ORDER BY run_id DESC LIMIT 1;
		SELECT events_deleted, options_updated FROM pollseed_clear_seed_data();
		SELECT pollseed_recount_votes();
		SELECT tables_created, options_inserted FROM pollseed_create_poll_tables('{Python,Cobol}');
		DROP VIEW seeds;
		DROP FUNCTION shares;
		SELECT pollseed_drop_poll_tables();
		ROLLBACK;
		SELECT count(*) FROM seeds});
}

# Test that new runs are numbered on from those that are there.
sub numbered_on
{
	my ($db) = @_;
	my $last = $node->safe_psql($db, 'SELECT max(run_id) FROM seeds');
	is( $node->safe_psql($db, qq{SET search_path = public, "My Tools"; SELECT run_id > $last FROM pollseed_seed(10, seed => 5)}),
		't', "$db: runs are numbered on");
	return;
}

# There is a way from every release to every newer one, and the newest is what users get.
is($node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'pollseed'}), $newest,
	'the newest script leads to the default version');
for my $i (0 .. $#versions - 1)
{
	for my $target (@versions[ $i + 1 .. $#versions ])
	{
		like( $node->safe_psql(
				'postgres', qq{SELECT path FROM pg_extension_update_paths('pollseed') WHERE source = '$versions[$i]' AND target = '$target'}),
			qr/^\Q$versions[$i]\E--.*\Q$target\E$/, "$versions[$i] can be updated to $target");
	}
}

# What an update must come to.
make_database('fresh', $newest);
my $fresh_members = members('fresh');
my $fresh_answers = answers('fresh');
my $fresh_tables = join "\n", tables('fresh');
like($fresh_members, qr/^\Q$_\E: /m, "the members have been looked at: $_")
  for ('extension', 'table pollseed.runs', 'view "My Tools".pollseed_runs', 'schema pollseed', 'sequence pollseed.runs_run_id_seq');
like($fresh_members, qr/^extension: version \Q$newest\E, schema "My Tools"/m, 'the version is the default');

for my $old (@versions[ 0 .. $#versions - 1 ])
{
	(my $db = "updated_$old") =~ tr/./_/;
	make_database($db, $old);
	my @tables = tables($db);
	my $rows = rows($db, 0, @tables);
	my $old_members = members($db);
	is(answers($db), $fresh_answers, "$old: its functions answer as the newest do");

	# A dump of it, made before the update, restores as the newest.
	(my $moved = "moved_$old") =~ tr/./_/;
	restore_into($moved, $db);
	same_lines(members($moved), $fresh_members, "$moved: the members are those of a fresh $newest");
	same_lines(rows($moved, 1, @tables), rows($db, 1, @tables), "$moved: the rows are restored");
	is(answers($moved), $fresh_answers, "$moved: the functions work");
	numbered_on($moved);

	# A session that is there all the while.
	my $session = $node->background_psql($db);
	my $kept = q{SELECT md5(string_agg(s::text, '' ORDER BY s.option_id)) FROM "My Tools".pollseed_vote_shares(1000, seed => 1) AS s};
	$session->query_safe("PREPARE kept AS $kept");
	my $before = $session->query_safe('EXECUTE kept');

	# It is the superuser's to update, and all or nothing.
	my ($ret, $out, $err) = $node->psql($db, 'SET ROLE seeder; ALTER EXTENSION pollseed UPDATE');
	like($err, qr/must be owner of extension pollseed|permission denied to update extension "pollseed"/, "$old: a superuser must update it");
	$node->safe_psql($db, 'BEGIN; ALTER EXTENSION pollseed UPDATE; ROLLBACK');
	same_lines(members($db), $old_members, "$old: an update that is rolled back leaves the members as they were");
	is(answers($db), $fresh_answers, "$old: and the functions at work");

	is($node->psql($db, 'ALTER EXTENSION pollseed UPDATE'), 0, "$old: the update");
	same_lines(members($db), $fresh_members, "$db: the members are those of a fresh $newest");
	same_lines(rows($db, 0, @tables), $rows, "$db: every row is there as it was");
	is(answers($db), $fresh_answers, "$db: the functions work");
	is($session->query_safe('EXECUTE kept'), $before, "$db: a session goes on over the update");
	is($node->safe_psql($db, q{SELECT count(*) > 0 FROM pg_trigger WHERE tgname LIKE 'pollseed\_cache%'}), $old lt '0.5.0' ? 'f' : 't',
		"$db: caches follow tables of before 0.5.0 when they are asked to");
	$session->quit;
	numbered_on($db);
	add_fixtures($db, $old, $newest);

	# And what was updated can be moved.
	(my $restored = "restored_$old") =~ tr/./_/;
	restore_into($restored, $db);
	@tables = tables($db);
	same_lines(members($restored), $fresh_members, "$restored: the members are those of a fresh $newest");
	same_lines(rows($restored, 1, @tables), rows($db, 1, @tables), "$restored: the rows are restored");
	same_lines(rows($restored, 0, @tables), rows($restored, 1, @tables), "$restored: and no others");
	is(join("\n", tables($restored)), $fresh_tables, "$restored: what a dump takes is what it was");
	is(answers($restored), answers($db), "$restored: the functions work");
	numbered_on($restored);
}

# Release by release comes to the same as each release made at once.
if (@versions > 2)
{
	make_database('stepped', $versions[0]);
	for my $i (1 .. $#versions)
	{
		(my $db = "made_$versions[$i]") =~ tr/./_/;
		make_database($db, $versions[$i]);
		$node->safe_psql('stepped', "ALTER EXTENSION pollseed UPDATE TO '$versions[$i]'");
		add_fixtures('stepped', $versions[ $i - 1 ], $versions[$i]);
		same_lines(members('stepped'), members($db), "step by step, the members of $versions[$i] are those of a fresh one");
	}
}

unlike(slurp_file($node->logfile), qr/(?:WARNING|PANIC):  |TRAP: |leaked/, 'the server has nothing to warn of');
$node->stop;
done_testing();
