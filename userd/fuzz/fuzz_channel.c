// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what an engine takes from manager and keyd: the input is packets, {length u8, bytes}
 * each, and then the other side is gone. A configuration that is taken must hold an
 * envelope and its generation, or neither; and nothing makes a commit wait for ever.
 *
 * With the first byte odd, a good configuration comes first. With the second bit set it
 * is keyd that speaks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "engine/channel.h"
#include "engine/datakey.h"
#include "wire/ipc_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_config(int fd)
{
	static const uint8_t some[KEYD_TICKET_SIZE];
	uint8_t bytes[256];
	struct ipc_out out = ipc_out(ENGINE_CONFIG, bytes, sizeof(bytes));

	cursor_put_raw(&out.body, some, IPC_UUID_SIZE);
	cursor_put_u64(&out.body, 1);
	cursor_put_u64(&out.body, 1);
	cursor_put_u64(&out.body, 0);
	cursor_put_raw(&out.body, some, KEYD_TICKET_SIZE);
	cursor_put_u64(&out.body, 1);
	ipc_put_blob(&out, some, sizeof(some));
	ipc_put_blob(&out, some, 0);
	ipc_put_blob(&out, some, 0);
	cursor_put_u32(&out.body, 0);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		ipc_put_blob(&out, some, 0);
	if (ipc_send(fd, &out))
		abort();
}

static void say(int fd, const uint8_t *data, size_t size)
{
	struct cursor_in in = cursor_in(data, size);

	for (int packets = 0; packets < 32; packets++) {
		size_t length = cursor_get_u8(&in);
		const uint8_t *bytes = cursor_get_bytes(&in, length);

		if (in.bad)
			return;
		/* an empty packet reads as the end */
		if (length && send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
	}
}

static void be_engine(int fd)
{
	static struct channel channel;
	struct channel_attest asked;
	struct store_record record;

	channel = (struct channel){ 0 };
	channel_init(&channel, fd);
	if (channel_configure(&channel))
		return;
	if (store_load(&channel.store, &record) ||
	    !record.generation != (record.state == STORE_EMPTY) || record.length > STORE_RECORD_MAX)
		abort();
	for (uint64_t generation = 2; generation < 6; generation++)
		store_commit(&channel.store, generation, "state", 5);
	if (channel_asked(&channel, &asked) == 1 && channel_asked(&channel, &asked) == 1)
		abort();
}

static void ask_keyd(int fd)
{
	static const uint8_t uuid[IPC_UUID_SIZE], ticket[KEYD_TICKET_SIZE];
	char sentence[IPC_TEXT_MAX];
	struct datakey key;

	if (!datakey_fetch(fd, uuid, ticket, &key, sentence) &&
	    key.entropy_length > sizeof(key.entropy))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];

	if (!size)
		return 0;
	if (ipc_pair(pair))
		abort();
	if (data[0] & 1)
		say_config(pair[0]);
	say(pair[0], data + 1, size - 1);
	shutdown(pair[0], SHUT_WR);
	if (data[0] & 2)
		ask_keyd(pair[1]);
	else
		be_engine(pair[1]);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
