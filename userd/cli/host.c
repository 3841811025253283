// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about the host: show it, unlock it, change its rollback protection (host_init.c
 * initialises it).
 *
 * For the last two the host root key is taken out of the recovery record here, by the code that a
 * person types, and boxed to keyd; vtpmd passes the box on and cannot open it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/key.h"
#include "cli/report.h"
#include "cli/session.h"

#define TRIES 3

static const struct report_column host_lines[] = {
	{ "state:", "state" },
	{ "reason:", "reason" },
	{ "protection:", "protection" },
	{ "host TPM:", "host_tpm" },
	{ "reached by:", "tcti" },
	{ "PCR policy:", "pcr_policy" },
	{ "rollback:", "rollback_protection" },
	{ "window:", "rollback_window" },
	{ "counter:", "rollback_counter" },
	{ "store:", "store" },
	{ "migration key:", "migration_key" },
	{ "verifier:", "verifier_share" },
	{ "storage key:", "storage_key_name" },
	{ "separation:", "separation" },
	{ "vtpm-keyd:", "keyd" },
	{ "vtpm-spawn:", "spawn" },
	{ "vtpm.ko:", "driver" },
	{ "vTPMs:", "vtpms" },
	{ "running:", "running" },
	{ "spares:", "spares" },
};

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void secrets_freep(struct secrets **secrets)
{
	secrets_free(*secrets);
}

/* show */

enum cli_exit cli_host_show(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host" };
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem = NULL, *warning;
	size_t i;

	(void)name;
	if (!client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	if (cli->json) {
		report_json(body);
		return CLI_EXIT_OK;
	}
	report_lines(body, host_lines, sizeof(host_lines) / sizeof(host_lines[0]));
	json_array_foreach (json_object_get(body, "warnings"), i, warning) {
		printf("%-16s ", "warning:");
		report_escaped(stdout,
			       json_string_value(warning) ? json_string_value(warning) : "-");
		putchar('\n');
	}
	return CLI_EXIT_OK;
}

void cli_host_print(const struct cli *cli, const json_t *host)
{
	char state[256], protection[256];

	if (cli->json) {
		report_json(host);
		return;
	}
	report_text(host, "state", state, sizeof(state));
	report_text(host, "protection", protection, sizeof(protection));
	printf("the host is %s; protection: %s\n", state, protection);
}

/* unlock */

/* Return: NULL: the code's private half is in @secrets. @ret_again: asking again may help. */
static json_t *get_code(const struct cli *cli, struct secrets *secrets, const char *prompt,
			bool *ret_again)
{
	int fd = cli->recovery_code_fd;
	unsigned int group;
	int r = fd >= 0 ? ask_fd(fd, secrets->typed) : ask_secret(prompt, secrets->typed);

	*ret_again = false;
	if (r == -ENOTTY)
		return report_problem(
			"auth", "run it on a terminal, or use --recovery-code-fd",
			"the recovery code is wanted, and there is no terminal to ask "
			"for it");
	if (r)
		return report_problem("auth", "give the code that `vtpmctl host init` made",
				      "no recovery code can be read: %s", strerror(-r));
	*ret_again = fd < 0;
	r = recovery_code_parse(secrets->typed, secrets->scalar, &group);
	secret_wipe(secrets->typed, sizeof(secrets->typed));
	if (!r)
		return NULL;
	if (group)
		return report_problem("auth", "compare it with what was written down",
				      "group %u of the recovery code is mistyped", group);
	if (r == -EINVAL)
		return report_problem("auth", "compare it with what was written down",
				      "a recovery code has 55 letters and digits, in 11 groups "
				      "of 5");
	return report_problem("auth", "compare it with what was written down",
			      "the recovery code is mistyped somewhere");
}

/* Return: NULL: the host root key is in @secrets. */
static json_t *open_record(const struct cli *cli, const struct session *session,
			   struct secrets *secrets, const char *prompt, bool *ret_again)
{
	json_t *problem = get_code(cli, secrets, prompt, ret_again);
	int r;

	if (problem)
		return problem;
	r = recovery_open((struct seal_bytes){ session->record, session->record_length },
			  secrets->scalar, secrets->root);
	if (!r)
		return NULL;
	return report_problem("auth", "take the code that this host's `vtpmctl host init` made",
			      "this recovery code does not open this host");
}

json_t *cli_host_root(const struct cli *cli, const struct session *session,
		      struct secrets *secrets)
{
	const char *prompt = "Recovery code: ";
	json_t *problem;
	bool again;

	for (unsigned int tries = 1;; tries++) {
		problem = open_record(cli, session, secrets, prompt, &again);
		if (!problem || !again || tries == TRIES)
			return problem;
		/* With --json only the last problem is printed: one object. */
		if (cli->json)
			json_decref(problem);
		else
			report(cli, problem);
		prompt = "Recovery code, again: ";
	}
}

enum cli_exit cli_host_upgrade(struct cli *cli, const char *name)
{
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/host/upgrade",
		.doing = "letting the vtpm-spawn that is installed take over",
	};
	_cleanup_(json_putp) json_t *host = NULL;
	json_t *problem = NULL;

	(void)name;
	if (!client_ask(cli, &request, &host, &problem, NULL))
		return report(cli, problem);
	if (cli->json)
		report_json(host);
	else
		puts("the vtpm-spawn that is installed has taken over; all vTPMs that ran answer");
	return CLI_EXIT_OK;
}

