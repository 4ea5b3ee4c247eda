# What the tests of the cache have in common that try to prove it wrong: tables that are changed in all ways, and sessions that change
# them and that read them both from the cache and by themselves.
#
# What is read of a thing is a number that never goes down from one committed state to the next.  A reader asks by a query of its own,
# then the cache, then by a query again, each in a new snapshot: what the cache says must lie between.  In REPEATABLE READ the two
# queries say the same, so the cache has to.  A query that runs after the transaction has changed the thing shows that, and no
# other session can undo it, so the cache has to show it too; what was rolled back must not be seen.
package CacheWorkload;
use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(ask leave make_workload start_reader start_writer start_preparers end_client wrongs_of counted_by hits_of);

# The session of a server that ask() uses.
my %sessions;

# Runs SQL in a session that lasts, and returns what it prints.
sub ask
{
	my ($node, $sql) = @_;
	no warnings 'redefine';
	local *PostgreSQL::Test::BackgroundPsql::note = sub { };
	if (!$sessions{ $node->name })
	{
		$sessions{ $node->name } = $node->background_psql('postgres');
		$sessions{ $node->name }->set_query_timer_restart();
	}
	return $sessions{ $node->name }->query_safe($sql);
}

# Ends that session: before the server is stopped, or when it has been.
sub leave
{
	my ($node) = @_;
	my $session = delete $sessions{ $node->name };
	eval { $session->quit } if $session;
	return;
}

