// SPDX-License-Identifier: BSD-3-Clause
/*
 * Calls of OpenSSL's EVP; see the header.
 *
 * OpenSSL keeps copies of keys inside its contexts; those it wipes itself when they
 * are freed. Errors on its queue are of no use to an operator and are dropped.
 */
#include "seal/crypto.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

#define INFO_MAX 256

static void free_cipher(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_key_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void free_kdf(EVP_KDF **kdf)
{
	EVP_KDF_free(*kdf);
}

static void free_kdf_context(EVP_KDF_CTX **context)
{
	EVP_KDF_CTX_free(*context);
}

static void free_group(EC_GROUP **group)
{
	EC_GROUP_free(*group);
}

static void free_point(EC_POINT **point)
{
	EC_POINT_free(*point);
}

static void free_number(BIGNUM **number)
{
	BN_clear_free(*number);
}

static void free_numbers(BN_CTX **context)
{
	BN_CTX_free(*context);
}

static void free_signature(ECDSA_SIG **signature)
{
	ECDSA_SIG_free(*signature);
}

static void free_builder(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void free_params(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params); /* wipes what came from a secure BIGNUM */
}

int seal_random(void *to, size_t length)
{
	return RAND_priv_bytes(to, (int)length) == 1 ? 0 : -EIO;
}

int seal_hash(struct seal_bytes bytes, uint8_t ret[SEAL_HASH_SIZE])
{
	return EVP_Digest(bytes.at, bytes.length, ret, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}

int seal_hmac(const uint8_t key[SEAL_KEY_SIZE], struct seal_bytes bytes,
	      uint8_t ret[SEAL_HASH_SIZE])
{
	return HMAC(EVP_sha256(), key, SEAL_KEY_SIZE, bytes.at, bytes.length, ret, NULL) ? 0 : -EIO;
}

static OSSL_PARAM octets(const char *name, struct seal_bytes bytes)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes.at, bytes.length);
}

int seal_derive(struct seal_bytes secret, struct seal_bytes salt, const char *label,
		struct seal_bytes context, uint8_t *ret, size_t length)
{
	_cleanup_(free_kdf) EVP_KDF *kdf = NULL;
	_cleanup_(free_kdf_context) EVP_KDF_CTX *hkdf = NULL;
	char digest[] = "SHA256";
	uint8_t info[INFO_MAX];
	struct cursor_out out = cursor_out(info, sizeof(info));
	OSSL_PARAM params[5];
	size_t count = 0;

	/* the ending NUL of the label keeps "a" + "bc" and "ab" + "c" apart */
	cursor_put_raw(&out, label, strlen(label) + 1);
	cursor_put_raw(&out, context.at, context.length);
	if (out.bad)
		return -EMSGSIZE;

	params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	params[count++] = octets(OSSL_KDF_PARAM_KEY, secret);
	if (salt.length)
		params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
	params[count++] = octets(OSSL_KDF_PARAM_INFO, (struct seal_bytes){ info, out.used });
	params[count] = OSSL_PARAM_construct_end();

	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	hkdf = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	return hkdf && EVP_KDF_derive(hkdf, ret, length, params) == 1 ? 0 : -EIO;
}

int seal_encrypt(const uint8_t *key, const uint8_t *nonce, struct seal_bytes aad,
		 struct seal_bytes plain, uint8_t *ret)
{
	_cleanup_(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n;

	if (!context || !EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce))
		return -EIO;
	if (aad.length && !EVP_EncryptUpdate(context, NULL, &n, aad.at, (int)aad.length))
		return -EIO;
	if (!EVP_EncryptUpdate(context, ret, &n, plain.at, (int)plain.length) ||
	    !EVP_EncryptFinal_ex(context, ret + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_SIZE, ret + plain.length))
		return -EIO;
	return 0;
}

static int decrypt(EVP_CIPHER_CTX *context, struct seal_bytes aad, const uint8_t *text,
		   size_t length, uint8_t *ret)
{
	uint8_t tag[SEAL_TAG_SIZE];
	int n;

	cursor_copy(tag, sizeof(tag), text + length, sizeof(tag));
	if (aad.length && !EVP_DecryptUpdate(context, NULL, &n, aad.at, (int)aad.length))
		return -EIO;
	if (!EVP_DecryptUpdate(context, ret, &n, text, (int)length) ||
	    !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_SIZE, tag))
		return -EIO;
	return EVP_DecryptFinal_ex(context, ret + n, &n) == 1 ? 0 : -EBADMSG;
}

int seal_decrypt(const uint8_t *key, const uint8_t *nonce, struct seal_bytes aad,
		 struct seal_bytes sealed, uint8_t *ret)
{
	_cleanup_(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t length = sealed.length - SEAL_TAG_SIZE;
	int r;

	if (sealed.length < SEAL_TAG_SIZE)
		return -EBADMSG;
	if (!context || !EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce))
		return -EIO;
	r = decrypt(context, aad, sealed.at, length, ret);
	if (r)
		secret_wipe(ret, length);
	return r;
}

