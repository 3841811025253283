/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every part of an appraisal speaks: PCR banks, reasons, and the verdict they make.
 *
 * Evidence is read by a parser (eventlog.h, ima.h), replayed into PCR values (struct
 * attest_pcrs) and judged. Whoever finds something adds a reason to the verdict; the
 * verdict's status is the worst of its reasons, and never becomes better. A verdict with
 * no reason has passed. What nobody looked at is named beside the reasons.
 *
 * Evidence comes from the host that is judged, so it is hostile: nothing of it gets into
 * a reason but numbers, hexadecimal digits and text that attest_text_*() made harmless.
 */
#ifndef ATTEST_ATTEST_H
#define ATTEST_ATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTEST_PCRS	  24 /* PC Client Platform TPM Profile, 4.6 */
#define ATTEST_DIGEST_MAX 64
#define ATTEST_HEX_MAX	  (2 * ATTEST_DIGEST_MAX + 1)

/** enum attest_bank - hash algorithms that PCR banks have here */
enum attest_bank {
	ATTEST_SHA1,
	ATTEST_SHA256,
	ATTEST_SHA384,
	ATTEST_SHA512,
	ATTEST_SM3,
	_ATTEST_BANK_MAX,
};

/** enum attest_status - how a check ended, from good to bad */
enum attest_status {
	ATTEST_PASSED,
	ATTEST_WARNING,
	ATTEST_NA,
	ATTEST_UNKNOWN,
	ATTEST_FAILED,
	_ATTEST_STATUS_MAX,
};

#define ATTEST_REASONS	 64
#define ATTEST_UNCHECKED 8
#define ATTEST_NONE	 (-1)

/**
 * struct attest_reason - one thing that was found
 * @code: stable name of the kind, such as "replay.pcr7"
 * @status: what it does to the verdict
 * @pcr: the PCR it is about; ATTEST_NONE
 * @event: number of the event or entry, from 0; ATTEST_NONE
 * @offset: of that in the file; ATTEST_NONE
 * @expected: value that was wanted, or empty
 * @found: value that was there, or empty
 * @text: a sentence for people
 * @next: what to do about it
 */
struct attest_reason {
	char code[32];
	enum attest_status status;
	int pcr;
	long event;
	long offset;
	char expected[ATTEST_HEX_MAX];
	char found[ATTEST_HEX_MAX];
	char text[256];
	const char *next;
};

/**
 * struct attest_verdict - what an appraisal came to
 * @status: the worst of all reasons
 * @malformed: some evidence could not be read at all
 * @count: of @reasons
 * @dropped: reasons there was no room for; they count for @status
 * @reasons: in the order they were found
 * @unchecked: sentences that say what nobody looked at
 * @unchecked_count: of @unchecked
 */
struct attest_verdict {
	enum attest_status status;
	bool malformed;
	size_t count;
	size_t dropped;
	struct attest_reason reasons[ATTEST_REASONS + 1];
	const char *unchecked[ATTEST_UNCHECKED];
	size_t unchecked_count;
};

/**
 * attest_verdict_say() - add a reason
 * @verdict: of the appraisal
 * @status: what it means
 * @code: its stable name
 * @next: what to do about it; a constant
 * @format: sentence for people, as for printf()
 *
 * Return: the reason, for the caller to fill in the rest; never NULL.
 */
struct attest_reason *attest_verdict_say(struct attest_verdict *verdict, enum attest_status status,
					 const char *code, const char *next, const char *format,
					 ...) __attribute__((format(printf, 5, 6)));

/**
 * attest_verdict_malformed() - say that evidence cannot be read, and where
 * @verdict: of the appraisal
 * @kind: of the code, to which "@OFFSET" is added, such as "log.invalid"
 * @offset: where in the file
 * @event: number of the event or entry
 * @format: sentence for people, as for printf()
 *
 * Return: -EBADMSG, for the parser to pass on.
 */
int attest_verdict_malformed(struct attest_verdict *verdict, const char *kind, size_t offset,
			     size_t event, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * attest_verdict_unchecked() - say what nobody looked at
 * @verdict: of the appraisal
 * @sentence: a constant
 */
void attest_verdict_unchecked(struct attest_verdict *verdict, const char *sentence);

/** attest_status_name() - "passed", "failed", "warning", "unknown" or "n/a" */
const char *attest_status_name(enum attest_status status);

/**
 * struct attest_pcrs - values of PCRs, in banks
 * @has: PCRs of a bank that have a value, bit n for PCR n
 * @value: of a PCR, as many bytes as the bank's digests have
 */
struct attest_pcrs {
	uint32_t has[_ATTEST_BANK_MAX];
	uint8_t value[_ATTEST_BANK_MAX][ATTEST_PCRS][ATTEST_DIGEST_MAX];
};

/**
 * attest_pcrs_read() - read PCR values from text
 * @ret: what was read
 * @text: what tpm2_pcrread prints, or a JSON object {"sha256": {"0": "hex", ...}}, alone or
 *	as member "pcrs" of another one
 * @length: bytes of it
 * @verdict: hears what is wrong with it, as "pcrs.invalid"
 *
 * Return: 0; -EBADMSG (it is malformed); -ENOMEM.
 */
int attest_pcrs_read(struct attest_pcrs *ret, const char *text, size_t length,
		     struct attest_verdict *verdict);

/** attest_pcr_number() - "0" to "23", and no other way to write them. Return: -1: it is none */
int attest_pcr_number(const char *name);

/** attest_text_hex() - @length bytes at @bytes, 64 at most, as hexadecimal digits in @to */
void attest_text_hex(char to[ATTEST_HEX_MAX], const void *bytes, size_t length);

/**
 * attest_text_unhex() - hexadecimal digits as bytes
 * @to: bytes
 * @room: how many fit
 * @hex: digits of either case
 * @length: how many
 * @ret: bytes there were
 *
 * Return: false where it is something else, or too much.
 */
bool attest_text_unhex(uint8_t *to, size_t room, const char *hex, size_t length, size_t *ret);

/**
 * attest_text_ascii() - bytes as harmless text
 * @to: ends with a NUL; what is no printable ASCII is '?'
 * @room: bytes of it; what does not fit is cut
 * @bytes: text of somebody else
 * @length: bytes of it; the text ends at a NUL before
 */
void attest_text_ascii(char *to, size_t room, const uint8_t *bytes, size_t length);

/** attest_text_utf16() - the same for little-endian UTF-16 */
void attest_text_utf16(char *to, size_t room, const uint8_t *bytes, size_t length);

#endif /* ATTEST_ATTEST_H */
