/*-------------------------------------------------------------------------
 *
 * uuid5.h
 *		Name-based UUIDs of version 5 (RFC 9562, section 5.5).
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_UUID5_H
#define POLLSEED_UUID5_H

#include "utils/uuid.h"

/* Computes the UUID of a name in a namespace; the name is length bytes. */
extern void uuid5_make(const pg_uuid_t *name_space, const void *name, size_t length,
					   pg_uuid_t *uuid);

#endif /* POLLSEED_UUID5_H */
