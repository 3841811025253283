// SPDX-License-Identifier: BSD-3-Clause
/*
 * Hosts and events of a fleet.
 */
#include "verifier/fleet.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/text.h"
#include "verifier/fleet_sql.h"

static const void *or_null(const void *bytes, size_t size)
{
	return size ? bytes : NULL;
}

int fleet_host_add(struct fleet *fleet, const struct standing *standing,
		   const struct fleet_keys *keys)
{
	return fleet_run(fleet,
			 fleet_bind(fleet, FLEET_HOST_ADD, "ttiitbib", standing->id, standing->name,
				    (int64_t)standing->status, (int64_t)standing->held,
				    standing->message, or_null(keys->ek_name, keys->ek_size),
				    keys->ek_size, (int64_t)keys->ek_listed,
				    or_null(keys->ak, keys->ak_size), keys->ak_size));
}

static size_t take_blob(sqlite3_stmt *row, int column, void *to, size_t room)
{
	const void *bytes = sqlite3_column_blob(row, column);
	size_t size = (size_t)sqlite3_column_bytes(row, column);

	return bytes && cursor_copy(to, room, bytes, size) ? size : 0;
}

static void take_machine(sqlite3_stmt *row, struct standing_machine *ret)
{
	ret->known = sqlite3_column_int(row, 7);
	text_cut(ret->boot_id, sizeof(ret->boot_id), fleet_text(row, 8));
	ret->epoch = (uint64_t)sqlite3_column_int64(row, 9);
	ret->clock = (uint64_t)sqlite3_column_int64(row, 10);
	ret->resets = (uint32_t)sqlite3_column_int64(row, 11);
	ret->restarts = (uint32_t)sqlite3_column_int64(row, 12);
	ret->firmware = (uint64_t)sqlite3_column_int64(row, 13);
	text_cut(ret->pcr0, sizeof(ret->pcr0), fleet_text(row, 14));
}

int fleet_host_get(struct fleet *fleet, const char *id, struct standing *ret,
		   struct fleet_keys *ret_keys)
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_HOST_GET, "t", id);
	int r = fleet_row(fleet, row), status;

	if (r)
		return r;
	*ret = (struct standing){ 0 };
	text_cut(ret->id, sizeof(ret->id), id);
	text_cut(ret->name, sizeof(ret->name), fleet_text(row, 0));
	/* A number that nobody wrote is a damaged file: trust nothing. */
	status = sqlite3_column_int(row, 1);
	ret->status = status >= 0 && status < _ATTEST_STATUS_MAX ? (enum attest_status)status
								 : ATTEST_FAILED;
	ret->held = sqlite3_column_int(row, 2);
	ret->verified_at = sqlite3_column_int64(row, 3);
	ret->valid_until = sqlite3_column_int64(row, 4);
	text_cut(ret->verified_by, sizeof(ret->verified_by), fleet_text(row, 5));
	text_cut(ret->message, sizeof(ret->message), fleet_text(row, 6));
	take_machine(row, &ret->machine);
	if (ret_keys) {
		*ret_keys = (struct fleet_keys){ .ek_listed = sqlite3_column_int(row, 16) };
		ret_keys->ek_size =
			take_blob(row, 15, ret_keys->ek_name, sizeof(ret_keys->ek_name));
		ret_keys->ak_size = take_blob(row, 17, ret_keys->ak, sizeof(ret_keys->ak));
	}
	sqlite3_reset(row);
	return 0;
}

int fleet_host_by_ek(struct fleet *fleet, const uint8_t *name, size_t size,
		     char ret_id[STANDING_ID])
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_HOST_BY_EK, "b", name, size);
	int r = fleet_row(fleet, row);

	if (r)
		return r;
	text_cut(ret_id, STANDING_ID, fleet_text(row, 0));
	sqlite3_reset(row);
	return 0;
}

int fleet_host_rekey(struct fleet *fleet, const char *id, const struct fleet_keys *keys)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_HOST_REKEY, "tbib", id,
					   or_null(keys->ek_name, keys->ek_size), keys->ek_size,
					   (int64_t)keys->ek_listed,
					   or_null(keys->ak, keys->ak_size), keys->ak_size));
}

int fleet_host_set(struct fleet *fleet, const struct standing *standing, const char *verdict)
{
	const struct standing_machine *machine = &standing->machine;
	int r;

	r = fleet_run(fleet,
		      fleet_bind(fleet, FLEET_HOST_SET, "ttiiiittitiiiiit", standing->id,
				 standing->name, (int64_t)standing->status, (int64_t)standing->held,
				 standing->verified_at, standing->valid_until,
				 standing->verified_by, standing->message, (int64_t)machine->known,
				 machine->boot_id, (int64_t)machine->epoch, (int64_t)machine->clock,
				 (int64_t)machine->resets, (int64_t)machine->restarts,
				 (int64_t)machine->firmware, machine->pcr0));
	if (r || !verdict)
		return r;
	return fleet_run(fleet,
			 fleet_bind(fleet, FLEET_HOST_VERDICT, "tt", standing->id, verdict));
}

int fleet_host_facts(struct fleet *fleet, const char *id, const char *facts)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_HOST_FACTS, "tt", id, facts));
}

int fleet_host_remove(struct fleet *fleet, const char *id)
{
	return fleet_run(fleet, fleet_bind(fleet, FLEET_HOST_REMOVE, "t", id));
}

int fleet_event_add(struct fleet *fleet, const char *id, int64_t at,
		    const struct attest_reason *reason)
{
	return fleet_run(fleet,
			 fleet_bind(fleet, FLEET_EVENT_ADD, "tiitiitttt", id, at,
				    (int64_t)reason->status, reason->code, (int64_t)reason->pcr,
				    (int64_t)reason->event, reason->expected, reason->found,
				    reason->text, reason->next));
}

int64_t fleet_event_last(struct fleet *fleet)
{
	sqlite3_stmt *row = fleet_bind(fleet, FLEET_EVENT_LAST, "");
	int64_t id = 0;

	if (!fleet_row(fleet, row)) {
		id = sqlite3_column_int64(row, 0);
		sqlite3_reset(row);
	}
	return id;
}
