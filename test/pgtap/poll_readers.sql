-- What readers show of a poll, compared with queries of the test's own; and what they take from memory is what they would compute.
--
-- Caches answer between transactions, so this file commits.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SET timezone = 'Asia/Kathmandu';
SELECT no_plan();

-- The error and the hint of a command
CREATE FUNCTION trouble_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, NULLIF(hint, ''));
END $$;

-- All that readers show, and what the cache did for it
CREATE FUNCTION shown(bypass boolean) RETURNS TABLE (what text, answer jsonb) LANGUAGE sql AS $$
    SELECT 'stats', pollseed_poll_stats(bypass) - 'computed_at'
    UNION ALL SELECT 'options', jsonb_agg(o) FROM pollseed_list_options(bypass) AS o
    UNION ALL SELECT 'activity', jsonb_agg(a) FROM pollseed_recent_activity(20, bypass) AS a
    UNION ALL SELECT 'trends', jsonb_agg(t) FROM pollseed_vote_trends(1440, 7, bypass) AS t
    UNION ALL SELECT kind, pollseed_chart_data(kind, bypass) FROM unnest('{pie,bar,timeline}'::text[]) AS kind
$$;
CREATE FUNCTION same(description text) RETURNS text LANGUAGE sql AS $$
    SELECT is_empty('(SELECT * FROM shown(false) EXCEPT SELECT * FROM shown(true)) UNION ALL (SELECT * FROM shown(true) EXCEPT SELECT * FROM shown(false))',
        description)
$$;

-- No tables
SELECT is(trouble_of(c), '42P01 | relation "' || t || '" does not exist', c || ' without tables')
  FROM (VALUES ('SELECT pollseed_poll_stats()', 'options'), ('SELECT * FROM pollseed_list_options()', 'options'),
               ('SELECT pollseed_chart_data()', 'options'), ('SELECT pollseed_chart_data(''timeline'')', 'options'),
               ('SELECT * FROM pollseed_vote_trends()', 'options'), ('SELECT * FROM pollseed_recent_activity()', 'vote_events')) AS v(c, t);

-- No options, then no votes
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{}')$$, 'tables without options');
SELECT is(pollseed_poll_stats() - 'computed_at', '{"options": [], "percentages": {}, "total_votes": 0, "total_events": 0}', 'statistics of nothing');
SELECT is(pollseed_chart_data(), '{"type": "pie", "colors": [], "labels": [], "series": []}', 'a pie of nothing');
SELECT is_empty('SELECT * FROM pollseed_list_options()', 'no options are listed');
SELECT is_empty('SELECT * FROM pollseed_vote_trends()', 'there is no trend');
SELECT is_empty('SELECT * FROM pollseed_recent_activity()', 'nor activity');
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{Tea,Coffee,Milk}')$$, 'three options');
SELECT is(pollseed_poll_stats() - 'computed_at', '{"options": [{"id": 1, "text": "Tea", "votes": 0, "percentage": 0.00},
    {"id": 2, "text": "Coffee", "votes": 0, "percentage": 0.00}, {"id": 3, "text": "Milk", "votes": 0, "percentage": 0.00}],
    "percentages": {"Tea": 0.00, "Coffee": 0.00, "Milk": 0.00}, "total_votes": 0, "total_events": 0}', 'statistics without votes');
SELECT same('all readers, of no votes');

