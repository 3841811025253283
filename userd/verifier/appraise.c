// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify appraise and learn: all evidence of a host, in the order in which one thing
 * vouches for the next.
 *
 *	certificate -> endorsement key -> attestation key -> quote -> PCR values -> logs
 *	[deep: -> root -> leaf -> vTPM's quote -> its PCR values]
 *
 * Where the quote fails nothing is said of the logs: nobody vouches for them. Of a vTPM with a
 * host below it, that host is appraised first, by the policies, and then what leads from it to
 * the vTPM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attest/boot.h"
#include "attest/bundle.h"
#include "attest/deep.h"
#include "attest/quote.h"
#include "base/cleanup.h"
#include "verifier/files.h"
#include "verifier/verifier.h"

/**
 * struct appraisal - one host and what it came to
 * @verifier: the command line
 * @hash: computes
 * @policy: to appraise by; NULL to learn one
 * @ima_policy: for its log of IMA; NULL for none
 * @bundle: evidence
 * @host: that whose boot is appraised: it, or what is below it
 * @quote: of @host
 * @frame: of that quote
 * @boot: of @host
 * @vtpm: quote of a vTPM that has a host below it
 * @leaf: by which the host vouches for it
 * @learned: policy that was learned
 * @verdict: of it all
 */
struct appraisal {
	const struct verifier *verifier;
	struct hash *hash;
	struct policy *policy;
	struct ima_policy *ima_policy;
	struct bundle bundle;
	const struct bundle *host;
	struct quote quote;
	struct host_quote frame;
	struct boot boot;
	struct quote vtpm;
	struct leaf leaf;
	json_t *learned;
	struct attest_verdict verdict;
};

static void freep(char **bytes)
{
	free(*bytes);
}

static int read_policy(struct appraisal *appraisal)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int r;

	r = verifier_file_read(appraisal->verifier->policy, POLICY_BYTES_MAX, "policy.missing",
			       &appraisal->verdict, &text, &length);
	return r ? r : policy_read(&appraisal->policy, text, length, &appraisal->verdict);
}

static int read_ima_policy(struct appraisal *appraisal)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int r;

	r = verifier_file_read(appraisal->verifier->ima_policy, IMA_POLICY_BYTES_MAX,
			       "policy.missing", &appraisal->verdict, &text, &length);
	return r ? r : ima_policy_read(&appraisal->ima_policy, text, length, &appraisal->verdict);
}

/* Its name, or the boot of its kernel */
static bool is_self(const struct bundle *bundle)
{
	char own[BUNDLE_HOST_MAX] = "", boot_id[BUNDLE_BOOT_ID_MAX];

	verifier_boot_id(boot_id);
	return (!gethostname(own, sizeof(own) - 1) && !strcmp(own, bundle->host)) ||
	       (*boot_id && !strcmp(boot_id, bundle->boot_id));
}

static int read_bundle(struct appraisal *appraisal, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int r;

	r = verifier_file_read(path, BUNDLE_BYTES_MAX, "bundle.missing", &appraisal->verdict, &text,
			       &length);
	if (!r)
		r = bundle_read(&appraisal->bundle, text, length, &appraisal->verdict);
	appraisal->host = appraisal->bundle.below ? appraisal->bundle.below : &appraisal->bundle;
	if (!r && is_self(appraisal->host))
		attest_verdict_say(&appraisal->verdict, ATTEST_FAILED, "refused.self",
				   "appraise it on another machine",
				   "a host cannot vouch for itself");
	return r;
}

static bool is_of(struct hash_part certificate, struct ekcert_store *store, const struct public *ek)
{
	struct attest_verdict verdict = { 0 };
	struct ekcert ret;

	if (ekcert_check(&ret, certificate.at, certificate.length, store, ek, &verdict))
		return false;
	for (size_t i = 0; i < verdict.count; i++)
		if (!strcmp(verdict.reasons[i].code, "ek.key-mismatch"))
			return false;
	return true;
}

