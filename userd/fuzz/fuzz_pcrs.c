// SPDX-License-Identifier: BSD-3-Clause
/* Fuzz PCR values as text: what is taken has values, what is refused has a reason. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attest_pcrs pcrs;
	uint32_t any = 0;
	int r;

	verdict = (struct attest_verdict){ 0 };
	r = attest_pcrs_read(&pcrs, (const char *)data, size, &verdict);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		any |= pcrs.has[bank];
	if (r ? r != -EBADMSG || !verdict.malformed : !any || verdict.count)
		abort();
	return 0;
}
