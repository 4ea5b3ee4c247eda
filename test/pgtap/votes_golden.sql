-- Golden rows: checksums of generated votes, taken once and never to change while the generator's version stays the same.
-- Another server version, processor or compiler must give the same data; so must every change to the code that does not
-- raise the generator's version.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'America/New_York';

-- A checksum of votes in their order, with times in microseconds since 1970.
CREATE FUNCTION checksum(vote_count bigint, distribution text, time_range interval, arrival text, seed bigint, weights jsonb DEFAULT NULL,
    first_vote bigint DEFAULT 1, last_vote bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(concat_ws(',', v.vote_no, v.option_no, v.label, v.votes_after, trunc(extract(epoch FROM v.cast_at) * 1000000)), ';'
               ORDER BY v.vote_no))
      FROM pollseed_generate_votes(vote_count, distribution, time_range, arrival, seed, '2025-03-10 00:00-04', weights => weights,
               first_vote => first_vote, last_vote => last_vote) AS v
$$;
CREATE TEMP TABLE golden (vote_count bigint, distribution text, time_range interval, arrival text, seed bigint, weights jsonb,
    first_vote bigint, last_vote bigint, checksum text);
INSERT INTO golden VALUES
    (1000, 'realistic', '7 days', 'uniform', 42, NULL, 1, NULL, '9cc3c03fef231b7e911e7a646db1312c'),
    (1000, 'realistic', '7 days', 'diurnal', 42, NULL, 1, NULL, 'db83883be60c617c55a07bd6ea468ef6'),
    (1000, 'realistic', '7 days', 'bursty', 42, NULL, 1, NULL, '7d8d8c0b7ecff3c90d88f0e0b9d61dd0'),
    (1000, 'random', '7 days', 'uniform', 42, NULL, 1, NULL, '4f0d7c31f59cda2a12ddead512bb4dc3'),
    (1000, 'random', '7 days', 'diurnal', 42, NULL, 1, NULL, '49d38c894e10a8254a16c65ded8f2243'),
    (1000, 'random', '7 days', 'bursty', 42, NULL, 1, NULL, '3ebb4b3466c1cc9e73124c6c568d567e'),
    (1000, 'zipf', '7 days', 'uniform', 42, NULL, 1, NULL, '4798ad7766a6eee0d71f859af20f3b50'),
    (1000, 'zipf', '7 days', 'diurnal', 42, NULL, 1, NULL, '572b9e0b2832017499b8d363eb9bd3a8'),
    (1000, 'zipf', '7 days', 'bursty', 42, NULL, 1, NULL, '42346c56fce48e4d6b2654928ee38b20'),
    (1000, 'weighted', '24 hours', 'uniform', 0, NULL, 1, NULL, '26eb9baaf8e25980cbc15892595eae66'),
    (1000, 'even', '24 hours', 'bursty', -1, NULL, 1, NULL, '9bbf5752db168fbe352ba4aaf5cefbbe'),
    (1000, 'random', '56 days', 'diurnal', -9223372036854775808, NULL, 1, NULL, 'dc8c9fca47dbf6a2a32f06f4093ce3c4'),
    (1000, 'random', '3 years', 'uniform', 9223372036854775807, '{"Go": 1, "Rust": 2.5, "Haskell": 0.001}', 1, NULL, '065ed59b4b03127d791dbf3ecba3ede2'),
    (64, 'realistic', '1 hour', 'uniform', 7, NULL, 1, NULL, '02d7be7c7c1fa23c5d565879843188c0'),
    (65, 'realistic', '1 hour', 'uniform', 7, NULL, 1, NULL, 'ab01ebddb9ebddc69c85ea5bb6b01bdc'),
    (1000, 'even', '5 minutes', 'bursty', 7, NULL, 1, NULL, 'f0de45eae63a004d5d3ce5d26e5faee1'),
    (100000, 'zipf', '56 days', 'bursty', 7, NULL, 99001, NULL, 'ac56c4b45e72870891e1d0ef3b8c2b46'),
    (300000000, 'random', '1000 days', 'diurnal', 3, NULL, 211111111, 211112110, '4f63c78fda490916994b7c0ce5c2b4b2'),
    (10000, 'realistic', '40 years', 'diurnal', 3, NULL, 9001, NULL, 'ccff002cf378b9dc03e1217da2bd1f2f');
CREATE TEMP TABLE golden_shares (seed bigint, distribution text, weights jsonb, votes text);
INSERT INTO golden_shares VALUES
    (42, 'random', NULL, '66568 66323 66475 66610 66866 67050 67107 66578 66580 66773 66976 66263 66578 66504 66749'),
    (-1, 'random', NULL, '66652 66798 66477 66939 66634 66834 66980 66663 66709 66896 66581 66040 66912 66328 66557'),
    (42, 'random', '{"Go": 1, "Rust": 2.5, "Haskell": 0.001}', '0 0 0 0 284984 714744 0 0 0 0 0 0 0 0 272'),
    (42, 'zipf', NULL, '301366 150683 100455 75341 60273 50228 43052 37671 33485 30136 27397 25114 23182 21526 20091'),
    (42, 'weighted', NULL, '207294 165835 132668 106134 84907 67926 54341 43473 34778 27822 22258 17806 14245 11396 9117');

SELECT plan((SELECT count(*) FROM golden)::int + (SELECT count(*) FROM golden_shares)::int + 4);
SELECT is(checksum(vote_count, distribution, time_range, arrival, seed, weights, first_vote, last_vote), checksum,
    concat_ws(', ', vote_count, distribution, arrival, 'seed ' || seed, 'votes from ' || first_vote))
  FROM golden ORDER BY vote_count, distribution COLLATE "C", arrival COLLATE "C", seed;

-- Draws of random, through the table of options
SELECT lives_ok('SELECT pollseed_create_poll_tables()', 'tables');
SELECT is((SELECT string_agg(s.votes::text, ' ' ORDER BY s.option_id::int) FROM pollseed_vote_shares(1000000, g.distribution, g.weights, g.seed) AS s),
    g.votes, format('a million votes, %s, seed %s', g.distribution, g.seed)) FROM golden_shares AS g;

-- Through the tables, by both lanes
CREATE FUNCTION seeded(lane text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE vote_events RESTART IDENTITY;
    UPDATE options SET votes = 0;
    PERFORM set_config('pollseed.write_lane', lane, true);
    PERFORM pollseed_seed(1000, 'random', '7 days', 'bursty', 77, '2025-03-10 00:00-04');
    RETURN md5(string_agg(e::text, E'\n' ORDER BY e.id)) FROM vote_events AS e;
END $$;
SELECT is(seeded(l), 'afc92f4ea9c158a8cd878f4406c89ba4', 'rows of the events by ' || l) FROM unnest('{spi,direct}'::text[]) AS l;
SELECT is(generator_version, 1, 'the version of the generator that these are of') FROM pollseed_runs ORDER BY run_id DESC LIMIT 1;

SELECT * FROM finish();
ROLLBACK;
