/* SPDX-License-Identifier: GPL-2.0-only */
/* Every tracepoint is one call of shim_trace(), which the program defines. */
#ifndef _SHIM_LINUX_TRACEPOINT_H
#define _SHIM_LINUX_TRACEPOINT_H

struct vtpm_queue;
struct vtpm_request;

void shim_trace(const char *event, const struct vtpm_queue *queue,
		const struct vtpm_request *request, int error);

#define SHIM_TRACE(event, queue, request, error, ...) shim_trace(event, queue, request, error)

#define TP_PROTO(args...) args
#define TP_ARGS(args...) args
#define DECLARE_EVENT_CLASS(name, proto, args, tstruct, assign, print)
#define DEFINE_EVENT(template, name, proto, args)                                                  \
	static inline void trace_##name(proto)                                                     \
	{                                                                                          \
		SHIM_TRACE_ARGS(#name, args);                                                      \
	}
#define TRACE_EVENT(name, proto, args, tstruct, assign, print)                                     \
	static inline void trace_##name(proto)                                                     \
	{                                                                                          \
		SHIM_TRACE_ARGS(#name, args);                                                      \
	}
#define SHIM_TRACE_ARGS(event, args...) SHIM_TRACE(event, args, 0, 0)

#endif
