// SPDX-License-Identifier: BSD-3-Clause
/*
 * Begin and extend; see the header.
 */
#include "cert/draft.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

/*
 * A serial number is positive and as long as it can be (RFC 5280, 4.1.2.2): so it is written
 * as it is in a record, and no two are the same.
 */
static bool set_serial(X509 *draft, uint8_t serial[DRAFT_SERIAL_SIZE])
{
	ASN1_INTEGER *number = NULL;
	BIGNUM *value;
	bool good;

	if (RAND_bytes(serial, DRAFT_SERIAL_SIZE) != 1)
		return false;
	serial[0] = (serial[0] & 0x7f) | 0x40;
	value = BN_bin2bn(serial, DRAFT_SERIAL_SIZE, NULL);
	number = value ? BN_to_ASN1_INTEGER(value, NULL) : NULL;
	good = number && X509_set_serialNumber(draft, number);
	ASN1_INTEGER_free(number);
	BN_free(value);
	return good;
}

static bool add_entry(X509_NAME *to, const char *field, const char *value)
{
	return !value ||
	       X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8,
					  (const unsigned char *)value, -1, -1, 0);
}

bool draft_name(X509_NAME *to, const char *unit, const char *name)
{
	return add_entry(to, "OU", unit) && add_entry(to, "CN", name);
}

X509 *draft_new(const struct draft_wish *wish, uint8_t ret_serial[DRAFT_SERIAL_SIZE])
{
	uint8_t serial[DRAFT_SERIAL_SIZE];
	X509 *draft = X509_new();
	X509_NAME *subject = draft ? X509_get_subject_name(draft) : NULL;

	if (draft && X509_set_version(draft, X509_VERSION_3) &&
	    set_serial(draft, ret_serial ? ret_serial : serial) &&
	    X509_gmtime_adj(X509_getm_notBefore(draft), -DRAFT_SLACK) &&
	    ASN1_TIME_set(X509_getm_notAfter(draft), wish->until) &&
	    draft_name(subject, wish->unit, wish->name) &&
	    X509_set_issuer_name(draft,
				 wish->issuer ? X509_get_subject_name(wish->issuer) : subject) &&
	    X509_set_pubkey(draft, wish->key))
		return draft;
	X509_free(draft);
	return NULL;
}

bool draft_extend(X509 *draft, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool good;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer ? issuer : draft, draft, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	good = extension && X509_add_ext(draft, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}
