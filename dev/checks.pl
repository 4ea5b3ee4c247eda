#!/usr/bin/perl
# The project's own rules, one check each, over the tree given as the first argument.  The second, if given, is a built
# pollseed.so, whose symbols are checked too.  Prints a line a check, with the details where it fails, and at the end
# "N passed, N failed".  Needs nothing but perl.
use strict;
use warnings;
use Digest::SHA ();
use JSON::PP ();

my ($root, $library) = @ARGV;
chdir $root or die "$root: $!\n";

my %level = (core => 0, write => 1, job => 1);    # the engines, which stand on these, have level 2
my ($passed, $failed) = (0, 0);

# ---- reading ---------------------------------------------------------------------------------------------------------

sub slurp
{
	my ($file) = @_;
	open(my $in, '<', $file) or return '';
	local $/;
	return scalar <$in> // '';
}

# All files below a folder whose names end so, sorted.
sub files
{
	my ($folder, $ending) = @_;
	my @found;
	for my $path (sort glob("$folder/*"))
	{
		if (-d $path) { push @found, files($path, $ending) }
		elsif ($path =~ /$ending$/) { push @found, $path }
	}
	return @found;
}

sub lines_before { my ($text, $offset) = @_; return 1 + (substr($text, 0, $offset) =~ tr/\n//) }

# Blank out comments and strings of C, keeping offsets and line numbers.
sub code_only
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')}{ my $t = $1; $t =~ s/[^\n]/ /g; $t }gse;
	return $text;
}

# The same with strings kept: only comments go.
sub no_comments
{
	my ($text) = @_;
	$text =~ s{("(?:\\.|[^"\\\n])*")|(/\*.*?\*/|//[^\n]*)}{ my ($s, $c) = ($1, $2); $s // do { $c =~ s/[^\n]/ /g; $c } }gse;
	return $text;
}

# An SQL script without its comments.
sub sql_only { my ($text) = @_; $text =~ s/--[^\n]*//g; return $text }

# The same with what is between quotes blanked: text that only looks like SQL.
sub sql_code
{
	my ($text) = @_;
	$text =~ s{('(?:[^']|'')*')|--[^\n]*}{ defined $1 ? "''" : '' }gse;
	return $text;
}

# Orders two versions: 0.9.0 before 0.10.0.
sub by_version
{
	my @left = split /\./, $_[0];
	my @right = split /\./, $_[1];
	while (@left && @right)
	{
		my $order = shift(@left) <=> shift(@right);
		return $order if $order;
	}
	return @left <=> @right;
}

# The version that a script leads to, and the one that it starts from; a script that makes the extension starts from none.
sub target { my ($script) = @_; return $script =~ /--(\d+(?:\.\d+)*)\.sql$/ ? $1 : 0 }
sub source { my ($script) = @_; return $script =~ /--(\d+(?:\.\d+)*)--[^-]+\.sql$/ ? $1 : undef }

my @c_files = files('src', qr/\.[ch]/);
my %c_text = map { $_ => slurp($_) } @c_files;
my %c_code = map { $_ => code_only($c_text{$_}) } @c_files;
my @scripts = sort { by_version(target($a), target($b)) || $a cmp $b } glob('sql/*.sql');
my ($default_version) = slurp('pollseed.control') =~ /^default_version\s*=\s*'([^']+)'/m;
my @listed_versions = slurp('CHANGELOG.md') =~ /^##\s*\[?v?(\d+\.\d+\.\d+)/mg;
my @tests = (files('test/sql', qr/\.sql/), files('test/pgtap', qr/\.sql/), files('test/isolation/specs', qr/\.spec/),
	files('test/tap', qr/\.pl/));

