// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a TPM gets before anybody has it: PCR banks and endorsement keys. All of it
 * comes before the first publish, so that a vTPM is either whole or absent.
 *
 *	_TPM_Init, Startup	of the new or the given state
 *	PCR_Allocate		if other banks are wanted; needs platformAuth, which is
 *				still empty, and works from the next _TPM_Init on
 *	CreatePrimary, EvictControl	for each endorsement key of a new TPM
 *	Shutdown, _TPM_Init	off and on again; the caller goes on from here
 *
 * The keys follow the TCG EK Credential Profile for TPM Family 2.0, templates L-1, L-2, H-3.
 * They are primary objects, made from the endorsement seed and the template alone:
 * whoever creates one with the same template, as tpm2_createek does, gets the
 * same key.
 */
#include "engine/engine.h"

#include <errno.h>

#include "engine/entropy.h"
#include "engine/order.h"
#include "engine/tpmlib.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_EVICT_CONTROL  0x120
#define TPM_CC_PCR_ALLOCATE   0x12b
#define TPM_CC_CREATE_PRIMARY 0x131
#define TPM_CC_FLUSH_CONTEXT  0x165

/* Part 2, 6.3 TPM_ALG_ID */
#define TPM_ALG_RSA    0x0001
#define TPM_ALG_AES    0x0006
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_NULL   0x0010
#define TPM_ALG_ECC    0x0023
#define TPM_ALG_CFB    0x0043

/* Part 2, 6.4 TPM_ECC_CURVE */
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

/* Part 2, 6.12 TPM_CAP, 7.4 TPM_RH */
#define TPM_CAP_PCRS	   0x00000005
#define TPM_RH_OWNER	   0x40000001
#define TPM_RH_ENDORSEMENT 0x4000000b

/* PCRs of a bank, in TPMS_PCR_SELECT (Part 2, 10.6.2) */
#define PCR_SELECT_SIZE 3
#define PCR_BYTE_ALL	0xff

/* Banks of a new TPM where nobody asks for others */
#define BANKS_DEFAULT (1u << TPM_ALG_SHA256)

/* Part 2, 8.3 TPMA_OBJECT: fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy,
 * restricted, decrypt; and userWithAuth for the templates of the high range
 */
#define EK_ATTRIBUTES	   0x000300b2
#define EK_ATTRIBUTES_HIGH 0x000300f2

#define DIGEST_MAX 48

/* The profile's PolicyA: PolicySecret(TPM_RH_ENDORSEMENT), SHA-256 */
#define POLICY_A_SHA256                                                                         \
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5,     \
		0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, \
		0x1b, 0x33, 0x14, 0x69, 0xaa
/* The profile's PolicyB: that, or PolicyAuthorizeNV of an index of the owner's; SHA-384 */
#define POLICY_B_SHA384                                                                         \
	0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd,     \
		0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, \
		0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, \
		0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12

/* A template, and where the key is kept. */
struct ek {
	uint32_t handle;
	uint16_t type;
	uint16_t name_alg;
	uint32_t attributes;
	uint8_t policy[DIGEST_MAX];
	uint16_t policy_size;
	uint16_t aes_bits;
	uint16_t curve;	 /* ECC */
	uint16_t unique; /* zero bytes of each part of the unique field */
};

static const struct ek eks[] = {
	{ 0x81010001, TPM_ALG_RSA, TPM_ALG_SHA256, EK_ATTRIBUTES, { POLICY_A_SHA256 }, 32, 128, 0,
	  256 }, /* L-1 */
	{ 0x8101000a, TPM_ALG_ECC, TPM_ALG_SHA256, EK_ATTRIBUTES, { POLICY_A_SHA256 }, 32, 128,
	  TPM_ECC_NIST_P256, 32 }, /* L-2 */
	{ 0x81010016, TPM_ALG_ECC, TPM_ALG_SHA384, EK_ATTRIBUTES_HIGH, { POLICY_B_SHA384 }, 48,
	  256, TPM_ECC_NIST_P384, 0 }, /* H-3 */
};

static void put_zeros(struct cursor_out *out, uint16_t size)
{
	static const uint8_t zero[256];

	cursor_put_u16(out, size);
	cursor_put_raw(out, zero, size);
}

/* TPMT_PUBLIC (Part 2, 12.2.4) with its parameters (12.2.3.5, 12.2.3.6) */
static void put_template(struct cursor_out *out, const struct ek *ek)
{
	cursor_put_u16(out, ek->type);
	cursor_put_u16(out, ek->name_alg);
	cursor_put_u32(out, ek->attributes);
	cursor_put_u16(out, ek->policy_size);
	cursor_put_raw(out, ek->policy, ek->policy_size);
	cursor_put_u16(out, TPM_ALG_AES);
	cursor_put_u16(out, ek->aes_bits);
	cursor_put_u16(out, TPM_ALG_CFB);
	cursor_put_u16(out, TPM_ALG_NULL); /* scheme */
	if (ek->type == TPM_ALG_RSA) {
		cursor_put_u16(out, 2048);
		cursor_put_u32(out, 0); /* exponent: 2^16 + 1 */
		put_zeros(out, ek->unique);
	} else {
		cursor_put_u16(out, ek->curve);
		cursor_put_u16(out, TPM_ALG_NULL); /* kdf */
		put_zeros(out, ek->unique);
		put_zeros(out, ek->unique);
	}
}

/* Part 3, 24.1 */
static int create_primary(const struct ek *ek, uint32_t *ret_handle)
{
	uint8_t bytes[400];
	struct cursor_out template = cursor_out(bytes, sizeof(bytes));
	struct cursor_in in;
	struct order order;
	int r;

	put_template(&template, ek);
	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	cursor_put_u32(&order.out, TPM_RH_ENDORSEMENT);
	order_put_password(&order);
	cursor_put_u16(&order.out, 4); /* inSensitive: no userAuth, no data */
	cursor_put_u32(&order.out, 0);
	cursor_put_u16(&order.out, (uint16_t)template.used);
	cursor_put_raw(&order.out, template.base, template.used);
	cursor_put_u16(&order.out, 0); /* outsideInfo */
	cursor_put_u32(&order.out, 0); /* creationPCR */
	r = order_give(&order, TPM_RC_SUCCESS);
	if (r)
		return r;
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	*ret_handle = cursor_get_u32(&in);
	return in.bad || template.bad ? -ENOTRECOVERABLE : 0;
}

/* Part 3, 28.5: 0x81000000 to 0x817fffff are the owner's to give */
static int keep(uint32_t handle, uint32_t persistent)
{
	struct order order;
	int r;

	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_EVICT_CONTROL);
	cursor_put_u32(&order.out, TPM_RH_OWNER);
	cursor_put_u32(&order.out, handle);
	order_put_password(&order);
	cursor_put_u32(&order.out, persistent);
	r = order_give(&order, TPM_RC_SUCCESS);
	if (r)
		return r;
	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	cursor_put_u32(&order.out, handle);
	return order_give(&order, TPM_RC_SUCCESS);
}

static int make_endorsement_keys(void)
{
	uint32_t handle;
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(eks) / sizeof(eks[0]); i++) {
		r = create_primary(&eks[i], &handle);
		if (!r)
			r = keep(handle, eks[i].handle);
	}
	return r;
}

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
		r = make_endorsement_keys();
	if (!r)
		r = engine_order_shutdown();
	return r ? r : tpmlib_power_cycle();
}
