// SPDX-License-Identifier: BSD-3-Clause
/*
 * A log that is malformed ends the appraisal: what stands in it cannot be told. One that is
 * missing does not, since the other may still accuse the host.
 */
#include "attest/boot.h"

#include <errno.h>
#include <string.h>

#define PCR_SECURE_BOOT 7

int boot_check_log(struct boot *ret, const struct boot_evidence *evidence, struct hash *hash,
		   struct attest_verdict *verdict)
{
	const size_t first = verdict->count;
	struct attest_pcrs replayed;
	int r;

	*ret = (struct boot){ .ima.boot_aggregate_status = ATTEST_UNKNOWN };
	r = eventlog_parse(&ret->log, evidence->eventlog.at, evidence->eventlog.length, verdict);
	if (r)
		return r;
	eventlog_replay(&ret->log, hash, &replayed);
	ret->secure_boot = eventlog_appraise(&ret->log, hash, verdict);
	eventlog_compare(&ret->log, hash, &replayed, evidence->pcrs, verdict);
	ret->secure_boot = boot_secure_boot(ret->secure_boot, verdict);
	ret->log_reliable = boot_log_is_reliable(verdict, first);
	if (!evidence->policy)
		return 0;
	policy_check_pcrs(evidence->policy, evidence->pcrs, verdict);
	return policy_check_log(evidence->policy, &ret->log, evidence->pcrs, hash, verdict);
}

static int check_ima(struct boot *boot, const struct boot_evidence *evidence, struct hash *hash,
		     struct attest_verdict *verdict)
{
	const struct hash_part bytes = evidence->ima;
	int r;

	if (evidence->ima_after) {
		attest_verdict_say(verdict, ATTEST_FAILED, "ima.missing",
				   "have the host send all of its log of IMA",
				   "the host shows the end of a log of IMA alone");
		return 0;
	}
	if (!bytes.at && evidence->ima_policy) {
		attest_verdict_say(verdict, ATTEST_FAILED, "ima.missing",
				   "have the host send its log of IMA",
				   "a policy of IMA is given, and the host shows no log of it");
		return 0;
	}
	if (!bytes.at) {
		attest_verdict_unchecked(verdict, "there is no log of IMA, so what ran after the "
						  "boot is not known");
		return 0;
	}
	r = ima_appraise(&boot->ima, bytes.at, bytes.length, hash, evidence->pcrs, verdict);
	if (!r && evidence->ima_policy)
		return ima_policy_check(evidence->ima_policy, bytes.at, bytes.length,
					boot->ima.attested, verdict);
	attest_verdict_unchecked(verdict, "files of the IMA log are compared with no list of good "
					  "ones (--ima-policy)");
	return r;
}

int boot_appraise(struct boot *ret, const struct boot_evidence *evidence, struct hash *hash,
		  struct attest_verdict *verdict)
{
	int r = 0;

	if (evidence->eventlog.at) {
		r = boot_check_log(ret, evidence, hash, verdict);
	} else {
		*ret = (struct boot){ .ima.boot_aggregate_status = ATTEST_UNKNOWN };
		attest_verdict_say(verdict, ATTEST_FAILED, "log.missing",
				   "turn Secure Boot on, and boot a loader that keeps the log: "
				   "without it GRUB may start the kernel past the EFI stub",
				   "the host shows no event log, so nobody can tell what booted");
	}
	return r ? r : check_ima(ret, evidence, hash, verdict);
}

void boot_done(struct boot *boot)
{
	eventlog_done(&boot->log);
}

bool boot_log_is_reliable(const struct attest_verdict *verdict, size_t first)
{
	static const char *const kinds[] = { "log.", "replay.", "pcr.", "quote." };

	for (size_t i = first; i < verdict->count; i++) {
		const struct attest_reason *reason = &verdict->reasons[i];

		for (size_t j = 0; j < sizeof(kinds) / sizeof(kinds[0]); j++)
			if (reason->status > ATTEST_WARNING &&
			    !strncmp(reason->code, kinds[j], strlen(kinds[j])))
				return false;
	}
	return !verdict->dropped;
}

enum event_secure_boot boot_secure_boot(enum event_secure_boot said,
					const struct attest_verdict *verdict)
{
	for (size_t i = 0; said == EVENT_SECURE_BOOT_ON && i < verdict->count; i++) {
		const struct attest_reason *reason = &verdict->reasons[i];

		if (reason->pcr == PCR_SECURE_BOOT && reason->status == ATTEST_FAILED &&
		    (!strncmp(reason->code, "replay.", 7) || !strncmp(reason->code, "pcr.", 4)))
			return EVENT_SECURE_BOOT_UNKNOWN;
	}
	return verdict->dropped && said == EVENT_SECURE_BOOT_ON ? EVENT_SECURE_BOOT_UNKNOWN : said;
}
