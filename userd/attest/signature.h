/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signatures of a TPM (Part 2, 11.3.4).
 *
 *	TPMT_SIGNATURE	RSASSA, RSAPSS	alg u16 | hash u16 | sig 2B
 *			ECDSA		alg u16 | hash u16 | r 2B | s 2B
 *	plain		what OpenSSL makes: PKCS#1, PSS or DER, and no word about the hash
 *
 * An ECDSA signature has a twin that verifies as well: never take one for a name.
 */
#ifndef ATTEST_SIGNATURE_H
#define ATTEST_SIGNATURE_H

#include <openssl/types.h>

#include "attest/attest.h"
#include "attest/hash.h"

#define SIGNATURE_BYTES_MAX 2048

/**
 * struct signature - a signature
 * @scheme: TPM_ALG_RSASSA, TPM_ALG_RSAPSS or TPM_ALG_ECDSA; 0: plain
 * @bank: hash; _ATTEST_BANK_MAX where it is plain, for the caller to fill in
 * @r: of ECDSA; otherwise all of it
 * @s: of ECDSA
 */
struct signature {
	uint16_t scheme;
	enum attest_bank bank;
	struct hash_part r;
	struct hash_part s;
};

/**
 * signature_parse() - read a signature
 *
 * What is no TPMT_SIGNATURE is a plain one; whether it is any only signature_verify() tells.
 */
void signature_parse(struct signature *ret, const uint8_t *bytes, size_t length);

/**
 * signature_verify() - did this key sign these bytes?
 * @signature: with its hash
 * @key: public key
 * @bytes: that were signed
 * @length: how many
 *
 * Return: true; false as well for a scheme that is not the key's kind.
 */
bool signature_verify(const struct signature *signature, EVP_PKEY *key, const void *bytes,
		      size_t length);

#endif /* ATTEST_SIGNATURE_H */
