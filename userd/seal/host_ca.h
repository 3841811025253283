/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key of this host's CA: a key of the host TPM that signs certificates of its vTPMs' keys.
 *
 *	host_ca_make()		a key below the storage key, kept outside of the TPM
 *	host_ca_sign()		a digest, in the configuration that the host root key opens in
 *	host_ca_certify()	proof, by the attestation key, that it is such a key
 *
 * It is P-256, was made in the TPM and never leaves it, and does not count for the lockout
 * (noDA). It is not restricted: a certificate is bytes from outside. To sign takes its policy,
 * which is that of the host root key's slot and then PolicyAuthValue; the authValue is derived
 * from the host root key. So who boots something else cannot sign, even with a root key, nor
 * can the TPM's owner. The authValue alone does for TPM2_Certify, which signs nothing with it.
 */
#ifndef SEAL_HOST_CA_H
#define SEAL_HOST_CA_H

#include "seal/host.h"

/** define HOST_CA_ATTRIBUTES - what it may do; a verifier wants these and no others */
#define HOST_CA_ATTRIBUTES                                                               \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT)

/**
 * struct host_certified - a key certified by the attestation key
 * @message: TPMS_ATTEST
 * @signature: over it
 * @parent: public area of the storage key, which both are below
 */
struct host_certified {
	TPM2B_ATTEST message;
	TPMT_SIGNATURE signature;
	TPM2B_PUBLIC parent;
};

/**
 * host_ca_policy() - the policy of the key
 * @root: that of the host root key's slot
 * @ret: set on success
 *
 * Return: 0; -EINVAL (@root is none); -EIO.
 */
int host_ca_policy(const TPM2B_DIGEST *root, TPM2B_DIGEST *ret);

/**
 * host_ca_make() - make one
 * @auth: its authValue
 * @policy: by host_ca_policy()
 * @ret: set on success
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO.
 */
int host_ca_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], const TPM2B_DIGEST *policy,
		 struct host_sealed *ret, struct reason *reason);

/**
 * host_ca_sign() - sign a digest
 * @ca: key
 * @auth: its authValue
 * @policy: session that went through the policy of the host root key's slot
 * @digest: SHA-256
 * @ret_r: first number, big-endian, with zeros before it
 * @ret_s: second one
 *
 * Return: 0; 1 (it is not the policy, or a PCR changed meanwhile); -ENODEV; -EBUSY; -EIO.
 */
int host_ca_sign(struct host *host, const struct host_sealed *ca,
		 const uint8_t auth[SEAL_KEY_SIZE], const struct host_handle *policy,
		 const uint8_t digest[SEAL_HASH_SIZE], uint8_t ret_r[SEAL_HASH_SIZE],
		 uint8_t ret_s[SEAL_HASH_SIZE], struct reason *reason);

/**
 * host_ca_certify() - have the attestation key say what this key is (TPM2_Certify)
 * @ca: key
 * @ca_auth: its authValue
 * @ak: attestation key
 * @ak_auth: its authValue
 * @about: extraData
 * @ret: set on success
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO.
 */
int host_ca_certify(struct host *host, const struct host_sealed *ca,
		    const uint8_t ca_auth[SEAL_KEY_SIZE], const struct host_sealed *ak,
		    const uint8_t ak_auth[SEAL_KEY_SIZE], const uint8_t about[SEAL_HASH_SIZE],
		    struct host_certified *ret, struct reason *reason);

#endif /* SEAL_HOST_CA_H */
