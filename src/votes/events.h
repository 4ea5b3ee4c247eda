/*-------------------------------------------------------------------------
 *
 * events.h
 *		Writing a seeding's votes into the events table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_EVENTS_H
#define POLLSEED_EVENTS_H

#include "votes/options.h"
#include "votes/stream.h"
#include "write/writer.h"

/*
 * Generates all votes of a seeding and writes each as an event, numbered on from
 * what its option has.  Needs SPI to be connected.
 */
extern WriteFigures events_write(const Poll *poll, const PollOptions *options,
								 const VoteShare *shares, const VoteSpec *spec, int batch_size);

#endif /* POLLSEED_EVENTS_H */
