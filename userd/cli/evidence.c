// SPDX-License-Identifier: BSD-3-Clause
/*
 * Evidence of this host: host attest writes a bundle, or answers a verifier's challenge.
 *
 *	facts of this host; challenge → nonce; bundle → what the verifier found, and the share of
 *	the host root key, where vtpm-keyd waits for it
 *
 * A host without a TPM 2.0 was enrolled without keys, and has facts to send alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/bundle.h"
#include "cli/ca.h"
#include "cli/cli.h"
#include "cli/enrolment.h"
#include "cli/evidence.h"
#include "cli/facts.h"
#include "cli/gate.h"
#include "cli/report.h"
#include "cli/share.h"
#include "cli/verifier.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
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
		return verifier_strange(verifier->url);
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
		problem = verifier_strange(verifier->url);
	return problem;
}

/* What this host says of itself; nobody has to believe it. */
static json_t *put_facts(const struct cli *cli, const struct verifier_request *verifier,
			 const char *host)
{
	struct verifier_request request = *verifier;
	json_t *answer = NULL, *problem;
	char path[128];

	snprintf(path, sizeof(path), "/v1/hosts/%.64s/facts", host);
	request.method = "PUT";
	request.path = path;
	problem = facts_get(cli, &request.body);
	if (!problem)
		problem = verifier_ask(&request, &answer);
	json_decref(answer);
	return problem;
}

/* Where a host that cannot be verified stands is known without evidence. */
static json_t *get_standing(const struct verifier_request *verifier, const char *host, json_t **ret)
{
	struct verifier_request request = *verifier;
	char path[128];

	snprintf(path, sizeof(path), "/v1/hosts/%.64s", host);
	request.method = "GET";
	request.path = path;
	return verifier_ask(&request, ret);
}

static json_t *answer_once(const struct cli *cli, const struct verifier_request *verifier,
			   struct bundle_wish *wish, json_t **ret)
{
	json_t *bundle = NULL, *problem = get_challenge(verifier, wish->host, wish);

	if (!problem)
		problem = bundle_make(cli, wish, &bundle);
	return problem ? problem : post_bundle(verifier, wish->host, bundle, ret);
}

json_t *evidence_give(const struct cli *cli, const json_t *enrolment, bool share, json_t **ret)
{
	const char *host = text_of(enrolment, "host");
	const struct verifier_request verifier = {
		.url = cli->to,
		.bearer = text_of(enrolment, "bearer"),
		.ca = cli->ca ? cli->ca : text_of(enrolment, "ca"),
	};
	struct bundle_wish wish = { .host = host, .certificate = text_of(enrolment, "ak_cert"),
				    .share = share };
	json_t *problem;

	/* The bearer is for the verifier that gave it, and for nobody else. */
	if (!host || strcmp(cli->to, text_of(enrolment, "url")))
		return report_problem("conflict", "`vtpmctl host enrol URL --token-file PATH`",
				      "this host is not enrolled at %s", cli->to);
	problem = put_facts(cli, &verifier, host);
	if (problem)
		return problem;
	if (!wish.certificate)
		return get_standing(&verifier, host, ret);
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

/* Evidence was given, whatever becomes of this. The next round does it again. */
static void note(const char *what, json_t *problem)
{
	if (!problem)
		return;
	fprintf(stderr, "vtpmctl: %s: ", what);
	report_escaped(stderr, text_of(problem, "detail"));
	fputc('\n', stderr);
	json_decref(problem);
}

static void keep_ca(const struct cli *cli, const json_t *enrolment)
{
	note("the host's CA has no certificate", ca_keep(cli, enrolment));
	note("the verifier does not know which certificates are revoked",
	     ca_tell_revoked(cli, enrolment));
}

/* What was found is worth reading where there is no share; with --json there is one object. */
static json_t *open_host(const struct cli *cli, const json_t *finding)
{
	json_t *problem = cli_share_open(cli, finding);

	if (problem && !cli->json)
		print_finding(cli, finding);
	return problem;
}

enum cli_exit cli_host_attest(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *enrolment = NULL;
	_cleanup_(json_putp) json_t *result = NULL;
	struct bundle_wish wish = { .pcrs = cli->pcrs ? cli->pcrs : BUNDLE_PCRS };
	bool missing = false;
	json_t *problem;

	(void)name;
	if (cli->to && (cli->nonce || cli->pcrs || cli->output))
		return report(cli, report_problem("usage", "leave --nonce, --pcrs and --output out",
						  "with --to the verifier says what it wants"));
	if (cli->to && strncmp(cli->to, "https://", strlen("https://")) != 0)
		return report(cli, report_problem("usage", "it begins with https://",
						  "'%s' is no URL of a verifier", cli->to));
	problem = cli->to ? NULL : bundle_nonce(cli, wish.nonce);
	if (!problem)
		problem = enrolment_load(cli, &enrolment);
	if (!problem && cli->to) {
		problem = cli_share_is_missing(cli, &missing);
		if (!problem)
			problem = evidence_give(cli, enrolment, missing, &result);
		if (!problem)
			note("the verdict does not count at this host's gate",
			     gate_bring(cli, result));
		if (!problem && missing)
			problem = open_host(cli, result);
		if (!problem && text_of(enrolment, "ak_cert"))
			keep_ca(cli, enrolment);
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
