// SPDX-License-Identifier: BSD-3-Clause
/*
 * Evidence of this host: host attest writes a bundle, or answers a verifier's challenge;
 * host enrol makes the host known to a verifier.
 *
 *	enrol	keys and token → credential; vtpm-keyd opens it → proof → certificate, bearer
 *	attest	challenge → nonce; bundle → what the verifier found
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
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/enrolment.h"
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

static json_t *strange(const char *url)
{
	return report_problem("failed", "is it a verifier, and of this version?",
			      "the verifier at %s gave an answer that vtpmctl does not understand",
			      url);
}

/* Return: PCRs of "sha256:all", "sha256:0,7"; 0: it is something else. */
static uint32_t selection_of(const char *text)
{
	uint32_t pcrs = 0;
	char *end;

	if (!text || strncmp(text, "sha256:", 7))
		return 0;
	text += 7;
	if (!strcmp(text, "all"))
		return BUNDLE_PCRS;
	do {
		unsigned long pcr = strtoul(text, &end, 10);

		if (end == text || pcr > 23 || (*end && *end != ','))
			return 0;
		pcrs |= 1u << pcr;
		text = end + 1;
	} while (*end);
	return pcrs;
}

/* What is not understood is sent. */
static void take_known(const json_t *known, struct bundle_known *ret)
{
	const char *boot_id = text_of(known, "boot_id"), *log = text_of(known, "eventlog_sha256");
	json_int_t ima = json_integer_value(json_object_get(known, "ima_bytes"));

	*ret = (struct bundle_known){ 0 };
	if (!boot_id || !log || strlen(boot_id) >= sizeof(ret->boot_id) ||
	    base64_read(log, strlen(log), ret->eventlog, sizeof(ret->eventlog)) !=
		    sizeof(ret->eventlog))
		return;
	text_cut(ret->boot_id, sizeof(ret->boot_id), boot_id);
	ret->ima = ima > 0 ? (size_t)ima : 0;
}

static json_t *get_challenge(const struct verifier_request *verifier, const char *host,
			     struct bundle_wish *wish)
{
	_cleanup_(json_putp) json_t *challenge = NULL;
	struct verifier_request request = *verifier;
	const char *nonce;
	char path[128];
	json_t *problem;

	snprintf(path, sizeof(path), "/v1/hosts/%.64s/challenge", host);
	request.method = "GET";
	request.path = path;
	problem = verifier_ask(&request, &challenge);
	if (problem)
		return problem;
	take_known(json_object_get(challenge, "known"), &wish->known);
	nonce = text_of(challenge, "nonce");
	wish->pcrs = selection_of(text_of(challenge, "pcrs"));
	if (!nonce || !wish->pcrs ||
	    base64_read(nonce, strlen(nonce), wish->nonce, sizeof(wish->nonce)) !=
		    sizeof(wish->nonce))
		return strange(verifier->url);
	return NULL;
}

static json_t *post_bundle(const struct verifier_request *verifier, const char *host,
			   json_t *bundle, json_t **ret)
{
	struct verifier_request request = *verifier;
	json_t *problem;
	char path[128];

	snprintf(path, sizeof(path), "/v1/hosts/%.64s/evidence", host);
	request.method = "POST";
	request.path = path;
	request.body = bundle;
	problem = verifier_ask(&request, ret);
	if (!problem && !text_of(*ret, "status"))
		problem = strange(verifier->url);
	return problem;
}

static json_t *answer_once(const struct cli *cli, const struct verifier_request *verifier,
			   struct bundle_wish *wish, json_t **ret)
{
	json_t *bundle = NULL, *problem = get_challenge(verifier, wish->host, wish);

	if (!problem)
		problem = bundle_make(cli, wish, &bundle);
	return problem ? problem : post_bundle(verifier, wish->host, bundle, ret);
}

static json_t *answer_verifier(const struct cli *cli, const json_t *enrolment, json_t **ret)
{
	const char *host = text_of(enrolment, "host");
	const struct verifier_request verifier = {
		.url = cli->to,
		.bearer = text_of(enrolment, "bearer"),
		.ca = cli->ca ? cli->ca : text_of(enrolment, "ca"),
	};
	struct bundle_wish wish = { .host = host, .certificate = text_of(enrolment, "ak_cert") };
	json_t *problem;

	/* The bearer is for the verifier that gave it, and for nobody else. */
	if (!host || strcmp(cli->to, text_of(enrolment, "url")))
		return report_problem("conflict", "`vtpmctl host enrol URL --token-file PATH`",
				      "this host is not enrolled at %s", cli->to);
	problem = answer_once(cli, &verifier, &wish, ret);
	if (!report_is(problem, "logs"))
		return problem;
	/* It forgot in between what it knew, and does not promise it again. */
	json_decref(problem);
	return answer_once(cli, &verifier, &wish, ret);
}

