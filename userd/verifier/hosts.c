// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers: hosts, what happened to them, and what they say of themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/text.h"
#include "verifier/authority.h"
#include "verifier/request.h"
#include "verifier/share.h"

#define EVENTS_MOST 1000
#define TEXT_MOST   64
#define NUMBER_MOST 1000000000
#define NEXT_READ   "see verifier-api.yaml for the members of the body"

int64_t request_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void request_no_host(struct request *request, int r)
{
	if (r == -ENOENT)
		request_refuse(request, MHD_HTTP_NOT_FOUND, "not-found",
			       "there is no host with this id", "GET /v1/hosts lists them");
	else
		request_broken(request);
}

/* Reading */

void hosts_list(struct request *request)
{
	json_t *hosts = fleet_hosts_json(request->service->fleet, time(NULL));

	if (hosts)
		request_answer(request, MHD_HTTP_OK, json_pack("{s:o}", "hosts", hosts));
	else
		request_broken(request);
}

void hosts_get(struct request *request)
{
	json_t *host = fleet_host_json(request->service->fleet, request->host, time(NULL));

	if (host)
		request_answer(request, MHD_HTTP_OK, host);
	else
		request_no_host(request, -ENOENT);
}

static void answer_events(struct request *request, const char *id)
{
	const char *text = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND,
						       "after");
	long long after = 0;
	json_t *events;
	char *end = NULL;

	if (text) {
		errno = 0;
		after = strtoll(text, &end, 10);
		if (errno || !*text || *end || after < 0) {
			request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
				       "\"after\" is not the id of an event", NEXT_READ);
			return;
		}
	}
	events = fleet_events_json(request->service->fleet, id, after, EVENTS_MOST);
	if (events)
		request_answer(request, MHD_HTTP_OK, json_pack("{s:o}", "events", events));
	else
		request_broken(request);
}

void events_list(struct request *request)
{
	answer_events(request, NULL);
}

void hosts_events(struct request *request)
{
	answer_events(request, request->host);
}

/* Changing */

void request_note(struct attest_reason *ret, enum attest_status status, const char *code,
		  const char *by, const char *text)
{
	*ret = (struct attest_reason){ .status = status, .pcr = ATTEST_NONE, .event = ATTEST_NONE,
				       .offset = ATTEST_NONE, .next = "" };
	text_cut(ret->code, sizeof(ret->code), code);
	text_cut(ret->text, sizeof(ret->text), text);
	text_cut(ret->found, sizeof(ret->found), by);
}

bool request_end(struct request *request, bool good)
{
	if (fleet_end(request->service->fleet, good))
		return false;
	if (request->service->notify)
		notify_wake(request->service->notify);
	return true;
}

void hosts_remove(struct request *request)
{
	const struct fleet_pass pass = { FLEET_HOST, "" };
	struct fleet *fleet = request->service->fleet;
	struct attest_reason reason;
	struct fleet_pass host = pass;
	int r;

	text_cut(host.name, sizeof(host.name), request->host);
	request_note(&reason, ATTEST_UNKNOWN, "host.removed", request->pass.name, "a host was removed");
	if (fleet_begin(fleet, true)) {
		request_broken(request);
		return;
	}
	r = fleet_host_remove(fleet, request->host);
	fleet_pass_remove(fleet, &host);
	if (!r)
		r = authority_end(fleet, request->host, time(NULL));
	share_revoke(fleet, request->host);
	if (!request_end(request,
			 !r && !fleet_event_add(fleet, request->host, time(NULL), &reason))) {
		request_no_host(request, r);
		return;
	}
	challenge_forget(request->service->challenges, request->host);
	challenge_forget(request->service->authorities, request->host);
	request_answer_text(request, "application/json", strdup("{}"), 2);
}

