// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers: hosts without a TPM 2.0. They stand at n/a, and nothing they send changes that.
 *
 *	added	 by an administrator, with a name
 *	enrolled by the host itself with a one-time token; it gets a bearer, for its facts
 *
 * A host that once showed a TPM 2.0 does not become one of them: that would be a way out of
 * a verdict. An administrator has to remove it first.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"
#include "base/text.h"
#include "verifier/request.h"

#define WANTED "a host without a TPM 2.0 has a \"name\" and \"tpm\" none or 1.2"

static bool read_host(const json_t *body, struct standing *ret)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *tpm = json_string_value(json_object_get(body, "tpm"));
	char id[STANDING_ID];

	if (!name || !*name || strlen(name) >= STANDING_NAME || !tpm || fleet_uuid_new(id))
		return false;
	standing_new(ret, id, name);
	return standing_unverifiable(ret, tpm);
}

void hosts_add(struct request *request)
{
	static const char *const names[] = { "name", "tpm", NULL };
	json_t *body = request_object(request, names);
	struct fleet *fleet = request->service->fleet;
	const struct fleet_keys keys = { 0 };
	struct attest_reason reason;
	struct standing standing;
	bool good;

	if (!body)
		return;
	good = read_host(body, &standing);
	json_decref(body);
	if (!good) {
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid", WANTED,
			       "a host with a TPM 2.0 enrols itself, with a token");
		return;
	}
	request_note(&reason, ATTEST_NA, "host.added", request->pass.name,
		     "a host was added by hand");
	good = !fleet_begin(fleet, true) &&
	       request_end(request, !fleet_host_add(fleet, &standing, &keys) &&
				    !fleet_event_add(fleet, standing.id, time(NULL), &reason));
	if (good)
		request_answer(request, MHD_HTTP_CREATED,
			       fleet_host_json(fleet, standing.id, time(NULL)));
	else
		request_broken(request);
}

/* By a token */

/* Return: 0; -ENOENT (a new host); -EEXIST (a host that showed a TPM 2.0); -EIO. */
static int find_host(struct fleet *fleet, const struct fleet_pass *token, struct standing *ret)
{
	struct fleet_keys keys;
	struct standing standing;
	int r = fleet_host_get(fleet, token->name, &standing, &keys);

	if (r)
		return r;
	if (keys.ek_size)
		return -EEXIST;
	standing.status = ret->status;
	text_cut(standing.message, sizeof(standing.message), ret->message);
	*ret = standing;
	return 0;
}

static int store(struct fleet *fleet, const struct standing *standing, bool new, const char *bearer)
{
	struct fleet_pass pass = { FLEET_HOST, "" };
	const struct fleet_keys keys = { 0 };
	struct attest_reason reason;
	int r;

	text_cut(pass.name, sizeof(pass.name), standing->id);
	request_note(&reason, ATTEST_NA, "host.enrolled", standing->name, standing->message);
	fleet_pass_remove(fleet, &pass);
	r = new ? fleet_host_add(fleet, standing, &keys) : fleet_host_set(fleet, standing, NULL);
	if (!r)
		r = fleet_pass_add(fleet, bearer, strlen(bearer), &pass, 0);
	return r ? r : fleet_event_add(fleet, standing->id, time(NULL), &reason);
}

static bool token_is_good(struct fleet *fleet, const char *token, struct fleet_pass *ret)
{
	return token && strlen(token) < FLEET_SECRET &&
	       !fleet_pass_get(fleet, token, strlen(token), time(NULL), ret) &&
	       ret->role == FLEET_ENROL;
}

static void enrol(struct request *request, const char *token, const struct fleet_pass *pass,
		  struct standing *standing)
{
	struct fleet *fleet = request->service->fleet;
	int r = find_host(fleet, pass, standing);
	char bearer[FLEET_SECRET];

	if (r == -EEXIST) {
		request_refuse(request, MHD_HTTP_FORBIDDEN, "enrolment",
			       "this host has shown a TPM 2.0 before",
			       "have an administrator remove the host first");
		return;
	}
	if ((r && r != -ENOENT) || fleet_secret_new(bearer) || fleet_begin(fleet, true) ||
	    !request_end(request, !fleet_pass_spend(fleet, token, strlen(token)) &&
					  !store(fleet, standing, r, bearer))) {
		request_broken(request);
		return;
	}
	request_answer(request, MHD_HTTP_OK,
		       json_pack("{s:s, s:s}", "host", standing->id, "bearer", bearer));
	secret_wipe(bearer, sizeof(bearer));
}

void enrol_unverifiable(struct request *request)
{
	static const char *const names[] = { "token", "name", "tpm", NULL };
	json_t *body = request_object(request, names);
	const char *token = json_string_value(json_object_get(body, "token"));
	struct standing standing;
	struct fleet_pass pass;

	if (!body)
		return;
	if (!token_is_good(request->service->fleet, token, &pass))
		request_refuse(request, MHD_HTTP_UNAUTHORIZED, "token",
			       "this token is not known, used up or too old",
			       "have an administrator grant another one");
	else if (!read_host(body, &standing))
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid", WANTED,
			       "a host with a TPM 2.0 begins at /v1/enrol/begin");
	else
		enrol(request, token, &pass, &standing);
	json_decref(body);
}