static enum cli_exit print_finding(const struct cli *cli, const json_t *finding)
{
	char status[64], message[512];

	if (cli->json) {
		report_json(finding);
	} else {
		report_text(finding, "status", status, sizeof(status));
		report_text(finding, "message", message, sizeof(message));
		printf("%s: %s\n", status, message);
	}
	return CLI_EXIT_OK;
}

enum cli_exit cli_host_attest(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *enrolment = NULL;
	_cleanup_(json_putp) json_t *result = NULL;
	struct bundle_wish wish = { .pcrs = cli->pcrs ? cli->pcrs : BUNDLE_PCRS };
	json_t *problem;

	(void)name;
	if (cli->to && (cli->nonce || cli->pcrs || cli->output))
		return report(cli, report_problem("usage", "leave --nonce, --pcrs and --output out",
						  "with --to the verifier says what it wants"));
	problem = cli->to ? NULL : bundle_nonce(cli, wish.nonce);
	if (!problem)
		problem = enrolment_load(cli, &enrolment);
	if (!problem && cli->to) {
		problem = answer_verifier(cli, enrolment, &result);
		return problem ? report(cli, problem) : print_finding(cli, result);
	}
	if (!problem) {
		wish.host = text_of(enrolment, "host");
		wish.certificate = text_of(enrolment, "ak_cert");
		problem = bundle_make(cli, &wish, &result);
	}
	if (!problem)
		problem = bundle_write(cli, result);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

/* enrol */

/* base64url of the verifier becomes digits for vtpmd. */
static json_t *to_hex(const json_t *object, const char *member)
{
	const char *text = text_of(object, member);
	uint8_t bytes[1024];
	char digits[2 * sizeof(bytes) + 1];
	ssize_t length = text ? base64_read(text, strlen(text), bytes, sizeof(bytes)) : -1;

	for (ssize_t i = 0; i < length; i++)
		snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	return length > 0 ? json_string(digits) : NULL;
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

	request.body = json_pack("{s:o, s:o}", "credential", to_hex(begun, "credential"), "secret",
				 to_hex(begun, "secret"));
	if (!request.body || !text_of(begun, "id")) {
		json_decref(request.body);
		return strange(cli->url);
	}
	if (!client_ask(cli, &request, &opened, &problem, NULL))
		return problem;
	*ret_proof = bundle_hex(opened, "proof");
	return *ret_proof ? NULL : strange(cli->url);
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

static json_t *begin_body(const char *token, const json_t *ek, const json_t *ak)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1))
		snprintf(host, sizeof(host), "unknown");
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

	json_object_set_new(finished, "url", json_string(cli->url));
	if (ca)
		json_object_set_new(finished, "ca", json_string(ca));
	free(ca);
	if (!text_of(finished, "host") || !text_of(finished, "ak_cert") ||
	    !text_of(finished, "bearer"))
		return strange(cli->url);
	return enrolment_save(cli, finished);
}

enum cli_exit cli_host_enrol(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *finished = NULL;
	_cleanup_(json_putp) json_t *ek = NULL;
	_cleanup_(json_putp) json_t *ak = NULL;
	struct secrets *secrets = secrets_new();
	char host[128];
	json_t *problem;

	cli->url = name;
	if (!secrets)
		return report(cli, report_problem("internal", NULL, "there is no memory left"));
	problem = read_token(cli, secrets->typed);
	secret_wipe(cli->token, sizeof(cli->token));
	if (!problem)
		problem = bundle_identity(cli, &ek, &ak);
	if (!problem)
		problem = exchange(cli, begin_body(secrets->typed, ek, ak), &finished);
	secrets_free(secrets);
	if (!problem)
		problem = keep(cli, finished);
	if (problem)
		return report(cli, problem);
	report_text(finished, "host", host, sizeof(host));
	if (cli->json)
		puts("{}");
	else
		printf("enrolled at %s as host %s\n", cli->url, host);
	return CLI_EXIT_OK;
}
