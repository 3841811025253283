// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the taking over of the resource manager's tables: what is taken is what would
 * be written, and what is not leaves no clients. The memory of the contexts is all zeros,
 * so that an input can name one by the digest of so many of them.
 */
#include "rm/test_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	model_unpack(data, size);
	return 0;
}
