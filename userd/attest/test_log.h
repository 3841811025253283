/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs made for tests: a buffer that grows event by event, with digests that are true
 * unless a test wants them to lie.
 */
#ifndef ATTEST_TEST_LOG_H
#define ATTEST_TEST_LOG_H

#include "attest/eventlog.h"
#include "attest/test_quote.h"
#include "base/cursor.h"

#define TEST_LOG_MAX (2u << 20)

/**
 * struct test_log - a log that is being made
 * @out: its bytes
 * @bytes: room for them
 * @hash: computes digests
 * @banks: that events get digests of, bit n for bank n
 * @agile: crypto-agile format
 */
struct test_log {
	struct cursor_out out;
	uint8_t bytes[TEST_LOG_MAX];
	struct hash *hash;
	uint32_t banks;
	bool agile;
};

/** test_log_new() - an empty log; @banks 0: SHA-1 format, otherwise a Spec ID event first */
struct test_log *test_log_new(uint32_t banks);
void test_log_free(struct test_log *log);

void test_log_le16(struct test_log *log, uint16_t value);
void test_log_le32(struct test_log *log, uint32_t value);
void test_log_le64(struct test_log *log, uint64_t value);

/** test_log_event() - an event, whose digests are of other bytes than its data */
void test_log_event(struct test_log *log, uint32_t pcr, uint32_t type, const void *measured,
		    size_t measured_length, const void *data, size_t length);

/** test_log_true() - an event whose digests are of its data */
void test_log_true(struct test_log *log, uint32_t pcr, uint32_t type, const void *data,
		   size_t length);

/** test_log_text() - the same with a string, without its NUL */
void test_log_text(struct test_log *log, uint32_t pcr, uint32_t type, const char *text);

/** test_log_mute() - an EV_NO_ACTION event with digests of zeros */
void test_log_mute(struct test_log *log, uint32_t pcr, const void *data, size_t length);

/** test_log_variable_bytes() - UEFI_VARIABLE_DATA in @to; returns its length */
size_t test_log_variable_bytes(uint8_t *to, size_t room, bool image, const char *name,
			       const void *data, size_t length);

/** test_log_variable() - a variable, as it was measured */
void test_log_variable(struct test_log *log, uint32_t type, bool image, const char *name,
		       const void *data, size_t length);

/** test_log_sigdb_bytes() - a database of one certificate in @to; returns its length */
size_t test_log_sigdb_bytes(uint8_t *to, size_t room, const char *certificate);

/** test_log_keys() - SecureBoot (@on; -1: not set), PK, KEK, db, dbx */
void test_log_keys(struct test_log *log, int on);

/** test_log_separators() - of PCRs 0 to 7 but those in @without */
void test_log_separators(struct test_log *log, uint32_t without);

/** test_log_boot() - db's authority, shim, GRUB, a command line, exit of boot services */
void test_log_boot(struct test_log *log);

/** test_log_good() - a whole boot with Secure Boot @on */
struct test_log *test_log_good(uint32_t banks, int on);

/** test_log_measure() - have a TPM's PCRs be what the log says; all of SHA-256 are quoted next */
void test_log_measure(const struct test_log *log, struct test_quote *quote);

/**
 * test_log_ima() - an entry "ima-sig" of a log of IMA; such a log has nothing else
 * @path: of the file; "boot_aggregate" gets that of @pcrs, another one a digest of its name
 * @pcrs: PCR 10 of the SHA-256 bank is extended
 */
void test_log_ima(struct test_log *log, const char *path, struct attest_pcrs *pcrs);

#endif /* ATTEST_TEST_LOG_H */
