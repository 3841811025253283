/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host root key that opens in the configuration it was sealed in, and in those that a plan
 * key approved since.
 *
 * The policy is that of seal/policy.h. Its counter is one of ours in the host TPM
 * (seal/host_counter.h); while the root key is not open nobody could derive the authValue from
 * it, so the slots file has it. Who reads it can count, which locks, and opens nothing.
 */
#ifndef SEAL_HOST_PLAN_H
#define SEAL_HOST_PLAN_H

#include "seal/policy.h"

/**
 * struct host_plan - what a policy with plans rests on
 * @key: public half of the plan key
 * @counter: handle of the plan counter
 * @auth: its authValue
 */
struct host_plan {
	uint8_t key[SEAL_POINT_SIZE];
	uint32_t counter;
	uint8_t auth[SEAL_KEY_SIZE];
};

/**
 * struct host_configuration - PCRs that are good while the counter is not above a value
 * @pcrs: they
 * @sequence: that value
 * @approval: the plan key's signature; NULL: it is the one that was sealed in
 */
struct host_configuration {
	const struct host_pcrs *pcrs;
	uint64_t sequence;
	const uint8_t *approval;
};

/**
 * host_plan_seal() - seal a key
 * @own: the configuration that needs no approval
 *
 * Return: as host_seal().
 */
int host_plan_seal(struct host *host, const struct host_plan *plan,
		   const struct host_configuration *own, const uint8_t secret[SEAL_KEY_SIZE],
		   struct host_sealed *ret, struct reason *reason);

/**
 * host_plan_enter() - a session that went through the policy
 * @own: as at host_plan_seal()
 * @now: the configuration that is believed to be running
 * @ret: set on success
 *
 * Return: 0; 1 (@now was not approved, or retired); -ENXIO (the counter is gone); -ENODEV;
 * -EBUSY; -EIO.
 */
int host_plan_enter(struct host *host, const struct host_plan *plan,
		    const struct host_configuration *own, const struct host_configuration *now,
		    struct host_handle *ret, struct reason *reason);

/**
 * host_plan_unseal() - the reverse
 * @own: as at host_plan_seal()
 * @now: the configuration that is believed to be running
 * @ret_secret: key; the caller wipes it
 *
 * Return: 0; 1 (@now is not running, or was retired, or not approved); -ENXIO (the
 * counter is gone); -ENODEV; -EBUSY; -EIO.
 */
int host_plan_unseal(struct host *host, const struct host_plan *plan,
		     const struct host_configuration *own, const struct host_configuration *now,
		     const struct host_sealed *sealed, uint8_t ret_secret[SEAL_KEY_SIZE],
		     struct reason *reason);

#endif /* SEAL_HOST_PLAN_H */
