// SPDX-License-Identifier: BSD-3-Clause
/*
 * The protection of a credential, step by step as Part 1, 24 has it. Seed and keys are
 * wiped, whatever happens.
 */
#include "attest/credential.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "attest/tpm2b.h"
#include "base/cleanup.h"

#define TOOLS_MAGIC   0xbadcc0de
#define TOOLS_VERSION 1
#define LABEL	      "IDENTITY" /* its NUL counts */
#define COORDINATE_MAX 66
#define CIPHER_BLOCK  16

/**
 * struct keys - what must not be known
 * @size: bytes of the seed, and of a digest
 * @seed: that only the TPM can have
 * @cipher: key of the identity
 * @mac: key of the integrity
 */
struct keys {
	size_t size;
	uint8_t seed[ATTEST_DIGEST_MAX];
	uint8_t cipher[ATTEST_DIGEST_MAX];
	uint8_t mac[ATTEST_DIGEST_MAX];
};

static void wipe_keys(struct keys *keys)
{
	secret_wipe(keys, sizeof(*keys));
}

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void free_cipher(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

/* Part 1, 11.4.10.2: no key here is longer than one digest. */
static bool kdfa(enum attest_bank bank, const struct keys *keys, const char *label,
		 struct hash_part context, size_t bits, uint8_t ret[ATTEST_DIGEST_MAX])
{
	const EVP_MD *md = EVP_get_digestbyname(hash_openssl(bank));
	uint8_t bytes[128];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_u32(&out, 1);
	cursor_put_raw(&out, label, strlen(label) + 1);
	cursor_put_raw(&out, context.at, context.length);
	cursor_put_u32(&out, (uint32_t)bits);
	return md && !out.bad && HMAC(md, keys->seed, (int)keys->size, bytes, out.used, ret, NULL);
}

static int rsa_seed(const struct public *ek, EVP_PKEY *key, struct keys *keys,
		    struct cursor_out *out)
{
	_cleanup_(free_context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t encrypted[PUBLIC_BYTES_MAX];
	size_t length = sizeof(encrypted);
	const EVP_MD *md = EVP_get_digestbyname(hash_openssl(ek->bank));
	char *label;

	if (RAND_priv_bytes(keys->seed, (int)keys->size) != 1 || !context || !md ||
	    EVP_PKEY_encrypt_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(context, md) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, md) != 1)
		return -EIO;
	label = OPENSSL_memdup(LABEL, sizeof(LABEL));
	if (!label || EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, sizeof(LABEL)) != 1) {
		OPENSSL_free(label);
		return -EIO;
	}
	if (EVP_PKEY_encrypt(context, encrypted, &length, keys->seed, keys->size) != 1)
		return -EIO;
	tpm2b_put(out, encrypted, length);
	return 0;
}

/* The uncompressed point of @key, whose coordinates are returned. */
static bool point_of(EVP_PKEY *key, uint8_t bytes[1 + 2 * COORDINATE_MAX], struct hash_part ret[2])
{
	size_t length;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes,
					    1 + 2 * COORDINATE_MAX, &length) != 1 || *bytes != 4)
		return false;
	length = (length - 1) / 2;
	ret[0] = (struct hash_part){ bytes + 1, length };
	ret[1] = (struct hash_part){ bytes + 1 + length, length };
	return true;
}

static int agree(EVP_PKEY *own, EVP_PKEY *theirs, uint8_t ret[COORDINATE_MAX], size_t *ret_length)
{
	_cleanup_(free_context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);

	*ret_length = COORDINATE_MAX;
	return context && EVP_PKEY_derive_init(context) == 1 &&
		       EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
		       EVP_PKEY_derive(context, ret, ret_length) == 1 ? 0 : -EIO;
}

/* Part 1, 11.4.10.3 KDFe, of a shared point and both public ones */
static int ecc_seed(const struct public *ek, EVP_PKEY *key, struct hash *hash, struct keys *keys,
		    struct cursor_out *out)
{
	_cleanup_(free_key) EVP_PKEY *own = NULL;
	static const uint8_t counter[] = { 0, 0, 0, 1 };
	uint8_t bytes[2][1 + 2 * COORDINATE_MAX], shared[COORDINATE_MAX], inner[256];
	struct cursor_out point = cursor_out(inner, sizeof(inner));
	struct hash_part ours[2], theirs[2];
	size_t length;
	char group[32];
	int r;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return -EIO;
	own = EVP_EC_gen(group);
	if (!own || !point_of(own, bytes[0], ours) || !point_of(key, bytes[1], theirs))
		return -EIO;
	r = agree(own, key, shared, &length);
	if (!r) {
		const struct hash_part parts[] = { { counter, sizeof(counter) },
						   { shared, length },
						   { LABEL, sizeof(LABEL) },
						   ours[0], theirs[0] };

		hash_parts(hash, ek->bank, parts, sizeof(parts) / sizeof(parts[0]), keys->seed);
	}
	secret_wipe(shared, sizeof(shared));
	tpm2b_put(&point, ours[0].at, ours[0].length);
	tpm2b_put(&point, ours[1].at, ours[1].length);
	tpm2b_put(out, inner, point.used);
	return r;
}

