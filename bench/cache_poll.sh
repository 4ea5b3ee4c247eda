# shellcheck shell=bash
# The live poll from the cache, sourced by cache.sh: how many answers a second, how many of them come from memory while people vote,
# and how often many who ask have it computed.

STATS_TURNS=3
READS_A_SECOND=200
VOTES_A_SECOND=50
HERD_CLIENTS=100

stats='SELECT pollseed_poll_stats()'

# Answers a second of four clients: from the cache, by the query, and by the options' counts alone, which has no number of events.
throughputs() {
  local i way statement
  for ((i = 0; i < STATS_TURNS; i++)); do
    for way in cached query counts; do
      case $way in
        cached) statement=$stats ;;
        query) statement='SELECT pollseed_poll_stats(bypass => true)' ;;
        counts) statement='SELECT count_stats()' ;;
      esac
      pgbench_run "$statement" 4 -T "$STATS_SECONDS" >"$WORK/pgbench.out"
      awk '/^tps/ { print $3 }' "$WORK/pgbench.out" >>"$WORK/stats-$way.tps"
    done
  done
}

# People who vote, for some seconds, at a rate.
vote() {
  local script=$WORK/vote.sql
  printf '%s\n' '\set option random(1, 15)' 'SELECT * FROM pollseed_cast_vote(:option);' >"$script"
  "$BINDIR/pgbench" -h "$WORK" -p 5432 -U postgres -n -M prepared -c 4 -j 1 -T "$1" --rate "$2" -f "$script" "$DB" >"$WORK/votes.out" 2>&1 ||
    die "pgbench: $(cat "$WORK/votes.out")"
}

# A counter of a cache.
counter() { psql_bench -c "SELECT $2 FROM pollseed_cache_stats WHERE cache = '$1'"; }

# Whether what is kept is what the query says.
check_stats() {
  local same
  same=$(psql_bench -c "SELECT pollseed_poll_stats() - 'computed_at' = pollseed_poll_stats(bypass => true) - 'computed_at'")
  [ "$same" = t ] || die 'the statistics from the cache are not those of the query'
}

# Reads at a rate while people vote; adds the share of hits to a figure.  Arguments: the figure, the cache, the statement.
hit_rate() {
  local voters
  psql_bench -c "SELECT pollseed_cache_stats_reset('$2')" >/dev/null
  vote "$POLL_SECONDS" $VOTES_A_SECOND &
  voters=$!
  pgbench_run "$3" 10 -T "$POLL_SECONDS" --rate $READS_A_SECOND >"$WORK/pgbench.out"
  wait $voters
  counter "$2" 'round(100.0 * hits / (hits + misses + bypassed), 3)' >>"$WORK/$1.percent"
  note "$1.reads" "$(processed "$WORK/pgbench.out") / $POLL_SECONDS"
  note votes.rate "$(processed "$WORK/votes.out") / $POLL_SECONDS"
}

hit_rates() {
  hit_rate hits-tallies pollseed_poll "$stats"
  check_stats
  hit_rate hits-plain plain 'SELECT plain_stats()'
}

# Many who ask all the time while people vote, from the cache and by the query; how often it is computed.
herds() {
  local voters
  psql_bench -c "SELECT pollseed_cache_stats_reset('pollseed_poll')" >/dev/null
  vote "$HERD_SECONDS" $VOTES_A_SECOND &
  voters=$!
  pgbench_run "$stats" $HERD_CLIENTS -T "$HERD_SECONDS" >"$WORK/pgbench.out"
  wait $voters
  counter pollseed_poll 'fills + bypassed' >>"$WORK/herd-cached.computations"
  processed "$WORK/pgbench.out" >>"$WORK/herd-cached.answers"
  check_stats
  vote "$HERD_SECONDS" $VOTES_A_SECOND &
  voters=$!
  pgbench_run 'SELECT pollseed_poll_stats(bypass => true)' $HERD_CLIENTS -T "$HERD_SECONDS" >"$WORK/pgbench.out"
  wait $voters
  processed "$WORK/pgbench.out" >>"$WORK/herd-query.computations"
}

print_poll_rows() {
  row_least "poll statistics a second of $(commas "$VOTES") votes, cached / not" "$(median stats-cached.tps)" \
    "$(median stats-query.tps)" '' 50
  row_least "hits at $READS_A_SECOND reads and $VOTES_A_SECOND votes a second / all reads" "$(median hits-tallies.percent)" 100 '%' 0.99
  row "computations for $HERD_CLIENTS clients in $HERD_SECONDS s / without a cache" "$(median herd-cached.computations)" \
    "$(median herd-query.computations)" '' 0.02
}

print_poll_facts() {
  echo "poll statistics a second from the options' counts alone, without the number of events: $(median stats-counts.tps | rounded)," \
    "which is $(calc "$(median stats-cached.tps) / $(median stats-counts.tps)" | two_digits) times as many from the cache"
  echo "hits where each vote makes the result old: $(median hits-plain.percent | two_digits) %, of $(median hits-plain.reads | rounded)" \
    "reads a second, with $(median votes.rate | rounded) votes"
  echo "$HERD_CLIENTS clients got $(calc "$(median herd-cached.answers) / $HERD_SECONDS" | rounded) answers a second from the cache," \
    "$(calc "$(median herd-query.computations) / $HERD_SECONDS" | rounded) by the query"
}
