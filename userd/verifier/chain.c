// SPDX-License-Identifier: BSD-3-Clause
/*
 * The steps, one after the other; each that is broken has a reason of its own, and ends the way.
 */
#include "verifier/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attest/public.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "cert/authority.h"
#include "cert/binding.h"
#include "cert/crl.h"

#define RENEW "power cycle the vTPM, so that its host certifies it anew: vtpmctl reset NAME"
#define FORGED "believe nothing of it: ask again, with a new nonce"

/* Certificates from there to the root, with both */
#define STEPS_HOST 2
#define STEPS_VTPM 3

/**
 * struct paper - the certificate of one of the vTPM's keys
 * @bytes: it; at NULL: there is none
 * @key: it has to be of this
 * @usage: and for this
 * @what: it is called so
 * @broken: code where nobody vouches for it
 * @other_key: code where it is of another one
 * @other_use: code where it is for another use
 */
struct paper {
	struct hash_part bytes;
	struct hash_part key;
	const char *usage;
	const char *what;
	const char *broken;
	const char *other_key;
	const char *other_use;
};

static void certificatep(X509 **certificate)
{
	X509_free(*certificate);
}

static void chainp(STACK_OF(X509) **chain)
{
	ekcert_chain_free(*chain);
}

/* TPMs keep certificates with padding behind them. */
static X509 *read_certificate(struct hash_part bytes)
{
	const uint8_t *at = bytes.at;
	X509 *certificate = at ? d2i_X509(NULL, &at, (long)bytes.length) : NULL;

	ERR_clear_error();
	return certificate;
}

static struct attest_reason *fail(struct attest_verdict *verdict, const char *code,
				  const char *next, const char *text)
{
	return attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
}

static void fail_date(struct attest_verdict *verdict)
{
	fail(verdict, "chain.expired", "look at the clock; renew what is out of date",
	     "a certificate between the fleet's CA and the key is out of date");
}

static bool is_of(X509 *certificate, struct hash_part key)
{
	const EVP_PKEY *own = X509_get0_pubkey(certificate);
	struct public public;

	return own && key.at && public_parse(&public, key.at, key.length) &&
	       public_same(&public, own);
}

/* The host */

static void read_subject(const X509 *certificate, char *ret, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	*ret = 0;
	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
				      XN_FLAG_RFC2253) > 0) {
		length = BIO_get_mem_data(bio, &text);
		attest_text_ascii(ret, room, (const uint8_t *)text, (size_t)length);
	}
	BIO_free(bio);
}

static void take_host(struct chain *chain, X509 *certificate, X509 *fleet)
{
	struct tm from;

	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, chain->host,
				  sizeof(chain->host));
	if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) == 1)
		chain->since = timegm(&from) + DRAFT_SLACK;
	read_subject(fleet, chain->by, sizeof(chain->by));
	if (!X509_up_ref(certificate))
		return;
	chain->attester = certificate;
	if (X509_up_ref(fleet))
		chain->fleet = fleet;
}

int chain_host(struct chain *chain, const struct bundle *host, const struct ekcert_store *store,
	       struct attest_verdict *verdict)
{
	_cleanup_(certificatep) X509 *certificate =
		read_certificate(bundle_part(host, BUNDLE_AK_CERTIFICATE));
	_cleanup_(chainp) STACK_OF(X509) *way = NULL;
	struct ekcert_gap gap;
	int r;

	if (!certificate)
		return 0;
	r = ekcert_store_follow(store, certificate, &way, &gap);
	if (r == -EBADE && ekcert_is_outdated(&gap))
		fail_date(verdict);
	if (r)
		return r == -EBADE ? 0 : r;
	if (sk_X509_num(way) != STEPS_HOST)
		return 0;
	if (!is_of(certificate, bundle_part(host, BUNDLE_AK)))
		fail(verdict, "chain.ak-key", FORGED,
		     "the fleet's CA certified another attestation key than the one that quoted");
	else if (!ekcert_has_usage(certificate, EKCERT_USAGE_AK))
		fail(verdict, "chain.ak-use", "have the host enrol again: vtpmctl host enrol",
		     "the host's certificate is not one of an attestation key");
	else
		take_host(chain, certificate, sk_X509_value(way, STEPS_HOST - 1));
	return 0;
}

