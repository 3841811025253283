// SPDX-License-Identifier: BSD-3-Clause
/*
 * Heads written and compared field by field; see the header. Comparing them first
 * only makes a better reason: what lies is found out by the tag in any case.
 */
#include "store/envelope.h"

#include <errno.h>
#include <sys/random.h>

#include "base/cursor.h"
#include "base/secret.h"

#define ENVELOPE_MAGIC	 0x7674706d656e7631ull /* "vtpmenv1" */
#define ENVELOPE_VERSION 1

int envelope_key_init(struct envelope_key *key, const uint8_t bytes[GCM_KEY_SIZE],
		      const uint8_t uuid[ENVELOPE_UUID_SIZE], uint64_t epoch, uint32_t id)
{
	*key = (struct envelope_key){ .epoch = epoch, .id = id };
	cursor_copy(key->uuid, sizeof(key->uuid), uuid, ENVELOPE_UUID_SIZE);
	return gcm_init(&key->gcm, bytes);
}

void envelope_key_done(struct envelope_key *key)
{
	gcm_done(&key->gcm);
	*key = (struct envelope_key){ 0 };
}

int envelope_seal(struct envelope_key *key, enum envelope_kind kind, uint64_t generation,
		  const void *from, size_t length, void *to, size_t room, size_t *ret_length)
{
	struct cursor_out out = cursor_out(to, room);
	struct gcm_part part = { .from = from, .length = length };
	uint8_t nonce[GCM_NONCE_SIZE];
	int r;

	if (room < ENVELOPE_OVERHEAD || length > room - ENVELOPE_OVERHEAD)
		return -EFBIG;
	if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
		return -EIO;
	cursor_put_u64(&out, ENVELOPE_MAGIC);
	cursor_put_u32(&out, ENVELOPE_VERSION);
	cursor_put_u32(&out, kind);
	cursor_put_raw(&out, key->uuid, sizeof(key->uuid));
	cursor_put_u64(&out, key->epoch);
	cursor_put_u64(&out, generation);
	cursor_put_u32(&out, key->id);
	cursor_put_raw(&out, nonce, sizeof(nonce));
	cursor_put_u32(&out, (uint32_t)length);

	part.to = out.base + out.used;
	r = gcm_seal(&key->gcm, nonce, out.base, out.used, &part, 1, out.base + out.used + length);
	if (r)
		return r;
	*ret_length = length + ENVELOPE_OVERHEAD;
	return 0;
}

int envelope_look(const void *from, size_t length, struct envelope_head *ret)
{
	struct cursor_in in = cursor_in(from, length);
	uint64_t magic = cursor_get_u64(&in);
	uint32_t version = cursor_get_u32(&in);
	uint32_t inside;

	ret->kind = cursor_get_u32(&in);
	cursor_get_raw(&in, ret->uuid, sizeof(ret->uuid));
	ret->epoch = cursor_get_u64(&in);
	ret->generation = cursor_get_u64(&in);
	cursor_get_u32(&in);
	cursor_get_bytes(&in, GCM_NONCE_SIZE);
	inside = cursor_get_u32(&in);
	if (in.bad || magic != ENVELOPE_MAGIC || version != ENVELOPE_VERSION ||
	    in.left < GCM_TAG_SIZE || inside != in.left - GCM_TAG_SIZE)
		return -EBADMSG;
	return 0;
}

/* Walk over the head. Return: why it is not one for these, NULL if it may be. */
static const char *head_mismatch(struct cursor_in *in, const struct envelope_key *key,
				 enum envelope_kind kind, uint64_t generation,
				 const uint8_t **ret_nonce)
{
	uint64_t magic = cursor_get_u64(in);
	uint32_t version = cursor_get_u32(in);
	uint32_t is_kind = cursor_get_u32(in);
	const uint8_t *uuid = cursor_get_bytes(in, ENVELOPE_UUID_SIZE);
	uint64_t epoch = cursor_get_u64(in);
	uint64_t is_generation = cursor_get_u64(in);
	uint32_t id = cursor_get_u32(in);
	const uint8_t *nonce = cursor_get_bytes(in, GCM_NONCE_SIZE);
	uint32_t length = cursor_get_u32(in);

	if (in->bad || magic != ENVELOPE_MAGIC)
		return "it is not an envelope";
	if (version != ENVELOPE_VERSION)
		return "the envelope has an unknown version";
	if (in->left < GCM_TAG_SIZE || length != in->left - GCM_TAG_SIZE)
		return "the envelope has another length than it says";
	if (is_kind != kind)
		return "the envelope is of another kind";
	if (!secret_equal(uuid, key->uuid, ENVELOPE_UUID_SIZE))
		return "the envelope is of another vTPM";
	if (epoch != key->epoch)
		return "the envelope is of another epoch";
	if (is_generation != generation)
		return "the envelope is of another generation";
	if (id != key->id)
		return "the envelope was sealed with another data key";
	*ret_nonce = nonce;
	return NULL;
}

int envelope_open(struct envelope_key *key, enum envelope_kind kind, uint64_t generation,
		  const void *from, size_t length, void *to, size_t room, size_t *ret_length,
		  const char **ret_reason)
{
	struct cursor_in in = cursor_in(from, length);
	struct gcm_part part = { .to = to };
	const uint8_t *nonce;
	const char *reason;
	int r;

	reason = head_mismatch(&in, key, kind, generation, &nonce);
	if (!reason && in.left - GCM_TAG_SIZE > room)
		reason = "the envelope holds more than is possible";
	if (reason) {
		*ret_reason = reason;
		return -EBADMSG;
	}
	part.from = in.at;
	part.length = in.left - GCM_TAG_SIZE;
	r = gcm_open(&key->gcm, nonce, from, ENVELOPE_HEAD_SIZE, &part, 1, in.at + part.length);
	if (r == -EBADMSG)
		*ret_reason = "the envelope was changed, or the data key is a wrong one";
	if (!r)
		*ret_length = part.length;
	return r;
}
