// SPDX-License-Identifier: BSD-3-Clause
/*
 * Ask, read and put together; see the header.
 */
#include "cli/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/client.h"
#include "cli/packages.h"
#include "cli/report.h"
#include "seal/crypto.h"
#include "wire/ipc_keyd.h"

#define EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define IMA_LOG	  "/sys/kernel/security/ima/binary_runtime_measurements"
#define BOOT_ID	  "/proc/sys/kernel/random/boot_id"

#define CHAIN_FIRST 0x01c00100
#define PIECE	    65536

/* A log of the host, whole; nothing where there is none. */
struct log {
	uint8_t *bytes;
	size_t length;
};

static void log_done(struct log *log)
{
	free(log->bytes);
}

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static json_t *no_memory(void)
{
	return report_problem("internal", NULL, "there is no memory left");
}

static json_t *strange(void)
{
	return report_problem("internal", "is it vtpmd, and of this version?",
			      "vtpmd gave evidence that vtpmctl does not understand");
}

json_t *bundle_bytes(const uint8_t *bytes, size_t length)
{
	char *text = malloc(BASE64_ROOM(length));
	json_t *value = NULL;

	if (text) {
		base64_write(bytes, length, text);
		value = json_string(text);
	}
	free(text);
	return value;
}

/* Return: bytes; -1: it is something else. */
ssize_t bundle_unhex(const char *text, uint8_t *to, size_t room)
{
	size_t length = text ? strlen(text) : 1;
	unsigned int byte;

	if (length % 2 || length / 2 > room || strspn(text, "0123456789abcdef") != length)
		return -1;
	for (size_t i = 0; i < length / 2; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -1;
		to[i] = (uint8_t)byte;
	}
	return (ssize_t)(length / 2);
}

static json_t *from_hex(const json_t *value)
{
	uint8_t bytes[KEYD_CHAIN_MAX];
	ssize_t length = bundle_unhex(json_string_value(value), bytes, sizeof(bytes));

	return length < 0 ? NULL : bundle_bytes(bytes, (size_t)length);
}

json_t *bundle_hex(const json_t *object, const char *member)
{
	return from_hex(json_object_get(object, member));
}

json_t *bundle_digits(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	uint8_t bytes[1024];
	char digits[2 * sizeof(bytes) + 1];
	ssize_t length = text ? base64_read(text, strlen(text), bytes, sizeof(bytes)) : -1;

	for (ssize_t i = 0; i < length; i++)
		snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	return length > 0 ? json_string(digits) : NULL;
}

/* The chain of several indices is one: DER certificates one after the other. */
static json_t *chain_of(const json_t *certificates)
{
	size_t room = 4096 * json_array_size(certificates) + 1, used = 0;
	uint8_t *bytes = malloc(room);
	const json_t *item;
	json_t *value;
	ssize_t length;
	size_t i;

	json_array_foreach (certificates, i, item) {
		if (!bytes || json_integer_value(json_object_get(item, "index")) < CHAIN_FIRST)
			continue;
		length = bundle_unhex(json_string_value(json_object_get(item, "bytes")),
				      bytes + used, room - used);
		used += length > 0 ? (size_t)length : 0;
	}
	value = bytes ? bundle_bytes(bytes, used) : NULL;
	free(bytes);
	return value;
}

static json_t *leaves_of(const json_t *certificates)
{
	json_t *array = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach (certificates, i, item) {
		if (json_integer_value(json_object_get(item, "index")) < CHAIN_FIRST)
			json_array_append_new(array, bundle_hex(item, "bytes"));
	}
	return array;
}

json_t *bundle_identity(const struct cli *cli, json_t **ret_ek, json_t **ret_ak)
{
	const struct client_request request = {
		.method = "GET",
		.path = "/v1/host/identity",
		.doing = "asking the host TPM for its keys",
	};
	_cleanup_(json_putp) json_t *body = NULL;
	const json_t *certificates;
	json_t *problem = NULL;

	if (!client_ask(cli, &request, &body, &problem, NULL))
		return problem;
	certificates = json_object_get(body, "certificates");
	*ret_ek = json_pack("{s:o, s:o, s:o}", "public", bundle_hex(body, "ek"), "certificates",
			    leaves_of(certificates), "chain", chain_of(certificates));
	*ret_ak = json_pack("{s:o}", "public", bundle_hex(body, "ak"));
	if (*ret_ek && *ret_ak)
		return NULL;
	json_decref(*ret_ek);
	json_decref(*ret_ak);
	return strange();
}

