// SPDX-License-Identifier: BSD-3-Clause
/*
 * The file; see the header.
 */
#include "seal/proven.h"

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_NAME "proven"
#define MAGIC	  "vtpmprov"
#define MAGIC_LEN 8
#define VERSION	  1
#define FILE_SIZE (MAGIC_LEN + 2 + 8)

uint64_t proven_load(int directory)
{
	uint8_t file[FILE_SIZE + 1];
	ssize_t n = keyfile_load(directory, FILE_NAME, file, sizeof(file));
	struct cursor_in in = cursor_in(file, n > 0 ? (size_t)n : 0);
	const uint8_t *magic = cursor_get_bytes(&in, MAGIC_LEN);
	unsigned int version = cursor_get_u16(&in);
	uint64_t when = cursor_get_u64(&in);

	if (!cursor_ended(&in) || !secret_equal(magic, MAGIC, MAGIC_LEN) || version != VERSION)
		return 0;
	return when;
}

int proven_save(int directory, uint64_t when)
{
	uint8_t file[FILE_SIZE];
	struct cursor_out out = cursor_out(file, sizeof(file));

	cursor_put_raw(&out, MAGIC, MAGIC_LEN);
	cursor_put_u16(&out, VERSION);
	cursor_put_u64(&out, when);
	return keyfile_save(directory, FILE_NAME, (struct seal_bytes){ file, out.used });
}
