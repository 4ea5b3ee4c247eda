#!/bin/bash
# Measures the figures of backfills that the README quotes, each with its peer in the same run on the same server and the same data,
# and prints them beside what is required; see lib.sh for ROUNDS and QUICK.  "make bench" builds and installs before it calls this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "$QUICK" = 0 ]; then
  POPULATIONS=100000 OFFERS=200000 EVENTS=1000000
  LATENCY_SECONDS=12 LATENCY_PAIRS=3
else
  POPULATIONS=10000 OFFERS=20000 EVENTS=100000
  LATENCY_SECONDS=2 LATENCY_PAIRS=2
fi
ME_FILES=$((POPULATIONS / 10))

# The seed's way is measured on the first of the populations, with their offers and events, and scaled by rows.
AFTER_PART=50

# The last batch of 100 populations, and how many are run to count statements.
LAST_BATCH=$((POPULATIONS / 100))
FEW_BATCHES=$((LAST_BATCH / 10)) MANY_BATCHES=$((LAST_BATCH / 2))

DB=pollseed_bench
SETTINGS=('shared_buffers = 1GB' 'max_wal_size = 8GB' 'autovacuum = off' "shared_preload_libraries = 'pg_stat_statements'"
  "pg_stat_statements.track = 'none'")
TABLES=(target_populations offers ad_events)

. "$BENCH_DIR/latency.sh"

BATCHES_OF_100='SET pollseed.backfill_min_batch_size = 100; SET pollseed.backfill_max_batch_size = 100;'

# Databases to copy: "seeded" has no snapshots and no indexes on them, "filled" has those of the populations, "indexed" has no
# snapshots and the seed's partial indexes.
prepare() {
  progress "preparing $(commas $POPULATIONS) populations, $(commas $OFFERS) offers, $(commas $EVENTS) events"
  psql_in postgres -c 'CREATE DATABASE seeded'
  psql_in seeded -v populations=$POPULATIONS -v offers=$OFFERS -v events=$EVENTS -f "$BENCH_DIR/backfill_prepare.sql"
  copy_database filled seeded
  peer filled populations
  psql_in filled -c 'VACUUM (FREEZE, ANALYZE) target_populations'
  copy_database indexed seeded
  psql_in indexed -c 'SELECT pollseed_create_snapshot_indexes(gin => false)' -c 'VACUUM (FREEZE, ANALYZE)' >/dev/null
  progress 'filling all as single statements, to know what is to come of it'
  copy_database "$DB" filled
  peer "$DB" offers
  peer "$DB" events
  for table in "${TABLES[@]}"; do
    content "$table" >"$WORK/$table.expected"
  done
  psql_bench -c 'SELECT sum(pg_column_size(matching_tags_snapshot)) / 1048576.0 FROM ad_events' >"$WORK/snapshots.mb"
}

copy_database() {
  psql_in postgres -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)" -c "CREATE DATABASE $1 TEMPLATE $2 STRATEGY file_copy" 2>&1 |
    sed '/does not exist, skipping/d'
}

# Fill a table by a single statement.  Arguments: the database, what to fill, then what comes before.
peer() { psql_in "$1" -v peer="$2" "${@:3}" -f "$BENCH_DIR/backfill_peers.sql"; }

# What is in a table that was seeded: the number of rows and a hash over ids and snapshots.
content() {
  psql_bench -c "SELECT count(*), sum(hash_record_extended(ROW(id, matching_tags_snapshot), 0)) FROM $1
    WHERE id <= (CASE WHEN '$1' = 'ad_events' THEN $EVENTS ELSE $OFFERS END)"
}

# A way of filling that left something else has won nothing.  Arguments: the figure, the tables that it is to have filled.
check_content() {
  local figure=$1 table found
  shift
  for table in "$@"; do
    found=$(content "$table")
    [ "$found" = "$(cat "$WORK/$table.expected")" ] ||
      die "$figure left \"$found\" in $table instead of \"$(cat "$WORK/$table.expected")\""
  done
}

# The database to measure in: a copy whose blocks are all in memory, and nothing waits to be written out.
fresh_start() {
  copy_database "$DB" "$1"
  psql_bench -c "SELECT sum(pg_prewarm(oid::regclass)) FROM pg_class WHERE relkind IN ('r', 'i', 't')" -c CHECKPOINT >/dev/null
}

# Bytes of the events, with what is stored out of line.
size_of_events() {
  psql_bench -c "SELECT pg_relation_size(oid) + pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'ad_events'::regclass"
}

# The ways of filling the events, whose populations have snapshots already.
single() {
  local before
  fresh_start filled
  before=$(size_of_events)
  peer "$DB" events -c '\timing on' >"$WORK/timed.out"
  sum_of_times "$WORK/timed.out" >>"$WORK/$1.ms"
  note "$1.mb" "($(size_of_events) - $before) / 1048576"
  check_content "$1" ad_events
}

