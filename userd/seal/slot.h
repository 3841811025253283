/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kinds of slots: each knows how to put a host root key into the body of a slot, and
 * most know how to take it out again.
 *
 * A kind without open() is opened elsewhere, by a person: that of the recovery code.
 * Kinds for a PKCS#11 token or a key server have their place in slot_kinds[].
 */
#ifndef SEAL_SLOT_H
#define SEAL_SLOT_H

#include "seal/host_plan.h"
#include "seal/share.h"
#include "seal/slots.h"

/**
 * struct slot_binding - the verifier that a slot is bound to
 * @host: id of this host there, KEYD_HOST_ID_SIZE bytes
 * @verifier: its share
 */
struct slot_binding {
	const uint8_t *host;
	const uint8_t *verifier;
};

/**
 * struct slot_shares - what a slot of two shares needs and gives
 * @verifier: the verifier's share; NULL: it is not there
 * @evidence: set as soon as the TPM's share came out; may be NULL
 */
struct slot_shares {
	const uint8_t *verifier;
	struct hostkey_keys *evidence;
};

/**
 * struct slot_wish - what a slot is to be made of
 * @host: host TPM
 * @pcrs: mask of PCRs
 * @password: of the TPM's owner hierarchy, may be empty
 * @point: public half of the recovery code
 * @plan_key: public half of the plan key; NULL: no plans, the PCRs as they are now for ever
 * @plan: what there was before, whose counter is used again if it is still ours; may be NULL
 * @binding: NULL: the TPM alone opens it
 * @number: of the binding
 */
struct slot_wish {
	struct host *host;
	uint32_t pcrs;
	struct seal_bytes password;
	const uint8_t *point;
	const uint8_t *plan_key;
	const struct host_plan *plan;
	const struct slot_binding *binding;
	uint32_t number;
};

/**
 * struct slot_ops - a kind of slots
 * @kind: it
 * @make: fill @ret's body with @root; 0 or -errno with a reason
 * @open: take @ret_root out, which may be a wrong one; 0 or -errno with a reason, -EINPROGRESS:
 *	it waits for the verifier's share; NULL where only a person can
 */
struct slot_ops {
	enum slot_kind kind;
	int (*make)(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
		    struct slot *ret, struct reason *reason);
	int (*open)(struct host *host, const struct slot *slot, const struct slot_shares *shares,
		    uint8_t ret_root[SEAL_KEY_SIZE], struct reason *reason);
};

extern const struct slot_ops seal_none, seal_tpm2, seal_recovery;

/**
 * struct tpm2_slot - body of a slot of kind SLOT_TPM2
 * @name: Name of the storage key it is sealed to, pinned
 * @pcrs: PCRs it is sealed to; their values are no secret
 * @planned: other configurations can be approved
 * @plan: by whom, where @planned
 * @sequence: of this one, where @planned
 * @shared: it is the TPM's share that is sealed, and not the host root key
 * @share: what else there is, where @shared
 * @sealed: host root key or share, encrypted by the TPM
 */
struct tpm2_slot {
	TPM2B_NAME name;
	struct host_pcrs pcrs;
	bool planned;
	struct host_plan plan;
	uint64_t sequence;
	bool shared;
	struct share share;
	struct host_sealed sealed;
};

/** tpm2_slot_parse() - read a body. Return: 0; -EBADMSG */
int tpm2_slot_parse(const struct slot *slot, struct tpm2_slot *ret);

/** tpm2_slot_format() - write one. Return: 0; -EMSGSIZE */
int tpm2_slot_format(const struct tpm2_slot *from, struct slot *ret);

/**
 * tpm2_slot_root() - from what was sealed to the host root key
 * @secret: that the TPM unsealed
 *
 * Return: 0; -EINPROGRESS (the verifier's share is missing); -EKEYREJECTED (it is another one);
 * -EIO; with a reason.
 */
int tpm2_slot_root(const struct tpm2_slot *body, const uint8_t secret[SEAL_KEY_SIZE],
		   const struct slot_shares *shares, uint8_t ret_root[SEAL_KEY_SIZE],
		   struct reason *reason);

/** tpm2_slot_undo() - remove the plan counter that a slot made has, unless it was there before */
void tpm2_slot_undo(const struct slot_wish *wish, const struct slot *slot);

#endif /* SEAL_SLOT_H */
