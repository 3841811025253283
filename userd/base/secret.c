// SPDX-License-Identifier: BSD-3-Clause
/*
 * Wipe and compare; see the header.
 */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>

void secret_wipe(void *secret, size_t length)
{
	if (secret && length)
		explicit_bzero(secret, length);
}

bool secret_equal(const void *a, const void *b, size_t length)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < length; i++)
		differ |= (uint8_t)(x[i] ^ y[i]);
	return !differ;
}