call() {
  local before
  fresh_start filled
  before=$(size_of_events)
  psql_bench -c '\timing on' -c "CALL pollseed_backfill_run('events')" >"$WORK/timed.out" 2>"$WORK/notices"
  sum_of_times "$WORK/timed.out" >>"$WORK/call.ms"
  note call.mb "($(size_of_events) - $before) / 1048576"
  check_content call ad_events
}

# The time of a job is from its submission to its end, as its row tells.  A session that is there already looks at it now and then:
# who waits for it in one statement holds a snapshot, and keeps the space of old rows from being used again.
# Arguments: the figure, the number of workers.
job() {
  local figure=$1 out=$WORK/job.out id before
  fresh_start filled
  before=$(size_of_events)
  id=$(psql_bench -c "SELECT pollseed_backfill_async('events', workers => $2)")
  rm -f "$out"
  until [ -s "$out" ]; do
    echo "SELECT state, extract(epoch FROM finished_at - queued_at) * 1000 FROM pollseed_jobs WHERE id = $id AND finished_at IS NOT NULL"
    printf '%s\n' "\g $out"
    sleep 0.5
  done | psql_bench -f -
  grep -q '^succeeded ' "$out" || die "a job ended with: $(cat "$out")"
  awk '{ print $2 }' "$out" >>"$WORK/$figure.ms"
  note "$figure.mb" "($(size_of_events) - $before) / 1048576"
  check_content "$figure" ad_events
}

# What filling a short column leaves behind: a name of the event's band, which takes less room than the old row gives back, where a
# snapshot takes thrice as much.  Arguments: the figure, the statement that fills it.
growth() {
  local figure=$1 before found
  fresh_start filled
  psql_bench -f - <<'SQL'
ALTER TABLE ad_events ADD COLUMN band_name varchar(255);
SELECT FROM pollseed_backfill_create('band_names', 'ad_events', 'band_name',
  'SELECT id, name FROM target_bands WHERE id = ANY ($1)', key => 'target_band_id', strategy => 'block') \g /dev/null
SQL
  before=$(size_of_events)
  psql_bench -c "$2" 2>"$WORK/notices"
  note "$figure.mb" "($(size_of_events) - $before) / 1048576"
  found=$(psql_bench -c "SELECT count(band_name), sum(hash_record_extended(ROW(id, band_name), 0)) FROM ad_events")
  [ -e "$WORK/band_names" ] || echo "$found" >"$WORK/band_names"
  [ "$found" = "$(cat "$WORK/band_names")" ] || die "$figure left \"$found\" instead of \"$(cat "$WORK/band_names")\""
}

growths() {
  growth growth-single 'UPDATE ad_events AS e SET band_name = b.name FROM target_bands AS b WHERE b.id = e.target_band_id'
  growth growth-block "CALL pollseed_backfill_run('band_names')"
}

# The whole case: nothing has a snapshot, and the seed's partial indexes are there.
whole() {
  fresh_start indexed
  psql_bench -c '\timing on' -c 'CALL pollseed_backfill_snapshots()' >"$WORK/timed.out" 2>"$WORK/notices"
  sum_of_times "$WORK/timed.out" >>"$WORK/whole.ms"
  check_content whole "${TABLES[@]}"
}

# The same as a client does it, as far as it is measured, with its time scaled to all rows.  What it left to do is done by single
# statements, so that what it wrote shows in the content; that takes long, so only once.
after() {
  local populations offers events statements seconds
  fresh_start indexed
  PGHOST=$WORK PGPORT=5432 PGUSER=postgres PGDATABASE=$DB PSQL=$BINDIR/psql \
    perl "$BENCH_DIR/backfill_after.pl" $((POPULATIONS / AFTER_PART)) >"$WORK/after.out"
  read -r populations offers events statements seconds <"$WORK/after.out"
  [ "$populations" = $((POPULATIONS / AFTER_PART)) ] || die "the client filled $populations populations"
  note "after.ms" "$seconds * 1000 * ($POPULATIONS + $OFFERS + $EVENTS) / ($populations + $offers + $events)"
  AFTER_SAMPLE="$(commas "$populations") populations, $(commas "$offers") offers and $(commas "$events") events in"
  AFTER_SAMPLE+=" $(commas "$statements") statements and $seconds s"
  [ "$1" = 1 ] || return 0
  for table in populations offers events; do
    peer "$DB" $table
  done
  check_content after "${TABLES[@]}"
}

# Add the buffers that finding the next batch of populations takes after a key to a figure.  Arguments: the figure, the key.
key_scan() {
  psql_bench -f - >"$WORK/explain.out" <<SQL
SELECT statement FROM pollseed_backfill_explain('populations') WHERE step = 'find' \\gset
PREPARE find(bigint, bigint) AS :statement;
EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE find($2, 100);
SQL
  grep -q 'Index .*Scan using target_populations_' "$WORK/explain.out" || die "populations are found by: $(cat "$WORK/explain.out")"
  sed -n '/Buffers: /{p;q}' "$WORK/explain.out" | tr ' ' '\n' | awk -F = '{ n += $2 } END { print n }' >>"$WORK/$1"
}

