#!/bin/bash
# The demo: a private throw-away server, the extension, ten thousand votes, two charts of them, and the poll read from memory.
# "start" (re)makes it, "stop" stops it and removes its folder.  The system's own clusters are never touched.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

DEMO=${POLLSEED_DEMO_DIR:-/tmp/pollseed-demo-$(id -u)}
[[ $DEMO = /* ]] || DEMO=$CALLED_FROM/$DEMO
DB=pollseed_demo

# Stop the demo's server and remove its folder, if it is one that we made: its name is easy to guess, so look at its owner too.
stop() {
  if [ -f "$DEMO/pollseed-demo" ] && [ "$(stat -c %U "$DEMO")" = "$(server_account)" ]; then
    BINDIR=$(cat "$DEMO/pollseed-demo")
    export WORK=$DEMO
    cluster_stop "$DEMO"
    rm -rf "$DEMO"
    return 0
  fi
  [ ! -e "$DEMO" ] || die "$DEMO exists and is not a demo of ours; name another folder with POLLSEED_DEMO_DIR"
  return 1
}

start() {
  stop || true
  "$ROOT/dev/prepare.sh" build
  use_server
  [ ${#DEMO} -le 90 ] || die "POLLSEED_DEMO_DIR is too long for a socket's path: $DEMO"
  # Not -p: the folder must be new, so that nobody else can have put anything there.
  mkdir -m 700 "$DEMO" || die "cannot make $DEMO"
  export WORK=$DEMO
  echo "$BINDIR" >"$DEMO/pollseed-demo"
  [ "$(id -u)" != 0 ] || chown -R "$(server_account):" "$DEMO"
  say "building pollseed $EXTVERSION for PostgreSQL $PG_VERSION"
  copy_tree "$DEMO/tree"
  build_and_install "$DEMO/tree"
  say "starting a private server in $DEMO"
  trap give_up EXIT
  cluster_start "$DEMO"
  cluster_psql "$DEMO" postgres -q -c "CREATE DATABASE $DB"
  cluster_psql "$DEMO" "$DB" -q -f "$ROOT/dev/demo.sql"
  say
  say "The server goes on running.  Connect:  $(connect_command)"
  say "Stop it and remove its folder:         make demo-stop"
}

# A demo that fails is not left running.
give_up() {
  local status=$?
  if [ $status != 0 ] && [ -f "$DEMO/data/postmaster.pid" ]; then
    tail -n 20 "$DEMO/server.log" >&2
    cluster_stop "$DEMO"
  fi
  exit $status
}

# How the person who started the demo connects to it: root may enter the server's folder, anyone else is its owner.
connect_command() {
  local psql=psql
  have psql || psql=$BINDIR/psql
  echo "$psql -h $DEMO -U postgres $DB"
}

case ${1:-start} in
  start) start ;;
  stop) if stop; then say 'the demo is stopped and gone'; else say 'no demo is running'; fi ;;
  *) die 'usage: demo.sh start|stop' ;;
esac
