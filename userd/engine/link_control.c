// SPDX-License-Identifier: BSD-3-Clause
/*
 * The control connection of a stream link: one client at a time, requests and answers as
 * ctrl/ctrl.h has them.
 *
 * It outlives the engine like the data connection: a request stays in the socket until its
 * answer is in a journal. All are harmless when they run again, but for a part of a
 * measurement, of which the unit knows the id, and for what the note knows (ctrl/ctrl.h).
 * A state on its way here is the exception: it is
 * larger than a socket's buffer and so read away as it comes. If the engine dies then, the
 * connection ends, and whoever moves a machine here fails in time to stay where he is.
 */
#include "engine/link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/secret.h"

/* No command's id has this bit: those have fewer (journal.c). */
#define CONTROL_ID (1ull << 62)

/* Not in struct link: pages of it exist only once a state leaves. */
static uint8_t response[CTRL_RESPONSE_MAX];

/* Longest time between two looks at a request that is not whole. */
#define PAUSE_MS 50

static int longer(int pause_ms)
{
	return pause_ms < PAUSE_MS ? pause_ms * 2 + 1 : PAUSE_MS;
}

static void consume(int fd, size_t want)
{
	uint8_t away[VTPM_COMMAND_SIZE];
	ssize_t n = 1;

	while (want && n > 0) {
		n = recv(fd, away, want < sizeof(away) ? want : sizeof(away), MSG_DONTWAIT);
		want -= n > 0 ? (size_t)n : 0;
	}
}

static void drop(struct link *link)
{
	journal_drop(&link->control_journal);
	if (link->control >= 0)
		close(link->control);
	link->control = -1;
	link->control_have = 0;
	link->control_pause_ms = 0;
	if (link->ctrl)
		ctrl_drop(link->ctrl);
}

int link_control_open(struct link *link, const struct link_keeper *keeper)
{
	const int back[2] = { keeper ? keeper->pocket[1] : -1, keeper ? keeper->pocket[0] : -1 };
	struct ctrl_note *note = link_note(link);
	int r = journal_open(&link->control_journal, keeper ? keeper->control_journal : -1,
			     keeper ? back : NULL, CTRL_RESPONSE_MAX);

	if (r)
		return r;
	link->control = journal_kept(&link->control_journal);
	if (!journal_is_begun(&link->control_journal))
		ctrl_answered(note);
	if (link->control >= 0 && !note->receiving)
		return 0;
	drop(link);
	ctrl_answered(note);
	return 0;
}

void link_control_rest(struct link *link)
{
	if (link->control < 0 || journal_is_sent(&link->control_journal))
		return;
	consume(link->control, CTRL_REQUEST_MAX);
	if (link_send(&link->control_journal, link->control))
		drop(link);
}

static void take(struct link *link)
{
	if (link_accept(link->control_fd, &link->control) || link->control < 0)
		return;
	if (journal_keep(&link->control_journal, link->control))
		log_line("a control connection is not kept: it ends with this engine");
}

/* What lies in the socket, and stays there. Return: as recvmsg() */
static ssize_t look(const struct link *link, uint8_t *bytes, size_t room, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec io = { .iov_base = bytes, .iov_len = room };
	struct msghdr message = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = ret_fd ? &control : NULL,
		.msg_controllen = ret_fd ? sizeof(control) : 0,
	};
	const struct cmsghdr *head;
	ssize_t n = recvmsg(link->control, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	head = n > 0 && ret_fd ? CMSG_FIRSTHDR(&message) : NULL;
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		cursor_copy(ret_fd, sizeof(*ret_fd), CMSG_DATA(head), sizeof(*ret_fd));
	return n;
}

static int answer(struct link *link, const struct cursor_out *out, size_t size)
{
	int r = journal_answer(&link->control_journal, out->base, out->used, 0);

	secret_wipe(out->base, out->used);
	if (r)
		return r;
	ctrl_answered(link_note(link));
	consume(link->control, size);
	if (link_send(&link->control_journal, link->control))
		drop(link);
	return 0;
}

static int run(struct link *link, const uint8_t *request, size_t size)
{
	struct cursor_out out = cursor_out(response, sizeof(response));
	_cleanup_(close_fdp) int fd = -1;
	bool poisoned = false;
	uint64_t id = 0;
	int r = 0;

	/* Pieces of a state belong to the request that announced it. */
	if (!link->ctrl->receiving)
		poisoned = !journal_begin(&link->control_journal, &id);
	link->control_id = id ? id | CONTROL_ID : 0;
	if (ctrl_takes_fd(request, size) && !link->ctrl->receiving) {
		uint8_t again[4];

		look(link, again, sizeof(again), &fd);
	}
	if (poisoned)
		cursor_put_u32(&out, CTRL_FAIL);
	else
		r = ctrl_run(link->ctrl, request, size, &fd, &out);
	if (r)
		return r;
	if (out.used)
		return answer(link, &out, size);
	consume(link->control, size);
	return 0;
}

int link_control_ready(struct link *link, int events)
{
	uint8_t request[CTRL_REQUEST_MAX];
	size_t size;
	ssize_t n;

	if (link->control < 0) {
		take(link);
		return 0;
	}
	n = look(link, request, sizeof(request), NULL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || !link->ctrl) {
		drop(link);
		return 0;
	}
	size = ctrl_size(link->ctrl, request, (size_t)n);
	if (!size && events & (POLLRDHUP | POLLHUP)) {
		drop(link);
		return 0;
	}
	if (size || (size_t)n > link->control_have)
		link->control_pause_ms = 0;
	if (!size)
		link->control_pause_ms = longer(link->control_pause_ms);
	link->control_have = size ? 0 : (size_t)n;
	return size ? run(link, request, size) : 0;
}
