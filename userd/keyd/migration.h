/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration key: what the hosts of one administrator have in common, and seal states with
 * that a monitor of virtual machines carries from one to the other.
 *
 * It is given by a person and kept in STATE_DIR/keys/migration, wrapped by the host root key
 * like a data key, under a name in place of a UUID.
 */
#ifndef KEYD_MIGRATION_H
#define KEYD_MIGRATION_H

#include "keyd/keyd.h"

/**
 * migration_get() - unwrap it
 * @ret: the caller wipes it
 *
 * Return: 0; -ENOENT (this host has none); -EKEYREJECTED (not of this host, or changed);
 * another -errno of the file.
 */
int migration_get(const struct keyd *keyd, struct data_key *ret);

/** migration_is_here() - can it be unwrapped? No, while the host is locked */
bool migration_is_here(const struct keyd *keyd);

/** migration_put() - wrap and keep it. Return: 0; -EIO; -errno of keyfile_save() */
int migration_put(const struct keyd *keyd, const uint8_t key[KEYD_DATA_KEY_SIZE]);

#endif /* KEYD_MIGRATION_H */
