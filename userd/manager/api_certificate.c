// SPDX-License-Identifier: BSD-3-Clause
/*
 * Bodies of requests about certificates of a vTPM's keys.
 */
#include "manager/api_body.h"
#include "manager/api_json.h"

static bool take_key(const json_t *value, void *into)
{
	struct manager_certificate *what = into;

	what->kind = api_key_kind(json_string_value(value));
	return what->kind != _KEYD_CERT_KIND_MAX;
}

static bool take_certificate(const json_t *value, void *into)
{
	struct manager_certificate *what = into;

	return api_body_hex(value, what->der, sizeof(what->der), &what->length) && what->length;
}

#define KEY_WANTED "\"ek-rsa2048\", \"ek-p256\", \"ek-p384\" or \"iak\""
static const struct member certificate_members[] = {
	{ "key", KEY_WANTED, take_key, true },
	{ "certificate", "a string of 2 to 4096 hexadecimal digits: one certificate, DER",
	  take_certificate, true },
};

bool api_json_certificate(struct manager_certificate *what, const char *body, size_t length,
			  struct problem *problem)
{
	return api_body_take(body, length, certificate_members, 2, what, problem);
}

bool api_json_key(struct manager_certificate *what, const char *body, size_t length,
		  struct problem *problem)
{
	const struct member key = { "key", KEY_WANTED, take_key, false };

	return !length || api_body_take(body, length, &key, 1, what, problem);
}