/* The root key in a box; it stays in @secrets for the next one. */
static json_t *box_root(const struct session *session, struct secrets *secrets, json_t **ret)
{
	return session_box(session, BOX_ROOT,
			   (struct seal_bytes){ secrets->root, sizeof(secrets->root) }, ret);
}

static json_t *has_record(const struct session *session)
{
	return session->record_length
		       ? NULL
		       : report_problem("uninitialised", "`vtpmctl host init`",
					"the host is not initialised: there is nothing to unlock");
}

/* Who may approve other boots: as it was; where nobody could, who has the code; or who is named. */
static json_t *add_plan_key(const struct cli *cli, const struct secrets *secrets, json_t *body)
{
	uint8_t point[SEAL_POINT_SIZE];
	json_t *problem;

	if (cli->plan_key && !strcmp(cli->plan_key, "none"))
		return NULL;
	problem = cli->plan_key ? key_public(cli->plan_key, point) :
				  key_of_code(secrets->scalar, point);
	if (!problem) {
		json_object_set_new(body, "plan_public", session_hex(point, sizeof(point)));
		json_object_set_new(body, "new_plan_key", json_boolean(cli->plan_key));
	}
	return problem;
}

static json_t *make_unlock(const struct cli *cli, const struct session *session,
			   struct secrets *secrets, json_t **ret_body)
{
	json_t *problem = has_record(session), *box = NULL;

	if (!problem && cli->plan_key && !cli->bind)
		problem = report_problem("usage", "add --bind, or leave --plan-key out",
					 "a plan key is for what the host is bound to");
	if (!problem)
		problem = cli_host_root(cli, session, secrets);
	if (!problem)
		problem = box_root(session, secrets, &box);
	if (problem)
		return problem;
	*ret_body = json_pack("{s:o, s:b}", "box", box, "bind", (int)cli->bind);
	return cli->bind ? add_plan_key(cli, secrets, *ret_body) : NULL;
}

/* A password that keyd wants has to be there at once: it says so only after the code. */
static json_t *box_password(const struct cli *cli, const struct session *session,
			    struct secrets *secrets, json_t **ret)
{
	json_t *problem;
	int r;

