// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that can be done to the queue, one call at a time: by the owner of each request, by two
 * servers of which one at most is attached, and by the device.
 *
 * An operation is allowed where the comments of queue.h allow the call. What it must return
 * is said here a second time, from those comments, by looking at the world before it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/ktime.h>

#include "operation.h"

static const char *const verbs[] = {
	"submit", "announce", "cancel",	  "abandon", "drop",	    "reuse",  "attach",
	"detach", "reset",    "withdraw", "take",    "untake",	    "answer", "refuse",
	"wake",	  "look",     "expire",	  "kill",    "pass a tick",
};

static const char *const ways[] = {
	"",
	" for this life",
	" for the life before",
	" not journaling",
	" id 0",
	" another id",
	" an errno",
	" too much",
	" the wrong length",
	" whoever it is",
	" much later",
};

bool operation_of_owner(const struct operation *operation)
{
	return operation->verb <= REUSE;
}

const char *operation_text(const struct operation *operation, char text[64])
{
	const char *verb = verbs[operation->verb], *way = ways[operation->way];

	if (operation_of_owner(operation))
		snprintf(text, 64, "%s %u%s", verb, operation->slot, way);
	else if (operation->server)
		snprintf(text, 64, "%c: %s%s", operation->server == &server_a ? 'A' : 'B', verb,
			 way);
	else
		snprintf(text, 64, "%s%s", verb, way);
	return text;
}

static u32 list_owner(struct operation *at, u32 slot)
{
	u32 n = 0;

	for (enum verb verb = SUBMIT; verb <= REUSE; verb++)
		if (verb != ANNOUNCE || bound->kind[slot] == VTPM_FRAME_OPEN)
			at[n++] = (struct operation){ .verb = verb, .slot = slot };
	if (is_command(slot)) {
		at[n++] = (struct operation){ .verb = SUBMIT, .slot = slot, .way = LIFE_CURRENT };
		at[n++] = (struct operation){ .verb = SUBMIT, .slot = slot, .way = LIFE_OLD };
	}
	return n;
}

/*
 * Where time passes nothing is untaken: vtpm_queue_untake() asks for a look at the limits from
 * now on, while they count from when the frame was taken, so one may be found late.
 */
static u32 list_server(struct operation *at, const void *server)
{
	static const struct operation all[] = {
		{ .verb = ATTACH },
		{ .verb = ATTACH, .way = NOT_JOURNALING },
		{ .verb = DETACH },
		{ .verb = TAKE },
		{ .verb = UNTAKE },
		{ .verb = UNTAKE, .way = ID_ZERO },
		{ .verb = UNTAKE, .way = ID_OTHER },
		{ .verb = ANSWER },
		{ .verb = ANSWER, .way = ID_ZERO },
		{ .verb = ANSWER, .way = ID_OTHER },
		{ .verb = ANSWER, .way = ERRNO },
		{ .verb = ANSWER, .way = TOO_LARGE },
		{ .verb = ANSWER, .way = WRONG_SHAPE },
		{ .verb = REFUSE },
		{ .verb = WAKE },
		{ .verb = LOOK },
	};
	u32 n = 0;

	for (u32 i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (bound->clock && all[i].verb == UNTAKE)
			continue;
		at[n] = all[i];
		at[n++].server = server;
	}
	return n;
}

u32 operation_list(struct operation list[MAX_OPERATIONS])
{
	u32 n = 0;

	for (u32 i = 0; i < bound->slots; i++)
		n += list_owner(list + n, i);
	n += list_server(list + n, &server_a);
	if (!bound->clock)
		n += list_server(list + n, &server_b);
	list[n++] = (struct operation){ .verb = DETACH, .way = WHOEVER };
	list[n++] = (struct operation){ .verb = RESET };
	list[n++] = (struct operation){ .verb = WITHDRAW };
	list[n++] = (struct operation){ .verb = KILL };
	list[n++] = (struct operation){ .verb = EXPIRE };
	if (bound->clock)
		list[n++] = (struct operation){ .verb = PASS };
	else
		list[n++] = (struct operation){ .verb = EXPIRE, .way = MUCH_LATER };
	return n;
}

static bool final(enum phase phase)
{
	return phase >= LEFT;
}

