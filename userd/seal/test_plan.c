// SPDX-License-Identifier: BSD-3-Clause
/*
 * Plans, with swtpm as the host TPM: it is switched off and on for each boot, and PCR 7 is
 * extended as firmware would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "base/secret.h"
#include "seal/recovery.h"
#include "seal/root.h"
#include "seal/test_swtpm.h"

#define NOW   1800000000u
#define LATER (NOW + 1000000000u)

static struct test_swtpm swtpm;
static char keys[32];
static struct host host;
static struct root root;
static struct reason reason;
static uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE];
static uint8_t plan_scalar[SEAL_SCALAR_SIZE], plan_point[SEAL_POINT_SIZE], secret[SEAL_KEY_SIZE];

static void init(const uint8_t *plan_key)
{
	const struct slot_wish wish = { .host = &host,
					.pcrs = ROOT_PCRS_DEFAULT,
					.point = point,
					.plan_key = plan_key };
	const struct anchor anchor = { .mode = KEYD_ROLLBACK_LAZY, .window = ANCHOR_WINDOW };

	assert_int_equal(root_init(&root, &wish, &anchor, &reason), 0);
	assert_int_equal(root.opened, KEYD_OPENED_SLOT);
	cursor_copy(secret, sizeof(secret), root.key, sizeof(root.key));
}

/* The machine boots, and what it boots is @what. Return: as root_try() */
static int boot(unsigned int what)
{
	char line[128];

	host_done(&host);
	test_swtpm_stop(&swtpm);
	test_swtpm_start(&swtpm, TEST_STARTED);
	snprintf(line, sizeof(line), "tpm2_pcrextend 7:sha256=%064x", what);
	if (what)
		assert_int_equal(test_tool(&swtpm, line, NULL), 0);
	assert_int_equal(host_open(swtpm.tcti, &host, &reason), 0);
	root_done(&root);
	root = (struct root){ .directory = root.directory, .host = &host };
	root_load(&root);
	return root_try(&root);
}

static void assert_opens(unsigned int what, enum keyd_opened how)
{
	assert_int_equal(boot(what), 0);
	assert_int_equal(root.opened, how);
	assert_memory_equal(root.key, secret, sizeof(secret));
}

static void assert_locked(unsigned int what, const char *why)
{
	assert_int_equal(boot(what), -EPERM);
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	if (!strstr(root.reason.text, why))
		fail_msg("no '%s' in: %s", why, root.reason.text);
}

static void assert_recovery_opens(bool bind)
{
	static const struct root_bind as_it_was;
	uint8_t key[SEAL_KEY_SIZE];
	const struct slot *slot = slots_find(&root.slots, SLOT_RECOVERY);

	assert_int_equal(recovery_open((struct seal_bytes){ slot->body, slot->length }, scalar,
				       key), 0);
	assert_int_equal(root_unlock(&root, key, bind ? &as_it_was : NULL, &reason), 0);
	assert_memory_equal(root.key, secret, sizeof(secret));
}

static struct host_pcrs pcrs_of(unsigned int what)
{
	struct host_pcrs pcrs = { .mask = ROOT_PCRS_DEFAULT };
	uint8_t bytes[2 * SEAL_HASH_SIZE] = { 0 };

	bytes[sizeof(bytes) - 1] = (uint8_t)what;
	assert_int_equal(seal_hash((struct seal_bytes){ bytes, sizeof(bytes) }, pcrs.value[7]), 0);
	return pcrs;
}

static struct plan plan_for(unsigned int what, uint64_t sequence, uint64_t expires)
{
	struct plan plan = { .sequence = sequence,
			     .made = NOW,
			     .expires = expires,
			     .pcrs = pcrs_of(what),
			     .label = "a test" };
	struct tpm2_slot slot;

	assert_true(root_policy(&root, &slot));
	assert_int_equal(plan_sign(&plan, plan_scalar, slot.plan.counter), 0);
	return plan;
}

static int add(const struct plan *plan, uint64_t now)
{
	uint8_t bytes[PLAN_SIZE_MAX];

	return root_plan_add(&root, (struct seal_bytes){ bytes, plan_format(plan, bytes) }, now,
			     &reason);
}

static uint64_t sequence(void)
{
	struct tpm2_slot slot;

	assert_true(root_policy(&root, &slot));
	return slot.sequence;
}

