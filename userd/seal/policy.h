/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digests of the policies that a host TPM is asked for (Part 1, 19.7), computed here: nobody on
 * the wire chooses what something is sealed to.
 *
 *	configuration	PolicyPCR(values) then PolicyNV(counter <= sequence)
 *	slot		PolicyOR of the configuration it was sealed in, and
 *			PolicyAuthorize(plan key): any configuration that key approved
 *
 * Needs no TPM and none of its libraries, so that a plan can be signed anywhere.
 */
#ifndef SEAL_POLICY_H
#define SEAL_POLICY_H

#include "seal/host_counter.h"

/** define POLICY_BRANCHES - of a slot's PolicyOR */
#define POLICY_BRANCHES 2

/** define POLICY_NAME_SIZE - nameAlg and SHA-256 */
#define POLICY_NAME_SIZE (2 + SEAL_HASH_SIZE)

/** policy_pcrs() - PolicyPCR after nothing. Return: 0; -EIO */
int policy_pcrs(const struct host_pcrs *pcrs, uint8_t ret[SEAL_HASH_SIZE]);

/** policy_counter() - of a counter of ours: PolicyAuthValue, and NV_Increment. Return: 0; -EIO */
int policy_counter(uint8_t ret[SEAL_HASH_SIZE]);

/** policy_counter_name() - the Name of a counter of ours at @handle. Return: 0; -EIO */
int policy_counter_name(uint32_t handle, uint8_t ret[POLICY_NAME_SIZE]);

/**
 * policy_configuration() - PolicyPCR, then PolicyNV
 * @counter: handle
 * @sequence: the configuration is good while the counter is not above it
 *
 * Return: 0; -EIO.
 */
int policy_configuration(const struct host_pcrs *pcrs, uint32_t counter, uint64_t sequence,
			 uint8_t ret[SEAL_HASH_SIZE]);

/** policy_key() - TPMT_PUBLIC of a plan key, as a TPM is given it. Return: bytes of it */
size_t policy_key(const uint8_t point[SEAL_POINT_SIZE], uint8_t *to, size_t room);

/** policy_authorize() - PolicyAuthorize by a plan key. Return: 0; -EIO */
int policy_authorize(const uint8_t point[SEAL_POINT_SIZE], uint8_t ret[SEAL_HASH_SIZE]);

/** policy_or() - PolicyOR. Return: 0; -EIO */
int policy_or(uint8_t branch[POLICY_BRANCHES][SEAL_HASH_SIZE], uint8_t ret[SEAL_HASH_SIZE]);

#endif /* SEAL_POLICY_H */
