// SPDX-License-Identifier: BSD-3-Clause
/*
 * A policy stays the JSON it came as, whose shape was checked once.
 */
#include "attest/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#define INVALID		"policy.invalid"
#define DEFAULT_SECONDS 300
#define SECONDS_MAX	(366 * 86400)
#define CHANGED "find out what changed on the host; where it is good, add it to the policy"

struct policy {
	json_t *root;
	uint8_t digest[ATTEST_DIGEST_MAX];
	uint32_t pcrs;
	int64_t seconds;
};

static bool is_list_name(const char *name)
{
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		if (!strcmp(name, fact_name(kind)))
			return true;
	return !strcmp(name, "aks") || !strcmp(name, "cmdline_deny");
}

static bool take_pcrs(struct policy *policy, json_t *list)
{
	size_t i;
	json_t *pcr;

	policy->pcrs = 0;
	json_array_foreach(list, i, pcr) {
		if (!json_is_integer(pcr) || json_integer_value(pcr) < 0 ||
		    json_integer_value(pcr) >= ATTEST_PCRS)
			return false;
		policy->pcrs |= 1u << json_integer_value(pcr);
	}
	return json_is_array(list);
}

static bool is_strings(json_t *list)
{
	size_t i;
	json_t *text;

	json_array_foreach(list, i, text)
		if (!json_is_string(text) || !json_string_length(text))
			return false;
	return json_is_array(list);
}

/* Return: what is wrong with it, NULL for nothing. */
static const char *take(struct policy *policy)
{
	json_t *version = json_object_get(policy->root, "version"), *value;
	const char *name;

	if (!json_is_object(policy->root))
		return "it is no JSON object";
	if (json_integer_value(version) != 1)
		return "its version is not 1";
	json_object_foreach(policy->root, name, value) {
		if (is_list_name(name)) {
			if (!is_strings(value))
				return "a member is no list of strings";
		} else if (!strcmp(name, "pcrs")) {
			if (!take_pcrs(policy, value))
				return "pcrs is no list of PCRs";
		} else if (!strcmp(name, "valid_seconds")) {
			policy->seconds = json_integer_value(value);
			if (policy->seconds <= 0 || policy->seconds > SECONDS_MAX)
				return "valid_seconds is no number up to a year";
		} else if (strcmp(name, "version") && strcmp(name, "comment")) {
			return "a member is not known";
		}
	}
	return NULL;
}

int policy_read(struct policy **ret, const char *text, size_t length,
		struct attest_verdict *verdict)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	json_error_t error;
	const char *wrong;

	if (!policy)
		return -ENOMEM;
	policy->pcrs = 0xff;
	policy->seconds = DEFAULT_SECONDS;
	policy->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	wrong = policy->root ? take(policy) : "it is no JSON";
	if (!wrong && EVP_Digest(text, length, policy->digest, NULL, EVP_sha256(), NULL) != 1)
		wrong = "its digest cannot be computed";
	if (!wrong) {
		*ret = policy;
		return 0;
	}
	policy_free(policy);
	attest_verdict_malformed(verdict, INVALID, 0, 0, "the policy cannot be used: %s", wrong);
	return -EBADMSG;
}

void policy_free(struct policy *policy)
{
	if (policy)
		json_decref(policy->root);
	free(policy);
}

void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

const uint8_t *policy_digest(const struct policy *policy)
{
	return policy->digest;
}

int64_t policy_seconds(const struct policy *policy)
{
	return policy->seconds;
}

static bool has_hex(json_t *list, const char *hex)
{
	size_t i;
	json_t *text;

	json_array_foreach(list, i, text)
		if (!strcasecmp(json_string_value(text), hex))
			return true;
	return false;
}

static void name_hex(const struct public_name *name, char to[2 * PUBLIC_NAME_MAX + 1])
{
	int used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < name->size; i++)
		used += snprintf(to + used, (size_t)(2 * PUBLIC_NAME_MAX + 1 - used), "%02x",
				 name->bytes[i]);
}

void policy_check_key(const struct policy *policy, const struct public_name *name,
		      bool activated, struct attest_verdict *verdict)
{
	json_t *list = json_object_get(policy->root, "aks");
	char hex[2 * PUBLIC_NAME_MAX + 1];

	name_hex(name, hex);
	if (!list && activated)
		return;
	if (!list)
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "ak.activation",
				   "enrol the key by credential activation, and list its name in "
				   "the policy (aks)",
				   "nobody says that the key which signed is in a TPM");
	else if (!name->size || !has_hex(list, hex))
		attest_verdict_say(verdict, ATTEST_FAILED, "ak.unknown",
				   "enrol the key by credential activation, or ask who this host "
				   "is",
				   "the key which signed is none of those that were enrolled");
}

void policy_check_pcrs(const struct policy *policy, const struct attest_pcrs *pcrs,
		       struct attest_verdict *verdict)
{
	uint32_t missing = policy->pcrs & ~pcrs->has[ATTEST_SHA256];

	if (missing)
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.selection",
				   "ask for a quote of all PCRs that the policy wants",
				   "PCR %d of the SHA-256 bank is wanted by the policy and was not "
				   "quoted", __builtin_ctz(missing))
			->pcr = __builtin_ctz(missing);
}

/**
 * struct compare - a comparison on its way
 * @policy: knows
 * @dbx: entries of the policy's dbx that were not seen yet
 * @cmdlines: that were seen
 * @verdict: hears what is wrong
 */
