// SPDX-License-Identifier: BSD-3-Clause
/*
 * The stream link: bare TPM commands, one client at a time.
 *
 * A client connects to PATH, or a monitor of virtual machines hands a connection over on the
 * control channel (link_control.c), which is at PATH.ctrl. tpm2-tss's swtpm TCTI (3.2)
 * connects to PATH once to see that somebody is there, and wants a locality set there before
 * each command.
 *
 * A command is read into the journal (journal.h), so that it is there for the next engine
 * if this one dies. One that does not read its answer stops the link, until signals say that
 * the engine is to end. A client that talks nonsense or goes away costs its connection only; on
 * a socket that came connected, its end is the end of the link.
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

static int drop_client(struct link *link)
{
	if (!link->accepts)
		return -EPIPE;
	journal_drop(&link->journal);
	if (link->client >= 0)
		close(link->client);
	link->client = -1;
	return 0;
}

/* Return: bytes of the command at @bytes; 0 when it is not whole; -EPROTO. */
static int measure(const uint8_t *bytes, size_t have)
{
	struct cursor_in in = cursor_in(bytes, have);
	uint32_t size;

	if (have < TPM_HEAD_SIZE)
		return 0;
	cursor_get_u16(&in);
	size = cursor_get_u32(&in);
	if (size < TPM_HEAD_SIZE || size > VTPM_COMMAND_SIZE)
		return -EPROTO;
	return size <= have ? (int)size : 0;
}

/* Return: 1 when the frame is a command that has come; 0 when none has, whole; -EPROTO. */
static int take_command(struct link *link)
{
	size_t have = journal_command(&link->journal, link->frame.body, sizeof(link->frame.body));
	int size = measure(link->frame.body, have);
	uint64_t id;

	if (size <= 0)
		return size;
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

static int read_command(struct link *link)
{
	int r = journal_read(&link->journal, link->client);

	return r ? r : take_command(link);
}

/* A connection that was handed over may be a non-blocking one, and that is not ours to change. */
static int send_some(struct journal *journal, int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	int r;

	while ((r = journal_send(journal, fd)) == -EAGAIN)
		if (poll(&room, 1, -1) < 0)
			return -errno;
	return r;
}

int link_send(struct journal *journal, int fd)
{
	int r = -EINTR;

	for (int patience = ANSWER_PATIENCE; r == -EINTR && patience; patience--)
		r = send_some(journal, fd);
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
	r = journal_answer(&link->journal, link->answer.response, length,
			   link->frame.head.size - sizeof(link->frame.head));
	return r ? r : send_answer(link);
}

/* The engine before had an answer, and may not have sent it. */
static int send_rest(struct link *link)
{
	return link->client < 0 || journal_is_sent(&link->journal) ? 0 : send_answer(link);
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
	/* Before it is kept: a death between finds none there, and takes it again. */
	link_note(link)->took = 1;
	link->client = fd;
	keep_client(link);
	return 0;
}

/* The control connection's half; a request that is not whole shows by its end alone. */
static int look_at_control(struct link *link, int events)
{
	return events || link->control_pause_ms ? link_control_ready(link, events) : 0;
}

static int wait_for_command(struct link *link)
{
	bool data = !journal_is_begun(&link->control_journal);
	bool control = !journal_is_begun(&link->journal);
	struct pollfd wait[2] = {
		{ .fd = link->client >= 0 ? link->client : link->fd, .events = POLLIN },
		{ .fd = link->control >= 0 ? link->control : link->control_fd,
		  .events = link->control_pause_ms ? POLLRDHUP : POLLIN },
	};
	int client = link->client, r = 0;

	if (!data)
		wait[0].fd = -1;
	if (!control)
		wait[1].fd = -1;
	if (poll(wait, 2, link->control_pause_ms ? link->control_pause_ms : -1) < 0)
		return -errno;

	if (control)
		r = look_at_control(link, wait[1].revents);
	/* The control connection may have brought another one, or begun what is to end first. */
	if (r || client != link->client || !wait[0].revents ||
	    journal_is_begun(&link->control_journal))
		return r;

	if (link->client < 0)
		return take_client(link);
	r = read_command(link);
	return r < 0 ? drop_client(link) : r;
}

/* What came behind the last command, or to the engine before. */
static int take_what_came(struct link *link)
{
	int r;

	if (link->client < 0 || journal_is_begun(&link->control_journal))
		return 0;
	r = take_command(link);
	return r < 0 ? drop_client(link) : r;
}

static int stream_exchange(struct link *link, bool answer, bool fetch)
{
	int r = answer ? answer_client(link) : send_rest(link);

	if (!answer)
		link_control_rest(link);
	while (!r && fetch) {
		r = take_what_came(link);
		if (!r)
			r = wait_for_command(link);
	}
	return r > 0 ? 0 : r;
}

const struct link_ops link_stream_ops = {
	.name = "stream",
	.exchange = stream_exchange,
};
