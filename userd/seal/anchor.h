/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a host is anchored to: the counter in its TPM that tells the newest store from an
 * older one, and how it is used. STATE_DIR/keys/anchor says so:
 *
 *	file	magic "vtpmanch" | version u16 | mode u8 | window u32 | handle u32
 *		| HMAC-SHA256 of all before (32), under a key derived from the host root key
 *
 * Nothing in it is secret, and nobody without the root key makes one. Whether a host is
 * anchored, and in which mode, is not believed to this file: the check value of the slots
 * file depends on it (seal/slots.h). So a host whose file was removed knows that it had
 * one. The counter knows the root key too, by its authValue, and can be found without the
 * file.
 */
#ifndef SEAL_ANCHOR_H
#define SEAL_ANCHOR_H

#include "seal/host_counter.h"
#include "wire/ipc_keyd.h"

#define ANCHOR_VERSION 1

/** define ANCHOR_WINDOW - seconds, where nothing else was wished */
#define ANCHOR_WINDOW	  600
#define ANCHOR_WINDOW_MIN 60
#define ANCHOR_WINDOW_MAX 86400

/**
 * struct anchor - how a host is anchored
 * @mode: LAZY or STRICT
 * @window: seconds between two counts in LAZY mode, for the manager
 * @handle: of the counter
 */
struct anchor {
	enum keyd_rollback mode;
	uint32_t window;
	uint32_t handle;
};

/**
 * anchor_load() - read the file
 * @directory: STATE_DIR/keys
 * @key: host root key; NULL: only to show what is there, it may be anybody's
 *
 * Return: 0; -ENOENT (there is none); -EBADMSG (broken, or of another host);
 * -EPROTONOSUPPORT (of another version); other -errno of openat() and pread(); with a reason.
 */
int anchor_load(int directory, const uint8_t *key, struct anchor *ret, struct reason *reason);

/**
 * anchor_make() - make a counter, and the file
 * @password: of the TPM's owner hierarchy, may be empty
 * @anchor: its mode and window; the handle is set
 *
 * Return: 0; as host_counter_make(); -errno of keyfile_save(), with a reason.
 */
int anchor_make(int directory, struct host *host, struct seal_bytes password,
		const uint8_t key[SEAL_KEY_SIZE], struct anchor *anchor, struct reason *reason);

/**
 * anchor_find() - look for the counter, and make the file anew
 * @anchor: its mode and window; the handle is set
 *
 * Return: 0; -ENXIO (there is no counter); as host_counter_find(); -errno of
 * keyfile_save(), with a reason.
 */
int anchor_find(int directory, struct host *host, const uint8_t key[SEAL_KEY_SIZE],
		struct anchor *anchor, struct reason *reason);

/** anchor_save() - write the file. Return: 0; -errno of keyfile_save(), with a reason */
int anchor_save(int directory, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
		struct reason *reason);

/** anchor_undo() - take counter and file away that were just made, as far as possible */
void anchor_undo(int directory, struct host *host, struct seal_bytes password,
		 const struct anchor *anchor);

/** anchor_read() - what the counter counted to. Return: as host_counter_read() */
int anchor_read(struct host *host, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
		uint64_t *ret_value, struct reason *reason);

/** anchor_add() - count once. Return: as host_counter_add() */
int anchor_add(struct host *host, const uint8_t key[SEAL_KEY_SIZE], const struct anchor *anchor,
	       struct reason *reason);

#endif /* SEAL_ANCHOR_H */
