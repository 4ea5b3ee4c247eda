/*-------------------------------------------------------------------------
 *
 * routing.h
 *		Tables that look plain but whose rows an extension routes elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ROUTING_H
#define POLLSEED_ROUTING_H

#include "utils/relcache.h"

/* Returns why an extension that routes rows excludes the direct lane, or NULL; needs SPI. */
extern const char *routing_refusal(Relation rel);

#endif /* POLLSEED_ROUTING_H */
