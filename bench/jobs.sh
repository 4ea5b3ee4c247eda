# shellcheck shell=bash
# The figures of background jobs and of progress, sourced by run.sh: a job against the same seeding in one call, progress on
# against off, and with and without somebody who looks at it ten times a second.

# What a table with exactly the rows of a seeding looks like, whatever the ids.
rows_but_ids="SELECT 'rows', count(*), sum(hash_record_extended(ROW($VOTE_COLUMNS), 0)) FROM"

# Run a job and add the time from its submission to its end, as its row tells, to a figure.  Arguments: figure, votes, workers.
job() {
  local figure=$1 votes=$2 out=$WORK/job.out found
  {
    fresh_start
    echo "SELECT pollseed_seed_async($votes, $SEEDING, workers => $3) AS job \\gset"
    echo "SELECT 'job', state, extract(epoch FROM finished_at - queued_at) * 1000 FROM pollseed_job_wait(:job);"
    echo "$rows_but_ids vote_events;"
  } | psql_bench -f - >"$out"
  grep -q '^job succeeded ' "$out" || die "a job ended with: $(cat "$out")"
  found=$(grep '^rows ' "$out")
  if [ "$votes" = "$BIG" ] && [ "$found" != "$(cat "$WORK/$BIG.but-ids")" ]; then
    die "$figure left \"$found\" instead of \"$(cat "$WORK/$BIG.but-ids")\""
  fi
  awk '$1 == "job" { print $3 }' "$out" >>"$WORK/$figure.ms"
}

# The same seeding in one call, with progress switched off.
untracked() {
  {
    echo 'SET pollseed.track_progress = off;'
    seed_statement "$1"
  } | timed untracked "$1"
}

# The same with a session that looks at the progress ten times a second, from before it begins until it has ended.
polled() {
  touch "$WORK/polling"
  while [ -e "$WORK/polling" ]; do
    echo 'SELECT * FROM pollseed_progress \g /dev/null'
    sleep 0.1
  done | psql_bench -f - &
  seed_statement "$1" | timed polled "$1"
  rm "$WORK/polling"
  wait
}

# shellcheck disable=SC2034  # for run.sh
JOB_FIGURES=(job-1 job-2 job-start untracked polled)

measure_jobs() {
  local i
  job job-1 "$BIG" 1
  untracked "$BIG"
  job job-2 "$BIG" 2
  polled "$BIG"
  for ((i = 0; i < SMALL_REPEATS; i++)); do
    job job-start 1000 1
  done
}

print_job_rows() {
  local ours_big=$1
  row "$(commas "$BIG") votes, a job with one worker / one call" "$(median job-1.ms)" "$ours_big" ms 1.15
  row "$(commas "$BIG") votes, a job with two workers / one call" "$(median job-2.ms)" "$ours_big" ms 0.75
  row "a job of one batch, submission to end / 100 ms" "$(median job-start.ms)" 100 ms 1
  row "$(commas "$BIG") votes, progress on / off" "$ours_big" "$(median untracked.ms)" ms 1.01
  row "$(commas "$BIG") votes, progress looked at 10 times a second / not" "$(median polled.ms)" "$ours_big" ms 1.05
}
