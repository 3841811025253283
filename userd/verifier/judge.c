// SPDX-License-Identifier: BSD-3-Clause
/*
 * Judging evidence (judge.h has the rules).
 */
#include "verifier/judge.h"

#include <errno.h>

#include "attest/eventlog.h"
#include "attest/ima.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ALL_PCRS 0xffffffu

/**
 * struct trial - evidence that is being judged
 * @bundle: it
 * @policy: what the host has to be; NULL: nobody says
 * @hash: computes
 * @quote: of the bundle
 * @judgement: so far
 */
struct trial {
	const struct bundle *bundle;
	const struct policy *policy;
	struct hash *hash;
	struct quote quote;
	struct judgement *judgement;
};

static void take_machine(const struct trial *trial, const struct host_quote *frame)
{
	const struct statement *statement = &trial->quote.statement;
	struct standing_machine *machine = &trial->judgement->machine;

	machine->known = true;
	machine->epoch = frame->epoch;
	machine->clock = statement->clock.clock;
	machine->resets = statement->clock.resets;
	machine->restarts = statement->clock.restarts;
	machine->firmware = statement->firmware;
	text_cut(machine->boot_id, sizeof(machine->boot_id), trial->bundle->boot_id);
	attest_text_hex(machine->pcr0, trial->quote.pcrs.value[ATTEST_SHA256][0],
			hash_size(ATTEST_SHA256));
}

static int check_quote(struct trial *trial, struct hash_part ak, struct hash_part nonce)
{
	struct attest_verdict *verdict = &trial->judgement->verdict;
	struct host_quote frame;
	int r;

	if (trial->bundle->kind != BUNDLE_HOST) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.frame",
				   "have the host attest itself: `vtpmctl host attest --to`",
				   "it is evidence of a vTPM, not of a host");
		return -EBADMSG;
	}
	r = bundle_check_quote(&trial->quote, &frame, trial->bundle, ak, nonce, trial->hash,
			       verdict);
	if (r || verdict->status == ATTEST_FAILED)
		return r ? r : -EBADMSG;
	if (trial->quote.pcrs.has[ATTEST_SHA256] != ALL_PCRS) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.selection",
				   "have the host quote sha256:all",
				   "the quote is not about all PCRs that were asked for");
		return -EBADMSG;
	}
	take_machine(trial, &frame);
	if (trial->policy)
		policy_check_key(trial->policy, &trial->quote.ak_name, true, verdict);
	return 0;
}

/* The logs */

static int compare_log(struct trial *trial, struct eventlog *log)
{
	const struct attest_pcrs *pcrs = &trial->quote.pcrs;
	struct judgement *ret = trial->judgement;
	struct attest_pcrs replayed;

	eventlog_replay(log, trial->hash, &replayed);
	ret->secure_boot =
		event_secure_boot_name(eventlog_appraise(log, trial->hash, &ret->verdict));
	eventlog_compare(log, trial->hash, &replayed, pcrs, &ret->verdict);
	if (trial->policy)
		return policy_check_log(trial->policy, log, pcrs, trial->hash, &ret->verdict);
	return 0;
}

static int check_log(struct trial *trial)
{
	const struct hash_part bytes = bundle_part(trial->bundle, BUNDLE_EVENTLOG);
	struct attest_verdict *verdict = &trial->judgement->verdict;
	struct eventlog log = { 0 };
	int r;

	if (!bytes.at) {
		attest_verdict_say(verdict, ATTEST_FAILED, "log.missing",
				   "turn Secure Boot on, and boot a loader that keeps the log",
				   "the host shows no event log, so nobody can tell what booted");
		return -EBADMSG;
	}
	r = eventlog_parse(&log, bytes.at, bytes.length, verdict);
	if (!r)
		r = compare_log(trial, &log);
	eventlog_done(&log);
	return r;
}

static int check_ima(struct trial *trial)
{
	const struct hash_part bytes = bundle_part(trial->bundle, BUNDLE_IMA);
	struct judgement *ret = trial->judgement;
	struct ima_result result;
	int r;

	if (!bytes.at) {
		attest_verdict_unchecked(&ret->verdict, "there is no log of IMA");
		return 0;
	}
	r = ima_appraise(&result, bytes.at, bytes.length, trial->hash, &trial->quote.pcrs,
			 &ret->verdict);
	if (!r)
		ret->ima_entries = result.attested;
	return r;
}

void judgement_init(struct judgement *ret)
{
	*ret = (struct judgement){ .secure_boot = event_secure_boot_name(0) };
}

int judge_evidence(const struct bundle *bundle, struct hash_part ak,
		   const uint8_t nonce[CHALLENGE_NONCE], const struct policy *policy,
		   struct judgement *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct trial trial = {
		.bundle = bundle, .policy = policy, .hash = hash, .judgement = ret
	};
	int r;

	if (!hash)
		return -ENOMEM;
	r = check_quote(&trial, ak, (struct hash_part){ nonce, CHALLENGE_NONCE });
	if (!r)
		r = check_log(&trial);
	if (!r)
		r = check_ima(&trial);
	if (!policy)
		attest_verdict_unchecked(&ret->verdict,
					 "nothing was compared with reference values");
	if (hash_failed(hash))
		return -EIO;
	return r == -EBADMSG ? 0 : r;
}
