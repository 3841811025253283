// SPDX-License-Identifier: BSD-3-Clause
/*
 * Judging evidence (judge.h has the rules).
 */
#include "verifier/judge.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "attest/boot.h"
#include "attest/tpm2b.h"
#include "base/cursor.h"
#include "base/text.h"

#define ALL_PCRS 0xffffffu

/**
 * struct trial - evidence that is being judged
 * @judge: by what
 * @bundle: it
 * @quote: of the bundle
 * @judgement: so far
 * @entry: of its key, of whatever life of the TPM and whatever policies; NULL: none
 * @known: of its logs, of this life of the TPM and these policies; NULL: nothing
 * @now: what is known after it; NULL where nothing can be kept
 */
struct trial {
	struct judge *judge;
	const struct bundle *bundle;
	struct quote quote;
	struct judgement *judgement;
	struct cache_entry *entry;
	const struct cache_entry *known;
	struct cache_entry *now;
};

static void take_machine(const struct trial *trial, const struct host_quote *frame)
{
	const struct statement *statement = &trial->quote.statement;
	struct standing_machine *machine = &trial->judgement->machine;

	machine->known = true;
	trial->judgement->wants_share = frame->purpose == HOST_QUOTE_SHARE;
	cursor_copy(trial->judgement->share_key, sizeof(trial->judgement->share_key), frame->root,
		    sizeof(frame->root));
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
	r = bundle_check_quote(&trial->quote, &frame, trial->bundle, ak,
			       trial->entry ? trial->entry->signer : NULL, nonce,
			       trial->judge->hash, verdict);
	if (r || verdict->status == ATTEST_FAILED)
		return r ? r : -EBADMSG;
	if (trial->quote.pcrs.has[ATTEST_SHA256] != ALL_PCRS) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.selection",
				   "have the host quote sha256:all",
				   "the quote is not about all PCRs that were asked for");
		return -EBADMSG;
	}
	take_machine(trial, &frame);
	if (trial->judge->policy)
		policy_check_key(trial->judge->policy, &trial->quote.ak_name, true, verdict);
	return 0;
}

/* What is known */

static void digest(const struct trial *trial, const struct hash_part *parts, size_t count,
		   uint8_t ret[CACHE_DIGEST])
{
	uint8_t value[ATTEST_DIGEST_MAX];

	hash_parts(trial->judge->hash, ATTEST_SHA256, parts, count, value);
	cursor_copy(ret, CACHE_DIGEST, value, CACHE_DIGEST);
}

/* PCR 10 is the one that goes on after the boot; the log of IMA answers for it. */
static void digest_pcrs(const struct trial *trial, uint8_t ret[CACHE_DIGEST])
{
	struct hash_part parts[1 + _ATTEST_BANK_MAX * ATTEST_PCRS];
	const struct attest_pcrs *pcrs = &trial->quote.pcrs;
	size_t count = 0;

	parts[count++] = (struct hash_part){ pcrs->has, sizeof(pcrs->has) };
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		for (uint32_t left = pcrs->has[bank] & ~(1u << IMA_PCR); left; left &= left - 1)
			parts[count++] = (struct hash_part){
				pcrs->value[bank][__builtin_ctz(left)], hash_size(bank)
			};
	digest(trial, parts, count, ret);
}

static void make_key(const struct trial *trial, struct cache_key *ret)
{
	const struct statement_clock *clock = &trial->quote.statement.clock;
	const struct judge *judge = trial->judge;
	const struct hash_part parts[] = {
		{ judge->policy ? policy_digest(judge->policy) : NULL,
		  judge->policy ? CACHE_DIGEST : 0 },
		{ "", 1 },
		{ judge->ima_policy ? ima_policy_digest(judge->ima_policy) : NULL,
		  judge->ima_policy ? CACHE_DIGEST : 0 },
	};

	*ret = (struct cache_key){ .ak = trial->quote.ak_name, .resets = clock->resets,
				   .restarts = clock->restarts };
	digest(trial, parts, 3, ret->policy);
}

static EVP_PKEY *signer_of(const struct cache_entry *entry, struct hash_part ak)
{
	struct public public;

	if (entry && entry->signer)
		return EVP_PKEY_up_ref(entry->signer) == 1 ? entry->signer : NULL;
	return public_parse(&public, ak.at, ak.length) ? public_key(&public) : NULL;
}

static void begin_cache(struct trial *trial, struct hash_part ak)
{
	const struct cache_entry *known = trial->entry;
	struct cache_entry *now = calloc(1, sizeof(*now));

	trial->now = now;
	if (!now)
		return;
	now->signer = signer_of(known, ak);
	make_key(trial, &now->key);
	digest_pcrs(trial, now->pcrs);
	text_cut(now->boot_id, sizeof(now->boot_id), trial->bundle->boot_id);
	if (known && known->key.resets == now->key.resets &&
	    known->key.restarts == now->key.restarts &&
	    part_equal((struct hash_part){ known->key.policy, CACHE_DIGEST }, now->key.policy,
		       CACHE_DIGEST))
		trial->known = known;
}

