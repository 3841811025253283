// SPDX-License-Identifier: BSD-3-Clause
/*
 * The keys that a TPM is known by; see the header.
 *
 * The endorsement keys follow the TCG EK Credential Profile for TPM Family 2.0, templates L-1,
 * L-2, H-3; the attestation key is the one that vtpmctl makes from its template (evidence.rst).
 * All are primary objects, made from the endorsement seed and the template alone: whoever
 * creates one with the same template, as tpm2_createek does, gets the same key.
 *
 * A client with ownerAuth can remove a key from its handle and put another one there. So what
 * is found there counts only if it is of the template, and a primary object of the
 * endorsement hierarchy: its qualified Name says so. Otherwise the key is made anew, for as long as
 * it takes to look at it.
 */
#include "engine/identity.h"

#include <errno.h>

#include "attest/public.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "engine/order.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_EVICT_CONTROL  0x120
#define TPM_CC_CREATE_PRIMARY 0x131
#define TPM_CC_FLUSH_CONTEXT  0x165
#define TPM_CC_READ_PUBLIC    0x173

/* Part 2, 6.3 TPM_ALG_ID, besides those of attest/public.h */
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c

/* Part 2, 6.4 TPM_ECC_CURVE */
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

/* Part 2, 7.4 TPM_RH */
#define TPM_RH_OWNER	   0x40000001
#define TPM_RH_ENDORSEMENT 0x4000000b

/* Another response than TPM_RC_SUCCESS, or another key than it shall be */
#define REFUSED IDENTITY_NONE

/* Part 2, 8.3 TPMA_OBJECT: fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy,
 * restricted, decrypt; and userWithAuth for the templates of the high range
 */
#define EK_ATTRIBUTES	   0x000300b2
#define EK_ATTRIBUTES_HIGH 0x000300f2
/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign */
#define AK_ATTRIBUTES 0x00050472

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
struct template {
	uint32_t handle;
	uint16_t type;
	uint16_t name_alg;
	uint32_t attributes;
	uint8_t policy[DIGEST_MAX];
	uint16_t policy_size;
	uint16_t aes_bits; /* 0: it signs, by ECDSA with SHA-256 */
	uint16_t curve;	   /* ECC */
	uint16_t unique;   /* zero bytes of each part of the unique field */
};

static const struct template templates[_KEYD_CERT_KIND_MAX] = {
	/* L-1 */
	[KEYD_CERT_EK_RSA_2048] = { 0x81010001, TPM_ALG_RSA, TPM_ALG_SHA256, EK_ATTRIBUTES,
				    { POLICY_A_SHA256 }, 32, 128, 0, 256 },
	/* L-2 */
	[KEYD_CERT_EK_P256] = { 0x8101000a, TPM_ALG_ECC, TPM_ALG_SHA256, EK_ATTRIBUTES,
				{ POLICY_A_SHA256 }, 32, 128, TPM_ECC_NIST_P256, 32 },
	/* H-3 */
	[KEYD_CERT_EK_P384] = { 0x81010016, TPM_ALG_ECC, TPM_ALG_SHA384, EK_ATTRIBUTES_HIGH,
				{ POLICY_B_SHA384 }, 48, 256, TPM_ECC_NIST_P384, 0 },
	[KEYD_CERT_IAK] = { 0x81020001, TPM_ALG_ECC, TPM_ALG_SHA256, AK_ATTRIBUTES, { 0 }, 0, 0,
			    TPM_ECC_NIST_P256, 0 },
};

static void put_zeros(struct cursor_out *out, uint16_t size)
{
	static const uint8_t zero[256];

	cursor_put_u16(out, size);
	cursor_put_raw(out, zero, size);
}

/* TPMT_PUBLIC (Part 2, 12.2.4) up to its unique field (12.2.3.5, 12.2.3.6) */
static void put_parameters(struct cursor_out *out, const struct template *key)
{
	cursor_put_u16(out, key->type);
	cursor_put_u16(out, key->name_alg);
	cursor_put_u32(out, key->attributes);
	cursor_put_u16(out, key->policy_size);
	cursor_put_raw(out, key->policy, key->policy_size);
	if (key->aes_bits) {
		cursor_put_u16(out, TPM_ALG_AES);
		cursor_put_u16(out, key->aes_bits);
		cursor_put_u16(out, TPM_ALG_CFB);
		cursor_put_u16(out, TPM_ALG_NULL); /* scheme */
	} else {
		cursor_put_u16(out, TPM_ALG_NULL); /* symmetric */
		cursor_put_u16(out, TPM_ALG_ECDSA);
		cursor_put_u16(out, TPM_ALG_SHA256);
	}
	if (key->type == TPM_ALG_RSA) {
		cursor_put_u16(out, 2048);
		cursor_put_u32(out, 0); /* exponent: 2^16 + 1 */
	} else {
		cursor_put_u16(out, key->curve);
		cursor_put_u16(out, TPM_ALG_NULL); /* kdf */
	}
}

