// SPDX-License-Identifier: BSD-3-Clause
/*
 * Types are under no digest, so an attacker may rename an event: the tables say which
 * names can be true where. They hold what real firmware does, which is more than the
 * profile allows; PCRs 4 and 7, on which the verdict rests, are kept strictly.
 */
#include "attest/structure.h"

#include <stdio.h>

#include "attest/ipl.h"
#include "base/cursor.h"

#define BOOT_PCRS 8
#define LOG_PCRS  16
#define IN(pcr)	  (1u << (pcr))
#define LOADERS	  (IN(11) | IN(12) | IN(13) | IN(14))

#define LIED	"believe nothing of this log: the host, or who passed it on, changed it"
#define NOT_OUR "look at the event: no firmware known here does so"

static const char spec_id[13] = "Spec ID Event";
static const char startup_locality[16] = "StartupLocality";

/* Types, PCRs they are seen in, and those they may come in after the separator. */
static const struct {
	uint32_t type;
	uint32_t pcrs;
	uint32_t late;
} places[] = {
	{ EV_POST_CODE, IN(0), 0 },
	{ EV_POST_CODE2, IN(0), 0 },
	{ EV_ACTION, 0x7e, IN(4) | IN(5) },
	{ EV_EVENT_TAG, IN(1) | IN(2) | IN(5) | IN(9) | LOADERS, IN(5) },
	{ EV_S_CRTM_CONTENTS, IN(0), 0 },
	{ EV_S_CRTM_VERSION, IN(0), 0 },
	{ EV_CPU_MICROCODE, IN(0) | IN(1), 0 },
	{ EV_PLATFORM_CONFIG_FLAGS, IN(0) | IN(1), 0 },
	{ EV_TABLE_OF_DEVICES, IN(1), 0 },
	{ EV_COMPACT_HASH, IN(0) | IN(2) | IN(4) | IN(5) | IN(6) | IN(11), IN(4) | IN(5) },
	{ EV_IPL, IN(4) | IN(5) | IN(8) | IN(9) | IN(15) | LOADERS, IN(4) | IN(5) },
	{ EV_SEPARATOR, LOADERS, LOADERS }, /* those of PCRs 0 to 7 are looked at elsewhere */
	{ EV_IPL_PARTITION_DATA, IN(5), IN(5) },
	{ EV_NONHOST_CODE, 0x0f, 0 },
	{ EV_NONHOST_CONFIG, 0x0f, 0 },
	{ EV_NONHOST_INFO, 0x0f, 0 },
	{ EV_OMIT_BOOT_DEVICE_EVENTS, IN(4), IN(4) },
	{ EV_EFI_VARIABLE_DRIVER_CONFIG, IN(1) | IN(3) | IN(5) | IN(7), 0 },
	{ EV_EFI_VARIABLE_BOOT, IN(1) | IN(5), IN(5) },
	{ EV_EFI_VARIABLE_BOOT2, IN(1) | IN(5), IN(5) },
	{ EV_EFI_BOOT_SERVICES_APPLICATION, IN(2) | IN(4), IN(4) },
	{ EV_EFI_BOOT_SERVICES_DRIVER, IN(0) | IN(2) | IN(4), IN(4) },
	{ EV_EFI_RUNTIME_SERVICES_DRIVER, IN(0) | IN(2) | IN(4), IN(4) },
	{ EV_EFI_GPT_EVENT, IN(2) | IN(5), IN(5) },
	{ EV_EFI_GPT_EVENT2, IN(2) | IN(5), IN(5) },
	{ EV_EFI_ACTION, 0xfe, IN(4) | IN(5) | IN(7) },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB, IN(0) | IN(1) | IN(2) | IN(4), 0 },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB2, IN(0) | IN(1) | IN(2) | IN(4), 0 },
	{ EV_EFI_HANDOFF_TABLES, IN(0) | IN(1), 0 },
	{ EV_EFI_HANDOFF_TABLES2, IN(0) | IN(1), 0 },
	{ EV_EFI_HCRTM_EVENT, IN(0), 0 },
	{ EV_EFI_VARIABLE_AUTHORITY, IN(7), IN(7) },
	{ EV_EFI_SPDM_FIRMWARE_BLOB, IN(2), IN(2) },
	{ EV_EFI_SPDM_FIRMWARE_CONFIG, IN(3), IN(3) },
	{ EV_EFI_SPDM_DEVICE_POLICY, IN(7), 0 },
	{ EV_EFI_SPDM_DEVICE_AUTHORITY, IN(7), IN(7) },
};

