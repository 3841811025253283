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

#include "base/text.h"

#define INVALID		"policy.invalid"
#define DEFAULT_SECONDS 300
#define SECONDS_MAX	(366 * 86400)

struct policy {
	json_t *root;
	uint8_t digest[ATTEST_DIGEST_MAX];
	uint32_t pcrs;
	uint32_t valued;
	int64_t seconds;
};

static bool is_list_name(const char *name)
{
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		if (!strcmp(name, fact_name(kind)))
			return true;
	return !strcmp(name, "aks") || !strcmp(name, "cmdline_deny") ||
	       !strcmp(name, "ek_denied");
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

static bool is_digests(json_t *list)
{
	uint8_t bytes[ATTEST_DIGEST_MAX];
	size_t i, length;
	json_t *text;

	json_array_foreach(list, i, text)
		if (!json_is_string(text) ||
		    !attest_text_unhex(bytes, sizeof(bytes), json_string_value(text),
				       json_string_length(text), &length) ||
		    length != hash_size(ATTEST_SHA256))
			return false;
	return json_array_size(list);
}

/* {"0": ["hex", ...]}: any of these values */
static bool take_values(struct policy *policy, json_t *values)
{
	const char *name;
	json_t *list;

	json_object_foreach(values, name, list) {
		int pcr = attest_pcr_number(name);

		if (pcr < 0 || !is_digests(list))
			return false;
		policy->valued |= 1u << pcr;
	}
	return json_is_object(values);
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

/* What a component brings is as if it stood in the policy's own list. */
static const char *take_component(json_t *root, json_t *component)
{
	json_t *value, *list;
	const char *name;

	if (!json_string_length(json_object_get(component, "name")) ||
	    !json_string_length(json_object_get(component, "version")))
		return "a component has no name or version";
	json_object_foreach(component, name, value) {
		if (!strcmp(name, "name") || !strcmp(name, "version") || !strcmp(name, "vendor")) {
			if (!json_is_string(value))
				return "a component has a name, version or vendor that is no text";
			continue;
		}
		if (!is_list_name(name) || !is_strings(value))
			return "a component has a member that is no known list of strings";
		list = json_object_get(root, name);
		if (!list && json_object_set_new(root, name, json_array()))
			return "there is no memory for a component";
		list = json_object_get(root, name);
		if (!json_is_array(list) || json_array_extend(list, value))
			return "a component adds to what is no list";
	}
	return NULL;
}

static const char *take_components(json_t *root)
{
	json_t *list = json_object_get(root, "components"), *component;
	const char *wrong = NULL;
	size_t i;

	if (list && !json_is_array(list))
		return "components is no list";
	for (i = 0; !wrong && (component = json_array_get(list, i)); i++)
		wrong = take_component(root, component);
	return wrong;
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
		} else if (!strcmp(name, "pcr_values")) {
			if (!take_values(policy, value))
				return "pcr_values is no object of PCRs, each with values in "
				       "hexadecimal";
		} else if (!strcmp(name, "valid_seconds")) {
			policy->seconds = json_integer_value(value);
			if (policy->seconds <= 0 || policy->seconds > SECONDS_MAX)
				return "valid_seconds is no number up to a year";
		} else if (strcmp(name, "version") && strcmp(name, "comment") &&
			   strcmp(name, "components")) {
			return "a member is not known";
		}
	}
	return take_components(policy->root);
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

json_t *policy_list(const struct policy *policy, const char *name)
{
	return json_object_get(policy->root, name);
}

bool policy_has(json_t *list, const char *what)
{
	size_t i;
	json_t *text;

	json_array_foreach(list, i, text)
		if (!strcasecmp(json_string_value(text), what))
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
	else if (!name->size || !policy_has(list, hex))
		attest_verdict_say(verdict, ATTEST_FAILED, "ak.unknown",
				   "enrol the key by credential activation, or ask who this host "
				   "is",
				   "the key which signed is none of those that were enrolled");
}

void policy_check_ek(const struct policy *policy, const struct ekcert *certificate,
		     struct attest_verdict *verdict)
{
	char model[3 * EKCERT_NAME_MAX];
	json_t *text;
	size_t i;

	snprintf(model, sizeof(model), "%s %s %s", certificate->manufacturer, certificate->model,
		 certificate->version);
	json_array_foreach(policy_list(policy, "ek_denied"), i, text)
		if (!fnmatch(json_string_value(text), model, 0))
			attest_verdict_say(verdict, ATTEST_FAILED, "ek.denied-model",
					   "update the TPM's firmware, or use another TPM",
					   "the policy denies TPMs such as %s", model);
}

/* Lists of what is measured into PCRs that are not always quoted. */
static const struct {
	const char *name;
	uint32_t pcr;
} needs[] = {
	{ "boot_files", 1u << 9 }, { "cmdline", 1u << 8 }, { "cmdline_deny", 1u << 8 },
	{ "mok", 1u << 14 },	   { "uki", 1u << 11 },
};

static uint32_t pcr_of_list(const char *name)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!strcmp(needs[i].name, name))
			return needs[i].pcr;
	return 0;
}

/* Without the PCR a list compares what nobody measured. */
static uint32_t pcrs_of_lists(const struct policy *policy)
{
	uint32_t pcrs = 0;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (policy_list(policy, needs[i].name))
			pcrs |= needs[i].pcr;
	return pcrs;
}

bool policy_asks_log(const struct policy *policy)
{
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		if (policy_list(policy, fact_name(kind)))
			return true;
	return policy_list(policy, "cmdline_deny");
}

static void check_values(const struct policy *policy, const struct attest_pcrs *pcrs,
			 struct attest_verdict *verdict)
{
	json_t *values = policy_list(policy, "pcr_values"), *list;
	char found[ATTEST_HEX_MAX];
	const char *name;

	json_object_foreach(values, name, list) {
		int pcr = attest_pcr_number(name);
		struct attest_reason *reason;

		attest_text_hex(found, pcrs->value[ATTEST_SHA256][pcr], hash_size(ATTEST_SHA256));
		if (!(pcrs->has[ATTEST_SHA256] >> pcr & 1) || policy_has(list, found))
			continue;
		reason = attest_verdict_say(verdict, ATTEST_FAILED, "policy.pcr_values",
					    "find out what was measured; add the value to the "
					    "policy if it is good",
					    "PCR %d has a value that is not in the policy", pcr);
		reason->pcr = pcr;
		text_cut(reason->found, sizeof(reason->found), found);
		if (json_array_size(list) == 1)
			text_cut(reason->expected, sizeof(reason->expected),
				 json_string_value(json_array_get(list, 0)));
	}
}

void policy_check_pcrs(const struct policy *policy, const struct attest_pcrs *pcrs,
		       struct attest_verdict *verdict)
{
	uint32_t missing = (policy->pcrs | policy->valued | pcrs_of_lists(policy)) &
			   ~pcrs->has[ATTEST_SHA256];

	check_values(policy, pcrs, verdict);
	if (missing)
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.selection",
				   "ask for a quote of all PCRs that the policy wants",
				   "PCR %d of the SHA-256 bank is wanted by the policy and was not "
				   "quoted", __builtin_ctz(missing))
			->pcr = __builtin_ctz(missing);
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
	if (!list || !*text || policy_has(list, text))
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
		if (!(pcr_of_list(fact_name(kind)) & ~pcrs->has[ATTEST_SHA256]))
			r |= json_object_set_new(root, fact_name(kind), json_array());
	if (!r && !fact_walk(log, pcrs, hash, learn_fact, root))
		return root;
	json_decref(root);
	return NULL;
}
