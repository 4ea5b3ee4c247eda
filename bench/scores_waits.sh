# shellcheck shell=bash
# Whether readers and writers wait for a full refresh, sourced by scores.sh.

# The application keeps to a share of what it could do.
LOAD_SHARE=0.2

# Each wait for a lock of a millisecond is in the server's log, with the name of who waited.
LOG_WAITS='-c log_lock_waits=on -c deadlock_timeout=1ms'

# Run the application for some seconds; prints what pgbench says.  Arguments: seconds, then pgbench's own.
application() {
  local seconds=$1
  shift
  PGOPTIONS=$LOG_WAITS PGAPPNAME=application "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c "$CLIENTS" -j 1 \
    -T "$seconds" -f "$BENCH_DIR/scores_waits.sql" -D "movies=$MOVIES" -D "metrics=$METRICS" -D "clients=$CLIENTS" "$@" "$DB" 2>&1
}

# The application beside statements that are run over and over.  Arguments: the figure, the statements.
beside() {
  local figure=$1 lines
  touch "$WORK/beside"
  lines=$(wc -l <"$WORK/server.log")
  run_over_and_over "$2" >"$WORK/beside.out" 2>&1 &
  local worker=$!
  sample_waits >"$WORK/sampled.out" 2>&1 &
  local sampler=$!
  rm -f "$WORK"/transactions.*
  application "$WAIT_SECONDS" --rate "$RATE" --log --log-prefix "$WORK/transactions" >"$WORK/pgbench.out" ||
    die "pgbench: $(cat "$WORK/pgbench.out")"
  rm "$WORK/beside"
  wait $worker || die "beside the application: $(cat "$WORK/beside.out")"
  wait $sampler || die "looking at waits: $(cat "$WORK/sampled.out")"
  cat "$WORK"/transactions.* | awk '{ print $3 / 1000 }' | sort -g | awk -v file="$WORK/$figure" '
    { ms[NR] = $1 }
    END { print ms[NR] >>(file "-longest.ms"); print ms[int(NR * 0.99 + 0.5)] >>(file "-p99.ms") }'
  tail -n +$((lines + 1)) "$WORK/server.log" >"$WORK/waits.log"
  note "$figure.waits" "$(waits_logged) + $(grep -c '^Lock .* t$' "$WORK/sampled.out" || true)"
  { grep -E ' still waiting for |DETAIL:  Process' "$WORK/waits.log" || true; } | head -n 20 >>"$WORK/$figure.waits.log"
  cat "$WORK/sampled.out" >>"$WORK/$figure.sampled"
  awk '$1 == "Time:" { print $2 }' "$WORK/beside.out" >>"$WORK/$figure.ms"
}

# How often the application waited, as the log tells, for a lock that the session beside it held, or that session for any.
waits_logged() {
  awk -v pid="$(sed -n 's/^pid //p' "$WORK/beside.out")" '
    / (application|beside) .* still waiting for / { beside = / beside / }
    /DETAIL:  Process(es)? holding the lock: / {
      sub(/.* holding the lock: /, ""); sub(/\. Wait queue.*/, "")
      if (beside || index(", " $0 ",", ", " pid ",")) n++
      beside = 0
    }
    END { print n + 0 }' "$WORK/waits.log"
}

# The statements are sent one at a time by a session of its own.
run_over_and_over() {
  local statements=$1 psql output line
  coproc OVER { PGOPTIONS=$LOG_WAITS PGAPPNAME=beside psql_bench -f - 2>&1; }
  psql=$OVER_PID output=${OVER[0]}
  printf '%s\n' "SELECT 'pid', pg_backend_pid();" '\timing on' >&"${OVER[1]}"
  while [ -e "$WORK/beside" ]; do
    printf '%s\n' "$statements" '\echo done' >&"${OVER[1]}"
    while read -r -u "$output" line && [ "$line" != 'done' ]; do
      echo "$line"
    done
    [[ $line = 'done' ]] || return 1
    [ "$statements" != 'SELECT;' ] || sleep 0.1
  done
  printf '%s\n' '\q' >&"${OVER[1]}"
  wait "$psql"
}

