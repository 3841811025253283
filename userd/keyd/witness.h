/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the manager's store the newest? What keyd knows about that, in one run of it.
 *
 *	UNASKED --witness_judge()--> NEWEST, or what is wrong
 *	any --witness_accept()--> NEWEST
 *
 * While the store is the newest, blocks are sealed for the value the counter has (`value`),
 * or ahead, for the next one. A block that was sealed ahead and may be durable binds: the counter
 * goes there, whenever it can.
 *
 *	witness_seal(ahead)	block for value + 1	ahead is set
 *	witness_anchor()	the counter counts	value + 1, ahead is clear
 *	 its answer is lost	nobody knows		`unsure`: blocks are for value + 1, as good
 *						before it counted as after, until the TPM answers
 *
 * Nobody but this process makes the counter count; so where the TPM is gone, what was read
 * from it before still holds. On a host that is not anchored all is UNPROTECTED and well.
 */
#ifndef KEYD_WITNESS_H
#define KEYD_WITNESS_H

#include <stdbool.h>

#include "seal/block.h"
#include "seal/root.h"

/** define WITNESS_COUNTS_A_YEAR - what the NV memory of a TPM is expected to bear for years */
#define WITNESS_COUNTS_A_YEAR 53000

/**
 * struct witness - see above
 * @root: host root key
 * @verdict: UNASKED at first
 * @anchor: where the counter is; as in the file, whoever wrote it, until it was used
 * @value: of the counter, where @known
 * @known: the counter was read in this run
 * @ahead: the last block is for @value + 1
 * @unsure: whether the counter counted from @value
 * @counts: how often it did in this run
 * @since: when the first one was, in microseconds
 * @warned: when so many counts were last complained about, 0 for never
 */
struct witness {
	const struct root *root;
	enum keyd_verdict verdict;
	struct anchor anchor;
	uint64_t value;
	bool known;
	bool ahead;
	bool unsure;
	uint64_t counts;
	uint64_t since;
	uint64_t warned;
};

/** witness_init() - nothing is known about any store; @root is kept, not copied */
void witness_init(struct witness *witness, const struct root *root);

/** witness_look() - look at the anchor's file, to show it: at start, after init and unlock */
void witness_look(struct witness *witness);

/** witness_mode() - how the host is anchored; while it is locked, as the file says */
enum keyd_rollback witness_mode(const struct witness *witness);

/** witness_verdict() - about the store */
enum keyd_verdict witness_verdict(const struct witness *witness);

/** witness_value() - of the counter, as read in this run; 0: it was not */
uint64_t witness_value(const struct witness *witness);

/**
 * witness_permits() - may keys of the store be used?
 *
 * Return: 0; -ESTALE (not the newest, or not asked), with a reason.
 */
int witness_permits(const struct witness *witness, struct reason *reason);

/**
 * witness_judge() - judge a store; the host is unlocked
 * @bytes: its block, empty for none
 * @root: of its tree
 * @now: microseconds
 * @ret_counter: value in the block, 0 where it does not open
 *
 * Return: 0 (the verdict stands in @witness); -ENODEV, -EBUSY, -EIO (of the host TPM, which
 * was not read before in this run: there is no verdict), with a reason.
 */
int witness_judge(struct witness *witness, struct seal_bytes bytes,
		  const uint8_t root[KEYD_ROOT_SIZE], uint64_t now, uint64_t *ret_counter,
		  struct reason *reason);

/**
 * witness_seal() - seal a block; the host is unlocked
 * @ahead: for the value that witness_anchor() makes
 * @ret_length: BLOCK_SIZE; 0 on a host that is not anchored
 *
 * Return: 0; -ESTALE; -EIO; with a reason.
 */
int witness_seal(struct witness *witness, bool ahead, const uint8_t root[KEYD_ROOT_SIZE],
		 uint8_t ret[BLOCK_SIZE], size_t *ret_length, struct reason *reason);

/**
 * witness_anchor() - the block sealed ahead is durable: count; the host is unlocked
 *
 * Return: 0; -EINVAL (the last block was not sealed ahead); -ESTALE; as
 * host_counter_add(): the store stays the newest, and this can be tried again; with a reason.
 */
int witness_anchor(struct witness *witness, uint64_t now, struct reason *reason);

/**
 * witness_accept() - take a store for the newest, whatever the verdict; the host is unlocked
 * @password: of the TPM's owner hierarchy, wanted where a counter has to be made
 * @ret: block, sealed ahead
 *
 * A counter of ours that is there is kept: to leave it behind would leave behind what
 * says that an older store is the newest.
 *
 * Return: 0; -EINVAL (the host is not anchored); as anchor_find() and anchor_make(), but
 * -ENXIO; with a reason.
 */
int witness_accept(struct witness *witness, struct seal_bytes password,
		   const uint8_t root[KEYD_ROOT_SIZE], uint8_t ret[BLOCK_SIZE],
		   struct reason *reason);

#endif /* KEYD_WITNESS_H */
