// SPDX-License-Identifier: BSD-3-Clause
/* Heads of commands, their sessions, and that the table is sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cursor.h"
#include "wire/command.h"
#include "wire/tpm.h"

struct session {
	uint32_t handle;
	uint8_t attributes;
};

/* NV_Read-like: @handles handles, then @count sessions, then four bytes. */
static size_t build(uint8_t *to, size_t room, uint32_t code, unsigned int handles,
		    const struct session *session, unsigned int count)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_u16(&out, TPM_ST_SESSIONS);
	cursor_put_u32(&out, 0);
	cursor_put_u32(&out, code);
	for (unsigned int i = 0; i < handles; i++)
		cursor_put_u32(&out, 0x40000001);
	cursor_put_u32(&out, 13 * count);
	for (unsigned int i = 0; i < count; i++) {
		cursor_put_u32(&out, session[i].handle);
		cursor_put_u16(&out, 2);
		cursor_put_u16(&out, 0xabcd);
		cursor_put_u8(&out, session[i].attributes);
		cursor_put_u16(&out, 2);
		cursor_put_u16(&out, 0xabcd);
	}
	cursor_put_u32(&out, 0x00080000);
	cursor_patch_u32(&out, 2, (uint32_t)out.used);
	assert_false(out.bad);
	return out.used;
}

static enum command_sessions sessions_of(const uint8_t *bytes, size_t length)
{
	struct tpm_command command;

	assert_int_equal(tpm_command_parse(bytes, length, &command), TPM_RC_SUCCESS);
	return command_sessions(&command, command_find(command.code));
}

static void test_tpm_command_parse(void **state)
{
	uint8_t bytes[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 16 };
	struct tpm_command command;

	(void)state;
	assert_int_equal(tpm_command_parse(bytes, 12, &command), TPM_RC_SUCCESS);
	assert_int_equal(command.code, 0x17b);
	assert_int_equal(command.tag, TPM_ST_NO_SESSIONS);
	assert_int_equal(tpm_command_parse(bytes, 11, &command), TPM_RC_COMMAND_SIZE);
	assert_int_equal(tpm_command_parse(bytes, 9, &command), TPM_RC_COMMAND_SIZE);
	assert_int_equal(tpm_command_parse(bytes, 0, &command), TPM_RC_COMMAND_SIZE);
	bytes[1] = 3;
	assert_int_equal(tpm_command_parse(bytes, 12, &command), TPM_RC_BAD_TAG);
}

static void test_tpm_response_error(void **state)
{
	uint8_t bytes[TPM_HEAD_SIZE];

	(void)state;
	assert_int_equal(tpm_response_error(bytes, TPM_RC_NV_UNAVAILABLE), TPM_HEAD_SIZE);
	assert_int_equal(tpm_response_code(bytes, sizeof(bytes)), TPM_RC_NV_UNAVAILABLE);
	assert_int_equal(tpm_response_code(bytes, 9), TPM_RC_FAILURE);
}

static void test_command_table_sorted(void **state)
{
	const struct command_attributes *table;
	size_t count;

	(void)state;
	table = command_table(&count);
	assert_true(count > 100);
	for (size_t i = 0; i < count; i++) {
		if (i)
			assert_true(table[i].code > table[i - 1].code);
		assert_ptr_equal(command_find(table[i].code), &table[i]);
		assert_true(table[i].handles <= 3);
	}
	assert_null(command_find(0));
	assert_null(command_find(0x20001000));
}

static void test_command_find_flags(void **state)
{
	(void)state;
	assert_int_equal(command_find(0x17b)->flags, COMMAND_READ_ONLY);
	assert_int_equal(command_find(0x182)->flags, COMMAND_REPLAYS); /* PCR_Extend */
	assert_int_equal(command_find(0x183)->flags, 0);	       /* PCR_SetAuthValue */
	assert_int_equal(command_find(0x189)->flags, 0); /* PolicyGetDigest */
	assert_int_equal(command_find(0x124)->flags, COMMAND_FIRMWARE_ONLY | COMMAND_FLUSHES);
	assert_int_equal(command_find(0x125)->flags, COMMAND_FIRMWARE_ONLY | COMMAND_FLUSHES);
	assert_int_equal(command_find(0x12b)->flags, COMMAND_FIRMWARE_ONLY);
}

static void test_command_sessions_kinds(void **state)
{
	static const struct session password = { TPM_RS_PW, 0 };
	static const struct session mixed[] = { { TPM_RS_PW, 0 }, { 0x02000000, 1 } };
	static const struct session audit[] = { { TPM_RS_PW, 0 }, { 0x02000000, 0x81 } };
	uint8_t bytes[128];
	size_t length;

	(void)state;
	length = build(bytes, sizeof(bytes), 0x14e, 2, &password, 1);
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_NONE);
	length = build(bytes, sizeof(bytes), 0x14e, 2, mixed, 2);
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_SOME);
	length = build(bytes, sizeof(bytes), 0x14e, 2, audit, 2);
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_AUDIT);
}

static void test_command_sessions_malformed(void **state)
{
	static const struct session password = { TPM_RS_PW, 0 };
	uint8_t bytes[128];
	size_t length;

	(void)state;
	/* unknown command: nobody knows where the sessions are */
	length = build(bytes, sizeof(bytes), 0x1ff, 2, &password, 1);
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_UNKNOWN);
	/* an area that is longer than the command */
	length = build(bytes, sizeof(bytes), 0x14e, 2, &password, 1);
	bytes[18] = 0xff;
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_UNKNOWN);
	/* an area that ends within a session */
	length = build(bytes, sizeof(bytes), 0x14e, 2, &password, 1);
	bytes[21] = 12;
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_UNKNOWN);
	/* no area at all */
	length = build(bytes, sizeof(bytes), 0x14e, 0, &password, 0) - 4;
	bytes[5] = (uint8_t)length;
	assert_int_equal(sessions_of(bytes, length), COMMAND_SESSIONS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tpm_command_parse),
		cmocka_unit_test(test_tpm_response_error),
		cmocka_unit_test(test_command_table_sorted),
		cmocka_unit_test(test_command_find_flags),
		cmocka_unit_test(test_command_sessions_kinds),
		cmocka_unit_test(test_command_sessions_malformed),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
