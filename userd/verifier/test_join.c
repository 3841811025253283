// SPDX-License-Identifier: BSD-3-Clause
/*
 * A vTPM's bundle that has but its host's quote, and the host's own bundle: which of both each
 * member is from, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verifier/join.h"

#define VTPM "{\"kind\": \"vtpm\", \"deep\": {\"leaf\": \"L\", \"host\": " \
	     "{\"nonce\": \"N\", \"quote\": {\"message\": \"Q\"}}}}"
#define HOST "{\"kind\": \"host\", \"nonce\": \"M\", \"quote\": {\"message\": \"R\"}, " \
	     "\"ak\": {\"public\": \"A\"}, \"ima\": \"I\"}"

static char path[] = "/tmp/test_join.XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

/* Return: what came of it, or NULL: it was refused, and the text is what it was. */
static json_t *join(const char *vtpm, const char *host)
{
	struct attest_verdict verdict = { 0 };
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t length = strlen(vtpm);
	char *text = strdup(vtpm);
	json_t *joined = NULL;
	int r;

	assert_int_equal(write(fd, host, strlen(host)), strlen(host));
	assert_int_equal(close(fd), 0);
	r = join_host(path, &verdict, &text, &length);
	assert_int_equal(length, strlen(text));
	if (!r) {
		joined = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(joined);
	} else {
		assert_int_equal(r, -EBADMSG);
		assert_int_equal(verdict.status, ATTEST_FAILED);
		assert_string_equal(text, vtpm);
	}
	free(text);
	return joined;
}

static void test_join_host(void **state)
{
	const char *message, *nonce, *key, *ima, *leaf;
	json_t *joined = join(VTPM, HOST);

	(void)state;
	assert_non_null(joined);
	assert_int_equal(json_unpack(joined, "{s:{s:s, s:{s:s, s:{s:s}, s:{s:s}, s:s}}}", "deep",
				     "leaf", &leaf, "host", "nonce", &nonce, "quote", "message",
				     &message, "ak", "public", &key, "ima", &ima),
			 0);
	assert_string_equal(message, "Q");
	assert_string_equal(nonce, "N");
	assert_string_equal(key, "A");
	assert_string_equal(ima, "I");
	assert_string_equal(leaf, "L");
	json_decref(joined);
}

static void test_join_host_refuses(void **state)
{
	static const char *const bad[][2] = {
		{ "", HOST },
		{ "[]", HOST },
		{ "{\"deep\": 1}", HOST },
		{ "{\"deep\": {\"host\": 1}}", HOST },
		{ "{\"deep\": {\"host\": {\"nonce\": \"N\"}}}", HOST },
		{ "{\"deep\": {\"host\": {\"quote\": {}}}}", HOST },
		{ VTPM, "" },
		{ VTPM, "[]" },
		{ VTPM, "{\"a\": 1, \"a\": 2}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(join(bad[i][0], bad[i][1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_host),
		cmocka_unit_test(test_join_host_refuses),
	};

	return cmocka_run_group_tests_name("join", tests, set_up, tear_down);
}
