// SPDX-License-Identifier: BSD-3-Clause
/*
 * getopt_long() with a table made of ours. It writes what is wrong to standard error itself.
 */
#include "base/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

int options_parse(const struct options_program *program, void *options, int argc, char **argv)
{
	struct option table[OPTIONS_MAX + 1] = { 0 };
	const struct options_row *row;
	int option, which = 0, r = 0;

	for (size_t i = 0; i < program->count && i < OPTIONS_MAX; i++)
		table[i] = (struct option){
			.name = program->rows[i].name,
			.has_arg = program->rows[i].argument ? required_argument : no_argument,
		};
	/* glibc begins anew at 0: what it kept of a former command line does not count */
	optind = 0;
	while (!r && (option = getopt_long(argc, argv, "", table, &which)) != -1) {
		row = &program->rows[which];
		r = option ? -EINVAL : row->take((char *)options + row->offset, optarg);
	}
	if (!r && optind < argc) {
		log_line("'%s' is too much", argv[optind]);
		r = -EINVAL;
	}
	return r;
}

/* Width of the names, so that all texts begin below each other. */
static int width(const struct options_program *program)
{
	size_t most = 0;

	for (size_t i = 0; i < program->count; i++) {
		const struct options_row *row = &program->rows[i];
		size_t length = strlen(row->name) +
				(row->argument ? strlen(row->argument) + 1 : 0);

		most = length > most ? length : most;
	}
	return (int)most;
}

static void print_row(const struct options_row *row, int width)
{
	int used = printf("  --%s%s%s", row->name, row->argument ? " " : "",
			  row->argument ? row->argument : "");
	const char *line = row->help;

	printf("%*s", width + 6 - used, "");
	while (*line) {
		size_t length = strcspn(line, "\n");

		printf("%.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
		if (*line)
			printf("%*s", width + 6, "");
	}
}

void options_help(const struct options_program *program)
{
	int most = width(program);

	printf("%s\n\n", program->summary);
	for (size_t i = 0; i < program->count; i++)
		print_row(&program->rows[i], most);
	printf("\n%s", program->ending);
}

int options_flag(void *to, const char *text)
{
	bool *flag = to;

	(void)text;
	*flag = true;
	return 0;
}

int options_text(void *to, const char *text)
{
	const char **kept = to;

	*kept = text;
	return 0;
}

int options_number(const char *text, long least, long most, long *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < least || value > most)
		return -EINVAL;
	*ret = value;
	return 0;
}
