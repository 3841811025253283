// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/options.h"

struct taken {
	long number;
	bool flag;
	const char *text;
};

static int take_number(void *to, const char *text)
{
	return options_number(text, 3, 100, to);
}

static const struct options_row rows[] = {
	{ "number", "N", "how many\nor more", take_number, offsetof(struct taken, number) },
	{ "flag", NULL, "whether", options_flag, offsetof(struct taken, flag) },
	{ "text", "T", "which", options_text, offsetof(struct taken, text) },
};

static const struct options_program program = {
	.summary = "test: of options",
	.rows = rows,
	.ending = "exit status: 0\n",
	.count = 3,
};

static int parse(struct taken *ret, const char *one, const char *other, const char *third)
{
	const char *const given[] = { "test", one, other, third };
	static char words[4][32];
	char *argv[5] = { 0 };
	int argc = 0;

	for (; argc < 4 && given[argc]; argc++) {
		snprintf(words[argc], sizeof(words[argc]), "%s", given[argc]);
		argv[argc] = words[argc];
	}
	*ret = (struct taken){ 0 };
	return options_parse(&program, ret, argc, argv);
}

static void test_options_taken(void **state)
{
	struct taken taken;

	(void)state;
	assert_int_equal(parse(&taken, NULL, NULL, NULL), 0);
	assert_false(taken.flag);
	assert_int_equal(parse(&taken, "--number", "7", "--flag"), 0);
	assert_true(taken.flag);
	assert_int_equal(taken.number, 7);
	assert_int_equal(parse(&taken, "--number=100", NULL, NULL), 0);
	assert_int_equal(taken.number, 100);
	assert_false(taken.flag);
	assert_int_equal(parse(&taken, "--text", "--flag", NULL), 0);
	assert_string_equal(taken.text, "--flag");
	assert_false(taken.flag);
}

static void test_options_refused(void **state)
{
	static const char *const wrong[][2] = {
		{ "--unknown", NULL }, { "--number", NULL },	 { "--number", "x" },
		{ "--number", "" },    { "--number", "2" },	 { "--number", "101" },
		{ "--number", "7 " },  { "--number", "0x10" },	 { "--flag=1", NULL },
		{ "word", NULL },      { "--flag", "word" },	 { "-n", NULL },
		{ "--", "word" },      { "--number", "99999999999999999999" },
	};
	struct taken taken;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse(&taken, wrong[i][0], wrong[i][1], NULL), -EINVAL);
	/* and what was read before is forgotten */
	assert_int_equal(parse(&taken, "--flag", NULL, NULL), 0);
}

static void test_options_help(void **state)
{
	char path[] = "/tmp/vtpm-options-XXXXXX", text[512] = "";
	int fd = mkstemp(path), out;
	FILE *file;

	(void)state;
	assert_true(fd >= 0);
	fflush(stdout);
	out = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	options_help(&program);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(fd);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	unlink(path);
	assert_string_equal(text, "test: of options\n\n"
				  "  --number N  how many\n"
				  "              or more\n"
				  "  --flag      whether\n"
				  "  --text T    which\n"
				  "\nexit status: 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_taken),
		cmocka_unit_test(test_options_refused),
		cmocka_unit_test(test_options_help),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
