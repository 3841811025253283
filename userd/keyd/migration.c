// SPDX-License-Identifier: BSD-3-Clause
/*
 * The file of the migration key; see the header.
 */
#include "keyd/migration.h"

#include <errno.h>

#include "base/secret.h"
#include "seal/keyfile.h"
#include "seal/wrap.h"

#define FILE_NAME "migration"

/* No UUID of a vTPM: those are of version 4 (RFC 9562, 5.4). */
static const uint8_t name[IPC_UUID_SIZE] = "migration key";

static bool is_anchored(const struct keyd *keyd)
{
	return keyd->root.mode != KEYD_ROLLBACK_OFF;
}

int migration_get(const struct keyd *keyd, struct data_key *ret)
{
	uint8_t wrapped[WRAP_SIZE + 1];
	ssize_t length = keyfile_load(keyd->root.directory, FILE_NAME, wrapped, sizeof(wrapped));

	if (length < 0)
		return (int)length;
	return unwrap_key(keyd->root.key, is_anchored(keyd), name,
			  (struct seal_bytes){ wrapped, (size_t)length }, ret);
}

bool migration_is_here(const struct keyd *keyd)
{
	struct data_key key = { 0 };
	bool here = keyd->root.state == KEYD_STATE_UNLOCKED && !migration_get(keyd, &key);

	secret_wipe(&key, sizeof(key));
	return here;
}

int migration_put(const struct keyd *keyd, const uint8_t key[KEYD_DATA_KEY_SIZE])
{
	uint8_t wrapped[WRAP_SIZE];
	struct data_key data;
	int r = data_key_new(&data);

	if (!r && cursor_copy(data.key, sizeof(data.key), key, KEYD_DATA_KEY_SIZE))
		r = wrap_key(keyd->root.key, is_anchored(keyd), name, &data, wrapped);
	secret_wipe(&data, sizeof(data));
	return r ? r
		 : keyfile_save(keyd->root.directory, FILE_NAME,
				(struct seal_bytes){ wrapped, sizeof(wrapped) });
}
