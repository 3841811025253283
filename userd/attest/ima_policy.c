// SPDX-License-Identifier: BSD-3-Clause
/*
 * A path is looked up in the policy's own JSON; exclusions are compiled once.
 */
#include "attest/ima_policy.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "attest/ima_key.h"

#define PATH_ROOM    4096
#define PATTERN_ROOM 1024

struct ima_policy {
	json_t *root;
	struct ima_keys keys;
	uint8_t digest[ATTEST_DIGEST_MAX];
	regex_t excludes[IMA_POLICY_EXCLUDES_MAX];
	size_t count;
};

/* Return: whether the lists are { name: [text, ...] }. */
static bool is_lists(json_t *lists)
{
	const char *name;
	json_t *list, *text;
	size_t i;

	if (lists && !json_is_object(lists))
		return false;
	json_object_foreach(lists, name, list) {
		if (!json_is_array(list))
			return false;
		json_array_foreach(list, i, text)
			if (!json_is_string(text))
				return false;
	}
	return true;
}

/* Classes and groups that only Python knows would match something else here. */
static bool is_foreign(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (pattern[0] == '(' && pattern[1] == '?')
			return true;
		if (*pattern == '\\' && isalnum((unsigned char)*++pattern))
			return true;
	}
	return false;
}

static const char *take_excludes(struct ima_policy *policy, json_t *list)
{
	char pattern[PATTERN_ROOM];
	size_t i;
	json_t *text;

	if (list && !json_is_array(list))
		return "excludes is no list";
	if (json_array_size(list) > IMA_POLICY_EXCLUDES_MAX)
		return "it has more than 256 exclusions";
	json_array_foreach(list, i, text) {
		if (!json_is_string(text) || is_foreign(json_string_value(text)) ||
		    (size_t)snprintf(pattern, sizeof(pattern), "^(%s)", json_string_value(text)) >=
			    sizeof(pattern) ||
		    regcomp(&policy->excludes[policy->count], pattern, REG_EXTENDED | REG_NOSUB))
			return "an exclusion is no POSIX extended regular expression, or too long";
		policy->count++;
	}
	return NULL;
}

static const char *take(struct ima_policy *policy)
{
	json_t *keys = json_object_get(policy->root, "verification-keys");
	const char *wrong;

	if (!json_is_object(policy->root))
		return "it is no JSON object";
	if (!json_object_get(policy->root, "digests"))
		return "it has no digests";
	if (!is_lists(json_object_get(policy->root, "digests")) ||
	    !is_lists(json_object_get(policy->root, "keyrings")) ||
	    !is_lists(json_object_get(policy->root, "ima-buf")))
		return "digests, keyrings or ima-buf has not lists of texts";
	wrong = take_excludes(policy, json_object_get(policy->root, "excludes"));
	if (json_is_null(keys))
		keys = NULL;
	if (!wrong && keys && !json_is_string(keys))
		wrong = "verification-keys is no text";
	return wrong || !keys ? wrong : ima_keys_read(&policy->keys, json_string_value(keys));
}

int ima_policy_read(struct ima_policy **ret, const char *text, size_t length,
		    struct attest_verdict *verdict)
{
	struct ima_policy *policy = calloc(1, sizeof(*policy));
	json_error_t error;
	const char *wrong;

	if (!policy)
		return -ENOMEM;
	policy->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	wrong = policy->root ? take(policy) : "it is no JSON";
	if (!wrong && EVP_Digest(text, length, policy->digest, NULL, EVP_sha256(), NULL) != 1)
		wrong = "its digest cannot be computed";
	if (!wrong) {
		*ret = policy;
		return 0;
	}
	ima_policy_free(policy);
	return attest_verdict_malformed(verdict, "policy.invalid", 0, 0,
					"the policy of IMA cannot be used: %s", wrong);
}

void ima_policy_free(struct ima_policy *policy)
{
	if (!policy)
		return;
	while (policy->count)
		regfree(&policy->excludes[--policy->count]);
	ima_keys_done(&policy->keys);
	json_decref(policy->root);
	free(policy);
}

static bool has_digest(json_t *list, const struct ima_entry *entry)
{
	char hex[ATTEST_HEX_MAX];
	size_t i;
	json_t *text;

	if (!entry->file_digest || entry->violation)
		return false;
	attest_text_hex(hex, entry->file_digest, entry->file_digest_size);
	json_array_foreach(list, i, text)
		if (!strcasecmp(json_string_value(text), hex))
			return true;
	return false;
}

