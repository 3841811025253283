// SPDX-License-Identifier: BSD-3-Clause
/*
 * Printing. A member of an object is turned into escaped text first, whatever its kind, and
 * only that is measured and printed.
 */
#include "cli/report.h"

#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"

#define CELL_SIZE 1024
#define TYPE	  "urn:vtpm:problem:"

static const struct {
	const char *name;
	enum cli_exit exit;
} exits[] = {
	{ "usage", CLI_EXIT_USAGE },	     { "unreachable", CLI_EXIT_UNREACHABLE },
	{ "invalid", CLI_EXIT_USAGE },	     { "not-found", CLI_EXIT_NOT_FOUND },
	{ "exists", CLI_EXIT_CONFLICT },     { "conflict", CLI_EXIT_CONFLICT },
	{ "locked", CLI_EXIT_LOCKED },	     { "uninitialised", CLI_EXIT_LOCKED },
	{ "auth", CLI_EXIT_AUTH },	     { "no-driver", CLI_EXIT_MISSING },
	{ "no-hardware", CLI_EXIT_MISSING }, { "host-tpm", CLI_EXIT_MISSING },
	{ "storage", CLI_EXIT_STORAGE },     { "timeout", CLI_EXIT_TIMEOUT },
	{ "forbidden", CLI_EXIT_FORBIDDEN },
};

/* Problems */

json_t *report_problem(const char *name, const char *next, const char *format, ...)
{
	char type[64], detail[1024];
	va_list arguments;

	snprintf(type, sizeof(type), TYPE "%s", name);
	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	/* What the user typed need not be UTF-8. */
	for (char *c = detail; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_pack("{s:s, s:s, s:s}", "type", type, "detail", detail, "next",
			 next ? next : "");
}

static const char *name_of(const json_t *problem)
{
	const char *type = json_string_value(json_object_get(problem, "type"));

	return type && !strncmp(type, TYPE, strlen(TYPE)) ? type + strlen(TYPE) : "internal";
}

bool report_is(const json_t *problem, const char *name)
{
	return !strcmp(name_of(problem), name);
}

enum cli_exit report_exit(const json_t *problem)
{
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		if (report_is(problem, exits[i].name))
			return exits[i].exit;
	return CLI_EXIT_FAILED;
}

enum cli_exit report(const struct cli *cli, json_t *problem)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *next = json_string_value(json_object_get(problem, "next"));
	enum cli_exit status = report_exit(problem);

	if (cli->json && problem) {
		json_dumpf(problem, stderr, JSON_COMPACT);
	} else {
		fputs("vtpmctl: ", stderr);
		report_escaped(stderr, detail ? detail : "something that should not be");
		if (next && next[0]) {
			fputs("\n  next: ", stderr);
			report_escaped(stderr, next);
		}
	}
	fputc('\n', stderr);
	json_decref(problem);
	return status;
}

/* Texts */

/* Return: what @text takes when escaped, of which as much is written as there is room for. */
static void escape(char *to, size_t room, const char *text)
{
	size_t used = 0;

	for (; *text && used + 5 <= room; text++) {
		if (*text >= ' ' && *text <= '~')
			to[used++] = *text;
		else
			used += (size_t)snprintf(to + used, room - used, "\\x%02x",
						 (unsigned char)*text);
	}
	to[used] = '\0';
}

void report_escaped(FILE *to, const char *text)
{
	char cell[4 * CELL_SIZE];

	escape(cell, sizeof(cell), text);
	fputs(cell, to);
}

static void text_of_array(const json_t *array, char *ret, size_t room)
{
	const json_t *item;
	size_t i, used = 0;

	ret[0] = '\0';
	json_array_foreach (array, i, item) {
		const char *text = json_string_value(item);

		if (!text || used + 2 > room)
			break;
		used += (size_t)snprintf(ret + used, room - used, "%s%s", used ? " " : "", text);
		if (used >= room)
			used = room - 1;
	}
}

void report_text(const json_t *object, const char *member, char *ret, size_t room)
{
	const json_t *value = json_object_get(object, member);
	char text[CELL_SIZE] = "";

	if (json_is_string(value))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		text_of_array(value, text, sizeof(text));
	escape(ret, room, text[0] ? text : "-");
}

void report_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* Tables */

static void print_cell(const char *text, size_t width, bool last)
{
	if (last)
		printf("%s\n", text);
	else
		printf("%-*s  ", (int)width, text);
}

void report_table(const json_t *rows, const struct report_column *columns, size_t count)
{
	size_t widths[16] = { 0 }, i, c, length;
	char cell[CELL_SIZE];
	const json_t *row;

	if (count > sizeof(widths) / sizeof(widths[0]))
		return;
	for (c = 0; c < count; c++) {
		widths[c] = strlen(columns[c].title);
		json_array_foreach (rows, i, row) {
			report_text(row, columns[c].member, cell, sizeof(cell));
			length = strlen(cell);
			widths[c] = length > widths[c] ? length : widths[c];
		}
	}
	for (c = 0; c < count; c++)
		print_cell(columns[c].title, widths[c], c == count - 1);
	json_array_foreach (rows, i, row) {
		for (c = 0; c < count; c++) {
			report_text(row, columns[c].member, cell, sizeof(cell));
			print_cell(cell, widths[c], c == count - 1);
		}
	}
}

void report_lines(const json_t *object, const struct report_column *lines, size_t count)
{
	char cell[CELL_SIZE];

	for (size_t i = 0; i < count; i++) {
		report_text(object, lines[i].member, cell, sizeof(cell));
		printf("%-16s %s\n", lines[i].title, cell);
	}
}
