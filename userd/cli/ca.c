// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about the host's CA: make its key, have it certified, look at it.
 *
 *	init	a root of its own, or with --csr a request for somebody else's CA
 *	import	what that CA answered
 *	renew	the verifier that enrolled this host certifies it: nonce -> proof by the host TPM
 *		-> chain; `host attest --to` does it where there is none
 *
 * Bytes are passed on as they are; vtpm-keyd judges a chain, a verifier a proof.
 */
#include "cli/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/enrolment.h"
#include "cli/report.h"
#include "cli/verifier.h"
#include "wire/ipc_keyd.h"

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void filep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static json_t *strange(void)
{
	return report_problem("internal", "is it vtpmd, and of this version?",
			      "vtpmd said something of the host's CA that vtpmctl does not "
			      "understand");
}

/* Digits, as vtpmd writes bytes. Return: bytes; -1: they are none, or do not fit. */
static ssize_t read_hex(const char *digits, uint8_t *ret, size_t room)
{
	size_t length = digits ? strlen(digits) : 0;

	if (!digits || length % 2 || length / 2 > room)
		return -1;
	for (size_t i = 0; i < length; i += 2) {
		char pair[3] = { digits[i], digits[i + 1], 0 }, *rest;

		ret[i / 2] = (uint8_t)strtoul(pair, &rest, 16);
		if (*rest || pair[0] == '-' || pair[0] == '+' || pair[0] == ' ')
			return -1;
	}
	return (ssize_t)(length / 2);
}

static json_t *to_hex(const uint8_t *bytes, size_t length)
{
	char *digits = malloc(2 * length + 1);
	json_t *value;

	if (!digits)
		return NULL;
	digits[0] = 0;
	for (size_t i = 0; i < length; i++)
		snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	value = json_string(digits);
	free(digits);
	return value;
}

/* show */

static void print_name(const char *what, const X509_NAME *name)
{
	char text[256] = "";
	BIO *bio = BIO_new(BIO_s_mem());
	int length;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		length = BIO_read(bio, text, sizeof(text) - 1);
		text[length > 0 ? length : 0] = 0;
	}
	BIO_free(bio);
	printf("%-16s ", what);
	report_escaped(stdout, text);
	putchar('\n');
}

static void print_certificate(X509 *certificate)
{
	char text[64] = "";
	BIO *bio = BIO_new(BIO_s_mem());
	int length;

	print_name("certificate of:", X509_get_subject_name(certificate));
	print_name("  signed by:", X509_get_issuer_name(certificate));
	if (bio && ASN1_TIME_print(bio, X509_get0_notAfter(certificate))) {
		length = BIO_read(bio, text, sizeof(text) - 1);
		text[length > 0 ? length : 0] = 0;
	}
	BIO_free(bio);
	printf("%-16s %s\n", "  good until:", text);
}

static void print_chain(const uint8_t *bytes, size_t length, bool pem)
{
	const uint8_t *at = bytes;
	X509 *certificate;

	while (at < bytes + length &&
	       (certificate = d2i_X509(NULL, &at, (long)(length - (size_t)(at - bytes))))) {
		if (pem)
			PEM_write_X509(stdout, certificate);
		else
			print_certificate(certificate);
		X509_free(certificate);
	}
}

enum cli_exit cli_ca_show(struct cli *cli, const char *name)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host/ca" };
	_cleanup_(json_putp) json_t *body = NULL;
	uint8_t chain[KEYD_CHAIN_MAX];
	json_t *problem = NULL;
	ssize_t length;

	(void)name;
	if (!client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	length = json_is_string(json_object_get(body, "chain"))
			 ? read_hex(text_of(body, "chain"), chain, sizeof(chain))
			 : 0;
	if (length < 0)
		return report(cli, strange());
	if (cli->json) {
		report_json(body);
	} else if (cli->pem) {
		print_chain(chain, (size_t)length, true);
	} else {
		printf("%-16s %s\n", "key:", text_of(body, "public") ? "in the host TPM" : "none");
		printf("%-16s %lld\n", "issued:",
		       (long long)json_integer_value(json_object_get(body, "issued")));
		if (length)
			print_chain(chain, (size_t)length, false);
		else
			printf("%-16s none: `vtpmctl host enrol` or `ca renew`; or `ca init`\n",
			       "certificate:");
	}
	return CLI_EXIT_OK;
}

