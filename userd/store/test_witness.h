/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of an archive with a witness: one of a few lines, with a counter and blocks that
 * say its value and a root; and jobs with real envelopes.
 */
#ifndef STORE_TEST_WITNESS_H
#define STORE_TEST_WITNESS_H

#include <errno.h>

#include "base/secret.h"
#include "store/envelope.h"
#include "store/test_archive.h"

/** define ENVELOPE_TEST_MAX - bytes that make_sealed() puts into an envelope at most */
#define ENVELOPE_TEST_MAX 9000

struct fake {
	uint64_t counter;
	bool asked;
	bool strict;
	bool unprotected;
	bool missing;
	bool dies;
	unsigned int seals;
	unsigned int anchors;
	bool ahead;
};

static struct fake fake;

static inline size_t make_block(uint64_t counter, const uint8_t *root, uint8_t *block)
{
	struct cursor_out out = cursor_out(block, KEYD_BLOCK_MAX);

	cursor_put_u64(&out, counter);
	cursor_put_raw(&out, root, ARCHIVE_ROOT_SIZE);
	return out.used;
}

static inline enum keyd_verdict judge(const uint8_t *block, size_t length, const uint8_t *root)
{
	struct cursor_in in = cursor_in(block, length);
	uint64_t counter = cursor_get_u64(&in);
	const uint8_t *sealed = cursor_get_bytes(&in, ARCHIVE_ROOT_SIZE);

	if (fake.unprotected)
		return KEYD_VERDICT_UNPROTECTED;
	if (fake.missing)
		return KEYD_VERDICT_MISSING;
	if (!length)
		return cursor_is_zero(root, ARCHIVE_ROOT_SIZE) ? KEYD_VERDICT_NEWEST
							       : KEYD_VERDICT_FOREIGN;
	if (counter < fake.counter)
		return KEYD_VERDICT_OLD;
	if (counter > fake.counter + 1)
		return KEYD_VERDICT_AHEAD;
	if (!secret_equal(sealed, root, ARCHIVE_ROOT_SIZE))
		return KEYD_VERDICT_DIFFERENT;
	fake.counter = counter;
	return KEYD_VERDICT_NEWEST;
}

static inline int fake_witness(void *context, const uint8_t *block, size_t length,
			       const uint8_t *root, enum keyd_verdict *ret_verdict,
			       bool *ret_strict)
{
	(void)context;
	*ret_verdict = judge(block, length, root);
	*ret_strict = fake.strict;
	fake.asked = *ret_verdict == KEYD_VERDICT_NEWEST;
	return 0;
}

static inline int fake_seal(void *context, bool ahead, const uint8_t *root, uint8_t *block,
			    size_t room, size_t *ret_length)
{
	(void)context;
	if (!fake.asked)
		return -ESTALE;
	assert_true(room >= KEYD_BLOCK_MAX);
	fake.seals++;
	fake.ahead = ahead;
	*ret_length = make_block(fake.counter + ahead, root, block);
	return 0;
}

static inline int fake_anchor(void *context)
{
	(void)context;
	if (fake.dies)
		return -ECANCELED;
	if (!fake.asked || !fake.ahead)
		return -EINVAL;
	fake.ahead = false;
	fake.anchors++;
	fake.counter++;
	return 0;
}

static inline void open_witnessed(struct place *place)
{
	const struct archive_witness witness = {
		.witness = fake_witness,
		.seal = fake_seal,
		.anchor = fake_anchor,
	};

	open_it(place);
	archive_set_witness(place->archive, &witness);
}

static inline void close_it(struct place *place)
{
	place->archive = archive_free(place->archive);
	fake.asked = false;
}

/* A job with a real envelope, around @size bytes that nobody else has. */
static inline struct archive_job *make_sealed(enum archive_kind kind, uint8_t who,
					      uint64_t generation, size_t size,
					      struct outcome *outcome)
{
	struct archive_job *job = make(kind, who, generation, NULL, outcome);
	uint8_t key[GCM_KEY_SIZE] = { who }, plain[ENVELOPE_TEST_MAX];
	uint8_t bytes[sizeof(plain) + ENVELOPE_OVERHEAD];
	struct envelope_key data_key;
	size_t length;

	assert_true(size <= sizeof(plain));
	memset(plain, (int)(who * 16 + generation), size);
	assert_int_equal(envelope_key_init(&data_key, key, job->define.uuid, 1, 1), 0);
	assert_int_equal(envelope_seal(&data_key, ENVELOPE_PERMANENT, generation, plain, size,
				       bytes, sizeof(bytes), &length),
			 0);
	envelope_key_done(&data_key);
	assert_int_equal(archive_job_bytes(job, bytes, length), 0);
	return job;
}

/* Is it what make_sealed() made for these? */
static inline bool opens(const uint8_t *bytes, size_t length, uint8_t who, uint64_t generation)
{
	uint8_t key[GCM_KEY_SIZE] = { who }, uuid[16], plain[ENVELOPE_TEST_MAX];
	struct envelope_key data_key;
	const char *reason;
	size_t size;
	int r;

	memset(uuid, who, sizeof(uuid));
	assert_int_equal(envelope_key_init(&data_key, key, uuid, 1, 1), 0);
	r = envelope_open(&data_key, ENVELOPE_PERMANENT, generation, bytes, length, plain,
			  sizeof(plain), &size, &reason);
	envelope_key_done(&data_key);
	for (size_t i = 0; !r && i < size; i++)
		if (plain[i] != (uint8_t)(who * 16 + generation))
			r = -EBADMSG;
	return !r;
}

static inline struct outcome write_one(struct place *place, enum archive_kind kind, uint8_t who,
				       uint64_t generation)
{
	struct outcome outcome = { 0 };

	archive_submit(place->archive, make_sealed(kind, who, generation, 5, &outcome));
	wait_for(place, &outcome, 1);
	return outcome;
}

#endif /* STORE_TEST_WITNESS_H */
