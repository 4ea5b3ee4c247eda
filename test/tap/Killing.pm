# What tests that kill have in common: one process of a server, or all of them at once.
package Killing;
use strict;
use warnings;

use Exporter qw(import);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(kill_process kill_server wait_until_true);

# Children of a process, from Linux's /proc.
sub children
{
	my ($parent) = @_;
	my @children;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		open my $stat, '<', $file or next;
		my $line = <$stat> // '';
		push @children, $1 if $line =~ /^(\d+) \(.*\) \S (\d+) / && $2 == $parent;
	}
	return @children;
}

sub wait_until_gone
{
	for my $pid (@_)
	{
		my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
		usleep(20_000) while kill(0, $pid) && $tries-- > 0;
	}
	return;
}

# A psql that is refused may end before it was given its statement, and that would end the test.
sub wait_until_up
{
	my ($node) = @_;
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
	while (system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) != 0)
	{
		BAIL_OUT('the server does not come back') if $tries-- <= 0;
		usleep(100_000);
	}
	return;
}

# Wait until a query returns true on a server that may go down meanwhile.  poll_query_until() would write to a psql that is gone.
sub wait_until_true
{
	my ($node, $sql) = @_;
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
	while ($tries-- > 0)
	{
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '<', '/dev/null', '>', \$out, '2>', \$err);
		return 1 if $out eq "t\n";
		usleep(100_000);
	}
	return 0;
}

# Kill a process of the server; the server then restarts all others.
sub kill_process
{
	my ($node, $pid) = @_;
	kill 'KILL', $pid;
	wait_until_gone($pid);
	wait_until_up($node);
	return;
}

# Kill the postmaster and all its children, and start it again.
sub kill_server
{
	my ($node) = @_;
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = children($postmaster);
	$node->kill9;
	kill 'KILL', @children;
	wait_until_gone($postmaster, @children);
	$node->start;
	return;
}

1;