-- Percentages: of equals the first has more; the sum is 100 whatever the counts
SELECT lives_ok('SELECT pollseed_cast_vote(id) FROM options', 'a vote each');
SELECT is(pollseed_poll_stats()->'percentages', '{"Tea": 33.34, "Coffee": 33.33, "Milk": 33.33}', 'a third each');
SELECT is((pollseed_poll_stats()->'computed_at')::text::timestamptz <= clock_timestamp(), true, 'the time when it was computed');
CREATE FUNCTION counts(votes bigint[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('options#votes', jsonb_object_agg(i, v), 'vote_events#*', '{}'::jsonb, 'others', 0,
               'options', jsonb_agg(jsonb_build_object('id', i, 'text', 'option ' || i) ORDER BY i))
      FROM unnest(votes) WITH ORDINALITY AS u(v, i)
$$;
SELECT setseed(0.5) \g /dev/null
CREATE TABLE random_counts AS
    SELECT n, array_agg((random() ^ 8 * 10 ^ (n % 17))::bigint) AS votes FROM generate_series(1, 300) AS n, generate_series(1, 1 + n % 40) GROUP BY n;
CREATE TABLE random_shares AS
    SELECT r.n, (o->>'votes')::numeric AS votes, (o->>'percentage')::numeric AS percentage, sum((o->>'votes')::numeric) OVER (PARTITION BY r.n) AS total
      FROM random_counts AS r, jsonb_array_elements(pollseed.poll_stats_shown(counts(r.votes))->'options') AS o;
SELECT is_empty('SELECT n FROM random_shares WHERE total > 0 GROUP BY n HAVING sum(percentage) <> 100', 'percentages of any counts add up to 100');
SELECT is_empty('SELECT n FROM random_shares WHERE total = 0 GROUP BY n HAVING sum(percentage) <> 0', 'or to 0');
SELECT is_empty('SELECT * FROM random_shares WHERE total > 0 AND abs(percentage - 100 * votes / total) >= 0.01', 'each is next to what is exact');
SELECT is_empty('SELECT * FROM random_shares AS a JOIN random_shares AS b USING (n) WHERE a.votes > b.votes AND a.percentage < b.percentage',
    'more votes are never a smaller percentage');
SELECT is(pollseed.poll_stats_shown(counts('{4611686018427387904,4611686018427387903}'))->'percentages', '{"option 1": 50.00, "option 2": 50.00}', 'the largest counts');
SELECT is(trouble_of($$SELECT pollseed.poll_stats_shown(counts('{4611686018427387904,4611686018427387904}'))$$),
    '22003 | bigint out of range | The options have too many votes to be added up.', 'counts that do not add up');
SELECT is(pollseed.poll_stats_shown(counts('{-3,1,1}'))->'percentages', '{"option 1": 0.00, "option 2": 50.00, "option 3": 50.00}', 'less than no votes');
SELECT is(pollseed.poll_stats_shown('{"options#votes": {"7": 1}, "vote_events#*": {"7": 3, "8": 4}, "others": 5, "options": [{"id": 7, "text": null}, {"id": 9, "text": "x"}]}'),
    '{"options": [{"id": 7, "text": null, "votes": 1, "percentage": 100.00}, {"id": 9, "text": "x", "votes": 0, "percentage": 0.00}],
      "percentages": {"x": 0.00}, "total_votes": 1, "total_events": 12}', 'an option without a text, one without a count, events of none');

-- What is no document of ours raises an error
SELECT matches(trouble_of(format('SELECT pollseed.poll_stats_shown(%L), pollseed.chart_shown(%L, ''pie''), pollseed.options_shown(%L)', d, d, d)), '^22023 \| "', 'no counts: ' || d)
  FROM unnest('{1,"[]","{}","{\"options\": []}","{\"options\": {}, \"options#votes\": {}}","{\"options\": [1], \"options#votes\": {}}",
    "{\"options\": [[]], \"options#votes\": {}}","{\"options\": [{\"id\": \"1\", \"text\": \"\"}], \"options#votes\": {}}","{\"options\": [{\"id\": 1, \"text\": 2}], \"options#votes\": {}}",
    "{\"options\": [{\"id\": 1, \"text\": \"2\"}], \"options#votes\": {\"1\": \"x\"}}","{\"options\": [], \"options#votes\": []}"}'::text[]) AS d;
SELECT matches(trouble_of(format('SELECT pollseed.timeline_shown(%L), pollseed.trends_shown(%L)', d, d)), '^22023 \| "', 'no trends: ' || d)
  FROM unnest('{[],"{}","{\"window\": {}, \"options\": []}","{\"window\": 1, \"options\": []}"}'::text[]) AS d;

-- Votes over a day
SELECT lives_ok('SELECT pollseed_reset_votes()', 'no votes again');
SELECT lives_ok($$SELECT pollseed_seed(1100, 'weighted', '40 hours', seed => 1)$$, 'seeded votes of forty hours');
SELECT lives_ok('SELECT pollseed_cast_vote(3), pollseed_cast_vote(1)', 'votes of now');
INSERT INTO vote_events (option_id, language, event_type, inserted_at, updated_at)
VALUES (1, 'Tea', 'reset', now(), now()), (NULL, 'gone', 'vote', timezone('UTC', now()) - interval '1 hour', now()), (2, 'Coffee', 'vote', timezone('UTC', now()) + interval '1 year', now()),
    (2, 'Coffee', 'vote', 'infinity', now());
UPDATE options SET votes = votes + 2 WHERE id = 2;
SELECT is(pollseed_poll_stats()->'total_events', (SELECT to_jsonb(count(*)) FROM vote_events), 'all events are in the total');
SELECT is(pollseed_poll_stats()->'total_votes', (SELECT to_jsonb(sum(votes)) FROM options), 'all votes');
SELECT results_eq('SELECT * FROM pollseed_list_options()', 'SELECT id, text::text, votes::bigint FROM options ORDER BY id', 'the options');
SELECT results_eq($$SELECT o FROM jsonb_array_elements(pollseed_poll_stats()->'options') AS o$$,
    $$SELECT jsonb_build_object('id', o.id, 'text', o.text, 'votes', o.votes, 'percentage', pollseed_poll_stats()->'percentages'->o.text) FROM options AS o ORDER BY o.id$$,
    'and the same in the statistics');
SELECT same('all readers, of a day''s votes');

-- Trends: each bucket of the window, by a query of the test's own
CREATE FUNCTION expected_trends(minutes int, buckets int) RETURNS TABLE (bucket timestamptz, option_id bigint, text text, votes bigint, cumulative bigint, share float8)
LANGUAGE sql AS $$
    WITH width AS (SELECT make_interval(mins => minutes) / buckets AS width),
         until AS (SELECT date_bin(width, statement_timestamp(), '2000-01-01Z') + width AS until FROM width),
         bucket AS (SELECT until - b * width AS starts, until - (b - 1) * width AS ends FROM width, until, generate_series(1, buckets) AS b),
         event AS MATERIALIZED (SELECT option_id, timezone('UTC', inserted_at) AS at FROM vote_events WHERE event_type <> 'reset'),
         counted AS (SELECT b.starts, o.id, o.text, o.votes, count(*) FILTER (WHERE e.at >= b.starts AND e.at < b.ends) AS cast_then,
                            count(*) FILTER (WHERE e.at >= b.ends) AS cast_later
                       FROM bucket AS b CROSS JOIN options AS o LEFT JOIN event AS e ON e.option_id = o.id GROUP BY b.starts, b.ends, o.id)
    SELECT starts, id, text, cast_then, votes - cast_later, COALESCE((votes - cast_later)::float8 / NULLIF(sum(votes - cast_later) OVER (PARTITION BY starts), 0), 0)
      FROM counted ORDER BY starts, id
$$;
SELECT results_eq(format('SELECT * FROM pollseed_vote_trends(%s, %s)', m, b), format('SELECT * FROM expected_trends(%s, %s)', m, b), format('trends of %s minutes in %s buckets', m, b))
  FROM (VALUES (1440, 24), (1440, 1), (10, 3), (527040, 12)) AS v(m, b);
SELECT results_eq('SELECT * FROM pollseed_vote_trends()', 'SELECT * FROM expected_trends(60, 60)', 'an hour in minutes is the default');
SELECT results_eq('SELECT * FROM pollseed_vote_trends(NULL, NULL, NULL)', 'SELECT * FROM expected_trends(60, 60)', 'for nulls too');
SELECT is(count(*), 3000::bigint, 'as many buckets as may be') FROM pollseed_vote_trends(1, 1000);
SELECT is(trouble_of(format('SELECT * FROM pollseed_vote_trends(%s)', a)), '22023 | ' || m, 'trends of ' || a) FROM (VALUES
    ('0', 'minutes_back must be between 1 and 527040'), ('527041', 'minutes_back must be between 1 and 527040'), ('-5', 'minutes_back must be between 1 and 527040'),
    ('60, 0', 'buckets must be between 1 and 1000'), ('60, 1001', 'buckets must be between 1 and 1000')) AS v(a, m);
UPDATE options SET votes = 1 WHERE id = 1;
SELECT is(max(cumulative), sum(votes)::bigint, 'where the count is less than the votes cast since, these begin from 0') FROM pollseed_vote_trends(1440, 24) WHERE option_id = 1;
SELECT is(pollseed_recount_votes(), 1, 'recounted');

-- Charts
SELECT is(pollseed_chart_data(kind), pollseed_chart_data('pie'), 'a pie is the default') FROM unnest('{NULL,pie}'::text[]) AS kind;
SELECT is(pollseed_chart_data() - 'colors', (SELECT jsonb_build_object('type', 'pie', 'labels', jsonb_agg(text ORDER BY id), 'series', jsonb_agg(votes ORDER BY id)) FROM options), 'a pie');
SELECT is(pollseed_chart_data('bar') - 'colors', (SELECT jsonb_build_object('type', 'bar', 'labels', jsonb_agg(text ORDER BY id),
    'series', jsonb_build_array(jsonb_build_object('name', 'Votes', 'data', jsonb_agg(votes ORDER BY id)))) FROM options), 'bars');
SELECT is(pollseed_chart_data('timeline') - 'colors', (SELECT jsonb_build_object('type', 'line',
    'labels', (SELECT jsonb_agg(to_char(b AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') ORDER BY b) FROM (SELECT DISTINCT bucket AS b FROM expected_trends(60, 60)) AS l),
    'series', (SELECT jsonb_agg(jsonb_build_object('name', text, 'data', data) ORDER BY option_id)
                 FROM (SELECT option_id, text, jsonb_agg(cumulative ORDER BY bucket) AS data FROM expected_trends(60, 60) GROUP BY 1, 2) AS s))), 'lines');
SELECT is(pollseed_chart_data('timeline')->'colors', pollseed_chart_data()->'colors', 'an option has the same colour in all charts');
SELECT is(trouble_of(format('SELECT pollseed_chart_data(%L)', k)), format('22023 | unrecognized kind of chart "%s" | Kinds are pie, bar and timeline.', k), 'no kind of chart: ' || k)
  FROM unnest('{line,Pie,""}'::text[]) AS k;
SELECT pollseed_chart_data()->'colors' AS colors \gset
SELECT is(pollseed_chart_data(bypass => true)->'colors', :'colors'::jsonb, 'colours');
SELECT is(count(DISTINCT c), 20::bigint, 'there are twenty colours')
  FROM jsonb_array_elements(pollseed.chart_shown(counts(array_fill(1, '{40}')), 'pie')->'colors') AS c;
BEGIN;
DELETE FROM options WHERE id = 1;
SELECT is(pollseed_chart_data()->'colors', :'colors'::jsonb - 0, 'which stay with the options when others go');
ROLLBACK;

-- Activity
SELECT results_eq('SELECT * FROM pollseed_recent_activity(7)', $$SELECT id, option_id, language::text, votes_after::bigint, event_type::text, timezone('UTC', inserted_at)
    FROM vote_events ORDER BY inserted_at DESC, id DESC LIMIT 7$$, 'the newest events');
SELECT is(count(*), 10::bigint, 'ten by default') FROM pollseed_recent_activity(NULL);
SELECT is(count(*), 1000::bigint, 'a thousand at most') FROM pollseed_recent_activity(1000);
SELECT is(trouble_of(format('SELECT * FROM pollseed_recent_activity(%s)', a)), '22023 | max_rows must be between 1 and 1000', 'activity of ' || a) FROM unnest('{0,1001,-1}'::int[]) AS a;
UPDATE options SET text = 'Espresso' WHERE id = 2;
SELECT is(text, 'Espresso', 'the text of the option as it is') FROM pollseed_recent_activity(2) WHERE option_id = 2 LIMIT 1;
SELECT is(text, 'gone', 'or of the event, without one') FROM pollseed_recent_activity(1000) WHERE option_id IS NULL;

-- Calls of other forms, and what the planner makes of them
SELECT is((SELECT count(*) FROM (SELECT pollseed_list_options(), pollseed_recent_activity(3)) AS s), 3::bigint, 'rows in the select list');
PREPARE charts(text, boolean) AS SELECT pollseed_chart_data($1, $2);
CREATE TABLE prepared (chart jsonb);
INSERT INTO prepared SELECT pollseed_chart_data(k, b) FROM unnest('{pie,bar,timeline}'::text[]) AS k, unnest('{true,false,NULL}'::boolean[]) AS b;
SELECT is(count(DISTINCT chart), 3::bigint, 'arguments that are not constants') FROM prepared;
CREATE FUNCTION plan_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (VERBOSE, FORMAT json) ' || command INTO plan;
    RETURN plan;
END $$;
SELECT alike(plan_of(c), '%pollseed_cache_fetch(%', 'the planner puts the body of a reader in place of its call: ' || c)
  FROM unnest('{SELECT pollseed_poll_stats(),SELECT * FROM pollseed_list_options(),SELECT pollseed_chart_data(),SELECT * FROM pollseed_vote_trends(),
    SELECT * FROM pollseed_recent_activity()}'::text[]) AS c;

-- What is taken from memory
CREATE FUNCTION outcome() RETURNS text LANGUAGE sql AS $$SELECT concat_ws(' ', cache, key, outcome) FROM pollseed_cache_last()$$;
SELECT count(*) FROM shown(false) \g /dev/null
SELECT pollseed_poll_stats() AS stats \gset
SELECT is(outcome(), 'pollseed_poll stats hit', 'statistics are from memory');
SELECT is((SELECT votes FROM pollseed_cast_vote(3)), (:'stats'::jsonb->'options'->2->'votes')::bigint + 1, 'a vote is cast');
SELECT is(pollseed_poll_stats()->'options'->2->'votes', to_jsonb((:'stats'::jsonb->'options'->2->'votes')::bigint + 1), 'it is in the statistics');
SELECT is(outcome(), 'pollseed_poll stats hit', 'which are from memory');
SELECT is((pollseed_poll_stats()->'total_events')::bigint, (:'stats'::jsonb->'total_events')::bigint + 1, 'in the total of events');
SELECT is(pollseed_poll_stats()->'computed_at', :'stats'::jsonb->'computed_at', 'they were not computed anew');
SELECT is((SELECT votes FROM pollseed_list_options() WHERE id = 3), (:'stats'::jsonb->'options'->2->'votes')::bigint + 1, 'in the list of options');
SELECT is(outcome(), 'pollseed_options options hit', 'from memory, too');
SELECT is((pollseed_chart_data('bar')->'series'->0->'data'->2)::bigint, (:'stats'::jsonb->'options'->2->'votes')::bigint + 1, 'in the bars');
SELECT is(outcome(), 'pollseed_charts options hit', 'which a pie was computed for');
SELECT is(event_type, 'vote', 'in the activity') FROM pollseed_recent_activity(3) WHERE option_id = 3;
SELECT is(outcome(), 'pollseed_poll activity miss', 'which is computed anew');
SELECT same('all readers, after a vote');
BEGIN;
SELECT pollseed_cast_vote(1) \g /dev/null
SELECT same('all readers, after one''s own vote that is not committed');
ROLLBACK;
SELECT same('and after it was rolled back');
SELECT pollseed_reset_votes() \g /dev/null
SELECT is((pollseed_poll_stats()->>'total_events')::int + (pollseed_poll_stats()->>'total_votes')::int, 0, 'after a reset all is 0');
SELECT same('all readers, after a reset');
DELETE FROM options WHERE id = 2;
INSERT INTO options (text) VALUES ('Water');
UPDATE options SET text = 'Green tea' WHERE id = 1;
SELECT same('all readers, after options came, went and changed');

-- The tables that the search path finds
CREATE SCHEMA other;
SET search_path = other, public;
SELECT lives_ok($$SELECT pollseed_create_poll_tables('{Red,Blue}'), pollseed_cast_vote(2)$$, 'another poll');
SELECT is(string_agg(text || votes, ' '), 'Red0 Blue1', 'is read where it comes first') FROM pollseed_list_options();
SET search_path = public, other;
SELECT is(string_agg(text, ' '), 'Green tea Milk Water', 'and not where it does not') FROM pollseed_list_options();
ALTER SCHEMA other RENAME TO third;
SET search_path = third, public;
SELECT is(string_agg(text || votes, ' '), 'Red0 Blue1', 'or under the schema''s new name') FROM pollseed_list_options();
SET search_path = public;
SELECT is(string_agg(text, ' '), 'Green tea Milk Water', 'the first as before') FROM pollseed_list_options();
SET search_path = '';
SELECT public.trouble_of('SELECT public.pollseed_poll_stats()') AS trouble \gset
RESET search_path;
SELECT is(:'trouble'::text, '42P01 | relation "options" does not exist', 'no table on the path');

-- Roles
CREATE ROLE poll_reader;
CREATE FUNCTION as_reader(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    SET LOCAL ROLE poll_reader;
    EXECUTE command INTO answer;
    RESET ROLE;
    RETURN answer;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN SQLERRM;
END $$;
SELECT pollseed_poll_stats(), pollseed_chart_data(), pollseed_chart_data('timeline') FROM pollseed_list_options(), pollseed_vote_trends(1, 1), pollseed_recent_activity() \g /dev/null
SELECT matches(as_reader(format(c, b)), '^permission denied for table (options|vote_events)$', format(c, b) || ' without privileges')
  FROM unnest('{SELECT pollseed_poll_stats(%s),SELECT * FROM pollseed_list_options(%s),"SELECT pollseed_chart_data(''bar'', %s)","SELECT pollseed_chart_data(''timeline'', %s)",
    "SELECT * FROM pollseed_vote_trends(1, 1, %s)","SELECT * FROM pollseed_recent_activity(10, %s)"}'::text[]) AS c, unnest('{true,false}'::text[]) AS b;
GRANT SELECT ON options TO poll_reader;
SELECT is(as_reader('SELECT count(*)::text FROM pollseed_list_options()'), '3', 'a privilege on the options is enough for their list,');
SELECT is(as_reader('SELECT count(*)::text FROM pollseed_list_options()'), '3', 'from memory, too,');
SELECT is(as_reader('SELECT pollseed_poll_stats()'), 'permission denied for table vote_events', 'but not for the statistics');
GRANT SELECT ON vote_events TO poll_reader;
SELECT is(as_reader('SELECT pollseed_poll_stats()->>''total_votes'''), '0', 'which take one on the events');
REVOKE SELECT ON vote_events FROM poll_reader;
SELECT is(as_reader('SELECT pollseed_poll_stats()'), 'permission denied for table vote_events', 'as long as it lasts');
DROP OWNED BY poll_reader;
DROP ROLE poll_reader;

-- The caches
SELECT results_eq($$SELECT name, ttl, shared, max_staleness FROM pollseed_caches WHERE name LIKE 'pollseed%' ORDER BY name COLLATE "C"$$, $$VALUES
    ('pollseed_charts', interval '30 s', false, interval '0'), ('pollseed_options', '5 min', false, '0'),
    ('pollseed_poll', '5 s', false, '0'), ('pollseed_trends', '1 min', false, '0')$$, 'the readers'' caches are there');
SELECT is(count(*), 4::bigint, 'and in the statistics') FROM pollseed_cache_stats WHERE cache LIKE 'pollseed%' AND hits > 0;
SELECT * FROM finish();
