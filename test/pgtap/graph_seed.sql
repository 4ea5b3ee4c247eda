-- Plans carried out: the same data whatever the batches, modes, what is there already, privileges, errors, and what nobody may see.
\ir include/quiet.sql
BEGIN;
\ir include/error_of.sql
SELECT * FROM no_plan();
CREATE ROLE graph_app;
CREATE ROLE graph_other;
CREATE SCHEMA shop AUTHORIZATION graph_app;
SET ROLE graph_app;
SET search_path = shop, public;

CREATE TABLE customers (id bigserial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE products (id uuid PRIMARY KEY, sku varchar(12) NOT NULL UNIQUE CHECK (sku ~ '^[A-Z]{3}-[0-9]{4}$'), name text NOT NULL, price numeric(8,2) NOT NULL CHECK (price > 0));
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status text NOT NULL CHECK (status IN ('new', 'paid', 'shipped')),
	created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, CHECK (updated_at >= created_at));
CREATE TABLE order_items (order_id bigint REFERENCES orders, product_id uuid REFERENCES products, quantity int NOT NULL CHECK (quantity BETWEEN 1 AND 20), PRIMARY KEY (order_id, product_id));
CREATE FUNCTION content() RETURNS text LANGUAGE sql AS $$
	SELECT md5(concat_ws('/', (SELECT string_agg(t::text, '|' ORDER BY id) FROM customers AS t), (SELECT string_agg(t::text, '|' ORDER BY id) FROM products AS t),
		(SELECT string_agg(t::text, '|' ORDER BY id) FROM orders AS t), (SELECT string_agg(t::text, '|' ORDER BY order_id, product_id) FROM order_items AS t)))
$$;
CREATE TABLE shop.plans AS SELECT pollseed_plan_schema('shop', 300, '{"exclude": ["plans"]}', as_of => '2026-06-01') AS plan;
CREATE FUNCTION seed(seed bigint DEFAULT NULL, mode text DEFAULT 'skip', batch_size int DEFAULT 1000, dry_run boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', sum(inserted), sum(updated), sum(unchanged)) FROM plans, pollseed_seed_graph(plan, seed, mode, batch_size, dry_run)
$$;
CREATE FUNCTION unseed() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(removed)::bigint FROM (SELECT max(run_id) AS id FROM pollseed_runs WHERE engine = 'graph' AND cleared_at IS NULL) AS r, pollseed_unseed(r.id)
$$;

-- Rows, figures and the ledger.
SELECT is(seed(dry_run => true), '1200 0 0', 'a dry run says what would be written');
SELECT is((SELECT count(*) FROM customers), 0::bigint, 'and writes nothing');
SELECT is((SELECT count(*) FROM pollseed_runs WHERE engine = 'graph'), 0::bigint, 'nor the ledger');
SELECT is((SELECT string_agg(concat_ws(' ', step, relation, planned, inserted, updated, unchanged, retries, lane), ', ') FROM plans, pollseed_seed_graph(plan)),
	'customers shop.customers 300 300 0 0 0 direct, orders shop.orders 300 300 0 0 0 direct, products shop.products 300 300 0 0 0 direct, order_items shop.order_items 300 300 0 0 0 direct',
	'a run returns a row for each step, parents first');
SELECT is((SELECT concat_ws(' ', engine, relation, rows_written, seed, generator_version, lane, run_by) FROM pollseed_runs WHERE engine = 'graph'), 'graph shop 1200 0 1 direct graph_app', 'the ledger has the run');
SELECT is((SELECT string_agg(concat_ws(' ', name, inserted, first_row), ', ' ORDER BY step) FROM pollseed_graph_steps), 'customers 300 0, orders 300 0, products 300 0, order_items 300 0', 'and its steps');
SELECT is((SELECT count(*) FROM customers WHERE email !~ (lower(left(first_name, 1)))), 0::bigint, 'e-mails go with names');
SELECT is((SELECT count(*) FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.created_at < c.created_at OR o.updated_at > '2026-06-01'), 0::bigint, 'times are in order');
SELECT cmp_ok((SELECT max(n) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id) AS c), '>', 5::bigint, 'some customers have many orders');
SELECT is((SELECT nextval('customers_id_seq')), 301::bigint, 'the sequence goes on after the rows');

