// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks; see the header.
 */
#include "verifier/vtpmcert.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "cert/authority.h"
#include "cert/crl.h"

#define CRL_BYTES_MAX (16u << 20)

static void freep(char **bytes)
{
	free(*bytes);
}

static void certificatep(X509 **certificate)
{
	X509_free(*certificate);
}

static void crlp(X509_CRL **crl)
{
	X509_CRL_free(*crl);
}

static X509 *read_certificate(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	X509 *certificate = d2i_X509(NULL, &at, (long)length);
	BIO *bio = certificate ? NULL : BIO_new_mem_buf(bytes, (int)length);

	if (bio)
		certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return certificate;
}

static X509_CRL *read_list(const char *bytes, size_t length)
{
	const uint8_t *at = (const uint8_t *)bytes;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)length);
	BIO *bio = crl ? NULL : BIO_new_mem_buf(bytes, (int)length);

	if (bio)
		crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return crl;
}

static void say(struct attest_verdict *verdict, const char *code, const char *next,
		const char *text)
{
	attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
}

/* Did one of the certificates of this file sign the list? */
static int find_signer(const char *path, X509_CRL *crl, struct vtpmcert *ret, bool *ret_found,
		       struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	struct authority authority = { 0 };
	size_t length;
	int r = verifier_file_read(path, 2 * AUTHORITY_DER_MAX, "ca.missing", verdict, &bytes,
				   &length);

	if (r || authority_read(bytes, length, &authority))
		return r;
	for (size_t i = 0; i < authority.count && !*ret_found; i++) {
		X509 *by = authority.chain[i];
		X509_NAME *name = X509_get_subject_name(by);

		*ret_found = !X509_NAME_cmp(X509_CRL_get_issuer(crl), name) &&
			     X509_CRL_verify(crl, X509_get0_pubkey(by)) == 1;
		if (*ret_found)
			X509_NAME_get_text_by_NID(name, NID_commonName, ret->checked,
						  sizeof(ret->checked));
	}
	authority_done(&authority);
	return 0;
}

static bool is_current(X509_CRL *crl, struct vtpmcert *ret, struct attest_verdict *verdict)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	struct tm made;

	if (ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(crl), &made) == 1)
		ret->checked_at = timegm(&made);
	if (next && X509_cmp_current_time(next) > 0)
		return true;
	say(verdict, "crl.expired", "fetch it again: GET /v1/crl of the verifier",
	    "the list of what is revoked is out of date");
	return false;
}

/* The host's CA is among those between, or nobody gave it: then its entry cannot be looked up. */
static int check_host(const struct verifier *verifier, X509_CRL *crl, X509 *certificate,
		      struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	struct authority authority = { 0 };
	X509_REVOKED *entry = NULL;
	bool found = false;
	size_t length;
	int r = verifier->chain ? verifier_file_read(verifier->chain, 2 * AUTHORITY_DER_MAX,
						     "ca.missing", verdict, &bytes, &length)
				: 0;

	if (!r && bytes && !authority_read(bytes, length, &authority)) {
		for (size_t i = 0; i < authority.count; i++) {
			if (X509_check_issued(authority.chain[i], certificate) != X509_V_OK)
				continue;
			found = true;
			if (X509_CRL_get0_by_cert(crl, &entry, authority.chain[i]) == 1)
				say(verdict, "ek.suspended",
				    "look at the host's own evidence, and acknowledge its failure",
				    "the fleet's CA suspended the CA of its host");
		}
		authority_done(&authority);
	}
	if (!r && !found)
		attest_verdict_unchecked(verdict, "the certificate of the host's CA is not given "
						  "(--chain), so whether it is suspended was not "
						  "asked");
	return r;
}

static int check_list(const struct verifier *verifier, X509 *certificate, struct vtpmcert *ret,
		      struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	_cleanup_(crlp) X509_CRL *crl = NULL;
	bool found = false;
	size_t length;
	int r = verifier_file_read(verifier->crl, CRL_BYTES_MAX, "crl.missing", verdict, &bytes,
				   &length), revoked;

	crl = r ? NULL : read_list(bytes, length);
	for (size_t i = 0; !r && crl && !found && i < verifier->ca_count; i++)
		r = find_signer(verifier->cas[i], crl, ret, &found, verdict);
	if (r)
		return r;
	revoked = found ? crl_vtpm_revoked(crl, certificate) : -EBADMSG;
	if (revoked == -EBADMSG) {
		ret->checked[0] = 0;
		say(verdict, "crl.invalid", "give the list of the fleet's CA, and that one with --ca",
		    "what is given is no list, or nobody who is believed signed it");
		return 0;
	}
	if (!is_current(crl, ret, verdict))
		return 0;
	if (revoked == 1)
		say(verdict, "ek.revoked", "take the certificate that the vTPM has now",
		    "the certificate is revoked: the vTPM was removed, or is in a later epoch");
	return check_host(verifier, crl, certificate, verdict);
}

int vtpmcert_check(const struct verifier *verifier, const void *bytes, size_t length,
		   struct vtpmcert *ret, struct attest_verdict *verdict)
{
	_cleanup_(certificatep) X509 *certificate = read_certificate(bytes, length);
	int r = certificate ? binding_of(certificate, &ret->binding) : -ENOENT;

	ret->bound = !r;
	if (r == -EBADMSG)
		say(verdict, "ek.binding", "have the host certify the vTPM again",
		    "which vTPM it is of is written there in a way that nobody reads");
	if (r) {
		ERR_clear_error();
		return 0;
	}
	if (verifier->crl)
		r = check_list(verifier, certificate, ret, verdict);
	else
		attest_verdict_unchecked(verdict, "no list of what is revoked is given (--crl)");
	ERR_clear_error();
	return r;
}
