// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which events tell which facts. Names of files and device paths are nobody's word, so they
 * are none.
 */
#include "attest/fact.h"

#include <stdio.h>
#include <string.h>

#include "attest/sigdb.h"
#include "attest/variable.h"
#include "base/secret.h"

#define OWNER_SIZE  16
#define SHA256_SIZE 32
#define PCR_UKI	    11
#define PCR_CMDLINE 12

static const char grub[] = "kernel_cmdline: ";

/**
 * struct walk - a walk on its way
 * @hash: computes
 * @vouched: PCRs that the TPM signed, and for PCR 11 that the log explains
 * @section: event of PCR 11 before this one, where it names a section; otherwise NULL
 * @take: hears facts
 * @context: for it
 */
struct walk {
	struct hash *hash;
	uint32_t vouched;
	const struct event *section;
	fact_take take;
	void *context;
};

static bool is_vouched(const struct walk *walk, const struct event *event)
{
	return !event || walk->vouched & 1u << event->pcr;
}

static int tell(const struct walk *walk, enum fact_kind kind, const struct event *event,
		const uint8_t *digest)
{
	struct fact fact = { .kind = kind, .event = event };

	if (digest && is_vouched(walk, event))
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

	if (event->proof != EVENT_PROVEN || !is_vouched(walk, event) ||
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

static int take_sbat(const struct walk *walk, const struct event *event,
		     const struct variable *variable)
{
	struct fact fact = { .kind = FACT_SBAT, .event = event };
	const uint8_t *at = variable->data, *end = at + variable->size;
	int r = 0;

	while (!r && at < end) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *stop = newline ? newline : end;

		attest_text_ascii(fact.text, sizeof(fact.text), at, (size_t)(stop - at));
		if (*fact.text)
			r = walk->take(walk->context, &fact);
		at = stop + 1;
	}
	return r;
}

/* An old shim leaves the proof of an authority open: its digest is then no known one. */
static int take_authority(const struct walk *walk, const struct event *event)
{
	struct variable variable;

	int r = 0;

	if (event->proof != EVENT_PROVEN || !is_vouched(walk, event) ||
	    !variable_parse(&variable, event->data, event->size))
		return tell(walk, FACT_AUTHORITY, event, NULL);
	if (!strncmp(variable.name, "Sbat", 4))
		r = take_sbat(walk, event, &variable);
	if (r)
		return r;
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
	if (event->proof == EVENT_PROVEN && is_vouched(walk, event) &&
	    event->size - head < sizeof(fact.text))
		attest_text_ascii(fact.text, sizeof(fact.text), event->data + head,
				  event->size - head);
	return walk->take(walk->context, &fact);
}

/* systemd-stub passes a line on in UTF-16; an initrd of it is no line, and unproven. */
static int take_line(const struct walk *walk, const struct event *event)
{
	struct fact fact = { .kind = FACT_CMDLINE, .event = event };

	if (event->proof == EVENT_UNPROVEN)
		return 0;
	if (event->proof == EVENT_PROVEN && is_vouched(walk, event) &&
	    event->size / 2 < sizeof(fact.text))
		attest_text_utf16(fact.text, sizeof(fact.text), event->data, event->size);
	return walk->take(walk->context, &fact);
}

/* A section is two events: one of its name, which is proven, and one of what it holds. */
static int take_section(struct walk *walk, const struct event *event)
{
	struct fact fact = { .kind = FACT_SECTION, .event = event };
	const struct event *name = walk->section;
	char text[64] = "?", hex[ATTEST_HEX_MAX];

	walk->section = NULL;
	if (event->type == EV_IPL && event->proof == EVENT_PROVEN) {
		walk->section = event;
		if (!name)
			return 0;
	} else if (name && event->type == EV_IPL && event->size == name->size &&
		   secret_equal(event->data, name->data, name->size)) {
		attest_text_utf16(text, sizeof(text), event->data, event->size);
	}
	if (event->digest[ATTEST_SHA256] && is_vouched(walk, event)) {
		attest_text_hex(hex, event->digest[ATTEST_SHA256], SHA256_SIZE);
		snprintf(fact.text, sizeof(fact.text), "%s:%s", text, hex);
	}
	return walk->take(walk->context, &fact);
}

/* What GRUB, the stub of the kernel, shim and systemd-stub measure */
static int take_loader(struct walk *walk, const struct event *event)
{
	const uint8_t *digest = event->digest[ATTEST_SHA256];

	switch (event->pcr) {
	case 8:
		return take_command(walk, event);
	case 9:
		return tell(walk, FACT_FILE, event, digest);
	case PCR_CMDLINE:
		return event->type == EV_IPL ? take_line(walk, event) : 0;
	case 14:
		return tell(walk, FACT_MOK, event, digest);
	default:
		return 0;
	}
}

static int take_event(struct walk *walk, const struct event *event)
{
	const uint8_t *digest = event->digest[ATTEST_SHA256];

	if (event->pcr == PCR_UKI && event->type != EV_NO_ACTION)
		return take_section(walk, event);
	if (event->pcr == 0 && event->type != EV_NO_ACTION && event->type != EV_SEPARATOR)
		return tell(walk, FACT_EVENT, event, digest);
	switch (event->type) {
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
		return event->pcr == 7 ? take_variable(walk, event) : 0;
	case EV_EFI_VARIABLE_AUTHORITY:
		return take_authority(walk, event);
	case EV_EFI_BOOT_SERVICES_APPLICATION:
		return tell(walk, FACT_APPLICATION, event, digest);
	case EV_EFI_BOOT_SERVICES_DRIVER:
	case EV_EFI_RUNTIME_SERVICES_DRIVER:
		return tell(walk, FACT_DRIVER, event, digest);
	case EV_IPL:
	case EV_EVENT_TAG:
		return take_loader(walk, event);
	default:
		return 0;
	}
}

int fact_walk(const struct eventlog *log, const struct attest_pcrs *pcrs, struct hash *hash,
	      fact_take take, void *context)
{
	struct walk walk = { .hash = hash, .vouched = pcrs->has[ATTEST_SHA256], .take = take,
			     .context = context };
	int r;

	if (walk.vouched & 1u << PCR_UKI && !eventlog_explains(log, hash, pcrs, PCR_UKI))
		walk.vouched &= ~(1u << PCR_UKI);
	r = tell(&walk, FACT_FIRMWARE, NULL,
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
		[FACT_SBAT] = "sbat",		  [FACT_APPLICATION] = "boot_apps",
		[FACT_FILE] = "boot_files",	  [FACT_DRIVER] = "drivers",
		[FACT_MOK] = "mok",		  [FACT_SECTION] = "uki",
		[FACT_EVENT] = "firmware_events", [FACT_CMDLINE] = "cmdline",
	};

	return names[kind];
}
