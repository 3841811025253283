// SPDX-License-Identifier: BSD-3-Clause
/*
 * Six bits a character; see the header.
 */
#include "base/base64.h"

#include <errno.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_write(const void *bytes, size_t length, char *ret)
{
	const uint8_t *at = bytes;
	unsigned int bits = 0, held = 0;

	for (size_t i = 0; i < length; i++) {
		held = held << 8 | at[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*ret++ = digits[held >> (bits - 6) & 63];
	}
	if (bits)
		*ret++ = digits[held << (6 - bits) & 63];
	*ret = '\0';
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ssize_t base64_read(const char *text, size_t length, uint8_t *ret, size_t room)
{
	unsigned int bits = 0, held = 0;
	size_t used = 0;

	if (length % 4 == 1)
		return -EBADMSG;
	if (length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0) > room)
		return -EMSGSIZE;
	for (size_t i = 0; i < length; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return -EBADMSG;
		held = held << 6 | (unsigned int)value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			ret[used++] = (uint8_t)(held >> bits);
		}
	}
	/* bits that nobody would have written */
	if (held & ((1u << bits) - 1))
		return -EBADMSG;
	return (ssize_t)used;
}
