// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read a list, and ask it; see the header.
 */
#include "verifier/revocation.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "verifier/verifier.h"

#define LIST_BYTES_MAX (16u << 20)

static void freep(char **bytes)
{
	free(*bytes);
}

int revocation_read(struct revocation *ret, const char *path, struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	const uint8_t *at;
	size_t length;
	BIO *bio;
	int r;

	*ret = (struct revocation){ 0 };
	r = verifier_file_read(path, LIST_BYTES_MAX, "crl.missing", verdict, &bytes, &length);
	if (r)
		return r;
	at = (const uint8_t *)bytes;
	ret->crl = d2i_X509_CRL(NULL, &at, (long)length);
	bio = ret->crl ? NULL : BIO_new_mem_buf(bytes, (int)length);
	if (bio)
		ret->crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return 0;
}

bool revocation_is_by(struct revocation *list, X509 *ca)
{
	X509_NAME *name = X509_get_subject_name(ca);
	struct tm made;
	bool good = list->crl && !X509_NAME_cmp(X509_CRL_get_issuer(list->crl), name) &&
		    X509_CRL_verify(list->crl, X509_get0_pubkey(ca)) == 1;

	ERR_clear_error();
	if (!good)
		return false;
	X509_NAME_get_text_by_NID(name, NID_commonName, list->by, sizeof(list->by));
	if (ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(list->crl), &made) == 1)
		list->at = timegm(&made);
	return true;
}

bool revocation_is_current(const struct revocation *list, struct attest_verdict *verdict)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list->crl);

	if (next && X509_cmp_current_time(next) > 0)
		return true;
	attest_verdict_say(verdict, ATTEST_FAILED, "crl.expired",
			   "fetch it again: GET /v1/crl of the verifier",
			   "the list of what is revoked is out of date");
	return false;
}

void revocation_refuse(struct attest_verdict *verdict)
{
	attest_verdict_say(verdict, ATTEST_FAILED, "crl.invalid",
			   "give the list of the fleet's CA, and that one with --ca",
			   "what is given is no list, or nobody who is believed signed it");
}

enum revocation_standing revocation_standing(const struct revocation *list, X509 *authority)
{
	X509_REVOKED *entry = NULL;
	ASN1_ENUMERATED *reason;
	enum revocation_standing standing;

	if (X509_CRL_get0_by_cert(list->crl, &entry, authority) != 1)
		return REVOCATION_GOOD;
	reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	standing = reason && ASN1_ENUMERATED_get(reason) == CRL_REASON_CERTIFICATE_HOLD
			   ? REVOCATION_SUSPENDED
			   : REVOCATION_ENDED;
	ASN1_ENUMERATED_free(reason);
	return standing;
}

void revocation_done(struct revocation *list)
{
	X509_CRL_free(list->crl);
	*list = (struct revocation){ 0 };
}
