// SPDX-License-Identifier: BSD-3-Clause
/*
 * The channel to the manager and the question to keyd, message by message. What the
 * other side says is put into the socket before it is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/channel.h"
#include "engine/datakey.h"
#include "engine/entropy.h"
#include "store/envelope.h"
#include "wire/ipc_engine.h"

static struct channel channel;
static uint8_t bytes[4096];
static int pair[2];

static int setup(void **state)
{
	(void)state;
	if (ipc_pair(pair))
		return -1;
	channel = (struct channel){ 0 };
	channel_init(&channel, pair[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static size_t own_length;
static const char *launch_image = "", *launch_configuration = "";

static struct ipc_out config(uint64_t generation, const char *envelope, uint32_t flags)
{
	static const uint8_t own[ENGINE_CERT_MAX + 1] = { 0x30 };
	struct ipc_out out = ipc_out(ENGINE_CONFIG, bytes, sizeof(bytes));
	uint8_t uuid[IPC_UUID_SIZE] = { 7 }, ticket[KEYD_TICKET_SIZE] = { 8 };

	cursor_put_raw(&out.body, uuid, sizeof(uuid));
	cursor_put_u64(&out.body, 11);
	cursor_put_u64(&out.body, 12);
	cursor_put_u32(&out.body, flags);
	cursor_put_u32(&out.body, 1 << 0xb);
	cursor_put_raw(&out.body, ticket, sizeof(ticket));
	cursor_put_u64(&out.body, generation);
	ipc_put_blob(&out, envelope, strlen(envelope));
	ipc_put_blob(&out, launch_image, strlen(launch_image));
	ipc_put_blob(&out, launch_configuration, strlen(launch_configuration));
	cursor_put_u32(&out.body, 1u << KEYD_CERT_IAK);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		ipc_put_blob(&out, own, kind == KEYD_CERT_IAK ? own_length : 0);
	return out;
}

static void say(const struct ipc_out *out)
{
	assert_int_equal(ipc_send(pair[0], out), 0);
}

static void say_committed(uint64_t generation, uint32_t error)
{
	struct ipc_out out = ipc_out(ENGINE_COMMITTED, bytes, sizeof(bytes));

	cursor_put_u64(&out.body, generation);
	cursor_put_u32(&out.body, error);
	say(&out);
}

static void say_again(void)
{
	struct ipc_out out = ipc_out(ENGINE_AGAIN, bytes, sizeof(bytes));

	say(&out);
}

static void configure(void)
{
	struct ipc_out out = config(5, "envelope", ENGINE_CONFIG_FIRMWARE);

	say(&out);
	assert_int_equal(channel_configure(&channel), 0);
}

static int commit(uint64_t generation)
{
	return store_commit(&channel.store, generation, "new", 3);
}

static void expect_silence(void)
{
	uint8_t byte;

	assert_int_equal(recv(pair[0], &byte, 1, MSG_DONTWAIT), -1);
}

static void test_channel_config(void **state)
{
	struct store_record record;

	(void)state;
	configure();
	assert_int_equal(channel.config.uuid[0], 7);
	assert_true(channel.config.epoch == 11 && channel.config.instance == 12);
	assert_int_equal(channel.config.flags, ENGINE_CONFIG_FIRMWARE);
	assert_int_equal(channel.config.banks, 1 << 0xb);
	assert_int_equal(channel.config.ticket[0], 8);
	assert_int_equal(store_load(&channel.store, &record), 0);
	assert_int_equal(record.state, STORE_OK);
	assert_true(record.generation == 5 && record.length == 8);
	assert_memory_equal(record.bytes, "envelope", 8);
}

static int configured_with(const char *image, const char *configuration)
{
	struct ipc_out out;

	channel_init(&channel, pair[1]);
	launch_image = image;
	launch_configuration = configuration;
	out = config(5, "envelope", ENGINE_CONFIG_FIRMWARE);
	launch_image = launch_configuration = "";
	say(&out);
	return channel_configure(&channel);
}

static void test_channel_certify(void **state)
{
	const struct certify_wish *wish = &channel.config.certify;
	struct ipc_out out;

	(void)state;
	configure();
	assert_int_equal(wish->kinds, 1 << KEYD_CERT_IAK);
	assert_true(!wish->asks && !wish->own[KEYD_CERT_IAK].length);
	own_length = ENGINE_CERT_MAX;
	channel_init(&channel, pair[1]);
	out = config(5, "envelope", ENGINE_CONFIG_CERTIFY);
	say(&out);
	assert_int_equal(channel_configure(&channel), 0);
	assert_true(wish->asks);
	assert_int_equal(wish->own[KEYD_CERT_IAK].length, ENGINE_CERT_MAX);
	assert_int_equal(wish->own[KEYD_CERT_IAK].der[0], 0x30);
	assert_int_equal(wish->own[KEYD_CERT_EK_P256].length, 0);
	own_length++;
	channel_init(&channel, pair[1]);
	out = config(5, "envelope", 0);
	own_length = 0;
	say(&out);
	assert_int_equal(channel_configure(&channel), -EPROTO);
}

static void test_channel_certified(void **state)
{
	static struct certify_result results[_KEYD_CERT_KIND_MAX];
	uint8_t heard[256];
	struct ipc_in in;
	size_t length;

	(void)state;
	configure();
	results[KEYD_CERT_EK_P384] = (struct certify_result){
		.looked = true,
		.key = { { 0x11 }, 1 },
		.source = ENGINE_CERT_HOST,
		.der = { 0x30, 0x00 },
		.length = 2,
		.until = -1,
		.sentence = "",
	};
	assert_int_equal(channel_certified(&channel, results), 0);
	assert_int_equal(ipc_receive(pair[0], heard, sizeof(heard), true, &in), 0);
	assert_int_equal(in.op, ENGINE_CERTIFIED);
	assert_int_equal(cursor_get_u64(&in.body), 11);
	assert_int_equal(cursor_get_u32(&in.body), 1 << KEYD_CERT_EK_P384);
	assert_int_equal(ipc_get_blob(&in, 9, &length)[0], 0x11);
	assert_int_equal(cursor_get_u8(&in.body), ENGINE_CERT_HOST);
	assert_int_equal(ipc_get_blob(&in, 9, &length)[0], 0x30);
	assert_int_equal(length, 2);
	assert_true((int64_t)cursor_get_u64(&in.body) == -1);
	assert_int_equal(cursor_get_u16(&in.body), 0);
	assert_true(ipc_ended(&in));
}

static void test_channel_launch(void **state)
{
	char text[ENGINE_EVENT_MAX + 2] = "";

	(void)state;
	assert_int_equal(configured_with("", ""), 0);
	assert_true(!channel.config.launch.image.length);
	assert_int_equal(configured_with("image", "configuration"), 0);
	assert_int_equal(channel.config.launch.image.length, 5);
	assert_memory_equal(channel.config.launch.image.bytes, "image", 5);
	assert_int_equal(channel.config.launch.configuration.length, 13);
	for (size_t i = 0; i < ENGINE_EVENT_MAX; i++)
		text[i] = 'a';
	assert_int_equal(configured_with(text, text), 0);
	text[ENGINE_EVENT_MAX] = 'a';
	assert_int_equal(configured_with(text, "configuration"), -EPROTO);
	assert_int_equal(configured_with("image", ""), -EPROTO);
	assert_int_equal(configured_with("", "configuration"), -EPROTO);
}

/* The manager that forked us died before it said anything; the next one cannot. */
static void test_channel_without_config(void **state)
{
	(void)state;
	say_again();
	assert_int_equal(channel_configure(&channel), -EPIPE);
}

