\echo Use "ALTER EXTENSION pollseed UPDATE" to load this file. \quit

-- progress

CREATE FUNCTION pollseed.progress_slots(
    OUT pid integer, OUT job bigint, OUT run bigint, OUT engine text, OUT relation text, OUT phase text,
    OUT done bigint, OUT total bigint, OUT percent numeric, OUT rate double precision, OUT eta interval,
    OUT waiting_for text, OUT started_at timestamp with time zone)
RETURNS SETOF record LANGUAGE c PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'pollseed_progress_slots';
COMMENT ON FUNCTION pollseed.progress_slots() IS
    'What the view pollseed_progress shows; everybody may call it, as the view does so for everybody, and gets what he may see';

CREATE VIEW pollseed_progress AS
    SELECT p.pid, p.job, p.run, p.engine, p.relation, p.phase, p.done, p.total, p.percent, p.rate, p.eta,
           p.waiting_for, p.started_at
      FROM pollseed.progress_slots() AS p;
COMMENT ON VIEW pollseed_progress IS
    'Work under way in this database, also of transactions still open: one''s own, or all for members of pg_read_all_stats';
GRANT SELECT ON pollseed_progress TO PUBLIC;
