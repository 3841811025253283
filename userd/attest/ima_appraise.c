// SPDX-License-Identifier: BSD-3-Clause
/*
 * Replay of an IMA log: over its entries once to learn which PCRs it has, and once to
 * extend them.
 *
 * A bank whose hash the kernel has is extended with the digest of the template data in
 * that hash; other banks, and all but SHA-1 before Linux 5.8, with the SHA-1 digest and
 * zeros behind it. Which of both it was no entry says: where the first way leads to no
 * match, a second replay follows both. A violation extends ones; as many as SHA-1 has, and
 * zeros behind them, before Linux 5.8, which a third replay follows.
 *
 * PCR values are those of one moment, so all banks have to match after the same entry. From
 * that point a log that has grown is gone on with: the values of then are as good as the
 * entries that led to them, and which way of extending it was is known.
 */
#include "attest/ima.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"

#define LIED "believe nothing of this log: the host, or who passed it on, changed it"

/**
 * struct replay - a replay on its way
 * @hash: computes
 * @given: PCR values of the TPM; NULL for none
 * @banks: that are replayed, bit n for bank n
 * @used: PCRs that the log extends
 * @native: with digests of each bank
 * @padded: with SHA-1 digests
 * @pads: banks of which it is known that they are extended with SHA-1 digests
 * @again: this is a further replay, which follows padded digests and says nothing
 * @old: violations extend padded banks as Linux before 5.8 did: with 20 bytes of ones
 * @unlike_native: PCRs of a bank that differ from the given ones
 * @unlike_padded: the same
 * @result: of it all
 * @verdict: hears what is wrong
 */
struct replay {
	struct hash *hash;
	const struct attest_pcrs *given;
	uint32_t banks;
	uint32_t used;
	uint32_t pads;
	bool again;
	bool old;
	struct attest_pcrs native;
	struct attest_pcrs padded;
	uint32_t unlike_native[_ATTEST_BANK_MAX];
	uint32_t unlike_padded[_ATTEST_BANK_MAX];
	struct ima_result *result;
	struct attest_verdict *verdict;
};

static struct attest_reason *say(const struct ima_entry *entry, struct attest_verdict *verdict,
				 enum attest_status status, const char *code, const char *next,
				 const char *text)
{
	struct attest_reason *reason = attest_verdict_say(verdict, status, code, next,
							  "entry %zu %s", entry->number, text);

	reason->pcr = (int)entry->pcr;
	reason->event = (long)entry->number;
	reason->offset = (long)entry->offset;
	return reason;
}

static void compare(struct replay *replay, enum attest_bank bank, uint32_t pcr)
{
	const uint8_t *given = replay->given->value[bank][pcr];
	uint32_t bit = replay->given->has[bank] & 1u << pcr;

	if (secret_equal(given, replay->native.value[bank][pcr], hash_size(bank)))
		replay->unlike_native[bank] &= ~bit;
	else
		replay->unlike_native[bank] |= bit;
	if (replay->again && secret_equal(given, replay->padded.value[bank][pcr], hash_size(bank)))
		replay->unlike_padded[bank] &= ~bit;
	else
		replay->unlike_padded[bank] |= bit;
}

static bool is_matched(const struct replay *replay)
{
	uint32_t compared = 0;

	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		compared |= replay->given->has[bank] & replay->used;
		if (replay->unlike_native[bank] && replay->unlike_padded[bank])
			return false;
	}
	return compared;
}

static void begin(struct replay *replay)
{
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (replay->given && replay->given->has[bank] & replay->used)
			replay->banks |= 1u << bank;
		for (uint32_t pcr = 0; replay->given && pcr < ATTEST_PCRS; pcr++)
			if (replay->used & replay->given->has[bank] & 1u << pcr)
				compare(replay, bank, pcr);
	}
}

static void check_digest(struct replay *replay, const struct ima_entry *entry,
			 enum attest_bank bank, const uint8_t *digest)
{
	struct attest_reason *reason;

	if (secret_equal(digest, entry->digest, hash_size(bank)))
		return;
	reason = say(entry, replay->verdict, ATTEST_FAILED, "ima.template-hash", LIED,
		     "says something else than what was measured");
	attest_text_hex(reason->expected, entry->digest, hash_size(bank));
	attest_text_hex(reason->found, digest, hash_size(bank));
}

