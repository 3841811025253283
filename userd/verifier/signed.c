// SPDX-License-Identifier: BSD-3-Clause
/*
 * Text and signature; see the header.
 */
#include "verifier/signed.h"

#include <stdlib.h>
#include <string.h>

#include "attest/ima_policy.h"
#include "attest/policy.h"
#include "attest/public.h"
#include "base/base64.h"
#include "base/cleanup.h"

#define POLICY_DIGEST 32

static void freep(char **text)
{
	free(*text);
}

static json_t *digits(const uint8_t *bytes, size_t length)
{
	char hex[ATTEST_HEX_MAX];

	if (!bytes)
		return json_null();
	attest_text_hex(hex, bytes, length);
	return json_string(hex);
}

static bool name_of(struct hash *hash, const struct fleet_keys *keys, struct public_name *ret)
{
	struct public public;

	if (!public_parse(&public, keys->ak, keys->ak_size))
		return false;
	public_name(&public, hash, ret);
	return ret->size && !hash_failed(hash);
}

static char *text_of(const struct service *service, const struct standing *standing,
		     const struct standing_machine *machine, const struct public_name *name,
		     int64_t now)
{
	const uint8_t *policy = service->policy ? policy_digest(service->policy) : NULL;
	const uint8_t *ima =
		service->ima_policy ? ima_policy_digest(service->ima_policy) : NULL;
	json_t *root = json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:s}", "format",
				 CA_WORDS_VERDICT, "host", standing->id, "ak_name",
				 digits(name->bytes, name->size), "clock",
				 (json_int_t)machine->clock, "resets",
				 (json_int_t)machine->resets, "restarts",
				 (json_int_t)machine->restarts, "status",
				 attest_status_name(standing_status(standing, now)));
	json_t *rest = json_pack("{s:o, s:o, s:s, s:o, s:o}", "verified_at",
				 fleet_time(standing->verified_at), "valid_until",
				 fleet_time(standing->valid_until), "verified_by",
				 standing->verified_by, "policy", digits(policy, POLICY_DIGEST),
				 "ima_policy", digits(ima, POLICY_DIGEST));
	char *text = NULL;

	if (root && rest && !json_object_update(root, rest))
		text = json_dumps(root, JSON_COMPACT);
	json_decref(rest);
	json_decref(root);
	return text;
}

json_t *signed_verdict(struct service *service, const struct standing *standing,
		       const struct standing_machine *machine, const struct fleet_keys *keys,
		       int64_t now)
{
	_cleanup_(freep) char *text = NULL;
	uint8_t signature[CA_SIGNATURE_MAX];
	char base64[BASE64_ROOM(CA_SIGNATURE_MAX)];
	struct public_name name;
	size_t size;

	if (!service->ca || !machine->known || !name_of(service->judge.hash, keys, &name))
		return NULL;
	text = text_of(service, standing, machine, &name, now);
	if (!text ||
	    ca_sign(service->ca, CA_WORDS_VERDICT, text, strlen(text), signature, &size))
		return NULL;
	base64_write(signature, size, base64);
	return json_pack("{s:s, s:s}", "statement", text, "signature", base64);
}
