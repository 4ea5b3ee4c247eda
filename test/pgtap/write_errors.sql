-- A row that breaks a rule of the table fails alike on both lanes: the same SQLSTATE, message, detail and constraint as
-- INSERT gives, and nothing stays behind: no event, no count, no entry in the ledger.
--
-- The broken row comes after several whole batches, so a lane that checks too late, at the end of a batch only, or not at
-- all would leave rows or give another error.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;

CREATE TABLE cases (
    place      serial,
    name       text PRIMARY KEY,
    code       text NOT NULL,
    constraint_name text NOT NULL,
    events     text NOT NULL);

INSERT INTO cases (name, code, constraint_name, events) VALUES
('check', '23514', 'below_150',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       CONSTRAINT below_150 CHECK (votes_after < 150))'),
('check that calls a stable function', '23514', 'within',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint CONSTRAINT within CHECK (within_limits(votes_after)),
                       inserted_at timestamptz)'),
('check of two columns and a default', '23514', 'events_check',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, most bigint DEFAULT 77,
                       CHECK (votes_after <= most))'),
('check over a generated column', '23514', 'events_twice_check',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       twice bigint GENERATED ALWAYS AS (votes_after * 2) STORED CHECK (twice < 300))'),
('not null without a default', '23502', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region text NOT NULL)'),
('not null of a label', '23502', '',
 'UPDATE options SET text = NULL WHERE id = 2; ALTER TABLE options ADD note text;
  CREATE TABLE events (id bigserial, option_id bigint, language text NOT NULL, votes_after bigint, inserted_at timestamptz)'),
('not null of a generated column', '23502', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       early bigint NOT NULL GENERATED ALWAYS AS (NULLIF(votes_after, 149)) STORED)'),
('unique', '23505', 'events_inserted_at_key',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at date UNIQUE)'),
('unique within a batch', '23505', 'once',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz);
  CREATE UNIQUE INDEX once ON events (greatest(votes_after, 149))'),
('unique beside an older row', '23505', 'events_votes_after_key',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint UNIQUE, inserted_at timestamptz);
  INSERT INTO events (votes_after) VALUES (140)'),
('partial unique', '23505', 'late',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz);
  CREATE UNIQUE INDEX late ON events ((0)) WHERE votes_after > 140'),
('primary key of a sequence that is behind', '23505', 'events_pkey',
 'CREATE TABLE events (id bigserial PRIMARY KEY, option_id bigint, votes_after bigint, inserted_at timestamptz);
  INSERT INTO events (id) VALUES (120)'),
('exclusion', '23P01', 'apart',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, spot point DEFAULT ''(1,1)'',
                       CONSTRAINT apart EXCLUDE USING gist (box(spot, spot) WITH &&) WHERE (votes_after > 130))'),
('exclusion over equality', '23P01', 'alone',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       CONSTRAINT alone EXCLUDE USING hash (least(votes_after, 149) WITH =))'),
('foreign key without a parent', '23503', 'events_id_fkey',
 'CREATE TABLE parents (id bigint PRIMARY KEY);
  INSERT INTO parents SELECT generate_series(1, 120);
  CREATE TABLE events (id bigserial REFERENCES parents, option_id bigint, votes_after bigint, inserted_at timestamptz)'),
('foreign key of several columns', '23503', 'pair',
 'CREATE TABLE parents (id bigint, region text, PRIMARY KEY (region, id));
  INSERT INTO parents VALUES (1, ''eu'');
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region text DEFAULT ''us'',
                       CONSTRAINT pair FOREIGN KEY (option_id, region) REFERENCES parents (id, region))'),
('foreign key match full with a null', '23503', 'full_pair',
 'CREATE TABLE parents (id bigint, region text, PRIMARY KEY (id, region));
  INSERT INTO parents VALUES (1, ''eu'');
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region text,
                       CONSTRAINT full_pair FOREIGN KEY (option_id, region) REFERENCES parents MATCH FULL)'),
('foreign key match full without a parent', '23503', 'full_pair',
 'CREATE TABLE parents (id bigint, region text, PRIMARY KEY (id, region));
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region text DEFAULT ''eu'',
                       CONSTRAINT full_pair FOREIGN KEY (option_id, region) REFERENCES parents MATCH FULL)'),
('foreign key to the table itself', '23503', 'events_next_fkey',
 'CREATE TABLE events (id bigserial PRIMARY KEY, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       next bigint GENERATED ALWAYS AS (least(id + 64, 240)) STORED REFERENCES events)'),
('foreign key to a partitioned table', '23503', 'events_day_fkey',
 'CREATE TABLE days (day date PRIMARY KEY) PARTITION BY RANGE (day);
  CREATE TABLE days1 PARTITION OF days FOR VALUES FROM (''2026-01-01'') TO (''2026-02-01'');
  INSERT INTO days VALUES (''2026-01-19''), (''2026-01-20'');
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       day date GENERATED ALWAYS AS ((inserted_at AT TIME ZONE ''UTC'')::date) STORED REFERENCES days)'),
('domain of a value', '23514', 'below_150',
 'CREATE DOMAIN early AS bigint CONSTRAINT below_150 CHECK (VALUE < 150);
  CREATE TABLE events (id bigserial, option_id bigint, votes_after early, inserted_at timestamptz)'),
('domain that is not null', '23502', '',
 'CREATE DOMAIN given AS text NOT NULL;
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region given)'),
('domain that refuses null by a check', '23514', 'given_check',
 'CREATE DOMAIN given AS text CHECK (VALUE IS NOT NULL);
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, region given)'),
('domain that refuses its default', '23514', 'bad_check',
 'CREATE DOMAIN bad AS int DEFAULT 3 CHECK (VALUE > 3);
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz, b bad)'),
('domain over a domain', '23514', 'inner_check',
 'CREATE DOMAIN inner_kind AS text CONSTRAINT inner_check CHECK (VALUE <> ''seed''); CREATE DOMAIN kind AS inner_kind;
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, event_type kind, inserted_at timestamptz)'),
('partition constraint', '23514', '',
 'CREATE TABLE whole (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz) PARTITION BY RANGE (votes_after);
  CREATE TABLE events PARTITION OF whole FOR VALUES FROM (1) TO (150)'),
('too long for varchar', '22001', '',
 'UPDATE options SET text = ''Elixir 1.18'' WHERE id = 2;
  CREATE TABLE events (id bigserial, option_id bigint, language varchar(6), votes_after bigint, inserted_at timestamptz)'),
('too long a literal', '22001', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, event_type varchar(3), inserted_at timestamptz)'),
('no such value of an enum', '22P02', '',
 'CREATE TYPE event_kind AS ENUM (''vote'');
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, event_type event_kind, inserted_at timestamptz)'),
('no number', '22P02', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, event_type int, inserted_at timestamptz)'),
('number out of range', '22003', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after numeric(4,2), inserted_at timestamptz)'),
('identity that overflows', '22003', '',
 'UPDATE options SET id = 40000 WHERE id = 2;
  CREATE TABLE events (id bigserial, option_id smallint, votes_after bigint, inserted_at timestamptz)'),
('sequence that ends', '2200H', '',
 'CREATE TABLE events (id bigint GENERATED BY DEFAULT AS IDENTITY (MAXVALUE 150), option_id bigint, votes_after bigint,
                       inserted_at timestamptz)'),
('default that divides by zero', '22012', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       d int DEFAULT 1 / (extract(year FROM now())::int * 0))'),
('generated column that divides by zero', '22012', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       d bigint GENERATED ALWAYS AS (100 / (votes_after - 149)) STORED)'),
('index expression that divides by zero', '22012', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz);
  CREATE INDEX ON events ((100 / (votes_after - 149)))'),
('key too long for an index', '54000', 'events_language_idx',
 'UPDATE options SET text = (SELECT string_agg(md5(i::text), '''') FROM generate_series(1, 200) AS i) WHERE id = 2;
  CREATE TABLE events (id bigserial, option_id bigint, language text, votes_after bigint, inserted_at timestamptz);
  CREATE INDEX ON events (language)'),
('generated column', '428C9', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint GENERATED ALWAYS AS (1) STORED, inserted_at timestamptz)'),
('identity column that is always generated', '428C9', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint GENERATED ALWAYS AS IDENTITY, inserted_at timestamptz)'),
('language that a number cannot be', '42804', '',
 'CREATE TABLE events (id bigserial, option_id bigint, language int, votes_after bigint, inserted_at timestamptz)');

-- What came with PostgreSQL 18.
INSERT INTO cases (name, code, constraint_name, events)
SELECT * FROM (VALUES
('not null of a virtual column', '23502', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       early bigint NOT NULL GENERATED ALWAYS AS (NULLIF(votes_after, 149)) VIRTUAL)'),
('check of a virtual column', '23514', 'events_twice_check',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       twice bigint GENERATED ALWAYS AS (votes_after * 2) VIRTUAL CHECK (twice < 300))'),
('writing a virtual column', '428C9', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint GENERATED ALWAYS AS (1) VIRTUAL, inserted_at timestamptz)'),
('overlap', '23P01', 'once',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       valid int4range GENERATED ALWAYS AS (int4range(least(id, 149)::int, least(id, 149)::int + 1)) STORED,
                       one int4range DEFAULT ''[1,2)'', CONSTRAINT once UNIQUE (one, valid WITHOUT OVERLAPS))'),
('empty range', '23514', '',
 'CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       valid int4range DEFAULT ''empty'', one int4range DEFAULT ''[1,2)'', CONSTRAINT once UNIQUE (one, valid WITHOUT OVERLAPS))'),
('temporal foreign key', '23503', 'span',
 'CREATE TABLE spans (one int4range, valid int4range, PRIMARY KEY (one, valid WITHOUT OVERLAPS));
  INSERT INTO spans VALUES (''[1,2)'', ''[1,100)''), (''[1,2)'', ''[100,149)'');
  CREATE TABLE events (id bigserial, option_id bigint, votes_after bigint, inserted_at timestamptz,
                       valid int4range GENERATED ALWAYS AS (int4range(1, 2 + votes_after::int)) STORED, one int4range DEFAULT ''[1,2)'',
                       CONSTRAINT span FOREIGN KEY (one, PERIOD valid) REFERENCES spans)')) AS v
 WHERE current_setting('server_version_num')::int >= 180000;

SELECT plan((SELECT 4 * count(*) FROM cases)::int);

CREATE FUNCTION make_parents() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE options (id bigint PRIMARY KEY, text text, votes bigint NOT NULL DEFAULT 0);
    INSERT INTO options VALUES (1, 'Python', 0), (2, 'Go', 0);
    CREATE TABLE limits (largest bigint);
    INSERT INTO limits VALUES (149);
    CREATE FUNCTION within_limits(n bigint) RETURNS boolean LANGUAGE sql STABLE RETURN n <= (SELECT max(largest) FROM limits);
END $$;

-- What a seeding of 240 votes, nine of ten for one option, fails with on a lane, and what is left of it.
CREATE FUNCTION failure(c cases, lane text, OUT code text, OUT constraint_name text, OUT whole text, OUT remains text)
LANGUAGE plpgsql AS $$
DECLARE
    schema_name text := c.place || lane;
    message text; detail text; hint text; table_name text; column_name text; type_name text; in_schema text;
BEGIN
    EXECUTE format('CREATE SCHEMA %I', schema_name);
    PERFORM set_config('search_path', format('%I, public', schema_name), true), set_config('pollseed.write_lane', lane, true);
    PERFORM make_parents();
    EXECUTE c.events;
    EXECUTE 'CREATE TABLE before AS SELECT (SELECT array_agg(e) FROM events AS e)::text AS events,
             (SELECT array_agg(o ORDER BY o.id) FROM options AS o)::text AS options, (SELECT count(*) FROM pollseed_runs) AS runs';
    BEGIN
        PERFORM FROM pollseed_seed(240, seed => 42, ends_at => '2026-01-22 00:00+00', time_range => '48 hours', batch_size => 50,
                                   weights => (SELECT jsonb_object_agg(coalesce(text, ''), CASE id WHEN 1 THEN 9 ELSE 1 END)
                                                 FROM options HAVING bool_and(text IS NOT NULL)), events => 'events');
        code := 'none';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, constraint_name = CONSTRAINT_NAME, message = MESSAGE_TEXT,
            detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, table_name = TABLE_NAME, column_name = COLUMN_NAME,
            type_name = PG_DATATYPE_NAME, in_schema = SCHEMA_NAME;
    END;
    whole := replace(concat_ws(E'\n', message, detail, hint, in_schema, table_name, column_name, type_name, constraint_name),
                     schema_name, '<schema>');
    EXECUTE 'SELECT concat_ws('', '',
                 CASE WHEN b.events IS DISTINCT FROM (SELECT array_agg(e) FROM events AS e)::text THEN ''events'' END,
                 CASE WHEN b.options <> (SELECT array_agg(o ORDER BY o.id) FROM options AS o)::text THEN ''options'' END,
                 CASE WHEN b.runs <> (SELECT count(*) FROM pollseed_runs) THEN ''ledger'' END) FROM before AS b' INTO remains;
END $$;

CREATE TEMP TABLE failures AS
    SELECT c AS tested, lane, f.* FROM cases AS c, unnest('{spi,direct}'::text[]) AS lane, failure(c, lane) AS f;

CREATE FUNCTION compare(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    spi failures; direct failures;
BEGIN
    SELECT * INTO STRICT spi FROM failures WHERE tested = c AND lane = 'spi';
    SELECT * INTO STRICT direct FROM failures WHERE tested = c AND lane = 'direct';
    RETURN NEXT is(spi.code || ' ' || coalesce(spi.constraint_name, ''), c.code || ' ' || c.constraint_name,
                   c.name || ': the SPI lane fails as it should');
    RETURN NEXT is(direct.code || E'\n' || direct.whole, spi.code || E'\n' || spi.whole, c.name || ': the direct lane fails alike');
    RETURN NEXT is(spi.remains, '', c.name || ': the SPI lane leaves nothing behind');
    RETURN NEXT is(direct.remains, '', c.name || ': the direct lane leaves nothing behind');
END $$;
SELECT compare(c) FROM cases AS c ORDER BY place;

SELECT finish();
ROLLBACK;