static void keep(struct trial *trial, bool good)
{
	if (!good) {
		cache_entry_free(trial->now);
		trial->now = NULL;
	}
}

/* The logs */

static int read_log(struct trial *trial, struct hash_part bytes)
{
	const struct boot_evidence evidence = { .eventlog = bytes, .pcrs = &trial->quote.pcrs,
						.policy = trial->judge->policy };
	struct judgement *ret = trial->judgement;
	struct attest_verdict *verdict = &ret->verdict;
	size_t reasons = verdict->count, sentences = verdict->unchecked_count;
	struct cache_finding *said;
	struct boot boot;
	int r;

	r = boot_check_log(&boot, &evidence, trial->judge->hash, verdict);
	ret->secure_boot = event_secure_boot_name(boot.secure_boot);
	ret->log_reliable = boot.log_reliable;
	boot_done(&boot);
	if (r || !trial->now)
		return r;
	said = &trial->now->log;
	trial->now->secure_boot = ret->secure_boot;
	trial->now->log_reliable = ret->log_reliable;
	while (sentences < verdict->unchecked_count)
		said->unchecked[said->unchecked_count++] = verdict->unchecked[sentences++];
	keep(trial, cache_finding_add(said, verdict, reasons, verdict->count));
	return 0;
}

static bool is_known_log(const struct trial *trial, const uint8_t eventlog[CACHE_DIGEST])
{
	const struct cache_entry *known = trial->known, *now = trial->now;

	return known &&
	       part_equal((struct hash_part){ known->eventlog, CACHE_DIGEST }, eventlog,
			  CACHE_DIGEST) &&
	       part_equal((struct hash_part){ known->pcrs, CACHE_DIGEST }, now->pcrs,
			  CACHE_DIGEST);
}

static int check_log(struct trial *trial)
{
	const struct hash_part bytes = bundle_part(trial->bundle, BUNDLE_EVENTLOG);
	const struct hash_part named = bundle_part(trial->bundle, BUNDLE_EVENTLOG_DIGEST);
	struct attest_verdict *verdict = &trial->judgement->verdict;
	uint8_t eventlog[CACHE_DIGEST];

	if (!bytes.at && !named.at) {
		attest_verdict_say(verdict, ATTEST_FAILED, "log.missing",
				   "turn Secure Boot on, and boot a loader that keeps the log",
				   "the host shows no event log, so nobody can tell what booted");
		return -EBADMSG;
	}
	if (bytes.at)
		digest(trial, &bytes, 1, eventlog);
	else
		cursor_copy(eventlog, sizeof(eventlog), named.at, named.length);
	if (trial->now)
		cursor_copy(trial->now->eventlog, CACHE_DIGEST, eventlog, CACHE_DIGEST);
	if (!is_known_log(trial, eventlog))
		return bytes.at ? read_log(trial, bytes) : -ESTALE;
	trial->judgement->secure_boot = trial->known->secure_boot;
	trial->judgement->log_reliable = trial->known->log_reliable;
	trial->now->secure_boot = trial->known->secure_boot;
	trial->now->log_reliable = trial->known->log_reliable;
	cache_finding_say(&trial->known->log, verdict);
	keep(trial, cache_finding_copy(&trial->now->log, &trial->known->log));
	return 0;
}

static int apply_ima_policy(const struct trial *trial, struct hash_part bytes, size_t attested)
{
	struct attest_verdict *verdict = &trial->judgement->verdict;
	const struct ima_policy *policy = trial->judge->ima_policy;

	if (!policy)
		return 0;
	return trial->bundle->ima_after
		       ? ima_policy_check_more(policy, &trial->known->ima, bytes.at, bytes.length,
					       attested, verdict)
		       : ima_policy_check(policy, bytes.at, bytes.length, attested, verdict);
}

static int read_ima(struct trial *trial, struct hash_part bytes, struct ima_result *ret)
{
	struct attest_verdict *verdict = &trial->judgement->verdict;
	const struct cache_entry *known = trial->known;
	const struct attest_pcrs *pcrs = &trial->quote.pcrs;
	struct hash *hash = trial->judge->hash;

	if (!trial->bundle->ima_after)
		return ima_appraise(ret, bytes.at, bytes.length, hash, pcrs, verdict);
	if (!known || known->ima.bytes != trial->bundle->ima_after)
		return -ESTALE;
	cache_finding_say(&known->ima_log, verdict);
	if (trial->now)
		keep(trial, cache_finding_copy(&trial->now->ima_log, &known->ima_log));
	return ima_appraise_more(ret, &known->ima, bytes.at, bytes.length, hash, pcrs, verdict);
}

