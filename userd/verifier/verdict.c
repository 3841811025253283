// SPDX-License-Identifier: BSD-3-Clause
/*
 * How a verdict leaves: as lines for people or as JSON for scripts, and as the exit status.
 */
#include "verifier/verifier.h"

#include <errno.h>
#include <stdio.h>

static json_t *json_text(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *json_number(long number)
{
	return number == ATTEST_NONE ? json_null() : json_integer(number);
}

static json_t *json_reason(const struct attest_reason *reason)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "code", reason->code,
			 "status", attest_status_name(reason->status), "pcr",
			 json_number(reason->pcr), "event", json_number(reason->event), "offset",
			 json_number(reason->offset), "expected", json_text(reason->expected),
			 "found", json_text(reason->found), "text", reason->text, "next",
			 reason->next);
}

int verifier_json_verdict(json_t *root, const struct attest_verdict *verdict)
{
	json_t *reasons = json_array(), *unchecked = json_array();
	int r = 0;

	for (size_t i = 0; i < verdict->count; i++)
		r |= json_array_append_new(reasons, json_reason(&verdict->reasons[i]));
	for (size_t i = 0; i < verdict->unchecked_count; i++)
		r |= json_array_append_new(unchecked, json_string(verdict->unchecked[i]));
	r |= json_object_set_new(root, "status",
				 json_string(attest_status_name(verdict->status)));
	r |= json_object_set_new(root, "reasons", reasons);
	r |= json_object_set_new(root, "reasons_dropped",
				 json_integer((json_int_t)verdict->dropped));
	return r | json_object_set_new(root, "not_checked", unchecked);
}

json_t *verifier_json_pcrs(const struct attest_pcrs *pcrs)
{
	json_t *root = json_object();
	int r = !root;

	for (enum attest_bank bank = 0; !r && bank < _ATTEST_BANK_MAX; bank++) {
		json_t *values;

		if (!pcrs->has[bank])
			continue;
		values = json_object();
		r |= json_object_set_new(root, hash_name(bank), values);
		for (int pcr = 0; pcr < ATTEST_PCRS; pcr++) {
			char name[12], hex[ATTEST_HEX_MAX];

			if (!(pcrs->has[bank] & 1u << pcr))
				continue;
			snprintf(name, sizeof(name), "%d", pcr);
			attest_text_hex(hex, pcrs->value[bank][pcr], hash_size(bank));
			r |= json_object_set_new(values, name, json_string(hex));
		}
	}
	if (!r)
		return root;
	json_decref(root);
	return NULL;
}

static void print_lines(const struct attest_verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct attest_reason *reason = &verdict->reasons[i];

		printf("%-8s %s: %s\n", attest_status_name(reason->status), reason->code,
		       reason->text);
		if (reason->offset != ATTEST_NONE)
			printf("         at byte %ld\n", reason->offset);
		if (*reason->expected)
			printf("         expected %s\n", reason->expected);
		if (*reason->found)
			printf("         found    %s\n", reason->found);
		printf("         next: %s\n", reason->next);
	}
	if (verdict->dropped)
		printf("and %zu more\n", verdict->dropped);
	for (size_t i = 0; i < verdict->unchecked_count; i++)
		printf("not checked: %s\n", verdict->unchecked[i]);
	printf("status: %s\n", attest_status_name(verdict->status));
}

static enum verifier_exit exit_of(const struct verifier *verifier,
				  const struct attest_verdict *verdict)
{
	if (verdict->malformed)
		return VERIFIER_EXIT_MALFORMED;
	switch (verdict->status) {
	case ATTEST_PASSED:
		return VERIFIER_EXIT_PASSED;
	case ATTEST_WARNING:
		return verifier->accept_warning ? VERIFIER_EXIT_PASSED : VERIFIER_EXIT_WARNING;
	case ATTEST_NA:
	case ATTEST_UNKNOWN:
		return VERIFIER_EXIT_UNKNOWN;
	default:
		return VERIFIER_EXIT_FAILED;
	}
}

static enum verifier_exit fail(const char *why)
{
	fprintf(stderr, "vtpm-verify: %s: nothing is said of the evidence, try again\n", why);
	return VERIFIER_EXIT_USAGE;
}

enum verifier_exit verifier_end(const struct verifier *verifier,
				const struct attest_verdict *verdict, json_t *root, int error)
{
	enum verifier_exit status;

	if (error && error != -EBADMSG) {
		json_decref(root);
		return fail(error == -ENOMEM ? "out of memory" : "libcrypto failed");
	}
	status = exit_of(verifier, verdict);
	if (!verifier->json) {
		print_lines(verdict);
	} else if (!root || verifier_json_verdict(root, verdict) ||
		   json_dumpf(root, stdout, JSON_INDENT(2)) || puts("") < 0) {
		status = fail("out of memory");
	}
	json_decref(root);
	return status;
}
