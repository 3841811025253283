// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read, check and make; see the header.
 */
#include "cert/authority.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "cert/draft.h"

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static void free_request(X509_REQ **request)
{
	X509_REQ_free(*request);
}

static int take(struct authority *authority, X509 *certificate)
{
	if (authority->count == AUTHORITY_CHAIN_MAX) {
		X509_free(certificate);
		return -EBADMSG;
	}
	authority->chain[authority->count++] = certificate;
	return 0;
}

static int read_der(struct authority *authority, const uint8_t *bytes, size_t length)
{
	const uint8_t *at = bytes;
	int r = 0;

	while (!r && at < bytes + length) {
		X509 *certificate = d2i_X509(NULL, &at, (long)(length - (size_t)(at - bytes)));

		r = certificate ? take(authority, certificate) : -EBADMSG;
	}
	return r;
}

static int read_pem(struct authority *authority, const uint8_t *bytes, size_t length)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)length);
	X509 *certificate;
	int r = 0;

	while (!r && bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		r = take(authority, certificate);
	BIO_free(bio);
	return r;
}

int authority_read(const void *bytes, size_t length, struct authority *ret)
{
	struct authority authority = { 0 };
	int r = length && length <= 2 * AUTHORITY_DER_MAX ? 0 : -EBADMSG;

	/* X.690, 8.1.2: a sequence begins so, and no text does */
	if (!r && *(const uint8_t *)bytes == 0x30)
		r = read_der(&authority, bytes, length);
	else if (!r)
		r = read_pem(&authority, bytes, length);
	ERR_clear_error();
	if (r || !authority.count) {
		authority_done(&authority);
		return -EBADMSG;
	}
	*ret = authority;
	return 0;
}

size_t authority_write(const struct authority *authority, uint8_t ret[AUTHORITY_DER_MAX])
{
	uint8_t *to = ret;

	for (size_t i = 0; i < authority->count; i++) {
		int length = i2d_X509(authority->chain[i], NULL);

		if (length <= 0 || length > ret + AUTHORITY_DER_MAX - to)
			return 0;
		i2d_X509(authority->chain[i], &to);
	}
	return (size_t)(to - ret);
}

/* @below: certificates of other CAs between it and what the host's CA issues. */
static int check_one(X509 *certificate, size_t below)
{
	long path = X509_get_pathlen(certificate);

	if (X509_check_ca(certificate) != 1 ||
	    !(X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN) ||
	    (path >= 0 && (size_t)path < below))
		return -EPERM;
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
		return -ETIME;
	return 0;
}

int authority_check(const struct authority *authority, EVP_PKEY *key)
{
	const EVP_PKEY *own = authority->count ? X509_get0_pubkey(authority->chain[0]) : NULL;
	int r = 0;

	if (!own || EVP_PKEY_eq(own, key) != 1)
		r = -EKEYREJECTED;
	for (size_t i = 0; !r && i < authority->count; i++) {
		X509 *above = i + 1 < authority->count ? authority->chain[i + 1] : NULL;

		r = check_one(authority->chain[i], i);
		if (!r && above &&
		    (X509_check_issued(above, authority->chain[i]) != X509_V_OK ||
		     X509_verify(authority->chain[i], X509_get0_pubkey(above)) != 1))
			r = -EBADE;
	}
	ERR_clear_error();
	return r;
}

void authority_done(struct authority *authority)
{
	for (size_t i = 0; i < authority->count; i++)
		X509_free(authority->chain[i]);
	*authority = (struct authority){ 0 };
}

bool authority_extend(X509 *draft, X509 *issuer)
{
	return draft_extend(draft, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       draft_extend(draft, issuer, NID_key_usage, "critical,keyCertSign") &&
	       draft_extend(draft, issuer, NID_subject_key_identifier, "hash") &&
	       (!issuer ||
		draft_extend(draft, issuer, NID_authority_key_identifier, "keyid,issuer"));
}

int authority_self(const struct signer *signer, EVP_PKEY *key, const char *name, time_t until,
		   uint8_t *ret, size_t room, size_t *ret_length)
{
	const struct draft_wish wish = {
		.key = key, .name = name, .unit = AUTHORITY_UNIT, .until = until
	};
	_cleanup_(free_certificate) X509 *draft = draft_new(&wish, NULL);

	if (!draft || !authority_extend(draft, NULL))
		return -EIO;
	return signer_certificate(signer, draft, ret, room, ret_length);
}

int authority_request(const struct signer *signer, EVP_PKEY *key, const char *name, uint8_t *ret,
		      size_t room, size_t *ret_length)
{
	_cleanup_(free_request) X509_REQ *draft = X509_REQ_new();

	if (!draft || !X509_REQ_set_version(draft, X509_REQ_VERSION_1) ||
	    !draft_name(X509_REQ_get_subject_name(draft), AUTHORITY_UNIT, name) ||
	    !X509_REQ_set_pubkey(draft, key))
		return -EIO;
	return signer_request(signer, draft, ret, room, ret_length);
}
