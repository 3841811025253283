// SPDX-License-Identifier: BSD-3-Clause
/*
 * Rulings, signed here by a CA of a moment: what is read, and what is not believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "attest/ruling.h"

#define NAME "000b" "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHA  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GOOD                                                                                    \
	"{\"format\":\"vtpm-verdict-v1\",\"host\":\"0e3c\",\"ak_name\":\"" NAME "\","            \
	"\"clock\":12345678901,\"resets\":4294967295,\"restarts\":3,\"status\":\"passed\","      \
	"\"verified_at\":\"2026-01-02T03:04:05Z\",\"valid_until\":\"2026-01-02T04:04:05Z\","     \
	"\"verified_by\":\"v1\",\"policy\":\"" SHA "\",\"ima_policy\":null}"

#define SELF                                                                                    \
	"{\"format\":\"vtpm-verdict-v1\",\"host\":\"0e3c\",\"ak_name\":\"" NAME "\","            \
	"\"clock\":1,\"resets\":4,\"restarts\":3,\"status\":\"unknown\",\"verified_at\":"         \
	"\"2026-01-02T03:04:05Z\",\"valid_until\":null,\"verified_by\":\"self\",\"policy\":"       \
	"null,\"ima_policy\":null}"

static EVP_PKEY *keys[2];
static X509 *by[2];
static uint8_t signature[RULING_SIGNATURE_MAX];
static size_t size;

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		keys[i] = EVP_EC_gen("P-256");
		by[i] = X509_new();
		if (!keys[i] || !by[i] || !X509_set_pubkey(by[i], keys[i]))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_free(keys[i]);
		X509_free(by[i]);
	}
	return 0;
}

static void sign(const char *words, const char *text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	size = sizeof(signature);
	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, keys[0]), 1);
	assert_int_equal(EVP_DigestSignUpdate(context, words, strlen(words) + 1), 1);
	assert_int_equal(EVP_DigestSignUpdate(context, text, strlen(text)), 1);
	assert_int_equal(EVP_DigestSignFinal(context, signature, &size), 1);
	EVP_MD_CTX_free(context);
}

static int read_text(const char *text, struct ruling *ret)
{
	return ruling_read(ret, by[0], text, strlen(text), signature, size);
}

static void test_ruling_read(void **state)
{
	struct ruling ruling;

	(void)state;
	sign(RULING_WORDS, GOOD);
	assert_int_equal(read_text(GOOD, &ruling), 0);
	assert_string_equal(ruling.host, "0e3c");
	assert_int_equal(ruling.ak_name.size, 34);
	assert_int_equal(ruling.ak_name.bytes[1], 0x0b);
	assert_true(ruling.clock == 12345678901);
	assert_true(ruling.resets == UINT32_MAX && ruling.restarts == 3);
	assert_int_equal(ruling.status, ATTEST_PASSED);
	assert_true(ruling.verified_at == 1767323045);
	assert_true(ruling.valid_until - ruling.verified_at == 3600);
	assert_string_equal(ruling.verified_by, "v1");
	assert_string_equal(ruling.policy, SHA);
	assert_string_equal(ruling.ima_policy, "");
	/* a verifier on itself */
	sign(RULING_WORDS, SELF);
	assert_int_equal(read_text(SELF, &ruling), 0);
	assert_int_equal(ruling.status, ATTEST_UNKNOWN);
	assert_true(ruling.valid_until == ruling.verified_at);
}

static void test_ruling_forged(void **state)
{
	char text[RULING_TEXT_MAX + 2];
	struct ruling ruling;

	(void)state;
	sign(RULING_WORDS, GOOD);
	/* each byte counts */
	for (size_t i = 0; i < strlen(GOOD); i++) {
		snprintf(text, sizeof(text), "%s", GOOD);
		text[i] ^= 1;
		assert_int_equal(read_text(text, &ruling), -EKEYREJECTED);
	}
	assert_int_equal(ruling_read(&ruling, by[1], GOOD, strlen(GOOD), signature, size),
			 -EKEYREJECTED);
	assert_int_equal(ruling_read(&ruling, by[0], GOOD, strlen(GOOD), signature, size - 1),
			 -EKEYREJECTED);
	assert_int_equal(ruling_read(&ruling, by[0], GOOD, strlen(GOOD), signature, 0),
			 -EKEYREJECTED);
	/* what the CA signs for another purpose is no ruling */
	sign("vtpm-report-v1", GOOD);
	assert_int_equal(read_text(GOOD, &ruling), -EKEYREJECTED);
}

/* Signed, and not understood. */
static void test_ruling_strange(void **state)
{
	static const struct {
		const char *from;
		const char *to;
	} changes[] = {
		{ "vtpm-verdict-v1", "vtpm-verdict-v2" },
		{ "passed", "excellent" },
		{ NAME, "000" },
		{ NAME, "zz" },
		{ NAME, NAME NAME NAME },
		{ "12345678901", "-1" },
		{ "12345678901", "\"1\"" },
		{ "4294967295", "4294967296" },
		{ "\"restarts\":3,", "" },
		{ "\"restarts\":3,", "\"restarts\":3,\"more\":1," },
		{ "\"restarts\":3,", "\"restarts\":3,\"restarts\":3," },
		{ "2026-01-02T03:04:05Z", "2026-01-02 03:04:05" },
		{ "2026-01-02T03:04:05Z", "2026-01-02T05:04:05Z" },
		{ "2026-01-02T03:04:05Z", "1960-01-02T05:04:05Z" },
		{ "\"v1\"", "null" },
		{ "\"" SHA "\"", "\"0011\"" },
		{ "null}", "null}x" },
		{ "\"0e3c\"", "\"0123456789012345678901234567890123456789\"" },
	};
	char text[RULING_TEXT_MAX];
	struct ruling ruling;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at = strstr(GOOD, changes[i].from);

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, changes[i].to,
			 at + strlen(changes[i].from));
		sign(RULING_WORDS, text);
		assert_int_equal(read_text(text, &ruling), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ruling_read),
		cmocka_unit_test(test_ruling_forged),
		cmocka_unit_test(test_ruling_strange),
	};

	return cmocka_run_group_tests_name("attest/ruling", tests, setup, teardown);
}
