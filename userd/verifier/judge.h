/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bundle of evidence (Documentation/bundle.yaml) against what a host enrolled with.
 *
 * Nothing in a bundle is believed for standing in it. The key that has to have signed is the
 * enrolled one; the frame has to be under the signature, the nonce in the frame, PCR values
 * under the quote, and both logs have to come to these values.
 */
#ifndef VERIFIER_JUDGE_H
#define VERIFIER_JUDGE_H

#include "attest/bundle.h"
#include "attest/policy.h"
#include "verifier/challenge.h"
#include "verifier/fleet.h"

/**
 * struct judgement - what evidence came to
 * @verdict: of it
 * @machine: as the quote says; known where it could be believed
 * @secure_boot: "on", "off", "unset" or "unknown"
 * @ima_entries: of the log that PCR 10 vouches for
 */
struct judgement {
	struct attest_verdict verdict;
	struct standing_machine machine;
	const char *secure_boot;
	size_t ima_entries;
};

/**
 * judge_evidence() - judge a bundle
 * @bundle: that was read
 * @ak: TPM2B_PUBLIC of the enrolled attestation key
 * @nonce: that was asked for
 * @policy: what a host has to be; NULL: nobody says
 * @ret: what it came to; its verdict may have reasons already
 *
 * Return: 0 (whatever the verdict); -ENOMEM; -EIO (libcrypto failed).
 */
int judge_evidence(const struct bundle *bundle, struct hash_part ak,
		   const uint8_t nonce[CHALLENGE_NONCE], const struct policy *policy,
		   struct judgement *ret);

/** judgement_init() - of nothing yet */
void judgement_init(struct judgement *ret);

#endif /* VERIFIER_JUDGE_H */
