// SPDX-License-Identifier: BSD-3-Clause
/*
 * Evidence of a vTPM: attest NAME. Its own quote by its own key, over the verifier's nonce as
 * it is; that it runs on this host, and which host that is, the host's evidence has to say.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/report.h"
#include "cli/tpm.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

/* Where a client gets in: a device that has a resource manager, or the socket. */
static const char *path_of(const json_t *vtpm)
{
	const char *front = json_string_value(json_object_get(vtpm, "front_end"));
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(vtpm, "devices"), i, item) {
		const char *path = json_string_value(item);

		if (path && strstr(path, "rm"))
			return path;
	}
	return front && !strcmp(front, "socket")
		       ? json_string_value(json_object_get(vtpm, "socket"))
		       : NULL;
}

static json_t *problem_of(int r, const struct reason *reason)
{
	if (r == -EACCES || r == -EPERM)
		return report_problem("forbidden", "run it as root, or as its owner", "%s",
				      reason->text);
	return report_problem(r == -ETIMEDOUT ? "timeout" : "failed",
			      "`vtpmctl show` says how it is, then try again", "%s", reason->text);
}

static json_t *put_together(const json_t *vtpm, const uint8_t *nonce, uint32_t pcrs,
			    const struct tpm_quote *quote)
{
	json_t *values = json_object(), *bundle;
	char host[256] = "", number[4];

	if (gethostname(host, sizeof(host) - 1) || !host[0])
		snprintf(host, sizeof(host), "unknown");
	for (unsigned int pcr = 0; pcr < TPM_PCRS; pcr++) {
		if (!(pcrs >> pcr & 1))
			continue;
		snprintf(number, sizeof(number), "%u", pcr);
		json_object_set_new(values, number,
				    bundle_bytes(quote->value[pcr], sizeof(quote->value[pcr])));
	}
	bundle = json_pack("{s:i, s:s, s:{s:s}, s:{s:O, s:O}, s:o, s:{s:o}, s:{s:o, s:o, s:{s:o}}}",
			   "version", 1, "kind", "vtpm", "host", "name", host, "vtpm", "name",
			   json_object_get(vtpm, "name"), "uuid", json_object_get(vtpm, "uuid"),
			   "nonce", bundle_bytes(nonce, HOST_QUOTE_NONCE), "ak", "public",
			   bundle_bytes(quote->ak.at, quote->ak.length), "quote", "message",
			   bundle_bytes(quote->message.at, quote->message.length), "signature",
			   bundle_bytes(quote->signature.at, quote->signature.length), "pcrs",
			   "sha256", values);
	if (bundle && quote->ek.length)
		json_object_set_new(
			bundle, "ek",
			json_pack("{s:o}", "public", bundle_bytes(quote->ek.at, quote->ek.length)));
	return bundle;
}

static json_t *attest(const struct cli *cli, const json_t *vtpm, const uint8_t *nonce)
{
	uint32_t pcrs = cli->pcrs ? cli->pcrs : BUNDLE_PCRS;
	_cleanup_(json_putp) json_t *bundle = NULL;
	const char *path = path_of(vtpm);
	struct tpm_quote quote = { 0 };
	struct reason reason;
	int r;

	if (!path)
		return report_problem(
			"conflict", "ask from inside, or start it",
			"this vTPM has no device and no socket that a client here can "
			"use");
	r = tpm_quote_make(path, nonce, pcrs, &quote, &reason);
	if (r)
		return problem_of(r, &reason);
	bundle = put_together(vtpm, nonce, pcrs, &quote);
	return bundle ? bundle_write(cli, bundle)
		      : report_problem("internal", NULL, "there is no memory left");
}

enum cli_exit cli_vtpm_attest(struct cli *cli, const char *name)
{
	struct client_request request = { .method = "GET" };
	_cleanup_(json_putp) json_t *vtpm = NULL;
	uint8_t nonce[HOST_QUOTE_NONCE];
	json_t *problem;
	char path[128];

	snprintf(path, sizeof(path), "/v1/vtpms/%.64s", name);
	request.path = path;
	problem = bundle_nonce(cli, nonce);
	if (!problem && client_ask(cli, &request, &vtpm, &problem, NULL))
		problem = attest(cli, vtpm, nonce);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}
