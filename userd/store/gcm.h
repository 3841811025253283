/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-256-GCM (NIST SP 800-38D) with one key, set up once: no allocation and no key
 * schedule per message, unless the direction changes.
 *
 * The caller answers for the nonce: a pair of key and nonce seals one message, ever.
 */
#ifndef STORE_GCM_H
#define STORE_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_SIZE   32
#define GCM_NONCE_SIZE 12
#define GCM_TAG_SIZE   16

/**
 * struct gcm - a key, ready to be used
 * @context: EVP_CIPHER_CTX, NULL for an empty one
 * @key: for the day the direction changes
 * @keyed: @context has the key
 * @sealing: direction it has it for
 */
struct gcm {
	void *context;
	uint8_t key[GCM_KEY_SIZE];
	bool keyed;
	bool sealing;
};

/**
 * struct gcm_part - a piece of a message
 * @from: bytes to seal or open
 * @to: where they go, of the same length; may be @from
 * @length: how many
 */
struct gcm_part {
	const void *from;
	void *to;
	size_t length;
};

/** gcm_init() - take a copy of @key. Return: 0 or -ENOMEM; gcm_done() is fine after both */
int gcm_init(struct gcm *gcm, const uint8_t key[GCM_KEY_SIZE]);

/** gcm_done() - wipe it; an empty one is fine */
void gcm_done(struct gcm *gcm);

/** gcm_nonce() - the nonce of that number, for who counts */
void gcm_nonce(uint8_t ret[GCM_NONCE_SIZE], uint64_t number);

/**
 * gcm_seal() - encrypt a message of some parts, authenticate it and @aad
 * @gcm: key
 * @nonce: never used before with this key
 * @aad: bytes that are authenticated and not encrypted
 * @aad_length: how many
 * @parts: the message
 * @count: parts of it
 * @ret_tag: authentication tag
 *
 * Return: 0; -ENOMEM (OpenSSL failed; the output is of no use).
 */
int gcm_seal(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], const void *aad,
	     size_t aad_length, const struct gcm_part *parts, unsigned int count,
	     uint8_t ret_tag[GCM_TAG_SIZE]);

/**
 * gcm_open() - the way back
 *
 * Return: 0; -EBADMSG (not what gcm_seal() made of these; the output is wiped);
 * -ENOMEM (the same).
 */
int gcm_open(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], const void *aad,
	     size_t aad_length, const struct gcm_part *parts, unsigned int count,
	     const uint8_t tag[GCM_TAG_SIZE]);

#endif /* STORE_GCM_H */
