/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine can vouch for: the statements (TPMS_ATTEST) that its TPM made last, by their
 * digests, and quotes that it asks of its TPM itself. It tells keyd by a claim (wire/leaf.h).
 *
 * Digests are in this process alone. The engine that goes on after its death knows none of
 * them: who wants a statement vouched for makes another one.
 */
#ifndef ENGINE_EVIDENCE_H
#define ENGINE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/leaf.h"

/** define EVIDENCE_KEPT - digests that are known; the oldest makes room */
#define EVIDENCE_KEPT 16

/**
 * struct evidence - all that is known
 * @key: under which claims are made
 * @since: epoch it is bound to
 * @digests: SHA-256 of statements; zeros: none yet
 * @next: place of the next one
 */
struct evidence {
	uint8_t key[LEAF_KEY_SIZE];
	uint64_t since;
	uint8_t digests[EVIDENCE_KEPT][LEAF_HASH];
	unsigned int next;
};

/**
 * evidence_note() - a command was answered: if it made a statement, keep its digest
 * @code: TPM_CC
 * @response: that leaves
 * @length: bytes of it
 *
 * One that an encrypting session hid is not known by what it was.
 */
void evidence_note(struct evidence *evidence, uint32_t code, const uint8_t *response,
		   size_t length);

/** evidence_knows() - was that statement made here, lately? */
bool evidence_knows(const struct evidence *evidence, const uint8_t digest[LEAF_HASH]);

#endif /* ENGINE_EVIDENCE_H */
