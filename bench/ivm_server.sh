#!/bin/bash
# One round of what writers can do with a score, with pg_ivm and with neither, on a server of its own; called in a chroot by
# scores_ivm.sh.  Prints "figure NAME TRANSACTIONS-A-SECOND" and "fact TEXT".  Arguments: the folder that pg_ivm's package was
# unpacked in, movies, seconds a turn.
set -euo pipefail
. "$(dirname "$0")/../dev/lib.sh"

IVM=$1 MOVIES=$2 SECONDS_A_TURN=$3
CLIENTS=8
METRICS=$((MOVIES * 5))
DB=pollseed_bench

psql_bench() { cluster_psql "$WORK" "$DB" -q -A -t -F ' ' "$@"; }

# The extension is built once and found in the folder that it is installed to, as pg_ivm is.
build_once() {
  local stage=$ROOT/stage
  [ -d "$stage" ] || {
    copy_tree "$WORK/tree"
    as_server make -C "$WORK/tree" -j"$(jobs_count)" PG_CONFIG="$PG_CONFIG" with_llvm=no all >"$WORK/build.log" 2>&1 ||
      die "the build failed: $(tail -n 20 "$WORK/build.log")"
    make -C "$WORK/tree" PG_CONFIG="$PG_CONFIG" with_llvm=no DESTDIR="$stage" install >"$WORK/install.log" 2>&1 ||
      die "the installation failed: $(tail -n 20 "$WORK/install.log")"
  }
  SHARES=$stage$("$PG_CONFIG" --sharedir):$IVM$("$PG_CONFIG" --sharedir)
  LIBRARIES=$stage$("$PG_CONFIG" --pkglibdir):$IVM$("$PG_CONFIG" --pkglibdir)
}

# Transactions a second.
writers() {
  "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c $CLIENTS -j 1 -T "$SECONDS_A_TURN" -D "metrics=$METRICS" \
    -f "$ROOT/bench/ivm_writer.sql" "$DB" >"$WORK/pgbench.out" 2>&1 || die "pgbench: $(cat "$WORK/pgbench.out")"
  awk '/^tps/ { print $3 }' "$WORK/pgbench.out"
}

# What is kept has to be what the query gives.  Arguments: the table.
check_equal() {
  local different
  different=$(psql_bench -c "SELECT count(*) FROM (SELECT movie_id, metrics, total FROM $1) AS kept
    FULL JOIN totals_query AS q USING (movie_id, metrics, total) WHERE kept.movie_id IS NULL OR q.movie_id IS NULL")
  [ "$different" = 0 ] || die "$1 is not what its query gives"
}

neither() { echo "figure none $(writers)"; }

# The score is refreshed twice a second meanwhile, so that keeping it counts too.
score() {
  psql_bench -c "SELECT FROM pollseed_score_create('totals', 'totals_query', 'movie_id')" >/dev/null
  touch "$WORK/refreshing"
  while [ -e "$WORK/refreshing" ]; do
    echo "SELECT keys FROM pollseed_score_refresh('totals');"
    sleep 0.5
  done | psql_bench -f - >"$WORK/refreshes.out" &
  local refresher=$!
  echo "figure score $(writers)"
  rm "$WORK/refreshing"
  wait $refresher
  psql_bench -c "SELECT keys FROM pollseed_score_refresh('totals')" >>"$WORK/refreshes.out"
  check_equal totals
  awk '{ keys += $1 } END { printf "fact beside them the score was refreshed %d times, %d keys in all\n", NR, keys }' "$WORK/refreshes.out"
  psql_bench -c "SELECT pollseed_score_drop('totals')" >/dev/null
}

ivm() {
  psql_bench -c "ALTER DATABASE $DB SET session_preload_libraries = 'pg_ivm'"
  psql_bench -c "SELECT pgivm.create_immv('totals_ivm',
    'SELECT movie_id, count(*) AS metrics, sum(value) AS total FROM external_metrics GROUP BY movie_id')" >/dev/null 2>&1
  echo "figure ivm $(writers)"
  check_equal totals_ivm
  psql_bench -c 'DROP TABLE totals_ivm'
  psql_bench -c "ALTER DATABASE $DB RESET session_preload_libraries"
}

use_server
make_work bench
trap 'cluster_stop "$WORK"; rm -rf "$WORK"' EXIT
build_once
cluster_start "$WORK" 'shared_buffers = 1GB' 'max_wal_size = 8GB' 'autovacuum = off' "extension_control_path = '$SHARES:\$system'" \
  "dynamic_library_path = '$LIBRARIES:\$libdir'"
cluster_psql "$WORK" postgres -q -c "CREATE DATABASE $DB"
psql_bench -v movies="$MOVIES" -f "$ROOT/bench/ivm_prepare.sql"
for way in neither score ivm; do
  psql_bench -c 'VACUUM (ANALYZE) external_metrics' -c CHECKPOINT
  $way
done
