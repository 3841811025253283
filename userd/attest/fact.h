/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Facts of a boot: what a log tells that a policy can have an opinion about. The same walk
 * compares a host with a policy, and learns a policy from a host.
 *
 * Only what was measured is a fact: digests of the SHA-256 bank, and data that is proven.
 */
#ifndef ATTEST_FACT_H
#define ATTEST_FACT_H

#include "attest/eventlog.h"

#define FACT_TEXT_MAX 2048

/**
 * enum fact_kind - what a fact is about
 * @FACT_FIRMWARE: value of PCR 0
 * @FACT_PK: certificate or hash of a signature database, by SHA-256 of the entry
 * @FACT_KEK: the same
 * @FACT_DB: the same
 * @FACT_DBX: hash that is refused; of a certificate, its SHA-256
 * @FACT_AUTHORITY: certificate that something was verified by, or what shim notes so
 * @FACT_SBAT: a line of shim's SbatLevel, such as "shim,4"
 * @FACT_APPLICATION: Authenticode digest of what the firmware or shim started
 * @FACT_FILE: digest of what a loader read: configuration, kernel, initrd
 * @FACT_DRIVER: Authenticode digest of a driver, such as that of an option ROM
 * @FACT_MOK: digest of what shim measures of its own state (PCR 14)
 * @FACT_SECTION: section of a unified kernel image (PCR 11), such as ".linux:" and its digest
 * @FACT_EVENT: digest of an event of the firmware itself (PCR 0)
 * @FACT_CMDLINE: command line of the kernel, as text
 */
enum fact_kind {
	FACT_FIRMWARE,
	FACT_PK,
	FACT_KEK,
	FACT_DB,
	FACT_DBX,
	FACT_AUTHORITY,
	FACT_SBAT,
	FACT_APPLICATION,
	FACT_FILE,
	FACT_DRIVER,
	FACT_MOK,
	FACT_SECTION,
	FACT_EVENT,
	FACT_CMDLINE,
	_FACT_MAX,
};

/**
 * struct fact - one of them
 * @kind: what it is about
 * @event: that tells it; NULL for FACT_FIRMWARE
 * @text: hexadecimal SHA-256, or what the kind says; empty: it is not known, or no PCR value
 *	vouches for it
 */
struct fact {
	enum fact_kind kind;
	const struct event *event;
	char text[FACT_TEXT_MAX];
};

/** typedef fact_take - hear a fact; anything but 0 ends the walk */
typedef int (*fact_take)(void *context, const struct fact *fact);

/**
 * fact_walk() - tell all facts
 * @log: with proofs, by eventlog_appraise()
 * @pcrs: that the TPM signed
 * @hash: computes
 * @take: hears them
 * @context: for it
 *
 * Return: 0, or what @take ended it with.
 */
int fact_walk(const struct eventlog *log, const struct attest_pcrs *pcrs, struct hash *hash,
	      fact_take take, void *context);

/** fact_name() - such as "authorities": member of a policy */
const char *fact_name(enum fact_kind kind);

#endif /* ATTEST_FACT_H */