static bool encrypt(const struct public *ek, const struct keys *keys, struct hash_part secret,
		    uint8_t *ret, size_t *ret_length)
{
	_cleanup_(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	static const uint8_t iv[CIPHER_BLOCK];
	uint8_t plain[2 + CREDENTIAL_SECRET_MAX];
	struct cursor_out out = cursor_out(plain, sizeof(plain));
	int length;
	bool good;

	tpm2b_put(&out, secret.at, secret.length);
	good = context && !out.bad &&
	       EVP_EncryptInit_ex(context, ek->cipher_bits == 128 ? EVP_aes_128_cfb128()
								 : EVP_aes_256_cfb128(),
				  NULL, keys->cipher, iv) == 1 &&
	       EVP_EncryptUpdate(context, ret, &length, plain, (int)out.used) == 1;
	secret_wipe(plain, sizeof(plain));
	*ret_length = good ? out.used : 0;
	return good;
}

static int protect(const struct public *ek, const struct public_name *name,
		   struct hash_part secret, struct keys *keys, struct cursor_out *out)
{
	const EVP_MD *md = EVP_get_digestbyname(hash_openssl(ek->bank));
	uint8_t covered[2 + CREDENTIAL_SECRET_MAX + PUBLIC_NAME_MAX], mac[ATTEST_DIGEST_MAX];
	struct cursor_out tail;
	size_t length;

	if (!md ||
	    !kdfa(ek->bank, keys, "STORAGE", (struct hash_part){ name->bytes, name->size },
		  ek->cipher_bits, keys->cipher) ||
	    !kdfa(ek->bank, keys, "INTEGRITY", (struct hash_part){ "", 0 }, 8 * keys->size,
		  keys->mac) ||
	    !encrypt(ek, keys, secret, covered, &length))
		return -EIO;
	tail = cursor_out(covered + length, sizeof(covered) - length);
	cursor_put_raw(&tail, name->bytes, name->size);
	if (!HMAC(md, keys->mac, (int)keys->size, covered, length + tail.used, mac, NULL))
		return -EIO;
	cursor_put_u16(out, (uint16_t)(2 + keys->size + length));
	tpm2b_put(out, mac, keys->size);
	cursor_put_raw(out, covered, length);
	return out->bad || tail.bad ? -EIO : 0;
}

int credential_make(const struct public *ek, const struct public_name *name,
		    struct hash_part secret, struct hash *hash, struct credential *ret)
{
	_cleanup_(wipe_keys) struct keys keys = { .size = hash_size(ek->bank) };
	_cleanup_(free_key) EVP_PKEY *key = public_key(ek);
	uint8_t seed[PUBLIC_BYTES_MAX];
	struct cursor_out sealed = cursor_out(seed, sizeof(seed));
	struct cursor_out out = cursor_out(ret->bytes, sizeof(ret->bytes));
	int r;

	if (!key || ek->cipher != TPM_ALG_AES ||
	    (ek->cipher_bits != 128 && ek->cipher_bits != 256) ||
	    !(ek->attributes & TPMA_OBJECT_DECRYPT) || !secret.length ||
	    secret.length > CREDENTIAL_SECRET_MAX || secret.length > keys.size)
		return -EINVAL;
	cursor_put_u32(&out, TOOLS_MAGIC);
	cursor_put_u32(&out, TOOLS_VERSION);
	r = ek->type == TPM_ALG_RSA ? rsa_seed(ek, key, &keys, &sealed)
				    : ecc_seed(ek, key, hash, &keys, &sealed);
	if (!r && hash_failed(hash))
		r = -EIO;
	if (!r)
		r = protect(ek, name, secret, &keys, &out);
	cursor_put_raw(&out, seed, sealed.used);
	ERR_clear_error();
	if (!r && (out.bad || sealed.bad))
		r = -EIO;
	if (!r)
		ret->size = out.used;
	return r;
}
