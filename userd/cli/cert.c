// SPDX-License-Identifier: BSD-3-Clause
/*
 * Certificates of a vTPM's keys: cert list, show, csr, replace, renew.
 *
 * vtpmd says what there is, and keeps what is wished for until the next power cycle. Only a
 * request for a certificate is made with the vTPM itself (cli/csr.h).
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "attest/public.h"
#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/csr.h"
#include "cli/report.h"
#include "cli/tpm_client.h"

#define FILE_MAX  65536
#define KEY_USAGE "say which: --key ek-rsa2048, ek-p256, ek-p384 or iak"

static const struct report_column columns[] = {
	{ "KEY", "key" },	{ "STATUS", "status" },	    { "FROM", "source" },
	{ "EPOCH", "epoch" },	{ "UNTIL", "until" },	    { "NEXT", "next" },
	{ "HANDLE", "handle" }, { "NV-INDEX", "nv_index" }, { "REASON", "reason" },
};

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void openssl_freep(void *bytes)
{
	OPENSSL_free(*(void **)bytes);
}

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* Return: NULL; or why there is no answer */
static json_t *ask(const struct cli *cli, const char *method, const char *name, const char *verb,
		   json_t *body, json_t **ret)
{
	char path[128];
	const struct client_request request = { .method = method, .path = path, .body = body };
	json_t *problem = NULL;

	snprintf(path, sizeof(path), "/v1/vtpms/%.64s/certificates%s", name, verb);
	client_ask(cli, &request, ret, &problem, NULL);
	return problem;
}

static enum cli_exit print_list(const struct cli *cli, json_t *body, json_t *problem)
{
	if (problem)
		return report(cli, problem);
	if (cli->json)
		report_json(body);
	else
		report_table(json_object_get(body, "certificates"), columns,
			     sizeof(columns) / sizeof(columns[0]));
	json_decref(body);
	return CLI_EXIT_OK;
}

enum cli_exit cli_cert_list(struct cli *cli, const char *name)
{
	json_t *body = NULL, *problem = ask(cli, "GET", name, "", NULL, &body);

	return print_list(cli, body, problem);
}

enum cli_exit cli_cert_renew(struct cli *cli, const char *name)
{
	json_t *wish = cli->key ? json_pack("{s:s}", "key", cli->key) : json_object();
	json_t *body = NULL, *problem = ask(cli, "POST", name, "/renew", wish, &body);

	return print_list(cli, body, problem);
}

/* Return: NULL, @ret is the key's; or why there is none */
static json_t *find(const struct cli *cli, const char *name, json_t **ret)
{
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem, *paper;
	size_t i;

	if (!cli->key)
		return report_problem("usage", KEY_USAGE, "a vTPM has several keys");
	problem = ask(cli, "GET", name, "", NULL, &body);
	if (problem)
		return problem;
	json_array_foreach (json_object_get(body, "certificates"), i, paper) {
		const char *key = json_string_value(json_object_get(paper, "key"));

		if (key && !strcmp(key, cli->key)) {
			*ret = json_incref(paper);
			return NULL;
		}
	}
	return report_problem("usage", KEY_USAGE, "no vTPM has a key '%s'", cli->key);
}

static json_t *unwritten(const char *path, int error)
{
	return report_problem("failed", "look at that folder", "%s cannot be written: %s", path,
			      strerror(error));
}

/* What is printable, line by line; bytes as they are go into a file, or to who reads a pipe. */
static json_t *put_out(const struct cli *cli, const void *bytes, size_t length, bool text)
{
	FILE *to = cli->output ? fopen(cli->output, "we") : stdout;
	const unsigned char *at = bytes;

	if (!to)
		return unwritten(cli->output, errno);
	for (size_t i = 0; i < length; i++)
		putc(!text || at[i] == '\n' || isprint(at[i]) ? at[i] : '?', to);
	if (to != stdout && fclose(to))
		return unwritten(cli->output, errno);
	return NULL;
}

static json_t *put_bio(const struct cli *cli, BIO *bio, bool text)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);

	return put_out(cli, bytes, (size_t)length, text);
}

static json_t *strange(void)
{
	return report_problem("internal", "is it vtpmd, and of this version?",
			      "vtpmd gave a key or a certificate that vtpmctl does not understand");
}

static unsigned char *bytes_of(const json_t *paper, const char *member, long *ret_length)
{
	const char *digits = json_string_value(json_object_get(paper, member));

	return digits ? OPENSSL_hexstr2buf(digits, ret_length) : NULL;
}

static EVP_PKEY *key_of(const json_t *paper)
{
	long length;
	_cleanup_(openssl_freep) unsigned char *bytes = bytes_of(paper, "public", &length);
	struct public public;

	return bytes && public_parse(&public, bytes, (size_t)length) ? public_key(&public) : NULL;
}

static json_t *put_key(const struct cli *cli, const json_t *paper)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_(key_freep) EVP_PKEY *key = key_of(paper);

	if (json_is_null(json_object_get(paper, "public")))
		return report_problem("conflict", "power cycle it: `vtpmctl reset`",
				      "this key is not known yet");
	if (!bio || !key || !PEM_write_bio_PUBKEY(bio, key))
		return strange();
	return put_bio(cli, bio, true);
}

