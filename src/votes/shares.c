/*-------------------------------------------------------------------------
 *
 * shares.c
 *		How many of the votes each option gets.
 *
 * Weights become integers once, scaled by a power of two, and everything
 * after that is integer arithmetic, so that the shares are exact and the same
 * on every machine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "core/fraction.h"
#include "core/random.h"
#include "votes/shares.h"

/* Integer weights add up to less than 2^WEIGHT_BITS. */
#define WEIGHT_BITS 61

/* The weight of each option falls by this factor in the distribution "weighted". */
#define WEIGHTED_FACTOR 0.8

/* What a label weighs in the distribution "realistic" when it is none of the known ones. */
#define UNKNOWN_LABEL_WEIGHT 10

static const char *const distribution_names[] = {
	[DISTRIBUTION_REALISTIC] = "realistic", [DISTRIBUTION_WEIGHTED] = "weighted",
	[DISTRIBUTION_EVEN] = "even",			[DISTRIBUTION_RANDOM] = "random",
	[DISTRIBUTION_ZIPF] = "zipf",
};

/* Popularity of programming languages, for the distribution "realistic". */
static const struct
{
	const char *label;
	int			weight;
} realistic_weights[] = {
	{"Python", 100}, {"JavaScript", 90}, {"Java", 80},	{"TypeScript", 75}, {"Go", 70},
	{"Rust", 65},	 {"C++", 60},		 {"C#", 55},	{"Ruby", 50},		{"PHP", 45},
	{"Swift", 40},	 {"Kotlin", 35},	 {"Scala", 30}, {"Elixir", 25},		{"Haskell", 20},
};

/* What is left of an option's share after rounding down. */
typedef struct Remainder
{
	uint64 remainder;
	int	   option;
} Remainder;

Distribution
distribution_by_name(const char *name)
{
	for (size_t i = 0; i < lengthof(distribution_names); i++)
	{
		if (strcmp(name, distribution_names[i]) == 0)
			return (Distribution) i;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized distribution \"%s\"", name),
					errhint("Valid distributions are \"realistic\", \"weighted\", \"even\", "
							"\"random\" and \"zipf\"; \"weights\" gives any other.")));
}

const char *
distribution_name(Distribution distribution)
{
	return distribution_names[distribution];
}

/* Returns what a label weighs in the distribution "realistic". */
static double
realistic_weight(const char *label)
{
	for (size_t i = 0; label != NULL && i < lengthof(realistic_weights); i++)
	{
		if (strcmp(label, realistic_weights[i].label) == 0)
			return realistic_weights[i].weight;
	}
	return UNKNOWN_LABEL_WEIGHT;
}

char **
realistic_labels(int *count)
{
	char **labels = palloc_array(char *, lengthof(realistic_weights));

	for (size_t i = 0; i < lengthof(realistic_weights); i++)
		labels[i] = pstrdup(realistic_weights[i].label);
	*count = lengthof(realistic_weights);
	return labels;
}

/* Sets the weights that a distribution gives by itself. */
static void
weigh_by_distribution(Distribution distribution, int noptions, char **labels, VoteShare *shares)
{
	double weighted = 1;

	for (int i = 0; i < noptions; i++)
	{
		switch (distribution)
		{
			case DISTRIBUTION_REALISTIC:
				shares[i].weight = realistic_weight(labels[i]);
				break;
			case DISTRIBUTION_WEIGHTED:
				shares[i].weight = weighted;
				weighted *= WEIGHTED_FACTOR;
				break;
			case DISTRIBUTION_EVEN:
			case DISTRIBUTION_RANDOM:
				shares[i].weight = 1;
				break;
			case DISTRIBUTION_ZIPF:
				shares[i].weight = 1.0 / (i + 1);
				break;
		}
	}
}

/* Compares two labels by their bytes. */
static int
compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Refuses a key of the weights that is the label of no option. */
static void
check_weight_labels(int noptions, char **labels, Jsonb *weights)
{
	char			 **sorted = palloc_array(char *, noptions);
	int				   nsorted = 0;
	JsonbIterator	  *it = JsonbIteratorInit(&weights->root);
	JsonbIteratorToken token;
	JsonbValue		   value;

	for (int i = 0; i < noptions; i++)
	{
		if (labels[i] != NULL)
			sorted[nsorted++] = labels[i];
	}
	qsort(sorted, nsorted, sizeof(char *), compare_labels);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		if (bsearch(&key, sorted, nsorted, sizeof(char *), compare_labels) == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("weights name the unknown option \"%s\"", key),
							errhint("Each key must be the label of an option, upper and lower "
									"case as in the table.")));
	}
}

