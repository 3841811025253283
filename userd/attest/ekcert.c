// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks of a certificate; libcrypto builds and verifies the chain.
 */
#include "attest/ekcert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/text.h"

/* TCG EK Credential Profile, 3.2.9 */
#define OID_MANUFACTURER   "2.23.133.2.1"
#define OID_MODEL	   "2.23.133.2.2"
#define OID_VERSION	   "2.23.133.2.3"

struct ekcert_store {
	X509_STORE *roots;
	STACK_OF(X509) *between;
	size_t count;
	size_t root_count;
};

struct ekcert_store *ekcert_store_new(void)
{
	struct ekcert_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->roots = X509_STORE_new();
	store->between = sk_X509_new_null();
	if (store->roots && store->between)
		return store;
	ekcert_store_free(store);
	return NULL;
}

struct ekcert_store *ekcert_store_fork(const struct ekcert_store *store)
{
	struct ekcert_store *fork = calloc(1, sizeof(*fork));

	if (!fork)
		return NULL;
	*fork = (struct ekcert_store){ .between = X509_chain_up_ref(store->between),
				       .count = store->count, .root_count = store->root_count };
	if (fork->between && X509_STORE_up_ref(store->roots) == 1) {
		fork->roots = store->roots;
		return fork;
	}
	ekcert_store_free(fork);
	return NULL;
}

void ekcert_store_free(struct ekcert_store *store)
{
	if (!store)
		return;
	X509_STORE_free(store->roots);
	sk_X509_pop_free(store->between, X509_free);
	free(store);
}

void ekcert_store_freep(struct ekcert_store **store)
{
	ekcert_store_free(*store);
}

size_t ekcert_store_roots(const struct ekcert_store *store)
{
	return store->root_count;
}

/* Takes @certificate over. */
static int add_one(struct ekcert_store *store, X509 *certificate, bool believed)
{
	int r = 0;

	if (store->count++ >= EKCERT_STORE_MAX) {
		r = -EBADMSG;
	} else if (believed && X509_self_signed(certificate, 1) == 1) {
		store->root_count++;
		r = X509_STORE_add_cert(store->roots, certificate) == 1 ? 0 : -ENOMEM;
	} else if (sk_X509_push(store->between, certificate) > 0) {
		return 0;
	} else {
		r = -ENOMEM;
	}
	X509_free(certificate);
	return r;
}

static X509 *next_pem(BIO *bio)
{
	return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

int ekcert_store_add(struct ekcert_store *store, const uint8_t *bytes, size_t length,
		     bool believed)
{
	const uint8_t *at = bytes;
	size_t before = store->count;
	X509 *certificate;
	BIO *bio;
	int r = 0;

	if (length > EKCERT_BYTES_MAX)
		return -EBADMSG;
	while (!r && at < bytes + length &&
	       (certificate = d2i_X509(NULL, &at, (long)(length - (size_t)(at - bytes)))))
		r = add_one(store, certificate, believed);
	if (!r && store->count == before) {
		bio = BIO_new_mem_buf(bytes, (int)length);
		while (!r && bio && (certificate = next_pem(bio)))
			r = add_one(store, certificate, believed);
		BIO_free(bio);
	}
	ERR_clear_error();
	return r || store->count != before ? r : -EBADMSG;
}

static struct attest_reason *fail(struct attest_verdict *verdict, const char *code,
				  const char *next, const char *text)
{
	return attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
}

static void read_entry(const X509_NAME_ENTRY *entry, struct ekcert *ret)
{
	const struct {
		const char *oid;
		char *to;
	} names[] = { { OID_MANUFACTURER, ret->manufacturer },
		      { OID_MODEL, ret->model },
		      { OID_VERSION, ret->version } };
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
	char oid[32];

	if (OBJ_obj2txt(oid, sizeof(oid), X509_NAME_ENTRY_get_object(entry), 1) <= 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(oid, names[i].oid))
			attest_text_ascii(names[i].to, EKCERT_NAME_MAX,
					  ASN1_STRING_get0_data(value),
					  (size_t)ASN1_STRING_length(value));
}

static void check_name(X509 *certificate, struct ekcert *ret, struct attest_verdict *verdict)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DIRNAME)
			continue;
		for (int j = 0; j < X509_NAME_entry_count(name->d.directoryName); j++)
			read_entry(X509_NAME_get_entry(name->d.directoryName, j), ret);
	}
	GENERAL_NAMES_free(names);
	if (!*ret->manufacturer || !*ret->model)
		attest_verdict_say(verdict, ATTEST_WARNING, "ek.name",
				   "ask the TPM's maker for a certificate that follows the profile",
				   "it does not name the TPM's manufacturer and model");
}

bool ekcert_has_usage(X509 *certificate, const char *wanted)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	char oid[32];

	for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++)
		if (OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1) > 0 &&
		    !strcmp(oid, wanted))
			found = true;
	EXTENDED_KEY_USAGE_free(usage);
	return found;
}

