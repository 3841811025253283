// SPDX-License-Identifier: BSD-3-Clause
/*
 * The real program at a host TPM played by swtpm; this test plays manager, engine,
 * firmware and attacker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "keyd/test_keyd.h"
#include "seal/root.h"

#define EXTEND_7                                                           \
	"tpm2_pcrextend 7:sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4" \
	"649b934ca495991b7852b855"

static struct test_keyd keyd;
static struct test_reply reply;
static struct test_status status;

static int setup(void **state)
{
	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_keyd_done(&keyd);
	return 0;
}

static void init(void)
{
	int r = test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply);

	if (r)
		fail_msg("init: %d %s", r, reply.text);
}

static void expect_state(unsigned int state, const char *reason)
{
	assert_int_equal(test_status(&keyd, &status), 0);
	if (status.state != state || (reason && !strstr(status.reason, reason)) ||
	    (!reason && status.reason[0]))
		fail_msg("state %u, reason '%s'", status.state, status.reason);
}

static void restart(void)
{
	assert_int_equal(test_keyd_stop(&keyd, SIGTERM), 0);
	test_keyd_start(&keyd);
}

/* From a new key to an engine that has it. */
static void expect_key(void)
{
	uint8_t wrapped[KEYD_WRAPPED_MAX];
	size_t length;

	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	assert_int_equal(test_key(&keyd, TEST_UUID, TEST_TICKET, &reply), 0);
}

static void test_keyd_none(void **state)
{
	(void)state;
	expect_state(KEYD_STATE_NONE, "vtpmctl host init");
	assert_int_equal(status.protection, KEYD_PROTECTION_NONE);
	assert_int_equal(status.separated, 0);
	assert_int_equal(status.pid, keyd.pid);
	assert_string_equal(status.tcti, keyd.swtpm.tcti);
}

static void test_keyd_init(void **state)
{
	(void)state;
	init();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	assert_int_equal(status.protection, KEYD_PROTECTION_TPM);
	assert_string_equal(status.policy, "sha256:7,14");
	assert_int_equal(status.name_length, 34);
	assert_true(strlen(status.host) > 4);
	expect_key();
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), EEXIST);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	expect_key();
}

static void test_keyd_pcr_changed(void **state)
{
	(void)state;
	init();
	test_keyd_stop(&keyd, SIGTERM);
	assert_int_equal(test_tool(&keyd.swtpm, EXTEND_7, NULL), 0);
	test_keyd_start(&keyd);
	expect_state(KEYD_STATE_LOCKED, "PCR 7 has changed");
	assert_int_equal(test_retry(&keyd, &reply), EPERM);
	assert_int_equal(test_unlock(&keyd, KEYD_UNLOCK_BIND, keyd.scalar, &reply), 0);
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	restart();
	expect_state(KEYD_STATE_UNLOCKED, NULL);
	expect_key();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keyd_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keyd_init, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keyd_pcr_changed, setup, teardown),
	};

	return cmocka_run_group_tests_name("keyd", tests, NULL, NULL);
}
