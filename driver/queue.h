/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests of one device, from the client that asks to the server that answers. */
#ifndef _VTPM_QUEUE_H
#define _VTPM_QUEUE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/vtpm.h>

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
 *	store, after which the owner may read @error, @size and @data without lock
 * @abandoned: TAKEN, but its owner has gone (queue lock)
 * @deaths: servers that died with it, as far as it matters (queue lock)
 * @kind: &enum vtpm_frame_kind; set by the owner while IDLE
 * @origin: &enum vtpm_node; set by the owner while IDLE
 * @locality: set by the owner while IDLE
 * @flags: &enum vtpm_frame_flags (queue lock)
 * @id: given at submission (queue lock)
 * @client: set by the owner while IDLE
 * @life: of the TPM that it is meant for, 0 for any; set by the owner while IDLE
 * @since: when it was last submitted or taken, nanoseconds (queue lock)
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

/**
 * struct vtpm_counts - what happened since the device's birth (queue lock)
 * @commands: commands answered
 * @redelivered: requests queued again after a server's death
 * @poisoned: requests that were taken at two deaths
 * @lost: requests failed by a death, a reset or a time limit
 * @cancelled: requests removed or abandoned by their owner
 * @refused: answers refused
 * @deaths: servers that detached
 */
struct vtpm_counts {
	u64 commands;
	u64 redelivered;
	u64 poisoned;
	u64 lost;
	u64 cancelled;
	u64 refused;
	u64 deaths;
};

/**
 * struct vtpm_queue - the requests of one device and its server's turn
 * @lock: protects everything below and the fields of requests that say so
 * @queued: requests in state QUEUED, next one first
 * @running: the one request in state TAKEN, or NULL
 * @server: token of the attached server, or NULL
 * @journals: keep @running at this server's death
 * @wake: a WAKE frame is to be fetched
 * @dead: the device is gone; final
 * @armed_for: when vtpm_queue_expire() will be called, nanoseconds, or U64_MAX
 * @next_id: id of the next request
 * @life: counts the lives of the TPM, from reset to reset
 * @depth: length of @queued
 * @progress: when the server last attached, took, answered or detached, nanoseconds
 * @detached_ms: how long a request waits without a server
 * @running_ms: how long a request waits for one with a server
 * @serial: of the device, for the tracepoints
 * @counts: statistics
 * @server_wait: where the server sleeps; lives as long as the device
 * @arm: asks for one call of vtpm_queue_expire() in so many milliseconds, in place
 *	of one asked for before; called under @lock, must not sleep
 */
struct vtpm_queue {
	spinlock_t lock;
	struct list_head queued;
	struct vtpm_request *running;
	const void *server;
	bool journals;
	bool wake;
	bool dead;
	u64 armed_for;
	u64 next_id;
	u64 life;
	u32 depth;
	u64 progress;
	u32 detached_ms;
	u32 running_ms;
	u64 serial;
	struct vtpm_counts counts;
	wait_queue_head_t server_wait;
	void (*arm)(struct vtpm_queue *queue, u32 ms);
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
	/* Pairs with the release store in queue.c:finish(). */
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

void vtpm_queue_init(struct vtpm_queue *queue, u64 serial, u32 detached_ms, u32 running_ms,
		     void (*arm)(struct vtpm_queue *queue, u32 ms));

/* The owner's side. */
int vtpm_queue_submit(struct vtpm_queue *queue, struct vtpm_request *request,
		      wait_queue_head_t *wait);
void vtpm_queue_announce(struct vtpm_queue *queue, struct vtpm_request *request);
int vtpm_queue_cancel(struct vtpm_queue *queue, struct vtpm_request *request);
void vtpm_queue_abandon(struct vtpm_queue *queue, struct vtpm_request *request);

/* The server's side. */
int vtpm_queue_attach(struct vtpm_queue *queue, const void *server, bool journals);
bool vtpm_queue_detach(struct vtpm_queue *queue, const void *server);
void vtpm_queue_reset(struct vtpm_queue *queue);
bool vtpm_queue_ready(struct vtpm_queue *queue, const void *server);
int vtpm_queue_take(struct vtpm_queue *queue, const void *server, struct vtpm_frame *frame,
		    u8 *payload);
int vtpm_queue_untake(struct vtpm_queue *queue, const void *server, u64 id);
int vtpm_queue_answer(struct vtpm_queue *queue, const void *server, u64 id, int error,
		      const u8 *response, u32 size);
void vtpm_queue_refuse(struct vtpm_queue *queue);
int vtpm_queue_wake(struct vtpm_queue *queue, const void *server);

/* The device's side. */
void vtpm_queue_expire(struct vtpm_queue *queue);
void vtpm_queue_kill(struct vtpm_queue *queue);

#endif /* _VTPM_QUEUE_H */
