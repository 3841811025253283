// SPDX-License-Identifier: BSD-3-Clause
/*
 * The slot of the host TPM.
 *
 *	body	version u8 | PCR bank u16 (TPM_ALG_SHA256) | PCR mask u32
 *		| value (32) of each PCR of the mask, lowest first
 *		| length u16, Name of the storage key
 *		| in versions 2 and 4: plan key (65) | counter u32 | its authValue (32)
 *			| sequence u64
 *		| in versions 3 and 4: host's id (36) | number u32 | evidence (80) | wrapped (48)
 *		| TPM2B_PUBLIC | TPM2B_PRIVATE
 *
 * The last two are as the TPM returned them (Part 2, 12.2.5 and 12.3.7). Versions 1 and 3 open with
 * these PCRs alone; 2 and 4 with any that the plan key approved (seal/host_plan.h). In 1 and 2 the
 * host root key is sealed; in 3 and 4 a share, and a verifier has the other one (seal/share.h).
 */
#include "seal/slot.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cursor.h"
#include "base/secret.h"

#define VERSION_FIRST	   1
#define VERSION_PLAN	   1 /* is added to it */
#define VERSION_SHARE	   2
#define VERSION_LAST	   (VERSION_FIRST + VERSION_PLAN + VERSION_SHARE)

/* What MU read or wrote, a cursor has to step over. */
static bool parse_objects(struct cursor_in *in, struct tpm2_slot *ret)
{
	size_t at = 0;

	if (in->bad || Tss2_MU_TPM2B_PUBLIC_Unmarshal(in->at, in->left, &at, &ret->sealed.public) ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(in->at, in->left, &at, &ret->sealed.private))
		return false;
	cursor_get_bytes(in, at);
	return cursor_ended(in);
}

/* MU takes what it would not write, such as a size that is not that of what follows. */
static bool is_canonical(const struct slot *slot, const struct tpm2_slot *parsed)
{
	struct slot again;

	return !tpm2_slot_format(parsed, &again) && again.length == slot->length &&
	       secret_equal(again.body, slot->body, slot->length);
}

static void parse_plan(struct cursor_in *in, struct tpm2_slot *ret)
{
	ret->planned = true;
	cursor_get_raw(in, ret->plan.key, sizeof(ret->plan.key));
	ret->plan.counter = cursor_get_u32(in);
	cursor_get_raw(in, ret->plan.auth, sizeof(ret->plan.auth));
	ret->sequence = cursor_get_u64(in);
}

static void parse_share(struct cursor_in *in, struct tpm2_slot *ret)
{
	ret->shared = true;
	cursor_get_raw(in, ret->share.host, sizeof(ret->share.host));
	ret->share.number = cursor_get_u32(in);
	cursor_get_raw(in, ret->share.evidence, sizeof(ret->share.evidence));
	cursor_get_raw(in, ret->share.wrapped, sizeof(ret->share.wrapped));
	if (!share_is_host(ret->share.host, sizeof(ret->share.host)))
		in->bad = true;
}

