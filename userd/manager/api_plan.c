// SPDX-License-Identifier: BSD-3-Clause
/*
 * /v1/host/plans: which configurations of the host open the host root key.
 */
#include "manager/api_body.h"
#include "manager/api_private.h"
#include "manager/plan.h"

static void plans_done(void *context, const struct problem *problem,
		       const struct manager_plans *plans)
{
	struct api_request *request = context;

	if (problem) {
		api_request_fail(request, problem);
		return;
	}
	api_request_answer(request, 200, api_json_plans(plans));
}

void api_plan_list(struct api_request *request)
{
	struct problem problem;

	if (!api_json_nothing(request->body, request->length, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_plans(request->api->manager, plans_done, request);
}

struct body {
	uint8_t plan[KEYD_PLAN_MAX];
	size_t length;
	uint64_t sequence;
};

static bool take_plan(const json_t *value, void *into)
{
	struct body *body = into;

	return api_body_hex(value, body->plan, sizeof(body->plan), &body->length) && body->length;
}

static bool take_sequence(const json_t *value, void *into)
{
	((struct body *)into)->sequence = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) > 0;
}

void api_plan_add(struct api_request *request)
{
	static const struct member members[] = {
		{ "plan", "a string of 2 to 2048 hexadecimal digits: a signed plan", take_plan,
		  true },
	};
	struct body body = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members, 1, &body, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_plan_add(request->api->manager,
				 (struct manager_bytes){ body.plan, body.length }, plans_done,
				 request);
}

void api_plan_retire(struct api_request *request)
{
	static const struct member members[] = {
		{ "sequence", "a number above 0", take_sequence, false },
	};
	struct body body = { 0 };
	struct problem problem;

	if (!api_body_take(request->body, request->length, members, 1, &body, &problem))
		api_request_fail(request, &problem);
	else if (api_request_pend(request))
		manager_plan_retire(request->api->manager, body.sequence, plans_done, request);
}
