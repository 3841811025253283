// SPDX-License-Identifier: BSD-3-Clause
/*
 * From events to PCR values, and whether a TPM has them.
 *
 * A PCR starts with zeros, those of the dynamic launch with ones (PC Client Platform TPM
 * Profile, 4.6.2). PCR 0 starts with the locality of TPM2_Startup, which the firmware notes
 * in an event that is not extended; where it measured itself by H-CRTM before, that is 4.
 *
 * A PCR of which an event has no digest in a bank has no value there: half a replay
 * would be a wrong one.
 */
#include "attest/eventlog.h"

#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"

#define DYNAMIC_FIRST 17
#define DYNAMIC_LAST  22
#define HCRTM_START   4

/* PCRs that the running system extends with what no firmware logs: IMA, systemd, debuggers. */
#define PCR_IMA	   10
#define PCR_KERNEL 11
#define PCR_SYSTEM 15
#define PCR_STATIC 16

static const char startup_locality[16] = "StartupLocality";

static uint8_t start_of_pcr0(const struct eventlog *log)
{
	bool hcrtm = false, seen = false;

	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];

		if (event->pcr == 0 && event->size == sizeof(startup_locality) + 1 &&
		    event_is_signed(event, startup_locality, sizeof(startup_locality)))
			return event->data[sizeof(startup_locality)];
		if (event->pcr || event->type == EV_NO_ACTION || seen)
			continue;
		hcrtm = event->type == EV_EFI_HCRTM_EVENT;
		seen = true;
	}
	return hcrtm ? HCRTM_START : 0;
}

void eventlog_replay(const struct eventlog *log, struct hash *hash, struct attest_pcrs *ret)
{
	uint32_t seen = 0, partial[_ATTEST_BANK_MAX] = { 0 };

	*ret = (struct attest_pcrs){ 0 };
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		for (int pcr = DYNAMIC_FIRST; pcr <= DYNAMIC_LAST; pcr++)
			memset(ret->value[bank][pcr], 0xff, ATTEST_DIGEST_MAX);
		ret->value[bank][0][hash_size(bank) - 1] = start_of_pcr0(log);
	}
	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];

		if (event->type == EV_NO_ACTION)
			continue;
		seen |= 1u << event->pcr;
		for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
			if (event->digest[bank])
				hash_extend(hash, bank, ret->value[bank][event->pcr],
					    event->digest[bank]);
			else
				partial[bank] |= 1u << event->pcr;
		}
	}
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		ret->has[bank] = log->banks & 1u << bank ? seen & ~partial[bank] : 0;
}

static bool is_untouched(const uint8_t *value, size_t size, unsigned int pcr)
{
	/* The last byte of PCR 0 is the locality of the start. */
	if (cursor_is_zero(value, pcr ? size : size - 1))
		return pcr || value[size - 1] <= HCRTM_START;
	for (size_t i = 0; i < size; i++)
		if (value[i] != 0xff)
			return false;
	return pcr >= DYNAMIC_FIRST && pcr <= DYNAMIC_LAST;
}

/* Windows extends banks that it does not use once, with zeros. */
static bool is_capped(struct hash *hash, enum attest_bank bank, uint8_t start,
		      const uint8_t *value)
{
	static const uint8_t zeros[ATTEST_DIGEST_MAX];
	uint8_t cap[ATTEST_DIGEST_MAX] = { 0 };

	cap[hash_size(bank) - 1] = start;
	hash_extend(hash, bank, cap, zeros);
	return secret_equal(cap, value, hash_size(bank));
}

static bool is_late(unsigned int pcr)
{
	return pcr == PCR_KERNEL || pcr == PCR_SYSTEM;
}

static void say_mismatch(struct attest_verdict *verdict, enum attest_bank bank, unsigned int pcr,
			 const uint8_t *actual, const uint8_t *replayed)
{
	char code[] = "replay.pcrNN";
	struct attest_reason *reason;
	size_t digits = sizeof("replay.pcr") - 1;

	if (pcr > 9)
		code[digits++] = (char)('0' + pcr / 10);
	code[digits++] = (char)('0' + pcr % 10);
	code[digits] = '\0';
	reason = attest_verdict_say(verdict, is_late(pcr) ? ATTEST_WARNING : ATTEST_FAILED, code,
				    is_late(pcr) ? "systemd extends it after the boot: compare it "
						   "early, or ignore it"
						 : "fetch PCRs and log of one boot; if it stays, the "
						   "log was changed",
				    "PCR %u (%s) does not follow from the log", pcr,
				    hash_name(bank));
	reason->pcr = (int)pcr;
	attest_text_hex(reason->expected, actual, hash_size(bank));
	attest_text_hex(reason->found, replayed, hash_size(bank));
}

static void say_unlogged(struct attest_verdict *verdict, enum attest_status status,
			 enum attest_bank bank, unsigned int pcr, const uint8_t *found,
			 const char *why)
{
	struct attest_reason *reason = attest_verdict_say(
		verdict, status, "pcr.unlogged",
		"find out what extended it, or switch the bank off in the firmware",
		"PCR %u (%s) was extended, and %s", pcr, hash_name(bank), why);

	reason->pcr = (int)pcr;
	attest_text_hex(reason->found, found, hash_size(bank));
}

