/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The envelope: what leaves an engine to be kept, sealed with its TPM's data key.
 *
 *	magic u64 | version u32 | kind u32 | uuid 16 | epoch u64 | generation u64 |
 *	key id u32 | nonce 12 | length u32 | ciphertext | tag 16
 *
 * AES-256-GCM with a fresh random nonce; all that stands before the ciphertext is
 * authenticated with it. So an envelope opens where the TPM, the kind, the epoch and the
 * generation are those it was made for, and nowhere else. Who keeps it can
 * withhold it or give an older one, and the generation shows that; what it says he can
 * neither learn nor change.
 *
 * Random nonces bound a data key to 2^32 envelopes (SP 800-38D, 8.3): at a thousand
 * commits a second that is fifty days without a pause.
 */
#ifndef STORE_ENVELOPE_H
#define STORE_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "store/gcm.h"

#define ENVELOPE_UUID_SIZE 16
#define ENVELOPE_HEAD_SIZE 68
/** define ENVELOPE_OVERHEAD - bytes of an envelope besides what it holds */
#define ENVELOPE_OVERHEAD (ENVELOPE_HEAD_SIZE + GCM_TAG_SIZE)

/**
 * enum envelope_kind - what is in it
 * @ENVELOPE_PERMANENT: permanent state of libtpms
 * @ENVELOPE_UNIT_KEY: key of an engine's checkpoint; its generation is the
 *	instance of the device
 * @ENVELOPE_CARRIED_PERMANENT: permanent state on its way to another host, under a key that
 *	both have and for the nil uuid in epoch 0
 * @ENVELOPE_CARRIED_VOLATILE: the volatile state of the same generation
 */
enum envelope_kind {
	ENVELOPE_PERMANENT = 1,
	ENVELOPE_UNIT_KEY = 2,
	ENVELOPE_CARRIED_PERMANENT = 3,
	ENVELOPE_CARRIED_VOLATILE = 4,
};

/**
 * struct envelope_key - a data key, and what it is for
 * @gcm: the key
 * @uuid: TPM
 * @epoch: changes where its history forks: restore, revert, move
 * @id: of the key
 */
struct envelope_key {
	struct gcm gcm;
	uint8_t uuid[ENVELOPE_UUID_SIZE];
	uint64_t epoch;
	uint32_t id;
};

/**
 * struct envelope_head - what an envelope says of itself, to be believed once it opens
 * @kind: what is in it
 * @uuid: TPM
 * @epoch: of its history
 * @generation: of the state
 */
struct envelope_head {
	uint32_t kind;
	uint8_t uuid[ENVELOPE_UUID_SIZE];
	uint64_t epoch;
	uint64_t generation;
};

/**
 * envelope_look() - read the head of an envelope, without its key
 *
 * Return: 0; -EBADMSG (it is no envelope, or has not the length it says).
 */
int envelope_look(const void *from, size_t length, struct envelope_head *ret);

/**
 * envelope_key_init() - set up a data key
 * @key: to be set up; the caller ends it with envelope_key_done()
 * @bytes: the data key, copied
 * @uuid: TPM
 * @epoch: of its history
 * @id: of the key
 *
 * Return: 0 or -ENOMEM.
 */
int envelope_key_init(struct envelope_key *key, const uint8_t bytes[GCM_KEY_SIZE],
		      const uint8_t uuid[ENVELOPE_UUID_SIZE], uint64_t epoch, uint32_t id);

/** envelope_key_done() - wipe it; an empty one is fine */
void envelope_key_done(struct envelope_key *key);

/**
 * envelope_seal() - make an envelope
 * @key: data key
 * @kind: what is in it
 * @generation: of the state
 * @from: bytes to hold
 * @length: how many
 * @to: buffer for it
 * @room: bytes of that
 * @ret_length: bytes of the envelope, @length + ENVELOPE_OVERHEAD
 *
 * Return: 0; -EFBIG (@room is too small); -EIO (no random numbers); -ENOMEM.
 */
int envelope_seal(struct envelope_key *key, enum envelope_kind kind, uint64_t generation,
		  const void *from, size_t length, void *to, size_t room, size_t *ret_length);

/**
 * envelope_open() - take out what is in an envelope
 * @key: data key
 * @kind: expected
 * @generation: expected
 * @from: envelope
 * @length: bytes of it
 * @to: buffer for what is in it; wiped when it does not open
 * @room: bytes of that
 * @ret_length: bytes taken out
 * @ret_reason: constant sentence; set for -EBADMSG
 *
 * Return: 0; -EBADMSG (not an envelope for these); -ENOMEM.
 */
int envelope_open(struct envelope_key *key, enum envelope_kind kind, uint64_t generation,
		  const void *from, size_t length, void *to, size_t room, size_t *ret_length,
		  const char **ret_reason);

#endif /* STORE_ENVELOPE_H */
