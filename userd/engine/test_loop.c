// SPDX-License-Identifier: BSD-3-Clause
/*
 * Death at the worst moments, and disks that fail: the engine's own code in a
 * child, without the sandbox, over a store that kills it on demand.
 *
 * The store is the plain one behind a switch in shared memory; a later child
 * opens the same files with the switch off and must find everything right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/test_peer.h"
#include "engine/tpmlib.h"
#include "wire/tpm.h"

enum moment {
	NEVER,
	BEFORE_COMMIT, /* published, nothing durable */
	AFTER_COMMIT,  /* durable, not answered */
	DISK_FULL,     /* the commit fails, for certain */
	DISK_DOUBTFUL, /* the commit fails, and nobody knows */
};

struct switched_store {
	struct store store;
	struct store *plain;
};

static struct test_peer peer;
static struct test_answer answer;
static enum moment *moment;

static int switched_load(struct store *store, struct store_record *ret)
{
	return store_load(((struct switched_store *)store)->plain, ret);
}

static int switched_commit(struct store *store, uint64_t generation, const void *bytes,
			   size_t length)
{
	int r;

	if (*moment == BEFORE_COMMIT)
		raise(SIGKILL);
	if (*moment == DISK_FULL)
		return -ENOSPC;
	if (*moment == DISK_DOUBTFUL)
		return -EUCLEAN;
	r = store_commit(((struct switched_store *)store)->plain, generation, bytes, length);
	if (*moment == AFTER_COMMIT)
		raise(SIGKILL);
	return r;
}

static const struct store_ops switched_ops = {
	.load = switched_load,
	.commit = switched_commit,
};

static void run(int fd, bool manufacture)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	static struct engine engine;
	struct switched_store store = {
		.store.ops = &switched_ops,
		.plain = store_plain_new(peer.state),
	};
	int r;

	engine.store = &store.store;
	engine.instance = peer.instance;
	engine.manufacture = manufacture;
	if (link_open(&engine.link, fd, -1, NULL) || unit_map(&engine.unit, peer.checkpoint) ||
	    envelope_key_init(&engine.key, (const uint8_t *)ENGINE_TEST_KEY, nil, 0, 0) ||
	    engine_stop_on_signals() || tpmlib_prepare())
		_exit(99);
	r = engine_start(&engine);
	if (!r)
		r = engine_serve(&engine);
	if (!r)
		r = engine_end(&engine);
	_exit(-r);
}

static void start(bool manufacture)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (!peer.pid) {
		close(pair[0]);
		run(pair[1], manufacture);
	}
	close(pair[1]);
	peer.socket = pair[0];
}

/* An engine with a counter at 1, and PCR 10 extended. */
static int setup(void **state)
{
	(void)state;
	moment = mmap(NULL, sizeof(*moment), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	test_peer_new(&peer);
	start(true);
	return test_call(&peer, test_counter_define(), &answer) ||
	       test_call(&peer, test_counter_increment(), &answer) ||
	       test_call(&peer, test_pcr_extend(10), &answer);
}

static int teardown(void **state)
{
	(void)state;
	test_peer_done(&peer);
	munmap(moment, sizeof(*moment));
	return 0;
}

static void increment_and_die(enum moment when, int status)
{
	struct test_command increment = test_counter_increment();

	*moment = when;
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	assert_false(test_receive(&peer, &answer));
	assert_int_equal(test_peer_wait(&peer), status);
	*moment = NEVER;
}

static void expect_counted_once(void)
{
	start(false);
	assert_int_equal(test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_SUCCESS);
	assert_true(test_counter(&peer) == 2);
}

static void test_serve_death_before_commit(void **state)
{
	(void)state;
	increment_and_die(BEFORE_COMMIT, 128 + SIGKILL);
	expect_counted_once();
}

static void test_serve_death_after_commit(void **state)
{
	(void)state;
	increment_and_die(AFTER_COMMIT, 128 + SIGKILL);
	expect_counted_once();
}

static void test_serve_death_before_commit_again_and_again(void **state)
{
	(void)state;
	increment_and_die(BEFORE_COMMIT, 128 + SIGKILL);
	for (int i = 0; i < 3; i++) {
		*moment = i < 2 ? BEFORE_COMMIT : AFTER_COMMIT;
		start(false); /* dies while it resumes */
		assert_int_equal(test_peer_wait(&peer), 128 + SIGKILL);
		*moment = NEVER;
	}
	expect_counted_once();
}

static void test_serve_doubtful_commit_ends_the_engine(void **state)
{
	(void)state;
	increment_and_die(DISK_DOUBTFUL, EUCLEAN);
	expect_counted_once();
}

static void test_serve_full_disk_takes_the_command_back(void **state)
{
	(void)state;
	*moment = DISK_FULL;
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer),
			 TPM_RC_NV_UNAVAILABLE);
	assert_true(test_counter(&peer) == 1);
	/* it did not run: delivered again, it runs when there is room */
	*moment = NEVER;
	assert_int_equal(test_again(&peer, peer.id - 1, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_SUCCESS);
	assert_true(test_counter(&peer) == 2);
}

