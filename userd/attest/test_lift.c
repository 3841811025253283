// SPDX-License-Identifier: BSD-3-Clause
/* Texts that are lifted out of JSON, and those that must not be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attest/bundle.h"
#include "attest/lift.h"

static char text[1 << 16], filler[LIFT_LEAST + 1];
static struct lift lift;

/* @like, in which @ is a long text and # another one */
static void fill(const char *like, const char *at, const char *hash)
{
	size_t used = 0;

	for (; *like; like++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s",
					 *like == '@' || *like == '#' ? 100000 : 1,
					 *like == '@'	? at
					 : *like == '#' ? hash
							: like);
}

static void try_lift(const char *like, const char *word)
{
	fill(like, filler, word);
	assert_int_equal(lift_texts(&lift, text, strlen(text), LIFT_LEAST), 0);
}

static void test_lift_texts_long(void **state)
{
	struct hash_part found;

	(void)state;
	try_lift("{\"a\": \"@\", \"b\": [\"#\"]}", "short");
	assert_int_equal(lift.count, 1);
	assert_int_equal(lift.length, strlen(text) - LIFT_LEAST + 2);
	assert_true(!strncmp(lift.text, "{\"a\": \"\x7f" "0\", \"b\": [\"short\"]}", lift.length));
	found = lift_find(&lift, "\x7f" "0", 2);
	assert_ptr_equal(found.at, text + 7);
	assert_int_equal(found.length, LIFT_LEAST);
	/* what is in front of the text is where it was, what is behind it is not */
	assert_int_equal(lift_offset(&lift, 3), 3);
	assert_int_equal(lift_offset(&lift, lift.length), strlen(text));
	/* a mark that was never made is a text like others */
	found = lift_find(&lift, "\x7f" "1", 2);
	assert_int_equal(found.length, 2);
	lift_done(&lift);
}

static void test_lift_texts_refuses(void **state)
{
	static const char *const formats[] = {
		"{\"a\": \"@\\n\"}",
		"{\"a\": \"@\", \"b\": \"\x7f\"}",
		"{\"a\": \"@\", \"\\u007f0\"}",
		"{\"a\": \"@\", \"\\u007F0\"}",
		"{\"a\": \"@",
		"{\"a\": \"@\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		try_lift(formats[i], "");
		assert_int_equal(lift.count, 0);
		assert_int_equal(lift.length, strlen(text));
		assert_memory_equal(lift.text, text, strlen(text));
		lift_done(&lift);
	}
}

/* An escaped quote ends no text, and a backslash before one that ends it is escaped itself. */
static void test_lift_texts_quotes(void **state)
{
	(void)state;
	try_lift("{\"\\\"a\\\\\": \"@\", \"b\": \"\\\\\", \"c\": \"#\"}", filler);
	assert_int_equal(lift.count, 2);
	assert_true(!strncmp(lift.text,
			     "{\"\\\"a\\\\\": \"\x7f" "0\", \"b\": \"\\\\\", \"c\": \"\x7f" "1\"}",
			     lift.length));
	lift_done(&lift);
}

/* A long text that is no bytes was looked at by nobody, so it may not be there. */
static void test_bundle_read_long_texts(void **state)
{
	static const char *const formats[] = {
		"{\"version\": 1, \"kind\": \"host\", \"host\": {\"name\": \"@\"}, \"nonce\": \"AA\", "
		"\"ak\": {\"public\": \"AA\"}, \"quote\": {\"message\": \"AA\", \"signature\": "
		"\"AA\", \"frame\": \"AA\", \"pcrs\": {\"sha256\": {}}}}",
		"{\"version\": 1, \"kind\": \"host\", \"host\": {\"name\": \"a\"}, \"nonce\": \"AA\", "
		"\"ak\": {\"public\": \"AA\"}, \"quote\": {\"message\": \"AA\", \"signature\": "
		"\"AA\", \"frame\": \"AA\", \"pcrs\": {\"sha256\": {}}}, \"packages\": [{\"name\": "
		"\"a\", \"version\": \"1\", \"paths\": [\"@\"]}]}",
	};
	static struct attest_verdict verdict;
	struct bundle bundle;

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		verdict = (struct attest_verdict){ 0 };
		fill(formats[i], filler, "");
		assert_int_equal(bundle_read(&bundle, text, strlen(text), &verdict), -EBADMSG);
		assert_string_equal(verdict.reasons[0].code, "bundle.invalid@0");
		bundle_done(&bundle);
		/* the same, short, is fine */
		verdict = (struct attest_verdict){ 0 };
		fill(formats[i], "b", "");
		assert_int_equal(bundle_read(&bundle, text, strlen(text), &verdict), 0);
		bundle_done(&bundle);
	}
}

/* Where a bundle breaks off is told as of what came, not of what was parsed. */
static void test_bundle_read_offset(void **state)
{
	static struct attest_verdict verdict;
	struct bundle bundle;

	(void)state;
	fill("{\"ima\": \"@\", \"b\": ]", filler, "");
	assert_int_equal(bundle_read(&bundle, text, strlen(text), &verdict), -EBADMSG);
	assert_int_equal(verdict.reasons[0].offset, strlen(text));
	bundle_done(&bundle);
}

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIFT_LEAST; i++)
		filler[i] = 'A';
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lift_texts_long),
		cmocka_unit_test(test_lift_texts_refuses),
		cmocka_unit_test(test_lift_texts_quotes),
		cmocka_unit_test(test_bundle_read_long_texts),
		cmocka_unit_test(test_bundle_read_offset),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
