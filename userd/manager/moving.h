/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A move that is under way: what export.c and import.c have in common.
 */
#ifndef MANAGER_MOVING_H
#define MANAGER_MOVING_H

#include "manager/move.h"
#include "manager/state.h"

/**
 * struct moving - a move
 * @manager: manager
 * @waiter: who asked, and may go away before the answer
 * @done: told by moving_end()
 * @vtpm: held; NULL: none yet
 * @owns: it goes nowhere meanwhile
 * @look: nothing is changed
 * @problem: how it ends; PROBLEM_NONE: well
 * @moved: what is told
 * @package: bytes of one, owned
 * @length: how many
 * @chain: of the other host's key, owned; all three are of an export
 * @chain_length: bytes of it
 * @statement: owned
 * @statement_length: bytes of it
 * @signature: owned
 * @signature_length: bytes of it
 * @mark: of the vTPM
 * @created: what it becomes; of an import
 */
struct moving {
	struct manager *manager;
	struct waiter *waiter;
	manager_moved_done done;
	struct vtpm *vtpm;
	bool owns;
	bool look;
	struct problem problem;
	struct manager_moved moved;
	uint8_t *package;
	size_t length;
	uint8_t *chain;
	size_t chain_length;
	uint8_t *statement;
	size_t statement_length;
	uint8_t *signature;
	size_t signature_length;
	struct archive_mark mark;
	struct manager_create created;
};

/** moving_new() - begin. Return: it, ended by moving_end() */
struct moving *moving_new(struct manager *manager, manager_moved_done done, void *context,
			  bool look);

/** moving_copy() - own a copy of bytes */
void moving_copy(struct manager_bytes from, uint8_t **ret, size_t *ret_length);

/** moving_block() - one more thing is in the way; the first one is the problem of who does not look
 */
void moving_block(struct moving *moving, enum problem_code code, const char *next,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/** moving_block_host() - what of this host is in the way of each move */
void moving_block_host(struct moving *moving);

/** moving_hold() - it is about this vTPM, which goes nowhere meanwhile, but for who only looks */
void moving_hold(struct moving *moving, struct vtpm *vtpm);

/** moving_may_ask() - is there nothing in the way of asking keyd about it? */
bool moving_may_ask(const struct moving *moving);

/** moving_keyd_failed() - keyd refuses. Return: what a peer_done returns */
int moving_keyd_failed(struct moving *moving, const struct peer_answer *answer);

/** moving_digest() - SHA-256 */
void moving_digest(struct manager_bytes bytes, uint8_t ret[PACKAGE_HASH]);

/**
 * moving_anchor() - have the host TPM count, and go on when it has
 * @then: called with the move; a failure ends it
 */
void moving_anchor(struct moving *moving, void (*then)(struct moving *moving));

/** moving_end() - tell how it went; the vTPM goes its way again. @moving is gone */
void moving_end(struct moving *moving);

/** moving_end_later() - the same in the loop's next round: who asks is in the middle of it */
void moving_end_later(struct moving *moving);

#endif /* MANAGER_MOVING_H */
