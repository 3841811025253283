// SPDX-License-Identifier: BSD-3-Clause
/*
 * The control channel's requests and states, against a TPM that only notes what is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrl/ctrl.h"

static struct ctrl_note note;
static struct ctrl ctrl;
static char did[256];
static bool migrates;
static int fails;
static bool dies; /* the owner, before each answer is where it outlives him */

static int does(const char *what)
{
	size_t length = strlen(did);

	snprintf(did + length, sizeof(did) - length, "%s ", what);
	return fails;
}

static int on_init(void *context, bool goes_on)
{
	(void)context;
	return does(goes_on ? "go-on" : note.loaded ? "loaded" : "init");
}

static int on_stop(void *context)
{
	(void)context;
	return does("stop");
}

static int on_established(void *context, bool *ret)
{
	(void)context;
	*ret = true;
	return does("established");
}

static int on_reset(void *context, uint8_t locality)
{
	(void)context;
	(void)locality;
	return does("reset");
}

static int on_hash(void *context, enum ctrl_hash part, const uint8_t *bytes, size_t length)
{
	(void)context;
	if (part == CTRL_HASH_DATA)
		assert_int_equal(bytes[length - 1], 0x5a);
	return does(part == CTRL_HASH_START ? "start" : part == CTRL_HASH_DATA ? "data" : "end");
}

static void on_buffer(void *context, uint32_t wanted, struct ctrl_buffer *ret)
{
	(void)context;
	*ret = (struct ctrl_buffer){ wanted ? wanted : 4096, 2808, 4096 };
}

static int on_info(void *context, uint64_t flags, struct cursor_out *out)
{
	(void)context;
	cursor_put_raw(out, "{\"info\"}", 9);
	return flags == 1 ? 0 : CTRL_BAD_PARAMETER;
}

static int on_data(void *context, int fd)
{
	(void)context;
	assert_int_equal(fd, 77);
	return does("data-fd");
}

static int on_get(void *context, enum ctrl_state state, bool plain, struct cursor_out *out,
		  bool *ret_sealed)
{
	(void)context;
	(void)plain;
	for (int i = 0; i < 300; i++)
		cursor_put_u8(out, (uint8_t)(state + i));
	*ret_sealed = true;
	return does("get");
}

static int on_set(void *context, enum ctrl_state state, bool sealed, const uint8_t *bytes,
		  size_t length)
{
	(void)context;
	assert_true(sealed);
	assert_int_equal(bytes[0], 0x11);
	assert_int_equal(bytes[length - 1], 0x22);
	return does(state == CTRL_STATE_PERMANENT ? "set-permanent" : "set-volatile");
}

static bool on_migrates(void *context)
{
	(void)context;
	return migrates;
}

static const struct ctrl_ops ops = {
	.init = on_init,
	.stop = on_stop,
	.established = on_established,
	.reset_established = on_reset,
	.hash = on_hash,
	.buffer = on_buffer,
	.info = on_info,
	.take_data = on_data,
	.get_state = on_get,
	.set_state = on_set,
	.migrates = on_migrates,
};

static uint8_t answer[CTRL_RESPONSE_MAX];
static size_t answered;

static int setup(void **state)
{
	(void)state;
	note = (struct ctrl_note){ .off = 1 };
	ctrl = (struct ctrl){ .ops = &ops, .note = &note };
	did[0] = 0;
	fails = 0;
	dies = false;
	migrates = true;
	return 0;
}

/* Return: the response's first word, 0xffffffff where there is none */
static uint32_t run_fd(const uint8_t *request, size_t length, int *fd)
{
	struct cursor_out out = cursor_out(answer, sizeof(answer));
	struct cursor_in in;

	assert_int_equal(ctrl_size(&ctrl, request, length), length);
	assert_int_equal(ctrl_run(&ctrl, request, length, fd, &out), 0);
	assert_false(out.bad);
	answered = out.used;
	if (answered && !dies)
		ctrl_answered(&note);
	in = cursor_in(answer, answered);
	return answered ? cursor_get_u32(&in) : 0xffffffff;
}

static uint32_t run(const uint8_t *request, size_t length)
{
	int fd = -1;

	return run_fd(request, length, &fd);
}

#define RUN(...)                                       \
	run((const uint8_t[]){ 0, 0, 0, __VA_ARGS__ }, \
	    sizeof((const uint8_t[]){ 0, 0, 0, __VA_ARGS__ }))
