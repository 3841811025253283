// SPDX-License-Identifier: BSD-3-Clause
/*
 * Signatures, verified by libcrypto. It wants those of ECDSA in DER.
 */
#include "attest/signature.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "attest/public.h"
#include "attest/tpm2b.h"
#include "base/cleanup.h"
#include "base/cursor.h"

#define DER_MAX 160

void signature_parse(struct signature *ret, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);

	*ret = (struct signature){ .scheme = cursor_get_u16(&in),
				   .bank = hash_by_id(cursor_get_u16(&in)) };
	ret->r = tpm2b_get(&in);
	if (ret->scheme == TPM_ALG_ECDSA)
		ret->s = tpm2b_get(&in);
	if (cursor_ended(&in) && ret->bank != _ATTEST_BANK_MAX &&
	    (ret->scheme == TPM_ALG_RSASSA || ret->scheme == TPM_ALG_RSAPSS ||
	     ret->scheme == TPM_ALG_ECDSA))
		return;
	*ret = (struct signature){ .bank = _ATTEST_BANK_MAX, .r = { bytes, length } };
}

static void free_signature(ECDSA_SIG **signature)
{
	ECDSA_SIG_free(*signature);
}

static void free_context(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static bool to_der(const struct signature *signature, uint8_t *to, struct hash_part *ret)
{
	_cleanup_(free_signature) ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature->r.at, (int)signature->r.length, NULL);
	BIGNUM *s = BN_bin2bn(signature->s.at, (int)signature->s.length, NULL);
	int length;

	if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s)) {
		BN_free(r);
		BN_free(s);
		return false;
	}
	length = i2d_ECDSA_SIG(pair, NULL);
	if (length <= 0 || length > DER_MAX)
		return false;
	*ret = (struct hash_part){ to, (size_t)length };
	return i2d_ECDSA_SIG(pair, &to) == length;
}

static bool verify(const struct signature *signature, EVP_PKEY *key, int padding,
		   struct hash_part der, const void *bytes, size_t length)
{
	_cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	bool good;

	good = context &&
	       EVP_DigestVerifyInit_ex(context, &key_context, hash_openssl(signature->bank), NULL,
				       NULL, key, NULL) == 1 &&
	       (!padding || EVP_PKEY_CTX_set_rsa_padding(key_context, padding) == 1) &&
	       (padding != RSA_PKCS1_PSS_PADDING ||
		EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_AUTO) == 1) &&
	       EVP_DigestVerify(context, der.at, der.length, bytes, length) == 1;
	ERR_clear_error();
	return good;
}

bool signature_verify(const struct signature *signature, EVP_PKEY *key, const void *bytes,
		      size_t length)
{
	struct hash_part der = signature->r;
	uint8_t to[DER_MAX];

	if (signature->bank == _ATTEST_BANK_MAX)
		return false;
	if (EVP_PKEY_is_a(key, "EC")) {
		if (signature->scheme == TPM_ALG_ECDSA && !to_der(signature, to, &der))
			return false;
		return (signature->scheme == TPM_ALG_ECDSA || !signature->scheme) &&
		       verify(signature, key, 0, der, bytes, length);
	}
	if (!EVP_PKEY_is_a(key, "RSA") || signature->scheme == TPM_ALG_ECDSA)
		return false;
	return (signature->scheme != TPM_ALG_RSAPSS &&
		verify(signature, key, RSA_PKCS1_PADDING, der, bytes, length)) ||
	       (signature->scheme != TPM_ALG_RSASSA &&
		verify(signature, key, RSA_PKCS1_PSS_PADDING, der, bytes, length));
}
