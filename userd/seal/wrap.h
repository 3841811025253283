/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data keys: 32 random bytes per vTPM, which leave this process only wrapped, or to
 * the engine they are for.
 *
 *	wrapped	kind u8 | key id u32 | nonce (12) | ciphertext (32) | tag (16)
 *
 * AES-256-GCM under a key derived from the host root key for this purpose; kind,
 * uuid and key id are authenticated. A wrapped key of one vTPM does not open as that
 * of another, and none opens on another host. Nor does one of an anchored host
 * (seal/anchor.h) open where keyd takes it for one that is not.
 *
 * The kind says what the engine may do with the key's vTPM: who can write to the store cannot
 * change it.
 */
#ifndef SEAL_WRAP_H
#define SEAL_WRAP_H

#include <stdbool.h>

#include "seal/crypto.h"
#include "wire/ipc.h"
#include "wire/ipc_keyd.h"

#define WRAP_SIZE (1 + 4 + SEAL_NONCE_SIZE + KEYD_DATA_KEY_SIZE + SEAL_TAG_SIZE)

/**
 * enum wrap_kind - first byte of what is wrapped
 * @WRAP_SEALED: the vTPM's state never leaves in clear
 * @WRAP_PLAIN: it may
 */
enum wrap_kind {
	WRAP_SEALED = 1,
	WRAP_PLAIN = 2,
};

/**
 * struct data_key - a data key in clear
 * @id: random, not 0; tells the keys of one vTPM apart
 * @plain: the state may leave in clear
 * @key: the key
 */
struct data_key {
	uint32_t id;
	bool plain;
	uint8_t key[KEYD_DATA_KEY_SIZE];
};

/** data_key_new() - a random one, not @plain; the caller wipes it. Return: 0; -EIO */
int data_key_new(struct data_key *ret);

/**
 * wrap_key() - wrap a data key
 * @root: host root key
 * @anchored: the host is
 * @uuid: of the vTPM it is for
 * @key: to wrap
 * @ret: wrapped
 *
 * Return: 0; -EIO.
 */
int wrap_key(const uint8_t root[SEAL_KEY_SIZE], bool anchored, const uint8_t uuid[IPC_UUID_SIZE],
	     const struct data_key *key, uint8_t ret[WRAP_SIZE]);

/**
 * unwrap_key() - the reverse
 * @ret: set on success, the caller wipes it
 *
 * Return: 0; -EKEYREJECTED (of another root key or uuid, not of the same @anchored, of an unknown
 * kind, or changed); -EIO.
 */
int unwrap_key(const uint8_t root[SEAL_KEY_SIZE], bool anchored, const uint8_t uuid[IPC_UUID_SIZE],
	       struct seal_bytes wrapped, struct data_key *ret);

#endif /* SEAL_WRAP_H */
