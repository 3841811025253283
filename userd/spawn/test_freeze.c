// SPDX-License-Identifier: BSD-3-Clause
/*
 * Real engines that are frozen while a client uses them, and begin frozen; the manager and keyd
 * are played.
 */
#include "spawn/test_spawn.h"

#include "engine/freeze.h"
#include "wire/command.h"

static void freeze(uint8_t frozen)
{
	uint8_t bytes[16];
	struct ipc_out out = ipc_out(ENGINE_FREEZE, bytes, sizeof(bytes));

	cursor_put_u8(&out.body, frozen);
	assert_int_equal(ipc_send(vtpm.channel, &out), 0);
	assert_int_equal(signal_engine(&vtpm, SIGURG), 0);
}

/*
 * Whatever its parameters are: a frozen TPM says so before it looks at them. Of one that it
 * does look at, the handle may be none that there is: an errno.
 */
static bool is_frozen(uint32_t code)
{
	struct test_command command = test_plain(code);

	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &command);
	assert_int_equal(test_vtpm_until(&vtpm, peer.socket), 0);
	assert_true(test_receive(&peer, &answer));
	return !answer.head.error &&
	       tpm_response_code(answer.response, answer.length) == TPM_RC_LOCKOUT;
}

static void expect_frozen(void)
{
	size_t count;
	const struct command_attributes *commands = command_table(&count);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(is_frozen(commands[i].code), !freeze_allows(commands[i].code));
	assert_true(is_frozen(0x20000000));
	assert_true(is_frozen(0x1ff));
}

static void test_freeze(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	freeze(1);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_LOCKOUT);
	assert_int_equal(call(&vtpm, test_counter_read(), &answer), TPM_RC_LOCKOUT);
	assert_int_equal(call(&vtpm, test_pcr_extend(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_pcr_read(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
	freeze(0);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	assert_true(counter(&vtpm) == 2);
}

static void test_freeze_all_commands(void **state)
{
	(void)state;
	start_ready(&vtpm);
	freeze(1);
	expect_frozen();
}

/* No command that is sent after the signal runs as before it, though one is under way. */
static void test_freeze_busy(void **state)
{
	struct test_command extend = test_pcr_extend(9);

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	for (int i = 0; i < 50; i++) {
		test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &extend);
		freeze(1);
		assert_true(test_receive(&peer, &answer));
		assert_int_equal(call(&vtpm, test_counter_read(), &answer), TPM_RC_LOCKOUT);
		freeze(0);
		assert_int_equal(call(&vtpm, test_counter_read(), &answer), TPM_RC_SUCCESS);
	}
}

/* A killed engine is followed by one that begins frozen, and goes on where that one was. */
static void test_freeze_outlives_the_engine(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	freeze(1);
	assert_int_equal(call(&vtpm, test_pcr_extend(16), &answer), TPM_RC_SUCCESS);
	slay(&vtpm);
	vtpm.flags |= ENGINE_CONFIG_FROZEN;
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
	expect_frozen();
	slay(&vtpm);
	vtpm.flags &= ~(uint32_t)ENGINE_CONFIG_FROZEN;
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
	assert_true(counter(&vtpm) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPAWN(test_freeze),
		SPAWN(test_freeze_all_commands),
		SPAWN(test_freeze_busy),
		SPAWN(test_freeze_outlives_the_engine),
	};

	return cmocka_run_group_tests_name("freeze", tests, NULL, NULL);
}
