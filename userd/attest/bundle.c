// SPDX-License-Identifier: BSD-3-Clause
/*
 * Members that are not known are refused, so that no two readers see different evidence.
 */
#include "attest/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const struct {
	const char *group;
	const char *name;
} members[_BUNDLE_MAX] = {
	[BUNDLE_AK] = { NULL, "ak" },		    [BUNDLE_MESSAGE] = { "quote", "msg" },
	[BUNDLE_SIGNATURE] = { "quote", "sig" },    [BUNDLE_PCRS] = { "quote", "pcrs" },
	[BUNDLE_EVENTLOG] = { NULL, "eventlog" },   [BUNDLE_EK] = { NULL, "ek" },
	[BUNDLE_EK_CERT] = { NULL, "ek_cert" },	    [BUNDLE_EK_CHAIN] = { NULL, "ek_chain" },
	[BUNDLE_IMA] = { NULL, "ima" },
};

static int refuse(struct attest_verdict *verdict, const char *name, const char *text)
{
	char harmless[32];

	attest_text_ascii(harmless, sizeof(harmless), (const uint8_t *)name, strlen(name));
	return attest_verdict_malformed(verdict, "bundle.invalid", 0, 0, "the bundle's %s %s",
					harmless, text);
}

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Only one text stands for the same bytes: what is left of the last digit is zero. */
static bool decode(const char *text, size_t length, uint8_t *to, size_t *ret)
{
	uint32_t bits = 0;
	int count = 0;

	*ret = 0;
	for (size_t i = 0; i < length; i++) {
		int value = digit(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			to[(*ret)++] = (uint8_t)(bits >> count);
			bits &= (1u << count) - 1;
		}
	}
	return count < 6 && !bits;
}

static int take_part(struct bundle *bundle, enum bundle_part part, json_t *value,
		     struct attest_verdict *verdict)
{
	size_t length = json_string_length(value);

	if (!json_is_string(value) || !length)
		return refuse(verdict, members[part].name, "is no text, or empty");
	bundle->bytes[part] = malloc(length);
	if (!bundle->bytes[part])
		return -ENOMEM;
	if (decode(json_string_value(value), length, bundle->bytes[part], &bundle->length[part]))
		return 0;
	return refuse(verdict, members[part].name, "is no base64url without padding");
}

static int take_members(struct bundle *bundle, json_t *object, const char *group,
			struct attest_verdict *verdict)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach(object, name, value) {
		enum bundle_part part = 0;

		if (!group && (!strcmp(name, "version") || !strcmp(name, "host") ||
			       !strcmp(name, "quote")))
			continue;
		while (part < _BUNDLE_MAX &&
		       (!group != !members[part].group || strcmp(name, members[part].name) != 0))
			part++;
		r = part == _BUNDLE_MAX ? refuse(verdict, name, "is not known")
					: take_part(bundle, part, value, verdict);
		if (r)
			return r;
	}
	return 0;
}

static int take(struct bundle *bundle, json_t *root, struct attest_verdict *verdict)
{
	json_t *host = json_object_get(root, "host"), *quote = json_object_get(root, "quote");
	int r;

	if (json_integer_value(json_object_get(root, "version")) != 1)
		return refuse(verdict, "version", "is not 1");
	if (!json_is_string(host) || !json_string_length(host) ||
	    json_string_length(host) >= BUNDLE_HOST_MAX)
		return refuse(verdict, "host", "is no text of up to 255 bytes");
	attest_text_ascii(bundle->host, sizeof(bundle->host),
			  (const uint8_t *)json_string_value(host), json_string_length(host));
	r = take_members(bundle, root, NULL, verdict);
	if (!r)
		r = take_members(bundle, quote, "quote", verdict);
	for (enum bundle_part part = 0; !r && part < _BUNDLE_NEEDED; part++)
		if (!bundle->bytes[part])
			r = refuse(verdict, members[part].name, "is missing");
	return r;
}

int bundle_read(struct bundle *ret, const char *text, size_t length,
		struct attest_verdict *verdict)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	int r;

	*ret = (struct bundle){ 0 };
	if (!root)
		return json_error_code(&error) == json_error_out_of_memory
			       ? -ENOMEM
			       : attest_verdict_malformed(verdict, "bundle.invalid",
							  (size_t)error.position, 0,
							  "the bundle is no JSON");
	r = take(ret, root, verdict);
	json_decref(root);
	return r;
}

void bundle_done(struct bundle *bundle)
{
	for (enum bundle_part part = 0; part < _BUNDLE_MAX; part++)
		free(bundle->bytes[part]);
	*bundle = (struct bundle){ 0 };
}

struct hash_part bundle_part(const struct bundle *bundle, enum bundle_part part)
{
	return (struct hash_part){ bundle->bytes[part], bundle->length[part] };
}
