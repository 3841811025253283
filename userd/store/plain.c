// SPDX-License-Identifier: BSD-3-Clause
/*
 * The plain backend: one file, for tests and for an engine on its own. What it is given
 * it writes as it is: engines give it envelopes.
 *
 * The file has two slots, used in turn: a commit overwrites the older one, so the
 * newest record is never touched and a torn write costs nothing. A slot is
 *
 *	magic u64 | version u32 | length u32 | generation u64 | SHA-256 | payload
 *
 * with the digest over the head before it and the payload. The newest whole
 * slot counts; the other one is of no interest, whole or not.
 *
 * A file without any whole slot is CORRUPT, unless it never had one. So that a
 * first commit, torn half-way, is not mistaken for damage, it is preceded by
 * a blank record (generation 0, no payload) in the other slot, and that is taken
 * away once the first commit is durable: from then on damage is damage.
 *
 * Only the descriptor is used: the engine cannot open files. What this backend
 * cannot see: an old copy of the whole file put back, or the newest slot
 * rotting so that the one before counts. The checkpoint's generation shows the
 * latter to a resuming engine; rollback protection is not this backend's.
 */
#include "store/store.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "base/secret.h"

#define PLAIN_MAGIC   0x7674706d706c6e31ull /* "vtpmpln1" */
#define PLAIN_VERSION 1
#define PLAIN_DIGEST  32
#define PLAIN_SIGNED  24 /* head before the digest */
#define PLAIN_HEAD    (PLAIN_SIGNED + PLAIN_DIGEST)
#define PLAIN_SLOT    (512 << 10)

enum slot_state {
	SLOT_EMPTY,
	SLOT_WHOLE,
	SLOT_BROKEN,
};

struct store_plain {
	struct store store;
	int fd;
	EVP_MD_CTX *digest;
	bool loaded;
	bool whole;	     /* some slot holds a whole record, blank or not */
	int newest;	     /* which one */
	uint64_t generation; /* of the newest, 0 for a blank one or none */
	uint8_t bytes[2][STORE_RECORD_MAX];
};

struct slot {
	enum slot_state state;
	uint64_t generation;
	size_t length;
};

static off_t slot_offset(int index)
{
	return (off_t)index * PLAIN_SLOT;
}

