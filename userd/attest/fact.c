// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which events tell which facts. Names of files and device paths are nobody's word, so they
 * are none.
 */
#include "attest/fact.h"

#include <string.h>

#include "attest/sigdb.h"
#include "attest/variable.h"

#define OWNER_SIZE  16
#define SHA256_SIZE 32

static const char grub[] = "kernel_cmdline: ";

/**
 * struct walk - a walk on its way
 * @hash: computes
 * @take: hears facts
 * @context: for it
 */
struct walk {
	struct hash *hash;
	fact_take take;
	void *context;
};

static int tell(const struct walk *walk, enum fact_kind kind, const struct event *event,
		const uint8_t *digest)
{
	struct fact fact = { .kind = kind, .event = event };

	if (digest)
		attest_text_hex(fact.text, digest, SHA256_SIZE);
	return walk->take(walk->context, &fact);
}

static int tell_hash(const struct walk *walk, enum fact_kind kind, const struct event *event,
		     const void *bytes, size_t length)
{
	const struct hash_part part = { bytes, length };
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(walk->hash, ATTEST_SHA256, &part, 1, digest);
	return tell(walk, kind, event, digest);
}

static int take_database(const struct walk *walk, const struct event *event, enum fact_kind kind,
			 const struct variable *variable)
{
	struct sigdb db = sigdb(variable->data, variable->size);
	struct sigdb_entry entry;
	int r = 0;

	while (!r && sigdb_next(&db, &entry) > 0)
		r = entry.kind == SIGDB_SHA256 && entry.size == SHA256_SIZE
			    ? tell(walk, kind, event, entry.data)
			    : tell_hash(walk, kind, event, entry.data, entry.size);
	return r;
}

static int take_variable(const struct walk *walk, const struct event *event)
{
	struct variable variable;

	if (event->proof != EVENT_PROVEN ||
	    !variable_parse(&variable, event->data, event->size))
		return 0;
	if (variable_is_global(&variable, "PK"))
		return take_database(walk, event, FACT_PK, &variable);
	if (variable_is_global(&variable, "KEK"))
		return take_database(walk, event, FACT_KEK, &variable);
	if (variable_is_image(&variable, "db"))
		return take_database(walk, event, FACT_DB, &variable);
	if (variable_is_image(&variable, "dbx"))
		return take_database(walk, event, FACT_DBX, &variable);
	return 0;
}

/* An old shim leaves the proof of an authority open: its digest is then no known one. */
static int take_authority(const struct walk *walk, const struct event *event)
{
	struct variable variable;

	if (event->proof != EVENT_PROVEN ||
	    !variable_parse(&variable, event->data, event->size))
		return tell(walk, FACT_AUTHORITY, event, NULL);
	if (!strncmp(variable.name, "Sbat", 4) || !strcmp(variable.name, "MokSBState"))
		return tell_hash(walk, FACT_AUTHORITY, event, variable.data, variable.size);
	if (variable.size <= OWNER_SIZE)
		return tell(walk, FACT_AUTHORITY, event, NULL);
	return tell_hash(walk, FACT_AUTHORITY, event, variable.data + OWNER_SIZE,
			 variable.size - OWNER_SIZE);
}

static int take_command(const struct walk *walk, const struct event *event)
{
	struct fact fact = { .kind = FACT_CMDLINE, .event = event };
	const size_t head = sizeof(grub) - 1;

	if (event->size < head || strncmp((const char *)event->data, grub, head) != 0)
		return 0;
	/* a line that does not fit is one that nobody allowed */
	if (event->proof == EVENT_PROVEN && event->size - head < sizeof(fact.text))
		attest_text_ascii(fact.text, sizeof(fact.text), event->data + head,
				  event->size - head);
	return walk->take(walk->context, &fact);
}

static int take_event(const struct walk *walk, const struct event *event)
{
	const uint8_t *digest = event->digest[ATTEST_SHA256];

	switch (event->type) {
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
		return event->pcr == 7 ? take_variable(walk, event) : 0;
	case EV_EFI_VARIABLE_AUTHORITY:
		return take_authority(walk, event);
	case EV_EFI_BOOT_SERVICES_APPLICATION:
		return tell(walk, FACT_APPLICATION, event, digest);
	case EV_IPL:
	case EV_EVENT_TAG:
		return event->pcr == 9	 ? tell(walk, FACT_FILE, event, digest)
		       : event->pcr == 8 ? take_command(walk, event)
					 : 0;
	default:
		return 0;
	}
}

int fact_walk(const struct eventlog *log, const struct attest_pcrs *pcrs, struct hash *hash,
	      fact_take take, void *context)
{
	const struct walk walk = { hash, take, context };
	int r = tell(&walk, FACT_FIRMWARE, NULL,
		     pcrs->has[ATTEST_SHA256] & 1 ? pcrs->value[ATTEST_SHA256][0] : NULL);

	for (size_t i = 0; !r && i < log->count; i++)
		r = take_event(&walk, &log->events[i]);
	return r;
}

const char *fact_name(enum fact_kind kind)
{
	static const char *const names[_FACT_MAX] = {
		[FACT_FIRMWARE] = "firmware",	  [FACT_PK] = "pk",
		[FACT_KEK] = "kek",		  [FACT_DB] = "db",
		[FACT_DBX] = "dbx",		  [FACT_AUTHORITY] = "authorities",
		[FACT_APPLICATION] = "boot_apps", [FACT_FILE] = "boot_files",
		[FACT_CMDLINE] = "cmdline",
	};

	return names[kind];
}
