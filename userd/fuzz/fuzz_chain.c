// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz a deep bundle all the way: read, quotes, links, certificates, application key. No step is
 * left out because the one before it failed, so each sees what only somebody hostile sends.
 *
 * The fleet's CA is the one of the seeds, which are of a real vTPM. Whoever has not its key gets
 * no certificate past it: what holds up to the vTPM's keys has the very certificates of a seed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/deep.h"
#include "attest/hash.h"
#include "fuzz/chain_ca.h"
#include "verifier/application.h"
#include "verifier/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;
static struct ekcert_store *store;
static struct hash *hash;

static void begin(void)
{
	if (hash)
		return;
	hash = hash_new();
	store = ekcert_store_new();
	if (!hash || !store ||
	    ekcert_store_add(store, (const uint8_t *)chain_ca, strlen(chain_ca), true))
		abort();
}

/* A key that was shown to be in this vTPM has a name, and then nothing was said of it. */
static void follow_application(const struct bundle *bundle)
{
	static const struct verifier nothing;
	size_t before = verdict.count + verdict.dropped;
	struct public_name name;

	application_check(&name, &nothing, bundle, hash, &verdict);
	if (name.size && verdict.count + verdict.dropped != before)
		abort();
}

static void follow_certificates(const struct bundle *bundle, const struct leaf *leaf)
{
	const struct hash_part between = bundle_part(bundle, BUNDLE_EK_CHAIN);
	struct ekcert_store *fork = ekcert_store_fork(store);
	struct chain chain = { 0 };

	if (fork && between.at)
		ekcert_store_add(fork, between.at, between.length, false);
	if (fork && !chain_host(&chain, bundle->below, store, &verdict) && chain.fleet) {
		chain_vtpm(&chain, bundle, leaf, fork, &verdict);
		if (chain.vtpm && strlen(chain.host) != STANDING_ID - 1)
			abort();
	}
	chain_done(&chain);
	ekcert_store_free(fork);
}

static void follow(const struct bundle *bundle)
{
	const struct hash_part bytes = bundle_part(bundle, BUNDLE_LEAF);
	struct deep_wish wish = { 0 };
	struct host_quote frame, none;
	struct quote host, vtpm;
	struct leaf leaf = { 0 };

	bundle_check_quote(&host, &frame, bundle->below, bundle_part(bundle->below, BUNDLE_AK),
			   NULL, wish.nonce, hash, &verdict);
	bundle_check_quote(&vtpm, &none, bundle, bundle_part(bundle, BUNDLE_AK), NULL,
			   wish.nonce, hash, &verdict);
	deep_check(&leaf, bundle, &frame, &vtpm.ak_name, &wish, hash, &verdict);
	if (leaf_get(bytes.at, bytes.length, &leaf))
		follow_certificates(bundle, &leaf);
	follow_application(bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle bundle;

	begin();
	verdict = (struct attest_verdict){ 0 };
	if (!bundle_read(&bundle, (const char *)data, size, &verdict) && bundle.below)
		follow(&bundle);
	bundle_done(&bundle);
	return 0;
}
