// SPDX-License-Identifier: BSD-3-Clause
/* The command line: exit statuses, JSON and lines for people, with logs in files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <getopt.h>
#include <cmocka.h>

#include "attest/test_log.h"
#include "verifier/verifier.h"

#define BANKS (1u << ATTEST_SHA1 | 1u << ATTEST_SHA256)

static char path[] = "/tmp/test_verifier.XXXXXX", pcrs[] = "/tmp/test_verifier.XXXXXX";
static char printed[1 << 20];

static void save(const char *name, const void *bytes, size_t length)
{
	int fd = open(name, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* What main() does, with what it prints in printed[]. */
static enum verifier_exit run(const char *first, ...)
{
	char *argv[12] = { strdup("vtpm-verify"), strdup(first) }, *more;
	int argc = 2, out = dup(1), error = dup(2), fd = memfd_create("out", 0);
	struct verifier verifier;
	enum verifier_exit status;
	va_list arguments;
	ssize_t got;

	va_start(arguments, first);
	while ((more = va_arg(arguments, char *)))
		argv[argc++] = strdup(more);
	va_end(arguments);
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	optind = 0;
	status = verifier_options_parse(&verifier, argc, argv);
	if (!status)
		status = verifier_command_run(&verifier);
	fflush(stdout);
	dup2(out, 1);
	dup2(error, 2);
	got = pread(fd, printed, sizeof(printed) - 1, 0);
	printed[got > 0 ? got : 0] = '\0';
	close(fd);
	close(out);
	close(error);
	while (argc)
		free(argv[--argc]);
	return status;
}

static json_t *run_json(enum verifier_exit expected, const char *command, const char *pcrs_path)
{
	json_t *root;

	if (pcrs_path)
		assert_int_equal(run(command, path, "--json", "--pcrs", pcrs_path, NULL), expected);
	else
		assert_int_equal(run(command, path, "--json", NULL), expected);
	root = json_loads(printed, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_true(json_is_array(json_object_get(root, "reasons")));
	return root;
}

static const char *text(json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

static void save_log(uint32_t banks, int on)
{
	struct test_log *log = test_log_good(banks, on);

	save(path, log->bytes, log->out.used);
	test_log_free(log);
}

/* What it prints is what it takes. */
static void test_verifier_eventlog(void **state)
{
	json_t *root, *event;

	(void)state;
	save_log(BANKS, 1);
	root = run_json(VERIFIER_EXIT_PASSED, "eventlog", NULL);
	assert_string_equal(text(root, "status"), "passed");
	assert_string_equal(text(root, "secure_boot"), "on");
	assert_int_equal(json_array_size(json_object_get(root, "not_checked")), 1);
	assert_string_equal(text(json_object_get(json_object_get(root, "pcrs"), "sha1"), "6"),
			    "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236");
	event = json_array_get(json_object_get(root, "events"), 3);
	assert_string_equal(text(event, "type"), "EV_EFI_VARIABLE_DRIVER_CONFIG");
	assert_string_equal(text(event, "class"), "BootSecurityOption");
	assert_true(json_is_true(json_object_get(event, "data_proven")));
	json_decref(root);
	save(pcrs, printed, strlen(printed));
	root = run_json(VERIFIER_EXIT_PASSED, "eventlog", pcrs);
	assert_int_equal(json_array_size(json_object_get(root, "not_checked")), 0);
	json_decref(root);
	save_log(BANKS, 0);
	root = run_json(VERIFIER_EXIT_FAILED, "eventlog", pcrs);
	assert_string_equal(text(root, "secure_boot"), "off");
	assert_string_equal(text(root, "status"), "failed");
	event = json_array_get(json_object_get(root, "reasons"), 0);
	assert_string_equal(text(event, "code"), "sb.off");
	assert_string_equal(text(event, "text"), "Host Secure Boot was disabled");
	event = json_array_get(json_object_get(root, "reasons"), 1);
	assert_string_equal(text(event, "code"), "replay.pcr7");
	assert_int_equal(strlen(text(event, "expected")), 40);
	json_decref(root);
	assert_int_equal(run("eventlog", path, NULL), VERIFIER_EXIT_FAILED);
	assert_non_null(strstr(printed, "sb.off: Host Secure Boot was disabled"));
	assert_non_null(strstr(printed, "status: failed"));
}

static void test_verifier_warning(void **state)
{
	struct test_log *log = test_log_good(BANKS, 1);
	json_t *root;

	(void)state;
	test_log_text(log, 6, EV_EFI_GPT_EVENT, "not there");
	save(path, log->bytes, log->out.used);
	test_log_free(log);
	root = run_json(VERIFIER_EXIT_WARNING, "eventlog", NULL);
	assert_string_equal(text(root, "status"), "warning");
	json_decref(root);
	assert_int_equal(run("eventlog", "--accept", "warning", path, NULL), VERIFIER_EXIT_PASSED);
	assert_int_equal(run("eventlog", "--accept", "failed", path, NULL), VERIFIER_EXIT_USAGE);
}

static void test_verifier_unknown(void **state)
{
	struct test_log *log = test_log_new(BANKS);

	(void)state;
	test_log_separators(log, 0);
	save(path, log->bytes, log->out.used);
	test_log_free(log);
	json_decref(run_json(VERIFIER_EXIT_UNKNOWN, "eventlog", NULL));
}

static void test_verifier_malformed(void **state)
{
	static const char *const wrong[] = {
		"", "sha256", "sha256:\n 24: 00", "sha256:\n 0: 00", "0: 00", "md5:\n", "{}", "{",
		"{\"sha256\": 1}", "{\"sha256\": {\"0\": \"zz\"}}", "{\"md5\": {}}",
		"sha1:\n 0: 000000000000000000000000000000000000000g",
		"sha1:\n 0: 0000000000000000000000000000000000000000\n"
		" 0: 0000000000000000000000000000000000000000",
	};
	(void)state;
	save(path, "garbage that is no log of anything", 34);
	json_decref(run_json(VERIFIER_EXIT_MALFORMED, "eventlog", NULL));
	json_decref(run_json(VERIFIER_EXIT_MALFORMED, "ima", NULL));
	assert_int_equal(run("eventlog", "/nonexistent", NULL), VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "log.missing"));
	assert_int_equal(run("ima", "/tmp", NULL), VERIFIER_EXIT_MALFORMED);
	save_log(BANKS, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		save(pcrs, wrong[i], strlen(wrong[i]));
		if (run("eventlog", path, "--pcrs", pcrs, NULL) != VERIFIER_EXIT_MALFORMED ||
		    !strstr(printed, "pcrs.invalid@"))
			fail_msg("case %zu: %s", i, wrong[i]);
	}
	assert_int_equal(run("eventlog", path, "--pcrs", "/nonexistent", NULL),
			 VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "pcrs.missing"));
}

