-- A writer of one row a transaction, for pgbench.  Variables: metrics.
\set id random(1, :metrics)
\set value random(0, 1000000)
UPDATE external_metrics SET value = :value / 10000.0 WHERE id = :id;
