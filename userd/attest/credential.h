/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A secret for one key in one TPM (Part 1, 24; TPM2_MakeCredential, Part 3, 12.6), made
 * without a TPM. Only the TPM with this endorsement key can open it, and only while it holds
 * a key of that name: who returns the secret has proved that both are in one TPM.
 *
 *	seed		encrypted to the EK: by RSA-OAEP, or agreed on by ECDH
 *	identity	AES-CFB (KDFa seed "STORAGE" name) of TPM2B secret
 *	integrity	HMAC (KDFa seed "INTEGRITY") of identity and name
 *
 *	file of tpm2-tools
 *		badcc0de | version u32 1 | TPM2B_ID_OBJECT | TPM2B_ENCRYPTED_SECRET
 *
 * A secret is for one try. It is compared with secret_equal() and wiped; an answer that is
 * wrong ends the enrolment, or the TPM becomes an oracle for whoever relays it.
 */
#ifndef ATTEST_CREDENTIAL_H
#define ATTEST_CREDENTIAL_H

#include "attest/public.h"

#define CREDENTIAL_MAX	    1024
#define CREDENTIAL_HEAD	    8
#define CREDENTIAL_SECRET_MAX 32

/**
 * struct credential - what the TPM gets
 * @size: bytes
 * @bytes: as tpm2_activatecredential reads them; without CREDENTIAL_HEAD, the two structures
 */
struct credential {
	size_t size;
	uint8_t bytes[CREDENTIAL_MAX];
};

/**
 * credential_make() - wrap a secret
 * @ek: endorsement key, the one in a certificate that was checked
 * @name: of the key to prove; computed from its public area, never taken from the host
 * @secret: 1 to CREDENTIAL_SECRET_MAX bytes, and not longer than a digest of @ek's nameAlg
 * @hash: computes
 * @ret: what the TPM gets
 *
 * Return: 0; -EINVAL (@ek does not decrypt, or is of no known kind; @secret is too long or
 * empty); -EIO (libcrypto failed).
 */
int credential_make(const struct public *ek, const struct public_name *name,
		    struct hash_part secret, struct hash *hash, struct credential *ret);

#endif /* ATTEST_CREDENTIAL_H */
