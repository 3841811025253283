// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz bundles: the input is one. What is read has all parts that it needs, PCRs, and a frame
 * where it is of a host.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attest_verdict verdict;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle bundle;
	int r;

	verdict = (struct attest_verdict){ 0 };
	r = bundle_read(&bundle, (const char *)data, size, &verdict);
	if (r && (r != -EBADMSG || !verdict.malformed))
		abort();
	for (enum bundle_part part = 0; !r && part < _BUNDLE_NEEDED; part++)
		if (!bundle.bytes[part] || !bundle.length[part])
			abort();
	if (!r && (bundle.kind == BUNDLE_HOST) != !!bundle.length[BUNDLE_FRAME])
		abort();
	bundle_done(&bundle);
	return 0;
}
