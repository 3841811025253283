// SPDX-License-Identifier: BSD-3-Clause
/*
 * Read and write; see the header. What was read is written again and compared: so an encoding
 * with other lengths, or numbers with zeros before them, is none.
 */
#include "cert/binding.h"

#include <errno.h>
#include <openssl/x509.h>

#include "base/cursor.h"
#include "base/secret.h"

/* X.690, 8: tags of what is in it */
#define INTEGER	     0x02
#define OCTET_STRING 0x04
#define ENUMERATED   0x0a
#define SEQUENCE     0x30

#define VERSION 1

static void put_small(struct cursor_out *out, uint8_t tag, unsigned int value)
{
	cursor_put_u8(out, tag);
	cursor_put_u8(out, 1);
	cursor_put_u8(out, (uint8_t)value);
}

/* X.690, 8.3: the fewest bytes that leave the highest bit 0 */
static void put_number(struct cursor_out *out, uint64_t value)
{
	unsigned int length = 1;

	while (length < 9 && value >> (8 * length - 1))
		length++;
	cursor_put_u8(out, INTEGER);
	cursor_put_u8(out, (uint8_t)length);
	while (length--)
		cursor_put_u8(out, length == 8 ? 0 : (uint8_t)(value >> (8 * length)));
}

size_t binding_put(const struct binding *binding, uint8_t ret[BINDING_SIZE])
{
	struct cursor_out out = cursor_out(ret, BINDING_SIZE);

	cursor_put_u8(&out, SEQUENCE);
	cursor_put_u8(&out, 0);
	put_small(&out, INTEGER, VERSION);
	cursor_put_u8(&out, OCTET_STRING);
	cursor_put_u8(&out, sizeof(binding->uuid));
	cursor_put_raw(&out, binding->uuid, sizeof(binding->uuid));
	put_number(&out, binding->epoch);
	put_small(&out, ENUMERATED, binding->protection);
	put_small(&out, ENUMERATED, binding->rollback);
	ret[1] = (uint8_t)(out.used - 2);
	return out.used;
}

static struct cursor_in get(struct cursor_in *in, uint8_t tag)
{
	if (cursor_get_u8(in) != tag)
		in->bad = true;
	return cursor_sub(in, cursor_get_u8(in));
}

static uint64_t get_number(struct cursor_in *in, uint8_t tag)
{
	struct cursor_in bytes = get(in, tag);
	uint64_t value = 0;

	while (bytes.left)
		value = value << 8 | cursor_get_u8(&bytes);
	return value;
}

int binding_get(const void *bytes, size_t length, struct binding *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct cursor_in body = get(&in, SEQUENCE), uuid;
	struct binding binding;
	uint8_t again[BINDING_SIZE];

	if (get_number(&body, INTEGER) != VERSION)
		return -EBADMSG;
	uuid = get(&body, OCTET_STRING);
	cursor_get_raw(&uuid, binding.uuid, sizeof(binding.uuid));
	binding.epoch = get_number(&body, INTEGER);
	binding.protection = (enum keyd_protection)get_number(&body, ENUMERATED);
	binding.rollback = (enum keyd_rollback)get_number(&body, ENUMERATED);
	if (!cursor_ended(&uuid) || !cursor_ended(&body) || !cursor_ended(&in) ||
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
