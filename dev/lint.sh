#!/bin/bash
# Everything that can be said about the tree without running it: formatting, static analysis, builds with gcc and clang with
# warnings as errors, shell scripts, and the house rules of dev/checks.pl.  A line a check, details where one fails; the last
# line is "N passed, N failed".  With --format, rewrite the C sources instead.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Another version would format otherwise; this is the one that Debian 12 has.
CLANG_FORMAT_MAJOR=14
passed=0 failed=0

# Run a check: its name, then a command that is silent or whose output matters only when it fails.
check() {
  local name=$1 status=0
  shift
  "$@" >"$WORK/check.log" 2>&1 </dev/null || status=$?
  if [ $status = 0 ]; then
    printf '%-32s ok\n' "$name"
    passed=$((passed + 1))
  else
    printf '%-32s FAILED\n' "$name"
    sed 's/^/    /' "$WORK/check.log" | head -n 300
    failed=$((failed + 1))
  fi
}

# The clang-format to use; nothing when only other versions are here.
clang_format() {
  local program
  for program in "clang-format-$CLANG_FORMAT_MAJOR" clang-format; do
    if have "$program" && "$program" --version | grep -q "version $CLANG_FORMAT_MAJOR\."; then
      echo "$program"
      return
    fi
  done
}

c_files() { find "$1/src" -name '*.[ch]' | sort; }

# Which files would change, and by how many places.
format_check() {
  c_files "$WORK/tree" | xargs "$(clang_format)" --dry-run -Werror 2>"$WORK/format.log" && return
  sed -nE "s,^$WORK/tree/([^:]*):.*clang-format-violations.*,\\1,p" "$WORK/format.log" | uniq -c
  echo 'to put that right: make format'
  return 1
}

# The compile command's -I and -D, as words.
cppflags() {
  local flags=()
  eval "flags=($(make -s -C "$WORK/tree" PG_CONFIG="$PG_CONFIG" print-cppflags))"
  printf '%s\n' "${flags[@]}"
}

# TIDY_CHECKS adds to the checks of .clang-tidy or, with a minus, takes away.
# Headers are seen through the files that include them.  Assertions count, so that they tell the analyser what cannot be.
tidy_check() (
  cd "$WORK/tree"
  mapfile -t flags < <(cppflags)
  find src -name '*.c' | sort | xargs -P "$(jobs_count)" -I{} \
    clang-tidy --quiet --checks="${TIDY_CHECKS:-}" {} -- -std=gnu11 -DUSE_ASSERT_CHECKING "${flags[@]}" 2>&1 |
    grep -vE '^[0-9]+ (warning|error)s?( and [0-9]+ errors?)? (generated|treated as error)|^Suppressed |^Use -header-filter'
  # xargs fails when any clang-tidy does; grep fails when all is silent, which is what we want
  [ "${PIPESTATUS[2]}" = 0 ]
)

# cppcheck does not read the server's headers, only what it must know of their macros.  With one job it also follows calls from
# file to file, taking ereport() for one that returns; so there are two, whatever the machine.
cppcheck_check() (
  cd "$WORK/tree"
  cppcheck --quiet --std=c11 --language=c -j 2 -Isrc --inline-suppr --error-exitcode=1 \
    --enable=warning,performance,portability --library=posix \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
    -DPG_VERSION_NUM=150000 -DHAVE_INT128=1 -DPOLLSEED_VERSION='""' -DPGDLLEXPORT= \
    -D'UINT64CONST(x)=x##ULL' -D'INT64CONST(x)=x##LL' -D'PG_FUNCTION_ARGS=FunctionCallInfo fcinfo' \
    -D'PG_FUNCTION_INFO_V1(f)=extern int no_such_variable' -DPG_MODULE_MAGIC='extern int no_such_variable' \
    -D'PG_TRY()=if(1){' -D'PG_CATCH()=}else{' -D'PG_FINALLY()=}{' -D'PG_END_TRY()=}' \
    src
)

shell_check() (
  cd "$WORK/tree"
  { find . -name '*.sh' && echo ./.ci/run; } | xargs shellcheck -x -P SCRIPTDIR
)

# A build with warnings as errors, in a copy of its own, as the server's account.
build_check() {
  local compiler=$1
  as_server cp -R "$WORK/tree" "$WORK/$compiler"
  as_server make -s -C "$WORK/$compiler" -j"$(jobs_count)" PG_CONFIG="$PG_CONFIG" CC="$compiler" WERROR=1 with_llvm=no
}

if [ "${1:-}" = --format ]; then
  "$ROOT/dev/prepare.sh" lint
  [ -n "$(clang_format)" ] || die "clang-format $CLANG_FORMAT_MAJOR is needed, and others are not the same"
  c_files "$ROOT" | xargs "$(clang_format)" -i
  exit
fi

"$ROOT/dev/prepare.sh" lint
use_server
make_work lint
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
copy_tree "$WORK/tree"

if [ -n "$(clang_format)" ]; then
  check 'clang-format' format_check
else
  warn "clang-format $CLANG_FORMAT_MAJOR is not here, so the formatting is not checked"
fi
check 'clang-tidy' tidy_check
check 'cppcheck' cppcheck_check
check 'shellcheck' shell_check
check 'gcc -Wall -Wextra -Werror' build_check gcc
check 'clang -Wall -Wextra -Werror' build_check clang

# The house rules count one by one.
perl "$ROOT/dev/checks.pl" "$WORK/tree" "$WORK/gcc/pollseed.so" >"$WORK/rules.log" 2>&1 || true
grep -vE '^[0-9]+ passed, [0-9]+ failed$' "$WORK/rules.log" || true
summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$WORK/rules.log" || echo '0 passed, 1 failed')
passed=$((passed + ${summary%% *}))
summary=${summary#*, }
failed=$((failed + ${summary%% *}))

say "$passed passed, $failed failed"
[ $failed = 0 ]