static void extend(struct replay *replay, const struct ima_entry *entry, enum attest_bank log_bank)
{
	uint8_t digest[_ATTEST_BANK_MAX][ATTEST_DIGEST_MAX] = { 0 };
	uint32_t needed = replay->banks | 1u << log_bank | 1u << ATTEST_SHA1;
	uint8_t sha1[ATTEST_DIGEST_MAX] = { 0 };

	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (entry->violation)
			memset(digest[bank], 0xff, ATTEST_DIGEST_MAX);
		else if (needed & 1u << bank)
			ima_template_digest(entry, replay->hash, bank, digest[bank]);
	}
	if (!entry->violation && !replay->again)
		check_digest(replay, entry, log_bank, digest[log_bank]);
	cursor_copy(sha1, sizeof(sha1), digest[ATTEST_SHA1],
		    entry->violation && !replay->old ? sizeof(sha1) : hash_size(ATTEST_SHA1));
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!(replay->banks & 1u << bank))
			continue;
		hash_extend(replay->hash, bank, replay->native.value[bank][entry->pcr],
			    replay->pads & 1u << bank ? sha1 : digest[bank]);
		if (!replay->given || !(replay->given->has[bank] & 1u << entry->pcr))
			continue;
		if (replay->again)
			hash_extend(replay->hash, bank, replay->padded.value[bank][entry->pcr],
				    sha1);
		compare(replay, bank, entry->pcr);
	}
}

/* A file's entry under the name of the template for buffers: its signature is no buffer. */
static void check_buffer(struct replay *replay, const struct ima_entry *entry)
{
	enum attest_bank bank = hash_by_name(entry->algorithm, strlen(entry->algorithm));

	if (entry->buffer && entry->file_digest && bank != _ATTEST_BANK_MAX &&
	    !hash_is(replay->hash, bank, entry->buffer, entry->buffer_size, entry->file_digest))
		say(entry, replay->verdict, ATTEST_FAILED, "ima.template-hash", LIED,
		    "has a buffer that is not the one which was measured");
}

static void check_entry(struct replay *replay, const struct ima_entry *entry)
{
	if (!entry->violation)
		check_buffer(replay, entry);
	if (entry->violation && !replay->result->violations++)
		say(entry, replay->verdict, ATTEST_WARNING, "ima.violation",
		    "see what writes files while they are measured or executed",
		    "is a violation: what it names was not measured");
	if (!entry->known)
		say(entry, replay->verdict, ATTEST_WARNING, "ima.template",
		    "find out what its template holds", "is of an unknown template");
}

static bool is_aggregate(struct replay *replay, const struct ima_entry *entry,
			 enum attest_bank bank, uint32_t count)
{
	const struct attest_pcrs *given = replay->given;
	struct hash_part parts[ATTEST_PCRS];
	uint8_t value[ATTEST_DIGEST_MAX];

	for (uint32_t pcr = 0; pcr < count; pcr++)
		parts[pcr] = (struct hash_part){ given->value[bank][pcr], hash_size(bank) };
	hash_parts(replay->hash, bank, parts, count, value);
	return secret_equal(value, entry->file_digest, hash_size(bank));
}

/* SHA-1 covers PCRs 0 to 7; others, 8 and 9 as well since Linux 5.8. */
static void check_aggregate(struct replay *replay, const struct ima_entry *entry)
{
	const char *name = entry->legacy ? "sha1" : entry->algorithm;
	enum attest_bank bank = hash_by_name(name, strlen(name));
	uint32_t has;

	if (cursor_is_zero(entry->file_digest, entry->file_digest_size)) {
		say(entry, replay->verdict, ATTEST_WARNING, "ima.boot-aggregate",
		    "give the TPM a bank of IMA's algorithm (ima_hash=), before IMA starts",
		    "has no boot aggregate: IMA found no TPM, or no bank of its algorithm");
		return;
	}
	if (!replay->given || bank == _ATTEST_BANK_MAX ||
	    entry->file_digest_size != hash_size(bank))
		return;
	has = replay->given->has[bank];
	if ((has & 0xff) != 0xff)
		return;
	if (is_aggregate(replay, entry, bank, 8) ||
	    ((has & 0x3ff) == 0x3ff && is_aggregate(replay, entry, bank, 10))) {
		if (replay->result->boot_aggregate_status != ATTEST_FAILED)
			replay->result->boot_aggregate_status = ATTEST_PASSED;
	} else if ((has & 0x3ff) == 0x3ff || bank == ATTEST_SHA1) {
		replay->result->boot_aggregate_status = ATTEST_FAILED;
		say(entry, replay->verdict, ATTEST_FAILED, "ima.boot-aggregate",
		    "fetch PCRs and log of one boot",
		    "has not the boot aggregate of these PCRs");
	}
}

