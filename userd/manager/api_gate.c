// SPDX-License-Identifier: BSD-3-Clause
/*
 * /v1/gate: what vTPMs may do while the host is not trusted.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "base/text.h"
#include "manager/api_body.h"
#include "manager/api_private.h"
#include "manager/gate.h"

/* What there is to see */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *seconds_or_null(int64_t seconds)
{
	return seconds < 0 ? json_null() : json_integer((json_int_t)seconds);
}

static json_t *date(int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (!seconds || !gmtime_r(&when, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *verdict_of(const struct gate *gate)
{
	const struct ruling *ruling = &gate->ruling;

	if (!gate->ruled)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:o}", "status",
			 attest_status_name(ruling->status), "verified_at",
			 date(ruling->verified_at), "valid_until", date(ruling->valid_until),
			 "verified_by", ruling->verified_by, "host", ruling->host, "policy",
			 text_or_null(ruling->policy), "ima_policy",
			 text_or_null(ruling->ima_policy));
}

static json_t *glass_of(const struct manager_gate *view)
{
	const struct gate *gate = view->gate;
	const struct gate_record *record = &gate->record;
	json_t *last = json_null();

	if (gate->log.count)
		last = json_pack("{s:o, s:o, s:I, s:s}", "time", date(record->at), "until",
				 date(record->until), "uid", (json_int_t)record->uid, "reason",
				 record->reason);
	return json_pack("{s:b, s:I, s:b, s:o}", "broken", view->state == GATE_BROKEN_GLASS,
			 "records", (json_int_t)gate->log.count, "records_whole", view->whole,
			 "last", last);
}

static void add_vtpm(void *context, const struct manager_gated *gated)
{
	json_array_append_new(context,
			      json_pack("{s:s, s:s, s:i, s:b, s:s, s:o, s:b, s:b}", "name",
					gated->name, "policy", gate_policy_name(gated->rule.policy),
					"grace", (int)gated->rule.grace, "own", gated->own, "state",
					gate_state_name(gated->state), "changes_in",
					seconds_or_null(gated->until), "frozen", gated->frozen,
					"held", gated->held));
}

static void answer(struct api_request *request)
{
	struct manager *manager = request->api->manager;
	json_t *vtpms = json_array();
	struct manager_gate view;

	manager_gate(manager, &view);
	manager_gate_each(manager, add_vtpm, vtpms);
	api_request_answer(
		request, 200,
		json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:{s:s, s:i}, s:o, s:o}", "state",
			  gate_state_name(view.state), "reason", text_or_null(view.reason),
			  "changes_in", seconds_or_null(view.until), "trusted_for",
			  seconds_or_null(view.trust), "verifier_known", view.pinned, "verdict",
			  verdict_of(view.gate), "default", "policy",
			  gate_policy_name(view.gate->rule.policy), "grace",
			  (int)view.gate->rule.grace, "glass", glass_of(&view), "vtpms", vtpms));
}

static void done(void *context, const struct problem *problem)
{
	struct api_request *request = context;

	if (problem)
		api_request_fail(request, problem);
	else
		answer(request);
}

void api_gate_show(struct api_request *request)
{
	struct problem problem;

	if (api_json_nothing(request->body, request->length, &problem))
		answer(request);
	else
		api_request_fail(request, &problem);
}

/* Rules */

static bool take_policy(const json_t *value, void *into)
{
	struct gate_rule *rule = into;

	return json_is_string(value) && gate_policy_find(json_string_value(value), &rule->policy);
}

static bool take_grace(const json_t *value, void *into)
{
	struct gate_rule *rule = into;
	json_int_t seconds = json_integer_value(value);

	rule->grace = (uint32_t)seconds;
	return json_is_integer(value) && seconds >= 0 && seconds <= GATE_GRACE_MAX;
}

static void put_rule(struct api_request *request, const char *name)
{
	static const struct member members[] = {
		{ "policy", "\"log\", \"no-new-start\", \"freeze-keys\" or \"stop\"", take_policy,
		  true },
		{ "grace", "a number of seconds from 0 to 2592000", take_grace, false },
	};
	struct gate_rule rule = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members, 2, &rule, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_gate_set(request->api->manager, name, &rule, done, request);
}

void api_gate_default(struct api_request *request)
{
	put_rule(request, NULL);
}

void api_gate_vtpm(struct api_request *request)
{
	put_rule(request, request->name);
}

/* Verdicts */

static bool take_statement(const json_t *value, void *into)
{
	struct manager_gate_verdict *what = into;

	what->length = json_string_length(value);
	return json_is_string(value) && what->length &&
	       cursor_copy(what->text, sizeof(what->text), json_string_value(value), what->length);
}

static bool take_signature(const json_t *value, void *into)
{
	struct manager_gate_verdict *what = into;
	ssize_t size = json_is_string(value)
			       ? base64_read(json_string_value(value), json_string_length(value),
					     what->signature, sizeof(what->signature))
			       : -1;

	what->size = size > 0 ? (size_t)size : 0;
	return size > 0;
}

void api_gate_verdict(struct api_request *request)
{
	static const struct member members[] = {
		{ "statement", "a string of at most 2048 bytes, as the verifier signed it",
		  take_statement, true },
		{ "signature", "a signature of at most 80 bytes, base64url", take_signature, true },
	};
	struct manager_gate_verdict what = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members, 2, &what, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_gate_verdict(request->api->manager, &what, done, request);
}

/* Broken glass */

struct glass {
	char reason[GATE_REASON_SIZE];
	uint32_t seconds;
};

static bool take_reason(const json_t *value, void *into)
{
	struct glass *glass = into;

	if (!json_is_string(value) || !json_string_length(value) ||
	    json_string_length(value) >= sizeof(glass->reason) ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return false;
	text_cut(glass->reason, sizeof(glass->reason), json_string_value(value));
	return true;
}

static bool take_seconds(const json_t *value, void *into)
{
	json_int_t seconds = json_integer_value(value);

	((struct glass *)into)->seconds = (uint32_t)seconds;
	return json_is_integer(value) && seconds >= 0 && seconds <= GATE_GLASS_MAX;
}

void api_gate_break(struct api_request *request)
{
	static const struct member members[] = {
		{ "reason", "a string of 1 to 200 bytes", take_reason, true },
		{ "seconds", "a number of seconds from 0 to 604800", take_seconds, false },
	};
	struct glass glass = { .seconds = 3600 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members, 2, &glass, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_gate_break(request->api->manager, request->peer->uid, glass.reason,
				   glass.seconds, done, request);
}

/* Waiting */

static int on_timeout(sd_event_source *source, uint64_t usec, void *context)
{
	struct api_request *request = context;
	struct problem problem;
	struct manager_gate view;

	(void)source;
	(void)usec;
	manager_forget(request->api->manager, request);
	manager_gate(request->api->manager, &view);
	problem_set(&problem, PROBLEM_TIMEOUT, "ask again, or look at `vtpmctl gate show`",
		    "the gate is closed: %s", view.reason);
	api_request_fail(request, &problem);
	return 0;
}

void api_gate_wait(struct api_request *request)
{
	struct problem problem;

	if (!api_json_nothing(request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend_wait(request, on_timeout))
		manager_gate_wait(request->api->manager, done, request);
}
