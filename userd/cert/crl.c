// SPDX-License-Identifier: BSD-3-Clause
/*
 * Write and read; see the header.
 */
#include "cert/crl.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/secret.h"
#include "cert/der.h"

/* Largest entry: head, authority, uuid, epoch */
#define ENTRY_MAX (2 + 2 + CRL_AUTHORITY + 2 + IPC_UUID_SIZE + 2 + 9)

/* Entry and what is before all of them: a tag and a length of up to 4 bytes */
#define HEAD_MAX 6

static size_t put_entry(const struct crl_vtpm *vtpm, uint8_t ret[ENTRY_MAX])
{
	struct cursor_out out = cursor_out(ret, ENTRY_MAX);

	cursor_put_u8(&out, DER_SEQUENCE);
	cursor_put_u8(&out, 0);
	der_put(&out, DER_OCTET_STRING, vtpm->authority, sizeof(vtpm->authority));
	if (vtpm->by_serial) {
		der_put(&out, DER_INTEGER, vtpm->serial, sizeof(vtpm->serial));
	} else {
		der_put(&out, DER_OCTET_STRING, vtpm->uuid, sizeof(vtpm->uuid));
		der_put_number(&out, DER_INTEGER, vtpm->epoch);
	}
	ret[1] = (uint8_t)(out.used - 2);
	return out.used;
}

/* What was read is written again, and has to be the same. */
static bool get_entry(struct cursor_in *in, struct crl_vtpm *ret)
{
	const uint8_t *from = in->at;
	struct cursor_in body = der_get(in, DER_SEQUENCE);
	uint8_t again[ENTRY_MAX];
	size_t length;

	*ret = (struct crl_vtpm){ 0 };
	der_get_raw(&body, DER_OCTET_STRING, ret->authority, sizeof(ret->authority));
	ret->by_serial = body.left && *body.at == DER_INTEGER;
	if (ret->by_serial) {
		der_get_raw(&body, DER_INTEGER, ret->serial, sizeof(ret->serial));
	} else {
		der_get_raw(&body, DER_OCTET_STRING, ret->uuid, sizeof(ret->uuid));
		ret->epoch = der_get_number(&body, DER_INTEGER);
	}
	if (in->bad || !cursor_ended(&body))
		return false;
	length = put_entry(ret, again);
	return length == (size_t)(in->at - from) && secret_equal(again, from, length);
}

X509_CRL *crl_new(X509 *issuer, time_t now, time_t until)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, now), *to = ASN1_TIME_set(NULL, until);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_CRL *crl = X509_CRL_new();
	bool good = crl && from && to && number && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) &&
		    X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to) &&
		    ASN1_INTEGER_set_int64(number, now) &&
		    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, X509V3_ADD_DEFAULT);

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_INTEGER_free(number);
	if (good)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

bool crl_add(X509_CRL *crl, const uint8_t serial[DRAFT_SERIAL_SIZE], time_t at, int reason)
{
	BIGNUM *value = BN_bin2bn(serial, DRAFT_SERIAL_SIZE, NULL);
	ASN1_INTEGER *number = value ? BN_to_ASN1_INTEGER(value, NULL) : NULL;
	ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
	ASN1_TIME *since = ASN1_TIME_set(NULL, at);
	X509_REVOKED *entry = X509_REVOKED_new();
	bool good = number && why && since && entry && ASN1_ENUMERATED_set(why, reason) &&
		    X509_REVOKED_set_serialNumber(entry, number) &&
		    X509_REVOKED_set_revocationDate(entry, since) &&
		    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, why, 0, X509V3_ADD_DEFAULT) &&
		    X509_CRL_add0_revoked(crl, entry);

	if (!good)
		X509_REVOKED_free(entry);
	ASN1_TIME_free(since);
	ASN1_ENUMERATED_free(why);
	ASN1_INTEGER_free(number);
	BN_free(value);
	return good;
}

