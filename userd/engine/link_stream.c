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
 * A command is gathered from as many pieces as it comes in, so a slow client
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
#include "wire/tpm.h"

/* swtpm's tpm_ioctl.h: command and result codes, big-endian on a socket */
#define CONTROL_SET_LOCALITY	    5
#define CONTROL_HEAD		    4
#define CONTROL_RESULT_OK	    0
#define CONTROL_RESULT_BAD_LOCALITY 0x3d
#define CONTROL_RESULT_BAD_ORDINAL  0x0a

/* Signals, 10 ms apart (loop.c), that a client may sleep through with an answer to read */
#define ANSWER_PATIENCE 100

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
	drop(&link->client, &link->have);
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

static int read_command(struct link *link)
{
	struct cursor_in in;
	uint32_t size;
	int r;

	r = gather(link->client, link->frame.body, &link->have, TPM_HEAD_SIZE);
	if (r <= 0)
		return r;

	in = cursor_in(link->frame.body, TPM_HEAD_SIZE);
	cursor_get_u16(&in);
	size = cursor_get_u32(&in);
	if (size < TPM_HEAD_SIZE || size > sizeof(link->frame.body))
		return -EPROTO;

	r = gather(link->client, link->frame.body, &link->have, size);
	if (r <= 0)
		return r;
	link->have = 0;
	link->frame.head = (struct vtpm_frame){
		.size = (uint32_t)(sizeof(link->frame.head) + size),
		.kind = VTPM_FRAME_COMMAND,
		.locality = link->locality,
	};
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
				link->locality = locality;
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

static int answer_client(struct link *link)
{
	size_t length = link->answer.head.size - sizeof(link->answer.head), done = 0;
	int patience = ANSWER_PATIENCE;

	while (link->client >= 0 && done < length) {
		ssize_t n = send(link->client, link->answer.response + done, length - done,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR && patience--)
			continue;
		if (n <= 0)
			return drop_client(link);
		done += (size_t)n;
	}
	return 0;
}

static int take_connection(int listener, int *ret)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return errno == ECONNABORTED || errno == EAGAIN ? 0 : -errno;
	*ret = fd;
	return 0;
}

static int wait_for_command(struct link *link)
{
	struct pollfd wait[2] = {
		{ .fd = link->client >= 0 ? link->client : link->fd, .events = POLLIN },
		{ .fd = link->control >= 0 ? link->control : link->control_fd, .events = POLLIN },
	};
	int r = 0;

	if (poll(wait, 2, -1) < 0)
		return -errno;

	if (wait[1].revents && link->control < 0)
		r = take_connection(link->control_fd, &link->control);
	else if (wait[1].revents)
		read_control(link);
	if (r || !wait[0].revents)
		return r;

	if (link->client < 0)
		return take_connection(link->fd, &link->client);
	r = read_command(link);
	return r < 0 ? drop_client(link) : r;
}

static int stream_exchange(struct link *link, bool answer, bool fetch)
{
	int r = answer ? answer_client(link) : 0;

	while (!r && fetch)
		r = wait_for_command(link);
	return r > 0 ? 0 : r;
}

const struct link_ops link_stream_ops = {
	.name = "stream",
	.exchange = stream_exchange,
};
