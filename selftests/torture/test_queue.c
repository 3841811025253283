// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each transition of driver/queue.c and each error that queue.h promises, in one
 * thread and with a clock that is moved by hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/ktime.h>

#include "queue.h"

#define DETACHED_MS 10000
#define RUNNING_MS  30000

u64 shim_clock_offset;

static const int server_a, server_b;
#define A ((const void *)&server_a)
#define B ((const void *)&server_b)

struct fixture {
	struct vtpm_queue queue;
	wait_queue_head_t wait;
	struct vtpm_frame frame;
	u8 payload[VTPM_COMMAND_SIZE];
};

/* What the callbacks saw. */
static u32 armed_ms, arms, traces, notices;
static const void *noticed;
static u64 armed_at;

void shim_trace(const char *event, const struct vtpm_queue *queue,
		const struct vtpm_request *request, int error)
{
	(void)event;
	(void)request;
	(void)error;
	lockdep_assert_held(&queue->lock);
	traces++;
}

static void abandoned(const void *server)
{
	notices++;
	noticed = server;
}

static void arm(struct vtpm_queue *queue, u32 ms)
{
	lockdep_assert_held(&queue->lock);
	armed_ms = ms;
	armed_at = ktime_get_ns() + ms * NSEC_PER_MSEC;
	arms++;
}

/* A call of vtpm_queue_expire() will come no later than in @ms. */
static void assert_armed_within(u32 ms)
{
	assert_true(arms > 0);
	assert_true(armed_at <= ktime_get_ns() + ms * NSEC_PER_MSEC);
}

static void pass_ms(u64 ms)
{
	shim_clock_offset += ms * NSEC_PER_MSEC;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	armed_ms = arms = traces = notices = 0;
	vtpm_queue_init(&f->queue, DETACHED_MS, RUNNING_MS, arm);
	init_waitqueue_head(&f->wait);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	vtpm_queue_kill(&((struct fixture *)*state)->queue);
	free(*state);
	return 0;
}

static struct vtpm_request *new_request(u16 kind, const char *text)
{
	struct vtpm_request *request = vtpm_request_alloc(kind, VTPM_COMMAND_SIZE);

	assert_non_null(request);
	request->origin = VTPM_NODE_RM;
	request->client = 5;
	request->locality = 3;
	request->bound_ms = RUNNING_MS;
	request->size = strlen(text);
	memcpy(request->data, text, request->size);
	return request;
}

static struct vtpm_request *submit(struct fixture *f, const char *text)
{
	struct vtpm_request *request = new_request(VTPM_FRAME_COMMAND, text);

	assert_int_equal(vtpm_queue_submit(&f->queue, request, &f->wait), 0);
	return request;
}

static void attach(struct fixture *f, const void *server, bool journals)
{
	assert_int_equal(vtpm_queue_attach(&f->queue, server, abandoned, journals), 0);
}

static u64 take(struct fixture *f, const void *server)
{
	assert_true(vtpm_queue_take(&f->queue, server, &f->frame, f->payload) > 0);
	return f->frame.id;
}

static void assert_final(struct vtpm_request *request, enum vtpm_request_state state, int error)
{
	assert_true(vtpm_request_final(request));
	assert_int_equal(request->state, state);
	assert_int_equal(request->error, error);
	assert_true(vtpm_request_mine(request));
	if (error)
		assert_int_equal(request->size, 0);
	vtpm_request_put(request);
}

