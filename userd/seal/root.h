/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host root key: 32 random bytes from which all of this host's vTPMs hang.
 *
 *	NONE --root_init()--> UNLOCKED
 *	LOCKED --root_try(), root_unlock()--> UNLOCKED
 *	UNLOCKED --root_unlock() with bind--> UNLOCKED, sealed to the TPM that is here now
 *	any but NONE --root_set_verifier()--> UNLOCKED, bound to a verifier or no more
 *	LOCKED --root_share()--> UNLOCKED, where it is bound to a verifier
 *
 * At start root_load() reads the slots file and root_try() opens it by itself. What
 * fails leaves the state as it was, with a reason: UNLOCKED stays UNLOCKED whatever becomes of
 * the TPM, and the file on disk is replaced only by one that was opened again first.
 */
#ifndef SEAL_ROOT_H
#define SEAL_ROOT_H

#include "seal/anchor.h"
#include "seal/plan.h"
#include "seal/slot.h"
#include "wire/ipc_keyd.h"

/** define ROOT_PCRS_DEFAULT - PCR 7: Secure Boot policy; PCR 14: keys of the shim */
#define ROOT_PCRS_DEFAULT (1u << 7 | 1u << 14)

/**
 * struct root - the host root key of this host
 * @directory: STATE_DIR/keys
 * @host: host TPM
 * @state: &enum keyd_state
 * @key: it, where UNLOCKED
 * @mode: how the host is anchored, where UNLOCKED: nobody else can have chosen it
 * @slots: as in the file, where it could be read
 * @readable: it could
 * @reason: why LOCKED
 * @waiting: the host TPM did its part, and the verifier's share is missing
 * @opened: how it was opened, where UNLOCKED
 * @plan: sequence of the plan that opened it, where there is one
 */
struct root {
	int directory;
	struct host *host;
	enum keyd_state state;
	uint8_t key[SEAL_KEY_SIZE];
	enum keyd_rollback mode;
	struct slots slots;
	bool readable;
	struct reason reason;
	bool waiting;
	enum keyd_opened opened;
	uint64_t plan;
};

/** root_load() - read the slots file: NONE or LOCKED. What is wrong stands in @root->reason */
void root_load(struct root *root);

/**
 * root_try() - open a slot that opens by itself
 *
 * Return: 0 (UNLOCKED; it may have been before); -errno with @root->reason.
 */
int root_try(struct root *root);

/**
 * root_share() - open the slot of two shares, where LOCKED
 * @verifier: the verifier's share
 *
 * Return: 0 (UNLOCKED; it may have been before); -EINVAL (it is bound to no verifier);
 * -EKEYREJECTED (another share); as root_try(); with @reason.
 */
int root_share(struct root *root, const uint8_t verifier[SEAL_KEY_SIZE], struct reason *reason);

/**
 * root_evidence() - what it takes to use the attestation key while the share is missing
 * @ret: set on success; the caller wipes it
 *
 * The host TPM is asked again, so in another configuration there is no evidence either.
 *
 * Return: 0; -ENOKEY (no share is missing); as root_try(); with @reason.
 */
int root_evidence(struct root *root, struct hostkey_keys *ret, struct reason *reason);

/**
 * root_set_verifier() - bind to a verifier, or to none; sealed with the PCRs as they are now
 * @key: root key that a person brought
 * @binding: NULL: the host TPM alone opens it from now on
 *
 * Return: 0; -EINVAL (there is no slot of a host TPM, or it is bound to none); as root_unlock()
 * with bind; with a reason.
 */
int root_set_verifier(struct root *root, const uint8_t key[SEAL_KEY_SIZE],
		      const struct slot_binding *binding, struct reason *reason);

/** root_verifier() - is it bound to one? Return: false: no; @ret is set otherwise, may be NULL */
bool root_verifier(const struct root *root, struct tpm2_slot *ret);

/**
 * root_init() - make the host root key and its slots
 * @wish: of what; its @host NULL: no hardware shall protect it
 * @anchor: how to anchor the host; NULL: not at all. Without hardware there is none
 *
 * Return: 0; -EEXIST (initialised already, or a file is there that cannot be read);
 * -EINVAL (PCRs that do not exist, or none; no recovery code); as host_provision() and
 * anchor_make(); -errno of slots_save(); with a reason.
 */
int root_init(struct root *root, const struct slot_wish *wish, const struct anchor *anchor,
	      struct reason *reason);

/**
 * struct root_bind - how to seal a root key to the host TPM that is here now
 * @plan_key: public half of the plan key, where the host had none; NULL: as it was
 * @anew: take it where the host had another one too, whose plans are worth nothing then
 * @password: of the TPM's owner hierarchy, may be empty; a first plan key takes it, for a counter
 */
