// SPDX-License-Identifier: BSD-3-Clause
/*
 * Write and read; see the header.
 */
#include "wire/leaf.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cursor.h"
#include "base/secret.h"

static const char magic[] = "vtpm-leaf-v1";
#define MAGIC (sizeof(magic) - 1)

#define CLAIMED (LEAF_CLAIM_SIZE - LEAF_HASH)

void leaf_put(const struct leaf *leaf, uint8_t ret[LEAF_SIZE])
{
	struct cursor_out out = cursor_out(ret, LEAF_SIZE);

	cursor_put_raw(&out, magic, MAGIC);
	cursor_put_raw(&out, leaf->nonce, sizeof(leaf->nonce));
	cursor_put_raw(&out, leaf->attest, sizeof(leaf->attest));
	cursor_put_raw(&out, leaf->ak_name, sizeof(leaf->ak_name));
	cursor_put_raw(&out, leaf->ek_name, sizeof(leaf->ek_name));
	cursor_put_raw(&out, leaf->uuid, sizeof(leaf->uuid));
	cursor_put_u64(&out, leaf->epoch);
	cursor_put_u64(&out, leaf->generation);
	cursor_put_raw(&out, leaf->policy, sizeof(leaf->policy));
	cursor_put_u8(&out, leaf->protection);
}

bool leaf_get(const void *bytes, size_t length, struct leaf *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct leaf leaf;
	char text[MAGIC];

	cursor_get_raw(&in, text, sizeof(text));
	cursor_get_raw(&in, leaf.nonce, sizeof(leaf.nonce));
	cursor_get_raw(&in, leaf.attest, sizeof(leaf.attest));
	cursor_get_raw(&in, leaf.ak_name, sizeof(leaf.ak_name));
	cursor_get_raw(&in, leaf.ek_name, sizeof(leaf.ek_name));
	cursor_get_raw(&in, leaf.uuid, sizeof(leaf.uuid));
	leaf.epoch = cursor_get_u64(&in);
	leaf.generation = cursor_get_u64(&in);
	cursor_get_raw(&in, leaf.policy, sizeof(leaf.policy));
	leaf.protection = cursor_get_u8(&in);
	if (!cursor_ended(&in) || strncmp(text, magic, MAGIC) != 0 ||
	    leaf.protection >= _LEAF_PROTECTION_MAX)
		return false;
	*ret = leaf;
	return true;
}

static int authenticate(const uint8_t claim[CLAIMED], const uint8_t key[LEAF_KEY_SIZE],
			uint8_t ret[LEAF_HASH])
{
	unsigned int length = LEAF_HASH;

	return HMAC(EVP_sha256(), key, LEAF_KEY_SIZE, claim, CLAIMED, ret, &length) ? 0 : -EIO;
}

int leaf_claim(const struct leaf *leaf, uint64_t since, const uint8_t key[LEAF_KEY_SIZE],
	       uint8_t ret[LEAF_CLAIM_SIZE])
{
	struct cursor_out out = cursor_out(ret, LEAF_CLAIM_SIZE);
	struct leaf claimed = *leaf;
	uint8_t bytes[LEAF_SIZE];

	claimed.protection = LEAF_CLAIMED;
	leaf_put(&claimed, bytes);
	cursor_put_u64(&out, since);
	cursor_put_raw(&out, bytes, sizeof(bytes));
	return authenticate(ret, key, ret + CLAIMED);
}

static bool read_claim(const void *bytes, size_t length, uint64_t *ret_since, struct leaf *ret)
{
	struct cursor_in in = cursor_in(bytes, length);

	*ret_since = cursor_get_u64(&in);
	return length == LEAF_CLAIM_SIZE && leaf_get(in.at, LEAF_SIZE, ret) &&
	       ret->protection == LEAF_CLAIMED;
}

bool leaf_claimant(const void *bytes, size_t length, struct leaf_claimant *ret)
{
	struct leaf leaf;
	uint64_t since;

	if (!read_claim(bytes, length, &since, &leaf))
		return false;
	ret->since = since;
	return cursor_copy(ret->uuid, sizeof(ret->uuid), leaf.uuid, sizeof(leaf.uuid));
}

int leaf_believe(const uint8_t bytes[LEAF_CLAIM_SIZE], const uint8_t key[LEAF_KEY_SIZE],
		 struct leaf *ret)
{
	uint8_t right[LEAF_HASH];
	struct leaf leaf;
	uint64_t since;
	bool same;

	if (authenticate(bytes, key, right))
		return -EIO;
	same = secret_equal(right, bytes + CLAIMED, sizeof(right));
	secret_wipe(right, sizeof(right));
	if (!same || !read_claim(bytes, LEAF_CLAIM_SIZE, &since, &leaf) || leaf.epoch < since)
		return -EACCES;
	*ret = leaf;
	return 0;
}