static bool is_excluded(const struct ima_policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->count; i++)
		if (!regexec(&policy->excludes[i], path, 0, NULL, 0))
			return true;
	return false;
}

static void say(struct attest_verdict *verdict, const struct ima_entry *entry, const char *code,
		const char *what)
{
	struct attest_reason *reason;
	char path[128];

	attest_text_ascii(path, sizeof(path), entry->path, entry->path ? entry->path_size : 0);
	reason = attest_verdict_say(verdict, ATTEST_FAILED, code,
				    "find out where it comes from; where it is good, add it to the "
				    "policy of IMA", "%s %s", what, path);
	reason->pcr = (int)entry->pcr;
	reason->event = (long)entry->number;
	reason->offset = (long)entry->offset;
	if (entry->file_digest)
		attest_text_hex(reason->found, entry->file_digest, entry->file_digest_size);
}

static void check_buffer(const struct ima_policy *policy, const struct ima_entry *entry,
			 const char *name, struct attest_verdict *verdict)
{
	json_t *list = json_object_get(json_object_get(policy->root, "keyrings"), name);

	if (!list)
		list = json_object_get(json_object_get(policy->root, "ima-buf"), name);
	if (!list)
		attest_verdict_say(verdict, ATTEST_WARNING, "ima.buffer",
				   "list it in keyrings or ima-buf of the policy of IMA",
				   "the policy of IMA has no opinion about the buffer of entry %zu",
				   entry->number);
	else if (!has_digest(list, entry))
		say(verdict, entry, "ima.buffer", "the policy does not list this buffer:");
}

/* What is listed is good without a signature, and what a key signed without being listed. */
static void check_file(const struct ima_policy *policy, const struct ima_entry *entry,
		       const char *path, struct attest_verdict *verdict)
{
	if (has_digest(json_object_get(json_object_get(policy->root, "digests"), path), entry) ||
	    (entry->signature && ima_keys_signed(&policy->keys, entry)))
		return;
	if (entry->signature && policy->keys.count)
		say(verdict, entry, "ima.signature", "no key of the policy signed this file:");
	else
		say(verdict, entry, "ima.file", "the policy does not list this file, or not so:");
}

static void check(const struct ima_policy *policy, const struct ima_entry *entry,
		  struct attest_verdict *verdict)
{
	char path[PATH_ROOM];

	if (!entry->path || entry->path_size >= sizeof(path)) {
		say(verdict, entry, "ima.file", "an entry has no path that can be compared:");
		return;
	}
	snprintf(path, sizeof(path), "%.*s", (int)entry->path_size, (const char *)entry->path);
	if (!entry->number && !strcmp(path, "boot_aggregate"))
		return; /* ima_appraise() compared it */
	/* the template's name is under no digest: a file stays one */
	if (!strcmp(entry->template, "ima-buf") && *path != '/')
		check_buffer(policy, entry, path, verdict);
	else if (!is_excluded(policy, path))
		check_file(policy, entry, path, verdict);
}

bool ima_policy_lists(const struct ima_policy *policy, const struct ima_entry *entry)
{
	char path[PATH_ROOM];

	if (!entry->path || entry->path_size >= sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)entry->path_size, (const char *)entry->path);
	return has_digest(json_object_get(json_object_get(policy->root, "digests"), path), entry);
}

static int check_all(const struct ima_policy *policy, struct ima_log *log, size_t attested,
		     struct attest_verdict *verdict)
{
	struct ima_entry entry;

	while (log->entries < attested) {
		int r = ima_next(log, &entry);

		if (r <= 0)
			return r;
		check(policy, &entry, verdict);
	}
	return 0;
}

int ima_policy_check(const struct ima_policy *policy, const uint8_t *bytes, size_t length,
		     size_t attested, struct attest_verdict *verdict)
{
	struct ima_log log;
	int r = ima_open(&log, bytes, length, verdict);

	return r ? r : check_all(policy, &log, attested, verdict);
}

int ima_policy_check_more(const struct ima_policy *policy, const struct ima_point *point,
			  const uint8_t *bytes, size_t length, size_t attested,
			  struct attest_verdict *verdict)
{
	struct ima_log log;

	ima_resume(&log, point, bytes, length, verdict);
	return check_all(policy, &log, attested, verdict);
}

const uint8_t *ima_policy_digest(const struct ima_policy *policy)
{
	return policy->digest;
}
