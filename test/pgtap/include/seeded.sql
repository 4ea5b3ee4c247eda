-- For tests of an application's own tables: what a seeding must write, and a comparison of both lanes with it.
CREATE TEMP TABLE expected AS
    SELECT vote_no, option_no, label, votes_after, cast_at FROM pollseed_generate_votes(300, 'realistic', '3 days', 'diurnal', 42,
        '2025-06-15 12:00:00.75+00', labels => '{Python,Go,Rust}');

-- Seeds through a lane, returns the events as text, and leaves everything as it was.
CREATE FUNCTION seeded(lane text, options text, events text, columns jsonb, projection text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    result text[];
    used text;
BEGIN
    BEGIN
        PERFORM set_config('pollseed.write_lane', seeded.lane, true);
        SELECT r.lane INTO used FROM pollseed_seed(300, 'realistic', '3 days', 'diurnal', 42, '2025-06-15 12:00:00.75+00', 64,
            options => seeded.options::regclass, events => seeded.events::regclass, columns => seeded.columns) AS r;
        ASSERT used = seeded.lane;
        EXECUTE format('SELECT array_agg(ROW(%s)::text ORDER BY e.seq) FROM %s AS e', projection, events) INTO result;
        RAISE EXCEPTION USING ERRCODE = 'PSEED';
    EXCEPTION WHEN SQLSTATE 'PSEED' THEN
    END;
    RETURN QUERY SELECT unnest(result);
END $$;

-- Compares what both lanes write with what they must write.
CREATE FUNCTION seeds(what text, options text, events text, columns jsonb, got text, want text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT results_eq(format('SELECT * FROM seeded(%L, %L, %L, %L, %L)', l, options, events, columns, got),
        format('SELECT ROW(%s)::text FROM expected ORDER BY vote_no', want), format('%s (%s)', what, l))
      FROM unnest('{spi,direct}'::text[]) AS l
$$;