/* A key of P-256 from its public half, and its private one where there is any. */
static int key_from(const uint8_t *scalar, const uint8_t *point, EVP_PKEY **ret)
{
	_cleanup_(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	_cleanup_(free_params) OSSL_PARAM *params = NULL;
	_cleanup_(free_number) BIGNUM *number = BN_secure_new();
	_cleanup_(free_key_context)
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	int selection = scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;

	if (!builder || !number || !context)
		return -EIO;
	/* OpenSSL takes other forms of the same point, but points go into derivations as bytes */
	if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return -EINVAL;
	if (!OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
					      SEAL_POINT_SIZE))
		return -EIO;
	if (scalar && (!BN_bin2bn(scalar, SEAL_SCALAR_SIZE, number) ||
		       !OSSL_PARAM_BLD_push_BN_pad(builder, OSSL_PKEY_PARAM_PRIV_KEY, number,
						   SEAL_SCALAR_SIZE)))
		return -EIO;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (!params || EVP_PKEY_fromdata_init(context) != 1)
		return -EIO;
	if (EVP_PKEY_fromdata(context, ret, selection, params) == 1)
		return 0;
	ERR_clear_error();
	return -EINVAL;
}

int seal_pair_new(uint8_t ret_scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(free_number) BIGNUM *number = NULL;
	size_t length = 0;

	if (!key || !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) ||
	    !EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret_point,
					     SEAL_POINT_SIZE, &length))
		return -EIO;
	if (length != SEAL_POINT_SIZE || BN_bn2binpad(number, ret_scalar, SEAL_SCALAR_SIZE) < 0)
		return -EIO;
	return 0;
}

int seal_point_of(const uint8_t scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE])
{
	_cleanup_(free_group) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	_cleanup_(free_point) EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	_cleanup_(free_number) BIGNUM *number = BN_bin2bn(scalar, SEAL_SCALAR_SIZE, NULL);

	if (!point || !number)
		return -EIO;
	if (BN_is_zero(number) || BN_cmp(number, EC_GROUP_get0_order(group)) >= 0)
		return -EINVAL;
	BN_set_flags(number, BN_FLG_CONSTTIME);
	if (!EC_POINT_mul(group, point, number, NULL, NULL, NULL) ||
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point,
			       SEAL_POINT_SIZE, NULL) != SEAL_POINT_SIZE)
		return -EIO;
	return 0;
}

int seal_even_pair_new(uint8_t ret_scalar[SEAL_SCALAR_SIZE], uint8_t ret_point[SEAL_POINT_SIZE])
{
	int r;

	do
		r = seal_pair_new(ret_scalar, ret_point);
	while (!r && ret_point[SEAL_POINT_SIZE - 1] & 1);
	return r;
}

int seal_even_point(const uint8_t x[SEAL_X_SIZE], uint8_t ret_point[SEAL_POINT_SIZE])
{
	_cleanup_(free_group) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	_cleanup_(free_point) EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	uint8_t short_form[1 + SEAL_X_SIZE];
	struct cursor_out out = cursor_out(short_form, sizeof(short_form));

	if (!point)
		return -EIO;
	cursor_put_u8(&out, POINT_CONVERSION_COMPRESSED);
	cursor_put_raw(&out, x, SEAL_X_SIZE);
	if (EC_POINT_oct2point(group, point, short_form, sizeof(short_form), NULL) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	return EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point,
				  SEAL_POINT_SIZE, NULL) == SEAL_POINT_SIZE
		       ? 0
		       : -EIO;
}

