// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl seal: which configurations of the host open the host root key by themselves.
 *
 *	plan	predict (seal_predict.c), sign, add; or predict and write, for sign and add
 *	sign	with a private key, on a machine that need not be this one
 *
 * The key that signs is derived from the recovery code, which is typed, or read from a file; it
 * never reaches a daemon.
 */
#include "cli/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "cli/client.h"
#include "cli/key.h"
#include "cli/report.h"
#include "cli/session.h"

#define DAY 86400u

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void secrets_freep(struct secrets **secrets)
{
	secrets_free(*secrets);
}

static int digit(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

size_t seal_unhex(const json_t *digits, uint8_t *to, size_t room)
{
	const char *text = json_string_value(digits);
	size_t length = json_string_length(digits);

	if (!text || length % 2 || length / 2 > room)
		return 0;
	for (size_t i = 0; i < length; i++) {
		int value = digit(text[i]);

		if (value < 0)
			return 0;
		to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | value : value << 4);
	}
	return length / 2;
}

static json_t *strange(void)
{
	return report_problem("internal", "install the same version of both",
			      "vtpmd says of its plans what this vtpmctl does not know");
}

static uint64_t number_of(const json_t *object, const char *member)
{
	json_int_t value = json_integer_value(json_object_get(object, member));

	return value > 0 ? (uint64_t)value : 0;
}

static bool read_state(struct seal_state *state)
{
	const json_t *values = json_object_get(state->object, "values"), *plan;
	char number[4];
	size_t i;

	state->index = (uint32_t)number_of(state->object, "counter_index");
	state->next = number_of(state->object, "counter") + 1;
	json_array_foreach (json_object_get(state->object, "plans"), i, plan) {
		if (number_of(plan, "sequence") >= state->next)
			state->next = number_of(plan, "sequence") + 1;
	}
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		snprintf(number, sizeof(number), "%u", pcr);
		if (seal_unhex(json_object_get(values, number), state->pcrs.value[pcr],
			       SEAL_HASH_SIZE) == SEAL_HASH_SIZE)
			state->pcrs.mask |= 1u << pcr;
	}
	return state->pcrs.mask && seal_unhex(json_object_get(state->object, "plan_key"),
					      state->key, sizeof(state->key)) == SEAL_POINT_SIZE;
}

json_t *seal_state_get(const struct cli *cli, struct seal_state *ret)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host/plans" };
	json_t *problem = NULL;

	*ret = (struct seal_state){ 0 };
	if (!client_ask(cli, &request, &ret->object, &problem, NULL))
		return problem;
	return read_state(ret) ? NULL : strange();
}

/* Seconds of the wall clock, as people read them. */
static void say_time(json_t *object, const char *member, const char *none)
{
	time_t when = (time_t)json_integer_value(json_object_get(object, member));
	struct tm tm;
	char text[32];

	if (!when || !gmtime_r(&when, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%MZ", &tm))
		json_object_set_new(object, member, json_string(none));
	else
		json_object_set_new(object, member, json_string(text));
}

static enum cli_exit show(const struct cli *cli, json_t *object)
{
	static const struct report_column lines[] = {
		{ "opened by:", "opened" },
		{ "counter:", "counter" },
		{ "own sequence:", "sequence" },
		{ "recovery code:", "recovery_proven" },
	};
	static const struct report_column columns[] = {
		{ "SEQUENCE", "sequence" }, { "STATE", "state" },   { "MADE", "made" },
		{ "EXPIRES", "expires" },   { "LABEL", "label" },
	};

	json_t *plan;
	size_t i;

	if (cli->json) {
		report_json(object);
		return CLI_EXIT_OK;
	}
	say_time(object, "recovery_proven", "has not opened this host yet");
	json_array_foreach (json_object_get(object, "plans"), i, plan) {
		say_time(plan, "made", "-");
		say_time(plan, "expires", "never");
	}
	report_lines(object, lines, sizeof(lines) / sizeof(lines[0]));
	report_table(json_object_get(object, "plans"), columns,
		     sizeof(columns) / sizeof(columns[0]));
	return CLI_EXIT_OK;
}

static enum cli_exit ask_and_show(const struct cli *cli, const struct client_request *request)
{
	_cleanup_(json_putp) json_t *object = NULL;
	json_t *problem = NULL;

	if (!client_ask(cli, request, &object, &problem, NULL))
		return report(cli, problem);
	return show(cli, object);
}

enum cli_exit cli_seal_list(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host/plans" };

	(void)name;
	return ask_and_show(cli, &request);
}

enum cli_exit cli_seal_retire(struct cli *cli, const char *name)
{
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/host/plans/retire",
		.body = cli->sequence ? json_pack("{s:I}", "sequence", (json_int_t)cli->sequence) :
					json_object(),
		.doing = "having the host TPM refuse what is past",
	};

	(void)name;
	return ask_and_show(cli, &request);
}

static json_t *hex_of(const struct plan *plan)
{
	uint8_t bytes[PLAN_SIZE_MAX];

	return session_hex(bytes, plan_format(plan, bytes));
}

static enum cli_exit add(const struct cli *cli, const struct plan *plan)
{
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/host/plans",
		.body = json_pack("{s:o}", "plan", hex_of(plan)),
	};

	return ask_and_show(cli, &request);
}

