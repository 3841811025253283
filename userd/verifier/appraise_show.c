// SPDX-License-Identifier: BSD-3-Clause
/*
 * What an appraisal came to, for people and for scripts.
 */
#include "verifier/appraise.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "verifier/files.h"

#define TIME_ROOM 32

static bool time_text(int64_t seconds, char ret[TIME_ROOM])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	return gmtime_r(&time, &tm) && strftime(ret, TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *json_time(int64_t seconds)
{
	char text[TIME_ROOM];

	return time_text(seconds, text) ? json_string(text) : NULL;
}

static void hex_of(const struct public_name *name, char ret[2 * PUBLIC_NAME_MAX + 1])
{
	*ret = 0;
	for (size_t i = 0; i < name->size; i++)
		snprintf(ret + 2 * i, 3, "%02x", name->bytes[i]);
}

/* What holds of the vTPM if all passed; null where the links did not hold. */
static json_t *json_deep(const struct appraisal *appraisal)
{
	static const char *const protections[_LEAF_PROTECTION_MAX] = { "none", "sealed", "lazy",
								       "strict" };
	const struct leaf *leaf = &appraisal->leaf;
	char uuid[ATTEST_HEX_MAX], key[ATTEST_HEX_MAX];

	if (!leaf->protection)
		return json_null();
	attest_text_hex(uuid, leaf->uuid, sizeof(leaf->uuid));
	attest_text_hex(key, leaf->ak_name, sizeof(leaf->ak_name));
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "uuid", uuid, "ak_name", key, "epoch",
			 (json_int_t)leaf->epoch, "generation", (json_int_t)leaf->generation,
			 "protection", protections[leaf->protection], "quote",
			 verifier_json_quote(&appraisal->vtpm));
}

/* By whose word all of it holds; null: by that of the TPM's maker, or by nobody's. */
static json_t *json_trust(const struct chain *chain)
{
	if (!chain->fleet)
		return json_null();
	return json_pack("{s:s, s:o, s:s, s:b, s:s?, s:o}", "ek_checked_by", chain->by,
			 "ek_checked_at", json_time(chain->since), "host", chain->host, "vtpm",
			 chain->vtpm, "revocations_by", chain->list.crl ? chain->list.by : NULL,
			 "revocations_at",
			 chain->list.crl ? json_time(chain->list.at) : json_null());
}

static json_t *json_name(const struct public_name *name)
{
	char hex[2 * PUBLIC_NAME_MAX + 1];

	hex_of(name, hex);
	return name->size ? json_string(hex) : json_null();
}

static void print_trust(const struct appraisal *appraisal)
{
	const struct chain *chain = &appraisal->chain;
	char at[TIME_ROOM], name[2 * PUBLIC_NAME_MAX + 1];

	if (chain->fleet && time_text(chain->since, at))
		printf("host %s: EK checked by %s, at %s\n", chain->host, chain->by, at);
	if (chain->vtpm)
		printf("vTPM: its keys are certified by the CA of that host\n");
	if (chain->list.crl && time_text(chain->list.at, at))
		printf("revocations: of %s, made at %s\n", chain->list.by, at);
	hex_of(&appraisal->application, name);
	if (appraisal->application.size)
		printf("application key: %s\n", name);
}

static json_t *list_files(const struct appraisal *appraisal)
{
	return files_json(appraisal->host, &appraisal->boot.ima, appraisal->verifier->files);
}

static void print_files(const struct appraisal *appraisal)
{
	json_t *files = list_files(appraisal);

	files_print(files);
	json_decref(files);
}

static json_t *to_json(const struct appraisal *appraisal)
{
	bool good = appraisal->verdict.status <= ATTEST_WARNING && appraisal->policy;
	int64_t now = time(NULL);
	char own[BUNDLE_HOST_MAX] = "", boot[32];

	json_t *result;

	gethostname(own, sizeof(own) - 1);
	snprintf(boot, sizeof(boot), "%u.%u", appraisal->quote.statement.clock.resets,
		 appraisal->quote.statement.clock.restarts);
	result = json_pack("{s:s, s:o, s:o, s:s, s:s?, s:o, s:s, s:b}", "host",
			 appraisal->host->host, "verified_at", json_time(now), "valid_until",
			 good ? json_time(now + policy_seconds(appraisal->policy)) : json_null(),
			 "verified_by", own, "boot_id",
			 appraisal->quote.signed_by_ak ? boot : NULL, "quote",
			 verifier_json_quote(&appraisal->quote), "secure_boot",
			 event_secure_boot_name(appraisal->boot.secure_boot), "log_reliable",
			 appraisal->boot.log_reliable);
	if (result)
		json_object_set_new(result, "files", list_files(appraisal));
	if (result)
		json_object_set_new(result, "trust", json_trust(&appraisal->chain));
	if (result && appraisal->bundle.kind == BUNDLE_VTPM)
		json_object_set_new(result, "application_key",
				    json_name(&appraisal->application));
	if (result && appraisal->bundle.below)
		json_object_set_new(result, "deep", json_deep(appraisal));
	return result;
}

static enum verifier_exit print_learned(const struct appraisal *appraisal)
{
	const struct attest_verdict *verdict = &appraisal->verdict;
	json_t *comment = json_sprintf("learned from %s, status %s%s%s", appraisal->bundle.host,
				       attest_status_name(verdict->status),
				       verdict->count ? ": " : "",
				       verdict->count ? verdict->reasons[0].code : "");

	if (json_object_set_new(appraisal->learned, "comment", comment) ||
	    json_dumpf(appraisal->learned, stdout, JSON_INDENT(2)) || puts("") < 0)
		return verifier_end(appraisal->verifier, NULL, NULL, -ENOMEM);
	return VERIFIER_EXIT_PASSED;
}

enum verifier_exit appraise_show(struct appraisal *appraisal, int error)
{
	const struct verifier *verifier = appraisal->verifier;

	if (!error && hash_failed(appraisal->hash))
		error = -EIO;
	/* what is learned from a host that lies would call the lie good */
	if (!error && appraisal->learned && appraisal->verdict.status != ATTEST_FAILED)
		return print_learned(appraisal);
	if (!error && !verifier->json) {
		print_trust(appraisal);
		print_files(appraisal);
	}
	return verifier_end(verifier, &appraisal->verdict,
			    verifier->json ? to_json(appraisal) : NULL, error);
}
