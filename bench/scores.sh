#!/bin/bash
# Measures the figures of scores that the README quotes, each with its peer in the same run on the same server and the same data, and
# prints them beside what is required; see lib.sh for ROUNDS and QUICK.  "make bench" builds and installs before it calls this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "$QUICK" = 0 ]; then
  MOVIES=100000 LARGE=1000000 KEYS=1000 BULK=100000
  WEIGHED=140000 DECADE_SIZE=20000 PAGE=400
  SHORT_REPEATS=5 LONG_REPEATS=3 TAX_PAIRS=4 TAX_SECONDS=5 WAIT_SECONDS=10 IVM_SECONDS=10
else
  MOVIES=10000 LARGE=100000 KEYS=100 BULK=10000
  WEIGHED=14000 DECADE_SIZE=2000 PAGE=40
  SHORT_REPEATS=2 LONG_REPEATS=1 TAX_PAIRS=1 TAX_SECONDS=1 WAIT_SECONDS=1 IVM_SECONDS=1
fi

DB=pollseed_bench
SETTINGS=('shared_buffers = 2GB' 'max_wal_size = 8GB' 'autovacuum = off')

. "$BENCH_DIR/scores_tax.sh"
. "$BENCH_DIR/scores_waits.sh"
. "$BENCH_DIR/scores_ivm.sh"
. "$BENCH_DIR/predictions.sh"

prepare() {
  local movies
  for movies in $MOVIES $LARGE; do
    progress "preparing $(commas "$movies") movies"
    psql_in postgres -c "CREATE DATABASE $(database_of "$movies")"
    psql_in "$(database_of "$movies")" -v movies="$movies" -f "$BENCH_DIR/scores_prepare.sql" 2>&1 | sed '/^$/d'
  done
  prepare_predictions
  prepare_ivm
}

# The database with so many movies.
database_of() { if [ "$1" = "$MOVIES" ]; then echo "$DB"; else echo large; fi; }

# Nothing of earlier turns is left to be cleaned up, all blocks are in memory, and nothing waits to be written out.
fresh_start() {
  psql_in "$1" -c 'VACUUM (ANALYZE)' \
    -c "SELECT sum(pg_prewarm(oid::regclass)) FROM pg_class WHERE relkind IN ('r', 'i', 't', 'm')" -c CHECKPOINT >/dev/null
}

# SQL that changes all metrics of some movies.  These are scattered over the tables; the number of the turn says which ones they are.
# Arguments: how many movies, the turn.
change() {
  cat <<SQL
UPDATE external_metrics SET value = value * 0.99
 WHERE movie_id = ANY (ARRAY(SELECT id FROM scores ORDER BY hashint8extended(id, $2), id LIMIT $1));
SQL
}

# SQL that times a statement for a figure.
time_it() { printf '%s\n' '\timing on' "\\echo figure $1" "$2" '\timing off'; }

# What has to come of the refresh: how it was done, and the number of keys, "all" for one in full.
refresh() { echo "SELECT 'refresh', mode, keys, updated FROM pollseed_score_refresh('scores', '$1');"; }

refresh_peer='REFRESH MATERIALIZED VIEW CONCURRENTLY scores_peer;'

# Whether the score and the materialized view hold the same.
compare_peer="SELECT 'equal', (SELECT ROW(count(*), sum(hash_record_extended(s, 0))) FROM scores AS s)
  = (SELECT ROW(count(*), sum(hash_record_extended(s, 0))) FROM scores_peer AS s);"

# A change, and both ways of following it, the order alternating.  Arguments: movies to change, mode, turn.
follow() {
  local keys=$1 mode=$2 turn=$3 name=$1
  [ "$mode" = auto ] || name=full
  change "$keys" "$turn"
  [ $((turn % 2)) = 0 ] || time_it "concurrently-$name" "$refresh_peer"
  time_it "refresh-$name" "$(refresh "$mode")"
  [ $((turn % 2)) = 1 ] || time_it "concurrently-$name" "$refresh_peer"
  echo "$compare_peer"
}

# Two refreshes that are not counted: a session's first calls load and plan.  Arguments: movies to change, mode.
warm_up() {
  local turn
  for turn in 1 2; do
    change "$1" $turn
    refresh "$2"
  done
}

