// SPDX-License-Identifier: BSD-3-Clause
/*
 * From the fleet's CA to an application key, by vtpm-verify appraise on a machine that has
 * nothing but the bundle: an honest chain holds, and each link that is forged has a reason of
 * its own.
 *
 *	set up	a fleet, a host and a vTPM, certified by what really certifies them
 *	play	one change
 *	appraise	and the reasons beside deep.host-unmeasured, which every host here has
 */
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <cmocka.h>

#include "attest/ekcert.h"
#include "attest/test_deep.h"
#include "attest/test_log.h"
#include "cert/authority.h"
#include "cert/binding.h"
#include "cert/crl.h"
#include "cert/draft.h"
#include "verifier/authority.h"
#include "verifier/ca.h"
#include "verifier/verifier.h"

#define HOST  "6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11"
#define OTHER "00000000-1c5e-4b7e-9d0a-3f1f5c0a7e11"
#define HOUR  3600
#define APPLICATION_KEY (TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT | TPMA_OBJECT_ORIGIN | \
			 TPMA_OBJECT_SIGN)

/** struct paper - a certificate, before it is made */
struct paper {
	EVP_PKEY *key;
	X509 *issuer;
	EVP_PKEY *by;
	const char *usage;
	bool bound;
	struct binding binding;
	long until;
};

static char folder[] = "/tmp/test_chain.XXXXXX";
static char printed[1 << 20];
static struct test_deep deep;
static struct test_quote *app;
static struct ca *ca, *stranger;
static EVP_PKEY *ca_key, *host_key, *other_key;
static X509 *host_ca;
static uint8_t ak_der[CA_CERTIFICATE_MAX];
static size_t ak_size;
static struct authority_row row;
static struct authority_row ak_row = { .host = HOST };
static struct paper iak, ek;
static bool with_ak, with_iak, with_chain, with_list, with_app;
static struct ca *list_by;
static time_t list_until;
static struct crl_vtpm listed[1];
static size_t listed_count;
static int host_reason, ak_reason;
static json_t *bundle;
static const char *app_key, *vtpm_policy;

