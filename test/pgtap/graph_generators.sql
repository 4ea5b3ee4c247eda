-- What pollseed_generators() lists: every generator that a plan can name, with an example that looks as it should.
\unset ECHO
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off

BEGIN;
SET LOCAL client_min_messages = warning;
SELECT no_plan();

CREATE TEMP TABLE kinds AS SELECT * FROM pollseed_generators();

SELECT is_empty('SELECT name FROM kinds GROUP BY name HAVING count(*) > 1', 'each name stands for one generator');
SELECT is_empty($$SELECT unnest('{default,sequence,row,uuid5,uuid,constant,list,allowed,table,expression,stats,integer,number,boolean,
        price,percent,quantity,rating,year,age,position,latitude,longitude,duration,moment,date,birth_date,time,interval,first_name,
        last_name,full_name,user_name,email,password_hash,token,phone,job_title,department,company,street,city,state,postal_code,country,
        country_code,language_code,locale,time_zone,currency_code,url,domain,host_name,ip,mac,user_agent,file_name,path,mime_type,version,
        color,hex,code,sku,pattern,name,title,slug,word,words,sentence,paragraph,text,label,key,json,array,range,composite,bytea,bit,
        network,geometric,any}'::text[]) EXCEPT SELECT name FROM kinds$$, 'all that plans are made of are there');
SELECT is_empty($$SELECT name FROM kinds WHERE gives IS NULL OR gives = '' OR gives ~ '^[A-Z]\w*[a-z] ' AND gives !~ '^(JSON|UUID|SQL)'
    OR gives ~ '\.$'$$, 'each says in a clause what it gives');
SELECT is_empty($$SELECT name FROM kinds WHERE arguments IS NULL OR arguments !~ '^(\w+(, \w+)*)?$'$$, 'arguments are names with commas between');
SELECT results_eq('SELECT name FROM kinds WHERE example IS NULL ORDER BY name',
    $$VALUES ('composite'), ('default'), ('sequence')$$, 'all have an example but those that only a column gives a meaning');
SELECT is_empty($$SELECT name FROM kinds WHERE example = '' OR example ~ '%' AND name <> 'password_hash'$$, 'no example is empty or has a piece of a template left');

-- Twice the same, whatever the settings
CREATE TEMP TABLE again AS SELECT * FROM pollseed_generators();
SELECT is_empty('SELECT * FROM kinds EXCEPT SELECT * FROM again', 'the examples are always the same');
SET LOCAL search_path = pg_temp;
CREATE TEMP TABLE elsewhere AS SELECT * FROM public.pollseed_generators();
RESET search_path;
SELECT is_empty('SELECT * FROM kinds EXCEPT SELECT * FROM elsewhere', 'whatever the search path');
SET LOCAL "IntervalStyle" = 'sql_standard';
SET LOCAL lc_monetary = 'C';
SELECT is_empty($$SELECT name, example FROM kinds WHERE name <> 'interval' EXCEPT SELECT name, example FROM pollseed_generators()$$,
    'whatever the style of intervals');
RESET "IntervalStyle";

-- What examples look like
CREATE FUNCTION example(kind text) RETURNS text LANGUAGE sql AS 'SELECT example FROM kinds WHERE name = kind';
SELECT matches(example(kind), pattern, kind || ': the example looks like one')
  FROM (VALUES ('row', '^1$'), ('uuid', '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ('uuid5', '^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'), ('constant', '^draft$'),
    ('list', '^(draft|published)$'), ('table', '^[a-z]+$'), ('expression', '^ROW 0$'), ('integer', '^\d+$'), ('number', '^\d+\.\d\d$'),
    ('price', '^\d+\.\d\d$'), ('percent', '^\d+\.\d$'), ('rating', '^[1-5]\.\d$'), ('year', '^(19|20)\d\d$'), ('latitude', '^-?\d+\.\d{6}$'),
    ('first_name', '^[A-Z][a-z]+$'), ('last_name', '^[A-Z][A-Za-z]+$'), ('full_name', '^[A-Z][a-z]+ [A-Z][A-Za-z]+$'),
    ('user_name', '^[a-z]+[._]?[a-z]*\d*$'), ('email', '^[a-z]+\.[a-z]+@([a-z]+\.example|example\.(com|org|net))$'),
    ('password_hash', '^\$2b\$12\$[./A-Za-z0-9]{53}$'), ('token', '^[A-Za-z0-9]{32}$'), ('phone', '^\+1-\d{3}-555-01\d\d$'),
    ('street', '^\d+ [A-Z][a-z]+ [A-Z][a-z]+$'), ('country_code', '^[A-Z]{2}$'), ('language_code', '^[a-z]{2}$'),
    ('locale', '^[a-z]{2}_[A-Z]{2}$'), ('currency_code', '^[A-Z]{3}$'), ('time_zone', '^[A-Z]\w+(/\w+)*$'),
    ('url', '^https://www\.[a-z]+\.example'), ('domain', '\.example$'), ('host_name', '\.example$'), ('ip', '^10\.\d+\.\d+\.\d+$'),
    ('mac', '^02(:[0-9a-f]{2}){5}$'), ('user_agent', '^Mozilla/5\.0 \('), ('file_name', '^[a-z_0-9-]+\.[a-z0-9]+$'), ('path', '^/[a-z0-9/._-]+$'),
    ('mime_type', '^[a-z]+/[a-z0-9.+-]+$'), ('version', '^\d+\.\d+\.\d+$'), ('color', '^#[0-9a-f]{6}$'), ('hex', '^[0-9a-f]{32}$'),
    ('code', '^[2-9A-HJ-NP-Z]{8}$'), ('sku', '^[A-Z]{3}-\d{5}-[A-Z]{2}$'), ('pattern', '^[A-Z]{3}-[0-9]{4}$'), ('name', ' Example$'),
    ('title', '^[A-Z].*[a-z]$'), ('slug', '^[a-z]+(-[a-z]+)*$'), ('word', '^[a-z]+$'), ('words', '^[a-z]+( [a-z]+)+$'),
    ('sentence', '^[A-Z][^.]+\.$'), ('paragraph', '^[A-Z][^.]+\.( [A-Z][^.]+\.)+$'), ('text', '^[A-Z].*\.$'), ('label', '^[A-Z][a-z]+( [a-z]+)?$'),
    ('key', '^[a-z]+([._][a-z]+)+$'), ('array', '^\{.+\}$'), ('range', '^\[\d+,\d+\)$'), ('bit', '^[01]+$'), ('geometric', '^\(.+,.+\)$'),
    ('network', '^10\.\d+\.\d+\.0/24$'), ('bytea', '^\\x[0-9a-f]{32}$')) AS t(kind, pattern);
SELECT ok(example('boolean') IN ('t', 'f'), 'boolean: the example is one');
SELECT is(jsonb_typeof(example('json')::jsonb), 'object', 'json: the example is an object');
SELECT cmp_ok(example('moment')::timestamptz, '>=', '2024-01-01 00:00+00'::timestamptz, 'moment: not before the plan''s time');
SELECT cmp_ok(example('moment')::timestamptz, '<=', '2026-01-01 00:00+00'::timestamptz, 'moment: not after it');
SELECT cmp_ok(example('date')::date, '<', '2026-01-01'::date, 'date: within the plan''s time');
SELECT cmp_ok(example('birth_date')::date, '<', '2008-01-01'::date, 'birth_date: of somebody who is grown up');
SELECT is_empty($$SELECT example('time_zone') EXCEPT SELECT name FROM pg_timezone_names$$, 'time_zone: the server knows it');

SELECT * FROM finish();
ROLLBACK;
