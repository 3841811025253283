// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a vTPM's own PCRs mean, for who knows the guest (--vtpm-policy): values that they may have,
 * and where the guest's event log is in the bundle all that a policy says of a boot.
 *
 * Reasons are those of a host's boot, told apart by what is before their codes.
 */
#include "verifier/appraise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void adopt(struct attest_verdict *verdict, const struct attest_verdict *own)
{
	for (size_t i = 0; i < own->count; i++) {
		const struct attest_reason *reason = &own->reasons[i];
		char code[sizeof(reason->code) + 5];
		struct attest_reason *told;

		snprintf(code, sizeof(code), "vtpm.%s", reason->code);
		told = attest_verdict_say(verdict, reason->status, code, reason->next,
					  "in the vTPM: %.230s", reason->text);
		told->pcr = reason->pcr;
		told->event = reason->event;
		told->offset = reason->offset;
		snprintf(told->expected, sizeof(told->expected), "%s", reason->expected);
		snprintf(told->found, sizeof(told->found), "%s", reason->found);
	}
	verdict->malformed |= own->malformed;
	if (own->dropped)
		attest_verdict_say(verdict, own->status, "vtpm.more", "look at the first ones",
				   "in the vTPM: %zu reasons more", own->dropped);
}

static int judge(struct appraisal *appraisal, struct attest_verdict *own)
{
	const struct boot_evidence evidence = {
		.eventlog = bundle_part(&appraisal->bundle, BUNDLE_EVENTLOG),
		.pcrs = &appraisal->vtpm.pcrs,
		.policy = appraisal->vtpm_policy,
	};
	struct boot boot = { 0 };
	int r = 0;

	if (evidence.eventlog.at)
		r = boot_check_log(&boot, &evidence, appraisal->hash, own);
	else
		policy_check_pcrs(evidence.policy, evidence.pcrs, own);
	if (!evidence.eventlog.at && policy_asks_log(evidence.policy))
		attest_verdict_say(own, ATTEST_FAILED, "log.missing",
				   "put the guest's event log into the bundle (eventlog)",
				   "there is no event log, and the policy asks for what booted");
	boot_done(&boot);
	return r;
}

int appraise_vtpm(struct appraisal *appraisal)
{
	struct attest_verdict *verdict = &appraisal->verdict, *own;
	int r;

	if (!appraisal->vtpm_policy) {
		attest_verdict_unchecked(verdict,
					 "the vTPM's PCRs are compared with nothing: here it is said "
					 "whose they are (--vtpm-policy)");
		return 0;
	}
	own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	r = judge(appraisal, own);
	adopt(verdict, own);
	free(own);
	return r;
}
