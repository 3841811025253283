// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header.
 */
#include "cert/look.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* By a difference: functions of the C library that know calendars read files of time zones. */
static bool get_time(const ASN1_TIME *time, int64_t *ret)
{
	ASN1_TIME *zero = ASN1_TIME_new();
	int days, seconds;
	bool good = zero && ASN1_TIME_set_string(zero, "19700101000000Z") &&
		    ASN1_TIME_diff(&days, &seconds, zero, time);

	if (good)
		*ret = (int64_t)days * 86400 + seconds;
	ASN1_TIME_free(zero);
	return good;
}

static int look(const X509 *certificate, const EVP_PKEY *key, int64_t *ret_until)
{
	EVP_PKEY *has = X509_get0_pubkey(certificate);
	int64_t until;

	if (!get_time(X509_get0_notAfter(certificate), &until))
		return -EBADMSG;
	if (!has || EVP_PKEY_eq(has, key) != 1)
		return -EKEYREJECTED;
	*ret_until = until;
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
