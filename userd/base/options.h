/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of a daemon: one table, from which it is read and its help is made.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stddef.h>

/* Options that one program may have. */
#define OPTIONS_MAX 24

/**
 * struct options_row - an option
 * @name: without its dashes
 * @argument: what its argument is called; NULL: it has none
 * @help: what it does; may have several lines
 * @take: gets where it is kept and the argument, NULL for none. Return: 0, or -EINVAL after a line
 *	to the log
 * @offset: of where it is kept, in the program's options
 */
struct options_row {
	const char *name;
	const char *argument;
	const char *help;
	int (*take)(void *to, const char *text);
	size_t offset;
};

/**
 * struct options_program - a program
 * @summary: line of the help above its options
 * @rows: its options, @count of them
 * @ending: of the help
 * @count: at most OPTIONS_MAX
 */
struct options_program {
	const char *summary;
	const struct options_row *rows;
	const char *ending;
	size_t count;
};

/**
 * options_parse() - read a command line
 * @program: knows the options
 * @options: of the program
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0, or -EINVAL after a line to the log: an option is unknown, has no argument or one
 * too many, a row refused it, or there is something that is no option.
 */
int options_parse(const struct options_program *program, void *options, int argc, char **argv);

/** options_help() - print summary, options and ending */
void options_help(const struct options_program *program);

/** options_flag() - a row whose option sets a bool */
int options_flag(void *to, const char *text);

/** options_text() - a row whose argument is kept as it is, in a const char * */
int options_text(void *to, const char *text);

/**
 * options_number() - read a decimal number
 * @text: all of it
 * @least: it may be
 * @most: it may be
 * @ret: the number
 *
 * Return: 0, or -EINVAL, without a line.
 */
int options_number(const char *text, long least, long most, long *ret);

#endif /* BASE_OPTIONS_H */
