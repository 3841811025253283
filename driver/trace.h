/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of a request's way: queued, taken, answered, cancelled, lost. Where a stretch
 * of it ends, its time is told in nanoseconds: queued_ns without a server, since it was
 * submitted; running_ns in the server that has it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vtpm

#if !defined(_VTPM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VTPM_TRACE_H

#include <linux/tracepoint.h>

#include "queue.h"

DECLARE_EVENT_CLASS(vtpm_request,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request),
	TP_ARGS(queue, request),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(u64, id)
		__field(u64, client)
		__field(u32, size)
		__field(u32, flags)
		__field(u16, kind)
		__field(u8, locality)
	),
	TP_fast_assign(
		__entry->device = queue->serial;
		__entry->id = request->id;
		__entry->client = request->client;
		__entry->size = request->size;
		__entry->flags = request->flags;
		__entry->kind = request->kind;
		__entry->locality = request->locality;
	),
	TP_printk("device=%llu id=%llu client=%llu kind=%u locality=%u flags=%#x size=%u",
		  __entry->device, __entry->id, __entry->client, __entry->kind,
		  __entry->locality, __entry->flags, __entry->size)
);

DEFINE_EVENT(vtpm_request, vtpm_queued,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request),
	TP_ARGS(queue, request));

TRACE_EVENT(vtpm_taken,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request),
	TP_ARGS(queue, request),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(u64, id)
		__field(u64, client)
		__field(u64, queued_ns)
		__field(u32, flags)
		__field(u16, kind)
	),
	TP_fast_assign(
		__entry->device = queue->serial;
		__entry->id = request->id;
		__entry->client = request->client;
		__entry->queued_ns = request->taken - request->submitted;
		__entry->flags = request->flags;
		__entry->kind = request->kind;
	),
	TP_printk("device=%llu id=%llu client=%llu kind=%u flags=%#x queued_ns=%llu",
		  __entry->device, __entry->id, __entry->client, __entry->kind,
		  __entry->flags, __entry->queued_ns)
);

DEFINE_EVENT(vtpm_request, vtpm_cancelled,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request),
	TP_ARGS(queue, request));

DECLARE_EVENT_CLASS(vtpm_end,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request, int error),
	TP_ARGS(queue, request, error),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(u64, id)
		__field(u64, client)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->device = queue->serial;
		__entry->id = request->id;
		__entry->client = request->client;
		__entry->error = error;
	),
	TP_printk("device=%llu id=%llu client=%llu error=%d",
		  __entry->device, __entry->id, __entry->client, __entry->error)
);

TRACE_EVENT(vtpm_answered,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request, int error),
	TP_ARGS(queue, request, error),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(u64, id)
		__field(u64, client)
		__field(u64, queued_ns)
		__field(u64, running_ns)
		__field(int, error)
		__field(u16, kind)
	),
	TP_fast_assign(
		__entry->device = queue->serial;
		__entry->id = request->id;
		__entry->client = request->client;
		__entry->queued_ns = request->taken - request->submitted;
		__entry->running_ns = queue->progress - request->taken;
		__entry->error = error;
		__entry->kind = request->kind;
	),
	TP_printk("device=%llu id=%llu client=%llu kind=%u error=%d queued_ns=%llu running_ns=%llu",
		  __entry->device, __entry->id, __entry->client, __entry->kind,
		  __entry->error, __entry->queued_ns, __entry->running_ns)
);

DEFINE_EVENT(vtpm_end, vtpm_lost,
	TP_PROTO(const struct vtpm_queue *queue, const struct vtpm_request *request, int error),
	TP_ARGS(queue, request, error));

#endif /* _VTPM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
