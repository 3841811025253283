// SPDX-License-Identifier: BSD-3-Clause
/*
 * An envelope opens where it was made for, and nowhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "store/envelope.h"

#define GENERATION 5

static const uint8_t data_key[GCM_KEY_SIZE] = { 1, 2, 3 };
static const uint8_t uuid[ENVELOPE_UUID_SIZE] = { 4, 5, 6 };
static const char text[] = "what a TPM knows";

static struct envelope_key key;
static uint8_t envelope[sizeof(text) + ENVELOPE_OVERHEAD];
static uint8_t plain[sizeof(text)];
static const char *reason;

static int setup(void **state)
{
	size_t length = 0;

	(void)state;
	reason = NULL;
	if (envelope_key_init(&key, data_key, uuid, 7, 9) ||
	    envelope_seal(&key, ENVELOPE_PERMANENT, GENERATION, text, sizeof(text), envelope,
			  sizeof(envelope), &length))
		return -1;
	return length != sizeof(envelope);
}

static int teardown(void **state)
{
	(void)state;
	envelope_key_done(&key);
	return 0;
}

static int open_bytes(const uint8_t *bytes, size_t count)
{
	size_t length = 0;
	int r = envelope_open(&key, ENVELOPE_PERMANENT, GENERATION, bytes, count, plain,
			      sizeof(plain), &length, &reason);

	if (!r)
		assert_int_equal(length, sizeof(text));
	return r;
}

static void test_envelope_opens(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(open_bytes(envelope, sizeof(envelope)), 0);
		assert_memory_equal(plain, text, sizeof(text));
	}
	assert_null(memmem(envelope, sizeof(envelope), "TPM knows", 9));
}

static void test_envelope_never_seals_twice_the_same(void **state)
{
	uint8_t other[sizeof(envelope)];
	size_t length;

	(void)state;
	assert_int_equal(envelope_seal(&key, ENVELOPE_PERMANENT, GENERATION, text, sizeof(text),
				       other, sizeof(other), &length),
			 0);
	assert_memory_not_equal(other + 52, envelope + 52, GCM_NONCE_SIZE);
	assert_memory_not_equal(other + ENVELOPE_HEAD_SIZE, envelope + ENVELOPE_HEAD_SIZE,
				sizeof(text));
}

static void test_envelope_every_flipped_byte_is_refused(void **state)
{
	static const uint8_t zero[sizeof(plain)];

	(void)state;
	for (size_t i = 0; i < sizeof(envelope); i++) {
		for (unsigned int bit = 1; bit < 256; bit <<= 1) {
			reason = NULL;
			envelope[i] ^= (uint8_t)bit;
			assert_int_equal(open_bytes(envelope, sizeof(envelope)), -EBADMSG);
			assert_non_null(reason);
			envelope[i] ^= (uint8_t)bit;
		}
	}
	/* nothing of it was given out */
	assert_memory_equal(plain, zero, sizeof(plain));
	assert_int_equal(open_bytes(envelope, sizeof(envelope)), 0);
}

static void test_envelope_every_prefix_is_refused(void **state)
{
	uint8_t longer[sizeof(envelope) + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(envelope); i++)
		assert_int_equal(open_bytes(envelope, i), -EBADMSG);
	for (size_t i = 0; i < sizeof(envelope); i++)
		longer[i] = envelope[i];
	assert_int_equal(open_bytes(longer, sizeof(longer)), -EBADMSG);
}

static void expect_refusal(const char *because)
{
	reason = NULL;
	assert_int_equal(open_bytes(envelope, sizeof(envelope)), -EBADMSG);
	assert_string_equal(reason, because);
}

static void test_envelope_of_something_else_is_refused(void **state)
{
	uint8_t wrong[GCM_KEY_SIZE] = { 0 };
	size_t length;

	(void)state;
	key.epoch++;
	expect_refusal("the envelope is of another epoch");
	key.epoch--;
	key.uuid[0]++;
	expect_refusal("the envelope is of another vTPM");
	key.uuid[0]--;
	key.id++;
	expect_refusal("the envelope was sealed with another data key");
	key.id--;
	assert_int_equal(envelope_open(&key, ENVELOPE_UNIT_KEY, GENERATION, envelope,
				       sizeof(envelope), plain, sizeof(plain), &length, &reason),
			 -EBADMSG);
	assert_int_equal(envelope_open(&key, ENVELOPE_PERMANENT, GENERATION - 1, envelope,
				       sizeof(envelope), plain, sizeof(plain), &length, &reason),
			 -EBADMSG);
	assert_int_equal(envelope_open(&key, ENVELOPE_PERMANENT, GENERATION, envelope,
				       sizeof(envelope), plain, sizeof(plain) - 1, &length,
				       &reason),
			 -EBADMSG);
	envelope_key_done(&key);
	assert_int_equal(envelope_key_init(&key, wrong, uuid, 7, 9), 0);
	expect_refusal("the envelope was changed, or the data key is a wrong one");
}

