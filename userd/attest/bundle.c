// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reading a bundle: jansson holds each object against its shape, here written as jansson has it
 * (? need not be there, ! nothing else is), and bytes are decoded afterwards.
 */
#include "attest/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "attest/ima.h"
#include "attest/lift.h"
#include "base/base64.h"

/* Members that are bytes; certificates of the endorsement key are a list of their own. */
static const char *const names[BUNDLE_CERTIFICATE] = {
	[BUNDLE_NONCE] = "nonce",
	[BUNDLE_AK] = "ak.public",
	[BUNDLE_MESSAGE] = "quote.message",
	[BUNDLE_SIGNATURE] = "quote.signature",
	[BUNDLE_FRAME] = "quote.frame",
	[BUNDLE_AK_CERTIFICATE] = "ak.certificate",
	[BUNDLE_EK] = "ek.public",
	[BUNDLE_EK_CHAIN] = "ek.chain",
	[BUNDLE_EVENTLOG] = "eventlog",
	[BUNDLE_IMA] = "ima",
	[BUNDLE_EVENTLOG_DIGEST] = "eventlog_sha256",
	[BUNDLE_CERTIFIER] = "ak.certified.by",
	[BUNDLE_CERTIFIED] = "ak.certified.message",
	[BUNDLE_CERTIFIED_SIGNATURE] = "ak.certified.signature",
	[BUNDLE_APP] = "application_key.public",
	[BUNDLE_APP_CERTIFIED] = "application_key.message",
	[BUNDLE_APP_SIGNATURE] = "application_key.signature",
	[BUNDLE_LEAF] = "deep.leaf",
	[BUNDLE_PROOF] = "deep.proof",
};

/**
 * struct reading - a bundle that is being read
 * @lift: long texts of it
 * @bundle: so far
 * @values: members that become bytes; NULL for none
 * @certificates: list of them; NULL for none
 * @pcrs: by bank
 * @verdict: hears what is wrong
 */
struct reading {
	struct lift lift;
	struct bundle *bundle;
	json_t *values[BUNDLE_CERTIFICATE];
	json_t *certificates;
	json_t *pcrs;
	struct attest_verdict *verdict;
};

static int refuse(const struct reading *reading, const char *name, const char *text)
{
	char harmless[160];

	attest_text_ascii(harmless, sizeof(harmless), (const uint8_t *)text, strlen(text));
	return attest_verdict_malformed(reading->verdict, "bundle.invalid", 0, 0,
					"the bundle's %s: %s", name, harmless);
}

/* An empty text is as no bytes at all: a TPM without a chain has one of no certificates. */
static int take_bytes(const struct reading *reading, const json_t *value, const char *name,
		      size_t part)
{
	struct bundle *bundle = reading->bundle;
	struct hash_part text;
	ssize_t length;

	if (value && !json_is_string(value))
		return refuse(reading, name, "it is no text");
	if (!json_string_length(value))
		return 0;
	text = lift_find(&reading->lift, json_string_value(value), json_string_length(value));
	bundle->bytes[part] = malloc(text.length);
	if (!bundle->bytes[part])
		return -ENOMEM;
	length = base64_read(text.at, text.length, bundle->bytes[part], text.length);
	if (length <= 0)
		return refuse(reading, name, "it is no base64url without padding");
	bundle->length[part] = (size_t)length;
	return 0;
}

static int take_certificates(const struct reading *reading)
{
	struct bundle *bundle = reading->bundle;
	json_t *value;
	size_t i;
	int r;

	if (reading->certificates && !json_is_array(reading->certificates))
		return refuse(reading, "ek.certificates", "it is no list");
	if (json_array_size(reading->certificates) > BUNDLE_CERTIFICATES_MAX)
		return refuse(reading, "ek.certificates", "there are more than 16");
	json_array_foreach(reading->certificates, i, value) {
		size_t part = BUNDLE_CERTIFICATE + bundle->certificates;

		r = take_bytes(reading, value, "ek.certificates", part);
		if (r)
			return r;
		if (bundle->bytes[part])
			bundle->certificates++;
	}
	return 0;
}