static void test_channel_config_without_envelope(void **state)
{
	struct ipc_out out = config(0, "", 0);
	struct store_record record;

	(void)state;
	say(&out);
	assert_int_equal(channel_configure(&channel), 0);
	assert_int_equal(store_load(&channel.store, &record), 0);
	assert_int_equal(record.state, STORE_EMPTY);
}

static void test_channel_bad_config(void **state)
{
	struct ipc_out out = config(0, "envelope", 0);

	(void)state;
	say(&out); /* an envelope without a generation */
	assert_int_equal(channel_configure(&channel), -EPROTO);
	out = config(5, "", 0);
	say(&out);
	assert_int_equal(channel_configure(&channel), -EPROTO);
	out = config(5, "envelope", 1 << 7);
	say(&out);
	assert_int_equal(channel_configure(&channel), -EPROTO);
	out = config(5, "envelope", 0);
	for (size_t length = out.body.used; length > 4; length--) {
		out.body.used = length - 1;
		say(&out);
		assert_int_equal(channel_configure(&channel), -EPROTO);
	}
	out = config(5, "envelope", 0);
	ipc_put_fd(&out, pair[0]); /* nobody takes it */
	say(&out);
	assert_int_equal(channel_configure(&channel), -EPROTO);
	say_committed(5, 0);
	assert_int_equal(channel_configure(&channel), -EPROTO);
	shutdown(pair[0], SHUT_RDWR);
	assert_int_equal(channel_configure(&channel), -EPIPE);
}

