// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a TPM gets before anybody has it: PCR banks and keys. All of it
 * comes before the first publish, so that a vTPM is either whole or absent.
 *
 *	_TPM_Init, Startup	of the new or the given state
 *	PCR_Allocate		if other banks are wanted; needs platformAuth, which is
 *				still empty, and works from the next _TPM_Init on
 *	CreatePrimary, EvictControl	for each key that a new TPM is known by (identity.c)
 *	NV_DefineSpace, ...	for each certificate that is wanted (certify.c); needs platformAuth
 *	Shutdown, _TPM_Init	off and on again; the caller goes on from here
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/entropy.h"
#include "engine/identity.h"
#include "engine/order.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_PCR_ALLOCATE 0x12b

/* Part 2, 6.3 TPM_ALG_ID */
#define TPM_ALG_SHA256 0x000b

/* Part 2, 6.12 TPM_CAP */
#define TPM_CAP_PCRS 0x00000005

/* PCRs of a bank, in TPMS_PCR_SELECT (Part 2, 10.6.2) */
#define PCR_SELECT_SIZE 3
#define PCR_BYTE_ALL	0xff

/* Banks of a new TPM where nobody asks for others */
#define BANKS_DEFAULT (1u << TPM_ALG_SHA256)

/* TPM_CAP_PCRS: all banks the TPM knows, and which of them it has. */
static int ask_banks(uint32_t *ret_known, uint32_t *ret_has)
{
	uint32_t count, known = 0, has = 0;
	struct cursor_in in;
	struct order order;
	int r;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&order.out, TPM_CAP_PCRS);
	cursor_put_u32(&order.out, 0);
	cursor_put_u32(&order.out, 1);
	r = order_give(&order, TPM_RC_SUCCESS);
	if (r)
		return r;
	/* moreData, capability, TPML_PCR_SELECTION (Part 2, 10.9.7) */
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 1 + 4);
	for (count = cursor_get_u32(&in); count && !in.bad; count--) {
		uint16_t algorithm = cursor_get_u16(&in);
		uint8_t size = cursor_get_u8(&in);
		const uint8_t *select = cursor_get_bytes(&in, size);

		if (!select || algorithm >= 32)
			continue;
		known |= 1u << algorithm;
		if (!cursor_is_zero(select, size))
			has |= 1u << algorithm;
	}
	if (!cursor_ended(&in))
		return -ENOTRECOVERABLE;
	*ret_known = known;
	*ret_has = has;
	return 0;
}

/* Part 3, 22.5 */
static int allocate_banks(uint32_t known, uint32_t wanted)
{
	struct cursor_in in;
	struct order order;
	int r;

	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_PCR_ALLOCATE);
	cursor_put_u32(&order.out, TPM_RH_PLATFORM);
	order_put_password(&order);
	cursor_put_u32(&order.out, (uint32_t)__builtin_popcount(known));
	for (uint16_t algorithm = 0; algorithm < 32; algorithm++) {
		if (!(known & 1u << algorithm))
			continue;
		cursor_put_u16(&order.out, algorithm);
		cursor_put_u8(&order.out, PCR_SELECT_SIZE);
		for (int i = 0; i < PCR_SELECT_SIZE; i++)
			cursor_put_u8(&order.out, wanted & 1u << algorithm ? PCR_BYTE_ALL : 0);
	}
	r = order_give(&order, TPM_RC_SUCCESS);
	if (r)
		return r;
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4);
	return cursor_get_u8(&in) == 1 ? 0 : -ENOTRECOVERABLE;
}

static int set_banks(struct engine *engine, uint32_t wanted)
{
	uint32_t known, has;
	int r;

	r = ask_banks(&known, &has);
	if (r || wanted == has)
		return r;
	if (wanted & ~known)
		return engine_fails(engine, -EINVAL,
				    "PCR banks %#x are asked for, this TPM knows %#x", wanted,
				    known);
	return allocate_banks(known, wanted);
}

static int certify_keys(struct engine *engine)
{
	engine_certified_done(engine);
	engine->certified = calloc(_KEYD_CERT_KIND_MAX, sizeof(*engine->certified));
	return engine->certified ? certify(&engine->certify, engine->issuer, engine->certified)
				 : -ENOMEM;
}

void engine_certified_done(struct engine *engine)
{
	free(engine->certified);
	engine->certified = NULL;
}

int engine_manufacture(struct engine *engine, bool new)
{
	uint32_t banks = engine->banks;
	int r;

	if (!banks && new)
		banks = BANKS_DEFAULT;
	r = engine_order_startup();
	if (!r && new)
		r = engine_order_stir();
	if (!r && banks)
		r = set_banks(engine, banks);
	if (!r && new)
		r = identity_make();
	if (!r && engine->certify.kinds)
		r = certify_keys(engine);
	if (!r)
		r = engine_order_shutdown();
	return r ? r : tpmlib_power_cycle();
}
