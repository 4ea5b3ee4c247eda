# shellcheck shell=bash
# Pages of predictions, sourced by scores.sh: stored ones against the query that they replace, and those by weights that are not stored.
# Pages are of the preset's data with as many movies as all that is measured; the decade of at least 20,000 is in a database with more.

PROFILE=balanced
WEIGHTS='{"popular_opinion": 3, "critical_acclaim": 1, "industry_recognition": 2, "cultural_impact": 1, "people_quality": 4}'

# shellcheck disable=SC2034  # for scores.sh
PREDICTION_FIGURES=(page-first page-deep seed-first seed-deep unstored)

prepare_predictions() {
  local database count
  for database in pages weighed; do
    count=$MOVIES
    [ $database = pages ] || count=$WEIGHED
    progress "preparing $(commas "$count") movies of the preset"
    psql_in postgres -c "CREATE DATABASE $database"
    psql_in $database -c 'CREATE EXTENSION pollseed' -c 'CREATE EXTENSION pg_prewarm' -c 'SELECT pollseed_create_movie_tables()' \
      -c "SELECT time_ms FROM pollseed_seed_movies($count, seed => 20260101)" -c 'VACUUM (FREEZE, ANALYZE)' >"$WORK/preset.out" 2>&1 ||
      die "$(cat "$WORK/preset.out")"
    # by decade: the movies whose order a page is of
    psql_in $database -c "SELECT extract(decade FROM release_date) * 10, count(*) FROM movie_scores WHERE cardinality(lists) = 0
      GROUP BY 1 ORDER BY 2 DESC" >"$WORK/$database.decades"
  done
  DEEP_DECADE=2020
  [ "$(size_of_decade pages 2020)" -ge $((PAGE * 25)) ] || DEEP_DECADE=$(awk '{ print $1; exit }' "$WORK/pages.decades")
  [ "$(size_of_decade pages "$DEEP_DECADE")" -ge $((PAGE * 25)) ] || die "no decade has $PAGE pages"
  read -r WEIGHED_DECADE WEIGHED_SIZE <"$WORK/weighed.decades"
  [ "$WEIGHED_SIZE" -ge "$DECADE_SIZE" ] || die "no decade has $DECADE_SIZE movies, but $WEIGHED_SIZE at most"
}

size_of_decade() { awk -v decade="$2" '$1 == decade { n = $2 } END { print n + 0 }' "$WORK/$1.decades"; }

# The query that the page replaces: the criteria of a decade's movies are computed, weighed by numbers that the application puts in,
# and sorted.  Arguments: the decade, how many movies come before the page.
seed_query() {
  cat <<SQL
SELECT f.id, (f.popular_opinion * :popular_opinion + f.critical_acclaim * :critical_acclaim + f.industry_recognition * :industry_recognition
              + f.cultural_impact * :cultural_impact + f.people_quality * :people_quality) / :total AS score
  FROM movie_score_formula AS f
 WHERE f.release_date >= '$1-01-01' AND f.release_date < '$(($1 + 10))-01-01' AND cardinality(f.lists) = 0
 ORDER BY 2 DESC, 1 LIMIT 25 OFFSET $2
SQL
}

# A statement whose rows are not wanted is timed some times by a session that has run it twice before.  Arguments: the figure, how
# often, the statement.
time_often() {
  local i
  for i in 1 2; do
    printf '%s \\g /dev/null\n' "$3"
  done
  printf '%s\n' '\timing on'
  for ((i = 0; i < $2; i++)); do
    printf '\\echo figure %s\n%s \\g /dev/null\n' "$1" "$3"
  done
  printf '%s\n' '\timing off'
}

# What a page holds, to be compared.
contents() {
  echo "SELECT '$1', md5(string_agg(id || ' ' || round(score::numeric, 9), ',' ORDER BY score DESC, id)), count(*)
    FROM ($2) AS p (id, score);"
}

