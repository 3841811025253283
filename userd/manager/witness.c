// SPDX-License-Identifier: BSD-3-Clause
/*
 * Calls that wait; see the header.
 *
 * Each call is one message out and one in. A call whose connection broke is made again at the
 * next keyd: to be asked or to seal twice does no harm, and a second ANCHOR is
 * refused by a keyd that has not been asked.
 */
#include "manager/witness.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "manager/state.h"
#include "wire/ipc.h"

#define RETRY_MS   200
#define ANSWER_MAX 4096

struct witness {
	char path[108];
	int fd;
	int end;
	uint32_t tag;
	uint8_t buffer[ANSWER_MAX];
	char said[IPC_TEXT_MAX];
};

int witness_new(const char *path, struct witness **ret)
{
	struct witness *witness = calloc(1, sizeof(*witness));
	int r = 0;

	if (!witness)
		return -ENOMEM;
	witness->fd = -1;
	witness->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (witness->end < 0)
		r = -errno;
	else if (!cursor_copy(witness->path, sizeof(witness->path) - 1, path, strlen(path)))
		r = -ENAMETOOLONG;
	if (r) {
		witness_free(witness);
		return r;
	}
	*ret = witness;
	return 0;
}

struct witness *witness_free(struct witness *witness)
{
	if (!witness)
		return NULL;
	close_fdp(&witness->fd);
	close_fdp(&witness->end);
	free(witness);
	return NULL;
}

void witness_end(struct witness *witness)
{
	uint64_t one = 1;

	/* It takes it unless its counter is at its end, and then it is readable. */
	if (write(witness->end, &one, sizeof(one)) < 0)
		return;
}

