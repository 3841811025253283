// SPDX-License-Identifier: BSD-3-Clause
/*
 * From the fleet's CA to a vTPM's key: the real vtpm-keyd at a host TPM played by swtpm proves
 * its CA's key, the fleet's CA certifies it, an engine gets a certificate, and openssl
 * verifies the chain. Then reasons why it is good no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "attest/certified.h"
#include "cert/cert.h"
#include "keyd/test_keyd.h"
#include "seal/root.h"
#include "verifier/authority.h"
#include "verifier/vtpmcert.h"

#define HOST "6f1f0b50-0000-4000-8000-000000000001"

static struct test_keyd keyd;
static struct test_reply reply;
static struct fleet *fleet;
static struct ca *ca;
static struct hash *hash;

/* What KEYD_CA_PROOF said, and the attestation key. */
static uint8_t key[1024], parent[1024], message[1024], signature[1024], ak[1024];
static uint8_t nonce[KEYD_CA_NONCE] = "a nonce of exactly 32 bytes....", about[SEAL_HASH_SIZE];
static struct certified shown;

static struct authority_row row;
static uint8_t authority[CA_CERTIFICATE_MAX], der[CERT_DER_MAX];
static size_t authority_size, der_size;

static struct hash_part take(uint8_t *to, size_t room)
{
	struct hash_part part = { to, 0 };
	const uint8_t *from = ipc_get_blob(&reply.in, room, &part.length);

	cursor_copy(to, room, from, part.length);
	return part;
}

static void ask_proof(void)
{
	uint8_t buffer[128], bytes[64];
	struct ipc_out out = test_begin(KEYD_CA_PROVE, buffer, sizeof(buffer));
	struct cursor_out words = cursor_out(bytes, sizeof(bytes));

	cursor_put_raw(&out.body, nonce, sizeof(nonce));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	shown.key = take(key, sizeof(key));
	shown.parent = take(parent, sizeof(parent));
	shown.message = take(message, sizeof(message));
	shown.signature = take(signature, sizeof(signature));
	assert_true(ipc_ended(&reply.in));
	out = test_begin(KEYD_HOST_AK, buffer, sizeof(buffer));
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	shown.ak = take(ak, sizeof(ak));
	cursor_put_raw(&words, KEYD_CA_WORDS, sizeof(KEYD_CA_WORDS) - 1);
	cursor_put_raw(&words, nonce, sizeof(nonce));
	assert_int_equal(seal_hash((struct seal_bytes){ bytes, words.used }, about), 0);
	shown.about = (struct hash_part){ about, sizeof(about) };
}

static void write_file(const char *base, const void *bytes, size_t length)
{
	test_file_write(keyd.dir, base, bytes, length);
}

/* Run a tool; @ in its line stands for the folder of the files. Return: its exit status. */
static int tool(const char *line)
{
	return test_tool_at(&keyd.swtpm, keyd.dir, line, NULL);
}

static void import(void)
{
	uint8_t buffer[KEYD_CHAIN_MAX], chain[KEYD_CHAIN_MAX];
	struct ipc_out out = test_begin(KEYD_CA_IMPORT, buffer, sizeof(buffer));
	struct cursor_out bytes = cursor_out(chain, sizeof(chain));
	uint8_t above[CA_CERTIFICATE_MAX];

	cursor_put_raw(&bytes, authority, authority_size);
	cursor_put_raw(&bytes, above, ca_der(ca, above));
	ipc_put_blob(&out, chain, bytes.used);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
}

static void certify_host(void)
{
	struct public public;
	EVP_PKEY *public_half;

	assert_null(certified_check(&shown, hash, &public));
	assert_null(certified_issues(&public));
	public_half = public_key(&public);
	assert_int_equal(
		ca_certify_authority(ca, public_half, &row, authority, &authority_size), 0);
	EVP_PKEY_free(public_half);
	assert_int_equal(authority_add(fleet, &row), 0);
}