# Fill some batches of 100 populations.
fill_batches() { psql_bench -c "$BATCHES_OF_100" -c "CALL pollseed_backfill_run('populations', max_batches => $1)" 2>"$WORK/notices"; }

# Fill ten batches of 100 populations, and look each time before at what finding it takes.  Where a batch ends within a block, the
# next one has to look into that block; ten of them even that out.
ten_key_scans() {
  local i position=$2
  rm -f "$WORK/ten"
  for ((i = 0; i < 10; i++)); do
    key_scan ten "$position"
    fill_batches 1
    position=$(psql_bench -c 'SELECT position[1] FROM pollseed.backfill_ranges')
  done
  awk '{ n += $1 } END { print n / 10 }' "$WORK/ten" >>"$WORK/$1"
}

# What finding the first batches and the last ones takes, by index on a table where all others lie between.
key_scans() {
  fresh_start indexed
  ten_key_scans first.buffers 0
  fill_batches $((LAST_BATCH - 20))
  key_scan front.buffers 0
  ten_key_scans last.buffers "$(psql_bench -c 'SELECT position[1] FROM pollseed.backfill_ranges')"
  psql_bench -c "CALL pollseed_backfill_run('populations')" 2>"$WORK/notices"
  check_content 'strategy index' target_populations
}

# Go on with some batches of populations, and print how many statements that took in all.
count_statements() {
  psql_bench -f - 2>"$WORK/notices" <<SQL
$BATCHES_OF_100
SET pg_stat_statements.track = 'all';
SELECT pg_stat_statements_reset() \\g /dev/null
CALL pollseed_backfill_run('populations', max_batches => $1);
SELECT sum(calls) FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
SQL
}

# Statements a batch, by the difference of two runs that both go on where one stopped; the list of them is kept.
statements() {
  local few many
  fresh_start indexed
  fill_batches 10
  few=$(count_statements $FEW_BATCHES)
  many=$(count_statements $MANY_BATCHES)
  note "statements" "($many - $few) / ($MANY_BATCHES - $FEW_BATCHES)"
  psql_bench -c "SELECT round(calls / $MANY_BATCHES.0, 2), left(regexp_replace(query, '\s+', ' ', 'g'), 110)
    FROM pg_stat_statements WHERE calls >= $MANY_BATCHES ORDER BY calls DESC, query" >"$WORK/statements.list"
}

measure() {
  local round
  for ((round = 1; round <= ROUNDS; round++)); do
    progress "round $round of $ROUNDS"
    single warm-up
    job job-1 1
    single single
    job job-2 2
    call
    single single
    growths
    whole
    after "$round"
    key_scans
    statements
    latencies
  done
}

print_table() {
  local single events last
  single=$(median single.ms)
  events="$(commas $EVENTS) events"
  last=$(commas $LAST_BATCH)
  print_head
  row "$events, a job with one worker / one UPDATE" "$(median job-1.ms)" "$single" ms 1.25
  row "$events, a job with two workers / one UPDATE" "$(median job-2.ms)" "$single" ms 0.80
  row "$(commas $((POPULATIONS + OFFERS + EVENTS))) rows by one CALL / by the seed's client (a part, scaled)" \
    "$(median whole.ms)" "$(median after.ms)" ms 0.10
  row "an application's p99, throttled run / none" "$(median p99-throttled.ms)" "$(median p99-without.ms)" ms 1.5
  row "growth by a short column of $events, block / UPDATE" "$(median growth-block.mb)" "$(median growth-single.mb)" MB 0.6
  row "buffers of a key scan, batches to $last / batches 1 to 10" "$(median last.buffers)" "$(median first.buffers)" '' 1.5
  row "statements a batch of 100 populations / 1" "$(median statements)" 1 '' 4

  echo
  echo "for information: $events by CALL / one UPDATE $(calc "$(median call.ms) / $single" | two_digits);" \
    "two workers / one $(calc "$(median job-2.ms) / $(median job-1.ms)" | two_digits)"
  echo "the seed's client: $AFTER_SAMPLE"
  print_latency_facts
  echo "growth by the snapshots, which are larger than the rows: $(median job-1.mb | rounded) MB by block," \
    "$(median single.mb | rounded) by one UPDATE; they alone take $(rounded <"$WORK/snapshots.mb")"
  echo "such a key scan from the front of the index instead of the position: $(median front.buffers) buffers"
  echo "statements a batch:"
  sed 's/^/  /' "$WORK/statements.list"
}

start_server
prepare
measure

echo
print_machine
echo
print_table
print_samples job-1 job-2 call single whole after p99-throttled p99-without p99-hurried p99-spinning
finish