static void test_submit_take_answer(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "command");
	u64 wakes;

	assert_false(vtpm_request_final(request));
	assert_false(vtpm_request_mine(request));
	assert_int_equal(f->queue.depth, 1);
	attach(f, A, true);
	assert_true(vtpm_queue_ready(&f->queue, A));

	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload),
			 sizeof(f->frame) + strlen("command"));
	assert_int_equal(f->frame.size, sizeof(f->frame) + strlen("command"));
	assert_int_equal(f->frame.kind, VTPM_FRAME_COMMAND);
	assert_int_equal(f->frame.node, VTPM_NODE_RM);
	assert_int_equal(f->frame.locality, 3);
	assert_int_equal(f->frame.flags, 0);
	assert_int_equal(f->frame.client, 5);
	assert_memory_equal(f->payload, "command", 7);
	assert_false(vtpm_queue_ready(&f->queue, A));

	wakes = f->wait.wakes;
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, (u8 *)"response!", 9), 0);
	assert_int_equal(f->wait.wakes, wakes + 1);
	assert_int_equal(request->size, 9);
	assert_memory_equal(request->data, "response!", 9);
	assert_int_equal(f->queue.counts.commands, 1);
	assert_int_equal(traces, 3);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_submit_again(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "one");
	u64 id;

	attach(f, A, true);
	id = take(f, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"1", 1), 0);
	assert_true(vtpm_request_mine(request));
	assert_int_equal(vtpm_queue_submit(&f->queue, request, &f->wait), 0);
	assert_false(vtpm_request_final(request));
	assert_int_equal(take(f, A), id + 1);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, -EBUSY, NULL, 0), 0);
	assert_final(request, VTPM_REQUEST_ANSWERED, -EBUSY);
}

static void test_take_order(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *r[3];
	struct vtpm_request *open = new_request(VTPM_FRAME_OPEN, "");
	u64 last = 0;

	for (int i = 0; i < 3; i++)
		r[i] = submit(f, "x");
	vtpm_queue_announce(&f->queue, open);
	attach(f, A, true);

	take(f, A);
	assert_int_equal(f->frame.kind, VTPM_FRAME_OPEN);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, NULL, 0), 0);
	assert_int_equal(f->queue.counts.commands, 0);
	assert_final(open, VTPM_REQUEST_ANSWERED, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(take(f, A) > last);
		last = f->frame.id;
		assert_int_equal(f->frame.id, r[i]->id);
		assert_int_equal(vtpm_queue_answer(&f->queue, A, last, 0, (u8 *)"y", 1), 0);
		assert_final(r[i], VTPM_REQUEST_ANSWERED, 0);
	}
}

static void test_take_errors(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *a = submit(f, "a"), *b = submit(f, "b");

	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EPIPE);
	assert_true(vtpm_queue_ready(&f->queue, A));
	attach(f, A, true);
	assert_int_equal(vtpm_queue_take(&f->queue, B, &f->frame, f->payload), -EPIPE);
	take(f, A);
	/* One at a time. */
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EAGAIN);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1), 0);
	take(f, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1), 0);
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EAGAIN);
	vtpm_request_put(a);
	vtpm_request_put(b);
}

static void test_attach_errors(void **state)
{
	struct fixture *f = *state;

	attach(f, A, true);
	assert_int_equal(vtpm_queue_attach(&f->queue, B, abandoned, true), -EBUSY);
	assert_int_equal(vtpm_queue_attach(&f->queue, A, abandoned, true), -EBUSY);
	assert_false(vtpm_queue_detach(&f->queue, B));
	assert_true(vtpm_queue_detach(&f->queue, A));
	assert_false(vtpm_queue_detach(&f->queue, NULL));
	attach(f, B, true);
	assert_true(vtpm_queue_detach(&f->queue, NULL));
	assert_int_equal(f->queue.counts.deaths, 2);
	vtpm_queue_kill(&f->queue);
	assert_int_equal(vtpm_queue_attach(&f->queue, B, abandoned, true), -EPIPE);
}

