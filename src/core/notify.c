/*-------------------------------------------------------------------------
 *
 * notify.c
 *		Telling applications what happened: NOTIFY on the channel pollseed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/async.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "core/compat.h"
#include "core/notify.h"

#define CHANNEL "pollseed"

/* Bytes of a text that are sent, so that the server's limit of 8000 is never reached. */
#define MAX_TEXT 64

static bool notify = true;

void
notify_init(void)
{
	DefineCustomBoolVariable("pollseed.notify", "Tells listeners about finished and failed work.",
							 "Sends NOTIFY on the channel \"pollseed\" when the work's transaction "
							 "commits.",
							 &notify, true, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Appends a key and a text, or null. */
static void
append_text(StringInfo json, const char *key, const char *text)
{
	appendStringInfo(json, ", \"%s\": ", key);
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, pnstrdup(text, pg_mbcliplen(text, (int) strlen(text), MAX_TEXT)));
}

/* Appends a key and a number, or null where it is the one that stands for none. */
static void
append_number(StringInfo json, const char *key, int64 number, int64 none)
{
	if (number == none)
		appendStringInfo(json, ", \"%s\": null", key);
	else
		appendStringInfo(json, ", \"%s\": " INT64_FORMAT, key, number);
}

bool
notify_is_on(void)
{
	return notify;
}

void
notify_event(const NotifyEvent *event)
{
	StringInfoData json;

	initStringInfo(&json);
	append_text(&json, "event", event->event);
	append_text(&json, "engine", event->engine);
	append_number(&json, "job", event->job, 0);
	append_number(&json, "run", event->run, 0);
	append_number(&json, "done", event->done, -1);
	append_number(&json, "total", event->total, -1);
	appendStringInfo(&json, ", \"time_ms\": %.3f", event->time_ms);
	append_text(&json, "error", event->error);
	appendStringInfoChar(&json, '}');

	/* The first comma becomes the brace. */
	json.data[1] = '{';
	Async_Notify(CHANNEL, json.data + 1);
	pfree(json.data);
}
