// SPDX-License-Identifier: BSD-3-Clause
/*
 * To and from swtpm's format; see the header. What swtpm encrypted has other flags and
 * other tags, and is no blob here.
 */
#include "ctrl/blob.h"

#define VERSION	       2
#define LEAST_VERSION  1
#define HEAD_SIZE      10
#define FLAG_MIGRATION 4
#define TAG_DATA       1
#define TAG_MIGRATION  4
#define TAG_SIZE       6

void blob_put(struct cursor_out *out, const uint8_t *state, size_t length)
{
	cursor_put_u8(out, VERSION);
	cursor_put_u8(out, LEAST_VERSION);
	cursor_put_u16(out, HEAD_SIZE);
	cursor_put_u16(out, FLAG_MIGRATION);
	cursor_put_u32(out, (uint32_t)(HEAD_SIZE + 2 * TAG_SIZE + length));
	cursor_put_u16(out, TAG_MIGRATION);
	cursor_put_u32(out, (uint32_t)(TAG_SIZE + length));
	cursor_put_u16(out, TAG_DATA);
	cursor_put_u32(out, (uint32_t)length);
	cursor_put_raw(out, state, length);
}

const uint8_t *blob_get(const uint8_t *bytes, size_t length, size_t *ret_length)
{
	struct cursor_in in = cursor_in(bytes, length);
	bool good;

	cursor_get_u8(&in); /* a newer one says below which programs it is for */
	good = cursor_get_u8(&in) <= VERSION;
	good &= cursor_get_u16(&in) == HEAD_SIZE;
	good &= cursor_get_u16(&in) == FLAG_MIGRATION;
	good &= cursor_get_u32(&in) == length;
	good &= cursor_get_u16(&in) == TAG_MIGRATION;
	good &= cursor_get_u32(&in) == in.left;
	good &= cursor_get_u16(&in) == TAG_DATA;
	good &= cursor_get_u32(&in) == in.left;
	if (in.bad || !good || !in.left)
		return NULL;
	*ret_length = in.left;
	return in.at;
}
