// SPDX-License-Identifier: BSD-3-Clause
/* A small database of dpkg, and logs of IMA that name files of it, or of nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "cli/packages.h"
#include "seal/test_swtpm.h"

static char admin[64];
static uint8_t log_bytes[8192];
static struct cursor_out out;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", admin, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	out = cursor_out(log_bytes, sizeof(log_bytes));
	snprintf(admin, sizeof(admin), "/tmp/vtpm-dpkg-XXXXXX");
	if (!mkdtemp(admin))
		return -1;
	snprintf(path, sizeof(path), "%s/info", admin);
	mkdir(path, 0700);
	write_file("info/bash.list", "/.\n/bin\n/bin/bash\n/usr/share/doc\n");
	write_file("info/libc6:amd64.list", "/usr/lib/libc.so\n/usr/lib/ld.so\n");
	write_file("info/bash.md5sums", "/bin/bash\n");
	write_file("status", "Package: bash\nStatus: install ok installed\n"
			     "Maintainer: Some One <one@example>\nVersion: 5.2-1\n\n"
			     "Package: other\nVersion: 9\n\n"
			     "Package: libc6\nVersion: 2.36\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_remove_tree(admin);
	return 0;
}

static void put_le(uint32_t value)
{
	for (int i = 0; i < 4; i++)
		cursor_put_u8(&out, (uint8_t)(value >> 8 * i));
}

/* Template ima-ng; nobody here looks at digests. */
static void measured(const char *path)
{
	static const uint8_t digest[32];
	uint32_t length = (uint32_t)strlen(path) + 1;

	put_le(10);
	cursor_put_raw(&out, digest, 20);
	put_le(6);
	cursor_put_raw(&out, "ima-ng", 6);
	put_le(4 + 40 + 4 + length);
	put_le(40);
	cursor_put_raw(&out, "sha256:", 8);
	cursor_put_raw(&out, digest, 32);
	put_le(length);
	cursor_put_raw(&out, path, length);
}

static void expect(const char *wanted)
{
	json_t *packages = packages_in(admin, log_bytes, out.used);
	char *text = json_dumps(packages, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
	json_decref(packages);
}

static void test_packages_of_measured_files(void **state)
{
	(void)state;
	measured("boot_aggregate");
	measured("/usr/bin/bash");
	measured("/usr/bin/bash");
	measured("/opt/nobody/knows");
	expect("[{\"name\":\"bash\",\"paths\":[\"/usr/bin/bash\"],"
	       "\"vendor\":\"Some One <one@example>\",\"version\":\"5.2-1\"}]");
}

static void test_packages_of_an_architecture(void **state)
{
	(void)state;
	measured("/usr/lib/libc.so");
	expect("[{\"name\":\"libc6\",\"paths\":[\"/usr/lib/libc.so\"],\"version\":\"2.36\"}]");
}

static void test_packages_none(void **state)
{
	(void)state;
	expect("[]");
	measured("/usr");
	measured("\n/bin/bash");
	expect("[]");
	test_remove_tree(admin);
	measured("/bin/bash");
	expect("[]");
}

/* What comes behind something malformed is left out; what was before it counts. */
static void test_packages_malformed(void **state)
{
	(void)state;
	measured("/bin/bash");
	put_le(10);
	put_le(0xffffffff);
	expect("[{\"name\":\"bash\",\"paths\":[\"/bin/bash\"],"
	       "\"vendor\":\"Some One <one@example>\",\"version\":\"5.2-1\"}]");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_packages_of_measured_files),
		CASE(test_packages_of_an_architecture),
		CASE(test_packages_none),
		CASE(test_packages_malformed),
	};

	return cmocka_run_group_tests_name("packages", tests, NULL, NULL);
}
