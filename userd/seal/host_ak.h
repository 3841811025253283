/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's attestation key: a key of the host TPM that signs what the TPM itself says,
 * and nothing else.
 *
 *	host_ak_make()		a key below the storage key, kept outside of the TPM
 *	host_ak_quote()		PCRs and the host's clock, signed
 *	host_ek_activate()	(seal/host_ek.h) proof that it is in the TPM of an endorsement key
 *
 * It is P-256, restricted (Part 1, 25.2.3: it signs no bytes from outside), was made in the
 * TPM and never leaves it, and does not count for the lockout (noDA). Its authValue is
 * derived from the host root key: nobody else on the host uses it, not even the TPM's owner.
 */
#ifndef SEAL_HOST_AK_H
#define SEAL_HOST_AK_H

#include "seal/host.h"

/**
 * struct host_quoted - a quote
 * @message: TPMS_ATTEST
 * @signature: over it
 * @pcrs: the values it is about
 */
struct host_quoted {
	TPM2B_ATTEST message;
	TPMT_SIGNATURE signature;
	struct host_pcrs pcrs;
};

/**
 * host_ak_make() - make one
 * @auth: its authValue
 * @ret: set on success
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO.
 */
int host_ak_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], struct host_sealed *ret,
		 struct reason *reason);

/**
 * host_ak_load() - load one, to be used with its authValue
 * @ret: set on success; ended with host_forget()
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO (also: of another TPM).
 */
int host_ak_load(struct host *host, const struct host_sealed *ak, const uint8_t auth[SEAL_KEY_SIZE],
		 struct host_handle *ret, struct reason *reason);

/**
 * host_ak_quote() - quote PCRs
 * @about: extraData of the quote
 * @mask: PCRs of the SHA-256 bank, at least one
 * @ret: set on success; values and digest in the message are of one moment
 *
 * Return: 0; -EAGAIN (PCRs are extended faster than they can be read); -ENODEV; -EBUSY;
 * -EIO (also: no SHA-256 bank).
 */
int host_ak_quote(struct host *host, const struct host_sealed *ak,
		  const uint8_t auth[SEAL_KEY_SIZE], const uint8_t about[SEAL_HASH_SIZE],
		  uint32_t mask, struct host_quoted *ret, struct reason *reason);

#endif /* SEAL_HOST_AK_H */
