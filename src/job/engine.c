/*-------------------------------------------------------------------------
 *
 * engine.c
 *		The engines whose work can be done by background workers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "job/engine.h"

#define MAX_ENGINES 8

static const JobEngine *engines[MAX_ENGINES];
static int				engine_count;

void
job_engine_register(const JobEngine *engine)
{
	Assert(engine_count < MAX_ENGINES);
	engines[engine_count++] = engine;
}

const JobEngine *
job_engine(const char *name)
{
	for (int i = 0; i < engine_count; i++)
	{
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	}
	return NULL;
}
