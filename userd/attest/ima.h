/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs of the Linux kernel's Integrity Measurement Architecture, in binary form
 * (Documentation/security/IMA-templates.rst of the kernel). All integers little-endian.
 *
 *	pcr u32 | template digest | length u32, template name | length u32, template data
 *
 * The template's name, or the name itself where it is a list "d-ng|n-ng|...", says which
 * fields the data has; each is a length u32 and bytes. The template digest is the one of the
 * data. It is SHA-1, but in binary_runtime_measurements_sha256 and the like.
 *
 * The oldest template, "ima", has no length of the data: digest [20] | length u32, name.
 *
 * The ASCII form is never read: a name with a newline makes a line of its own there.
 */
#ifndef ATTEST_IMA_H
#define ATTEST_IMA_H

#include "attest/attest.h"
#include "attest/hash.h"
#include "base/cursor.h"

#define IMA_BYTES_MAX	 (256u << 20)
#define IMA_TEMPLATE_MAX 128
#define IMA_ALGORITHM_MAX 24
#define IMA_PCR		 10

/**
 * struct ima_log - a walk over a log
 * @in: what is left
 * @bytes: all of it
 * @before: bytes of the log in front of these, which were read earlier
 * @entries: that were read
 * @bank: algorithm of the template digests
 * @verdict: hears what is wrong and where, as "ima.invalid"
 */
struct ima_log {
	struct cursor_in in;
	const uint8_t *bytes;
	size_t before;
	size_t entries;
	enum attest_bank bank;
	struct attest_verdict *verdict;
};

/**
 * struct ima_entry - an entry
 * @offset: in the log
 * @number: from 0
 * @pcr: that was extended
 * @digest: template digest, as it is logged
 * @template: name of it, harmless text
 * @known: its fields are known here, and tell of what and with which digest
 * @legacy: it is the template "ima"
 * @data: template data; of a legacy one, the file's digest
 * @size: bytes of it
 * @violation: a file was written while it was measured, so nothing was
 * @algorithm: of the file's digest, harmless text; empty for none
 * @file_digest: of the file
 * @file_digest_size: bytes of it
 * @verity: that is the one of fs-verity
 * @signature: of the file, as its xattr; NULL for none
 * @signature_size: bytes of it
 * @buffer: what was measured, where it was no file; NULL for none
 * @buffer_size: bytes of it
 * @path: of the file, or what else was measured; no NUL
 * @path_size: bytes of it
 */
struct ima_entry {
	size_t offset;
	size_t number;
	uint32_t pcr;
	const uint8_t *digest;
	char template[IMA_TEMPLATE_MAX];
	bool known;
	bool legacy;
	const uint8_t *data;
	size_t size;
	bool violation;
	char algorithm[IMA_ALGORITHM_MAX];
	const uint8_t *file_digest;
	size_t file_digest_size;
	bool verity;
	const uint8_t *signature;
	size_t signature_size;
	const uint8_t *buffer;
	size_t buffer_size;
	const uint8_t *path;
	size_t path_size;
};

/**
 * ima_open() - begin to read a log
 * @ret: the walk
 * @bytes: whole log
 * @length: bytes of it
 * @verdict: hears what is wrong
 *
 * Return: 0; -EBADMSG (empty, too large, or no such log).
 */
int ima_open(struct ima_log *ret, const uint8_t *bytes, size_t length,
	     struct attest_verdict *verdict);

/**
 * ima_next() - read the next entry
 *
 * Return: 1 and @ret; 0 at the end; -EBADMSG (malformed; the verdict says where).
 */
int ima_next(struct ima_log *log, struct ima_entry *ret);

/** ima_template_digest() - the digest of the entry's data, as the kernel computes it */
void ima_template_digest(const struct ima_entry *entry, struct hash *hash, enum attest_bank bank,
			 uint8_t ret[ATTEST_DIGEST_MAX]);

/**
 * struct ima_point - the entry up to which PCR values vouched for a log
 * @entries: up to there; 0: there is no such point, or no one that can be gone on from
 * @bytes: of them
 * @bank: algorithm of the template digests
 * @banks: of which @value is known, bit n for bank n
 * @padded: those of them that were extended with the SHA-1 digest and zeros
 * @old: violations extended those with 20 bytes of ones
 * @value: of PCR 10; the log extends no other one
 * @violations: among the entries
 * @boot_aggregate_status: of it
 * @reasons: that the verdict had then
 */
struct ima_point {
	size_t entries;
	size_t bytes;
	enum attest_bank bank;
	uint32_t banks;
	uint32_t padded;
	bool old;
	uint8_t value[_ATTEST_BANK_MAX][ATTEST_DIGEST_MAX];
	size_t violations;
	enum attest_status boot_aggregate_status;
	size_t reasons;
};

/**
 * ima_resume() - begin to read what follows a point
 * @ret: the walk
 * @point: where it begins
 * @bytes: what follows, may be nothing
 * @length: bytes of it
 * @verdict: hears what is wrong
 */
void ima_resume(struct ima_log *ret, const struct ima_point *point, const uint8_t *bytes,
		size_t length, struct attest_verdict *verdict);

/**
 * struct ima_result - what a log came to
 * @entries: in it
 * @attested: entries from the first one that the given PCR values vouch for
 * @violations: among the entries
 * @template: of the first entry
 * @boot_aggregate: "ALGORITHM:DIGEST" of the first entry; empty where it has none
 * @boot_aggregate_status: ATTEST_UNKNOWN where it could not be compared
 * @pcrs: values after the last entry, of the banks @given has, SHA-1 and SHA-256
 * @padded: banks that were extended with the SHA-1 digest and zeros, bit n for bank n
 * @point: to go on from, where the log has grown
 */
struct ima_result {
	size_t entries;
	size_t attested;
	size_t violations;
	char template[IMA_TEMPLATE_MAX];
	char boot_aggregate[IMA_ALGORITHM_MAX + ATTEST_HEX_MAX];
	enum attest_status boot_aggregate_status;
	struct attest_pcrs pcrs;
	uint32_t padded;
	struct ima_point point;
};

/**
 * ima_appraise() - read, replay and appraise a log
 * @ret: what it came to
 * @bytes: whole log
 * @length: bytes of it
 * @hash: computes
 * @given: PCR values of the TPM; NULL for none
 * @verdict: hears "ima.invalid", "ima.template-hash", "ima.replay", "ima.violation",
 *	"ima.boot-aggregate" and "ima.template"
 *
 * PCR values were read before the log was, so they vouch for its first entries.
 *
 * Return: 0; -EBADMSG (malformed).
 */
int ima_appraise(struct ima_result *ret, const uint8_t *bytes, size_t length, struct hash *hash,
		 const struct attest_pcrs *given, struct attest_verdict *verdict);

/**
 * ima_appraise_more() - the same for a log that has grown
 * @ret: what it came to; counts are of the whole log, @template and @boot_aggregate empty
 * @point: up to which it was appraised
 * @bytes: what follows
 * @length: bytes of it, may be 0
 * @hash: computes
 * @given: PCR values of the TPM
 * @verdict: hears of what follows alone
 *
 * That these bytes follow those of then only the PCR values tell: they are to follow too.
 *
 * Return: 0; -EBADMSG (malformed); -ESTALE (the PCR values do not follow: appraise it whole).
 */
int ima_appraise_more(struct ima_result *ret, const struct ima_point *point, const uint8_t *bytes,
		      size_t length, struct hash *hash, const struct attest_pcrs *given,
		      struct attest_verdict *verdict);

#endif /* ATTEST_IMA_H */