static void test_answer_errors(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = vtpm_request_alloc(VTPM_FRAME_COMMAND, 8);
	u64 id;

	attach(f, A, true);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1), -ESTALE);
	assert_int_equal(vtpm_queue_submit(&f->queue, request, NULL), 0);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, request->id, 0, (u8 *)"y", 1), -ESTALE);
	id = take(f, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, B, id, 0, (u8 *)"y", 1), -EPIPE);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id + 1, 0, (u8 *)"y", 1), -ESTALE);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"too large", 9), -EINVAL);
	assert_int_equal(f->queue.counts.refused, 4);
	/* It is still there. */
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"all of 8", 8), 0);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"y", 1), -ESTALE);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_answer_shape(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *command = submit(f, "x");
	struct vtpm_request *open = new_request(VTPM_FRAME_OPEN, "");

	vtpm_queue_submit(&f->queue, open, NULL);
	attach(f, A, true);
	/* A command wants a response or an errno. */
	take(f, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, NULL, 0), -EINVAL);
	assert_ptr_equal(f->queue.running, command);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, -EIO, NULL, 0), 0);
	assert_final(command, VTPM_REQUEST_ANSWERED, -EIO);
	/* OPEN and CLOSE want neither. */
	take(f, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, (u8 *)"y", 1), -EINVAL);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, NULL, 0), 0);
	assert_final(open, VTPM_REQUEST_ANSWERED, 0);
	assert_int_equal(f->queue.counts.refused, 2);
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *old = new_request(VTPM_FRAME_COMMAND, "old");

	old->life = f->queue.life;
	assert_int_equal(vtpm_queue_submit(&f->queue, old, NULL), 0);
	vtpm_queue_reset(&f->queue);
	assert_int_equal(old->error, -ECANCELED);
	/* Meant for the TPM of before; one that says 0 is meant for any. */
	assert_int_equal(vtpm_queue_submit(&f->queue, old, NULL), -EPIPE);
	old->life++;
	assert_int_equal(vtpm_queue_submit(&f->queue, old, NULL), 0);
	vtpm_queue_reset(&f->queue);
	old->life = 0;
	assert_int_equal(vtpm_queue_submit(&f->queue, old, NULL), 0);
	assert_int_equal(vtpm_queue_cancel(&f->queue, old), 0);
	assert_final(old, VTPM_REQUEST_CANCELLED, -EINTR);
}

static u32 describe(const struct vtpm_request *request, u8 *payload)
{
	assert_int_equal(request->size, 3);
	memcpy(payload, "described", 9);
	return 9;
}

static u32 releases;

static void release(struct vtpm_request *request)
{
	assert_int_equal(request->client, 5);
	releases++;
}

static void test_describe_and_release(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *open = new_request(VTPM_FRAME_OPEN, "raw");

	open->describe = describe;
	open->release = release;
	releases = 0;
	vtpm_queue_submit(&f->queue, open, NULL);
	/* Anew for each server that takes it. */
	for (int i = 0; i < 2; i++) {
		attach(f, A, true);
		assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload),
				 sizeof(f->frame) + 9);
		assert_int_equal(f->frame.size, sizeof(f->frame) + 9);
		assert_memory_equal(f->payload, "described", 9);
		vtpm_queue_detach(&f->queue, A);
	}
	vtpm_request_put(open);
	assert_int_equal(releases, 0);
	vtpm_queue_kill(&f->queue);
	assert_int_equal(releases, 1);
}

static void test_answer_late(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");
	u64 id;

	attach(f, A, true);
	id = take(f, A);
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"y", 1), -EPIPE);
	attach(f, B, true);
	/* The id of before the death, from the new server, before it has taken it. */
	assert_int_equal(vtpm_queue_answer(&f->queue, B, id, 0, (u8 *)"y", 1), -ESTALE);
	assert_int_equal(take(f, B), id);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"y", 1), -EPIPE);
	assert_int_equal(vtpm_queue_answer(&f->queue, B, id, 0, (u8 *)"y", 1), 0);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_death_journaling(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *first = submit(f, "first"), *second = submit(f, "second");
	u64 id;

	attach(f, A, true);
	id = take(f, A);
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(f->queue.depth, 2);
	assert_int_equal(f->queue.counts.redelivered, 1);
	attach(f, B, true);
	/* Before what came later, with the same id and its own text. */
	assert_int_equal(take(f, B), id);
	assert_int_equal(f->frame.flags, VTPM_FRAME_REDELIVERED);
	assert_memory_equal(f->payload, "first", 5);
	vtpm_queue_answer(&f->queue, B, id, 0, (u8 *)"y", 1);
	take(f, B);
	assert_int_equal(f->frame.flags, 0);
	vtpm_queue_answer(&f->queue, B, 0, 0, (u8 *)"y", 1);
	assert_final(first, VTPM_REQUEST_ANSWERED, 0);
	assert_final(second, VTPM_REQUEST_ANSWERED, 0);
}