/* A TPM has certificates of several keys: the one of this key counts, or the first. */
static struct hash_part find_certificate(const struct bundle *bundle, struct ekcert_store *store,
					 const struct public *ek)
{
	for (unsigned int i = 0; i < bundle->certificates; i++) {
		struct hash_part certificate = bundle_part(bundle, BUNDLE_CERTIFICATE + i);

		if (is_of(certificate, store, ek))
			return certificate;
	}
	return bundle_part(bundle, BUNDLE_CERTIFICATE);
}

static int check_certificate(struct appraisal *appraisal)
{
	_cleanup_(ekcert_store_freep) struct ekcert_store *store = ekcert_store_new();
	const struct hash_part chain = bundle_part(appraisal->host, BUNDLE_EK_CHAIN);
	const struct hash_part bytes = bundle_part(appraisal->host, BUNDLE_EK);
	struct attest_verdict *verdict = &appraisal->verdict;
	struct hash_part certificate;
	struct ekcert ret;
	struct public ek;
	int r = 0;

	if (!appraisal->host->certificates || !bytes.at) {
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "ek.missing",
				   "have the host send its endorsement key and its certificate",
				   "the maker of the TPM is not known: there is no certificate");
		return 0;
	}
	if (!public_parse(&ek, bytes.at, bytes.length))
		return attest_verdict_malformed(verdict, "ek.invalid", 0, 0,
						"the endorsement key is no TPM2B_PUBLIC or "
						"TPMT_PUBLIC");
	if (!store)
		return -ENOMEM;
	for (size_t i = 0; !r && i < appraisal->verifier->ca_count; i++)
		r = verifier_store_add(store, appraisal->verifier->cas[i], true, verdict);
	if (!r && chain.at && ekcert_store_add(store, chain.at, chain.length, false))
		r = attest_verdict_malformed(verdict, "ca.invalid", 0, 0,
					     "the bundle's chain has no certificates");
	if (r)
		return r;
	certificate = find_certificate(appraisal->host, store, &ek);
	r = ekcert_check(&ret, certificate.at, certificate.length, store, &ek, verdict);
	if (!r && appraisal->policy)
		policy_check_ek(appraisal->policy, &ret, verdict);
	return r;
}

static int check_quote(struct appraisal *appraisal)
{
	const struct verifier *verifier = appraisal->verifier;
	const struct hash_part nonce = { verifier->nonce_size ? verifier->nonce : NULL,
					 verifier->nonce_size };

	return bundle_check_quote(&appraisal->quote, &appraisal->frame, appraisal->host,
				  bundle_part(appraisal->host, BUNDLE_AK), NULL, nonce,
				  appraisal->hash, &appraisal->verdict);
}

/* Of a host that vouches for a vTPM its word counts only where it is measured. */
static int check_boot(struct appraisal *appraisal)
{
	const struct boot_evidence evidence = {
		.eventlog = bundle_part(appraisal->host, BUNDLE_EVENTLOG),
		.ima = bundle_part(appraisal->host, BUNDLE_IMA),
		.ima_after = appraisal->host->ima_after,
		.pcrs = &appraisal->quote.pcrs,
		.policy = appraisal->policy,
		.ima_policy = appraisal->ima_policy,
	};
	int r = boot_appraise(&appraisal->boot, &evidence, appraisal->hash, &appraisal->verdict);

	if (!r && appraisal->host->is_below)
		deep_check_host(&appraisal->boot, &evidence, appraisal->hash, &appraisal->verdict);
	if (r || appraisal->policy)
		return r;
	appraisal->learned = policy_learn(&appraisal->quote.ak_name, &appraisal->boot.log,
					  &appraisal->quote.pcrs, appraisal->hash);
	return appraisal->learned ? 0 : -ENOMEM;
}

