// SPDX-License-Identifier: GPL-2.0
/*
 * What a verdict on a deep bundle costs in processor time, stage by stage.
 *
 *   deep [ROUNDS]
 *
 * Cold: a bundle of a vTPM and its host, with an event log and a log of IMA of 100 KB each and
 * with all certificates, is read and judged as vtpm-verify appraise does, nothing being known.
 * Warm: it was read, keys and logs are known, and the certificates were followed, so that
 * what is left are the two quotes and the links between them; beside the bare verifications of two
 * such signatures by the same libcrypto. Medians, beside what is asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/boot.h"
#include "attest/deep.h"
#include "attest/test_deep.h"
#include "cert/authority.h"
#include "cert/binding.h"
#include "cert/draft.h"
#include "logs.h"
#include "verifier/chain.h"

#define ROUNDS_MAX  2000
#define IMA_ENTRIES 730
#define COLD_MS	    5.0
#define SHARE	    60
#define YEAR	    31536000L

/** enum stage - of a cold verdict */
enum stage {
	STAGE_READ,
	STAGE_CERTIFICATES,
	STAGE_QUOTES,
	STAGE_LINKS,
	STAGE_LOGS,
	_STAGE_MAX,
};

static const char *const names[_STAGE_MAX] = { "JSON, base64", "certificates", "two quotes",
					       "links", "both logs" };
static struct attest_verdict verdict;
static struct test_deep made;
static struct ekcert_store *store;
static X509 *fleet, *host_ca;
static EVP_PKEY *fleet_key, *host_key;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static double median(double *times, int rounds)
{
	qsort(times, (size_t)rounds, sizeof(*times), compare);
	return times[rounds / 2];
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "deep: %s: %s\n", what,
		verdict.count ? verdict.reasons[0].text : "no reason is given");
	exit(1);
}

/* The bundle */

static X509 *certify(EVP_PKEY *key, X509 *issuer, EVP_PKEY *by, const char *unit, const char *name,
		     const char *usage)
{
	const struct draft_wish wish = { key, name, unit, issuer, time(NULL) + YEAR };
	struct binding binding = { .epoch = made.leaf.epoch, .protection = KEYD_PROTECTION_TPM };
	X509 *paper = draft_new(&wish, NULL);

	expect(paper, "a certificate");
	if (!issuer)
		expect(draft_extend(paper, NULL, NID_basic_constraints,
				    "critical,CA:TRUE,pathlen:1") &&
			       draft_extend(paper, NULL, NID_subject_key_identifier, "hash"),
		       "root");
	else if (unit)
		expect(authority_extend(paper, issuer), "host CA");
	else
		expect(draft_extend(paper, issuer, NID_ext_key_usage, usage) &&
			       draft_extend(paper, issuer, NID_authority_key_identifier, "keyid"),
		       "key");
	cursor_copy(binding.uuid, sizeof(binding.uuid), test_deep_uuid, LEAF_UUID);
	if (!name)
		expect(!binding_add(&binding, paper), "binding");
	expect(X509_sign(paper, by, EVP_sha256()) > 0, "signature");
	return paper;
}

static json_t *der_of(X509 *paper)
{
	uint8_t der[4096], *to = der;

	return test_bytes(der, (size_t)i2d_X509(paper, &to));
}

static json_t *issued(EVP_PKEY *key, X509 *issuer, EVP_PKEY *by, const char *name,
		      const char *usage)
{
	X509 *paper = certify(key, issuer, by, NULL, name, usage);
	json_t *text = der_of(paper);

	X509_free(paper);
	return text;
}

static void make_fleet(void)
{
	uint8_t der[4096], *to = der;

	fleet_key = EVP_EC_gen("P-256");
	host_key = EVP_EC_gen("P-256");
	fleet = certify(fleet_key, NULL, fleet_key, NULL, "fleet CA", NULL);
	host_ca = certify(host_key, fleet, fleet_key, AUTHORITY_UNIT, "a host", NULL);
	store = ekcert_store_new();
	i2d_X509(fleet, &to);
	expect(store && !ekcert_store_add(store, der, (size_t)(to - der), true), "store");
}

