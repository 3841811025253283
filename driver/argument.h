/* SPDX-License-Identifier: GPL-2.0-only */
/* The argument of a VTPM_IOC call: a structure that grows. */
#ifndef _VTPM_ARGUMENT_H
#define _VTPM_ARGUMENT_H

#include <linux/types.h>

/**
 * struct vtpm_argument_head - what each argument begins with
 * @size: bytes that the caller passed
 * @flags: the call's own
 */
struct vtpm_argument_head {
	u32 size;
	u32 flags;
};

int vtpm_argument_get(void *arg, u32 known, u32 min, u32 flags, const void __user *user);
int vtpm_argument_put(const void *arg, u32 known, u32 size, void __user *user);

#endif /* _VTPM_ARGUMENT_H */