-- The same data every time.
CREATE TABLE hashes (batch_size int, hash text, seed bigint);
INSERT INTO hashes SELECT 1000, content(), 0;
SELECT is(seed(), '0 0 1200', 'a second run writes nothing');
SELECT is(content(), (SELECT hash FROM hashes), 'and changes nothing');
SELECT is(unseed(), 1200::bigint, 'all of it is removed');
SELECT is((SELECT count(*) FROM pollseed_runs WHERE engine = 'graph' AND cleared_at IS NULL), 0::bigint, 'and the ledger knows');
SELECT setval('customers_id_seq', 1, false), setval('orders_id_seq', 1, false);
SELECT is(seed(batch_size => 1), '1200 0 0', 'rows one by one');
SELECT is(content(), (SELECT hash FROM hashes), 'are the same rows');
SELECT unseed();
SELECT setval('customers_id_seq', 1, false), setval('orders_id_seq', 1, false);
SET pollseed.write_lane = spi;
SET DateStyle = 'German'; SET timezone = 'Asia/Kathmandu'; SET IntervalStyle = 'iso_8601';
SELECT is(seed(batch_size => 77), '1200 0 0', 'by SQL, in batches of 77, with other settings');
RESET DateStyle; RESET timezone; RESET IntervalStyle; RESET pollseed.write_lane;
SELECT is(content(), (SELECT hash FROM hashes), 'they are the same, too');
SELECT unseed();
SELECT setval('customers_id_seq', 1, false), setval('orders_id_seq', 1, false);
SELECT is(seed(5), '1200 0 0', 'another seed');
SELECT isnt(content(), (SELECT hash FROM hashes), 'gives other rows');
SELECT unseed();
SELECT setval('customers_id_seq', 1, false), setval('orders_id_seq', 1, false);

-- Modes.
SELECT is(seed(), '1200 0 0', 'seeded again');
DELETE FROM order_items WHERE order_id <= 50;
UPDATE customers SET first_name = 'Changed' WHERE id <= 3;
SELECT cmp_ok(split_part(seed(), ' ', 1)::int, '>', 0, 'skip writes what is missing');
SELECT is((SELECT count(*) FROM customers WHERE first_name = 'Changed'), 3::bigint, 'and leaves what was changed');
SELECT is(seed(mode => 'upsert'), '0 3 1197', 'upsert makes it as planned');
SELECT is(content(), (SELECT hash FROM hashes), 'all of it');
SELECT is(seed(mode => 'upsert'), '0 0 1200', 'and once');
SELECT is(seed(mode => 'extend'), '1200 0 0', 'extend adds as much again');
SELECT is((SELECT concat_ws(' ', count(*), count(DISTINCT email)) FROM customers), '600 600', 'of other rows');
SELECT is((SELECT count(*) FROM orders WHERE id > 300 AND customer_id < 301), 0::bigint, 'which refer to new ones');
SELECT is((SELECT string_agg(concat_ws(' ', "check", relation, violations), ', ') FROM pollseed_validate() WHERE violations > 0), NULL, 'and are valid');

-- Rows that somebody else wrote under a key of ours, in a table whose ids are sequences.
CREATE TABLE cities (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE shops (id serial PRIMARY KEY, city_id int NOT NULL REFERENCES cities);
CREATE TABLE city_plan AS SELECT '{"version": 1, "as_of": "2026-06-01", "steps": [
	{"step": "cities", "relation": "cities", "rows": 3, "natural_key": ["name"], "columns": {"name": {"generator": "list", "values": ["Rome", "Oslo", "Bern"]}}},
	{"step": "shops", "relation": "shops", "rows": 9, "refs": [{"columns": ["city_id"], "relation": "cities", "fan_out": "even"}]}]}'::jsonb AS plan;