static char *make_bundle(void)
{
	struct test_log *events = logs_events(), *ima;
	json_t *root, *host, *ek;
	char *text;

	make_fleet();
	test_log_measure(events, made.host);
	made.host->values.value[ATTEST_SHA256][10][0] = 0;
	ima = logs_ima(IMA_ENTRIES, &made.host->values);
	test_deep_sign_host(&made);
	root = test_deep_bundle(&made);
	host = json_object_get(json_object_get(root, "deep"), "host");
	ek = json_object_get(root, "ek");
	json_object_set_new(host, "eventlog", test_bytes(events->bytes, events->out.used));
	json_object_set_new(host, "ima", test_bytes(ima->bytes, ima->out.used));
	json_object_set_new(json_object_get(host, "ak"), "certificate",
			    issued(made.host->ak_key, fleet, fleet_key, "a host",
				   EKCERT_USAGE_AK));
	json_object_set_new(json_object_get(root, "ak"), "certificate",
			    issued(made.vtpm->ak_key, host_ca, host_key, NULL,
				   EKCERT_USAGE_AK));
	json_object_set_new(ek, "certificates",
			    json_pack("[o]", issued(made.vtpm->ek_key, host_ca, host_key, NULL,
						    EKCERT_USAGE_EK)));
	json_object_set_new(ek, "chain", der_of(host_ca));
	text = json_dumps(root, JSON_COMPACT);
	printf("bundle: %zu bytes, event log %zu, log of IMA %zu (%d entries)\n", strlen(text),
	       events->out.used, ima->out.used, IMA_ENTRIES);
	test_log_free(events);
	test_log_free(ima);
	json_decref(root);
	return text;
}

/* Stages */

/**
 * struct way - one bundle on its way
 * @bundle: that was read
 * @host: its host's quote
 * @vtpm: its own
 * @frame: of the host's
 * @leaf: that the host vouched for
 * @keys: of both, where they are known; NULL: not yet
 */
struct way {
	struct bundle bundle;
	struct quote host;
	struct quote vtpm;
	struct host_quote frame;
	struct leaf leaf;
	EVP_PKEY *keys[2];
};

static void check_quotes(struct way *way)
{
	const struct hash_part nonce = { test_deep_nonce, sizeof(test_deep_nonce) };
	struct bundle *below = way->bundle.below;
	struct host_quote none;

	expect(!bundle_check_quote(&way->host, &way->frame, below,
				   bundle_part(below, BUNDLE_AK), way->keys[0], nonce,
				   made.host->hash, &verdict) &&
		       !bundle_check_quote(&way->vtpm, &none, &way->bundle,
					   bundle_part(&way->bundle, BUNDLE_AK), way->keys[1],
					   nonce, made.host->hash, &verdict) &&
		       !verdict.count,
	       "quotes");
}

static void check_links(struct way *way)
{
	const struct deep_wish wish = { .nonce = { test_deep_nonce, sizeof(test_deep_nonce) } };

	expect(!deep_check(&way->leaf, &way->bundle, &way->frame, &way->vtpm.ak_name, &wish,
			   made.host->hash, &verdict) &&
		       !verdict.count,
	       "links");
}

static void check_certificates(struct way *way)
{
	const struct hash_part between = bundle_part(&way->bundle, BUNDLE_EK_CHAIN);
	struct ekcert_store *fork = ekcert_store_fork(store);
	struct chain chain = { 0 };

	expect(fork && !ekcert_store_add(fork, between.at, between.length, false) &&
		       !chain_host(&chain, way->bundle.below, store, &verdict) && chain.fleet &&
		       !chain_vtpm(&chain, &way->bundle, &way->leaf, fork, &verdict) &&
		       chain.vtpm && !verdict.count,
	       "certificates");
	chain_done(&chain);
	ekcert_store_free(fork);
}

