// SPDX-License-Identifier: BSD-3-Clause
/*
 * host bind-verifier, host unbind-verifier, and what `host attest --to` does for a host that is
 * bound.
 *
 *	bind	recovery code -> root key, boxed; the verifier makes a share; evidence -> the
 *		share, for keyd alone; both to keyd
 *	open	evidence -> the share; that to keyd
 *	unbind	recovery code -> root key, boxed; that to keyd
 *
 * vtpmctl passes the share on as it is, in two halves that it can open neither of.
 */
#include "cli/share.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/enrolment.h"
#include "cli/evidence.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/verifier.h"
#include "seal/box.h"

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

json_t *cli_share_is_missing(const struct cli *cli, bool *ret)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host" };
	json_t *host = NULL, *problem = NULL;
	const char *share;

	if (!client_ask(cli, &request, &host, &problem, NULL))
		return problem;
	share = text_of(host, "verifier_share");
	*ret = share && !strcmp(share, "missing");
	json_decref(host);
	return NULL;
}

/* Return: NULL, and @ret has the halves as vtpmd takes them; or the problem. */
static json_t *take(const struct cli *cli, const json_t *finding, const char *box, json_t **ret)
{
	const json_t *share = json_object_get(finding, "share");
	const char *refused = text_of(share, "refused"), *next = text_of(share, "next");
	json_t *body = json_object();

	if (refused) {
		json_decref(body);
		return report_problem("locked",
				      next ? next : "`vtpmctl host unlock`, with the recovery code",
				      "the verifier at %s gives no share (%.40s): %.300s", cli->to,
				      refused, text_of(share, "detail"));
	}
	if (!json_object_set_new(body, "credential", bundle_digits(share, "credential")) &&
	    !json_object_set_new(body, "secret", bundle_digits(share, "secret")) &&
	    !json_object_set_new(body, box, bundle_digits(share, "box"))) {
		*ret = body;
		return NULL;
	}
	json_decref(body);
	return verifier_strange(cli->to);
}

json_t *cli_share_open(const struct cli *cli, const json_t *finding)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/share",
		.doing = "opening the host with the verifier's share",
	};
	json_t *host = NULL, *problem = take(cli, finding, "box", &request.body);

	if (!problem)
		client_ask(cli, &request, &host, &problem, NULL);
	json_decref(host);
	return problem;
}

/* By the recovery code: the root key is for keyd alone. */
static json_t *make_box(const struct cli *cli, json_t **ret)
{
	struct secrets *secrets = secrets_new();
	struct session session;
	json_t *problem;

	if (!secrets)
		return report_problem("internal", NULL, "there is no memory left");
	problem = session_get(cli, &session);
	if (!problem && !session.record_length)
		problem = report_problem("uninitialised", "`vtpmctl host init`",
					 "the host is not initialised: there is nothing to bind");
	if (!problem)
		problem = cli_host_root(cli, &session, secrets);
	if (!problem)
		problem = session_box(&session, BOX_ROOT,
				      (struct seal_bytes){ secrets->root, sizeof(secrets->root) },
				      ret);
	secrets_free(secrets);
	return problem;
}

static json_t *have_share_made(const struct cli *cli, const json_t *enrolment)
{
	char path[128];
	struct verifier_request request = {
		.method = "POST",
		.url = cli->to,
		.path = path,
		.body = json_object(),
		.bearer = text_of(enrolment, "bearer"),
		.ca = cli->ca ? cli->ca : text_of(enrolment, "ca"),
	};
	json_t *answer = NULL, *problem;

	snprintf(path, sizeof(path), "/v1/hosts/%.64s/share", text_of(enrolment, "host"));
	problem = verifier_ask(&request, &answer);
	json_decref(answer);
	return problem;
}

/* @box: taken */
static json_t *send(const struct cli *cli, json_t *body, json_t *box, json_t **ret)
{
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/host/verifier",
		.body = body,
		.doing = "sealing the host root key anew",
	};
	json_t *problem = NULL;

	json_object_set_new(body, "box", box);
	client_ask(cli, &request, ret, &problem, NULL);
	return problem;
}

static json_t *bind_to(const struct cli *cli, const json_t *enrolment, json_t **ret)
{
	json_t *finding = NULL, *body = NULL, *box = NULL, *problem;

	problem = make_box(cli, &box);
	if (!problem)
		problem = have_share_made(cli, enrolment);
	if (!problem)
		problem = evidence_give(cli, enrolment, true, &finding);
	if (!problem)
		problem = take(cli, finding, "share_box", &body);
	json_decref(finding);
	if (problem) {
		json_decref(box);
		return problem;
	}
	json_object_set_new(body, "host", json_string(text_of(enrolment, "host")));
	return send(cli, body, box, ret);
}

static enum cli_exit end(const struct cli *cli, json_t *problem, json_t *host, const char *text)
{
	enum cli_exit status = CLI_EXIT_OK;

	if (problem)
		status = report(cli, problem);
	else if (cli->json)
		report_json(host);
	else
		puts(text);
	json_decref(host);
	return status;
}

enum cli_exit cli_host_bind_verifier(struct cli *cli, const char *name)
{
	json_t *enrolment = NULL, *host = NULL, *problem = NULL;

	(void)name;
	if (!cli->to)
		problem = report_problem("usage", "give its URL with --to",
					 "which verifier shall keep a share of the host root key?");
	if (!problem)
		problem = enrolment_load(cli, &enrolment);
	if (!problem && (!enrolment || strcmp(cli->to, text_of(enrolment, "url"))))
		problem = report_problem("conflict", "`vtpmctl host enrol URL --token-file PATH`",
					 "this host is not enrolled at %s", cli->to);
	if (!problem)
		problem = bind_to(cli, enrolment, &host);
	json_decref(enrolment);
	return end(cli, problem, host,
		   "bound: from its next start on vtpm-keyd waits for the verifier's share, which "
		   "`vtpmctl host attest --to` fetches");
}

enum cli_exit cli_host_unbind_verifier(struct cli *cli, const char *name)
{
	json_t *host = NULL, *box = NULL, *problem;

	(void)name;
	problem = make_box(cli, &box);
	if (!problem)
		problem = send(cli, json_object(), box, &host);
	return end(cli, problem, host,
		   "bound to no verifier any more: the host TPM alone opens it");
}