static void test_death_not_journaling(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *taken = submit(f, "taken"), *waiting = submit(f, "waiting");

	attach(f, A, false);
	take(f, A);
	vtpm_queue_detach(&f->queue, A);
	assert_final(taken, VTPM_REQUEST_LOST, -ECANCELED);
	assert_int_equal(f->queue.counts.lost, 1);
	attach(f, B, false);
	take(f, B);
	assert_int_equal(f->frame.flags, 0);
	vtpm_queue_answer(&f->queue, B, 0, 0, (u8 *)"y", 1);
	assert_final(waiting, VTPM_REQUEST_ANSWERED, 0);
}

static void test_death_not_journaling_open(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *close = new_request(VTPM_FRAME_CLOSE, "");

	assert_int_equal(vtpm_queue_submit(&f->queue, close, NULL), 0);
	attach(f, A, false);
	take(f, A);
	vtpm_queue_detach(&f->queue, A);
	attach(f, B, false);
	take(f, B);
	assert_int_equal(f->frame.kind, VTPM_FRAME_CLOSE);
	vtpm_queue_answer(&f->queue, B, 0, 0, NULL, 0);
	assert_final(close, VTPM_REQUEST_ANSWERED, 0);
}

static void test_poison(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");
	u32 expected[] = {
		0,
		VTPM_FRAME_REDELIVERED,
		VTPM_FRAME_REDELIVERED | VTPM_FRAME_POISONED,
		VTPM_FRAME_REDELIVERED | VTPM_FRAME_POISONED,
		VTPM_FRAME_REDELIVERED | VTPM_FRAME_POISONED,
	};

	for (int i = 0; i < 5; i++) {
		attach(f, A, true);
		take(f, A);
		assert_int_equal(f->frame.flags, expected[i]);
		vtpm_queue_detach(&f->queue, A);
	}
	assert_int_equal(f->queue.counts.poisoned, 1);
	assert_int_equal(f->queue.counts.redelivered, 5);

	/* A new submission is a new request. */
	attach(f, A, true);
	take(f, A);
	vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1);
	vtpm_queue_submit(&f->queue, request, NULL);
	take(f, A);
	assert_int_equal(f->frame.flags, 0);
	vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_poison_deaths_while_queued(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");

	/* Deaths that it had no part in do not count. */
	for (int i = 0; i < 5; i++) {
		attach(f, A, true);
		vtpm_queue_detach(&f->queue, A);
	}
	attach(f, A, true);
	take(f, A);
	assert_int_equal(f->frame.flags, 0);
	vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_untake(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *first = submit(f, "first"), *second = submit(f, "second");
	u64 id, wakes;

	attach(f, A, true);
	id = take(f, A);
	assert_int_equal(vtpm_queue_untake(&f->queue, B, id), -EPIPE);
	wakes = f->queue.server_wait.wakes;
	assert_int_equal(vtpm_queue_untake(&f->queue, A, id), 0);
	assert_int_equal(f->queue.depth, 2);
	/* Another thread of the server may sleep. */
	assert_int_equal(f->queue.server_wait.wakes, wakes + 1);
	/* As if it had not happened: first in line, no flag. */
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(f->queue.counts.redelivered, 0);
	attach(f, B, true);
	assert_int_equal(take(f, B), id);
	assert_int_equal(f->frame.flags, 0);
	/* Another id than the running one changes nothing. */
	assert_int_equal(vtpm_queue_untake(&f->queue, B, id + 1), 0);
	assert_ptr_equal(f->queue.running, first);
	vtpm_queue_untake(&f->queue, B, id);
	/* No server has seen it, so it may be cancelled. */
	assert_int_equal(vtpm_queue_cancel(&f->queue, first), 0);
	assert_final(first, VTPM_REQUEST_CANCELLED, -EINTR);
	assert_int_equal(vtpm_queue_cancel(&f->queue, second), 0);
	assert_final(second, VTPM_REQUEST_CANCELLED, -EINTR);
}

static void test_untake_abandoned(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");

	attach(f, A, true);
	take(f, A);
	vtpm_queue_abandon(&f->queue, request);
	assert_int_equal(vtpm_queue_untake(&f->queue, A, f->frame.id), 0);
	assert_true(vtpm_request_mine(request));
	vtpm_request_put(request);
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EAGAIN);
}