int seal_agree(const uint8_t scalar[SEAL_SCALAR_SIZE], const uint8_t point[SEAL_POINT_SIZE],
	       uint8_t ret[SEAL_KEY_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *ours = NULL;
	_cleanup_(free_key) EVP_PKEY *theirs = NULL;
	_cleanup_(free_key_context) EVP_PKEY_CTX *context = NULL;
	uint8_t our_point[SEAL_POINT_SIZE];
	size_t length = SEAL_KEY_SIZE;
	int r;

	r = seal_point_of(scalar, our_point);
	if (!r)
		r = key_from(scalar, our_point, &ours);
	if (!r)
		r = key_from(NULL, point, &theirs);
	if (r)
		return r;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	if (!context || EVP_PKEY_derive_init(context) != 1)
		return -EIO;
	/* validates the point: an invalid one would give the scalar away bit by bit */
	if (EVP_PKEY_derive_set_peer_ex(context, theirs, 1) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	return EVP_PKEY_derive(context, ret, &length) == 1 && length == SEAL_KEY_SIZE ? 0 : -EIO;
}

int seal_derive_scalar(struct seal_bytes secret, const char *label, uint8_t ret[SEAL_SCALAR_SIZE])
{
	_cleanup_(free_group) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	_cleanup_(free_number) BIGNUM *number = BN_secure_new();
	_cleanup_(free_number) BIGNUM *order = group ? BN_dup(EC_GROUP_get0_order(group)) : NULL;
	_cleanup_(free_numbers) BN_CTX *context = BN_CTX_secure_new();
	uint8_t wide[SEAL_SCALAR_SIZE + 16];
	const struct seal_bytes none = { 0 };
	bool done;

	if (!number || !order || !context ||
	    seal_derive(secret, none, label, none, wide, sizeof(wide)))
		return -EIO;
	done = BN_bin2bn(wide, sizeof(wide), number) && BN_sub_word(order, 1) &&
	       BN_mod(number, number, order, context) && BN_add_word(number, 1) &&
	       BN_bn2binpad(number, ret, SEAL_SCALAR_SIZE) == SEAL_SCALAR_SIZE;
	secret_wipe(wide, sizeof(wide));
	return done ? 0 : -EIO;
}

int seal_sign(const uint8_t scalar[SEAL_SCALAR_SIZE], const uint8_t digest[SEAL_HASH_SIZE],
	      uint8_t ret[SEAL_SIGNATURE_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *key = NULL;
	_cleanup_(free_key_context) EVP_PKEY_CTX *context = NULL;
	_cleanup_(free_signature) ECDSA_SIG *signature = NULL;
	uint8_t point[SEAL_POINT_SIZE], der[2 * SEAL_SIGNATURE_SIZE];
	const uint8_t *at = der;
	size_t length = sizeof(der);
	int r;

	r = seal_point_of(scalar, point);
	if (!r)
		r = key_from(scalar, point, &key);
	if (r)
		return r;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!context || EVP_PKEY_sign_init(context) != 1 ||
	    EVP_PKEY_sign(context, der, &length, digest, SEAL_HASH_SIZE) != 1)
		return -EIO;
	signature = d2i_ECDSA_SIG(NULL, &at, (long)length);
	if (!signature ||
	    BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, SEAL_SIGNATURE_SIZE / 2) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + SEAL_SIGNATURE_SIZE / 2,
			 SEAL_SIGNATURE_SIZE / 2) < 0)
		return -EIO;
	return 0;
}

/* Return: bytes of DER in @ret, which OpenSSL frees; below 0: there are none. */
static int signature_der(const uint8_t *bytes, uint8_t **ret)
{
	_cleanup_(free_signature) ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, SEAL_SIGNATURE_SIZE / 2, NULL);
	BIGNUM *s = BN_bin2bn(bytes + SEAL_SIGNATURE_SIZE / 2, SEAL_SIGNATURE_SIZE / 2, NULL);

	if (!signature || !r || !s || !ECDSA_SIG_set0(signature, r, s)) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	return i2d_ECDSA_SIG(signature, ret);
}

int seal_verify(const uint8_t point[SEAL_POINT_SIZE], const uint8_t digest[SEAL_HASH_SIZE],
		const uint8_t signature[SEAL_SIGNATURE_SIZE])
{
	_cleanup_(free_key) EVP_PKEY *key = NULL;
	_cleanup_(free_key_context) EVP_PKEY_CTX *context = NULL;
	uint8_t *der = NULL;
	int length, r;

	r = key_from(NULL, point, &key);
	if (r)
		return r == -EINVAL ? -EKEYREJECTED : r;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	length = signature_der(signature, &der);
	if (!context || length < 0 || EVP_PKEY_verify_init(context) != 1)
		r = -EIO;
	else if (EVP_PKEY_verify(context, der, (size_t)length, digest, SEAL_HASH_SIZE) != 1)
		r = -EKEYREJECTED;
	OPENSSL_free(der);
	ERR_clear_error();
	return r;
}

int seal_crypto_prepare(void)
{
	uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE], key[SEAL_KEY_SIZE];
	uint8_t sealed[sizeof(key) + SEAL_TAG_SIZE], signature[SEAL_SIGNATURE_SIZE];
	const struct seal_bytes none = { 0 }, bytes = { key, sizeof(key) };
	int r;

	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return -EIO;
	r = seal_pair_new(scalar, point);
	if (!r)
		r = seal_agree(scalar, point, key);
	if (!r)
		r = seal_derive(bytes, none, "warm", none, key, sizeof(key));
	if (!r)
		r = seal_hmac(key, bytes, key);
	if (!r)
		r = seal_hash(bytes, key);
	if (!r)
		r = seal_encrypt(key, key, none, bytes, sealed);
	if (!r)
		r = seal_sign(scalar, key, signature);
	if (!r)
		r = seal_verify(point, key, signature);
	secret_wipe(scalar, sizeof(scalar));
	secret_wipe(key, sizeof(key));
	return r;
}
