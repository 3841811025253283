/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock runs by itself, and jumps ahead where a test asks for it. */
#ifndef _SHIM_LINUX_KTIME_H
#define _SHIM_LINUX_KTIME_H

#include <time.h>

#include <linux/types.h>

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

extern u64 shim_clock_offset;

static inline u64 ktime_get_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec + READ_ONCE(shim_clock_offset);
}

#endif