static void test_wake(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");
	u64 wakes;

	assert_int_equal(vtpm_queue_wake(&f->queue, A), -EPIPE);
	attach(f, A, true);
	wakes = f->queue.server_wait.wakes;
	assert_int_equal(vtpm_queue_wake(&f->queue, A), 0);
	assert_int_equal(vtpm_queue_wake(&f->queue, A), 0);
	assert_true(f->queue.server_wait.wakes > wakes);

	/* Ahead of all requests, once for two calls. */
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), sizeof(f->frame));
	assert_int_equal(f->frame.kind, VTPM_FRAME_WAKE);
	assert_int_equal(f->frame.id, 0);
	take(f, A);
	assert_int_equal(f->frame.id, request->id);

	/* While one runs, too. */
	assert_false(vtpm_queue_ready(&f->queue, A));
	vtpm_queue_wake(&f->queue, A);
	assert_true(vtpm_queue_ready(&f->queue, A));
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), sizeof(f->frame));

	/* What did not arrive is fetched again. */
	assert_int_equal(vtpm_queue_untake(&f->queue, A, 0), 0);
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), sizeof(f->frame));

	/* The next server is not the one that was meant. */
	vtpm_queue_wake(&f->queue, A);
	vtpm_queue_detach(&f->queue, A);
	attach(f, B, true);
	take(f, B);
	assert_int_equal(f->frame.kind, VTPM_FRAME_COMMAND);
	vtpm_queue_answer(&f->queue, B, 0, 0, (u8 *)"y", 1);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");

	assert_int_equal(vtpm_queue_cancel(&f->queue, request), 0);
	assert_int_equal(f->queue.depth, 0);
	assert_int_equal(f->queue.counts.cancelled, 1);
	assert_int_equal(vtpm_queue_cancel(&f->queue, request), -EALREADY);
	assert_final(request, VTPM_REQUEST_CANCELLED, -EINTR);

	request = submit(f, "x");
	attach(f, A, true);
	take(f, A);
	assert_int_equal(vtpm_queue_cancel(&f->queue, request), -EINPROGRESS);
	/* It may have run: cancelling is over for good. */
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(vtpm_queue_cancel(&f->queue, request), -EINPROGRESS);
	attach(f, A, true);
	take(f, A);
	vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1);
	assert_int_equal(vtpm_queue_cancel(&f->queue, request), -EALREADY);
	assert_final(request, VTPM_REQUEST_ANSWERED, 0);
}

static void test_abandon(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "queued");

	vtpm_queue_abandon(&f->queue, request);
	assert_final(request, VTPM_REQUEST_CANCELLED, -EINTR);

	/* Taken: the answer is refused, and the next frame can be fetched. */
	request = submit(f, "taken");
	attach(f, A, true);
	take(f, A);
	vtpm_queue_abandon(&f->queue, request);
	vtpm_queue_abandon(&f->queue, request);
	assert_int_equal(f->queue.counts.cancelled, 2);
	assert_false(vtpm_request_mine(request));
	assert_int_equal(vtpm_queue_answer(&f->queue, A, f->frame.id, 0, (u8 *)"y", 1), -ESTALE);
	assert_null(f->queue.running);
	assert_true(vtpm_request_mine(request));
	vtpm_request_put(request);
	assert_int_equal(f->queue.counts.refused, 1);

	/* Taken, and the server dies: not delivered again. */
	request = submit(f, "orphan");
	take(f, A);
	vtpm_queue_abandon(&f->queue, request);
	vtpm_request_put(request);
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(f->queue.depth, 0);
	assert_int_equal(f->queue.counts.redelivered, 0);

	/* Redelivered, and abandoned while it waits. */
	request = submit(f, "again");
	attach(f, A, true);
	take(f, A);
	vtpm_queue_detach(&f->queue, A);
	vtpm_queue_abandon(&f->queue, request);
	assert_final(request, VTPM_REQUEST_CANCELLED, -EINTR);
}

/* Told once, the server that has it and no other; asking says the same. */
static void test_abandoned(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "queued");

	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), -EPIPE);
	attach(f, A, true);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), 0);
	vtpm_queue_abandon(&f->queue, request);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), 0);
	assert_int_equal(notices, 0);
	vtpm_request_put(request);

	request = submit(f, "taken");
	take(f, A);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), 0);
	vtpm_queue_abandon(&f->queue, request);
	vtpm_queue_abandon(&f->queue, request);
	assert_int_equal(notices, 1);
	assert_ptr_equal(noticed, A);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), 1);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, B), -EPIPE);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1), -ESTALE);
	assert_int_equal(vtpm_queue_abandoned(&f->queue, A), 0);
	vtpm_request_put(request);
}

