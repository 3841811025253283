/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vtpmctl prints: objects for scripts, text for people, problems for both.
 *
 * No byte of a text that came from elsewhere reaches a terminal unless it is
 * printable ASCII.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include "cli/cli.h"

/** report_problem() - make a problem that arose here. Return: a new reference, or NULL */
json_t *report_problem(const char *name, const char *next, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** report() - print a problem to standard error, drop the reference, say how to exit */
enum cli_exit report(const struct cli *cli, json_t *problem);

/** report_exit() - how to exit after a problem */
enum cli_exit report_exit(const json_t *problem);

/** report_is() - is the problem of this name? */
bool report_is(const json_t *problem, const char *name);

/** report_json() - print an object to standard output, as scripts get it */
void report_json(const json_t *object);

/** report_text() - a member as text, escaped; "-" where it is null, empty or not there */
void report_text(const json_t *object, const char *member, char *ret, size_t room);

/** report_escaped() - print a text, what is no printable ASCII as \xNN */
void report_escaped(FILE *to, const char *text);

/** struct report_column - a column of a table, or a line of a list */
struct report_column {
	const char *title;
	const char *member;
};

/** report_table() - print an array of objects, a line each, under a line of titles */
void report_table(const json_t *rows, const struct report_column *columns, size_t count);

/** report_lines() - print an object, a line a member */
void report_lines(const json_t *object, const struct report_column *lines, size_t count);

#endif /* CLI_REPORT_H */
