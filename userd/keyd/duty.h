/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of the host TPM's time certificates may take: a fifth, over any length of time,
 * and DUTY_BURST_USEC at once after a pause.
 *
 * A credit grows by a fifth of the time that passes, up to that. What a signature took is
 * subtracted when it is known, so the credit may fall below zero; then the next one waits.
 */
#ifndef KEYD_DUTY_H
#define KEYD_DUTY_H

#include <stdint.h>

/** define DUTY_SHARE - one part of so many */
#define DUTY_SHARE 5

/** define DUTY_BURST_USEC - enough for all keys of some vTPMs, with a slow TPM too */
#define DUTY_BURST_USEC 2000000

/**
 * struct duty - it; one of zeros has no credit and has been so since the clock began
 * @credit_usec: what may be used
 * @since_usec: when that was found
 */
struct duty {
	int64_t credit_usec;
	uint64_t since_usec;
};

/**
 * duty_wait() - may it be used?
 * @now_usec: of a clock that does not go back
 *
 * Return: 0; milliseconds until it is worth asking again.
 */
uint32_t duty_wait(struct duty *duty, uint64_t now_usec);

/** duty_use() - it was, for so long */
void duty_use(struct duty *duty, uint64_t took_usec);

#endif /* KEYD_DUTY_H */
