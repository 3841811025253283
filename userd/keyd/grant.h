/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grants: a ticket of the manager's choice opens one data key once.
 *
 * The data key is unwrapped when it is granted, so that what is wrong with it is told to
 * the manager, and an engine is served without the root key or the TPM. Grants stand in a
 * ring, in the order they were given; one that expires, was used, or is overwritten by
 * one 4096 grants younger is wiped.
 */
#ifndef KEYD_GRANT_H
#define KEYD_GRANT_H

#include "seal/wrap.h"
#include "wire/ipc_keyd.h"
#include "wire/leaf.h"

/** define GRANTS_MAX - pending ones; the oldest makes room */
#define GRANTS_MAX 4096

/**
 * struct grant - one
 * @expires: when, in microseconds of CLOCK_BOOTTIME; 0: no grant
 * @uuid: of the vTPM
 * @ticket: what an engine must show
 * @epoch: of the vTPM
 * @key: what it gets
 * @claims: key under which it makes claims (wire/leaf.h)
 */
struct grant {
	uint64_t expires;
	uint8_t uuid[IPC_UUID_SIZE];
	uint8_t ticket[KEYD_TICKET_SIZE];
	uint64_t epoch;
	struct data_key key;
	uint8_t claims[LEAF_KEY_SIZE];
};

/**
 * struct grants - all of them
 * @ring: by time given
 * @next: place of the next one
 */
struct grants {
	struct grant ring[GRANTS_MAX];
	size_t next;
};

/** grants_add() - one more; @grant is copied, its @expires comes from @now */
void grants_add(struct grants *grants, const struct grant *grant, uint64_t now);

/**
 * grants_take() - use one
 * @uuid: of the vTPM
 * @ticket: compared with every pending one, in constant time
 * @now: in microseconds of CLOCK_BOOTTIME
 * @ret: set on success; the caller wipes it
 * @ret_epoch: set on success
 *
 * The grant of a right ticket is gone afterwards, even if the uuid is another one.
 *
 * Return: 0; -EACCES (no such ticket, expired, used, or of another uuid).
 */
int grants_take(struct grants *grants, const uint8_t uuid[IPC_UUID_SIZE],
		const uint8_t ticket[KEYD_TICKET_SIZE], uint64_t now, struct grant *ret);

/** grants_expire() - wipe what has. Return: when the next one will; 0: none is pending */
uint64_t grants_expire(struct grants *grants, uint64_t now);

#endif /* KEYD_GRANT_H */
