// SPDX-License-Identifier: BSD-3-Clause
/*
 * Calls and their answers; see the header.
 *
 * A call that cannot be sent is not answered on the spot: its caller may be in the
 * middle of something. The connection is shut down instead, and the loop finds its end.
 */
#include "manager/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/log.h"
#include "manager/state.h"

struct peer_call {
	struct peer_call *next;
	uint32_t tag;
	peer_done done;
	void *context;
};

static int try_later(struct peer *peer);

static void hang_up(struct peer *peer)
{
	const struct peer_answer away = { .error = ENOTCONN, .text = "" };
	struct peer_call *calls = peer->calls, *next;

	peer->source = sd_event_source_disable_unref(peer->source);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->calls = NULL;
	for (; calls; calls = next) {
		next = calls->next;
		calls->done(calls->context, &away);
		free(calls);
	}
	peer->ops->away(peer->context);
}

/* Take the call with this tag out of the list. */
static struct peer_call *take_call(struct peer *peer, uint32_t tag)
{
	for (struct peer_call **at = &peer->calls; *at; at = &(*at)->next) {
		struct peer_call *call = *at;

		if (call->tag == tag) {
			*at = call->next;
			return call;
		}
	}
	return NULL;
}

static int take_answer(struct peer *peer, struct ipc_in *in)
{
	struct peer_answer answer = { .op = in->op, .in = in };
	char text[IPC_TEXT_MAX] = "";
	struct peer_call *call;
	struct cursor_in look = in->body;
	int r;

	call = in->op == peer->ops->reports ? NULL : take_call(peer, cursor_get_u32(&look));
	if (!call)
		return peer->ops->report(peer->context, in);

	in->body = look;
	answer.error = cursor_get_u32(&in->body);
	if (peer->ops->texts)
		ipc_get_string(in, text, sizeof(text));
	answer.text = text;
	if (in->body.bad) {
		answer.error = ENOTCONN;
		answer.in = NULL;
		call->done(call->context, &answer);
		free(call);
		return -EPROTO;
	}
	if (answer.error)
		answer.in = NULL;
	r = call->done(call->context, &answer);
	free(call);
	return r;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *context)
{
	_cleanup_(ipc_in_done) struct ipc_in in = { 0 };
	struct peer *peer = context;
	int r;

	(void)source;
	(void)events;
	r = ipc_receive(fd, peer->buffer, IPC_PACKET_MAX, false, &in);
	if (!r)
		r = take_answer(peer, &in);
	if (!r || r == -EAGAIN || r == -EINTR)
		return 0;
	if (r != -EPIPE)
		log_line("%s: what it says makes no sense (errno %d), hanging up", peer->ops->name,
			 -r);
	hang_up(peer);
	return try_later(peer);
}

static int try_now(struct peer *peer)
{
	int fd = ipc_connect(peer->path);
	int r;

	if (fd < 0) {
		peer->ops->absent(peer->context);
		return try_later(peer);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	r = sd_event_add_io(peer->event, &peer->source, fd, EPOLLIN, on_message, peer);
	if (r < 0) {
		close(fd);
		return r;
	}
	peer->fd = fd;
	peer->ops->here(peer->context);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct peer *peer = context;

	(void)source;
	(void)now;
	peer->timer = sd_event_source_disable_unref(peer->timer);
	return try_now(peer);
}

static int try_in(struct peer *peer, uint64_t milliseconds)
{
	if (peer->timer)
		return 0;
	return sd_event_add_time_relative(peer->event, &peer->timer, CLOCK_MONOTONIC,
					  milliseconds * 1000, 1000, on_timer, peer);
}

static int try_later(struct peer *peer)
{
	return try_in(peer, PEER_RETRY_MS);
}

int peer_init(struct peer *peer, sd_event *event, const char *path, const struct peer_ops *ops,
	      void *context)
{
	*peer = (struct peer){ .ops = ops, .context = context, .event = event, .fd = -1 };
	if (!cursor_copy(peer->path, sizeof(peer->path) - 1, path, strlen(path)))
		return -ENAMETOOLONG;
	peer->buffer = malloc(IPC_PACKET_MAX);
	if (!peer->buffer)
		return -ENOMEM;
	return try_in(peer, 0);
}

void peer_end(struct peer *peer)
{
	if (!peer->ops)
		return;
	if (peer->fd >= 0)
		hang_up(peer);
	peer->timer = sd_event_source_disable_unref(peer->timer);
	free(peer->buffer);
	*peer = (struct peer){ .fd = -1 };
}

bool peer_here(const struct peer *peer)
{
	return peer->fd >= 0;
}

pid_t peer_pid(const struct peer *peer)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (peer->fd < 0 || getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &who, &size))
		return 0;
	return who.pid;
}

struct ipc_out peer_call(struct peer *peer, uint32_t op, void *buffer, size_t room)
{
	struct ipc_out out = ipc_out(op, buffer, room);

	cursor_put_u32(&out.body, ++peer->tag);
	return out;
}

static int never(sd_event_source *source, void *context)
{
	const struct peer_answer away = { .error = ENOTCONN, .text = "" };
	struct peer_call *call = context;

	call->done(call->context, &away);
	free(call);
	sd_event_source_unref(source);
	return 0;
}

/* Not connected: the call ends in the loop's next round. */
static void fail_later(struct peer *peer, struct peer_call *call)
{
	sd_event_source *source;

	if (sd_event_add_defer(peer->event, &source, never, call) < 0)
		manager_out_of_memory();
}

void peer_send(struct peer *peer, const struct ipc_out *out, peer_done done, void *context)
{
	struct peer_call *call = malloc(sizeof(*call));
	int r;

	if (!call)
		manager_out_of_memory();
	*call = (struct peer_call){ .tag = peer->tag, .done = done, .context = context };
	if (peer->fd < 0) {
		fail_later(peer, call);
		return;
	}
	call->next = peer->calls;
	peer->calls = call;
	r = ipc_send(peer->fd, out);
	if (r) {
		log_line("cannot send to %s (errno %d), hanging up", peer->ops->name, -r);
		shutdown(peer->fd, SHUT_RDWR);
	}
}