/* The nonce is there already. */
static int take_parts(const struct reading *reading)
{
	struct bundle *bundle = reading->bundle;
	bool host = bundle->kind == BUNDLE_HOST;
	int r;

	for (size_t part = BUNDLE_NONCE + 1; part < BUNDLE_CERTIFICATE; part++) {
		r = take_bytes(reading, reading->values[part], names[part], part);
		if (r)
			return r;
	}
	for (size_t part = 0; part < _BUNDLE_NEEDED; part++)
		if (!bundle->bytes[part])
			return refuse(reading, names[part], "it is empty");
	if (host != !!bundle->bytes[BUNDLE_FRAME])
		return refuse(reading, "quote.frame",
			      host ? "a host's quote has one" : "a vTPM's quote has none");
	if (host && bundle->bytes[BUNDLE_APP])
		return refuse(reading, "application_key", "a host's bundle has none");
	return take_certificates(reading);
}

/* PCRs */

static int take_bank(struct reading *reading, enum attest_bank bank, json_t *values)
{
	struct attest_pcrs *pcrs = &reading->bundle->pcrs;
	const char *name;
	json_t *value;

	json_object_foreach(values, name, value) {
		const char *text = json_string_value(value);
		int pcr = attest_pcr_number(name);

		if (pcr < 0)
			return refuse(reading, "quote.pcrs", "a member is no PCR from 0 to 23");
		if (!text || base64_read(text, json_string_length(value), pcrs->value[bank][pcr],
					 hash_size(bank)) != (ssize_t)hash_size(bank))
			return refuse(reading, "quote.pcrs",
				      "a value is no base64url, or not of its bank's length");
		pcrs->has[bank] |= 1u << pcr;
	}
	return 0;
}

static int take_pcrs(struct reading *reading)
{
	const char *name;
	json_t *values;
	int r;

	if (!json_object_size(reading->pcrs))
		return refuse(reading, "quote.pcrs", "there is no bank");
	json_object_foreach(reading->pcrs, name, values) {
		enum attest_bank bank = hash_by_name(name, strlen(name));

		if (bank > ATTEST_SHA512 || strcmp(hash_name(bank), name) ||
		    !json_is_object(values))
			return refuse(reading, "quote.pcrs", "a member is no bank");
		r = take_bank(reading, bank, values);
		if (r)
			return r;
	}
	return 0;
}

/* Who it is */

/* What was lifted was not looked at, and no text but bytes is that long. */
static bool is_long(const struct reading *reading, const char *text)
{
	return reading->lift.count && lift_is_mark(text);
}

static int check_name(const struct reading *reading, const char *name, const char *value)
{
	return *value && strlen(value) < BUNDLE_HOST_MAX && !is_long(reading, value)
		       ? 0
		       : refuse(reading, name, "it is empty, or longer than 255 bytes");
}

static int take_host(struct reading *reading, json_t *host)
{
	const char *id = "", *name = "", *boot_id = "";
	struct bundle *bundle = reading->bundle;
	json_error_t error;
	int r;

	if (json_unpack_ex(host, &error, 0, "{s:s, s?s, s?s !}", "name", &name, "id", &id,
			   "boot_id", &boot_id))
		return refuse(reading, "host", error.text);
	r = check_name(reading, "host.name", name);
	if (!r && is_long(reading, id))
		r = refuse(reading, "host.id", "it is no UUID");
	if (!r && (strlen(boot_id) >= sizeof(bundle->boot_id) || is_long(reading, boot_id)))
		r = refuse(reading, "host.boot_id", "it is no UUID");
	attest_text_ascii(bundle->host, sizeof(bundle->host), (const uint8_t *)name, strlen(name));
	attest_text_ascii(bundle->boot_id, sizeof(bundle->boot_id), (const uint8_t *)boot_id,
			  strlen(boot_id));
	return r;
}

/* Groups of 8, 4, 4, 4 and 12 digits (RFC 9562, 4). */
bool bundle_uuid(const char *text, uint8_t ret[LEAF_UUID])
{
	char digits[2 * LEAF_UUID + 1];
	size_t used = 0, length;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
		if (!dash)
			digits[used++] = text[i];
	}
	return attest_text_unhex(ret, LEAF_UUID, digits, used, &length);
}

static int take_vtpm(struct reading *reading, json_t *vtpm)
{
	const char *name = "", *uuid = "";
	json_error_t error;

	if ((reading->bundle->kind == BUNDLE_VTPM) != !!vtpm)
		return refuse(reading, "vtpm", vtpm ? "a host's bundle has none"
						    : "a vTPM's bundle has one");
	if (!vtpm)
		return 0;
	if (json_unpack_ex(vtpm, &error, 0, "{s:s, s:s !}", "name", &name, "uuid", &uuid))
		return refuse(reading, "vtpm", error.text);
	if (is_long(reading, uuid))
		return refuse(reading, "vtpm.uuid", "it is no UUID");
	if (!bundle_uuid(uuid, reading->bundle->uuid))
		return refuse(reading, "vtpm.uuid", "it is no UUID");
	return check_name(reading, "vtpm.name", name);
}

