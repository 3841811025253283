// SPDX-License-Identifier: BSD-3-Clause
/*
 * Exchange a signature for another one; see the header.
 */
#include "cert/signer.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/cursor.h"

#define SIGNATURE_MAX 80

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_bytes(uint8_t **bytes)
{
	OPENSSL_free(*bytes);
}

static void free_signature(ECDSA_SIG **signature)
{
	ECDSA_SIG_free(*signature);
}

/* Bytes of a value with its head, which @in steps over. */
static size_t step(struct cursor_in *in)
{
	const uint8_t *at = in->at;
	int tag, class;
	long length;
	size_t all;

	if (ASN1_get_object(&at, &length, &tag, &class, (long)in->left) & 0x80)
		return 0;
	all = (size_t)(at - in->at) + (size_t)length;
	return cursor_get_bytes(in, all) ? all : 0;
}

/* Numbers as the TPM gives them -> DER. Return: bytes of it; 0: OpenSSL failed. */
static size_t put_numbers(const uint8_t *r, const uint8_t *s, uint8_t ret[SIGNATURE_MAX])
{
	_cleanup_(free_signature) ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *first = BN_bin2bn(r, SIGNER_NUMBER, NULL);
	BIGNUM *second = BN_bin2bn(s, SIGNER_NUMBER, NULL);
	uint8_t *to = ret;
	int length;

	if (!signature || !first || !second || !ECDSA_SIG_set0(signature, first, second)) {
		BN_free(first);
		BN_free(second);
		return 0;
	}
	length = i2d_ECDSA_SIG(signature, NULL);
	return length > 0 && length <= SIGNATURE_MAX ? (size_t)i2d_ECDSA_SIG(signature, &to) : 0;
}

static int sign(const struct signer *signer, struct cursor_in tbs, uint8_t ret[SIGNATURE_MAX],
		size_t *ret_length)
{
	uint8_t digest[SIGNER_NUMBER], first[SIGNER_NUMBER], second[SIGNER_NUMBER];
	int r;

	if (!EVP_Digest(tbs.at, tbs.left, digest, NULL, EVP_sha256(), NULL))
		return -EIO;
	r = signer->sign(signer->context, digest, first, second);
	if (r)
		return r;
	*ret_length = put_numbers(first, second, ret);
	return *ret_length ? 0 : -EIO;
}

static int exchange(const struct signer *signer, const uint8_t *signed_once, int length,
		    uint8_t *ret, size_t room, size_t *ret_length)
{
	struct cursor_in in = cursor_in(signed_once, length > 0 ? (size_t)length : 0), tbs;
	const uint8_t *at = in.at;
	uint8_t signature[SIGNATURE_MAX], *to = ret;
	size_t tbs_length, kept, size = 0;
	int tag, class, r, body, whole;
	long inside;

	if (length <= 0 || ASN1_get_object(&at, &inside, &tag, &class, length) & 0x80)
		return -EIO;
	cursor_get_bytes(&in, (size_t)(at - in.at));
	tbs_length = step(&in);
	kept = tbs_length + step(&in);
	tbs = cursor_in(at, tbs_length);
	r = sign(signer, tbs, signature, &size);
	if (r)
		return r;
	/* the bit string has a byte that says how many bits at its end are none */
	body = (int)kept + ASN1_object_size(0, (int)size + 1, V_ASN1_BIT_STRING);
	whole = ASN1_object_size(1, body, V_ASN1_SEQUENCE);
	if (whole <= 0 || (size_t)whole > room)
		return -EMSGSIZE;
	ASN1_put_object(&to, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	cursor_copy(to, kept, at, kept);
	to += kept;
	ASN1_put_object(&to, 0, (int)size + 1, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
	*to++ = 0;
	cursor_copy(to, size, signature, size);
	*ret_length = (size_t)whole;
	return 0;
}

int signer_certificate(const struct signer *signer, X509 *draft, uint8_t *ret, size_t room,
		       size_t *ret_length)
{
	_cleanup_(free_key) EVP_PKEY *moment = EVP_EC_gen("P-256");
	_cleanup_(free_bytes) uint8_t *der = NULL;
	int length;

	if (!moment || !X509_sign(draft, moment, EVP_sha256()))
		return -EIO;
	length = i2d_X509(draft, &der);
	return exchange(signer, der, length, ret, room, ret_length);
}

int signer_request(const struct signer *signer, X509_REQ *draft, uint8_t *ret, size_t room,
		   size_t *ret_length)
{
	_cleanup_(free_key) EVP_PKEY *moment = EVP_EC_gen("P-256");
	_cleanup_(free_bytes) uint8_t *der = NULL;
	int length;

	if (!moment || !X509_REQ_sign(draft, moment, EVP_sha256()))
		return -EIO;
	length = i2d_X509_REQ(draft, &der);
	return exchange(signer, der, length, ret, room, ret_length);
}
