// SPDX-License-Identifier: BSD-3-Clause
/*
 * The framed links, and which kind a descriptor is; see the header. The
 * stream link has a file of its own.
 *
 * On the driver's file an answer may be refused with ESTALE: its client went
 * away. That is not our business; nothing was fetched, so the call is made
 * again without the answer.
 */
#include "engine/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(((struct link *)0)->frame) == VTPM_FRAME_SIZE, "head and body adjoin");
_Static_assert(sizeof(((struct link *)0)->answer) == VTPM_ANSWER_SIZE, "head and body adjoin");

int link_check_frame(const struct link *link, size_t got)
{
	const struct vtpm_frame *head = &link->frame.head;

	if (got < sizeof(*head) || got > sizeof(link->frame) || head->size != got)
		return -EPROTO;
	if (head->kind != VTPM_FRAME_WAKE && !head->id)
		return -EPROTO;
	if (head->kind == VTPM_FRAME_COMMAND && head->locality > 4)
		return -EPROTO;
	return 0;
}

static int driver_exchange(struct link *link, bool answer, bool fetch)
{
	struct vtpm_exchange exchange = {
		.size = sizeof(exchange),
		.frame = fetch ? (uintptr_t)&link->frame : 0,
		.frame_size = fetch ? sizeof(link->frame) : 0,
		.answer = answer ? (uintptr_t)&link->answer : 0,
		.answer_size = answer ? link->answer.head.size : 0,
	};
	int n;

	n = ioctl(link->fd, VTPM_IOC_EXCHANGE, &exchange);
	if (n < 0 && errno == ESTALE && answer) {
		exchange.answer = 0;
		exchange.answer_size = 0;
		n = fetch ? ioctl(link->fd, VTPM_IOC_EXCHANGE, &exchange) : 0;
	}
	if (n < 0)
		return -errno;
	return fetch ? link_check_frame(link, (size_t)n) : 0;
}

static int driver_watch(const struct link *link)
{
	int flags = fcntl(link->fd, F_GETFL);

	if (flags < 0 || fcntl(link->fd, F_SETOWN, getpid()) ||
	    fcntl(link->fd, F_SETFL, flags | O_ASYNC))
		return -errno;
	return 0;
}

static bool driver_abandoned(const struct link *link)
{
	return ioctl(link->fd, VTPM_IOC_ABANDONED) == 1;
}

static int packet_exchange(struct link *link, bool answer, bool fetch)
{
	ssize_t n;

	while (answer) {
		n = send(link->fd, &link->answer, link->answer.head.size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		answer = false;
	}
	if (!fetch)
		return 0;

	n = recv(link->fd, &link->frame, sizeof(link->frame), MSG_TRUNC);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return link_check_frame(link, (size_t)n);
}

const struct link_ops link_driver_ops = {
	.name = "driver",
	.exchange = driver_exchange,
	.watch = driver_watch,
	.abandoned = driver_abandoned,
};

const struct link_ops link_packet_ops = {
	.name = "packet",
	.exchange = packet_exchange,
};

static int socket_option(int fd, int option, int *ret)
{
	socklen_t size = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, option, ret, &size) ? -errno : 0;
}

static int open_stream(struct link *link, bool listens, const struct link_keeper *keeper)
{
	int r = journal_open(&link->journal, keeper ? keeper->journal : -1,
			     keeper ? keeper->pocket : NULL, VTPM_COMMAND_SIZE);

	if (!r && link->control_fd >= 0)
		r = link_control_open(link, keeper);
	if (r)
		return r;
	link->ops = &link_stream_ops;
	link->accepts = listens;
	link->client = listens ? journal_kept(&link->journal) : link->fd;
	/* What was begun on one that could not be kept has ended with it. */
	if (link->client < 0)
		journal_drop(&link->journal);
	return 0;
}

static int open_socket(struct link *link, const struct link_keeper *keeper)
{
	int r, type, listens;

	r = socket_option(link->fd, SO_TYPE, &type);
	if (!r)
		r = socket_option(link->fd, SO_ACCEPTCONN, &listens);
	if (r)
		return r;

	if (type == SOCK_SEQPACKET && !listens) {
		link->ops = &link_packet_ops;
		return 0;
	}
	if (type != SOCK_STREAM)
		return -EINVAL;
	return open_stream(link, listens, keeper);
}

int link_open(struct link *link, int fd, int control_fd, const struct link_keeper *keeper)
{
	struct stat status;
	int flags, r;

	*link = (struct link){
		.fd = fd,
		.control_fd = control_fd,
		.client = -1,
		.control = -1,
		.journal = JOURNAL_NONE,
		.control_journal = JOURNAL_NONE,
	};
	if (fstat(fd, &status))
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || ((flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK)))
		return -errno;

	if (S_ISSOCK(status.st_mode)) {
		r = open_socket(link, keeper);
		if (r)
			return r;
	} else {
		link->ops = &link_driver_ops;
	}
	if (control_fd >= 0 && link->ops != &link_stream_ops)
		return -EINVAL;
	return 0;
}

int link_exchange(struct link *link, bool answer, bool fetch)
{
	return link->ops->exchange(link, answer, fetch);
}

int link_watch(const struct link *link)
{
	return link->ops->watch ? link->ops->watch(link) : 0;
}

bool link_abandoned(const struct link *link)
{
	return link->ops->abandoned && link->ops->abandoned(link);
}

struct ctrl_note *link_note(const struct link *link)
{
	return journal_note(&link->journal);
}

void link_respond(struct link *link, size_t length)
{
	link->answer.head = (struct vtpm_answer){
		.size = (uint32_t)(sizeof(link->answer.head) + length),
		.id = link->frame.head.id,
	};
}

void link_refuse(struct link *link, uint32_t error)
{
	link_respond(link, 0);
	link->answer.head.error = error;
}
