// SPDX-License-Identifier: BSD-3-Clause
/*
 * Whole hosts: an honest one teaches a policy and passes it, then each attack is played on
 * its bundle, with the reason that has to name it.
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

#include "attest/test_log.h"
#include "attest/test_quote.h"
#include "verifier/verifier.h"

#define BANKS (1u << ATTEST_SHA256)
#define YEAR  31536000L

static char bundle_path[] = "/tmp/test_bundle.XXXXXX", policy_path[] = "/tmp/test_bundle.XXXXXX";
static char root_path[] = "/tmp/test_bundle.XXXXXX";
static char printed[1 << 20];
static struct test_quote *tpm;
static struct test_log *boot;
static uint8_t certificate[4096], stranger[4096];
static size_t certificate_size, stranger_size;
static EVP_PKEY *root_key;

static void save(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static enum verifier_exit run(const char *command, const char *nonce)
{
	const char *words[] = { "vtpm-verify", command, bundle_path, "--ca", root_path, "--nonce",
				nonce, "--json", "--policy", policy_path };
	int count = strcmp(command, "learn") ? 10 : 7, out = dup(1), fd = memfd_create("out", 0);
	struct verifier verifier;
	enum verifier_exit status;
	char *argv[11] = { NULL };
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

static const uint8_t asked[HOST_QUOTE_NONCE] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static json_t *make_bundle(void)
{
	json_t *root = test_quote_bundle(tpm, "host", asked), *ek = json_object_get(root, "ek");

	/* the first one is of another key, and the second padded, as NV of a TPM has them */
	json_object_set_new(ek, "certificates",
			    json_pack("[o, o]", test_bytes(stranger, stranger_size),
				      test_bytes(certificate, certificate_size + 32)));
	json_object_set_new(root, "eventlog", test_bytes(boot->out.base, boot->out.used));
	return root;
}

static void save_json(const char *path, json_t *root)
{
	char *text = json_dumps(root, 0);

	save(path, text, strlen(text));
	free(text);
	json_decref(root);
}

/* The TPM has measured what the log says, as on a host that does not lie. */
static void measure(void)
{
	test_log_measure(boot, tpm);
	test_quote_frame(tpm, asked, HOST_QUOTE_HOST, 7);
	test_quote_sign(tpm);
}

static X509 *certify(EVP_PKEY *key, bool authority)
{
	X509 *made = X509_new();
	X509_EXTENSION *extension;

	X509_set_version(made, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(made), -YEAR);
	X509_gmtime_adj(X509_getm_notAfter(made), YEAR);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(made), "CN", MBSTRING_ASC,
				   (const uint8_t *)"root", -1, -1, 0);
	if (authority)
		X509_set_subject_name(made, X509_get_issuer_name(made));
	X509_set_pubkey(made, key);
	extension = X509V3_EXT_conf_nid(NULL, NULL, authority ? NID_basic_constraints
							      : NID_ext_key_usage,
					authority ? "critical,CA:TRUE" : "2.23.133.8.1");
	X509_add_ext(made, extension, -1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(made, root_key, EVP_sha256()) > 0);
	return made;
}

static char nonce[2 * ATTEST_DIGEST_MAX + 1];

static void make_host(void)
{
	uint8_t *at = certificate, *other = stranger, der[4096], *to = der;
	X509 *made;

	tpm = test_quote_new(false);
	boot = test_log_good(BANKS, 1);
	measure();
	attest_text_hex(nonce, asked, sizeof(asked));
	made = certify(root_key, true);
	save(root_path, der, (size_t)i2d_X509(made, &to));
	X509_free(made);
	made = certify(tpm->ak_key, false);
	stranger_size = (size_t)i2d_X509(made, &other);
	X509_free(made);
	made = certify(tpm->ek_key, false);
	certificate_size = (size_t)i2d_X509(made, &at);
	X509_free(made);
	save_json(bundle_path, make_bundle());
}

static void end_host(void)
{
	test_quote_free(tpm);
	test_log_free(boot);
}

static json_t *learn(void)
{
	json_t *policy;

	if (run("learn", nonce) != VERIFIER_EXIT_PASSED)
		fail_msg("%s", strstr(printed, "reasons"));
	policy = json_loads(printed, 0, NULL);
	assert_non_null(policy);
	return policy;
}

static void test_bundle_honest(void **state)
{
	json_t *root;

	(void)state;
	make_host();
	save_json(policy_path, learn());
	if (run("appraise", nonce) != VERIFIER_EXIT_WARNING)
		fail_msg("%s", strstr(printed, "reasons"));
	root = json_loads(printed, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "reasons")), 1);
	assert_non_null(strstr(printed, "\"ek.name\""));
	assert_true(json_is_string(json_object_get(root, "valid_until")));
	assert_string_equal(json_string_value(json_object_get(root, "boot_id")), "3.1");
	json_decref(root);
	end_host();
}

