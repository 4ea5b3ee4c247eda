# shellcheck shell=bash
# What the scripts that measure share: how often and how much, the server, medians, and the table of figures.  Sourced, never run.
# ROUNDS=n: how often each figure is taken (default 3).  QUICK=1: one round of a tenth of the sizes, to see that it works; then no
# figure counts.  A script that measures sets DB, the database that psql_bench uses, and SETTINGS, the server's configuration.
. "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.sh"

# shellcheck disable=SC2034  # for the scripts that source this file
BENCH_DIR=$ROOT/bench
QUICK=${QUICK:-0}
if [ "$QUICK" = 0 ]; then
  ROUNDS=${ROUNDS:-3}
else
  ROUNDS=${ROUNDS:-1}
fi
[[ $ROUNDS =~ ^[1-9][0-9]*$ ]] || die "ROUNDS must be a positive number, not \"$ROUNDS\""

# One number with commas.
commas() { sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<<"$1"; }

progress() { printf '%s\n' "$*" >&2; }

psql_in() { cluster_psql "$WORK" "$1" -q -A -t -F ' ' "${@:2}"; }

psql_bench() { psql_in "$DB" "$@"; }

# Start the server that is measured, in a folder that is gone when the script ends.
start_server() {
  use_server
  have awk || die 'awk is missing'
  make_work bench
  trap 'cluster_stop "$WORK"; rm -rf "$WORK"' EXIT
  LOAD_BEFORE=$(cut -d ' ' -f 1 /proc/loadavg)
  SECONDS=0
  cluster_start "$WORK" "${SETTINGS[@]}"
}

# Sum of the times that psql told, in ms.
sum_of_times() { awk '$1 == "Time:" { ms += $2 } END { print ms }' "$1"; }

# Add the value of an expression to a figure.
note() {
  calc "$2" >>"$WORK/$1"
  echo >>"$WORK/$1"
}

# The median of a figure.
median() {
  sort -g "$WORK/$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

calc() { awk "BEGIN { printf \"%.9g\", ($1) }"; }

rounded() { awk '{ printf "%.0f", $1 }'; }

two_digits() { awk '{ printf "%.2f", $1 }'; }

print_machine() {
  echo "CPU        $(sed -n '/^model name/ { s/.*: //p; q }' /proc/cpuinfo), $(nproc) cores"
  echo "memory     $(awk '/^MemTotal/ { printf "%.1f GB", $2 / 1048576 }' /proc/meminfo)"
  echo "system     $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r)"
  echo "server     $(psql_bench -c "SELECT format('PostgreSQL %s, fsync %s, ', current_setting('server_version'), current_setting('fsync'))")$(
    printf '%s, ' "${SETTINGS[@]}"
  )otherwise default"
  echo "pollseed   $EXTVERSION, rounds: $ROUNDS, medians, $SECONDS s in all, load before $LOAD_BEFORE"
}

print_head() { printf '%-61s %12s %13s %8s %9s\n' what ours peer ratio required; }

# One row: what, ours, peer, their unit, the most that ours ÷ peer may be.
FIGURES=0
MISSED=0
row() { compare "$1" "$2" "$3" "$4" '<=' "$5"; }

# One row where more is better: what, ours, peer, their unit, the least that ours ÷ peer may be.
row_least() { compare "$1" "$2" "$3" "$4" '>=' "$5"; }

compare() {
  local verdict=ok
  [ "$(calc "$2 / $3 $5 $6")" = 1 ] || verdict=MISSED
  count_figure $verdict
  awk -v what="$1" -v ours="$2" -v peer="$3" -v unit="$4" -v bound="$5 $6" -v verdict=$verdict 'BEGIN {
    ratio = ours / peer
    printf "%-61s %12s %13s %8s %9s  %s\n", what, sprintf("%.5g %s", ours, unit), sprintf("%.5g %s", peer, unit),
      sprintf(ratio < 0.01 ? "%.5f" : "%.2f", ratio), bound, verdict
  }'
}

# One row of what ours may take more than its peer: what, ours, peer, their unit, the most that the difference may be.
row_more() {
  local verdict=ok
  [ "$(calc "$2 - $3 <= $5")" = 1 ] || verdict=MISSED
  count_figure $verdict
  awk -v what="$1" -v ours="$2" -v peer="$3" -v unit="$4" -v bound="<= +$5" -v verdict=$verdict 'BEGIN {
    printf "%-61s %12s %13s %8s %9s  %s\n", what, sprintf("%.4g %s", ours, unit), sprintf("%.4g %s", peer, unit),
      sprintf("%+.2f", ours - peer), bound, verdict
  }'
}

# One row of something that must not be at all: what, how many.
row_none() {
  local verdict=ok
  [ "$2" = 0 ] || verdict=MISSED
  count_figure $verdict
  printf '%-61s %12s %13s %8s %9s  %s\n' "$1" "$2" '' '' none $verdict
}

# One row of a figure that could not be measured, which counts as missed: what, why.
row_skipped() {
  count_figure MISSED
  printf '%-61s skipped: %s  MISSED\n' "$1" "$2"
}

count_figure() {
  FIGURES=$((FIGURES + 1))
  [ "$1" = ok ] || MISSED=$((MISSED + 1))
}

# Every time that was measured of some figures, to judge by how quiet the machine was.
print_samples() {
  local figure
  echo 'all times in ms:'
  for figure in "$@"; do
    printf '  %-16s%s\n' "$figure" "$(awk '{ printf " %.5g", $1 }' "$WORK/$figure.ms")"
  done
}

# Say what the figures came to, and end with 1 if one was missed.
finish() {
  if [ "$QUICK" != 0 ]; then
    echo
    echo 'QUICK: the sizes are a tenth, so none of these figures counts.'
  elif [ "$MISSED" -gt 0 ]; then
    echo
    echo "$MISSED of $FIGURES figures missed."
    exit 1
  fi
}
