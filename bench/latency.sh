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

# Add how much a throttled run did while the application was measured to a figure.  Arguments: what it was at before and after, the
# run.
note_run() {
  local filled_before wal_before state_before filled wal state
  read -r filled_before wal_before state_before <<<"$1"
  read -r filled wal state <<<"$2"
  [ "$state_before $state" = 'running running' ] || die "the run $3 was $state_before and then $state"
  note "$3.rows" "($filled - $filled_before) / $LATENCY_SECONDS"
  note "$3.mb" "($wal - $wal_before) / $LATENCY_SECONDS / 1048576"
}

# How far the run of a name is: rows filled, WAL bytes, and whether it runs.
state_of() { psql_bench -c "SELECT filled, wal_bytes, state FROM pollseed_backfills WHERE name = '$1'"; }

# Start or resume a run, or have it stop, and wait until it does.  Arguments: the run, whether it is to run.
set_running() {
  local before now i
  before=$(state_of "$1")
  if [ "$2" = no ]; then
    psql_bench -c "SELECT pollseed_job_cancel(job) FROM pollseed_backfills WHERE name = '$1'" >/dev/null
  else
    psql_bench -c "SELECT pollseed_backfill_async('$1')" >/dev/null
  fi
  for ((i = 0; i < 100; i++)); do
    now=$(state_of "$1")
    if [ "$2" = no ]; then
      [[ $now = *running ]] || return 0
    elif [[ $now = *running ]] && [ "$now" != "$before" ]; then
      return
    fi
    sleep 0.1
  done
  die "the run $1 is $now"
}

# The application beside a run.  Arguments: the run.
beside_run() {
  local before
  set_running "$1" yes
  before=$(state_of "$1")
  latency "p99-$1" "$RATE"
  note_run "$before" "$(state_of "$1")" "$1"
  set_running "$1" no
}

# The application beside a process that does nothing but compute, an eighth of the time.
beside_spinning() {
  local spinner
  perl -MTime::HiRes=time,sleep -e 'while (1) { my $end = time + 0.0125; 1 while time < $end; sleep 0.0875 }' &
  spinner=$!
  latency p99-spinning "$RATE"
  kill "$spinner"
  wait "$spinner" 2>/dev/null || true
}

# The application with and without a throttled run, with one that has more of a budget, and with something else to compute, in turns.
latencies() {
  local i
  fresh_start filled
  load 3 >"$WORK/pgbench.out"
  RATE=$(awk -v share=$LOAD_SHARE '/^tps/ { printf "%.0f", $3 * share }' "$WORK/pgbench.out")
  for ((i = 0; i < LATENCY_PAIRS; i++)); do
    beside_run throttled
    latency p99-without "$RATE"
    beside_run hurried
    beside_spinning
  done
  psql_bench -c "SELECT pollseed_backfill_drop('hurried')" >/dev/null
  peer "$DB" events
  check_content throttled ad_events
}

# How many transactions a second there were, and what the runs did meanwhile.
print_latency_facts() {
  local run
  echo "the application: $CLIENTS clients, $RATE transactions a second, a fifth of what they could"
  for run in throttled hurried; do
    echo "beside it the $run run filled $(median $run.rows | rounded) rows and wrote" \
      "$(calc "$(median $run.mb)" | awk '{ printf "%.1f", $1 }') MB of WAL a second; p99 $(median p99-$run.ms) ms"
  done
  echo "beside a process that only computes, an eighth of the time: p99 $(median p99-spinning.ms) ms"
}