static int check_package(const struct reading *reading, json_t *package)
{
	const char *name = "", *version = "", *vendor = "";
	json_t *paths, *path;
	json_error_t error;
	size_t i;

	if (json_unpack_ex(package, &error, 0, "{s:s, s:s, s?s, s:o !}", "name", &name, "version",
			   &version, "vendor", &vendor, "paths", &paths))
		return refuse(reading, "packages", error.text);
	if (!json_is_array(paths))
		return refuse(reading, "packages", "paths is no list");
	if (is_long(reading, name) || is_long(reading, version) || is_long(reading, vendor))
		return refuse(reading, "packages", "a text has 8 KiB or more");
	json_array_foreach(paths, i, path)
		if (!json_is_string(path) || is_long(reading, json_string_value(path)))
			return refuse(reading, "packages",
				      "a path is no text, or has 8 KiB or more");
	return 0;
}

/* Nobody vouches for packages, but everybody refuses the same ones. */
static int take_packages(const struct reading *reading, json_t *packages)
{
	json_t *package;
	size_t i;
	int r = 0;

	if (packages && !json_is_array(packages))
		return refuse(reading, "packages", "it is no list");
	json_array_foreach(packages, i, package)
		r = r ? r : check_package(reading, package);
	if (!r)
		reading->bundle->packages = json_incref(packages);
	return r;
}

/* A log comes whole or in part, not as both. */
static int take_known(struct reading *reading, const json_t *after)
{
	const struct bundle *bundle = reading->bundle;
	json_int_t bytes = json_integer_value(after);

	if (bundle->bytes[BUNDLE_EVENTLOG_DIGEST] &&
	    (bundle->bytes[BUNDLE_EVENTLOG] ||
	     bundle->length[BUNDLE_EVENTLOG_DIGEST] != hash_size(ATTEST_SHA256)))
		return refuse(reading, "eventlog_sha256",
			      "it is of another length, or beside a log");
	if (after && (bytes < 1 || bytes > IMA_BYTES_MAX))
		return refuse(reading, "ima_after", "it is no number of bytes of a log");
	reading->bundle->ima_after = (size_t)bytes;
	return 0;
}

static int take_kind(struct reading *reading, const char *kind)
{
	if (strcmp(kind, "host") && strcmp(kind, "vtpm"))
		return refuse(reading, "kind", "it is none of host and vtpm");
	reading->bundle->kind = *kind == 'h' ? BUNDLE_HOST : BUNDLE_VTPM;
	return 0;
}

static int take_all(struct reading *reading, json_t *root);

/* A host's bundle in that of a vTPM, which it vouches for; none in another one. */
static int take_below(const struct reading *reading, json_t *host)
{
	struct reading below = { .lift = reading->lift, .verdict = reading->verdict };
	struct bundle *bundle = calloc(1, sizeof(*bundle));

	if (!bundle)
		return -ENOMEM;
	bundle->is_below = true;
	reading->bundle->below = bundle;
	below.bundle = bundle;
	return take_all(&below, host);
}

static int take_deep(struct reading *reading, json_t *deep)
{
	struct bundle *bundle = reading->bundle;
	json_t *host = NULL;
	json_int_t index = 0, count = 0;
	json_error_t error;

	if (bundle->is_below && (deep || bundle->kind != BUNDLE_HOST))
		return refuse(reading, "deep.host", "it is no host's bundle of its own");
	if (!deep)
		return 0;
	if (bundle->kind != BUNDLE_VTPM)
		return refuse(reading, "deep", "a host's bundle has none");
	if (json_unpack_ex(deep, &error, 0, "{s:o, s:I, s:I, s:o, s:o !}", "leaf",
			   &reading->values[BUNDLE_LEAF], "index", &index, "count", &count,
			   "proof", &reading->values[BUNDLE_PROOF], "host", &host))
		return refuse(reading, "deep", error.text);
	if (index < 0 || count < 0 || index > UINT32_MAX || count > UINT32_MAX)
		return refuse(reading, "deep", "index or count is no place in a tree");
	bundle->index = (uint32_t)index;
	bundle->count = (uint32_t)count;
	return take_below(reading, host);
}

