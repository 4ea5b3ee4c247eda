/*-------------------------------------------------------------------------
 *
 * lexicon.h
 *		Words, names and places that generated values are made of.
 *
 * All of it is ASCII, so that it fits any encoding, and no list has a word twice.
 * Domains and telephone numbers are those that are reserved for examples (RFC 2606,
 * the North American 555-01XX), so that nobody is reached by a generated address.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LEXICON_H
#define POLLSEED_LEXICON_H

typedef struct Lexicon
{
	const char *const *words;
	int				   count;
} Lexicon;

/* Defines a lexicon of words. */
#define LEXICON(name, ...)                                   \
	static const char *const name##_words[] = {__VA_ARGS__}; \
	const Lexicon			 name = {name##_words, lengthof(name##_words)}

/* People. */
extern const Lexicon first_names;
extern const Lexicon last_names;
extern const Lexicon job_levels;
extern const Lexicon job_fields;
extern const Lexicon job_roles;
extern const Lexicon departments;
extern const Lexicon company_stems;
extern const Lexicon company_suffixes;

/* English.  Every noun takes an s in the plural, no adjective or noun begins with a vowel. */
extern const Lexicon nouns;
extern const Lexicon adjectives;
extern const Lexicon past_verbs; /* transitive */
extern const Lexicon gerunds;	 /* transitive, capitalised by whoever needs it */
extern const Lexicon adverbs;
extern const Lexicon circumstances; /* when or where, at the end of a sentence */
extern const Lexicon codenames;		/* what projects are called */
extern const Lexicon products;
extern const Lexicon materials;
extern const Lexicon colours;

/* Networks and files. */
extern const Lexicon mail_domains;
extern const Lexicon short_mail_domains;
extern const Lexicon mime_types;
extern const Lexicon file_endings;
extern const Lexicon user_agents;
extern const Lexicon area_codes; /* of the North American Numbering Plan */

/* Places. */
extern const Lexicon street_names;
extern const Lexicon street_kinds;
extern const Lexicon time_zones;
extern const Lexicon locales;
extern const Lexicon language_codes;
extern const Lexicon currency_codes;

typedef struct Country
{
	const char *name;
	const char *code;	/* ISO 3166-1 alpha-2 */
	const char *code3;	/* and alpha-3 */
	const char *locale; /* language_COUNTRY */
	const char *currency;
} Country;

extern const Country countries[];
extern const int	 ncountries;

typedef struct Place
{
	const char *city;
	const char *state;		/* or province, region … */
	const char *state_code; /* as its post abbreviates it */
	const char *country;	/* alpha-2 code */
	const char *postal;		/* its code, # for a digit; @ for a letter */
	const char *time_zone;
	int			latitude; /* in hundredths of a degree */
	int			longitude;
} Place;

extern const Place places[];
extern const int   nplaces;

/* Returns the country of a place. */
extern const Country *place_country(const Place *place);

#endif /* POLLSEED_LEXICON_H */
