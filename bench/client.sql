-- Prints the statements that a client sends for the first :votes rows of rows_:rows.
-- way = batches: what the seed's target design sends, 1000 rows a statement in one transaction, then each option's count.
-- way = single:  what the seed's first design sends, an INSERT and an UPDATE a row, each a transaction of its own.
\set source rows_ :rows
\pset tuples_only on
\pset format unaligned
CREATE TEMPORARY VIEW numbered AS
  SELECT row_number() OVER () AS n, * FROM :source LIMIT :votes;

SELECT :'way' = 'batches' AS batches \gset
\if :batches
SELECT 'BEGIN;';
SELECT format('INSERT INTO vote_events (option_id, language, votes_after, event_type, inserted_at, updated_at) VALUES %s;',
              string_agg(format('(%s, %L, %s, %L, %L, %L)', option_id, language, votes_after, event_type, inserted_at,
                                updated_at), ', ' ORDER BY n))
  FROM numbered GROUP BY (n - 1) / 1000 ORDER BY (n - 1) / 1000;
SELECT format('SELECT max(votes_after) FROM vote_events WHERE option_id = %1$s AND event_type IN (''vote'', ''seed'') \g /dev/null'
              || E'\nUPDATE options SET votes = %2$s WHERE id = %1$s;',
              o.id, (SELECT coalesce(max(votes_after), 0) FROM numbered AS r WHERE r.option_id = o.id))
  FROM options AS o ORDER BY o.id;
SELECT 'COMMIT;';
\else
SELECT format('INSERT INTO vote_events (option_id, language, votes_after, event_type, inserted_at, updated_at)'
              ' VALUES (%s, %L, %s, %L, %L, %L) RETURNING id \g /dev/null'
              || E'\nUPDATE vote_events SET inserted_at = %L WHERE id = %s;',
              option_id, language, votes_after, event_type, localtimestamp, localtimestamp, inserted_at, n)
  FROM numbered ORDER BY n;
\endif