/* May the owner of a request do this? A new request is made by submitting it. */
static bool allowed_owner(const struct operation *operation)
{
	const struct slot *slot = &world.slot[operation->slot];
	enum phase phase = world_phase(operation->slot);
	bool here = slot->used && slot->owned && !slot->left;
	bool mine = here && vtpm_request_mine(request_of(operation->slot)) &&
		    (phase == IDLE || final(phase));

	switch (operation->verb) {
	case SUBMIT:
	case ANNOUNCE:
		return !slot->used || mine;
	case CANCEL:
	case ABANDON:
		return here && phase != IDLE;
	case DROP:
		/* Who sleeps does not go; nobody sleeps for OPEN and CLOSE. */
		return slot->owned && (slot->left || phase == IDLE || final(phase) ||
				       !is_command(operation->slot));
	default:
		return mine && final(phase);
	}
}

bool operation_allowed(const struct operation *operation)
{
	if (operation_of_owner(operation))
		return allowed_owner(operation);
	if (operation->verb == RESET)
		return !world.queue.server;
	/* The work item runs when it was armed for. */
	if (operation->verb == PASS)
		return world.queue.armed_for > NOW + SLACK;
	return true;
}

static struct outcome submit(const struct operation *operation, bool announce)
{
	struct slot *slot = &world.slot[operation->slot];
	struct vtpm_request *request = request_of(operation->slot);
	struct vtpm_queue *queue = &world.queue;
	bool command = is_command(operation->slot);
	bool fails = queue->dead || operation->way == LIFE_OLD;

	if (!slot->used)
		request = world_new_request(operation->slot);
	request->size = command ? 1 : 0;
	request->data[0] = operation->slot;
	request->life = operation->way == PLAIN	     ? 0
			: operation->way == LIFE_OLD ? queue->life - 1
						     : queue->life;
	if (announce) {
		vtpm_queue_announce(queue, request);
		return (struct outcome){ 0 };
	}
	return (struct outcome){
		.rc = vtpm_queue_submit(queue, request, command ? &slot->wait : NULL),
		.wanted = fails ? -EPIPE : 0,
	};
}

static struct outcome cancel(u32 slot)
{
	enum phase phase = world_phase(slot);

	return (struct outcome){
		.rc = vtpm_queue_cancel(&world.queue, request_of(slot)),
		.wanted = phase == QUEUED ? 0
			  : final(phase)  ? -EALREADY
					  : -EINPROGRESS,
	};
}

static struct outcome perform_owner(const struct operation *operation)
{
	struct slot *slot = &world.slot[operation->slot];
	struct vtpm_request *request = request_of(operation->slot);

	switch (operation->verb) {
	case SUBMIT:
		return submit(operation, false);
	case ANNOUNCE:
		return submit(operation, true);
	case CANCEL:
		return cancel(operation->slot);
	case ABANDON:
		vtpm_queue_abandon(&world.queue, request);
		slot->left = true;
		break;
	case DROP:
		slot->owned = slot->left = false;
		vtpm_request_put(request);
		break;
	default:
		vtpm_request_reuse(request);
	}
	return (struct outcome){ 0 };
}

static void abandoned(const void *server)
{
	lockdep_assert_held(&world.queue.lock);
	seen.abandoned += server == world.queue.server;
}

static struct outcome attach(const struct operation *operation)
{
	const struct vtpm_queue *queue = &world.queue;
	int wanted = queue->dead ? -EPIPE : queue->server ? -EBUSY : 0;

	return (struct outcome){
		.rc = vtpm_queue_attach(&world.queue, operation->server, abandoned,
					operation->way != NOT_JOURNALING),
		.wanted = wanted,
	};
}

static struct outcome detach(const struct operation *operation)
{
	const void *attached = world.queue.server;

	return (struct outcome){
		.wanted = attached && (!operation->server || operation->server == attached),
		.rc = vtpm_queue_detach(&world.queue, operation->server),
	};
}

/* The bytes must be those of the request that is next. */
static struct outcome take(const struct operation *operation)
{
	const struct vtpm_queue *queue = &world.queue;
	const struct vtpm_request *next = NULL;
	struct vtpm_frame frame = { 0 };
	struct outcome outcome;
	u8 payload[CAPACITY] = { 255 };

