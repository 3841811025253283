// SPDX-License-Identifier: BSD-3-Clause
/*
 * Birth, opening and binding of the host root key; see the header.
 */
#include "seal/root.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

#define ROOT_LABEL "vtpm host root key"

/* What opens by itself, in this order. */
static const struct slot_ops *const openers[] = { &seal_tpm2, &seal_none };

static void wipe_slots(struct slots *slots)
{
	secret_wipe(slots, sizeof(*slots));
}

static void wipe_slot(struct slot *slot)
{
	secret_wipe(slot, sizeof(*slot));
}

void root_load(struct root *root)
{
	int r;

	root->reason.text[0] = 0;
	r = slots_load(root->directory, &root->slots, &root->reason);
	root->readable = !r;
	root->state = r == -ENOENT ? KEYD_STATE_NONE : KEYD_STATE_LOCKED;
	if (r == -ENOENT)
		refuse(&root->reason, r, "this host is not initialised: run vtpmctl host init");
}

static void unlocked(struct root *root, const uint8_t key[SEAL_KEY_SIZE], enum keyd_rollback mode)
{
	cursor_copy(root->key, sizeof(root->key), key, SEAL_KEY_SIZE);
	root->mode = mode;
	root->state = KEYD_STATE_UNLOCKED;
	root->waiting = false;
	root->reason.text[0] = 0;
}

int root_hold(struct root *root, const struct slots *slots, const uint8_t key[SEAL_KEY_SIZE],
	      struct reason *reason)
{
	enum keyd_rollback mode;
	int r = slots_match(slots, key, &mode);

	if (r == -EKEYREJECTED)
		refuse(reason, r,
		       "a slot of keys/slots opened, but holds another host's root key: put the "
		       "right "
		       "file back");
	if (!r)
		unlocked(root, key, mode);
	return r;
}

static int open_slot(struct root *root, const struct slots *slots, const struct slot_ops *ops,
		     const struct slot_shares *shares, struct reason *reason)
{
	const struct slot *slot = slots_find(slots, ops->kind);
	uint8_t key[SEAL_KEY_SIZE];
	int r;

	r = ops->open(root->host, slot, shares, key, reason);
	if (!r)
		r = root_hold(root, slots, key, reason);
	if (!r)
		root->opened = ops == &seal_tpm2 ? KEYD_OPENED_SLOT : KEYD_OPENED_OTHERWISE;
	secret_wipe(key, sizeof(key));
	return r;
}

static int open_tpm2(struct root *root, const struct slot_shares *shares, struct reason *reason)
{
	int r = open_slot(root, &root->slots, &seal_tpm2, shares, reason);

	return r == -EPERM ? root_plan_try(root, shares, reason) : r;
}

int root_try(struct root *root)
{
	const struct slot_shares none = { NULL, NULL };
	int r = -ENOKEY;

	if (root->state == KEYD_STATE_UNLOCKED)
		return 0;
	if (!root->readable)
		return root->state == KEYD_STATE_NONE ? -ENOENT : -EBADMSG;
	refuse(&root->reason, r,
	       "keys/slots has no slot that opens by itself: unlock with the recovery code");
	for (size_t i = 0; r && i < sizeof(openers) / sizeof(openers[0]); i++) {
		if (!slots_find(&root->slots, openers[i]->kind))
			continue;
		r = openers[i] == &seal_tpm2
			    ? open_tpm2(root, &none, &root->reason)
			    : open_slot(root, &root->slots, openers[i], &none, &root->reason);
	}
	root->waiting = r == -EINPROGRESS;
	return r;
}

bool root_verifier(const struct root *root, struct tpm2_slot *ret)
{
	struct tpm2_slot slot;

	if (!root_policy(root, &slot) || !slot.shared)
		return false;
	if (ret)
		*ret = slot;
	return true;
}

int root_share(struct root *root, const uint8_t verifier[SEAL_KEY_SIZE], struct reason *reason)
{
	const struct slot_shares shares = { verifier, NULL };
	int r;

	if (!root_verifier(root, NULL))
		return refuse(reason, -EINVAL,
			      "this host is bound to no verifier, so it needs no share: see vtpmctl "
			      "host show");
	if (root->state == KEYD_STATE_UNLOCKED)
		return 0;
	r = open_tpm2(root, &shares, reason);
	/* a wrong share changes nothing; other PCRs do, and this is why it is locked from now on */
	if (r == -EPERM) {
		root->waiting = false;
		root->reason = *reason;
	}
	return r;
}

