// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what vtpm-keyd does with a peer's messages: the first byte chooses the role, whether
 * there is a root key, and what is known about the store; the rest is one packet. It has no host
 * TPM. What must hold besides memory safety: an answer is one, to the tag that was asked with, with
 * an errno and a sentence or with neither; a peer that may not ask gets nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "keyd/deep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct deep deep;
static struct keyd keyd = {
	.deep = &deep,
	.listener = -1,
	.notify = { .fd = -1, .interval_ms = -1 },
	.host = { .tcti = "none", .fd = -1, .storage = ESYS_TR_NONE },
	.root = { .directory = -1 },
	.no_host = { "there is none" },
	.options = { .tcti = "none" },
};
static int pair[2];

static void prepare(void)
{
	static char quiet[500];
	sigset_t none;
	int ignored[2];

	sigemptyset(&none);
	if (seal_crypto_prepare() || ipc_pair(pair) || ipc_pair(ignored) ||
	    seal_pair_new(keyd.scalar, keyd.point))
		abort();
	/* a name that leaves no room for a line */
	for (size_t i = 0; i < sizeof(quiet) - 1; i++)
		quiet[i] = ' ';
	log_name(quiet);
	keyd.listener = ignored[0];
	keyd.root.host = &keyd.host;
	witness_init(&keyd.witness, &keyd.root);
	if (keyd_block_signals() || keyd_loop_make(&keyd) ||
	    sigprocmask(SIG_SETMASK, &none, NULL)) /* who fuzzes may still interrupt */
		abort();
}

static void check_answer(uint32_t op, uint32_t tag, int r)
{
	static uint8_t buffer[KEYD_MESSAGE_MAX];
	struct ipc_in in;
	char text[IPC_TEXT_MAX];
	uint32_t error;

	if (ipc_receive(pair[1], buffer, sizeof(buffer), false, &in)) {
		if (!r)
			abort();
		return;
	}
	if (in.op != op + 1 || cursor_get_u32(&in.body) != tag)
		abort();
	error = cursor_get_u32(&in.body);
	ipc_get_string(&in, text, sizeof(text));
	if (in.body.bad || !error != !text[0] || (error && !ipc_ended(&in)))
		abort();
	if (r && !(r == -EACCES && error == EACCES))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyd_peer peer = { .keyd = &keyd, .uid = 1 };
	struct cursor_in head;
	struct ipc_in in;
	uint32_t op, tag;
	int r;

	if (size < 5 || size > KEYD_MESSAGE_MAX)
		return 0;
	if (!keyd.event) {
		prepare();
		if (fcntl(pair[1], F_SETFL, O_NONBLOCK))
			abort();
	}
	peer.fd = pair[0];
	peer.role = (enum keyd_role)(1u << (data[0] & 3));
	keyd.root.readable = data[0] & 4;
	keyd.root.state = data[0] & 8 ? KEYD_STATE_UNLOCKED : KEYD_STATE_LOCKED;
	refuse(&keyd.root.reason, 0, "%s", data[0] & 8 ? "" : "locked");
	/* as if a counter had been read before the TPM went away */
	keyd.root.mode = data[0] & 16 ? KEYD_ROLLBACK_LAZY : KEYD_ROLLBACK_OFF;
	keyd.witness.known = data[0] & 32;
	keyd.witness.unsure = data[0] & 64;
	keyd.witness.verdict = data[0] & 128 ? KEYD_VERDICT_NEWEST : KEYD_VERDICT_OLD;
	keyd.witness.value = 5;

	head = cursor_in(data + 1, size - 1);
	op = cursor_get_u32(&head);
	tag = cursor_get_u32(&head);
	in = (struct ipc_in){ .op = op, .body = cursor_in(data + 5, size - 5) };
	r = keyd_take_order(&peer, &in);
	check_answer(op, tag, r);
	return 0;
}
