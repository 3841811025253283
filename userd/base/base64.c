// SPDX-License-Identifier: BSD-3-Clause
/*
 * Six bits a character; see the header.
 */
#include "base/base64.h"

#include <errno.h>
#include <stdbool.h>

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

/* What a character stands for, plus one; 0: nothing. Logs are megabytes of them. */
static const uint8_t values[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
	['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
	['_'] = 64,
};

static unsigned int value_of(char c)
{
	return values[(uint8_t)c] - 1u;
}

/* Four characters are three bytes. Return: false where one of them stands for nothing. */
static bool read_four(const char *text, uint8_t *ret)
{
	unsigned int a = value_of(text[0]), b = value_of(text[1]);
	unsigned int c = value_of(text[2]), d = value_of(text[3]);
	unsigned int held = a << 18 | b << 12 | c << 6 | d;

	ret[0] = (uint8_t)(held >> 16);
	ret[1] = (uint8_t)(held >> 8);
	ret[2] = (uint8_t)held;
	return (a | b | c | d) < 64;
}

ssize_t base64_read(const char *text, size_t length, uint8_t *ret, size_t room)
{
	unsigned int bits = 0, held = 0;
	size_t used = 0, i = 0;

	if (length % 4 == 1)
		return -EBADMSG;
	if (length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0) > room)
		return -EMSGSIZE;
	for (; i + 4 <= length; i += 4, used += 3)
		if (!read_four(text + i, ret + used))
			return -EBADMSG;
	for (; i < length; i++) {
		unsigned int value = value_of(text[i]);

		if (value > 63)
			return -EBADMSG;
		held = held << 6 | value;
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
