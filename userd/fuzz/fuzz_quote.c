// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz quotes: the first byte says which file of an honest quote the rest stands for.
 * Whatever it is, nothing but the honest one passes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/test_quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct test_quote *honest;
	struct quote_evidence evidence;
	struct hash_part *part;
	struct quote quote;
	int r;

	if (!size)
		return 0;
	if (!honest)
		honest = test_quote_new(false);
	evidence = test_quote_evidence(honest);
	part = (struct hash_part *[]){ &evidence.message, &evidence.signature, &evidence.pcrs,
				       &evidence.ak }[data[0] % 4];
	*part = (struct hash_part){ data + 1, size - 1 };
	verdict = (struct attest_verdict){ 0 };
	r = quote_check(&quote, &evidence, honest->hash, &verdict);
	if (r && (r != -EBADMSG || !verdict.malformed || verdict.status != ATTEST_FAILED))
		abort();
	/* The same values may be written in many ways, and a signature has a twin. */
	if (verdict.status == ATTEST_PASSED && part != &evidence.pcrs &&
	    part != &evidence.signature)
		abort();
	if (verdict.status == ATTEST_PASSED &&
	    quote.pcrs.has[ATTEST_SHA256] != honest->values.has[ATTEST_SHA256])
		abort();
	return 0;
}