static int setup(void **state)
{
	(void)state;
	test_swtpm_new(&swtpm, TEST_STARTED);
	snprintf(keys, sizeof(keys), "/tmp/vtpm-keys-XXXXXX");
	if (!mkdtemp(keys) || seal_pair_new(scalar, point) || plan_key(scalar, plan_scalar) ||
	    seal_point_of(plan_scalar, plan_point))
		return -1;
	setenv("TSS2_LOG", "all+none", 1);
	root = (struct root){ .directory = open(keys, O_RDONLY | O_DIRECTORY), .host = &host };
	root_load(&root);
	return host_open(swtpm.tcti, &host, &reason);
}

static int teardown(void **state)
{
	(void)state;
	host_done(&host);
	close(root.directory);
	test_swtpm_done(&swtpm);
	test_remove_tree(keys);
	return 0;
}

static void test_plan_opens_what_was_planned(void **state)
{
	struct plan plan;

	(void)state;
	init(plan_point);
	assert_opens(0, KEYD_OPENED_SLOT);
	assert_locked(1, "PCR 7 has changed");
	assert_recovery_opens(false);
	plan = plan_for(1, sequence() + 1, 0);
	assert_int_equal(add(&plan, NOW), 0);
	assert_opens(1, KEYD_OPENED_PLAN);
	assert_int_equal(root.plan, sequence() + 1);
	/* what was not planned stays shut, and the way back is open */
	assert_locked(2, "PCR 7 has changed");
	assert_opens(0, KEYD_OPENED_SLOT);
}

static void test_plan_expired(void **state)
{
	struct plan plan;

	(void)state;
	init(plan_point);
	plan = plan_for(1, sequence() + 1, NOW);
	assert_int_equal(add(&plan, NOW), -EINVAL);
	plan = plan_for(1, sequence() + 1, 1);
	assert_int_equal(add(&plan, 0), 0);
	assert_locked(1, "has expired");
	assert_recovery_opens(false);
	plan = plan_for(1, sequence() + 2, LATER);
	assert_int_equal(add(&plan, NOW), 0);
	assert_opens(1, KEYD_OPENED_PLAN);
}

static void test_plan_retire(void **state)
{
	struct plan plan;
	uint64_t first;

	(void)state;
	init(plan_point);
	first = sequence();
	assert_int_equal(root_plan_retire(&root, 0, &reason), -EINVAL);
	assert_int_equal(root_plan_retire(&root, first + 1, &reason), -EINVAL);
	plan = plan_for(1, first + 1, 0);
	assert_int_equal(add(&plan, NOW), 0);
	plan = plan_for(2, first + 2, 0);
	assert_int_equal(add(&plan, NOW), 0);
	/* what was booted takes the place of what was before */
	assert_opens(1, KEYD_OPENED_PLAN);
	assert_int_equal(root_plan_retire(&root, 0, &reason), 0);
	assert_int_equal(sequence(), first + 2);
	assert_opens(1, KEYD_OPENED_SLOT);
	assert_locked(0, "PCR 7 has changed");
	assert_opens(2, KEYD_OPENED_PLAN);
	/* and a plan can end without having been booted */
	assert_opens(1, KEYD_OPENED_SLOT);
	assert_int_equal(root_plan_retire(&root, first + 2, &reason), 0);
	assert_locked(2, "(a test) was retired");
	assert_recovery_opens(true);
	assert_opens(2, KEYD_OPENED_SLOT);
}

/* The TPM refuses, not our file: the slot of before is put back. */
static void test_plan_retired_slot_put_back(void **state)
{
	struct plan plan;
	struct slots before;

	(void)state;
	init(plan_point);
	plan = plan_for(1, sequence() + 1, 0);
	assert_int_equal(add(&plan, NOW), 0);
	before = root.slots;
	assert_opens(1, KEYD_OPENED_PLAN);
	assert_int_equal(root_plan_retire(&root, 0, &reason), 0);
	assert_int_equal(slots_save(root.directory, &before, &reason), 0);
	assert_locked(0, "the configuration that was booted was retired");
	assert_locked(1, "was retired");
	assert_recovery_opens(false);
	/* nothing is retired for what no TPM opened */
	assert_int_equal(root_plan_retire(&root, sequence(), &reason), -EPERM);
}

