// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked (wire/ipc_keyd.h), and what is done about it.
 *
 * A handler reads its message to the last byte before it does anything; a message
 * that is not what it says it is ends the connection. What fails is an answer.
 *
 * The host TPM is asked at KEYD_INIT and KEYD_UNLOCK, for evidence and a share, and at
 * KEYD_KEY where the pool is empty; never at KEYD_STATUS, KEYD_NEW_KEY and KEYD_GRANT.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "keyd/answer.h"
#include "keyd/claim.h"
#include "keyd/migration.h"
#include "keyd/orders.h"
#include "keyd/typed.h"
#include "seal/proven.h"

#define OURS (KEYD_INIT_NO_HARDWARE)

int keyd_locked(const struct keyd *keyd, struct reason *reason)
{
	if (keyd->root.state == KEYD_STATE_UNLOCKED)
		return 0;
	*reason = keyd->root.reason;
	return -ENOKEY;
}

static enum keyd_share share_of(const struct root *root)
{
	if (root->waiting)
		return KEYD_SHARE_WAITED_FOR;
	return root_verifier(root, NULL) ? KEYD_SHARE_BOUND : KEYD_SHARE_NONE;
}

static int on_status(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	char list[64], policy[80] = "";
	struct tpm2_slot slot = { 0 };
	struct answer answer;

	if (!ipc_ended(in))
		return -EPROTO;
	if (root_policy(&keyd->root, &slot)) {
		host_pcr_text(slot.pcrs.mask, list, sizeof(list));
		snprintf(policy, sizeof(policy), "sha256:%s", list);
	}
	answer_begin(&answer, KEYD_STATUS_IS, tag, 0, NULL);
	cursor_put_u8(&answer.out.body, (uint8_t)keyd->root.state);
	cursor_put_u8(&answer.out.body, (uint8_t)root_protection(&keyd->root));
	cursor_put_u8(&answer.out.body, peer->uid != keyd->uid);
	cursor_put_u32(&answer.out.body, (uint32_t)getpid());
	ipc_put_string(&answer.out, keyd->options.tcti);
	ipc_put_string(&answer.out, keyd->host.about);
	ipc_put_string(&answer.out, policy);
	ipc_put_blob(&answer.out, slot.name.name, slot.name.size);
	ipc_put_string(&answer.out, keyd->root.reason.text);
	cursor_put_u8(&answer.out.body, (uint8_t)witness_mode(&keyd->witness));
	cursor_put_u8(&answer.out.body, (uint8_t)witness_verdict(&keyd->witness));
	cursor_put_u64(&answer.out.body, witness_value(&keyd->witness));
	cursor_put_u32(&answer.out.body, keyd->witness.anchor.window);
	cursor_put_u8(&answer.out.body, migration_is_here(keyd));
	cursor_put_u8(&answer.out.body, (uint8_t)share_of(&keyd->root));
	return answer_finish(peer, &answer);
}

int keyd_check_anchor(struct anchor *anchor, bool hardware, struct reason *reason)
{
	if (!anchor->window)
		anchor->window = ANCHOR_WINDOW;
	if (anchor->mode >= _KEYD_ROLLBACK_MAX)
		return refuse(reason, -EINVAL,
			      "rollback protection %u is not known here: update vtpm-keyd",
			      anchor->mode);
	if (anchor->mode == KEYD_ROLLBACK_STRICT && !hardware)
		return refuse(
			reason, -EINVAL,
			"without hardware there is no counter for strict rollback protection: "
			"leave one of the two out");
	if (anchor->window < ANCHOR_WINDOW_MIN || anchor->window > ANCHOR_WINDOW_MAX)
		return refuse(reason, -EINVAL, "a rollback window has %d to %d seconds, not %u",
			      ANCHOR_WINDOW_MIN, ANCHOR_WINDOW_MAX, anchor->window);
	return 0;
}

/* KEYD_INIT. */
struct init {
	uint32_t flags;
	uint32_t pcrs;
	struct seal_bytes point;
	struct seal_bytes box;
	struct anchor anchor;
	struct seal_bytes plan_key;
};

static int check_init(const struct keyd *keyd, struct init *init, struct reason *reason)
{
	bool hardware = !(init->flags & KEYD_INIT_NO_HARDWARE);

	if (init->flags & ~(uint32_t)OURS)
		return refuse(reason, -EINVAL, "flags 0x%x are not known here: update vtpm-keyd",
			      init->flags);
	if (init->point.length != SEAL_POINT_SIZE)
		return refuse(reason, -EINVAL, "no recovery code was given: use vtpmctl host init");
	if (init->plan_key.length && init->plan_key.length != SEAL_POINT_SIZE)
		return refuse(reason, -EINVAL, "a plan key is a point of P-256: give another one");
	if (hardware && keyd->no_host.text[0]) {
		*reason = keyd->no_host;
		return -ENODEV;
	}
	return keyd_check_anchor(&init->anchor, hardware, reason);
}

