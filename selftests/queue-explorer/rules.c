// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold in every state, and what one operation may change.
 *
 * The table lists every way in which an operation changes where one request is. A change
 * that is not listed breaks the rules; a row that no exploration ever sees is a row about
 * something else than this queue, and fails the test, too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/ktime.h>

#include "deadline.h"
#include "rules.h"

static const struct row {
	enum phase from;
	enum verb verb;
	enum phase to;
} table[] = {
	/* The owner's side. */
	{ NONE, SUBMIT, QUEUED },
	{ NONE, SUBMIT, IDLE },
	{ IDLE, SUBMIT, QUEUED },
	{ ANSWERED, SUBMIT, QUEUED },
	{ CANCELLED, SUBMIT, QUEUED },
	{ LOST, SUBMIT, QUEUED },
	{ NONE, ANNOUNCE, QUEUED },
	{ NONE, ANNOUNCE, IDLE },
	{ IDLE, ANNOUNCE, QUEUED },
	{ ANSWERED, ANNOUNCE, QUEUED },
	{ CANCELLED, ANNOUNCE, QUEUED },
	{ QUEUED, CANCEL, CANCELLED },
	{ QUEUED, ABANDON, CANCELLED },
	{ AGAIN, ABANDON, CANCELLED },
	{ TAKEN, ABANDON, LEFT },
	{ IDLE, DROP, NONE },
	{ ANSWERED, DROP, NONE },
	{ CANCELLED, DROP, NONE },
	{ LOST, DROP, NONE },
	{ ANSWERED, REUSE, IDLE },
	{ CANCELLED, REUSE, IDLE },
	{ LOST, REUSE, IDLE },
	/* The server's side; NONE is the end of what its owner has dropped. */
	{ QUEUED, TAKE, TAKEN },
	{ AGAIN, TAKE, TAKEN },
	{ TAKEN, UNTAKE, QUEUED },
	{ TAKEN, UNTAKE, AGAIN },
	{ LEFT, UNTAKE, CANCELLED },
	{ LEFT, UNTAKE, NONE },
	{ LATE, UNTAKE, LOST },
	{ LATE, UNTAKE, NONE },
	{ TAKEN, ANSWER, ANSWERED },
	{ TAKEN, ANSWER, NONE },
	{ LEFT, ANSWER, CANCELLED },
	{ LEFT, ANSWER, NONE },
	{ LATE, ANSWER, LOST },
	{ LATE, ANSWER, NONE },
	{ TAKEN, DETACH, AGAIN },
	{ TAKEN, DETACH, LOST },
	{ LEFT, DETACH, CANCELLED },
	{ LEFT, DETACH, NONE },
	{ LATE, DETACH, LOST },
	{ LATE, DETACH, NONE },
	/* The device's side. */
	{ QUEUED, RESET, LOST },
	{ QUEUED, RESET, CANCELLED },
	{ QUEUED, RESET, NONE },
	{ AGAIN, RESET, LOST },
	{ AGAIN, RESET, CANCELLED },
	{ AGAIN, RESET, NONE },
	{ QUEUED, WITHDRAW, CANCELLED },
	{ AGAIN, WITHDRAW, CANCELLED },
	{ TAKEN, WITHDRAW, LEFT },
	{ QUEUED, EXPIRE, LOST },
	{ AGAIN, EXPIRE, LOST },
	{ TAKEN, EXPIRE, LATE },
	{ QUEUED, KILL, LOST },
	{ QUEUED, KILL, CANCELLED },
	{ QUEUED, KILL, NONE },
	{ AGAIN, KILL, LOST },
	{ AGAIN, KILL, CANCELLED },
	{ AGAIN, KILL, NONE },
	{ TAKEN, KILL, LOST },
	{ TAKEN, KILL, CANCELLED },
	{ TAKEN, KILL, NONE },
	{ LEFT, KILL, CANCELLED },
	{ LEFT, KILL, NONE },
	{ LATE, KILL, LOST },
	{ LATE, KILL, NONE },
};

#define ROWS (sizeof(table) / sizeof(table[0]))
static u64 row_seen[ROWS];

static bool in_table(enum phase from, enum verb verb, enum phase to)
{
	for (u32 i = 0; i < ROWS; i++) {
		if (table[i].from == from && table[i].verb == verb && table[i].to == to) {
			row_seen[i]++;
			return true;
		}
	}
	return false;
}

u32 rules_rows(u32 *ret_seen)
{
	*ret_seen = 0;
	for (u32 i = 0; i < ROWS; i++)
		*ret_seen += row_seen[i] > 0;
	return ROWS;
}

void rules_show_unseen(void)
{
	char text[64];

	for (u32 i = 0; i < ROWS; i++) {
		struct operation operation = { .verb = table[i].verb };

		if (!row_seen[i])
			printf("never seen: %s, %s, %s\n", phase_name(table[i].from),
			       operation_text(&operation, text), phase_name(table[i].to));
	}
}

