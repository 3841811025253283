// SPDX-License-Identifier: BSD-3-Clause
/* The vectors of RFC 4648, 10, each length, and texts that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/base64.h"
#include "base/secret.h"

static void test_write_vectors(void **state)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff", "-_8" },
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		base64_write(cases[i].plain, strlen(cases[i].plain), text);
		assert_string_equal(text, cases[i].text);
		assert_true(strlen(text) < BASE64_ROOM(strlen(cases[i].plain)));
	}
}

static void test_read_what_was_written(void **state)
{
	uint8_t bytes[256], got[256];
	char text[BASE64_ROOM(sizeof(bytes))];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		base64_write(bytes, length, text);
		assert_int_equal(base64_read(text, strlen(text), got, length), length);
		assert_true(secret_equal(got, bytes, length));
		if (length)
			assert_int_equal(base64_read(text, strlen(text), got, length - 1),
					 -EMSGSIZE);
	}
}

static void test_read_refuses(void **state)
{
	static const char *const cases[] = {
		"Z",
		"Zg==",
		"Zh",
		"Zm9",
		"Zm9v\n",
		"Zm+v",
		"Zm/v",
		"Zm v",
		"Zm9vZ",
		"\xc3\xa4"
		"aa",
	};
	uint8_t got[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(base64_read(cases[i], strlen(cases[i]), got, sizeof(got)),
				 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_vectors),
		cmocka_unit_test(test_read_what_was_written),
		cmocka_unit_test(test_read_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
