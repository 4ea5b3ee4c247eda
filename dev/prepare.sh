#!/bin/bash
# Install what is missing for a purpose, and only that: build, test, lint, matrix, bench (several may be named).
# Looks for programs and files first, so that it costs nothing when all is there, whichever way it came.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

missing=()
need() { [[ " ${missing[*]} " == *" $1 "* ]] || missing+=("$1"); }

# A server with headers: any usable one will do, else Debian's newest.
need_server() {
  if ! find_pg_config >/dev/null; then
    need server
  fi
  have make || need make
  have cc || have gcc || need gcc
}

need_for() {
  case $1 in
    build) need_server ;;
    test)
      need_server
      have prove || need perl
      have pg_prove || need libtap-parser-sourcehandler-pgtap-perl
      perl -MIPC::Run -e 1 2>/dev/null || need libipc-run-perl
      need pgtap # these two for the server's version, see below
      need pg_cron
      ;;
    lint)
      need_server
      have clang-format || need clang-format
      have clang-tidy || need clang-tidy
      have clang || need clang
      have gcc || need gcc
      have cppcheck || need cppcheck
      have shellcheck || need shellcheck
      have nm || need binutils
      perl -MJSON::PP -e 1 2>/dev/null || need perl
      ;;
    matrix)
      PATH=$PATH:/usr/sbin:/sbin have debootstrap || need debootstrap
      [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || need debian-archive-keyring
      ;;
    bench)
      need_server
      have perl || need perl
      ;;
    *) die "prepare.sh: unknown purpose $1" ;;
  esac
}

# Debian's newest server from 15 on, of which both the server and its headers are to be had.
debian_major() {
  apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' | sed 's/^postgresql-server-dev-\([0-9]*\).*/\1/' |
    sort -rn | while read -r major; do
      if [ "$major" -ge 15 ] && apt-cache show "postgresql-$major" >/dev/null 2>&1; then
        echo "$major"
        break
      fi
    done
}

apt_install() {
  say "installing: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@" </dev/null >"$log" 2>&1 || {
    tail -n 40 "$log"
    die "apt-get install failed: $*"
  }
}

# Debian makes and starts a cluster when a server is first installed.  Nobody asked for one: switch that off while we install,
# and leave no trace of it.  A machine that has a server of Debian's already has had its say, in its own configuration.
install_server() {
  local major=$1
  if [ -z "$(ls -A /etc/postgresql 2>/dev/null)" ]; then
    have pg_createcluster || apt_install postgresql-common
    as_root mkdir -p "$(dirname "$NO_CLUSTER")"
    echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" >/dev/null
    trap allow_clusters EXIT
  fi
  apt_install "postgresql-$major" "postgresql-server-dev-$major"
}

NO_CLUSTER=/etc/postgresql-common/createcluster.d/pollseed-no-main-cluster.conf
allow_clusters() {
  as_root rm -f "$NO_CLUSTER"
  as_root rmdir --ignore-fail-on-non-empty "$(dirname "$NO_CLUSTER")"
}

[ $# -gt 0 ] || die 'usage: prepare.sh build|test|lint|matrix|bench ...'
for purpose in "$@"; do
  need_for "$purpose"
done

# Extensions that the tests use belong to a server version: ask the server that will be used, once there is one.  They are
# only installed; no cluster loads them but those that the tests start.
extension_missing() {
  local config
  config=$(find_pg_config) || return 0
  [ ! -f "$("$config" --sharedir)/extension/$1.control" ]
}

packages=() extensions=()
want_server=''
for name in "${missing[@]}"; do
  case $name in
    server) want_server=1 ;;
    pgtap | pg_cron) if extension_missing "$name"; then extensions+=("$name"); fi ;;
    gcc) packages+=(gcc libc6-dev) ;;
    *) packages+=("$name") ;;
  esac
done
if [ -z "$want_server" ] && [ ${#packages[@]} = 0 ] && [ ${#extensions[@]} = 0 ]; then
  exit 0
fi

if ! have apt-get; then
  die "missing here: ${want_server:+PostgreSQL 15 or newer with its server headers, }${extensions[*]} ${packages[*]}" \
    '- this is not Debian or Ubuntu, so please install them yourself'
fi

log=$(mktemp /tmp/pollseed-apt-XXXXXX)
as_root apt-get -qq -o DPkg::Lock::Timeout=600 update </dev/null >"$log" 2>&1 ||
  warn "apt-get update had trouble: $(grep -m1 '^[EW]:' "$log" || true)"
if [ ${#packages[@]} -gt 0 ]; then
  apt_install "${packages[@]}"
fi
if [ -n "$want_server" ]; then
  major=$(debian_major)
  [ -n "$major" ] || die 'apt offers no PostgreSQL 15 or newer (see https://wiki.postgresql.org/wiki/Apt)'
  install_server "$major"
fi
for name in "${extensions[@]}"; do
  # Debian's packages: postgresql-15-pgtap, postgresql-15-cron
  apt_install "postgresql-$(pg_major "$(find_pg_config)")-${name#pg_}"
done
rm -f "$log"
