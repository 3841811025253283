// SPDX-License-Identifier: BSD-3-Clause
/*
 * What templates make of a key (EK Credential Profile, B.3.3, B.3.4 and B.4.6); see the header.
 */
#include "keyd/subject.h"

#include "attest/public.h"

/* Part 2, 6.4 TPM_ECC_CURVE */
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

#define EK_ATTRIBUTES                                                           \
	(TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT | TPMA_OBJECT_ORIGIN | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

static bool is_ek(const struct public *public)
{
	return (public->attributes & (EK_ATTRIBUTES | TPMA_OBJECT_SIGN)) == EK_ATTRIBUTES &&
	       public->cipher == TPM_ALG_AES;
}

static bool is_ecc(const struct public *public, uint16_t curve)
{
	return public->type == TPM_ALG_ECC && public->curve == curve;
}

static bool is_of(const struct public *public, enum keyd_cert_kind kind)
{
	switch (kind) {
	case KEYD_CERT_EK_RSA_2048:
		return is_ek(public) && public->type == TPM_ALG_RSA && public->bits == 2048;
	case KEYD_CERT_EK_P256:
		return is_ek(public) && is_ecc(public, TPM_ECC_NIST_P256);
	case KEYD_CERT_EK_P384:
		return is_ek(public) && is_ecc(public, TPM_ECC_NIST_P384);
	case KEYD_CERT_IAK:
		return public_attests(public) && is_ecc(public, TPM_ECC_NIST_P256) &&
		       public->scheme == TPM_ALG_ECDSA;
	default:
		return false;
	}
}

EVP_PKEY *subject_read(enum keyd_cert_kind kind, struct seal_bytes area)
{
	struct public public;

	if (!area.length || !public_parse(&public, area.at, area.length) || !is_of(&public, kind))
		return NULL;
	return public_key(&public);
}

EVP_PKEY *subject_key(struct seal_bytes area)
{
	struct public public;

	return area.length && public_parse(&public, area.at, area.length) ? public_key(&public)
									  : NULL;
}