/* init */

static json_t *print_request(const json_t *made)
{
	uint8_t bytes[KEYD_CHAIN_MAX];
	ssize_t length = read_hex(text_of(made, "request"), bytes, sizeof(bytes));
	const uint8_t *at = bytes;
	X509_REQ *request = length > 0 ? d2i_X509_REQ(NULL, &at, length) : NULL;
	bool good = request && PEM_write_X509_REQ(stdout, request);

	X509_REQ_free(request);
	return good ? NULL : strange();
}

enum cli_exit cli_ca_init(struct cli *cli, const char *name)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/ca/init",
		.doing = "having the host TPM make a key for the host's CA",
	};
	_cleanup_(json_putp) json_t *made = NULL;
	char host[KEYD_CA_NAME_MAX] = "";
	json_t *problem = NULL;

	(void)name;
	if (gethostname(host, sizeof(host) - 1) || !*host)
		snprintf(host, sizeof(host), "host");
	request.body = json_pack("{s:s, s:b, s:b}", "name", host, "self_signed", (int)!cli->csr,
				 "new", (int)cli->anew);
	if (!client_ask(cli, &request, &made, &problem, NULL))
		return report(cli, problem);
	if (cli->json)
		report_json(made);
	else if (cli->csr)
		problem = print_request(made);
	else
		puts("the host has a CA of its own, which nobody stands above: `vtpmctl ca show`");
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

/* import */

static json_t *post_chain(const struct cli *cli, const uint8_t *bytes, size_t length)
{
	struct client_request request = { .method = "POST", .path = "/v1/host/ca/chain" };
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem = NULL;

	request.body = json_pack("{s:o}", "chain", to_hex(bytes, length));
	client_ask(cli, &request, &body, &problem, NULL);
	return problem;
}

enum cli_exit cli_ca_import(struct cli *cli, const char *path)
{
	_cleanup_(filep) FILE *file = fopen(path, "re");
	uint8_t bytes[KEYD_CHAIN_MAX];
	size_t length = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
	json_t *problem;

	if (!file || ferror(file) || !length || fgetc(file) != EOF)
		return report(cli,
			      report_problem("usage", "give the answer of the CA, and those above",
					     "there is nothing to read in %s, or more than %d "
					     "bytes",
					     path, KEYD_CHAIN_MAX));
	problem = post_chain(cli, bytes, length);
	if (problem)
		return report(cli, problem);
	puts(cli->json ? "{}" : "the host's CA has a certificate: `vtpmctl ca show`");
	return CLI_EXIT_OK;
}

/* renew */

static struct verifier_request verifier_of(const struct cli *cli, const json_t *enrolment)
{
	return (struct verifier_request){
		.url = text_of(enrolment, "url"),
		.bearer = text_of(enrolment, "bearer"),
		.ca = cli->ca ? cli->ca : text_of(enrolment, "ca"),
	};
}

static json_t *prove(const struct cli *cli, const json_t *begun, json_t **ret)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/host/ca/prove",
		.doing = "having the host TPM certify the key of the host's CA",
	};
	static const char *const members[] = { "public", "parent", "message", "signature" };
	_cleanup_(json_putp) json_t *proof = NULL;
	const char *nonce = text_of(begun, "nonce");
	uint8_t bytes[KEYD_CA_NONCE];
	json_t *problem = NULL, *shown;

	if (!nonce || base64_read(nonce, strlen(nonce), bytes, sizeof(bytes)) != sizeof(bytes))
		return verifier_strange("that address");
	request.body = json_pack("{s:o}", "nonce", to_hex(bytes, sizeof(bytes)));
	if (!client_ask(cli, &request, &proof, &problem, NULL))
		return problem;
	shown = json_pack("{s:s}", "nonce", nonce);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = bundle_hex(proof, members[i]);

		if (!value || json_object_set_new(shown, members[i], value)) {
			json_decref(shown);
			return strange();
		}
	}
	*ret = shown;
	return NULL;
}