void rules_note(struct before *before)
{
	const struct vtpm_queue *queue = &world.queue;

	for (u32 i = 0; i < bound->slots; i++) {
		before->phase[i] = world_phase(i);
		before->waiter_wakes[i] = world.slot[i].wait.wakes;
		before->flags[i] = world.slot[i].used ? request_of(i)->flags : 0;
	}
	before->queued = world_order(before->order);
	before->server_wakes = queue->server_wait.wakes;
	before->server = queue->server;
	before->journals = queue->journals;
	before->wake = queue->wake;
	before->ready = !queue->server || vtpm_queue_ready(&world.queue, queue->server);
	memset(&seen, 0, sizeof(seen));
}

static bool waits(enum phase phase)
{
	return phase == QUEUED || phase == AGAIN || phase == TAKEN;
}

static bool cancelled(enum phase phase)
{
	return phase == CANCELLED || phase == LEFT;
}

static bool lost(enum phase phase)
{
	return phase == LOST || phase == LATE;
}

/* One request: where it went, whether its owner was told, what it was told. */
static void step_request(const struct before *before, u32 slot, const struct operation *operation,
			 broken_fn broken)
{
	enum phase from = before->phase[slot], to = world_phase(slot);
	const struct vtpm_request *request = request_of(slot);
	u64 woken = world.slot[slot].wait.wakes - before->waiter_wakes[slot];
	bool ended = waits(from) && (lost(to) || cancelled(to) || to == ANSWERED);

	if (from != to && !in_table(from, operation->verb, to)) {
		printf("request %u went from %s to %s\n", slot, phase_name(from), phase_name(to));
		broken("each change is in the table");
	}
	if (operation_of_owner(operation) && slot != operation->slot && from != to)
		broken("an owner changes its own request only");
	if (woken != (ended && is_command(slot)))
		broken("who sleeps is woken once, at the end");
	if (operation->verb == DETACH && !world.queue.server && from == TAKEN && is_command(slot) &&
	    to != (before->journals ? AGAIN : LOST))
		broken("who journals gets it again, who does not has lost it");
	if (!ended)
		return;
	if (request->error && request->size)
		broken("an error has no response");
	if (to == ANSWERED && is_command(slot) && !request->error &&
	    (request->size != 1 || request->data[0] != 100 + slot))
		broken("the response is that of the command");
	if (operation->verb == WITHDRAW && (!is_command(slot) || origin_of(slot) != VTPM_NODE_RAW))
		broken("a node's commands are withdrawn, no others");
	if (cancelled(to) && is_command(slot) &&
	    request->error != (operation->verb == WITHDRAW ? -ECANCELED : -EINTR))
		broken("a cancelled command fails with EINTR, a withdrawn one with ECANCELED");
	if (lost(to) && request->error != -ETIME && request->error != -EPIPE &&
	    request->error != -ECANCELED)
		broken("a lost command has one of three reasons");
}

/* What was counted and traced is what happened. */
static void step_counts(const struct before *before, const struct operation *operation,
			const struct outcome *outcome, broken_fn broken)
{
	struct vtpm_counts now = world.queue.counts, sum = { 0 };
	struct seen told = { 0 };

	for (u32 i = 0; i < bound->slots; i++) {
		enum phase from = before->phase[i], to = world_phase(i);
		bool queued = (to == QUEUED || to == AGAIN) && from != to;

		sum.commands += is_command(i) && from == TAKEN && to == ANSWERED;
		sum.redelivered += operation->verb == DETACH && from == TAKEN && to == AGAIN;
		sum.lost += waits(from) && lost(to);
		sum.cancelled += (operation_of_owner(operation) || operation->verb == WITHDRAW) &&
				 waits(from) && cancelled(to);
		told.abandoned += from == TAKEN && (to == LEFT || to == LATE);
		sum.poisoned += world.slot[i].used && operation->verb == DETACH &&
				(request_of(i)->flags & ~before->flags[i] & VTPM_FRAME_POISONED);
		told.queued += queued;
		told.taken += to == TAKEN && from != TAKEN;
		told.answered += operation->verb == ANSWER && from != to;
	}
	sum.refused = world.queue.server && outcome->rc < 0 &&
		      (operation->verb == ANSWER || operation->verb == REFUSE) &&
		      outcome->rc != -EPIPE;
	sum.deaths = operation->verb == DETACH && outcome->rc;
	told.cancelled = sum.cancelled;
	told.lost = sum.lost;
	if (memcmp(&now, &sum, sizeof(now)))
		broken("the counts say what happened");
	if (memcmp(&seen, &told, sizeof(seen)))
		broken("the tracepoints say what happened");
}