static json_t *quote_request(const struct bundle_wish *wish)
{
	char nonce[2 * HOST_QUOTE_NONCE + 1];
	json_t *pcrs = json_array(), *request;

	for (size_t i = 0; i < sizeof(wish->nonce); i++)
		snprintf(nonce + 2 * i, 3, "%02x", wish->nonce[i]);
	for (int pcr = 0; pcr < 32; pcr++) {
		if (wish->pcrs >> pcr & 1)
			json_array_append_new(pcrs, json_integer(pcr));
	}
	request = json_pack("{s:s, s:o}", "nonce", nonce, "pcrs", pcrs);
	if (request && wish->share)
		json_object_set_new(request, "share", json_true());
	return request;
}

json_t *bundle_quote(const json_t *body)
{
	json_t *values = json_object(), *quote, *value;
	const char *pcr;

	json_object_foreach (json_object_get(body, "values"), pcr, value)
		json_object_set_new(values, pcr, from_hex(value));
	quote = json_pack("{s:o, s:o, s:{s:o}}", "message", bundle_hex(body, "message"),
			  "signature", bundle_hex(body, "signature"), "pcrs", "sha256", values);
	/* that of a vTPM has none */
	if (quote && json_object_get(body, "frame") &&
	    json_object_set_new(quote, "frame", bundle_hex(body, "frame"))) {
		json_decref(quote);
		return NULL;
	}
	return quote;
}

static json_t *get_quote(const struct cli *cli, const struct bundle_wish *wish, json_t **ret)
{
	const struct client_request request = {
		.method = "POST",
		.path = "/v1/host/quote",
		.body = wish->quote ? NULL : quote_request(wish),
		.doing = "quoting the host's PCRs",
	};
	_cleanup_(json_putp) json_t *body = NULL;
	json_t *problem = NULL;

	if (!wish->quote && !client_ask(cli, &request, &body, &problem, NULL))
		return problem;
	*ret = bundle_quote(wish->quote ? wish->quote : body);
	return *ret ? NULL : strange();
}

/* Files of securityfs have no size: they are read to their end. */
static int read_all(int fd, struct log *ret)
{
	for (;;) {
		uint8_t *bytes = realloc(ret->bytes, ret->length + PIECE);
		ssize_t n;

		if (!bytes)
			return -ENOMEM;
		ret->bytes = bytes;
		n = read(fd, bytes + ret->length, PIECE);
		if (n <= 0)
			return n ? -errno : 0;
		ret->length += (size_t)n;
		if (ret->length > BUNDLE_LOG_MAX)
			return -EFBIG;
	}
}

/* Only a log that nobody named may be missing. */
static json_t *get_log(const char *named, const char *usual, const char *what, struct log *ret)
{
	const char *path = named ? named : usual;
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_all(fd, ret);

	if (!r)
		return NULL;
	if (r == -ENOENT && !named) {
		fprintf(stderr, "vtpmctl: there is no %s at %s; the bundle has none\n", what, path);
		return NULL;
	}
	return report_problem(r == -EACCES ? "forbidden" : "failed",
			      r == -EACCES ? "run it as root" : "look at that file",
			      "%s cannot be read at %s: %s", what, path,
			      r == -EFBIG ? "it is too large for a bundle" : strerror(-r));
}

static json_t *host_of(const struct bundle_wish *wish)
{
	char name[256] = "", boot[64] = "";
	_cleanup_(close_fdp) int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot, sizeof(boot) - 1);
	json_t *host;

	boot[n > 0 ? strcspn(boot, "\n") : 0] = '\0';
	if (gethostname(name, sizeof(name) - 1) || !name[0])
		snprintf(name, sizeof(name), "unknown");
	host = json_pack("{s:s}", "name", name);
	if (wish->host)
		json_object_set_new(host, "id", json_string(wish->host));
	if (boot[0])
		json_object_set_new(host, "boot_id", json_string(boot));
	return host;
}