/* In a child: what the manager does while the engine waits. */
#define MANAGER(...)                 \
	do {                         \
		if (!fork()) {       \
			__VA_ARGS__; \
			_exit(0);    \
		}                    \
	} while (0)

static void wait_for_commit(uint64_t generation)
{
	const uint8_t *envelope;
	struct ipc_in in;
	size_t length;

	assert_int_equal(ipc_receive(pair[0], bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, ENGINE_COMMIT);
	assert_true(cursor_get_u64(&in.body) == generation);
	envelope = ipc_get_blob(&in, 100, &length);
	assert_true(ipc_ended(&in));
	assert_int_equal(length, 3);
	assert_memory_equal(envelope, "new", 3);
}

static void test_channel_commit(void **state)
{
	(void)state;
	configure();
	for (uint64_t generation = 6; generation < 9; generation++) {
		uint32_t error = generation == 7 ? ENOSPC : 0;

		say_again(); /* nothing is awaited: means nothing */
		MANAGER(wait_for_commit(generation); say_committed(generation, error));
		assert_int_equal(commit(generation), -(int)error);
		expect_silence();
	}
}

static void wait_for_epoch(enum engine_op op, uint64_t epoch)
{
	const uint8_t *envelope;
	struct envelope_head head;
	struct ipc_in in;
	size_t length;

	assert_int_equal(ipc_receive(pair[0], bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, op);
	assert_true(cursor_get_u64(&in.body) == 6);
	envelope = ipc_get_blob(&in, 200, &length);
	assert_int_equal(envelope_look(envelope, length, &head), 0);
	assert_true(ipc_ended(&in) && head.epoch == epoch);
}

/* An envelope of the next epoch is a fork, until that is the vTPM's. */
static void test_channel_fork(void **state)
{
	const uint8_t key[GCM_KEY_SIZE] = { 1 }, uuid[ENVELOPE_UUID_SIZE] = { 7 };
	struct envelope_key data_key;
	uint8_t sealed[200];
	size_t length;

	(void)state;
	configure();
	assert_int_equal(envelope_key_init(&data_key, key, uuid, 12, 1), 0);
	assert_int_equal(envelope_seal(&data_key, ENVELOPE_PERMANENT, 6, "new", 3, sealed,
				       sizeof(sealed), &length),
			 0);
	envelope_key_done(&data_key);
	MANAGER(wait_for_epoch(ENGINE_FORK, 12); say_committed(6, ENOSPC));
	assert_int_equal(store_commit(&channel.store, 6, sealed, length), -ENOSPC);
	assert_true(channel.config.epoch == 11);
	MANAGER(wait_for_epoch(ENGINE_FORK, 12); say_again(); wait_for_epoch(ENGINE_FORK, 12);
		say_committed(6, 0));
	assert_int_equal(store_commit(&channel.store, 6, sealed, length), 0);
	assert_true(channel.config.epoch == 12);
	MANAGER(wait_for_epoch(ENGINE_COMMIT, 12); say_committed(6, 0));
	assert_int_equal(store_commit(&channel.store, 6, sealed, length), 0);
}

static void test_channel_again(void **state)
{
	(void)state;
	configure();
	/* both are answered; the second answer comes to the next commit */
	MANAGER(wait_for_commit(6); say_again(); wait_for_commit(6); say_committed(6, 0);
		say_committed(6, 0); wait_for_commit(7); say_committed(7, 0));
	assert_int_equal(commit(6), 0);
	assert_int_equal(commit(7), 0);
	/* a failure that may be that of the first sending */
	MANAGER(wait_for_commit(8); say_again(); wait_for_commit(8); say_committed(8, ENOSPC));
	assert_int_equal(commit(8), -EUCLEAN);
}

static void test_channel_nonsense_for_a_commit(void **state)
{
	(void)state;
	configure();
	MANAGER(wait_for_commit(6); say_committed(7, 0));
	assert_int_equal(commit(6), -EPROTO);
	MANAGER(wait_for_commit(7); say_committed(7, 100000));
	assert_int_equal(commit(7), -EPROTO);
	{
		struct ipc_out out = config(5, "envelope", 0);

		say(&out); /* for a second time */
	}
	assert_int_equal(commit(8), -EPROTO);
	MANAGER(wait_for_commit(9); shutdown(pair[0], SHUT_RDWR));
	assert_int_equal(commit(9), -EUCLEAN);
}

static void say_freeze(uint8_t frozen)
{
	struct ipc_out out = ipc_out(ENGINE_FREEZE, bytes, sizeof(bytes));

	cursor_put_u8(&out.body, frozen);
	say(&out);
}

static void test_channel_freeze(void **state)
{
	struct ipc_out out = config(5, "envelope", ENGINE_CONFIG_FROZEN);

	(void)state;
	say(&out);
	assert_int_equal(channel_configure(&channel), 0);
	assert_true(channel.frozen);
	say_freeze(0);
	assert_true(channel.frozen);
	assert_int_equal(channel_look(&channel), 0);
	assert_false(channel.frozen);
	/* the last one counts */
	say_freeze(0);
	say_freeze(1);
	assert_int_equal(channel_look(&channel), 0);
	assert_true(channel.frozen);
	say_freeze(2);
	assert_int_equal(channel_look(&channel), -EPROTO);
	assert_true(channel.frozen);
	out = ipc_out(ENGINE_FREEZE, bytes, sizeof(bytes));
	say(&out);
	assert_int_equal(channel_look(&channel), -EPROTO);
}

static void test_channel_last_words(void **state)
{
	char text[IPC_TEXT_MAX];
	struct ipc_in in;

	(void)state;
	assert_int_equal(channel_ready(&channel, 42, true), 0);
	channel_ends(&channel, 4, "because");
	assert_int_equal(ipc_receive(pair[0], bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, ENGINE_READY);
	assert_true(cursor_get_u64(&in.body) == 42);
	assert_int_equal(cursor_get_u8(&in.body), 1);
	assert_true(ipc_ended(&in));
	assert_int_equal(ipc_receive(pair[0], bytes, sizeof(bytes), true, &in), 0);
	assert_int_equal(in.op, ENGINE_ENDS);
	assert_int_equal(cursor_get_u32(&in.body), 4);
	ipc_get_string(&in, text, sizeof(text));
	assert_true(ipc_ended(&in));
	assert_string_equal(text, "because");
	close(pair[0]);
	pair[0] = -1;
	channel_ends(&channel, 4, "nobody hears");
}

static struct ipc_out key_answer(uint32_t tag, uint32_t error, const char *sentence)
{
	struct ipc_out out = ipc_out(KEYD_KEY_IS, bytes, sizeof(bytes));
	uint8_t key[KEYD_DATA_KEY_SIZE] = { 3 }, entropy[KEYD_ENTROPY_SIZE] = { 4 };
	uint8_t migration[KEYD_DATA_KEY_SIZE] = { 5 }, claims[LEAF_KEY_SIZE] = { 6 };

	cursor_put_u32(&out.body, tag);
	cursor_put_u32(&out.body, error);
	ipc_put_string(&out, sentence);
	if (!error) {
		cursor_put_u32(&out.body, 99);
		cursor_put_u32(&out.body, KEYD_KEY_PLAIN);
		cursor_put_raw(&out.body, key, sizeof(key));
		ipc_put_blob(&out, entropy, sizeof(entropy));
		ipc_put_blob(&out, migration, sizeof(migration));
		cursor_put_raw(&out.body, claims, sizeof(claims));
	}
	return out;
}

static int fetch(struct datakey *key, char *sentence)
{
	static const uint8_t uuid[IPC_UUID_SIZE], ticket[KEYD_TICKET_SIZE];

	return datakey_fetch(pair[1], uuid, ticket, key, sentence);
}

static void test_datakey(void **state)
{
	struct ipc_out out = key_answer(1, 0, "");
	char sentence[IPC_TEXT_MAX] = "";
	struct datakey key = { 0 };

	(void)state;
	say(&out);
	assert_int_equal(fetch(&key, sentence), 0);
	assert_int_equal(key.id, 99);
	assert_true(key.plain);
	assert_int_equal(key.key[0], 3);
	assert_int_equal(key.entropy_length, KEYD_ENTROPY_SIZE);
	assert_true(key.has_migration_key);
	assert_int_equal(key.migration_key[0], 5);
	out = key_answer(1, ENOKEY, "Unlock the host.");
	say(&out);
	assert_int_equal(fetch(&key, sentence), -ENOKEY);
	assert_string_equal(sentence, "Unlock the host.");
	out = key_answer(1, EACCES, "");
	say(&out);
	assert_int_equal(fetch(&key, sentence), -ENOKEY);
	assert_non_null(strstr(sentence, "errno 13"));
}

static void test_datakey_nonsense(void **state)
{
	struct ipc_out out = key_answer(2, 0, "");
	char sentence[IPC_TEXT_MAX];
	struct datakey key;

	(void)state;
	say(&out); /* another tag */
	assert_int_equal(fetch(&key, sentence), -ENOKEY);
	out = key_answer(1, 0, "");
	for (size_t length = out.body.used; length > 4; length--) {
		out.body.used = length - 1;
		say(&out);
		assert_int_equal(fetch(&key, sentence), -ENOKEY);
		assert_non_null(strstr(sentence, "its answer is not one"));
	}
	say_again();
	assert_int_equal(fetch(&key, sentence), -ENOKEY);
	shutdown(pair[0], SHUT_RDWR);
	assert_int_equal(fetch(&key, sentence), -ENOKEY);
	assert_non_null(strstr(sentence, "closed"));
}

static void test_entropy_never_repeats(void **state)
{
	uint8_t drawn[4][ENTROPY_SIZE];

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i & 1)
			assert_int_equal(entropy_add("host", 4), 0);
		assert_int_equal(entropy_draw(drawn[i]), 0);
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(drawn[i], drawn[j], ENTROPY_SIZE);
	}
	assert_int_equal(entropy_seed_library(), 0);
	entropy_done();
}

#define CHANNEL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHANNEL(test_channel_config),
		CHANNEL(test_channel_certify),
		CHANNEL(test_channel_certified),
		CHANNEL(test_channel_launch),
		CHANNEL(test_channel_without_config),
		CHANNEL(test_channel_config_without_envelope),
		CHANNEL(test_channel_bad_config),
		CHANNEL(test_channel_commit),
		CHANNEL(test_channel_fork),
		CHANNEL(test_channel_again),
		CHANNEL(test_channel_nonsense_for_a_commit),
		CHANNEL(test_channel_freeze),
		CHANNEL(test_channel_last_words),
		CHANNEL(test_datakey),
		CHANNEL(test_datakey_nonsense),
		cmocka_unit_test(test_entropy_never_repeats),
	};

	return cmocka_run_group_tests_name("engine/channel", tests, NULL, NULL);
}
