// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify ima: read, replay, compare.
 */
#include "attest/ima.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "verifier/verifier.h"

/**
 * struct appraisal - one log and what it came to
 * @result: numbers
 * @given: PCR values
 * @verdict: of it all
 */
struct appraisal {
	struct ima_result result;
	struct attest_pcrs given;
	struct attest_verdict verdict;
};

static void freep(char **bytes)
{
	free(*bytes);
}

static json_t *to_json(const struct ima_result *result)
{
	json_t *padded = json_array();
	int r = !padded;

	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		if (result->padded & 1u << bank)
			r |= json_array_append_new(padded, json_string(hash_name(bank)));
	if (r) {
		json_decref(padded);
		return NULL;
	}
	return json_pack("{s:s?, s:I, s:I, s:I, s:o, s:o, s:s?, s:s}", "template",
			 *result->template ? result->template : NULL, "entries",
			 (json_int_t)result->entries, "attested", (json_int_t)result->attested,
			 "violations", (json_int_t)result->violations, "pcrs",
			 verifier_json_pcrs(&result->pcrs), "padded_banks", padded,
			 "boot_aggregate", *result->boot_aggregate ? result->boot_aggregate : NULL,
			 "boot_aggregate_status",
			 attest_status_name(result->boot_aggregate_status));
}

static void to_lines(const struct ima_result *result)
{
	char hex[ATTEST_HEX_MAX];

	printf("template: %s\nentries: %zu\nattested: %zu\nviolations: %zu\n"
	       "boot aggregate: %s (%s)\n",
	       result->template, result->entries, result->attested, result->violations,
	       *result->boot_aggregate ? result->boot_aggregate : "none",
	       attest_status_name(result->boot_aggregate_status));
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		for (int pcr = 0; pcr < ATTEST_PCRS; pcr++) {
			if (!(result->pcrs.has[bank] & 1u << pcr))
				continue;
			attest_text_hex(hex, result->pcrs.value[bank][pcr], hash_size(bank));
			printf("%s %2d %s\n", hash_name(bank), pcr, hex);
		}
	}
}

static int appraise(const struct verifier *verifier, const char *path, struct appraisal *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	_cleanup_(freep) char *bytes = NULL;
	size_t length;
	bool given;
	int r;

	if (!hash)
		return -ENOMEM;
	r = verifier_pcrs_read(verifier, &ret->verdict, &ret->given, &given);
	if (!r)
		r = verifier_file_read(path, IMA_BYTES_MAX, "log.missing", &ret->verdict, &bytes,
				       &length);
	if (!r)
		r = ima_appraise(&ret->result, (const uint8_t *)bytes, length, hash,
				 given ? &ret->given : NULL, &ret->verdict);
	return !r && hash_failed(hash) ? -EIO : r;
}

enum verifier_exit verifier_ima(const struct verifier *verifier, const char *path)
{
	struct appraisal *appraisal = calloc(1, sizeof(*appraisal));
	enum verifier_exit status;
	int r;

	if (!appraisal)
		return verifier_end(verifier, NULL, NULL, -ENOMEM);
	appraisal->result.boot_aggregate_status = ATTEST_UNKNOWN;
	r = appraise(verifier, path, appraisal);
	if (!verifier->json)
		to_lines(&appraisal->result);
	status = verifier_end(verifier, &appraisal->verdict,
			      verifier->json ? to_json(&appraisal->result) : NULL, r);
	free(appraisal);
	return status;
}