static int check_ima(struct trial *trial)
{
	const struct hash_part bytes = bundle_part(trial->bundle, BUNDLE_IMA);
	struct judgement *ret = trial->judgement;
	struct attest_verdict *verdict = &ret->verdict;
	const struct cache_entry *known = trial->bundle->ima_after ? trial->known : NULL;
	size_t before = verdict->count + (known ? known->ima_log.count : 0), after;
	struct ima_result result;
	int r;

	if (!bytes.at && !trial->bundle->ima_after) {
		if (trial->judge->ima_policy)
			attest_verdict_say(verdict, ATTEST_FAILED, "ima.missing",
					   "have the host send its log of IMA",
					   "there is a policy of IMA, and the host shows no log of "
					   "it");
		else
			attest_verdict_unchecked(verdict, "there is no log of IMA");
		return 0;
	}
	r = read_ima(trial, bytes, &result);
	if (r)
		return r;
	ret->ima_entries = result.attested;
	after = verdict->count;
	r = apply_ima_policy(trial, bytes, result.attested);
	if (r || !trial->now)
		return r;
	trial->now->ima = result.point;
	keep(trial, cache_finding_add(&trial->now->ima_log, verdict, before,
				      result.point.reasons) &&
			    cache_finding_add(&trial->now->ima_log, verdict, after,
					      verdict->count));
	return 0;
}

void judgement_init(struct judgement *ret)
{
	*ret = (struct judgement){ .secure_boot = event_secure_boot_name(0) };
}

/* A host that failed has to bring its logs again. */
static void end_cache(struct trial *trial, int error)
{
	const struct judgement *ret = trial->judgement;

	keep(trial, !error && ret->verdict.status != ATTEST_FAILED &&
			    !hash_failed(trial->judge->hash));
	if (trial->now)
		cache_put(trial->judge->cache, trial->now);
	else if (trial->quote.signed_by_ak)
		cache_drop(trial->judge->cache, &trial->quote.ak_name);
}

bool judge_name(struct judge *judge, struct hash_part ak, struct public_name *ret)
{
	struct public public;

	if (!judge->hash || !ak.length || !public_parse(&public, ak.at, ak.length))
		return false;
	public_name(&public, judge->hash, ret);
	return true;
}

int judge_evidence(struct judge *judge, const struct bundle *bundle, struct hash_part ak,
		   const uint8_t nonce[CHALLENGE_NONCE], struct judgement *ret)
{
	struct trial trial = { .judge = judge, .bundle = bundle, .judgement = ret };
	struct public_name name;
	int r;

	if (!judge->hash)
		judge->hash = hash_new();
	if (!judge->hash)
		return -ENOMEM;
	if (judge_name(judge, ak, &name))
		trial.entry = cache_find(judge->cache, &name);
	r = check_quote(&trial, ak, (struct hash_part){ nonce, CHALLENGE_NONCE });
	if (!r) {
		begin_cache(&trial, ak);
		r = check_log(&trial);
	}
	if (!r)
		r = check_ima(&trial);
	if (!judge->policy)
		attest_verdict_unchecked(&ret->verdict,
					 "nothing was compared with reference values");
	end_cache(&trial, r);
	if (!hash_failed(judge->hash))
		return r == -EBADMSG ? 0 : r;
	/* It never believes itself again: the next evidence gets another one. */
	hash_free(judge->hash);
	judge->hash = hash_new();
	return -EIO;
}

/* Birth, death, and what hosts are told */

int judge_init(struct judge *ret, size_t most)
{
	*ret = (struct judge){ .hash = hash_new(), .cache = cache_new(most) };
	if (ret->hash && ret->cache)
		return 0;
	judge_done(ret);
	return -ENOMEM;
}

void judge_done(struct judge *judge)
{
	hash_free(judge->hash);
	cache_free(judge->cache);
	*judge = (struct judge){ 0 };
}

bool judge_knows(struct judge *judge, struct hash_part ak, struct judge_known *ret)
{
	const struct cache_entry *entry;
	struct public_name name;

	if (!judge_name(judge, ak, &name))
		return false;
	entry = cache_find(judge->cache, &name);
	if (!entry)
		return false;
	*ret = (struct judge_known){ .ima = entry->ima.bytes };
	text_cut(ret->boot_id, sizeof(ret->boot_id), entry->boot_id);
	cursor_copy(ret->eventlog, sizeof(ret->eventlog), entry->eventlog, CACHE_DIGEST);
	return true;
}