struct root_bind {
	const uint8_t *plan_key;
	bool anew;
	struct seal_bytes password;
};

/**
 * root_unlock() - take a root key that a person brought
 * @key: it
 * @bind: seal it to the host TPM that is here now, with the PCRs as they are now; may be NULL
 *
 * Return: 0; -EKEYREJECTED (not the root key of this host); -ENOENT (not initialised);
 * -EBADMSG (the slots file cannot be read); with @bind, UNLOCKED in any case: -EINVAL (it is bound
 * to a verifier, which this would end); as host_provision() and slots_save(); with a reason.
 */
int root_unlock(struct root *root, const uint8_t key[SEAL_KEY_SIZE], const struct root_bind *bind,
		struct reason *reason);

/**
 * root_set_mode() - anchor an UNLOCKED host in another way; LAZY or STRICT, as it was before
 *
 * Return: 0; -EIO; -errno of slots_save(): the mode is the old one, or after a restart
 * the new one; with a reason.
 */
int root_set_mode(struct root *root, enum keyd_rollback mode, struct reason *reason);

/** root_protection() - what protects it at rest */
enum keyd_protection root_protection(const struct root *root);

/**
 * root_policy() - PCRs and Name of the storage key it is sealed to
 * @ret: set where there is such a slot
 *
 * Return: is there one?
 */
bool root_policy(const struct root *root, struct tpm2_slot *ret);

/**
 * root_plan_try() - open the slot by a plan, where the configuration is another one
 * @shares: as struct slot_ops has it
 *
 * Return: 0; -EPERM (none is for it, or that one is retired or expired), as root_try().
 */
int root_plan_try(struct root *root, const struct slot_shares *shares, struct reason *reason);

/**
 * struct root_plans - which configurations open a root key
 * @slot: the one that needs no plan
 * @counter: value of the plan counter
 * @now: PCRs as they are
 * @plans: the others, those that are retired or expired among them
 */
struct root_plans {
	struct tpm2_slot slot;
	uint64_t counter;
	struct host_pcrs now;
	struct plans plans;
};

/**
 * root_plans_get() - look
 *
 * Return: 0; -ENOTSUP (the slot takes no plans); of host_counter_read(), host_read_pcrs() and
 * plans_load(); with a reason.
 */
int root_plans_get(struct root *root, struct root_plans *ret, struct reason *reason);

/**
 * root_plan_add() - have another plan
 * @now: seconds of the wall clock
 *
 * Return: 0; -ENOTSUP (the slot takes no plans); -EBADMSG; -EKEYREJECTED (not by this host's
 * plan key); -EINVAL (other PCRs, no new sequence, or expired); -ENOSPC (PLANS_MAX are there);
 * of host_counter_read() and plans_save(); with a reason.
 */
int root_plan_add(struct root *root, struct seal_bytes bytes, uint64_t now, struct reason *reason);

/**
 * root_plan_retire() - seal anew for what runs, and have the TPM refuse what came before
 * @up_to: sequences that end; 0: those up to the plan that runs
 *
 * Return: 0; -ENOTSUP; -EINVAL (nothing to retire); -EPERM (no TPM opened the root key as it
 * runs now); as host_plan_seal(), host_counter_add() and slots_save(); with a reason. What fails
 * in the middle can be done again.
 */
int root_plan_retire(struct root *root, uint64_t up_to, struct reason *reason);

/* Between the files root*.c. */

/**
 * root_take() - take slots for the file's, once the key came out of them
 * @verifier: share for a slot that needs one; NULL: what the TPM has of it is enough
 *
 * Return: 0; -errno of the slot's open() and slots_save().
 */
int root_take(struct root *root, const struct slots *slots, const struct slot_ops *ops,
	      const uint8_t *verifier, struct reason *reason);

/** root_hold() - a key was opened: is it the one of these slots? Return: as slots_match() */
int root_hold(struct root *root, const struct slots *slots, const uint8_t key[SEAL_KEY_SIZE],
	      struct reason *reason);

/**
 * root_enter() - a policy session that went through what the root key is sealed to
 * @slot: by root_policy()
 * @ret: set on success
 *
 * The configuration is that of the plan that opened the root key, otherwise the slot's own.
 * Whether the PCRs are such shows at the latest when the session is used.
 *
 * Return: 0; 1 (they are not, or the configuration was retired); as host_plan_enter().
 */
int root_enter(struct root *root, const struct tpm2_slot *slot, struct host_handle *ret,
	       struct reason *reason);

/** root_done() - wipe it */
void root_done(struct root *root);

#endif /* SEAL_ROOT_H */