	if (!list_empty(&queue->queued))
		next = list_first_entry(&queue->queued, struct vtpm_request, node);
	if (queue->server != operation->server)
		outcome.wanted = -EPIPE;
	else if (queue->wake)
		outcome.wanted = sizeof(frame);
	else if (queue->running || !next)
		outcome.wanted = -EAGAIN;
	else
		outcome.wanted = sizeof(frame) + next->size;
	if (outcome.wanted < 0 || queue->wake)
		next = NULL;

	outcome.rc = vtpm_queue_take(&world.queue, operation->server, &frame, payload);
	if (outcome.rc > 0 &&
	    (next ? frame.id != next->id || frame.kind != next->kind ||
			     frame.client != next->client || frame.flags != next->flags ||
			     (next->size && payload[0] != next->client)
		  : frame.kind != VTPM_FRAME_WAKE || frame.id))
		outcome.rc = -EBADMSG;
	return outcome;
}

static u64 id_for(const struct operation *operation)
{
	if (operation->way == ID_ZERO)
		return 0;
	if (operation->way == ID_OTHER || !world.queue.running)
		return world.queue.next_id;
	return world.queue.running->id;
}

static struct outcome untake(const struct operation *operation)
{
	bool attached = world.queue.server == operation->server;

	return (struct outcome){
		.wanted = attached ? 0 : -EPIPE,
		.rc = vtpm_queue_untake(&world.queue, operation->server, id_for(operation)),
	};
}

static struct outcome answer(const struct operation *operation)
{
	const struct vtpm_request *running = world.queue.running;
	u8 response[CAPACITY + 1] = { 100 };
	struct outcome outcome = { 0 };
	u32 size = 0;

	if (world.queue.server != operation->server)
		outcome.wanted = -EPIPE;
	else if (!running || operation->way == ID_OTHER)
		outcome.wanted = -ESTALE;
	else if (operation->way == TOO_LARGE || operation->way == WRONG_SHAPE)
		outcome.wanted = -EINVAL;
	else if (running->abandoned)
		outcome.wanted = -ESTALE;
	if (running) {
		size = running->kind == VTPM_FRAME_COMMAND;
		response[0] += running->client;
	}
	if (operation->way == ERRNO)
		size = 0;
	else if (operation->way == TOO_LARGE)
		size = CAPACITY + 1;
	else if (operation->way == WRONG_SHAPE)
		size = !size;
	outcome.rc = vtpm_queue_answer(&world.queue, operation->server, id_for(operation),
				       operation->way == ERRNO ? -EIO : 0, response, size);
	return outcome;
}

/* In a world without ticks: everything that waits has waited too long. */
static void expire(const struct operation *operation)
{
	if (operation->way == MUCH_LATER)
		world.clock += OLD;
	vtpm_queue_expire(&world.queue);
	world.clock = NOW;
}

struct outcome operation_perform(const struct operation *operation)
{
	int gone = world.queue.server == operation->server ? 0 : -EPIPE;

	switch (operation->verb) {
	case ATTACH:
		return attach(operation);
	case DETACH:
		return detach(operation);
	case TAKE:
		return take(operation);
	case UNTAKE:
		return untake(operation);
	case ANSWER:
		return answer(operation);
	case REFUSE:
		return (struct outcome){
			.rc = vtpm_queue_refuse(&world.queue, operation->server, -EINVAL),
			.wanted = gone ? gone : -EINVAL,
		};
	case WAKE:
		return (struct outcome){
			.rc = vtpm_queue_wake(&world.queue, operation->server),
			.wanted = gone,
		};
	case LOOK:
		return (struct outcome){
			.rc = vtpm_queue_abandoned(&world.queue, operation->server),
			.wanted = gone ? gone
				       : world.queue.running && world.queue.running->abandoned,
		};
	case WITHDRAW:
		vtpm_queue_withdraw(&world.queue, VTPM_NODE_RAW);
		break;
	case RESET:
		vtpm_queue_reset(&world.queue);
		break;
	case EXPIRE:
		expire(operation);
		break;
	case KILL:
		vtpm_queue_kill(&world.queue);
		break;
	case PASS:
		world.clock += TICK;
		break;
	default:
		return perform_owner(operation);
	}
	return (struct outcome){ 0 };
}
