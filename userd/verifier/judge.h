/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bundle of evidence (Documentation/bundle.yaml) against what a host enrolled with.
 *
 * Nothing in a bundle is believed for standing in it. The key that has to have signed is the
 * enrolled one; the frame has to be under the signature, the nonce in the frame, PCR values
 * under the quote, and both logs have to come to these values.
 *
 * Logs that were read before are not read again (cache.h): the quote is judged each time, and
 * where it is of the same life of the TPM and has the same PCR values, so is what was said of
 * the event log. The log of IMA is gone on with from the entry that PCR 10 vouched for.
 */
#ifndef VERIFIER_JUDGE_H
#define VERIFIER_JUDGE_H

#include "attest/bundle.h"
#include "attest/ima_policy.h"
#include "attest/policy.h"
#include "verifier/cache.h"
#include "verifier/challenge.h"
#include "verifier/fleet.h"

/**
 * struct judge - what it takes to judge
 * @policy: what a host has to be; NULL: nobody says
 * @ima_policy: which files it may have measured; NULL: nobody says
 * @hash: computes
 * @cache: of logs that were read
 */
struct judge {
	const struct policy *policy;
	const struct ima_policy *ima_policy;
	struct hash *hash;
	struct cache *cache;
};

/** judge_init() - @most bytes are for its cache. Return: 0 or -ENOMEM. judge_done() ends it */
int judge_init(struct judge *ret, size_t most);
void judge_done(struct judge *judge);

/** judge_name() - the name of a key by its TPM2B_PUBLIC. Return: false: it is none */
bool judge_name(struct judge *judge, struct hash_part ak, struct public_name *ret);

/**
 * struct judge_known - logs of a host that need not come again
 * @boot_id: of that boot, as the host said
 * @eventlog: SHA-256 of the event log
 * @ima: bytes of the log of IMA; 0: it has to come whole
 */
struct judge_known {
	char boot_id[STANDING_ID];
	uint8_t eventlog[CACHE_DIGEST];
	size_t ima;
};

/** judge_knows() - what is known of the host with this TPM2B_PUBLIC? Return: anything? */
bool judge_knows(struct judge *judge, struct hash_part ak, struct judge_known *ret);

/**
 * struct judgement - what evidence came to
 * @verdict: of it
 * @machine: as the quote says; known where it could be believed
 * @wants_share: the quote asks for the share of the host's root key
 * @share_key: x of the key that it is to be encrypted to
 * @secure_boot: "on", "off", "unset" or "unknown"
 * @log_reliable: the event log is whole and true
 * @ima_entries: of the log that PCR 10 vouches for
 */
struct judgement {
	struct attest_verdict verdict;
	struct standing_machine machine;
	bool wants_share;
	uint8_t share_key[HOST_QUOTE_HASH];
	const char *secure_boot;
	bool log_reliable;
	size_t ima_entries;
};

/**
 * judge_evidence() - judge a bundle
 * @judge: by what
 * @bundle: that was read
 * @ak: TPM2B_PUBLIC of the enrolled attestation key
 * @nonce: that was asked for
 * @ret: what it came to; its verdict may have reasons already
 *
 * Return: 0 (whatever the verdict); -ESTALE (the quote is good, and it names logs that are not
 * known: no verdict, have them come whole); -ENOMEM; -EIO (libcrypto failed).
 */
int judge_evidence(struct judge *judge, const struct bundle *bundle, struct hash_part ak,
		   const uint8_t nonce[CHALLENGE_NONCE], struct judgement *ret);

/** judgement_init() - of nothing yet */
void judgement_init(struct judgement *ret);

#endif /* VERIFIER_JUDGE_H */
