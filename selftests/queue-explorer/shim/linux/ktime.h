/* SPDX-License-Identifier: GPL-2.0-only */
/* The explorer's clock: it stands still unless an operation lets time pass. */
#ifndef _EXPLORER_LINUX_KTIME_H
#define _EXPLORER_LINUX_KTIME_H

#include <linux/types.h>

#define NSEC_PER_MSEC 1000000ull

u64 ktime_get_ns(void);

#endif
