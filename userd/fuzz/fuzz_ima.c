// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz logs of IMA: the input is one. It is judged without PCR values and with those it
 * replays to, which vouch for all of it unless it is malformed or empty.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hash *hash;
	struct attest_pcrs given;
	struct ima_result result;
	size_t entries;
	int r;

	if (!hash)
		hash = hash_new();
	verdict = (struct attest_verdict){ 0 };
	r = ima_appraise(&result, data, size, hash, NULL, &verdict);
	if (r != 0 && (r != -EBADMSG || !verdict.malformed || verdict.status != ATTEST_FAILED))
		abort();
	if (r)
		return 0;
	given = result.pcrs;
	entries = result.entries;
	verdict = (struct attest_verdict){ 0 };
	r = ima_appraise(&result, data, size, hash, &given, &verdict);
	if (r || result.entries != entries || !result.attested || hash_failed(hash))
		abort();
	given.value[ATTEST_SHA256][__builtin_ctz(given.has[ATTEST_SHA256])][0] ^= 1;
	verdict = (struct attest_verdict){ 0 };
	ima_appraise(&result, data, size, hash, &given, &verdict);
	if (verdict.status <= ATTEST_WARNING)
		abort();
	return 0;
}
