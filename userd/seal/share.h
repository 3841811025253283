/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host root key in two halves: a share that the host TPM unseals, and one that a verifier keeps
 * and gives out for good evidence. Either alone opens nothing.
 *
 *	slot key	HKDF(TPM's share | verifier's share), for this host and this binding
 *	wrapped		the host root key, AES-256-GCM under the slot key
 *	evidence	what it takes to use the attestation key, AES-256-GCM under a key of the
 *			TPM's share alone: while the verifier's is missing, the host has to be
 *			able to show evidence, and the root key, that these derive from, is not open
 *
 * The TPM's share is made for one binding, so each of the two keys encrypts one text and the nonce
 * comes out of the same derivation. When the slot is sealed anew for other PCRs, the share
 * stays what it is, and so does what is encrypted.
 */
#ifndef SEAL_SHARE_H
#define SEAL_SHARE_H

#include "seal/crypto.h"
#include "seal/hostkey.h"
#include "wire/ipc_keyd.h"

/**
 * struct share - what a slot has beside the TPM's share
 * @host: the host's id at the verifier
 * @number: of the binding; grows
 * @evidence: struct hostkey_keys of the attestation key, encrypted
 * @wrapped: host root key, encrypted
 */
struct share {
	uint8_t host[KEYD_HOST_ID_SIZE];
	uint32_t number;
	uint8_t evidence[sizeof(struct hostkey_keys) + SEAL_TAG_SIZE];
	uint8_t wrapped[SEAL_KEY_SIZE + SEAL_TAG_SIZE];
};

/** share_is_host() - can this be the id of a host? */
bool share_is_host(const void *id, size_t length);

/**
 * share_make() - bind a host root key
 * @share: @host and @number are there; the rest is set on success
 * @tpm: the TPM's share
 * @verifier: the verifier's
 * @root: host root key
 *
 * Return: 0; -EIO.
 */
int share_make(struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
	       const uint8_t verifier[SEAL_KEY_SIZE], const uint8_t root[SEAL_KEY_SIZE]);

/**
 * share_open() - the reverse
 * @ret_root: set on success; the caller wipes it
 *
 * Return: 0; -EKEYREJECTED (one of the shares is another one); -EIO.
 */
int share_open(const struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
	       const uint8_t verifier[SEAL_KEY_SIZE], uint8_t ret_root[SEAL_KEY_SIZE]);

/**
 * share_evidence() - what it takes to use the attestation key
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; -EKEYREJECTED (it is not the TPM's share of this slot); -EIO.
 */
int share_evidence(const struct share *share, const uint8_t tpm[SEAL_KEY_SIZE],
		   struct hostkey_keys *ret);

#endif /* SEAL_SHARE_H */
