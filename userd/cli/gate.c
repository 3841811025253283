// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl gate: whether this host's verifier trusts it, and what its vTPMs may do.
 *
 * A verdict is brought by `host attest --to` in each round, or from a file; vtpmd checks it, and
 * nothing here does.
 */
#include "cli/gate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/report.h"

#define POLL_SECONDS 20
#define POLL_SLACK   10

static void print_gate(const struct cli *cli, const json_t *gate)
{
	static const struct report_column lines[] = {
		{ "gate:", "state" },
		{ "because:", "reason" },
		{ "changes in:", "changes_in" },
		{ "trusted for:", "trusted_for" },
	};
	static const struct report_column verdict[] = {
		{ "verdict:", "status" },
		{ "  by:", "verified_by" },
		{ "  from:", "verified_at" },
		{ "  until:", "valid_until" },
	};
	static const struct report_column broken[] = {
		{ "glass broken:", "time" },
		{ "  until:", "until" },
		{ "  by user:", "uid" },
		{ "  because:", "reason" },
	};
	static const struct report_column columns[] = {
		{ "NAME", "name" },   { "POLICY", "policy" },	{ "GRACE", "grace" },
		{ "OWN", "own" },     { "STATE", "state" },	{ "CHANGES IN", "changes_in" },
		{ "FROZEN", "frozen" }, { "HELD", "held" },
	};
	const json_t *glass = json_object_get(gate, "glass");
	const json_t *last = json_object_get(glass, "last");
	const json_t *rule = json_object_get(gate, "default");

	if (cli->json) {
		report_json(gate);
		return;
	}
	report_lines(gate, lines, sizeof(lines) / sizeof(lines[0]));
	if (json_is_object(json_object_get(gate, "verdict")))
		report_lines(json_object_get(gate, "verdict"), verdict,
			     sizeof(verdict) / sizeof(verdict[0]));
	if (!json_is_true(json_object_get(gate, "verifier_known")))
		puts("this host knows no verifier: see `vtpmctl help host enrol`");
	if (json_is_object(last))
		report_lines(last, broken, sizeof(broken) / sizeof(broken[0]));
	if (!json_is_true(json_object_get(glass, "records_whole")))
		puts("WARNING: the record gate.log is not as it was left");
	printf("default: %s, grace %lld s\n", json_string_value(json_object_get(rule, "policy")),
	       (long long)json_integer_value(json_object_get(rule, "grace")));
	report_table(json_object_get(gate, "vtpms"), columns,
		     sizeof(columns) / sizeof(columns[0]));
}

static enum cli_exit ask_and_print(const struct cli *cli, const struct client_request *request)
{
	json_t *gate = NULL, *problem = NULL;

	if (!client_ask(cli, request, &gate, &problem, NULL))
		return report(cli, problem);
	print_gate(cli, gate);
	json_decref(gate);
	return CLI_EXIT_OK;
}

enum cli_exit cli_gate_show(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/gate" };

	(void)name;
	return ask_and_print(cli, &request);
}

static enum cli_exit put_rule(const struct cli *cli, const char *path)
{
	const struct client_request request = {
		.method = "PUT",
		.path = path,
		.body = cli->policy ? json_pack("{s:s, s:I}", "policy", cli->policy, "grace",
						(json_int_t)cli->grace)
				    : NULL,
	};

	if (!cli->policy)
		return report(cli, report_problem("usage",
						  "--policy log, no-new-start, freeze-keys or stop",
						  "what shall a closed gate do?"));
	return ask_and_print(cli, &request);
}

enum cli_exit cli_gate_set(struct cli *cli, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/vtpms/%s/gate", name);
	return put_rule(cli, path);
}

enum cli_exit cli_gate_default(struct cli *cli, const char *name)
{
	(void)name;
	return put_rule(cli, "/v1/gate/default");
}

enum cli_exit cli_gate_break_glass(struct cli *cli, const char *name)
{
	struct client_request request = { .method = "POST", .path = "/v1/gate/break-glass" };

	(void)name;
	if (!cli->reason)
		return report(cli, report_problem("usage", "--reason TEXT; it is kept",
						  "why shall the gate be open all the same?"));
	request.body = json_pack("{s:s, s:I}", "reason", cli->reason, "seconds",
				 (json_int_t)cli->lasts);
	if (!request.body)
		return report(cli, report_problem("usage", "say it in UTF-8",
						  "the reason is no text"));
	return ask_and_print(cli, &request);
}

/* Verdicts */

static bool is_verdict(const json_t *verdict)
{
	return json_is_string(json_object_get(verdict, "statement")) &&
	       json_is_string(json_object_get(verdict, "signature"));
}

static struct client_request bring(const json_t *verdict)
{
	return (struct client_request){
		.method = "PUT",
		.path = "/v1/gate/verdict",
		.body = json_pack("{s:O, s:O}", "statement", json_object_get(verdict, "statement"),
				  "signature", json_object_get(verdict, "signature")),
	};
}

json_t *gate_bring(const struct cli *cli, const json_t *answer)
{
	const json_t *verdict = json_object_get(answer, "verdict");
	json_t *gate = NULL, *problem = NULL;
	struct client_request request;

	if (!is_verdict(verdict))
		return NULL;
	request = bring(verdict);
	client_ask(cli, &request, &gate, &problem, NULL);
	json_decref(gate);
	return problem;
}

/* The verifier's whole answer, or the verdict of it. */
enum cli_exit cli_gate_verdict(struct cli *cli, const char *path)
{
	json_t *root = !strcmp(path, "-") ? json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL)
					  : json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	const json_t *inner = json_object_get(root, "verdict");
	const json_t *verdict = json_is_object(inner) ? inner : root;
	struct client_request request;
	enum cli_exit status;

	if (is_verdict(verdict)) {
		request = bring(verdict);
		status = ask_and_print(cli, &request);
	} else {
		status = report(cli, report_problem("usage", "give the verifier's answer to evidence",
						    "'%s' has no signed verdict", path));
	}
	json_decref(root);
	return status;
}

/* Waiting */

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* A vtpmd that is restarted, or that has too many who wait, has not said no. */
static bool waits_on(const json_t *problem, bool *told)
{
	if (report_is(problem, "timeout"))
		return true;
	if (!report_is(problem, "unreachable") && !report_is(problem, "busy"))
		return false;
	if (!*told)
		fprintf(stderr, "vtpmd does not answer: waiting for it\n");
	*told = true;
	sleep(1);
	return true;
}

enum cli_exit cli_gate_wait(struct cli *cli, const char *name)
{
	time_t end = now() + (time_t)cli->timeout;
	json_t *gate = NULL, *problem = NULL;
	char path[64];
	struct client_request request = { .method = "GET", .path = path,
					  .doing = "waiting for the gate" };
	unsigned int slice;
	bool told = false;

	(void)name;
	for (;;) {
		slice = POLL_SECONDS;
		if (cli->timeout && end - now() < slice)
			slice = end > now() ? (unsigned int)(end - now()) : 1;
		snprintf(path, sizeof(path), "/v1/gate/wait?timeout=%u", slice);
		request.seconds = slice + POLL_SLACK;
		if (client_ask(cli, &request, &gate, &problem, NULL))
			break;
		if ((cli->timeout && now() >= end) || !waits_on(problem, &told))
			return report(cli, problem);
		json_decref(problem);
	}
	print_gate(cli, gate);
	json_decref(gate);
	return CLI_EXIT_OK;
}
