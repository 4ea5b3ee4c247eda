# What was seeded and committed survives a crash of the server, with all index entries, and reaches a standby; what was not
# is gone without a trace.
#
# A lane that wrote pages without the log, or that the server did not know to sync, would lose rows or index entries here.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use Killing;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = on\nmax_wal_size = 4GB\nfull_page_writes = on");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', q{CREATE EXTENSION pollseed; CREATE EXTENSION amcheck});

# Poll tables of either lane in a schema of its name, with more kinds of index and a value out of line.
sub make_poll
{
	my ($schema) = @_;
	return qq{
		CREATE SCHEMA $schema;
		SET search_path = $schema, public;
		SELECT FROM pollseed_create_poll_tables();
		ALTER TABLE vote_events ADD large text DEFAULT repeat('x', 2100), ADD tags int[] DEFAULT '{1,2}',
			ADD twice int GENERATED ALWAYS AS (votes_after * 2) STORED;
		ALTER TABLE vote_events ALTER large SET STORAGE EXTERNAL;
		CREATE UNIQUE INDEX ON vote_events (option_id, votes_after);
		CREATE INDEX ON vote_events USING gin (tags);
		CREATE INDEX ON vote_events USING brin (inserted_at);
		CREATE INDEX ON vote_events USING hash (option_id);};
}

sub seed
{
	my ($schema, $count) = @_;
	return qq{SET search_path = $schema, public;
		SET pollseed.write_lane = '$schema';
		SELECT FROM pollseed_seed($count, seed => 7, ends_at => '2026-01-22');};
}

# All of a poll in a few figures, counted by several ways through the indexes.
sub state_of
{
	my ($node, $schema) = @_;
	return $node->safe_psql(
		'postgres', qq{
		SET search_path = $schema, public;
		SELECT count(*), md5(string_agg(e::text, '|' ORDER BY id)) FROM vote_events AS e;
		SELECT sum(votes), md5(string_agg(o.id || o.text || o.votes, '|' ORDER BY o.id)) FROM options AS o;
		SELECT count(*) FROM pollseed_runs WHERE relation = '$schema.vote_events';
		SET enable_seqscan = off;
		SELECT count(*) FROM vote_events WHERE tags @> '{2}';
		SELECT count(*) FROM vote_events WHERE inserted_at > '2026-01-01';
		SELECT sum((SELECT count(*) FROM vote_events AS e WHERE e.option_id = o.id)) FROM options AS o;});
}

sub check_indexes
{
	my ($node, $schema, $description) = @_;
	is( $node->safe_psql(
			'postgres', qq{SELECT count(bt_index_check(indexrelid, true) IS NULL) FROM pg_index AS i
			               JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
			               WHERE indrelid = '$schema.vote_events'::regclass AND amname = 'btree'}),
		'4', "$description: its B-trees hold each row");
}

# What the crashed server said, without what a crash itself makes it say.
sub leaks_nothing
{
	my ($node) = @_;
	unlike(slurp_file($node->logfile), qr/leak|was not closed|still referenced|PANIC|TRAP|invalid page/,
		'the log of the ' . $node->name . ' tells of no leak');
}

# The standby gets the same rows; both lanes write the same.
my %state;
for my $lane ('direct', 'spi')
{
	$primary->safe_psql('postgres', make_poll($lane) . seed($lane, 3000));
	$state{$lane} = state_of($primary, $lane);
	like($state{$lane}, qr/\A3000\|\w+\n3000\|\w+\n1\n3000\n3000\n3000\z/, "$lane: all is written");
}
is($state{direct}, $state{spi}, 'by both lanes alike');
$primary->wait_for_catchup($standby);
for my $lane ('direct', 'spi')
{
	is(state_of($standby, $lane), $state{$lane}, "$lane: the standby has the same");
	check_indexes($standby, $lane, "$lane on the standby");
}
my ($ret, $out, $err) = $standby->psql('postgres', 'SET search_path = direct, public; SELECT pollseed_seed(10)');
like($err, qr/cannot execute pollseed_seed\(\) during recovery|cannot execute pollseed_seed\(\) in a read-only transaction/,
	'nothing can be seeded on a standby');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM pollseed_generate_votes(10)'), '10', 'but votes be generated');
leaks_nothing($standby);
$standby->stop('immediate');

# The server stops without a checkpoint right after the commit.
$primary->safe_psql('postgres', 'CHECKPOINT;' . seed('direct', 3000));
$primary->safe_psql('postgres', seed('spi', 3000));
$state{$_} = state_of($primary, $_) for 'direct', 'spi';
$primary->stop('immediate');
$primary->start;
for my $lane ('direct', 'spi')
{
	is(state_of($primary, $lane), $state{$lane}, "$lane: all is there after a crash");
	check_indexes($primary, $lane, "$lane after a crash");
}

# The backend is killed in the middle of a seeding, and the server recovers.
for my $lane ('direct', 'spi')
{
	my $size = $primary->safe_psql('postgres', "SELECT pg_relation_size('$lane.vote_events')");
	my $session = $primary->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/seeding/, "\\echo seeding\n" . (seed($lane, 1000000) =~ s/\n/ /gr) . "\n");
	ok( $primary->poll_query_until('postgres', "SELECT pg_relation_size('$lane.vote_events') > $size + 1000000"),
		"$lane: a seeding is under way");
	kill_process($primary, $pid);
	eval { $session->quit };
	pass('the server recovers from the end of its process');
	is(state_of($primary, $lane), $state{$lane}, "$lane: all is as before");
	check_indexes($primary, $lane, "$lane after a recovery");
	$primary->safe_psql('postgres', seed($lane, 500));
	$state{$lane} = state_of($primary, $lane);
	like($state{$lane}, qr/\A6500\|\w+\n6500\|/, "$lane: and it can be seeded again");
}
leaks_nothing($primary);

# Where the server logs as little as it can, what is written into a new table is synced instead.
$primary->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\nwal_skip_threshold = 0");
$primary->restart;
for my $lane ('direct', 'spi')
{
	$primary->safe_psql('postgres', "DROP SCHEMA $lane CASCADE; BEGIN;" . make_poll($lane) . seed($lane, 3000) . 'COMMIT');
	$state{$lane} = state_of($primary, $lane);
}
$primary->stop('immediate');
$primary->start;
for my $lane ('direct', 'spi')
{
	is(state_of($primary, $lane), $state{$lane}, "$lane: all is there after a crash with wal_level = minimal");
	check_indexes($primary, $lane, "$lane with wal_level = minimal");
}
leaks_nothing($primary);
$primary->stop;
done_testing();
