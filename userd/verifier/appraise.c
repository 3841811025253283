// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify appraise and learn: all evidence of a host, in the order in which one thing
 * vouches for the next.
 *
 *	certificates -> attestation key -> quote -> PCR values -> logs
 *	[deep: -> root -> leaf -> vTPM's quote -> its PCR values]
 *	[      certificates -> vTPM's attestation key -> application key]
 *
 * Where the quote fails nothing is said of the logs: nobody vouches for them. Of a vTPM with a
 * host below it, that host is appraised first, by the policies, and then what leads from it to
 * the vTPM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/deep.h"
#include "base/cleanup.h"
#include "verifier/application.h"
#include "verifier/appraise.h"
#include "verifier/join.h"

static void freep(char **bytes)
{
	free(*bytes);
}

static int read_policy(struct appraisal *appraisal, const char *path, struct policy **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int r;

	r = verifier_file_read(path, POLICY_BYTES_MAX, "policy.missing",
			       &appraisal->verdict, &text, &length);
	return r ? r : policy_read(ret, text, length, &appraisal->verdict);
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
	if (!r && appraisal->verifier->host)
		r = join_host(appraisal->verifier->host, &appraisal->verdict, &text, &length);
	if (!r)
		r = bundle_read(&appraisal->bundle, text, length, &appraisal->verdict);
	appraisal->host = appraisal->bundle.below ? appraisal->bundle.below : &appraisal->bundle;
	if (!r && is_self(appraisal->host))
		attest_verdict_say(&appraisal->verdict, ATTEST_FAILED, "refused.self",
				   "appraise it on another machine",
				   "a host cannot vouch for itself");
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
	r = deep_check(&appraisal->leaf, &appraisal->bundle, &appraisal->frame,
		       &appraisal->vtpm.ak_name, &wish, appraisal->hash, verdict);
	/* where the links are broken, nobody says of which vTPM the certificates have to be */
	if (r || !appraisal->leaf.protection)
		return r;
	r = appraise_trust_vtpm(appraisal);
	return r ? r : appraise_vtpm(appraisal);
}

static int check_application(struct appraisal *appraisal)
{
	const struct quote *quote =
		appraisal->bundle.below ? &appraisal->vtpm : &appraisal->quote;

	if (appraisal->bundle.kind != BUNDLE_VTPM || !quote->signed_by_ak ||
	    (appraisal->bundle.below && !appraisal->leaf.protection))
		return 0;
	return application_check(&appraisal->application, appraisal->verifier,
				 &appraisal->bundle, appraisal->hash, &appraisal->verdict);
}

/* Who is in the list leaves out the certificates that it would be asked about. */
static void check_list_asked(struct appraisal *appraisal)
{
	struct attest_verdict *verdict = &appraisal->verdict;

	if (!appraisal->verifier->crl || verdict->status == ATTEST_FAILED ||
	    appraisal->chain.list.crl)
		return;
	attest_verdict_say(verdict, ATTEST_UNKNOWN, "crl.unasked",
			   "ask for a bundle of a host of the fleet, or of a vTPM on it, with "
			   "certificates; or leave --crl out",
			   "a list of what is revoked is given, and the bundle has no certificate "
			   "that could be in it");
}

static int check_host(struct appraisal *appraisal)
{
	struct attest_verdict *verdict = &appraisal->verdict;

	if (appraisal->policy)
		policy_check_key(appraisal->policy, &appraisal->quote.ak_name,
				 appraisal->chain.fleet, verdict);
	if (appraisal->quote.pcrs.has[ATTEST_SHA256])
		return check_boot(appraisal);
	attest_verdict_unchecked(verdict, "the logs: no PCR value is proven that could vouch for "
					  "them");
	return 0;
}

static int run(struct appraisal *appraisal, const char *path)
{
	const struct verifier *verifier = appraisal->verifier;
	int r = 0;

	if (verifier->policy)
		r = read_policy(appraisal, verifier->policy, &appraisal->policy);
	if (!r && verifier->vtpm_policy)
		r = read_policy(appraisal, verifier->vtpm_policy, &appraisal->vtpm_policy);

	if (!r && verifier->ima_policy)
		r = read_ima_policy(appraisal);
	if (!r)
		r = read_bundle(appraisal, path);
	if (!r)
		r = appraise_trust_host(appraisal);
	if (!r)
		r = check_quote(appraisal);
	if (!r && appraisal->bundle.below)
		r = check_deep(appraisal);
	if (!r)
		r = check_application(appraisal);
	if (!r)
		check_list_asked(appraisal);
	return r ? r : check_host(appraisal);
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
	status = appraise_show(appraisal, run(appraisal, path));
	chain_done(&appraisal->chain);
	ekcert_store_free(appraisal->store);
	boot_done(&appraisal->boot);
	bundle_done(&appraisal->bundle);
	policy_free(appraisal->policy);
	policy_free(appraisal->vtpm_policy);
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
