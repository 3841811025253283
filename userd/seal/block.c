// SPDX-License-Identifier: BSD-3-Clause
/*
 * Seal and open; see the header.
 */
#include "seal/block.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"

#define BLOCK_LABEL "vtpm root block"
#define HEAD_SIZE   (1 + 8)
#define PLAIN_SIZE  (2 * KEYD_ROOT_SIZE)

static int sealing_key(const struct block_place *place, uint64_t counter,
		       uint8_t ret[SEAL_KEY_SIZE])
{
	uint8_t context[sizeof(place->storage->name) + 12];
	struct cursor_out out = cursor_out(context, sizeof(context));

	cursor_put_u32(&out, place->handle);
	cursor_put_u64(&out, counter);
	cursor_put_raw(&out, place->storage->name, place->storage->size);
	if (out.bad)
		return -EIO;
	return seal_derive((struct seal_bytes){ place->key, SEAL_KEY_SIZE },
			   (struct seal_bytes){ 0 }, BLOCK_LABEL,
			   (struct seal_bytes){ context, out.used }, ret, SEAL_KEY_SIZE);
}

int block_seal(const struct block_place *place, const struct block *block, uint8_t ret[BLOCK_SIZE])
{
	struct cursor_out out = cursor_out(ret, BLOCK_SIZE);
	uint8_t key[SEAL_KEY_SIZE], nonce[SEAL_NONCE_SIZE], plain[PLAIN_SIZE] = { 0 };
	int r;

	r = seal_random(nonce, sizeof(nonce));
	if (!r)
		r = sealing_key(place, block->counter, key);
	if (r)
		return r;
	cursor_put_u8(&out, BLOCK_VERSION);
	cursor_put_u64(&out, block->counter);
	cursor_put_raw(&out, nonce, sizeof(nonce));
	cursor_copy(plain, sizeof(plain), block->root, sizeof(block->root));
	r = seal_encrypt(key, nonce, (struct seal_bytes){ ret, HEAD_SIZE },
			 (struct seal_bytes){ plain, sizeof(plain) }, ret + out.used);
	secret_wipe(key, sizeof(key));
	return r;
}

int block_open(const struct block_place *place, struct seal_bytes bytes, struct block *ret)
{
	struct cursor_in in = cursor_in(bytes.at, bytes.length);
	uint8_t version = cursor_get_u8(&in);
	struct block block = { .counter = cursor_get_u64(&in) };
	const uint8_t *nonce = cursor_get_bytes(&in, SEAL_NONCE_SIZE);
	uint8_t key[SEAL_KEY_SIZE], plain[PLAIN_SIZE];
	int r;

	if (in.bad || version != BLOCK_VERSION || bytes.length != BLOCK_SIZE)
		return -EBADMSG;
	r = sealing_key(place, block.counter, key);
	if (r)
		return r;
	r = seal_decrypt(key, nonce, (struct seal_bytes){ bytes.at, HEAD_SIZE },
			 (struct seal_bytes){ in.at, in.left }, plain);
	secret_wipe(key, sizeof(key));
	if (r)
		return r;
	cursor_copy(block.root, sizeof(block.root), plain, sizeof(block.root));
	*ret = block;
	return 0;
}
