/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a person typed, on its way through the manager in a box that only keyd opens.
 */
#ifndef KEYD_TYPED_H
#define KEYD_TYPED_H

#include "keyd/keyd.h"
#include "seal/box.h"

/**
 * typed_password() - the owner password
 * @box: empty for none
 * @ret: room for BOX_TEXT_MAX bytes; the caller wipes it
 * @ret_length: bytes of it, 0 for none
 *
 * Return: 0; -EKEYREJECTED (not for this session key), with a reason.
 */
int typed_password(const struct keyd *keyd, struct seal_bytes box, uint8_t ret[BOX_TEXT_MAX],
		   size_t *ret_length, struct reason *reason);

/**
 * typed_root_key() - a host root key, from the recovery code
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; -EKEYREJECTED (not for this session key, or no root key), with a reason.
 */
int typed_root_key(const struct keyd *keyd, struct seal_bytes box, uint8_t ret[SEAL_KEY_SIZE],
		   struct reason *reason);

/**
 * typed_migration_key() - a migration key
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; -EKEYREJECTED (not for this session key, or no such key), with a reason.
 */
int typed_migration_key(const struct keyd *keyd, struct seal_bytes box,
			uint8_t ret[KEYD_DATA_KEY_SIZE], struct reason *reason);

#endif /* KEYD_TYPED_H */
