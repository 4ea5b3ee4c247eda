# shellcheck shell=bash
# What writers can do with a score and with pg_ivm, sourced by scores.sh.  pg_ivm comes for PostgreSQL 18 from the release of Debian that
# "make matrix" has a chroot of; all is built, kept and run in a folder of its own in there, and none of its programs are changed.

FORKY=${POLLSEED_CACHE:-/var/cache/pollseed}/forky
IVM_TREE=/tmp/pollseed-bench-$$
IVM_SKIPPED=''

# Bring the tree and pg_ivm's package into the chroot; sets IVM_SKIPPED to the reason where that cannot be.
prepare_ivm() {
  local chroot_tree=$FORKY$IVM_TREE
  [ -x "$FORKY/usr/lib/postgresql/18/bin/postgres" ] || {
    IVM_SKIPPED="no PostgreSQL 18 in $FORKY, which \"make matrix\" makes"
    return 0
  }
  progress 'preparing PostgreSQL 18 with pg_ivm'
  as_root mkdir -p -m 1777 "$FORKY/dev/shm"
  as_root mkdir -p "$chroot_tree/ivm"
  trap 'cluster_stop "$WORK"; rm -rf "$WORK"; as_root rm -rf --one-file-system "$FORKY$IVM_TREE"' EXIT
  tar -C "$ROOT" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
    as_root tar -C "$chroot_tree" --no-same-owner -xf -
  # a mirror may be one of an earlier day
  # shellcheck disable=SC2016  # expanded by the inner shell
  run_in_chroot "$FORKY" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec 'cd "$1"; mkdir -p apt/lists/partial apt/cache/archives/partial
    set -- -q -o Acquire::Check-Valid-Until=false -o Dir::State::Lists="$1/apt/lists" -o Dir::Cache="$1/apt/cache" \
      -o APT::Sandbox::User=root
    apt-get "$@" update; apt-get "$@" download postgresql-18-pg-ivm; dpkg-deb -x postgresql-18-pg-ivm_*.deb ivm; rm -r apt' \
    sh "$IVM_TREE" >"$WORK/ivm-package.log" 2>&1 || IVM_SKIPPED="no package postgresql-18-pg-ivm: $(tail -n 1 "$WORK/ivm-package.log")"
}

# One round, in the chroot; it tells figures and their values.
against_ivm() {
  [ -z "$IVM_SKIPPED" ] || return 0
  run_in_chroot "$FORKY" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$IVM_TREE/bench/ivm_server.sh" \
    "$IVM_TREE/ivm" "$MOVIES" "$IVM_SECONDS" >"$WORK/ivm.out" || die "beside pg_ivm: $(cat "$WORK/ivm.out")"
  awk -v dir="$WORK" '$1 == "figure" { print $3 >>(dir "/ivm-" $2 ".tps") }' "$WORK/ivm.out"
  sed -n 's/^fact //p' "$WORK/ivm.out" >"$WORK/ivm.facts"
}

print_ivm_row() {
  local what='8 writers, 5 ms transactions a second, score / pg_ivm'
  if [ -n "$IVM_SKIPPED" ]; then
    row_skipped "$what" "$IVM_SKIPPED"
  else
    row_least "$what" "$(median ivm-score.tps)" "$(median ivm-ivm.tps)" '' 5
  fi
}

print_ivm_facts() {
  [ -z "$IVM_SKIPPED" ] || return 0
  echo "8 writers without either: $(median ivm-none.tps | rounded) transactions a second; $(cat "$WORK/ivm.facts")"
}
