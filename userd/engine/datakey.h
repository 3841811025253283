/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data key, from keyd: one question and one answer on a connection of the
 * engine's own (wire/ipc_keyd.h). Neither the manager nor spawn ever sees it.
 */
#ifndef ENGINE_DATAKEY_H
#define ENGINE_DATAKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ipc.h"
#include "wire/ipc_keyd.h"
#include "wire/leaf.h"

/** define DATAKEY_PATIENCE_MS - how long keyd may take; a ticket lasts no longer either */
#define DATAKEY_PATIENCE_MS (KEYD_TICKET_SECONDS * 1000)

/**
 * struct datakey - what keyd gives
 * @id: of the key
 * @plain: the state may leave and come in clear
 * @key: the key
 * @entropy: random bytes of the host TPM
 * @entropy_length: how many, 0 where there is no host TPM
 * @migration_key: key that states are carried to another host under
 * @has_migration_key: the host has one
 * @claims: key under which the engine makes claims
 */
struct datakey {
	uint32_t id;
	bool plain;
	uint8_t key[KEYD_DATA_KEY_SIZE];
	uint8_t entropy[KEYD_ENTROPY_SIZE];
	size_t entropy_length;
	uint8_t migration_key[KEYD_DATA_KEY_SIZE];
	bool has_migration_key;
	uint8_t claims[LEAF_KEY_SIZE];
};

/**
 * datakey_fetch() - ask keyd
 * @fd: connection to keyd
 * @uuid: TPM
 * @ticket: that the manager got for it
 * @ret: the caller wipes it
 * @ret_sentence: IPC_TEXT_MAX bytes: why there is no key
 *
 * Return: 0; -ENOKEY, with a sentence.
 */
int datakey_fetch(int fd, const uint8_t uuid[IPC_UUID_SIZE], const uint8_t ticket[KEYD_TICKET_SIZE],
		  struct datakey *ret, char *ret_sentence);

#endif /* ENGINE_DATAKEY_H */