static void check_logs(struct way *way)
{
	const struct boot_evidence evidence = {
		.eventlog = bundle_part(way->bundle.below, BUNDLE_EVENTLOG),
		.ima = bundle_part(way->bundle.below, BUNDLE_IMA),
		.pcrs = &way->host.pcrs,
	};
	struct boot boot;

	expect(!boot_appraise(&boot, &evidence, made.host->hash, &verdict), "logs");
	expect(boot.ima.attested == IMA_ENTRIES && verdict.status != ATTEST_FAILED, "logs");
	boot_done(&boot);
}

static void judge(const char *text, double times[_STAGE_MAX])
{
	static struct way way;
	double last = now(), next;

	verdict = (struct attest_verdict){ 0 };
	way = (struct way){ 0 };
	expect(!bundle_read(&way.bundle, text, strlen(text), &verdict), "bundle");
	next = now(), times[STAGE_READ] = next - last, last = next;
	check_quotes(&way);
	next = now(), times[STAGE_QUOTES] = next - last, last = next;
	check_links(&way);
	next = now(), times[STAGE_LINKS] = next - last, last = next;
	check_certificates(&way);
	next = now(), times[STAGE_CERTIFICATES] = next - last, last = next;
	check_logs(&way);
	times[STAGE_LOGS] = now() - last;
	bundle_done(&way.bundle);
}

static bool judge_cold(const char *text, int rounds)
{
	static double times[_STAGE_MAX][ROUNDS_MAX], all[ROUNDS_MAX];
	double stages[_STAGE_MAX], middle;

	for (int i = 0; i < rounds; i++) {
		judge(text, stages);
		for (int stage = 0; stage < _STAGE_MAX; stage++) {
			times[stage][i] = stages[stage];
			all[i] += stages[stage];
		}
	}
	middle = median(all, rounds);
	printf("cold: %.2f ms (asked: %.0f)\n", middle, COLD_MS);
	for (int stage = 0; stage < _STAGE_MAX; stage++)
		printf("  %-14s %.3f ms\n", names[stage], median(times[stage], rounds));
	return middle <= COLD_MS;
}

/* Return: milliseconds of one bare verification, as `openssl speed` has it. */
static double verify_bare(int rounds)
{
	static double times[ROUNDS_MAX];
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(made.host->ak_key, NULL);
	uint8_t digest[32] = { 1 }, signature[128];
	size_t length = sizeof(signature);

	expect(EVP_PKEY_sign_init(context) == 1 &&
		       EVP_PKEY_sign(context, signature, &length, digest, sizeof(digest)) == 1 &&
		       EVP_PKEY_verify_init(context) == 1,
	       "libcrypto");
	for (int i = 0; i < rounds; i++) {
		double began = now();

		expect(EVP_PKEY_verify(context, signature, length, digest, sizeof(digest)) == 1,
		       "libcrypto");
		times[i] = now() - began;
	}
	EVP_PKEY_CTX_free(context);
	return median(times, rounds);
}

static bool judge_warm(const char *text, int rounds)
{
	static double times[ROUNDS_MAX];
	static struct way way;
	double bare, middle, share;

	verdict = (struct attest_verdict){ 0 };
	expect(!bundle_read(&way.bundle, text, strlen(text), &verdict), "bundle");
	way.keys[0] = made.host->ak_key;
	way.keys[1] = made.vtpm->ak_key;
	for (int i = 0; i < rounds; i++) {
		double began = now();

		check_quotes(&way);
		check_links(&way);
		times[i] = now() - began;
	}
	bundle_done(&way.bundle);
	middle = median(times, rounds);
	bare = verify_bare(rounds);
	share = 200 * bare / middle;
	printf("warm: %.3f ms; two bare verifications %.3f ms, %.0f %% (asked: %d)\n", middle,
	       2 * bare, share, SHARE);
	return share >= SHARE;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	bool good;
	char *text;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "deep: rounds are 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	test_deep_init(&made);
	text = make_bundle();
	good = judge_cold(text, rounds);
	good = judge_warm(text, rounds) && good;
	free(text);
	test_deep_done(&made);
	ekcert_store_free(store);
	X509_free(fleet);
	X509_free(host_ca);
	EVP_PKEY_free(fleet_key);
	EVP_PKEY_free(host_key);
	return !good;
}
