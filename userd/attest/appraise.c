// SPDX-License-Identifier: BSD-3-Clause
/*
 * The appraisal of a log, in one page: first whether each event tells the truth and
 * stands where it may, then what they mean together.
 */
#include "attest/eventlog.h"

#include "attest/proof.h"
#include "attest/secureboot.h"
#include "attest/structure.h"
#include "attest/variable.h"

/* Old shims count the padding of their structure, and measure all of it but a byte. */
#define SHIM_EXTRA 8

/* The keys of PCR 7 end where they say; what follows a boot option is no part of it. */
static bool may_follow(const struct event *event, size_t extra)
{
	return !extra || event->type == EV_EFI_VARIABLE_BOOT ||
	       (event->type == EV_EFI_VARIABLE_AUTHORITY && extra <= SHIM_EXTRA);
}

static void check_variable(const struct event *event, struct attest_verdict *verdict)
{
	struct variable variable;

	switch (event->type) {
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_VARIABLE_AUTHORITY:
		if (variable_parse(&variable, event->data, event->size) &&
		    may_follow(event, variable.extra))
			return;
		attest_verdict_malformed(verdict, "log.invalid", event->data_offset, event->number,
					 "event %zu: the lengths of the variable do not fit",
					 event->number);
	}
}

enum event_secure_boot eventlog_appraise(struct eventlog *log, struct hash *hash,
					 struct attest_verdict *verdict)
{
	struct structure structure = structure_begin(log);

	for (size_t i = 0; i < log->count; i++) {
		struct event *event = &log->events[i];

		if (event->type != EV_NO_ACTION)
			event->proof = event_prove(event, hash);
		check_variable(event, verdict);
		structure_event(&structure, log, event, verdict);
	}
	structure_end(&structure, verdict);
	return secureboot_appraise(log, hash, verdict);
}