/* An engine has its IAK certified. */
static void certify_vtpm(void)
{
	static const uint8_t head[] = { 0,    0x23, 0,	  0x0b, 0,    0x05, 0x04, 0x72, 0, 0, 0,
					0x10, 0,    0x18, 0,	0x0b, 0,    3,	  0,	0x10 };
	uint8_t buffer[1024], wrapped[KEYD_WRAPPED_MAX], area[128], scalar[32], point[65];
	struct ipc_out out = test_begin(KEYD_WITNESS, buffer, sizeof(buffer));
	struct cursor_out bytes = cursor_out(area, sizeof(area));
	size_t length;
	int channel;

	ipc_put_blob(&out, NULL, 0);
	cursor_put_raw(&out.body, KEYD_EMPTY_ROOT, KEYD_ROOT_SIZE);
	assert_int_equal(test_ask(&keyd, &out, &reply), 0);
	assert_int_equal(test_new_key(&keyd, TEST_UUID, wrapped, &length), 0);
	assert_int_equal(test_grant(&keyd, TEST_UUID, TEST_TICKET, wrapped, length, &reply), 0);
	channel = test_connect(&keyd);
	out = test_begin(KEYD_KEY, buffer, sizeof(buffer));
	cursor_put_raw(&out.body, TEST_UUID, IPC_UUID_SIZE);
	cursor_put_raw(&out.body, TEST_TICKET, KEYD_TICKET_SIZE);
	assert_int_equal(test_ask_on(channel, &out, &reply), 0);
	assert_int_equal(seal_pair_new(scalar, point), 0);
	cursor_put_raw(&bytes, head, sizeof(head));
	for (size_t i = 0; i < 2; i++) {
		cursor_put_u16(&bytes, 32);
		cursor_put_raw(&bytes, point + 1 + 32 * i, 32);
	}
	out = test_begin(KEYD_CERTIFY, buffer, sizeof(buffer));
	cursor_put_u8(&out.body, KEYD_CERT_IAK);
	ipc_put_blob(&out, area, bytes.used);
	assert_int_equal(test_ask_on(channel, &out, &reply), 0);
	assert_int_equal(reply.error, 0);
	assert_int_equal(cursor_get_u8(&reply.in.body), KEYD_CERT_ISSUED);
	cursor_get_bytes(&reply.in.body, KEYD_SERIAL_SIZE);
	der_size = take(der, sizeof(der)).length;
	close(channel);
}

static int setup(void **state)
{
	char reason[256], path[96];
	struct standing standing;
	struct fleet_keys keys = { 0 };

	(void)state;
	test_keyd_new(&keyd, TEST_STARTED);
	assert_int_equal(test_init(&keyd, 0, ROOT_PCRS_DEFAULT, NULL, &reply), 0);
	snprintf(path, sizeof(path), "%s/ca", keyd.dir);
	assert_int_equal(ca_init(path, NULL, reason, sizeof(reason)), 0);
	assert_int_equal(ca_open(path, NULL, reason, sizeof(reason), &ca), 0);
	snprintf(path, sizeof(path), "%s/fleet", keyd.dir);
	assert_int_equal(fleet_open(path, reason, sizeof(reason), &fleet), 0);
	standing_new(&standing, HOST, "one");
	assert_int_equal(fleet_host_add(fleet, &standing, &keys), 0);
	hash = hash_new();
	row = (struct authority_row){ .host = HOST };
	ask_proof();
	certify_host();
	import();
	certify_vtpm();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hash_free(hash);
	fleet_close(fleet);
	ca_close(ca);
	test_keyd_done(&keyd);
	return 0;
}

/* The list as it is now, in the file "crl.pem" too. */
static X509_CRL *get_crl(void)
{
	uint8_t *bytes;
	int length = authority_crl(fleet, ca, time(NULL), &bytes);
	const uint8_t *at = bytes;
	X509_CRL *crl;

	assert_true(length > 0);
	crl = d2i_X509_CRL(NULL, &at, length);
	assert_non_null(crl);
	write_file("crl", bytes, (size_t)length);
	OPENSSL_free(bytes);
	assert_int_equal(tool("openssl crl -inform der -in @/crl -out @/crl.pem"), 0);
	assert_int_equal(tool("openssl crl -in @/crl.pem -noout -CAfile @/ca/ca.pem"), 0);
	return crl;
}

