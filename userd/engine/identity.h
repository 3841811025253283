/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that a TPM is known by: three endorsement keys, and an attestation key that its
 * manufacturer vouches for (IAK). A new TPM gets all of them at the handles where the TCG has
 * clients look for them:
 *
 *	0x81010001	EK RSA-2048	EK Credential Profile, 2.2.1.5.1
 *	0x8101000a	EK P-256	the same
 *	0x81010016	EK P-384	the same, high range
 *	0x81020001	IAK P-256	TPM 2.0 Keys for Device Identity and Attestation; Registry
 *					of Reserved TPM 2.0 Handles and Localities
 */
#ifndef ENGINE_IDENTITY_H
#define ENGINE_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "wire/ipc_keyd.h"

/** define IDENTITY_NONE - the key is not at its handle, and the TPM does not make it */
#define IDENTITY_NONE 1

/**
 * struct identity - a key
 * @public: TPMT_PUBLIC
 * @length: bytes of it
 */
struct identity {
	uint8_t public[KEYD_PUBLIC_MAX];
	size_t length;
};

/** identity_make() - give a new TPM all keys. Return: 0 or -ENOTRECOVERABLE */
int identity_make(void);

/**
 * identity_read() - look at a key
 * @kind: which one
 * @ret: set on success
 *
 * Return: 0; IDENTITY_NONE (a client removed it, and endorsementAuth is not empty any more);
 * -ENOTRECOVERABLE.
 */
int identity_read(enum keyd_cert_kind kind, struct identity *ret);

/**
 * identity_use() - the same, to use it
 * @ret_handle: set on success; one that is no longer at its place stays loaded
 *
 * Return: as identity_read().
 */
int identity_use(enum keyd_cert_kind kind, struct identity *ret, uint32_t *ret_handle);

#endif /* ENGINE_IDENTITY_H */
