# shellcheck shell=bash
# What a throttled backfill does to the application beside it, sourced by backfill.sh: the time of 99 of 100 transactions of a pgbench
# workload on the same tables, with and without the run in turns.

# The application keeps to a share of what it could do.
LOAD_SHARE=0.2
CLIENTS=4

# Run the application for some seconds; prints what pgbench says.  Arguments: seconds, then pgbench's own.
load() {
  local seconds=$1
  shift
  "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c $CLIENTS -j 1 -T "$seconds" -f "$BENCH_DIR/backfill_load.sql" \
    -D "events=$EVENTS" -D "offers=$OFFERS" -D "me_files=$ME_FILES" "$@" "$DB" 2>&1
}

# Add the time that 99 of 100 transactions of the application take at most to a figure; it counts from when the application
# wanted to begin, whether a client was free or not.  Arguments: the figure, transactions a second.
latency() {
  rm -f "$WORK"/transactions.*
  load "$LATENCY_SECONDS" --rate "$2" --log --log-prefix "$WORK/transactions" >"$WORK/pgbench.out"
  cat "$WORK"/transactions.* | awk '{ print $3 / 1000 }' | sort -g |
    awk '{ ms[NR] = $1 } END { print ms[int(NR * 0.99 + 0.5)] }' >>"$WORK/$1.ms"
}

# How far the throttled run is: rows filled, WAL bytes, and whether it runs.
throttled() { psql_bench -c "SELECT filled, wal_bytes, state FROM pollseed_backfills WHERE name = 'throttled'"; }

# Let the throttled run go on, and wait until it does; or have it stop.
throttled_runs() {
  local before now i
  before=$(throttled)
  psql_bench -c "SELECT pollseed_job_$1(job) FROM pollseed_backfills WHERE name = 'throttled'" >/dev/null
  for ((i = 0; i < 100; i++)); do
    now=$(throttled)
    if [ "$1" = pause ]; then
      [[ $now = *running ]] || return 0
    elif [[ $now = *running ]] && [ "$now" != "$before" ]; then
      return
    fi
    sleep 0.1
  done
  die "the throttled run did not $1: $now"
}

# Add how much a throttled run did while the application was measured to a figure.  Arguments: what it was at before and after.
note_throttled() {
  local filled_before wal_before state_before filled wal state
  read -r filled_before wal_before state_before <<<"$1"
  read -r filled wal state <<<"$2"
  [ "$state_before $state" = 'running running' ] || die "the throttled run was $state_before and then $state"
  note "throttled.rows" "($filled - $filled_before) / $LATENCY_SECONDS"
  note "throttled.mb" "($wal - $wal_before) / $LATENCY_SECONDS / 1048576"
}

# The application with and without the throttled run, in turns.
latencies() {
  local i before
  fresh_start filled
  load 3 >"$WORK/pgbench.out"
  RATE=$(awk -v share=$LOAD_SHARE '/^tps/ { printf "%.0f", $3 * share }' "$WORK/pgbench.out")
  psql_bench -c "SELECT pollseed_backfill_async('throttled')" >/dev/null
  for ((i = 0; i < LATENCY_PAIRS; i++)); do
    [ $i = 0 ] || throttled_runs resume
    [ $i != 0 ] || sleep 1
    before=$(throttled)
    latency p99-with "$RATE"
    note_throttled "$before" "$(throttled)"
    throttled_runs pause
    latency p99-without "$RATE"
  done
  psql_bench -c "SELECT pollseed_job_cancel(job) FROM pollseed_backfills WHERE name = 'throttled'" >/dev/null
  peer "$DB" events
  check_content throttled ad_events
}

# How many transactions a second there were, and what the run did meanwhile.
print_latency_facts() {
  echo "the application: $CLIENTS clients, $RATE transactions a second, a fifth of what they could; beside it the run filled" \
    "$(median throttled.rows | rounded) rows and wrote $(calc "$(median throttled.mb)" | awk '{ printf "%.1f", $1 }') MB of WAL a second"
}
