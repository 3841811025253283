// SPDX-License-Identifier: BSD-3-Clause
/*
 * Public areas are read as strictly as a TPM reads them: what is optional in the
 * structure decides what follows, and the last byte ends it.
 */
#include "attest/public.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "attest/tpm2b.h"
#include "base/cleanup.h"
#include "base/cursor.h"

#define POINT_MAX	 (1 + 2 * 66)
#define DEFAULT_EXPONENT 65537
#define EXPONENT_LEAST	 3

/* Part 2, 6.4 TPM_ECC_CURVE */
static const struct curve {
	uint16_t id;
	uint16_t size;
	const char *name;
} curves[] = {
	{ 0x0003, 32, "P-256" },
	{ 0x0004, 48, "P-384" },
	{ 0x0005, 66, "P-521" },
};

static const struct curve *curve_of(uint16_t id)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].id == id)
			return &curves[i];
	return NULL;
}

static enum attest_bank get_bank(struct cursor_in *in)
{
	enum attest_bank bank = hash_by_id(cursor_get_u16(in));

	if (bank == _ATTEST_BANK_MAX)
		in->bad = true;
	return bank;
}

static void get_cipher(struct cursor_in *in, struct public *ret)
{
	ret->cipher = cursor_get_u16(in);
	if (ret->cipher == TPM_ALG_NULL)
		return;
	ret->cipher_bits = cursor_get_u16(in);
	if (cursor_get_u16(in) != TPM_ALG_CFB || ret->cipher != TPM_ALG_AES)
		in->bad = true;
}

static void get_scheme(struct cursor_in *in, struct public *ret)
{
	ret->scheme = cursor_get_u16(in);
	switch (ret->scheme) {
	case TPM_ALG_NULL:
	case TPM_ALG_RSAES:
		return;
	case TPM_ALG_RSASSA:
	case TPM_ALG_RSAPSS:
	case TPM_ALG_OAEP:
	case TPM_ALG_ECDSA:
		ret->scheme_bank = get_bank(in);
		return;
	default:
		in->bad = true;
	}
}

static void get_rsa(struct cursor_in *in, struct public *ret)
{
	get_cipher(in, ret);
	get_scheme(in, ret);
	ret->bits = cursor_get_u16(in);
	ret->exponent = cursor_get_u32(in);
	if (!ret->exponent)
		ret->exponent = DEFAULT_EXPONENT;
	ret->x = tpm2b_get(in);
	if (ret->x.length * 8 != ret->bits || ret->scheme == TPM_ALG_ECDSA ||
	    ret->exponent < EXPONENT_LEAST)
		in->bad = true;
}

static void get_ecc(struct cursor_in *in, struct public *ret)
{
	get_cipher(in, ret);
	get_scheme(in, ret);
	ret->curve = cursor_get_u16(in);
	if (cursor_get_u16(in) != TPM_ALG_NULL) /* a key derivation */
		get_bank(in);
	ret->x = tpm2b_get(in);
	ret->y = tpm2b_get(in);
	if (ret->scheme != TPM_ALG_NULL && ret->scheme != TPM_ALG_ECDSA)
		in->bad = true;
}

bool public_parse(struct public *ret, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct cursor_in size = in;

	/* no type is as large as a public area, so a size is never taken for one */
	if (cursor_get_u16(&size) == length - 2)
		in = size;
	*ret = (struct public){ .area = { in.at, in.left }, .scheme_bank = _ATTEST_BANK_MAX };
	ret->type = cursor_get_u16(&in);
	ret->bank = get_bank(&in);
	ret->attributes = cursor_get_u32(&in);
	tpm2b_get(&in);
	if (ret->type == TPM_ALG_RSA)
		get_rsa(&in, ret);
	else if (ret->type == TPM_ALG_ECC)
		get_ecc(&in, ret);
	else
		return false;
	return cursor_ended(&in);
}