/* What the host vouches for, and that it is this vTPM's quote. */
static int check_deep(struct appraisal *appraisal)
{
	const struct verifier *verifier = appraisal->verifier;
	struct attest_verdict *verdict = &appraisal->verdict;
	const struct deep_wish wish = {
		.nonce = { verifier->nonce_size ? verifier->nonce : NULL, verifier->nonce_size },
		.uuid = verifier->has_vtpm ? verifier->vtpm : NULL,
		.epoch = verifier->epoch,
		.has_epoch = verifier->has_epoch,
	};
	struct host_quote none;
	int r;

	r = bundle_check_quote(&appraisal->vtpm, &none, &appraisal->bundle,
			       bundle_part(&appraisal->bundle, BUNDLE_AK), NULL, wish.nonce,
			       appraisal->hash, verdict);
	if (r)
		return r;
	/* there is no frame where the host failed, and no key where the vTPM's quote did */
	if (!appraisal->vtpm.signed_by_ak || !appraisal->frame.leaves)
		return verdict->status == ATTEST_FAILED ? 0 : -EIO;
	if (!wish.has_epoch)
		attest_verdict_unchecked(verdict, "the vTPM's epoch is expected by nobody, so it may "
						  "be an older or another copy (--epoch)");
	attest_verdict_unchecked(verdict, "the vTPM's PCRs are compared with nothing: here it is "
					  "said whose they are");
	return deep_check(&appraisal->leaf, &appraisal->bundle, &appraisal->frame,
			  &appraisal->vtpm.ak_name, &wish, appraisal->hash, verdict);
}

static int check_host(struct appraisal *appraisal)
{
	struct attest_verdict *verdict = &appraisal->verdict;

	if (appraisal->policy)
		policy_check_key(appraisal->policy, &appraisal->quote.ak_name, false, verdict);
	if (appraisal->quote.pcrs.has[ATTEST_SHA256])
		return check_boot(appraisal);
	attest_verdict_unchecked(verdict, "the logs: no PCR value is proven that could vouch for "
					  "them");
	return 0;
}

static int run(struct appraisal *appraisal, const char *path)
{
	int r = appraisal->verifier->policy ? read_policy(appraisal) : 0;

	if (!r && appraisal->verifier->ima_policy)
		r = read_ima_policy(appraisal);
	if (!r)
		r = read_bundle(appraisal, path);
	if (!r)
		r = check_certificate(appraisal);
	if (!r)
		r = check_quote(appraisal);
	if (!r && appraisal->bundle.below)
		r = check_deep(appraisal);
	return r ? r : check_host(appraisal);
}

static json_t *json_time(int64_t seconds)
{
	time_t time = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_string(text);
}

/* What holds of the vTPM if all passed; null where the links did not hold. */
static json_t *json_deep(const struct appraisal *appraisal)
{
	static const char *const protections[_LEAF_PROTECTION_MAX] = { "none", "sealed", "lazy",
								       "strict" };
	const struct leaf *leaf = &appraisal->leaf;
	char uuid[ATTEST_HEX_MAX], key[ATTEST_HEX_MAX];

	if (!leaf->protection)
		return json_null();
	attest_text_hex(uuid, leaf->uuid, sizeof(leaf->uuid));
	attest_text_hex(key, leaf->ak_name, sizeof(leaf->ak_name));
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "uuid", uuid, "ak_name", key, "epoch",
			 (json_int_t)leaf->epoch, "generation", (json_int_t)leaf->generation,
			 "protection", protections[leaf->protection], "quote",
			 verifier_json_quote(&appraisal->vtpm));
}

static json_t *list_files(const struct appraisal *appraisal)
{
	return files_json(appraisal->host, &appraisal->boot.ima, appraisal->verifier->files);
}