/* The commands of one node, taken or not; nothing else. */
static void test_withdraw(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *open = new_request(VTPM_FRAME_OPEN, "");
	struct vtpm_request *taken = submit(f, "taken"), *waiting;
	u64 id;

	vtpm_queue_submit(&f->queue, open, NULL);
	waiting = submit(f, "waiting");
	attach(f, A, true);
	id = take(f, A);
	vtpm_queue_withdraw(&f->queue, VTPM_NODE_RAW);
	assert_int_equal(f->queue.counts.cancelled, 0);
	vtpm_queue_withdraw(&f->queue, VTPM_NODE_RM);
	vtpm_queue_withdraw(&f->queue, VTPM_NODE_RM);
	assert_final(waiting, VTPM_REQUEST_CANCELLED, -ECANCELED);
	assert_true(vtpm_request_final(taken));
	assert_int_equal(f->queue.counts.cancelled, 2);
	assert_int_equal(notices, 1);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"y", 1), -ESTALE);
	assert_final(taken, VTPM_REQUEST_CANCELLED, -ECANCELED);
	id = take(f, A);
	vtpm_queue_withdraw(&f->queue, VTPM_NODE_RM);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, NULL, 0), 0);
	vtpm_request_put(open);
}

static void test_reset(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *taken = submit(f, "taken"), *waiting = submit(f, "waiting");
	struct vtpm_request *close = new_request(VTPM_FRAME_CLOSE, "");

	vtpm_queue_submit(&f->queue, close, NULL);
	attach(f, A, true);
	take(f, A);
	vtpm_queue_detach(&f->queue, A);
	vtpm_queue_reset(&f->queue);
	assert_final(taken, VTPM_REQUEST_LOST, -ECANCELED);
	assert_final(waiting, VTPM_REQUEST_LOST, -ECANCELED);
	assert_final(close, VTPM_REQUEST_CANCELLED, -ECANCELED);
	assert_int_equal(f->queue.counts.lost, 2);
	assert_int_equal(f->queue.depth, 0);
	attach(f, A, true);
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EAGAIN);
}

static void test_kill(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *taken = submit(f, "taken"), *waiting = submit(f, "waiting");
	struct vtpm_request *abandoned = submit(f, "abandoned");
	struct vtpm_request *late = new_request(VTPM_FRAME_COMMAND, "late");
	struct vtpm_request *open = new_request(VTPM_FRAME_OPEN, "");

	attach(f, A, true);
	take(f, A);
	vtpm_queue_abandon(&f->queue, abandoned);
	vtpm_queue_kill(&f->queue);
	assert_final(taken, VTPM_REQUEST_LOST, -EPIPE);
	assert_final(waiting, VTPM_REQUEST_LOST, -EPIPE);
	assert_final(abandoned, VTPM_REQUEST_CANCELLED, -EINTR);

	assert_int_equal(vtpm_queue_submit(&f->queue, late, NULL), -EPIPE);
	assert_true(vtpm_request_mine(late));
	vtpm_request_put(late);
	vtpm_queue_announce(&f->queue, open);
	assert_true(vtpm_request_mine(open));
	vtpm_request_put(open);
	assert_true(vtpm_queue_ready(&f->queue, A));
	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EPIPE);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 1, 0, (u8 *)"y", 1), -EPIPE);
	assert_int_equal(vtpm_queue_untake(&f->queue, A, 1), -EPIPE);
	assert_int_equal(vtpm_queue_wake(&f->queue, A), -EPIPE);
	assert_false(vtpm_queue_detach(&f->queue, A));
}

static void test_kill_abandoned_running(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");

	attach(f, A, true);
	take(f, A);
	vtpm_queue_abandon(&f->queue, request);
	vtpm_queue_kill(&f->queue);
	assert_true(vtpm_request_mine(request));
	vtpm_request_put(request);
}

