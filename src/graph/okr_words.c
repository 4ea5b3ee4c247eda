/*-------------------------------------------------------------------------
 *
 * okr_words.c
 *		What the OKR preset's pillars, objectives, key results, initiatives and
 *		check-ins are called.
 *
 * Where a thing stands says what it goes with: two themes a pillar, three objectives and five
 * measures a theme.  A measure is what a key result is about, with the initiative that helps it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "graph/okr.h"

typedef struct OkrPillar
{
	const char *name;
	const char *description;
} OkrPillar;

typedef struct OkrObjective
{
	const char *title;
	const char *description;
} OkrObjective;

typedef struct OkrMeasure
{
	const char *title;
	const char *name; /* within a sentence */
	const char *unit;
	const char *start;
	const char *target;
	const char *initiative;
} OkrMeasure;

/* Tables are readable only as they were written. */
/* clang-format off */

static const OkrPillar pillars[] = {
	{"Delight customers", "Customers who get what they came for stay, and bring others along."},
	{"Grow sustainably", "We grow by what customers pay, not by what investors lend."},
	{"Run a reliable platform", "What customers build on us has to be there, fast and safe, at any hour."},
	{"Build a great place to work", "Good people choose where they work. They should choose us, and again every year."},
	{"Win new markets", "Half of what we could sell is sold where nobody knows us yet."},
};

static const OkrObjective objectives[] = {
	/* Delight customers: those we have, those who have just come. */
	{"Keep the customers we have", "It takes five new customers to make up for one large one who leaves."},
	{"Turn support into a reason to buy", "Customers tell others how we help them, for better or worse."},
	{"Become the vendor that customers recommend", "Most of our best customers came because somebody told them to."},
	{"Make onboarding effortless", "Half of those who leave do so in their first month, before they have seen what we are good at."},
	{"Lead every new team to its first success", "A team that has reached something in its first week comes back in the second."},
	{"Welcome customers without a call", "Small customers should not need us on the phone to begin."},
	/* Grow sustainably: revenue, cost. */
	{"Turn free users into paying ones", "A thousand teams use us every week and pay nothing."},
	{"Launch self-service for large accounts", "Large accounts want to add seats without asking for an offer."},
	{"Grow with the accounts we have", "Our customers grow, and what they buy of us should, too."},
	{"Cut the cost of serving a customer", "Every request costs more than it did a year ago."},
	{"Reach profitability in the core business", "The core business has to pay for what we try next."},
	{"Retire the old billing system", "Two billing systems cost twice, and every change is made twice."},
	/* Run a reliable platform: operations, security. */
	{"Ship faster without breaking things", "Changes wait for days, and one in six has to be taken back."},
	{"Be there whenever customers need us", "An hour without us is an hour without work for our customers."},
	{"Reduce toil in operations", "Who is on call should sleep, and spend the day on what prevents the next call."},
	{"Be ready for an audit on any day", "Large customers ask for evidence before they sign."},
	{"Make security invisible to users", "What is safe has to be what is easy, or nobody will do it."},
	{"Keep the data of customers theirs", "Trust is lost once."},
	/* Build a great place to work: hiring, leading. */
	{"Hire people who raise the bar", "Teams wait for colleagues longer than for anything else."},
	{"Make the first hundred days count", "Who is well received stays longer and is of use sooner."},
	{"Be a company that people apply to", "The best candidates come on their own."},
	{"Make managers better managers", "People join companies and leave managers."},
	{"Give every team its own numbers", "A team that knows where it stands needs no one to tell it where to go."},
	{"Celebrate what we finish", "We begin more than we end, and hardly notice what we have done."},
	/* Win new markets: a country, partners. */
	{"Open the German market", "Germany is the largest market in which we sell to nobody."},
	{"Speak the language of every customer", "A third of our visitors read English as their second language."},
	{"Be known where we are new", "Nobody buys of a company that they have never heard of."},
	{"Grow through partners", "Partners reach customers whom we would never find."},
	{"Build a pipeline that predicts itself", "We learn at the end of the quarter what we could have known at its beginning."},
	{"Bring sales and product together", "What is sold and what is built should be the same."},
};

