// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl seal plan --dry-run: what will open after that boot, and what if it does not.
 *
 * All vTPMs hang from the host root key, which the plan opens. Those that stay shut do so for
 * reasons of their own: a state that cannot be right, or a store that is not the newest.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/report.h"
#include "cli/seal.h"

#define DAY 86400

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static bool is_text(const json_t *object, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value && !strcmp(value, text);
}

static json_t *get(const struct cli *cli, const char *path, json_t **ret)
{
	const struct client_request request = { .method = "GET", .path = path };
	json_t *problem = NULL;

	client_ask(cli, &request, ret, &problem, NULL);
	return problem;
}

json_t *seal_outlook(const struct cli *cli, const struct seal_state *state, json_t **ret)
{
	_cleanup_(json_putp) json_t *host = NULL;
	_cleanup_(json_putp) json_t *list = NULL;
	json_t *problem = get(cli, "/v1/host", &host), *shut;
	const json_t *vtpms, *vtpm;
	bool unlocked;
	size_t i;

	if (!problem)
		problem = get(cli, "/v1/vtpms", &list);
	if (problem)
		return problem;
	unlocked = is_text(host, "state", "unlocked");
	vtpms = json_object_get(list, "vtpms");
	shut = json_array();
	json_array_foreach (vtpms, i, vtpm) {
		if (is_text(vtpm, "state", "quarantined") ||
		    (unlocked && is_text(vtpm, "state", "locked")))
			json_array_append_new(
				shut, json_pack("{s:O, s:O}", "name", json_object_get(vtpm, "name"),
						"reason", json_object_get(vtpm, "reason")));
	}
	i = json_array_size(vtpms);
	*ret = json_pack("{s:I, s:I, s:o, s:O}", "vtpms", (json_int_t)i, "open",
			 (json_int_t)(i - json_array_size(shut)), "shut", shut, "recovery_proven",
			 json_object_get(state->object, "recovery_proven"));
	return *ret ? NULL : report_problem("internal", NULL, "there is no memory left");
}

static void print_proven(const json_t *proven)
{
	json_int_t days = ((json_int_t)time(NULL) - json_integer_value(proven)) / DAY;

	if (!json_is_integer(proven))
		puts("otherwise: the recovery code, which has not opened this host yet: try it with "
		     "`vtpmctl host unlock`");
	else
		printf("otherwise: the recovery code, which opened this host %lld day%s ago\n",
		       (long long)days, days == 1 ? "" : "s");
}

void seal_outlook_print(const json_t *outlook)
{
	static const struct report_column columns[] = {
		{ "NAME", "name" },
		{ "STAYS SHUT", "reason" },
	};
	const json_t *shut = json_object_get(outlook, "shut");

	printf("%lld of %lld vTPMs open after that boot, if the plan is added\n",
	       (long long)json_integer_value(json_object_get(outlook, "open")),
	       (long long)json_integer_value(json_object_get(outlook, "vtpms")));
	if (json_array_size(shut))
		report_table(shut, columns, sizeof(columns) / sizeof(columns[0]));
	print_proven(json_object_get(outlook, "recovery_proven"));
}
