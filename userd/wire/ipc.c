// SPDX-License-Identifier: BSD-3-Clause
/*
 * Packets, their parts, and who may send which; see the header.
 */
#include "wire/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OP_SIZE 4

/*
 * A packet must fit the sender's buffer as a whole. The kernel doubles what it is
 * asked for, and grants net.core.wmem_max (208 KiB unless changed) to anybody.
 */
static int make_room(int fd)
{
	int wanted = IPC_PACKET_MAX, got;
	socklen_t size = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted)) ||
	    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &size))
		return -errno;
	return got < (int)IPC_PACKET_MAX + 4096 ? -ENOBUFS : 0;
}

int ipc_pair(int ret[2])
{
	_cleanup_(close_fdp) int ours = -1;
	_cleanup_(close_fdp) int theirs = -1;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	r = make_room(ours);
	if (!r)
		r = make_room(theirs);
	if (r)
		return r;
	ret[0] = TAKE_FD(ours);
	ret[1] = TAKE_FD(theirs);
	return 0;
}

static int address(struct sockaddr_un *to, const char *path)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!cursor_copy(to->sun_path, sizeof(to->sun_path) - 1, path, strlen(path)))
		return -ENAMETOOLONG;
	return 0;
}

int ipc_connect(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un to;
	int r;

	r = address(&to, path);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = make_room(fd);
	if (r)
		return r;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return TAKE_FD(fd);
}

/* A socket file whose owner died stays behind; one with a living owner is not ours. */
static int clear_path(const char *path)
{
	struct stat status;
	int fd;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = ipc_connect(path);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd != -ECONNREFUSED)
		return fd == -EPROTOTYPE || fd == -EAGAIN ? -EADDRINUSE : fd;
	return unlink(path) ? -errno : 0;
}

int ipc_listen(const char *path, unsigned int mode)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un at;
	int r;

	r = address(&at, path);
	if (!r)
		r = clear_path(path);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The file is made with the mode of the socket: never open wider than asked. */
	if (fchmod(fd, mode) || bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, mode) ||
	    listen(fd, SOMAXCONN))
		return -errno;
	return TAKE_FD(fd);
}

static void take_fds(struct msghdr *message, struct ipc_in *in)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (cursor_copy(in->fds, sizeof(in->fds), CMSG_DATA(c), bytes))
			in->fd_count = (unsigned int)(bytes / sizeof(int));
	}
}

/* An empty packet is received like the end of a connection is, but may carry descriptors. */
static bool has_ended(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLRDHUP };

	return poll(&end, 1, 0) > 0;
}

int ipc_receive(int fd, void *buffer, size_t room, bool wait, struct ipc_in *ret)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = buffer, .iov_len = room };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct ipc_in in = { 0 };
	ssize_t n;

	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EAGAIN && wait) {
		if (poll(&ready, 1, -1) < 0)
			return -errno;
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	}
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;

	take_fds(&message, &in);
	in.body = cursor_in(buffer, (size_t)n);
	in.op = cursor_get_u32(&in.body);
	if (in.body.bad || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		ipc_in_done(&in);
		return !n && has_ended(fd) ? -EPIPE : -EPROTO;
	}
	*ret = in;
	return 0;
}

void ipc_in_done(struct ipc_in *in)
{
	while (in->fd_next < in->fd_count)
		close(in->fds[in->fd_next++]);
}

void ipc_get_string(struct ipc_in *in, char *to, size_t room)
{
	size_t length = cursor_get_u16(&in->body);
	const uint8_t *bytes = cursor_get_bytes(&in->body, length);

	to[0] = 0;
	if (!bytes)
		return;
	if (memchr(bytes, 0, length) || !cursor_copy(to, room - 1, bytes, length)) {
		in->body.bad = true;
		return;
	}
	to[length] = 0;
}

const uint8_t *ipc_get_blob(struct ipc_in *in, size_t max, size_t *ret_length)
{
	size_t length = cursor_get_u32(&in->body);
	const uint8_t *bytes = NULL;

	if (length > max)
		in->body.bad = true;
	else
		bytes = cursor_get_bytes(&in->body, length);
	*ret_length = bytes ? length : 0;
	return bytes;
}

int ipc_get_fd(struct ipc_in *in)
{
	if (in->fd_next == in->fd_count) {
		in->body.bad = true;
		return -1;
	}
	return in->fds[in->fd_next++];
}

bool ipc_ended(const struct ipc_in *in)
{
	return cursor_ended(&in->body) && in->fd_next == in->fd_count;
}

struct ipc_out ipc_out(uint32_t op, void *buffer, size_t room)
{
	struct ipc_out out = { .body = cursor_out(buffer, room) };

	cursor_put_u32(&out.body, op);
	return out;
}

void ipc_put_string(struct ipc_out *out, const char *text)
{
	size_t length = strnlen(text, IPC_TEXT_MAX - 1);

	cursor_put_u16(&out->body, (uint16_t)length);
	cursor_put_raw(&out->body, text, length);
}

void ipc_put_blob(struct ipc_out *out, const void *bytes, size_t length)
{
	cursor_put_u32(&out->body, (uint32_t)length);
	cursor_put_raw(&out->body, bytes, length);
}

void ipc_put_fd(struct ipc_out *out, int fd)
{
	if (out->fd_count == IPC_FDS_MAX)
		out->body.bad = true;
	else
		out->fds[out->fd_count++] = fd;
}

int ipc_send(int fd, const struct ipc_out *out)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = out->body.base, .iov_len = out->body.used };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	size_t bytes = out->fd_count * sizeof(int);
	ssize_t n;

	if (out->body.bad || out->body.used < OP_SIZE)
		return -EMSGSIZE;
	if (bytes) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(bytes);
		cursor_copy(CMSG_DATA(&control.head), bytes, out->fds, bytes);
	}
	do {
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int ipc_dispatch(const struct ipc_permit *table, size_t count, uint32_t state, void *context,
		 struct ipc_in *in)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].op == in->op && (table[i].states & state))
			return table[i].handle(context, in);
	}
	return -EPROTO;
}
