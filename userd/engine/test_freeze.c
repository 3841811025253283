// SPDX-License-Identifier: BSD-3-Clause
/*
 * The list of what a frozen TPM answers, against the table of all commands. What an engine
 * makes of it is in spawn/test_freeze.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/freeze.h"
#include "wire/command.h"

static bool is_named(const struct freeze_row *row, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(row->reason, name, length) && row->reason[length] == ':';
}

/* Each row has the name that belongs to its code, and says more than that. */
static void test_freeze_rows(void **state)
{
	const struct command_attributes *command;
	const struct freeze_row *rows;
	size_t count;

	(void)state;
	rows = freeze_table(&count);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		command = command_find(rows[i].code);
		assert_non_null(command);
		assert_true(is_named(&rows[i], command->name));
		assert_true(strlen(rows[i].reason) > strlen(command->name) + 10);
		assert_true(!i || rows[i - 1].code < rows[i].code);
		assert_true(freeze_allows(rows[i].code));
		assert_false(command->flags & (COMMAND_USES_KEY | COMMAND_FIRMWARE_ONLY));
	}
}

static void test_freeze_refuses_all_else(void **state)
{
	size_t count, allowed = 0;

	(void)state;
	freeze_table(&count);
	/* Codes of Part 2, and of vendors (bit 29) */
	for (uint32_t code = 0; code < 0x20000; code++) {
		allowed += freeze_allows(code);
		allowed += freeze_allows(code | 1u << 29);
	}
	assert_int_equal(allowed, count);
	assert_false(freeze_allows(UINT32_MAX));
}

/* What somebody could take for harmless; freeze.c says why it is not. */
static void test_freeze_refuses_keys(void **state)
{
	static const char *const names[] = {
		"Sign",	      "Unseal",	     "Quote",	    "Certify",	  "CertifyCreation",
		"GetTime",    "NV_Certify",  "CertifyX509", "RSA_Decrypt", "ECDH_ZGen",
		"HMAC",	      "HMAC_Start",  "SequenceComplete", "EncryptDecrypt2", "ActivateCredential",
		"NV_Read",    "NV_Write",    "NV_Increment", "Load",	  "Create",
		"CreatePrimary", "PolicySecret", "PolicySigned", "Duplicate", "PCR_Reset",
		"Clear",
	};
	const struct command_attributes *commands;
	size_t count;

	(void)state;
	commands = command_table(&count);
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		size_t i = 0;

		while (i < count && strcmp(commands[i].name, names[n]))
			i++;
		assert_true(i < count);
		assert_false(freeze_allows(commands[i].code));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freeze_rows),
		cmocka_unit_test(test_freeze_refuses_all_else),
		cmocka_unit_test(test_freeze_refuses_keys),
	};

	return cmocka_run_group_tests_name("engine/freeze", tests, NULL, NULL);
}
