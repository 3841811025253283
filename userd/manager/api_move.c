// SPDX-License-Identifier: BSD-3-Clause
/*
 * vTPMs that go and come: /v1/host/move-key, /v1/vtpms/{name}/export and /v1/imports.
 *
 * A package is base64url in JSON, a third larger than it is: the route of imports takes bodies that
 * others do not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "manager/api_body.h"
#include "manager/api_private.h"
#include "manager/move.h"

/* GET /v1/host/move-key */

static void key_done(void *context, const struct problem *problem, const struct manager_ca *ca)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200,
				   json_pack("{s:o}", "chain",
					     api_json_hex(ca->part[0].at, ca->part[0].length)));
}

void api_move_key(struct api_request *request)
{
	struct problem problem;

	if (!api_json_nothing(request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_move_key(request->api->manager, key_done, request);
}

/* What became of it */

static json_t *blockers_json(const struct manager_moved *moved)
{
	json_t *list = json_array();

	for (size_t i = 0; i < moved->blocker_count; i++) {
		const struct problem *problem = &moved->blockers[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "type",
						      problem_name(problem->code), "detail",
						      problem->detail, "next", problem->next));
	}
	return list;
}

/* Return: a new reference; NULL: no memory. */
static json_t *package_json(const struct manager_moved *moved)
{
	size_t length = 4 + moved->head.length + moved->envelope.length;
	uint8_t *bytes = malloc(length);
	char *text = malloc(BASE64_ROOM(length));
	struct cursor_out out = cursor_out(bytes, length);
	json_t *value = NULL;

	if (bytes && text) {
		cursor_put_u32(&out, (uint32_t)moved->head.length);
		cursor_put_raw(&out, moved->head.at, moved->head.length);
		cursor_put_raw(&out, moved->envelope.at, moved->envelope.length);
		base64_write(bytes, length, text);
		value = json_string(text);
	}
	free(text);
	free(bytes);
	return value;
}

static void moved_done(void *context, const struct problem *problem,
		       const struct manager_moved *moved)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		api_request_answer(request, 200,
				   json_pack("{s:s, s:s, s:b, s:o, s:o}", "name", moved->name,
					     "host", moved->host, "ready",
					     (int)!moved->blocker_count, "blockers",
					     blockers_json(moved), "package",
					     moved->head.length ? package_json(moved)
								: json_null()));
}

/* POST /v1/vtpms/{name}/export */

struct export_body {
	struct manager_export what;
	uint8_t chain[KEYD_CHAIN_MAX];
	char statement[KEYD_VERDICT_MAX];
	uint8_t signature[KEYD_SIGNATURE_MAX];
};

static bool take_chain(const json_t *value, void *into)
{
	struct export_body *body = into;

	body->what.chain.at = body->chain;
	return api_body_hex(value, body->chain, sizeof(body->chain), &body->what.chain.length) &&
	       body->what.chain.length;
}

static bool take_statement(const json_t *value, void *into)
{
	struct export_body *body = into;
	size_t length = json_string_length(value);

	body->what.statement = (struct manager_bytes){ (uint8_t *)body->statement, length };
	return json_is_string(value) && cursor_copy(body->statement, sizeof(body->statement),
						    json_string_value(value), length);
}

static bool take_signature(const json_t *value, void *into)
{
	struct export_body *body = into;
	ssize_t n = json_is_string(value) ?
			    base64_read(json_string_value(value), json_string_length(value),
					body->signature, sizeof(body->signature)) :
			    -1;

	body->what.signature = (struct manager_bytes){ body->signature, n > 0 ? (size_t)n : 0 };
	return n > 0;
}

static bool take_again(const json_t *value, void *into)
{
	((struct export_body *)into)->what.again = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_look(const json_t *value, void *into)
{
	((struct export_body *)into)->what.look = json_is_true(value);
	return json_is_boolean(value);
}

void api_move_export(struct api_request *request)
{
	static const struct member members[] = {
		{ "chain", "a string of at most 16384 hexadecimal digits: certificates in DER or PEM",
		  take_chain, false },
		{ "statement", "a string of at most 2048 bytes: a verdict", take_statement, false },
		{ "signature", "a string of base64url: of the verdict", take_signature, false },
		{ "again", "true or false", take_again, false },
		{ "dry_run", "true or false", take_look, false },
	};
	struct export_body body = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members,
			   sizeof(members) / sizeof(members[0]), &body, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_export(request->api->manager, request->name, &body.what, moved_done,
			       request);
}

/* POST /v1/imports */

struct import_body {
	struct manager_import what;
	uint8_t *package;
	json_t *vtpm;
};

static bool take_package(const json_t *value, void *into)
{
	struct import_body *body = into;
	ssize_t n;

	body->package = malloc(MOVE_PACKAGE_MAX);
	if (!body->package || !json_is_string(value))
		return false;
	n = base64_read(json_string_value(value), json_string_length(value), body->package,
			MOVE_PACKAGE_MAX);
	body->what.package = (struct manager_bytes){ body->package, n > 0 ? (size_t)n : 0 };
	return n > 0;
}

static bool take_vtpm(const json_t *value, void *into)
{
	struct import_body *body = into;

	body->vtpm = json_is_object(value) ? json_deep_copy(value) : NULL;
	return body->vtpm;
}

static bool take_import_look(const json_t *value, void *into)
{
	((struct import_body *)into)->what.look = json_is_true(value);
	return json_is_boolean(value);
}

/* Name, front end and owner, as POST /v1/vtpms takes them. */
static bool read_vtpm(struct import_body *body, struct problem *problem)
{
	char *text = json_dumps(body->vtpm, JSON_COMPACT);
	bool good = text && api_json_create(&body->what.what, text, strlen(text), problem);

	if (!text)
		problem_set(problem, PROBLEM_INTERNAL, NULL, "there is no memory left");
	free(text);
	return good;
}

void api_move_import(struct api_request *request)
{
	static const struct member members[] = {
		{ "package", "a string of base64url: a package", take_package, true },
		{ "vtpm", "an object, as POST /v1/vtpms takes it", take_vtpm, true },
		{ "dry_run", "true or false", take_import_look, false },
	};
	struct import_body body = {
		.what.what = { .uid = request->peer->uid, .gid = request->peer->gid },
	};
	struct problem problem;

	if (!api_body_take(request->body, request->length, members,
			   sizeof(members) / sizeof(members[0]), &body, &problem) ||
	    !read_vtpm(&body, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_import(request->api->manager, &body.what, moved_done, request);
	json_decref(body.vtpm);
	free(body.package);
}
