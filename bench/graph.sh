#!/bin/bash
# Measures the figures of seeding a schema that the README quotes, each with its peer in the same run on the same server and the same
# rows, and prints them beside what is required; see lib.sh for ROUNDS and QUICK.  "make bench" builds and installs before it calls this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "$QUICK" = 0 ]; then
  ROWS=1000000 SMALL=100000 HUGE=10000000 UUIDS=1000000
else
  ROWS=100000 SMALL=10000 HUGE=100000 UUIDS=100000
fi

DB=graph_empty
SETTINGS=('shared_buffers = 2GB' 'max_wal_size = 8GB' 'autovacuum = off')

# Parents before children.
TABLES='organizations users projects memberships labels milestones issues issue_labels comments reactions attachments events'

# A database with the empty schema, made anew.
fresh() {
  psql_in postgres -c 'DROP DATABASE IF EXISTS graph_work WITH (FORCE)' -c 'CREATE DATABASE graph_work TEMPLATE graph_empty' -c CHECKPOINT 2>&1 |
    sed '/^NOTICE/d; /^$/d'
}

# Time SQL, read from a file, in the database that is measured: figure, file.
time_file() {
  psql_in graph_work -c '\timing on' -f "$2" >"$WORK/out" 2>"$WORK/err" || die "$(cat "$WORK/err")"
  sum_of_times "$WORK/out" >>"$WORK/$1.ms"
}

# What psql is to do for each way; the planner's statistics are made by all of them.
write_scripts() {
  local table
  mkdir -p "$WORK/rows"
  chmod 777 "$WORK/rows"
  echo "SELECT sum(inserted) FROM pollseed_seed_graph(plan_for($ROWS));" >"$WORK/ours.sql"
  fresh
  psql_in graph_work -f "$WORK/ours.sql" >"$WORK/out"
  for table in $TABLES; do
    psql_in graph_work -c "COPY tracker.$table TO '$WORK/rows/$table'"
    echo "COPY tracker.$table FROM '$WORK/rows/$table';" >>"$WORK/copy.sql"
    {
      echo 'BEGIN;'
      as_server "$BINDIR/pg_dump" -h "$WORK" -p 5432 -U postgres -d graph_work --data-only --inserts --rows-per-insert=1000 \
        -t "tracker.$table" | sed '/^--/d; /^SET/d; /^SELECT/d; /^\\/d; /^$/d'
      echo 'COMMIT;'
    } >>"$WORK/batches.sql"
  done
  echo 'ANALYZE;' | tee -a "$WORK/copy.sql" >>"$WORK/batches.sql"
  CONTENT=$(psql_in graph_work -c 'SELECT content()')
}

# All ways must leave the same rows.
check_content() {
  [ "$(psql_in graph_work -c 'SELECT content()')" = "$CONTENT" ] || die "$1 left other rows"
}

measure_tracker() {
  fresh
  time_file seed "$WORK/ours.sql"
  check_content seed
  time_file again "$WORK/ours.sql"
  fresh
  time_file copy "$WORK/copy.sql"
  check_content copy
  fresh
  time_file batches "$WORK/batches.sql"
  check_content batches
}

measure_okr() {
  local run
  echo "SELECT sum(inserted) FROM pollseed_seed_graph(pollseed_plan_okr(as_of => '2026-06-01'));" >"$WORK/okr.sql"
  fresh
  for run in okr okr-again; do
    time_file "$run" "$WORK/okr.sql"
  done
}

measure_uuid() {
  local ours="SELECT count(pollseed_uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', i::text)) FROM generate_series(1, $UUIDS) AS i;"
  local peer="SELECT count(uuid_generate_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', i::text)) FROM generate_series(1, $UUIDS) AS i;"
  echo "$ours" >"$WORK/uuid.sql"
  echo "$peer" >"$WORK/uuid-peer.sql"
  time_file uuid "$WORK/uuid.sql"
  time_file uuid-peer "$WORK/uuid-peer.sql"
}

# The most memory of its own that the server process had while it seeded so many rows, in kB; looked at some thousand times a
# second, since the small run is over soon.
measure_memory() {
  local rows=$1 peak=0 key value pid client
  fresh
  rm -f "$WORK/pid"
  psql_in graph_work -c '\o '"$WORK/pid" -c 'SELECT pg_backend_pid()' -c '\o' -c 'SELECT pg_sleep(0.2)' \
    -c "SELECT sum(inserted) FROM pollseed_seed_graph(plan_for($rows))" >/dev/null &
  client=$!
  until [ -s "$WORK/pid" ]; do sleep 0.01; done
  pid=$(tr -d '[:space:]' <"$WORK/pid")
  while [ -r "/proc/$pid/status" ]; do
    while read -r key value _; do
      [ "$key" != RssAnon: ] || [ "$value" -le "$peak" ] || peak=$value
    done <"/proc/$pid/status"
  done 2>/dev/null
  wait $client
  echo "$peak" >>"$WORK/memory-$rows.kb"
}

start_server
psql_in postgres -c 'CREATE DATABASE graph_empty'
psql_in graph_empty -f "$BENCH_DIR/graph_prepare.sql"
progress 'preparing rows'
write_scripts
for ((round = 1; round <= ROUNDS; round++)); do
  progress "round $round of $ROUNDS"
  measure_tracker
  measure_okr
  measure_uuid
done
progress 'memory'
measure_memory $SMALL
measure_memory $HUGE

print_machine
print_head
row "an OKR tenant of 5,159 rows, first run" "$(median okr.ms)" 1000 ms 1
row 'again' "$(median okr-again.ms)" 100 ms 1
row "$(commas $ROWS) rows, 12 tables; peer: COPY" "$(median seed.ms)" "$(median copy.ms)" ms 0.7
row 'the same; peer: batches of 1000 rows from a client' "$(median seed.ms)" "$(median batches.ms)" ms 0.25
row 'again, all rows there; peer: the first run' "$(median again.ms)" "$(median seed.ms)" ms 0.3
row "$(commas $UUIDS) UUIDs of version 5; peer: uuid-ossp" "$(median uuid.ms)" "$(median uuid-peer.ms)" ms 0.5
row "memory, $(commas $HUGE) rows; peer: $(commas $SMALL)" "$(median memory-$HUGE.kb)" "$(median memory-$SMALL.kb)" kB 1.2
print_samples seed again copy batches okr okr-again uuid uuid-peer
finish