# Add the times of figures that a session told to these, and make sure that each refresh did what it was to do.
collect() {
  local out=$1 problem
  awk -v dir="$WORK" '$1 == "figure" { figure = $2 } $1 == "Time:" { print $2 >>(dir "/" figure ".ms") }' "$out"
  # so many keys were changed, but for movies that have no metric at all
  problem=$(awk -v keys="$KEYS" '
    $1 == "figure" { sub("refresh-", "", $2); figure = $2 }
    $1 == "equal" && $2 != "t" { print "the score is not what the materialized view is"; exit }
    $1 == "verify" && $2 != 0 { print $2 " rows are not as in the view"; exit }
    $1 == "refresh" && figure == "full" && $2 != "full" { print "a refresh in full was one by " $2; exit }
    $1 == "refresh" && figure == keys && ($2 != "delta" || $3 < keys * 0.99 || $3 > keys) {
      print "a refresh of " keys " keys was one by " $2 " of " $3; exit }
    $1 == "refresh" && figure == 1 && ($2 != "delta" || $3 != 1) { print "a refresh of one key was one by " $2 " of " $3; exit }' "$out")
  [ -z "$problem" ] || die "$problem: $(grep -E '^(refresh|equal|verify|figure) ' "$out" | tail -n 12 | tr '\n' ';')"
}

VERIFY="SELECT 'verify', missing + extra + different FROM pollseed_score_verify('scores');"

# By keys and in full, each after the same change as its peer.  Arguments: the round.
refreshes() {
  local i turn=$(($1 * 100))
  fresh_start "$DB"
  {
    warm_up 1 auto
    warm_up "$KEYS" auto
    warm_up "$KEYS" full
    echo "$refresh_peer"
    for ((i = 0; i < SHORT_REPEATS; i++)); do
      follow 1 auto $((turn++))
    done
    for ((i = 0; i < LONG_REPEATS; i++)); do
      follow "$KEYS" auto $((turn++))
      follow "$KEYS" full $((turn++))
    done
    echo "$VERIFY"
  } | psql_bench -f - >"$WORK/refreshes.out"
  collect "$WORK/refreshes.out"
  facts
}

# What a refreshed row and a captured key cost in bytes.
facts() {
  local wal bytes updated hot
  {
    warm_up "$KEYS" delta
    change "$KEYS" 7
    cat <<SQL
BEGIN;
SELECT sum(pg_column_size(q)) AS queue, pg_current_wal_insert_lsn() AS before,
       pg_stat_get_xact_tuples_hot_updated('scores'::regclass) AS hot FROM scores_queue AS q \\gset
SELECT updated FROM pollseed_score_refresh('scores', 'delta') \\gset
SELECT 'facts', pg_current_wal_insert_lsn() - :'before'::pg_lsn, :queue, :updated,
       pg_stat_get_xact_tuples_hot_updated('scores'::regclass) - :hot;
COMMIT;
SQL
  } | psql_bench -f - >"$WORK/facts.out"
  read -r _ wal bytes updated hot < <(grep '^facts ' "$WORK/facts.out")
  note wal.bytes "$wal / $updated"
  note queue.bytes "$bytes / $KEYS"
  note hot.share "$hot / $updated"
}

# Deltas of as many keys where there are ten times as many movies; the two sizes take turns.
sizes() {
  local i movies turn=$(($1 * 100 + 50))
  fresh_start large
  fresh_start "$DB"
  for ((i = 0; i < 4; i++)); do
    movies=$MOVIES
    [[ $i = [03] ]] || movies=$LARGE
    {
      warm_up "$KEYS" auto
      for ((j = 0; j < LONG_REPEATS; j++)); do
        change "$KEYS" $((turn++))
        time_it "refresh-$KEYS-of-$movies" "$(refresh auto)"
      done
      [ $i -lt 2 ] || echo "$VERIFY"
    } | psql_in "$(database_of "$movies")" -f - >"$WORK/sizes.out"
    collect "$WORK/sizes.out"
  done
}

measure() {
  local round
  for ((round = 1; round <= ROUNDS; round++)); do
    progress "round $round of $ROUNDS"
    refreshes "$round"
    sizes "$round"
    taxes
    waits
    pages
    against_ivm
  done
}

print_table() {
  local keys movies
  keys=$(commas $KEYS)
  movies=$(commas $MOVIES)
  print_head
  row "$movies movies, delta of 1 key / REFRESH CONCURRENTLY" "$(median refresh-1.ms)" "$(median concurrently-1.ms)" ms 0.002
  row "$movies movies, delta of $keys keys / REFRESH CONCURRENTLY" "$(median refresh-$KEYS.ms)" "$(median concurrently-$KEYS.ms)" ms 0.02
  row "$movies movies, full refresh / REFRESH CONCURRENTLY" "$(median refresh-full.ms)" "$(median concurrently-full.ms)" ms 1.0
  row "delta of $keys keys, $(commas $LARGE) movies / $movies" "$(median refresh-$KEYS-of-$LARGE.ms)" \
    "$(median refresh-$KEYS-of-$MOVIES.ms)" ms 1.5
  print_tax_rows
  print_ivm_row
  print_prediction_rows
  print_wait_rows

  echo
  echo "for information: WAL a refreshed row $(median wal.bytes | rounded) bytes; HOT updates of the score" \
    "$(calc "$(median hot.share) * 100" | rounded) %; queue $(median queue.bytes | rounded) bytes a key"
  print_tax_facts
  print_ivm_facts
  print_prediction_facts
  print_wait_facts
}

start_server
prepare
measure

echo
print_machine
echo
print_table
print_samples refresh-1 concurrently-1 "refresh-$KEYS" "concurrently-$KEYS" refresh-full concurrently-full \
  "refresh-$KEYS-of-$LARGE" "refresh-$KEYS-of-$MOVIES" "${TAX_FIGURES[@]}" "${PREDICTION_FIGURES[@]}" "${WAIT_FIGURES[@]}"
print_rates
finish
