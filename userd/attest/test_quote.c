// SPDX-License-Identifier: BSD-3-Clause
/*
 * Quotes: honest ones of all kinds, then each way to lie, with the reason that has to
 * name it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <cmocka.h>

#include "attest/signature.h"
#include "attest/test_quote.h"

static struct attest_verdict verdict;
static struct quote result;

static int check(struct test_quote *quote, const struct quote_evidence *evidence)
{
	verdict = (struct attest_verdict){ 0 };
	return quote_check(&result, evidence, quote->hash, &verdict);
}

static bool says(const char *code)
{
	for (size_t i = 0; i < verdict.count; i++)
		if (!strncmp(verdict.reasons[i].code, code, strlen(code)))
			return true;
	return false;
}

static void assert_passes(struct test_quote *quote)
{
	const struct quote_evidence evidence = test_quote_evidence(quote);

	assert_int_equal(check(quote, &evidence), 0);
	if (verdict.status != ATTEST_PASSED)
		fail_msg("%s: %s", verdict.reasons[0].code, verdict.reasons[0].text);
	assert_int_equal(verdict.unchecked_count, 0);
	assert_int_equal(result.pcrs.has[ATTEST_SHA256], 0x47ff);
}

static void test_quote_honest(void **state)
{
	static const uint16_t schemes[2][3] = { { TPM_ALG_ECDSA, TPM_ALG_ECDSA, 0 },
						{ TPM_ALG_RSASSA, TPM_ALG_RSAPSS, 0 } };

	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		struct test_quote *quote = test_quote_new(rsa);

		for (int i = 0; i < 3; i++) {
			quote->scheme = schemes[rsa][i];
			test_quote_sign(quote);
			assert_passes(quote);
		}
		quote->scheme = schemes[rsa][0];
		quote->bank = ATTEST_SHA384;
		test_quote_sign(quote);
		assert_passes(quote);
		test_quote_free(quote);
	}
}

/* The size is part of neither the key nor its name. */
static void test_quote_bare_public(void **state)
{
	struct test_quote *quote = test_quote_new(false);
	struct quote_evidence evidence = test_quote_evidence(quote);
	struct public_name name;

	(void)state;
	assert_int_equal(check(quote, &evidence), 0);
	name = result.ak_name;
	evidence.ak = (struct hash_part){ quote->ak.base + 2, quote->ak.used - 2 };
	assert_int_equal(check(quote, &evidence), 0);
	assert_int_equal(verdict.status, ATTEST_PASSED);
	assert_int_equal(name.size, 34);
	assert_memory_equal(name.bytes, result.ak_name.bytes, 34);
	test_quote_free(quote);
}

static void test_quote_bare_key(void **state)
{
	struct test_quote *quote = test_quote_new(true);
	struct quote_evidence evidence = test_quote_evidence(quote);
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;

	(void)state;
	PEM_write_bio_PUBKEY(bio, quote->ak_key);
	evidence.ak.length = (size_t)BIO_get_mem_data(bio, &bytes);
	evidence.ak.at = bytes;
	assert_int_equal(check(quote, &evidence), 0);
	assert_int_equal(verdict.status, ATTEST_PASSED);
	assert_int_equal(verdict.unchecked_count, 2);
	assert_int_equal(result.ak_name.size, 0);
	BIO_free(bio);
	bio = BIO_new(BIO_s_mem());
	i2d_PUBKEY_bio(bio, quote->ak_key);
	evidence.ak.length = (size_t)BIO_get_mem_data(bio, &bytes);
	evidence.ak.at = bytes;
	assert_int_equal(check(quote, &evidence), 0);
	assert_int_equal(verdict.status, ATTEST_PASSED);
	evidence.ak.length--;
	assert_int_equal(check(quote, &evidence), -EBADMSG);
	BIO_write(bio, "", 1);
	evidence.ak.length = (size_t)BIO_get_mem_data(bio, &bytes);
	evidence.ak.at = bytes;
	assert_int_equal(check(quote, &evidence), -EBADMSG);
	BIO_free(bio);
	test_quote_free(quote);
}

