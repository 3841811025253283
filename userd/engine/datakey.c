// SPDX-License-Identifier: BSD-3-Clause
/*
 * KEYD_KEY and KEYD_KEY_IS; see the header.
 */
#include "engine/datakey.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/secret.h"

#define TAG 1

struct answer {
	struct datakey key;
	uint32_t error;
	char sentence[IPC_TEXT_MAX];
};

static int on_key(void *context, struct ipc_in *in)
{
	struct answer *answer = context;
	const uint8_t *entropy, *migration;
	size_t length;
	uint32_t tag;

	tag = cursor_get_u32(&in->body);
	answer->error = cursor_get_u32(&in->body);
	ipc_get_string(in, answer->sentence, sizeof(answer->sentence));
	if (!answer->error) {
		answer->key.id = cursor_get_u32(&in->body);
		answer->key.plain = cursor_get_u32(&in->body) & KEYD_KEY_PLAIN;
		cursor_get_raw(&in->body, answer->key.key, sizeof(answer->key.key));
		entropy = ipc_get_blob(in, KEYD_ENTROPY_SIZE, &answer->key.entropy_length);
		cursor_copy(answer->key.entropy, sizeof(answer->key.entropy), entropy,
			    answer->key.entropy_length);
		migration = ipc_get_blob(in, KEYD_DATA_KEY_SIZE, &length);
		answer->key.has_migration_key = length == KEYD_DATA_KEY_SIZE;
		cursor_copy(answer->key.migration_key, sizeof(answer->key.migration_key), migration,
			    length);
		cursor_get_raw(&in->body, answer->key.claims, sizeof(answer->key.claims));
	}
	return ipc_ended(in) && tag == TAG ? 0 : -EPROTO;
}

static const struct ipc_permit permits[] = {
	{ KEYD_KEY_IS, 1, on_key },
};

static int ask(int fd, const uint8_t *uuid, const uint8_t *ticket)
{
	uint8_t bytes[4 + 4 + IPC_UUID_SIZE + KEYD_TICKET_SIZE];
	struct ipc_out out = ipc_out(KEYD_KEY, bytes, sizeof(bytes));
	int r;

	cursor_put_u32(&out.body, TAG);
	cursor_put_raw(&out.body, uuid, IPC_UUID_SIZE);
	cursor_put_raw(&out.body, ticket, KEYD_TICKET_SIZE);
	r = ipc_send(fd, &out);
	secret_wipe(bytes, sizeof(bytes));
	return r;
}

static int hear(int fd, struct answer *answer)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t bytes[IPC_TEXT_MAX + 256];
	struct ipc_in in;
	int r;

	do {
		r = poll(&ready, 1, DATAKEY_PATIENCE_MS);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	r = ipc_receive(fd, bytes, sizeof(bytes), true, &in);
	if (r)
		return r;
	r = ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), 1, answer, &in);
	ipc_in_done(&in);
	secret_wipe(bytes, sizeof(bytes));
	return r;
}

int datakey_fetch(int fd, const uint8_t uuid[IPC_UUID_SIZE], const uint8_t ticket[KEYD_TICKET_SIZE],
		  struct datakey *ret, char *ret_sentence)
{
	struct answer answer = { 0 };
	int r;

	r = ask(fd, uuid, ticket);
	if (!r)
		r = hear(fd, &answer);
	if (!r && !answer.error)
		*ret = answer.key;
	else if (r)
		snprintf(ret_sentence, IPC_TEXT_MAX, "keyd gives no data key: %s (errno %d)",
			 r == -ETIMEDOUT ? "it does not answer in time" :
			 r == -EPIPE	 ? "it closed the connection" :
			 r == -EPROTO	 ? "its answer is not one" :
					   "the connection fails",
			 -r);
	else if (answer.sentence[0])
		snprintf(ret_sentence, IPC_TEXT_MAX, "%s", answer.sentence);
	else
		snprintf(ret_sentence, IPC_TEXT_MAX, "keyd gives no data key: errno %u",
			 answer.error);
	r = r || answer.error ? -ENOKEY : 0;
	secret_wipe(&answer, sizeof(answer));
	return r;
}