# Functions of a C file: name, line of the name, lines of the whole, static or not, comment before it or not.
# clang-format has put the return type on a line of its own and both braces in the first column.
sub c_functions
{
	my ($file) = @_;
	my @lines = split /\n/, $c_code{$file};
	my @text = split /\n/, $c_text{$file};
	my @found;
	for my $open (grep { $lines[$_] =~ /^\{\s*$/ } 0 .. $#lines)
	{
		my $last = $open - 1;
		next if $last < 1 || $lines[$last] !~ /\)\s*$/;
		my $at = $last;
		$at-- while $at > 0 && $lines[$at] !~ /^\w+\(/;
		my ($name) = $lines[$at] =~ /^(\w+)\(/ or next;
		my $type = $at - 1;
		my $close = $open;
		$close++ while $close < $#lines && $lines[$close] !~ /^\}/;
		push @found,
		  { name => $name, line => $at + 1, length => $close - $type + 1,
			static => $lines[$type] =~ /\bstatic\b/ ? 1 : 0,
			comment => $type > 0 && $text[ $type - 1 ] =~ m{\*/\s*$} ? 1 : 0 };
	}
	return @found;
}

# ---- the checks: each returns what is wrong ---------------------------------------------------------------------------

# The library exports entry points and what the server looks for, and every SQL function's symbol.
sub check_exported_symbols
{
	return () unless $library;
	my @bad;
	my %exported = map { (split)[2] => 1 } grep { /\S/ } `nm -D --defined-only '$library'`;
	my $sources = join "\n", values %c_code;
	for my $name (sort keys %exported)
	{
		next if $name =~ /^(Pg_magic_func|_PG_init|pg_finfo_pollseed_\w+)$/;
		next if $exported{"pg_finfo_$name"} && $name =~ /^pollseed_/;
		# entry points of background workers are looked up by name too
		next if $name =~ /^pollseed_\w+_main$/ && $sources =~ /PGDLLEXPORT\s+(?:pg_noreturn\s+)?void\s+\Q$name\E\b/;
		push @bad, "$name is exported";
	}
	my %wanted = map { /^pg_finfo_(.*)/ ? ($1 => 'is an SQL function') : () } keys %exported;
	for my $file (@c_files)
	{
		my $text = no_comments($c_text{$file});
		$wanted{$1} = "is named in $file" while $text =~ /"(pollseed_\w+_main)"/g;
	}
	# a release's script may be run with any newer library
	for my $script (@scripts)
	{
		my $text = sql_only(slurp($script));
		$wanted{$1} = "is named in $script" while $text =~ /'MODULE_PATHNAME'\s*,\s*'(\w+)'/g;
	}
	for my $name (sort keys %wanted)
	{
		push @bad, "$name $wanted{$name}, but is not exported: mark it PGDLLEXPORT" unless $exported{$name};
	}
	return @bad;
}

# All settings: name, file, in the order of their definitions.
sub settings
{
	my @found;
	for my $file (@c_files)
	{
		my $text = no_comments($c_text{$file});
		push @found, [ $1, $file ] while $text =~ /DefineCustom\w+Variable\s*\(\s*"([^"]+)"/g;
	}
	return @found;
}

# Settings are defined in alphabetical order within a file, and bear the extension's prefix.
sub check_settings_order
{
	my (@bad, %previous);
	for my $setting (settings())
	{
		my ($name, $file) = @$setting;
		push @bad, "$file: $name comes after $previous{$file}" if defined $previous{$file} && $name lt $previous{$file};
		push @bad, "$file: $name does not begin with pollseed." unless $name =~ /^pollseed\./;
		$previous{$file} = $name;
	}
	return @bad;
}

# What the scripts leave, run in turn: functions, procedures, aggregates and views, and the tables in the schema pollseed.
# By name as the scripts spell it, in the user's schema without one: the kind, and how many lack a comment.
sub sql_objects
{
	my %objects;
	for my $script (@scripts)
	{
		my $text = sql_code(slurp($script));
		while ($text =~ /\b(?:(CREATE(?:\s+OR\s+REPLACE)?)|(DROP)|COMMENT\s+ON)\s+(FUNCTION|PROCEDURE|AGGREGATE|VIEW|TABLE)
			\s+(?:IF\s+EXISTS\s+)?(?:\@extschema\@\.)?((?:pollseed\.)?\w+)/gix)
		{
			my ($create, $drop, $kind, $name) = ($1, $2, uc $3, $4);
			if ($drop) { delete $objects{$name} }
			elsif (!$create) { $objects{$name}{bare}-- if ($objects{$name}{bare} // 0) > 0 }
			elsif ($create =~ /^CREATE$/i || !$objects{$name})
			{
				$objects{$name}{kind} = $kind;
				$objects{$name}{bare}++;
			}
		}
	}
	return %objects;
}

# Every object has a comment, and what users call is named pollseed_ and has a place in docs/, one in the README, and a test.
sub check_documented_and_tested
{
	my @bad;
	my %objects = sql_objects();
	my $docs = join "\n", map { slurp($_) } files('docs', qr/\.md/);
	my $readme = slurp('README.md');
	my $tests = join "\n", map { slurp($_) } @tests;
	return 'no SQL objects found' unless %objects;
	for my $name (sort keys %objects)
	{
		push @bad, "$name has no COMMENT ON $objects{$name}{kind}" if $objects{$name}{bare};
		next if $name =~ /^pollseed\./;
		push @bad, "$name is in the user's schema and is not named pollseed_" unless $name =~ /^pollseed_/;
		push @bad, "$name is not in docs/" unless $docs =~ /\b$name\b/;
		push @bad, "$name is not in README.md" unless $readme =~ /\b$name\b/;
		push @bad, "$name is in no test" unless $tests =~ /\b$name\b/;
	}
	for my $setting (settings())
	{
		my $name = $setting->[0];
		push @bad, "setting $name is not in docs/" unless $docs =~ /\b\Q$name\E\b/;
		push @bad, "setting $name is not in README.md" unless $readme =~ /\b\Q$name\E\b/;
	}
	return @bad;
}

# Scripts cannot be run by hand, take over nothing that exists, and have SQL's comments.
sub check_sql_scripts
{
	my @bad;
	for my $script (@scripts)
	{
		my $text = slurp($script);
		my $code = sql_only($text);
		my $update = defined source($script);
		my $command = $update ? 'ALTER EXTENSION pollseed UPDATE' : 'CREATE EXTENSION pollseed';
		my $guard = qq{\\echo Use "$command" to load this file. \\quit};
		push @bad, "$script does not begin with: $guard" unless $text =~ /^\Q$guard\E\n/;
		push @bad, "$script has a C comment" if $code =~ m{/\*};
		push @bad, "$script has IF NOT EXISTS" if $code =~ /\bIF\s+NOT\s+EXISTS\b/i;
		push @bad, "$script has CREATE OR REPLACE" if !$update && $code =~ /\bCREATE\s+OR\s+REPLACE\b/i;
		push @bad, "$script has SECURITY DEFINER without a pinned search_path"
		  if $code =~ /\bSECURITY\s+DEFINER\b(?![^;]*\bSET\s+search_path\b)/i;
	}
	return @bad;
}

# One version, wherever it is written, and one chain of scripts that leads to it over every release.
sub check_versions
{
	my @bad;
	my $meta = eval { JSON::PP->new->decode(slurp('META.json')) } or return "META.json: $@";
	my %found = ('META.json version' => $meta->{version}, 'META.json provides' => $meta->{provides}{pollseed}{version},
		'first entry of CHANGELOG.md' => $listed_versions[0], 'newest script in sql/' => @scripts ? target($scripts[-1]) : undef);
	for my $place (sort keys %found)
	{
		my $version = $found{$place} // 'missing';
		push @bad, "$place is $version, default_version is $default_version" if $version ne $default_version;
	}
	my ($first, @updates) = @scripts;
	my $file = $meta->{provides}{pollseed}{file} // '';
	push @bad, "META.json provides $file, CREATE EXTENSION begins with $first" if $file ne $first;
	my $version = target($first);
	for my $script (@updates)
	{
		push @bad, "$script does not start from $version" if (source($script) // 'none') ne $version;
		$version = target($script);
	}
	my $reached = join ' ', reverse map { target($_) } @scripts;
	push @bad, "CHANGELOG.md lists @listed_versions, the scripts lead over $reached" if "@listed_versions" ne $reached;
	return @bad;
}

# The scripts of older releases are what they were: databases were made by them, and an update starts from that.
sub check_released_scripts
{
	my @bad;
	my %sums = reverse slurp('dev/released.sha256') =~ /^(\w+)  (\S+)$/mg;
	for my $script (grep { by_version(target($_), $default_version) < 0 } @scripts)
	{
		my $sum = Digest::SHA::sha256_hex(slurp($script));
		my $released = delete $sums{$script};
		push @bad, "$script is released: add to dev/released.sha256 \"$sum  $script\"" unless $released;
		push @bad, "$script was changed after its release" if $released && $released ne $sum;
	}
	push @bad, "$_ is in dev/released.sha256, but is not a script of an older release" for sort keys %sums;
	return @bad;
}

# One file knows that there are several server versions.
sub check_version_ifs
{
	my @bad;
	for my $file (grep { $_ ne 'src/core/compat.h' } @c_files)
	{
		my $line = 0;
		for (split /\n/, $c_code{$file})
		{
			$line++;
			push @bad, "$file:$line: $&" if /\b(PG_VERSION_NUM|PG_MAJORVERSION_NUM|PG_MAJORVERSION|CATALOG_VERSION_NO)\b/;
		}
	}
	return @bad;
}

# Dependencies run one way: engines to job and write, those to core; no engine knows another, nor do job and write.
sub check_dependencies
{
	my @bad;
	for my $file (@c_files)
	{
		my ($part) = $file =~ m{^src/(\w+)/} or next;
		my $text = no_comments($c_text{$file});
		while ($text =~ m{^[ \t]*#\s*include\s+"(?:\.\./)?(\w+)/[^"]*"}mg)
		{
			my ($other, $line) = ($1, lines_before($text, $-[0]));
			next if $other eq $part || !-d "src/$other";
			next if ($level{$other} // 2) < ($level{$part} // 2);
			push @bad, "$file:$line: $part must not know $other";
		}
	}
	return @bad;
}

# Every function says what it does, before its definition or, when others call it, in its header.
sub check_function_comments
{
	my @bad;
	my %declared;
	for my $header (grep { /\.h$/ } @c_files)
	{
		# several declarations without an empty line between them share the comment above
		for my $block (split /\n\s*\n/, $c_text{$header})
		{
			next unless $block =~ m{\*/};
			my $code = code_only($block);
			$declared{$1} = 1 while $code =~ /\b(\w+)\s*\([^;{}]*\)[^;{}]*;/g;
		}
	}
	for my $file (@c_files)
	{
		for my $function (c_functions($file))
		{
			next if $function->{comment} || (!$function->{static} && $declared{ $function->{name} });
			push @bad, "$file:$function->{line}: $function->{name} has no comment";
		}
	}
	return @bad;
}

# A function fits a screen and a file fits the head.
sub check_sizes
{
	my @bad;
	for my $file (@c_files)
	{
		my $lines = ($c_text{$file} =~ tr/\n//);
		push @bad, "$file has $lines lines, more than 700" if $lines > 700;
		for my $function (c_functions($file))
		{
			push @bad, "$file:$function->{line}: $function->{name} has $function->{length} lines, more than 80"
			  if $function->{length} > 80;
		}
	}
	return @bad;
}

# Nothing is left for later in a comment.
sub check_leftovers
{
	my @bad;
	my $marks = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX';
	for my $file (@c_files, @scripts, @tests, files('docs', qr/\.md/), glob('*.md Makefile dev/* bench/* .ci/*'))
	{
		next unless -f $file;
		my $line = 0;
		for (split /\n/, slurp($file))
		{
			$line++;
			push @bad, "$file:$line: $1" if /\b($marks)\b/;
		}
	}
	return @bad;
}

# Every error has an SQLSTATE.
sub check_errcodes
{
	my @bad;
	for my $file (@c_files)
	{
		my $code = $c_code{$file};
		while ($code =~ /\bereport\s*(\((?:[^()]++|(?1))*\))/g)
		{
			my ($call, $at) = ($1, $-[0]);
			next unless $call =~ /^\(\s*(?:ERROR|FATAL|PANIC|elevel)\b/;
			push @bad, "$file:" . lines_before($code, $at) . ': ereport without errcode' unless $call =~ /\berrcode\w*\s*\(/;
		}
	}
	return @bad;
}

# What SQL of ours compares is compared by the server's operators, whatever search_path finds: they are named with their schema, and
# what would look one up by itself is not used.  The presets' tables and plans are SQL of the user's.
sub check_operators
{
	my @bad;
	my $looks_up = qr/\b(?:NULLIF|NATURAL|USING)\s*\(|\bBETWEEN\b|\b(?:I?LIKE|SIMILAR TO)\b|\bIN\s*\((?!SELECT\b.*AS\b)|\bCASE\s+(?!WHEN\b)\S|\bDISTINCT FROM (?!NULL\b)/;
	my $bare = qr/[\w)\]'"]\s(?:<>|!=|<=|>=|<|>|\|\||~\*?|@>|<@|&&)\s[\w(\$%']/;
	for my $file (grep { m{\.c$} && !m{_(?:tables|plan)\.c$} } @c_files)
	{
		my $text = no_comments($c_text{$file});
		while ($text =~ /"((?:\\.|[^"\\\n])*)"/g)
		{
			my ($string, $line) = ($1, lines_before($text, $-[0]));
			push @bad, "$file:$line: $&" if $string !~ m{^\{} && ($string =~ $looks_up || $string =~ $bare);
		}
	}
	return @bad;
}

# Tests and their expected output belong together, and no name is taken twice: pg_regress would run sql/NAME.sql for the test.
sub check_test_names
{
	my @bad;
	my %script = map { m{([^/]+)\.sql$} ? ($1 => 1) : () } @scripts;
	my %regress = map { m{([^/]+)\.sql$} ? ($1 => 1) : () } glob('test/sql/*.sql');
	my %isolation = map { m{([^/]+)\.spec$} ? ($1 => 1) : () } glob('test/isolation/specs/*.spec');
	for my $name (sort keys %regress)
	{
		push @bad, "test/sql/$name.sql has the name of a script in sql/" if $script{$name};
		push @bad, "test/sql/$name.sql and an isolation spec have one name" if $isolation{$name};
		push @bad, "expected/$name.out is missing" unless -f "expected/$name.out";
	}
	for my $name (sort keys %isolation)
	{
		push @bad, "test/isolation/expected/$name.out is missing" unless -f "test/isolation/expected/$name.out";
	}
	for my $file (glob('expected/*.out test/isolation/expected/*.out'))
	{
		# NAME_1.out is another accepted output of NAME
		my ($name) = $file =~ m{([^/]+?)(?:_\d)?\.out$};
		my $tests = $file =~ /^expected/ ? \%regress : \%isolation;
		push @bad, "$file has no test" unless $tests->{$name};
	}
	for my $file (glob('test/* test/*/*'))
	{
		push @bad, "$file: no suite runs this" if -f $file && $file !~ m{^test/(sql/[^/]+\.sql|pgtap/[^/]+\.sql|tap/[^/]+\.p[lm]|isolation/README\.md|README\.md)$};
	}
	return @bad;
}

# No line has blanks at its end, and every file ends with a newline.
sub check_whitespace
{
	my @bad;
	for my $file (@c_files, @scripts, files('docs', qr/\.md/), glob('*.md Makefile *.json *.control dev/* .ci/*'))
	{
		my $text = slurp($file);
		push @bad, "$file:" . lines_before($text, $-[0]) . ': blanks at the end of a line' if $text =~ /[ \t]+$/m;
		push @bad, "$file: no newline at the end" unless $text =~ /\n\z/;
	}
	return @bad;
}

# ---- run ----------------------------------------------------------------------------------------------------------------

for (
	[ 'exported symbols', \&check_exported_symbols ],
	[ 'settings in order', \&check_settings_order ],
	[ 'documented and tested', \&check_documented_and_tested ],
	[ 'SQL scripts', \&check_sql_scripts ],
	[ 'versions agree', \&check_versions ],
	[ 'released scripts', \&check_released_scripts ],
	[ 'version checks in one file', \&check_version_ifs ],
	[ 'dependencies one way', \&check_dependencies ],
	[ 'functions have comments', \&check_function_comments ],
	[ 'sizes', \&check_sizes ],
	[ 'nothing left for later', \&check_leftovers ],
	[ 'errors have a code', \&check_errcodes ],
	[ 'operators of the server', \&check_operators ],
	[ 'test names', \&check_test_names ],
	[ 'whitespace', \&check_whitespace ])
{
	my ($name, $check) = @$_;
	my @bad = $check->();
	printf "%-32s %s\n", $name, @bad ? 'FAILED' : 'ok';
	print "    $_\n" for @bad;
	@bad ? $failed++ : $passed++;
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