static const OkrMeasure measures[] = {
	/* Those we have. */
	{"Reduce monthly churn", "monthly churn", "percent", "4.5", "2", "Call everybody who cancels"},
	{"Lift the net promoter score", "the net promoter score", "score", "31", "50", "Ask for a score after each ticket"},
	{"Answer tickets sooner", "the time to a first answer", "days", "2.5", "0.5", "Put support on a weekend shift"},
	{"Renew contracts before they end", "the share of early renewals", "percent", "40", "65", "Write to customers ninety days before renewal"},
	{"Win back customers who left", "the number of returned customers", "count", "5", "40", "Set up a customer council"},
	/* Those who have just come. */
	{"Raise activation in the first week", "activation", "percent", "38", "60", "Build a guided tour"},
	{"Bring the time to first value down", "the time to first value", "days", "9", "3", "Fill new workspaces with sample data"},
	{"Have more teams finish the setup", "the share of finished setups", "percent", "52", "80", "Redesign the settings page"},
	{"Publish lessons for beginners", "the number of lessons", "count", "4", "25", "Record a lesson a week"},
	{"Lift the rating of the first month", "the rating of the first month", "score", "6.4", "8", "Rewrite the welcome e-mails"},
	/* Revenue. */
	{"Convert trials to paid plans", "conversion", "percent", "11", "20", "Run a pricing experiment"},
	{"Increase revenue per account", "revenue per account", "euro", "420", "600", "Offer annual plans in the product"},
	{"Sell seats by self-service", "the number of seats sold by self-service", "count", "150", "900", "Let admins add seats by card"},
	{"Grow the share of annual contracts", "the share of annual contracts", "percent", "35", "55", "Give a discount for paying ahead"},
	{"Shorten the time to pay", "the time until invoices are paid", "days", "41", "25", "Send reminders by themselves"},
	/* Cost. */
	{"Lower the cost of a tenant", "the monthly cost of a tenant", "euro", "38", "24", "Move reports to the warehouse"},
	{"Move tenants to the new billing", "the share of moved tenants", "percent", "15", "80", "Migrate the last legacy service"},
	{"Spend less on idle machines", "what idle machines cost", "euro", "21000", "9000", "Switch test systems off at night"},
	{"Handle more tickets without us", "the share of tickets solved by self-service", "percent", "22", "45", "Localise the help centre"},
	{"Close the books sooner", "the time to close a month", "days", "12", "5", "Reconcile accounts every week"},
	/* Operations. */
	{"Cut the lead time of changes", "the lead time of changes", "days", "6", "1.5", "Introduce feature flags"},
	{"Halve the share of failed changes", "the share of failed changes", "percent", "16", "8", "Automate the release notes and checks"},
	{"Raise test coverage of the core", "test coverage", "percent", "54", "75", "Hold a bug bash"},
	{"Have fewer calls at night", "the number of calls at night", "count", "46", "10", "Write runbooks for on-call"},
	{"Practise restoring from backups", "the number of restores practised", "count", "1", "13", "Restore a backup every Friday"},
	/* Security. */
	{"Close audit findings", "the number of closed findings", "count", "8", "60", "Prepare the security audit"},
	{"Get accounts to single sign-on", "the share of accounts with single sign-on", "percent", "33", "70", "Add single sign-on to all plans"},
	{"Patch servers sooner", "the time to a patch", "days", "21", "5", "Rebuild images every night"},
	{"Train everybody in security", "the share of trained colleagues", "percent", "45", "80", "Send a harmless phishing mail each month"},
	{"Remove access that nobody uses", "the number of unused grants", "count", "380", "40", "Review access every quarter"},
	/* Hiring. */
	{"Fill open positions in time", "the time to fill a position", "days", "74", "45", "Train interviewers"},
	{"Have more offers accepted", "the share of accepted offers", "percent", "58", "80", "Tell candidates what we pay"},
	{"Hire by recommendation", "the number of hires by recommendation", "count", "3", "15", "Launch the referral programme"},
	{"Get new colleagues going sooner", "the time to the first contribution", "days", "19", "7", "Give everybody a buddy"},
	{"Be rated better by candidates", "the rating by candidates", "score", "6.8", "8.2", "Answer every application"},
	/* Leading. */
	{"Train every manager", "the share of trained managers", "percent", "30", "80", "Start a mentoring programme"},
	{"Keep regretted attrition low", "regretted attrition", "percent", "9", "5", "Hold stay interviews"},
	{"Raise engagement", "engagement", "score", "6.2", "7.8", "Ask two questions every week"},
	{"Talk to everybody every week", "the share of weekly conversations held", "percent", "48", "80", "Put conversations into calendars"},
	{"Finish what teams begin", "the number of finished projects", "count", "12", "36", "Limit what a team has open"},
	/* A country. */
	{"Win customers in Germany", "the number of German customers", "count", "6", "60", "Hire a sales team in Berlin"},
	{"Translate the product", "the share of translated texts", "percent", "20", "80", "Hand texts to translators every week"},
	{"Be found by search", "the number of visits by search", "count", "2400", "9000", "Publish case studies"},
	{"Get reviews on comparison sites", "the number of reviews", "count", "14", "80", "Ask happy customers for a review"},
	{"Shorten the first sale", "the time to a first sale", "days", "88", "50", "Answer tenders in the local language"},
	/* Partners. */
	{"Grow partner revenue", "partner revenue", "euro", "45000", "160000", "Open a partner portal"},
	{"Sign partners", "the number of partners", "count", "7", "24", "Write a contract that takes a day"},
	{"Forecast a quarter better", "the error of the forecast", "percent", "28", "10", "Review the pipeline every Monday"},
	{"Raise the win rate", "the win rate", "percent", "19", "30", "Interview lost customers"},
	{"Build what is asked for most", "the number of wishes fulfilled", "count", "5", "25", "Publish a roadmap that customers vote on"},
};

