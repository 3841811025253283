// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz plans: what is read as one is written again byte for byte, so no two files are the same
 * plan, and it is signed by nobody.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/secret.h"
#include "seal/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nobody[SEAL_POINT_SIZE] = { 4 };
	uint8_t again[PLAN_SIZE_MAX];
	struct plan plan;

	if (plan_parse((struct seal_bytes){ data, size }, &plan))
		return 0;
	if (plan_format(&plan, again) != size || !secret_equal(again, data, size))
		abort();
	if (!plan_verify(&plan, nobody, HOST_COUNTER_FIRST))
		abort();
	return 0;
}
