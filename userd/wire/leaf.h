/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a deep quote says of one vTPM: a leaf of the tree that the host's quote is over.
 *
 *	bytes	what
 *	0	"vtpm-leaf-v1", no NUL
 *	12	nonce of the verifier (32)
 *	44	SHA-256 of a TPMS_ATTEST that this vTPM made (32)
 *	76	Name of the vTPM's attestation key (34)
 *	110	Name of its P-256 endorsement key (34); zeros: it keeps none
 *	144	uuid (16)
 *	160	epoch u64
 *	168	generation u64
 *	176	digest of its policy (32); zeros, as nothing limits its commands
 *	208	protection u8
 *	209	end
 *
 * The engine of the vTPM writes it, as a claim: without protection, followed by an HMAC under
 * a key that vtpm-keyd gave to this engine alone. So it does not matter who carries a claim.
 * keyd, which knows whose key it is, puts the protection in.
 *
 *	claim	epoch u64 that the key is bound to | leaf | HMAC-SHA256 of both (32)
 */
#ifndef WIRE_LEAF_H
#define WIRE_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEAF_HASH 32
#define LEAF_UUID 16
/** define LEAF_NAME - bytes of a Name with SHA-256 (Part 1, 16) */
#define LEAF_NAME 34
/** define LEAF_SIZE - bytes of a leaf */
#define LEAF_SIZE 209
/** define LEAF_KEY_SIZE - bytes of the key under which engines make claims */
#define LEAF_KEY_SIZE 32
/** define LEAF_CLAIM_SIZE - bytes of a claim */
#define LEAF_CLAIM_SIZE (8 + LEAF_SIZE + LEAF_HASH)

/**
 * enum leaf_protection - what protects the vTPM's state on its host
 * @LEAF_CLAIMED: nobody has said yet; in a claim only
 * @LEAF_SEALED: its key hangs from one that is sealed to the host TPM
 * @LEAF_LAZY: and an older copy of its state is found out, but for the newest window
 * @LEAF_STRICT: and any older copy is
 */
enum leaf_protection {
	LEAF_CLAIMED = 0,
	LEAF_SEALED = 1,
	LEAF_LAZY = 2,
	LEAF_STRICT = 3,
	_LEAF_PROTECTION_MAX,
};

/**
 * struct leaf - a leaf
 * @nonce: of the verifier
 * @attest: SHA-256 of a TPMS_ATTEST
 * @ak_name: Name of the attestation key
 * @ek_name: Name of the endorsement key; zeros for none
 * @uuid: of the vTPM
 * @epoch: of its history
 * @generation: of its newest durable state
 * @policy: digest of its policy
 * @protection: &enum leaf_protection
 */
struct leaf {
	uint8_t nonce[LEAF_HASH];
	uint8_t attest[LEAF_HASH];
	uint8_t ak_name[LEAF_NAME];
	uint8_t ek_name[LEAF_NAME];
	uint8_t uuid[LEAF_UUID];
	uint64_t epoch;
	uint64_t generation;
	uint8_t policy[LEAF_HASH];
	uint8_t protection;
};

/** leaf_put() - write a leaf */
void leaf_put(const struct leaf *leaf, uint8_t ret[LEAF_SIZE]);

/**
 * leaf_get() - read a leaf, strictly
 * @bytes: it
 * @length: of @bytes
 * @ret: set on success
 *
 * Return: is it one? false: another length, version, or protection.
 */
bool leaf_get(const void *bytes, size_t length, struct leaf *ret);

/**
 * leaf_claim() - make a claim
 * @leaf: its protection does not matter
 * @since: epoch that @key is bound to
 * @key: as keyd gave it
 * @ret: the claim
 *
 * Return: 0; -EIO (libcrypto fails).
 */
int leaf_claim(const struct leaf *leaf, uint64_t since, const uint8_t key[LEAF_KEY_SIZE],
	       uint8_t ret[LEAF_CLAIM_SIZE]);

/**
 * struct leaf_claimant - whose claim it says it is; not yet to be believed
 * @uuid: vTPM
 * @since: epoch that its key is bound to
 */
struct leaf_claimant {
	uint8_t uuid[LEAF_UUID];
	uint64_t since;
};

/** leaf_claimant() - read that of a claim. Return: false: it is no claim */
bool leaf_claimant(const void *bytes, size_t length, struct leaf_claimant *ret);

/**
 * leaf_believe() - check a claim
 * @bytes: for which leaf_claimant() said true
 * @key: of that claimant
 * @ret: set on success; its protection is LEAF_CLAIMED
 *
 * Return: 0; -EACCES (not made with this key, or of an epoch before the key's); -EIO (libcrypto
 * fails).
 */
int leaf_believe(const uint8_t bytes[LEAF_CLAIM_SIZE], const uint8_t key[LEAF_KEY_SIZE],
		 struct leaf *ret);

#endif /* WIRE_LEAF_H */
