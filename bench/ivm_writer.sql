-- A writer whose transaction goes on for 5 ms after its one statement, for pgbench.  Variables: metrics.
\set id random(1, :metrics)
\set value random(0, 1000000)
BEGIN;
UPDATE external_metrics SET value = :value WHERE id = :id;
\sleep 5 ms
COMMIT;
