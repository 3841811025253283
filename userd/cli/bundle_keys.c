// SPDX-License-Identifier: BSD-3-Clause
/*
 * A vTPM's own part of a bundle, and what it says of keys besides the one that quotes:
 * certificates of its attestation and endorsement keys, the host's CA that signed them and
 * those above it, and a key that the guest had certified, out of its files.
 *
 * A certificate that is not there is left out. What follows from that a verifier says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/report.h"

#define FILE_MAX 4096

static void json_putp(json_t **object)
{
	json_decref(*object);
}

/* Return: NULL where vtpmd has none, or does not tell. */
static json_t *ask(const struct cli *cli, const char *path)
{
	const struct client_request request = { .method = "GET", .path = path };
	json_t *body = NULL, *problem = NULL;

	if (client_ask(cli, &request, &body, &problem, NULL))
		return body;
	json_decref(problem);
	return NULL;
}

/* Return: base64url; NULL: this key has no certificate. */
static json_t *certificate_of(const json_t *papers, const char *key)
{
	const json_t *paper;
	size_t i;

	json_array_foreach (papers, i, paper) {
		const char *name = json_string_value(json_object_get(paper, "key"));

		if (name && !strcmp(name, key))
			return bundle_hex(paper, "certificate");
	}
	return NULL;
}

json_t *bundle_vtpm(const uint8_t *nonce, const json_t *body)
{
	char host[256] = "";
	json_t *bundle;

	if (gethostname(host, sizeof(host) - 1) || !host[0])
		snprintf(host, sizeof(host), "unknown");
	bundle = json_pack("{s:i, s:s, s:{s:s}, s:{s:O, s:O}, s:o, s:{s:o}, s:o}", "version", 1,
			   "kind", "vtpm", "host", "name", host, "vtpm", "name",
			   json_object_get(body, "name"), "uuid", json_object_get(body, "uuid"),
			   "nonce", bundle_bytes(nonce, HOST_QUOTE_NONCE), "ak", "public",
			   bundle_hex(body, "ak"), "quote", bundle_quote(body));
	if (bundle && json_string_length(json_object_get(body, "ek")))
		json_object_set_new(bundle, "ek",
				    json_pack("{s:o}", "public", bundle_hex(body, "ek")));
	return bundle;
}

json_t *bundle_deep(const json_t *deep, json_t *host)
{
	return json_pack("{s:o, s:O, s:O, s:o, s:o}", "leaf", bundle_hex(deep, "leaf"), "index",
			 json_object_get(deep, "index"), "count", json_object_get(deep, "count"),
			 "proof", bundle_hex(deep, "proof"), "host", host);
}

void bundle_papers(json_t *bundle, json_t *iak, json_t *ek, json_t *chain)
{
	json_t *keys = json_object_get(bundle, "ek");

	if (iak)
		json_object_set_new(json_object_get(bundle, "ak"), "certificate", iak);
	if (ek && keys)
		json_object_set_new(keys, "certificates", json_pack("[O]", ek));
	if (chain && keys)
		json_object_set(keys, "chain", chain);
	json_decref(ek);
	json_decref(chain);
}

void bundle_certificates(const struct cli *cli, const char *name, json_t *bundle)
{
	_cleanup_(json_putp) json_t *papers = NULL, *authority = NULL;
	const json_t *list;
	char path[128];

	snprintf(path, sizeof(path), "/v1/vtpms/%.64s/certificates", name);
	papers = ask(cli, path);
	authority = ask(cli, "/v1/host/ca");
	list = json_object_get(papers, "certificates");
	bundle_papers(bundle, certificate_of(list, "iak"), certificate_of(list, "ek-p256"),
		      bundle_hex(authority, "chain"));
}

static json_t *read_file(const char *prefix, const char *suffix, json_t **ret)
{
	uint8_t bytes[FILE_MAX + 1];
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	_cleanup_(close_fdp) int fd = (size_t)length < sizeof(path)
					      ? open(path, O_RDONLY | O_CLOEXEC)
					      : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (n < 0)
		return report_problem("failed",
				      "give --app-key PREFIX, of the files PREFIX.pub, PREFIX.msg "
				      "and PREFIX.sig",
				      "%s cannot be read: %s", path, strerror(errno));
	if (!n || n > FILE_MAX)
		return report_problem("invalid", "give what tpm2_certify wrote",
				      "%s is empty, or larger than what a TPM says of a key", path);
	*ret = bundle_bytes(bytes, (size_t)n);
	return NULL;
}

json_t *bundle_application(const struct cli *cli, json_t *bundle)
{
	static const char *const parts[][2] = { { "public", ".pub" },
						{ "message", ".msg" },
						{ "signature", ".sig" } };
	_cleanup_(json_putp) json_t *key = json_object();
	json_t *problem = NULL, *value = NULL;

	for (size_t i = 0; !problem && i < sizeof(parts) / sizeof(parts[0]); i++) {
		problem = read_file(cli->app_key, parts[i][1], &value);
		if (!problem)
			json_object_set_new(key, parts[i][0], value);
	}
	if (!problem)
		json_object_set(bundle, "application_key", key);
	return problem;
}