/* The value of our extension. Return: for OPENSSL_free(); NULL without memory. */
static uint8_t *make_value(const struct crl_vtpm *vtpms, size_t count, size_t *ret_length)
{
	uint8_t *all = OPENSSL_malloc(HEAD_MAX + count * ENTRY_MAX), *to = all;
	uint8_t entry[ENTRY_MAX];
	size_t body = 0;

	for (size_t i = 0; i < count; i++)
		body += put_entry(&vtpms[i], entry);
	if (!all)
		return NULL;
	ASN1_put_object(&to, 1, (int)body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	for (size_t i = 0; i < count; i++)
		to += put_entry(&vtpms[i], to);
	*ret_length = (size_t)(to - all);
	return all;
}

static bool add_vtpms(X509_CRL *crl, const struct crl_vtpm *vtpms, size_t count)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(CRL_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	size_t length = 0;
	uint8_t *bytes = make_value(vtpms, count, &length);
	bool good;

	if (oid && value && bytes && ASN1_OCTET_STRING_set(value, bytes, (int)length))
		extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	good = extension && X509_CRL_add_ext(crl, extension, -1);
	X509_EXTENSION_free(extension);
	OPENSSL_free(bytes);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return good;
}

bool crl_end(X509_CRL *crl, X509 *issuer, const struct crl_vtpm *vtpms, size_t count)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool good;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
	good = extension && X509_CRL_add_ext(crl, extension, -1) &&
	       (!count || (count <= CRL_VTPMS_MAX && add_vtpms(crl, vtpms, count))) &&
	       X509_CRL_sort(crl);
	X509_EXTENSION_free(extension);
	return good;
}

/* What a certificate of a vTPM's key is, as entries name it. */
static int read_certificate(X509 *certificate, struct crl_vtpm *ret)
{
	const ASN1_OCTET_STRING *by = X509_get0_authority_key_id(certificate);
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	struct binding binding;
	int r = binding_of(certificate, &binding);

	if (r || !by || ASN1_STRING_length(by) != CRL_AUTHORITY || !serial ||
	    BN_bn2binpad(serial, ret->serial, sizeof(ret->serial)) < 0) {
		BN_free(serial);
		return r ? r : -ENOENT;
	}
	BN_free(serial);
	cursor_copy(ret->authority, sizeof(ret->authority), ASN1_STRING_get0_data(by),
		    CRL_AUTHORITY);
	cursor_copy(ret->uuid, sizeof(ret->uuid), binding.uuid, sizeof(binding.uuid));
	ret->epoch = binding.epoch;
	return 0;
}

static bool is_about(const struct crl_vtpm *entry, const struct crl_vtpm *this)
{
	if (!secret_equal(entry->authority, this->authority, sizeof(this->authority)))
		return false;
	if (entry->by_serial)
		return secret_equal(entry->serial, this->serial, sizeof(this->serial));
	return secret_equal(entry->uuid, this->uuid, sizeof(this->uuid)) &&
	       this->epoch <= entry->epoch;
}

static int find(struct cursor_in in, const struct crl_vtpm *this)
{
	struct crl_vtpm entry;
	int found = 0;

	while (in.left) {
		if (!get_entry(&in, &entry))
			return -EBADMSG;
		found |= is_about(&entry, this);
	}
	return found;
}

int crl_vtpm_revoked(const X509_CRL *crl, X509 *certificate)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(CRL_OID, 1);
	int at = oid ? X509_CRL_get_ext_by_OBJ(crl, oid, -1) : -1, tag, class, r;
	struct crl_vtpm this = { 0 };
	const ASN1_OCTET_STRING *value;
	const uint8_t *from, *body;
	long length;

	ASN1_OBJECT_free(oid);
	r = read_certificate(certificate, &this);
	if (r || at < 0)
		return r;
	value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
	from = body = ASN1_STRING_get0_data(value);
	if (ASN1_get_object(&body, &length, &tag, &class, ASN1_STRING_length(value)) !=
		    V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE || body + length != from + ASN1_STRING_length(value))
		return -EBADMSG;
	return find(cursor_in(body, (size_t)length), &this);
}
