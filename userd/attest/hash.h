/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash algorithms of PCR banks, made ready once for many short inputs.
 *
 * Where libcrypto fails, the hasher remembers it and goes on with zeros: whoever used
 * it asks hash_failed() at the end and believes nothing then.
 */
#ifndef ATTEST_HASH_H
#define ATTEST_HASH_H

#include "attest/attest.h"

struct hash;

/**
 * struct hash_part - bytes of an input
 * @at: where
 * @length: how many
 */
struct hash_part {
	const void *at;
	size_t length;
};

/** hash_new() - a hasher; NULL without memory or algorithms. hash_free() ends it. */
struct hash *hash_new(void);
void hash_free(struct hash *hash);
void hash_freep(struct hash **hash);

/** hash_parts() - the digest in @ret of @count parts, one behind the other */
void hash_parts(struct hash *hash, enum attest_bank bank, const struct hash_part *parts,
		size_t count, uint8_t ret[ATTEST_DIGEST_MAX]);

/** hash_is() - is @digest, of the bank's size, the one of @length bytes at @bytes? */
bool hash_is(struct hash *hash, enum attest_bank bank, const void *bytes, size_t length,
	     const uint8_t *digest);

/** hash_extend() - what TPM2_PCR_Extend does to a PCR of @bank (Part 1, 17.4.2) */
void hash_extend(struct hash *hash, enum attest_bank bank, uint8_t *pcr, const uint8_t *digest);

/** hash_failed() - did any of it fail? */
bool hash_failed(const struct hash *hash);

/** hash_size() - bytes of a digest */
size_t hash_size(enum attest_bank bank);

/** hash_id() - its TPM_ALG_ID (Part 2, 6.3) */
uint16_t hash_id(enum attest_bank bank);

/** hash_openssl() - what libcrypto calls it */
const char *hash_openssl(enum attest_bank bank);

/** hash_name() - such as "sha256" */
const char *hash_name(enum attest_bank bank);

/** hash_by_name() - the bank that is called so; _ATTEST_BANK_MAX for none */
enum attest_bank hash_by_name(const char *name, size_t length);

/** hash_by_id() - the bank of a TPM_ALG_ID (Part 2, 6.3); _ATTEST_BANK_MAX for none */
enum attest_bank hash_by_id(uint16_t id);

#endif /* ATTEST_HASH_H */
