// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands that move a vTPM, powered off, to another host.
 *
 *	there	host move-key	a chain: that of the key it is sent under
 *	there	host attest --to URL --json	a verdict
 *	here	export	vtpmd is shown both and answers with a package; then it is gone here
 *	there	import
 *
 * vtpm-keyd judges chain, verdict and package. A package is in its file whole or not at all: it is
 * written beside it, synced, and renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/report.h"
#include "wire/ipc_keyd.h"
#include "wire/package.h"

/* An envelope is smaller than 320 KiB. */
#define FILE_MAX ((size_t)400 << 10)

static const struct report_column blocker_columns[] = {
	{ "IN THE WAY", "type" },
	{ "WHAT", "detail" },
	{ "NEXT", "next" },
};

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void filep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void freep(void *pointer)
{
	free(*(void **)pointer);
}

static json_t *strange(void)
{
	return report_problem("internal", "is it vtpmd, and of this version?",
			      "vtpmd said something of a move that vtpmctl does not understand");
}

static json_t *cannot(const char *path, const char *what, int error)
{
	return report_problem("failed", "look at that file and its folder",
			      "'%s' cannot be %s: %s", path, what, strerror(error));
}

/* Return: NULL, or the problem; @ret is freed by the caller in any case. */
static json_t *read_file(const char *path, size_t most, uint8_t **ret, size_t *ret_length)
{
	_cleanup_(filep) FILE *file = fopen(path, "re");

	*ret = malloc(most);
	if (!file || !*ret)
		return cannot(path, "read", errno);
	*ret_length = fread(*ret, 1, most, file);
	if (ferror(file))
		return cannot(path, "read", EIO);
	if (!*ret_length || fgetc(file) != EOF)
		return report_problem("usage", "give another file",
				      "'%s' is empty, or has more than %zu bytes", path, most);
	return NULL;
}

/* A name is durable when its folder is. */
static int sync_folder(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	_cleanup_(close_fdp) int fd = -1;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? errno : 0;
}

static int write_beside(const char *path, const uint8_t *bytes, size_t length)
{
	_cleanup_(close_fdp) int fd = -1;
	size_t done = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (fd >= 0 && done < length) {
		ssize_t n = write(fd, bytes + done, length - done);

		if (n < 0 && errno != EINTR)
			return errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 || fsync(fd) ? errno : 0;
}

static json_t *write_file(const char *path, const uint8_t *bytes, size_t length)
{
	char beside[4096];
	int r = ENAMETOOLONG;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) < sizeof(beside))
		r = write_beside(beside, bytes, length);
	if (!r && rename(beside, path))
		r = errno;
	if (!r)
		r = sync_folder(path);
	return r ? cannot(path, "written", r) : NULL;
}

/* host move-key */

static size_t read_hex(const char *digits, uint8_t *ret, size_t room)
{
	size_t length = digits ? strlen(digits) / 2 : 0;

	if (length > room)
		return 0;
	for (size_t i = 0; i < length; i++) {
		unsigned int byte;

		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			return 0;
		ret[i] = (uint8_t)byte;
	}
	return length;
}

static bool write_chain(BIO *to, const uint8_t *der, size_t length)
{
	const uint8_t *at = der;
	bool good = length;

	while (good && at < der + length) {
		X509 *certificate =
			d2i_X509(NULL, &at, (long)(length - (size_t)(at - der)));

		good = certificate && PEM_write_bio_X509(to, certificate);
		X509_free(certificate);
	}
	return good;
}

enum cli_exit cli_move_key(struct cli *cli, const char *name)
{
	const struct client_request request = {
		.method = "GET",
		.path = "/v1/host/move-key",
		.doing = "having the host's CA certify the key for moves",
	};
	_cleanup_(json_putp) json_t *body = NULL;
	uint8_t der[KEYD_CHAIN_MAX];
	json_t *problem = NULL;
	BIO *pem = BIO_new(BIO_s_mem());
	size_t length;
	char *text;
	long size;

	(void)name;
	if (!pem || !client_ask(cli, &request, &body, &problem, NULL)) {
		BIO_free(pem);
		return report(cli, problem);
	}
	length = read_hex(json_string_value(json_object_get(body, "chain")), der, sizeof(der));
	if (!write_chain(pem, der, length))
		problem = strange();
	size = BIO_get_mem_data(pem, &text);
	if (!problem && cli->output)
		problem = write_file(cli->output, (const uint8_t *)text, (size_t)size);
	else if (!problem && cli->json)
		report_json(body);
	else if (!problem)
		fwrite(text, 1, (size_t)size, stdout);
	BIO_free(pem);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}

/* What is in the way. Return: how to exit */
static enum cli_exit print_blockers(const struct cli *cli, json_t *body)
{
	bool ready = json_is_true(json_object_get(body, "ready"));

	json_object_del(body, "package");
	if (cli->json)
		report_json(body);
	else if (ready)
		puts("nothing is in the way");
	else
		report_table(json_object_get(body, "blockers"), blocker_columns,
			     sizeof(blocker_columns) / sizeof(blocker_columns[0]));
	return ready ? CLI_EXIT_OK : CLI_EXIT_CONFLICT;
}

/* export */

/* The answer of a verifier, or the verdict out of it. */
static json_t *read_verdict(const char *path, json_t *body)
{
	_cleanup_(json_putp) json_t *answer = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_t *inner = json_object_get(answer, "verdict");
	json_t *verdict = json_is_object(inner) ? inner : answer;
	json_t *statement = json_object_get(verdict, "statement");
	json_t *signature = json_object_get(verdict, "signature");

	if (!json_is_string(statement) || !json_is_string(signature))
		return report_problem("usage",
				      "`vtpmctl host attest --to URL --json` on the other host "
				      "writes one",
				      "'%s' is no signed verdict of a verifier", path);
	json_object_set(body, "statement", statement);
	json_object_set(body, "signature", signature);
	return NULL;
}