static void check_usage(X509 *certificate, struct attest_verdict *verdict)
{
	bool found = ekcert_has_usage(certificate, EKCERT_USAGE_EK);

	if (X509_check_ca(certificate) == 1)
		fail(verdict, "ek.eku", "give the certificate of the endorsement key itself",
		     "it is the certificate of an authority");
	else if (!found && X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) >= 0)
		fail(verdict, "ek.eku", "give the certificate of an endorsement key",
		     "it is a certificate for another use");
	else if (!found)
		attest_verdict_say(verdict, ATTEST_WARNING, "ek.eku",
				   "see whether the maker's older TPMs have such certificates",
				   "it does not say that it is of an endorsement key");
}

int ekcert_store_follow(const struct ekcert_store *store, X509 *certificate,
			STACK_OF(X509) **ret, struct ekcert_gap *ret_gap)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int r = -ENOMEM;

	if (context &&
	    X509_STORE_CTX_init(context, store->roots, certificate, store->between)) {
		r = X509_verify_cert(context) == 1 ? 0 : -EBADE;
		*ret_gap = (struct ekcert_gap){ X509_STORE_CTX_get_error(context),
						X509_STORE_CTX_get_error_depth(context) };
		if (!r)
			*ret = X509_STORE_CTX_get1_chain(context);
		if (!r && !*ret)
			r = -ENOMEM;
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return r;
}

bool ekcert_is_outdated(const struct ekcert_gap *gap)
{
	return gap->error == X509_V_ERR_CERT_HAS_EXPIRED ||
	       gap->error == X509_V_ERR_CERT_NOT_YET_VALID;
}

void ekcert_chain_free(STACK_OF(X509) *chain)
{
	sk_X509_pop_free(chain, X509_free);
}

static int check_chain(X509 *certificate, struct ekcert *ret, struct ekcert_store *store,
		       struct attest_verdict *verdict)
{
	STACK_OF(X509) *chain = NULL;
	struct ekcert_gap gap;
	int r = ekcert_store_follow(store, certificate, &chain, &gap);

	ekcert_chain_free(chain);
	if (r == -ENOMEM)
		return r;
	ret->chained = !r;
	if (ret->chained)
		return 0;
	if (ekcert_is_outdated(&gap))
		fail(verdict, "ek.expired", "look at the clock, and at the dates of the chain",
		     "a certificate of its chain is out of date");
	else if (!store->root_count)
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "ek.chain",
				   "give the root certificates of the TPM's maker (--ca)",
				   "no root certificate is given, so nobody vouches for it");
	else
		attest_verdict_say(verdict, ATTEST_FAILED, "ek.chain",
				   "give the certificates of its maker (--ca) and those between "
				   "(--chain); otherwise it is no TPM that is believed",
				   "no root vouches for it: %s",
				   X509_verify_cert_error_string(gap.error));
	return 0;
}

static void check_key(X509 *certificate, const struct public *ek, struct attest_verdict *verdict)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	if (!ek)
		attest_verdict_unchecked(verdict, "the endorsement key itself is not given (--ek), so "
						  "whose certificate this is was not asked");
	else if (!key || !public_same(ek, key))
		fail(verdict, "ek.key-mismatch", "give the certificate of this very key",
		     "it is the certificate of another key");
}

static void read_rest(X509 *certificate, struct ekcert *ret)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *hex = serial ? BN_bn2hex(serial) : NULL;
	struct tm until;

	if (hex)
		text_cut(ret->serial, sizeof(ret->serial), hex);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1)
		ret->valid_until = timegm(&until);
	OPENSSL_free(hex);
	BN_free(serial);
}

int ekcert_check(struct ekcert *ret, const uint8_t *bytes, size_t length,
		 struct ekcert_store *store, const struct public *ek,
		 struct attest_verdict *verdict)
{
	const uint8_t *at = bytes;
	X509 *certificate;
	BIO *bio;
	int r;

	*ret = (struct ekcert){ 0 };
	certificate = length <= EKCERT_BYTES_MAX ? d2i_X509(NULL, &at, (long)length) : NULL;
	if (!certificate && length <= EKCERT_BYTES_MAX) {
		bio = BIO_new_mem_buf(bytes, (int)length);
		certificate = bio ? next_pem(bio) : NULL;
		BIO_free(bio);
	}
	if (!certificate) {
		ERR_clear_error();
		return attest_verdict_malformed(verdict, "ek.invalid", 0, 0,
						"it is no X.509 certificate in DER or PEM");
	}
	read_rest(certificate, ret);
	r = check_chain(certificate, ret, store, verdict);
	check_usage(certificate, verdict);
	check_name(certificate, ret, verdict);
	check_key(certificate, ek, verdict);
	X509_free(certificate);
	ERR_clear_error();
	return r;
}
