// SPDX-License-Identifier: BSD-3-Clause
/*
 * Codes and records; see the header.
 *
 * A code with a wrong checksum is tried with each digit replaced by each other, and
 * with each two neighbours swapped. If all that would repair it lies in one group,
 * that group is named: right in 97 of 100 cases of a single mistake (1,759 attempts
 * against 16 bits). It is never repaired silently.
 */
#include "seal/recovery.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/box.h"

#define DIGITS (RECOVERY_GROUPS * RECOVERY_GROUP_SIZE)
#define CRC    2
#define BYTES  (SEAL_SCALAR_SIZE + CRC)

_Static_assert(DIGITS == (BYTES * 8 + 4) / 5, "the digits hold the bytes, and no digit more");
_Static_assert(RECOVERY_RECORD_SIZE == BOX_OVERHEAD + SEAL_KEY_SIZE, "a record is a box");

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* CRC-16 with the polynomial of CCITT, x^16 + x^12 + x^5 + 1: finds all bursts up to 16 bits. */
static uint16_t crc16(const uint8_t *bytes, size_t length)
{
	uint32_t crc = 0xffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= (uint32_t)bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
	}
	return (uint16_t)crc;
}

static void to_digits(const uint8_t bytes[BYTES], uint8_t digits[DIGITS])
{
	uint32_t bits = 0;
	int count = 0;
	size_t n = 0;

	for (size_t i = 0; i < BYTES; i++) {
		bits = (bits << 8 | bytes[i]) & 0xffff;
		for (count += 8; count >= 5; count -= 5)
			digits[n++] = (uint8_t)(bits >> (count - 5) & 31);
	}
	digits[n] = (uint8_t)(bits << (5 - count) & 31);
}

/* Return: are they digits of a code: checksum right, and nothing in the bits left over? */
static bool from_digits(const uint8_t digits[DIGITS], uint8_t bytes[BYTES])
{
	struct cursor_in in = cursor_in(bytes, BYTES);
	uint32_t bits = 0;
	int count = 0;
	size_t n = 0;

	for (size_t i = 0; i < DIGITS; i++) {
		bits = (bits << 5 | digits[i]) & 0xffff;
		count += 5;
		if (count >= 8 && n < BYTES) {
			count -= 8;
			bytes[n++] = (uint8_t)(bits >> count);
		}
	}
	cursor_get_bytes(&in, SEAL_SCALAR_SIZE);
	return !(bits & ((1u << count) - 1)) &&
	       cursor_get_u16(&in) == crc16(bytes, SEAL_SCALAR_SIZE);
}

static int value_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		return 0;
	if (c == 'I' || c == 'L')
		return 1;
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

/* Group of the next digit, from 1. */
static unsigned int group_of(size_t digit)
{
	return (unsigned int)(digit / RECOVERY_GROUP_SIZE) + 1;
}

static int read_digits(const char *text, uint8_t digits[DIGITS], unsigned int *ret_group)
{
	size_t n = 0;

	for (; *text; text++) {
		int value = value_of(*text);

		if (*text == '-' || *text == ' ' || *text == '\n' || *text == '\t')
			continue;
		if (value < 0 && n < DIGITS)
			*ret_group = group_of(n);
		if (value < 0 || n == DIGITS)
			return -EINVAL;
		digits[n++] = (uint8_t)value;
	}
	return n == DIGITS ? 0 : -EINVAL;
}

struct suspect {
	uint8_t digits[DIGITS];
	uint8_t bytes[BYTES];
	unsigned int group; /* 0: none yet */
	bool several;
};

static void try_repair(struct suspect *suspect, size_t digit)
{
	if (!from_digits(suspect->digits, suspect->bytes))
		return;
	if (suspect->group && suspect->group != group_of(digit))
		suspect->several = true;
	suspect->group = group_of(digit);
}

static void swap(uint8_t *a, uint8_t *b)
{
	uint8_t was = *a;

	*a = *b;
	*b = was;
}

static unsigned int find_group(const uint8_t digits[DIGITS])
{
	struct suspect suspect = { 0 };
	unsigned int group;

	cursor_copy(suspect.digits, sizeof(suspect.digits), digits, DIGITS);
	for (size_t i = 0; i < DIGITS; i++) {
		for (uint8_t value = 0; value < 32; value++) {
			suspect.digits[i] = value;
			try_repair(&suspect, i);
		}
		suspect.digits[i] = digits[i];
		if (i + 1 == DIGITS)
			break;
		swap(&suspect.digits[i], &suspect.digits[i + 1]);
		try_repair(&suspect, i);
		swap(&suspect.digits[i], &suspect.digits[i + 1]);
	}
	group = suspect.several ? 0 : suspect.group;
	secret_wipe(&suspect, sizeof(suspect));
	return group;
}

int recovery_code_parse(const char *text, uint8_t ret_scalar[SEAL_SCALAR_SIZE],
			unsigned int *ret_group)
{
	uint8_t digits[DIGITS], bytes[BYTES];
	int r;

	*ret_group = 0;
	r = read_digits(text, digits, ret_group);
	if (!r && from_digits(digits, bytes)) {
		cursor_copy(ret_scalar, SEAL_SCALAR_SIZE, bytes, SEAL_SCALAR_SIZE);
	} else if (!r) {
		*ret_group = find_group(digits);
		r = -EBADMSG;
	}
	secret_wipe(digits, sizeof(digits));
	secret_wipe(bytes, sizeof(bytes));
	return r;
}

void recovery_code_format(const uint8_t scalar[SEAL_SCALAR_SIZE], char ret_text[RECOVERY_TEXT_SIZE])
{
	uint8_t bytes[BYTES], digits[DIGITS];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	char *to = ret_text;

	cursor_put_raw(&out, scalar, SEAL_SCALAR_SIZE);
	cursor_put_u16(&out, crc16(scalar, SEAL_SCALAR_SIZE));
	to_digits(bytes, digits);
	for (size_t i = 0; i < DIGITS; i++) {
		if (i && i % RECOVERY_GROUP_SIZE == 0)
			*to++ = '-';
		*to++ = alphabet[digits[i]];
	}
	*to = 0;
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(digits, sizeof(digits));
}

int recovery_code_new(uint8_t ret_point[SEAL_POINT_SIZE], char ret_text[RECOVERY_TEXT_SIZE])
{
	uint8_t scalar[SEAL_SCALAR_SIZE];
	int r;

	r = seal_pair_new(scalar, ret_point);
	if (!r)
		recovery_code_format(scalar, ret_text);
	secret_wipe(scalar, sizeof(scalar));
	return r;
}

int recovery_make(const uint8_t point[SEAL_POINT_SIZE], const uint8_t root[SEAL_KEY_SIZE],
		  uint8_t ret[RECOVERY_RECORD_SIZE])
{
	return box_close(point, BOX_RECOVERY, (struct seal_bytes){ 0 },
			 (struct seal_bytes){ root, SEAL_KEY_SIZE }, ret);
}

int recovery_open(struct seal_bytes record, const uint8_t scalar[SEAL_SCALAR_SIZE],
		  uint8_t ret_root[SEAL_KEY_SIZE])
{
	size_t length;
	int r;

	if (record.length != RECOVERY_RECORD_SIZE)
		return -EKEYREJECTED;
	r = box_open(scalar, BOX_RECOVERY, (struct seal_bytes){ 0 }, record, ret_root,
		     SEAL_KEY_SIZE, &length);
	return r == -EBADMSG || r == -EINVAL ? -EKEYREJECTED : r;
}
