/*-------------------------------------------------------------------------
 *
 * defaults.h
 *		What the defaults of columns are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DEFAULTS_H
#define POLLSEED_DEFAULTS_H

#include "graph/table.h"

/* Returns a column's default where that is a constant, or NULL. */
extern const Const *default_constant(const GraphTable *table, const TableColumn *column);

/* Tells whether a column's default is of the session: a setting, a role.  Policies often compare it with the same. */
extern bool default_of_session(const GraphTable *table, const TableColumn *column);

#endif /* POLLSEED_DEFAULTS_H */
