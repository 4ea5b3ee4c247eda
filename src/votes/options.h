/*-------------------------------------------------------------------------
 *
 * options.h
 *		Reading, locking and counting a poll's options.
 *
 * All of it runs SQL as the caller and needs SPI to be connected.  Lock order:
 * whoever changes counts locks all options first, in the order of their ids,
 * before it touches any event.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_OPTIONS_H
#define POLLSEED_OPTIONS_H

#include "votes/poll.h"
#include "votes/shares.h"

/* A poll's options, in the order of their ids; each array has count entries. */
typedef struct PollOptions
{
	int	   count;
	Datum *ids;	   /* of the type of OPTION_ID */
	Datum *labels; /* of the type of OPTION_TEXT */
	bool  *label_nulls;
	char **label_texts; /* or NULL */
	int64 *votes;		/* what each has now, once they are locked */

	/* The prepared UPDATE that adds to the counts; NULL where there are none, or they are not locked. */
	struct _SPI_plan *add_votes;
} PollOptions;

/* Reads the options, which must not be none; memory of the current context. */
extern PollOptions *options_read(Poll *poll);

/* Reads the options with the counts that they keep, 0 where they keep none, without locking them. */
extern PollOptions *options_read_counts(Poll *poll);

/*
 * Locks the options in the order of their ids, reads them, and finds out whether
 * their counts can be changed.  Where they keep no count, their votes are counted
 * from the events if these are numbered.
 */
extern PollOptions *options_lock(Poll *poll);

/* Locks the options in the order of their ids and reads nothing. */
extern void options_lock_rows(const Poll *poll);

/*
 * Raises 0A000 where votes cannot be numbered by counting the events, which options that keep no
 * count need: in a transaction that would not see those of others.
 */
extern void options_check_counting(const char *options);

/*
 * Adds each option's share to its count, and moves its updated_at up to the
 * time given where there is such a column.  Returns how many options got votes.
 */
extern int options_add_votes(Poll *poll, const PollOptions *options, const VoteShare *shares,
							 TimestampTz updated_at);

/* Sets the counts of the options to the number of their events; returns how many changed. */
extern int options_recount(Poll *poll, const PollOptions *options);

/* Sets the counts of the options to 0; returns how many changed. */
extern int options_reset(const Poll *poll);

/* Returns SQL that sets updated_at of an option, aliased o, to parameter $1 unless it is later already, or nothing. */
extern const char *options_set_updated_at(const Poll *poll);

/* Makes that parameter: a timestamp where there is no such column. */
extern Datum options_updated_at(const Poll *poll, TimestampTz updated_at, Oid *type);

/* Returns SQL that is true for an event, aliased e, whose type is one of those in a text array literal. */
extern const char *event_type_condition(const Poll *poll, const char *types);

#endif /* POLLSEED_OPTIONS_H */