	if (cli->owner_password_fd < 0)
		return NULL;
	r = ask_fd(cli->owner_password_fd, secrets->typed);
	if (r)
		return report_problem("usage", "see what is written to it",
				      "no owner password can be read from descriptor %d: %s",
				      cli->owner_password_fd, strerror(-r));
	problem = session_box(session, BOX_OWNER,
			      (struct seal_bytes){ secrets->typed, strlen(secrets->typed) }, ret);
	secret_wipe(secrets->typed, sizeof(secrets->typed));
	return problem;
}

static json_t *accept_store(const struct cli *cli, const struct session *session,
			    struct secrets *secrets, json_t *password, json_t **host)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/accept",
		.doing = "taking the store as it is",
	};
	json_t *box = NULL, *problem = box_root(session, secrets, &box);

	if (problem)
		return problem;
	request.body = json_pack("{s:o, s:b, s:b}", "box", box, "rollback",
				 (int)cli->accept_rollback, "move", (int)cli->accept_move);
	if (password)
		json_object_set(request.body, "owner_password_box", password);
	json_decref(*host);
	*host = NULL;
	client_ask(cli, &request, host, &problem, NULL);
	return problem;
}

enum cli_exit cli_host_unlock(struct cli *cli, const char *name)
{
	_cleanup_(secrets_freep) struct secrets *secrets = secrets_new();
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/unlock",
		.doing = "unlocking the host",
	};
	_cleanup_(json_putp) json_t *host = NULL;
	_cleanup_(json_putp) json_t *password = NULL;
	struct session session;
	json_t *problem;

	(void)name;
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	problem = session_get(cli, &session);
	if (!problem)
		problem = make_unlock(cli, &session, secrets, &request.body);
	if (!problem)
		problem = box_password(cli, &session, secrets, &password);
	if (!problem && password && cli->bind)
		json_object_set(request.body, "owner_password_box", password);
	if (problem)
		json_decref(request.body);
	else
		client_ask(cli, &request, &host, &problem, NULL);
	if (!problem && (cli->accept_rollback || cli->accept_move))
		problem = accept_store(cli, &session, secrets, password, &host);
	secret_wipe(secrets->root, sizeof(secrets->root));
	if (problem)
		return report(cli, problem);
	cli_host_print(cli, host);
	return CLI_EXIT_OK;
}

/* rollback */

static json_t *make_rollback(const struct cli *cli, struct session *session,
			     struct secrets *secrets, json_t **ret_body)
{
	json_t *problem = NULL, *box = NULL;

	if (!cli->rollback)
		return report_problem("usage", "`vtpmctl host show` has the one that is",
				      "how the store shall be protected is wanted: --rollback "
				      "strict or lazy");
	problem = session_get(cli, session);
	if (!problem)
		problem = has_record(session);
	if (!problem)
		problem = cli_host_root(cli, session, secrets);
	if (!problem)
		problem = box_root(session, secrets, &box);
	if (problem)
		return problem;
	*ret_body = json_pack("{s:o, s:s}", "box", box, "rollback_protection", cli->rollback);
	if (cli->window)
		json_object_set_new(*ret_body, "rollback_window", json_integer(cli->window));
	return NULL;
}

enum cli_exit cli_host_rollback(struct cli *cli, const char *name)
{
	_cleanup_(secrets_freep) struct secrets *secrets = secrets_new();
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/rollback",
		.doing = "changing the rollback protection",
	};
	_cleanup_(json_putp) json_t *host = NULL;
	struct session session;
	char mode[64];
	json_t *problem;

	(void)name;
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	problem = make_rollback(cli, &session, secrets, &request.body);
	secret_wipe(secrets->root, sizeof(secrets->root));
	if (!problem)
		client_ask(cli, &request, &host, &problem, NULL);
	if (problem)
		return report(cli, problem);
	report_text(host, "rollback_protection", mode, sizeof(mode));
	if (cli->json)
		report_json(host);
	else
		printf("rollback protection is %s now\n", mode);
	return CLI_EXIT_OK;
}