/* Of a host that was taken back all certificates are in the list: it is said once. */
static bool check_standing(struct chain *chain, X509 *certificate, struct attest_verdict *verdict)
{
	enum revocation_standing standing = REVOCATION_GOOD;

	if (chain->list.crl)
		standing = revocation_standing(&chain->list, certificate);
	if (standing == REVOCATION_GOOD || chain->ended)
		return standing == REVOCATION_GOOD;
	chain->ended = true;
	if (standing == REVOCATION_SUSPENDED)
		fail(verdict, "chain.suspended",
		     "look at the host's own evidence, and acknowledge its failure",
		     "the fleet's CA suspended the host's certificates: the host failed");
	else
		fail(verdict, "chain.host-removed",
		     "enrol the host again if it is to be one of the fleet: vtpmctl host enrol",
		     "the fleet's CA took the host's certificates back: the host was removed, "
		     "enrolled anew, or has another TPM");
	return false;
}

int chain_list(struct chain *chain, const char *path, struct attest_verdict *verdict)
{
	int r;

	if (!path) {
		attest_verdict_unchecked(verdict, "no list of what is revoked is given (--crl)");
		return 0;
	}
	r = revocation_read(&chain->list, path, verdict);
	if (r)
		return r;
	if (!revocation_is_by(&chain->list, chain->fleet)) {
		revocation_refuse(verdict);
		revocation_done(&chain->list);
	} else if (!revocation_is_current(&chain->list, verdict)) {
		revocation_done(&chain->list);
	} else {
		check_standing(chain, chain->attester, verdict);
	}
	return 0;
}

/* Its vTPMs */

static bool is_host_ca(X509 *certificate)
{
	char unit[sizeof(AUTHORITY_UNIT) + 1];

	return X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
					 NID_organizationalUnitName, unit, sizeof(unit)) > 0 &&
	       !strcmp(unit, AUTHORITY_UNIT);
}

static bool check_host(const struct chain *chain, X509 *authority, struct attest_verdict *verdict)
{
	char host[STANDING_ID] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(authority), NID_commonName, host,
				  sizeof(host));
	if (*host && !strcmp(host, chain->host))
		return true;
	fail(verdict, "chain.host",
	     "find out who moved the vTPM: its host has to certify it in a new epoch",
	     "the CA of another host certified the vTPM than the host that vouches for it");
	return false;
}

/* Return: who signed it, of @way; NULL: the verdict says why not. */
static X509 *check_way(struct chain *chain, const struct paper *paper,
		       const STACK_OF(X509) *way, const struct ekcert_gap *gap,
		       struct attest_verdict *verdict)
{
	X509 *authority = sk_X509_num(way) == STEPS_VTPM ? sk_X509_value(way, 1) : NULL;

	if (!way && ekcert_is_outdated(gap))
		fail_date(verdict);
	else if (!way && !gap->depth && gap->error == X509_V_ERR_CERT_SIGNATURE_FAILURE)
		attest_verdict_say(verdict, ATTEST_FAILED, paper->broken, FORGED,
				   "the host's CA did not sign the certificate of the vTPM's %s",
				   paper->what);
	else if (!authority || !is_host_ca(authority) ||
		 X509_cmp(sk_X509_value(way, STEPS_VTPM - 1), chain->fleet))
		fail(verdict, "chain.host-ca",
		     "have the fleet's CA certify the host's: vtpmctl ca renew; then power cycle "
		     "the vTPM",
		     "who certified the vTPM is no host's CA that the fleet's CA vouches for");
	else if (check_host(chain, authority, verdict) &&
		 check_standing(chain, authority, verdict))
		return authority;
	return NULL;
}

static bool check_what(const struct paper *paper, X509 *certificate,
		       struct attest_verdict *verdict)
{
	if (!is_of(certificate, paper->key))
		attest_verdict_say(verdict, ATTEST_FAILED, paper->other_key, FORGED,
				   "the certificate is of another %s than the vTPM's", paper->what);
	else if (!ekcert_has_usage(certificate, paper->usage))
		attest_verdict_say(verdict, ATTEST_FAILED, paper->other_use, RENEW,
				   "the certificate of the vTPM's %s is for another use",
				   paper->what);
	else
		return true;
	return false;
}

static bool check_binding(X509 *certificate, const struct leaf *leaf,
			  struct attest_verdict *verdict)
{
	struct attest_reason *reason;
	struct binding binding;

	if (binding_of(certificate, &binding)) {
		fail(verdict, "chain.binding", RENEW,
		     "the certificate does not say which vTPM it is of, or in a way that nobody "
		     "reads");
		return false;
	}
	if (!secret_equal(binding.uuid, leaf->uuid, sizeof(leaf->uuid))) {
		reason = fail(verdict, "chain.uuid", FORGED, "the certificate is of another vTPM");
		attest_text_hex(reason->expected, leaf->uuid, sizeof(leaf->uuid));
		attest_text_hex(reason->found, binding.uuid, sizeof(binding.uuid));
		return false;
	}
	if (binding.epoch == leaf->epoch)
		return true;
	attest_verdict_say(verdict, ATTEST_FAILED, "chain.epoch",
			   binding.epoch > leaf->epoch
				   ? "an older state came back: find out who restored it"
				   : RENEW,
			   "the certificate is of epoch %llu, and the vTPM is in %llu",
			   (unsigned long long)binding.epoch, (unsigned long long)leaf->epoch);
	return false;
}