static int vtpm_revoked(void)
{
	const uint8_t *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)der_size);
	X509_CRL *crl = get_crl();
	int r = crl_vtpm_revoked(crl, certificate);

	X509_CRL_free(crl);
	X509_free(certificate);
	return r;
}

/* What does openssl say of the host's CA, with the list? Return: its exit status. */
static int host_verifies(void)
{
	X509_CRL_free(get_crl());
	return tool("openssl verify -x509_strict -no-CApath -crl_check_all -CRLfile @/crl.pem "
		    "-CAfile @/ca/ca.pem @/host.pem");
}

static void write_chain(void)
{
	write_file("host", authority, authority_size);
	write_file("vtpm", der, der_size);
	assert_int_equal(tool("openssl x509 -inform der -in @/host -out @/host.pem"), 0);
	assert_int_equal(tool("openssl x509 -inform der -in @/vtpm -out @/vtpm.pem"), 0);
}

static void test_authority_chain(void **state)
{
	(void)state;
	write_chain();
	assert_int_equal(tool("openssl verify -x509_strict -no-CApath -CAfile @/ca/ca.pem "
			      "-untrusted @/host.pem @/vtpm.pem"),
			 0);
	assert_int_not_equal(
		tool("openssl verify -no-CApath -CAfile @/ca/ca.pem @/vtpm.pem"), 0);
	assert_int_equal(host_verifies(), 0);
	assert_int_equal(vtpm_revoked(), 0);
}

/* Each of these would have another key believed. */
static void test_authority_proof(void **state)
{
	struct certified good;
	struct public public;
	uint8_t copy[1024];

	(void)state;
	good = shown;
	for (size_t i = 0; i < shown.message.length; i++) {
		cursor_copy(copy, sizeof(copy), message, shown.message.length);
		copy[i] ^= 1;
		shown.message.at = copy;
		assert_non_null(certified_check(&shown, hash, &public));
	}
	shown = good;
	/* another key, with a certificate of the right one */
	shown.key = shown.ak;
	assert_string_equal(certified_check(&shown, hash, &public),
			    "another key was certified than is shown");
	shown = good;
	shown.parent = shown.ak;
	assert_non_null(certified_check(&shown, hash, &public));
	shown = good;
	shown.ak = shown.key;
	assert_non_null(certified_check(&shown, hash, &public));
	shown = good;
	shown.about.length--;
	assert_non_null(certified_check(&shown, hash, &public));
	shown = good;
	/* the attestation key is no key for a CA */
	assert_true(public_parse(&public, ak, shown.ak.length));
	assert_non_null(certified_issues(&public));
	assert_null(certified_check(&shown, hash, &public));
	assert_null(certified_issues(&public));
}

/* A key that may be used by its authValue alone, or leave its TPM, is none. */
static void test_authority_attributes(void **state)
{
	static const uint32_t others[] = {
		0x00000040, /* userWithAuth */
		0x00000080, /* adminWithPolicy */
		0x00010000, /* restricted */
		0x00020000, /* decrypt */
		0x00000800, /* encryptedDuplication */
		0x00000004, /* stClear */
	};
	struct public public;

	(void)state;
	assert_true(public_parse(&public, key, shown.key.length));
	assert_null(certified_issues(&public));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		public.attributes ^= others[i];
		assert_non_null(certified_issues(&public));
		public.attributes ^= others[i];
	}
	public.attributes ^= TPMA_OBJECT_FIXED_TPM;
	assert_non_null(certified_issues(&public));
}

