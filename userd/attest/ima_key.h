/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signatures of files in a log of IMA, as security.ima has them (kernel,
 * security/integrity/integrity.h), and the keys that are believed. Integers big-endian.
 *
 *	type u8 | version u8 | hash u8 | key id u32 | size u16 | signature
 *
 *	type 3, version 2	of the file's digest
 *	type 6, version 3	of the hash of { type u8 | hash u8 | digest }, by fs-verity
 *
 * A signature covers what a file holds, and not its name. Key ids are nobody's word: each key
 * is tried. Only SHA-256, SHA-384 and SHA-512 count.
 */
#ifndef ATTEST_IMA_KEY_H
#define ATTEST_IMA_KEY_H

#include <openssl/types.h>

#include "attest/ima.h"

#define IMA_KEYS_MAX 16

/**
 * struct ima_keys - keys that are believed
 * @key: public keys, RSA or EC
 * @count: how many
 */
struct ima_keys {
	EVP_PKEY *key[IMA_KEYS_MAX];
	size_t count;
};

/**
 * ima_keys_read() - read the "verification-keys" of a runtime policy of keylime
 * @keys: gets them; for ima_keys_done(), whatever is returned
 * @text: {"pubkeys": ["base64 of DER", ...]}; empty for none
 *
 * Return: what is wrong with it, NULL for nothing.
 */
const char *ima_keys_read(struct ima_keys *keys, const char *text);
void ima_keys_done(struct ima_keys *keys);

/** ima_keys_signed() - did one of them sign what this entry measured? */
bool ima_keys_signed(const struct ima_keys *keys, const struct ima_entry *entry);

#endif /* ATTEST_IMA_KEY_H */