/* Of check-ins, with a measure's name and value: five that all is well, five that it may not be, five that it is not. */
static const char *const comments[] = {
	"On course: %1$s is at %2$s.",
	"A good week, with %1$s at %2$s. We go on as planned.",
	"What we changed last week shows: %2$s for %1$s.",
	"We have %1$s at %2$s, a little better than we had hoped.",
	"Nothing in the way. By now %1$s is at %2$s.",
	"Slower than planned: %1$s is at %2$s.",
	"We wait for another team; meanwhile %1$s has come to %2$s.",
	"It moves, but not enough: %2$s for %1$s.",
	"With %1$s at %2$s we need a second idea.",
	"Holidays took a week from us. Now %1$s is at %2$s.",
	"We will not make it like this: %1$s is at %2$s.",
	"Only %2$s for %1$s; we talk about it on Monday.",
	"The initiative has not begun, and %1$s is at %2$s.",
	"We have %1$s at %2$s and nobody to work on it.",
	"Behind by weeks, with %1$s at %2$s. We have asked for help.",
};

/* clang-format on */

StaticAssertDecl(lengthof(pillars) == OKR_PILLARS, "pillars are missing");
StaticAssertDecl(lengthof(objectives) == OKR_PILLARS * OKR_OBJECTIVES_PER_PILLAR,
				 "objectives are missing");
StaticAssertDecl(lengthof(measures) ==
					 lengthof(objectives) / OKR_OBJECTIVES_PER_THEME * OKR_MEASURES_PER_THEME,
				 "measures are missing");

/* A list of words, which stand in a table of records. */
typedef struct OkrList
{
	char		letter;
	int			count;
	const void *records;
	size_t		size;  /* of a record */
	size_t		field; /* where the word is in it */
} OkrList;

#define LIST_OF(letter, table, type, field)                                 \
	{                                                                       \
		letter, lengthof(table), table, sizeof(type), offsetof(type, field) \
	}

static const OkrList lists[] = {
	LIST_OF('p', pillars, OkrPillar, name),
	LIST_OF('d', pillars, OkrPillar, description),
	LIST_OF('o', objectives, OkrObjective, title),
	LIST_OF('w', objectives, OkrObjective, description),
	LIST_OF('k', measures, OkrMeasure, title),
	LIST_OF('m', measures, OkrMeasure, name),
	LIST_OF('u', measures, OkrMeasure, unit),
	LIST_OF('b', measures, OkrMeasure, start),
	LIST_OF('e', measures, OkrMeasure, target),
	LIST_OF('i', measures, OkrMeasure, initiative),
	{'c', lengthof(comments), comments, sizeof(const char *), 0},
};

bool
okr_append_words(StringInfo sql, char letter)
{
	for (int i = 0; i < (int) lengthof(lists); i++)
	{
		const OkrList *list = &lists[i];

		if (list->letter != letter)
			continue;
		for (int word = 0; word < list->count; word++)
		{
			const char *record = (const char *) list->records + (size_t) word * list->size;

			appendStringInfo(sql, "%s%s", word > 0 ? ", " : "ARRAY[",
							 quote_literal_cstr(*(const char *const *) (record + list->field)));
		}
		appendStringInfoChar(sql, ']');
		return true;
	}
	return false;
}
