// SPDX-License-Identifier: BSD-3-Clause
/* Runtime policies: files that are listed, others, and exclusions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "attest/ima_policy.h"
#include "attest/test_log.h"

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX "61616161616161616161616161616161" "61616161616161616161616161616161"

static struct attest_verdict verdict;

static void put_field(struct test_log *log, const void *bytes, size_t length)
{
	test_log_le32(log, (uint32_t)length);
	cursor_put_raw(&log->out, bytes, length);
}

static void put_entry(struct test_log *log, const char *template, const char *path)
{
	const size_t digest = sizeof("sha256:") + 32, name = strlen(path) + 1;
	bool buffer = !strcmp(template, "ima-buf");

	test_log_le32(log, 10);
	cursor_put_raw(&log->out, A32, 20);
	put_field(log, template, strlen(template));
	test_log_le32(log, (uint32_t)(8 + digest + name + (buffer ? 8 : 0)));
	put_field(log, "sha256:\0" A32, digest);
	put_field(log, path, name);
	if (buffer)
		put_field(log, "text", 4);
}

/* Return: the code of the first reason; "" for none. */
static const char *check(const char *text, size_t attested, const char *template,
			 const char *path)
{
	struct test_log *log = test_log_new(0);
	struct ima_policy *policy;

	put_entry(log, "ima-ng", "boot_aggregate");
	put_entry(log, template, path);
	verdict = (struct attest_verdict){ 0 };
	if (!ima_policy_read(&policy, text, strlen(text), &verdict)) {
		assert_int_equal(ima_policy_check(policy, log->bytes, log->out.used, attested,
						  &verdict), 0);
		ima_policy_free(policy);
	}
	test_log_free(log);
	return verdict.count ? verdict.reasons[0].code : "";
}

static void test_ima_policy_check(void **state)
{
	static const struct {
		const char *policy, *template, *path, *code;
	} cases[] = {
		{ "{\"digests\": {\"/a b\": [\"00\", \"" HEX "\"]}}", "ima-ng", "/a b", "" },
		{ "{\"digests\": {\"/bin/a\": [\"00\"]}}", "ima-ng", "/bin/a", "ima.file" },
		{ "{\"digests\": {\"/bin/a\": [\"" HEX "\"]}}", "ima-ng", "/bin/b", "ima.file" },
		{ "{\"digests\": {}}", "ima-ng", "boot_aggregate", "ima.file" },
		{ "{\"digests\": {}, \"excludes\": [\"/tmp/.*\"]}", "ima-ng", "/tmp/a", "" },
		{ "{\"digests\": {}, \"excludes\": [\"/tmp/\"]}",
		  "ima-ng", "/x/tmp/a", "ima.file" },
		{ "{\"digests\": {}, \"excludes\": [\"/a|/b\"]}", "ima-ng", "/c/b", "ima.file" },
		{ "{\"digests\": {}, \"keyrings\": {\".ima\": [\"" HEX "\"]}}", "ima-buf", ".ima",
		  "" },
		{ "{\"digests\": {}, \"keyrings\": {\".ima\": [\"00\"]}}", "ima-buf", ".ima",
		  "ima.buffer" },
		{ "{\"digests\": {}}", "ima-buf", ".ima", "ima.buffer" },
		{ "{\"digests\": {}}", "ima-buf", "/bin/a", "ima.file" },
		{ "{\"digests\": {}, \"verification-keys\": \"\"}", "ima-ng", "/a", "ima.file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *code = check(cases[i].policy, 2, cases[i].template, cases[i].path);

		if (strcmp(code, cases[i].code) != 0)
			fail_msg("case %zu: %s: %s", i, code, verdict.reasons[0].text);
		assert_string_equal(check(cases[i].policy, 1, cases[i].template, cases[i].path),
				    "");
	}
}

static void test_ima_policy_malformed(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "{}", "{\"digests\": []}", "{\"digests\": {\"/a\": \"00\"}}",
		"{\"digests\": {\"/a\": [1]}}", "{\"digests\": {}, \"excludes\": [\"(\"]}",
		"{\"digests\": {}, \"excludes\": [\"\\\\d+\"]}",
		"{\"digests\": {}, \"excludes\": [\"(?i)a\"]}",
		"{\"digests\": {}, \"verification-keys\": []}",
		"{\"digests\": {}, \"verification-keys\": \"{}\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (strncmp(check(wrong[i], 2, "ima-ng", "/a"), "policy.invalid@", 15) != 0)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ima_policy_check),
		cmocka_unit_test(test_ima_policy_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