#define PLACES (sizeof(places) / sizeof(places[0]))

static void fail(const struct event *event, struct attest_verdict *verdict, const char *what)
{
	event_say(event, verdict, ATTEST_FAILED, STRUCTURE_CODE, LIED, "event %zu (%s): %s",
		  event->number, event_type_name(event->type), what);
}

static void warn(const struct event *event, struct attest_verdict *verdict, const char *what)
{
	event_say(event, verdict, ATTEST_WARNING, STRUCTURE_CODE, NOT_OUR, "event %zu (%s): %s",
		  event->number, event_type_name(event->type), what);
}

static void check_digests(struct structure *structure, const struct eventlog *log,
			  const struct event *event, struct attest_verdict *verdict)
{
	bool mute = event->type == EV_NO_ACTION, missing = false;

	if (event->pcr >= ATTEST_PCRS) /* a mark of Windows, which is of no PCR */
		return;
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		const uint8_t *digest = event->digest[bank];

		if (!digest) {
			missing |= !mute && log->banks & 1u << bank;
		} else if (mute != cursor_is_zero(digest, hash_size(bank))) {
			/* skiboot has a digest of its Spec ID event */
			if (mute && !event->number)
				warn(event, verdict, "its digest is not zero");
			else
				fail(event, verdict,
				     mute ? "its digest is not zero, and it extends nothing"
					  : "its digest is zero");
			break;
		}
	}
	if (missing && !structure->incomplete) {
		structure->incomplete = true;
		event_say(event, verdict, ATTEST_WARNING, "log.bank",
			  "rely on the banks that all events have digests of",
			  "event %zu has not digests of all banks of the log", event->number);
	}
}

static void check_mute(struct structure *structure, const struct event *event,
		       struct attest_verdict *verdict)
{
	if (event->number && event_is_signed(event, spec_id, sizeof(spec_id)))
		fail(event, verdict, "a Spec ID event in the middle of the log");
	if (!event_is_signed(event, startup_locality, sizeof(startup_locality)))
		return;
	if (event->pcr || event->size != sizeof(startup_locality) + 1)
		fail(event, verdict, "it is not of PCR 0, or has a wrong length");
	else if (structure->locality)
		fail(event, verdict, "a second StartupLocality");
	else if (structure->measured & IN(0))
		fail(event, verdict, "StartupLocality behind measurements of PCR 0");
	else if (event->data[16] > 4 || event->data[16] == 1 || event->data[16] == 2)
		fail(event, verdict, "a TPM is started from locality 0, 3 or 4");
	structure->locality = true;
}

static void check_separator(struct structure *structure, const struct event *event,
			    struct attest_verdict *verdict)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	uint32_t value = cursor_get_le32(&in);

	if (structure->separated & 1u << event->pcr)
		fail(event, verdict, "a second separator of its PCR");
	else if (value == 1)
		event_say(event, verdict, ATTEST_FAILED, STRUCTURE_CODE,
			  "look at the firmware's own messages",
			  "event %zu: the firmware reports an error", event->number);
	else if (event->proof == EVENT_PROVEN && event->size == 4 && value &&
		 value != UINT32_MAX)
		fail(event, verdict, "a separator of no known value");
	else if (in.bad)
		fail(event, verdict, "a separator that is too short");
	structure->separated |= 1u << event->pcr;
}

/* What a BIOS or OpenPOWER measures for a loader is an image where there is UEFI. */
static bool is_no_image(const struct event *event)
{
	return event->pcr == 4 && (event->type == EV_IPL || event->type == EV_COMPACT_HASH ||
				   event->type == EV_ACTION);
}

static void check_place(const struct structure *structure, const struct event *event,
			struct attest_verdict *verdict)
{
	size_t i = 0;

