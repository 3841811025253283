/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a boot came to: its logs, held against PCR values that a TPM signed and against what
 * the host has to be.
 *
 *	PCR values -> event log -> policy
 *	PCR values -> log of IMA -> policy of IMA
 *
 * Who calls checked the quote; nothing is said here of values that nobody signed.
 */
#ifndef ATTEST_BOOT_H
#define ATTEST_BOOT_H

#include "attest/eventlog.h"
#include "attest/ima.h"
#include "attest/ima_policy.h"
#include "attest/policy.h"

/**
 * struct boot_evidence - what is judged, and by what
 * @eventlog: of the firmware; at NULL: the host shows none
 * @ima: log of IMA; at NULL for none
 * @ima_after: bytes of it that are left out in front
 * @pcrs: that the TPM signed
 * @policy: what the host has to be; NULL: nobody says
 * @ima_policy: files it may have measured; NULL: nobody says
 */
struct boot_evidence {
	struct hash_part eventlog;
	struct hash_part ima;
	size_t ima_after;
	const struct attest_pcrs *pcrs;
	const struct policy *policy;
	const struct ima_policy *ima_policy;
};

/**
 * struct boot - what it came to
 * @log: with proofs; points into the evidence
 * @secure_boot: what the log says of it
 * @log_reliable: by boot_log_is_reliable()
 * @ima: no entries where there is no log
 */
struct boot {
	struct eventlog log;
	enum event_secure_boot secure_boot;
	bool log_reliable;
	struct ima_result ima;
};

/**
 * boot_appraise() - judge both logs
 * @ret: what they came to; the caller ends it with boot_done(), whatever is returned
 * @evidence: all of it
 * @hash: computes
 * @verdict: hears "log.*", "replay.*", "pcr.*", "sb.*", "boot.*", "policy.*", "ima.*"
 *
 * Return: 0; -EBADMSG (a log is malformed, and no more is said); -ENOMEM.
 */
int boot_appraise(struct boot *ret, const struct boot_evidence *evidence, struct hash *hash,
		  struct attest_verdict *verdict);

/** boot_check_log() - the same for the event log alone, which is not at NULL */
int boot_check_log(struct boot *ret, const struct boot_evidence *evidence, struct hash *hash,
		   struct attest_verdict *verdict);

/** boot_done() - release what they made; an empty one is fine */
void boot_done(struct boot *boot);

/**
 * boot_log_is_reliable() - is an event log whole, and true where it can be held against PCRs?
 * @verdict: that heard eventlog_appraise() and eventlog_compare()
 * @first: its reason from which on they spoke
 */
bool boot_log_is_reliable(const struct attest_verdict *verdict, size_t first);

/**
 * boot_secure_boot() - what a log says of Secure Boot, where PCR 7 can vouch for it
 * @said: by eventlog_appraise()
 * @verdict: that heard eventlog_compare()
 *
 * Return: @said; EVENT_SECURE_BOOT_UNKNOWN for "on" that PCR 7 does not follow from.
 */
enum event_secure_boot boot_secure_boot(enum event_secure_boot said,
					const struct attest_verdict *verdict);

#endif /* ATTEST_BOOT_H */
