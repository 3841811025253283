/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans: configurations of a host that its plan key approved before they are booted.
 *
 *	plan	"vtpmplan" | version u16 | sequence u64 | made u64 | expires u64 (0: never)
 *		| PCR mask u32 | value (32) of each, lowest first | label: length u8, bytes
 *		| approval (64) | signature (64)
 *	file	STATE_DIR/keys/plans: plans u16 | {length u16, plan}...
 *
 * The approval is what the TPM checks: ECDSA over the digest of the configuration's policy,
 * PCRs and sequence (seal/policy.h). The signature, over all before it, is what keyd checks: the
 * TPM knows neither label nor dates. Times are seconds of the wall clock.
 *
 * The plan key is a P-256 key that no file of the host has: one that is kept elsewhere, or one
 * that is derived from the recovery code each time that is typed.
 */
#ifndef SEAL_PLAN_H
#define SEAL_PLAN_H

#include "seal/policy.h"
#include "wire/ipc_keyd.h"

#define PLAN_VERSION   1
#define PLAN_LABEL_MAX KEYD_LABEL_MAX
#define PLANS_MAX      KEYD_PLANS_MAX

/** define PLAN_SIZE_MAX - largest plan, in bytes */
#define PLAN_SIZE_MAX                                                                \
	(8 + 2 + 3 * 8 + 4 + HOST_PCRS * SEAL_HASH_SIZE + 1 + PLAN_LABEL_MAX + \
	 2 * SEAL_SIGNATURE_SIZE)

/**
 * struct plan - a configuration that is approved
 * @sequence: good while the host's plan counter is not above it
 * @made: when
 * @expires: keyd takes it no more from then on; 0: never
 * @pcrs: of that configuration
 * @label: what the person who made it calls it
 * @approval: for the TPM
 * @signature: for keyd
 */
struct plan {
	uint64_t sequence;
	uint64_t made;
	uint64_t expires;
	struct host_pcrs pcrs;
	char label[PLAN_LABEL_MAX + 1];
	uint8_t approval[SEAL_SIGNATURE_SIZE];
	uint8_t signature[SEAL_SIGNATURE_SIZE];
};

struct plans {
	unsigned int count;
	struct plan plan[PLANS_MAX];
};

/**
 * plan_key() - the plan key that goes with a recovery code
 * @recovery: private half of the code
 * @ret: private half of the plan key; the caller wipes it
 *
 * Return: 0; -EIO.
 */
int plan_key(const uint8_t recovery[SEAL_SCALAR_SIZE], uint8_t ret[SEAL_SCALAR_SIZE]);

/** plan_parse() - read one. Return: 0; -EBADMSG (it is none, or of another version) */
int plan_parse(struct seal_bytes bytes, struct plan *ret);

/** plan_format() - write one into PLAN_SIZE_MAX bytes. Return: how many */
size_t plan_format(const struct plan *plan, uint8_t *to);

/**
 * plan_sign() - approve and sign
 * @key: private half of the plan key
 * @counter: handle of the host's plan counter
 *
 * Return: 0; -EINVAL (@key is none); -EIO.
 */
int plan_sign(struct plan *plan, const uint8_t key[SEAL_SCALAR_SIZE], uint32_t counter);

/**
 * plan_verify() - did this key sign and approve it, for a host with this counter?
 * @point: public half of the plan key
 *
 * Return: 0; -EKEYREJECTED; -EIO.
 */
int plan_verify(const struct plan *plan, const uint8_t point[SEAL_POINT_SIZE], uint32_t counter);

/**
 * plans_load() - read the file
 * @directory: STATE_DIR/keys
 * @ret: empty where there is none
 *
 * Return: 0; -EBADMSG; other -errno of keyfile_load().
 */
int plans_load(int directory, struct plans *ret);

/** plans_save() - replace it. Return: 0; as keyfile_save() */
int plans_save(int directory, const struct plans *plans);

/** plans_drop() - forget those up to a sequence */
void plans_drop(struct plans *plans, uint64_t up_to);

#endif /* SEAL_PLAN_H */