void hosts_acknowledge(struct request *request)
{
	struct fleet *fleet = request->service->fleet;
	struct attest_reason reason;
	struct standing standing;
	int r = fleet_host_get(fleet, request->host, &standing, NULL);

	if (r) {
		request_no_host(request, r);
		return;
	}
	if (!standing_acknowledge(&standing)) {
		request_refuse(request, MHD_HTTP_CONFLICT, "conflict",
			       "there is no failure of this host to acknowledge",
			       "GET the host to see how it stands");
		return;
	}
	request_note(&reason, standing.status, "host.acknowledged", request->pass.name,
	     "the failure was acknowledged; the next verdict counts");
	if (!fleet_begin(fleet, true) &&
	    request_end(request, !fleet_host_set(fleet, &standing, NULL) &&
				 !fleet_event_add(fleet, standing.id, time(NULL), &reason)))
		request_answer(request, MHD_HTTP_OK,
			       fleet_host_json(fleet, request->host, time(NULL)));
	else
		request_broken(request);
}

/* Of the host itself */

/* What the host may leave out of its evidence; NULL: nothing */
static json_t *known_logs(struct request *request, const struct fleet_keys *keys)
{
	char eventlog[BASE64_ROOM(CACHE_DIGEST)];
	struct judge_known known;
	json_t *logs;

	if (!judge_knows(&request->service->judge,
			 (struct hash_part){ keys->ak, keys->ak_size }, &known))
		return NULL;
	base64_write(known.eventlog, sizeof(known.eventlog), eventlog);
	logs = json_pack("{s:s, s:s}", "boot_id", known.boot_id, "eventlog_sha256", eventlog);
	if (known.ima)
		json_object_set_new(logs, "ima_bytes", json_integer((json_int_t)known.ima));
	return logs;
}

void hosts_challenge(struct request *request)
{
	const struct config *config = request->service->config;
	uint8_t nonce[CHALLENGE_NONCE];
	char text[BASE64_ROOM(CHALLENGE_NONCE)];
	struct standing standing;
	struct fleet_keys keys;
	int r;

	r = fleet_host_get(request->service->fleet, request->host, &standing, &keys);
	if (r) {
		request_no_host(request, r);
		return;
	}
	r = challenge_make(request->service->challenges, request->host, request_now_ms(),
			   1000 * (int64_t)config->deadline, 1000 * (int64_t)config->every, nonce);
	if (r == -EAGAIN)
		request_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too-soon",
			       "this host was asked a moment ago", "answer, or wait a little");
	if (r == -EAGAIN)
		return;
	if (r) {
		request_broken(request);
		return;
	}
	base64_write(nonce, sizeof(nonce), text);
	request_answer(request, MHD_HTTP_OK,
		       json_pack("{s:s, s:i, s:s, s:o*}", "nonce", text, "deadline",
				 (int)config->deadline, "pcrs", "sha256:all", "known",
				 known_logs(request, &keys)));
}

/* @name is one of those that hosts_facts() lets through. */
static bool is_fact(const char *name, const json_t *value)
{
	if (!strcmp(name, "recovery_backed_up"))
		return json_is_boolean(value);
	if (json_is_integer(value))
		return (!strncmp(name, "vtpms_", 6) || !strcmp(name, "window_seconds")) &&
		       json_integer_value(value) >= 0 && json_integer_value(value) <= NUMBER_MOST;
	return json_is_string(value) && json_string_length(value) <= TEXT_MOST &&
	       strncmp(name, "vtpms_", 6) && strcmp(name, "window_seconds");
}

void hosts_facts(struct request *request)
{
	static const char *const names[] = {
		"tpm",
		"tpm_vendor",
		"tpm_firmware",
		"secure_boot",
		"lockdown",
		"ima",
		"vtpms_running",
		"vtpms_locked",
		"vtpms_quarantined",
		"state_protection",
		"window_seconds",
		"recovery_backed_up",
		NULL,
	};
	json_t *body = request_object(request, names), *value;
	const char *name;
	bool good = true;
	char *text;
	int r;

	if (!body)
		return;
	json_object_foreach (body, name, value)
		good = good && is_fact(name, value);
	text = good ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!good) {
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
			       "a fact is of another type, too long or too large", NEXT_READ);
		return;
	}
	r = text ? fleet_host_facts(request->service->fleet, request->host, text) : -EIO;
	free(text);
	if (r)
		request_no_host(request, r);
	else
		request_answer_text(request, "application/json", strdup("{}"), 2);
}