weights_of() {
  echo "SELECT popular_opinion, critical_acclaim, industry_recognition, cultural_impact, people_quality,
    popular_opinion + critical_acclaim + industry_recognition + cultural_impact + people_quality AS total FROM $1 \\gset"
}

# The first page of the 2020s and a deep one, each beside its query; the deep page begins after the last movie of the one before it.
pages() {
  local before=$(((PAGE - 1) * 25)) first deep
  first="FROM pollseed_predict('$PROFILE', 2020, 25)"
  deep="FROM pollseed_predict('$PROFILE', $DEEP_DECADE, 25, :after_score, :after_id)"
  fresh_start pages
  {
    weights_of "score_profiles WHERE name = '$PROFILE'"
    echo "SELECT score AS after_score, movie_id AS after_id FROM movie_predictions WHERE profile = '$PROFILE' AND decade = $DEEP_DECADE
      ORDER BY score DESC, movie_id OFFSET $before - 1 LIMIT 1 \\gset"
    time_often page-first 20 "SELECT * $first"
    time_often seed-first "$LONG_REPEATS" "$(seed_query 2020 0)"
    time_often page-deep 20 "SELECT * $deep"
    time_often seed-deep "$LONG_REPEATS" "$(seed_query "$DEEP_DECADE" "$before")"
    contents first "SELECT movie_id, score $first"
    contents first "$(seed_query 2020 0)"
    contents deep "SELECT movie_id, score $deep"
    contents deep "$(seed_query "$DEEP_DECADE" "$before")"
    echo "SELECT 'rank', min(rank) $deep;"
  } | psql_in pages -f - >"$WORK/pages.out"
  fresh_start weighed
  {
    weights_of "jsonb_to_record('$WEIGHTS') AS w (popular_opinion float8, critical_acclaim float8, industry_recognition float8,
      cultural_impact float8, people_quality float8)" | tr '\n' ' '
    echo
    time_often unstored 10 "SELECT * FROM pollseed_predict_with('$WEIGHTS', $WEIGHED_DECADE)"
    contents unstored "SELECT movie_id, score FROM pollseed_predict_with('$WEIGHTS', $WEIGHED_DECADE)"
    contents unstored "$(seed_query "$WEIGHED_DECADE" 0)"
  } | psql_in weighed -f - >>"$WORK/pages.out"
  collect "$WORK/pages.out"
  check_pages $((before + 1))
}

# Each page has to hold what its query gives, and to be the one that was meant.  Arguments: the rank of the deep one's first movie.
check_pages() {
  local name found
  for name in first deep unstored; do
    # of both sides: how often, the rows, how many these are
    found=$(grep "^$name " "$WORK/pages.out" | sort | uniq -c)
    [[ $found =~ ^\ *2\ $name\ [0-9a-f]+\ 25$ ]] || die "the page \"$name\" is not what its query gives: $found"
  done
  [ "$(sed -n 's/^rank //p' "$WORK/pages.out")" = "$1" ] || die "the deep page begins at $(grep '^rank ' "$WORK/pages.out")"
}

print_prediction_rows() {
  row 'page 1 of predictions of the 2020s / 1 ms' "$(median page-first.ms)" 1 ms 1
  row "page $PAGE of those of the ${DEEP_DECADE}s / 1 ms" "$(median page-deep.ms)" 1 ms 1
  row 'page 1 / the query that it replaces' "$(median page-first.ms)" "$(median seed-first.ms)" ms 0.002
  row "page $PAGE / the query that it replaces" "$(median page-deep.ms)" "$(median seed-deep.ms)" ms 0.002
  row "weights not stored, a decade of $(commas "$WEIGHED_SIZE") movies / 25 ms" "$(median unstored.ms)" 25 ms 1
}

print_prediction_facts() {
  echo "movies to be ranked in the 2020s: $(commas "$(size_of_decade pages 2020)"), in the ${DEEP_DECADE}s:" \
    "$(commas "$(size_of_decade pages "$DEEP_DECADE")"); those of the decade with unstored weights are the ${WEIGHED_DECADE}s of" \
    "$(commas "$WEIGHED") movies"
}
