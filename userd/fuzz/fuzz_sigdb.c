// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz EFI variables and signature databases: the input is a database, and, where it can
 * be read as a variable, that variable's value is one too. Entries lie inside of it, one
 * behind the other, and the walk ends.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "attest/sigdb.h"
#include "attest/variable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *data, size_t size)
{
	struct sigdb db = sigdb(data, size);
	const uint8_t *last = data;
	struct sigdb_entry entry;
	size_t total = 0;
	int r;

	while ((r = sigdb_next(&db, &entry)) > 0) {
		if (entry.owner < last || entry.data != entry.owner + 16 || !entry.size)
			abort();
		last = entry.data + entry.size;
		total += entry.size;
		if (last > data + size || total > size)
			abort();
	}
	if ((r && r != -EBADMSG) || sigdb_offset(&db) > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct variable variable;

	walk(data, size);
	if (variable_parse(&variable, data, size)) {
		if (variable.size + variable.extra > size)
			abort();
		walk(variable.data, variable.size);
	}
	return 0;
}
