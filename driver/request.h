/* SPDX-License-Identifier: GPL-2.0-only */
/* One frame that wants an answer. */
#ifndef _VTPM_REQUEST_H
#define _VTPM_REQUEST_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * enum vtpm_request_state - where a request is
 * @VTPM_REQUEST_IDLE: with its owner only
 * @VTPM_REQUEST_QUEUED: waits for a server; nothing has run
 * @VTPM_REQUEST_TAKEN: a server has it
 * @VTPM_REQUEST_ANSWERED: has the server's answer, response or errno
 * @VTPM_REQUEST_CANCELLED: removed for its owner before a server took it
 * @VTPM_REQUEST_LOST: failed by a death, a reset, a time limit
 *
 * All from ANSWERED on are final: the request goes back to its owner.
 */
enum vtpm_request_state {
	VTPM_REQUEST_IDLE,
	VTPM_REQUEST_QUEUED,
	VTPM_REQUEST_TAKEN,
	VTPM_REQUEST_ANSWERED,
	VTPM_REQUEST_CANCELLED,
	VTPM_REQUEST_LOST,
};

/**
 * struct vtpm_request - one frame that wants an answer
 * @refs: the owner's and, from QUEUED until final, the queue's
 * @node: in vtpm_queue.queued while QUEUED (queue lock)
 * @state: changed under the queue lock; final states are published by a release
 *	store, after which the owner may read @error, @size, @since and @data without
 *	lock, and make it IDLE again
 * @abandoned: a server has it, and nobody waits for it (queue lock)
 * @deaths: servers that died with it, as far as it matters (queue lock)
 * @kind: &enum vtpm_frame_kind; set by the owner while IDLE
 * @origin: &enum vtpm_node; set by the owner while IDLE
 * @locality: set by the owner while IDLE
 * @flags: &enum vtpm_frame_flags (queue lock)
 * @id: given at submission (queue lock)
 * @client: set by the owner while IDLE
 * @life: of the TPM that it is meant for, 0 for any; set by the owner while IDLE
 * @submitted: when it was submitted, nanoseconds (queue lock)
 * @taken: when it was last taken, nanoseconds (queue lock)
 * @since: when it was last queued or taken, or became final, nanoseconds (queue lock)
 * @bound_ms: longest time it may run; set by the owner while IDLE
 * @error: negative errno of a final request, or 0
 * @size: bytes in @data: the command, and once ANSWERED the response
 * @capacity: bytes that @data has room for
 * @wait: where the owner sleeps, NULL once it has gone (queue lock)
 * @describe: writes the payload for the server that takes it, in place of a copy
 *	of @data, and returns its bytes; called in the server's context under the
 *	queue lock; or NULL
 * @release: called before the request is freed, or NULL
 * @data: the command, overwritten by the response
 */
struct vtpm_request {
	refcount_t refs;
	struct list_head node;
	enum vtpm_request_state state;
	bool abandoned;
	u8 deaths;
	u16 kind;
	u8 origin;
	u8 locality;
	u32 flags;
	u64 id;
	u64 client;
	u64 life;
	u64 submitted;
	u64 taken;
	u64 since;
	u32 bound_ms;
	int error;
	u32 size;
	u32 capacity;
	wait_queue_head_t *wait;
	u32 (*describe)(const struct vtpm_request *request, u8 *payload);
	void (*release)(struct vtpm_request *request);
	u8 data[];
};

struct vtpm_request *vtpm_request_alloc(u16 kind, u32 capacity);
void vtpm_request_put(struct vtpm_request *request);

/**
 * vtpm_request_final() - has the request come back to its owner?
 * @request: submitted earlier by the caller
 *
 * Return: true means that error, size and data may be read.
 */
static inline bool vtpm_request_final(const struct vtpm_request *request)
{
	/* Pairs with the release store in vtpm_finish(). */
	return smp_load_acquire(&request->state) >= VTPM_REQUEST_ANSWERED;
}

/**
 * vtpm_request_mine() - may the owner fill the request again?
 * @request: a request in a final state, or IDLE
 *
 * Return: false after the owner has abandoned it: the queue still holds it, take another.
 */
static inline bool vtpm_request_mine(const struct vtpm_request *request)
{
	return refcount_read(&request->refs) == 1;
}

/**
 * vtpm_request_reuse() - make a request IDLE again
 * @request: the caller's, see vtpm_request_mine()
 */
static inline void vtpm_request_reuse(struct vtpm_request *request)
{
	WRITE_ONCE(request->state, VTPM_REQUEST_IDLE);
}

#endif /* _VTPM_REQUEST_H */
