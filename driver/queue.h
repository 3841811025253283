/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests of one device, from the client that asks to the server that answers. */
#ifndef _VTPM_QUEUE_H
#define _VTPM_QUEUE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/vtpm.h>

#include "request.h"

/**
 * struct vtpm_counts - what happened since the device's birth (queue lock)
 * @commands: commands answered
 * @redelivered: requests queued again after a server's death
 * @poisoned: requests that were taken at two deaths
 * @lost: requests failed by a death, a reset or a time limit
 * @cancelled: requests removed or abandoned for their owner
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
 * @abandoned: tells that server, under @lock, that nobody waits for @running any more;
 *	must not sleep; or NULL
 * @journals: keep @running at this server's death
 * @wake: a WAKE frame is to be fetched
 * @dead: the device is gone; final
 * @armed_for: when vtpm_queue_expire() will be called, nanoseconds, or U64_MAX
 * @next_id: id of the next request
 * @life: counts the lives of the TPM, from reset to reset
 * @depth: length of @queued
 * @progress: when the server last attached, took, answered or detached, nanoseconds
 * @answered: when the server last answered, nanoseconds
 * @detached_ms: how long a request waits without a server
 * @running_ms: how long a request waits for one with a server
 * @serial: of the device, for the tracepoints; set by the device before use
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
	void (*abandoned)(const void *server);
	bool journals;
	bool wake;
	bool dead;
	u64 armed_for;
	u64 next_id;
	u64 life;
	u32 depth;
	u64 progress;
	u64 answered;
	u32 detached_ms;
	u32 running_ms;
	u64 serial;
	struct vtpm_counts counts;
	wait_queue_head_t server_wait;
	void (*arm)(struct vtpm_queue *queue, u32 ms);
};

void vtpm_queue_init(struct vtpm_queue *queue, u32 detached_ms, u32 running_ms,
		     void (*arm)(struct vtpm_queue *queue, u32 ms));

/* The owner's side. */
int vtpm_queue_submit(struct vtpm_queue *queue, struct vtpm_request *request,
		      wait_queue_head_t *wait);
void vtpm_queue_announce(struct vtpm_queue *queue, struct vtpm_request *request);
int vtpm_queue_cancel(struct vtpm_queue *queue, struct vtpm_request *request);
void vtpm_queue_abandon(struct vtpm_queue *queue, struct vtpm_request *request);
void vtpm_queue_withdraw(struct vtpm_queue *queue, u8 origin);

/* The server's side. */
int vtpm_queue_attach(struct vtpm_queue *queue, const void *server,
		      void (*abandoned)(const void *server), bool journals);
bool vtpm_queue_detach(struct vtpm_queue *queue, const void *server);
void vtpm_queue_reset(struct vtpm_queue *queue);
bool vtpm_queue_ready(struct vtpm_queue *queue, const void *server);
int vtpm_queue_take(struct vtpm_queue *queue, const void *server, struct vtpm_frame *frame,
		    u8 *payload);
int vtpm_queue_untake(struct vtpm_queue *queue, const void *server, u64 id);
int vtpm_queue_answer(struct vtpm_queue *queue, const void *server, u64 id, int error,
		      const u8 *response, u32 size);
int vtpm_queue_refuse(struct vtpm_queue *queue, const void *server, int error);
int vtpm_queue_wake(struct vtpm_queue *queue, const void *server);
int vtpm_queue_abandoned(struct vtpm_queue *queue, const void *server);

/* The device's side. */
void vtpm_queue_expire(struct vtpm_queue *queue);
s64 vtpm_queue_left(struct vtpm_queue *queue);
void vtpm_queue_kill(struct vtpm_queue *queue);

#endif /* _VTPM_QUEUE_H */
