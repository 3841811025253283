// SPDX-License-Identifier: BSD-3-Clause
/*
 * Asking, where somebody sits at a terminal.
 */
#include "cli/ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ASK_SIZE 256

static int read_line(int fd, char ret[ASK_SIZE])
{
	size_t used = 0;
	ssize_t n;

	while (used < ASK_SIZE) {
		n = read(fd, ret + used, 1);
		if (n < 0)
			return -errno;
		if (!n || ret[used] == '\n')
			break;
		if (!ret[used])
			return -ENODATA;
		used++;
	}
	if (used == ASK_SIZE)
		return -EMSGSIZE;
	ret[used] = '\0';
	return used ? 0 : -ENODATA;
}

bool ask_word(const char *prompt, const char *word)
{
	char typed[ASK_SIZE];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	return write(STDERR_FILENO, prompt, strlen(prompt)) > 0 &&
	       !read_line(STDIN_FILENO, typed) && !strcmp(typed, word);
}
