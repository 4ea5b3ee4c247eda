#!/bin/bash
# Measures the figures of the cache that the README quotes, each beside its peer on the same server and the same data, in turns, and
# prints them with what is required; see lib.sh for ROUNDS and QUICK.  "make bench" builds and installs before it calls this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "$QUICK" = 0 ]; then
  VOTES=1000000 TURNS=15 TRANSACTIONS=20000 STATS_SECONDS=3 POLL_SECONDS=20 HERD_SECONDS=60
else
  VOTES=100000 TURNS=2 TRANSACTIONS=4000 STATS_SECONDS=1 POLL_SECONDS=5 HERD_SECONDS=6
fi

DB=pollseed_bench
SETTINGS=('shared_buffers = 1GB' 'max_wal_size = 8GB' 'autovacuum = off' 'max_connections = 200')

# The library is loaded when a session first needs it, or by the server.
MODES='late preloaded'

# A mode as the table has it.
name_of() { if [ "$1" = late ]; then echo 'not preloaded'; else echo preloaded; fi; }

. "$BENCH_DIR/cache_poll.sh"
. "$BENCH_DIR/cache_tax.sh"

# Start the server again, with the library preloaded or not.
restart_in() {
  local libraries=''
  [ "$1" = late ] || libraries=pollseed
  as_server "$BINDIR/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -m fast -w -t 60 \
    -o "-c shared_preload_libraries='$libraries'" restart >"$WORK/restart.log" 2>&1 || {
    cat "$WORK/restart.log" "$WORK/server.log"
    die 'the server did not start again'
  }
}

prepare() {
  progress "preparing a poll with $(commas $VOTES) votes"
  psql_in postgres -c "CREATE DATABASE $DB"
  psql_bench -v votes=$VOTES -f "$BENCH_DIR/cache_prepare.sql" 2>&1 | sed '/^$/d'
}

# Nothing of earlier turns is left to be cleaned up, all blocks are in memory, and nothing waits to be written out.
fresh_start() {
  psql_bench -c 'VACUUM (ANALYZE)' \
    -c "SELECT sum(pg_prewarm(oid::regclass)) FROM pg_class WHERE relkind IN ('r', 'i') AND relpersistence <> 't'" -c CHECKPOINT >/dev/null
}

# Run a statement over and over, prepared, each a transaction of its own.  Arguments: the statement, clients, then pgbench's own.
pgbench_run() {
  local statement=$1 clients=$2 script
  shift 2
  script=$(mktemp "$WORK/script-XXXXXX")
  echo "$statement" >"$script"
  "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c "$clients" -j "$((clients > 2 ? 2 : clients))" \
    -f "$script" "$@" "$DB" 2>&1 || die "pgbench: $statement"
  rm "$script"
}

# Add the rate of a statement to a figure, a rate of hits if it says so.  Arguments: the figure, the statement, clients.
rate() {
  local before after
  before=$(hits)
  pgbench_run "$2" "$3" -t $((TRANSACTIONS / $3)) >"$WORK/pgbench.out"
  awk '/^tps/ { print $3 }' "$WORK/pgbench.out" >>"$WORK/$1.tps"
  [[ $1 = hit* ]] || return 0
  after=$(hits)
  [ $((after - before)) -ge "$(processed "$WORK/pgbench.out")" ] ||
    die "$((after - before)) hits, of $(grep 'actually processed' "$WORK/pgbench.out")"
}

hits() { psql_bench -c "SELECT hits FROM pollseed_cache_stats WHERE cache = 'bench'"; }

# Transactions that pgbench tells of.
processed() { awk '/actually processed/ { split($NF, n, "/"); print n[1] + 0 }' "$1"; }

hit="SELECT pollseed_cache_fetch('bench', 'shares', 'SELECT jsonb_object_agg(id, share) FROM shares')"

# What is measured one after the other, and the order the other way round in every second turn.
statements=(
  "hit|$hit"
  'one|SELECT 1'
  'row|SELECT page FROM pages WHERE id = 500'
  "result|SELECT value FROM results WHERE key = 'shares' AND expires_at > now()"
)

# A hit, its peers by one client, and a hit and the least that there is by one and by eight.  Arguments: the mode.
latencies() {
  local mode=$1 i j entry
  psql_bench -c "$hit" -c "$hit" >/dev/null
  for ((i = 0; i < TURNS; i++)); do
    for ((j = 0; j < ${#statements[@]}; j++)); do
      entry=${statements[$((i % 2 ? ${#statements[@]} - 1 - j : j))]}
      rate "${entry%%|*}-$mode" "${entry#*|}" 1
    done
    for j in 1 8 8 1; do
      rate "hit-of-$j-$mode" "$hit" "$j"
      rate "one-of-$j-$mode" 'SELECT 1' "$j"
    done
  done
}

measure() {
  local round mode
  for ((round = 1; round <= ROUNDS; round++)); do
    for mode in $MODES; do
      progress "round $round of $ROUNDS, $mode"
      restart_in "$mode"
      fresh_start
      latencies "$mode"
      taxes "$mode"
    done
    restart_in late
    fresh_start
    throughputs
    hit_rates
    herds
  done
}

# Microseconds of a statement, by the median of its rates.
us_of() { calc "1000000 / $(median "$1.tps")"; }

# How many times as many eight clients get as one does.
scaling_of() { calc "$(median "$1-of-8-$2.tps") / $(median "$1-of-1-$2.tps")"; }

print_table() {
  local mode name
  print_head
  for mode in $MODES; do
    name=$(name_of "$mode")
    row "a hit / SELECT 1, $name" "$(us_of "hit-$mode")" "$(us_of "one-$mode")" us 1.25
    row "a hit / a row by its primary key, $name" "$(us_of "hit-$mode")" "$(us_of "row-$mode")" us 1.0
    row "a hit / a result in an UNLOGGED table, $name" "$(us_of "hit-$mode")" "$(us_of "result-$mode")" us 1.0
    row_least "hits of 8 clients over 1's / SELECT 1's, $name" "$(scaling_of hit "$mode")" "$(scaling_of one "$mode")" '' 0.95
    print_tax_rows "$mode"
  done
  print_poll_rows
  echo
  print_tax_facts
  print_poll_facts
}

# Every rate that was measured, to judge by how quiet the machine was.
print_rates() {
  local file
  echo 'all transactions a second:'
  for file in "$WORK"/*.tps; do
    printf '  %-24s%s\n' "$(basename "$file" .tps)" "$(awk '{ printf " %.0f", $1 }' "$file")"
  done
}

start_server
prepare
measure

echo
print_machine
echo
print_table
print_rates
finish
