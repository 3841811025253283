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
#include "base/text.h"
#include "cert/authority.h"
#include "cert/crl.h"
#include "verifier/revocation.h"

static void freep(char **bytes)
{
	free(*bytes);
}

static void certificatep(X509 **certificate)
{
	X509_free(*certificate);
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

static void say(struct attest_verdict *verdict, const char *code, const char *next,
		const char *text)
{
	attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
}

/* Did one of the certificates of this file sign the list? */
static int find_signer(const char *path, struct revocation *list, bool *ret_found,
		       struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	struct authority authority = { 0 };
	size_t length;
	int r = verifier_file_read(path, 2 * AUTHORITY_DER_MAX, "ca.missing", verdict, &bytes,
				   &length);

	if (r || authority_read(bytes, length, &authority))
		return r;
	for (size_t i = 0; i < authority.count && !*ret_found; i++)
		*ret_found = revocation_is_by(list, authority.chain[i]);
	authority_done(&authority);
	return 0;
}

/* The host's CA is among those between, or nobody gave it: then its entry cannot be looked up. */
static int check_host(const struct verifier *verifier, const struct revocation *list,
		      X509 *certificate, struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	struct authority authority = { 0 };
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
			if (revocation_standing(list, authority.chain[i]) != REVOCATION_GOOD)
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

static int ask_list(const struct verifier *verifier, struct revocation *list, X509 *certificate,
		    struct vtpmcert *ret, struct attest_verdict *verdict)
{
	bool found = false;
	int r = 0, revoked;

	for (size_t i = 0; !r && list->crl && !found && i < verifier->ca_count; i++)
		r = find_signer(verifier->cas[i], list, &found, verdict);
	if (r)
		return r;
	revoked = found ? crl_vtpm_revoked(list->crl, certificate) : -EBADMSG;
	if (revoked == -EBADMSG) {
		revocation_refuse(verdict);
		return 0;
	}
	text_cut(ret->checked, sizeof(ret->checked), list->by);
	ret->checked_at = list->at;
	if (!revocation_is_current(list, verdict))
		return 0;
	if (revoked == 1)
		say(verdict, "ek.revoked", "take the certificate that the vTPM has now",
		    "the certificate is revoked: the vTPM was removed, or is in a later epoch");
	return check_host(verifier, list, certificate, verdict);
}

static int check_list(const struct verifier *verifier, X509 *certificate, struct vtpmcert *ret,
		      struct attest_verdict *verdict)
{
	struct revocation list;
	int r = revocation_read(&list, verifier->crl, verdict);

	if (!r)
		r = ask_list(verifier, &list, certificate, ret, verdict);
	revocation_done(&list);
	return r;
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