/* Ways to lie; each is played on an honest quote, and signed by its key where a TPM would. */
static void no_magic(struct test_quote *quote)
{
	quote->magic = 0x12345678;
}

static void time_of_tpm(struct test_quote *quote)
{
	quote->type = TPM_ST_ATTEST_TIME;
}

static void nv_of_tpm(struct test_quote *quote)
{
	quote->type = TPM_ST_ATTEST_NV;
}

static void certify_of_tpm(struct test_quote *quote)
{
	quote->type = TPM_ST_ATTEST_CERTIFY;
}

static void unknown_type(struct test_quote *quote)
{
	quote->type = 0x8001;
}

static void tail(struct test_quote *quote)
{
	quote->tail = 1;
}

static void signs_anything(struct test_quote *quote)
{
	quote->attributes &= ~(uint32_t)TPMA_OBJECT_RESTRICTED;
}

static void may_leave(struct test_quote *quote)
{
	quote->attributes &= ~(uint32_t)TPMA_OBJECT_FIXED_TPM;
}

static void from_outside(struct test_quote *quote)
{
	quote->attributes &= ~(uint32_t)TPMA_OBJECT_ORIGIN;
}

static void sha1_signature(struct test_quote *quote)
{
	quote->bank = ATTEST_SHA1;
}

static void sha1_values(struct test_quote *quote)
{
	quote->selection = (struct selection){ 1, { ATTEST_SHA1 }, { 0x47ff } };
	quote->values.has[ATTEST_SHA256] = 0;
	quote->values.has[ATTEST_SHA1] = 0x47ff;
}

static void fewer_pcrs(struct test_quote *quote)
{
	quote->selection.pcrs[0] = 0x400;
}

static void bank_is_off(struct test_quote *quote)
{
	quote->selection.pcrs[0] = 0;
}

static void no_pcrs(struct test_quote *quote)
{
	quote->selection.count = 0;
	quote->values.has[ATTEST_SHA256] = 0;
}

static void twice(struct test_quote *quote)
{
	quote->selection = (struct selection){ 2, { ATTEST_SHA256, ATTEST_SHA256 },
					       { 0x47ff, 1 } };
}

static void unsafe(struct test_quote *quote)
{
	quote->clock.safe = false;
}

/* After it was signed, on the way. */
static void other_values(struct test_quote *quote)
{
	quote->pcrs.base[quote->pcrs.used - 2] ^= 1;
}

static void other_statement(struct test_quote *quote)
{
	quote->message.base[quote->message.used - 1] ^= 1;
}

static void other_signature(struct test_quote *quote)
{
	quote->signature.base[quote->signature.used - 1] ^= 1;
}

static void other_ek(struct test_quote *quote)
{
	quote->ek.base[quote->ek.used - 1] ^= 1;
}

static void cut(struct test_quote *quote)
{
	quote->message.used--;
}

static void old_nonce(struct test_quote *quote)
{
	quote->nonce = "another nonce of 32 bytes.......";
}

static void short_nonce(struct test_quote *quote)
{
	quote->nonce = "a nonce of 32 bytes, used once.";
}

static void no_key(struct test_quote *quote)
{
	quote->ak.base[3] ^= 0x40;
}

static void long_key(struct test_quote *quote)
{
	quote->ak.used++;
}

static void text_of_nothing(struct test_quote *quote)
{
	quote->pcrs.base[0] = 1;
}

