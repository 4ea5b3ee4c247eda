/*-------------------------------------------------------------------------
 *
 * sequences.c
 *		Values of sequences, taken in blocks.
 *
 * A block is taken under a lock that keeps others from nextval() for the moment
 * that it takes: they hold theirs until their transactions end, so we wait for those that
 * have used the sequence, as a brief ALTER TABLE would.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_sequence.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/int.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/resolve.h"
#include "graph/sequences.h"

/* Returns what the catalog says of a sequence. */
static FormData_pg_sequence
read_sequence(Oid sequence)
{
	HeapTuple			 tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence));
	FormData_pg_sequence form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("sequence with OID %u does not exist", sequence)));
	form = *(Form_pg_sequence) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	return form;
}

int64
sequence_increment(Oid sequence)
{
	return read_sequence(sequence).seqincrement;
}

/* Returns the value that the sequence would give next, of which the catalog only knows the start. */
static int64
next_value(Oid sequence, int64 increment)
{
	char *sql = psprintf("SELECT CASE WHEN is_called THEN last_value OPERATOR(pg_catalog.+) %lld"
						 " ELSE last_value END FROM %s",
						 (long long) increment, resolve_quoted_name(sequence));

	sql_execute(sql, 0, NULL, NULL, NULL);
	return sql_integer(0, 1);
}

/* Returns the value of a column that lies furthest in the direction of the sequence; false where it has none. */
static bool
furthest_value(Oid relid, AttrNumber attnum, bool ascending, int64 *value)
{
	bool isnull;

	sql_execute(
		psprintf("SELECT pg_catalog.%s(%s)::pg_catalog.int8 FROM %s", ascending ? "max" : "min",
				 quote_identifier(get_attname(relid, attnum, false)), resolve_quoted_name(relid)),
		0, NULL, NULL, NULL);
	*value = DatumGetInt64(sql_value(0, 1, &isnull));
	return !isnull;
}

/* Raises 2200H. */
static void
raise_exhausted(Oid sequence, int64 count)
{
	ereport(ERROR,
			(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
			 errmsg("sequence %s has fewer than %lld values left", resolve_quoted_name(sequence),
					(long long) count),
			 errhint("Plan fewer rows, or change the sequence and the type of its column.")));
}

/* Returns the first value of the block, beyond what the sequence has given and the column has. */
static int64
first_of_block(Oid sequence, Oid relid, AttrNumber attnum, const FormData_pg_sequence *form)
{
	int64 first = next_value(sequence, form->seqincrement);
	int64 furthest;

	if (furthest_value(relid, attnum, form->seqincrement > 0, &furthest) &&
		(form->seqincrement > 0 ? furthest >= first : furthest <= first))
	{
		int64 steps = (furthest - first) / form->seqincrement + 1;

		if (pg_mul_s64_overflow(steps, form->seqincrement, &steps) ||
			pg_add_s64_overflow(first, steps, &first))
			raise_exhausted(sequence, 1);
	}
	return first;
}

/* Checks the privilege that setval() needs, before anything is done. */
static void
check_privileges(Oid sequence)
{
	if (pg_class_aclcheck(sequence, GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SEQUENCE, get_rel_name(sequence));
}

int64
sequence_take(Oid sequence, Oid relid, AttrNumber attnum, int64 count, bool take)
{
	FormData_pg_sequence form = read_sequence(sequence);
	int64				 first;
	int64				 last;

	check_privileges(sequence);
	if (take)
		LockRelationOid(sequence, ShareRowExclusiveLock);
	first = first_of_block(sequence, relid, attnum, &form);
	if (pg_mul_s64_overflow(count - 1, form.seqincrement, &last) ||
		pg_add_s64_overflow(last, first, &last) || last > form.seqmax || last < form.seqmin)
		raise_exhausted(sequence, count);
	if (take)
	{
		DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(last));
		UnlockRelationOid(sequence, ShareRowExclusiveLock);
	}
	return first;
}

void
sequence_pass(Oid sequence, int64 value)
{
	int64 increment = sequence_increment(sequence);
	int64 next = next_value(sequence, increment);

	if (increment > 0 ? next > value : next < value)
		return;
	check_privileges(sequence);
	LockRelationOid(sequence, ShareRowExclusiveLock);
	next = next_value(sequence, increment);
	if (increment > 0 ? next <= value : next >= value)
		DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(value));
	UnlockRelationOid(sequence, ShareRowExclusiveLock);
}
