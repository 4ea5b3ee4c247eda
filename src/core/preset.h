/*-------------------------------------------------------------------------
 *
 * preset.h
 *		Tables that an engine brings along, made in and dropped from the
 *		caller's schema.
 *
 * They are ordinary tables of the caller.  Their comment marks them as made
 * here, so that dropping cannot hit an application's own tables of the same
 * names.  What creates or drops needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PRESET_H
#define POLLSEED_PRESET_H

typedef struct PresetTable
{
	const char *name;
	const char *needed_column; /* what the preset needs of an existing table of that name */
	const char *statements; /* create it with all that belongs to it; %1$s is the quoted schema */
} PresetTable;

typedef struct Preset
{
	const char *maker;	   /* the SQL function that makes the tables, as their comment names it */
	const char *described; /* what they are, for messages: "poll tables" */
	const char *engine;	   /* whose ledger knows what is in them */
	const PresetTable *tables; /* those referred to before those that refer to them */
	int				   ntables;
} Preset;

/* Returns the current schema, where unqualified names are created; raises 3F000 where there is none. */
extern Oid preset_schema(void);

/* Creates the tables that are not there, and refuses others of their names; returns how many. */
extern int preset_create(const Preset *preset, Oid schema);

/* Drops the tables that preset_create() made, and refuses others of their names; returns how many. */
extern int preset_drop(const Preset *preset, Oid schema);

#endif /* POLLSEED_PRESET_H */
