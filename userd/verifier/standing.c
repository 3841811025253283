// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where a host stands (standing.h has the states).
 */
#include "verifier/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NEXT_EXPECTED "if nobody serviced this host, find out who did"

void standing_new(struct standing *ret, const char *id, const char *name)
{
	*ret = (struct standing){ .status = ATTEST_UNKNOWN };
	text_cut(ret->id, sizeof(ret->id), id);
	text_cut(ret->name, sizeof(ret->name), name);
	text_cut(ret->message, sizeof(ret->message), "no evidence has come yet");
}

bool standing_unverifiable(struct standing *standing, const char *tpm)
{
	bool none = !strcmp(tpm, "none");

	if (!none && strcmp(tpm, "1.2") != 0)
		return false;
	standing->status = ATTEST_NA;
	text_cut(standing->message, sizeof(standing->message),
		 none ? "the host has no TPM" : "the host has a TPM 1.2, which cannot be verified");
	return true;
}

static void say(struct attest_verdict *verdict, enum attest_status status, const char *code,
		const char *text, const char *next, uint64_t expected, uint64_t found)
{
	struct attest_reason *reason = attest_verdict_say(verdict, status, code, next, "%s", text);

	snprintf(reason->expected, sizeof(reason->expected), "%" PRIu64, expected);
	snprintf(reason->found, sizeof(reason->found), "%" PRIu64, found);
}

static bool clock_fell(const struct standing_machine *before, const struct standing_machine *now)
{
	if (now->resets != before->resets)
		return now->resets < before->resets;
	if (now->restarts != before->restarts)
		return now->restarts < before->restarts;
	return now->clock < before->clock;
}

static void compare_resets(const struct standing_machine *before,
			   const struct standing_machine *now, struct attest_verdict *verdict,
			   struct attest_verdict *events)
{
	if (now->resets == before->resets)
		return;
	if (*now->boot_id && !strcmp(now->boot_id, before->boot_id))
		say(verdict, ATTEST_FAILED, "clock.reboot",
		    "the TPM was reset while the host went on running",
		    "treat the host as tampered with: look at the TPM's bus", before->resets,
		    now->resets);
	else
		say(events, ATTEST_WARNING, "machine.reset", "the host was rebooted", NEXT_EXPECTED,
		    before->resets, now->resets);
}

void standing_compare(const struct standing_machine *before, const struct standing_machine *now,
		      struct attest_verdict *verdict, struct attest_verdict *ret_events)
{
	struct attest_reason *reason;

	if (!before->known || !now->known)
		return;
	if (clock_fell(before, now))
		say(verdict, ATTEST_FAILED, "clock.rollback",
		    "this quote is older than one that was seen before",
		    "find out who replays quotes, or enrol the TPM again if it was cleared",
		    before->clock, now->clock);
	else
		compare_resets(before, now, verdict, ret_events);
	if (now->epoch && now->epoch < before->epoch)
		say(verdict, ATTEST_FAILED, "vtpm.duplicate",
		    "the host's counter against rollback fell: this is an older copy of it",
		    "stop this copy; two of them must not run", before->epoch, now->epoch);
	if (now->firmware != before->firmware)
		say(ret_events, ATTEST_WARNING, "machine.firmware",
		    "the firmware of the TPM is another one", NEXT_EXPECTED, before->firmware,
		    now->firmware);
	if (!*before->pcr0 || !*now->pcr0 || !strcmp(before->pcr0, now->pcr0))
		return;
	reason = attest_verdict_say(ret_events, ATTEST_WARNING, "machine.pcr0", NEXT_EXPECTED,
				    "the firmware of the host is another one");
	reason->pcr = 0;
	text_cut(reason->expected, sizeof(reason->expected), before->pcr0);
	text_cut(reason->found, sizeof(reason->found), now->pcr0);
}

/* The first of the worst: what it is about, in a sentence. */
static const char *first_words(const struct attest_verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->reasons[i].status == verdict->status)
			return verdict->reasons[i].text;
	return "";
}

/* A quote that says nothing of the counter is no way to have it forgotten. */
static void take_machine(struct standing *standing, const struct standing_machine *machine)
{
	uint64_t epoch = standing->machine.known ? standing->machine.epoch : 0;

	standing->machine = *machine;
	if (!machine->epoch)
		standing->machine.epoch = epoch;
}

bool standing_take(struct standing *standing, const struct attest_verdict *verdict,
		   const struct standing_machine *machine, const char *verified_by, int64_t now,
		   int64_t seconds)
{
	enum attest_status before = standing_status(standing, now);

	standing->verified_at = now;
	standing->valid_until = now + seconds;
	text_cut(standing->verified_by, sizeof(standing->verified_by), verified_by);
	/* The clock of a failed quote is none to measure others by. */
	if (machine->known && verdict->status != ATTEST_FAILED)
		take_machine(standing, machine);
	if (verdict->status != ATTEST_FAILED && standing->held)
		return before != ATTEST_FAILED;
	standing->held = verdict->status == ATTEST_FAILED;
	standing->status = verdict->status;
	text_cut(standing->message, sizeof(standing->message), first_words(verdict));
	return before != standing->status;
}

bool standing_self(struct standing *standing, int64_t now)
{
	enum attest_status before = standing_status(standing, now);

	if (standing->held)
		return false;
	standing->status = ATTEST_UNKNOWN;
	standing->verified_at = now;
	standing->valid_until = 0;
	text_cut(standing->verified_by, sizeof(standing->verified_by), "self");
	text_cut(standing->message, sizeof(standing->message),
		 "this host is the verifier itself: nobody else vouches for it");
	return before != ATTEST_UNKNOWN;
}

bool standing_acknowledge(struct standing *standing)
{
	bool held = standing->held;

	standing->held = false;
	/* The clocks of before do not bind the machine that comes back from repair. */
	if (held)
		standing->machine.known = false;
	return held;
}

static bool is_over(const struct standing *standing, int64_t now)
{
	return standing->valid_until && now > standing->valid_until && !standing->held &&
	       standing->status != ATTEST_NA;
}

enum attest_status standing_status(const struct standing *standing, int64_t now)
{
	return is_over(standing, now) ? ATTEST_UNKNOWN : standing->status;
}

const char *standing_message(const struct standing *standing, int64_t now)
{
	return is_over(standing, now) ? "the verdict is too old: no evidence came in time"
				      : standing->message;
}
