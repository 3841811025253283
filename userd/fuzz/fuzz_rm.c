// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the resource manager: what several clients do, over a TPM that can be looked into
 * (rm/tpm_for_tests.c). With the first byte odd the input is any commands with any
 * handles; otherwise steps of a model that knows each answer, with deaths, commits that
 * fail, and faults of the TPM.
 */
#include "rm/test_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		model_storm(data + 1, size - 1);
	else
		model_run(data + 1, size - 1);
	return 0;
}