/* Attacks on the host: what boots is not what the policy was learned from. */
static void evil_command(void)
{
	test_log_event(boot, 8, EV_IPL, "root=/dev/evil", 14, "kernel_cmdline: root=/dev/evil", 31);
	measure();
}

static void denied_command(void)
{
	test_log_event(boot, 8, EV_IPL, "ro init=/bin/sh", 15, "kernel_cmdline: ro init=/bin/sh",
		       32);
	measure();
}

static void other_loader(void)
{
	test_log_event(boot, 4, EV_EFI_BOOT_SERVICES_APPLICATION, "another", 7, "load", 4);
	measure();
}

static void other_file(void)
{
	test_log_event(boot, 9, EV_IPL, "another kernel", 14, "/vmlinuz", 9);
	measure();
}

static void other_authority(void)
{
	test_log_variable(boot, EV_EFI_VARIABLE_AUTHORITY, true, "db",
			  "another owner .. its certificate", 32);
	measure();
}

static void secure_boot_off(void)
{
	test_log_free(boot);
	boot = test_log_good(BANKS, 0);
	measure();
}

static void other_firmware(void)
{
	test_log_event(boot, 0, EV_POST_CODE, "other code", 10, "blob", 4);
	measure();
}

/* Attacks on what the host sends. */
static void hidden_event(void)
{
	other_loader();
	test_log_free(boot);
	boot = test_log_good(BANKS, 1);
}

static void unlogged(void)
{
	tpm->values.value[ATTEST_SHA256][12][0] = 1;
	test_quote_sign(tpm);
}

static void other_key(void)
{
	EVP_PKEY_free(tpm->ak_key);
	tpm->ak_key = EVP_EC_gen("P-256");
	test_quote_sign(tpm);
}

static void unrestricted(void)
{
	tpm->attributes &= ~(uint32_t)TPMA_OBJECT_RESTRICTED;
	test_quote_sign(tpm);
}

static void old_quote(void)
{
	const uint8_t before[HOST_QUOTE_NONCE] = { 9 };

	test_quote_frame(tpm, before, HOST_QUOTE_HOST, 7);
	test_quote_sign(tpm);
}

/* The key signed this, and for another purpose. */
static void deep_quote(void)
{
	test_quote_frame(tpm, asked, HOST_QUOTE_DEEP, 7);
	test_quote_sign(tpm);
}

/* The frame says what was asked for; what was signed is another one. */
static void other_frame(void)
{
	old_quote();
	tpm->frame[19] = asked[0];
}

static void few_pcrs(void)
{
	tpm->selection.pcrs[0] = tpm->values.has[ATTEST_SHA256] = 1 << 4;
	test_quote_sign(tpm);
}

static void other_ek(void)
{
	EVP_PKEY_free(tpm->ek_key);
	tpm->ek_key = EVP_EC_gen("P-256");
	test_quote_sign(tpm);
}

static void lying_log(void)
{
	for (size_t i = 0; i + 10 < boot->out.used; i++)
		if (!strncmp((char *)boot->bytes + i, "linux /vml", 10))
			boot->bytes[i] ^= 1;
}

static const struct {
	void (*play)(void);
	const char *code;
} attacks[] = {
	{ evil_command, "policy.cmdline" },	  { denied_command, "policy.cmdline" },
	{ other_loader, "policy.boot_apps" },	  { other_file, "policy.boot_files" },
	{ other_authority, "policy.authorities" }, { secure_boot_off, "sb.off" },
	{ other_firmware, "policy.firmware" },	  { hidden_event, "replay.pcr4" },
	{ unlogged, "pcr.unlogged" },		  { other_key, "ak.unknown" },
	{ unrestricted, "ak.not-restricted" },	  { old_quote, "quote.nonce" },
	{ few_pcrs, "quote.selection" },	  { other_ek, "ek.key-mismatch" },
	{ lying_log, "log.data" },		  { deep_quote, "quote.frame" },
	{ other_frame, "quote.nonce" },
};