static bool has_full_bank(const struct attest_pcrs *replayed, const struct attest_pcrs *actual,
			  unsigned int pcr)
{
	for (int bank = ATTEST_SHA256; bank < _ATTEST_BANK_MAX; bank++)
		if (replayed->has[bank] & actual->has[bank] & 1u << pcr)
			return true;
	return false;
}

/* systemd-pcrphase extends the hash of each word; a system without initrd has not the first. */
static bool is_in_phase(struct hash *hash, enum attest_bank bank, const uint8_t *logged,
			const uint8_t *value)
{
	static const char *const words[] = { "enter-initrd", "leave-initrd", "sysinit", "ready",
					     "shutdown", "final" };

	for (size_t first = 0; first <= 2; first += 2) {
		uint8_t now[ATTEST_DIGEST_MAX], digest[ATTEST_DIGEST_MAX];

		cursor_copy(now, sizeof(now), logged, hash_size(bank));
		for (size_t i = first; i < sizeof(words) / sizeof(words[0]); i++) {
			const struct hash_part word = { words[i], strlen(words[i]) };

			hash_parts(hash, bank, &word, 1, digest);
			hash_extend(hash, bank, now, digest);
			if (secret_equal(now, value, hash_size(bank)))
				return true;
		}
	}
	return false;
}

static bool is_explained(struct hash *hash, enum attest_bank bank, unsigned int pcr,
			 const uint8_t *logged, const uint8_t *value)
{
	return secret_equal(logged, value, hash_size(bank)) ||
	       (pcr == PCR_KERNEL && is_in_phase(hash, bank, logged, value));
}

bool eventlog_explains(const struct eventlog *log, struct hash *hash,
		       const struct attest_pcrs *actual, unsigned int pcr)
{
	struct attest_pcrs replayed;

	eventlog_replay(log, hash, &replayed);
	return is_explained(hash, ATTEST_SHA256, pcr, replayed.value[ATTEST_SHA256][pcr],
			    actual->value[ATTEST_SHA256][pcr]) &&
	       log->banks & 1u << ATTEST_SHA256;
}

static void compare_pcr(const struct eventlog *log, struct hash *hash,
			const struct attest_pcrs *replayed, const struct attest_pcrs *actual,
			enum attest_bank bank, unsigned int pcr, uint32_t logged,
			struct attest_verdict *verdict)
{
	enum attest_status status = is_late(pcr) ? ATTEST_WARNING : ATTEST_FAILED;
	static const uint8_t untouched[ATTEST_DIGEST_MAX];
	const uint8_t *value = actual->value[bank][pcr];
	size_t size = hash_size(bank);

	if (replayed->has[bank] & 1u << pcr) {
		if (!is_explained(hash, bank, pcr, replayed->value[bank][pcr], value))
			say_mismatch(verdict, bank, pcr, value, replayed->value[bank][pcr]);
	} else if (pcr >= PCR_STATIC || pcr == PCR_IMA || is_untouched(value, size, pcr) ||
		   (pcr == PCR_KERNEL && is_in_phase(hash, bank, untouched, value))) {
		return;
	} else if (!(log->banks & 1u << bank)) {
		if (!is_capped(hash, bank, pcr ? 0 : start_of_pcr0(log), value))
			say_unlogged(verdict, status, bank, pcr, value,
				     "the log has no digests of this bank");
	} else if (!(logged & 1u << pcr)) {
		if (is_capped(hash, bank, 0, value))
			status = ATTEST_WARNING; /* zeros of somebody hide nothing */
		say_unlogged(verdict, status, bank, pcr, value, "the log has no event of it");
	} else if (!has_full_bank(replayed, actual, pcr)) {
		say_unlogged(verdict, status, bank, pcr, value,
			     "not all of its events have digests of this bank");
	}
}

void eventlog_compare(const struct eventlog *log, struct hash *hash,
		      const struct attest_pcrs *replayed, const struct attest_pcrs *actual,
		      struct attest_verdict *verdict)
{
	uint32_t logged = 0, compared = 0, strong = 0;

	for (size_t i = 0; i < log->count; i++)
		if (log->events[i].type != EV_NO_ACTION)
			logged |= 1u << log->events[i].pcr;
	for (unsigned int pcr = 0; pcr < ATTEST_PCRS; pcr++) {
		for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
			if (!(actual->has[bank] & 1u << pcr))
				continue;
			compare_pcr(log, hash, replayed, actual, bank, pcr, logged, verdict);
			compared |= replayed->has[bank] & 1u << pcr;
			if (bank != ATTEST_SHA1)
				strong |= replayed->has[bank] & 1u << pcr;
		}
	}
	if (logged & ~compared & ~0xffu)
		attest_verdict_unchecked(verdict, "events of PCRs above 7 of which no value is "
						  "given: nothing vouches for them");
	/* A log that no PCR value vouches for proves nothing, whatever it says. */
	logged &= 0xff;
	if (logged & ~compared)
		attest_verdict_say(verdict, ATTEST_UNKNOWN, "quote.selection",
				   "read PCRs 0 to 7 of a bank that the log has",
				   "no value is given for some PCRs that the log extends")
			->pcr = __builtin_ctz(logged & ~compared);
	else if (compared & ~strong)
		attest_verdict_say(verdict, ATTEST_WARNING, "quote.bank",
				   "switch the SHA-256 bank on in the firmware, and read it",
				   strong ? "only SHA-1 vouches for some PCRs of this log"
					  : "only SHA-1 vouches for this log")
			->pcr = __builtin_ctz(compared & ~strong);
}
