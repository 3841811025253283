/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Was Secure Boot really on? PCR 7 tells: the variable SecureBoot and the keys, each once
 * and before the separator, then the authority of each thing that was verified.
 */
#ifndef ATTEST_SECUREBOOT_H
#define ATTEST_SECUREBOOT_H

#include "attest/eventlog.h"

/**
 * secureboot_appraise() - look at PCR 7, and at shim's part of PCR 14
 * @log: with the proofs of its events
 * @hash: computes
 * @verdict: hears "sb.off", "sb.unset", "sb.forged", "sb.unknown" and more, and
 *	"log.invalid" of variables and signature databases
 *
 * Return: the state; EVENT_SECURE_BOOT_ON only where all of it says so.
 */
enum event_secure_boot secureboot_appraise(const struct eventlog *log, struct hash *hash,
					   struct attest_verdict *verdict);

#endif /* ATTEST_SECUREBOOT_H */
