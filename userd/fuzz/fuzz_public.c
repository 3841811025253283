// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz public areas: the input is one, with or without its size. What is read with a size
 * is read without it, and has the same name.
 */
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "attest/public.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hash *hash;
	struct public public, bare;
	struct public_name name, again;
	EVP_PKEY *key;

	if (!hash)
		hash = hash_new();
	if (!public_parse(&public, data, size))
		return 0;
	public_name(&public, hash, &name);
	if (!public_parse(&bare, public.area.at, public.area.length))
		abort();
	public_name(&bare, hash, &again);
	if (name.size != again.size || !secret_equal(name.bytes, again.bytes, name.size))
		abort();
	key = public_key(&public);
	if (key && !public_same(&public, key))
		abort();
	EVP_PKEY_free(key);
	ERR_clear_error();
	return 0;
}