#define INIT 2, 0, 0, 0, 0
#define STOP 14

/* All that are known, with the least and the most that follow, and the success's length. */
static const struct {
	uint8_t command;
	uint8_t least, most;
	bool on;
	size_t success;
} known[] = {
	{ 1, 0, 0, false, 8 },	 { 2, 4, 4, false, 4 },	   { 3, 0, 0, false, 4 },
	{ 4, 0, 0, true, 8 },	 { 5, 1, 4, false, 4 },	   { 6, 0, 0, true, 4 },
	{ 8, 0, 0, true, 4 },	 { 9, 0, 0, true, 4 },	   { 10, 0, 0, true, 4 },
	{ 11, 1, 4, true, 4 },	 { 12, 12, 12, true, 16 }, { 14, 0, 0, false, 4 },
	{ 15, 0, 0, false, 8 },	 { 16, 0, 0, false, 4 },   { 17, 4, 4, false, 16 },
	{ 18, 12, 16, false, 4 }, { 19, 4, 4, false, 4 },
};

static void test_lengths(void **state)
{
	uint8_t request[64] = { 0 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		setup(state);
		note.off = !known[i].on;
		request[3] = known[i].command;
		for (size_t have = 0; have < 4u + known[i].least; have++)
			assert_int_equal(ctrl_size(&ctrl, request, have), 0);
		run(request, 4 + known[i].least);
		assert_int_equal(answered, known[i].success);
		note.off = !known[i].on;
		assert_int_equal(run(request, 5 + known[i].most), CTRL_BAD_PARAMETER);
		assert_int_equal(answered, 4);
	}
}

static void test_off_and_on(void **state)
{
	uint8_t request[64] = { 0 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		setup(state);
		request[3] = known[i].command;
		if (!known[i].on)
			continue;
		assert_int_equal(run(request, 4 + known[i].least), CTRL_BAD_ORDINAL);
		assert_int_equal(answered, 4);
		assert_string_equal(did, "");
	}
	setup(state);
	assert_int_equal(RUN(INIT), 0);
	assert_false(note.off);
	assert_int_equal(RUN(STOP), 0);
	assert_true(note.off);
	assert_int_equal(RUN(STOP), 0);
	assert_string_equal(did, "init stop ");
	assert_int_equal(RUN(2, 0, 0, 0, 2), CTRL_BAD_PARAMETER);
	assert_true(note.off);
	fails = CTRL_FAIL;
	assert_int_equal(RUN(INIT), CTRL_FAIL);
	assert_true(note.off);
}

static void test_unknown(void **state)
{
	(void)state;
	assert_int_equal(RUN(0), CTRL_BAD_ORDINAL);
	assert_int_equal(RUN(20, 1, 2, 3), CTRL_BAD_ORDINAL);
	assert_int_equal(answered, 4);
}

static void test_capability(void **state)
{
	(void)state;
	RUN(1);
	assert_memory_equal(answer, "\0\0\0\0\0\1\x7f\xff", 8);
	migrates = false;
	RUN(1);
	assert_memory_equal(answer, "\0\0\0\0\0\1\x7c\xff", 8);
}

static void test_locality(void **state)
{
	(void)state;
	assert_int_equal(RUN(5, 4), 0);
	assert_int_equal(note.locality, 4);
	assert_int_equal(RUN(5, 2, 0, 0, 0), 0);
	assert_int_equal(RUN(5, 5), CTRL_BAD_LOCALITY);
	assert_int_equal(note.locality, 2);
	note.off = 0;
	assert_int_equal(RUN(11, 5), CTRL_BAD_LOCALITY);
	assert_string_equal(did, "");
}

static void test_hash(void **state)
{
	static uint8_t request[CTRL_REQUEST_MAX + 1] = { 0, 0, 0, 7, 0, 0, 0x10, 0 };

	(void)state;
	note.off = 0;
	request[CTRL_REQUEST_MAX - 1] = 0x5a;
	assert_int_equal(ctrl_size(&ctrl, request, CTRL_REQUEST_MAX - 1), 0);
	assert_int_equal(run(request, CTRL_REQUEST_MAX), 0);
	assert_string_equal(did, "data ");
	request[7] = 1;
	assert_int_equal(run(request, CTRL_REQUEST_MAX), CTRL_BAD_PARAMETER);
	assert_int_equal(RUN(7, 0, 0, 0, 1, 0x5a), 0);
}

