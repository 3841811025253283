// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of one device.
 *
 *             submit            take            answer
 *	IDLE ----------> QUEUED ----------> TAKEN ----------> ANSWERED
 *	                  |  ^               | |
 *	           cancel |  | death of a    | | death of one that does not
 *	                  v  +-- journaling -+ | journal, reset, time limit
 *	            CANCELLED    server        v
 *	                                     LOST
 *
 * Every transition is asked for in this file, under queue->lock, by the functions
 * whose names stand on the arrows, and made by transition.c. The owner of a request (a
 * client's file, a chip, the device for OPEN and CLOSE) holds one reference, the queue another one
 * from submission until a final state. A request that is TAKEN is abandoned when its
 * owner leaves or its time is over: it is final for its owner, while the server still has
 * it, is told so, and will have its answer refused.
 *
 * A server takes one request at a time, so what it keeps to survive its own death
 * is one id and one answer. After two deaths a request is POISONED: the server
 * answers it without running it. (It is the server that answers, not this
 * file: only the server's state knows whether the command was executed.)
 *
 * Time limits are found by vtpm_queue_expire(), called from one work item per
 * device, armed for the nearest of them. Nothing here sleeps, knows
 * files or the TPM core; the same file runs in user space under
 * selftests/torture, where engines are killed ten thousand times.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/string.h>

#include "deadline.h"
#include "queue.h"
#include "trace.h"
#include "transition.h"

#define VTPM_POISON_DEATHS 2

/**
 * vtpm_queue_init() - prepare a queue without a server
 * @queue: inside its device
 * @detached_ms: how long a request waits while there is no server
 * @running_ms: least time a request may wait for or run in a server
 * @arm: see &struct vtpm_queue
 */
void vtpm_queue_init(struct vtpm_queue *queue, u32 detached_ms, u32 running_ms,
		     void (*arm)(struct vtpm_queue *queue, u32 ms))
{
	memset(queue, 0, sizeof(*queue));
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->queued);
	init_waitqueue_head(&queue->server_wait);
	queue->next_id = 1;
	queue->life = 1;
	queue->armed_for = U64_MAX;
	queue->progress = ktime_get_ns();
	queue->detached_ms = detached_ms;
	queue->running_ms = running_ms;
	queue->arm = arm;
}

static void prepare(struct vtpm_queue *queue, struct vtpm_request *request,
		    wait_queue_head_t *wait)
{
	lockdep_assert_held(&queue->lock);
	refcount_inc(&request->refs);
	request->abandoned = false;
	request->deaths = 0;
	request->flags = 0;
	request->error = 0;
	request->id = queue->next_id++;
	request->since = request->submitted = ktime_get_ns();
	request->wait = wait;
}

/**
 * vtpm_queue_submit() - hand a request to the server, present or future
 * @queue: of the device
 * @request: the caller's, filled, IDLE or final, with no reference but the caller's
 * @wait: woken when the request is final; must live until then, and until the
 *	owner has been under the queue's lock once more (submit, cancel, abandon): the
 *	wake-up follows the state that vtpm_request_final() sees; NULL for nobody
 *
 * Return: 0, or -EPIPE when the device, or the life the request belongs to, is gone.
 */
int vtpm_queue_submit(struct vtpm_queue *queue, struct vtpm_request *request,
		      wait_queue_head_t *wait)
{
	spin_lock(&queue->lock);
	if (queue->dead || (request->life && request->life != queue->life)) {
		spin_unlock(&queue->lock);
		return -EPIPE;
	}
	prepare(queue, request, wait);
	vtpm_enqueue(queue, request, false);
	if (request->kind == VTPM_FRAME_COMMAND)
		vtpm_arm(queue, queue->server ? queue->running_ms : queue->detached_ms);
	if (!queue->running)
		vtpm_wake_server(queue);
	spin_unlock(&queue->lock);
	return 0;
}

/**
 * vtpm_queue_announce() - put a request before all others
 * @queue: of the device
 * @request: OPEN of a client whose commands may be queued already
 *
 * Does nothing when the device is gone.
 */
void vtpm_queue_announce(struct vtpm_queue *queue, struct vtpm_request *request)
{
	spin_lock(&queue->lock);
	if (!queue->dead) {
		prepare(queue, request, NULL);
		vtpm_enqueue(queue, request, true);
		if (!queue->running)
			vtpm_wake_server(queue);
	}
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_cancel() - take a request back if no server has ever had it
 * @queue: of the device
 * @request: submitted by the caller
 *
 * Return: 0 when it is removed and nothing has run, -EINPROGRESS when it has been
 * taken once (it goes on), -EALREADY when it is final.
 */
int vtpm_queue_cancel(struct vtpm_queue *queue, struct vtpm_request *request)
{
	int rc = -EINPROGRESS;

	spin_lock(&queue->lock);
	if (request->state >= VTPM_REQUEST_ANSWERED) {
		rc = -EALREADY;
	} else if (request->state == VTPM_REQUEST_QUEUED &&
		   !(request->flags & VTPM_FRAME_REDELIVERED)) {
		vtpm_remove(queue, request, -EINTR);
		rc = 0;
	}
	spin_unlock(&queue->lock);
	return rc;
}

/**
 * vtpm_queue_abandon() - the owner of a request goes away
 * @queue: of the device
 * @request: submitted by the caller, who may only drop its reference afterwards
 *
 * A request that waits is removed, one that a server has is not delivered again
 * and its answer refused.
 */
void vtpm_queue_abandon(struct vtpm_queue *queue, struct vtpm_request *request)
{
	spin_lock(&queue->lock);
	if (request->state == VTPM_REQUEST_QUEUED) {
		vtpm_remove(queue, request, -EINTR);
	} else if (request->state == VTPM_REQUEST_TAKEN) {
		queue->counts.cancelled++;
		trace_vtpm_cancelled(queue, request);
		vtpm_disown(queue, VTPM_REQUEST_CANCELLED, -EINTR);
	}
	request->wait = NULL;
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_withdraw() - fail with -ECANCELED every command that came through a node
 * @queue: of the device
 * @origin: the node, &enum vtpm_node
 *
 * One that waits is removed; one that a server has is not delivered again and its
 * answer refused.
 */
void vtpm_queue_withdraw(struct vtpm_queue *queue, u8 origin)
{
	struct vtpm_request *request, *next;

	spin_lock(&queue->lock);
	list_for_each_entry_safe(request, next, &queue->queued, node)
		if (request->origin == origin && request->kind == VTPM_FRAME_COMMAND)
			vtpm_remove(queue, request, -ECANCELED);
	request = queue->running;
	if (request && request->origin == origin && request->state == VTPM_REQUEST_TAKEN &&
	    request->kind == VTPM_FRAME_COMMAND) {
		queue->counts.cancelled++;
		trace_vtpm_cancelled(queue, request);
		vtpm_disown(queue, VTPM_REQUEST_CANCELLED, -ECANCELED);
	}
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_attach() - let a server take requests
 * @queue: of the device
 * @server: token of the server
 * @abandoned: see &struct vtpm_queue, or NULL
 * @journals: the server answers redelivered requests from its state
 *
 * Return: 0, -EBUSY when another server is attached, -EPIPE when the device is gone.
 */
int vtpm_queue_attach(struct vtpm_queue *queue, const void *server,
		      void (*abandoned)(const void *server), bool journals)
{
	int rc = 0;

	spin_lock(&queue->lock);
	if (queue->dead) {
		rc = -EPIPE;
	} else if (queue->server) {
		rc = -EBUSY;
	} else {
		queue->server = server;
		queue->abandoned = abandoned;
		queue->journals = journals;
		queue->wake = false;
		queue->progress = ktime_get_ns();
		if (queue->depth)
			vtpm_arm(queue, queue->running_ms);
	}
	spin_unlock(&queue->lock);
	return rc;
}

/* What becomes of the running request when its server dies. */
static void orphan(struct vtpm_queue *queue, struct vtpm_request *request)
{
	bool command = request->kind == VTPM_FRAME_COMMAND;

	lockdep_assert_held(&queue->lock);
	queue->running = NULL;
	if (request->abandoned) {
		vtpm_request_put(request);
		return;
	}
	if (command && !queue->journals) {
		vtpm_lose(queue, request, -ECANCELED);
		return;
	}
	request->flags |= VTPM_FRAME_REDELIVERED;
	if (command && request->deaths < VTPM_POISON_DEATHS &&
	    ++request->deaths == VTPM_POISON_DEATHS) {
		request->flags |= VTPM_FRAME_POISONED;
		queue->counts.poisoned++;
	}
	queue->counts.redelivered++;
	request->since = queue->progress;
	vtpm_enqueue(queue, request, true);
}

/**
 * vtpm_queue_detach() - the server is dead, or declared so
 * @queue: of the device
 * @server: token of the server that leaves, NULL for whichever is attached
 *
 * Return: whether a server left.
 */
bool vtpm_queue_detach(struct vtpm_queue *queue, const void *server)
{
	bool left = false;

	spin_lock(&queue->lock);
	if (queue->server && (!server || queue->server == server)) {
		queue->server = NULL;
		queue->wake = false;
		queue->progress = ktime_get_ns();
		queue->counts.deaths++;
		if (queue->running)
			orphan(queue, queue->running);
		if (queue->depth)
			vtpm_arm(queue, queue->detached_ms);
		left = true;
		wake_up_all(&queue->server_wait);
	}
	spin_unlock(&queue->lock);
	return left;
}

/* A COMMAND fails; nobody waits for OPEN and CLOSE. */
static void drop(struct vtpm_queue *queue, struct vtpm_request *request, int error)
{
	if (request->kind == VTPM_FRAME_COMMAND)
		vtpm_lose(queue, request, error);
	else
		vtpm_finish(queue, request, VTPM_REQUEST_CANCELLED, error);
}

/* End every request, COMMANDs with @error. */
static void drain(struct vtpm_queue *queue, int error)
{
	struct vtpm_request *request, *next;

	lockdep_assert_held(&queue->lock);
	request = queue->running;
	queue->running = NULL;
	if (request && request->abandoned)
		vtpm_request_put(request);
	else if (request)
		drop(queue, request, error);

	list_for_each_entry_safe(request, next, &queue->queued, node) {
		vtpm_dequeue(queue, request);
		drop(queue, request, error);
	}
}

/**
 * vtpm_queue_reset() - begin a new life of the TPM: fail all requests
 * @queue: of the device, without a server
 *
 * COMMANDs fail with -ECANCELED; OPEN and CLOSE are dropped, for the next server
 * knows no client: announce those that are left.
 */
void vtpm_queue_reset(struct vtpm_queue *queue)
{
	spin_lock(&queue->lock);
	drain(queue, -ECANCELED);
	queue->life++;
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_kill() - the device is gone: fail all requests, now and later
 * @queue: of the device
 */
void vtpm_queue_kill(struct vtpm_queue *queue)
{
	spin_lock(&queue->lock);
	queue->dead = true;
	queue->server = NULL;
	drain(queue, -EPIPE);
	wake_up_all(&queue->server_wait);
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_ready() - would vtpm_queue_take() return something but -EAGAIN?
 * @queue: of the device
 * @server: token of the server that asks
 *
 * Return: whether it would.
 */
bool vtpm_queue_ready(struct vtpm_queue *queue, const void *server)
{
	bool ready;

	spin_lock(&queue->lock);
	ready = queue->server != server || queue->wake ||
		(!queue->running && !list_empty(&queue->queued));
	spin_unlock(&queue->lock);
	return ready;
}

static int take_wake(struct vtpm_queue *queue, struct vtpm_frame *frame)
{
	queue->wake = false;
	*frame = (struct vtpm_frame){
		.size = sizeof(*frame),
		.kind = VTPM_FRAME_WAKE,
	};
	return frame->size;
}

static int take_first(struct vtpm_queue *queue, struct vtpm_frame *frame, u8 *payload)
{
	struct vtpm_request *request;
	u32 size;

	request = list_first_entry(&queue->queued, struct vtpm_request, node);
	size = request->size;
	vtpm_dequeue(queue, request);
	WRITE_ONCE(request->state, VTPM_REQUEST_TAKEN);
	request->taken = request->since = queue->progress = ktime_get_ns();
	queue->running = request;
	if (request->kind == VTPM_FRAME_COMMAND)
		vtpm_arm(queue, request->bound_ms);
	/* Only matters to a second thread of the server, which waits to answer. */
	wake_up_interruptible_poll(&queue->server_wait, EPOLLOUT | EPOLLWRNORM);
	trace_vtpm_taken(queue, request);

	if (request->describe)
		size = request->describe(request, payload);
	else
		memcpy(payload, request->data, size);
	*frame = (struct vtpm_frame){
		.size = sizeof(*frame) + size,
		.kind = request->kind,
		.node = request->origin,
		.locality = request->locality,
		.flags = request->flags,
		.id = request->id,
		.client = request->client,
	};
	return frame->size;
}

/**
 * vtpm_queue_take() - fetch the next frame
 * @queue: of the device
 * @server: token of the server that asks
 * @frame: where the head goes
 * @payload: where the rest goes, VTPM_COMMAND_SIZE bytes of room
 *
 * Return: bytes of head and rest, -EAGAIN when no frame can be fetched, -EPIPE
 * when this server is no longer attached.
 */
int vtpm_queue_take(struct vtpm_queue *queue, const void *server, struct vtpm_frame *frame,
		    u8 *payload)
{
	int rc;

	spin_lock(&queue->lock);
	if (queue->server != server)
		rc = -EPIPE;
	else if (queue->wake)
		rc = take_wake(queue, frame);
	else if (queue->running || list_empty(&queue->queued))
		rc = -EAGAIN;
	else
		rc = take_first(queue, frame, payload);
	spin_unlock(&queue->lock);
	return rc;
}

/**
 * vtpm_queue_untake() - the frame did not reach the server: fetch it again
 * @queue: of the device
 * @server: token of the server that took it
 * @id: from the frame, 0 for WAKE
 *
 * Return: 0, or -EPIPE when this server is no longer attached (its death has
 * settled what becomes of the request).
 */
int vtpm_queue_untake(struct vtpm_queue *queue, const void *server, u64 id)
{
	struct vtpm_request *request;
	int rc = 0;

	spin_lock(&queue->lock);
	request = queue->running;
	if (queue->server != server) {
		rc = -EPIPE;
	} else if (!id) {
		queue->wake = true;
	} else if (request && request->id == id) {
		queue->running = NULL;
		queue->progress = ktime_get_ns();
		if (request->abandoned)
			vtpm_request_put(request);
		else
			vtpm_enqueue(queue, request, true);
		/* Those behind it have their time from now on, with it or without. */
		if (queue->depth)
			vtpm_arm(queue, queue->running_ms);
	}
	/* Another thread of the server may sleep since it saw the frame taken. */
	if (!rc && (queue->wake || !list_empty(&queue->queued)))
		vtpm_wake_server(queue);
	spin_unlock(&queue->lock);
	return rc;
}

static int answer_running(struct vtpm_queue *queue, int error, const u8 *response, u32 size)
{
	struct vtpm_request *request = queue->running;

	lockdep_assert_held(&queue->lock);
	/* A command wants a response or an errno; OPEN and CLOSE want neither. */
	if (size > request->capacity ||
	    (!error && (request->kind == VTPM_FRAME_COMMAND) != (size > 0))) {
		queue->counts.refused++;
		return -EINVAL;
	}
	queue->running = NULL;
	queue->progress = queue->answered = ktime_get_ns();
	trace_vtpm_answered(queue, request, error);
	if (request->abandoned) {
		queue->counts.refused++;
		vtpm_request_put(request);
		return -ESTALE;
	}
	if (request->kind == VTPM_FRAME_COMMAND)
		queue->counts.commands++;
	if (size)
		memcpy(request->data, response, size);
	request->size = size;
	vtpm_finish(queue, request, VTPM_REQUEST_ANSWERED, error);
	return 0;
}

/**
 * vtpm_queue_answer() - answer the running request
 * @queue: of the device
 * @server: token of the server that answers
 * @id: of the request, 0 for whichever runs (the bare framing has no ids)
 * @error: 0, or a negative errno for the client instead of a response
 * @response: the TPM response; copied
 * @size: its bytes
 *
 * Return: 0, -EPIPE when this server is no longer attached, -ESTALE when the
 * request is not the running one or nobody waits for it, -EINVAL when the
 * response does not fit the request (which stays with the server).
 */
int vtpm_queue_answer(struct vtpm_queue *queue, const void *server, u64 id, int error,
		      const u8 *response, u32 size)
{
	int rc;

	spin_lock(&queue->lock);
	if (queue->server != server) {
		rc = -EPIPE;
	} else if (!queue->running || (id && queue->running->id != id)) {
		queue->counts.refused++;
		rc = -ESTALE;
	} else {
		rc = answer_running(queue, error, response, size);
		if (!queue->running && !list_empty(&queue->queued)) {
			vtpm_arm(queue, queue->running_ms);
			/* Only matters to a second thread of the server: the first is in here. */
			vtpm_wake_server(queue);
		}
	}
	spin_unlock(&queue->lock);
	return rc;
}

/**
 * vtpm_queue_refuse() - count an answer that says nothing the queue could use
 * @queue: of the device
 * @server: token of the server that answered
 * @error: what to tell it
 *
 * Return: @error, or -EPIPE when this server is no longer attached.
 */
int vtpm_queue_refuse(struct vtpm_queue *queue, const void *server, int error)
{
	spin_lock(&queue->lock);
	if (queue->server == server)
		queue->counts.refused++;
	else
		error = -EPIPE;
	spin_unlock(&queue->lock);
	return error;
}

/**
 * vtpm_queue_wake() - make the server's next fetch return a WAKE frame
 * @queue: of the device
 * @server: token of the server whose file the caller holds
 *
 * Return: 0, or -EPIPE when this server is no longer attached.
 */
int vtpm_queue_wake(struct vtpm_queue *queue, const void *server)
{
	int rc = 0;

	spin_lock(&queue->lock);
	if (queue->server != server) {
		rc = -EPIPE;
	} else {
		queue->wake = true;
		vtpm_wake_server(queue);
	}
	spin_unlock(&queue->lock);
	return rc;
}

/**
 * vtpm_queue_abandoned() - does nobody wait any more for what this server runs?
 * @queue: of the device
 * @server: token of the server that asks
 *
 * Return: 1 when the request it has taken is abandoned, 0 when it is wanted or there is
 * none, -EPIPE when this server is no longer attached.
 */
int vtpm_queue_abandoned(struct vtpm_queue *queue, const void *server)
{
	int rc;

	spin_lock(&queue->lock);
	if (queue->server != server)
		rc = -EPIPE;
	else
		rc = queue->running && queue->running->abandoned;
	spin_unlock(&queue->lock);
	return rc;
}

/**
 * vtpm_queue_expire() - fail with -ETIME what has waited too long
 * @queue: of the device
 *
 * Asks to be called again while there are commands to watch.
 */
void vtpm_queue_expire(struct vtpm_queue *queue)
{
	struct vtpm_request *request, *next;
	u64 now = ktime_get_ns();
	u64 soonest;
	u32 longest;

	spin_lock(&queue->lock);
	queue->armed_for = U64_MAX;
	longest = vtpm_longest_bound(queue);

	list_for_each_entry_safe(request, next, &queue->queued, node) {
		if (request->kind == VTPM_FRAME_COMMAND &&
		    vtpm_deadline(queue, request, longest) <= now) {
			vtpm_dequeue(queue, request);
			vtpm_lose(queue, request, -ETIME);
		}
	}

	request = queue->running;
	if (request && request->kind == VTPM_FRAME_COMMAND && !request->abandoned &&
	    vtpm_deadline(queue, request, longest) <= now) {
		queue->counts.lost++;
		trace_vtpm_lost(queue, request, -ETIME);
		vtpm_disown(queue, VTPM_REQUEST_LOST, -ETIME);
	}

	soonest = vtpm_soonest_deadline(queue);
	if (soonest != U64_MAX && !queue->dead)
		vtpm_arm(queue, soonest > now ? div_u64(soonest - now, NSEC_PER_MSEC) + 1 : 1);
	spin_unlock(&queue->lock);
}

/**
 * vtpm_queue_left() - how long until some command fails with -ETIME
 * @queue: of the device
 *
 * Return: milliseconds, or -1 when no command waits or runs.
 */
s64 vtpm_queue_left(struct vtpm_queue *queue)
{
	u64 now = ktime_get_ns();
	u64 soonest;

	spin_lock(&queue->lock);
	soonest = vtpm_soonest_deadline(queue);
	spin_unlock(&queue->lock);
	if (soonest == U64_MAX)
		return -1;
	return soonest > now ? div_u64(soonest - now, NSEC_PER_MSEC) : 0;
}
