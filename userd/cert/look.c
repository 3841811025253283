// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header.
 */
#include "cert/look.h"

#include <errno.h>
#include <openssl/x509.h>
#include <time.h>

/* ASN1_TIME_to_tm() gives it in UTC, as timegm() wants it. */
static int look(const X509 *certificate, const EVP_PKEY *key, int64_t *ret_until)
{
	EVP_PKEY *has = X509_get0_pubkey(certificate);
	struct tm until;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until))
		return -EBADMSG;
	if (!has || EVP_PKEY_eq(has, key) != 1)
		return -EKEYREJECTED;
	*ret_until = timegm(&until);
	return 0;
}

int cert_look(const uint8_t *der, size_t length, const EVP_PKEY *key, int64_t *ret_until)
{
	const uint8_t *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)length);
	int r = -EBADMSG;

	if (certificate && at == der + length)
		r = look(certificate, key, ret_until);
	X509_free(certificate);
	return r;
}
