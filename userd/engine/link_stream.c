// SPDX-License-Identifier: BSD-3-Clause
/*
 * The stream link: bare TPM commands, one client at a time.
 *
 * A client connects to PATH, or a monitor of virtual machines hands a connection over on the
 * control channel (link_control.c), which is at PATH.ctrl. tpm2-tss's swtpm TCTI (3.2)
 * connects to PATH once to see that somebody is there, and wants a locality set there before
 * each command.
 *
 * A command stays in the socket until its answer is in the journal (journal.h), so
 * that it is there for the next engine if this one dies. What is not whole yet is looked
 * at again after a while, since poll() cannot tell one byte from all of them; that
 * hinders neither the control socket nor an orderly end. One that does not read
 * its answer stops the link, until signals say that the engine is to end. A client that talks
 * nonsense or goes away costs its connection only; on a socket that came
 * connected, its end is the end of the link.
 *
 * What the engine before had begun is finished before the other connection is looked at:
 * the unit knows one request, and must not forget it while it may come again.
 */
#include "engine/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "wire/tpm.h"

/* Signals, 10 ms apart (loop.c), that a client may sleep through with an answer to read */
#define ANSWER_PATIENCE 100

/* Longest time between two looks at a command that is not whole. */
#define PAUSE_MS 50

int link_pause(int pause_ms)
{
	return pause_ms < PAUSE_MS ? pause_ms * 2 + 1 : PAUSE_MS;
}

static int drop_client(struct link *link)
{
	if (!link->accepts)
		return -EPIPE;
	journal_drop(&link->journal);
	if (link->client >= 0)
		close(link->client);
	link->client = -1;
	link->have = 0;
	link->pause_ms = 0;
	return 0;
}

/* Return: bytes of the command that is at hand; 0 when it is not whole; -EPROTO. */
static int measure(const struct link *link)
{
	struct cursor_in in = cursor_in(link->frame.body, link->have);
	uint32_t size;

	if (link->have < TPM_HEAD_SIZE)
		return 0;
	cursor_get_u16(&in);
	size = cursor_get_u32(&in);
	if (size < TPM_HEAD_SIZE || size > sizeof(link->frame.body))
		return -EPROTO;
	return size <= link->have ? (int)size : 0;
}

static int read_command(struct link *link)
{
	ssize_t n = recv(link->client, link->frame.body, sizeof(link->frame.body),
			 MSG_PEEK | MSG_DONTWAIT);
	uint64_t id;
	int size;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	if ((size_t)n > link->have)
		link->pause_ms = 0;
	link->have = (size_t)n;
	size = measure(link);
	if (size < 0)
		return size;
	if (!size) {
		link->pause_ms = link_pause(link->pause_ms);
		return 0;
	}
	link->have = 0;
	link->pause_ms = 0;
	link->frame.head = (struct vtpm_frame){
		.size = (uint32_t)(sizeof(link->frame.head) + (size_t)size),
		.kind = VTPM_FRAME_COMMAND,
		.locality = link_note(link)->locality,
	};
	if (!journal_begin(&link->journal, &id))
		link->frame.head.flags = VTPM_FRAME_POISONED;
	link->frame.head.id = id;
	return 1;
}

void link_consume(int fd, size_t want)
{
	uint8_t away[VTPM_COMMAND_SIZE];
	ssize_t n = 1;

	while (want && n > 0) {
		n = recv(fd, away, want < sizeof(away) ? want : sizeof(away), MSG_DONTWAIT);
		want -= n > 0 ? (size_t)n : 0;
	}
}

int link_send(struct journal *journal, int fd)
{
	int r = -EINTR;

	for (int patience = ANSWER_PATIENCE; r == -EINTR && patience; patience--)
		r = journal_send(journal, fd);
	return r;
}

static int send_answer(struct link *link)
{
	return link_send(&link->journal, link->client) ? drop_client(link) : 0;
}

static int answer_client(struct link *link)
{
	size_t length = link->answer.head.size - sizeof(link->answer.head);
	int r;

	if (link->client < 0)
		return 0;
	r = journal_answer(&link->journal, link->answer.response, length);
	if (r)
		return r;
	link_consume(link->client, link->frame.head.size - sizeof(link->frame.head));
	return send_answer(link);
}

/* The engine before had an answer, and may not have sent it. */
static int send_rest(struct link *link)
{
	if (link->client < 0 || journal_is_sent(&link->journal))
		return 0;
	link_consume(link->client, sizeof(link->frame.body));
	return send_answer(link);
}

int link_accept(int listener, int *ret)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return errno == ECONNABORTED || errno == EAGAIN ? 0 : -errno;
	*ret = fd;
	return 0;
}

static int keep_client(struct link *link)
{
	int r = journal_keep(&link->journal, link->client);

	if (r)
		log_line("a connection is not kept: it ends with this engine");
	return r;
}

static int take_client(struct link *link)
{
	int r = link_accept(link->fd, &link->client);

	if (!r && link->client >= 0)
		keep_client(link);
	return r;
}

/* One that has gone may not have been noticed yet. */
int link_take_client(struct link *link, int fd)
{
	uint8_t byte;

	if (link->client >= 0 && recv(link->client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		drop_client(link);
	if (link->client >= 0)
		return -EBUSY;
	link->client = fd;
	keep_client(link);
	return 0;
}

static int shorter(int a, int b)
{
	return a && (!b || a < b) ? a : b;
}

/* What is not whole yet shows by its end alone that nothing more will come. */
static int wait_for_command(struct link *link)
{
	bool data = !journal_is_begun(&link->control_journal);
	bool control = !journal_is_begun(&link->journal);
	struct pollfd wait[2] = {
		{ .fd = link->client >= 0 ? link->client : link->fd,
		  .events = link->pause_ms ? POLLRDHUP : POLLIN },
		{ .fd = link->control >= 0 ? link->control : link->control_fd,
		  .events = link->control_pause_ms ? POLLRDHUP : POLLIN },
	};
	int pause = shorter(link->pause_ms, link->control_pause_ms);
	int client = link->client, r = 0;

	if (!data)
		wait[0].fd = -1;
	if (!control)
		wait[1].fd = -1;
	if (poll(wait, 2, pause ? pause : -1) < 0)
		return -errno;

	if (wait[1].revents || (control && link->control_pause_ms))
		r = link_control_ready(link, wait[1].revents);
	/* The control connection may have brought another one. */
	if (r || client != link->client || !data || (!wait[0].revents && !link->pause_ms))
		return r;

	if (link->client < 0)
		return take_client(link);
	r = read_command(link);
	if (!r && link->pause_ms && wait[0].revents & (POLLRDHUP | POLLHUP))
		r = -EPIPE;
	return r < 0 ? drop_client(link) : r;
}

static int stream_exchange(struct link *link, bool answer, bool fetch)
{
	int r = answer ? answer_client(link) : send_rest(link);

	if (!answer)
		link_control_rest(link);
	while (!r && fetch)
		r = wait_for_command(link);
	return r > 0 ? 0 : r;
}

const struct link_ops link_stream_ops = {
	.name = "stream",
	.exchange = stream_exchange,
};
