/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Public areas of keys in a TPM (Part 2, 12.2.4), and the names they have.
 *
 *	TPMT_PUBLIC	type u16 | nameAlg u16 | attributes u32 | authPolicy 2B
 *			| parameters | unique
 *	TPM2B_PUBLIC	size u16 | TPMT_PUBLIC
 *	Name		nameAlg u16 | digest of the TPMT_PUBLIC
 *
 * A name says all of the public area, attributes included: who knows the name by
 * credential activation or from a certificate knows what the key can do. A name is
 * computed here, never taken from whoever presents the key.
 */
#ifndef ATTEST_PUBLIC_H
#define ATTEST_PUBLIC_H

#include <openssl/types.h>

#include "attest/attest.h"
#include "attest/hash.h"

#define PUBLIC_BYTES_MAX 2048
#define PUBLIC_NAME_MAX	 (2 + ATTEST_DIGEST_MAX)

/* Part 2, 6.3 TPM_ALG_ID */
#define TPM_ALG_RSA    0x0001
#define TPM_ALG_AES    0x0006
#define TPM_ALG_NULL   0x0010
#define TPM_ALG_RSASSA 0x0014
#define TPM_ALG_RSAES  0x0015
#define TPM_ALG_RSAPSS 0x0016
#define TPM_ALG_OAEP   0x0017
#define TPM_ALG_ECDSA  0x0018
#define TPM_ALG_ECC    0x0023
#define TPM_ALG_CFB    0x0043

/* Part 2, 8.3 TPMA_OBJECT */
#define TPMA_OBJECT_FIXED_TPM	 0x00000002
#define TPMA_OBJECT_FIXED_PARENT 0x00000010
#define TPMA_OBJECT_ORIGIN	 0x00000020 /* sensitiveDataOrigin */
#define TPMA_OBJECT_RESTRICTED	 0x00010000
#define TPMA_OBJECT_DECRYPT	 0x00020000
#define TPMA_OBJECT_SIGN	 0x00040000

/**
 * struct public - a public area
 * @area: TPMT_PUBLIC, of which the name is made
 * @type: TPM_ALG_RSA or TPM_ALG_ECC
 * @bank: nameAlg
 * @attributes: TPMA_OBJECT
 * @cipher: of what it protects; TPM_ALG_NULL for none
 * @cipher_bits: of that one's keys
 * @scheme: of its signatures; TPM_ALG_NULL: whoever signs says it
 * @scheme_bank: hash of that; _ATTEST_BANK_MAX for none
 * @bits: of an RSA key
 * @exponent: of it
 * @curve: TPM_ECC_CURVE of another one
 * @x: modulus, or first coordinate
 * @y: second coordinate
 */
struct public {
	struct hash_part area;
	uint16_t type;
	enum attest_bank bank;
	uint32_t attributes;
	uint16_t cipher;
	uint16_t cipher_bits;
	uint16_t scheme;
	enum attest_bank scheme_bank;
	uint16_t bits;
	uint32_t exponent;
	uint16_t curve;
	struct hash_part x;
	struct hash_part y;
};

/**
 * struct public_name - a name, or a qualified name
 * @size: bytes of it; 0: there is none
 * @bytes: algorithm and digest
 */
struct public_name {
	size_t size;
	uint8_t bytes[PUBLIC_NAME_MAX];
};

/**
 * public_parse() - read a TPM2B_PUBLIC or a TPMT_PUBLIC
 * @ret: points into @bytes
 * @bytes: all of it
 * @length: how many
 *
 * Return: true; false where it is neither, has more or fewer bytes, or is of a type, hash,
 * cipher or scheme that no key of attestation has.
 */
bool public_parse(struct public *ret, const uint8_t *bytes, size_t length);

/** public_name() - the name that a key has by its public area */
void public_name(const struct public *public, struct hash *hash, struct public_name *ret);

/**
 * public_qualified() - the name of a key below its ancestors (Part 1, 16)
 * @parent: qualified name of the parent; NULL for a primary key
 * @hierarchy: of a primary key
 * @public: the key
 * @hash: computes
 * @ret: its qualified name
 */
void public_qualified(const struct public_name *parent, uint32_t hierarchy,
		      const struct public *public, struct hash *hash, struct public_name *ret);

/**
 * public_key() - the key itself
 *
 * Return: for EVP_PKEY_free(); NULL where the numbers are no key, without memory, and for
 * curves that are not P-256, P-384 or P-521.
 */
EVP_PKEY *public_key(const struct public *public);

/** public_plain_key() - a key as PEM or DER; for EVP_PKEY_free(), NULL where it is neither */
EVP_PKEY *public_plain_key(struct hash_part bytes);

/** public_attests() - may it sign nothing but what its TPM says, and never leave it? */
bool public_attests(const struct public *public);

/** public_same() - is this the key in that public area? */
bool public_same(const struct public *public, const EVP_PKEY *key);

#endif /* ATTEST_PUBLIC_H */