static void put_template(struct cursor_out *out, const struct template *key)
{
	put_parameters(out, key);
	put_zeros(out, key->unique);
	if (key->type == TPM_ALG_ECC)
		put_zeros(out, key->unique);
}

/* Part 3, 24.1. Return: 0; REFUSED; -ENOTRECOVERABLE */
static int create_primary(const struct template *key, uint32_t *ret_handle)
{
	uint8_t bytes[400];
	struct cursor_out template = cursor_out(bytes, sizeof(bytes));
	struct cursor_in in;
	struct order order;
	uint32_t rc;
	int r;

	put_template(&template, key);
	order_begin(&order, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	cursor_put_u32(&order.out, TPM_RH_ENDORSEMENT);
	order_put_password(&order);
	cursor_put_u16(&order.out, 4); /* inSensitive: no userAuth, no data */
	cursor_put_u32(&order.out, 0);
	cursor_put_u16(&order.out, (uint16_t)template.used);
	cursor_put_raw(&order.out, template.base, template.used);
	cursor_put_u16(&order.out, 0); /* outsideInfo */
	cursor_put_u32(&order.out, 0); /* creationPCR */
	r = order_ask(&order, &rc);
	if (r || rc)
		return r ? r : REFUSED;
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	*ret_handle = cursor_get_u32(&in);
	return in.bad || template.bad ? -ENOTRECOVERABLE : 0;
}

static int flush(uint32_t handle)
{
	struct order order;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	cursor_put_u32(&order.out, handle);
	return order_give(&order, TPM_RC_SUCCESS);
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
	return r ? r : flush(handle);
}

int identity_make(void)
{
	uint32_t handle;
	int r = 0;

	for (size_t kind = KEYD_CERT_EK_RSA_2048; !r && kind < _KEYD_CERT_KIND_MAX; kind++) {
		r = create_primary(&templates[kind], &handle);
		if (!r)
			r = keep(handle, templates[kind].handle);
	}
	return r == REFUSED ? -ENOTRECOVERABLE : r;
}

/*
 * TPM2B_PUBLIC, Name, qualified Name: whose parent is the hierarchy is a primary object
 * (Part 1, 16).
 */
static bool is_primary(struct hash *hash, const struct public *public, struct cursor_in *in)
{
	struct public_name names[2];

	public_name(public, hash, &names[0]);
	public_qualified(NULL, TPM_RH_ENDORSEMENT, public, hash, &names[1]);
	for (size_t i = 0; i < 2; i++) {
		size_t size = cursor_get_u16(in);
		const uint8_t *name = cursor_get_bytes(in, size);

		if (!name || size != names[i].size || !secret_equal(name, names[i].bytes, size))
			return false;
	}
	return cursor_ended(in) && !hash_failed(hash);
}

static bool is_of(const struct template *key, const uint8_t *area, size_t length)
{
	uint8_t bytes[100];
	struct cursor_out parameters = cursor_out(bytes, sizeof(bytes));

	put_parameters(&parameters, key);
	return !parameters.bad && length > parameters.used &&
	       secret_equal(area, parameters.base, parameters.used);
}

/* Part 3, 12.4. Return: 0; REFUSED (nothing is there, or another key); -ENOTRECOVERABLE */
static int look(uint32_t handle, const struct template *key, struct identity *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct public public;
	const uint8_t *area;
	struct cursor_in in;
	struct order order;
	size_t length;
	uint32_t rc;
	int r;

	order_begin(&order, TPM_ST_NO_SESSIONS, TPM_CC_READ_PUBLIC);
	cursor_put_u32(&order.out, handle);
	r = order_ask(&order, &rc);
	if (r || rc)
		return r ? r : REFUSED;
	in = cursor_in(order.response, order.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	length = cursor_get_u16(&in);
	area = cursor_get_bytes(&in, length);
	if (!hash)
		return -ENOTRECOVERABLE;
	if (!area || !is_of(key, area, length) || !public_parse(&public, area, length) ||
	    !is_primary(hash, &public, &in) ||
	    !cursor_copy(ret->public, sizeof(ret->public), area, length))
		return REFUSED;
	ret->length = length;
	return 0;
}

int identity_use(enum keyd_cert_kind kind, struct identity *ret, uint32_t *ret_handle)
{
	const struct template *key = &templates[kind];
	int r;

	*ret_handle = key->handle;
	r = look(key->handle, key, ret);
	if (r != REFUSED)
		return r;
	r = create_primary(key, ret_handle);
	if (r)
		return r;
	r = look(*ret_handle, key, ret);
	return r == REFUSED ? -ENOTRECOVERABLE : r;
}

int identity_read(enum keyd_cert_kind kind, struct identity *ret)
{
	uint32_t handle;
	int r = identity_use(kind, ret, &handle);

	return r || handle == templates[kind].handle ? r : flush(handle);
}
