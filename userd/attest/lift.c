// SPDX-License-Identifier: BSD-3-Clause
/*
 * One walk from quote to quote (lift.h has the rules). What is no JSON comes out as other text
 * that is none: the parser says so.
 */
#include "attest/lift.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define MARK	     '\x7f'
#define MARK_ESCAPED "\\u007"

/* Return: the quote that ends the text at @at; @end where there is none. */
static const char *end_of(const char *at, const char *end, bool *ret_escapes)
{
	const char *quote = memchr(at, '"', (size_t)(end - at)), *slash;

	*ret_escapes = false;
	while (quote && (slash = memchr(at, '\\', (size_t)(quote - at)))) {
		*ret_escapes = true;
		at = slash + 2;
		/* A quote that is still ahead is not looked for again: that would be quadratic. */
		if (at > quote)
			quote = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
	}
	return quote ? quote : end;
}

/* Take out the text at @at, whose quotes stay. */
static void take(struct lift *lift, struct cursor_out *out, const char *at, size_t length)
{
	char mark[24];

	lift->lifted[lift->count] = (struct hash_part){ at, length };
	lift->at[lift->count] = out->used;
	snprintf(mark, sizeof(mark), "%c%zu", MARK, lift->count++);
	cursor_put_raw(out, mark, strlen(mark));
}

static void walk(struct lift *lift, struct cursor_out *out, const char *text, size_t length,
		 size_t least)
{
	const char *end = text + length, *at = text, *open;

	while ((open = memchr(at, '"', (size_t)(end - at)))) {
		bool escapes;
		const char *close = end_of(open + 1, end, &escapes);
		size_t size = (size_t)(close - open - 1);

		cursor_put_raw(out, at, (size_t)(open + 1 - at));
		if (close == end) {
			at = open + 1;
			break;
		}
		if (size >= least && !escapes && lift->count < LIFT_MOST)
			take(lift, out, open + 1, size);
		else
			cursor_put_raw(out, open + 1, size);
		cursor_put_u8(out, '"');
		at = close + 1;
	}
	cursor_put_raw(out, at, (size_t)(end - at));
}

int lift_texts(struct lift *ret, const char *text, size_t length, size_t least)
{
	struct cursor_out out;

	*ret = (struct lift){ .text = text, .length = length };
	if (length < least || memchr(text, MARK, length) ||
	    memmem(text, length, MARK_ESCAPED, strlen(MARK_ESCAPED)))
		return 0;
	ret->made = malloc(length);
	if (!ret->made)
		return -ENOMEM;
	out = cursor_out(ret->made, length);
	walk(ret, &out, text, length, least);
	ret->text = ret->made;
	ret->length = out.used;
	return 0;
}

void lift_done(struct lift *lift)
{
	free(lift->made);
	*lift = (struct lift){ 0 };
}

bool lift_is_mark(const char *text)
{
	return *text == MARK;
}

struct hash_part lift_find(const struct lift *lift, const char *text, size_t length)
{
	size_t number;
	char *end;

	if (!lift->count || !lift_is_mark(text))
		return (struct hash_part){ text, length };
	number = strtoul(text + 1, &end, 10);
	return number < lift->count && !*end ? lift->lifted[number]
					     : (struct hash_part){ text, length };
}

size_t lift_offset(const struct lift *lift, size_t offset)
{
	size_t moved = 0;

	for (size_t i = 0; i < lift->count && lift->at[i] < offset; i++)
		moved += lift->lifted[i].length - (i < 10 ? 2 : 3);
	return offset + moved;
}
