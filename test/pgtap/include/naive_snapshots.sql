-- What a snapshot must be, made in the plainest way, and what is wrong with those that are there; for after the tables are made.
CREATE FUNCTION naive_snapshot(me_file bigint, band bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name, 'traits', h.traits) ORDER BY g.id), '[]')
      FROM target_band_trait_groups AS l
      JOIN trait_groups AS g ON g.id = l.trait_group_id,
      LATERAL (SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name) ORDER BY t.id) AS traits
                 FROM trait_group_traits AS m JOIN traits AS t ON t.id = m.trait_id
                WHERE m.trait_group_id = g.id
                  AND EXISTS (SELECT FROM me_file_tags AS h WHERE h.me_file_id = me_file AND h.trait_id = t.id)) AS h
     WHERE l.target_band_id = band AND h.traits IS NOT NULL
$$;

CREATE FUNCTION wrong_snapshots() RETURNS TABLE (relation text, id bigint, snapshot jsonb) LANGUAGE sql STABLE AS $$
    SELECT a.relation, a.id, a.s
      FROM (SELECT 'target_populations', p.id, p.matching_tags_snapshot, p.me_file_id, p.target_band_id FROM target_populations AS p
            UNION ALL SELECT 'offers', o.id, o.matching_tags_snapshot, o.me_file_id, o.target_band_id FROM offers AS o
            UNION ALL SELECT 'ad_events', e.id, e.matching_tags_snapshot, e.me_file_id, e.target_band_id FROM ad_events AS e)
           AS a(relation, id, s, m, b)
     WHERE ((s - -1) = naive_snapshot(m, b) AND (s -> -1) - 'version' = '{}' AND s -> -1 ->> 'version' ~ '^[0-9a-f]{32}$') IS NOT TRUE
$$;

-- Runs a table's backfill to its end, step by step.
CREATE FUNCTION fill(name text, batches int DEFAULT 100) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    step record;
    total bigint := 0;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        SELECT * INTO step FROM pollseed_backfill_step(fill.name, fill.batches);
        total := total + step.filled;
        IF step.finished THEN
            RETURN total;
        END IF;
    END LOOP;
    RAISE 'backfill % does not end', name;
END $$;