static json_t *put_certificate(const struct cli *cli, const json_t *paper, const char *encoding)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_(x509_freep) X509 *certificate = NULL;
	long length;
	_cleanup_(openssl_freep) unsigned char *der = bytes_of(paper, "certificate", &length);
	const unsigned char *at = der;
	char status[64];

	if (!der) {
		report_text(paper, "reason", status, sizeof(status));
		return report_problem("conflict", "`vtpmctl cert list` says more",
				      "this key has no certificate: %s", status);
	}
	certificate = d2i_X509(NULL, &at, length);
	if (!bio || !certificate)
		return strange();
	if (!strcmp(encoding, "der"))
		return put_out(cli, der, (size_t)length, false);
	if (!strcmp(encoding, "pem") ? !PEM_write_bio_X509(bio, certificate)
				     : !X509_print(bio, certificate))
		return strange();
	return put_bio(cli, bio, true);
}

enum cli_exit cli_cert_show(struct cli *cli, const char *name)
{
	const char *encoding = cli->encoding ? cli->encoding : "text";
	_cleanup_(json_putp) json_t *paper = NULL;
	json_t *problem = find(cli, name, &paper);

	if (!problem && cli->json)
		report_json(paper);
	else if (!problem && !strcmp(encoding, "public"))
		problem = put_key(cli, paper);
	else if (!problem)
		problem = put_certificate(cli, paper, encoding);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

/* One certificate, PEM or DER, and nothing behind it but blanks. */
static X509 *certificate_in(const uint8_t *bytes, size_t length)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(bytes, (int)length);
	X509 *certificate, *second;

	if (length && bytes[0] == 0x30) {
		const unsigned char *at = bytes;

		certificate = d2i_X509(NULL, &at, (long)length);
		if (certificate && at == bytes + length)
			return certificate;
		X509_free(certificate);
		return NULL;
	}
	certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	second = certificate ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	X509_free(second);
	if (!second)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static json_t *read_certificate(const char *path, json_t **ret)
{
	static uint8_t bytes[FILE_MAX];
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	_cleanup_(x509_freep) X509 *certificate = NULL;
	unsigned char *der = NULL;
	char digits[2 * 4096 + 1];
	size_t used;
	int size;

	if (length < 0)
		return report_problem("failed", "look at that file", "%s cannot be read: %s", path,
				      strerror(errno));
	certificate = certificate_in(bytes, (size_t)length);
	size = certificate ? i2d_X509(certificate, &der) : -1;
	if (size < 0 || !OPENSSL_buf2hexstr_ex(digits, sizeof(digits), &used, der, size, '\0')) {
		OPENSSL_free(der);
		return report_problem("invalid", "give a file with one certificate, PEM or DER",
				      "%s holds no certificate, several, or too large a one", path);
	}
	OPENSSL_free(der);
	*ret = json_string(digits);
	return NULL;
}

enum cli_exit cli_cert_replace(struct cli *cli, const char *name)
{
	json_t *problem = NULL, *digits = NULL, *body = NULL;

	if (!cli->key || !cli->certificate)
		problem = report_problem("usage", "give --key and --certificate",
					 "`vtpmctl cert replace` wants a key, and a file with "
					 "its certificate");
	if (!problem)
		problem = read_certificate(cli->certificate, &digits);
	if (!problem)
		problem = ask(cli, "POST", name, "/replace",
			      json_pack("{s:s, s:o}", "key", cli->key, "certificate", digits),
			      &body);
	return print_list(cli, body, problem);
}

static json_t *make_csr(const struct cli *cli, const char *name, const json_t *paper)
{
	struct client_request request = { .method = "GET" };
	_cleanup_(json_putp) json_t *vtpm = NULL;
	_cleanup_(openssl_freep) char *pem = NULL;
	struct csr_wish wish = { .key = cli->key };
	long length = 0;
	_cleanup_(openssl_freep) unsigned char *public = bytes_of(paper, "public", &length);
	struct reason reason;
	json_t *problem;
	char path[128];
	int r;

	snprintf(path, sizeof(path), "/v1/vtpms/%.64s", name);
	request.path = path;
	if (!client_ask(cli, &request, &vtpm, &problem, NULL))
		return problem;
	wish.path = tpm_client_path(vtpm);
	wish.uuid = json_string_value(json_object_get(vtpm, "uuid"));
	wish.public = public;
	wish.public_length = (size_t)length;
	if (!wish.path || !wish.uuid)
		return report_problem("conflict", "ask from inside, or start it",
				      "this vTPM has no device and no socket that a client here "
				      "can use");
	r = csr_make(&wish, &pem, &reason);
	if (r)
		return report_problem(r == -EACCES || r == -EPERM ? "forbidden"
				      : r == -ETIMEDOUT		  ? "timeout"
								  : "failed",
				      "`vtpmctl show` says how it is, then try again", "%s",
				      reason.text);
	if (!cli->json)
		return put_out(cli, pem, strlen(pem), true);
	report_json(json_pack("{s:s, s:s}", "key", cli->key, "csr", pem));
	return NULL;
}

enum cli_exit cli_cert_csr(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *paper = NULL;
	json_t *problem = find(cli, name, &paper);

	if (!problem)
		problem = make_csr(cli, name, paper);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}