/* Sets the weights that the caller gave as a JSON object. */
static void
weigh_by_object(int noptions, char **labels, Jsonb *weights, VoteShare *shares)
{
	if (!JB_ROOT_IS_OBJECT(weights))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weights must be a JSON object"),
				 errhint("Give each label its weight, such as '{\"Python\": 3, \"Go\": 1}'.")));

	check_weight_labels(noptions, labels, weights);

	for (int i = 0; i < noptions; i++)
	{
		JsonbValue *value = NULL;

		if (labels[i] != NULL)
			value =
				getKeyJsonValueFromContainer(&weights->root, labels[i], strlen(labels[i]), NULL);
		if (value == NULL)
			continue;
		if (value->type != jbvNumeric)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("weight of option \"%s\" is not a number", labels[i]),
							errhint("Weights are numbers from zero up to 1e308.")));
		shares[i].weight = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
		if (shares[i].weight < 0 || isinf(shares[i].weight))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("weight of option \"%s\" is negative or too large", labels[i]),
							errhint("Weights are numbers from zero up to 1e308.")));
	}
}

/* Returns the weights as integers in the same proportion, and their sum in *total. */
static uint64 *
integer_weights(int noptions, const VoteShare *shares, uint64 *total)
{
	uint64 *weights = palloc_array(uint64, noptions);
	double	largest = 0;
	int		exponent;
	int		bits_for_sum;

	for (int i = 0; i < noptions; i++)
		largest = Max(largest, shares[i].weight);
	if (largest == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("all weights are zero"),
						errhint("Give at least one option a weight above zero.")));

	/* Each weight is below 2^exponent, so noptions of them are below 2^(exponent + bits). */
	(void) frexp(largest, &exponent);
	bits_for_sum = pg_leftmost_one_pos32(noptions) + 1;

	*total = 0;
	for (int i = 0; i < noptions; i++)
	{
		weights[i] = (uint64) ldexp(shares[i].weight, WEIGHT_BITS - bits_for_sum - exponent);
		*total += weights[i];
	}
	return weights;
}

/* Orders remainders largest first, and equal ones by option. */
static int
compare_remainders(const void *a, const void *b)
{
	const Remainder *ra = a;
	const Remainder *rb = b;

	if (ra->remainder != rb->remainder)
		return ra->remainder > rb->remainder ? -1 : 1;
	return ra->option < rb->option ? -1 : 1;
}

void
shares_by_weight(int noptions, const uint64 *weights, uint64 total, int64 vote_count,
				 VoteShare *shares)
{
	Remainder *remainders = palloc_array(Remainder, noptions);
	int64	   left = vote_count;

	for (int i = 0; i < noptions; i++)
	{
		uint128 quota = (uint128) vote_count * weights[i];

		shares[i].votes = (int64) (quota / total);
		remainders[i].remainder = (uint64) (quota % total);
		remainders[i].option = i;
		left -= shares[i].votes;
	}
	Assert(left >= 0 && left < noptions);

	qsort(remainders, noptions, sizeof(Remainder), compare_remainders);
	for (int i = 0; i < left; i++)
		shares[remainders[i].option].votes++;
}

/*
 * Draws the shares of the options first to last from the multinomial
 * distribution, by halving the range of options: each node of that tree has
 * its own stream, and draws how many of its votes go to its first half.
 */
static void
draw_shares(int64 seed, uint64 node, int first, int last, const uint64 *weights, uint64 total,
			int64 votes, VoteShare *shares)
{
	int	   middle = first + (last - first) / 2;
	uint64 left_total = 0;
	int64  left_votes;

	if (votes == 0)
		return;
	if (first == last)
	{
		shares[first].votes = votes;
		return;
	}

	for (int i = first; i <= middle; i++)
		left_total += weights[i];

	if (left_total == total)
		left_votes = votes;
	else
	{
		RandomStream stream = random_stream(seed, RANDOM_VOTE_TOTALS, node);

		left_votes = random_binomial(&stream, votes, make_fraction(left_total, total));
	}
	draw_shares(seed, 2 * node, first, middle, weights, left_total, left_votes, shares);
	draw_shares(seed, 2 * node + 1, middle + 1, last, weights, total - left_total,
				votes - left_votes, shares);
}

VoteShare *
share_votes(Distribution distribution, int noptions, char **labels, Jsonb *weights, int64 seed,
			int64 vote_count)
{
	VoteShare *shares = palloc0_array(VoteShare, noptions);
	uint64	  *integers;
	uint64	   total;

	Assert(noptions > 0 && vote_count >= 0 && vote_count <= MAX_VOTE_COUNT);

	if (weights != NULL)
		weigh_by_object(noptions, labels, weights, shares);
	else
		weigh_by_distribution(distribution, noptions, labels, shares);

	integers = integer_weights(noptions, shares, &total);
	if (distribution == DISTRIBUTION_RANDOM)
		draw_shares(seed, 1, 0, noptions - 1, integers, total, vote_count, shares);
	else
		shares_by_weight(noptions, integers, total, vote_count, shares);
	return shares;
}