static int slot_digest(struct store_plain *plain, const uint8_t *head, const uint8_t *bytes,
		       size_t length, uint8_t ret[PLAIN_DIGEST])
{
	if (!EVP_DigestInit_ex(plain->digest, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(plain->digest, head, PLAIN_SIGNED) ||
	    !EVP_DigestUpdate(plain->digest, bytes, length) ||
	    !EVP_DigestFinal_ex(plain->digest, ret, NULL))
		return -ENOMEM;
	return 0;
}

static int slot_read(struct store_plain *plain, int index, struct slot *ret)
{
	uint8_t head[PLAIN_HEAD] = { 0 }, digest[PLAIN_DIGEST];
	uint8_t *bytes = plain->bytes[index];
	uint64_t magic, generation;
	uint32_t version, length;
	struct cursor_in in;
	ssize_t n;
	int r;

	n = fd_pread_full(plain->fd, head, sizeof(head), slot_offset(index));
	if (n < 0)
		return (int)n;

	*ret = (struct slot){ .state = SLOT_EMPTY };
	if (cursor_is_zero(head, sizeof(head)))
		return 0;

	ret->state = SLOT_BROKEN;
	in = cursor_in(head, (size_t)n);
	magic = cursor_get_u64(&in);
	version = cursor_get_u32(&in);
	length = cursor_get_u32(&in);
	generation = cursor_get_u64(&in);
	if (n < PLAIN_HEAD || magic != PLAIN_MAGIC || version != PLAIN_VERSION ||
	    length > STORE_RECORD_MAX || !generation != !length)
		return 0;

	n = fd_pread_full(plain->fd, bytes, length, slot_offset(index) + PLAIN_HEAD);
	if (n < 0)
		return (int)n;
	if ((size_t)n < length)
		return 0;

	r = slot_digest(plain, head, bytes, length, digest);
	if (r)
		return r;
	if (!secret_equal(digest, cursor_get_bytes(&in, PLAIN_DIGEST), PLAIN_DIGEST))
		return 0;

	*ret = (struct slot){ .state = SLOT_WHOLE, .generation = generation, .length = length };
	return 0;
}

static int plain_load(struct store *store, struct store_record *ret)
{
	struct store_plain *plain = (struct store_plain *)store;
	struct slot slot[2];

	for (int i = 0; i < 2; i++) {
		int r = slot_read(plain, i, &slot[i]);

		if (r)
			return r;
	}

	plain->whole = slot[0].state == SLOT_WHOLE || slot[1].state == SLOT_WHOLE;
	plain->newest = slot[1].state == SLOT_WHOLE &&
			(slot[0].state != SLOT_WHOLE || slot[1].generation > slot[0].generation);
	plain->generation = plain->whole ? slot[plain->newest].generation : 0;
	plain->loaded = true;

	if (!plain->whole) {
		if (slot[0].state == SLOT_EMPTY && slot[1].state == SLOT_EMPTY)
			return 0;
		ret->state = STORE_CORRUPT;
		ret->reason = "no slot of the state file holds a whole record";
		return 0;
	}
	if (slot[0].state == slot[1].state && slot[0].generation == slot[1].generation) {
		ret->state = STORE_CORRUPT;
		ret->reason = "both slots of the state file have the same generation";
		return 0;
	}
	if (!slot[plain->newest].generation)
		return 0;

	*ret = (struct store_record){
		.state = STORE_OK,
		.generation = slot[plain->newest].generation,
		.bytes = plain->bytes[plain->newest],
		.length = slot[plain->newest].length,
	};
	return 0;
}

/* Take back a write that did not succeed, so that it never counts. */
static int slot_clear(struct store_plain *plain, int index)
{
	static const uint8_t zero[PLAIN_HEAD];
	size_t written;

	if (fd_pwrite_parts(plain->fd, zero, sizeof(zero), NULL, 0, slot_offset(index), &written) ||
	    fdatasync(plain->fd))
		return -EUCLEAN;
	return 0;
}

static int slot_write(struct store_plain *plain, int index, uint64_t generation, const void *bytes,
		      size_t length)
{
	uint8_t head[PLAIN_HEAD], digest[PLAIN_DIGEST];
	struct cursor_out out = cursor_out(head, sizeof(head));
	size_t written;
	int r;

	cursor_put_u64(&out, PLAIN_MAGIC);
	cursor_put_u32(&out, PLAIN_VERSION);
	cursor_put_u32(&out, (uint32_t)length);
	cursor_put_u64(&out, generation);
	r = slot_digest(plain, head, bytes, length, digest);
	if (r)
		return r;
	cursor_put_raw(&out, digest, sizeof(digest));

	r = fd_pwrite_parts(plain->fd, head, sizeof(head), bytes, length, slot_offset(index),
			    &written);
	if (!r && fdatasync(plain->fd))
		r = -errno;
	if (r && written && slot_clear(plain, index))
		return -EUCLEAN;
	return r;
}

static int plain_commit(struct store *store, uint64_t generation, const void *bytes, size_t length)
{
	struct store_plain *plain = (struct store_plain *)store;
	int r;

	/* Two whole slots of one generation would be CORRUPT to the next load. */
	if (!plain->loaded || generation <= plain->generation)
		return -EINVAL;
	if (!plain->whole) {
		r = slot_write(plain, 0, 0, NULL, 0);
		if (r)
			return r;
		plain->whole = true;
		plain->newest = 0;
	}

	r = slot_write(plain, !plain->newest, generation, bytes, length);
	if (r)
		return r;
	/* Should this fail, the next commit overwrites the blank record. */
	if (!plain->generation)
		(void)slot_clear(plain, plain->newest);
	plain->newest = !plain->newest;
	plain->generation = generation;
	return 0;
}

static void plain_free(struct store *store)
{
	struct store_plain *plain = (struct store_plain *)store;

	EVP_MD_CTX_free(plain->digest);
	secret_wipe(plain, sizeof(*plain));
	free(plain);
}

static const struct store_ops plain_ops = {
	.load = plain_load,
	.commit = plain_commit,
	.free = plain_free,
};

struct store *store_plain_new(int fd)
{
	struct store_plain *plain = calloc(1, sizeof(*plain));

	if (!plain)
		return NULL;
	plain->store.ops = &plain_ops;
	plain->fd = fd;
	plain->digest = EVP_MD_CTX_new();
	if (!plain->digest)
		return store_free(&plain->store);
	return &plain->store;
}
