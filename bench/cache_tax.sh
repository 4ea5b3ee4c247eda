# shellcheck shell=bash
# What tracking costs those who write, sourced by cache.sh: an INSERT of one row, a transaction of its own, into tables that are
# tracked and one that is not, in turns.

# With nobody who waits for the disk, what tracking adds is the largest share.
QUIET_COMMITS='-c synchronous_commit=off'

# Add the rate of inserts to a figure.  Arguments: the figure, the table, options of the session.
inserts() {
  PGOPTIONS="$QUIET_COMMITS $3" pgbench_run "INSERT INTO $2 (option_id) VALUES (3)" 1 -t "$TRANSACTIONS" >"$WORK/pgbench.out"
  awk '/^tps/ { print $3 }' "$WORK/pgbench.out" >>"$WORK/$1.tps"
}

# Into a table that is not tracked by a session that has loaded the library and by one that has not, where it is not preloaded, and
# into tracked ones; that which has a tally is read by a result, and it must be right.
taxes() {
  local mode=$1 i j order
  psql_bench -c 'TRUNCATE untracked, tracked, tallied' -c 'SELECT tallies()' -c CHECKPOINT >/dev/null
  for ((i = 0; i < TURNS; i++)); do
    order='untracked loaded tracked tallied'
    [ $((i % 2)) = 0 ] || order='tallied tracked loaded untracked'
    for j in $order; do
      case $j in
        loaded) [ "$mode" = preloaded ] || inserts "insert-loaded-$mode" untracked '-c session_preload_libraries=pollseed' ;;
        *) inserts "insert-$j-$mode" "$j" '' ;;
      esac
      psql_bench -c 'SELECT tallies()' >/dev/null
    done
  done
  [ "$(psql_bench -c "SELECT tallies() = jsonb_build_object('tallied#*', jsonb_build_object(3, count(*))) FROM tallied")" = t ] ||
    die "the tally is $(psql_bench -c 'SELECT tallies()'), and there are $(psql_bench -c 'SELECT count(*) FROM tallied') rows"
}

print_tax_rows() {
  local mode=$1 name
  name=$(name_of "$mode")
  row_more "INSERT of one row, with a tally / not tracked, $name" "$(us_of "insert-tallied-$mode")" \
    "$(us_of "insert-untracked-$mode")" us 5
  [ "$mode" = preloaded ] || row_more 'INSERT of one row, not tracked, library loaded / not loaded' \
    "$(us_of "insert-loaded-$mode")" "$(us_of "insert-untracked-$mode")" us 1
}

print_tax_facts() {
  local mode
  for mode in $MODES; do
    echo "an INSERT of one row, $(name_of "$mode"): $(us_of "insert-untracked-$mode" | two_digits) us untracked," \
      "$(us_of "insert-tracked-$mode" | two_digits) us tracked, $(us_of "insert-tallied-$mode" | two_digits) us tracked with a tally"
  done
}
