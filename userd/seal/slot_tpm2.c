// SPDX-License-Identifier: BSD-3-Clause
/*
 * The slot of the host TPM.
 *
 *	body	version u8 | PCR bank u16 (TPM_ALG_SHA256) | PCR mask u32
 *		| value (32) of each PCR of the mask, lowest first
 *		| length u16, Name of the storage key
 *		| in version 2: plan key (65) | counter u32 | its authValue (32) | sequence u64
 *		| TPM2B_PUBLIC | TPM2B_PRIVATE
 *
 * The last two are as the TPM returned them (Part 2, 12.2.5 and 12.3.7). Version 1 opens with
 * these PCRs alone; version 2 with any that the plan key approved (seal/host_plan.h).
 */
#include "seal/slot.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cursor.h"
#include "base/secret.h"

#define VERSION_PCRS 1
#define VERSION_PLAN 2

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

int tpm2_slot_parse(const struct slot *slot, struct tpm2_slot *ret)
{
	struct cursor_in in = cursor_in(slot->body, slot->length);
	uint8_t version = cursor_get_u8(&in);
	uint16_t bank = cursor_get_u16(&in);

	*ret = (struct tpm2_slot){ .pcrs.mask = cursor_get_u32(&in) };
	if (in.bad || version < VERSION_PCRS || version > VERSION_PLAN || bank != TPM2_ALG_SHA256 ||
	    ret->pcrs.mask >> HOST_PCRS)
		return -EBADMSG;
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (ret->pcrs.mask >> pcr & 1)
			cursor_get_raw(&in, ret->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	ret->name.size = cursor_get_u16(&in);
	if (ret->name.size > sizeof(ret->name.name))
		return -EBADMSG;
	cursor_get_raw(&in, ret->name.name, ret->name.size);
	if (version == VERSION_PLAN)
		parse_plan(&in, ret);
	return parse_objects(&in, ret) && is_canonical(slot, ret) ? 0 : -EBADMSG;
}

int tpm2_slot_format(const struct tpm2_slot *from, struct slot *ret)
{
	struct cursor_out out = cursor_out(ret->body, sizeof(ret->body));

	cursor_put_u8(&out, from->planned ? VERSION_PLAN : VERSION_PCRS);
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

static int seal_planned(const struct slot_wish *wish, const uint8_t root[SEAL_KEY_SIZE],
			struct tpm2_slot *body, struct reason *reason)
{
	int r = make_counter(wish, body, reason);
	const struct host_configuration own = { &body->pcrs, body->sequence, NULL };

	if (r)
		return r;
	body->planned = true;
	cursor_copy(body->plan.key, sizeof(body->plan.key), wish->plan_key, SEAL_POINT_SIZE);
	return host_plan_seal(wish->host, &body->plan, &own, root, &body->sealed, reason);
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
		r = wish->plan_key ? seal_planned(wish, root, &body, reason) :
				     host_seal(wish->host, &body.pcrs, root, &body.sealed, reason);
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

static int unseal(struct host *host, const struct tpm2_slot *body, uint8_t ret_root[SEAL_KEY_SIZE],
		  struct reason *reason)
{
	const struct host_configuration own = { &body->pcrs, body->sequence, NULL };
	int r;

	if (!body->planned)
		return host_unseal(host, &body->sealed, &body->pcrs, ret_root, reason);
	r = host_plan_unseal(host, &body->plan, &own, &own, &body->sealed, ret_root, reason);
	return r == 1 ? host_explain(host, &body->pcrs, reason) : r;
}

static int open_slot(struct host *host, const struct slot *slot, uint8_t ret_root[SEAL_KEY_SIZE],
		     struct reason *reason)
{
	struct tpm2_slot body;
	int r;

	if (tpm2_slot_parse(slot, &body))
		return refuse(reason, -EBADMSG,
			      "the host TPM's slot in keys/slots is not what this vtpm-keyd wrote: "
			      "unlock with the recovery code, and bind");
	r = host_adopt(host, &body.name, reason);
	return r ? r : unseal(host, &body, ret_root, reason);
}

const struct slot_ops seal_tpm2 = { .kind = SLOT_TPM2, .make = make, .open = open_slot };