static void test_goes_on(void **state)
{
	(void)state;
	note.off = 0;
	assert_int_equal(RUN(10), 0);
	assert_int_equal(RUN(STOP), 0);
	assert_int_equal(RUN(INIT), 0);
	assert_int_equal(RUN(INIT), 0);
	assert_string_equal(did, "go-on stop init ");
}

static void test_data_fd(void **state)
{
	static const uint8_t request[] = { 0, 0, 0, 16 };
	int fd = 77;

	(void)state;
	assert_true(ctrl_takes_fd(request, 4));
	assert_false(ctrl_takes_fd(request, 3));
	assert_int_equal(RUN(16), CTRL_IO_ERROR);
	assert_int_equal(run_fd(request, 4, &fd), 0);
	assert_int_equal(fd, -1);
	fd = 77;
	fails = CTRL_IO_ERROR;
	assert_int_equal(run_fd(request, 4, &fd), CTRL_IO_ERROR);
	assert_int_equal(fd, 77);
}

static void test_buffer_size(void **state)
{
	(void)state;
	assert_int_equal(RUN(17, 0, 0, 0x0f, 0x80), 0);
	assert_memory_equal(answer, "\0\0\0\0\0\0\x0f\x80\0\0\x0a\xf8\0\0\x10\0", 16);
	assert_int_equal(note.buffer, 0xf80);
	note.off = 0;
	assert_int_equal(RUN(17, 0, 0, 0x0f, 0x80), CTRL_BAD_ORDINAL);
	assert_int_equal(answered, 4);
	assert_int_equal(RUN(17, 0, 0, 0, 0), 0);
}

static void test_info(void **state)
{
	(void)state;
	note.off = 0;
	assert_int_equal(RUN(18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0), 0);
	assert_int_equal(answered, 18);
	assert_memory_equal(answer + 4, "\0\0\0\x09\0\0\0\x06nfo\"}", 13);
	assert_int_equal(RUN(18, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0), CTRL_BAD_PARAMETER);
}

static void test_get_state(void **state)
{
	(void)state;
	note.off = 0;
	assert_int_equal(RUN(12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 0), 0);
	assert_int_equal(answered, 16 + 300 - 256);
	assert_memory_equal(answer, "\0\0\0\0\0\0\0\2\0\0\1\x2c\0\0\0\x2c\2", 17);
	assert_true(cursor_is_zero(ctrl.bytes, sizeof(ctrl.bytes)));
	assert_int_equal(RUN(12, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0, 0, 0), 0);
	assert_int_equal(answered, 16);
	/* no TPM 2.0 has a third one; all that QEMU looks at is this bit */
	assert_int_equal(RUN(12, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0), 0x800);
	assert_int_equal(answered, 16);
	fails = CTRL_KEY_NOT_FOUND;
	assert_int_equal(RUN(12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0), CTRL_KEY_NOT_FOUND);
	assert_int_equal(answered, 16);
	assert_true(cursor_is_zero(ctrl.bytes, sizeof(ctrl.bytes)));
}

#define SET(type, high, low) 13, 0, 0, 0, 2, 0, 0, 0, type, 0, 0, high, low

static void test_set_state(void **state)
{
	static const uint8_t first[] = { 0x11, 1, 2 }, last[] = { 3, 0x22 };
	static const uint8_t together[] = { 0, 0, 0, SET(1, 0, 2), 0x11, 0x22 };

	(void)state;
	assert_int_equal(RUN(SET(2, 0, 5)), 0xffffffff);
	assert_true(note.receiving);
	assert_int_equal(ctrl_size(&ctrl, answer, 9), 5);
	assert_int_equal(run(first, 3), 0xffffffff);
	assert_int_equal(run(last, 2), 0);
	assert_false(note.receiving);
	assert_int_equal(ctrl_size(&ctrl, together, sizeof(together)), 16);
	assert_int_equal(run(together, 16), 0xffffffff);
	assert_int_equal(run(together + 16, 2), 0);
	assert_int_equal(note.loaded, 6);
	assert_int_equal(RUN(INIT), 0);
	assert_int_equal(note.loaded, 0);
	assert_string_equal(did, "set-volatile set-permanent loaded ");
}

