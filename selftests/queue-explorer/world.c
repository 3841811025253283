// SPDX-License-Identifier: GPL-2.0-only
/*
 * One state of the queue and of all who use it, small enough to be compared.
 *
 * The world is one object without pointers to anything outside, so assigning it is
 * going back to it. Requests are allocated inside of it; memory that is free is poisoned
 * for the address sanitizer.
 *
 * Two states are the same if no operation can tell them apart. world_normalise() makes
 * such states equal: ids count from 1, the clock stands at NOW, the attached server is
 * called A, the TPM is in life 2, and what the queue has to set before it reads it is garbage.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include <linux/ktime.h>
#include <linux/slab.h>

#include "world.h"

#define DETACHED_MS TICK_MS
#define RUNNING_MS  (2 * TICK_MS)
#define GARBAGE	    119

struct world world;
struct seen seen;
const struct bound *bound;
const int server_a, server_b;
static u32 next_slot;

u64 ktime_get_ns(void)
{
	return world.clock;
}

void *explorer_alloc(size_t size)
{
	struct slot *slot = &world.slot[next_slot];

	if (slot->used || size > sizeof(slot->memory))
		abort();
	slot->used = true;
	ASAN_UNPOISON_MEMORY_REGION(slot->memory, sizeof(slot->memory));
	memset(slot->memory, 0, sizeof(slot->memory));
	return slot->memory;
}

void explorer_free(void *p)
{
	struct slot *slot = container_of(p, struct slot, memory);

	if (!slot->used)
		abort();
	slot->used = false;
	memset(slot->memory, 0, sizeof(slot->memory));
	ASAN_POISON_MEMORY_REGION(slot->memory, sizeof(slot->memory));
}

void shim_trace(const char *event, const struct vtpm_queue *queue,
		const struct vtpm_request *request, int error)
{
	(void)request;
	(void)error;
	lockdep_assert_held(&queue->lock);
	seen.queued += !strcmp(event, "vtpm_queued");
	seen.taken += !strcmp(event, "vtpm_taken");
	seen.answered += !strcmp(event, "vtpm_answered");
	seen.cancelled += !strcmp(event, "vtpm_cancelled");
	seen.lost += !strcmp(event, "vtpm_lost");
}

/* The queue notes in armed_for what it asks for; the explorer looks there. */
static void arm(struct vtpm_queue *queue, u32 ms)
{
	(void)ms;
	lockdep_assert_held(&queue->lock);
}

static void lift_poison(void)
{
	ASAN_UNPOISON_MEMORY_REGION(&world, sizeof(world));
}

static void lay_poison(void)
{
	for (u32 i = 0; i < SLOTS; i++)
		if (!world.slot[i].used)
			ASAN_POISON_MEMORY_REGION(world.slot[i].memory,
						  sizeof(world.slot[i].memory));
}

void world_begin(const struct bound *of)
{
	bound = of;
	lift_poison();
	memset(&world, 0, sizeof(world));
	world.clock = NOW;
	vtpm_queue_init(&world.queue, DETACHED_MS, RUNNING_MS, arm);
	for (u32 i = 0; i < SLOTS; i++)
		init_waitqueue_head(&world.slot[i].wait);
	lay_poison();
	world_normalise();
}

struct vtpm_request *world_new_request(u32 slot)
{
	struct vtpm_request *request;

	next_slot = slot;
	request = vtpm_request_alloc(bound->kind[slot], CAPACITY);
	request->client = slot;
	request->origin = origin_of(slot);
	request->bound_ms = bound->bound_ms[slot];
	world.slot[slot].owned = true;
	return request;
}

void world_save(struct world *to)
{
	lift_poison();
	*to = world;
	lay_poison();
}

void world_restore(const struct world *from)
{
	lift_poison();
	world = *from;
	lay_poison();
}

enum phase world_phase(u32 slot)
{
	const struct vtpm_request *request = request_of(slot);

	if (!world.slot[slot].used)
		return NONE;
	if (request == world.queue.running && request->abandoned)
		return request->state == VTPM_REQUEST_LOST ? LATE : LEFT;
	switch (request->state) {
	case VTPM_REQUEST_IDLE:
		return IDLE;
	case VTPM_REQUEST_QUEUED:
		return request->flags & VTPM_FRAME_REDELIVERED ? AGAIN : QUEUED;
	case VTPM_REQUEST_TAKEN:
		return TAKEN;
	case VTPM_REQUEST_ANSWERED:
		return ANSWERED;
	case VTPM_REQUEST_CANCELLED:
		return CANCELLED;
	case VTPM_REQUEST_LOST:
		return LOST;
	}
	abort();
}