static void test_authority_failed(void **state)
{
	struct standing standing;

	(void)state;
	write_chain();
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	standing.status = ATTEST_FAILED;
	standing.verified_at = time(NULL);
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	assert_int_not_equal(host_verifies(), 0);
	standing.status = ATTEST_PASSED;
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	assert_int_equal(host_verifies(), 0);
	/* for good */
	assert_int_equal(authority_end(fleet, HOST, time(NULL)), 0);
	assert_int_not_equal(host_verifies(), 0);
}

/* Its certificate, for the chain that a bundle of the host has. */
static X509 *enrol_key(EVP_PKEY *of)
{
	struct authority_row made = { .host = HOST };
	uint8_t bytes[CA_CERTIFICATE_MAX];
	const uint8_t *at = bytes;
	X509 *certificate;
	size_t size;

	assert_int_equal(ca_certify(ca, of, &made, bytes, &size), 0);
	assert_int_equal(authority_add_attester(fleet, &made, time(NULL)), 0);
	certificate = d2i_X509(NULL, &at, (long)size);
	assert_non_null(certificate);
	return certificate;
}

/* Return: reason of its entry in the list as it is now; -1: it is not in it. */
static int listed_for(X509 *certificate)
{
	X509_CRL *crl = get_crl();
	X509_REVOKED *entry = NULL;
	ASN1_ENUMERATED *why;
	int reason = -1;

	if (X509_CRL_get0_by_cert(crl, &entry, certificate) == 1) {
		why = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
		reason = (int)ASN1_ENUMERATED_get(why);
		ASN1_ENUMERATED_free(why);
	}
	X509_CRL_free(crl);
	return reason;
}

/* The key that a host enrolled last is good as long as the host is; a former one no more. */
static void test_authority_attester(void **state)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	struct standing standing;
	X509 *first, *second;

	(void)state;
	first = enrol_key(pair);
	assert_int_equal(listed_for(first), -1);
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	standing.status = ATTEST_FAILED;
	standing.verified_at = time(NULL);
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	assert_int_equal(listed_for(first), CRL_REASON_CERTIFICATE_HOLD);
	standing.status = ATTEST_PASSED;
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	second = enrol_key(pair);
	assert_int_equal(listed_for(first), CRL_REASON_CESSATION_OF_OPERATION);
	assert_int_equal(listed_for(second), -1);
	assert_int_equal(authority_end(fleet, HOST, time(NULL)), 0);
	assert_int_equal(listed_for(second), CRL_REASON_CESSATION_OF_OPERATION);
	X509_free(first);
	X509_free(second);
	EVP_PKEY_free(pair);
}

static void test_authority_revoked(void **state)
{
	struct crl_vtpm what = { .epoch = TEST_EPOCH - 1 };
	struct crl_vtpm other = { .uuid = TEST_OTHER, .epoch = UINT64_MAX };

	(void)state;
	cursor_copy(what.uuid, sizeof(what.uuid), TEST_UUID, IPC_UUID_SIZE);
	/* an epoch before, another vTPM, another host's */
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	assert_int_equal(authority_revoke(fleet, HOST, &other, 1), 0);
	what.epoch = TEST_EPOCH;
	assert_int_equal(authority_revoke(fleet, "another host", &what, 1), 0);
	assert_int_equal(vtpm_revoked(), 0);
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	assert_int_equal(vtpm_revoked(), 1);
	/* what was revoked stays so */
	what.epoch = 0;
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	assert_int_equal(vtpm_revoked(), 1);
}

static void test_authority_serial(void **state)
{
	const uint8_t *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)der_size);
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	struct crl_vtpm what = { .by_serial = true };

	(void)state;
	assert_int_equal(BN_bn2binpad(serial, what.serial, sizeof(what.serial)),
			 sizeof(what.serial));
	BN_free(serial);
	X509_free(certificate);
	what.serial[15] ^= 1;
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	assert_int_equal(vtpm_revoked(), 0);
	what.serial[15] ^= 1;
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	assert_int_equal(vtpm_revoked(), 1);
}