/* First come, first served; what comes back or is announced goes first. */
static void step_order(const struct before *before, const struct operation *operation,
		       broken_fn broken)
{
	bool last = operation->verb == SUBMIT;
	u8 now[SLOTS], wanted[SLOTS + 1];
	u32 n = world_order(now), m = 0;
	int fresh = -1;

	for (u32 i = 0; i < n; i++)
		if (before->phase[now[i]] != QUEUED && before->phase[now[i]] != AGAIN)
			fresh = now[i];
	if (fresh >= 0 && !last)
		wanted[m++] = fresh;
	for (u32 i = 0; i < before->queued; i++)
		if (world_phase(before->order[i]) == before->phase[before->order[i]])
			wanted[m++] = before->order[i];
	if (fresh >= 0 && last)
		wanted[m++] = fresh;
	if (n != m || memcmp(now, wanted, n))
		broken("requests keep their order");
}

void rules_step(const struct before *before, const struct operation *operation,
		const struct outcome *outcome, broken_fn broken)
{
	const struct vtpm_queue *queue = &world.queue;
	bool ready = !queue->server || vtpm_queue_ready(&world.queue, queue->server);

	if (outcome->rc != outcome->wanted) {
		printf("returned %d, wanted %d\n", outcome->rc, outcome->wanted);
		broken("each call returns what queue.h promises");
	}
	for (u32 i = 0; i < bound->slots; i++)
		step_request(before, i, operation, broken);
	step_counts(before, operation, outcome, broken);
	step_order(before, operation, broken);
	if (ready && !before->ready && queue->server_wait.wakes == before->server_wakes)
		broken("a server that sleeps is woken when there is something to fetch");
	if (before->server && !queue->server && queue->server_wait.wakes == before->server_wakes)
		broken("a server that is detached is woken");
	if (operation->verb == TAKE && outcome->rc > 0 && before->wake && queue->wake)
		broken("a WAKE frame is fetched once");
	if ((operation->verb == WAKE || (operation->verb == UNTAKE && operation->way == ID_ZERO)) &&
	    outcome->rc == 0 && !queue->wake)
		broken("a WAKE frame stays until it is fetched");
	if (operation->verb == ATTACH && outcome->rc == 0 && queue->server != operation->server)
		broken("who attaches is attached");
}

/* The last resort of deadline.c comes nearer when a long command goes: that may wait. */
static u32 longest_bound(void)
{
	u32 longest = world.queue.running_ms;

	for (u32 i = 0; i < bound->slots; i++)
		longest = max(longest, bound->bound_ms[i]);
	return longest;
}

static void state_request(u32 slot, broken_fn broken)
{
	const struct vtpm_request *request = request_of(slot);
	enum phase phase = world_phase(slot);
	u32 refs = world.slot[slot].owned + held_by_queue(phase);

	if (refcount_read(&request->refs) != refs)
		broken("one reference is the owner's, one the queue's");
	if (request->state == VTPM_REQUEST_QUEUED ? list_empty(&request->node)
						  : !list_empty(&request->node))
		broken("what is QUEUED is in the queue, and nothing else");
	if (phase == TAKEN && world.queue.running != request)
		broken("the one that runs is TAKEN");
	if (phase != ANSWERED && phase != CANCELLED && phase != LOST && phase != LATE &&
	    phase != LEFT && vtpm_request_final(request))
		broken("final is final");
	if (!held_by_queue(phase))
		return;
	if (request->deaths > 2 ||
	    (request->deaths && !(request->flags & VTPM_FRAME_REDELIVERED)) ||
	    !(request->flags & VTPM_FRAME_POISONED) != (request->deaths < 2))
		broken("two deaths poison");
	if (!is_command(slot) && request->deaths)
		broken("only commands are poisoned");
	if (request->id == 0 || request->id >= world.queue.next_id)
		broken("an id is given once");
	for (u32 i = 0; i < slot; i++)
		if (held_by_queue(world_phase(i)) && request_of(i)->id == request->id)
			broken("ids are unique");
	if (waits(phase) && is_command(slot) &&
	    world.queue.armed_for > vtpm_deadline(&world.queue, request, longest_bound()) + SLACK)
		broken("somebody watches each command's time limit");
}

void rules_state(broken_fn broken)
{
	const struct vtpm_queue *queue = &world.queue;
	u32 queued = 0, running = 0, waiting = 0;
	u8 order[SLOTS];

	for (u32 i = 0; i < bound->slots; i++) {
		if (!world.slot[i].used) {
			if (world.slot[i].owned)
				broken("what has an owner exists");
			continue;
		}
		state_request(i, broken);
		queued += request_of(i)->state == VTPM_REQUEST_QUEUED;
		running += queue->running == request_of(i);
		waiting += is_command(i) && waits(world_phase(i));
	}
	if (world_order(order) != queued || queue->depth != queued)
		broken("the depth is the number of the queued");
	if ((vtpm_queue_left(&world.queue) < 0) != !waiting)
		broken("there is a time left while a command waits");
	if (running != !!queue->running)
		broken("what runs exists");
	if (queue->running && !queue->server)
		broken("without a server nothing runs");
	if (queue->wake && !queue->server && !queue->dead)
		broken("without a server nobody is woken");
	if (queue->dead && (queue->server || queue->running || queued))
		broken("a dead device has no server and no requests");
}