static void test_expire_detached(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");
	struct vtpm_request *close = new_request(VTPM_FRAME_CLOSE, "");

	vtpm_queue_submit(&f->queue, close, NULL);
	assert_int_equal(arms, 1);
	assert_int_equal(armed_ms, DETACHED_MS);
	pass_ms(DETACHED_MS - 100);
	vtpm_queue_expire(&f->queue);
	assert_false(vtpm_request_final(request));
	assert_int_equal(arms, 2);
	assert_in_range(armed_ms, 1, 101);
	pass_ms(101);
	vtpm_queue_expire(&f->queue);
	assert_final(request, VTPM_REQUEST_LOST, -ETIME);
	/* What carries no command waits for ever, and nobody is asked to watch it. */
	assert_false(vtpm_request_final(close));
	assert_int_equal(arms, 2);
	vtpm_queue_kill(&f->queue);
	vtpm_request_put(close);
}

static void test_expire_running(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request, *next;
	u64 id;

	attach(f, A, true);
	request = submit(f, "x");
	assert_int_equal(armed_ms, RUNNING_MS);
	next = submit(f, "next");
	pass_ms(RUNNING_MS - 1000);
	id = take(f, A);
	pass_ms(RUNNING_MS - 1000);
	vtpm_queue_expire(&f->queue);
	assert_false(vtpm_request_final(request));
	pass_ms(1001);
	vtpm_queue_expire(&f->queue);
	assert_true(vtpm_request_final(request));
	assert_int_equal(request->error, -ETIME);
	/* The server still holds it: the owner may not fill it. */
	assert_false(vtpm_request_mine(request));
	assert_int_equal(vtpm_queue_cancel(&f->queue, request), -EALREADY);
	vtpm_queue_abandon(&f->queue, request);
	assert_int_equal(f->queue.counts.cancelled, 0);
	assert_int_equal(f->queue.counts.lost, 2);
	assert_final(next, VTPM_REQUEST_LOST, -ETIME);

	assert_int_equal(vtpm_queue_take(&f->queue, A, &f->frame, f->payload), -EAGAIN);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, id, 0, (u8 *)"late", 4), -ESTALE);
	assert_final(request, VTPM_REQUEST_LOST, -ETIME);
	assert_int_equal(f->queue.counts.commands, 0);
}

static void test_expire_running_then_death(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request;

	attach(f, A, true);
	request = submit(f, "x");
	take(f, A);
	pass_ms(RUNNING_MS + 1);
	vtpm_queue_expire(&f->queue);
	vtpm_queue_detach(&f->queue, A);
	assert_int_equal(f->queue.counts.redelivered, 0);
	assert_int_equal(f->queue.depth, 0);
	assert_final(request, VTPM_REQUEST_LOST, -ETIME);
}

static void test_expire_waits_for_longer_one(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *slow = new_request(VTPM_FRAME_COMMAND, "slow"), *next;

	/* A command may take longer than running_ms; who waits behind it has to. */
	slow->bound_ms = 5 * RUNNING_MS;
	attach(f, A, true);
	assert_int_equal(vtpm_queue_submit(&f->queue, slow, NULL), 0);
	next = submit(f, "next");
	take(f, A);
	pass_ms(5 * RUNNING_MS - 1000);
	vtpm_queue_expire(&f->queue);
	assert_false(vtpm_request_final(slow));
	assert_false(vtpm_request_final(next));
	vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1);
	/* From that answer on its own time counts. */
	pass_ms(RUNNING_MS - 1000);
	vtpm_queue_expire(&f->queue);
	assert_false(vtpm_request_final(next));
	pass_ms(1001);
	vtpm_queue_expire(&f->queue);
	assert_final(next, VTPM_REQUEST_LOST, -ETIME);
	assert_final(slow, VTPM_REQUEST_ANSWERED, 0);
}

static void test_expire_after_detach(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request;

	attach(f, A, true);
	request = submit(f, "x");
	take(f, A);
	pass_ms(RUNNING_MS - 1);
	vtpm_queue_detach(&f->queue, A);
	/* The limit is another one now, and so is the time it counts from. */
	assert_armed_within(DETACHED_MS);
	pass_ms(DETACHED_MS - 1000);
	vtpm_queue_expire(&f->queue);
	assert_false(vtpm_request_final(request));
	pass_ms(1001);
	vtpm_queue_expire(&f->queue);
	assert_final(request, VTPM_REQUEST_LOST, -ETIME);
}

