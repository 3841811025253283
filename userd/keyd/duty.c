// SPDX-License-Identifier: BSD-3-Clause
/*
 * Credit; see the header.
 */
#include "keyd/duty.h"

uint32_t duty_wait(struct duty *duty, uint64_t now_usec)
{
	uint64_t earned = (now_usec - duty->since_usec) / DUTY_SHARE;

	/* what is less than a microsecond of credit stays in the time that has passed */
	duty->since_usec += earned * DUTY_SHARE;
	if (earned > DUTY_BURST_USEC || duty->credit_usec + (int64_t)earned > DUTY_BURST_USEC)
		duty->credit_usec = DUTY_BURST_USEC;
	else
		duty->credit_usec += (int64_t)earned;
	if (duty->credit_usec > 0)
		return 0;
	return (uint32_t)(-duty->credit_usec * DUTY_SHARE / 1000) + 1;
}

void duty_use(struct duty *duty, uint64_t took_usec)
{
	duty->credit_usec -= (int64_t)took_usec;
}