/* What vtpm-verify says with the list that is there. Return: first reason, or "". */
static const char *judge(const char *list, struct vtpmcert *vtpm)
{
	static struct attest_verdict verdict;
	char crl[96], root[96], host[96];
	const struct verifier verifier = {
		.crl = crl, .cas = { root }, .ca_count = 1, .chain = host
	};

	snprintf(crl, sizeof(crl), "%s/%s", keyd.dir, list);
	snprintf(root, sizeof(root), "%s/ca/ca.pem", keyd.dir);
	snprintf(host, sizeof(host), "%s/host.pem", keyd.dir);
	verdict = (struct attest_verdict){ 0 };
	*vtpm = (struct vtpmcert){ 0 };
	assert_int_equal(vtpmcert_check(&verifier, der, der_size, vtpm, &verdict), 0);
	return verdict.count ? verdict.reasons[0].code : "";
}

static void test_vtpmcert_check(void **state)
{
	struct crl_vtpm what = { .epoch = TEST_EPOCH };
	struct standing standing;
	struct vtpmcert vtpm;

	(void)state;
	write_chain();
	X509_CRL_free(get_crl());
	assert_string_equal(judge("crl.pem", &vtpm), "");
	assert_string_equal(judge("crl", &vtpm), "");
	assert_true(vtpm.bound);
	assert_int_equal(vtpm.binding.epoch, TEST_EPOCH);
	assert_string_equal(vtpm.checked, "vtpm fleet CA");
	assert_true(vtpm.checked_at >= time(NULL) - 60 && vtpm.checked_at <= time(NULL));
	/* no list */
	assert_string_equal(judge("host.pem", &vtpm), "crl.invalid");
	cursor_copy(what.uuid, sizeof(what.uuid), TEST_UUID, IPC_UUID_SIZE);
	assert_int_equal(authority_revoke(fleet, HOST, &what, 1), 0);
	X509_CRL_free(get_crl());
	assert_string_equal(judge("crl.pem", &vtpm), "ek.revoked");
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	standing.status = ATTEST_FAILED;
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	X509_CRL_free(get_crl());
	assert_string_equal(judge("crl.pem", &vtpm), "ek.revoked");
}

static void test_vtpmcert_suspended(void **state)
{
	struct standing standing;
	struct vtpmcert vtpm;

	(void)state;
	write_chain();
	assert_int_equal(fleet_host_get(fleet, HOST, &standing, NULL), 0);
	standing.status = ATTEST_FAILED;
	assert_int_equal(fleet_host_set(fleet, &standing, NULL), 0);
	X509_CRL_free(get_crl());
	assert_string_equal(judge("crl.pem", &vtpm), "ek.suspended");
}

static void test_vtpmcert_expired(void **state)
{
	X509_CRL *crl = crl_new(ca_certificate(ca), time(NULL) - 1000, time(NULL) - 10);
	struct vtpmcert vtpm;
	uint8_t *bytes = NULL;
	int length;

	(void)state;
	write_chain();
	assert_true(crl_end(crl, ca_certificate(ca), NULL, 0));
	assert_int_equal(ca_sign_crl(ca, crl), 0);
	length = i2d_X509_CRL(crl, &bytes);
	write_file("crl", bytes, (size_t)length);
	assert_string_equal(judge("crl", &vtpm), "crl.expired");
	/* a changed byte of the signature */
	bytes[length - 1] ^= 1;
	write_file("crl", bytes, (size_t)length);
	assert_string_equal(judge("crl", &vtpm), "crl.invalid");
	OPENSSL_free(bytes);
	X509_CRL_free(crl);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_authority_chain),	 TEST(test_authority_proof),
		TEST(test_authority_attributes), TEST(test_authority_failed),
		TEST(test_authority_attester),	 TEST(test_authority_revoked),
		TEST(test_authority_serial),
		TEST(test_vtpmcert_check),	 TEST(test_vtpmcert_suspended),
		TEST(test_vtpmcert_expired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
