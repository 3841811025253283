// SPDX-License-Identifier: BSD-3-Clause
/*
 * Lines are made on the stack and leave in one write(), so they neither
 * allocate nor mix, and work in the sandbox.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *program = "vtpm";

void log_name(const char *name)
{
	program = name;
}

void log_line(const char *format, ...)
{
	char line[512];
	int head, body;
	size_t length;
	va_list args;

	head = snprintf(line, sizeof(line), "%s: ", program);
	if (head < 0 || (size_t)head > sizeof(line) / 2)
		return;

	va_start(args, format);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	va_end(args);
	if (body < 0)
		return;

	length = (size_t)head + (size_t)body;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}
