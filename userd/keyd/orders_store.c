// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked about the manager's store (keyd/witness.h); the host has to be unlocked.
 *
 * The host TPM is asked at KEYD_WITNESS, KEYD_ANCHOR and KEYD_ACCEPT, never at
 * KEYD_SEAL_ROOT: a commit does not wait for it.
 */
#include <errno.h>

#include "base/log.h"
#include "base/secret.h"
#include "keyd/answer.h"
#include "keyd/orders.h"
#include "keyd/typed.h"

#define ACCEPT_OURS (KEYD_ACCEPT_ROLLBACK | KEYD_ACCEPT_MOVE)

static const char *const modes[_KEYD_ROLLBACK_MAX] = {
	[KEYD_ROLLBACK_OFF] = "off",
	[KEYD_ROLLBACK_LAZY] = "lazy",
	[KEYD_ROLLBACK_STRICT] = "strict",
};

static const char *const verdicts[_KEYD_VERDICT_MAX] = {
	[KEYD_VERDICT_UNPROTECTED] = "not protected against rollback",
	[KEYD_VERDICT_NEWEST] = "the newest",
	[KEYD_VERDICT_OLD] = "OLD: its root block is below the counter",
	[KEYD_VERDICT_AHEAD] = "AHEAD of the counter, which was replaced or reset",
	[KEYD_VERDICT_DIFFERENT] = "DIFFERENT from what its root block says",
	[KEYD_VERDICT_FOREIGN] = "FOREIGN: it has no root block of this host",
	[KEYD_VERDICT_MISSING] = "without a witness: the counter is MISSING",
	[KEYD_VERDICT_UNASKED] = "unknown",
};

int keyd_on_witness(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t root[KEYD_ROOT_SIZE];
	struct seal_bytes block;
	struct answer answer;
	struct reason reason;
	uint64_t counter = 0;
	int r;

	block.at = ipc_get_blob(in, KEYD_BLOCK_MAX, &block.length);
	cursor_get_raw(&in->body, root, sizeof(root));
	if (!ipc_ended(in))
		return -EPROTO;
	r = keyd_locked(keyd, &reason);
	if (!r)
		r = witness_judge(&keyd->witness, block, root, keyd_now(keyd), &counter, &reason);
	if (r)
		log_line("the store could not be judged: %s", reason.text);
	else
		log_line("the store is %s", verdicts[witness_verdict(&keyd->witness)]);
	answer_begin(&answer, KEYD_WITNESS_IS, tag, r, &reason);
	if (!r) {
		cursor_put_u8(&answer.out.body, (uint8_t)witness_verdict(&keyd->witness));
		cursor_put_u64(&answer.out.body, counter);
		cursor_put_u64(&answer.out.body, witness_value(&keyd->witness));
	}
	return answer_finish(peer, &answer);
}

int keyd_on_seal_root(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t ahead = cursor_get_u8(&in->body);
	uint8_t root[KEYD_ROOT_SIZE], block[BLOCK_SIZE];
	struct answer answer;
	struct reason reason;
	size_t length = 0;
	int r;

	cursor_get_raw(&in->body, root, sizeof(root));
	if (!ipc_ended(in) || ahead > 1)
		return -EPROTO;
	r = keyd_locked(keyd, &reason);
	if (!r)
		r = witness_seal(&keyd->witness, ahead, root, block, &length, &reason);
	answer_begin(&answer, KEYD_SEALED_ROOT, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, block, length);
	return answer_finish(peer, &answer);
}

int keyd_on_anchor(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct answer answer;
	struct reason reason;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = keyd_locked(keyd, &reason);
	if (!r)
		r = witness_anchor(&keyd->witness, keyd_now(keyd), &reason);
	if (r)
		log_line("not anchored: %s", reason.text);
	answer_begin(&answer, KEYD_ANCHORED, tag, r, &reason);
	if (!r)
		cursor_put_u64(&answer.out.body, witness_value(&keyd->witness));
	return answer_finish(peer, &answer);
}

/* Who accepts shows the recovery code again, by the key it opens. */
static int check_key(const struct keyd *keyd, struct seal_bytes box, struct reason *reason)
{
	uint8_t key[SEAL_KEY_SIZE] = { 0 };
	int r;

	r = typed_root_key(keyd, box, key, reason);
	if (!r && !secret_equal(key, keyd->root.key, sizeof(key)))
		r = refuse(reason, -EKEYREJECTED,
			   "this is not the root key of this host: look for the recovery code that "
			   "was shown when it was initialised");
	secret_wipe(key, sizeof(key));
	return r;
}

