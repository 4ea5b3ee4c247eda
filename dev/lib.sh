# shellcheck shell=bash
# What the scripts in dev/ share: messages, root and server rights, the choice of server, a copy of the tree to build in, and
# private throw-away clusters.  Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # for the scripts that source this file
EXTVERSION=$(sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" "$ROOT/pollseed.control")

# The caller's own server and make must not leak into ours.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS PGDATA
unset PGSSLMODE PGCLIENTENCODING PGTZ PGDATESTYLE PGAPPNAME MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
unset CDPATH
export LC_ALL=C.UTF-8 PSQLRC=/dev/null PSQL_HISTORY=/dev/null PAGER=cat

# The caller's folder may be closed to the server's account, and programs complain of that: work from one that is open.
# shellcheck disable=SC2034  # for the scripts that source this file
CALLED_FROM=$PWD
cd /

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Run a command as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    die "root is needed (and sudo is not here) for: $*"
  fi
}

# The account that runs servers and tests: ourselves, but never root, which the server refuses.
server_account() {
  if [ "$(id -u)" != 0 ]; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# Run a command as that account.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid="$(server_account)" --regid="$(id -g "$(server_account)")" --init-groups \
      env HOME="${WORK:-/tmp}" USER="$(server_account)" LOGNAME="$(server_account)" "$@"
  else
    "$@"
  fi
}

# A server that can be built against and run: headers, PGXS and the server program, version 15 or newer.
usable_pg_config() {
  local config=$1 major
  [ -x "$config" ] || return 1
  major=$(pg_major "$config")
  [ "${major:-0}" -ge 15 ] && [ -f "$("$config" --pgxs)" ] && [ -x "$("$config" --bindir)/postgres" ] &&
    [ -f "$("$config" --includedir-server)/postgres.h" ]
}

pg_major() { "$1" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'; }

# Print the pg_config to use: the one asked for, else the newest usable one.
find_pg_config() {
  local config best='' best_major=0 major
  if [ -n "${PG_CONFIG:-}" ]; then
    config=$(command -v "$PG_CONFIG") || die "PG_CONFIG=$PG_CONFIG: no such program"
    usable_pg_config "$config" || die "PG_CONFIG=$PG_CONFIG: not a PostgreSQL 15 or newer with server and headers"
    echo "$config"
    return
  fi
  for config in /usr/lib/postgresql/*/bin/pg_config /usr/pgsql-*/bin/pg_config /usr/local/pgsql/bin/pg_config \
    "$(command -v pg_config || true)"; do
    if usable_pg_config "$config"; then
      major=$(pg_major "$config")
      if [ "$major" -gt "$best_major" ]; then
        best=$config
        best_major=$major
      fi
    fi
  done
  [ -n "$best" ] && echo "$best"
}

# Choose the server for the rest of the script.
use_server() {
  PG_CONFIG=$(find_pg_config) || die 'no PostgreSQL 15 or newer with headers found'
  export PG_CONFIG
  BINDIR=$("$PG_CONFIG" --bindir)
  PG_VERSION=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([^ ]*\).*/\1/')
}

# Copy the tree, without what builds and tests left in it, to a folder that the server's account can read and write:
# the tree itself may lie in a home folder that is closed to it, and stays free of objects built for another server.
copy_tree() {
  local to=$1
  mkdir -p "$to"
  tar -C "$ROOT" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./results \
    --exclude=./output_iso --exclude=./tmp_check --exclude=./log --exclude='./pollseed-*.zip' -cf - . |
    tar -C "$to" --no-same-owner -xf -
  [ "$(id -u)" != 0 ] || chown -R "$(server_account):" "$to"
}

# Make the folder that this run works in; short, because a socket's path has 107 bytes.
make_work() {
  WORK=$(mktemp -d "/tmp/pollseed-$1-XXXXXX")
  chmod 700 "$WORK"
  [ "$(id -u)" != 0 ] || chown "$(server_account):" "$WORK"
}

# Run a command in a chroot.  Its mounts and processes live in namespaces of their own, so that they end with it, however it ends;
# where namespaces are not allowed the chroot does without mounts.  Arguments: the chroot, then the command.
run_in_chroot() {
  local dir=$1 namespaces=(unshare --mount --propagation private --pid --fork --kill-child)
  shift
  if as_root "${namespaces[@]}" true 2>/dev/null; then
    # shellcheck disable=SC2016  # expanded by the inner shell
    as_root "${namespaces[@]}" sh -c 'mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
      shift; exec chroot "$@"' sh "$dir" "$dir" "$@" </dev/null
  else
    as_root chroot "$dir" "$@" </dev/null
  fi
}

jobs_count() { nproc 2>/dev/null || echo 2; }

# Build in a copy of the tree and install from there.  Arguments: the copy, then make variables.
# The output goes to build.log beside the copy and is shown only when something fails.
build_and_install() {
  local tree=$1 log
  shift
  log=$(dirname "$tree")/build.log
  as_server make -C "$tree" -j"$(jobs_count)" PG_CONFIG="$PG_CONFIG" "$@" all >"$log" 2>&1 || {
    cat "$log"
    die 'the build failed'
  }
  say "installing pollseed $EXTVERSION into PostgreSQL $PG_VERSION ($("$PG_CONFIG" --pkglibdir))"
  as_root make -C "$tree" PG_CONFIG="$PG_CONFIG" "$@" install >"$log.install" 2>&1 || {
    cat "$log.install"
    die 'the installation failed'
  }
}

# Make and start a cluster in a folder of its own that only its owner can enter.  It listens on a socket in that folder and on
# nothing else, so its port number is free to be the standard one and nobody else can connect.
# Arguments: the folder (owned by the server's account), then lines for its configuration.
cluster_start() {
  local dir=$1
  shift
  as_server "$BINDIR/initdb" -D "$dir/data" -U postgres -A trust --locale=C.UTF-8 --encoding=UTF8 --no-sync \
    --no-instructions >"$dir/initdb.log" 2>&1 || {
    cat "$dir/initdb.log"
    die 'initdb failed'
  }
  printf '%s\n' "listen_addresses = ''" "port = 5432" "unix_socket_directories = '$dir'" "timezone = 'UTC'" \
    "datestyle = 'ISO, MDY'" "lc_messages = 'C'" "log_line_prefix = '%m [%p] %q%a %d '" "$@" |
    as_server tee -a "$dir/data/postgresql.conf" >/dev/null
  as_server "$BINDIR/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start >"$dir/start.log" 2>&1 || {
    cat "$dir/start.log" "$dir/server.log"
    die 'the server did not start'
  }
}

# Stop a cluster if it runs; never fails, for use in traps.
cluster_stop() {
  local dir=$1
  if [ -f "$dir/data/postmaster.pid" ]; then
    as_server "$BINDIR/pg_ctl" -D "$dir/data" -m immediate -w -t 60 stop >/dev/null 2>&1 || true
  fi
}

# psql on a cluster: the folder, the database, then psql's own arguments.
cluster_psql() {
  local dir=$1 db=$2
  shift 2
  "$BINDIR/psql" -X -v ON_ERROR_STOP=1 -h "$dir" -p 5432 -U postgres -d "$db" "$@"
}