int root_evidence(struct root *root, struct hostkey_keys *ret, struct reason *reason)
{
	struct hostkey_keys keys = { 0 };
	const struct slot_shares shares = { NULL, &keys };
	int r = -ENOKEY;

	if (root->waiting)
		r = open_tpm2(root, &shares, reason);
	else
		*reason = root->reason;
	if (r == -EINPROGRESS) {
		*ret = keys;
		r = 0;
	}
	secret_wipe(&keys, sizeof(keys));
	return r;
}

/* Our generator, and the TPM's where there is one: either alone would do. */
static int make_key(struct host *host, uint8_t ret[SEAL_KEY_SIZE], struct reason *reason)
{
	uint8_t random[2][SEAL_KEY_SIZE] = { 0 };
	int r;

	r = seal_random(random[0], SEAL_KEY_SIZE);
	if (r)
		return refuse(reason, r, "this machine gives no random bytes");
	if (host)
		r = host_random(host, &random[1], 1, reason);
	if (!r)
		r = seal_derive((struct seal_bytes){ random, sizeof(random) },
				(struct seal_bytes){ 0 }, ROOT_LABEL, (struct seal_bytes){ 0 }, ret,
				SEAL_KEY_SIZE);
	secret_wipe(random, sizeof(random));
	return r;
}

static int make_slot(const struct slot_ops *ops, const struct slot_wish *wish,
		     const uint8_t key[SEAL_KEY_SIZE], struct slots *slots, struct reason *reason)
{
	_cleanup_(wipe_slot) struct slot slot = { 0 };
	int r;

	r = ops->make(wish, key, &slot, reason);
	if (!r && slots_add(slots, &slot))
		r = refuse(reason, -ENOSPC, "keys/slots has no room for another slot");
	return r;
}

/* Not before: what was written is never found out to be useless after a reboot. */
int root_take(struct root *root, const struct slots *slots, const struct slot_ops *ops,
	      const uint8_t *verifier, struct reason *reason)
{
	const struct slot_shares shares = { verifier, NULL };
	struct root trial = { .host = root->host };
	int r;

	r = open_slot(&trial, slots, ops, &shares, reason);
	root_done(&trial);
	/* the TPM's share came out, and it is the right one */
	if (r == -EINPROGRESS && !verifier)
		r = 0;
	if (!r)
		r = slots_save(root->directory, slots, reason);
	if (r)
		return r;
	root->slots = *slots;
	root->readable = true;
	return 0;
}

static int check_wish(const struct slot_wish *wish, struct reason *reason)
{
	if (!wish->point)
		return refuse(reason, -EINVAL, "no recovery code was given: use vtpmctl host init");
	if (wish->host && (!wish->pcrs || wish->pcrs >> HOST_PCRS))
		return refuse(reason, -EINVAL, "PCRs are 0 to %d, and at least one: choose others",
			      HOST_PCRS - 1);
	return 0;
}

/* The slots come last: until they are there, the host is not initialised. */
static int save_all(struct root *root, const struct slot_wish *wish, struct anchor *anchor,
		    const uint8_t key[SEAL_KEY_SIZE], const struct slots *slots,
		    struct reason *reason)
{
	const struct slot_ops *ops = wish->host ? &seal_tpm2 : &seal_none;
	int r = 0;

	if (anchor->mode)
		r = anchor_make(root->directory, wish->host, wish->password, key, anchor, reason);
	if (r)
		return r;
	r = root_take(root, slots, ops, NULL, reason);
	if (r && anchor->mode)
		anchor_undo(root->directory, wish->host, wish->password, anchor);
	return r;
}

int root_init(struct root *root, const struct slot_wish *wish, const struct anchor *anchor,
	      struct reason *reason)
{
	const struct slot_ops *ops = wish->host ? &seal_tpm2 : &seal_none;
	struct anchor wanted = wish->host && anchor ? *anchor : (struct anchor){ 0 };
	_cleanup_(wipe_slots) struct slots slots = { 0 };
	uint8_t key[SEAL_KEY_SIZE];
	int r;

	if (root->state != KEYD_STATE_NONE)
		return refuse(reason, -EEXIST,
			      "this host is initialised already: to begin anew means to lose every "
			      "vTPM; move STATE_DIR/keys/slots away if you want that");
	r = check_wish(wish, reason);
	/* the storage key comes first: random bytes are read through it */
	if (!r && wish->host)
		r = host_provision(wish->host, wish->password, reason);
	if (!r)
		r = make_key(wish->host, key, reason);
	if (r)
		return r;
	r = slots_check_value(key, wanted.mode, slots.check);
	if (!r)
		r = make_slot(ops, wish, key, &slots, reason);
	if (!r)
		r = make_slot(&seal_recovery, wish, key, &slots, reason);
	if (!r)
		r = save_all(root, wish, &wanted, key, &slots, reason);
	if (r)
		tpm2_slot_undo(wish, slots_find(&slots, SLOT_TPM2));
	if (!r)
		unlocked(root, key, wanted.mode);
	if (!r && wish->host)
		root->opened = KEYD_OPENED_SLOT;
	secret_wipe(key, sizeof(key));
	return r;
}