static void test_arm_for_the_nearest(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *quick = new_request(VTPM_FRAME_COMMAND, "quick"), *next;

	quick->bound_ms = 1000;
	attach(f, A, true);
	assert_int_equal(vtpm_queue_submit(&f->queue, quick, NULL), 0);
	next = submit(f, "next");
	assert_int_equal(armed_ms, RUNNING_MS);
	take(f, A);
	assert_armed_within(1000);
	pass_ms(1001);
	vtpm_queue_expire(&f->queue);
	assert_true(vtpm_request_final(quick));
	assert_int_equal(quick->error, -ETIME);
	assert_false(vtpm_request_final(next));
	assert_armed_within(RUNNING_MS);
	assert_int_equal(vtpm_queue_answer(&f->queue, A, 0, 0, (u8 *)"y", 1), -ESTALE);
	assert_armed_within(RUNNING_MS);
	assert_final(quick, VTPM_REQUEST_LOST, -ETIME);
	assert_int_equal(vtpm_queue_cancel(&f->queue, next), 0);
	vtpm_request_put(next);
}

static void test_refuse(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(vtpm_queue_refuse(&f->queue, A, -EINVAL), -EPIPE);
	assert_int_equal(f->queue.counts.refused, 0);
	attach(f, A, true);
	assert_int_equal(vtpm_queue_refuse(&f->queue, A, -EINVAL), -EINVAL);
	assert_int_equal(f->queue.counts.refused, 1);
}

/* Engines that come, take the command and die are no progress: the wait ends. */
static void test_expire_in_crash_loop(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *request = submit(f, "x");
	int seconds = 0;

	while (!vtpm_request_final(request)) {
		attach(f, A, true);
		take(f, A);
		pass_ms(4000);
		vtpm_queue_expire(&f->queue);
		vtpm_queue_detach(&f->queue, A);
		pass_ms(1000);
		vtpm_queue_expire(&f->queue);
		seconds += 5;
		assert_true(seconds * 1000 <= DETACHED_MS + 2 * RUNNING_MS + 5000);
	}
	assert_final(request, VTPM_REQUEST_LOST, -ETIME);
}

static void test_arm_once(void **state)
{
	struct fixture *f = *state;
	struct vtpm_request *r[5];

	for (int i = 0; i < 5; i++)
		r[i] = submit(f, "x");
	assert_int_equal(arms, 1);
	for (int i = 0; i < 5; i++)
		vtpm_queue_cancel(&f->queue, r[i]);
	vtpm_queue_expire(&f->queue);
	assert_int_equal(arms, 1);
	for (int i = 0; i < 5; i++)
		vtpm_request_put(r[i]);
}

static void test_put_null(void **state)
{
	(void)state;
	vtpm_request_put(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_submit_take_answer),
		TEST(test_submit_again),
		TEST(test_take_order),
		TEST(test_take_errors),
		TEST(test_attach_errors),
		TEST(test_answer_errors),
		TEST(test_answer_shape),
		TEST(test_life),
		TEST(test_describe_and_release),
		TEST(test_answer_late),
		TEST(test_death_journaling),
		TEST(test_death_not_journaling),
		TEST(test_death_not_journaling_open),
		TEST(test_poison),
		TEST(test_poison_deaths_while_queued),
		TEST(test_untake),
		TEST(test_untake_abandoned),
		TEST(test_wake),
		TEST(test_cancel),
		TEST(test_abandon),
		TEST(test_abandoned),
		TEST(test_withdraw),
		TEST(test_reset),
		TEST(test_kill),
		TEST(test_kill_abandoned_running),
		TEST(test_expire_detached),
		TEST(test_expire_running),
		TEST(test_expire_running_then_death),
		TEST(test_expire_waits_for_longer_one),
		TEST(test_expire_after_detach),
		TEST(test_expire_in_crash_loop),
		TEST(test_arm_for_the_nearest),
		TEST(test_refuse),
		TEST(test_arm_once),
		TEST(test_put_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
