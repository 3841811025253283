// SPDX-License-Identifier: BSD-3-Clause
/*
 * The stream link: bare TPM commands, one client at a time.
 *
 * tpm2-tss's swtpm TCTI (3.2) connects to PATH once to see that somebody is
 * there, then to PATH.ctrl for CMD_SET_LOCALITY, for each of which it wants four
 * bytes back, and then to PATH for its commands. So there may be a second
 * listening socket, on which just that is understood; the full control channel
 * is not this file's business.
 *
 * A command stays in the socket until its answer is in the journal (journal.h), so
 * that it is there for the next engine if this one dies. What is not whole yet is looked
 * at again after a while, since poll() cannot tell one byte from all of them; that
 * hinders neither the control socket nor an orderly end. One that does not read
 * its answer stops the link, until signals say that the engine is to end. A client that talks
 * nonsense or goes away costs its connection only; on a socket that came
 * connected, its end is the end of the link.
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

/* swtpm's tpm_ioctl.h: command and result codes, big-endian on a socket */
#define CONTROL_SET_LOCALITY	    5
#define CONTROL_HEAD		    4
#define CONTROL_RESULT_OK	    0
#define CONTROL_RESULT_BAD_LOCALITY 0x3d
#define CONTROL_RESULT_BAD_ORDINAL  0x0a

/* Signals, 10 ms apart (loop.c), that a client may sleep through with an answer to read */
#define ANSWER_PATIENCE 100

/* Longest time between two looks at a command that is not whole. */
#define PAUSE_MS 50

static void drop(int *connection, size_t *have)
{
	if (*connection >= 0)
		close(*connection);
	*connection = -1;
	*have = 0;
}

static int drop_client(struct link *link)
{
	if (!link->accepts)
		return -EPIPE;
	journal_drop(&link->journal);
	drop(&link->client, &link->have);
	link->pause_ms = 0;
	return 0;
}

/* Return: 1 when @want bytes are there, 0 when not yet, -errno when they never will. */
static int gather(int fd, uint8_t *to, size_t *have, size_t want)
{
	ssize_t n;

	if (*have >= want)
		return 1;
	n = recv(fd, to + *have, want - *have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	*have += (size_t)n;
	return *have >= want;
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
		link->pause_ms = link->pause_ms < PAUSE_MS ? link->pause_ms * 2 + 1 : PAUSE_MS;
		return 0;
	}
	link->have = 0;
	link->pause_ms = 0;
	link->frame.head = (struct vtpm_frame){
		.size = (uint32_t)(sizeof(link->frame.head) + (size_t)size),
		.kind = VTPM_FRAME_COMMAND,
		.locality = journal_locality(&link->journal),
	};
	if (!journal_begin(&link->journal, &id))
		link->frame.head.flags = VTPM_FRAME_POISONED;
	link->frame.head.id = id;
	return 1;
}

static void read_control(struct link *link)
{
	struct cursor_in in = cursor_in(link->control_request, sizeof(link->control_request));
	uint32_t result = CONTROL_RESULT_BAD_ORDINAL;
	size_t want = CONTROL_HEAD;
	uint8_t reply[4];
	struct cursor_out out = cursor_out(reply, sizeof(reply));
	int r;

	r = gather(link->control, link->control_request, &link->control_have, want);
	if (r > 0 && cursor_get_u32(&in) == CONTROL_SET_LOCALITY) {
		want = CONTROL_HEAD + 1;
		r = gather(link->control, link->control_request, &link->control_have, want);
		if (r > 0) {
			uint8_t locality = cursor_get_u8(&in);

			result = locality > 4 ? CONTROL_RESULT_BAD_LOCALITY : CONTROL_RESULT_OK;
			if (!result)
				journal_set_locality(&link->journal, locality);
		}
	}
	if (r == 0)
		return;

	cursor_put_u32(&out, result);
	if (r > 0 && send(link->control, reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT) !=
			     (ssize_t)sizeof(reply))
		r = -EPIPE;
	/* After an unknown request nobody knows where the next one begins. */
	if (r < 0 || result == CONTROL_RESULT_BAD_ORDINAL)
		drop(&link->control, &link->control_have);
	link->control_have = 0;
}

/* Read at most @want bytes away: they have been answered. */
static void consume(const struct link *link, size_t want)
{
	uint8_t away[VTPM_COMMAND_SIZE];
	ssize_t n = 1;

	while (want && n > 0) {
		n = recv(link->client, away, want < sizeof(away) ? want : sizeof(away),
			 MSG_DONTWAIT);
		want -= n > 0 ? (size_t)n : 0;
	}
}

static int send_answer(struct link *link)
{
	int r = -EINTR;

	for (int patience = ANSWER_PATIENCE; r == -EINTR && patience; patience--)
		r = journal_send(&link->journal, link->client);
	return r ? drop_client(link) : 0;
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
	consume(link, link->frame.head.size - sizeof(link->frame.head));
	return send_answer(link);
}

/* The engine before had an answer, and may not have sent it. */
static int send_rest(struct link *link)
{
	if (link->client < 0 || journal_is_sent(&link->journal))
		return 0;
	consume(link, sizeof(link->frame.body));
	return send_answer(link);
}

static int take_connection(int listener, int *ret)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return errno == ECONNABORTED || errno == EAGAIN ? 0 : -errno;
	*ret = fd;
	return 0;
}

static int take_client(struct link *link)
{
	int r = take_connection(link->fd, &link->client);

	if (!r && link->client >= 0 && journal_keep(&link->journal, link->client))
		log_line("a connection is not kept: it ends with this engine");
	return r;
}

/* What is not whole yet shows by its end alone that nothing more will come. */
static int wait_for_command(struct link *link)
{
	struct pollfd wait[2] = {
		{ .fd = link->client >= 0 ? link->client : link->fd,
		  .events = link->pause_ms ? POLLRDHUP : POLLIN },
		{ .fd = link->control >= 0 ? link->control : link->control_fd, .events = POLLIN },
	};
	int r = 0;

	if (poll(wait, 2, link->pause_ms ? link->pause_ms : -1) < 0)
		return -errno;

	if (wait[1].revents && link->control < 0)
		r = take_connection(link->control_fd, &link->control);
	else if (wait[1].revents)
		read_control(link);
	if (r || (!wait[0].revents && !link->pause_ms))
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

	while (!r && fetch)
		r = wait_for_command(link);
	return r > 0 ? 0 : r;
}

const struct link_ops link_stream_ops = {
	.name = "stream",
	.exchange = stream_exchange,
};
