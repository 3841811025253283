// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the readers of messages between our processes: a packet with descriptors goes
 * through a socket, and is read in an order that the input says.
 *
 *	input	descriptors u8 | room u8 | count u8 | readers u8 ... | packet
 *
 * What is read to its end is written again, and is the same packet then. Whatever
 * comes of it, no descriptor stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "wire/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 4096

static int pair[2] = { -1, -1 }, spare[IPC_FDS_MAX];
/* The lowest number that is free. */
static int lowest_free(void)
{
	int fd = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || close(fd))
		abort();
	return fd;
}

static void prepare(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	for (int i = 0; i < IPC_FDS_MAX; i++) {
		spare[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (spare[i] < 0)
			abort();
	}
}

static void say(const uint8_t *bytes, size_t length, unsigned int fds)
{
	struct ipc_out out = { .body = cursor_out((void *)(uintptr_t)bytes, length) };

	out.body.used = length;
	for (unsigned int i = 0; i < fds; i++)
		ipc_put_fd(&out, spare[i]);
	/* what is too short for an operation goes as it is */
	if (ipc_send(pair[0], &out) && (length >= 4 || send(pair[0], bytes, length, 0) < 0))
		abort();
}

/* One field, and the same one written; descriptors are only counted. */
static void copy_field(struct ipc_in *in, struct ipc_out *out, uint8_t kind)
{
	char text[IPC_TEXT_MAX];
	const uint8_t *bytes;
	size_t length;
	int fd;

	switch (kind % 8) {
	case 0:
		cursor_put_u8(&out->body, cursor_get_u8(&in->body));
		break;
	case 1:
		cursor_put_u16(&out->body, cursor_get_u16(&in->body));
		break;
	case 2:
		cursor_put_u32(&out->body, cursor_get_u32(&in->body));
		break;
	case 3:
		cursor_put_u64(&out->body, cursor_get_u64(&in->body));
		break;
	case 4:
		/* a small room as well as the usual one */
		ipc_get_string(in, text, kind & 8 ? sizeof(text) : 1u + (kind >> 4));
		if (strlen(text) >= (kind & 8 ? sizeof(text) : 1u + (kind >> 4)))
			abort();
		ipc_put_string(out, text);
		break;
	case 5:
	case 6:
		bytes = ipc_get_blob(in, kind & 8 ? ROOM : kind, &length);
		if (length > (kind & 8 ? ROOM : kind) || (!bytes && length))
			abort();
		ipc_put_blob(out, bytes, length);
		break;
	default:
		fd = ipc_get_fd(in);
		if ((fd < 0) != in->body.bad && fd < 0)
			abort();
		if (fd >= 0 && close(fd))
			abort();
	}
}

static void hear(struct cursor_in *readers, size_t room, const uint8_t *sent, size_t length)
{
	static uint8_t buffer[ROOM], again[2 * ROOM];
	struct ipc_out out;
	struct ipc_in in;
	int r = ipc_receive(pair[1], buffer, room, false, &in);

	if (r) {
		if (r != -EPROTO || (length >= 4 && length <= room))
			abort();
		return;
	}
	if (length < 4 || length > room)
		abort();
	out = ipc_out(in.op, again, sizeof(again));
	while (readers->left)
		copy_field(&in, &out, cursor_get_u8(readers));
	if (ipc_ended(&in) &&
	    (out.body.bad || out.body.used != length || !secret_equal(again, sent, length)))
		abort();
	ipc_in_done(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor_in in = cursor_in(data, size), readers;
	unsigned int fds = cursor_get_u8(&in) % (IPC_FDS_MAX + 1);
	size_t room = 4u * cursor_get_u8(&in);
	int lowest;

	readers = cursor_sub(&in, cursor_get_u8(&in) % 16);
	if (in.bad || in.left > ROOM / 2)
		return 0;
	if (pair[0] < 0)
		prepare();
	/* an empty packet without descriptors is the end of a connection */
	if (in.left < 4)
		fds = 0;
	if (!in.left)
		return 0;
	lowest = lowest_free();
	say(in.at, in.left, fds);
	hear(&readers, room & 4 ? ROOM : room, in.at, in.left);
	if (lowest_free() != lowest)
		abort();
	return 0;
}