# The things, data definition last: tables, what the query of the reader is, what asks the cache, how the number is found in its answer (got), and changes.
# k is a number from 1 to 3, x a number to use.
my @things = (
	{
		# All rows, asked for by a cache that finds out itself what the query depends on.
		name => 'whole',
		tables => q{CREATE TABLE counters (id int PRIMARY KEY, n bigint NOT NULL);
			INSERT INTO counters SELECT i, 0 FROM generate_series(1, 100) AS i;
			CREATE SEQUENCE more_counters START 101;
			SELECT pollseed_cache_track('counters', 'id')},
		direct => q{SELECT sum(n) FROM counters},
		cached => q{pollseed_cache_fetch('plain', 'whole', 'SELECT to_jsonb(sum(n)) FROM counters')},
		changes => [
			q{UPDATE counters SET n = n + 1 WHERE id = k},
			q{UPDATE counters SET n = n + 1 WHERE id <= 30 * k},
			q{INSERT INTO counters VALUES (nextval('more_counters'), 1)},
			q{WITH gone AS (DELETE FROM counters WHERE id > 100 RETURNING n) SELECT coalesce(sum(n), 0) INTO x FROM gone;
				UPDATE counters SET n = n + x WHERE id = k} ],
	},
	{
		# Rows of one key, in a cache that forgets soon and in one that has room for two.
		name => 'key',
		direct => q{SELECT n FROM counters WHERE id = k},
		cached => q{pollseed_cache_fetch(CASE WHEN random() < 0.7 THEN 'brief' ELSE 'narrow' END, 'key ' || k,
			'SELECT to_jsonb(n) FROM counters WHERE id = ' || k, depends_on => ARRAY['counters:' || k])},
		changes => [
			q{UPDATE counters SET n = n + 1 WHERE id = k},
			q{UPDATE counters SET n = n + 1 WHERE id = k; UPDATE counters SET n = n + 1 WHERE id = 4 - k},
			q{UPDATE counters SET n = n + 1} ],
	},
	{
		# A column that is summed up in memory, beside a table that must never be seen without it.
		name => 'votes',
		tables => q{CREATE TABLE choices (id int PRIMARY KEY, votes bigint NOT NULL, label text, updated_at timestamptz);
			CREATE TABLE choices_base (n bigint NOT NULL);
			INSERT INTO choices SELECT i, 0 FROM generate_series(1, 5) AS i;
			INSERT INTO choices_base VALUES (0);
			CREATE SEQUENCE more_choices START 6;
			SELECT pollseed_cache_track('choices', 'id', 'votes', '{updated_at}');
			SELECT pollseed_cache_track('choices_base')},
		direct => q{SELECT (SELECT sum(votes) FROM choices) + (SELECT n FROM choices_base)},
		cached => q{pollseed_cache_fetch('plain', 'votes', 'SELECT jsonb_build_object(''choices#votes'', (SELECT jsonb_object_agg(id, votes) FROM choices),
			''base'', (SELECT n FROM choices_base))', depends_on => '{choices#votes,choices_base}')},
		value => q{(SELECT sum(e.value::bigint) FROM jsonb_each_text(got -> 'choices#votes') AS e) + (got ->> 'base')::bigint},
		changes => [
			(q{UPDATE choices SET votes = votes + 1 WHERE id = k}) x 3,
			q{UPDATE choices SET votes = votes + 2, updated_at = now() WHERE id = k; UPDATE choices SET votes = votes - 1 WHERE id = 4},
			q{UPDATE choices SET votes = votes + k},
			q{UPDATE choices SET label = k, votes = votes + 1 WHERE id = k},
			q{UPDATE choices SET votes = votes - 5 WHERE id = k; UPDATE choices_base SET n = n + 6},
			q{INSERT INTO choices VALUES (nextval('more_choices'), k)},
			q{WITH gone AS (DELETE FROM choices WHERE id > 5 RETURNING votes) SELECT coalesce(sum(votes), 0) INTO x FROM gone;
				UPDATE choices_base SET n = n + x} ],
	},
	{
		# Rows that are counted in memory, with a base that takes over what is deleted.
		name => 'events',
		tables => q{CREATE TABLE happened (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, option_id int NOT NULL);
			CREATE TABLE happened_base (n bigint NOT NULL);
			INSERT INTO happened (option_id) SELECT i % 3 + 1 FROM generate_series(1, 50) AS i;
			INSERT INTO happened_base VALUES (0);
			SELECT pollseed_cache_track('happened', 'option_id', '*');
			SELECT pollseed_cache_track('happened_base')},
		direct => q{SELECT (SELECT count(*) FROM happened) + (SELECT n FROM happened_base)},
		cached => q{pollseed_cache_fetch('plain', 'happened', 'SELECT jsonb_build_object(''happened#*'',
			(SELECT coalesce(jsonb_object_agg(option_id, n), ''{}'') FROM (SELECT option_id, count(*) AS n FROM happened GROUP BY option_id) AS c),
			''base'', (SELECT n FROM happened_base))', depends_on => '{happened#*,happened_base}')},
		value => q{(SELECT coalesce(sum(e.value::bigint), 0) FROM jsonb_each_text(got -> 'happened#*') AS e) + (got ->> 'base')::bigint},
		changes => [
			(q{INSERT INTO happened (option_id) VALUES (k)}) x 3,
			q{INSERT INTO happened (option_id) VALUES (k), (k + 1), (k + 2)},
			q{INSERT INTO happened (option_id) VALUES (floor(random() * 600) - 300)},
			q{UPDATE happened SET option_id = k WHERE id IN (SELECT id FROM happened WHERE option_id = k + 1 LIMIT 3)},
			q{WITH gone AS (DELETE FROM happened WHERE id IN (SELECT id FROM happened WHERE option_id = k LIMIT 20) RETURNING id) SELECT count(*) INTO x FROM gone;
				UPDATE happened_base SET n = n + x + 1},
			q{PERFORM read_committed(); LOCK TABLE happened; SELECT count(*) INTO x FROM happened; TRUNCATE happened; UPDATE happened_base SET n = n + x + 1} ],
	},
	{
		# A sum that is the same in every state, so in every answer.
		name => 'wallets',
		tables => q{CREATE TABLE wallets (id bigint PRIMARY KEY, amount int NOT NULL);
			INSERT INTO wallets SELECT i, 100 FROM generate_series(1, 4) AS i;
			CREATE SEQUENCE more_wallets START 5;
			SELECT pollseed_cache_track('wallets', 'id', 'amount')},
		direct => q{SELECT sum(amount) FROM wallets},
		cached => q{pollseed_cache_fetch('plain', 'wallets', 'SELECT jsonb_build_object(''wallets#amount'', (SELECT jsonb_object_agg(id, amount) FROM wallets))',
			depends_on => '{wallets#amount}')},
		value => q{(SELECT sum(e.value::bigint) FROM jsonb_each_text(got -> 'wallets#amount') AS e)},
		changes => [
			q{UPDATE wallets SET amount = amount - k WHERE id = k; UPDATE wallets SET amount = amount + k WHERE id = 4},
			q{UPDATE wallets SET amount = amount + CASE id WHEN k THEN 1 ELSE -1 END WHERE id IN (k, k + 1)},
			q{INSERT INTO wallets VALUES (nextval('more_wallets'), 0)} ],
	},
	{
		# The live poll, whose votes and events must be as many.
		name => 'poll',
		tables => q{SELECT pollseed_create_poll_tables()},
		direct => q{SELECT CASE WHEN (SELECT sum(votes) FROM options) = (SELECT count(*) FROM vote_events) THEN (SELECT sum(votes) FROM options) ELSE -1 END},
		cached => q{pollseed_poll_stats()},
		value => q{CASE WHEN got -> 'total_votes' = got -> 'total_events' THEN (got ->> 'total_votes')::bigint ELSE -1 END},
		changes => [
			(q{PERFORM pollseed_cast_vote(k)}) x 3,
			q{PERFORM pollseed_cast_vote(k), pollseed_cast_vote(4)},
			q{UPDATE options SET text = CASE WHEN text LIKE '%!' THEN rtrim(text, '!') ELSE text || '!' END WHERE id = k; PERFORM pollseed_cast_vote(k)} ],
	},
	{
		# Two tables that are changed together.
		name => 'both',
		tables => q{CREATE TABLE lefts (id int PRIMARY KEY, n bigint NOT NULL);
			CREATE TABLE rights (id int PRIMARY KEY, n bigint NOT NULL);
			INSERT INTO lefts SELECT i, 0 FROM generate_series(1, 3) AS i;
			INSERT INTO rights TABLE lefts;
			CREATE VIEW sides AS SELECT CASE WHEN sum(l.n) = sum(r.n) THEN sum(l.n) ELSE -1 END AS n FROM lefts AS l JOIN rights AS r USING (id);
			SELECT pollseed_cache_track('lefts'), pollseed_cache_track('rights')},
		direct => q{SELECT n FROM sides},
		cached => q{pollseed_cache_fetch('plain', 'both', 'SELECT to_jsonb(n) FROM sides')},
		changes => [ q{UPDATE lefts SET n = n + 1 WHERE id = k; UPDATE rights SET n = n + 1 WHERE id = k} ],
	},
	{
		# Partitions of partitions, written through any of them, attached and detached.
		name => 'parts',
		tables => q{CREATE TABLE parts (id int NOT NULL, n bigint NOT NULL) PARTITION BY RANGE (id);
			CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
			CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (100) PARTITION BY LIST (id);
			CREATE TABLE parts_20 (extra int, n bigint NOT NULL, id int NOT NULL);
			ALTER TABLE parts_20 DROP extra;
			ALTER TABLE parts_2 ATTACH PARTITION parts_20 DEFAULT;
			INSERT INTO parts SELECT i, 0 FROM generate_series(1, 20) AS i;
			SELECT pollseed_cache_track('parts')},
		direct => q{SELECT sum(n) FROM parts},
		cached => q{pollseed_cache_fetch('plain', 'parts', 'SELECT to_jsonb(sum(n)) FROM parts')},
		changes => [
			(q{UPDATE parts SET n = n + 1 WHERE id = k + 10},
			q{UPDATE parts_1 SET n = n + 1 WHERE id = k},
			q{UPDATE parts_2 SET n = n + 1 WHERE id = k + 10},
			q{UPDATE parts_20 SET n = n + 1 WHERE id = k + 10},
			q{UPDATE parts SET id = 50 - id, n = n + 1 WHERE id IN (k + 5, 45 - k)}) x 2,
			q{PERFORM read_committed(); LOCK TABLE parts; IF to_regclass('parts_x') IS NULL THEN
				CREATE TABLE parts_x (LIKE parts); INSERT INTO parts_x VALUES (1000, 1); ALTER TABLE parts ATTACH PARTITION parts_x FOR VALUES FROM (1000) TO (2000);
			ELSE
				EXECUTE 'SELECT sum(n) FROM parts_x' INTO x; UPDATE parts SET n = n + x WHERE id = k; ALTER TABLE parts DETACH PARTITION parts_x; DROP TABLE parts_x;
			END IF} ],
	},
	{
		# One of them, read by its own name.
		name => 'part',
		direct => q{SELECT sum(n) FROM parts_1 WHERE id < 5},
		cached => q{pollseed_cache_fetch('plain', 'part', 'SELECT to_jsonb(sum(n)) FROM parts_1 WHERE id < 5')},
		changes => [ q{UPDATE parts SET n = n + 1 WHERE id = k}, q{UPDATE parts_1 SET n = n + 1 WHERE id = k} ],
	},
	{
		name => 'heirs',
		tables => q{CREATE TABLE kin (id int, n bigint NOT NULL);
			CREATE TABLE kin_1 () INHERITS (kin);
			INSERT INTO kin VALUES (1, 0); INSERT INTO kin_1 VALUES (2, 0), (3, 0);
			SELECT pollseed_cache_track('kin')},
		direct => q{SELECT sum(n) FROM kin},
		cached => q{pollseed_cache_fetch('plain', 'heirs', 'SELECT to_jsonb(sum(n)) FROM kin')},
		changes => [ q{UPDATE kin SET n = n + 1 WHERE id = k}, q{UPDATE kin_1 SET n = n + 1} ],
	},
	{
		# A table that only a foreign key's cascade writes to.
		name => 'cascade',
		tables => q{CREATE TABLE owners (key bigint PRIMARY KEY);
			CREATE TABLE owned (id int, key bigint REFERENCES owners ON UPDATE CASCADE);
			INSERT INTO owners VALUES (1);
			INSERT INTO owned VALUES (1, 1);
			SELECT pollseed_cache_track('owned')},
		direct => q{SELECT max(key) FROM owned},
		cached => q{pollseed_cache_fetch('plain', 'cascade', 'SELECT to_jsonb(max(key)) FROM owned')},
		changes => [ q{UPDATE owners SET key = key + 1} ],
	},
	{
		name => 'copied',
		tables => q{CREATE TABLE copied (n bigint NOT NULL);
			INSERT INTO copied VALUES (0);
			SELECT pollseed_cache_track('copied')},
		direct => q{SELECT sum(n) FROM copied},
		cached => q{pollseed_cache_fetch('plain', 'copied', 'SELECT to_jsonb(sum(n)) FROM copied')},
		changes => [
			(q{COPY copied FROM '%COPY%'}) x 2,
			q{LOCK TABLE copied IN EXCLUSIVE MODE; SELECT sum(n) + 1 INTO x FROM copied; DELETE FROM copied; INSERT INTO copied VALUES (x)} ],
	},
	{
		# A table that is empty between TRUNCATE and INSERT, which nobody may see, nor by a snapshot from before.
		name => 'emptied',
		tables => q{CREATE TABLE emptied (n bigint NOT NULL);
			CREATE SEQUENCE emptied_n;
			INSERT INTO emptied VALUES (0);
			SELECT pollseed_cache_track('emptied')},
		direct => q{SELECT coalesce(max(n), -1) FROM emptied},
		cached => q{pollseed_cache_fetch('plain', 'emptied', 'SELECT to_jsonb(coalesce(max(n), -1)) FROM emptied')},
		changes => [ q{LOCK TABLE emptied; PERFORM pg_sleep(0.002); TRUNCATE emptied; INSERT INTO emptied VALUES (nextval('emptied_n'))} ],
	},
	{
		# What writers put there themselves.  There may be nothing.
		name => 'put',
		tables => q{CREATE TABLE puts (id int PRIMARY KEY, n bigint NOT NULL);
			INSERT INTO puts SELECT i, 0 FROM generate_series(1, 3) AS i;
			SELECT pollseed_cache_track('puts', 'id')},
		direct => q{SELECT n FROM puts WHERE id = k},
		cached => q{pollseed_cache_get('plain', 'put ' || k)},
		may_be_null => 1,
		changes => [
			# What is put has to be so when the transaction commits: by a lock, or by a snapshot, which the cache knows to compare.
			(q{IF current_setting('transaction_isolation') = 'read committed' THEN PERFORM FROM puts WHERE id = k FOR UPDATE; END IF;
				SELECT n INTO x FROM puts WHERE id = k; PERFORM pollseed_cache_put('plain', 'put ' || k, to_jsonb(x), depends_on => ARRAY['puts:' || k])}) x 2,
			q{UPDATE puts SET n = n + 1 WHERE id = k} ],
	},
	{
		# Commands that change results without writing rows.
		name => 'view',
		tables => q{CREATE SEQUENCE view_n; CREATE VIEW stamp AS SELECT 0::bigint AS n},
		direct => q{SELECT n FROM stamp},
		cached => q{pollseed_cache_fetch('plain', 'view', 'SELECT to_jsonb(n) FROM stamp')},
		changes => [ q{LOCK TABLE stamp; EXECUTE format('CREATE OR REPLACE VIEW stamp AS SELECT %s::bigint AS n', nextval('view_n'))} ],
	},
	{
		name => 'rewritten',
		tables => q{CREATE TABLE rewritten (n bigint);
			INSERT INTO rewritten VALUES (0), (0);
			SELECT pollseed_cache_track('rewritten')},
		direct => q{SELECT coalesce(sum(n), -1) FROM rewritten},
		cached => q{pollseed_cache_fetch('plain', 'rewritten', 'SELECT to_jsonb(coalesce(sum(n), -1)) FROM rewritten')},
		changes => [
			q{ALTER TABLE rewritten ALTER n TYPE bigint USING n + 1},
			q{LOCK TABLE rewritten; ALTER TABLE rewritten ADD m bigint DEFAULT 5; UPDATE rewritten SET n = n + m; ALTER TABLE rewritten DROP m} ],
	},
	{
		# The last one cannot be prepared, because of the temporary tables of REFRESH CONCURRENTLY.
		name => 'materialized',
		tables => q{CREATE TABLE written (n bigint NOT NULL);
			INSERT INTO written VALUES (0);
			CREATE MATERIALIZED VIEW materialized AS SELECT n FROM written;
			CREATE UNIQUE INDEX ON materialized (n)},
		direct => q{SELECT coalesce(max(n), -1) FROM materialized},
		cached => q{pollseed_cache_fetch('plain', 'materialized', 'SELECT to_jsonb(coalesce(max(n), -1)) FROM materialized')},
		changes => [
			q{UPDATE written SET n = n + 1; REFRESH MATERIALIZED VIEW materialized},
			q{UPDATE written SET n = n + 1; REFRESH MATERIALIZED VIEW CONCURRENTLY materialized} ],
	});

# The function that checks a thing some times, and the one that changes it.
sub functions_of
{
	my ($thing, $fetches) = @_;
	my $value = $thing->{value} // 'got::bigint';
	my $null = $thing->{may_be_null} ? 'CONTINUE' : q{b := -1000};
	my $changes = join "\n", map { "WHEN $_ THEN $thing->{changes}[$_];" } 0 .. $#{ $thing->{changes} };
	my $many = @{ $thing->{changes} };
	my $wrong = sub { "RAISE WARNING 'wrong: $thing->{name}, k = %, $_[0]: % then %, %, %', k, a, $_[1], current_setting('transaction_isolation'), pollseed_cache_last(); problems := problems + 1;" };
	return qq{
		CREATE FUNCTION check_$thing->{name}(tries int, INOUT problems int) LANGUAGE plpgsql AS \$f\$
		DECLARE
			k int := 1 + floor(random() * 3);
			got jsonb;
			a bigint;
			b bigint;
			c bigint;
		BEGIN
			a := ($thing->{direct});
			FOR i IN 1..tries LOOP
				FOR j IN 1..$fetches LOOP
					got := $thing->{cached};
					b := $value;
					IF b IS NULL THEN $null; END IF;
					IF b < a THEN ${\ $wrong->('the cache was behind', 'b')} END IF;
					a := b;
				END LOOP;
				c := ($thing->{direct});
				IF c < a THEN ${\ $wrong->('the cache was ahead', 'c')} END IF;
				a := c;
			END LOOP;
		END \$f\$;
		CREATE FUNCTION change_$thing->{name}() RETURNS void LANGUAGE plpgsql AS \$f\$
		DECLARE
			k int := 1 + floor(random() * 3);
			x bigint;
		BEGIN
			CASE floor(random() * $many)
				$changes
			END CASE;
		END \$f\$;
	};
}

# Makes the tables and the procedures in the database postgres of a server that has the extension there.  Readers ask the cache that often
# between two queries of their own.
sub make_workload
{
	my ($node, $fetches) = @_;
	$fetches //= 5;
	my $copy = $node->basedir . '/copied';
	append_to_file($copy, "1\n2\n0\n");
	chmod 0644, $copy;
	my $check = join "\n", map { "WHEN $_ THEN RETURN check_$things[$_]{name}(tries, 0);" } 0 .. $#things;
	my $change = join "\n", map { "WHEN $_ THEN PERFORM change_$things[$_]{name}();" } 0 .. $#things;
	my $many = @things;
	my $sql = q{
		SET client_min_messages = warning;
		SELECT pollseed_cache_create('plain'), pollseed_cache_create('brief', ttl => '50 ms', shared => true), pollseed_cache_create('narrow', max_entries => 2);
		-- Changes that are right only where each statement sees what is committed
		CREATE FUNCTION read_committed() RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			IF current_setting('transaction_isolation') <> 'read committed' THEN
				RAISE serialization_failure;
			END IF;
		END $$;
		} . join("\n", map { ($_->{tables} // '') . ";\n" . functions_of($_, $fetches) } @things) . qq{
		CREATE FUNCTION check_one(thing int, tries int) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN CASE thing $check END CASE; END \$\$;
		-- Checks all things but those that a prepared transaction has locked.
		CREATE FUNCTION check_all() RETURNS int LANGUAGE plpgsql SET lock_timeout = '200ms' AS \$\$
		DECLARE
			problems int := 0;
		BEGIN
			FOR thing IN 0..$#things LOOP
				BEGIN
					problems := problems + check_one(thing, 6);
				EXCEPTION WHEN lock_not_available THEN
					NULL;
				END;
			END LOOP;
			RETURN problems;
		END \$\$;
		CREATE FUNCTION change_one(thing int) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN CASE thing $change END CASE; END \$\$;
		-- Most sessions are at the same few things at the same time, and then at others.
		CREATE FUNCTION a_thing() RETURNS int LANGUAGE sql VOLATILE AS \$\$
			SELECT CASE WHEN random() < 0.8 THEN (3 * floor(extract(epoch FROM clock_timestamp()) * 2)::bigint + floor(random() * 3)::int) % $many ELSE floor(random() * $many) END::int \$\$;
		CREATE FUNCTION one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT choices[1 + floor(random() * cardinality(choices))]';

		-- Changes something in a subtransaction that is rolled back.
		CREATE PROCEDURE change_in_vain(thing int) LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM change_one(thing);
			RAISE EXCEPTION USING ERRCODE = 'P0099';
		EXCEPTION WHEN SQLSTATE 'P0099' THEN
			NULL;
		END \$\$;

		-- What is prepared and may be ended by others.
		CREATE TABLE ready (gid text PRIMARY KEY);

		-- Reads until then: mostly one thing at a time, else some of them in a transaction that may change them too.
		CREATE PROCEDURE read_on(until timestamptz, seed float8, INOUT reads bigint DEFAULT 0, INOUT problems int DEFAULT 0) LANGUAGE plpgsql AS \$\$
		DECLARE
			way float8;
			thing int;
			changes boolean;
		BEGIN
			PERFORM setseed(seed);
			WHILE clock_timestamp() < until AND problems < 5 LOOP
				PERFORM set_config('pollseed.test_wait_at', one_of('none', 'none', 'versions', 'snapshot', 'publish'), false);
				way := random();
				PERFORM set_config('default_transaction_isolation', CASE WHEN way > 0.95 THEN 'serializable' WHEN way > 0.85 THEN 'repeatable read' ELSE 'read committed' END, false);
				COMMIT;
				IF way < 0.75 THEN
					PERFORM set_config('lock_timeout', '5s', true);
					problems := problems + check_one(a_thing(), 8);
					reads := reads + 8 * $fetches;
					CONTINUE;
				END IF;
				BEGIN
					changes := random() < 0.5;
					FOR i IN 1..3 LOOP
						thing := a_thing();
						problems := problems + check_one(thing, 2);
						IF changes THEN
							IF random() < 0.5 THEN
								CALL change_in_vain(thing);
							END IF;
							IF random() < 0.5 THEN
								PERFORM change_one(thing);
							END IF;
						ELSE
							PERFORM pg_sleep(0.002);
						END IF;
						problems := problems + check_one(thing, 2);
						reads := reads + 4 * $fetches;
					END LOOP;
				EXCEPTION WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
					NULL;
				END;
				IF random() < 0.5 THEN
					ROLLBACK;
				END IF;
			END LOOP;
			COMMIT;
		END \$\$;

		-- Changes things, one or two a transaction, of which some are rolled back.
		CREATE PROCEDURE write_on(until timestamptz, seed float8, INOUT writes bigint DEFAULT 0) LANGUAGE plpgsql AS \$\$
		DECLARE
			done boolean;
		BEGIN
			PERFORM setseed(seed);
			WHILE clock_timestamp() < until LOOP
				PERFORM set_config('pollseed.test_wait_at', one_of('none', 'pending', 'visible'), false);
				PERFORM set_config('default_transaction_isolation', one_of('read committed', 'read committed', 'read committed', 'repeatable read', 'serializable'), false);
				COMMIT;
				done := false;
				BEGIN
					FOR i IN 1..1 + floor(random() * 2) LOOP
						IF random() < 0.2 THEN
							CALL change_in_vain(a_thing());
						END IF;
						PERFORM change_one(a_thing());
					END LOOP;
					IF random() < 0.03 THEN
						PERFORM pollseed_cache_delete('plain', one_of('whole', 'votes', 'put 1')), pollseed_cache_clear(one_of('plain', 'brief', 'narrow'));
					END IF;
					done := random() < 0.85;
				EXCEPTION WHEN serialization_failure OR deadlock_detected OR lock_not_available OR object_in_use THEN
					NULL;
				END;
				IF done THEN
					COMMIT;
					writes := writes + 1;
				ELSE
					ROLLBACK;
				END IF;
				PERFORM pg_sleep(random() * 0.004);
			END LOOP;
			COMMIT;
		END \$\$
	};
	$sql =~ s/%COPY%/$copy/g;
	$node->safe_psql('postgres', $sql);
	return;
}

# Starts a session that calls a procedure, for so many seconds, and again where it gave up on a lock, or a commit failed.
sub start_call
{
	my ($node, $procedure, $seconds) = @_;
	my %client = (out => '', err => '');
	my $end = time + $seconds;
	my @calls = map { ('-c', "CALL $procedure(to_timestamp($end), ${\ (rand() * 2 - 1)})") } 1 .. 60;
	my $settings = "SET client_min_messages = warning; SET lock_timeout = '100ms'; SET deadlock_timeout = '20ms'; SET jit = off";
	$client{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $settings, @calls ],
		'<', \'', '>', \$client{out}, '2>', \$client{err});
	return \%client;
}

sub start_reader { return start_call($_[0], 'read_on', $_[1]) }
sub start_writer { return start_call($_[0], 'write_on', $_[1]) }

sub start_script
{
	my ($node, $seconds, $clients, $sql) = @_;
	my %client = (out => '', err => '', script => File::Temp->new(SUFFIX => '.sql'));
	print { $client{script} } $sql;
	$client{script}->close;
	chmod 0644, $client{script}->filename;
	local $ENV{PGOPTIONS} = '-c client_min_messages=warning -c lock_timeout=100ms -c deadlock_timeout=20ms';
	$client{run} = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-T', int($seconds + 0.99), '-f', $client{script}->filename, $node->connstr('postgres') ],
		'<', \'', '>', \$client{out}, '2>', \$client{err});
	return \%client;
}

# Starts sessions that prepare transactions, and one that ends them.
sub start_preparers
{
	my ($node, $seconds) = @_;
	my $last = $#things - 1;
	my $prepare = start_script($node, $seconds, 2, qq{
		\\set thing random(0, $last)
		\\set then random(1, 4)
		SELECT count(*) AS there FROM ready WHERE gid = 'p:client_id' \\gset
		\\if :there > 0
			\\sleep 1 ms
		\\else
			BEGIN;
			DO \$\$ BEGIN PERFORM change_one(:thing); EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR serialization_failure THEN NULL; END \$\$;
			\\if :then > 2
				PREPARE TRANSACTION 'p:client_id';
				INSERT INTO ready VALUES ('p:client_id');
			\\else
				PREPARE TRANSACTION 'own:client_id';
				\\if :then = 1
					COMMIT PREPARED 'own:client_id';
				\\else
					ROLLBACK PREPARED 'own:client_id';
				\\endif
			\\endif
		\\endif
	});
	my $finish = start_script($node, $seconds + 1, 1, qq{
		\\set commits random(0, 3)
		SELECT count(*) > 0 AS there, coalesce(max(gid), '') AS gid FROM ready \\gset
		\\if :there
			\\if :commits > 0
				COMMIT PREPARED ':gid';
			\\else
				ROLLBACK PREPARED ':gid';
			\\endif
			DELETE FROM ready WHERE gid = ':gid';
		\\else
			\\sleep 1 ms
		\\endif
	});
	return ($prepare, $finish);
}

# Waits for the end of a client.
sub end_client
{
	my ($client) = @_;
	eval { $client->{run}->finish };
	return $client;
}

# What clients have met that is wrong, or that is an error they may not meet.
sub wrongs_of
{
	my @lines = map { split /\n/, $_->{err} } @_;
	return join "\n", grep { /wrong:|(?:ERROR|FATAL|PANIC|error):/ && !/could not serialize access|due to lock timeout|deadlock detected/ } @lines;
}

# How many answers readers have checked, or how many transactions writers have committed.
sub counted_by
{
	my $count = 0;
	$count += $_ for map { $_->{out} =~ /^(\d+)\b/mg } @_;
	return $count;
}

# How many answers were from memory.
sub hits_of
{
	my ($node) = @_;
	return ask($node, 'SELECT sum(hits) FROM pollseed_cache_stats');
}

1;
