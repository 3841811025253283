// SPDX-License-Identifier: BSD-3-Clause
/*
 * Signature, then text; see the header.
 */
#include "cert/passed.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static const char words[] = "vtpm-verdict-v1";

static void free_context(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static void drop(json_t **value)
{
	json_decref(*value);
}

static bool is_signed(const struct passed *verdict, EVP_PKEY *key)
{
	_cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && verdict->length &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerifyUpdate(context, words, sizeof(words)) == 1 &&
		    EVP_DigestVerifyUpdate(context, verdict->statement, verdict->length) == 1 &&
		    EVP_DigestVerifyFinal(context, verdict->signature,
					  verdict->signature_length) == 1;

	ERR_clear_error();
	return good;
}

/* As a verifier writes it. Return: seconds since 1970; -1: it is no time. */
static int64_t time_of(const json_t *statement, const char *member)
{
	const char *text = json_string_value(json_object_get(statement, member));
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	return end && !*end ? timegm(&tm) : -1;
}

static bool says(const json_t *statement, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(statement, member));

	return value && !strcmp(value, text);
}

int passed_check(const struct passed *verdict, EVP_PKEY *key, const char *host, int64_t now)
{
	_cleanup_(drop) json_t *statement = NULL;
	int64_t from, until;

	if (!is_signed(verdict, key))
		return -EKEYREJECTED;
	statement = json_loadb(verdict->statement, verdict->length, JSON_REJECT_DUPLICATES, NULL);
	from = time_of(statement, "verified_at");
	until = time_of(statement, "valid_until");
	if (!says(statement, "format", words) || from < 0 || until < 0)
		return -EBADMSG;
	if (!says(statement, "host", host))
		return -EXDEV;
	if (!says(statement, "status", "passed"))
		return -EPERM;
	/* clocks of hosts differ a little */
	return now > until || from > now + 300 ? -ETIME : 0;
}