static void test_envelope_head_is_read_without_a_key(void **state)
{
	struct envelope_head head;

	(void)state;
	assert_int_equal(envelope_look(envelope, sizeof(envelope), &head), 0);
	assert_int_equal(head.kind, ENVELOPE_PERMANENT);
	assert_memory_equal(head.uuid, uuid, sizeof(head.uuid));
	assert_int_equal(head.epoch, 7);
	assert_int_equal(head.generation, GENERATION);
	for (size_t i = 0; i < sizeof(envelope); i++)
		assert_int_equal(envelope_look(envelope, i, &head), -EBADMSG);
	envelope[0] ^= 1;
	assert_int_equal(envelope_look(envelope, sizeof(envelope), &head), -EBADMSG);
}

static void test_envelope_needs_room(void **state)
{
	size_t length = 99;

	(void)state;
	assert_int_equal(envelope_seal(&key, ENVELOPE_PERMANENT, 1, text, sizeof(text), envelope,
				       sizeof(envelope) - 1, &length),
			 -EFBIG);
	assert_int_equal(envelope_seal(&key, ENVELOPE_PERMANENT, 1, text, 0, envelope,
				       ENVELOPE_OVERHEAD - 1, &length),
			 -EFBIG);
	assert_int_equal(length, 99);
}

static void test_gcm_is_the_standard_s(void **state)
{
	/* NIST's GCM validation vectors, gcmEncryptExtIV256, 128-bit plaintext, count 0 */
	static const uint8_t k[GCM_KEY_SIZE] = {
		0x31, 0xbd, 0xad, 0xd9, 0x66, 0x98, 0xc2, 0x04, 0xaa, 0x9c, 0xe1,
		0x44, 0x8e, 0xa9, 0x4a, 0xe1, 0xfb, 0x4a, 0x9a, 0x0b, 0x3c, 0x9d,
		0x77, 0x3b, 0x51, 0xbb, 0x18, 0x22, 0x66, 0x6b, 0x8f, 0x22,
	};
	static const uint8_t nonce[GCM_NONCE_SIZE] = {
		0x0d, 0x18, 0xe0, 0x6c, 0x7c, 0x72, 0x5a, 0xc9, 0xe3, 0x62, 0xe1, 0xce,
	};
	static const uint8_t message[16] = {
		0x2d, 0xb5, 0x16, 0x8e, 0x93, 0x25, 0x56, 0xf8,
		0x08, 0x9a, 0x06, 0x22, 0x98, 0x1d, 0x01, 0x7d,
	};
	static const uint8_t expected[16] = {
		0xfa, 0x43, 0x62, 0x18, 0x96, 0x61, 0xd1, 0x63,
		0xfc, 0xd6, 0xa5, 0x6d, 0x8b, 0xf0, 0x40, 0x5a,
	};
	static const uint8_t expected_tag[GCM_TAG_SIZE] = {
		0xd6, 0x36, 0xac, 0x1b, 0xbe, 0xdd, 0x5c, 0xc3,
		0xee, 0x72, 0x7d, 0xc2, 0xab, 0x4a, 0x94, 0x89,
	};
	uint8_t out[16], tag[GCM_TAG_SIZE];
	struct gcm_part parts[] = {
		{ .from = message, .to = out, .length = 5 },
		{ .from = message + 5, .to = out + 5, .length = 11 },
	};
	struct gcm gcm;

	(void)state;
	assert_int_equal(gcm_init(&gcm, k), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(gcm_seal(&gcm, nonce, NULL, 0, parts, 2, tag), 0);
		assert_memory_equal(out, expected, sizeof(out));
		assert_memory_equal(tag, expected_tag, sizeof(tag));
	}
	gcm_done(&gcm);
}

#define ENVELOPE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENVELOPE(test_envelope_opens),
		ENVELOPE(test_envelope_never_seals_twice_the_same),
		ENVELOPE(test_envelope_every_flipped_byte_is_refused),
		ENVELOPE(test_envelope_every_prefix_is_refused),
		ENVELOPE(test_envelope_of_something_else_is_refused),
		ENVELOPE(test_envelope_head_is_read_without_a_key),
		ENVELOPE(test_envelope_needs_room),
		cmocka_unit_test(test_gcm_is_the_standard_s),
	};

	return cmocka_run_group_tests_name("store/envelope", tests, NULL, NULL);
}
