-- What an application does with a score and its sources, for pgbench: readers of a row, of a page, and of a fresh row, and writers.
-- No two clients write the same row, so that they do not wait for each other.  Variables: movies, metrics, clients.
\set kind random(1, 10)
\set movie random(1, :movies)
\set value random(0, 1000000)
\set id random(0, :metrics / :clients - 1) * :clients + :client_id + 1
\if :kind <= 4
SELECT * FROM scores WHERE id = :movie;
\elif :kind <= 6
SELECT id, title, popular_opinion FROM scores WHERE id > :movie ORDER BY id LIMIT 25;
\elif :kind <= 7
SELECT * FROM scores_fresh WHERE id = :movie;
\else
UPDATE external_metrics SET value = :value / 10000.0 WHERE id = :id;
\endif
