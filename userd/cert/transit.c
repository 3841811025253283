// SPDX-License-Identifier: BSD-3-Clause
/*
 * Issue and check; see the header.
 */
#include "cert/transit.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/cleanup.h"
#include "cert/draft.h"

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static void free_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void free_signature(ECDSA_SIG **signature)
{
	ECDSA_SIG_free(*signature);
}

/* The only entry of a kind in a subject. Return: is there exactly one, of printable ASCII? */
static bool get_entry(const X509 *certificate, int nid, char *ret, size_t room)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(name, nid, -1), length;
	const ASN1_STRING *value;

	if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	length = ASN1_STRING_length(value);
	if (length <= 0 || (size_t)length >= room ||
	    !cursor_copy(ret, room, ASN1_STRING_get0_data(value), (size_t)length))
		return false;
	ret[length] = '\0';
	for (int i = 0; i < length; i++) {
		if (ret[i] < ' ' || ret[i] > '~')
			return false;
	}
	return true;
}

static bool has_purpose(X509 *certificate)
{
	ASN1_OBJECT *wanted = OBJ_txt2obj(TRANSIT_OID, 1);
	EXTENDED_KEY_USAGE *usage =
		X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	bool good = wanted && sk_ASN1_OBJECT_num(usage) == 1 &&
		    !OBJ_cmp(sk_ASN1_OBJECT_value(usage, 0), wanted);

	EXTENDED_KEY_USAGE_free(usage);
	ASN1_OBJECT_free(wanted);
	return good;
}

static int check_dates(const X509 *certificate)
{
	return X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 ||
			       X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 ?
		       -ETIME :
		       0;
}

int transit_issue(const struct cert_issuer *issuer, EVP_PKEY *key, time_t until,
		  uint8_t ret[CERT_DER_MAX], size_t *ret_length)
{
	_cleanup_(free_certificate) X509 *draft = NULL;
	char name[KEYD_CA_NAME_MAX];
	struct tm last;
	const struct draft_wish wish = {
		.key = key,
		.name = name,
		.unit = TRANSIT_UNIT,
		.issuer = issuer->certificate,
		.until = until,
	};

	if (!get_entry(issuer->certificate, NID_commonName, name, sizeof(name)) ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(issuer->certificate), &last) != 1 ||
	    timegm(&last) < until)
		return -EINVAL;
	draft = draft_new(&wish, NULL);
	if (!draft ||
	    !draft_extend(draft, wish.issuer, NID_basic_constraints, "critical,CA:FALSE") ||
	    !draft_extend(draft, wish.issuer, NID_key_usage, "critical,keyAgreement") ||
	    !draft_extend(draft, wish.issuer, NID_ext_key_usage, "critical," TRANSIT_OID) ||
	    !draft_extend(draft, wish.issuer, NID_authority_key_identifier, "keyid,issuer"))
		return -EIO;
	return signer_certificate(issuer->signer, draft, ret, CERT_DER_MAX, ret_length);
}

/* From the CA of a host on. Return: as transit_check() */
static int check_host(const struct authority *chain, const struct authority *own,
		      char ret[KEYD_CA_NAME_MAX])
{
	char unit[sizeof(AUTHORITY_UNIT)];
	int r;

	if (!chain->count)
		return -EBADMSG;
	/* a root that is the only one here vouches for nobody else */
	if (own->count < 2 || chain->count < 2 ||
	    X509_cmp(chain->chain[chain->count - 1], own->chain[own->count - 1]))
		return -EXDEV;
	r = authority_check(chain, X509_get0_pubkey(chain->chain[0]));
	if (r)
		return r;
	if (!get_entry(chain->chain[0], NID_organizationalUnitName, unit, sizeof(unit)) ||
	    strcmp(unit, AUTHORITY_UNIT) != 0 || X509_get_pathlen(chain->chain[0]) != 0 ||
	    !get_entry(chain->chain[0], NID_commonName, ret, KEYD_CA_NAME_MAX))
		return -EPERM;
	return 0;
}

static int check_leaf(X509 *certificate, X509 *above)
{
	if (X509_check_ca(certificate) || !has_purpose(certificate) ||
	    !(X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) ||
	    X509_get_key_usage(certificate) != KU_KEY_AGREEMENT)
		return -EPERM;
	if (X509_check_issued(above, certificate) != X509_V_OK ||
	    X509_verify(certificate, X509_get0_pubkey(above)) != 1)
		return -EBADE;
	return check_dates(certificate);
}

static int get_point(const X509 *certificate, uint8_t ret[TRANSIT_POINT])
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	uint8_t bytes[2 * TRANSIT_POINT];
	size_t length = 0;
	char group[32];

	if (!key ||
	    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
					   NULL) != 1 ||
	    strcmp(group, SN_X9_62_prime256v1) != 0 ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes),
					    &length) != 1 ||
	    length != TRANSIT_POINT)
		return -EBADMSG;
	cursor_copy(ret, TRANSIT_POINT, bytes, length);
	return 0;
}

/* The chain from its second certificate on; not to be ended, it owns nothing. */
static struct authority above_of(const struct authority *chain)
{
	struct authority above = { .count = chain->count ? chain->count - 1 : 0 };

	for (size_t i = 0; i < above.count; i++)
		above.chain[i] = chain->chain[i + 1];
	return above;
}

int transit_check(const struct authority *chain, const struct authority *own,
		  struct transit *ret)
{
	const struct authority above = above_of(chain);
	struct transit transit;
	int r;

	r = check_host(&above, own, transit.host);
	if (!r)
		r = check_leaf(chain->chain[0], above.chain[0]);
	if (!r)
		r = get_point(chain->chain[0], transit.point);
	if (!r && EVP_PKEY_eq(X509_get0_pubkey(above.chain[0]),
			      X509_get0_pubkey(own->chain[0])) == 1)
		r = -EEXIST;
	ERR_clear_error();
	if (!r)
		*ret = transit;
	return r;
}

static int verify(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
	_cleanup_(free_context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	_cleanup_(free_signature) ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, SIGNER_NUMBER, NULL);
	BIGNUM *s = BN_bin2bn(signature + SIGNER_NUMBER, SIGNER_NUMBER, NULL);
	uint8_t der[2 * TRANSIT_SIGNATURE], *to = der;
	int length;

	if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s)) {
		BN_free(r);
		BN_free(s);
		return -EKEYREJECTED;
	}
	length = i2d_ECDSA_SIG(pair, NULL);
	if (!context || length <= 0 || (size_t)length > sizeof(der))
		return -EKEYREJECTED;
	i2d_ECDSA_SIG(pair, &to);
	return EVP_PKEY_verify_init(context) == 1 &&
			       EVP_PKEY_verify(context, der, (size_t)length, digest,
					       SIGNER_NUMBER) == 1 ?
		       0 :
		       -EKEYREJECTED;
}

int transit_signed(const struct authority *chain, const struct authority *own,
		   const uint8_t digest[SIGNER_NUMBER], const uint8_t signature[TRANSIT_SIGNATURE],
		   char ret_host[KEYD_CA_NAME_MAX])
{
	char host[KEYD_CA_NAME_MAX];
	int r = check_host(chain, own, host);

	if (!r)
		r = verify(X509_get0_pubkey(chain->chain[0]), digest, signature);
	ERR_clear_error();
	if (!r)
		cursor_copy(ret_host, KEYD_CA_NAME_MAX, host, strlen(host) + 1);
	return r;
}