static bool is_named(const struct ima_entry *entry, const char *name)
{
	return entry->path && entry->path_size >= strlen(name) &&
	       !strncmp((const char *)entry->path, name, strlen(name)) &&
	       (entry->path_size == strlen(name) || !entry->path[strlen(name)]);
}

static void take_aggregate(struct replay *replay, const struct ima_entry *entry)
{
	struct ima_result *result = replay->result;
	char hex[ATTEST_HEX_MAX];

	if (!is_named(entry, "boot_aggregate") || entry->violation || !entry->file_digest) {
		if (!entry->number)
			say(entry, replay->verdict, ATTEST_WARNING, "ima.boot-aggregate",
			    "fetch the whole log", "is the first one, and no boot aggregate");
		return;
	}
	if (!*result->boot_aggregate) {
		attest_text_hex(hex, entry->file_digest, entry->file_digest_size);
		snprintf(result->boot_aggregate, sizeof(result->boot_aggregate), "%s:%s",
			 entry->legacy ? "sha1" : entry->algorithm, hex);
	}
	check_aggregate(replay, entry);
}

static int scan(struct ima_log log, struct ima_result *result, uint32_t *ret_used)
{
	struct ima_entry entry;
	int r;

	while ((r = ima_next(&log, &entry)) > 0) {
		if (!entry.number)
			cursor_copy(result->template, sizeof(result->template), entry.template,
				    sizeof(entry.template));
		*ret_used |= 1u << entry.pcr;
	}
	result->entries = log.entries;
	return r;
}

static void say_mismatch(struct replay *replay)
{
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		uint32_t unlike = replay->unlike_native[bank] & replay->unlike_padded[bank];
		struct attest_reason *reason;

		if (!unlike)
			continue;
		reason = attest_verdict_say(replay->verdict, ATTEST_FAILED, "ima.replay",
					    "read the PCRs first, the log then, of one boot",
					    "PCR %d (%s) follows from no beginning of the log",
					    __builtin_ctz(unlike), hash_name(bank));
		reason->pcr = __builtin_ctz(unlike);
		attest_text_hex(reason->expected, replay->given->value[bank][reason->pcr],
				hash_size(bank));
		attest_text_hex(reason->found, replay->native.value[bank][reason->pcr],
				hash_size(bank));
		return;
	}
	attest_verdict_say(replay->verdict, ATTEST_FAILED, "ima.replay",
			   "read all banks at once",
			   "the banks follow from different beginnings of the log");
}

static void end(struct replay *replay)
{
	const struct attest_pcrs *given = replay->given;
	struct ima_result *result = replay->result;
	uint32_t compared = 0;

	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!(replay->banks & 1u << bank))
			continue;
		if (given)
			compared |= given->has[bank] & replay->used;
		result->pcrs.has[bank] = replay->used;
		cursor_copy(result->pcrs.value[bank], sizeof(result->pcrs.value[bank]),
			    result->padded & 1u << bank ? replay->padded.value[bank]
							: replay->native.value[bank],
			    sizeof(result->pcrs.value[bank]));
	}
	if (!given)
		return;
	if (replay->used & ~compared)
		attest_verdict_say(replay->verdict, ATTEST_UNKNOWN, "quote.selection",
				   "read PCR 10, and 0 to 9 for the boot aggregate",
				   "no value is given for a PCR that the log extends")
			->pcr = __builtin_ctz(replay->used & ~compared);
	if (compared && !result->attested)
		say_mismatch(replay);
	if (result->attested && result->attested < result->entries)
		attest_verdict_unchecked(replay->verdict,
					 "entries behind the attested ones: the PCR values are "
					 "older than they");
	if (result->boot_aggregate_status == ATTEST_UNKNOWN)
		attest_verdict_unchecked(replay->verdict,
					 "the boot aggregate: PCRs 0 to 9 of its bank are not "
					 "given");
}

