#!/bin/bash
# Prepare, build and install as a user would, then hand over to bench/run.sh, which measures and prints.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

"$ROOT/dev/prepare.sh" build bench
use_server
[ -x "$ROOT/bench/run.sh" ] || die 'bench/run.sh is missing'
make_work bench
trap 'rm -rf "$WORK"' EXIT
copy_tree "$WORK/tree"
build_and_install "$WORK/tree"
cd "$ROOT"
bench/run.sh "$@"
