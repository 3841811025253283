// SPDX-License-Identifier: BSD-3-Clause
/*
 * Text of somebody else, made harmless: what a terminal or a JSON reader could stumble
 * over becomes a question mark.
 */
#include "attest/attest.h"

#include <string.h>

#include "base/cursor.h"

static char harmless(uint32_t character)
{
	return character >= ' ' && character <= '~' ? (char)character : '?';
}

void attest_text_hex(char to[ATTEST_HEX_MAX], const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	struct cursor_in in = cursor_in(bytes, length < ATTEST_DIGEST_MAX ? length
									 : ATTEST_DIGEST_MAX);

	while (in.left) {
		uint8_t byte = cursor_get_u8(&in);

		*to++ = digits[byte >> 4];
		*to++ = digits[byte & 15];
	}
	*to = '\0';
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool attest_text_unhex(uint8_t *to, size_t room, const char *hex, size_t length, size_t *ret)
{
	if (length % 2 || length / 2 > room)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = digit(hex[i]), low = digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i / 2] = (uint8_t)(high << 4 | low);
	}
	*ret = length / 2;
	return true;
}

void attest_text_ascii(char *to, size_t room, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);

	for (; room > 1 && in.left; room--) {
		uint8_t byte = cursor_get_u8(&in);

		if (!byte)
			break;
		*to++ = harmless(byte);
	}
	*to = '\0';
}

void attest_text_utf16(char *to, size_t room, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);

	for (; room > 1 && in.left > 1; room--) {
		uint16_t unit = cursor_get_le16(&in);

		if (!unit)
			break;
		*to++ = harmless(unit);
	}
	*to = '\0';
}

int attest_pcr_number(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	int pcr = 0;

	if (!digits || digits > 2 || name[digits] || (digits == 2 && *name == '0'))
		return -1;
	for (; *name; name++)
		pcr = 10 * pcr + *name - '0';
	return pcr < ATTEST_PCRS ? pcr : -1;
}