static int accept_store(struct keyd *keyd, uint32_t flags, const struct seal_bytes boxes[2],
			const uint8_t *root, uint8_t block[BLOCK_SIZE], struct reason *reason)
{
	uint8_t password[BOX_TEXT_MAX];
	size_t length = 0;
	int r;

	r = keyd_locked(keyd, reason);
	if (r)
		return r;
	if (!flags || flags & ~(uint32_t)ACCEPT_OURS)
		return refuse(reason, -EINVAL, "flags 0x%x do not say what to accept", flags);
	r = check_key(keyd, boxes[0], reason);
	if (!r)
		r = typed_password(keyd, boxes[1], password, &length, reason);
	if (!r)
		r = witness_accept(&keyd->witness, (struct seal_bytes){ password, length }, root,
				   block, reason);
	secret_wipe(password, sizeof(password));
	return r;
}

int keyd_on_accept(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint32_t flags = cursor_get_u32(&in->body);
	uint8_t root[KEYD_ROOT_SIZE], block[BLOCK_SIZE];
	struct seal_bytes boxes[2];
	struct answer answer;
	struct reason reason;
	int r;

	for (size_t i = 0; i < 2; i++)
		boxes[i].at = ipc_get_blob(in, KEYD_BOX_MAX, &boxes[i].length);
	cursor_get_raw(&in->body, root, sizeof(root));
	if (!ipc_ended(in))
		return -EPROTO;
	r = accept_store(peer->keyd, flags, boxes, root, block, &reason);
	if (r)
		log_line("the store was not accepted: %s", reason.text);
	else
		log_line("the store was ACCEPTED as it is, for the recovery code, by pid %d",
			 (int)peer->pid);
	answer_begin(&answer, KEYD_ACCEPTED, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, block, sizeof(block));
	return answer_finish(peer, &answer);
}

static int check_anchor(const struct keyd *keyd, const struct anchor *wanted, struct reason *reason)
{
	struct anchor checked = *wanted;

	if (keyd->root.mode == KEYD_ROLLBACK_OFF || wanted->mode == KEYD_ROLLBACK_OFF)
		return refuse(reason, -EINVAL,
			      "rollback protection is switched on or off by vtpmctl host init alone: "
			      "data keys of a protected host are wrapped in another way; what can "
			      "be changed is strict and lazy");
	return keyd_check_anchor(&checked, true, reason);
}

/*
 * Two files, and the machine may stop between them: keys/anchor says lazy as long as either may be
 * so, and the slots decide. To weaken it is written first, to strengthen last.
 */
static int save_anchor(struct keyd *keyd, const struct anchor *wanted, struct reason *reason)
{
	struct root *root = &keyd->root;
	struct anchor anchor;
	int r;

	r = anchor_load(root->directory, root->key, &anchor, reason);
	if (r)
		return r;
	anchor.mode = wanted->mode;
	if (wanted->window)
		anchor.window = wanted->window;
	if (wanted->mode == root->mode || wanted->mode == KEYD_ROLLBACK_LAZY)
		r = anchor_save(root->directory, root->key, &anchor, reason);
	if (r || wanted->mode == root->mode)
		return r;
	r = root_set_mode(root, wanted->mode, reason);
	if (!r && wanted->mode == KEYD_ROLLBACK_STRICT &&
	    anchor_save(root->directory, root->key, &anchor, reason))
		log_line("the mode is strict all the same, and the window what it was: %s",
			 reason->text);
	return r;
}

static int change(struct keyd *keyd, struct seal_bytes box, const struct anchor *wanted,
		  struct reason *reason)
{
	enum keyd_rollback before = keyd->root.mode;
	int r;

	r = keyd_locked(keyd, reason);
	if (!r)
		r = check_anchor(keyd, wanted, reason);
	if (!r)
		r = keyd_usable(keyd, reason);
	if (!r)
		r = check_key(keyd, box, reason);
	if (!r)
		r = save_anchor(keyd, wanted, reason);
	if (r)
		return r;
	witness_look(&keyd->witness);
	log_line("security: rollback protection is %s now%s, it was %s; the window has %u seconds",
		 modes[keyd->root.mode], keyd->root.mode < before ? ", WEAKENED" : "",
		 modes[before], keyd->witness.anchor.window);
	return 0;
}

int keyd_on_rollback(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct anchor wanted = { 0 };
	struct seal_bytes box;
	struct reason reason;
	int r;

	box.at = ipc_get_blob(in, KEYD_BOX_MAX, &box.length);
	wanted.mode = (enum keyd_rollback)cursor_get_u8(&in->body);
	wanted.window = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	r = change(peer->keyd, box, &wanted, &reason);
	if (r)
		log_line("security: rollback protection is as it was, pid %d is refused: %s",
			 (int)peer->pid, reason.text);
	return answer_plain(peer, KEYD_ROLLBACK_SET, tag, r, &reason);
}
