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
 * Writes the stream's next votes as events, each numbered on from what its option
 * has.  The shares tell which options may get votes.  Without votes it checks
 * that the events can be written.  Needs SPI to be connected.
 */
extern WriteFigures events_write(const Poll *poll, const PollOptions *options,
								 const VoteShare *shares, VoteStream *stream, int64 vote_count,
								 int batch_size);

#endif /* POLLSEED_EVENTS_H */
