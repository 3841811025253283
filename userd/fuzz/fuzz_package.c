// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz packages: what is read as a head is written again byte for byte, so no two heads say the
 * same; facts and what is signed are its beginning.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/secret.h"
#include "wire/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *data, size_t size)
{
	uint8_t again[PACKAGE_HEAD_MAX];
	struct package package;
	size_t length;

	if (!package_get_head(data, size, &package))
		return;
	if (package_put_head(&package, again) != size || !secret_equal(again, data, size))
		abort();
	length = package_put_facts(&package, again);
	if (!length || length >= size || !secret_equal(again, data, length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct package_bytes head, envelope;

	look(data, size);
	if (package_split(data, size, &head, &envelope)) {
		if (head.length + envelope.length + 4 != size)
			abort();
		look(head.at, head.length);
	}
	return 0;
}