/* The way back leads to the unit before and to what was logged behind it. */
static void test_serve_full_disk_keeps_the_log(void **state)
{
	static struct test_answer before;

	(void)state;
	test_call(&peer, test_pcr_extend(11), &answer);
	test_call(&peer, test_pcr_extend(12), &answer);
	test_call(&peer, test_pcr_extend(12), &answer);
	test_call(&peer, test_pcr_read(12), &before);
	*moment = DISK_FULL;
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer),
			 TPM_RC_NV_UNAVAILABLE);
	test_call(&peer, test_pcr_read(12), &answer);
	assert_int_equal(answer.length, before.length);
	assert_memory_equal(answer.response, before.response, before.length);
	*moment = NEVER;
}

static void test_start_full_disk_goes_back_a_unit(void **state)
{
	(void)state;
	increment_and_die(BEFORE_COMMIT, 128 + SIGKILL);
	*moment = DISK_FULL;
	start(false);
	assert_int_equal(test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_NV_UNAVAILABLE);
	assert_true(test_counter(&peer) == 1);
	*moment = NEVER;
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	assert_true(test_counter(&peer) == 2);
}

/* struct unit_memory: where the two envelopes begin */
static const off_t envelopes[] = { 147456, 147456 + UNIT_ENVELOPE_MAX };

static uint64_t durable_generation(void)
{
	struct store *store = store_plain_new(peer.state);
	struct store_record record;

	assert_int_equal(store_load(store, &record), 0);
	store_free(store);
	assert_int_equal(record.state, STORE_OK);
	return record.generation;
}

static void poke_envelopes(void)
{
	for (size_t i = 0; i < 2; i++) {
		off_t at = envelopes[i] + ENVELOPE_HEAD_SIZE;
		uint8_t byte;

		assert_int_equal(pread(peer.checkpoint, &byte, 1, at), 1);
		byte ^= 0xff;
		assert_int_equal(pwrite(peer.checkpoint, &byte, 1, at), 1);
	}
}

static void test_start_commits_nothing_that_does_not_open(void **state)
{
	uint64_t generation = durable_generation();

	(void)state;
	increment_and_die(BEFORE_COMMIT, 128 + SIGKILL);
	poke_envelopes();
	start(false);
	assert_int_equal(test_peer_wait(&peer), EBADMSG);
	assert_true(durable_generation() == generation);
	poke_envelopes(); /* untouched: with the right bytes it goes on */
	expect_counted_once();
}

static void test_end_death_before_commit_is_still_a_power_off(void **state)
{
	(void)state;
	*moment = BEFORE_COMMIT;
	assert_int_equal(test_peer_kill(&peer, SIGTERM), 128 + SIGKILL);
	*moment = NEVER;
	peer.instance++;
	start(false);
	assert_true(test_counter(&peer) == 1);
}

static void test_start_death_while_manufacturing(void **state)
{
	(void)state;
	test_peer_done(&peer);
	test_peer_new(&peer);
	*moment = BEFORE_COMMIT;
	start(true);
	assert_int_equal(test_peer_wait(&peer), 128 + SIGKILL);
	*moment = NEVER;
	start(false); /* the unit has it all, nothing is made anew */
	assert_int_equal(test_call(&peer, test_get_random(8), &answer), TPM_RC_SUCCESS);
}

#define LOOP(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP(test_serve_death_before_commit),
		LOOP(test_serve_death_after_commit),
		LOOP(test_serve_death_before_commit_again_and_again),
		LOOP(test_serve_doubtful_commit_ends_the_engine),
		LOOP(test_serve_full_disk_takes_the_command_back),
		LOOP(test_serve_full_disk_keeps_the_log),
		LOOP(test_start_full_disk_goes_back_a_unit),
		LOOP(test_start_commits_nothing_that_does_not_open),
		LOOP(test_end_death_before_commit_is_still_a_power_off),
		LOOP(test_start_death_while_manufacturing),
	};

	return cmocka_run_group_tests_name("engine/loop", tests, NULL, NULL);
}