static json_t *to_json(const struct appraisal *appraisal)
{
	bool good = appraisal->verdict.status <= ATTEST_WARNING && appraisal->policy;
	int64_t now = time(NULL);
	char own[BUNDLE_HOST_MAX] = "", boot[32];

	json_t *result;

	gethostname(own, sizeof(own) - 1);
	snprintf(boot, sizeof(boot), "%u.%u", appraisal->quote.statement.clock.resets,
		 appraisal->quote.statement.clock.restarts);
	result = json_pack("{s:s, s:o, s:o, s:s, s:s?, s:o, s:s, s:b}", "host",
			 appraisal->host->host, "verified_at", json_time(now), "valid_until",
			 good ? json_time(now + policy_seconds(appraisal->policy)) : json_null(),
			 "verified_by", own, "boot_id",
			 appraisal->quote.signed_by_ak ? boot : NULL, "quote",
			 verifier_json_quote(&appraisal->quote), "secure_boot",
			 event_secure_boot_name(appraisal->boot.secure_boot), "log_reliable",
			 appraisal->boot.log_reliable);
	if (result)
		json_object_set_new(result, "files", list_files(appraisal));
	if (result && appraisal->bundle.below)
		json_object_set_new(result, "deep", json_deep(appraisal));
	return result;
}

static enum verifier_exit print_learned(const struct appraisal *appraisal)
{
	const struct attest_verdict *verdict = &appraisal->verdict;
	json_t *comment = json_sprintf("learned from %s, status %s%s%s", appraisal->bundle.host,
				       attest_status_name(verdict->status),
				       verdict->count ? ": " : "",
				       verdict->count ? verdict->reasons[0].code : "");

	if (json_object_set_new(appraisal->learned, "comment", comment) ||
	    json_dumpf(appraisal->learned, stdout, JSON_INDENT(2)) || puts("") < 0)
		return verifier_end(appraisal->verifier, NULL, NULL, -ENOMEM);
	return VERIFIER_EXIT_PASSED;
}

static void print_files(const struct appraisal *appraisal)
{
	json_t *files = list_files(appraisal);

	files_print(files);
	json_decref(files);
}

static enum verifier_exit end(struct appraisal *appraisal, int error)
{
	const struct verifier *verifier = appraisal->verifier;

	if (!error && hash_failed(appraisal->hash))
		error = -EIO;
	/* what is learned from a host that lies would call the lie good */
	if (!error && appraisal->learned && appraisal->verdict.status != ATTEST_FAILED)
		return print_learned(appraisal);
	if (!error && !verifier->json)
		print_files(appraisal);
	return verifier_end(verifier, &appraisal->verdict,
			    verifier->json ? to_json(appraisal) : NULL, error);
}

static enum verifier_exit start(const struct verifier *verifier, const char *path)
{
	struct appraisal *appraisal = calloc(1, sizeof(*appraisal));
	struct hash *hash = hash_new();
	enum verifier_exit status;

	if (!appraisal || !hash) {
		free(appraisal);
		hash_free(hash);
		return verifier_end(verifier, NULL, NULL, -ENOMEM);
	}
	appraisal->verifier = verifier;
	appraisal->hash = hash;
	appraisal->quote.bank = _ATTEST_BANK_MAX;
	appraisal->vtpm.bank = _ATTEST_BANK_MAX;
	appraisal->host = &appraisal->bundle;
	status = end(appraisal, run(appraisal, path));
	boot_done(&appraisal->boot);
	bundle_done(&appraisal->bundle);
	policy_free(appraisal->policy);
	ima_policy_free(appraisal->ima_policy);
	json_decref(appraisal->learned);
	hash_free(hash);
	free(appraisal);
	return status;
}

enum verifier_exit verifier_appraise(const struct verifier *verifier, const char *path)
{
	if (verifier->policy)
		return start(verifier, path);
	fprintf(stderr, "vtpm-verify: appraise wants --policy: see vtpm-verify --help\n");
	return VERIFIER_EXIT_USAGE;
}

enum verifier_exit verifier_learn(const struct verifier *verifier, const char *path)
{
	if (!verifier->policy)
		return start(verifier, path);
	fprintf(stderr, "vtpm-verify: learn makes a policy and takes none: see vtpm-verify "
			"--help\n");
	return VERIFIER_EXIT_USAGE;
}
