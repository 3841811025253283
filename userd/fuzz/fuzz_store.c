// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the loading of a plain store: two records are committed, then the input
 * changes bytes of the file, {slot and offset u16, value u8} each. Whatever it
 * does, a record that loads must be one that was committed.
 *
 * With the first byte odd, the input is the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOT (512 << 10)

static const char *const texts[] = { "", "the first record", "the second, and longer, record" };

static void change(int fd, const uint8_t *data, size_t size)
{
	struct cursor_in in = cursor_in(data, size);

	for (;;) {
		uint16_t place = cursor_get_u16(&in);
		uint8_t value = cursor_get_u8(&in);

		if (in.bad)
			return;
		if (pwrite(fd, &value, 1, (place >> 15) * SLOT + (place & 0x7f)) != 1)
			abort();
	}
}

static void check(const struct store_record *record)
{
	if (record->state == STORE_CORRUPT && !record->reason)
		abort();
	if (record->state != STORE_OK)
		return;
	if (record->generation < 1 || record->generation > 2 ||
	    record->length != strlen(texts[record->generation]) ||
	    !secret_equal(record->bytes, texts[record->generation], record->length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store *store;
	static int fd = -1;
	struct store_record record;

	if (!size)
		return 0;
	if (!store) {
		fd = memfd_create("state", MFD_CLOEXEC);
		store = store_plain_new(fd);
	}
	if (fd < 0 || !store || ftruncate(fd, 0) || store_load(store, &record))
		abort();

	if (data[0] & 1) {
		if (pwrite(fd, data + 1, size - 1, 0) < 0)
			abort();
	} else {
		for (uint64_t i = 1; i <= 2; i++)
			if (store_commit(store, i, texts[i], strlen(texts[i])))
				abort();
		change(fd, data + 1, size - 1);
	}

	if (store_load(store, &record))
		abort();
	check(&record);
	return 0;
}
