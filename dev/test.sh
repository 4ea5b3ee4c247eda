#!/bin/bash
# Every test on one server: build with warnings as errors, install, start a private throw-away cluster, run the suites.
#
#   SUITES="regress isolation pgtap tap"   which suites (all)
#   TESTS="name ..."                       only test files of these names
#   PERL_TESTS="name ..."                  of the suite tap only these, whatever the other suites run
#   PG_CONFIG=...                          which server (the newest here)
#   BITCODE=no                             build none for the JIT, which takes as long as all the rest
#
# One line a suite while all is well; the whole log when something fails.  The last line is "N passed, N failed".
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SUITES=${SUITES:-regress isolation pgtap tap}
TESTS=${TESTS:-}
total_passed=0 total_failed=0

# Leave nothing running; keep the folder for a look when something failed.
cleanup() {
  local status=$?
  cluster_stop "$WORK"
  if [ $status = 0 ]; then
    rm -rf "$WORK"
  else
    say "logs are kept in $WORK"
    # Whoever reads only the last line must see a failure there.
    [ -n "${summary_done:-}" ] || total_failed=$((total_failed + 1))
    say "$total_passed passed, $total_failed failed"
  fi
}

# Names of a suite's test files that were asked for: folder, ending.
test_names() {
  local file name
  for file in "$ROOT/$1"/*"$2"; do
    [ -e "$file" ] || continue
    name=$(basename "$file" "$2")
    if [ -z "$TESTS" ] || [[ " $TESTS " == *" $name "* ]]; then
      echo "$name"
    fi
  done
}

# Lines of a log that match, counted; grep's status says whether there were any, which is no failure here.
count() { grep -ciE "$1" "$2" || true; }

# Print a suite's line, show its log when it failed, add to the totals.
# Arguments: suite, log, passed, failed, skipped, start (seconds), status of its command.
report() {
  local suite=$1 log=$2 passed=$3 failed=$4 skipped=$5 start=$6 status=$7 seconds note=''
  # A suite that broke off without naming a failed test has failed nonetheless.
  [ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
  [ "$skipped" = 0 ] || note=", $skipped skipped"
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  printf '%-6s %-10s %4d passed, %d failed%s  (%s s)\n' "$PG_VERSION" "$suite" "$passed" "$failed" "$note" "$seconds"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  [ "$failed" = 0 ] || show_failure "$suite" "$log"
}

# All that helps to see why a suite failed.
show_failure() {
  local suite=$1 log=$2 file
  say "---- $suite: log"
  grep -vE '^ *ok [0-9]+|\.\.\. ok ' "$log" | tail -n 200 || true
  for file in "$WORK/tree/regression.diffs" "$WORK/tree/output_iso/regression.diffs"; do
    if [ -s "$file" ] && [[ $suite = regress || $suite = isolation ]]; then
      say "---- ${file#"$WORK/tree/"}"
      head -n 400 "$file"
      mv "$file" "$file.$suite"
    fi
  done
  if [ "$suite" = tap ]; then
    for file in "$WORK"/tree/tmp_check/log/*; do
      [ -f "$file" ] || continue
      say "---- ${file#"$WORK/tree/"} (end)"
      tail -n 40 "$file"
    done
  else
    say '---- server log (end)'
    grep -vE 'LOG:  (starting|listening|checkpoint|database system)' "$WORK/server.log" | tail -n 60 || true
  fi
  say "---- end of $suite"
}

# A suite without tests is a mistake, unless only some tests were asked for.
no_tests() {
  [ -z "$TESTS" ] || return 0
  echo "no tests found in $2" >"$WORK/$1.log"
  report "$1" "$WORK/$1.log" 0 1 0 "$EPOCHREALTIME" 1
}

# make in the copy of the tree, as the server's account, pointed at the cluster; what tests leave in TMPDIR goes with the rest.
make_check() {
  as_server env PGHOST="$WORK" PGPORT=5432 PGUSER=postgres TMPDIR="$WORK" make -C "$WORK/tree" PG_CONFIG="$PG_CONFIG" "$@"
}

# pg_regress and the isolation tester: suite, folder, ending, make variable with its tests, make variable to empty.
pg_regress_suite() {
  local suite=$1 log=$WORK/$1.log start=$EPOCHREALTIME status=0 names
  names=$(test_names "$2" "$3" | xargs)
  [ -n "$names" ] || {
    no_tests "$suite" "$2"
    return
  }
  make_check installcheck "$4=$names" "$5=" >"$log" 2>&1 || status=$?
  report "$suite" "$log" "$(count '^ok [0-9]+|\.\.\. ok ' "$log")" "$(count '^not ok [0-9]+|\.\.\. FAILED' "$log")" 0 \
    "$start" "$status"
}

# Count TAP in a verbose log: suite, log, start, status.
report_tap() {
  local suite=$1 log=$2 failed skipped
  failed=$(grep -E '^not ok ' "$log" | grep -vic '# *todo' || true)
  skipped=$(count '^ok [0-9]+.*# *skip|^1\.\.0 # *skip' "$log")
  report "$suite" "$log" "$(grep -E '^ok [0-9]+' "$log" | grep -vic '# *skip' || true)" "$failed" "$skipped" "$3" "$4"
}

# pgTAP: each file in a fresh database that has pgtap and pollseed.  What a file leaves running there, background workers too,
# ends with the database; a file that waits for ever is ended.
pgtap_suite() {
  local log=$WORK/pgtap.log start=$EPOCHREALTIME status=0 name names
  names=$(test_names test/pgtap .sql)
  [ -n "$names" ] || {
    no_tests pgtap test/pgtap
    return
  }
  {
    cluster_psql "$WORK" postgres -q -c 'CREATE DATABASE pgtap_template' &&
      cluster_psql "$WORK" pgtap_template -q -c 'CREATE EXTENSION pgtap; CREATE EXTENSION pollseed'
  } >"$log" 2>&1 || status=$?
  for name in $names; do
    {
      cluster_psql "$WORK" postgres -q -c "DROP DATABASE IF EXISTS pgtap WITH (FORCE)" \
        -c "CREATE DATABASE pgtap TEMPLATE pgtap_template" &&
        as_server env PATH="$BINDIR:$PATH" timeout 300 pg_prove -v --ext .sql -h "$WORK" -p 5432 -U postgres -d pgtap \
          "$WORK/tree/test/pgtap/$name.sql"
    } >>"$log" 2>&1 || status=1
  done
  report_tap pgtap "$log" "$start" "$status"
}

# Perl TAP: these start, stop and kill servers of their own, so two can run at once; much of their time they wait.  prove prints
# the log of each when it has ended.
tap_suite() {
  local log=$WORK/tap.log start=$EPOCHREALTIME status=0 names
  names=$(TESTS=${PERL_TESTS:-$TESTS} test_names test/tap .pl | sed 's,.*,test/tap/&.pl,' | xargs)
  [ -n "$names" ] || {
    no_tests tap test/tap
    return
  }
  make_check check-tap "PROVE_TESTS=$names" "PROVE_FLAGS=-v -j2" >"$log" 2>&1 || status=$?
  if grep -q 'TAP tests not enabled' "$log"; then
    status=1
  fi
  # Tests that kill on purpose do so by SIGKILL or SIGQUIT.  A process of their servers that ended by a signal of its own making
  # has crashed.
  if grep -hE 'was terminated by signal (4|6|7|8|11):|TRAP: ' "$WORK"/tree/tmp_check/log/*.log >>"$log" 2>/dev/null; then
    echo 'not ok - a server of the TAP tests crashed' >>"$log"
    status=1
  fi
  report_tap tap "$log" "$start" "$status"
}

for suite in $SUITES; do
  [[ " regress isolation pgtap tap " == *" $suite "* ]] || die "unknown suite $suite; there are: regress isolation pgtap tap"
done
"$ROOT/dev/prepare.sh" build test
use_server
make_work test
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
copy_tree "$WORK/tree"
build_and_install "$WORK/tree" WERROR=1 ${BITCODE:+with_llvm=$BITCODE}
# Whoever writes while a score is made has it begin with all keys dirty; autovacuum would be such a one, now and then.
cluster_start "$WORK" 'fsync = off' 'autovacuum = off' 'max_prepared_transactions = 10' 'max_worker_processes = 16'

for suite in $SUITES; do
  case $suite in
    regress) pg_regress_suite regress test/sql .sql REGRESS ISOLATION ;;
    isolation) pg_regress_suite isolation test/isolation/specs .spec ISOLATION REGRESS ;;
    pgtap) pgtap_suite ;;
    tap) tap_suite ;;
  esac
done
if [ $((total_passed + total_failed)) = 0 ]; then
  die "no test is named: $TESTS"
fi

# A server that crashed under a test that passed all the same is a failure.
if grep -qE 'was terminated by signal|TRAP: ' "$WORK/server.log"; then
  say 'the server crashed:'
  grep -E -A5 'was terminated by signal|TRAP: ' "$WORK/server.log" | head -n 40
  total_failed=$((total_failed + 1))
fi
summary_done=1
if [ $total_failed -gt 0 ]; then
  exit 1
fi
say "$total_passed passed, $total_failed failed"
