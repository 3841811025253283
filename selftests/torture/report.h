/* SPDX-License-Identifier: GPL-2.0-only */
/* What the run has seen so far, and how it ends when it sees something wrong. */
#ifndef TORTURE_REPORT_H
#define TORTURE_REPORT_H

#include <sys/types.h>

#include <linux/types.h>

/**
 * struct stats - figures of the run, each written by atomic adds
 * @kills: engines ended by our SIGKILL while they lived
 * @commands: answers that reached a client
 * @spared: frames given back to the queue because the dead engine had not read them
 * @late: answers that came after the engine was declared dead
 * @from_unit: answers that an earlier engine had published before it died
 * @poison_refused: poisoned commands answered TPM_RC_FAILURE, so not executed
 * @poison_executed: poisoned commands that had been executed
 * @cancelled: commands taken back before an engine had them
 * @abandoned: commands whose owner left while an engine had them
 * @clears: TPM2_Clear executed
 * @reseeds: TPM2_ChangeEPS executed
 * @randoms: values of TPM2_GetRandom compared
 * @wakes: WAKE frames fetched
 */
struct stats {
	u64 kills;
	u64 commands;
	u64 spared;
	u64 late;
	u64 from_unit;
	u64 poison_refused;
	u64 poison_executed;
	u64 cancelled;
	u64 abandoned;
	u64 clears;
	u64 reseeds;
	u64 randoms;
	u64 wakes;
};

extern struct stats stats;

static inline void stat_add(u64 *stat)
{
	__atomic_fetch_add(stat, 1, __ATOMIC_RELAXED);
}

static inline u64 stat_get(u64 *stat)
{
	return __atomic_load_n(stat, __ATOMIC_RELAXED);
}

void report_begin(u64 seed);
void report_engine(pid_t pid);

/* Print what was expected and what came, the last transitions of the queue, and exit(1). */
void violation(const char *who, const char *command, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

const char *report_command_name(u32 cc);

#endif
