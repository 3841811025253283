// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header.
 */
#include "base/text.h"

#include <string.h>

#include "base/cursor.h"

void text_cut(char *to, size_t room, const char *from)
{
	size_t length = strnlen(from, room - 1);

	cursor_copy(to, room, from, length);
	to[length] = 0;
}