static int init_host(struct keyd *keyd, struct init *init, struct reason *reason)
{
	uint8_t password[BOX_TEXT_MAX];
	size_t length = 0;
	int r;

	r = check_init(keyd, init, reason);
	if (!r)
		r = typed_password(keyd, init->box, password, &length, reason);
	if (!r) {
		const struct slot_wish wish = {
			.host = init->flags & KEYD_INIT_NO_HARDWARE ? NULL : &keyd->host,
			.pcrs = init->pcrs,
			.password = { password, length },
			.point = init->point.at,
			.plan_key = init->plan_key.length ? init->plan_key.at : NULL,
		};

		r = root_init(&keyd->root, &wish, &init->anchor, reason);
	}
	secret_wipe(password, sizeof(password));
	return r;
}

static int on_init(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct init init = { 0 };
	struct reason reason;
	int r;

	init.flags = cursor_get_u32(&in->body);
	init.pcrs = cursor_get_u32(&in->body);
	init.point.at = ipc_get_blob(in, SEAL_POINT_SIZE, &init.point.length);
	init.box.at = ipc_get_blob(in, KEYD_BOX_MAX, &init.box.length);
	init.anchor.mode = (enum keyd_rollback)cursor_get_u8(&in->body);
	init.anchor.window = cursor_get_u32(&in->body);
	init.plan_key.at = ipc_get_blob(in, SEAL_POINT_SIZE, &init.plan_key.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = init_host(peer->keyd, &init, &reason);
	if (r)
		log_line("not initialised: %s", reason.text);
	else
		log_line("initialised by pid %d%s", (int)peer->pid,
			 init.flags & KEYD_INIT_NO_HARDWARE ? ", NOT HARDWARE PROTECTED" : "");
	witness_look(&peer->keyd->witness);
	keyd_refill(peer->keyd);
	return answer_plain(peer, KEYD_INIT_DONE, tag, r, &reason);
}

/* KEYD_UNLOCK. */
struct unlock {
	uint32_t flags;
	struct seal_bytes box;
	struct seal_bytes plan_key;
	struct seal_bytes password_box;
};

static int check_unlock(const struct unlock *unlock, struct reason *reason)
{
	const uint32_t known = KEYD_UNLOCK_BIND | KEYD_UNLOCK_NEW_PLAN_KEY;
	bool bind = unlock->flags & KEYD_UNLOCK_BIND;

	if (unlock->flags & ~known)
		return refuse(reason, -EINVAL,
			      "flags 0x%x are not all known here: update vtpm-keyd",
			      unlock->flags);
	if (!unlock->box.length && unlock->flags)
		return refuse(reason, -EINVAL, "to bind takes the recovery code");
	if (unlock->plan_key.length && unlock->plan_key.length != SEAL_POINT_SIZE)
		return refuse(reason, -EINVAL, "the plan key is no key of the curve P-256");
	if ((!bind && (unlock->plan_key.length || unlock->password_box.length)) ||
	    (unlock->flags & KEYD_UNLOCK_NEW_PLAN_KEY && !unlock->plan_key.length))
		return refuse(reason, -EINVAL,
			      "a plan key and the owner password are for binding: use vtpmctl host "
			      "unlock --bind");
	return 0;
}

static int unlock_by_code(struct keyd *keyd, const struct unlock *unlock, struct reason *reason)
{
	uint8_t key[SEAL_KEY_SIZE], password[BOX_TEXT_MAX];
	struct root_bind bind = {
		.plan_key = unlock->plan_key.length ? unlock->plan_key.at : NULL,
		.anew = unlock->flags & KEYD_UNLOCK_NEW_PLAN_KEY,
		.password = { .at = password },
	};
	int r;

	r = typed_root_key(keyd, unlock->box, key, reason);
	if (!r)
		r = typed_password(keyd, unlock->password_box, password, &bind.password.length,
				   reason);
	if (!r)
		r = root_unlock(&keyd->root, key, unlock->flags & KEYD_UNLOCK_BIND ? &bind : NULL,
				reason);
	secret_wipe(key, sizeof(key));
	secret_wipe(password, sizeof(password));
	if (!r && proven_save(keyd->root.directory, (uint64_t)time(NULL)))
		log_line("nobody will know that the recovery code was right: keys/proven cannot be "
			 "written");
	return r;
}

static int unlock_host(struct keyd *keyd, const struct unlock *unlock, struct reason *reason)
{
	int r = check_unlock(unlock, reason);

	if (r)
		return r;
	if (!unlock->box.length) {
		if (!keyd->root.readable)
			root_load(&keyd->root); /* somebody may have put a file back */
		r = root_try(&keyd->root);
		*reason = keyd->root.reason;
		return r;
	}
	if ((unlock->flags & KEYD_UNLOCK_BIND) && keyd->no_host.text[0]) {
		*reason = keyd->no_host;
		return -ENODEV;
	}
	return unlock_by_code(keyd, unlock, reason);
}

static int on_unlock(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct unlock unlock = { .flags = cursor_get_u32(&in->body) };
	const char *bound = unlock.flags & KEYD_UNLOCK_BIND ? " and bound" : "";
	struct reason reason;
	int r;

	unlock.box.at = ipc_get_blob(in, KEYD_BOX_MAX, &unlock.box.length);
	unlock.plan_key.at = ipc_get_blob(in, SEAL_POINT_SIZE, &unlock.plan_key.length);
	unlock.password_box.at = ipc_get_blob(in, KEYD_BOX_MAX, &unlock.password_box.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = unlock_host(peer->keyd, &unlock, &reason);
	if (r)
		log_line("not unlocked%s: %s", bound, reason.text);
	else
		log_line("unlocked%s by pid %d", bound, (int)peer->pid);
	witness_look(&peer->keyd->witness);
	keyd_refill(peer->keyd);
	return answer_plain(peer, KEYD_UNLOCK_DONE, tag, r, &reason);
}

static int on_recovery(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	const struct root *root = &peer->keyd->root;
	uint32_t tag = cursor_get_u32(&in->body);
	const struct slot *slot;
	struct answer answer;

	if (!ipc_ended(in))
		return -EPROTO;
	slot = root->readable ? slots_find(&root->slots, SLOT_RECOVERY) : NULL;
	answer_begin(&answer, KEYD_RECOVERY_IS, tag, 0, NULL);
	ipc_put_blob(&answer.out, slot ? slot->body : NULL, slot ? slot->length : 0);
	ipc_put_blob(&answer.out, peer->keyd->point, SEAL_POINT_SIZE);
	return answer_finish(peer, &answer);
}

int keyd_usable(const struct keyd *keyd, struct reason *reason)
{
	int r = keyd_locked(keyd, reason);

	return r ? r : witness_permits(&keyd->witness, reason);
}

static int new_key(const struct keyd *keyd, const uint8_t *uuid, uint32_t flags,
		   uint8_t ret[WRAP_SIZE], struct reason *reason)
{
	const struct root *root = &keyd->root;
	struct data_key key;
	int r;

	r = keyd_usable(keyd, reason);
	if (r)
		return r;
	if (flags & ~(uint32_t)KEYD_KEY_PLAIN)
		return refuse(reason, -EINVAL,
			      "flags 0x%x of a data key are not known here: update vtpm-keyd",
			      flags);
	r = data_key_new(&key);
	key.plain = flags & KEYD_KEY_PLAIN;
	if (!r)
		r = wrap_key(root->key, root->mode != KEYD_ROLLBACK_OFF, uuid, &key, ret);
	secret_wipe(&key, sizeof(key));
	return r ? refuse(reason, r, "this machine gives no random bytes, or OpenSSL fails") : 0;
}

static int on_new_key(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t uuid[IPC_UUID_SIZE], wrapped[WRAP_SIZE];
	struct answer answer;
	struct reason reason;
	uint32_t flags;
	int r;

	cursor_get_raw(&in->body, uuid, sizeof(uuid));
	flags = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	r = new_key(peer->keyd, uuid, flags, wrapped, &reason);
	answer_begin(&answer, KEYD_NEW_KEY_IS, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, wrapped, sizeof(wrapped));
	return answer_finish(peer, &answer);
}

static int on_grant(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct leaf_claimant who;
	struct grant grant = { 0 };
	struct seal_bytes wrapped;
	struct reason reason;
	int r;

	cursor_get_raw(&in->body, grant.uuid, sizeof(grant.uuid));
	cursor_get_raw(&in->body, grant.ticket, sizeof(grant.ticket));
	grant.epoch = cursor_get_u64(&in->body);
	who.since = grant.epoch;
	wrapped.at = ipc_get_blob(in, KEYD_WRAPPED_MAX, &wrapped.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = keyd_usable(keyd, &reason);
	if (!r && unwrap_key(keyd->root.key, keyd->root.mode != KEYD_ROLLBACK_OFF, grant.uuid,
			     wrapped, &grant.key))
		r = refuse(&reason, -EKEYREJECTED,
			   "the data key is not of this host, or not of this vTPM: restore the "
			   "vTPM from "
			   "its own backup");
	cursor_copy(who.uuid, sizeof(who.uuid), grant.uuid, sizeof(grant.uuid));
	if (!r && claim_key(keyd, &who, grant.claims))
		r = refuse(&reason, -EIO, "no key for claims can be derived: look at OpenSSL");
	if (!r)
		grants_add(&keyd->grants, &grant, keyd_now(keyd));
	secret_wipe(&grant, sizeof(grant));
	keyd_expire(keyd);
	return answer_plain(peer, KEYD_GRANTED, tag, r, &reason);
}

static int set_migration_key(const struct keyd *keyd, struct seal_bytes box,
			     struct reason *reason)
{
	uint8_t key[KEYD_DATA_KEY_SIZE];
	int r = keyd_usable(keyd, reason);

	if (!r)
		r = typed_migration_key(keyd, box, key, reason);
	if (r)
		return r;
	r = migration_put(keyd, key);
	secret_wipe(key, sizeof(key));
	return r ? refuse(reason, r,
			  "the migration key cannot be kept in %s/keys: make room or repair the "
			  "disk",
			  keyd->options.state_dir) :
		   0;
}

static int on_migration(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct seal_bytes box;
	struct reason reason;
	int r;

	box.at = ipc_get_blob(in, KEYD_BOX_MAX, &box.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = set_migration_key(peer->keyd, box, &reason);
	if (r)
		log_line("security: no new migration key: %s", reason.text);
	else
		log_line("security: a new migration key, set by pid %d", (int)peer->pid);
	return answer_plain(peer, KEYD_MIGRATION_SET, tag, r, &reason);
}

static int on_end(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);

	if (!ipc_ended(in))
		return -EPROTO;
	log_line("asked to end by pid %d", (int)peer->pid);
	sd_event_exit(peer->keyd->event, 0);
	return answer_plain(peer, KEYD_ENDING, tag, 0, NULL);
}

static int send_key(struct keyd_peer *peer, uint32_t tag, const struct grant *grant)
{
	struct keyd *keyd = peer->keyd;
	uint8_t entropy[KEYD_ENTROPY_SIZE];
	struct data_key migration;
	struct answer answer;
	struct reason reason;
	int r, none = -ENODEV, stays = migration_get(keyd, &migration);

	if (stays && stays != -ENOENT)
		log_line("an engine gets no migration key: it cannot be read (errno %d)", -stays);

	if (keyd->host.storage != ESYS_TR_NONE) {
		none = pool_take(&keyd->pool, &keyd->host, entropy, &reason);
		if (none)
			log_line("an engine gets no random bytes of the host TPM: %s", reason.text);
	}
	answer_begin(&answer, KEYD_KEY_IS, tag, 0, NULL);
	cursor_put_u32(&answer.out.body, grant->key.id);
	cursor_put_u32(&answer.out.body, grant->key.plain ? KEYD_KEY_PLAIN : 0);
	cursor_put_raw(&answer.out.body, grant->key.key, sizeof(grant->key.key));
	ipc_put_blob(&answer.out, entropy, none ? 0 : sizeof(entropy));
	ipc_put_blob(&answer.out, migration.key, stays ? 0 : sizeof(migration.key));
	cursor_put_raw(&answer.out.body, grant->claims, sizeof(grant->claims));
	secret_wipe(&migration, sizeof(migration));
	r = answer_finish(peer, &answer);
	secret_wipe(entropy, sizeof(entropy));
	keyd_refill(keyd);
	return r;
}

/* What is wrong with a ticket is not said, and there is one attempt per connection. */
static int on_key(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t uuid[IPC_UUID_SIZE], ticket[KEYD_TICKET_SIZE];
	struct grant grant;
	struct reason reason;
	int r;

	cursor_get_raw(&in->body, uuid, sizeof(uuid));
	cursor_get_raw(&in->body, ticket, sizeof(ticket));
	if (!ipc_ended(in))
		return -EPROTO;
	r = grants_take(&keyd->grants, uuid, ticket, keyd_now(keyd), &grant);
	secret_wipe(ticket, sizeof(ticket));
	if (r) {
		refuse(&reason, r, "no data key waits for this ticket: start the vTPM again");
		answer_plain(peer, KEYD_KEY_IS, tag, r, &reason);
		return r;
	}
	peer->epoch = grant.epoch;
	cursor_copy(peer->uuid, sizeof(peer->uuid), uuid, sizeof(uuid));
	r = send_key(peer, tag, &grant);
	secret_wipe(&grant, sizeof(grant));
	return r;
}

static const struct ipc_permit permits[] = {
	{ KEYD_STATUS, KEYD_EITHER | KEYD_MANAGER, on_status },
	{ KEYD_INIT, KEYD_EITHER | KEYD_MANAGER, on_init },
	{ KEYD_UNLOCK, KEYD_EITHER | KEYD_MANAGER, on_unlock },
	{ KEYD_RECOVERY, KEYD_EITHER | KEYD_MANAGER, on_recovery },
	{ KEYD_NEW_KEY, KEYD_EITHER | KEYD_MANAGER, on_new_key },
	{ KEYD_GRANT, KEYD_EITHER | KEYD_MANAGER, on_grant },
	{ KEYD_MIGRATION, KEYD_EITHER | KEYD_MANAGER, on_migration },
	{ KEYD_END, KEYD_EITHER | KEYD_MANAGER, on_end },
	{ KEYD_WITNESS, KEYD_EITHER | KEYD_MANAGER, keyd_on_witness },
	{ KEYD_SEAL_ROOT, KEYD_EITHER | KEYD_MANAGER, keyd_on_seal_root },
	{ KEYD_ANCHOR, KEYD_EITHER | KEYD_MANAGER, keyd_on_anchor },
	{ KEYD_ACCEPT, KEYD_EITHER | KEYD_MANAGER, keyd_on_accept },
	{ KEYD_ROLLBACK, KEYD_EITHER | KEYD_MANAGER, keyd_on_rollback },
	{ KEYD_HOST_AK, KEYD_EITHER | KEYD_MANAGER, keyd_on_host_ak },
	{ KEYD_CERTIFICATE, KEYD_EITHER | KEYD_MANAGER, keyd_on_certificate },
	{ KEYD_HOST_QUOTE, KEYD_EITHER | KEYD_MANAGER, keyd_on_host_quote },
	{ KEYD_HOST_BOOT, KEYD_EITHER | KEYD_MANAGER, keyd_on_host_boot },
	{ KEYD_ACTIVATE, KEYD_EITHER | KEYD_MANAGER, keyd_on_activate },
	{ KEYD_DEEP, KEYD_EITHER | KEYD_MANAGER, keyd_on_deep },
	{ KEYD_HOST_CA, KEYD_EITHER | KEYD_MANAGER, keyd_on_host_ca },
	{ KEYD_CA_INIT, KEYD_EITHER | KEYD_MANAGER, keyd_on_ca_init },
	{ KEYD_CA_PROVE, KEYD_EITHER | KEYD_MANAGER, keyd_on_ca_prove },
	{ KEYD_CA_IMPORT, KEYD_EITHER | KEYD_MANAGER, keyd_on_ca_import },
	{ KEYD_ISSUED, KEYD_EITHER | KEYD_MANAGER, keyd_on_issued },
	{ KEYD_SHARE, KEYD_EITHER | KEYD_MANAGER, keyd_on_share },
	{ KEYD_BIND, KEYD_EITHER | KEYD_MANAGER, keyd_on_bind },
	{ KEYD_PLANS, KEYD_EITHER | KEYD_MANAGER, keyd_on_plans },
	{ KEYD_PLAN_ADD, KEYD_EITHER | KEYD_MANAGER, keyd_on_plan_add },
	{ KEYD_PLAN_RETIRE, KEYD_EITHER | KEYD_MANAGER, keyd_on_plan_retire },
	{ KEYD_MOVE_KEY, KEYD_EITHER | KEYD_MANAGER, keyd_on_move_key },
	{ KEYD_MOVE_SEAL, KEYD_EITHER | KEYD_MANAGER, keyd_on_move_seal },
	{ KEYD_MOVE_OPEN, KEYD_EITHER | KEYD_MANAGER, keyd_on_move_open },
	{ KEYD_KEY, KEYD_EITHER | KEYD_ENGINE, on_key },
	{ KEYD_CERTIFY, KEYD_SERVED, keyd_on_certify },
};

int keyd_take_order(struct keyd_peer *peer, struct ipc_in *in)
{
	int r = ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), (uint32_t)peer->role,
			     peer, in);

	if (!r && peer->role != KEYD_SERVED)
		peer->role = in->op == KEYD_KEY ? KEYD_SERVED : KEYD_MANAGER;
	return r;
}
