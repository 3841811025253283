// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the slots file: the input is what stands before the digest, which is put right
 * here, so that the parser sees more than its first check. With the first byte odd the
 * rest follows a sound magic and version; with its second bit set, a sound count of one
 * slot of the host TPM, too. What must hold besides memory safety: what parses is written
 * again as the same bytes, and a refusal has a reason.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Number of slots, check value, kind and length of the first one. */
static void put_slot_head(struct cursor_out *out, size_t length)
{
	static const uint8_t check[SEAL_HASH_SIZE];

	cursor_put_u16(out, 1);
	cursor_put_raw(out, check, sizeof(check));
	cursor_put_u16(out, SLOT_TPM2);
	cursor_put_u16(out, (uint16_t)length);
}

static void look_into(const struct slots *slots)
{
	static struct tpm2_slot body, again;
	static struct slot slot;
	const struct slot *tpm2 = slots_find(slots, SLOT_TPM2);

	if (!tpm2 || tpm2_slot_parse(tpm2, &body))
		return;
	if (tpm2_slot_format(&body, &slot) || tpm2_slot_parse(&slot, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[SLOTS_FILE_MAX], written[SLOTS_FILE_MAX];
	static struct slots slots;
	struct cursor_out out = cursor_out(file, sizeof(file));
	struct reason reason = { "" };
	uint8_t digest[SEAL_HASH_SIZE];
	size_t length;

	if (size < 1 || size > 8192)
		return 0;
	if (data[0] & 1) {
		cursor_put_raw(&out, "vtpmkeys", 8);
		cursor_put_u16(&out, SLOTS_VERSION);
	}
	if ((data[0] & 3) == 3)
		put_slot_head(&out, size - 1);
	cursor_put_raw(&out, data + 1, size - 1);
	if (seal_hash((struct seal_bytes){ file, out.used }, digest))
		abort();
	cursor_put_raw(&out, digest, sizeof(digest));
	if (slots_parse((struct seal_bytes){ file, out.used }, &slots, &reason)) {
		if (!reason.text[0])
			abort();
		return 0;
	}
	if (slots_format(&slots, written, &length) || length != out.used ||
	    !secret_equal(written, file, length))
		abort();
	look_into(&slots);
	return 0;
}
