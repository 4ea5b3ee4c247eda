#!/usr/bin/perl
# The backfill of snapshots as an application's worker does it once it has been optimised: the populations without a
# snapshot are read at once; for each batch of 100 there is one query for the bands with their groups and traits, one for
# what the me-files hold, one UPDATE a population in a transaction, then one query for the offers of these me-files and
# bands and one UPDATE an offer in a transaction, and events alike.  The snapshots are put together here, as the worker
# does it, and are the very values that pollseed_backfill_snapshots() makes.  Rows whose pair has no population are left,
# as the worker leaves them.
#
# Usage: backfill_after.pl [populations to do at most]; the server and the database come from PGHOST, PGPORT, PGDATABASE.
# Prints: populations, offers, events, statements, seconds.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use IPC::Open2 qw(open2);
use Time::HiRes qw(time);

my $most = shift // 0;
my $psql = $ENV{PSQL} // 'psql';
my $pid = open2(my $from, my $to, $psql, '-XqAt', '-v', 'ON_ERROR_STOP=1', '-F', "\t");
$to->autoflush(1);
my $statements = 0;

# One round trip: sends a statement and returns its rows, each a list of columns.
sub query
{
	my ($sql) = @_;
	my @rows;
	print $to "$sql;\n\\echo --done--\n";
	$statements++;
	while (my $line = <$from>)
	{
		chomp $line;
		return @rows if $line eq '--done--';
		push @rows, [ split /\t/, $line, -1 ];
	}
	die "the server did not answer: $sql\n";
}

# The bands' groups with their traits, and their version; names come as JSON.
sub bands
{
	my ($ids) = @_;
	my %bands;
	for (query("SELECT b.id, g.id, to_json(g.name), t.id, to_json(t.name)
		  FROM target_bands AS b
		  LEFT JOIN (target_band_trait_groups AS l JOIN trait_groups AS g ON g.id = l.trait_group_id) ON l.target_band_id = b.id
		  LEFT JOIN (trait_group_traits AS m JOIN traits AS t ON t.id = m.trait_id) ON m.trait_group_id = g.id
		 WHERE b.id = ANY ('{$ids}') ORDER BY 1, 2, 4"))
	{
		my ($band, $group, $group_name, $trait, $trait_name) = @$_;
		my $entry = $bands{$band} //= { groups => [], text => [] };
		my $head = $group eq '' ? '' : qq({"id": $group, "name": $group_name, "traits": [);
		my $text = $trait eq '' ? '' : qq({"id": $trait, "name": $trait_name});
		push @{ $entry->{text} }, $head . $text;
		next if $group eq '';
		push @{ $entry->{groups} }, { head => $head, id => $group, traits => [] }
		  if !@{ $entry->{groups} } || $entry->{groups}[-1]{id} != $group;
		push @{ $entry->{groups}[-1]{traits} }, [ $trait, $text ] if $trait ne '';
	}
	$_->{version} = substr(sha256_hex(join ',', @{ $_->{text} }), 0, 32) for values %bands;
	return \%bands;
}

# A snapshot as SQL literal.
sub snapshot
{
	my ($band, $held) = @_;
	my @elements;
	for my $group (@{ $band->{groups} })
	{
		my @traits = map { $_->[1] } grep { $held->{ $_->[0] } } @{ $group->{traits} };
		push @elements, $group->{head} . join(', ', @traits) . ']}' if @traits;
	}
	my $text = '[' . join(', ', @elements, qq({"version": "$band->{version}"})) . ']';
	$text =~ s/'/''/g;
	return "'$text'";
}

# One UPDATE a row, all in one transaction; returns how many.
sub update_rows
{
	my ($table, $rows, $snapshots) = @_;
	return 0 unless @$rows;
	query('BEGIN');
	for my $row (@$rows)
	{
		my ($id, $me_file, $band) = @$row;
		my $snapshot = $snapshots->{"$me_file $band"} or next;
		query("UPDATE $table SET matching_tags_snapshot = $snapshot, updated_at = now() AT TIME ZONE 'UTC'
			WHERE id = $id AND matching_tags_snapshot IS NULL");
	}
	query('COMMIT');
	return scalar grep { $snapshots->{"$_->[1] $_->[2]"} } @$rows;
}

my $start = time;
my @populations = query('SELECT id, me_file_id, target_band_id FROM target_populations WHERE matching_tags_snapshot IS NULL'
	  . ' ORDER BY id' . ($most ? " LIMIT $most" : ''));
my %done = (target_populations => 0, offers => 0, ad_events => 0);
while (my @batch = splice @populations, 0, 100)
{
	my %me_files = map { $_->[1] => 1 } @batch;
	my %bands = map { $_->[2] => 1 } @batch;
	my $me_files = join ',', keys %me_files;
	my $bands = join ',', keys %bands;
	my $definitions = bands($bands);
	my %held;
	$held{ $_->[0] }{ $_->[1] } = 1
	  for query("SELECT me_file_id, trait_id FROM me_file_tags WHERE me_file_id = ANY ('{$me_files}')");
	my %snapshots = map { ("$_->[1] $_->[2]" => snapshot($definitions->{ $_->[2] }, $held{ $_->[1] } // {})) } @batch;
	$done{target_populations} += update_rows('target_populations', \@batch, \%snapshots);
	for my $table (qw(offers ad_events))
	{
		my @rows = query("SELECT id, me_file_id, target_band_id FROM $table
			WHERE me_file_id = ANY ('{$me_files}') AND target_band_id = ANY ('{$bands}') AND matching_tags_snapshot IS NULL");
		$done{$table} += update_rows($table, \@rows, \%snapshots);
	}
}
close $to;
waitpid $pid, 0;
printf "%d\t%d\t%d\t%d\t%.3f\n", @done{qw(target_populations offers ad_events)}, $statements, time - $start;
