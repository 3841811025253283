// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make the sentence; see the header. One that is too long is cut.
 */
#include "seal/reason.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct reason *reason, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(reason->text, sizeof(reason->text), format, args) < 0)
		reason->text[0] = 0;
	va_end(args);
	return error;
}
