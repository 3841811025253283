// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who vouches for the keys of a bundle. The fleet's CA comes first: what it checked when the
 * host enrolled was all that the maker's certificate says, and that the attestation key is in
 * the same TPM as well.
 */
#include "verifier/appraise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The maker's certificate. Where the fleet's CA vouches it is asked for its make alone. */
static int check_maker(struct appraisal *appraisal, struct ekcert *ret,
		       struct attest_verdict *verdict)
{
	const struct hash_part chain = bundle_part(appraisal->host, BUNDLE_EK_CHAIN);
	const struct hash_part bytes = bundle_part(appraisal->host, BUNDLE_EK);
	struct ekcert_store *store = appraisal->store;
	struct hash_part certificate;
	struct public ek;
	int r;

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
	if (chain.at && ekcert_store_add(store, chain.at, chain.length, false))
		return attest_verdict_malformed(verdict, "ca.invalid", 0, 0,
						"the bundle's chain has no certificates");
	certificate = find_certificate(appraisal->host, store, &ek);
	r = ekcert_check(ret, certificate.at, certificate.length, store, &ek, verdict);
	if (!r && appraisal->policy)
		policy_check_ek(appraisal->policy, ret, &appraisal->verdict);
	return r;
}

static int open_store(struct appraisal *appraisal)
{
	const struct verifier *verifier = appraisal->verifier;
	int r = 0;

	appraisal->store = ekcert_store_new();
	if (!appraisal->store)
		return -ENOMEM;
	for (size_t i = 0; !r && i < verifier->ca_count; i++)
		r = verifier_store_add(appraisal->store, verifier->cas[i], true,
				       &appraisal->verdict);
	return r;
}

/* Return: 0, where there is a fleet's CA or none is known; -EBADMSG; -ENOMEM. */
static int ask_fleet(struct appraisal *appraisal)
{
	struct chain *chain = &appraisal->chain;
	int r;

	if (!bundle_part(appraisal->host, BUNDLE_AK_CERTIFICATE).at ||
	    !ekcert_store_roots(appraisal->store))
		return 0;
	r = chain_host(chain, appraisal->host, appraisal->store, &appraisal->verdict);
	if (!r && chain->fleet)
		r = chain_list(chain, appraisal->verifier->crl, &appraisal->verdict);
	return r;
}

static int ask_maker_too(struct appraisal *appraisal, struct ekcert *ret)
{
	struct attest_verdict *unheard = calloc(1, sizeof(*unheard));
	int r = unheard ? check_maker(appraisal, ret, unheard) : -ENOMEM;

	free(unheard);
	return r == -ENOMEM ? r : 0;
}

int appraise_trust_host(struct appraisal *appraisal)
{
	struct attest_verdict *verdict = &appraisal->verdict;
	struct ekcert maker = { 0 };
	size_t before;
	int r = open_store(appraisal);

	/* refused.self may be there already, and says nothing of keys */
	before = verdict->count;
	if (!r)
		r = ask_fleet(appraisal);
	if (r)
		return r;
	if (appraisal->chain.fleet)
		return ask_maker_too(appraisal, &maker);
	if (verdict->count > before)
		return 0;
	r = check_maker(appraisal, &maker, verdict);
	if (r || maker.chained || !ekcert_store_roots(appraisal->store) ||
	    !bundle_part(appraisal->host, BUNDLE_AK_CERTIFICATE).at)
		return r;
	attest_verdict_say(verdict, ATTEST_FAILED, "chain.ak",
			   "give the certificate of the fleet's CA (--ca DIRECTORY/ca.pem); "
			   "otherwise it is no host that is believed",
			   "no CA that is believed signed the certificate of the host's "
			   "attestation key");
	return 0;
}

int appraise_trust_vtpm(struct appraisal *appraisal)
{
	const struct hash_part between = bundle_part(&appraisal->bundle, BUNDLE_EK_CHAIN);
	struct attest_verdict *verdict = &appraisal->verdict;
	struct ekcert_store *store;
	int r = 0;

	if (!appraisal->chain.fleet) {
		if (bundle_part(&appraisal->bundle, BUNDLE_AK_CERTIFICATE).at)
			attest_verdict_unchecked(verdict,
						 "the certificates of the vTPM's keys: no fleet's "
						 "CA vouches for its host (--ca)");
		return 0;
	}
	store = ekcert_store_fork(appraisal->store);
	if (!store)
		return -ENOMEM;
	/* one that cannot be read is one that is not there */
	if (between.at)
		r = ekcert_store_add(store, between.at, between.length, false);
	if (r != -ENOMEM)
		r = chain_vtpm(&appraisal->chain, &appraisal->bundle, &appraisal->leaf, store,
			       verdict);
	ekcert_store_free(store);
	return r;
}
