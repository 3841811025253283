// SPDX-License-Identifier: BSD-3-Clause
/*
 * Evidence of a vTPM: attest NAME. Its engine has it quote by its own key, over the verifier's
 * nonce as it is, while its client goes on. With --deep the host's quote says that it is here,
 * and the host's evidence is in the same bundle.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/enrolment.h"
#include "cli/report.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static json_t *strange(void)
{
	return report_problem("internal", "is it vtpmd, and of this version?",
			      "vtpmd gave evidence that vtpmctl does not understand");
}

static json_t *request_of(const struct cli *cli)
{
	json_t *body = json_pack("{s:s, s:b}", "nonce", cli->nonce, "deep", cli->deep);
	json_t *pcrs = json_array();

	for (int pcr = 0; pcr < 24; pcr++) {
		if (cli->pcrs >> pcr & 1)
			json_array_append_new(pcrs, json_integer(pcr));
	}
	if (cli->digest)
		json_object_set_new(body, "digest", json_string(cli->digest));
	else if (cli->pcrs)
		json_object_set(body, "pcrs", pcrs);
	json_decref(pcrs);
	return body;
}

/* The host's own bundle, about the quote that the vTPM is in. Logs are read after it. */
static json_t *make_host(const struct cli *cli, const uint8_t *nonce, const json_t *quote,
			 json_t **ret)
{
	_cleanup_(json_putp) json_t *enrolment = NULL;
	struct bundle_wish wish = { .quote = quote };
	json_t *problem = enrolment_load(cli, &enrolment);

	if (problem)
		return problem;
	for (size_t i = 0; i < sizeof(wish.nonce); i++)
		wish.nonce[i] = nonce[i];
	wish.host = json_string_value(json_object_get(enrolment, "host"));
	wish.certificate = json_string_value(json_object_get(enrolment, "ak_cert"));
	return bundle_make(cli, &wish, ret);
}

static json_t *make_deep(const struct cli *cli, const uint8_t *nonce, const json_t *deep,
			 json_t **ret)
{
	json_t *host, *problem;

	problem = make_host(cli, nonce, json_object_get(deep, "host"), &host);
	if (problem)
		return problem;
	*ret = bundle_deep(deep, host);
	return *ret ? NULL : strange();
}

static json_t *write_evidence(const struct cli *cli, const char *name, const uint8_t *nonce,
			      const json_t *body)
{
	_cleanup_(json_putp) json_t *bundle =
		cli->digest ? json_object() : bundle_vtpm(nonce, body);
	json_t *deep = NULL, *problem = NULL;

	if (!bundle)
		return strange();
	if (!cli->digest)
		bundle_certificates(cli, name, bundle);
	if (cli->app_key)
		problem = bundle_application(cli, bundle);
	if (problem)
		return problem;
	if (cli->deep)
		problem = make_deep(cli, nonce, json_object_get(body, "deep"), &deep);
	if (problem)
		return problem;
	if (deep)
		json_object_set_new(bundle, "deep", deep);
	return bundle_write(cli, bundle);
}

static json_t *check(const struct cli *cli)
{
	if (cli->digest && !cli->deep)
		return report_problem("usage", "give --deep too, or no --digest",
				      "a digest is what a deep quote is about");
	if (cli->digest && cli->pcrs)
		return report_problem("usage", "leave one of them out",
				      "--digest is of a quote that was made, --pcrs for a new one");
	return NULL;
}

enum cli_exit cli_vtpm_attest(struct cli *cli, const char *name)
{
	struct client_request request = {
		.method = "POST",
		.doing = cli->deep ? "waiting for a quote of the host" : NULL,
	};
	_cleanup_(json_putp) json_t *body = NULL;
	uint8_t nonce[HOST_QUOTE_NONCE];
	json_t *problem;
	char path[128];

	snprintf(path, sizeof(path), "/v1/vtpms/%.64s/attest", name);
	request.path = path;
	problem = bundle_nonce(cli, nonce);
	if (!problem)
		problem = check(cli);
	if (!problem) {
		request.body = request_of(cli);
		if (client_ask(cli, &request, &body, &problem, NULL))
			problem = write_evidence(cli, name, nonce, body);
	}
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}
