// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps a request makes from state to state, under queue->lock: where it is
 * listed, who holds it, who is woken. Which step is due is queue.c's to know.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/poll.h>

#include "trace.h"
#include "transition.h"

/* Public wait.h has the sync form for interruptible sleepers only; ours may be TASK_IDLE. */
#ifndef wake_up_sync_poll
#define wake_up_sync_poll(wait, mask) __wake_up_sync_key(wait, TASK_NORMAL, poll_to_key(mask))
#endif

/**
 * vtpm_wake_server() - there is something to fetch
 * @queue: locked
 */
void vtpm_wake_server(struct vtpm_queue *queue)
{
	wake_up_interruptible_sync_poll(&queue->server_wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * vtpm_arm() - ask for a call of vtpm_queue_expire()
 * @queue: locked
 * @ms: within which time
 *
 * Whoever brings some request's deadline nearer asks; a call that is asked for already
 * and no later will do.
 */
void vtpm_arm(struct vtpm_queue *queue, u32 ms)
{
	u64 when = ktime_get_ns() + (u64)ms * NSEC_PER_MSEC;

	lockdep_assert_held(&queue->lock);
	if (queue->armed_for <= when)
		return;
	queue->armed_for = when;
	queue->arm(queue, ms);
}

/**
 * vtpm_enqueue() - IDLE or TAKEN to QUEUED
 * @queue: locked
 * @request: on no list
 * @first: before all others
 */
void vtpm_enqueue(struct vtpm_queue *queue, struct vtpm_request *request, bool first)
{
	lockdep_assert_held(&queue->lock);
	WRITE_ONCE(request->state, VTPM_REQUEST_QUEUED);
	if (first)
		list_add(&request->node, &queue->queued);
	else
		list_add_tail(&request->node, &queue->queued);
	queue->depth++;
	trace_vtpm_queued(queue, request);
}

/**
 * vtpm_dequeue() - off the list, on the way to another state
 * @queue: locked
 * @request: QUEUED
 */
void vtpm_dequeue(struct vtpm_queue *queue, struct vtpm_request *request)
{
	lockdep_assert_held(&queue->lock);
	list_del_init(&request->node);
	queue->depth--;
}

/**
 * vtpm_finish() - to a final state: give a request back to its owner
 * @queue: locked
 * @request: on no list
 * @state: ANSWERED, CANCELLED or LOST
 * @error: negative errno for the owner, or 0
 *
 * Drops the queue's reference. The owner's wait queue may vanish once the state is final
 * and the lock is free, hence the wake-up under the lock.
 */
void vtpm_finish(struct vtpm_queue *queue, struct vtpm_request *request,
		 enum vtpm_request_state state, int error)
{
	lockdep_assert_held(&queue->lock);
	request->error = error;
	request->since = ktime_get_ns();
	if (error)
		request->size = 0;
	/* Pairs with vtpm_request_final(): error, size and data come before the state. */
	smp_store_release(&request->state, state);
	if (request->wait)
		wake_up_sync_poll(request->wait, request->kind == VTPM_FRAME_ASK ?
				  EPOLLPRI : EPOLLIN | EPOLLRDNORM);
	vtpm_request_put(request);
}

/**
 * vtpm_lose() - to LOST
 * @queue: locked
 * @request: on no list
 * @error: negative errno for the owner
 */
void vtpm_lose(struct vtpm_queue *queue, struct vtpm_request *request, int error)
{
	queue->counts.lost++;
	trace_vtpm_lost(queue, request, error);
	vtpm_finish(queue, request, VTPM_REQUEST_LOST, error);
}

/**
 * vtpm_remove() - QUEUED to CANCELLED
 * @queue: locked
 * @request: QUEUED
 * @error: negative errno for the owner
 */
void vtpm_remove(struct vtpm_queue *queue, struct vtpm_request *request, int error)
{
	vtpm_dequeue(queue, request);
	queue->counts.cancelled++;
	trace_vtpm_cancelled(queue, request);
	vtpm_finish(queue, request, VTPM_REQUEST_CANCELLED, error);
}

/**
 * vtpm_disown() - TAKEN to CANCELLED or LOST, while the server goes on with it
 * @queue: locked, with a running request
 * @state: CANCELLED or LOST
 * @error: negative errno for the owner
 *
 * The server keeps the queue's reference until it answers or dies.
 */
void vtpm_disown(struct vtpm_queue *queue, enum vtpm_request_state state, int error)
{
	struct vtpm_request *request = queue->running;

	lockdep_assert_held(&queue->lock);
	request->abandoned = true;
	refcount_inc(&request->refs);
	vtpm_finish(queue, request, state, error);
	request->wait = NULL;
	if (queue->abandoned)
		queue->abandoned(queue->server);
}
