// SPDX-License-Identifier: BSD-3-Clause
/*
 * Signature, then text; see the header. What is read is what was signed, to the last byte.
 */
#include "attest/ruling.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void digestp(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static bool is_signed(X509 *by, const char *text, size_t length, const uint8_t *signature,
		      size_t size)
{
	_cleanup_(digestp) EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key = X509_get0_pubkey(by);

	return context && key &&
	       EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerifyUpdate(context, RULING_WORDS, sizeof(RULING_WORDS)) == 1 &&
	       EVP_DigestVerifyUpdate(context, text, length) == 1 &&
	       EVP_DigestVerifyFinal(context, signature, size) == 1;
}

static bool take_status(const char *name, enum attest_status *ret)
{
	for (enum attest_status status = 0; status < _ATTEST_STATUS_MAX; status++) {
		if (!strcmp(attest_status_name(status), name)) {
			*ret = status;
			return true;
		}
	}
	return false;
}

/* As the verifier writes it, and in no other form. */
static bool take_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	*ret = end && !*end ? (int64_t)timegm(&tm) : 0;
	return *ret > 0;
}

/* What holds for no time (a verifier on itself) has no end. */
static bool take_until(const json_t *value, struct ruling *ret)
{
	ret->valid_until = ret->verified_at;
	return json_is_null(value) || (json_is_string(value) &&
				       take_time(json_string_value(value), &ret->valid_until));
}

static bool take_name(const char *digits, struct public_name *ret)
{
	return attest_text_unhex(ret->bytes, sizeof(ret->bytes), digits, strlen(digits),
				 &ret->size) &&
	       ret->size > 2;
}

/* A file that there is none of has no digest. */
static bool take_policy(const json_t *value, char *ret, size_t room)
{
	text_cut(ret, room, json_is_string(value) ? json_string_value(value) : "");
	return json_is_null(value) || json_string_length(value) == room - 1;
}

static bool take(json_t *root, struct ruling *ret)
{
	const char *format, *host, *name, *status, *at, *by;
	json_int_t clock, resets, restarts;
	json_t *until, *policy, *ima_policy;

	if (json_unpack(root,
			"{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:o, s:s, s:o, s:o !}", "format",
			&format, "host", &host, "ak_name", &name, "clock", &clock, "resets",
			&resets, "restarts", &restarts, "status", &status, "verified_at", &at,
			"valid_until", &until, "verified_by", &by, "policy", &policy,
			"ima_policy", &ima_policy))
		return false;
	text_cut(ret->host, sizeof(ret->host), host);
	text_cut(ret->verified_by, sizeof(ret->verified_by), by);
	ret->clock = (uint64_t)clock;
	ret->resets = (uint32_t)resets;
	ret->restarts = (uint32_t)restarts;
	return !strcmp(format, RULING_WORDS) && strlen(host) < sizeof(ret->host) &&
	       strlen(by) < sizeof(ret->verified_by) && clock >= 0 && resets >= 0 &&
	       resets <= UINT32_MAX && restarts >= 0 && restarts <= UINT32_MAX &&
	       take_name(name, &ret->ak_name) && take_status(status, &ret->status) &&
	       take_time(at, &ret->verified_at) && take_until(until, ret) &&
	       ret->valid_until >= ret->verified_at &&
	       take_policy(policy, ret->policy, sizeof(ret->policy)) &&
	       take_policy(ima_policy, ret->ima_policy, sizeof(ret->ima_policy));
}

int ruling_read(struct ruling *ret, X509 *by, const char *text, size_t length,
		const uint8_t *signature, size_t size)
{
	_cleanup_(json_putp) json_t *root = NULL;
	struct ruling ruling = { 0 };

	if (length > RULING_TEXT_MAX || size > RULING_SIGNATURE_MAX ||
	    !is_signed(by, text, length, signature, size))
		return -EKEYREJECTED;
	root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (!root || !take(root, &ruling))
		return -EBADMSG;
	*ret = ruling;
	return 0;
}
