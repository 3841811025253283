/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One bundle on its way through an appraisal: appraise.c goes the way, appraise_trust.c finds who
 * vouches for the keys, appraise_show.c says what it came to.
 */
#ifndef VERIFIER_APPRAISE_H
#define VERIFIER_APPRAISE_H

#include "attest/boot.h"
#include "attest/bundle.h"
#include "attest/quote.h"
#include "verifier/chain.h"
#include "verifier/verifier.h"

/**
 * struct appraisal - one host and what it came to
 * @verifier: the command line
 * @hash: computes
 * @policy: to appraise by; NULL to learn one
 * @vtpm_policy: for the PCRs of a vTPM that has a host below it; NULL for none
 * @ima_policy: for its log of IMA; NULL for none
 * @bundle: evidence
 * @store: what is believed (--ca), and what may stand between
 * @chain: who vouches for the keys, by certificates
 * @host: that whose boot is appraised: it, or what is below it
 * @quote: of @host
 * @frame: of that quote
 * @boot: of @host
 * @vtpm: quote of a vTPM that has a host below it
 * @leaf: by which the host vouches for it
 * @application: Name of the application key; size 0: none is shown, or believed
 * @learned: policy that was learned
 * @verdict: of it all
 */
struct appraisal {
	const struct verifier *verifier;
	struct hash *hash;
	struct policy *policy;
	struct policy *vtpm_policy;
	struct ima_policy *ima_policy;
	struct bundle bundle;
	struct ekcert_store *store;
	struct chain chain;
	const struct bundle *host;
	struct quote quote;
	struct host_quote frame;
	struct boot boot;
	struct quote vtpm;
	struct leaf leaf;
	struct public_name application;
	json_t *learned;
	struct attest_verdict verdict;
};

/**
 * appraise_trust_host() - who vouches for the keys of the host?
 * @appraisal: with its bundle; it has a store and perhaps a chain afterwards
 *
 * Either the fleet's CA, which checked the endorsement key when the host enrolled, or the maker of
 * the TPM, by that key's certificate.
 *
 * Return: 0; -EBADMSG (something is malformed); -ENOMEM.
 */
int appraise_trust_host(struct appraisal *appraisal);

/**
 * appraise_trust_vtpm() - and of the vTPM that it vouched for?
 * @appraisal: with a leaf
 *
 * Return: as appraise_trust_host().
 */
int appraise_trust_vtpm(struct appraisal *appraisal);

/**
 * appraise_vtpm() - hold a vTPM's PCRs, which a host vouched for, against what it has to be
 * @appraisal: its verdict hears the codes of a host's boot, with "vtpm." before them
 *
 * Return: 0; -EBADMSG (its event log is malformed); -ENOMEM.
 */
int appraise_vtpm(struct appraisal *appraisal);

/** appraise_show() - print what it came to. Return: exit status */
enum verifier_exit appraise_show(struct appraisal *appraisal, int error);

#endif /* VERIFIER_APPRAISE_H */
