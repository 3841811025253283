/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who vouches for the keys of a bundle, by certificates of the fleet:
 *
 *	fleet's CA --> host's attestation key		which signed the host's quote
 *	fleet's CA --> host's CA --> vTPM's IAK and EK	which signed the vTPM's quote
 *
 * Both end at the same root, which the operator gave, and name the same host; the certificates
 * of the vTPM's keys name the vTPM and the epoch that are in the leaf. With a list (--crl)
 * neither the host, by the certificates of either way, nor the vTPM was taken back.
 *
 * A host's CA certifies whatever root on that host wants, so no certificate of it passes for
 * one of the fleet's: each way has exactly the steps above.
 */
#ifndef VERIFIER_CHAIN_H
#define VERIFIER_CHAIN_H

#include "attest/bundle.h"
#include "attest/ekcert.h"
#include "verifier/revocation.h"
#include "verifier/standing.h"

/** define CHAIN_NAME - room for the name of a CA */
#define CHAIN_NAME 256

/**
 * struct chain - how far it holds
 * @fleet: root that vouches for the host; NULL: none does
 * @by: subject of @fleet; harmless text
 * @host: id of the host, as the fleet's CA says
 * @since: when that CA checked the host's endorsement key, in seconds since 1970
 * @attester: certificate of the host's attestation key
 * @ended: the fleet's CA took it back
 * @vtpm: it holds up to the vTPM's keys
 * @list: of what was taken back; without a list where nobody gave one
 */
struct chain {
	X509 *fleet;
	char by[CHAIN_NAME];
	char host[STANDING_ID];
	int64_t since;
	X509 *attester;
	bool ended;
	bool vtpm;
	struct revocation list;
};

/**
 * chain_host() - from the host's attestation key to the fleet's CA
 * @chain: zeros; ended with chain_done(), whatever is returned
 * @host: bundle of the host
 * @store: roots of the operator
 * @verdict: hears "chain.ak-key", "chain.ak-use", "chain.expired"; nothing where there is no
 *	certificate that a root vouches for, as another one may vouch for the endorsement key
 *
 * Return: 0; -ENOMEM.
 */
int chain_host(struct chain *chain, const struct bundle *host, const struct ekcert_store *store,
	       struct attest_verdict *verdict);

/**
 * chain_list() - take the list of the fleet's CA
 * @chain: whose host is vouched for
 * @path: of the list; NULL: there is none, and the verdict says that nobody asked
 * @verdict: hears "crl.missing", "crl.invalid", "crl.expired"; "chain.suspended" and
 *	"chain.host-removed" of the host's attestation key
 *
 * Return: as revocation_read().
 */
int chain_list(struct chain *chain, const char *path, struct attest_verdict *verdict);

/**
 * chain_vtpm() - from the vTPM's keys to the same CA
 * @chain: of its host
 * @bundle: of the vTPM
 * @leaf: what the host vouched for
 * @store: as at chain_host()
 * @verdict: hears "chain.*" (Documentation/verifier.rst)
 *
 * Return: 0; -ENOMEM.
 */
int chain_vtpm(struct chain *chain, const struct bundle *bundle, const struct leaf *leaf,
	       const struct ekcert_store *store, struct attest_verdict *verdict);

/** chain_done() - release it; one of zeros is fine */
void chain_done(struct chain *chain);

#endif /* VERIFIER_CHAIN_H */
