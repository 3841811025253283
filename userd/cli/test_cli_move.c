// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands that move vTPMs: what they read, what they write, and when they write nothing.
 */
#include "cli/test_cli.h"

#include "wire/package.h"

static char file[128], other[128];

static const char *line_of(const char *format, const char *path)
{
	static char line[512];

	snprintf(line, sizeof(line), "%s %s", format, path);
	return line;
}

static void write_file(const char *path, const void *bytes, size_t length)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, length, to), length);
	fclose(to);
}

static void start(void)
{
	begin(with_vtpms);
	snprintf(file, sizeof(file), "%s/package", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
}

static void stop(void)
{
	unlink(file);
	unlink(other);
}

static void test_cli_export_usage(void **state)
{
	char line[512];

	(void)state;
	start();
	assert_int_equal(ctl("export one"), 2);
	assert_says(run.err, "--output");
	assert_int_equal(ctl(line_of("export one --output", file)), 2);
	assert_says(run.err, "--verdict");
	assert_int_equal(ctl(line_of("export one --output /dev/null --verdict x --to", file)), 1);
	assert_says(run.err, "cannot be read");
	write_file(file, "x", 1);
	write_file(other, "{\"statement\": 1}", 16);
	snprintf(line, sizeof(line), "export one --output /dev/null --to %s --verdict %s", file,
		 other);
	assert_int_equal(ctl(line), 2);
	assert_says(run.err, "no signed verdict");
	assert_int_equal(ctl(line_of("export nobody --again --output", other)), 3);
	stop();
}

static void test_cli_export(void **state)
{
	static const uint8_t package[] = { 0, 0, 0, 2, 0x4d, 0x4f, 0x56, 0x45 };
	char beside[160];
	uint8_t bytes[16];
	struct stat about;
	FILE *from;

	(void)state;
	start();
	assert_int_equal(ctl(line_of("export one --again --output", file)), 0);
	assert_says(run.out, "one left for the host other");
	from = fopen(file, "r");
	assert_non_null(from);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), from), sizeof(package));
	fclose(from);
	assert_memory_equal(bytes, package, sizeof(package));
	assert_int_equal(stat(file, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	snprintf(beside, sizeof(beside), "%s.new", file);
	assert_int_equal(access(beside, F_OK), -1);
	assert_int_equal(ctl(line_of("export one --again --json --output", file)), 0);
	assert_says(run.out, "\"host\": \"other\"");
	assert_silent(run.out, "package");
	/* it left, and its package found no place */
	assert_int_equal(ctl("export one --again --output /proc/nowhere/package"), 1);
	assert_says(run.err, "--again");
	stop();
}

static void test_cli_export_dry_run(void **state)
{
	(void)state;
	start();
	assert_int_equal(ctl("export one --again --dry-run"), 4);
	assert_says(run.out, "IN THE WAY");
	assert_says(run.out, "it is in the way of 'one'");
	assert_int_equal(ctl("export one --again --dry-run --json"), 4);
	assert_says(run.out, "\"ready\": false");
	stop();
}

static size_t make_package(uint8_t *ret, size_t room)
{
	static const uint8_t box[8] = { 1 }, chain[8] = { 0x30 };
	const struct package package = {
		.epoch = 2,
		.generation = 1,
		.name = "web9",
		.front = VTPM_FRONT_SOCKET,
		.box = { box, sizeof(box) },
		.chain = { chain, sizeof(chain) },
	};
	uint8_t head[PACKAGE_HEAD_MAX];
	size_t length = package_put_head(&package, head);
	struct cursor_out out = cursor_out(ret, room);

	cursor_put_u32(&out, (uint32_t)length);
	cursor_put_raw(&out, head, length);
	cursor_put_raw(&out, "state", 5);
	assert_false(out.bad);
	return out.used;
}

static void test_cli_import(void **state)
{
	uint8_t bytes[1024];
	size_t length = make_package(bytes, sizeof(bytes));

	(void)state;
	start();
	write_file(file, "no package", 10);
	assert_int_equal(ctl(line_of("import --no-start", file)), 2);
	assert_says(run.err, "is no package");
	assert_int_equal(ctl("import"), 2);
	write_file(file, bytes, length);
	assert_int_equal(ctl(line_of("import --no-start", file)), 0);
	assert_string_equal(run.out, "web9 came from the host other\n");
	assert_int_equal(ctl(line_of("import --no-start --name web10", file)), 0);
	assert_says(run.out, "web10 came");
	assert_int_equal(ctl(line_of("import --no-start --name a/b", file)), 2);
	assert_int_equal(ctl(line_of("import --dry-run", file)), 4);
	assert_says(run.out, "in the way of 'web9'");
	stop();
}

/* What vtpmd sends is no certificate: nothing is written. */
static void test_cli_move_key(void **state)
{
	(void)state;
	start();
	assert_int_equal(ctl(line_of("host move-key --output", file)), 1);
	assert_says(run.err, "does not understand");
	assert_int_equal(access(file, F_OK), -1);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_export_usage), TEST(test_cli_export), TEST(test_cli_export_dry_run),
		TEST(test_cli_import),	     TEST(test_cli_move_key),
	};

	return cmocka_run_group_tests(tests, find_program, NULL);
}
