// SPDX-License-Identifier: BSD-3-Clause
/*
 * The slot of the host TPM.
 *
 *	body	version u8 | PCR bank u16 (TPM_ALG_SHA256) | PCR mask u32
 *		| value (32) of each PCR of the mask, lowest first
 *		| length u16, Name of the storage key
 *		| TPM2B_PUBLIC | TPM2B_PRIVATE
 *
 * The last two are as the TPM returned them (Part 2, 12.2.5 and 12.3.7).
 */
#include "seal/slot.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cursor.h"
#include "base/secret.h"

#define TPM2_SLOT_VERSION 1

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

int tpm2_slot_parse(const struct slot *slot, struct tpm2_slot *ret)
{
	struct cursor_in in = cursor_in(slot->body, slot->length);
	uint8_t version = cursor_get_u8(&in);
	uint16_t bank = cursor_get_u16(&in);

	*ret = (struct tpm2_slot){ .pcrs.mask = cursor_get_u32(&in) };
	if (in.bad || version != TPM2_SLOT_VERSION || bank != TPM2_ALG_SHA256 ||
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
	return parse_objects(&in, ret) && is_canonical(slot, ret) ? 0 : -EBADMSG;
}

int tpm2_slot_format(const struct tpm2_slot *from, struct slot *ret)
{
	struct cursor_out out = cursor_out(ret->body, sizeof(ret->body));

	cursor_put_u8(&out, TPM2_SLOT_VERSION);
	cursor_put_u16(&out, TPM2_ALG_SHA256);
	cursor_put_u32(&out, from->pcrs.mask);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (from->pcrs.mask >> pcr & 1)
			cursor_put_raw(&out, from->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	cursor_put_u16(&out, from->name.size);
	cursor_put_raw(&out, from->name.name, from->name.size);
	if (out.bad ||
	    Tss2_MU_TPM2B_PUBLIC_Marshal(&from->sealed.public, out.base, out.room, &out.used) ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(&from->sealed.private, out.base, out.room, &out.used))
		return -EMSGSIZE;
	ret->kind = SLOT_TPM2;
	ret->length = (uint16_t)out.used;
	return 0;
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
		r = host_seal(wish->host, &body.pcrs, root, &body.sealed, reason);
	if (r)
		return r;
	body.name = wish->host->name;
	if (tpm2_slot_format(&body, ret))
		return refuse(reason, -EIO, "what the host TPM at %s sealed does not fit a slot",
			      wish->host->tcti);
	return 0;
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
	return r ? r : host_unseal(host, &body.sealed, &body.pcrs, ret_root, reason);
}

const struct slot_ops seal_tpm2 = { .kind = SLOT_TPM2, .make = make, .open = open_slot };