int tpm2_slot_parse(const struct slot *slot, struct tpm2_slot *ret)
{
	struct cursor_in in = cursor_in(slot->body, slot->length);
	uint8_t version = cursor_get_u8(&in);
	uint16_t bank = cursor_get_u16(&in);

	*ret = (struct tpm2_slot){ .pcrs.mask = cursor_get_u32(&in) };
	if (in.bad || version < VERSION_FIRST || version > VERSION_LAST ||
	    bank != TPM2_ALG_SHA256 || ret->pcrs.mask >> HOST_PCRS)
		return -EBADMSG;
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (ret->pcrs.mask >> pcr & 1)
			cursor_get_raw(&in, ret->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	ret->name.size = cursor_get_u16(&in);
	if (ret->name.size > sizeof(ret->name.name))
		return -EBADMSG;
	cursor_get_raw(&in, ret->name.name, ret->name.size);
	if ((version - VERSION_FIRST) & VERSION_PLAN)
		parse_plan(&in, ret);
	if ((version - VERSION_FIRST) & VERSION_SHARE)
		parse_share(&in, ret);
	return parse_objects(&in, ret) && is_canonical(slot, ret) ? 0 : -EBADMSG;
}

int tpm2_slot_format(const struct tpm2_slot *from, struct slot *ret)
{
	struct cursor_out out = cursor_out(ret->body, sizeof(ret->body));

	cursor_put_u8(&out, (uint8_t)(VERSION_FIRST + (from->planned ? VERSION_PLAN : 0) +
				      (from->shared ? VERSION_SHARE : 0)));
	cursor_put_u16(&out, TPM2_ALG_SHA256);
	cursor_put_u32(&out, from->pcrs.mask);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (from->pcrs.mask >> pcr & 1)
			cursor_put_raw(&out, from->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	cursor_put_u16(&out, from->name.size);
	cursor_put_raw(&out, from->name.name, from->name.size);
	if (from->planned) {
		cursor_put_raw(&out, from->plan.key, sizeof(from->plan.key));
		cursor_put_u32(&out, from->plan.counter);
		cursor_put_raw(&out, from->plan.auth, sizeof(from->plan.auth));
		cursor_put_u64(&out, from->sequence);
	}
	if (from->shared) {
		cursor_put_raw(&out, from->share.host, sizeof(from->share.host));
		cursor_put_u32(&out, from->share.number);
		cursor_put_raw(&out, from->share.evidence, sizeof(from->share.evidence));
		cursor_put_raw(&out, from->share.wrapped, sizeof(from->share.wrapped));
	}
	if (out.bad ||
	    Tss2_MU_TPM2B_PUBLIC_Marshal(&from->sealed.public, out.base, out.room, &out.used) ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(&from->sealed.private, out.base, out.room, &out.used))
		return -EMSGSIZE;
	ret->kind = SLOT_TPM2;
	ret->length = (uint16_t)out.used;
	return 0;
}

static int make_counter(const struct slot_wish *wish, struct tpm2_slot *body,
			struct reason *reason)
{
	int r = -ENXIO;

	if (wish->plan) {
		body->plan = *wish->plan;
		r = host_counter_read(wish->host, body->plan.counter, body->plan.auth,
				      &body->sequence, reason);
	}
	if (r != -ENXIO)
		return r;
	if (seal_random(body->plan.auth, sizeof(body->plan.auth)))
		return refuse(reason, -EIO, "this machine gives no random bytes");
	return host_counter_make(wish->host, wish->password, body->plan.auth, &body->plan.counter,
				 &body->sequence, reason);
}

static int seal_planned(const struct slot_wish *wish, const uint8_t secret[SEAL_KEY_SIZE],
			struct tpm2_slot *body, struct reason *reason)
{
	int r = make_counter(wish, body, reason);
	const struct host_configuration own = { &body->pcrs, body->sequence, NULL };

	if (r)
		return r;
	body->planned = true;
	cursor_copy(body->plan.key, sizeof(body->plan.key), wish->plan_key, SEAL_POINT_SIZE);
	return host_plan_seal(wish->host, &body->plan, &own, secret, &body->sealed, reason);
}

/* What is sealed: the root key, or a share that it takes a verifier's besides. */
static int make_secret(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
		       struct tpm2_slot *body, uint8_t ret[SEAL_KEY_SIZE], struct reason *reason)
{
	const struct slot_binding *binding = wish->binding;

	if (!binding) {
		cursor_copy(ret, SEAL_KEY_SIZE, root, SEAL_KEY_SIZE);
		return 0;
	}
	body->shared = true;
	body->share.number = wish->number;
	cursor_copy(body->share.host, sizeof(body->share.host), binding->host,
		    KEYD_HOST_ID_SIZE);
	if (seal_random(ret, SEAL_KEY_SIZE) ||
	    share_make(&body->share, ret, binding->verifier, root))
		return refuse(reason, -EIO, "this machine gives no random bytes, or OpenSSL fails");
	return 0;
}

static int seal_secret(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
		       struct tpm2_slot *body, struct reason *reason)
{
	uint8_t secret[SEAL_KEY_SIZE];
	int r = make_secret(wish, root, body, secret, reason);

	if (!r)
		r = wish->plan_key ? seal_planned(wish, secret, body, reason) :
				     host_seal(wish->host, &body->pcrs, secret, &body->sealed,
					       reason);
	secret_wipe(secret, sizeof(secret));
	return r;
}

static void undo(const struct slot_wish *wish, const struct tpm2_slot *body)
{
	struct reason ignored;

	if (body->planned && (!wish->plan || wish->plan->counter != body->plan.counter))
		host_counter_remove(wish->host, body->plan.counter, wish->password, &ignored);
}

void tpm2_slot_undo(const struct slot_wish *wish, const struct slot *slot)
{
	struct tpm2_slot body;

	if (slot && !tpm2_slot_parse(slot, &body))
		undo(wish, &body);
}

static int make(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE], struct slot *ret,
		struct reason *reason)
{
	struct tpm2_slot body = { 0 };
	int r;

	r = host_provision(wish->host, wish->password, reason);
	if (!r)
		r = host_read_pcrs(wish->host, wish->pcrs, &body.pcrs, reason);
	if (!r)
		r = seal_secret(wish, root, &body, reason);
	if (!r) {
		body.name = wish->host->name;
		if (tpm2_slot_format(&body, ret))
			r = refuse(reason, -EIO,
				   "what the host TPM at %s sealed does not fit a slot",
				   wish->host->tcti);
	}
	if (r)
		undo(wish, &body);
	return r;
}

static int unseal(struct host *host, const struct tpm2_slot *body, uint8_t ret[SEAL_KEY_SIZE],
		  struct reason *reason)
{
	const struct host_configuration own = { &body->pcrs, body->sequence, NULL };
	int r;

	if (!body->planned)
		return host_unseal(host, &body->sealed, &body->pcrs, ret, reason);
	r = host_plan_unseal(host, &body->plan, &own, &own, &body->sealed, ret, reason);
	return r == 1 ? host_explain(host, &body->pcrs, reason) : r;
}

int tpm2_slot_root(const struct tpm2_slot *body, const uint8_t secret[SEAL_KEY_SIZE],
		   const struct slot_shares *shares, uint8_t ret_root[SEAL_KEY_SIZE],
		   struct reason *reason)
{
	struct hostkey_keys evidence;
	int r;

	if (!body->shared) {
		cursor_copy(ret_root, SEAL_KEY_SIZE, secret, SEAL_KEY_SIZE);
		return 0;
	}
	r = share_evidence(&body->share, secret, &evidence);
	if (!r && shares->evidence)
		*shares->evidence = evidence;
	secret_wipe(&evidence, sizeof(evidence));
	if (!r && !shares->verifier)
		return refuse(reason, -EINPROGRESS,
			      "waiting for the verifier's share: give it evidence with vtpmctl host "
			      "attest --to URL, or unlock with the recovery code");
	if (!r)
		r = share_open(&body->share, secret, shares->verifier, ret_root);
	if (r == -EKEYREJECTED)
		return refuse(reason, r,
			      "the share is not the one that this host was bound with (%.*s): if "
			      "the verifier revoked that, unlock with the recovery code, and bind "
			      "with vtpmctl host bind-verifier",
			      KEYD_HOST_ID_SIZE, body->share.host);
	return r ? refuse(reason, r, "the shares of the host root key cannot be put together: "
				     "look at OpenSSL")
		 : 0;
}

static int open_slot(struct host *host, const struct slot *slot, const struct slot_shares *shares,
		     uint8_t ret_root[SEAL_KEY_SIZE], struct reason *reason)
{
	uint8_t secret[SEAL_KEY_SIZE] = { 0 };
	struct tpm2_slot body;
	int r;

	if (tpm2_slot_parse(slot, &body))
		return refuse(reason, -EBADMSG,
			      "the host TPM's slot in keys/slots is not what this vtpm-keyd wrote: "
			      "unlock with the recovery code, and bind");
	r = host_adopt(host, &body.name, reason);
	if (!r)
		r = unseal(host, &body, secret, reason);
	if (!r)
		r = tpm2_slot_root(&body, secret, shares, ret_root, reason);
	secret_wipe(secret, sizeof(secret));
	return r;
}

const struct slot_ops seal_tpm2 = { .kind = SLOT_TPM2, .make = make, .open = open_slot };
