// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the patience of a request ends: arithmetic only, on a queue whose lock the
 * caller holds.
 *
 *	running		since it was taken, the time it may run
 *	queued, server	since the last progress, the time of what runs before it
 *	queued, none	since the server went, detached_ms
 *
 * A queued one counts from the last progress of the server, since what is ahead of it
 * has time limits of its own. Servers that come and die without answering anything
 * are no progress: since the last answer nobody waits longer than for a server, for
 * a turn and for an answer.
 */
#include <linux/ktime.h>
#include <linux/list.h>

#include "deadline.h"
#include "queue.h"

/**
 * vtpm_deadline() - when to fail a request with -ETIME
 * @queue: that holds it, locked
 * @request: running or queued
 * @longest: vtpm_longest_bound() of the queue
 *
 * Return: nanoseconds on ktime_get_ns()'s clock.
 */
u64 vtpm_deadline(const struct vtpm_queue *queue, const struct vtpm_request *request, u32 longest)
{
	u64 start = request->since;
	u32 ms = queue->detached_ms;
	u64 end;

	if (request == queue->running) {
		ms = request->bound_ms;
	} else {
		start = max(start, queue->progress);
		if (queue->running)
			ms = max(queue->running->bound_ms, queue->running_ms);
		else if (queue->server)
			ms = queue->running_ms;
	}
	end = max(request->submitted, queue->answered) +
	      (queue->detached_ms + 2ull * longest) * NSEC_PER_MSEC;
	return min(start + (u64)ms * NSEC_PER_MSEC, end);
}

/**
 * vtpm_longest_bound() - the longest time that any request here may run
 * @queue: locked
 *
 * Return: milliseconds.
 */
u32 vtpm_longest_bound(const struct vtpm_queue *queue)
{
	const struct vtpm_request *request;
	u32 longest = queue->running_ms;

	if (queue->running)
		longest = max(longest, queue->running->bound_ms);
	list_for_each_entry(request, &queue->queued, node)
		longest = max(longest, request->bound_ms);
	return longest;
}

/**
 * vtpm_soonest_deadline() - when the next command is to fail
 * @queue: locked
 *
 * Return: nanoseconds on ktime_get_ns()'s clock, U64_MAX when no command waits or runs.
 */
u64 vtpm_soonest_deadline(const struct vtpm_queue *queue)
{
	const struct vtpm_request *request = queue->running;
	u32 longest = vtpm_longest_bound(queue);
	u64 soonest = U64_MAX;

	if (request && request->kind == VTPM_FRAME_COMMAND && !request->abandoned)
		soonest = vtpm_deadline(queue, request, longest);
	list_for_each_entry(request, &queue->queued, node)
		if (request->kind == VTPM_FRAME_COMMAND)
			soonest = min(soonest, vtpm_deadline(queue, request, longest));
	return soonest;
}
