// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fill and open; see the header. The key is used for one text, so that its nonce
 * may come from the same derivation.
 */
#include "seal/box.h"

#include <errno.h>

#include "base/cursor.h"
#include "base/secret.h"

struct box_key {
	uint8_t key[SEAL_KEY_SIZE];
	uint8_t nonce[SEAL_NONCE_SIZE];
};

static int derive(const uint8_t *shared, const uint8_t *ephemeral, const uint8_t *recipient,
		  const char *label, struct box_key *ret)
{
	uint8_t points[2 * SEAL_POINT_SIZE];
	struct cursor_out salt = cursor_out(points, sizeof(points));

	cursor_put_raw(&salt, ephemeral, SEAL_POINT_SIZE);
	cursor_put_raw(&salt, recipient, SEAL_POINT_SIZE);
	return seal_derive((struct seal_bytes){ shared, SEAL_KEY_SIZE },
			   (struct seal_bytes){ points, sizeof(points) }, label,
			   (struct seal_bytes){ 0 }, (uint8_t *)ret, sizeof(*ret));
}

int box_close(const uint8_t point[SEAL_POINT_SIZE], const char *label, struct seal_bytes aad,
	      struct seal_bytes text, uint8_t *ret)
{
	uint8_t scalar[SEAL_SCALAR_SIZE], ephemeral[SEAL_POINT_SIZE], shared[SEAL_KEY_SIZE];
	struct cursor_out out = cursor_out(ret, BOX_OVERHEAD);
	struct box_key key;
	int r;

	if (text.length > BOX_TEXT_MAX)
		return -EMSGSIZE;
	r = seal_pair_new(scalar, ephemeral);
	if (!r)
		r = seal_agree(scalar, point, shared);
	if (!r)
		r = derive(shared, ephemeral, point, label, &key);
	secret_wipe(scalar, sizeof(scalar));
	secret_wipe(shared, sizeof(shared));
	if (r)
		return r;
	cursor_put_u8(&out, BOX_VERSION);
	cursor_put_raw(&out, ephemeral, sizeof(ephemeral));
	r = seal_encrypt(key.key, key.nonce, aad, text, ret + out.used);
	secret_wipe(&key, sizeof(key));
	return r;
}

/* Return: the ephemeral public key, @in is at the ciphertext; NULL: it is no box. */
static const uint8_t *read_head(struct cursor_in *in)
{
	uint8_t version = cursor_get_u8(in);
	const uint8_t *ephemeral = cursor_get_bytes(in, SEAL_POINT_SIZE);

	return in->bad || version != BOX_VERSION || in->left < SEAL_TAG_SIZE ? NULL : ephemeral;
}

int box_sender(struct seal_bytes box, uint8_t ret[SEAL_POINT_SIZE])
{
	struct cursor_in in = cursor_in(box.at, box.length);
	const uint8_t *ephemeral = read_head(&in);

	return ephemeral && cursor_copy(ret, SEAL_POINT_SIZE, ephemeral, SEAL_POINT_SIZE) ?
		       0 :
		       -EBADMSG;
}

int box_open_agreed(const struct box_agreed *agreed, const char *label, struct seal_bytes aad,
		    struct seal_bytes box, uint8_t *ret, size_t room, size_t *ret_length)
{
	struct cursor_in in = cursor_in(box.at, box.length);
	const uint8_t *ephemeral = read_head(&in);
	struct box_key key;
	int r;

	if (!ephemeral)
		return -EBADMSG;
	if (in.left - SEAL_TAG_SIZE > room)
		return -EMSGSIZE;
	r = derive(agreed->shared, ephemeral, agreed->point, label, &key);
	if (!r)
		r = seal_decrypt(key.key, key.nonce, aad, (struct seal_bytes){ in.at, in.left },
				 ret);
	secret_wipe(&key, sizeof(key));
	if (!r)
		*ret_length = in.left - SEAL_TAG_SIZE;
	return r;
}

int box_open(const uint8_t scalar[SEAL_SCALAR_SIZE], const char *label, struct seal_bytes aad,
	     struct seal_bytes box, uint8_t *ret, size_t room, size_t *ret_length)
{
	uint8_t ephemeral[SEAL_POINT_SIZE];
	struct box_agreed agreed;
	int r = box_sender(box, ephemeral);

	if (r)
		return r;
	r = seal_point_of(scalar, agreed.point);
	if (r)
		return r;
	r = seal_agree(scalar, ephemeral, agreed.shared);
	if (!r)
		r = box_open_agreed(&agreed, label, aad, box, ret, room, ret_length);
	secret_wipe(&agreed, sizeof(agreed));
	return r == -EINVAL ? -EBADMSG : r;
}