/* As tpm2_pcrread prints them, with the values of a log of one entry. */
static void test_verifier_ima(void **state)
{
	static const char data[] = "\050\0\0\0sha256:\0aaaaaaaabbbbbbbbccccccccdddddddd"
				   "\017\0\0\0boot_aggregate";
	struct test_log *log = test_log_new(0);
	const struct hash_part part = { data, sizeof(data) };
	uint8_t digest[ATTEST_DIGEST_MAX], pcr[ATTEST_DIGEST_MAX] = { 0 };
	char hex[ATTEST_HEX_MAX], lines[128];
	json_t *root;

	(void)state;
	hash_parts(log->hash, ATTEST_SHA1, &part, 1, digest);
	hash_extend(log->hash, ATTEST_SHA1, pcr, digest);
	attest_text_hex(hex, pcr, 20);
	test_log_le32(log, 10);
	cursor_put_raw(&log->out, digest, 20);
	test_log_le32(log, 6);
	cursor_put_raw(&log->out, "ima-ng", 6);
	test_log_le32(log, sizeof(data));
	cursor_put_raw(&log->out, data, sizeof(data));
	save(path, log->bytes, log->out.used);
	save(pcrs, lines, (size_t)snprintf(lines, sizeof(lines), "  sha1:\n    10: 0x%s\n", hex));
	root = run_json(VERIFIER_EXIT_PASSED, "ima", pcrs);
	assert_string_equal(text(root, "template"), "ima-ng");
	assert_int_equal(json_integer_value(json_object_get(root, "entries")), 1);
	assert_int_equal(json_integer_value(json_object_get(root, "attested")), 1);
	assert_string_equal(text(json_object_get(json_object_get(root, "pcrs"), "sha1"), "10"),
			    hex);
	json_decref(root);
	log->bytes[60] ^= 1;
	save(path, log->bytes, log->out.used);
	json_decref(run_json(VERIFIER_EXIT_FAILED, "ima", pcrs));
	test_log_free(log);
}

static void test_verifier_usage(void **state)
{
	(void)state;
	assert_int_equal(run("--help", NULL), VERIFIER_EXIT_PASSED);
	assert_non_null(strstr(printed, "eventlog FILE"));
	assert_int_equal(run("--version", NULL), VERIFIER_EXIT_PASSED);
	assert_int_equal(run("--nonsense", NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("nonsense", path, NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("eventlog", NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("eventlog", path, path, NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("eventlog", path, "--pcrs", NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("--json", NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("quote", NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("quote", path, NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("quote", "--nonce", "abc", NULL), VERIFIER_EXIT_USAGE);
	save(path, "", 0);
	assert_int_equal(run("quote", "--nonce", path, NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("appraise", path, NULL), VERIFIER_EXIT_USAGE);
	assert_int_equal(run("learn", path, "--policy", path, NULL), VERIFIER_EXIT_USAGE);
}

/* Files that are missing, and files of something else. */
static void test_verifier_quote(void **state)
{
	(void)state;
	assert_int_equal(run("quote", "--msg", "/nonexistent", "--sig", path, "--ak", path, NULL),
			 VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "quote.missing"));
	save(path, "no statement of a TPM", 21);
	assert_int_equal(run("quote", "--msg", path, "--sig", path, "--ak", path, NULL),
			 VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "quote.magic"));
	assert_int_equal(run("ekcert", path, NULL), VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "ek.invalid@0"));
	assert_int_equal(run("ekcert", path, "--ca", path, NULL), VERIFIER_EXIT_MALFORMED);
	assert_non_null(strstr(printed, "ca.invalid@0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifier_eventlog),
		cmocka_unit_test(test_verifier_warning),
		cmocka_unit_test(test_verifier_unknown),
		cmocka_unit_test(test_verifier_malformed),
		cmocka_unit_test(test_verifier_ima),
		cmocka_unit_test(test_verifier_usage),	 cmocka_unit_test(test_verifier_quote),
	};
	int failed;

	close(mkstemp(path));
	close(mkstemp(pcrs));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	unlink(pcrs);
	return failed;
}
