/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a host stands: what the newest verdict and all earlier ones come to.
 *
 *	verdict ok	the host's status is the verdict's
 *	verdict failed	failed, and @held: a later pass does not heal it
 *	acknowledge	@held ends; the next verdict counts again
 *	time is over	unknown: an old pass is no pass
 *
 * What a quote says of the machine (firmware, PCR 0, resets, epoch) is compared with the
 * one before. A change is an event. An epoch that falls is a copy of an older host: failed.
 * Nothing here reads evidence or touches a file.
 */
#ifndef VERIFIER_STANDING_H
#define VERIFIER_STANDING_H

#include "attest/attest.h"

#define STANDING_ID   37
#define STANDING_NAME 256
#define STANDING_TEXT 256

/**
 * struct standing_machine - what a signed quote says of the machine
 * @known: there was a quote that could be believed
 * @boot_id: of the running kernel, as the host says; empty for none
 * @epoch: of the host's counter against rollback; 0 says nothing
 * @clock: milliseconds
 * @resets: TPM Resets
 * @restarts: TPM Restarts
 * @firmware: version of the TPM's
 * @pcr0: as hexadecimal digits; empty for none
 */
struct standing_machine {
	bool known;
	char boot_id[STANDING_ID];
	uint64_t epoch;
	uint64_t clock;
	uint32_t resets;
	uint32_t restarts;
	uint64_t firmware;
	char pcr0[ATTEST_HEX_MAX];
};

/**
 * struct standing - of a host
 * @id: UUID
 * @name: for people; the host chose it
 * @status: as of @verified_at
 * @held: failed, until somebody acknowledges it
 * @verified_at: seconds since 1970; 0: never
 * @valid_until: of it
 * @verified_by: name of the verifier, "self", or empty
 * @message: first reason in plain words; empty where it passed
 * @machine: as the newest good quote said
 */
struct standing {
	char id[STANDING_ID];
	char name[STANDING_NAME];
	enum attest_status status;
	bool held;
	int64_t verified_at;
	int64_t valid_until;
	char verified_by[64];
	char message[STANDING_TEXT];
	struct standing_machine machine;
};

/** standing_new() - of a host nobody has looked at */
void standing_new(struct standing *ret, const char *id, const char *name);

/**
 * standing_unverifiable() - of a host that cannot be verified
 * @tpm: what it has instead of a TPM 2.0: "none" or "1.2"
 *
 * Return: false: @tpm is neither; nothing changed.
 */
bool standing_unverifiable(struct standing *standing, const char *tpm);

/**
 * standing_compare() - what changed in the machine since the quote before
 * @before: that one; nothing is said where it is not known
 * @now: of the newest
 * @verdict: hears "machine.firmware", "machine.pcr0", "machine.reset", "clock.rollback" and
 *	"vtpm.duplicate"
 * @ret_events: hears those that are events alone, and do nothing to the verdict
 */
void standing_compare(const struct standing_machine *before, const struct standing_machine *now,
		      struct attest_verdict *verdict, struct attest_verdict *ret_events);

/**
 * standing_take() - a verdict was found
 * @standing: changes
 * @verdict: after standing_compare()
 * @machine: what the quote said; kept where it is known
 * @verified_by: name of this verifier
 * @now: seconds since 1970
 * @seconds: how long it holds
 *
 * Return: did the status change?
 */
bool standing_take(struct standing *standing, const struct attest_verdict *verdict,
		   const struct standing_machine *machine, const char *verified_by, int64_t now,
		   int64_t seconds);

/** standing_self() - the host is the one that verifies: nobody can say. Return: did it change? */
bool standing_self(struct standing *standing, int64_t now);

/** standing_acknowledge() - somebody knows of the failure. Return: was there one? */
bool standing_acknowledge(struct standing *standing);

/** standing_status() - as of @now, when the verdict may be too old */
enum attest_status standing_status(const struct standing *standing, int64_t now);

/** standing_message() - what there is to say of it as of @now */
const char *standing_message(const struct standing *standing, int64_t now);

#endif /* VERIFIER_STANDING_H */
