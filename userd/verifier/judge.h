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

#include <jansson.h>

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

/** judge_nonce() - the nonce that a bundle says it answers. Return: 0 or -EBADMSG */
int judge_nonce(const json_t *bundle, uint8_t ret[CHALLENGE_NONCE]);

/**
 * judge_evidence() - judge a bundle
 * @bundle: any JSON
 * @ak: TPM2B_PUBLIC of the enrolled attestation key
 * @ak_size: bytes of it
 * @nonce: that was asked for
 * @ret: what it came to
 *
 * Return: 0 (whatever the verdict); -ENOMEM; -EIO (libcrypto failed).
 */
int judge_evidence(const json_t *bundle, const uint8_t *ak, size_t ak_size,
		   const uint8_t nonce[CHALLENGE_NONCE], struct judgement *ret);

#endif /* VERIFIER_JUDGE_H */