	while (i < PLACES && places[i].type != event->type)
		i++;
	if (i == PLACES) {
		if (((event->type == EV_UNUSED || event->type == EV_PREBOOT_CERT) &&
		     event->pcr < BOOT_PCRS) ||
		    IN(event->pcr) & (IN(0) | IN(4) | IN(7)))
			fail(event, verdict, "its type does not exist in this PCR");
		else
			warn(event, verdict, "its type is unknown");
	} else if (!(places[i].pcrs & IN(event->pcr))) {
		if (IN(event->pcr) & (IN(4) | IN(7)))
			fail(event, verdict, "its type does not exist in this PCR");
		else
			warn(event, verdict, "its type is not expected in this PCR");
	} else if (structure->separated & IN(event->pcr) && !(places[i].late & IN(event->pcr))) {
		/* Drivers and boot options of a second attempt to boot. */
		if (event->pcr == 2 || (event->pcr == 1 && places[i].late))
			warn(event, verdict, "it follows the separator of its PCR");
		else
			fail(event, verdict, "it follows the separator of its PCR");
	} else if (structure->uefi && is_no_image(event)) {
		warn(event, verdict, "its type is not expected from UEFI");
	}
}

/* Actions are words. Anything else is an event of another type with a new name. */
bool structure_is_words(const struct event *event)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	size_t words = 0;

	while (in.left) {
		uint8_t byte = cursor_get_u8(&in);

		if (byte ? byte < ' ' || byte > '~' : in.left)
			return false;
		words++;
	}
	return words;
}

/* Types of which honest logs are known whose data was not what was measured. */
static bool may_differ(const struct event *event)
{
	return event->type == EV_S_CRTM_VERSION || event->type == EV_ACTION ||
	       event->type == EV_OMIT_BOOT_DEVICE_EVENTS ||
	       (event->type == EV_IPL && !ipl_is_grub(event));
}

static void check_proof(const struct event *event, struct attest_verdict *verdict)
{
	if (event->proof != EVENT_LIES)
		return;
	event_say(event, verdict, may_differ(event) ? ATTEST_WARNING : ATTEST_FAILED, "log.data",
		  may_differ(event) ? "do not rely on what this event says" : LIED,
		  "event %zu (%s, PCR %u) says something else than what was measured",
		  event->number, event_type_name(event->type), event->pcr);
}

struct structure structure_begin(const struct eventlog *log)
{
	struct structure structure = { 0 };

	for (size_t i = 0; i < log->count; i++)
		structure.uefi |= log->events[i].pcr == 7 &&
				  log->events[i].type == EV_EFI_VARIABLE_DRIVER_CONFIG;
	return structure;
}

void structure_event(struct structure *structure, const struct eventlog *log,
		     const struct event *event, struct attest_verdict *verdict)
{
	check_digests(structure, log, event, verdict);
	if (event->type == EV_NO_ACTION) {
		check_mute(structure, event, verdict);
		return;
	}
	check_proof(event, verdict);
	if (event->type == EV_EFI_ACTION && !structure_is_words(event))
		fail(event, verdict, "an action that is no text");
	if (event->pcr < BOOT_PCRS && event->type == EV_SEPARATOR)
		check_separator(structure, event, verdict);
	else if (event->pcr < LOG_PCRS)
		check_place(structure, event, verdict);
	structure->measured |= 1u << event->pcr;
}

void structure_end(const struct structure *structure, struct attest_verdict *verdict)
{
	char list[3 * BOOT_PCRS + 1] = "";
	size_t used = 0;

	for (unsigned int pcr = 0; pcr < BOOT_PCRS; pcr++)
		if (!(structure->separated & IN(pcr)))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%u",
						 used ? ", " : "", pcr);
	/* coreboot has none; where there is no UEFI, Secure Boot is not known either. */
	if (used)
		attest_verdict_say(verdict,
				   structure->uefi || structure->separated ? ATTEST_FAILED
									   : ATTEST_UNKNOWN,
				   STRUCTURE_CODE,
				   "fetch the whole log: the firmware ends each of PCRs 0 to 7 so",
				   "there is no separator of PCR %s", list);
}
