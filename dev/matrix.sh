#!/bin/bash
# The tests on servers that this machine does not have: each in a chroot with the Debian release that ships it, made once by
# debootstrap (about a minute) and kept in a cache folder.
#
#   MATRIX="17 18"          which server versions
#   POLLSEED_CACHE=folder   where the chroots are kept (/var/cache/pollseed)
#
# SUITES, TESTS and PERL_TESTS are passed on to dev/test.sh; random tests take fewer rounds here (POLLSEED_ROUNDS).  The last line
# is "N passed, N failed", over all versions.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

MATRIX=${MATRIX:-17 18}
CACHE=${POLLSEED_CACHE:-/var/cache/pollseed}
PATH=$PATH:/usr/sbin:/sbin

# The Debian release that ships a server version.
release_of() {
  case $1 in
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo forky ;;
    *) die "no Debian release is known to ship PostgreSQL $1; there are: 15 17 18" ;;
  esac
}

# What a chroot must hold to build and run every suite.
packages_for() {
  local server=postgresql-$1,postgresql-server-dev-$1,postgresql-$1-pgtap,postgresql-$1-cron
  echo "ca-certificates,gcc,make,$server,libipc-run-perl,libtap-parser-sourcehandler-pgtap-perl"
}

# The Debian mirror that this machine uses, or the public one.
mirror() {
  local url
  url=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -nE 's,^(deb|URIs:)[^#]*[[:space:]](https?://[^[:space:]]*/debian/?)([[:space:]].*)?$,\2,p' | head -n 1)
  echo "${url:-http://deb.debian.org/debian}"
}

# Make the chroot for a server version unless a complete one with these packages is there.  It is made under another name and
# renamed when done, so that one that was broken off is never taken for whole.
make_chroot() {
  local major=$1 release dir stamp packages script keyring log
  release=$(release_of "$major")
  dir=$CACHE/$release
  packages=$(packages_for "$major")
  stamp=$(as_root cat "$dir/.pollseed-packages" 2>/dev/null || true)
  [ "$stamp" != "$packages" ] || return 0
  say "making a chroot of Debian $release with PostgreSQL $major in $dir (about a minute)"
  script=/usr/share/debootstrap/scripts/$release
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  log=$WORK/debootstrap-$release.log
  as_root mkdir -p "$CACHE"
  as_root rm -rf --one-file-system "$dir.new"
  as_root env DEBIAN_FRONTEND=noninteractive PATH="$PATH" debootstrap --variant=minbase --include="$packages" \
    --keyring="$keyring" "$release" "$dir.new" "$(mirror)" "$script" >"$log" 2>&1 </dev/null || {
    tail -n 40 "$log"
    as_root rm -rf --one-file-system "$dir.new"
    die "debootstrap $release failed"
  }
  as_root rm -rf "$dir.new/var/cache/apt/archives" "$dir.new/var/lib/apt/lists"
  echo "$packages" | as_root tee "$dir.new/.pollseed-packages" >/dev/null
  as_root rm -rf --one-file-system "$dir"
  as_root mv "$dir.new" "$dir"
}

# Run the tests in a chroot.
test_in_chroot() {
  local major=$1 dir tree
  dir=$CACHE/$(release_of "$major")
  tree=$TREE
  as_root mkdir -p -m 1777 "$dir/dev/shm"
  as_root mkdir -p "$dir$tree"
  # logs of failed runs, kept for a look, are not kept for ever
  as_root find "$dir/tmp" -maxdepth 1 -name 'pollseed-test-*' -mmin +720 -exec rm -rf {} +
  tar -C "$ROOT" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
    as_root tar -C "$dir$tree" --no-same-owner -xf -
  local run=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root SUITES="${SUITES:-}" TESTS="${TESTS:-}"
    PERL_TESTS="${PERL_TESTS:-}" POLLSEED_ROUNDS="${POLLSEED_ROUNDS:-150}" BITCODE=no "$tree/dev/test.sh")
  run_in_chroot "$dir" "${run[@]}"
}

cleanup() {
  local dir
  for dir in "$CACHE"/*"$TREE"; do
    [ ! -e "$dir" ] || as_root rm -rf --one-file-system "$dir"
  done
  rm -rf "$WORK"
}

# Where the tree is put in a chroot.
TREE=/tmp/pollseed-matrix-$$
make_work matrix
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
"$ROOT/dev/prepare.sh" matrix
for major in $MATRIX; do
  make_chroot "$major"
done

# Side by side: much of what the tests do is to wait.
for major in $MATRIX; do
  test_in_chroot "$major" >"$WORK/$major.log" 2>&1 &
done
wait
passed=0 failed=0
for major in $MATRIX; do
  grep -vE '^(installing |[0-9]+ passed, [0-9]+ failed$)' "$WORK/$major.log" |
    sed "s,^logs are kept in ,&$CACHE/$(release_of "$major")," || true
  summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$WORK/$major.log" | tail -n 1 || true)
  [ -n "$summary" ] || summary='0 passed, 1 failed'
  passed=$((passed + ${summary%% *}))
  summary=${summary#*, }
  failed=$((failed + ${summary%% *}))
done
say "$passed passed, $failed failed"
[ $failed = 0 ]
