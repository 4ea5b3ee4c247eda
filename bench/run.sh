#!/bin/bash
# Measures the figures of votes and background jobs that the README quotes, each with its peer in the same run on the same server,
# and prints them beside what is required; see lib.sh for ROUNDS and QUICK.  "make bench" builds and installs before it calls this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "$QUICK" = 0 ]; then
  SMALL=10000 MEDIUM=100000 BIG=1000000 HUGE=10000000
else
  SMALL=1000 MEDIUM=10000 BIG=100000 HUGE=1000000
fi

# Short runs are repeated within a round, the big one is taken thrice between its peers, and the slow way is measured on a part
# and scaled.
SMALL_REPEATS=5
MEDIUM_REPEATS=3
SINGLE_PART=10

DB=pollseed_bench
SETTINGS=('shared_buffers = 1GB' 'max_wal_size = 8GB' 'autovacuum = off')
SEEDING="seed => 20260101, ends_at => '2026-01-01 00:00+00'"
VOTE_COLUMNS='option_id, language, votes_after, event_type, inserted_at, updated_at'

. "$BENCH_DIR/jobs.sh"

# Make the rows that a number of votes consists of, and remember what a table with exactly these looks like.
prepare_rows() {
  progress "preparing $(commas "$1") rows"
  psql_bench -v votes="$1" -v dir="$WORK" -v seeding="$SEEDING" -f "$BENCH_DIR/prepare.sql" >"$WORK/$1.expected"
}

# Before each timed run: the session has done both ways of writing once, the table is empty, and nothing waits to be written out.
fresh_start() {
  cat <<SQL
INSERT INTO vote_events ($VOTE_COLUMNS) SELECT $VOTE_COLUMNS FROM rows_$SMALL LIMIT 100;
SELECT pollseed_seed(100) \\g /dev/null
TRUNCATE vote_events RESTART IDENTITY;
UPDATE options SET votes = 0;
CHECKPOINT;
SQL
}

# Time the statements on standard input and add the milliseconds to the named figure: the sum of the times from sending a
# statement to having its result, so that what the client does in between does not count.  Then look at what was written.
# Arguments: the figure, the votes that are to be there afterwards.
timed() {
  local figure=$1 votes=$2 out=$WORK/timed.out
  {
    fresh_start
    printf '%s\n' '\timing on'
    cat
    printf '%s\n' '\timing off'
    echo "SELECT 'rows', count(*), sum(hash_record_extended(v, 0)) FROM vote_events AS v;"
  } | psql_bench -f - >"$out"
  check_written "$figure" "$votes" "$(grep '^rows ' "$out")"
  check_lane "$figure" "$(sed -n 's/^lane //p' "$out")"
  awk '$1 == "Time:" { ms += $2 } END { print ms }' "$out" >>"$WORK/$figure.ms"
}

# A way of writing that left something else in the table has won nothing.  The single statements write other times.
check_written() {
  local figure=$1 votes=$2 found=$3 expected
  expected=$(cat "$WORK/$votes.expected" 2>/dev/null || true)
  if [ "$figure" = single ] || [ -z "$expected" ]; then
    [[ $found = "rows $votes "* ]] || die "$figure left \"$found\" instead of $votes rows"
  else
    [ "$found" = "$expected" ] || die "$figure left \"$found\" instead of \"$expected\""
  fi
}

check_lane() {
  case $1 in
    direct-*) [ "$2" = direct ] || die "$1 was measured in lane \"$2\"" ;;
    spi) [ "$2" = spi ] || die "$1 was measured in lane \"$2\"" ;;
  esac
}

# The ways of writing.
seed_statement() { echo "SELECT 'lane', lane FROM pollseed_seed($1, $SEEDING);"; }

direct() { seed_statement "$1" | timed "direct-$1" "$1"; }

spi() {
  {
    echo "SET pollseed.write_lane = 'spi';"
    seed_statement "$1"
  } | timed spi "$1"
}

copy_binary() { echo "COPY vote_events ($VOTE_COLUMNS) FROM '$WORK/$1.bin' BINARY;" | timed copy-binary "$1"; }

copy_text() { echo "COPY vote_events ($VOTE_COLUMNS) FROM '$WORK/$1.txt';" | timed copy-text "$1"; }

insert_select() {
  echo "INSERT INTO vote_events ($VOTE_COLUMNS) SELECT $VOTE_COLUMNS FROM rows_$1;" | timed insert-select "$1"
}

batches() { timed batches "$1" <"$WORK/batches.sql"; }

single() { timed single "$1" <"$WORK/single.sql"; }

# Seed in a session of its own and look every 20 ms at the memory that is its process's own (not the shared buffers).
# Adds the peak in kB to a figure, and the time to another unless that is /dev/null.  Arguments: votes, file of times.
seed_watched() {
  local votes=$1 times=$2 pid line part='' peak=0 output
  fresh_start | psql_bench -f -
  coproc SESSION { psql_bench -f - 2>&1; }
  output=${SESSION[0]}
  echo 'SELECT pg_backend_pid();' >&"${SESSION[1]}"
  read -r -u "$output" pid
  {
    printf '%s\n' '\timing on'
    seed_statement "$votes"
    printf '%s\n' '\timing off'
    echo "SELECT 'rows', count(*) FROM vote_events;"
  } >&"${SESSION[1]}"
  # What had come of a line when the time was up is not read again.
  until read -r -t 0.02 -u "$output" line; do
    part+=$line
    watch_memory "$pid"
  done
  line=$part$line
  [ "$line" = 'lane direct' ] || die "seeding $votes votes said: $line"
  read -r -u "$output" line
  awk '{ print $2 }' <<<"$line" >>"$times"
  read -r -u "$output" line
  [ "$line" = "rows $votes" ] || die "seeding $votes votes left $line"
  echo "$peak" >>"$WORK/memory-$votes.kb"
  line=$SESSION_PID
  printf '%s\n' '\q' >&"${SESSION[1]}"
  wait "$line"
}