static int bind_here(struct root *root, const struct root_bind *bind,
		     const struct slot_binding *binding, struct reason *reason)
{
	struct slot_wish wish = {
		.host = root->host,
		.pcrs = ROOT_PCRS_DEFAULT,
		.plan_key = bind->plan_key,
		.password = bind->password,
		.binding = binding,
		.number = 1,
	};
	_cleanup_(wipe_slots) struct slots slots = root->slots;
	struct tpm2_slot old;
	int r;

	if (root_policy(root, &old)) {
		wish.pcrs = old.pcrs.mask;
		if (old.planned && !bind->anew)
			wish.plan_key = old.plan.key;
		wish.plan = old.planned ? &old.plan : NULL;
		wish.number += old.shared ? old.share.number : 0;
	}
	slots_remove(&slots, SLOT_TPM2);
	slots_remove(&slots, SLOT_NONE);
	r = make_slot(&seal_tpm2, &wish, root->key, &slots, reason);
	if (r)
		return r;
	r = root_take(root, &slots, &seal_tpm2, binding ? binding->verifier : NULL, reason);
	if (r)
		tpm2_slot_undo(&wish, slots_find(&slots, SLOT_TPM2));
	else
		root->opened = KEYD_OPENED_SLOT;
	return r;
}

int root_unlock(struct root *root, const uint8_t key[SEAL_KEY_SIZE], const struct root_bind *bind,
		struct reason *reason)
{
	enum keyd_rollback mode;
	int r;

	if (root->state == KEYD_STATE_NONE)
		return refuse(reason, -ENOENT,
			      "this host is not initialised: run vtpmctl host init");
	if (!root->readable) {
		*reason = root->reason;
		return -EBADMSG;
	}
	r = slots_match(&root->slots, key, &mode);
	if (r)
		return refuse(
			reason, r,
			"this is not the root key of this host: look for the recovery code that "
			"was shown when it was initialised");
	unlocked(root, key, mode);
	root->opened = KEYD_OPENED_OTHERWISE;
	if (bind && root_verifier(root, NULL))
		return refuse(reason, -EINVAL,
			      "the host is unlocked, but it is bound to a verifier, which --bind "
			      "would end: bind it anew with vtpmctl host bind-verifier, or end it "
			      "with vtpmctl host unbind-verifier");
	return bind ? bind_here(root, bind, NULL, reason) : 0;
}

int root_set_verifier(struct root *root, const uint8_t key[SEAL_KEY_SIZE],
		      const struct slot_binding *binding, struct reason *reason)
{
	static const struct root_bind as_it_was;
	enum keyd_opened opened = root->state == KEYD_STATE_UNLOCKED ? root->opened :
								       KEYD_OPENED_OTHERWISE;
	int r = root_unlock(root, key, NULL, reason);

	if (r)
		return r;
	root->opened = opened;
	if (!binding && !root_verifier(root, NULL))
		return refuse(reason, -EINVAL, "this host is bound to no verifier: there is "
					       "nothing to end");
	return bind_here(root, &as_it_was, binding, reason);
}

int root_set_mode(struct root *root, enum keyd_rollback mode, struct reason *reason)
{
	_cleanup_(wipe_slots) struct slots slots = root->slots;
	int r;

	r = slots_check_value(root->key, mode, slots.check);
	if (r)
		return refuse(reason, r, "HMAC does not work: look at OpenSSL");
	r = slots_save(root->directory, &slots, reason);
	if (r)
		return r;
	root->slots = slots;
	root->mode = mode;
	return 0;
}

bool root_policy(const struct root *root, struct tpm2_slot *ret)
{
	const struct slot *slot = root->readable ? slots_find(&root->slots, SLOT_TPM2) : NULL;

	return slot && !tpm2_slot_parse(slot, ret);
}

enum keyd_protection root_protection(const struct root *root)
{
	/* one unprotected slot is enough to lose the key */
	if (root->readable && slots_find(&root->slots, SLOT_TPM2) &&
	    !slots_find(&root->slots, SLOT_NONE))
		return KEYD_PROTECTION_TPM;
	return KEYD_PROTECTION_NONE;
}

void root_done(struct root *root)
{
	secret_wipe(root->key, sizeof(root->key));
	secret_wipe(&root->slots, sizeof(root->slots));
}
