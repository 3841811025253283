// SPDX-License-Identifier: BSD-3-Clause
/* Certificates of endorsement keys: a maker of TPMs with a root and one between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <cmocka.h>

#include "attest/ekcert.h"
#include "attest/test_quote.h"

#define YEAR	31536000L
#define PADDING 40

static struct attest_verdict verdict;
static struct ekcert result;
static struct test_quote *tpm;
static EVP_PKEY *root_key, *between_key;
static X509 *root, *between;

static void extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *make(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key,
		  const char *usage, long valid)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * YEAR);
	X509_gmtime_adj(X509_getm_notAfter(certificate), valid);
	if (name)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1,
					   -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
	X509_set_pubkey(certificate, key);
	extend(certificate, NID_basic_constraints, name ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (usage)
		extend(certificate, NID_ext_key_usage, usage);
	if (name)
		assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
	return certificate;
}

/* As the profile wants it: no subject, but a critical name of the TPM. */
static X509 *make_ek(const char *usage, bool named, long valid)
{
	static const char *const entries[][2] = { { "2.23.133.2.1", "id:53544D20" },
						  { "2.23.133.2.2", "model" },
						  { "2.23.133.2.3", "id:00010002" } };
	X509 *certificate = make(tpm->ek_key, NULL, between, NULL, usage, valid);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *inner = X509_NAME_new();

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(X509_NAME_add_entry_by_txt(inner, entries[i][0], V_ASN1_UTF8STRING,
							    (const uint8_t *)entries[i][1], -1, -1,
							    0), 1);
	GENERAL_NAME_set0_value(name, GEN_DIRNAME, inner);
	sk_GENERAL_NAME_push(names, name);
	if (named)
		assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 1, 0),
				 1);
	GENERAL_NAMES_free(names);
	assert_true(X509_sign(certificate, between_key, EVP_sha256()) > 0);
	return certificate;
}

static size_t to_der(X509 *certificate, uint8_t *to)
{
	uint8_t *at = to;
	int length = i2d_X509(certificate, &at);

	assert_true(length > 0);
	return (size_t)length;
}

/**
 * struct given - what the operator and the host give
 * @root: the root is believed
 * @root_by_host: the host brings it
 * @between: the host brings the one between
 * @padding: bytes behind the certificate
 * @ek: key it has to be of
 */
struct given {
	bool root;
	bool root_by_host;
	bool between;
	size_t padding;
	struct hash_part ek;
};

static int check(X509 *certificate, const struct given *given)
{
	struct ekcert_store *store = ekcert_store_new();
	static uint8_t bytes[8192];
	struct public ek;
	size_t length;
	int r;

	length = to_der(root, bytes);
	if (given->root || given->root_by_host)
		assert_int_equal(ekcert_store_add(store, bytes, length, given->root), 0);
	length = to_der(between, bytes);
	if (given->between)
		assert_int_equal(ekcert_store_add(store, bytes, length, false), 0);
	if (given->ek.at)
		assert_true(public_parse(&ek, given->ek.at, given->ek.length));
	length = to_der(certificate, bytes);
	for (size_t i = 0; i < given->padding; i++)
		bytes[length + i] = 0xff;
	verdict = (struct attest_verdict){ 0 };
	r = ekcert_check(&result, bytes, length + given->padding, store, given->ek.at ? &ek : NULL,
			 &verdict);
	ekcert_store_free(store);
	X509_free(certificate);
	return r;
}

static struct hash_part tpm_ek(void)
{
	return (struct hash_part){ tpm->ek.base, tpm->ek.used };
}

/* What one host sends stands between for it alone, and for no other host. */
static void test_ekcert_store_fork(void **state)
{
	struct ekcert_store *store = ekcert_store_new(), *fork;
	X509 *certificate = make_ek("2.23.133.8.1", true, YEAR);
	static uint8_t bytes[8192], chain[8192];
	size_t length = to_der(root, bytes), chain_length = to_der(between, chain);

	(void)state;
	assert_int_equal(ekcert_store_add(store, bytes, length, true), 0);
	fork = ekcert_store_fork(store);
	assert_non_null(fork);
	assert_int_equal(ekcert_store_roots(fork), 1);
	assert_int_equal(ekcert_store_add(fork, chain, chain_length, false), 0);
	length = to_der(certificate, bytes);
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(ekcert_check(&result, bytes, length, fork, NULL, &verdict), 0);
	assert_true(result.chained);
	ekcert_store_free(fork);
	assert_int_equal(ekcert_check(&result, bytes, length, store, NULL, &verdict), 0);
	assert_false(result.chained);
	ekcert_store_free(store);
	X509_free(certificate);
}

static void test_ekcert_good(void **state)
{
	const struct given given = { .root = true, .between = true, .padding = PADDING,
				     .ek = tpm_ek() };

	(void)state;
	assert_int_equal(check(make_ek("2.23.133.8.1", true, YEAR), &given), 0);
	if (verdict.status != ATTEST_PASSED)
		fail_msg("%s: %s", verdict.reasons[0].code, verdict.reasons[0].text);
	assert_string_equal(result.manufacturer, "id:53544D20");
	assert_string_equal(result.model, "model");
	assert_string_equal(result.version, "id:00010002");
	assert_string_equal(result.serial, "07");
	assert_true(result.chained);
	assert_int_equal(verdict.unchecked_count, 0);
}

