// SPDX-License-Identifier: GPL-2.0-only
/*
 * The argument of a VTPM_IOC call: a structure that begins with its size and its
 * flags, and grows. The rules of all of them are kept here ("rules of every VTPM_IOC
 * call" in <linux/vtpm.h>).
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>

#include "argument.h"
#include "limit.h"

/**
 * vtpm_argument_get() - take an argument in
 * @arg: the kernel's copy, zeroed beyond what the caller passed
 * @known: bytes of the structure as known here
 * @min: bytes of its first version
 * @flags: that are known here
 * @user: the caller's
 *
 * Return: bytes that the caller's has, -EFAULT, -EINVAL when it is shorter than the first
 * version, -E2BIG when it has more that is not zero, -EOPNOTSUPP for an unknown flag.
 */
int vtpm_argument_get(void *arg, u32 known, u32 min, u32 flags, const void __user *user)
{
	const struct vtpm_argument_head *head = arg;
	u32 size;
	int rc;

	if (get_user(size, (const u32 __user *)user))
		return -EFAULT;
	if (size < min)
		return -EINVAL;
	if (size > VTPM_LIMIT_STRUCT)
		return -E2BIG;
	rc = copy_struct_from_user(arg, known, user, size);
	if (rc)
		return rc;
	return head->flags & ~flags ? -EOPNOTSUPP : size;
}

/**
 * vtpm_argument_put() - give the answer back, as much as the caller knows of it
 * @arg: the kernel's copy
 * @known: bytes of the structure as known here
 * @size: what vtpm_argument_get() returned
 * @user: the caller's
 *
 * Return: 0 or -EFAULT.
 */
int vtpm_argument_put(const void *arg, u32 known, u32 size, void __user *user)
{
	return copy_to_user(user, arg, min(size, known)) ? -EFAULT : 0;
}