/* Stopped between sealing and counting, a retiring is done again. */
static void test_plan_retire_again(void **state)
{
	uint64_t value;
	struct tpm2_slot slot;
	struct plan plan;

	(void)state;
	init(plan_point);
	plan = plan_for(1, sequence() + 1, 0);
	assert_int_equal(add(&plan, NOW), 0);
	assert_opens(1, KEYD_OPENED_PLAN);
	assert_int_equal(root_plan_retire(&root, 0, &reason), 0);
	assert_int_equal(root_plan_retire(&root, sequence() - 1, &reason), 0);
	assert_true(root_policy(&root, &slot));
	assert_int_equal(host_counter_read(&host, slot.plan.counter, slot.plan.auth, &value,
					   &reason), 0);
	assert_int_equal(value, slot.sequence);
	assert_opens(1, KEYD_OPENED_SLOT);
}

static void test_plan_of_another_key(void **state)
{
	uint8_t bytes[PLAN_SIZE_MAX], foreign[SEAL_SCALAR_SIZE], ignored[SEAL_POINT_SIZE];
	struct tpm2_slot slot;
	struct plan plan;
	size_t length;

	(void)state;
	init(plan_point);
	assert_true(root_policy(&root, &slot));
	plan = plan_for(1, sequence() + 1, 0);
	assert_int_equal(seal_pair_new(foreign, ignored), 0);
	assert_int_equal(plan_sign(&plan, foreign, slot.plan.counter), 0);
	assert_int_equal(add(&plan, NOW), -EKEYREJECTED);
	/* approved for another counter */
	assert_int_equal(plan_sign(&plan, plan_scalar, slot.plan.counter + 1), 0);
	assert_int_equal(add(&plan, NOW), -EKEYREJECTED);
	plan = plan_for(1, sequence() + 2, 0);
	assert_int_equal(add(&plan, NOW), -EINVAL);
	plan = plan_for(1, sequence(), 0);
	assert_int_equal(add(&plan, NOW), -EINVAL);
	plan = plan_for(1, sequence() + 1, 0);
	length = plan_format(&plan, bytes);
	for (size_t i = 0; i < length; i++) {
		int r;

		bytes[i] ^= 1;
		r = root_plan_add(&root, (struct seal_bytes){ bytes, length }, NOW, &reason);
		assert_true(r == -EBADMSG || r == -EKEYREJECTED);
		bytes[i] ^= 1;
		r = root_plan_add(&root, (struct seal_bytes){ bytes, i }, NOW, &reason);
		assert_int_equal(r, -EBADMSG);
	}
	assert_int_equal(add(&plan, NOW), 0);
}

static void test_plan_needs_a_plan_key(void **state)
{
	struct plan plan = { .sequence = 1, .pcrs = { .mask = ROOT_PCRS_DEFAULT } };
	struct tpm2_slot slot;

	(void)state;
	init(NULL);
	assert_true(root_policy(&root, &slot));
	assert_false(slot.planned);
	assert_int_equal(add(&plan, NOW), -ENOTSUP);
	assert_int_equal(root_plan_retire(&root, 0, &reason), -ENOTSUP);
	assert_opens(0, KEYD_OPENED_SLOT);
	assert_locked(1, "PCR 7 has changed");
}

static int bind_with(const struct root_bind *bind)
{
	return root_unlock(&root, secret, bind, &reason);
}

/* A slot of before there were plans is bound, and knows them then. */
static void test_plan_key_comes_later(void **state)
{
	const struct root_bind as_it_was = { 0 }, first = { .plan_key = plan_point };
	uint8_t other[SEAL_SCALAR_SIZE], other_point[SEAL_POINT_SIZE];
	struct root_bind second = { .plan_key = other_point };
	struct tpm2_slot slot;
	struct plan plan;
	uint32_t counter;

	(void)state;
	init(NULL);
	assert_int_equal(bind_with(&as_it_was), 0);
	assert_true(root_policy(&root, &slot) && !slot.planned);
	assert_int_equal(bind_with(&first), 0);
	assert_opens(0, KEYD_OPENED_SLOT);
	plan = plan_for(1, sequence() + 1, 0);
	assert_int_equal(add(&plan, NOW), 0);
	assert_opens(1, KEYD_OPENED_PLAN);
	/* another key is one only where that is wanted */
	assert_int_equal(seal_pair_new(other, other_point), 0);
	assert_int_equal(bind_with(&second), 0);
	assert_true(root_policy(&root, &slot));
	counter = slot.plan.counter;
	assert_memory_equal(slot.plan.key, plan_point, SEAL_POINT_SIZE);
	second.anew = true;
	assert_int_equal(bind_with(&second), 0);
	assert_true(root_policy(&root, &slot));
	assert_memory_equal(slot.plan.key, other_point, SEAL_POINT_SIZE);
	assert_int_equal(slot.plan.counter, counter);
	assert_opens(1, KEYD_OPENED_SLOT);
	plan = plan_for(2, sequence() + 2, 0);
	assert_int_equal(add(&plan, NOW), -EKEYREJECTED);
}