static void expect(const char *what, const char *code, enum attest_status status)
{
	for (size_t i = 0; i < verdict.count; i++)
		if (!strcmp(verdict.reasons[i].code, code) && verdict.status == status)
			return;
	fail_msg("%s: %s", what, verdict.count ? verdict.reasons[0].code : "passed");
}

static void test_ekcert_bad(void **state)
{
	const struct given good = { .root = true, .between = true, .ek = tpm_ek() };
	struct given given = good;

	(void)state;
	given.between = false;
	check(make_ek("2.23.133.8.1", true, YEAR), &given);
	expect("nothing between", "ek.chain", ATTEST_FAILED);
	given = (struct given){ .between = true };
	check(make_ek("2.23.133.8.1", true, YEAR), &given);
	expect("no root", "ek.chain", ATTEST_UNKNOWN);
	given.root_by_host = true;
	check(make_ek("2.23.133.8.1", true, YEAR), &given);
	expect("the host's own root", "ek.chain", ATTEST_UNKNOWN);
	check(make_ek("2.23.133.8.1", true, -YEAR), &good);
	expect("out of date", "ek.expired", ATTEST_FAILED);
	check(make_ek("serverAuth", true, YEAR), &good);
	expect("another use", "ek.eku", ATTEST_FAILED);
	check(make_ek(NULL, true, YEAR), &good);
	expect("no use", "ek.eku", ATTEST_WARNING);
	check(make_ek("2.23.133.8.1", false, YEAR), &good);
	expect("no name", "ek.name", ATTEST_WARNING);
	X509_up_ref(between);
	check(between, &good);
	expect("an authority", "ek.eku", ATTEST_FAILED);
	given = good;
	given.ek = (struct hash_part){ tpm->ak.base, tpm->ak.used };
	check(make_ek("2.23.133.8.1", true, YEAR), &given);
	expect("another key", "ek.key-mismatch", ATTEST_FAILED);
}

/* Keys of all kinds that TPMs have, and a serial number below zero as some makers write it. */
static void test_ekcert_odd(void **state)
{
	EVP_PKEY *keys[] = { EVP_EC_gen("P-384"), EVP_EC_gen("P-521"), EVP_RSA_gen(2048),
			     EVP_RSA_gen(3072), EVP_RSA_gen(4096) };
	const struct given given = { .root = true, .between = true, .padding = PADDING };
	EVP_PKEY *own = tpm->ek_key;
	X509 *certificate;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		tpm->ek_key = keys[i];
		certificate = make_ek("2.23.133.8.1", true, YEAR);
		ASN1_INTEGER_set(X509_get_serialNumber(certificate), -200);
		assert_true(X509_sign(certificate, between_key, EVP_sha384()) > 0);
		assert_int_equal(check(certificate, &given), 0);
		assert_int_equal(verdict.status, ATTEST_PASSED);
		assert_string_equal(result.serial, "-C8");
		EVP_PKEY_free(keys[i]);
	}
	tpm->ek_key = own;
}

/* What stands between is out of date: nobody vouches any more. */
static void test_ekcert_old_maker(void **state)
{
	const struct given given = { .root = true, .between = true, .ek = tpm_ek() };
	X509 *kept = between;

	(void)state;
	between = make(between_key, "between", root, root_key, NULL, -YEAR);
	check(make_ek("2.23.133.8.1", true, YEAR), &given);
	expect("an old maker", "ek.expired", ATTEST_FAILED);
	X509_free(between);
	between = kept;
}

static void test_ekcert_malformed(void **state)
{
	struct ekcert_store *store = ekcert_store_new();

	(void)state;
	verdict = (struct attest_verdict){ 0 };
	assert_int_equal(ekcert_check(&result, (const uint8_t *)"\x30\x03..", 4, store, NULL,
				      &verdict), -EBADMSG);
	assert_true(verdict.malformed);
	assert_int_equal(ekcert_store_add(store, (const uint8_t *)"no", 2, true), -EBADMSG);
	assert_int_equal(ekcert_store_roots(store), 0);
	ekcert_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ekcert_store_fork),
		cmocka_unit_test(test_ekcert_good),
		cmocka_unit_test(test_ekcert_bad),
		cmocka_unit_test(test_ekcert_odd),
		cmocka_unit_test(test_ekcert_old_maker),
		cmocka_unit_test(test_ekcert_malformed),
	};
	int failed;

	tpm = test_quote_new(false);
	root_key = EVP_EC_gen("P-384");
	between_key = EVP_EC_gen("P-256");
	root = make(root_key, "root", NULL, root_key, NULL, YEAR);
	between = make(between_key, "between", root, root_key, NULL, YEAR);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	X509_free(root);
	X509_free(between);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(between_key);
	test_quote_free(tpm);
	return failed;
}