static json_t *read_chain(const char *path, json_t *body)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	char digits[2 * KEYD_CHAIN_MAX + 1];
	json_t *problem;
	size_t length;

	problem = read_file(path, KEYD_CHAIN_MAX, &bytes, &length);
	if (problem)
		return problem;
	for (size_t i = 0; i < length; i++)
		snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	json_object_set_new(body, "chain", json_string(digits));
	return NULL;
}

static json_t *export_body(const struct cli *cli, json_t **ret)
{
	json_t *body = json_pack("{s:b, s:b}", "again", (int)cli->again, "dry_run",
				 (int)cli->dry_run);
	json_t *problem = NULL;

	if (cli->to)
		problem = read_chain(cli->to, body);
	if (!problem && cli->verdict)
		problem = read_verdict(cli->verdict, body);
	if (problem)
		json_decref(body);
	else
		*ret = body;
	return problem;
}

static json_t *save_package(const struct cli *cli, const json_t *body)
{
	const json_t *value = json_object_get(body, "package");
	_cleanup_(freep) uint8_t *bytes = malloc(FILE_MAX);
	ssize_t n = -1;

	if (bytes && json_is_string(value))
		n = base64_read(json_string_value(value), json_string_length(value), bytes,
				FILE_MAX);
	return n > 0 ? write_file(cli->output, bytes, (size_t)n) : strange();
}

enum cli_exit cli_move_export(struct cli *cli, const char *name)
{
	_cleanup_(json_putp) json_t *body = NULL;
	char path[128], doing[128], host[128];
	struct client_request request = { .method = "POST", .path = path, .doing = doing };
	json_t *problem = NULL;

	if (!cli->output && !cli->dry_run)
		return report(cli, report_problem("usage", "give --output FILE",
						  "the package of '%s' has to go somewhere", name));
	if (!cli->again && (!cli->to || !cli->verdict))
		return report(cli, report_problem("usage", "`vtpmctl help export` says how to get "
							   "both",
						  "to which host '%s' shall go is said by --to and "
						  "--verdict",
						  name));
	problem = export_body(cli, &request.body);
	if (problem)
		return report(cli, problem);
	snprintf(path, sizeof(path), "/v1/vtpms/%s/export", name);
	snprintf(doing, sizeof(doing), "sending %s away", name);
	if (!client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	if (cli->dry_run)
		return print_blockers(cli, body);
	problem = save_package(cli, body);
	if (problem) {
		fprintf(stderr, "vtpmctl: %s left; `vtpmctl export %s --again --output FILE` writes "
				"its package\n",
			name, name);
		return report(cli, problem);
	}
	report_text(body, "host", host, sizeof(host));
	json_object_del(body, "package");
	if (cli->json)
		report_json(body);
	else
		printf("%s left for the host %s: take %s there\n", name, host, cli->output);
	return CLI_EXIT_OK;
}

/* import */

static const char *front_name(uint8_t front)
{
	static const char *const names[] = { "device", "device", "chip", "socket", "vm" };

	return front < sizeof(names) / sizeof(names[0]) ? names[front] : "device";
}

/* What it was is what it becomes, unless the command line says something else. */
static json_t *import_body(const struct cli *cli, const struct package *package)
{
	json_t *vtpm = json_pack("{s:s, s:s, s:b}", "name",
				 cli->new_name ? cli->new_name : package->name, "front_end",
				 cli->front_end ? cli->front_end : front_name(package->front),
				 "start", 0);

	if (cli->owner_set) {
		json_object_set_new(vtpm, "owner", json_integer(cli->owner));
		json_object_set_new(vtpm, "group", json_integer(cli->group));
	}
	if (cli->mode)
		json_object_set_new(vtpm, "mode", json_string(cli->mode));
	return json_pack("{s:o, s:b}", "vtpm", vtpm, "dry_run", (int)cli->dry_run);
}

static json_t *read_package(const struct cli *cli, const char *path, json_t **ret)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	_cleanup_(freep) char *text = malloc(BASE64_ROOM(FILE_MAX));
	struct package_bytes head, envelope;
	struct package package;
	json_t *problem;
	size_t length = 0;

	problem = read_file(path, FILE_MAX, &bytes, &length);
	if (!problem && (!text || !package_split(bytes, length, &head, &envelope) ||
			 !package_get_head(head.at, head.length, &package)))
		problem = report_problem("usage", "`vtpmctl export` writes one",
					 "'%s' is no package of a vTPM, or of another version",
					 path);
	if (problem)
		return problem;
	base64_write(bytes, length, text);
	*ret = import_body(cli, &package);
	json_object_set_new(*ret, "package", json_string(text));
	return NULL;
}

enum cli_exit cli_move_import(struct cli *cli, const char *path)
{
	struct client_request request = {
		.method = "POST",
		.path = "/v1/imports",
		.doing = "taking in a vTPM",
	};
	_cleanup_(json_putp) json_t *body = NULL;
	char name[128], host[128];
	json_t *problem = read_package(cli, path, &request.body);

	if (problem || !client_ask(cli, &request, &body, &problem, NULL))
		return report(cli, problem);
	if (cli->dry_run)
		return print_blockers(cli, body);
	report_text(body, "name", name, sizeof(name));
	report_text(body, "host", host, sizeof(host));
	if (!cli->json)
		printf("%s came from the host %s\n", name, host);
	if (!cli->no_start)
		return cli_vtpm_start(cli, name);
	if (cli->json) {
		json_object_del(body, "package");
		report_json(body);
	}
	return CLI_EXIT_OK;
}
