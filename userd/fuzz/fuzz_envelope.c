// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the opening of an envelope: the input is one, or, with the first byte odd, changes
 * bytes of a good one: {offset u8, value u8} each. Nothing but the good one opens.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t bytes[GCM_KEY_SIZE], uuid[ENVELOPE_UUID_SIZE], text[40];
static uint8_t good[sizeof(text) + ENVELOPE_OVERHEAD];
static struct envelope_key key;

static void begin(void)
{
	size_t length;

	if (envelope_key_init(&key, bytes, uuid, 1, 1) ||
	    envelope_seal(&key, ENVELOPE_PERMANENT, 1, text, sizeof(text), good, sizeof(good),
			  &length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t changed[sizeof(good)], plain[64];
	const char *reason = NULL;
	size_t length;
	int r;

	if (!size)
		return 0;
	if (!key.gcm.context)
		begin();
	if (data[0] & 1) {
		cursor_copy(changed, sizeof(changed), good, sizeof(good));
		for (size_t i = 1; i + 1 < size; i += 2)
			changed[data[i] % sizeof(changed)] = data[i + 1];
		data = changed;
		size = sizeof(changed);
	}
	r = envelope_open(&key, ENVELOPE_PERMANENT, 1, data, size, plain, sizeof(plain), &length,
			  &reason);
	if (r == -EBADMSG && reason)
		return 0;
	if (r || size != sizeof(good) || !secret_equal(data, good, sizeof(good)))
		abort();
	return 0;
}
