/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key that vTPMs are moved to this host under: a key of the host TPM that agrees on secrets.
 *
 *	host_move_make()	a key below the storage key, kept outside of the TPM
 *	host_move_agree()	ECDH with somebody's public key, in the configuration that the
 *				host root key opens in
 *
 * It is P-256, was made in the TPM and never leaves it, and does not count for the lockout
 * (noDA). Its policy is that of the key of the host's CA (seal/host_ca.h): who boots something
 * else opens nothing that was sent here, even with the root key.
 */
#ifndef SEAL_HOST_MOVE_H
#define SEAL_HOST_MOVE_H

#include "seal/host.h"

/** define HOST_MOVE_ATTRIBUTES - what it may do */
#define HOST_MOVE_ATTRIBUTES                                                             \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_NODA | TPMA_OBJECT_DECRYPT)

/**
 * host_move_make() - make one
 * @auth: its authValue
 * @policy: by host_ca_policy()
 * @ret: set on success
 *
 * Return: 0; -ENODEV; -EBUSY; -EIO.
 */
int host_move_make(struct host *host, const uint8_t auth[SEAL_KEY_SIZE],
		   const TPM2B_DIGEST *policy, struct host_sealed *ret, struct reason *reason);

/**
 * host_move_agree() - ECDH (TPM2_ECDH_ZGen)
 * @move: key
 * @auth: its authValue
 * @policy: session that went through the policy of the host root key's slot
 * @point: public key of the other side
 * @ret: x of the shared point; the caller wipes it
 *
 * Return: 0; 1 (it is not the policy, or a PCR changed meanwhile); -EINVAL (@point is none of the
 * curve); -ENODEV; -EBUSY; -EIO.
 */
int host_move_agree(struct host *host, const struct host_sealed *move,
		    const uint8_t auth[SEAL_KEY_SIZE], const struct host_handle *policy,
		    const uint8_t point[SEAL_POINT_SIZE], uint8_t ret[SEAL_KEY_SIZE],
		    struct reason *reason);

/** host_move_point() - its public half. Return: false: this is no key of the curve */
bool host_move_point(const struct host_sealed *move, uint8_t ret[SEAL_POINT_SIZE]);

#endif /* SEAL_HOST_MOVE_H */