/* The certificate and those above it, as DER. Return: bytes; -1: they are none. */
static ssize_t join_chain(const json_t *certified, uint8_t ret[KEYD_CHAIN_MAX])
{
	const char *text = text_of(certified, "ca_cert");
	const json_t *value;
	ssize_t used = text ? base64_read(text, strlen(text), ret, KEYD_CHAIN_MAX) : -1;
	size_t i;

	json_array_foreach (json_object_get(certified, "chain"), i, value) {
		ssize_t more;

		text = json_string_value(value);
		if (used < 0 || !text)
			return -1;
		more = base64_read(text, strlen(text), ret + used,
				   KEYD_CHAIN_MAX - (size_t)used);
		used = more < 0 ? -1 : used + more;
	}
	return used;
}

json_t *ca_renew(const struct cli *cli, const json_t *enrolment)
{
	struct verifier_request request = verifier_of(cli, enrolment);
	_cleanup_(json_putp) json_t *begun = NULL;
	_cleanup_(json_putp) json_t *certified = NULL;
	uint8_t chain[KEYD_CHAIN_MAX];
	json_t *problem;
	char path[128];
	ssize_t length;

	snprintf(path, sizeof(path), "/v1/hosts/%.64s/ca", text_of(enrolment, "host"));
	request.path = path;
	request.method = "GET";
	problem = verifier_ask(&request, &begun);
	request.method = "POST";
	if (!problem)
		problem = prove(cli, begun, &request.body);
	if (!problem)
		problem = verifier_ask(&request, &certified);
	if (problem)
		return problem;
	length = join_chain(certified, chain);
	return length > 0 ? post_chain(cli, chain, (size_t)length)
			  : verifier_strange(request.url);
}

json_t *ca_keep(const struct cli *cli, const json_t *enrolment)
{
	const struct client_request request = { .method = "GET", .path = "/v1/host/ca" };
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem = NULL;

	if (!client_ask(cli, &request, &body, &problem, NULL))
		return problem;
	return text_of(body, "chain") ? NULL : ca_renew(cli, enrolment);
}

enum cli_exit cli_ca_renew(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *enrolment = NULL;
	json_t *problem = enrolment_load(cli, &enrolment);

	(void)name;
	if (!problem && !enrolment)
		problem = report_problem("conflict", "`vtpmctl host enrol URL`",
					 "this host is enrolled nowhere");
	if (!problem)
		problem = ca_renew(cli, enrolment);
	if (problem)
		return report(cli, problem);
	puts(cli->json ? "{}" : "the verifier certified the host's CA: `vtpmctl ca show`");
	return CLI_EXIT_OK;
}

/* Revocations */

static json_t *post_revoked(const struct cli *cli, const json_t *enrolment, const json_t *list)
{
	struct verifier_request request = verifier_of(cli, enrolment);
	_cleanup_(json_putp) json_t *answer = NULL;
	char path[128];

	if (!json_array_size(list))
		return NULL;
	snprintf(path, sizeof(path), "/v1/hosts/%.64s/revocations", text_of(enrolment, "host"));
	request.method = "POST";
	request.path = path;
	request.body = json_pack("{s:O}", "revoked", list);
	return verifier_ask(&request, &answer);
}

json_t *ca_tell_revoked(const struct cli *cli, const json_t *enrolment)
{
	struct client_request request = { .method = "POST", .path = "/v1/host/ca/revoked" };
	json_int_t from = 0, next = 0;
	json_t *problem = NULL;

	do {
		_cleanup_(json_putp) json_t *page = NULL;

		from = next;
		request.body = json_pack("{s:I}", "from", from);
		if (client_ask(cli, &request, &page, &problem, NULL)) {
			next = json_integer_value(json_object_get(page, "next"));
			problem = post_revoked(cli, enrolment, json_object_get(page, "revoked"));
		}
	} while (!problem && next > from);
	return problem;
}
