// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about one vTPM, and the list of them. Each is one request, but wait, which
 * asks again as long as its time lasts.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cdi.h"
#include "cli/client.h"
#include "cli/report.h"

/* A poll ends before libcurl gives up on it. */
#define POLL_SECONDS 60
#define POLL_SLACK   30

static const struct report_column list_columns[] = {
	{ "NAME", "name" },
	{ "STATE", "state" },
	{ "FRONT-END", "front_end" },
	{ "DEVICE/SOCKET", "at" },
	{ "PROTECTION", "protection" },
	{ "ROLLBACK", "rollback_protection" },
	{ "UUID", "uuid" },
	{ "CERTIFICATE", "certificate" },
	{ "REASON", "reason" },
};

static const struct report_column show_lines[] = {
	{ "name:", "name" },
	{ "uuid:", "uuid" },
	{ "state:", "state" },
	{ "phase:", "phase" },
	{ "reason:", "reason" },
	{ "protection:", "protection" },
	{ "rollback:", "rollback_protection" },
	{ "front end:", "front_end" },
	{ "devices:", "devices" },
	{ "socket:", "socket" },
	{ "control:", "control_socket" },
	{ "owner:", "owner" },
	{ "group:", "group" },
	{ "mode:", "mode" },
	{ "PCR banks:", "pcr_banks" },
	{ "plain state:", "plain_state" },
	{ "engine pid:", "engine_pid" },
	{ "engine deaths:", "engine_deaths" },
	{ "instance:", "instance" },
	{ "epoch:", "epoch" },
	{ "certificate:", "certificate" },
	{ "generation:", "generation" },
	{ "created:", "created" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Where its clients find it: the devices or the socket; a monitor: the control socket. */
static void where(const json_t *vtpm, char *ret, size_t room)
{
	char front[16];

	report_text(vtpm, "front_end", front, sizeof(front));
	if (!strcmp(front, "vm")) {
		report_text(vtpm, "control_socket", ret, room);
		return;
	}
	report_text(vtpm, "devices", ret, room);
	if (!strcmp(ret, "-"))
		report_text(vtpm, "socket", ret, room);
}

static void print_outcome(const struct cli *cli, const json_t *vtpm)
{
	char name[256], state[256], at[1024], protection[256];

	if (cli->json) {
		report_json(vtpm);
		return;
	}
	report_text(vtpm, "name", name, sizeof(name));
	report_text(vtpm, "state", state, sizeof(state));
	report_text(vtpm, "protection", protection, sizeof(protection));
	where(vtpm, at, sizeof(at));
	printf("%s is %s", name, state);
	if (strcmp(at, "-") != 0)
		printf(": %s", at);
	if (!json_is_true(json_object_get(vtpm, "hardware_protected")))
		printf(" (%s)", protection);
	putchar('\n');
}

static enum cli_exit ask_and_print(const struct cli *cli, const struct client_request *request,
				   void (*print)(const struct cli *cli, const json_t *body))
{
	json_t *body = NULL, *problem = NULL;

	if (!client_ask(cli, request, &body, &problem, NULL))
		return report(cli, problem);
	print(cli, body);
	json_decref(body);
	return CLI_EXIT_OK;
}

static enum cli_exit act(const struct cli *cli, const char *name, const char *verb,
			 const char *doing)
{
	char path[128], text[128];
	const struct client_request request = { .method = "POST", .path = path, .doing = text };

	snprintf(path, sizeof(path), "/v1/vtpms/%s/%s", name, verb);
	snprintf(text, sizeof(text), "%s %s", doing, name);
	return ask_and_print(cli, &request, print_outcome);
}

enum cli_exit cli_vtpm_start(struct cli *cli, const char *name)
{
	return act(cli, name, "start", "starting");
}

enum cli_exit cli_vtpm_stop(struct cli *cli, const char *name)
{
	return act(cli, name, "stop", "stopping");
}

enum cli_exit cli_vtpm_reset(struct cli *cli, const char *name)
{
	return act(cli, name, "reset", "resetting");
}

enum cli_exit cli_vtpm_launch(struct cli *cli, const char *name)
{
	char path[128], doing[128];
	struct client_request request = { .method = "POST", .path = path, .doing = doing };

	if (!cli->image || !cli->configuration)
		return report(cli, report_problem("usage",
						  "give --image and --configuration, sha256:...",
						  "`vtpmctl launch` wants two digests"));
	request.body = json_pack("{s:s, s:s, s:s}", "image", cli->image, "configuration",
				 cli->configuration, "restart",
				 cli->restart ? cli->restart : "reset");
	snprintf(path, sizeof(path), "/v1/vtpms/%s/launch", name);
	snprintf(doing, sizeof(doing), "launching %s", name);
	return ask_and_print(cli, &request, print_outcome);
}

static void print_log(const struct cli *cli, const json_t *body)
{
	(void)cli;
	report_json(body);
}

enum cli_exit cli_vtpm_log(struct cli *cli, const char *name)
{
	char path[128];
	const struct client_request request = { .method = "GET", .path = path };

	snprintf(path, sizeof(path), "/v1/vtpms/%s/log", name);
	return ask_and_print(cli, &request, print_log);
}

static json_t *create_body(const struct cli *cli, const char *name)
{
	json_t *body = json_pack("{s:s, s:b}", "name", name, "start", (int)!cli->no_start);
	json_t *banks;
	char *rest = NULL;

	if (cli->front_end)
		json_object_set_new(body, "front_end", json_string(cli->front_end));
	if (cli->owner_set) {
		json_object_set_new(body, "owner", json_integer(cli->owner));
		json_object_set_new(body, "group", json_integer(cli->group));
	}
	if (cli->mode)
		json_object_set_new(body, "mode", json_string(cli->mode));
	if (cli->plain_state)
		json_object_set_new(body, "plain_state", json_true());
	if (!cli->pcr_banks)
		return body;
	banks = json_array();
	for (char *word = strtok_r(cli->pcr_banks, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest))
		json_array_append_new(banks, json_string(word));
	json_object_set_new(body, "pcr_banks", banks);
	return body;
}

enum cli_exit cli_vtpm_create(struct cli *cli, const char *name)
{
	char doing[128];
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/vtpms",
		.body = create_body(cli, name),
		.doing = doing,
	};

	snprintf(doing, sizeof(doing), "making %s", name);
	return ask_and_print(cli, &request, print_outcome);
}

static void print_show(const struct cli *cli, const json_t *vtpm)
{
	if (cli->json)
		report_json(vtpm);
	else
		report_lines(vtpm, show_lines, COUNT(show_lines));
}

enum cli_exit cli_vtpm_show(struct cli *cli, const char *name)
{
	char path[128];
	const struct client_request request = { .method = "GET", .path = path };

	snprintf(path, sizeof(path), "/v1/vtpms/%s", name);
	return ask_and_print(cli, &request, print_show);
}

static void print_list(const struct cli *cli, const json_t *body)
{
	json_t *rows = json_object_get(body, "vtpms");
	char at[1024];
	json_t *row;
	size_t i;

	if (cli->json) {
		report_json(body);
		return;
	}
	json_array_foreach (rows, i, row) {
		where(row, at, sizeof(at));
		json_object_set_new(row, "at", json_string(at));
	}
	report_table(rows, list_columns, COUNT(list_columns));
}

enum cli_exit cli_vtpm_list(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/vtpms" };

	(void)name;
	return ask_and_print(cli, &request, print_list);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

enum cli_exit cli_vtpm_wait(struct cli *cli, const char *name)
{
	time_t end = now() + (time_t)cli->timeout;
	json_t *body = NULL, *problem = NULL;
	char path[128], doing[128];
	struct client_request request = { .method = "GET", .path = path, .doing = doing };
	unsigned int slice;

	snprintf(doing, sizeof(doing), "waiting for %s", name);
	for (;;) {
		slice = POLL_SECONDS;
		if (cli->timeout && end - now() < slice)
			slice = end > now() ? (unsigned int)(end - now()) : 1;
		snprintf(path, sizeof(path), "/v1/vtpms/%s/wait?timeout=%u", name, slice);
		request.seconds = slice + POLL_SLACK;
		if (client_ask(cli, &request, &body, &problem, NULL))
			break;
		if (!report_is(problem, "timeout") || (cli->timeout && now() >= end))
			return report(cli, problem);
		json_decref(problem);
	}
	print_outcome(cli, body);
	json_decref(body);
	return CLI_EXIT_OK;
}

static bool is_confirmed(const struct cli *cli, const char *name)
{
	char question[256];

	if (cli->yes)
		return true;
	snprintf(question, sizeof(question),
		 "All keys of vTPM %s will be lost, and whatever they protect.\n"
		 "Type its name to go on: ",
		 name);
	return ask_word(question, name);
}

enum cli_exit cli_vtpm_remove(struct cli *cli, const char *name)
{
	json_t *body = NULL, *problem = NULL;
	char path[128], doing[128];
	const struct client_request request = {
		.method = "DELETE",
		.path = path,
		.doing = doing,
	};

	if (!is_confirmed(cli, name))
		return report(cli,
			      report_problem("usage", "say --yes if that is what shall be done",
					     "vTPM '%s' stays: to remove it loses all keys that "
					     "were made in it, and whatever they protect",
					     name));
	snprintf(path, sizeof(path), "/v1/vtpms/%s", name);
	snprintf(doing, sizeof(doing), "removing %s", name);
	if (!client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	json_decref(body);
	if (cli->json)
		printf("{\"name\": \"%s\", \"removed\": true}\n", name);
	else
		printf("%s is removed\n", name);
	return CLI_EXIT_OK;
}