/* The file that a plan travels in */

static json_t *load_plan(const struct cli *cli, struct plan *ret, uint32_t *ret_index)
{
	_cleanup_(json_putp) json_t *object = NULL;
	uint8_t bytes[PLAN_SIZE_MAX];
	size_t length;

	if (!cli->plan)
		return report_problem("usage", "`vtpmctl seal plan --output FILE` writes it",
				      "the file of a plan is wanted: --plan");
	object = json_load_file(cli->plan, 0, NULL);
	length = seal_unhex(json_object_get(object, "plan"), bytes, sizeof(bytes));
	*ret_index = (uint32_t)number_of(object, "counter_index");
	if (plan_parse((struct seal_bytes){ bytes, length }, ret))
		return report_problem("usage", "`vtpmctl seal plan --output FILE` writes one",
				      "'%s' is no file of a plan", cli->plan);
	return NULL;
}

static json_t *save_plan(const char *path, const struct plan *plan, uint32_t index)
{
	_cleanup_(json_putp) json_t *object = json_pack("{s:o, s:I}", "plan", hex_of(plan),
							"counter_index", (json_int_t)index);

	if (object && !json_dump_file(object, path, JSON_INDENT(2)))
		return NULL;
	return report_problem("storage", "give another file", "'%s' cannot be written", path);
}

enum cli_exit cli_seal_sign(struct cli *cli, const char *name)
{
	uint8_t key[SEAL_SCALAR_SIZE];
	struct plan plan;
	uint32_t index;
	json_t *problem = load_plan(cli, &plan, &index);

	(void)name;
	if (!problem && !cli->sign_with)
		problem = report_problem("usage", "`vtpmctl help seal sign`",
					 "a private key is wanted: --sign-with");
	if (!problem)
		problem = key_private(cli->sign_with, key);
	if (problem)
		return report(cli, problem);
	if (plan_sign(&plan, key, index))
		problem = report_problem("internal", NULL, "OpenSSL does not sign");
	secret_wipe(key, sizeof(key));
	if (!problem)
		problem = save_plan(cli->plan, &plan, index);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

enum cli_exit cli_seal_add(struct cli *cli, const char *name)
{
	struct plan plan;
	uint32_t index;
	json_t *problem = load_plan(cli, &plan, &index);

