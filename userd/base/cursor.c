// SPDX-License-Identifier: BSD-3-Clause
/*
 * Every access goes through take() or give(): the two places that compare a
 * length with what is left, and the two that move a pointer.
 */
#include "base/cursor.h"

#include <string.h>

static const uint8_t *take(struct cursor_in *in, size_t length)
{
	const uint8_t *at = in->at;

	if (in->bad || length > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += length;
	in->left -= length;
	return at;
}

static uint8_t *give(struct cursor_out *out, size_t length)
{
	uint8_t *at = out->base + out->used;

	if (out->bad || length > out->room - out->used) {
		out->bad = true;
		return NULL;
	}
	out->used += length;
	return at;
}

static uint64_t get(struct cursor_in *in, size_t length)
{
	const uint8_t *at = take(in, length);
	uint64_t value = 0;

	for (size_t i = 0; at && i < length; i++)
		value = value << 8 | at[i];
	return value;
}

static uint64_t get_le(struct cursor_in *in, size_t length)
{
	const uint8_t *at = take(in, length);
	uint64_t value = 0;

	for (size_t i = length; at && i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

static void store_be(uint8_t *at, uint64_t value, size_t length)
{
	for (size_t i = length; i > 0; i--, value >>= 8)
		at[i - 1] = (uint8_t)value;
}

static void put(struct cursor_out *out, uint64_t value, size_t length)
{
	uint8_t *at = give(out, length);

	if (at)
		store_be(at, value, length);
}

struct cursor_in cursor_in(const void *bytes, size_t length)
{
	return (struct cursor_in){ .at = bytes, .left = length };
}

uint8_t cursor_get_u8(struct cursor_in *in)
{
	return (uint8_t)get(in, 1);
}

uint16_t cursor_get_u16(struct cursor_in *in)
{
	return (uint16_t)get(in, 2);
}

uint32_t cursor_get_u32(struct cursor_in *in)
{
	return (uint32_t)get(in, 4);
}

uint64_t cursor_get_u64(struct cursor_in *in)
{
	return get(in, 8);
}

uint16_t cursor_get_le16(struct cursor_in *in)
{
	return (uint16_t)get_le(in, 2);
}

uint32_t cursor_get_le32(struct cursor_in *in)
{
	return (uint32_t)get_le(in, 4);
}

uint64_t cursor_get_le64(struct cursor_in *in)
{
	return get_le(in, 8);
}

const uint8_t *cursor_get_bytes(struct cursor_in *in, size_t length)
{
	return take(in, length);
}

void cursor_get_raw(struct cursor_in *in, void *to, size_t length)
{
	const uint8_t *at = take(in, length);

	if (at && length)
		memcpy(to, at, length);
	else if (length)
		memset(to, 0, length);
}

struct cursor_in cursor_sub(struct cursor_in *in, size_t length)
{
	const uint8_t *at = take(in, length);

	if (in->bad)
		return (struct cursor_in){ .bad = true };
	return cursor_in(at, length);
}

bool cursor_ended(const struct cursor_in *in)
{
	return !in->bad && in->left == 0;
}

struct cursor_out cursor_out(void *buffer, size_t room)
{
	return (struct cursor_out){ .base = buffer, .room = room };
}

void cursor_put_u8(struct cursor_out *out, uint8_t value)
{
	put(out, value, 1);
}

void cursor_put_u16(struct cursor_out *out, uint16_t value)
{
	put(out, value, 2);
}

void cursor_put_u32(struct cursor_out *out, uint32_t value)
{
	put(out, value, 4);
}

void cursor_put_u64(struct cursor_out *out, uint64_t value)
{
	put(out, value, 8);
}

void cursor_put_raw(struct cursor_out *out, const void *from, size_t length)
{
	uint8_t *at = give(out, length);

	if (at && length)
		memcpy(at, from, length);
}

void cursor_patch_u32(struct cursor_out *out, size_t offset, uint32_t value)
{
	if (out->bad || offset > out->used || out->used - offset < 4) {
		out->bad = true;
		return;
	}
	store_be(out->base + offset, value, 4);
}

bool cursor_copy(void *to, size_t room, const void *from, size_t length)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_raw(&out, from, length);
	return !out.bad;
}

bool cursor_is_zero(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= at[i];
	return !any;
}