/* Does the verifier know logs of this boot? */
static bool is_known_boot(const struct bundle_wish *wish, const json_t *bundle)
{
	const char *boot_id =
		json_string_value(json_object_get(json_object_get(bundle, "host"), "boot_id"));

	return boot_id && *boot_id && !strcmp(boot_id, wish->known.boot_id);
}

static void add_events(json_t *bundle, const struct log *events, const struct bundle_known *known)
{
	uint8_t digest[SEAL_HASH_SIZE];

	if (known && !seal_hash((struct seal_bytes){ events->bytes, events->length }, digest) &&
	    secret_equal(digest, known->eventlog, sizeof(digest)))
		json_object_set_new(bundle, "eventlog_sha256",
				    bundle_bytes(digest, sizeof(digest)));
	else if (events->length)
		json_object_set_new(bundle, "eventlog",
				    bundle_bytes(events->bytes, events->length));
}

/* Packages are told with the first entries, and not again with those that follow. */
static void add_ima(json_t *bundle, const struct log *ima, const struct bundle_known *known)
{
	size_t after = known && known->ima <= ima->length ? known->ima : 0;

	if (!ima->length)
		return;
	json_object_set_new(bundle, "ima", bundle_bytes(ima->bytes + after, ima->length - after));
	if (after)
		json_object_set_new(bundle, "ima_after", json_integer((json_int_t)after));
	else
		json_object_set_new(bundle, "packages", packages_of(ima->bytes, ima->length));
}

static json_t *add_logs(const struct cli *cli, const struct bundle_wish *wish, json_t *bundle)
{
	const struct bundle_known *known = is_known_boot(wish, bundle) ? &wish->known : NULL;
	_cleanup_(log_done) struct log events = { 0 };
	_cleanup_(log_done) struct log ima = { 0 };
	json_t *problem;

	problem = get_log(cli->event_log, EVENT_LOG, "event log", &events);
	if (!problem)
		problem = get_log(cli->ima_log, IMA_LOG, "log of IMA", &ima);
	if (problem)
		return problem;
	add_events(bundle, &events, known);
	add_ima(bundle, &ima, known);
	return NULL;
}

json_t *bundle_make(const struct cli *cli, const struct bundle_wish *wish, json_t **ret)
{
	_cleanup_(json_putp) json_t *bundle = NULL;
	json_t *quote = NULL, *ek = NULL, *ak = NULL, *problem;

	problem = get_quote(cli, wish, &quote);
	if (problem)
		return problem;
	bundle = json_pack("{s:i, s:s, s:o, s:o, s:o}", "version", 1, "kind", "host", "host",
			   host_of(wish), "nonce", bundle_bytes(wish->nonce, sizeof(wish->nonce)),
			   "quote", quote);
	if (!bundle)
		return no_memory();
	problem = add_logs(cli, wish, bundle);
	if (!problem)
		problem = bundle_identity(cli, &ek, &ak);
	if (problem)
		return problem;
	if (wish->certificate)
		json_object_set_new(ak, "certificate", json_string(wish->certificate));
	json_object_set_new(bundle, "ek", ek);
	json_object_set_new(bundle, "ak", ak);
	*ret = json_incref(bundle);
	return NULL;
}

/* A file that was there is replaced only by a whole one. */
json_t *bundle_write(const struct cli *cli, const json_t *bundle)
{
	char path[4096];
	int r = 0;

	if (!cli->output) {
		report_json(bundle);
		return NULL;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s.new", cli->output) >= sizeof(path))
		r = -ENAMETOOLONG;
	else if (json_dump_file(bundle, path, JSON_COMPACT) || rename(path, cli->output))
		r = errno ? -errno : -EIO;
	return r ? report_problem("failed", "look at that folder", "%s cannot be written: %s",
				  cli->output, strerror(-r))
		 : NULL;
}

/* The nonce comes from whoever asks for evidence: 32 bytes, as digits. */
json_t *bundle_nonce(const struct cli *cli, uint8_t ret[HOST_QUOTE_NONCE])
{
	const char *text = cli->nonce;
	unsigned int byte;

	if (!text || strlen(text) != 2 * HOST_QUOTE_NONCE ||
	    strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return report_problem("usage", "give --nonce, of 64 hexadecimal digits",
				      "evidence answers the nonce of a verifier");
	for (size_t i = 0; i < HOST_QUOTE_NONCE; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) == 1)
			ret[i] = (uint8_t)byte;
	}
	return NULL;
}