static void put_name(struct hash *hash, enum attest_bank bank, const struct hash_part *parts,
		     size_t count, struct public_name *ret)
{
	struct cursor_out out = cursor_out(ret->bytes, sizeof(ret->bytes));
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(hash, bank, parts, count, digest);
	cursor_put_u16(&out, hash_id(bank));
	cursor_put_raw(&out, digest, hash_size(bank));
	ret->size = out.used;
}

void public_name(const struct public *public, struct hash *hash, struct public_name *ret)
{
	put_name(hash, public->bank, &public->area, 1, ret);
}

void public_qualified(const struct public_name *parent, uint32_t hierarchy,
		      const struct public *public, struct hash *hash, struct public_name *ret)
{
	struct public_name own;
	uint8_t handle[4];
	struct cursor_out out = cursor_out(handle, sizeof(handle));
	struct hash_part parts[2] = { { handle, sizeof(handle) } };

	cursor_put_u32(&out, hierarchy);
	if (parent)
		parts[0] = (struct hash_part){ parent->bytes, parent->size };
	public_name(public, hash, &own);
	parts[1] = (struct hash_part){ own.bytes, own.size };
	put_name(hash, public->bank, parts, 2, ret);
}

static void free_builder(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void free_params(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

static void free_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void free_number(BIGNUM **number)
{
	BN_free(*number);
}

static EVP_PKEY *key_of(const char *kind, OSSL_PARAM_BLD *builder)
{
	_cleanup_(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	_cleanup_(free_context) EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

static EVP_PKEY *rsa_key(const struct public *public, OSSL_PARAM_BLD *builder)
{
	_cleanup_(free_number) BIGNUM *modulus = BN_bin2bn(public->x.at, (int)public->x.length,
							   NULL);

	if (!modulus || BN_num_bits(modulus) != public->bits ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
	    !OSSL_PARAM_BLD_push_uint32(builder, OSSL_PKEY_PARAM_RSA_E, public->exponent))
		return NULL;
	return key_of("RSA", builder);
}

static void put_padded(struct cursor_out *out, struct hash_part number, size_t size)
{
	for (size_t i = number.length; i < size; i++)
		cursor_put_u8(out, 0);
	cursor_put_raw(out, number.at, number.length);
}

static EVP_PKEY *ecc_key(const struct public *public, OSSL_PARAM_BLD *builder)
{
	const struct curve *curve = curve_of(public->curve);
	uint8_t point[POINT_MAX];
	struct cursor_out out = cursor_out(point, sizeof(point));

	if (!curve || public->x.length > curve->size || public->y.length > curve->size)
		return NULL;
	cursor_put_u8(&out, 4); /* uncompressed (SEC 1, 2.3.3) */
	put_padded(&out, public->x, curve->size);
	put_padded(&out, public->y, curve->size);
	if (!OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, out.used))
		return NULL;
	return key_of("EC", builder);
}

EVP_PKEY *public_key(const struct public *public)
{
	_cleanup_(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

	if (!builder)
		return NULL;
	return public->type == TPM_ALG_RSA ? rsa_key(public, builder) : ecc_key(public, builder);
}

EVP_PKEY *public_plain_key(struct hash_part bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.length);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	const uint8_t *at = bytes.at;

	BIO_free(bio);
	if (!key)
		key = d2i_PUBKEY(NULL, &at, (long)bytes.length);
	if (key && at != bytes.at && at != (const uint8_t *)bytes.at + bytes.length) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

bool public_attests(const struct public *public)
{
	const uint32_t wanted = TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT |
				TPMA_OBJECT_ORIGIN | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN;

	return (public->attributes & (wanted | TPMA_OBJECT_DECRYPT)) == wanted;
}

bool public_same(const struct public *public, const EVP_PKEY *key)
{
	EVP_PKEY *own = public_key(public);
	bool same = own && EVP_PKEY_eq(own, key) == 1;

	EVP_PKEY_free(own);
	return same;
}
