// SPDX-License-Identifier: BSD-3-Clause
/*
 * The profile, extension by extension; see the header.
 */
#include "cert/cert.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/cleanup.h"
#include "cert/draft.h"

_Static_assert(DRAFT_SERIAL_SIZE == KEYD_SERIAL_SIZE, "one serial number");

/* EK Credential Profile, 3.1.2: attributes of the alternative name */
#define OID_MANUFACTURER "2.23.133.2.1"
#define OID_MODEL	 "2.23.133.2.2"
#define OID_VERSION	 "2.23.133.2.3"

/* tcg-kp-EKCertificate and tcg-kp-AIKCertificate */
#define EKU_EK	"2.23.133.8.1"
#define EKU_IAK "2.23.133.8.3"

/*
 * The subject directory attribute tCGTPMSpecification, 2.23.133.2.16 (EK Credential Profile,
 * 3.2.10): family "2.0", level 0, revision 164, as libtpms implements it.
 */
static const uint8_t specification[] = {
	0x30, 0x19, 0x30, 0x17, 0x06, 0x05, 0x67, 0x81, 0x05, 0x02, 0x10, 0x31, 0x0e, 0x30,
	0x0c, 0x0c, 0x03, '2',	'.',  '0',  0x02, 0x01, 0x00, 0x02, 0x02, 0x00, 0xa4,
};

static const struct kind {
	const char *usage;
	const char *purpose;
} kinds[_KEYD_CERT_KIND_MAX] = {
	[KEYD_CERT_EK_RSA_2048] = { "critical,keyEncipherment", EKU_EK },
	[KEYD_CERT_EK_P256] = { "critical,keyAgreement", EKU_EK },
	[KEYD_CERT_EK_P384] = { "critical,keyAgreement", EKU_EK },
	[KEYD_CERT_IAK] = { "critical,digitalSignature", EKU_IAK },
};

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static bool add_text(X509_NAME *to, const char *oid, const char *text)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	bool good = object && X509_NAME_add_entry_by_OBJ(to, object, MBSTRING_UTF8,
							 (const unsigned char *)text, -1, -1, 0);

	ASN1_OBJECT_free(object);
	return good;
}

/* Critical, because the subject is empty (RFC 5280, 4.2.1.6). */
static bool name_tpm(X509 *draft)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *directory = X509_NAME_new();
	bool good = names && name && directory &&
		    add_text(directory, OID_MANUFACTURER, CERT_MANUFACTURER) &&
		    add_text(directory, OID_MODEL, CERT_MODEL) &&
		    add_text(directory, OID_VERSION, CERT_VERSION) &&
		    sk_GENERAL_NAME_push(names, name) > 0;

	if (good) {
		GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
		good = X509_add1_ext_i2d(draft, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT);
	} else {
		GENERAL_NAME_free(name);
		X509_NAME_free(directory);
		sk_GENERAL_NAME_free(names);
		return false;
	}
	GENERAL_NAMES_free(names);
	return good;
}

static bool say_specification(X509 *draft)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool good = value && ASN1_OCTET_STRING_set(value, specification, sizeof(specification));

	if (good)
		extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_directory_attributes, 0,
							 value);
	good = extension && X509_add_ext(draft, extension, -1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	return good;
}

/* The last second of a certificate; 0: it has none that can be read. */
static time_t end_of(const X509 *certificate)
{
	struct tm until;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1 ? timegm(&until) : 0;
}

int cert_issue(const struct cert_issuer *issuer, const struct cert_wish *wish,
	       uint8_t ret[CERT_DER_MAX], size_t *ret_length, uint8_t ret_serial[KEYD_SERIAL_SIZE])
{
	const struct draft_wish draft_wish = {
		.key = wish->key,
		.issuer = issuer->certificate,
		.until = end_of(issuer->certificate),
	};
	_cleanup_(free_certificate) X509 *draft = NULL;
	const struct kind *kind = &kinds[wish->kind < _KEYD_CERT_KIND_MAX ? wish->kind : 0];

	if (!kind->usage)
		return -EINVAL;
	draft = draft_new(&draft_wish, ret_serial);
	/* an issuer that has no key identifier is named by its own name and serial number */
	if (!draft || !name_tpm(draft) ||
	    !draft_extend(draft, draft_wish.issuer, NID_basic_constraints, "critical,CA:FALSE") ||
	    !draft_extend(draft, draft_wish.issuer, NID_key_usage, kind->usage) ||
	    !draft_extend(draft, draft_wish.issuer, NID_ext_key_usage, kind->purpose) ||
	    !draft_extend(draft, draft_wish.issuer, NID_authority_key_identifier,
			  "keyid,issuer") ||
	    !say_specification(draft) || binding_add(&wish->binding, draft))
		return -EIO;
	return signer_certificate(issuer->signer, draft, ret, CERT_DER_MAX, ret_length);
}
