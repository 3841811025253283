// SPDX-License-Identifier: BSD-3-Clause
/*
 * Put and get; see the header. Whoever reads writes again what was read and compares: then an
 * encoding with other lengths, or with zeros before a number, is none.
 */
#include "cert/der.h"

void der_put(struct cursor_out *out, uint8_t tag, const void *bytes, size_t length)
{
	cursor_put_u8(out, tag);
	cursor_put_u8(out, (uint8_t)length);
	cursor_put_raw(out, bytes, length);
}

void der_put_number(struct cursor_out *out, uint8_t tag, uint64_t value)
{
	unsigned int length = 1;

	while (length < 9 && value >> (8 * length - 1))
		length++;
	cursor_put_u8(out, tag);
	cursor_put_u8(out, (uint8_t)length);
	while (length--)
		cursor_put_u8(out, (uint8_t)(length == 8 ? 0 : value >> (8 * length)));
}

struct cursor_in der_get(struct cursor_in *in, uint8_t tag)
{
	if (cursor_get_u8(in) != tag)
		in->bad = true;
	return cursor_sub(in, cursor_get_u8(in));
}

void der_get_raw(struct cursor_in *in, uint8_t tag, void *to, size_t length)
{
	struct cursor_in bytes = der_get(in, tag);

	cursor_get_raw(&bytes, to, length);
	if (!cursor_ended(&bytes))
		in->bad = true;
}

uint64_t der_get_number(struct cursor_in *in, uint8_t tag)
{
	struct cursor_in bytes = der_get(in, tag);
	uint64_t value = 0;

	while (bytes.left)
		value = value << 8 | cursor_get_u8(&bytes);
	return value;
}