/* After the second replay nobody knows which reasons came before the match. */
static void take_point(const struct replay *replay, const struct ima_log *log)
{
	const struct ima_result *result = replay->result;
	struct ima_point *point = &replay->result->point;

	if (replay->used != 1u << IMA_PCR || (replay->again && log->in.left))
		return;
	*point = (struct ima_point){
		.entries = log->entries,
		.bytes = log->before + (size_t)(log->in.at - log->bytes),
		.bank = log->bank,
		.padded = result->padded | replay->pads,
		.old = replay->old,
		.violations = result->violations,
		.boot_aggregate_status = result->boot_aggregate_status,
		.reasons = replay->verdict->count,
	};
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!(replay->given->has[bank] & 1u << IMA_PCR))
			continue;
		point->banks |= 1u << bank;
		cursor_copy(point->value[bank], ATTEST_DIGEST_MAX,
			    replay->given->value[bank][IMA_PCR], ATTEST_DIGEST_MAX);
	}
}

/* Which way of extending it was, is known after the entry that all banks match at. */
static void take_match(struct replay *replay, const struct ima_log *log)
{
	replay->result->attested = log->entries;
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		if (replay->unlike_native[bank])
			replay->result->padded |= 1u << bank;
	take_point(replay, log);
}

static void run(struct replay *replay, struct ima_log log)
{
	struct ima_entry entry;

	begin(replay);
	while (ima_next(&log, &entry) > 0) {
		extend(replay, &entry, log.bank);
		if (!replay->again) {
			check_entry(replay, &entry);
			take_aggregate(replay, &entry);
		}
		if (replay->given && !replay->result->attested && is_matched(replay))
			take_match(replay, &log);
	}
}

static void run_again(struct replay *replay, struct ima_log log, bool old)
{
	replay->again = true;
	replay->old = old;
	replay->native = (struct attest_pcrs){ 0 };
	replay->padded = (struct attest_pcrs){ 0 };
	run(replay, log);
}

int ima_appraise(struct ima_result *ret, const uint8_t *bytes, size_t length, struct hash *hash,
		 const struct attest_pcrs *given, struct attest_verdict *verdict)
{
	struct replay replay = { .hash = hash, .given = given, .result = ret, .verdict = verdict,
				 .banks = 1u << ATTEST_SHA1 | 1u << ATTEST_SHA256 };
	struct ima_log log;
	int r;

	*ret = (struct ima_result){ .boot_aggregate_status = ATTEST_UNKNOWN };
	r = ima_open(&log, bytes, length, verdict);
	if (!r)
		r = scan(log, ret, &replay.used);
	if (r)
		return r;
	run(&replay, log);
	if (given && !ret->attested)
		run_again(&replay, log, false);
	if (given && !ret->attested && ret->violations)
		run_again(&replay, log, true);
	end(&replay);
	return 0;
}

/* Values of then, where there is one of each bank that is quoted now. */
static bool go_on(struct replay *replay, const struct ima_point *point)
{
	uint32_t quoted = 0;

	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (replay->given->has[bank] & 1u << IMA_PCR)
			quoted |= 1u << bank;
		cursor_copy(replay->native.value[bank][IMA_PCR], ATTEST_DIGEST_MAX,
			    point->value[bank], ATTEST_DIGEST_MAX);
	}
	return point->entries && quoted && !(quoted & ~point->banks);
}

int ima_appraise_more(struct ima_result *ret, const struct ima_point *point, const uint8_t *bytes,
		      size_t length, struct hash *hash, const struct attest_pcrs *given,
		      struct attest_verdict *verdict)
{
	struct replay replay = { .hash = hash, .given = given, .result = ret, .verdict = verdict,
				 .used = 1u << IMA_PCR, .pads = point->padded,
				 .old = point->old };
	struct ima_log log;
	int r;

	*ret = (struct ima_result){ .boot_aggregate_status = point->boot_aggregate_status,
				    .violations = point->violations };
	ima_resume(&log, point, bytes, length, verdict);
	r = scan(log, ret, &replay.used);
	if (r)
		return r;
	if (replay.used != 1u << IMA_PCR || !go_on(&replay, point))
		return -ESTALE;
	begin(&replay);
	if (is_matched(&replay))
		take_match(&replay, &log);
	run(&replay, log);
	if (!ret->attested)
		return -ESTALE;
	end(&replay);
	ret->padded = point->padded;
	return 0;
}