/* Sleep, or until @fd has something to say. Return: nobody waits any more */
static bool is_over(const struct witness *witness, int fd, int milliseconds)
{
	struct pollfd ready[2] = {
		{ .fd = witness->end, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	while (poll(ready, 2, milliseconds) < 0 && errno == EINTR)
		;
	return ready[0].revents;
}

/* What keyd answers while it cannot help is in the log once, not at each try. */
static void say(struct witness *witness, const char *text)
{
	if (strcmp(witness->said, text) != 0)
		log_line("the store waits for vtpm-keyd: %s", text);
	cursor_copy(witness->said, sizeof(witness->said), text, strlen(text) + 1);
}

/* Send, and wait for the answer. Return: 0 (@in is at its body); -errno of keyd; -EPIPE */
static int try_once(struct witness *witness, const struct ipc_out *out, struct ipc_in *in)
{
	char text[IPC_TEXT_MAX];
	uint32_t tag, error;
	int r;

	if (witness->fd < 0)
		witness->fd = ipc_connect(witness->path);
	if (witness->fd < 0 || ipc_send(witness->fd, out))
		return -EPIPE;
	if (is_over(witness, witness->fd, -1))
		return -ECANCELED;
	r = ipc_receive(witness->fd, witness->buffer, sizeof(witness->buffer), true, in);
	if (r)
		return -EPIPE;
	tag = cursor_get_u32(&in->body);
	error = cursor_get_u32(&in->body);
	ipc_get_string(in, text, sizeof(text));
	if (in->body.bad || tag != witness->tag)
		return -EPIPE;
	if (error)
		say(witness, text);
	return -(int)error;
}

/* Return: 0 (@in is at its body); -errno of keyd; -ECANCELED */
static int call(struct witness *witness, const struct ipc_out *out, struct ipc_in *in)
{
	int r;

	for (;;) {
		*in = (struct ipc_in){ 0 };
		r = try_once(witness, out, in);
		if (r)
			ipc_in_done(in);
		if (r == -EPIPE || r == -ECANCELED) {
			close_fdp(&witness->fd);
			witness->fd = -1;
		}
		if (r != -EPIPE && r != -ENOKEY)
			return r;
		if (is_over(witness, -1, RETRY_MS))
			return -ECANCELED;
	}
}

static struct ipc_out begin(struct witness *witness, uint32_t op, uint8_t *buffer, size_t room)
{
	struct ipc_out out = ipc_out(op, buffer, room);

	cursor_put_u32(&out.body, ++witness->tag);
	return out;
}

/* The message must end here; one that does not is nonsense, and so is the connection. */
static int end(struct witness *witness, struct ipc_in *in)
{
	bool good = ipc_ended(in);

	ipc_in_done(in);
	witness->said[0] = '\0';
	if (good)
		return 0;
	log_line("vtpm-keyd: what it says of the store makes no sense, hanging up");
	close_fdp(&witness->fd);
	witness->fd = -1;
	return -EPROTO;
}

/* How the host is protected, once its root key is open. */
static int ask_mode(struct witness *witness, enum keyd_rollback *ret)
{
	struct manager_host host = { 0 };
	uint8_t buffer[16];
	struct ipc_out out;
	struct ipc_in in;
	int r;

	for (;;) {
		out = begin(witness, KEYD_STATUS, buffer, sizeof(buffer));
		r = call(witness, &out, &in);
		if (r)
			return r;
		manager_keyd_take_status(&host, &in);
		r = end(witness, &in);
		if (r || host.state == KEYD_STATE_UNLOCKED)
			break;
		if (is_over(witness, -1, RETRY_MS))
			return -ECANCELED;
	}
	*ret = host.rollback;
	return r;
}

static int ask(void *context, const uint8_t *block, size_t length, const uint8_t *root,
	       enum keyd_verdict *ret_verdict, bool *ret_strict)
{
	struct witness *witness = context;
	uint8_t buffer[KEYD_BLOCK_MAX + 64];
	enum keyd_rollback mode;
	struct ipc_out out;
	struct ipc_in in;
	int r;

	r = ask_mode(witness, &mode);
	if (r)
		return r;
	*ret_strict = mode == KEYD_ROLLBACK_STRICT;
	*ret_verdict = KEYD_VERDICT_UNPROTECTED;
	if (mode == KEYD_ROLLBACK_OFF)
		return 0;
	out = begin(witness, KEYD_WITNESS, buffer, sizeof(buffer));
	ipc_put_blob(&out, block, length);
	cursor_put_raw(&out.body, root, KEYD_ROOT_SIZE);
	r = call(witness, &out, &in);
	if (r)
		return r;
	*ret_verdict = (enum keyd_verdict)cursor_get_u8(&in.body);
	cursor_get_u64(&in.body);
	cursor_get_u64(&in.body);
	if (*ret_verdict >= KEYD_VERDICT_UNASKED)
		in.body.bad = true;
	return end(witness, &in);
}

static int seal(void *context, bool ahead, const uint8_t *root, uint8_t *block, size_t room,
		size_t *ret_length)
{
	struct witness *witness = context;
	uint8_t buffer[64];
	struct ipc_out out = begin(witness, KEYD_SEAL_ROOT, buffer, sizeof(buffer));
	const uint8_t *sealed;
	struct ipc_in in;
	int r;

	cursor_put_u8(&out.body, ahead);
	cursor_put_raw(&out.body, root, KEYD_ROOT_SIZE);
	r = call(witness, &out, &in);
	if (r)
		return r;
	sealed = ipc_get_blob(&in, room, ret_length);
	if (sealed)
		cursor_copy(block, room, sealed, *ret_length);
	return end(witness, &in);
}

static int anchor(void *context)
{
	struct witness *witness = context;
	uint8_t buffer[16];
	struct ipc_out out = begin(witness, KEYD_ANCHOR, buffer, sizeof(buffer));
	struct ipc_in in;
	int r = call(witness, &out, &in);

	if (r)
		return r;
	cursor_get_u64(&in.body);
	return end(witness, &in);
}

struct archive_witness witness_for(struct witness *witness)
{
	return (struct archive_witness){
		.witness = ask,
		.seal = seal,
		.anchor = anchor,
		.context = witness,
	};
}