struct compare {
	const struct policy *policy;
	json_t *dbx;
	size_t cmdlines;
	struct attest_verdict *verdict;
};

static void differs(const struct compare *compare, const struct fact *fact, const char *text)
{
	struct attest_reason *reason;
	char code[32];

	snprintf(code, sizeof(code), "policy.%s", fact_name(fact->kind));
	reason = attest_verdict_say(compare->verdict, ATTEST_FAILED, code, CHANGED, "%s", text);
	if (fact->event) {
		reason->pcr = (int)fact->event->pcr;
		reason->event = (long)fact->event->number;
		reason->offset = (long)fact->event->offset;
	}
	if (fact->kind != FACT_CMDLINE)
		snprintf(reason->found, sizeof(reason->found), "%.64s", fact->text);
}

static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = line; (at = strstr(at, word)); at++)
		if ((at == line || at[-1] == ' ') &&
		    (word[length - 1] == '=' || !at[length] || at[length] == ' '))
			return true;
	return false;
}

static void take_cmdline(struct compare *compare, const struct fact *fact)
{
	json_t *allow = json_object_get(compare->policy->root, "cmdline");
	json_t *deny = json_object_get(compare->policy->root, "cmdline_deny"), *text;
	bool allowed = !allow;
	size_t i;

	compare->cmdlines++;
	if ((allow || deny) && !*fact->text) {
		differs(compare, fact, "a command line was measured that cannot be read");
		return;
	}
	json_array_foreach(allow, i, text)
		allowed |= !fnmatch(json_string_value(text), fact->text, 0);
	if (!allowed)
		differs(compare, fact, "the kernel has a command line that the policy does not "
				       "allow");
	json_array_foreach(deny, i, text)
		if (has_word(fact->text, json_string_value(text)))
			differs(compare, fact, "the kernel's command line has a word that the "
					       "policy denies");
}

static int take_fact(void *context, const struct fact *fact)
{
	struct compare *compare = context;
	json_t *list = json_object_get(compare->policy->root, fact_name(fact->kind));
	size_t i;
	json_t *text;

	if (fact->kind == FACT_CMDLINE) {
		take_cmdline(compare, fact);
	} else if (fact->kind == FACT_DBX) {
		json_array_foreach(compare->dbx, i, text)
			if (!strcasecmp(json_string_value(text), fact->text)) {
				json_array_remove(compare->dbx, i);
				break;
			}
	} else if (list && !has_hex(list, fact->text)) {
		differs(compare, fact, "it is none of those that the policy lists");
	}
	return 0;
}

int policy_check_log(const struct policy *policy, const struct eventlog *log,
		     const struct attest_pcrs *pcrs, struct hash *hash,
		     struct attest_verdict *verdict)
{
	struct compare compare = { .policy = policy, .verdict = verdict };
	const struct fact dbx = { .kind = FACT_DBX }, cmdline = { .kind = FACT_CMDLINE };
	bool listed = true;

	compare.dbx = json_copy(json_object_get(policy->root, "dbx"));
	if (!compare.dbx && json_object_get(policy->root, "dbx"))
		return -ENOMEM;
	fact_walk(log, pcrs, hash, take_fact, &compare);
	if (json_array_size(compare.dbx))
		differs(&compare, &dbx, "what the policy wants in dbx is not there");
	json_decref(compare.dbx);
	if (json_array_size(json_object_get(policy->root, "cmdline")) && !compare.cmdlines)
		differs(&compare, &cmdline, "no command line of the kernel was measured");
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		listed &= json_object_get(policy->root, fact_name(kind)) != NULL;
	if (!listed)
		attest_verdict_unchecked(verdict, "the policy has no opinion about some kinds of "
						  "facts: lists are missing in it");
	return 0;
}

/* What a command line has of a pattern's signs stands for itself. */
static void escape(char to[2 * FACT_TEXT_MAX], const char *text)
{
	for (; *text; text++) {
		if (strchr("*?[\\", *text))
			*to++ = '\\';
		*to++ = *text;
	}
	*to = '\0';
}

static int learn_fact(void *context, const struct fact *fact)
{
	json_t *list = json_object_get(context, fact_name(fact->kind));
	char text[2 * FACT_TEXT_MAX];

	escape(text, fact->text);
	if (!*text || has_hex(list, text))
		return 0;
	return json_array_append_new(list, json_string(text));
}

json_t *policy_learn(const struct public_name *name, const struct eventlog *log,
		     const struct attest_pcrs *pcrs, struct hash *hash)
{
	char hex[2 * PUBLIC_NAME_MAX + 1];
	json_t *root, *list = json_array();
	int r = 0;

	name_hex(name, hex);
	for (int pcr = 0; pcr < ATTEST_PCRS; pcr++)
		if (pcrs->has[ATTEST_SHA256] & 1u << pcr)
			r |= json_array_append_new(list, json_integer(pcr));
	root = json_pack("{s:i, s:[s], s:o, s:i}", "version", 1, "aks", hex, "pcrs", list,
			 "valid_seconds", DEFAULT_SECONDS);
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		r |= json_object_set_new(root, fact_name(kind), json_array());
	if (!r && !fact_walk(log, pcrs, hash, learn_fact, root))
		return root;
	json_decref(root);
	return NULL;
}
