-- What an application does with the targeting tables, for pgbench: half of it reads an event, the rest reads the offers of a
-- me-file, updates other columns of offers and events than the snapshot, and inserts events.  Variables: offers, events, me_files.
\set kind random(1, 10)
\set event random(1, :events)
\set offer random(1, :offers)
\set me_file random(1, :me_files)
\if :kind <= 5
SELECT e.event_kind, o.status, o.amount FROM ad_events AS e LEFT JOIN offers AS o ON o.id = e.offer_id WHERE e.id = :event;
\elif :kind <= 6
SELECT id, amount, status FROM offers WHERE me_file_id = :me_file AND status = 'open' ORDER BY id LIMIT 20;
\elif :kind <= 8
UPDATE offers SET status = 'accepted', updated_at = timezone('UTC', now()) WHERE id = :offer;
\elif :kind <= 9
UPDATE ad_events SET event_kind = 'click', updated_at = timezone('UTC', now()) WHERE id = :event;
\else
INSERT INTO ad_events (offer_id, me_file_id, target_band_id) SELECT id, me_file_id, target_band_id FROM offers WHERE id = :offer;
\endif
