// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz PE images: the digest depends on the bytes alone, and reads none outside of them, and
 * no section reaches outside.
 */
#include <stdint.h>
#include <stdlib.h>

#include "attest/authenticode.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hash *hash;
	uint8_t one[ATTEST_DIGEST_MAX] = { 0 }, two[ATTEST_DIGEST_MAX] = { 0 };
	struct hash_part section;

	if (!hash)
		hash = hash_new();
	/* its bytes are read to the last one */
	if (authenticode_section((struct hash_part){ data, size }, ".linux", &section))
		hash_parts(hash, ATTEST_SHA256, &section, 1, one);
	if (!authenticode(hash, ATTEST_SHA256, data, size, one))
		return 0;
	if (!authenticode(hash, ATTEST_SHA256, data, size, two) ||
	    !secret_equal(one, two, hash_size(ATTEST_SHA256)) || hash_failed(hash))
		abort();
	return 0;
}
