// SPDX-License-Identifier: BSD-3-Clause
/* A log of IMA, and packages that have some of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "attest/test_log.h"
#include "verifier/files.h"

static struct test_log *log_of;
static struct attest_pcrs pcrs;
static struct bundle host;
static struct ima_result result;

static void measure(const char *path)
{
	test_log_ima(log_of, path, &pcrs);
	result.attested++;
}

static int setup(void **state)
{
	(void)state;
	log_of = test_log_new(0);
	host = (struct bundle){ 0 };
	result = (struct ima_result){ 0 };
	measure("boot_aggregate");
	measure("/usr/bin/true");
	measure("/usr/local/bin/evil");
	measure("/usr/bin/tru");
	measure("/usr/bin/true");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(host.packages);
	test_log_free(log_of);
	return 0;
}

static json_t *files(bool all)
{
	json_t *ret;

	host.bytes[BUNDLE_IMA] = log_of->bytes;
	host.length[BUNDLE_IMA] = log_of->out.used;
	ret = files_json(&host, &result, all);
	assert_non_null(ret);
	return ret;
}

static void expect(json_t *got, const char *expected)
{
	char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
	free(text);
	json_decref(got);
}

static void say_packages(const char *text)
{
	host.packages = json_loads(text, 0, NULL);
	assert_non_null(host.packages);
}

/* Paths are compared whole, and a file that was measured twice is one. */
static void test_files_counted(void **state)
{
	(void)state;
	say_packages("[{\"name\": \"coreutils\", \"version\": \"9.1\", \"paths\": "
		     "[\"/usr/bin/true\", \"/usr/bin/t\"]}]");
	expect(files(false), "{\"measured\":3,\"names\":[\"/usr/local/bin/evil\",\"/usr/bin/tru\"],"
			     "\"unpackaged\":2,\"unsigned\":3}");
}

static void test_files_named(void **state)
{
	json_t *got, *file;

	(void)state;
	say_packages("[{\"name\": \"a\", \"version\": \"1\", \"vendor\": \"v\", \"paths\": []},"
		     "{\"name\": \"coreutils\", \"version\": \"9.1\", \"paths\": "
		     "[\"/usr/bin/true\"]}]");
	got = files(true);
	assert_int_equal(json_array_size(json_object_get(got, "files")), 3);
	file = json_array_get(json_object_get(got, "files"), 0);
	assert_string_equal(json_string_value(json_object_get(file, "package")), "coreutils");
	assert_string_equal(json_string_value(json_object_get(file, "version")), "9.1");
	assert_true(json_is_null(json_object_get(file, "vendor")));
	assert_int_equal(json_integer_value(json_object_get(file, "entry")), 1);
	file = json_array_get(json_object_get(got, "files"), 1);
	assert_string_equal(json_string_value(json_object_get(file, "path")),
			    "/usr/local/bin/evil");
	assert_true(json_is_null(json_object_get(file, "package")));
	json_decref(got);
}

/* A host that says nothing of packages does not have files from none. */
static void test_files_no_packages(void **state)
{
	(void)state;
	expect(files(false), "{\"measured\":3,\"names\":[],\"unpackaged\":null,\"unsigned\":3}");
}

/* Behind the entry that the quote vouches for nothing is said. */
static void test_files_not_attested(void **state)
{
	(void)state;
	result.attested = 2;
	expect(files(false), "{\"measured\":1,\"names\":[],\"unpackaged\":null,\"unsigned\":1}");
	result.attested = 0;
	expect(files(false), "null");
}

/* More names than anybody reads are left out; none is left uncounted. */
static void test_files_many(void **state)
{
	char path[32];
	json_t *got;

	(void)state;
	say_packages("[]");
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/opt/%d", i);
		measure(path);
	}
	got = files(false);
	assert_int_equal(json_integer_value(json_object_get(got, "unpackaged")), 43);
	assert_int_equal(json_array_size(json_object_get(got, "names")), 32);
	json_decref(got);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_files_counted),
		CASE(test_files_named),
		CASE(test_files_no_packages),
		CASE(test_files_not_attested),
		CASE(test_files_many),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