const char *phase_name(enum phase phase)
{
	static const char *const names[] = {
		"NONE", "IDLE", "QUEUED",   "AGAIN",	 "TAKEN",
		"LEFT", "LATE", "ANSWERED", "CANCELLED", "LOST",
	};

	return names[phase];
}

/* The slots of the queued requests, next one first. */
u32 world_order(u8 order[SLOTS])
{
	const struct vtpm_request *request;
	u32 n = 0;

	list_for_each_entry (request, &world.queue.queued, node) {
		if (n == SLOTS)
			return SLOTS + 1;
		order[n++] = request->client;
	}
	return n;
}

static u64 earlier(u64 when, u64 by)
{
	return max(when, NOW - OLD + by) - by;
}

static void normalise_ids(void)
{
	u64 last = 0, id = 0;

	for (;;) {
		struct vtpm_request *next = NULL;

		for (u32 i = 0; i < bound->slots; i++)
			if (held_by_queue(world_phase(i)) && request_of(i)->id > last &&
			    (!next || request_of(i)->id < next->id))
				next = request_of(i);
		if (!next)
			break;
		last = next->id;
		next->id = ++id;
	}
	world.queue.next_id = id + 1;
}

static void normalise_request(u32 slot, u64 passed)
{
	struct vtpm_request *request = request_of(slot);

	request->life = 0;
	if (held_by_queue(world_phase(slot))) {
		request->since = earlier(request->since, passed);
		request->submitted = earlier(request->submitted, passed);
		return;
	}
	request->since = request->submitted = request->id = GARBAGE;
	request->deaths = request->flags = request->error = GARBAGE;
	request->abandoned = true;
	request->wait = NULL;
}

void world_normalise(void)
{
	struct vtpm_queue *queue = &world.queue;
	u64 passed = world.clock - NOW;

	world.clock = NOW;
	queue->progress = earlier(queue->progress, passed);
	queue->answered = earlier(queue->answered, passed);
	if (queue->armed_for != U64_MAX)
		queue->armed_for = earlier(queue->armed_for, passed);
	queue->life = 2;
	memset(&queue->counts, 0, sizeof(queue->counts));
	queue->server_wait.wakes = 0;
	if (queue->server)
		queue->server = &server_a;
	else
		queue->journals = queue->wake = false;

	normalise_ids();
	for (u32 i = 0; i < bound->slots; i++) {
		world.slot[i].wait.wakes = 0;
		if (world.slot[i].used)
			normalise_request(i, passed);
	}
}

static void put(u8 **at, u64 value)
{
	*(*at)++ = value;
}

/* An age in steps of half a tick tells a limit from one with slack. */
static void put_age(u8 **at, u64 when)
{
	put(at, when == U64_MAX ? 255 : (NOW + 8 * TICK - when) * 2 / TICK);
}

/* Of a normalised world: equal keys, equal futures. */
void world_key(u8 key[KEY_SIZE])
{
	const struct vtpm_queue *queue = &world.queue;
	u8 order[SLOTS] = { 0 };
	u8 *at = key;

	memset(key, 0, KEY_SIZE);
	put(&at,
	    (queue->server != NULL) | queue->journals << 1 | queue->wake << 2 | queue->dead << 3);
	put_age(&at, queue->armed_for);
	put_age(&at, queue->progress);
	put_age(&at, queue->answered);
	put(&at, world_order(order));
	for (u32 i = 0; i < SLOTS; i++)
		put(&at, order[i]);
	for (u32 i = 0; i < bound->slots; i++) {
		const struct slot *slot = &world.slot[i];
		const struct vtpm_request *request = request_of(i);

		put(&at, world_phase(i) | slot->owned << 4 | slot->left << 5);
		if (!slot->used)
			continue;
		if (!held_by_queue(world_phase(i)))
			continue;
		put(&at, request->id);
		put(&at, request->flags);
		put(&at, request->deaths);
		put_age(&at, request->since);
		put_age(&at, request->submitted);
	}
}