static const struct {
	const char *name;
	void (*before)(struct test_quote *quote);
	void (*after)(struct test_quote *quote);
	const char *code;
	int returned;
} lies[] = {
	{ "magic (CVE-2024-29038)", no_magic, NULL, "quote.magic", -EBADMSG },
	{ "a time statement", time_of_tpm, NULL, "quote.type", 0 },
	{ "an NV statement", nv_of_tpm, NULL, "quote.type", 0 },
	{ "a certify statement", certify_of_tpm, NULL, "quote.type", 0 },
	{ "an unknown statement", unknown_type, NULL, "quote.type", -EBADMSG },
	{ "bytes behind the end", tail, NULL, "quote.invalid", -EBADMSG },
	{ "cut", NULL, cut, "quote.invalid", -EBADMSG },
	{ "a key that signs anything", signs_anything, NULL, "ak.not-restricted", 0 },
	{ "a key that may leave", may_leave, NULL, "ak.not-restricted", 0 },
	{ "a key from outside", from_outside, NULL, "ak.not-restricted", 0 },
	{ "SHA-1 signature", sha1_signature, NULL, "quote.hash", 0 },
	{ "SHA-1 values", sha1_values, NULL, "quote.bank", 0 },
	{ "fewer PCRs (CVE-2024-29039)", fewer_pcrs, NULL, "quote.selection", 0 },
	{ "a bank that is off", bank_is_off, NULL, "quote.selection", 0 },
	{ "a PCR twice", twice, NULL, "quote.selection", 0 },
	{ "unsafe clock", unsafe, NULL, "clock.unsafe", 0 },
	{ "values changed (CVE-2022-0317)", NULL, other_values, "quote.pcrs", 0 },
	{ "statement changed", NULL, other_statement, "quote.signature", 0 },
	{ "signature changed", NULL, other_signature, "quote.signature", 0 },
	{ "another EK", NULL, other_ek, "quote.signer", 0 },
	{ "another nonce", NULL, old_nonce, "quote.nonce", 0 },
	{ "a beginning of the nonce", NULL, short_nonce, "quote.nonce", 0 },
	{ "no key", NULL, no_key, "ak.invalid", -EBADMSG },
	{ "bytes behind the key", NULL, long_key, "ak.invalid", -EBADMSG },
	{ "no PCR values", NULL, text_of_nothing, "pcrs.invalid", -EBADMSG },
	{ "no PCR is quoted", no_pcrs, NULL, "pcrs.invalid", -EBADMSG },
};

static void test_quote_lies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct test_quote *quote = test_quote_new(false);
		struct quote_evidence evidence;
		int r;

		if (lies[i].before)
			lies[i].before(quote);
		test_quote_sign(quote);
		if (lies[i].after)
			lies[i].after(quote);
		evidence = test_quote_evidence(quote);
		r = check(quote, &evidence);
		if (r != lies[i].returned || !says(lies[i].code) ||
		    verdict.status == ATTEST_PASSED)
			fail_msg("%s: returned %d, first reason %s", lies[i].name, r,
				 verdict.reasons[0].code);
		if (verdict.status == ATTEST_FAILED && !strcmp(lies[i].code, "quote.pcrs"))
			assert_int_equal(result.pcrs.has[ATTEST_SHA256], 0);
		test_quote_free(quote);
	}
}

/* A key of another kind than the signature's scheme. */
static void test_quote_other_key(void **state)
{
	struct test_quote *rsa = test_quote_new(true), *ecc = test_quote_new(false);
	struct quote_evidence evidence = test_quote_evidence(ecc), other = test_quote_evidence(rsa);

	(void)state;
	evidence.ak = other.ak;
	assert_int_equal(check(ecc, &evidence), 0);
	assert_true(says("quote.signature"));
	other.ak = test_quote_evidence(ecc).ak;
	assert_int_equal(check(rsa, &other), 0);
	assert_true(says("quote.signature"));
	test_quote_free(rsa);
	test_quote_free(ecc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote_honest),	   cmocka_unit_test(test_quote_bare_public),
		cmocka_unit_test(test_quote_bare_key),  cmocka_unit_test(test_quote_lies),
		cmocka_unit_test(test_quote_other_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
