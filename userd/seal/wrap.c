// SPDX-License-Identifier: BSD-3-Clause
/*
 * Wrap and unwrap; see the header. Nonces are random: one root key wraps far less
 * than the 2^32 keys for which that is good (SP 800-38D, 8.3).
 */
#include "seal/wrap.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"

#define WRAP_LABEL	    "vtpm wrap data keys"
#define WRAP_LABEL_ANCHORED "vtpm wrap data keys, anchored"
#define AAD_SIZE	    (1 + IPC_UUID_SIZE + 4)

static int wrapping_key(const uint8_t *root, bool anchored, uint8_t ret[SEAL_KEY_SIZE])
{
	const struct seal_bytes none = { 0 };

	return seal_derive((struct seal_bytes){ root, SEAL_KEY_SIZE }, none,
			   anchored ? WRAP_LABEL_ANCHORED : WRAP_LABEL, none, ret, SEAL_KEY_SIZE);
}

static uint8_t kind_of(const struct data_key *key)
{
	return key->plain ? WRAP_PLAIN : WRAP_SEALED;
}

static struct seal_bytes describe(uint8_t to[AAD_SIZE], const uint8_t *uuid,
				  const struct data_key *key)
{
	struct cursor_out out = cursor_out(to, AAD_SIZE);

	cursor_put_u8(&out, kind_of(key));
	cursor_put_raw(&out, uuid, IPC_UUID_SIZE);
	cursor_put_u32(&out, key->id);
	return (struct seal_bytes){ to, out.used };
}

int data_key_new(struct data_key *ret)
{
	*ret = (struct data_key){ 0 };
	do {
		if (seal_random(&ret->id, sizeof(ret->id)) ||
		    seal_random(ret->key, sizeof(ret->key)))
			return -EIO;
	} while (!ret->id);
	return 0;
}

int wrap_key(const uint8_t root[SEAL_KEY_SIZE], bool anchored, const uint8_t uuid[IPC_UUID_SIZE],
	     const struct data_key *key, uint8_t ret[WRAP_SIZE])
{
	struct cursor_out out = cursor_out(ret, WRAP_SIZE);
	uint8_t wrapping[SEAL_KEY_SIZE], nonce[SEAL_NONCE_SIZE], aad[AAD_SIZE];
	int r;

	r = seal_random(nonce, sizeof(nonce));
	if (!r)
		r = wrapping_key(root, anchored, wrapping);
	if (r)
		return r;
	cursor_put_u8(&out, kind_of(key));
	cursor_put_u32(&out, key->id);
	cursor_put_raw(&out, nonce, sizeof(nonce));
	r = seal_encrypt(wrapping, nonce, describe(aad, uuid, key),
			 (struct seal_bytes){ key->key, sizeof(key->key) }, ret + out.used);
	secret_wipe(wrapping, sizeof(wrapping));
	return r;
}

int unwrap_key(const uint8_t root[SEAL_KEY_SIZE], bool anchored, const uint8_t uuid[IPC_UUID_SIZE],
	       struct seal_bytes wrapped, struct data_key *ret)
{
	struct cursor_in in = cursor_in(wrapped.at, wrapped.length);
	uint8_t kind = cursor_get_u8(&in);
	struct data_key key = { .id = cursor_get_u32(&in), .plain = kind == WRAP_PLAIN };
	const uint8_t *nonce = cursor_get_bytes(&in, SEAL_NONCE_SIZE);
	uint8_t wrapping[SEAL_KEY_SIZE], aad[AAD_SIZE];
	int r;

	if (in.bad || kind != kind_of(&key) || wrapped.length != WRAP_SIZE)
		return -EKEYREJECTED;
	r = wrapping_key(root, anchored, wrapping);
	if (r)
		return r;
	r = seal_decrypt(wrapping, nonce, describe(aad, uuid, &key),
			 (struct seal_bytes){ in.at, in.left }, key.key);
	secret_wipe(wrapping, sizeof(wrapping));
	if (!r)
		*ret = key;
	secret_wipe(&key, sizeof(key));
	return r == -EBADMSG ? -EKEYREJECTED : r;
}
