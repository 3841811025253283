// SPDX-License-Identifier: BSD-3-Clause
/*
 * A fleet as JSON: what the service answers, and what the report is made of.
 */
#include "verifier/fleet.h"

#include <errno.h>
#include <time.h>

#include "verifier/fleet_sql.h"
#include "verifier/share.h"

json_t *fleet_time(int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!seconds || !gmtime_r(&when, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *text_or_null(const char *text)
{
	json_t *value = *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

/* What was stored is JSON; what is no more is none. */
static json_t *load(sqlite3_stmt *row, int column)
{
	json_t *value = json_loads(fleet_text(row, column), 0, NULL);

	return value ? value : json_object();
}

static const char *ek_source(const struct fleet_keys *keys)
{
	if (!keys->ek_size)
		return "none";
	return keys->ek_listed ? "listed" : "certificate";
}

json_t *fleet_host_json(struct fleet *fleet, const char *id, int64_t now)
{
	struct fleet_keys keys;
	struct standing standing;
	sqlite3_stmt *row;
	json_t *host;

	if (fleet_host_get(fleet, id, &standing, &keys))
		return NULL;
	row = fleet_bind(fleet, FLEET_HOST_VIEW, "t", id);
	if (fleet_row(fleet, row))
		return NULL;
	host = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:s, s:o, s:o, s:o}", "id",
			 standing.id, "name", text_or_null(standing.name), "status",
			 attest_status_name(standing_status(&standing, now)), "verified_at",
			 fleet_time(standing.verified_at), "valid_until",
			 fleet_time(standing.valid_until), "verified_by",
			 text_or_null(standing.verified_by), "acknowledge", (int)standing.held,
			 "message", text_or_null(standing_message(&standing, now)), "ek",
			 ek_source(&keys), "boot_id", text_or_null(standing.machine.boot_id),
			 "verdict", load(row, 0), "facts", load(row, 1));
	sqlite3_reset(row);
	if (host)
		json_object_set_new(host, "share", share_json(fleet, standing.id));
	return host;
}

json_t *fleet_hosts_json(struct fleet *fleet, int64_t now)
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_HOST_LIST, "");
	json_t *hosts = json_array();
	bool good = hosts && row;
	int r = 0;

	while (good && !(r = fleet_row(fleet, row))) {
		json_t *host = fleet_host_json(fleet, fleet_text(row, 0), now);

		/* One that is missing would be taken for one that is not there. */
		good = host && !json_array_append_new(hosts, host);
	}
	sqlite3_reset(row);
	if (good && r == -ENOENT)
		return hosts;
	json_decref(hosts);
	return NULL;
}

static json_t *number_or_null(int64_t number)
{
	return number == ATTEST_NONE ? json_null() : json_integer(number);
}

static json_t *event_json(sqlite3_stmt *row)
{
	int status = sqlite3_column_int(row, 3);

	return json_pack("{s:I, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s}", "id",
			 (json_int_t)sqlite3_column_int64(row, 0), "host", fleet_text(row, 1), "at",
			 fleet_time(sqlite3_column_int64(row, 2)), "status",
			 status >= 0 && status < _ATTEST_STATUS_MAX
				 ? attest_status_name((enum attest_status)status)
				 : "unknown",
			 "code", fleet_text(row, 4), "pcr",
			 number_or_null(sqlite3_column_int64(row, 5)), "event",
			 number_or_null(sqlite3_column_int64(row, 6)), "expected",
			 text_or_null(fleet_text(row, 7)), "found",
			 text_or_null(fleet_text(row, 8)), "text", fleet_text(row, 9), "next",
			 fleet_text(row, 10));
}

static json_t *gather(struct fleet *fleet, sqlite3_stmt *row)
{
	json_t *events = json_array();
	bool good = events && row;
	int r = 0;

	while (good && !(r = fleet_row(fleet, row)))
		good = !json_array_append_new(events, event_json(row));
	sqlite3_reset(row);
	if (good && r == -ENOENT)
		return events;
	json_decref(events);
	return NULL;
}

json_t *fleet_events_json(struct fleet *fleet, const char *id, int64_t after, int most)
{
	return gather(fleet,
		      fleet_bind(fleet, FLEET_EVENT_LIST, "iti", after, id, (int64_t)most));
}

json_t *fleet_newest_json(struct fleet *fleet, const char *id, int most)
{
	return gather(fleet, fleet_bind(fleet, FLEET_EVENT_NEWEST, "ti", id, (int64_t)most));
}
