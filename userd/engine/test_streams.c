// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two engines that begin from the same bytes give out different random numbers.
 *
 * The worst case is played: OpenSSL's generator, from which libtpms seeds its own, gives each
 * engine the same bytes, as in two copies of one machine. What is left is what this engine
 * mixes in by itself. Linked so that this can be taken away (--wrap): then all streams
 * of a way must agree, or the test would not find anything.
 *
 * The way each engine begins:
 *
 *	manufactured	from nothing
 *	started		from the stored state alone
 *	ended		from a checkpoint that says it was shut down in order
 *	resumed		from a checkpoint in the middle of its life
 *	restored	the same, and back to it because a commit failed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "engine/engine.h"
#include "engine/test_peer.h"
#include "engine/tpmlib.h"
#include "wire/tpm.h"

#define DRAWS	  1000
#define DRAW_SIZE 32
#define ENGINES	  3

enum way {
	MANUFACTURED,
	STARTED,
	ENDED,
	RESUMED,
	RESTORED,
	_WAY_MAX,
};

static const char *const names[_WAY_MAX] = { "manufactured", "started", "ended", "resumed",
					     "restored" };

static struct test_peer running, ended;
static struct test_answer answer;
static uint8_t (*draws)[DRAW_SIZE];
static bool stirs = true;
static bool disk_fails;

int __real_engine_order_stir(void);
int __wrap_engine_order_stir(void);
int RAND_bytes(unsigned char *to, int count);

int __wrap_engine_order_stir(void)
{
	return stirs ? __real_engine_order_stir() : 0;
}

/* Instead of OpenSSL's, in this program and what it loads; forked engines begin alike. */
int RAND_bytes(unsigned char *to, int count)
{
	static uint32_t state = 1;

	while (count--) {
		state = state * 1664525 + 1013904223;
		*to++ = (unsigned char)(state >> 24);
	}
	return 1;
}

/* A store that works until the disk fails */
struct disk {
	struct store store;
	struct store *inner;
};

static int disk_load(struct store *store, struct store_record *ret)
{
	return store_load(((struct disk *)store)->inner, ret);
}

static int disk_commit(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	return disk_fails ? -ENOSPC
			  : store_commit(((struct disk *)store)->inner, generation, bytes, length);
}

static const struct store_ops disk_ops = { .load = disk_load, .commit = disk_commit };

static void run(const struct test_peer *peer, int fd, bool manufacture)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	static struct engine engine;
	struct disk disk = { { &disk_ops }, store_plain_new(peer->state) };
	int r;

	signal(SIGPIPE, SIG_IGN);
	engine.store = &disk.store;
	engine.instance = peer->instance;
	engine.manufacture = manufacture;
	if (link_open(&engine.link, fd, -1, NULL) || unit_map(&engine.unit, peer->checkpoint) ||
	    envelope_key_init(&engine.key, (const uint8_t *)ENGINE_TEST_KEY, nil, 0, 0) ||
	    engine_stop_on_signals())
		_exit(99);
	r = engine_start(&engine);
	if (!r)
		r = engine_serve(&engine);
	if (!r)
		r = engine_end(&engine);
	_exit(-r);
}

static void start(struct test_peer *peer, bool manufacture)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (!peer->pid) {
		close(pair[0]);
		run(peer, pair[1], manufacture);
	}
	close(pair[1]);
	peer->socket = pair[0];
}

static void copy_file(int from, int to)
{
	struct stat about;
	off_t at = 0;

	assert_int_equal(fstat(from, &about), 0);
	assert_int_equal(ftruncate(to, about.st_size), 0);
	assert_int_equal(lseek(to, 0, SEEK_SET), 0);
	while (at < about.st_size)
		assert_true(sendfile(to, from, &at, (size_t)(about.st_size - at)) > 0);
}

/* A TPM in the middle of its life, and one that was shut down in order. */
static int setup(void **state)
{
	(void)state;
	stirs = true;
	disk_fails = false;
	test_peer_new(&running);
	test_peer_new(&ended);
	start(&running, true);
	assert_int_equal(test_call(&running, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&running, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_peer_kill(&running, SIGKILL), 128 + SIGKILL);
	copy_file(running.state, ended.state);
	copy_file(running.checkpoint, ended.checkpoint);
	ended.id = running.id;
	start(&ended, false);
	assert_int_equal(test_call(&ended, test_get_random(8), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_peer_kill(&ended, SIGTERM), 0);
	draws = calloc((size_t)_WAY_MAX * ENGINES * DRAWS, sizeof(*draws));
	return draws ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(draws);
	test_peer_done(&running);
	test_peer_done(&ended);
	return 0;
}

static void begin(struct test_peer *peer, enum way way)
{
	const struct test_peer *from = way == ENDED ? &ended : &running;

	test_peer_new(peer);
	peer->id = from->id;
	if (way != MANUFACTURED)
		copy_file(from->state, peer->state);
	if (way != MANUFACTURED && way != STARTED)
		copy_file(from->checkpoint, peer->checkpoint);
	disk_fails = way == RESTORED;
	start(peer, way == MANUFACTURED);
	disk_fails = false;
	if (way == RESTORED)
		assert_int_equal(test_call(peer, test_counter_increment(), &answer),
				 TPM_RC_NV_UNAVAILABLE);
}

static void take_stream(enum way way, uint8_t (*to)[DRAW_SIZE], unsigned int count)
{
	struct test_peer peer;

	begin(&peer, way);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(test_call(&peer, test_get_random(DRAW_SIZE), &answer),
				 TPM_RC_SUCCESS);
		assert_int_equal(answer.length, TPM_HEAD_SIZE + 2 + DRAW_SIZE);
		cursor_copy(to[i], DRAW_SIZE, answer.response + TPM_HEAD_SIZE + 2, DRAW_SIZE);
	}
	assert_int_equal(test_peer_kill(&peer, SIGKILL), 128 + SIGKILL);
	test_peer_done(&peer);
}

static int compare(const void *a, const void *b)
{
	const uint8_t *one = a, *other = b;

	for (size_t i = 0; i < DRAW_SIZE; i++)
		if (one[i] != other[i])
			return one[i] - other[i];
	return 0;
}

/* All draws of all engines of all ways in one heap: no two are the same. */
static void test_streams_differ(void **state)
{
	size_t count = (size_t)_WAY_MAX * ENGINES * DRAWS;

	(void)state;
	for (size_t i = 0; i < (size_t)_WAY_MAX * ENGINES; i++)
		take_stream((enum way)(i / ENGINES), &draws[i * DRAWS], DRAWS);
	qsort(draws, count, sizeof(*draws), compare);
	for (size_t i = 1; i < count; i++)
		assert_memory_not_equal(draws[i - 1], draws[i], DRAW_SIZE);
}

/* Without the stirring the engines of each way agree in each draw: so that is what it takes. */
static void test_streams_agree_unstirred(void **state)
{
	enum { FEW = 20 };

	(void)state;
	stirs = false;
	for (enum way way = 0; way < _WAY_MAX; way++) {
		take_stream(way, draws, FEW);
		take_stream(way, draws + FEW, FEW);
		for (size_t i = 0; i < FEW; i++)
			if (!secret_equal(draws[i], draws[FEW + i], DRAW_SIZE))
				fail_msg("%s: draw %zu differs without the stirring", names[way],
					 i);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_streams_differ),
		TEST(test_streams_agree_unstirred),
	};

	/* Once for all engines, as vtpm-spawn does. */
	if (tpmlib_prepare())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
