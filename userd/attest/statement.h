/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a TPM says about itself and signs: TPMS_ATTEST (Part 2, 10.12.8).
 *
 *	magic u32 | type u16 | qualifiedSigner 2B | extraData 2B
 *	| clock u64 | resetCount u32 | restartCount u32 | safe u8
 *	| firmwareVersion u64 | what is attested, by type
 *
 *	QUOTE		count u32 { hash u16 | size u8 | bitmap } | pcrDigest 2B
 *	CERTIFY		name 2B | qualified name 2B
 *	CREATION	name 2B | digest of the creation data 2B
 *	NV		name 2B | offset u16 | contents 2B
 *	TIME		time u64 | clock, as above | firmwareVersion u64
 *
 * A key that is not restricted signs anything, and a restricted one nothing from outside
 * that begins with the magic: so the magic means "a TPM said this" for restricted keys only.
 */
#ifndef ATTEST_STATEMENT_H
#define ATTEST_STATEMENT_H

#include "attest/attest.h"
#include "attest/hash.h"

#define STATEMENT_BYTES_MAX 4096
#define STATEMENT_MAGIC	    0xff544347 /* Part 2, 6.2 TPM_GENERATED_VALUE */
#define SELECTION_BANKS	    16

/* Part 2, 6.9 TPM_ST */
#define TPM_ST_ATTEST_NV       0x8014
#define TPM_ST_ATTEST_CERTIFY  0x8017
#define TPM_ST_ATTEST_QUOTE    0x8018
#define TPM_ST_ATTEST_TIME     0x8019
#define TPM_ST_ATTEST_CREATION 0x801a

/**
 * struct selection - PCRs, in the order in which their values are hashed
 * @count: of @banks
 * @banks: that were selected; _ATTEST_BANK_MAX: one that is not known here
 * @pcrs: of each, bit n for PCR n
 */
struct selection {
	size_t count;
	enum attest_bank banks[SELECTION_BANKS];
	uint32_t pcrs[SELECTION_BANKS];
};

/**
 * struct statement_clock - TPMS_CLOCK_INFO (Part 2, 10.11.1)
 * @clock: milliseconds that the TPM was powered
 * @resets: TPM Resets, obfuscated for keys of most hierarchies: compare for one key only
 * @restarts: TPM Restarts and Resumes, the same
 * @safe: no higher @clock was ever reported
 */
struct statement_clock {
	uint64_t clock;
	uint32_t resets;
	uint32_t restarts;
	bool safe;
};

/**
 * struct statement - a TPMS_ATTEST
 * @type: TPM_ST_ATTEST_*
 * @signer: qualified name of the key that signs
 * @extra: what the caller gave, such as a nonce
 * @clock: when it was said
 * @firmware: version of the TPM's
 * @selection: of a quote
 * @digest: of a quote's values; of creation data; contents of an NV index
 * @name: of what is certified, was created, or is read
 * @qualified: of what is certified
 * @offset: in the NV index
 */
struct statement {
	uint16_t type;
	struct hash_part signer;
	struct hash_part extra;
	struct statement_clock clock;
	uint64_t firmware;
	struct selection selection;
	struct hash_part digest;
	struct hash_part name;
	struct hash_part qualified;
	uint16_t offset;
};

/**
 * statement_parse() - read a TPMS_ATTEST
 * @ret: points into @bytes
 * @bytes: all of it
 * @length: how many
 * @verdict: hears "quote.magic", "quote.type", "quote.invalid"
 *
 * Return: 0; -EBADMSG (it is none, or does not end with its last byte).
 */
int statement_parse(struct statement *ret, const uint8_t *bytes, size_t length,
		    struct attest_verdict *verdict);

/** statement_type_name() - such as "quote"; "unknown" */
const char *statement_type_name(uint16_t type);

/** selection_size() - bytes of the values; 0 where a bank is not known */
size_t selection_size(const struct selection *selection);

#endif /* ATTEST_STATEMENT_H */
