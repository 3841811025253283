// SPDX-License-Identifier: BSD-3-Clause
/*
 * /v1/host/share and /v1/host/verifier: the share that a verifier has of the host root key.
 */
#include <string.h>

#include "manager/api_body.h"
#include "manager/api_private.h"
#include "manager/share.h"

#define CREDENTIAL "a string of at most 2048 hexadecimal digits: a TPM2B_ID_OBJECT"
#define SECRET	   "a string of at most 2048 hexadecimal digits: a TPM2B_ENCRYPTED_SECRET"
#define BOX	   "a string of at most 2048 hexadecimal digits: a sealed box"

static void share_done(void *context, const struct problem *problem)
{
	struct api_request *request = context;
	struct manager_host host;

	if (problem) {
		api_request_fail(request, problem);
		return;
	}
	manager_host(request->api->manager, &host);
	api_request_answer(request, 200, api_json_host(&host));
}

static bool take_box(const json_t *value, void *into)
{
	struct manager_bind *what = into;

	return api_body_hex(value, what->box, sizeof(what->box), &what->box_length) &&
	       what->box_length;
}

static bool take_host(const json_t *value, void *into)
{
	struct manager_bind *what = into;

	return json_string_length(value) == KEYD_HOST_ID_SIZE &&
	       strlen(json_string_value(value)) == KEYD_HOST_ID_SIZE &&
	       cursor_copy(what->host, sizeof(what->host), json_string_value(value),
			   KEYD_HOST_ID_SIZE);
}

static bool take_credential(const json_t *value, void *into)
{
	struct manager_credential *to = &((struct manager_bind *)into)->share.credential;

	return api_body_hex(value, to->blob, sizeof(to->blob), &to->blob_length) &&
	       to->blob_length;
}

static bool take_secret(const json_t *value, void *into)
{
	struct manager_credential *to = &((struct manager_bind *)into)->share.credential;

	return api_body_hex(value, to->secret, sizeof(to->secret), &to->secret_length) &&
	       to->secret_length;
}

static bool take_share(const json_t *value, void *into)
{
	struct manager_share *to = &((struct manager_bind *)into)->share;

	return api_body_hex(value, to->box, sizeof(to->box), &to->box_length) && to->box_length;
}

static const struct member open_members[] = {
	{ "credential", CREDENTIAL, take_credential, true },
	{ "secret", SECRET, take_secret, true },
	{ "box", BOX, take_share, true },
};

void api_share_open(struct api_request *request)
{
	struct manager_bind what = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, open_members, 3, &what, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_share(request->api->manager, &what.share, share_done, request);
}

/* To be bound to nobody there is no host, and nothing of a share. */
static bool is_whole(const struct manager_bind *what)
{
	const struct manager_share *share = &what->share;
	unsigned int there = !!share->box_length + !!share->credential.blob_length +
			     !!share->credential.secret_length;

	return there == (*what->host ? 3 : 0);
}

static const struct member bind_members[] = {
	{ "box", BOX, take_box, true },
	{ "host", "a string of 36 characters: the host's id at its verifier", take_host,
	  false },
	{ "credential", CREDENTIAL, take_credential, false },
	{ "secret", SECRET, take_secret, false },
	{ "share_box", BOX, take_share, false },
};

void api_share_bind(struct api_request *request)
{
	struct manager_bind what = { 0 };
	struct problem problem;
	bool good = api_body_take(request->body, request->length, bind_members, 5, &what, &problem);

	if (good && !is_whole(&what)) {
		problem_set(&problem, PROBLEM_INVALID, "the body is described in openapi.yaml",
			    "\"host\", \"credential\", \"secret\" and \"share_box\" stand "
			    "together, or none of them is there");
		good = false;
	}
	if (!good)
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_bind(request->api->manager, &what, share_done, request);
}
