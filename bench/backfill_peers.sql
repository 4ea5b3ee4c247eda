-- The backfill of snapshots as one statement a table: what a migration would run by hand.  Sets every missing snapshot
-- to the very value that pollseed_backfill_snapshots() gives it; the tables are found by the search path.
-- Run with psql -v peer=populations, offers or events, so that each can be timed and committed by itself.
\set ON_ERROR_STOP on
\pset pager off
SELECT :'peer' = 'populations' AS populations, :'peer' = 'offers' AS offers, :'peer' = 'events' AS events \gset

\if :populations
WITH parts AS MATERIALIZED (
    SELECT b.id AS target_band_id, g.id AS group_id, t.id AS trait_id,
           CASE WHEN g.id IS NOT NULL THEN concat('{"id": ', g.id, ', "name": ', to_json(g.name), ', "traits": [') END AS group_text,
           CASE WHEN t.id IS NOT NULL THEN concat('{"id": ', t.id, ', "name": ', to_json(t.name), '}') END AS trait_text
      FROM target_bands AS b
      LEFT JOIN (target_band_trait_groups AS l JOIN trait_groups AS g ON g.id = l.trait_group_id) ON l.target_band_id = b.id
      LEFT JOIN (trait_group_traits AS m JOIN traits AS t ON t.id = m.trait_id) ON m.trait_group_id = g.id),
versions AS MATERIALIZED (
    SELECT target_band_id, left(encode(sha256(convert_to(string_agg(concat(group_text, trait_text), ','
               ORDER BY group_id, trait_id), 'UTF8')), 'hex'), 32) AS version
      FROM parts GROUP BY target_band_id),
elements AS (
    SELECT p.id, b.group_id, concat(b.group_text, string_agg(b.trait_text, ', ' ORDER BY b.trait_id), ']}') AS element
      FROM target_populations AS p
      JOIN me_file_tags AS h ON h.me_file_id = p.me_file_id
      JOIN parts AS b ON b.target_band_id = p.target_band_id AND b.trait_id = h.trait_id
     WHERE p.matching_tags_snapshot IS NULL
     GROUP BY p.id, b.group_id, b.group_text
    UNION ALL
    SELECT p.id, NULL, concat('{"version": "', v.version, '"}')
      FROM target_populations AS p JOIN versions AS v ON v.target_band_id = p.target_band_id
     WHERE p.matching_tags_snapshot IS NULL)
UPDATE target_populations AS p SET matching_tags_snapshot = s.snapshot
  FROM (SELECT id, concat('[', string_agg(element, ', ' ORDER BY group_id), ']')::jsonb AS snapshot
          FROM elements GROUP BY id) AS s
 WHERE p.id = s.id AND p.matching_tags_snapshot IS NULL;
\endif

-- Offers and events take the snapshot of their population; for the few that have none it is made.
\if :offers
\set target offers
\elif :events
\set target ad_events
\endif
\if :populations
\else
WITH parts AS MATERIALIZED (
    SELECT b.id AS target_band_id, g.id AS group_id, t.id AS trait_id,
           CASE WHEN g.id IS NOT NULL THEN concat('{"id": ', g.id, ', "name": ', to_json(g.name), ', "traits": [') END AS group_text,
           CASE WHEN t.id IS NOT NULL THEN concat('{"id": ', t.id, ', "name": ', to_json(t.name), '}') END AS trait_text
      FROM target_bands AS b
      LEFT JOIN (target_band_trait_groups AS l JOIN trait_groups AS g ON g.id = l.trait_group_id) ON l.target_band_id = b.id
      LEFT JOIN (trait_group_traits AS m JOIN traits AS t ON t.id = m.trait_id) ON m.trait_group_id = g.id),
versions AS MATERIALIZED (
    SELECT target_band_id, left(encode(sha256(convert_to(string_agg(concat(group_text, trait_text), ','
               ORDER BY group_id, trait_id), 'UTF8')), 'hex'), 32) AS version
      FROM parts GROUP BY target_band_id),
missing AS MATERIALIZED (
    SELECT DISTINCT e.me_file_id, e.target_band_id
      FROM :target AS e
     WHERE e.matching_tags_snapshot IS NULL
       AND NOT EXISTS (SELECT FROM target_populations AS p
                        WHERE p.me_file_id = e.me_file_id AND p.target_band_id = e.target_band_id
                          AND p.matching_tags_snapshot IS NOT NULL)),
elements AS (
    SELECT k.me_file_id, k.target_band_id, b.group_id,
           concat(b.group_text, string_agg(b.trait_text, ', ' ORDER BY b.trait_id), ']}') AS element
      FROM missing AS k
      JOIN me_file_tags AS h ON h.me_file_id = k.me_file_id
      JOIN parts AS b ON b.target_band_id = k.target_band_id AND b.trait_id = h.trait_id
     GROUP BY k.me_file_id, k.target_band_id, b.group_id, b.group_text
    UNION ALL
    SELECT k.me_file_id, k.target_band_id, NULL, concat('{"version": "', v.version, '"}')
      FROM missing AS k JOIN versions AS v ON v.target_band_id = k.target_band_id)
UPDATE :target AS e SET matching_tags_snapshot = s.snapshot
  FROM (SELECT me_file_id, target_band_id, matching_tags_snapshot AS snapshot
          FROM target_populations WHERE matching_tags_snapshot IS NOT NULL
        UNION ALL
        SELECT me_file_id, target_band_id, concat('[', string_agg(element, ', ' ORDER BY group_id), ']')::jsonb
          FROM elements GROUP BY me_file_id, target_band_id) AS s
 WHERE s.me_file_id = e.me_file_id AND s.target_band_id = e.target_band_id AND e.matching_tags_snapshot IS NULL;
\endif