/* QEMU writes the state before it reads the answer: it must not be taken for requests. */
static void test_set_state_refused(void **state)
{
	static const struct {
		uint8_t off, migrates, type, high;
		uint32_t result;
	} cases[] = {
		{ 0, 1, 1, 0, CTRL_BAD_ORDINAL },
		{ 1, 0, 1, 0, CTRL_KEY_NOT_FOUND },
		{ 1, 1, 3, 0, CTRL_BAD_PARAMETER },
	};
	static const uint8_t body[] = { 0, 0, 0, 14 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		note.off = cases[i].off;
		migrates = cases[i].migrates;
		assert_int_equal(RUN(SET(cases[i].type, 0, 4)), 0xffffffff);
		assert_int_equal(run(body, 4), cases[i].result);
		assert_string_equal(did, "");
		assert_int_equal(note.loaded, 0);
		assert_int_equal(RUN(1), 0);
	}
	assert_int_equal(RUN(SET(1, 0, 0)), CTRL_BAD_PARAMETER);
	assert_int_equal(RUN(13, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0), CTRL_SIZE);
	assert_int_equal(answered, 4);
}

static void test_drop(void **state)
{
	static const uint8_t first[] = { 0x11, 1, 2 };

	(void)state;
	assert_int_equal(RUN(SET(2, 0, 5)), 0xffffffff);
	assert_int_equal(run(first, 3), 0xffffffff);
	ctrl_drop(&ctrl);
	assert_true(cursor_is_zero(ctrl.bytes, sizeof(ctrl.bytes)));
	assert_false(note.receiving);
	assert_int_equal(RUN(INIT), 0);
	assert_string_equal(did, "init ");
}

/* What the successor of an owner who died does, and answers. */
static void test_init_again(void **state)
{
	static const struct {
		uint8_t goes_on, loaded;
		int fails;
		const char *did;
	} cases[] = {
		{ 1, 0, 0, "go-on " },
		{ 0, 2, 0, "loaded " },
		{ 0, 2, CTRL_FAIL, "loaded " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(state);
		note.goes_on = cases[i].goes_on;
		note.loaded = cases[i].loaded;
		fails = cases[i].fails;
		dies = true;
		assert_int_equal(RUN(INIT), cases[i].fails);
		fails = 0;
		dies = false;
		assert_int_equal(RUN(INIT), cases[i].fails);
		assert_string_equal(did, cases[i].did);
		assert_int_equal(note.off, cases[i].fails != 0);
		assert_int_equal(RUN(STOP), 0);
		assert_int_equal(RUN(INIT), 0);
		assert_non_null(strstr(did, "init "));
	}
}

/* The rest of a state must not be taken for a request. */
static void test_set_state_unanswered(void **state)
{
	static const uint8_t bytes[] = { 0x11, 0x22 };

	(void)state;
	assert_int_equal(RUN(SET(2, 0, 2)), 0xffffffff);
	dies = true;
	assert_int_equal(run(bytes, 2), 0);
	assert_true(note.receiving);
	ctrl_answered(&note);
	assert_false(note.receiving);
}

static void test_fatal(void **state)
{
	static const uint8_t request[] = { 0, 0, 0, INIT };
	struct cursor_out out = cursor_out(answer, sizeof(answer));
	int fd = -1;

	(void)state;
	fails = -EUCLEAN;
	assert_int_equal(ctrl_run(&ctrl, request, sizeof(request), &fd, &out), -EUCLEAN);
	assert_int_equal(out.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_off_and_on, setup),
		cmocka_unit_test_setup(test_unknown, setup),
		cmocka_unit_test_setup(test_capability, setup),
		cmocka_unit_test_setup(test_locality, setup),
		cmocka_unit_test_setup(test_hash, setup),
		cmocka_unit_test_setup(test_goes_on, setup),
		cmocka_unit_test_setup(test_data_fd, setup),
		cmocka_unit_test_setup(test_buffer_size, setup),
		cmocka_unit_test_setup(test_info, setup),
		cmocka_unit_test_setup(test_get_state, setup),
		cmocka_unit_test_setup(test_set_state, setup),
		cmocka_unit_test_setup(test_set_state_refused, setup),
		cmocka_unit_test_setup(test_drop, setup),
		cmocka_unit_test_setup(test_init_again, setup),
		cmocka_unit_test_setup(test_set_state_unanswered, setup),
		cmocka_unit_test_setup(test_fatal, setup),
	};

	return cmocka_run_group_tests_name("ctrl", tests, NULL, NULL);
}
