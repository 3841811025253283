// SPDX-License-Identifier: BSD-3-Clause
/*
 * host enrol: make this host known to a verifier, by a one-time token.
 *
 *	TPM 2.0	keys and token → credential; vtpm-keyd opens it → proof → certificate, bearer
 *	else	token, and what there is instead → bearer; the host stands at n/a
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/bundle.h"
#include "cli/ca.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/enrolment.h"
#include "cli/facts.h"
#include "cli/report.h"
#include "cli/verifier.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* What opens the credential is in this host's TPM, or nowhere. */
static json_t *open_credential(const struct cli *cli, const json_t *begun, json_t **ret_proof)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/activate",
		.doing = "having the host TPM open the verifier's credential",
	};
	_cleanup_(json_putp) json_t *opened = NULL;
	json_t *problem = NULL;

	request.body = json_pack("{s:o, s:o}", "credential", bundle_digits(begun, "credential"), "secret",
				 bundle_digits(begun, "secret"));
	if (!request.body || !text_of(begun, "id")) {
		json_decref(request.body);
		return verifier_strange(cli->url);
	}
	if (!client_ask(cli, &request, &opened, &problem, NULL))
		return problem;
	*ret_proof = bundle_hex(opened, "proof");
	return *ret_proof ? NULL : verifier_strange(cli->url);
}

static json_t *no_token(int error)
{
	return report_problem(error == -ENOTTY ? "usage" : "auth",
			      "its administrator gives one: --token-file PATH",
			      "a verifier enrols a host for a token, and none can be read: %s",
			      error == -ENOTTY ? "there is no terminal" : strerror(-error));
}

static json_t *read_token(const struct cli *cli, char ret[ASK_SIZE])
{
	_cleanup_(close_fdp) int fd = -1;
	int r;

	if (!!*cli->token + !!cli->token_file + (cli->token_fd >= 0) > 1)
		return report_problem("usage", "leave all of them but one out",
				      "there is one token: by --token, --token-file or --token-fd");
	if (*cli->token) {
		text_cut(ret, ASK_SIZE, cli->token);
		return NULL;
	}
	if (cli->token_fd < 0 && !cli->token_file)
		r = ask_secret("Token of the verifier's administrator: ", ret);
	else if (cli->token_fd >= 0)
		r = ask_fd(cli->token_fd, ret);
	else if (!strcmp(cli->token_file, "-"))
		r = ask_fd(STDIN_FILENO, ret);
	else
		r = (fd = open(cli->token_file, O_RDONLY | O_CLOEXEC)) < 0 ? -errno
									    : ask_fd(fd, ret);
	return r ? no_token(r) : NULL;
}

static void host_name(char *ret, size_t room)
{
	ret[0] = '\0';
	if (gethostname(ret, room - 1))
		snprintf(ret, room, "unknown");
	ret[room - 1] = '\0';
}

static json_t *begin_body(const char *token, const json_t *ek, const json_t *ak)
{
	char host[256];

	host_name(host, sizeof(host));
	return json_pack("{s:s, s:s, s:O, s:O, s:O, s:O}", "token", token, "name", host,
			 "ek_pub", json_object_get(ek, "public"), "ek_certs",
			 json_object_get(ek, "certificates"), "ek_chain",
			 json_object_get(ek, "chain"), "ak_pub", json_object_get(ak, "public"));
}

static json_t *exchange(const struct cli *cli, json_t *body, json_t **ret)
{
	struct verifier_request request = {
		.method = "POST",
		.url = cli->url,
		.path = "/v1/enrol/begin",
		.body = body,
		.ca = cli->ca,
	};
	_cleanup_(json_putp) json_t *begun = NULL;
	json_t *proof = NULL, *problem;

	problem = verifier_ask(&request, &begun);
	if (!problem)
		problem = open_credential(cli, begun, &proof);
	if (problem)
		return problem;
	request.path = "/v1/enrol/finish";
	request.body = json_pack("{s:s, s:o}", "id", text_of(begun, "id"), "proof", proof);
	return verifier_ask(&request, ret);
}

static json_t *keep(const struct cli *cli, json_t *finished)
{
	/* whoever attests later may stand in another folder */
	char *ca = cli->ca ? realpath(cli->ca, NULL) : NULL;
	json_t *problem;

	json_object_set_new(finished, "url", json_string(cli->url));
	if (ca)
		json_object_set_new(finished, "ca", json_string(ca));
	free(ca);
	if (!text_of(finished, "host") || !text_of(finished, "bearer"))
		return verifier_strange(cli->url);
	problem = enrolment_save(cli, finished);
	/* One that has no CA signs no verdicts. */
	if (!problem && text_of(finished, "ca_cert"))
		problem = enrolment_pin(cli, text_of(finished, "ca_cert"));
	return problem;
}

/* With the keys of its TPM. */
static json_t *enrol_keys(const struct cli *cli, const char *token, json_t **ret)
{
	_cleanup_(json_putp) json_t *ek = NULL;
	_cleanup_(json_putp) json_t *ak = NULL;
	json_t *problem = bundle_identity(cli, &ek, &ak);

	if (!problem)
		problem = exchange(cli, begin_body(token, ek, ak), ret);
	if (!problem && !text_of(*ret, "ak_cert"))
		problem = verifier_strange(cli->url);
	return problem;
}

/* @tpm: what it has instead of a TPM 2.0 */
static json_t *enrol_unverifiable(const struct cli *cli, const char *token, const char *tpm,
				  json_t **ret)
{
	struct verifier_request request = {
		.method = "POST",
		.url = cli->url,
		.path = "/v1/enrol/unverifiable",
		.ca = cli->ca,
	};
	char host[256];

	host_name(host, sizeof(host));
	request.body = json_pack("{s:s, s:s, s:s}", "token", token, "name", host, "tpm", tpm);
	return verifier_ask(&request, ret);
}

static json_t *enrol(const struct cli *cli, const char *token, json_t **ret)
{
	_cleanup_(json_putp) json_t *facts = NULL;
	json_t *problem = facts_get(cli, &facts);
	const char *tpm = text_of(facts, "tpm");

	if (problem)
		return problem;
	return strcmp(tpm, "2.0") ? enrol_unverifiable(cli, token, tpm, ret)
				  : enrol_keys(cli, token, ret);
}

/* The host is enrolled whether or not its CA can be certified too. */
static void certify_ca(const struct cli *cli, const json_t *finished)
{
	json_t *problem = ca_renew(cli, finished);

	if (!problem)
		return;
	fputs("vtpmctl: enrolled, but the host's CA is not certified: ", stderr);
	report_escaped(stderr, text_of(problem, "detail"));
	fputs("; see `vtpmctl ca renew`\n", stderr);
	json_decref(problem);
}

enum cli_exit cli_host_enrol(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *finished = NULL;
	struct secrets *secrets = secrets_new();
	char host[128];
	json_t *problem;

	cli->url = name;
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	problem = read_token(cli, secrets->typed);
	secret_wipe(cli->token, sizeof(cli->token));
	if (!problem)
		problem = enrol(cli, secrets->typed, &finished);
	secrets_free(secrets);
	if (!problem)
		problem = keep(cli, finished);
	if (problem)
		return report(cli, problem);
	if (text_of(finished, "ak_cert"))
		certify_ca(cli, finished);
	report_text(finished, "host", host, sizeof(host));
	if (cli->json)
		puts("{}");
	else
		printf("enrolled at %s as host %s%s\n", cli->url, host,
		       text_of(finished, "ak_cert")
			       ? ""
			       : "; it has no TPM 2.0, so nobody can verify it: n/a");
	return CLI_EXIT_OK;
}
