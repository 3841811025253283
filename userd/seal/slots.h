/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slots file, STATE_DIR/keys/slots: the host root key, once per way to get it.
 *
 *	file	magic "vtpmkeys" | version u16 | slots u16 | check value (32)
 *		| slot... | SHA-256 of all before (32)
 *	slot	kind u16 | length u16 | body
 *
 * Each body is understood by the file of its kind (seal/slot.h) alone; one of an
 * unknown kind is kept as it is. The check value tells a right root key from a wrong
 * one, and whether and how the host is anchored (seal/anchor.h): HMAC of a constant under a
 * key derived from root key and mode, so that nobody else changes that. The digest finds what a
 *disk or an editor did; against somebody who means it, it is the slots themselves that hold.
 *
 * A file is written beside the old one, synced and renamed over it. A file that is
 * broken or of a later version is never touched.
 */
#ifndef SEAL_SLOTS_H
#define SEAL_SLOTS_H

#include "seal/crypto.h"
#include "seal/reason.h"
#include "wire/ipc_keyd.h"

#define SLOTS_VERSION  1
#define SLOTS_MAX      8
#define SLOTS_BODY_MAX 4096

/** define SLOTS_FILE_MAX - largest slots file, in bytes */
#define SLOTS_FILE_MAX (8 + 2 + 2 + 2 * SEAL_HASH_SIZE + SLOTS_MAX * (4 + SLOTS_BODY_MAX))

/**
 * enum slot_kind - who can open a slot
 * @SLOT_NONE: anybody who can read the file (init --no-hardware)
 * @SLOT_TPM2: the host TPM
 * @SLOT_RECOVERY: who has the recovery code
 */
enum slot_kind {
	SLOT_NONE = 1,
	SLOT_TPM2 = 2,
	SLOT_RECOVERY = 3,
};

struct slot {
	uint16_t kind;
	uint16_t length;
	uint8_t body[SLOTS_BODY_MAX];
};

struct slots {
	uint8_t check[SEAL_HASH_SIZE];
	unsigned int count;
	struct slot slot[SLOTS_MAX];
};

/** slots_find() - the slot of a kind. Return: NULL if there is none */
const struct slot *slots_find(const struct slots *slots, enum slot_kind kind);

/** slots_remove() - take the slot of a kind out, if there is one */
void slots_remove(struct slots *slots, enum slot_kind kind);

/** slots_add() - add one. Return: 0; -ENOSPC (SLOTS_MAX are there) */
int slots_add(struct slots *slots, const struct slot *slot);

/**
 * slots_check_value() - what a root key's check value is
 * @mode: how the host is anchored
 *
 * Return: 0; -EIO.
 */
int slots_check_value(const uint8_t root[SEAL_KEY_SIZE], enum keyd_rollback mode,
		      uint8_t ret[SEAL_HASH_SIZE]);

/**
 * slots_match() - is this the root key of these slots? In constant time.
 * @ret_mode: how the host is anchored
 *
 * Return: 0; -EKEYREJECTED (it is not); -EIO.
 */
int slots_match(const struct slots *slots, const uint8_t root[SEAL_KEY_SIZE],
		enum keyd_rollback *ret_mode);

/**
 * slots_parse() - read the bytes of a file
 *
 * Return: 0; -EBADMSG (broken); -EPROTONOSUPPORT (of another version); with a reason.
 */
int slots_parse(struct seal_bytes file, struct slots *ret, struct reason *reason);

/**
 * slots_format() - write them
 * @to: room for SLOTS_FILE_MAX bytes
 * @ret_length: bytes written
 *
 * Return: 0; -EIO.
 */
int slots_format(const struct slots *slots, uint8_t *to, size_t *ret_length);

/**
 * slots_load() - read the file
 * @directory: STATE_DIR/keys
 *
 * Return: 0; -ENOENT (there is none), without a reason; -EBADMSG, -EPROTONOSUPPORT,
 * other -errno of openat() and pread(), with one.
 */
int slots_load(int directory, struct slots *ret, struct reason *reason);

/**
 * slots_save() - replace the file; the old one or the new one is there, whole, at
 * whatever moment the machine stops
 *
 * Return: 0; -errno of openat(), pwritev(), fsync(), renameat(), with a reason: the
 * old file is there, or the new one and nobody knows for how long.
 */
int slots_save(int directory, const struct slots *slots, struct reason *reason);

#endif /* SEAL_SLOTS_H */
