// SPDX-License-Identifier: BSD-3-Clause
/*
 * /v1/host/ca: the host's CA. Bytes are hexadecimal digits, as everywhere in this API.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "manager/api_json.h"
#include "manager/api_private.h"

#define NEXT "the body is described in openapi.yaml"

/* Return: a new reference; NULL: refused. jansson's format says what members there are. */
static json_t *read_body(struct api_request *request)
{
	struct problem problem;
	json_error_t error;
	json_t *body = json_loadb(request->body, request->length, JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(body))
		return body;
	json_decref(body);
	problem_set(&problem, PROBLEM_INVALID, NEXT, "the body must be a JSON object");
	api_request_fail(request, &problem);
	return NULL;
}

static void refuse(struct api_request *request, const char *text)
{
	struct problem problem;

	problem_set(&problem, PROBLEM_INVALID, NEXT, "%s", text);
	api_request_fail(request, &problem);
}

static int digit_of(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Return: bytes; -1: these are no digits of so many at most. */
static ssize_t read_hex(const char *text, uint8_t *to, size_t room)
{
	size_t length = text ? strlen(text) : 0;

	if (!text || length % 2 || length / 2 > room)
		return -1;
	for (size_t i = 0; i < length; i += 2) {
		int high = digit_of(text[i]), low = digit_of(text[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		to[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)(length / 2);
}

static json_t *hex_or_null(struct manager_bytes bytes)
{
	return bytes.length ? api_json_hex(bytes.at, bytes.length) : json_null();
}

/* GET /v1/host/ca */

static void shown(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200,
				   json_pack("{s:o, s:o, s:I}", "public", hex_or_null(ca->part[0]),
					     "chain", hex_or_null(ca->part[1]), "issued",
					     (json_int_t)ca->issued));
}

void api_hostca_show(struct api_request *request)
{
	struct problem problem;

	if (!api_json_nothing(request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_ca_show(request->api->manager, shown, request);
}

/* POST /v1/host/ca/init */

static void made(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200,
				   json_pack("{s:o}", "request", hex_or_null(ca->part[0])));
}

void api_hostca_init(struct api_request *request)
{
	json_t *body = read_body(request);
	struct manager_ca_init what = { 0 };
	const char *name = "";
	int self_signed = 0, anew = 0;
	size_t length = 0;
	bool good;

	if (!body)
		return;
	good = !json_unpack_ex(body, NULL, JSON_STRICT, "{s:s%, s:b, s:b}", "name", &name, &length,
			       "self_signed", &self_signed, "new", &anew) &&
	       length && cursor_copy(what.name, sizeof(what.name) - 1, name, length);
	what.self_signed = self_signed;
	what.anew = anew;
	json_decref(body);
	if (!good)
		refuse(request, "the body must have a \"name\" of 1 to 64 bytes, \"self_signed\" "
				"and \"new\"");
	else if (api_request_pend(request))
		manager_ca_init(request->api->manager, &what, made, request);
}

/* POST /v1/host/ca/prove */

static void proven(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200,
				   json_pack("{s:o, s:o, s:o, s:o}", "public",
					     hex_or_null(ca->part[0]), "parent",
					     hex_or_null(ca->part[1]), "message",
					     hex_or_null(ca->part[2]), "signature",
					     hex_or_null(ca->part[3])));
}

void api_hostca_prove(struct api_request *request)
{
	json_t *body = read_body(request);
	uint8_t nonce[KEYD_CA_NONCE];
	const char *text = NULL;
	bool good;

	if (!body)
		return;
	good = !json_unpack_ex(body, NULL, JSON_STRICT, "{s:s}", "nonce", &text) &&
	       read_hex(text, nonce, sizeof(nonce)) == sizeof(nonce);
	json_decref(body);
	if (!good)
		refuse(request, "the body must have a \"nonce\" of 64 hexadecimal digits");
	else if (api_request_pend(request))
		manager_ca_prove(request->api->manager, nonce, proven, request);
}

/* POST /v1/host/ca/chain */

static void imported(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct api_request *request = context;

	(void)ca;
	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200, json_object());
}

void api_hostca_chain(struct api_request *request)
{
	json_t *body = read_body(request);
	uint8_t chain[KEYD_CHAIN_MAX];
	const char *text = NULL;
	ssize_t length = -1;

	if (!body)
		return;
	if (!json_unpack_ex(body, NULL, JSON_STRICT, "{s:s}", "chain", &text))
		length = read_hex(text, chain, sizeof(chain));
	json_decref(body);
	if (length <= 0)
		refuse(request, "the body must have a \"chain\" of at most 16384 hexadecimal "
				"digits");
	else if (api_request_pend(request))
		manager_ca_import(request->api->manager,
				  (struct manager_bytes){ chain, (size_t)length }, imported,
				  request);
}

/* POST /v1/host/ca/revoked */

static json_t *revoked_json(const struct manager_revoked *revoked)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char uuid[sizeof(form)];
	size_t digit = 0;

	for (size_t i = 0; i < sizeof(form); i++) {
		uuid[i] = form[i];
		if (form[i] != 'x')
			continue;
		uuid[i] = "0123456789abcdef"[revoked->uuid[digit / 2] >> (digit % 2 ? 0 : 4) & 15];
		digit++;
	}
	return json_pack("{s:s, s:I}", "uuid", uuid, "epoch",
			 (json_int_t)(revoked->epoch > INT64_MAX ? INT64_MAX : revoked->epoch));
}

static void gathered(void *context, const struct problem *problem,
		     const struct manager_revoked *revoked, size_t count, uint64_t next)
{
	struct api_request *request = context;
	json_t *list;

	if (problem) {
		api_request_fail(request, problem);
		return;
	}
	list = json_array();
	for (size_t i = 0; list && i < count; i++) {
		if (json_array_append_new(list, revoked_json(&revoked[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	api_request_answer(request, 200,
			   list ? json_pack("{s:o, s:I}", "revoked", list, "next",
					    (json_int_t)next)
				: NULL);
}

void api_hostca_revoked(struct api_request *request)
{
	json_t *body = read_body(request);
	json_int_t from = -1;
	bool good;

	if (!body)
		return;
	good = !json_unpack_ex(body, NULL, JSON_STRICT, "{s:I}", "from", &from) && from >= 0;
	json_decref(body);
	if (!good)
		refuse(request, "the body must have \"from\", the record to begin with");
	else if (api_request_pend(request))
		manager_ca_revoked(request->api->manager, (uint64_t)from, gathered, request);
}
