#!/bin/bash
# Prepare, build and install as a user would, then hand over to the scripts in bench/, which measure and print.
# BENCH="votes backfill scores cache graph": which of them (default all); see bench/lib.sh for ROUNDS and QUICK.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The script that measures a part.
script_of() {
  case $1 in
    votes) echo bench/run.sh ;;
    backfill) echo bench/backfill.sh ;;
    scores) echo bench/scores.sh ;;
    cache) echo bench/cache.sh ;;
    graph) echo bench/graph.sh ;;
    *) die "BENCH: there is no \"$1\", only votes, backfill, scores, cache and graph" ;;
  esac
}

read -r -a parts <<<"${BENCH:-votes backfill scores cache graph}"
scripts=()
for part in "${parts[@]}"; do
  scripts+=("$(script_of "$part")")
done

"$ROOT/dev/prepare.sh" build bench
use_server
make_work bench
trap 'rm -rf "$WORK"' EXIT
copy_tree "$WORK/tree"
build_and_install "$WORK/tree"
cd "$ROOT"
status=0
for script in "${scripts[@]}"; do
  "$script" || status=1
done
exit $status