static char *path_of(const char *name)
{
	static char paths[4][64];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void save(const char *name, const void *bytes, size_t length)
{
	int fd = open(path_of(name), O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* Certificates */

static X509 *issue(const struct paper *paper, const char *unit, const char *name)
{
	const struct draft_wish wish = {
		.key = paper->key,
		.name = name,
		.unit = unit,
		.issuer = paper->issuer,
		.until = time(NULL) + paper->until,
	};
	X509 *made = draft_new(&wish, NULL);

	assert_non_null(made);
	if (unit)
		assert_true(authority_extend(made, paper->issuer));
	else
		assert_true(draft_extend(made, paper->issuer, NID_authority_key_identifier,
					 "keyid") &&
			    draft_extend(made, paper->issuer, NID_ext_key_usage, paper->usage));
	if (paper->bound)
		assert_int_equal(binding_add(&paper->binding, made), 0);
	assert_true(X509_sign(made, paper->by, EVP_sha256()) > 0);
	return made;
}

static json_t *issued(const struct paper *paper)
{
	X509 *made = issue(paper, NULL, NULL);
	uint8_t der[4096], *to = der;
	json_t *text = test_bytes(der, (size_t)i2d_X509(made, &to));

	X509_free(made);
	return text;
}

static void certify_ak(struct ca *by, EVP_PKEY *key)
{
	assert_int_equal(ca_certify(by, key, &ak_row, ak_der, &ak_size), 0);
}

static X509 *certify_host_ca(struct ca *by, EVP_PKEY *key, const char *host)
{
	uint8_t der[CA_CERTIFICATE_MAX];
	const uint8_t *at = der;
	size_t size;
	X509 *made;

	snprintf(row.host, sizeof(row.host), "%s", host);
	assert_int_equal(ca_certify_authority(by, key, &row, der, &size), 0);
	made = d2i_X509(NULL, &at, (long)size);
	assert_non_null(made);
	return made;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

	assert_non_null(key);
	fclose(file);
	return key;
}

static struct ca *make_ca(const char *name)
{
	char reason[256];
	struct ca *made;

	assert_int_equal(ca_init(path_of(name), NULL, reason, sizeof(reason)), 0);
	assert_int_equal(ca_open(path_of(name), NULL, reason, sizeof(reason), &made), 0);
	return made;
}

static void save_list(void)
{
	X509 *by = ca_certificate(list_by);
	X509_CRL *crl = crl_new(by, time(NULL) - HOUR, list_until);
	uint8_t *der = NULL;
	int size;

	assert_non_null(crl);
	if (host_reason)
		assert_true(crl_add(crl, row.serial, time(NULL), host_reason));
	if (ak_reason)
		assert_true(crl_add(crl, ak_row.serial, time(NULL), ak_reason));
	cursor_copy(listed[0].authority, CRL_AUTHORITY, row.keyid, sizeof(row.keyid));
	assert_true(crl_end(crl, by, listed, listed_count));
	assert_int_equal(ca_sign_crl(list_by, crl), 0);
	size = i2d_X509_CRL(crl, &der);
	save("crl", der, (size_t)size);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

/* The application key, and what a key of a vTPM says of it */

static json_t *certified_by(EVP_PKEY *key)
{
	struct test_quote *signer = test_quote_new(false);
	struct public public;
	struct public_name name;
	json_t *made;

	EVP_PKEY_free(signer->ak_key);
	EVP_PKEY_up_ref(key);
	signer->ak_key = key;
	assert_true(public_parse(&public, app->ak.base, app->ak.used));
	public_name(&public, signer->hash, &name);
	signer->type = TPM_ST_ATTEST_CERTIFY;
	signer->certified = name.bytes;
	signer->certified_size = name.size;
	test_quote_sign(signer);
	made = json_pack("{s:o, s:o, s:o}", "public", test_bytes(app->ak.base, app->ak.used),
			 "message", test_bytes(signer->message.base, signer->message.used),
			 "signature",
			 test_bytes(signer->signature.base, signer->signature.used));
	save("app.msg", signer->message.base, signer->message.used);
	save("app.sig", signer->signature.base, signer->signature.used);
	test_quote_free(signer);
	return made;
}

/* The bundle */

static json_t *chain_bytes(void)
{
	uint8_t der[2 * CA_CERTIFICATE_MAX], *to = der;

	assert_true(i2d_X509(host_ca, &to) > 0 && i2d_X509(ca_certificate(ca), &to) > 0);
	return test_bytes(der, (size_t)(to - der));
}

static void put_certificates(void)
{
	json_t *host = json_object_get(json_object_get(bundle, "deep"), "host");
	json_t *keys = json_object_get(bundle, "ek");

	if (with_ak)
		json_object_set_new(json_object_get(host, "ak"), "certificate",
				    test_bytes(ak_der, ak_size));
	if (with_iak)
		json_object_set_new(json_object_get(bundle, "ak"), "certificate", issued(&iak));
	json_object_set_new(keys, "certificates", json_pack("[o]", issued(&ek)));
	if (with_chain)
		json_object_set_new(keys, "chain", chain_bytes());
}

static void put_bundle(void)
{
	struct test_log *boot = test_log_good(1u << ATTEST_SHA256, 1);
	json_t *host;

	json_decref(bundle);
	test_log_measure(boot, deep.host);
	test_deep_sign_host(&deep);
	bundle = test_deep_bundle(&deep);
	host = json_object_get(json_object_get(bundle, "deep"), "host");
	json_object_set_new(host, "eventlog", test_bytes(boot->out.base, boot->out.used));
	test_log_free(boot);
}

static int setup(void **state)
{
	(void)state;
	test_deep_init(&deep);
	app = test_quote_new(false);
	app->attributes = APPLICATION_KEY;
	test_quote_sign(app);
	put_bundle();
	host_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	certify_ak(ca, deep.host->ak_key);
	host_ca = certify_host_ca(ca, host_key, HOST);
	iak = (struct paper){ .key = deep.vtpm->ak_key,
			      .issuer = host_ca,
			      .by = host_key,
			      .usage = EKCERT_USAGE_AK,
			      .bound = true,
			      .binding = { .epoch = 3, .protection = KEYD_PROTECTION_TPM },
			      .until = HOUR };
	cursor_copy(iak.binding.uuid, IPC_UUID_SIZE, test_deep_uuid, LEAF_UUID);
	ek = iak;
	ek.key = deep.vtpm->ek_key;
	ek.usage = EKCERT_USAGE_EK;
	with_ak = with_iak = with_chain = with_list = true;
	with_app = false;
	app_key = vtpm_policy = NULL;
	list_by = ca;
	list_until = time(NULL) + HOUR;
	listed[0] = (struct crl_vtpm){ .epoch = 3 };
	cursor_copy(listed[0].uuid, IPC_UUID_SIZE, test_deep_uuid, LEAF_UUID);
	listed_count = 0;
	host_reason = ak_reason = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(bundle);
	bundle = NULL;
	test_deep_done(&deep);
	test_quote_free(app);
	X509_free(host_ca);
	EVP_PKEY_free(host_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* What main() does; what it prints is in printed[]. */
static enum verifier_exit run(int count, const char *const *words)
{
	int out = dup(1), fd = memfd_create("out", 0);
	struct verifier verifier;
	enum verifier_exit status;
	char *argv[24] = { NULL };
	ssize_t got;

	for (int i = 0; i < count; i++)
		argv[i] = strdup(words[i]);
	fflush(stdout);
	dup2(fd, 1);
	optind = 0;
	status = verifier_options_parse(&verifier, count, argv);
	if (!status)
		status = verifier_command_run(&verifier);
	fflush(stdout);
	dup2(out, 1);
	got = pread(fd, printed, sizeof(printed) - 1, 0);
	printed[got > 0 ? got : 0] = '\0';
	close(fd);
	close(out);
	for (int i = 0; i < count; i++)
		free(argv[i]);
	return status;
}

static enum verifier_exit appraise(bool json)
{
	const char *words[24] = { "vtpm-verify", "appraise", strdupa(path_of("bundle")), "--policy",
				  strdupa(path_of("policy")), "--nonce",
				  strdupa(path_of("nonce")), "--ca",
				  strdupa(path_of("fleet/ca.pem")) };
	char *text = json_dumps(bundle, 0);
	enum verifier_exit status;
	int count = 9;

	save("bundle", text, strlen(text));
	save("policy", "{\"version\": 1}", 14);
	save("nonce", test_deep_nonce, sizeof(test_deep_nonce));
	save("app.pub", app->ak.base, app->ak.used);
	if (json)
		words[count++] = "--json";
	if (with_list) {
		words[count++] = "--crl";
		words[count++] = strdupa(path_of("crl"));
	}
	if (app_key) {
		words[count++] = "--app-key";
		words[count++] = strdupa(path_of(app_key));
	}
	if (vtpm_policy) {
		save("vtpm", vtpm_policy, strlen(vtpm_policy));
		words[count++] = "--vtpm-policy";
		words[count++] = strdupa(path_of("vtpm"));
	}
	if (with_app) {
		words[count++] = "--msg";
		words[count++] = strdupa(path_of("app.msg"));
		words[count++] = "--sig";
		words[count++] = strdupa(path_of("app.sig"));
	}
	status = run(count, words);
	free(text);
	return status;
}

/* Codes of all reasons but that of the host's log of IMA, with blanks between */
static const char *reasons(void)
{
	static char codes[512];
	json_t *root, *reason;
	size_t i;

	put_certificates();
	if (list_by)
		save_list();
	appraise(true);
	root = json_loads(printed, 0, NULL);
	assert_non_null(root);
	codes[0] = 0;
	json_array_foreach(json_object_get(root, "reasons"), i, reason) {
		const char *code = json_string_value(json_object_get(reason, "code"));

		assert_true(strlen(json_string_value(json_object_get(reason, "next"))) > 10);
		if (strcmp(code, "deep.host-unmeasured"))
			snprintf(codes + strlen(codes), sizeof(codes) - strlen(codes), "%s%s",
				 *codes ? " " : "", code);
	}
	json_decref(root);
	return codes;
}

static void test_chain_holds(void **state)
{
	json_t *root, *trust;

	(void)state;
	json_object_set_new(bundle, "application_key", certified_by(deep.vtpm->ak_key));
	assert_string_equal(reasons(), "");
	root = json_loads(printed, 0, NULL);
	trust = json_object_get(root, "trust");
	assert_string_equal(json_string_value(json_object_get(trust, "ek_checked_by")),
			    "CN=vtpm fleet CA");
	assert_string_equal(json_string_value(json_object_get(trust, "host")), HOST);
	assert_true(json_is_true(json_object_get(trust, "vtpm")));
	assert_string_equal(json_string_value(json_object_get(trust, "revocations_by")),
			    "vtpm fleet CA");
	assert_int_equal(json_string_length(json_object_get(root, "application_key")), 68);
	json_decref(root);
	assert_int_equal(appraise(false), VERIFIER_EXIT_WARNING);
	assert_non_null(strstr(printed, "host " HOST ": EK checked by CN=vtpm fleet CA, at 20"));
	assert_non_null(strstr(printed, "application key: 000b"));
	/* without a list it holds, and it is said that nobody asked */
	with_list = false;
	assert_string_equal(reasons(), "");
	assert_non_null(strstr(printed, "no list of what is revoked is given"));
}

/* Where no root is of a fleet, the certificates say nothing, and nobody is accused. */
static void test_chain_unknown_fleet(void **state)
{
	(void)state;
	with_ak = with_iak = with_list = false;
	assert_string_equal(reasons(), "ek.missing ak.activation");
}

/* Who is revoked leaves certificates out: a list that is given is asked, or it says so. */
static void test_chain_left_out(void **state)
{
	(void)state;
	with_ak = with_iak = false;
	assert_string_equal(reasons(), "ek.missing crl.unasked ak.activation");
}

/* Forged links */

static void ak_of_a_stranger(void)
{
	certify_ak(stranger, deep.host->ak_key);
}

static void ak_of_another_key(void)
{
	certify_ak(ca, other_key);
}

static void ak_of_no_use(void)
{
	ak_size = 7;
}

/* Root on a host can have its CA sign anything: also that this is a host's key. */
static void ak_of_a_host(void)
{
	const struct paper paper = { .key = deep.host->ak_key,
				     .issuer = host_ca,
				     .by = host_key,
				     .usage = EKCERT_USAGE_AK,
				     .until = HOUR };
	X509 *made = issue(&paper, NULL, HOST);
	uint8_t *to = ak_der;

	ak_size = (size_t)i2d_X509(made, &to);
	X509_free(made);
}

static void ak_by_hand(const char *usage, long until)
{
	const struct paper paper = { .key = deep.host->ak_key,
				     .issuer = ca_certificate(ca),
				     .by = ca_key,
				     .usage = usage,
				     .until = until };
	X509 *made = issue(&paper, NULL, HOST);
	uint8_t *to = ak_der;

	ak_size = (size_t)i2d_X509(made, &to);
	X509_free(made);
}

static void ak_for_another_use(void)
{
	ak_by_hand("serverAuth", HOUR);
}

static void ak_out_of_date(void)
{
	ak_by_hand(EKCERT_USAGE_AK, -60);
}

static void no_iak(void)
{
	with_iak = false;
}

static void iak_signed_by_another(void)
{
	iak.by = other_key;
}

static void iak_of_another_key(void)
{
	iak.key = other_key;
}

static void iak_for_another_use(void)
{
	iak.usage = EKCERT_USAGE_EK;
}

static void iak_out_of_date(void)
{
	iak.until = -60;
}

static void iak_of_the_fleet(void)
{
	iak.issuer = ca_certificate(ca);
	iak.by = ca_key;
}

static void ek_signed_by_another(void)
{
	ek.by = other_key;
}

static void ek_of_another_key(void)
{
	ek.key = other_key;
}

static void ek_for_another_use(void)
{
	ek.usage = EKCERT_USAGE_AK;
}

static void another_host_ca(struct ca *by, const char *host)
{
	X509_free(host_ca);
	host_ca = certify_host_ca(by, host_key, host);
	iak.issuer = ek.issuer = host_ca;
}

static void host_ca_of_a_stranger(void)
{
	another_host_ca(stranger, HOST);
}

/* The vTPM was certified on another host, and its state is here now. */
static void on_another_hosts_tpm(void)
{
	another_host_ca(ca, OTHER);
}

/* The fleet's CA signed it, and not as that of a host. */
static void host_ca_of_another_kind(void)
{
	const struct paper paper = { .key = host_key,
				     .issuer = ca_certificate(ca),
				     .by = ca_key,
				     .until = HOUR };

	X509_free(host_ca);
	host_ca = issue(&paper, "another unit", HOST);
	iak.issuer = ek.issuer = host_ca;
}

static void no_host_ca(void)
{
	with_chain = false;
}

static void not_bound(void)
{
	iak.bound = false;
}

static void of_another_vtpm(void)
{
	iak.binding.uuid[0] ^= 1;
}

/* The vTPM was in a later epoch when it was certified: an older state is back. */
static void rolled_back(void)
{
	deep.leaf.epoch = 2;
	put_bundle();
}

static void of_an_older_epoch(void)
{
	iak.binding.epoch = 2;
}

static void removed(void)
{
	listed_count = 1;
}

static void host_failed(void)
{
	host_reason = CRL_REASON_CERTIFICATE_HOLD;
}

static void host_removed(void)
{
	host_reason = CRL_REASON_CESSATION_OF_OPERATION;
}

static void ak_suspended(void)
{
	ak_reason = CRL_REASON_CERTIFICATE_HOLD;
}

static void ak_ended(void)
{
	ak_reason = CRL_REASON_CESSATION_OF_OPERATION;
}

static void all_ended(void)
{
	host_removed();
	ak_ended();
}

static void list_of_a_stranger(void)
{
	list_by = stranger;
}

static void list_out_of_date(void)
{
	list_until = time(NULL) - 60;
}

static void list_of_nothing(void)
{
	list_by = NULL;
	save("crl", "no list", 7);
}

/* Guest A, and what host B vouches for */
static void spliced(void)
{
	struct leaf honest = deep.leaf;

	deep.leaf.attest[0] ^= 1;
	put_bundle();
	deep.leaf = honest;
}

static void spliced_tree(void)
{
	struct leaf honest = deep.leaf;
	uint8_t leaf[LEAF_SIZE];

	deep.leaf.generation++;
	put_bundle();
	deep.leaf = honest;
	leaf_put(&deep.leaf, leaf);
	json_object_set_new(json_object_get(bundle, "deep"), "leaf",
			    test_bytes(leaf, sizeof(leaf)));
}

/* A host quotes any nonce that it is asked for, also one that is the root of a tree. */
static void forged_root(void)
{
	json_t *made = json_object_get(bundle, "deep"), *log;

	log = json_incref(json_object_get(json_object_get(made, "host"), "eventlog"));
	test_quote_frame(deep.host, deep.frame.root, HOST_QUOTE_HOST, 7);
	test_quote_sign(deep.host);
	json_object_set_new(made, "host", test_quote_bundle(deep.host, "host", test_deep_nonce));
	json_object_set_new(json_object_get(made, "host"), "eventlog", log);
}

static const struct {
	void (*play)(void);
	const char *codes;
} attacks[] = {
	{ ak_of_a_stranger, "ek.missing chain.ak ak.activation" },
	{ ak_of_no_use, "ek.missing chain.ak ak.activation" },
	{ ak_of_a_host, "ek.missing chain.ak ak.activation" },
	{ ak_of_another_key, "chain.ak-key ak.activation" },
	{ ak_for_another_use, "chain.ak-use ak.activation" },
	{ ak_out_of_date, "chain.expired ak.activation" },
	{ no_iak, "chain.iak-missing" },
	{ iak_signed_by_another, "chain.iak" },
	{ iak_of_another_key, "chain.iak-key" },
	{ iak_for_another_use, "chain.iak-use" },
	{ iak_out_of_date, "chain.expired" },
	{ iak_of_the_fleet, "chain.host-ca" },
	{ ek_signed_by_another, "chain.ek" },
	{ ek_of_another_key, "chain.ek-key" },
	{ ek_for_another_use, "chain.ek-use" },
	{ host_ca_of_a_stranger, "chain.host-ca" },
	{ host_ca_of_another_kind, "chain.host-ca" },
	{ no_host_ca, "chain.host-ca" },
	{ on_another_hosts_tpm, "chain.host" },
	{ not_bound, "chain.binding" },
	{ of_another_vtpm, "chain.uuid" },
	{ rolled_back, "chain.epoch" },
	{ of_an_older_epoch, "chain.epoch" },
	{ removed, "chain.revoked" },
	{ host_failed, "chain.suspended" },
	{ host_removed, "chain.host-removed" },
	{ ak_suspended, "chain.suspended" },
	{ ak_ended, "chain.host-removed" },
	{ all_ended, "chain.host-removed" },
	{ list_of_a_stranger, "crl.invalid" },
	{ list_of_nothing, "crl.invalid" },
	{ list_out_of_date, "crl.expired" },
	{ spliced, "deep.link" },
	{ spliced_tree, "deep.proof" },
	{ forged_root, "deep.purpose" },
};

static void test_chain_forged(void **state)
{
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		const char *codes;

		attacks[i].play();
		codes = reasons();
		if (strcmp(codes, attacks[i].codes))
			fail_msg("%zu: expected %s, found %s", i, attacks[i].codes, codes);
		teardown(state);
		setup(state);
	}
}

/* One certificate was taken back, by its number: the other key's is good still. */
static void test_chain_one_revoked(void **state)
{
	X509 *made = issue(&ek, NULL, NULL);
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(made), NULL);
	uint8_t der[4096], *to = der;
	json_t *certificate = test_bytes(der, (size_t)i2d_X509(made, &to));

	(void)state;
	removed();
	listed[0].by_serial = true;
	assert_true(BN_bn2binpad(serial, listed[0].serial, sizeof(listed[0].serial)) > 0);
	assert_string_equal(reasons(), "");
	json_object_set_new(json_object_get(bundle, "ek"), "certificates",
			    json_pack("[o]", certificate));
	appraise(true);
	assert_non_null(strstr(printed, "chain.revoked"));
	BN_free(serial);
	X509_free(made);
}

/* A guest's own key quoted, and the vTPM's key, which has the certificate, certified it. */
static void test_chain_guest_key(void **state)
{
	EVP_PKEY *certifier = deep.vtpm->ak_key;
	uint8_t by[1024];
	size_t by_size = deep.vtpm->ak.used;
	json_t *said;

	(void)state;
	cursor_copy(by, sizeof(by), deep.vtpm->ak.base, by_size);
	deep.vtpm->ak_key = EVP_EC_gen("P-256");
	test_deep_sign_vtpm(deep.vtpm);
	test_deep_digest(deep.vtpm, deep.leaf.attest);
	put_bundle();
	/* what is certified is the key that signed the quote */
	EVP_PKEY_free(app->ak_key);
	EVP_PKEY_up_ref(deep.vtpm->ak_key);
	app->ak_key = deep.vtpm->ak_key;
	app->attributes = deep.vtpm->attributes;
	test_quote_sign(app);
	said = certified_by(certifier);
	json_object_del(said, "public");
	json_object_set_new(said, "by", test_bytes(by, by_size));
	json_object_set_new(json_object_get(bundle, "ak"), "certified", said);
	assert_string_equal(reasons(), "");
	EVP_PKEY_free(certifier);
}

static void app_of_another_vtpm(void)
{
	json_object_set_new(bundle, "application_key", certified_by(other_key));
}

/* Nobody but a host says whose key "certified.by" is: without its word it is anybody's. */
static void app_by_a_stranger(void)
{
	json_t *keys = json_object_get(bundle, "ak"), *said;
	struct test_quote *signer = test_quote_new(false);

	test_quote_sign(signer);
	json_object_del(bundle, "deep");
	with_ak = with_list = false;
	json_object_set_new(bundle, "application_key", certified_by(signer->ak_key));
	said = certified_by(signer->ak_key);
	json_object_del(said, "public");
	json_object_set_new(said, "by", test_bytes(signer->ak.base, signer->ak.used));
	json_object_set_new(keys, "certified", said);
	test_quote_free(signer);
}

static void app_movable(void)
{
	app->attributes &= ~(uint32_t)TPMA_OBJECT_FIXED_PARENT;
	test_quote_sign(app);
	json_object_set_new(bundle, "application_key", certified_by(deep.vtpm->ak_key));
}

static void app_imported(void)
{
	app->attributes &= ~(uint32_t)TPMA_OBJECT_ORIGIN;
	test_quote_sign(app);
	json_object_set_new(bundle, "application_key", certified_by(deep.vtpm->ak_key));
}

static void app_of_another_key(void)
{
	json_object_set_new(bundle, "application_key", certified_by(deep.vtpm->ak_key));
	EVP_PKEY_free(app->ak_key);
	app->ak_key = EVP_EC_gen("P-256");
	test_quote_sign(app);
	app_key = "app.pub";
}

/* The statement is about the key that was asked for, and another one is shown. */
static void app_swapped(void)
{
	app_of_another_key();
	json_object_set_new(json_object_get(bundle, "application_key"), "public",
			    test_bytes(app->ak.base, app->ak.used));
}

static void app_malformed(void)
{
	json_t *made = certified_by(deep.vtpm->ak_key);

	json_object_set_new(made, "public", test_bytes("no key", 6));
	json_object_set_new(bundle, "application_key", made);
}

static void app_not_shown(void)
{
	app_key = "app.pub";
}

static void app_no_file(void)
{
	app_key = "nothing";
}

static const struct {
	void (*play)(void);
	const char *code;
} false_keys[] = {
	{ app_of_another_vtpm, "app.certify" },	 { app_movable, "app.movable" },
	{ app_imported, "app.movable" },	 { app_of_another_key, "app.key" },
	{ app_swapped, "app.certify" },		 { app_malformed, "app.invalid@0" },
	{ app_not_shown, "app.missing" },	 { app_no_file, "app.missing" },
};

static void test_chain_application_key(void **state)
{
	for (size_t i = 0; i < sizeof(false_keys) / sizeof(false_keys[0]); i++) {
		false_keys[i].play();
		assert_string_equal(reasons(), false_keys[i].code);
		teardown(state);
		setup(state);
	}
	app_by_a_stranger();
	assert_non_null(strstr(reasons(), "app.certify"));
	teardown(state);
	setup(state);
	/* out of files, which need not be in the bundle */
	json_decref(certified_by(deep.vtpm->ak_key));
	app_key = "app.pub";
	with_app = true;
	assert_string_equal(reasons(), "");
	assert_non_null(strstr(printed, "\"application_key\": \"000b"));
	json_decref(certified_by(other_key));
	assert_string_equal(reasons(), "app.certify");
	assert_non_null(strstr(printed, "\"application_key\": null"));
}

/* The vTPM's PCRs are zeros; what they are held against tells its reasons apart from the host's. */
static void test_chain_vtpm_policy(void **state)
{
	struct test_log *boot = test_log_good(1u << ATTEST_SHA256, 1);
	char text[256];

	(void)state;
	assert_string_equal(reasons(), "");
	assert_non_null(strstr(printed, "the vTPM's PCRs are compared with nothing"));
	snprintf(text, sizeof(text), "{\"version\": 1, \"pcr_values\": {\"0\": [\"%064d\"]}}", 0);
	vtpm_policy = text;
	assert_string_equal(reasons(), "");
	assert_null(strstr(printed, "the vTPM's PCRs are compared with nothing"));
	snprintf(text, sizeof(text), "{\"version\": 1, \"pcr_values\": {\"7\": [\"%064d\"]}}", 1);
	assert_string_equal(reasons(), "vtpm.policy.pcr_values");
	vtpm_policy = "{\"version\": 1, \"pcrs\": [23]}";
	assert_string_equal(reasons(), "vtpm.quote.selection");
	vtpm_policy = "{\"version\": 1, \"boot_apps\": []}";
	assert_string_equal(reasons(), "vtpm.log.missing");
	/* a log of the guest's, which its PCRs follow */
	test_log_measure(boot, deep.vtpm);
	test_deep_sign_vtpm(deep.vtpm);
	test_deep_digest(deep.vtpm, deep.leaf.attest);
	put_bundle();
	json_object_set_new(bundle, "eventlog", test_bytes(boot->out.base, boot->out.used));
	assert_string_equal(reasons(), "vtpm.policy.boot_apps");
	vtpm_policy = "{\"version\": 1}";
	assert_string_equal(reasons(), "");
	/* and one that is none */
	json_object_set_new(bundle, "eventlog", test_bytes("no log", 6));
	assert_string_equal(reasons(), "vtpm.log.invalid@0");
	vtpm_policy = "{}";
	assert_string_equal(reasons(), "policy.invalid@0");
	test_log_free(boot);
}

static int setup_fleet(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	ca = make_ca("fleet");
	stranger = make_ca("stranger");
	ca_key = read_key(path_of("fleet/ca.key"));
	return 0;
}

static int teardown_fleet(void **state)
{
	static const char *const names[] = { "fleet/ca.key", "fleet/ca.pem", "fleet",
					     "stranger/ca.key", "stranger/ca.pem", "stranger",
					     "bundle", "policy", "nonce", "crl", "app.pub",
					     "app.msg", "app.sig", "vtpm", "" };

	(void)state;
	EVP_PKEY_free(ca_key);
	ca_close(ca);
	ca_close(stranger);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path_of(names[i]));
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_chain_holds),		CASE(test_chain_unknown_fleet),
		CASE(test_chain_forged),	CASE(test_chain_one_revoked),
		CASE(test_chain_guest_key),	CASE(test_chain_application_key),
		CASE(test_chain_vtpm_policy),
		CASE(test_chain_left_out),
	};

	return cmocka_run_group_tests_name("chain", tests, setup_fleet, teardown_fleet);
}
