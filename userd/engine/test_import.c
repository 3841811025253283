// SPDX-License-Identifier: BSD-3-Clause
/*
 * States that come from elsewhere: they are in the next epoch, or not here at all.
 *
 * An engine in this process takes back the states that it gave away. Whoever opens what it
 * then has, with the key of one epoch, is the engine that would follow it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/tpmlib.h"

#define BOTH (1 << CTRL_STATE_PERMANENT | 1 << CTRL_STATE_VOLATILE)

static const uint8_t key[GCM_KEY_SIZE] = { 1 }, uuid[ENVELOPE_UUID_SIZE] = { 2 };
static struct engine engine;
static struct store *kept;
static int checkpoint, error;
static bool lands;

static int disk_load(struct store *store, struct store_record *ret)
{
	(void)store;
	return store_load(kept, ret);
}

static int disk_commit(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	(void)store;
	if (!error || lands)
		store_commit(kept, generation, bytes, length);
	return error;
}

static const struct store_ops disk_ops = { .load = disk_load, .commit = disk_commit };
static struct store disk = { &disk_ops };

static int begin(uint64_t epoch)
{
	engine = (struct engine){ .manufacture = true, .instance = 1, .store = &disk };
	return unit_map(&engine.unit, checkpoint) ||
	       envelope_key_init(&engine.key, key, uuid, epoch, 1) ||
	       carry_set_key(&engine, key);
}

static void end(void)
{
	tpmlib_power_off();
	unit_unmap(&engine.unit);
	carry_done(&engine);
	envelope_key_done(&engine.key);
}

static int setup(void **state)
{
	(void)state;
	error = 0;
	lands = false;
	kept = store_mem_new();
	checkpoint = memfd_create("checkpoint", MFD_CLOEXEC);
	return !kept || checkpoint < 0 || tpmlib_prepare() || begin(1) || engine_start(&engine);
}

static int teardown(void **state)
{
	(void)state;
	end();
	store_free(kept);
	close(checkpoint);
	return 0;
}

static void carry(enum ctrl_state what)
{
	static uint8_t bytes[CTRL_BLOB_MAX];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	bool sealed = false;

	assert_int_equal(carry_out(&engine, what, &out, &sealed), 0);
	assert_int_equal(sealed, !engine.plain_state);
	assert_int_equal(carry_in(&engine, what, bytes, out.used), 0);
}

static void carry_both(void)
{
	carry(CTRL_STATE_PERMANENT);
	carry(CTRL_STATE_VOLATILE);
}

static uint64_t epoch_kept(void)
{
	struct store_record record = { 0 };
	struct envelope_head head;

	assert_int_equal(store_load(kept, &record), 0);
	assert_int_equal(envelope_look(record.bytes, record.length, &head), 0);
	return head.epoch;
}

/* The engine that follows, from the checkpoint or without one. */
static int follow(uint64_t epoch, bool resumes)
{
	end();
	if (!resumes) {
		close(checkpoint);
		checkpoint = memfd_create("checkpoint", MFD_CLOEXEC);
	}
	assert_int_equal(begin(epoch), 0);
	return engine_start(&engine);
}

static void test_import_is_the_next_epoch(void **state)
{
	uint64_t generation = unit_label(&engine.unit).generation;

	(void)state;
	carry_both();
	assert_int_equal(carry_begin(&engine, BOTH), 0);
	assert_true(epoch_kept() == 2);
	assert_true(unit_label(&engine.unit).generation == generation + 1);
	carry(CTRL_STATE_PERMANENT);
	assert_int_equal(carry_begin(&engine, 1 << CTRL_STATE_PERMANENT), 0);
	assert_true(epoch_kept() == 3);
	assert_int_equal(follow(3, true), 0);
	assert_true(engine.resumed);
	assert_int_equal(follow(3, false), 0);
	assert_int_equal(follow(2, false), -EBADMSG);
}

static void test_import_that_is_not_kept(void **state)
{
	(void)state;
	carry_both();
	error = -ENOSPC;
	assert_int_equal(carry_begin(&engine, BOTH), CTRL_FAIL);
	error = 0;
	assert_true(epoch_kept() == 1 && engine.key.epoch == 1);
	/* It goes on where it was, and what it publishes then opens. */
	assert_int_equal(engine_cycle(&engine), 0);
	assert_int_equal(follow(1, true), 0);
	assert_true(engine.resumed);
	carry_both();
	assert_int_equal(carry_begin(&engine, BOTH), 0);
	assert_true(epoch_kept() == 2);
}

static void die_in_commit(void)
{
	carry_both();
	error = -EUCLEAN;
	assert_int_equal(carry_begin(&engine, BOTH), -EUCLEAN);
	error = 0;
}

static void test_import_and_death_before_it_is_durable(void **state)
{
	(void)state;
	die_in_commit();
	error = -ENOSPC;
	assert_int_equal(follow(1, true), 0);
	assert_true(engine.resumed && engine.key.epoch == 1);
	error = 0;
	assert_int_equal(engine_cycle(&engine), 0);
	die_in_commit();
	assert_int_equal(follow(1, true), 0);
	assert_true(engine.resumed && engine.key.epoch == 2 && epoch_kept() == 2);
	assert_int_equal(engine_cycle(&engine), 0);
	assert_int_equal(follow(2, true), 0);
}

static void test_import_and_death_after_that(void **state)
{
	(void)state;
	lands = true;
	die_in_commit();
	assert_int_equal(follow(1, true), -EBADMSG);
	assert_int_equal(follow(2, true), 0);
	assert_true(engine.resumed);
}

/* Plain text is taken only where the vTPM was made so. */
static void test_import_in_clear(void **state)
{
	static uint8_t bytes[CTRL_BLOB_MAX];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	bool sealed = true;

	(void)state;
	engine.plain_state = true;
	assert_int_equal(carry_out(&engine, CTRL_STATE_PERMANENT, &out, &sealed), 0);
	assert_false(sealed);
	carry_both();
	assert_int_equal(carry_begin(&engine, BOTH), 0);
	assert_true(epoch_kept() == 2);
	for (size_t i = 1; i < 22; i++) { /* of the head; 0 is the version */
		bytes[i] ^= 0x80;
		assert_int_equal(carry_in(&engine, CTRL_STATE_PERMANENT, bytes, out.used),
				 CTRL_DECRYPT_ERROR);
		bytes[i] ^= 0x80;
	}
	assert_int_equal(carry_in(&engine, CTRL_STATE_PERMANENT, bytes, out.used - 1),
			 CTRL_DECRYPT_ERROR);
	engine.plain_state = false;
	assert_int_equal(carry_in(&engine, CTRL_STATE_PERMANENT, bytes, out.used),
			 CTRL_DECRYPT_ERROR);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_import_is_the_next_epoch),
		CASE(test_import_in_clear),
		CASE(test_import_that_is_not_kept),
		CASE(test_import_and_death_before_it_is_durable),
		CASE(test_import_and_death_after_that),
	};

	return cmocka_run_group_tests_name("engine/import", tests, NULL, NULL);
}
