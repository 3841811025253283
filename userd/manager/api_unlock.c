// SPDX-License-Identifier: BSD-3-Clause
/*
 * Bodies of what a person opens and binds a host with: POST /v1/host/unlock, and
 * POST /v1/host/migration-key, which is a box alone.
 */
#include "manager/api_body.h"
#include "manager/api_json.h"

#define BOX_WANTED "a string of 2 to 2048 hexadecimal digits: a sealed box"

static bool take_box(const json_t *value, void *into)
{
	struct manager_host_unlock *what = into;

	return api_body_hex(value, what->box, sizeof(what->box), &what->box_length) &&
	       what->box_length;
}

static bool take_bind(const json_t *value, void *into)
{
	((struct manager_host_unlock *)into)->bind = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_plan_key(const json_t *value, void *into)
{
	struct manager_host_unlock *what = into;

	what->planned = api_body_point(value, what->plan_key);
	return what->planned;
}

static bool take_new_plan_key(const json_t *value, void *into)
{
	((struct manager_host_unlock *)into)->new_plan_key = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_password(const json_t *value, void *into)
{
	struct manager_host_unlock *what = into;

	return api_body_hex(value, what->password, sizeof(what->password),
			    &what->password_length) &&
	       what->password_length;
}

static const struct member members[] = {
	{ "box", BOX_WANTED, take_box, true },
	{ "bind", "true or false", take_bind, false },
	{ "plan_public", POINT_WANTED, take_plan_key, false },
	{ "new_plan_key", "true or false", take_new_plan_key, false },
	{ "owner_password_box", BOX_WANTED, take_password, false },
};

bool api_json_unlock(struct manager_host_unlock *what, const char *body, size_t length,
		     struct problem *problem)
{
	*what = (struct manager_host_unlock){ 0 };
	return api_body_take(body, length, members, sizeof(members) / sizeof(members[0]), what,
			     problem);
}

bool api_json_box(struct manager_host_unlock *what, const char *body, size_t length,
		  struct problem *problem)
{
	*what = (struct manager_host_unlock){ 0 };
	return api_body_take(body, length, members, 1, what, problem);
}
