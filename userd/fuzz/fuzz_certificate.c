// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what certificates and lists of this project say beside X.509: which vTPM, and which ones
 * were taken back. There is one way to write either, so what is read is written again as it was.
 *
 *	input	which u8, modulo 3 | bytes
 *	0	value of the extension VtpmBinding
 *	1	value of the extension RevokedVtpms, in a list that is good otherwise
 *	2	a list, DER
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/secret.h"
#include "cert/binding.h"
#include "cert/crl.h"
#include "cert/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A vTPM's certificate, which the seeds are about: uuid and authority are zeros. */
static X509 *certificate(void)
{
	static const uint8_t none[CRL_AUTHORITY];
	static X509 *made;
	AUTHORITY_KEYID by = { 0 };
	struct binding binding = { .epoch = 1 };
	EVP_PKEY *key;

	if (made)
		return made;
	key = EVP_EC_gen("P-256");
	made = draft_new(&(struct draft_wish){ .key = key }, NULL);
	by.keyid = ASN1_OCTET_STRING_new();
	if (!made || !by.keyid || !ASN1_OCTET_STRING_set(by.keyid, none, sizeof(none)) ||
	    !X509_add1_ext_i2d(made, NID_authority_key_identifier, &by, 0, X509V3_ADD_DEFAULT) ||
	    binding_add(&binding, made) || !X509_sign(made, key, EVP_sha256()))
		abort();
	ASN1_OCTET_STRING_free(by.keyid);
	EVP_PKEY_free(key);
	return made;
}

static void read_binding(const uint8_t *data, size_t size)
{
	struct binding binding;
	uint8_t again[BINDING_SIZE];

	if (!binding_get(data, size, &binding) &&
	    (binding_put(&binding, again) != size || !secret_equal(again, data, size)))
		abort();
}

static void ask(const X509_CRL *crl)
{
	int r = crl_vtpm_revoked(crl, certificate());

	if (r && r != 1 && r != -EBADMSG)
		abort();
}

static void read_extension(const uint8_t *data, size_t size)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(CRL_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_CRL *crl = X509_CRL_new();
	X509_EXTENSION *extension;

	if (!oid || !value || !crl || !ASN1_OCTET_STRING_set(value, data, (int)size))
		abort();
	extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (!extension || !X509_CRL_add_ext(crl, extension, -1))
		abort();
	ask(crl);
	X509_EXTENSION_free(extension);
	X509_CRL_free(crl);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static void read_list(const uint8_t *data, size_t size)
{
	X509_CRL *crl = d2i_X509_CRL(NULL, &data, (long)size);

	if (crl)
		ask(crl);
	X509_CRL_free(crl);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *, size_t) = { read_binding, read_extension,
								    read_list };

	if (size)
		readers[*data % 3](data + 1, size - 1);
	return 0;
}
