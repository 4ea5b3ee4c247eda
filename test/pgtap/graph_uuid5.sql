-- Name-based UUIDs: the RFC's example, SHA-1's boundaries, and the same as uuid-ossp where that is there.
BEGIN;
SELECT no_plan();

SELECT is(pollseed_uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2'::uuid,
          'the example of RFC 9562, appendix A.4');
SELECT is(pollseed_uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'python.org'), '886313e1-3b8a-5372-9b90-0c9aee199e5d'::uuid,
          'the example of Python''s documentation');
SELECT is(pollseed_uuid5('00000000-0000-0000-0000-000000000000', ''), 'e129f27c-5103-5c5c-844b-cdf0a15e160d'::uuid,
          'an empty name in the nil namespace');
SELECT is(pollseed_uuid5(NULL, 'x'), NULL, 'no namespace, no UUID');
SELECT is(pollseed_uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', NULL), NULL, 'no name, no UUID');

-- Without uuid-ossp: SHA-1 by pgcrypto would be another extension, so the digest of these is from elsewhere (Python's uuid module).
SELECT is(pollseed_uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', repeat('a', length)), uuid, 'a name of ' || length || ' bytes')
  FROM (VALUES (38, '1692765d-1c95-5ac5-a073-ac1b4660febe'::uuid),
               (39, '615eac0e-03db-567b-8580-916c1aca1cc2'),
               (40, 'c5c985c8-6875-5a42-b6e3-2872703afed4'),
               (47, '60100e11-180f-59cb-911f-bdb3aa734c9d'),
               (48, 'aa33c522-9edc-58a5-b5af-e2a12995886e'),
               (102, 'b34be977-215f-5b21-8eff-245ce97d6833'),
               (103, 'd95b9427-a1cc-5a01-876a-6367661db75c'),
               (104, '03762118-5c69-5fbd-8fe6-063863f5ae19'),
               (111, '30d5a62f-5637-5d08-92c9-88a78408222d'),
               (112, '237275f4-1121-5532-bfe3-f5091e4fce65')) AS v (length, uuid);

SELECT is(pollseed_uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', repeat('abc', 1000000)), '25c03315-ae21-51f4-ad28-f5c791f9158a'::uuid, 'a name of three million bytes');
SELECT is(pollseed_uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', convert_from('\x4bc3b66c6e20e28691', 'UTF8')), '99572766-da1e-5897-b19b-742d20137973'::uuid,
          'a name beyond ASCII is hashed as UTF-8')
 WHERE getdatabaseencoding() = 'UTF8';

SELECT is(count(DISTINCT pollseed_uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', i::text)), 10000::bigint, 'other names, other UUIDs')
  FROM generate_series(1, 10000) AS i;
SELECT is(count(*), 0::bigint, 'all are of version 5 and of the RFC''s variant')
  FROM (SELECT pollseed_uuid5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', i::text)::text AS uuid FROM generate_series(1, 1000) AS i) AS u
 WHERE uuid !~ '^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';
SELECT is(format('%s %s %s', provolatile, proparallel, proisstrict), 'i s t', 'it is immutable, strict and safe in parallel plans')
  FROM pg_proc WHERE proname = 'pollseed_uuid5';

SELECT count(*) > 0 AS has_uuid_ossp FROM pg_available_extensions WHERE name = 'uuid-ossp' \gset
\if :has_uuid_ossp
CREATE EXTENSION "uuid-ossp";
CREATE TEMPORARY TABLE names AS
SELECT n, uuid_generate_v5(uuid_ns_oid(), n::text || seed) AS name_space,
       left((SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 10) AS i), n) AS name
  FROM generate_series(0, 300) AS n, generate_series(1, 3) AS seed;
SELECT is(count(*) FILTER (WHERE length(name) = n AND pollseed_uuid5(name_space, name) = uuid_generate_v5(name_space, name)), 903::bigint,
          'names of 0 to 300 bytes have the UUIDs that uuid-ossp gives them')
  FROM names;
\endif

SELECT * FROM finish();
ROLLBACK;
