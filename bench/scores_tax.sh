# shellcheck shell=bash
# What capturing costs those who write, sourced by scores.sh: statements of one row and one of many, with the score and without, in
# turns.

CLIENTS=4

create_score="SELECT FROM pollseed_score_create('scores', 'score_query', 'id')"
drop_score="SELECT pollseed_score_drop('scores') WHERE to_regclass('scores') IS NOT NULL"

# Transactions of one row a second, added to a figure; where they are captured, each has to be in the queue.
# Arguments: the figure, with or without, then settings.
one_row() {
  local figure=$1 way=$2 options=$3 before after
  before=$(queued "$way")
  PGOPTIONS=$options "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c $CLIENTS -j 1 -T "$TAX_SECONDS" \
    -f "$BENCH_DIR/scores_writer.sql" -D "metrics=$METRICS" "$DB" >"$WORK/pgbench.out" 2>&1 || die "pgbench: $(cat "$WORK/pgbench.out")"
  awk '/^tps/ { print $3 }' "$WORK/pgbench.out" >>"$WORK/$figure-$way.tps"
  after=$(queued "$way")
  # now and then a value is what it was
  [ "$way" = without ] ||
    [ $((after - before)) -ge "$(awk '/actually processed/ { split($NF, n, "/"); print int(n[1] * 0.99) }' "$WORK/pgbench.out")" ] ||
    die "$((after - before)) changes were captured, of $(grep 'actually processed' "$WORK/pgbench.out")"
}

queued() {
  [ "$1" = with ] || {
    echo 0
    return
  }
  psql_bench -c 'SELECT count(*) FROM scores_queue'
}

# The CPU of a session's process, in ns, as it tells of itself.
cpu="split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint"

# One statement of many rows, timed after a small one, and the CPU that it and that many of one row take.
many_rows() {
  local way=$1 out=$WORK/timed.out
  psql_bench -f - >"$out" <<SQL
UPDATE external_metrics SET value = value + 1 WHERE id <= 100;
DO 'BEGIN UPDATE external_metrics SET value = value + 1 WHERE id = 1; END';
SELECT $cpu AS start \\gset
\\timing on
UPDATE external_metrics SET value = value + 1 WHERE id <= $BULK;
\\timing off
SELECT 'cpu', $cpu - :start;
SELECT $cpu AS start \\gset
DO 'BEGIN FOR i IN 1 .. $((BULK / 5)) LOOP UPDATE external_metrics SET value = value + 1 WHERE id = i; END LOOP; END';
SELECT 'cpu', $cpu - :start;
SQL
  sum_of_times "$out" >>"$WORK/bulk-$way.ms"
  note "bulk-$way.us" "$(awk '$1 == "cpu" { print $2; exit }' "$out") / 1000 / $BULK"
  note "single-$way.us" "$(awk '$1 == "cpu" { ns = $2 } END { print ns }' "$out") / 1000 / $((BULK / 5))"
}

turn() {
  local way=$1
  psql_bench -c "$drop_score" >/dev/null
  [ "$way" = without ] || psql_bench -c "$create_score" >/dev/null
  psql_bench -c 'VACUUM external_metrics' -c CHECKPOINT
  many_rows "$way"
  psql_bench -c 'VACUUM external_metrics' -c CHECKPOINT
  one_row tax "$way" '-c synchronous_commit=off'
  one_row tax-waiting "$way" '-c synchronous_commit=on'
  [ "$way" = without ] || note tax-queue.bytes "$(psql_bench -c "SELECT pg_relation_size('scores_queue')") / $(queued with)"
}

# Turns with and without, in an order that lets neither be first more often; the first one finds the table without room for new rows
# in its pages and is not counted.
taxes() {
  local i way order
  METRICS=$(psql_bench -c 'SELECT max(id) FROM external_metrics')
  fresh_start "$DB"
  many_rows not-counted
  for ((i = 0; i < TAX_PAIRS; i++)); do
    order='with without'
    [ $((i % 2)) = 0 ] || order='without with'
    for way in $order; do
      turn "$way"
    done
  done
  psql_bench -c "$drop_score" -c "$create_score" >/dev/null
}

# shellcheck disable=SC2034  # for scores.sh
TAX_FIGURES=(bulk-with bulk-without)

print_tax_rows() {
  row_least 'UPDATEs of one row a second (synchronous_commit off), with / without' "$(median tax-with.tps)" \
    "$(median tax-without.tps)" '' 0.95
  row "UPDATE of $(commas "$BULK") rows, with capture / without" "$(median bulk-with.ms)" "$(median bulk-without.ms)" ms 1.25
}

print_tax_facts() {
  echo "UPDATEs of one row a second that wait for their WAL, with capture / without:" \
    "$(calc "$(median tax-waiting-with.tps) / $(median tax-waiting-without.tps)" | two_digits)" \
    "($(median tax-waiting-with.tps | rounded) / $(median tax-waiting-without.tps | rounded))"
  echo "CPU that capturing adds: $(calc "$(median single-with.us) - $(median single-without.us)" | two_digits) us a statement of one row" \
    "($(median single-with.us | two_digits) / $(median single-without.us | two_digits))," \
    "$(calc "$(median bulk-with.us) - $(median bulk-without.us)" | two_digits) us a row of a large one" \
    "($(median bulk-with.us | two_digits) / $(median bulk-without.us | two_digits));" \
    "queue $(median tax-queue.bytes | rounded) bytes a statement of one row"
}

# Every rate that was measured, to judge by how quiet the machine was.
print_rates() {
  local figure
  echo 'all transactions a second:'
  for figure in tax-with tax-without tax-waiting-with tax-waiting-without ivm-score ivm-ivm ivm-none; do
    [ ! -e "$WORK/$figure.tps" ] || printf '  %-20s%s\n' "$figure" "$(awk '{ printf " %.0f", $1 }' "$WORK/$figure.tps")"
  done
}