static void test_bundle_attacks(void **state)
{
	char code[48];

	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		enum verifier_exit status;
		json_t *policy;

		make_host();
		policy = learn();
		json_object_set_new(policy, "cmdline_deny", json_pack("[s]", "init="));
		if (attacks[i].play == denied_command)
			json_object_del(policy, "cmdline");
		save_json(policy_path, policy);
		attacks[i].play();
		save_json(bundle_path, make_bundle());
		status = run("appraise", nonce);
		snprintf(code, sizeof(code), "\"%s\"", attacks[i].code);
		if (status != VERIFIER_EXIT_FAILED || !strstr(printed, code) ||
		    !strstr(printed, "\"valid_until\": null"))
			fail_msg("%s: %d: %s", attacks[i].code, status, printed);
		end_host();
	}
}

static void test_bundle_malformed(void **state)
{
	static const char *const policies[] = {
		"", "{}", "[]", "{\"version\": 1, \"pk\": 1}", "{\"version\": 1, \"pk\": [1]}",
		"{\"version\": 1, \"pcrs\": [24]}", "{\"version\": 1, \"evil\": []}",
		"{\"version\": 1, \"valid_seconds\": 0}",
	};

	(void)state;
	make_host();
	save(policy_path, "{\"version\": 1}", 14);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_UNKNOWN);
	assert_non_null(strstr(printed, "\"ak.activation\""));
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		save(policy_path, policies[i], strlen(policies[i]));
		if (run("appraise", nonce) != VERIFIER_EXIT_MALFORMED ||
		    !strstr(printed, "policy.invalid@"))
			fail_msg("policy %zu: %s", i, printed);
	}
	end_host();
}

static void must_be_malformed(const char *what)
{
	if (run("appraise", nonce) != VERIFIER_EXIT_MALFORMED ||
	    !strstr(printed, "bundle.invalid@"))
		fail_msg("bundle %s: %s", what, printed);
}

/* What Documentation/bundle.yaml does not allow: a member becomes something else. */
static const struct {
	const char *path;
	const char *value;
} changes[] = {
	{ "/version", "2" },
	{ "/version", NULL },
	{ "/kind", "\"vtpm\"" },
	{ "/kind", "\"both\"" },
	{ "/kind", NULL },
	{ "/host", "\"h\"" },
	{ "/host", NULL },
	{ "/host/name", "\"\"" },
	{ "/host/name", NULL },
	{ "/host/evil", "\"x\"" },
	{ "/host/boot_id", "\"1111111111111111111111111111111111111\"" },
	{ "/vtpm", "{\"name\": \"web1\", \"uuid\": \"x\"}" },
	{ "/nonce", NULL },
	{ "/nonce", "\"\"" },
	{ "/nonce", "1" },
	{ "/ak", NULL },
	{ "/ak/public", NULL },
	{ "/ak/public", "\"A\"" },
	{ "/ak/public", "\"AB\"" },
	{ "/ak/public", "\"AA==\"" },
	{ "/ak/public", "\"+/AA\"" },
	{ "/ak/evil", "\"AA\"" },
	{ "/ek/public", NULL },
	{ "/ek/certificates", "\"AA\"" },
	{ "/ek/certificates", "[1]" },
	{ "/ek/certificates", "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\","
			      "\"\",\"\",\"\",\"\",\"\"]" },
	{ "/quote", NULL },
	{ "/quote/message", NULL },
	{ "/quote/signature", "\"\"" },
	{ "/quote/frame", NULL },
	{ "/quote/frame", "\"\"" },
	{ "/quote/pcrs", "{}" },
	{ "/quote/pcrs", "\"AA\"" },
	{ "/quote/pcrs/sm3_256", "{}" },
	{ "/quote/pcrs/SHA1", "{}" },
	{ "/quote/pcrs/sha1", "{\"0\": \"AA\"}" },
	{ "/quote/pcrs/sha256", "{\"24\": \"AA\"}" },
	{ "/quote/pcrs/sha256/00", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"" },
	{ "/eventlog", "[]" },
	{ "/packages", "{}" },
	{ "/packages", "[{\"name\": \"a\", \"version\": \"1\"}]" },
	{ "/packages", "[{\"name\": \"a\", \"version\": \"1\", \"paths\": [1]}]" },
	{ "/packages", "[{\"name\": \"a\", \"version\": \"1\", \"paths\": [], \"x\": 1}]" },
	{ "/evil", "\"AA\"" },
};

static void change(json_t *root, const char *path, const char *value)
{
	char copy[64];
	char *name, *next;

	snprintf(copy, sizeof(copy), "%s", path + 1);
	for (name = copy; (next = strchr(name, '/')); name = next + 1) {
		*next = '\0';
		root = json_object_get(root, name);
	}
	if (value)
		assert_int_equal(json_object_set_new(root, name,
						     json_loads(value, JSON_DECODE_ANY, NULL)), 0);
	else
		assert_int_equal(json_object_del(root, name), 0);
}

