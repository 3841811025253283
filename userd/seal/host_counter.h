/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A counter in the host TPM that only ever grows, and that nobody but us makes grow.
 *
 *	none --host_counter_make()--> counted once --host_counter_add()--> one more
 *
 * It is an NV index (Part 1, 37.2.4) in the owner's range. It is counted by a policy that
 * takes its authValue and allows TPM2_NV_Increment alone, and read with the authValue. That
 * is derived from the host root key, so who answers to it is ours: the owner can remove
 * the counter, and put another one at its handle, but that one does not answer.
 * What the index must be follows from its handle; so its Name is not taken from anybody,
 * but computed. Wrong guesses do not lock the TPM (noDA). A counter that is made
 * anew begins above every one the TPM ever had (Part 3, 31.3).
 *
 * Everything goes through HMAC sessions salted to the storage key.
 */
#ifndef SEAL_HOST_COUNTER_H
#define SEAL_HOST_COUNTER_H

#include "seal/host.h"

/** define HOST_COUNTER_FIRST - first handle that is tried (Registry of Reserved Handles, 2.2.2) */
#define HOST_COUNTER_FIRST 0x01807670

/** define HOST_COUNTER_RANGE - handles that are tried */
#define HOST_COUNTER_RANGE 16

/** define HOST_COUNTER_SIZE - bytes of its value */
#define HOST_COUNTER_SIZE 8

/** define HOST_COUNTER_ATTRIBUTES - of its index, before it is written to (Part 2, 13.4) */
#define HOST_COUNTER_ATTRIBUTES                                                        \
	((uint32_t)(TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT) | TPMA_NV_POLICYWRITE | \
	 TPMA_NV_AUTHREAD | TPMA_NV_NO_DA)

/**
 * host_counter_make() - make a counter and count once
 * @password: of the owner hierarchy, may be empty
 * @auth: its authValue
 * @ret_handle: where it is
 * @ret_value: what it counted to
 *
 * What fails in the middle leaves none, unless the TPM is gone or somebody is on the wire.
 *
 * Return: 0; -EACCES (the owner password is wanted, or wrong); -ENOSPC (no room in the
 * TPM's NV memory, or no free handle); -ENODEV; -EBUSY; -EIO.
 */
int host_counter_make(struct host *host, struct seal_bytes password,
		      const uint8_t auth[SEAL_KEY_SIZE], uint32_t *ret_handle, uint64_t *ret_value,
		      struct reason *reason);

/**
 * host_counter_find() - look for a counter that answers to an authValue
 * @ret_handle: where it is
 *
 * Return: 0; -ENXIO (there is none); -ENODEV; -EBUSY; -EIO.
 */
int host_counter_find(struct host *host, const uint8_t auth[SEAL_KEY_SIZE], uint32_t *ret_handle,
		      struct reason *reason);

/**
 * host_counter_read() - what it counted to
 *
 * Return: 0; -ENXIO (nothing is there, or it is not ours); -ENODEV; -EBUSY; -EIO.
 */
int host_counter_read(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
		      uint64_t *ret_value, struct reason *reason);

/**
 * host_counter_add() - count once
 *
 * Return: 0; -ENXIO (nothing is there, or it is not ours); -EBUSY (lockout, or the TPM
 * saves its NV memory); -ENODEV, -EIO (nobody knows whether it counted).
 */
int host_counter_add(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
		     struct reason *reason);

/**
 * host_counter_policy() - PolicyNV: go on while the counter is not above a value
 * @policy: session
 * @most: that value
 *
 * Return: 0; 1 (it is above); -ENXIO; -ENODEV; -EBUSY; -EIO.
 */
int host_counter_policy(struct host *host, uint32_t handle, const uint8_t auth[SEAL_KEY_SIZE],
			ESYS_TR policy, uint64_t most, struct reason *reason);

/**
 * host_counter_remove() - take it out of the TPM
 * @password: of the owner hierarchy, may be empty
 *
 * Return: 0; -ENXIO; -EACCES; -ENODEV; -EBUSY; -EIO.
 */
int host_counter_remove(struct host *host, uint32_t handle, struct seal_bytes password,
			struct reason *reason);

#endif /* SEAL_HOST_COUNTER_H */