static bool check_list(const struct chain *chain, X509 *certificate,
		       struct attest_verdict *verdict)
{
	int revoked = chain->list.crl ? crl_vtpm_revoked(chain->list.crl, certificate) : 0;

	if (!revoked)
		return true;
	if (revoked == 1)
		fail(verdict, "chain.revoked",
		     "take the certificate that the vTPM has now; one that was removed has none",
		     "the certificate is revoked: the vTPM was removed, or is in a later epoch");
	else
		revocation_refuse(verdict);
	return false;
}

static int check_paper(struct chain *chain, const struct paper *paper,
		       const struct leaf *leaf, const struct ekcert_store *store,
		       struct attest_verdict *verdict)
{
	_cleanup_(certificatep) X509 *certificate = read_certificate(paper->bytes);
	_cleanup_(chainp) STACK_OF(X509) *way = NULL;
	struct ekcert_gap gap = { 0 };
	int r = certificate ? ekcert_store_follow(store, certificate, &way, &gap) : 0;

	if (r == -ENOMEM)
		return r;
	if (!certificate)
		attest_verdict_say(verdict, ATTEST_FAILED, paper->broken, RENEW,
				   "the certificate of the vTPM's %s is none in DER", paper->what);
	else if (check_way(chain, paper, way, &gap, verdict) &&
		 check_what(paper, certificate, verdict) &&
		 check_binding(certificate, leaf, verdict))
		check_list(chain, certificate, verdict);
	return 0;
}

/* A vTPM has certificates of several endorsement keys: the one of this key counts. */
static struct hash_part find_certificate(const struct bundle *bundle)
{
	const struct hash_part key = bundle_part(bundle, BUNDLE_EK);
	struct hash_part found = bundle_part(bundle, BUNDLE_CERTIFICATE);

	for (unsigned int i = 0; i < bundle->certificates; i++) {
		struct hash_part bytes = bundle_part(bundle, BUNDLE_CERTIFICATE + i);
		_cleanup_(certificatep) X509 *certificate = read_certificate(bytes);

		if (certificate && is_of(certificate, key))
			found = bytes;
	}
	return found;
}

/* The key that the leaf names: it signed the quote, or certified the one that did. */
static struct paper paper_of_iak(const struct bundle *bundle)
{
	const struct hash_part certifier = bundle_part(bundle, BUNDLE_CERTIFIER);

	return (struct paper){
		.bytes = bundle_part(bundle, BUNDLE_AK_CERTIFICATE),
		.key = certifier.at ? certifier : bundle_part(bundle, BUNDLE_AK),
		.usage = EKCERT_USAGE_AK,
		.what = "attestation key",
		.broken = "chain.iak",
		.other_key = "chain.iak-key",
		.other_use = "chain.iak-use",
	};
}

static struct paper paper_of_ek(const struct bundle *bundle)
{
	return (struct paper){
		.bytes = find_certificate(bundle),
		.key = bundle_part(bundle, BUNDLE_EK),
		.usage = EKCERT_USAGE_EK,
		.what = "endorsement key",
		.broken = "chain.ek",
		.other_key = "chain.ek-key",
		.other_use = "chain.ek-use",
	};
}

int chain_vtpm(struct chain *chain, const struct bundle *bundle, const struct leaf *leaf,
	       const struct ekcert_store *store, struct attest_verdict *verdict)
{
	const struct paper iak = paper_of_iak(bundle), ek = paper_of_ek(bundle);
	size_t before = verdict->count;
	int r;

	if (!iak.bytes.at) {
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "chain.iak-missing", RENEW,
				   "the vTPM's attestation key has no certificate of its host");
		return 0;
	}
	r = check_paper(chain, &iak, leaf, store, verdict);
	if (!r && verdict->count == before && ek.bytes.at)
		r = check_paper(chain, &ek, leaf, store, verdict);
	else if (!r && !ek.bytes.at)
		attest_verdict_unchecked(verdict, "the vTPM's endorsement key has no certificate");
	chain->vtpm = !r && verdict->count == before;
	return r;
}

void chain_done(struct chain *chain)
{
	revocation_done(&chain->list);
	X509_free(chain->fleet);
	X509_free(chain->attester);
	*chain = (struct chain){ 0 };
}