/* A counter is the owner's to make; who has no password for it is as he was. */
static void test_plan_key_takes_the_owner(void **state)
{
	const struct root_bind without = { .plan_key = plan_point };
	const struct root_bind with = { .plan_key = plan_point, .password = { "secret", 6 } };
	struct tpm2_slot slot;

	(void)state;
	init(NULL);
	host_done(&host);
	assert_int_equal(test_tool(&swtpm, "tpm2_changeauth -Q -c owner secret", NULL), 0);
	assert_int_equal(host_open(swtpm.tcti, &host, &reason), 0);
	assert_int_equal(boot(0), 0);
	assert_int_equal(bind_with(&without), -EACCES);
	assert_true(root_policy(&root, &slot) && !slot.planned);
	assert_opens(0, KEYD_OPENED_SLOT);
	assert_int_equal(bind_with(&with), 0);
	assert_true(root_policy(&root, &slot) && slot.planned);
	assert_opens(0, KEYD_OPENED_SLOT);
}

static double seconds_of(int (*act)(void))
{
	double least = 1e9;

	for (int i = 0; i < 10; i++) {
		struct timespec from, to;
		double seconds;

		root_done(&root);
		root = (struct root){ .directory = root.directory, .host = &host };
		root_load(&root);
		clock_gettime(CLOCK_MONOTONIC, &from);
		assert_int_equal(act(), 0);
		clock_gettime(CLOCK_MONOTONIC, &to);
		seconds = (double)(to.tv_sec - from.tv_sec) +
			  1e-9 * (double)(to.tv_nsec - from.tv_nsec);
		least = seconds < least ? seconds : least;
	}
	return least;
}

static int open_it(void)
{
	return root_try(&root);
}

/* A start by a plan looks at all plans and verifies one twice: that must not be its long part. */
static void test_plan_takes_little_time(void **state)
{
	double by_slot, by_plan;

	(void)state;
	init(plan_point);
	for (uint64_t more = 1; more <= PLANS_MAX; more++) {
		const struct plan plan = plan_for((unsigned int)more, sequence() + more, 0);

		assert_int_equal(add(&plan, NOW), 0);
	}
	assert_opens(0, KEYD_OPENED_SLOT);
	by_slot = seconds_of(open_it);
	assert_opens(PLANS_MAX, KEYD_OPENED_PLAN);
	by_plan = seconds_of(open_it);
	print_message("the root key is open after %.1f ms, by the last of %d plans after %.1f ms\n",
		      1e3 * by_slot, PLANS_MAX, 1e3 * by_plan);
	assert_true(by_plan < 10 * by_slot);
}

/* Who removes the counter locks the host; the code opens it, and binding makes another one. */
static void test_plan_counter_removed(void **state)
{
	struct tpm2_slot slot;
	char line[64];

	(void)state;
	init(plan_point);
	assert_true(root_policy(&root, &slot));
	host_done(&host);
	snprintf(line, sizeof(line), "tpm2_nvundefine 0x%x", slot.plan.counter);
	assert_int_equal(test_tool(&swtpm, line, NULL), 0);
	assert_int_equal(host_open(swtpm.tcti, &host, &reason), 0);
	assert_int_equal(boot(0), -ENXIO);
	assert_recovery_opens(true);
	assert_opens(0, KEYD_OPENED_SLOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plan_opens_what_was_planned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_retire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_retired_slot_put_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_retire_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_of_another_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_needs_a_plan_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_counter_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_takes_little_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_key_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_key_takes_the_owner, setup, teardown),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
