/*-------------------------------------------------------------------------
 *
 * seeding.h
 *		What pollseed_seed_graph() and its jobs have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SEEDING_GRAPH_H
#define POLLSEED_SEEDING_GRAPH_H

#include "graph/run.h"

/* Returns the seed that a plan names, or else 0: without one, the same plan gives the same data again. */
extern int64 seeding_default_seed(Jsonb *plan);

/* Returns the mode of a name; raises 22023 where there is none. */
extern SeedMode seeding_mode(const char *name);

/*
 * Makes a run of a plan: what earlier runs of it wrote is taken from the ledger, sequences have their
 * blocks (taken only where `take`), and what cannot work is raised (22023).  Needs SPI.
 */
extern GraphRun *seeding_open(Jsonb *json, int64 seed, SeedMode mode, int batch_size, bool take);

#endif /* POLLSEED_SEEDING_GRAPH_H */
