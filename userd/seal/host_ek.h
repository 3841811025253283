/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host TPM's endorsement key: who its maker says it is.
 *
 * It is a primary key of the endorsement hierarchy, the same each time it is made from its
 * template (TCG EK Credential Profile, B.3.3 and B.3.4). Of the two templates that one
 * is taken whose certificate the TPM has, P-256 before RSA 2048; P-256 where it has none. It
 * is made where it is needed, and kept nowhere.
 *
 * Certificates are bytes for a verifier; nothing here looks into them.
 */
#ifndef SEAL_HOST_EK_H
#define SEAL_HOST_EK_H

#include "seal/host_ak.h"
#include "wire/ipc_keyd.h"

/**
 * host_ek_public() - make it, to see its public area
 * @ret: set on success
 *
 * Return: 0; -EACCES (the endorsement hierarchy has a password); -ENODEV; -EBUSY; -EIO.
 */
int host_ek_public(struct host *host, TPM2B_PUBLIC *ret, struct reason *reason);

/**
 * host_ek_certificate() - read the next certificate
 * @after: handle of the NV index before it; 0 for the first
 * @ret_handle: where it is; 0: there is no more
 * @ret: room for KEYD_CERTIFICATE_MAX bytes
 * @ret_length: bytes of it
 *
 * Those of keys at 0x01c00002, 0x01c0000a and 0x01c00012 to 0x01c0001e (EK Credential
 * Profile, 2.2.1.4 and 2.2.1.5), then the chain at 0x01c00100 to 0x01c001ff.
 *
 * Return: 0; -EFBIG (that index is larger); -EACCES (it does not let itself be read);
 * -ENODEV; -EBUSY; -EIO.
 */
int host_ek_certificate(struct host *host, uint32_t after, uint32_t *ret_handle,
			uint8_t ret[KEYD_CERTIFICATE_MAX], size_t *ret_length,
			struct reason *reason);

/**
 * host_ek_activate() - open a credential that was made for this TPM and this attestation key
 * @ak: attestation key
 * @auth: its authValue
 * @blob: TPM2B_ID_OBJECT
 * @secret: TPM2B_ENCRYPTED_SECRET
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; -EINVAL (no credential, or not for this TPM and this key); -EACCES; -ENODEV;
 * -EBUSY; -EIO.
 */
int host_ek_activate(struct host *host, const struct host_sealed *ak,
		     const uint8_t auth[SEAL_KEY_SIZE], struct seal_bytes blob,
		     struct seal_bytes secret, TPM2B_DIGEST *ret, struct reason *reason);

#endif /* SEAL_HOST_EK_H */