# Raise $peak to the memory that a process has now.
watch_memory() {
  local name value rest
  while read -r name value rest; do
    if [ "$name" = RssAnon: ]; then
      [ "$value" -le "$peak" ] || peak=$value
      return
    fi
  done <"/proc/$1/status"
}

# The server keeps as many WAL files as its last checkpoints used and makes the rest anew, which would be the first big run's
# loss alone.  So let one run go before that is not counted.
warm_up() { echo "COPY vote_events ($VOTE_COLUMNS) FROM '$WORK/$BIG.bin' BINARY;" | timed warm-up "$BIG"; }

measure() {
  local round i
  for ((round = 1; round <= ROUNDS; round++)); do
    progress "round $round of $ROUNDS"
    warm_up
    direct "$BIG"
    copy_binary "$BIG"
    insert_select "$BIG"
    direct "$BIG"
    measure_jobs
    direct "$BIG"
    spi "$BIG"
    copy_text "$BIG"
    for ((i = 0; i < SMALL_REPEATS; i++)); do
      direct "$SMALL"
      batches "$SMALL"
    done
    for ((i = 0; i < MEDIUM_REPEATS; i++)); do
      direct "$MEDIUM"
    done
    single $((SMALL / SINGLE_PART))
    seed_watched "$MEDIUM" /dev/null
  done
  progress "$(commas "$HUGE") votes"
  seed_watched "$HUGE" "$WORK/direct-$HUGE.ms"
}

print_table() {
  local ours_big ours_small insert_select sizes votes slowest fastest
  ours_big=$(median "direct-$BIG.ms")
  ours_small=$(median "direct-$SMALL.ms")
  insert_select=$(median insert-select.ms)
  sizes=$(for votes in "$SMALL" "$MEDIUM" "$BIG" "$HUGE"; do calc "$(median "direct-$votes.ms") / $votes * 1000" && echo; done)
  slowest=$(sort -g <<<"$sizes" | tail -n 1)
  fastest=$(sort -g <<<"$sizes" | head -n 1)

  print_head
  row "$(commas "$BIG") votes, direct lane / COPY BINARY" "$ours_big" "$(median copy-binary.ms)" ms 0.40
  row "$(commas "$BIG") votes, direct lane / INSERT ... SELECT" "$ours_big" "$insert_select" ms 0.40
  row "$(commas "$BIG") votes, SPI lane / INSERT ... SELECT" "$(median spi.ms)" "$insert_select" ms 1.10
  row "$(commas "$SMALL") votes / a client's batches of 1000 rows" "$ours_small" "$(median batches.ms)" ms 0.20
  row "$(commas "$SMALL") votes / INSERT and UPDATE a row ($(commas $((SMALL / SINGLE_PART))), times $SINGLE_PART)" "$ours_small" \
    "$(calc "$(median single.ms) * $SINGLE_PART")" ms 0.002
  row "time a vote, slowest size / fastest size" "$slowest" "$fastest" us 1.5
  row "memory of the backend, $(commas "$HUGE") / $(commas "$MEDIUM") votes" "$(calc "$(median "memory-$HUGE.kb") / 1024")" \
    "$(calc "$(median "memory-$MEDIUM.kb") / 1024")" MB 1.2
  print_job_rows "$ours_big"

  echo
  echo "time a vote at $(for votes in "$SMALL" "$MEDIUM" "$BIG" "$HUGE"; do printf '%s, ' "$(commas "$votes")"; done)in us:" \
    "$(awk '{ printf (NR > 1 ? ", %.2f" : "%.2f"), $1 }' <<<"$sizes")"
  echo "for information: COPY in text format $(median copy-text.ms) ms, direct lane / that" \
    "$(calc "$ours_big / $(median copy-text.ms)" | awk '{ printf "%.2f", $1 }')"
}

start_server
cluster_psql "$WORK" postgres -q -c "CREATE DATABASE $DB"
prepare_rows "$SMALL"
prepare_rows "$BIG"
psql_bench -c "$rows_but_ids rows_$BIG" >"$WORK/$BIG.but-ids"
for way in batches single; do
  votes=$SMALL
  [ $way = batches ] || votes=$((SMALL / SINGLE_PART))
  psql_bench -v way=$way -v rows="$SMALL" -v votes="$votes" -f "$BENCH_DIR/client.sql" >"$WORK/$way.sql"
done
measure

echo
print_machine
echo
print_table
print_samples "direct-$BIG" copy-binary copy-text insert-select spi "direct-$SMALL" batches single "direct-$MEDIUM" "direct-$HUGE" \
  "${JOB_FIGURES[@]}"
finish
