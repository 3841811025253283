// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl host init: the host root key, and its recovery code.
 *
 * The code is made here, so that no daemon ever has it; vtpmd is told its public half.
 * In order: where can the code go; is the host uninitialised; make the code; store it
 * (file, descriptor); ask vtpmd, with an owner password where keyd wants one; show the
 * code (terminal), or take it back. Signals wait from the storing to the end, so that no
 * host is left with a code that nobody has, and no code without a host.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/key.h"
#include "cli/place.h"
#include "cli/report.h"
#include "cli/session.h"

#define TRIES 3

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void secrets_freep(struct secrets **secrets)
{
	secrets_free(*secrets);
}

/**
 * struct init - a host init under way
 * @cli: command line
 * @secrets: code and password
 * @place: where the code goes
 * @body: of the request
 * @tries: passwords asked for on the terminal
 * @unknown: nobody can say whether vtpmd did it
 */
struct init {
	const struct cli *cli;
	struct secrets *secrets;
	struct place place;
	json_t *body;
	unsigned int tries;
	bool unknown;
};

static json_t *check_uninitialised(const struct cli *cli)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host" };
	_cleanup_(json_putp) json_t *host = NULL;
	json_t *problem = NULL;
	const char *state;

	if (!client_ask(cli, &request, &host, &problem, NULL))
		return problem;
	state = json_string_value(json_object_get(host, "state"));
	if (state && !strcmp(state, "uninitialised"))
		return NULL;
	return report_problem("exists", "`vtpmctl host show` says how it stands",
			      "the host is initialised already; nothing was done");
}

/* The plan key: that of the code, or one that is kept elsewhere. */
static json_t *get_plan_key(const struct init *init, uint8_t ret[SEAL_POINT_SIZE],
			    bool *ret_planned)
{
	struct secrets *secrets = init->secrets;
	json_t *problem = NULL;
	unsigned int group;

	*ret_planned = !init->cli->plan_key || strcmp(init->cli->plan_key, "none");
	if (init->cli->plan_key)
		return *ret_planned ? key_public(init->cli->plan_key, ret) : NULL;
	*ret_planned = !init->cli->no_hardware;
	if (recovery_code_parse(secrets->code, secrets->scalar, &group))
		problem = report_problem("internal", NULL, "the recovery code is none");
	else
		problem = key_of_code(secrets->scalar, ret);
	secret_wipe(secrets->scalar, sizeof(secrets->scalar));
	return problem;
}

static json_t *make_body(struct init *init)
{
	uint8_t point[SEAL_POINT_SIZE], plan_point[SEAL_POINT_SIZE];
	json_t *pcrs, *problem;
	bool planned;

	if (recovery_code_new(point, init->secrets->code))
		return report_problem("internal", NULL, "OpenSSL makes no recovery code");
	problem = get_plan_key(init, plan_point, &planned);
	if (problem)
		return problem;
	init->body = json_pack("{s:o, s:b}", "recovery_public", session_hex(point, sizeof(point)),
			       "no_hardware", (int)init->cli->no_hardware);
	if (planned)
		json_object_set_new(init->body, "plan_public",
				    session_hex(plan_point, sizeof(plan_point)));
	if (init->cli->rollback)
		json_object_set_new(init->body, "rollback_protection",
				    json_string(init->cli->rollback));
	if (init->cli->window)
		json_object_set_new(init->body, "rollback_window", json_integer(init->cli->window));
	if (!init->cli->pcrs)
		return NULL;
	pcrs = json_array();
	for (int pcr = 0; pcr < 24; pcr++)
		if (init->cli->pcrs & (uint32_t)1 << pcr)
			json_array_append_new(pcrs, json_integer(pcr));
	json_object_set_new(init->body, "pcrs", pcrs);
	return NULL;
}

/* Take what was typed into the request. */
static json_t *add_password(struct init *init)
{
	char *typed = init->secrets->typed;
	struct session session;
	json_t *problem = session_get(init->cli, &session), *box = NULL;

	if (!problem)
		problem = session_box(&session, BOX_OWNER,
				      (struct seal_bytes){ typed, strlen(typed) }, &box);
	secret_wipe(typed, ASK_SIZE);
	if (problem)
		return problem;
	json_object_set_new(init->body, "owner_password_box", box);
	return NULL;
}

static json_t *password_from_fd(struct init *init)
{
	int r;

	if (init->cli->owner_password_fd < 0)
		return NULL;
	r = ask_fd(init->cli->owner_password_fd, init->secrets->typed);
	if (!r)
		return add_password(init);
	return report_problem("usage", "see what is written to it",
			      "no owner password can be read from descriptor %d: %s",
			      init->cli->owner_password_fd, strerror(-r));
}

/* keyd wants one, or another one: is there somebody to ask? */
static bool password_from_terminal(struct init *init, json_t **ret_problem)
{
	if (init->cli->owner_password_fd >= 0 || init->tries == TRIES)
		return false;
	if (ask_secret(init->tries++ ? "Wrong. Owner password of the host TPM: "
				     : "Owner password of the host TPM: ",
		       init->secrets->typed))
		return false;
	*ret_problem = add_password(init);
	return true;
}

/* From here on a signal must not come between the host's having a code and its being shown. */
static bool ask_init(struct init *init, json_t **ret_host, json_t **ret_problem)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/init",
		.body = json_incref(init->body),
		.doing = "making the host root key",
	};
	bool good = client_ask(init->cli, &request, ret_host, ret_problem, &init->unknown);
	json_t *other = NULL;

	if (good || init->unknown || !report_is(*ret_problem, "auth") ||
	    !password_from_terminal(init, &other))
		return good;
	json_decref(*ret_problem);
	*ret_problem = other;
	return !other && ask_init(init, ret_host, ret_problem);
}

static void hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static enum cli_exit run_init(struct init *init)
{
	_cleanup_(json_putp) json_t *host = NULL;
	json_t *problem = make_body(init);
	bool good, shown;

	if (!problem)
		problem = password_from_fd(init);
	if (!problem)
		problem = place_store(&init->place, init->secrets->code);
	if (problem)
		return report(init->cli, problem);
	good = ask_init(init, &host, &problem);
	shown = place_settle(&init->place, init->secrets->code, good, init->unknown);
	if (!good)
		return report(init->cli, problem);
	if (!shown)
		return report(init->cli,
			      report_problem("internal",
					     "make the host anew while there is nothing on it",
					     "the host is initialised, but its recovery code could "
					     "not be shown"));
	cli_host_print(init->cli, host);
	return CLI_EXIT_OK;
}

enum cli_exit cli_host_init(struct cli *cli, const char *name)
{
	_cleanup_(secrets_freep) struct secrets *secrets = NULL;
	struct init init = { .cli = cli };
	json_t *problem = place_choose(cli, &init.place);
	enum cli_exit status;

	(void)name;
	if (!problem)
		problem = check_uninitialised(cli);
	if (problem)
		return report(cli, problem);
	secrets = secrets_new();
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	init.secrets = secrets;
	hold_signals(true);
	status = run_init(&init);
	hold_signals(false);
	json_decref(init.body);
	return status;
}
