// SPDX-License-Identifier: BSD-3-Clause
/*
 * Keys, one after the other; see the header.
 */
#include "engine/certify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "attest/public.h"
#include "cert/look.h"

static void say(struct certify_result *result, const char *sentence)
{
	snprintf(result->sentence, sizeof(result->sentence), "%s", sentence);
	result->source = ENGINE_CERT_NONE;
	result->length = 0;
}

static void fetch(const struct certify_wish *wish, const struct certify_issuer *issuer,
		  enum keyd_cert_kind kind, struct certify_result *result)
{
	if (wish->own[kind].length) {
		cursor_copy(result->der, sizeof(result->der), wish->own[kind].der,
			    wish->own[kind].length);
		result->length = wish->own[kind].length;
		result->source = ENGINE_CERT_OWN;
	} else if (!wish->asks || !issuer) {
		say(result, "it gets one at the next power cycle");
	} else if (!issuer->ask(issuer->context, kind, &result->key, result->der, &result->length,
				result->sentence)) {
		result->source = ENGINE_CERT_HOST;
	}
}

/* One of another key would be believed by who does not compare. */
static bool is_fit(struct certify_result *result)
{
	struct public public;
	EVP_PKEY *key = NULL;
	int r;

	if (public_parse(&public, result->key.public, result->key.length))
		key = public_key(&public);
	r = key ? cert_look(result->der, result->length, key, &result->until) : -ENOMEM;
	EVP_PKEY_free(key);
	if (r)
		say(result, r == -EKEYREJECTED ? "the certificate is of another key"
					       : "what came is no certificate");
	return !r;
}

static int write(enum keyd_cert_kind kind, struct certify_result *result)
{
	int r = certificate_write(kind, result->der, result->length);

	if (r == CERTIFICATE_OCCUPIED)
		say(result, "its NV index was defined by the owner of the TPM, who can undefine "
			    "it");
	if (r == CERTIFICATE_REFUSED) {
		say(result, "the TPM has no room for it");
		result->source = ENGINE_CERT_LOST;
	}
	return r < 0 ? r : 0;
}

static int certify_one(const struct certify_wish *wish, const struct certify_issuer *issuer,
		       enum keyd_cert_kind kind, struct certify_result *result)
{
	int r = identity_read(kind, &result->key);

	result->looked = true;
	if (r == IDENTITY_NONE) {
		say(result, "the key was removed from the TPM, and endorsementAuth is set");
		return 0;
	}
	if (r)
		return r;
	fetch(wish, issuer, kind, result);
	return result->length && is_fit(result) ? write(kind, result) : 0;
}

int certify(const struct certify_wish *wish, const struct certify_issuer *issuer,
	    struct certify_result *ret)
{
	int r = 0;

	for (int kind = KEYD_CERT_EK_RSA_2048; !r && kind < _KEYD_CERT_KIND_MAX; kind++) {
		ret[kind] = (struct certify_result){ 0 };
		if (wish->kinds & 1u << kind)
			r = certify_one(wish, issuer, (enum keyd_cert_kind)kind, &ret[kind]);
	}
	return r;
}
