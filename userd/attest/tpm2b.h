/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TPM2B_*: a size and as many bytes (Part 2, 10.4).
 */
#ifndef ATTEST_TPM2B_H
#define ATTEST_TPM2B_H

#include "attest/hash.h"
#include "base/cursor.h"
#include "base/secret.h"

/** tpm2b_get() - the next one; @in is bad where its bytes are missing */
static inline struct hash_part tpm2b_get(struct cursor_in *in)
{
	size_t length = cursor_get_u16(in);

	return (struct hash_part){ cursor_get_bytes(in, length), length };
}

/** tpm2b_put() - write one */
static inline void tpm2b_put(struct cursor_out *out, const void *bytes, size_t length)
{
	if (length > UINT16_MAX)
		out->bad = true;
	cursor_put_u16(out, (uint16_t)length);
	cursor_put_raw(out, bytes, length);
}

/** part_equal() - are these the same bytes? In constant time for those of one length. */
static inline bool part_equal(struct hash_part part, const void *bytes, size_t length)
{
	return part.length == length && secret_equal(part.at, bytes, length);
}

#endif /* ATTEST_TPM2B_H */
