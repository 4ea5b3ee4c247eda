-- The extension, the preset's tables and, of a seeding of :votes votes, its rows in order for the peers to write:
-- as a table rows_:votes, and as files for COPY in :dir.  Variables: votes, dir, seeding (the call's arguments).
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pollseed;
SELECT pollseed_create_poll_tables() \g /dev/null
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0;
SELECT pollseed_seed(:votes, :seeding) \g /dev/null

\set rows rows_ :votes
\set binary_file :dir '/' :votes '.bin'
\set text_file :dir '/' :votes '.txt'
CREATE TABLE :rows AS
  SELECT option_id, language, votes_after, event_type, inserted_at, updated_at FROM vote_events ORDER BY id;
VACUUM (FREEZE, ANALYZE) :rows;
COPY :rows TO :'binary_file' BINARY;
COPY :rows TO :'text_file';

-- What every way of writing these rows must leave in the table.
SELECT 'rows', count(*), sum(hash_record_extended(v, 0)) FROM vote_events AS v;