static int take(struct reading *reading, json_t *root)
{
	json_t *host = NULL, *vtpm = NULL, *packages = NULL, *after = NULL, *deep = NULL;
	json_t **values = reading->values;
	const char *kind = "";
	json_error_t error;
	int version, r;

	if (json_integer_value(json_object_get(root, "version")) != 1)
		return refuse(reading, "version", "it is not 1");
	if (json_unpack_ex(root, &error, 0,
			   "{s:i, s:s, s:o, s?o, s:o, s?{s:o, s?o, s?o !}, "
			   "s:{s:o, s?o, s?{s:o, s:o, s:o !} !}, "
			   "s:{s:o, s:o, s?o, s:o !}, s?{s:o, s:o, s:o !}, "
			   "s?o, s?o, s?o, s?o, s?o, s?o !}",
			   "version", &version, "kind", &kind, "host", &host, "vtpm", &vtpm,
			   "nonce", &values[BUNDLE_NONCE], "ek", "public", &values[BUNDLE_EK],
			   "certificates", &reading->certificates, "chain",
			   &values[BUNDLE_EK_CHAIN], "ak", "public", &values[BUNDLE_AK],
			   "certificate", &values[BUNDLE_AK_CERTIFICATE], "certified", "by",
			   &values[BUNDLE_CERTIFIER], "message", &values[BUNDLE_CERTIFIED],
			   "signature", &values[BUNDLE_CERTIFIED_SIGNATURE], "quote", "message",
			   &values[BUNDLE_MESSAGE], "signature", &values[BUNDLE_SIGNATURE],
			   "frame", &values[BUNDLE_FRAME], "pcrs", &reading->pcrs,
			   "application_key", "public", &values[BUNDLE_APP], "message",
			   &values[BUNDLE_APP_CERTIFIED], "signature",
			   &values[BUNDLE_APP_SIGNATURE], "eventlog", &values[BUNDLE_EVENTLOG], "eventlog_sha256",
			   &values[BUNDLE_EVENTLOG_DIGEST], "ima", &values[BUNDLE_IMA],
			   "ima_after", &after, "packages", &packages, "deep", &deep))
		return refuse(reading, "shape", error.text);
	r = take_kind(reading, kind);
	if (!r)
		r = take_deep(reading, deep);
	if (!r)
		r = take_host(reading, host);
	if (!r)
		r = take_vtpm(reading, vtpm);
	if (!r)
		r = take_parts(reading);
	if (!r)
		r = take_known(reading, after);
	if (!r)
		r = take_pcrs(reading);
	return r ? r : take_packages(reading, packages);
}

static int take_all(struct reading *reading, json_t *root)
{
	int r = take_bytes(reading, json_object_get(root, "nonce"), "nonce", BUNDLE_NONCE);

	return r ? r : take(reading, root);
}

/* Return: as bundle_read(). */
static int parse(struct reading *reading)
{
	const struct lift *lift = &reading->lift;
	json_error_t error;
	json_t *root = json_loadb(lift->text, lift->length, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (!root)
		return json_error_code(&error) == json_error_out_of_memory
			       ? -ENOMEM
			       : attest_verdict_malformed(
					 reading->verdict, "bundle.invalid",
					 lift_offset(lift, (size_t)error.position), 0,
					 "the bundle is no JSON");
	r = take_all(reading, root);
	json_decref(root);
	return r;
}

int bundle_read(struct bundle *ret, const char *text, size_t length,
		struct attest_verdict *verdict)
{
	struct reading reading = { .bundle = ret, .verdict = verdict };
	int r;

	*ret = (struct bundle){ 0 };
	if (length > BUNDLE_BYTES_MAX)
		return refuse(&reading, "length", "it is more than 64 MiB");
	r = lift_texts(&reading.lift, text, length, LIFT_LEAST);
	if (!r)
		r = parse(&reading);
	lift_done(&reading.lift);
	return r;
}

void bundle_done(struct bundle *bundle)
{
	if (bundle->below)
		bundle_done(bundle->below);
	free(bundle->below);
	json_decref(bundle->packages);
	for (enum bundle_part part = 0; part < _BUNDLE_MAX; part++)
		free(bundle->bytes[part]);
	*bundle = (struct bundle){ 0 };
}

struct hash_part bundle_part(const struct bundle *bundle, enum bundle_part part)
{
	/* what could not be decoded is no part */
	return (struct hash_part){ bundle->length[part] ? bundle->bytes[part] : NULL,
				   bundle->length[part] };
}
