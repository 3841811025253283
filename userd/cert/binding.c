// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read and write; see the header.
 */
#include "cert/binding.h"

#include <errno.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "cert/der.h"

#define VERSION 1

size_t binding_put(const struct binding *binding, uint8_t ret[BINDING_SIZE])
{
	struct cursor_out out = cursor_out(ret, BINDING_SIZE);

	cursor_put_u8(&out, DER_SEQUENCE);
	cursor_put_u8(&out, 0);
	der_put_number(&out, DER_INTEGER, VERSION);
	der_put(&out, DER_OCTET_STRING, binding->uuid, sizeof(binding->uuid));
	der_put_number(&out, DER_INTEGER, binding->epoch);
	der_put_number(&out, DER_ENUMERATED, binding->protection);
	der_put_number(&out, DER_ENUMERATED, binding->rollback);
	ret[1] = (uint8_t)(out.used - 2);
	return out.used;
}

int binding_get(const void *bytes, size_t length, struct binding *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct cursor_in body = der_get(&in, DER_SEQUENCE);
	struct binding binding;
	uint8_t again[BINDING_SIZE];

	if (der_get_number(&body, DER_INTEGER) != VERSION)
		return -EBADMSG;
	der_get_raw(&body, DER_OCTET_STRING, binding.uuid, sizeof(binding.uuid));
	binding.epoch = der_get_number(&body, DER_INTEGER);
	binding.protection = (enum keyd_protection)der_get_number(&body, DER_ENUMERATED);
	binding.rollback = (enum keyd_rollback)der_get_number(&body, DER_ENUMERATED);
	if (!cursor_ended(&body) || !cursor_ended(&in) ||
	    binding.protection > KEYD_PROTECTION_TPM || binding.rollback >= _KEYD_ROLLBACK_MAX ||
	    binding_put(&binding, again) != length || !secret_equal(again, bytes, length))
		return -EBADMSG;
	*ret = binding;
	return 0;
}

int binding_add(const struct binding *binding, X509 *certificate)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(BINDING_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	uint8_t bytes[BINDING_SIZE];
	size_t length = binding_put(binding, bytes);
	int r = -EIO;

	if (oid && value && ASN1_OCTET_STRING_set(value, bytes, (int)length))
		extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (extension && X509_add_ext(certificate, extension, -1))
		r = 0;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return r;
}

int binding_of(const X509 *certificate, struct binding *ret)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(BINDING_OID, 1);
	int at = oid ? X509_get_ext_by_OBJ(certificate, oid, -1) : -1;
	int more = at < 0 ? -1 : X509_get_ext_by_OBJ(certificate, oid, at);
	const ASN1_OCTET_STRING *value;

	ASN1_OBJECT_free(oid);
	if (at < 0)
		return -ENOENT;
	value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	if (more >= 0 || !value)
		return -EBADMSG;
	return binding_get(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), ret);
}
