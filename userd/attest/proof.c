// SPDX-License-Identifier: BSD-3-Clause
/*
 * All banks have to agree: a log that tells the truth in the bank that is not quoted
 * would tell nothing. So an event whose digest need not be the one of its data lies too,
 * where it is in one bank and not in another.
 *
 * Deviations are real firmware's: older shims leave out the last byte of an authority,
 * edk2 hashes only the value of a boot variable, skiboot notes a text with the digest
 * of its separator.
 */
#include "attest/proof.h"

#include "attest/ipl.h"
#include "attest/variable.h"
#include "base/secret.h"

static const uint8_t os_present[4] = { 0xff, 0xff, 0xff, 0xff };
static const char skiboot[] = "Skiboot Boot";

enum event_match event_match(const struct event *event, struct hash *hash, const void *bytes,
			     size_t length)
{
	bool any = false, all = true;

	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		bool good;

		if (!event->digest[bank])
			continue;
		good = hash_is(hash, bank, bytes, length, event->digest[bank]);
		any |= good;
		all &= good;
	}
	return !any ? EVENT_MATCHES_NONE : all ? EVENT_MATCHES_ALL : EVENT_MATCHES_SOME;
}

static bool is_of(const struct event *event, struct hash *hash, const void *bytes, size_t length)
{
	return event_match(event, hash, bytes, length) == EVENT_MATCHES_ALL;
}

static bool is_skiboot(const struct event *event, struct hash *hash)
{
	return event->size >= sizeof(skiboot) - 1 &&
	       secret_equal(event->data, skiboot, sizeof(skiboot) - 1) &&
	       is_of(event, hash, os_present, sizeof(os_present));
}

/* For types whose data has to be what was measured, and other forms it may have. */
static enum event_proof prove_other(const struct event *event, struct hash *hash)
{
	struct variable variable;
	bool good = false;

	switch (event->type) {
	case EV_IPL:
		return ipl_prove(event, hash);
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
		/* The value is proven, its name is not. */
		if (variable_parse(&variable, event->data, event->size) &&
		    is_of(event, hash, variable.data, variable.size))
			return EVENT_UNPROVEN;
		break;
	case EV_EFI_VARIABLE_AUTHORITY:
		good = event->size && is_of(event, hash, event->data, event->size - 1);
		break;
	case EV_SEPARATOR:
		good = is_skiboot(event, hash);
		break;
	case EV_ACTION:
	case EV_S_CRTM_VERSION:
	case EV_OMIT_BOOT_DEVICE_EVENTS:
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2:
	case EV_EFI_ACTION:
	case EV_EFI_SPDM_DEVICE_POLICY:
	case EV_EFI_SPDM_DEVICE_AUTHORITY:
		break;
	default:
		return EVENT_UNPROVEN;
	}
	return good ? EVENT_PROVEN : EVENT_LIES;
}

enum event_proof event_prove(const struct event *event, struct hash *hash)
{
	switch (event_match(event, hash, event->data, event->size)) {
	case EVENT_MATCHES_ALL:
		return EVENT_PROVEN;
	case EVENT_MATCHES_SOME:
		return EVENT_LIES;
	default:
		return prove_other(event, hash);
	}
}