# What sessions of the application wait for, looked at fifty times a second; of locks, whether the session beside it holds them.
sample_waits() {
  while [ -e "$WORK/beside" ]; do
    echo "SELECT wait_event_type, wait_event, wait_event_type = 'Lock' AND (application_name = 'beside' OR
        (SELECT pid FROM pg_stat_activity WHERE application_name = 'beside') = ANY (pg_blocking_pids(pid)))
      FROM pg_stat_activity
      WHERE application_name IN ('application', 'beside') AND state = 'active'
        AND wait_event_type NOT IN ('Client', 'Timeout', 'Activity');"
    sleep 0.02
  done | PGAPPNAME=sampler psql_bench -f -
}

full_refresh="SELECT 'refresh', mode FROM pollseed_score_refresh('scores', 'full');"

# A session with a transaction that has changed a source and holds a snapshot, opened before all that is measured beside it.
open_transaction() {
  local line
  coproc OLD { psql_bench -f - 2>&1; }
  printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ;' 'INSERT INTO festival_nominations (movie_id) VALUES (1);' \
    'SELECT count(*) FROM scores;' '\echo open' >&"${OLD[1]}"
  until [ "${line:-}" = open ]; do
    read -r -u "${OLD[0]}" line || die 'the old transaction did not begin'
  done
}

close_transaction() {
  local psql=$OLD_PID
  printf '%s\n' 'ROLLBACK;' '\q' >&"${OLD[1]}"
  wait "$psql"
}

# The application alone, beside one who computes the same rows, beside full refreshes, and beside these with an old transaction.
waits() {
  fresh_start "$DB"
  application 2 >"$WORK/pgbench.out"
  RATE=$(awk -v share=$LOAD_SHARE '/^tps/ { printf "%.0f", $3 * share }' "$WORK/pgbench.out")
  beside alone 'SELECT;'
  beside computing 'SELECT count(s), sum(hash_record_extended(s, 0)) FROM score_query AS s;'
  beside full "$full_refresh"
  beside concurrently 'REFRESH MATERIALIZED VIEW CONCURRENTLY scores_peer;'
  open_transaction
  beside old "$full_refresh"
  check_fresh
  close_transaction
  held_locks
}

# What others have changed is not kept back by the old transaction.
check_fresh() {
  local found
  found=$(psql_bench -c "SELECT remaining FROM pollseed_score_refresh('scores')" -c "$VERIFY" | tr '\n' ' ')
  [ "$found" = '0 verify 0 ' ] || die "beside an old transaction a refresh left: $found"
}

# The locks on tables that a full refresh holds at its end, which are all that it took.
held_locks() {
  psql_bench -f - >"$WORK/locks.out" <<SQL
BEGIN;
SELECT FROM pollseed_score_refresh('scores', 'full') \\g /dev/null
SELECT 'locks', c.relname, string_agg(DISTINCT l.mode, ',')
  FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
 WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
 GROUP BY c.relname ORDER BY c.relname;
COMMIT;
SQL
}

# shellcheck disable=SC2034  # for scores.sh
WAIT_FIGURES=(full old alone-longest computing-longest full-longest old-longest concurrently-longest)

sum_of() { awk '{ n += $1 } END { print n }' "$WORK/$1"; }

print_wait_rows() {
  row_none 'lock waits of readers and writers during full refreshes' "$(sum_of full.waits)"
  row_none 'the same, refreshes counted too, with an old open transaction' "$(sum_of old.waits)"
  cat "$WORK/full.waits.log" "$WORK/old.waits.log"
}

print_wait_facts() {
  local figure
  echo "readers and writers: $CLIENTS clients, $RATE transactions a second, a fifth of what they could; p99 and longest transaction in ms:"
  for figure in alone computing full old concurrently; do
    printf '  %-14s%8s %8s   %s\n' $figure "$(median $figure-p99.ms | two_digits)" "$(median $figure-longest.ms | two_digits)" \
      "$(sort "$WORK/$figure.sampled" | uniq -c | sort -rn | head -n 4 |
        awk '{ printf "%s%s %s x%s", (NR > 1 ? ", " : "seen waiting: "), $2, $3, $1 }')"
  done
  echo "  (computing: beside one who computes the view's rows; old: full refreshes and a transaction open since before;" \
    "concurrently: REFRESH CONCURRENTLY, $(sum_of concurrently.waits) lock waits)"
  echo "full refreshes beside that: $(median full.ms | rounded) ms, with the old transaction $(median old.ms | rounded) ms"
  echo "locks of a full refresh: $(awk '{ printf "%s%s %s", (NR > 1 ? "; " : ""), $2, $3 }' "$WORK/locks.out")"
}