INSERT INTO cities (id, name) VALUES (77, 'Oslo');
SELECT is((SELECT string_agg(concat_ws(' ', step, inserted, unchanged), ', ') FROM city_plan, pollseed_seed_graph(plan)), 'cities 2 1, shops 9 0', 'a row that is there is left');
SELECT is((SELECT count(*) FROM shops JOIN cities AS c ON c.id = city_id WHERE c.name = 'Oslo' AND c.id = 77), 3::bigint, 'and referred to');
SELECT is((SELECT sum(inserted) FROM city_plan, pollseed_seed_graph(plan)), 0::numeric, 'again in vain');

-- Errors.
CREATE FUNCTION failing(plan text) RETURNS text LANGUAGE sql AS $$ SELECT error_of(format('SELECT * FROM pollseed_seed_graph(%L)', plan)) $$;
SELECT matches(error_of($$SELECT * FROM pollseed_seed_graph(NULL)$$), 'plan must not be null', 'no plan');
SELECT matches(error_of($$SELECT * FROM pollseed_seed_graph('{}')$$), 'version', 'not a plan');
SELECT matches(error_of($$SELECT * FROM plans, pollseed_seed_graph(plan, mode => 'replace')$$), 'unrecognized mode "replace"', 'an unknown mode');
SELECT matches(error_of($$SELECT * FROM plans, pollseed_seed_graph(plan, batch_size => 0)$$), 'batch_size', 'a batch of nothing');
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "nowhere", "rows": 1}]}'), 'nowhere.* does not exist', 'a table that does not exist');
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "cities", "rows": 4, "columns": {"name": {"generator": "list", "values": ["a", "b"]}}}]}'),
	'"cities_name_key" has only 2 different values for 4 rows', 'a unique key with too few values');
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "cities", "rows": 4, "columns": {"name": {"generator": "magic"}}}]}'), 'generator "magic".*does not exist', 'an unknown generator');
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "cities", "rows": 4}]}'), 'column name.*NOT NULL.*no default', 'a column that gets nothing');
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "cities", "rows": 4, "columns": {"nam": {"generator": "word"}}}]}'), 'column nam.*does not exist', 'a column that does not exist');
CREATE TABLE odd (a int NOT NULL, b int NOT NULL, CHECK (a * b = 1000003));
SELECT matches(failing('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "odd", "rows": 4, "columns": {"a": {"generator": "integer"}, "b": {"generator": "integer"}}}]}'),
	'found no values for a, b of shop.odd that the check constraint "odd_check" allows', 'a check that nothing drawn satisfies');
SELECT is((SELECT count(*) FROM plans, pollseed_plan_check(plan)), 0::bigint, 'a plan that can work has no problem');
SELECT is((SELECT string_agg(concat_ws(' ', "table", "column"), ', ') FROM pollseed_plan_check('{"version": 1, "as_of": "2026-06-01", "steps": [{"step": "x", "relation": "cities", "rows": 4, "columns": {"nam": {"generator": "word"}}}]}')),
	'shop.cities nam, shop.cities name', 'plan_check tells all problems at once');

-- Others.
RESET ROLE;
GRANT USAGE ON SCHEMA shop TO graph_other;
GRANT SELECT ON plans TO graph_other;
SET ROLE graph_other;
SELECT matches(error_of('SELECT * FROM plans, pollseed_seed_graph(plan)'), 'permission denied', 'who may not insert may not seed');
SELECT is((SELECT count(*) FROM pollseed_graph_steps), 0::bigint, 'nor see runs of others');
SELECT matches(error_of(format('SELECT * FROM pollseed_unseed(%s)', (SELECT coalesce(max(run_id), 1) FROM pollseed_runs))), 'run|permission', 'nor undo them');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