	(void)name;
	return problem ? report(cli, problem) : add(cli, &plan);
}

/* plan */

static json_t *get_key(const struct cli *cli, uint8_t ret[SEAL_SCALAR_SIZE])
{
	_cleanup_(secrets_freep) struct secrets *secrets = secrets_new();
	struct session session;
	json_t *problem;

	if (cli->sign_with)
		return key_private(cli->sign_with, ret);
	if (!secrets)
		return report_problem("internal", NULL, "there is no memory left");
	problem = session_get(cli, &session);
	if (!problem)
		problem = cli_host_root(cli, &session, secrets);
	if (!problem && plan_key(secrets->scalar, ret))
		problem = report_problem("internal", NULL, "OpenSSL derives no key");
	return problem;
}

static json_t *sign(const struct cli *cli, const struct seal_state *state, struct plan *plan)
{
	uint8_t key[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE];
	json_t *problem = get_key(cli, key);

	if (problem)
		return problem;
	if (seal_point_of(key, point) || !secret_equal(point, state->key, sizeof(point)))
		problem = report_problem("auth", "sign with the key that was given at host init",
					 "this is not the plan key of this host");
	else if (plan_sign(plan, key, state->index))
		problem = report_problem("internal", NULL, "OpenSSL does not sign");
	secret_wipe(key, sizeof(key));
	return problem;
}

static json_t *changes_of(const struct host_pcrs *now, const struct host_pcrs *then)
{
	json_t *changes = json_array();

	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if ((now->mask >> pcr & 1) &&
		    !secret_equal(now->value[pcr], then->value[pcr], SEAL_HASH_SIZE))
			json_array_append_new(
				changes, json_pack("{s:i, s:o, s:o}", "pcr", (int)pcr, "now",
						   session_hex(now->value[pcr], SEAL_HASH_SIZE),
						   "then",
						   session_hex(then->value[pcr], SEAL_HASH_SIZE)));
	}
	return changes;
}

static enum cli_exit show_changes(const struct cli *cli, const struct seal_state *state,
				  json_t *changes)
{
	static const struct report_column columns[] = {
		{ "PCR", "pcr" }, { "NOW", "now" }, { "THEN", "then" },
	};
	_cleanup_(json_putp) json_t *outlook = NULL;
	json_t *problem = seal_outlook(cli, state, &outlook);

	if (problem)
		return report(cli, problem);
	if (cli->json) {
		json_object_set(outlook, "changes", changes);
		report_json(outlook);
		return CLI_EXIT_OK;
	}
	report_table(changes, columns, sizeof(columns) / sizeof(columns[0]));
	seal_outlook_print(outlook);
	return CLI_EXIT_OK;
}

static enum cli_exit finish(const struct cli *cli, const struct seal_state *state,
			    struct plan *plan)
{
	_cleanup_(json_putp) json_t *changes = changes_of(&state->pcrs, &plan->pcrs);
	json_t *problem = NULL;

	if (!json_array_size(changes))
		return report(cli, report_problem("conflict", "nothing is to be done",
						  "no PCR that the host root key is sealed to will "
						  "change: what is planned opens by itself"));
	if (cli->dry_run)
		return show_changes(cli, state, changes);
	if (cli->output) {
		problem = save_plan(cli->output, plan, state->index);
		return problem ? report(cli, problem) : CLI_EXIT_OK;
	}
	problem = sign(cli, state, plan);
	return problem ? report(cli, problem) : add(cli, plan);
}

enum cli_exit cli_seal_plan(struct cli *cli, const char *name)
{
	struct plan plan = { .made = (uint64_t)time(NULL) };
	struct seal_state state;
	enum cli_exit status;
	json_t *problem;

	(void)name;
	if (!cli->replace_count && !cli->dbx && !cli->cmdline && !cli->firmware)
		return report(cli, report_problem("usage", "`vtpmctl help seal plan`",
						  "what will be another one at the next boot?"));
	problem = seal_state_get(cli, &state);
	if (!problem)
		problem = seal_predict(cli, &state, &plan.pcrs);
	if (!problem) {
		plan.sequence = state.next;
		plan.expires = cli->expires ? plan.made + (uint64_t)cli->expires * DAY : 0;
		snprintf(plan.label, sizeof(plan.label), "%s", cli->label ? cli->label : "");
	}
	status = problem ? report(cli, problem) : finish(cli, &state, &plan);
	json_decref(state.object);
	return status;
}