static void test_bundle_shape(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"version\": 1, \"version\": 1}" };

	(void)state;
	make_host();
	save(policy_path, "{\"version\": 1}", 14);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		save(bundle_path, texts[i], strlen(texts[i]));
		must_be_malformed(texts[i]);
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		json_t *root = make_bundle();

		change(root, changes[i].path, changes[i].value);
		save_json(bundle_path, root);
		must_be_malformed(changes[i].path);
	}
	end_host();
}

/* What need not be there, or is for people alone, changes nothing. */
static void test_bundle_optional(void **state)
{
	json_t *root;

	(void)state;
	make_host();
	save_json(policy_path, learn());
	root = make_bundle();
	change(root, "/ek/chain", "\"\"");
	change(root, "/host/id", "\"6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11\"");
	change(root, "/host/boot_id", "\"6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e12\"");
	change(root, "/ak/certificate", "\"MAA\"");
	change(root, "/packages", "[{\"name\": \"a\", \"version\": \"1\", \"vendor\": \"v\", "
				  "\"paths\": [\"/a\"]}]");
	save_json(bundle_path, root);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_WARNING);
	end_host();
}

/* By name or by boot, the host is the one that appraises. */
static void test_bundle_self(void **state)
{
	char own[300] = "\"", boot_id[STANDING_ID];
	json_t *root;

	(void)state;
	make_host();
	save_json(policy_path, learn());
	root = make_bundle();
	assert_int_equal(gethostname(own + 1, 255), 0);
	own[strlen(own)] = '"';
	change(root, "/host/name", own);
	save_json(bundle_path, root);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_FAILED);
	assert_non_null(strstr(printed, "\"refused.self\""));
	verifier_boot_id(boot_id);
	assert_int_equal(strlen(boot_id), 36);
	snprintf(own, sizeof(own), "\"%s\"", boot_id);
	root = make_bundle();
	change(root, "/host/boot_id", own);
	save_json(bundle_path, root);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_FAILED);
	assert_non_null(strstr(printed, "\"refused.self\""));
	end_host();
}

/* A vTPM's quote is over the nonce itself; a frame is none of its, and it none of a host's. */
static void test_bundle_vtpm(void **state)
{
	json_t *root;

	(void)state;
	make_host();
	save(policy_path, "{\"version\": 1}", 14);
	tpm->nonce = (const char *)asked;
	tpm->nonce_size = sizeof(asked);
	test_quote_sign(tpm);
	root = test_quote_bundle(tpm, "vtpm", asked);
	json_object_set_new(root, "eventlog", test_bytes(boot->out.base, boot->out.used));
	save_json(bundle_path, root);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_UNKNOWN);
	assert_non_null(strstr(printed, "\"ak.activation\""));
	nonce[0] = '1';
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_FAILED);
	assert_non_null(strstr(printed, "\"quote.nonce\""));
	nonce[0] = '0';
	change(root = make_bundle(), "/quote/frame", "\"AAAA\"");
	save_json(bundle_path, root);
	assert_int_equal(run("appraise", nonce), VERIFIER_EXIT_FAILED);
	assert_non_null(strstr(printed, "\"quote.frame\""));
	root = test_quote_bundle(tpm, "vtpm", asked);
	change(root, "/quote/frame", "\"AAAA\"");
	save_json(bundle_path, root);
	must_be_malformed("of a vTPM with a frame");
	root = test_quote_bundle(tpm, "vtpm", asked);
	change(root, "/vtpm/uuid", NULL);
	save_json(bundle_path, root);
	must_be_malformed("of a vTPM without its UUID");
	end_host();
}

/* A lie teaches nothing. */
static void test_bundle_learn(void **state)
{
	(void)state;
	make_host();
	lying_log();
	save_json(bundle_path, make_bundle());
	assert_int_equal(run("learn", nonce), VERIFIER_EXIT_FAILED);
	end_host();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bundle_honest),
		cmocka_unit_test(test_bundle_attacks),
		cmocka_unit_test(test_bundle_malformed),
		cmocka_unit_test(test_bundle_shape),
		cmocka_unit_test(test_bundle_optional),
		cmocka_unit_test(test_bundle_self),
		cmocka_unit_test(test_bundle_vtpm),
		cmocka_unit_test(test_bundle_learn),
	};
	int failed;

	root_key = EVP_EC_gen("P-256");
	close(mkstemp(bundle_path));
	close(mkstemp(policy_path));
	close(mkstemp(root_path));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(bundle_path);
	unlink(policy_path);
	unlink(root_path);
	EVP_PKEY_free(root_key);
	return failed;
}
