/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures of the kernel's allocations and copies, on a kernel that can inject them.
 *
 * Only what happens below given code counts (a filter on stack traces), so that the
 * n-th failure is the n-th one of the driver, however the call came to it:
 *
 *	inject_below_module()    calls that go through vtpm.ko
 *	inject_below_symbol()    calls that go through one function of the kernel
 *
 * inject_arm() lets the calling thread's n-th allocation or copy fail, inject_disarm()
 * says whether one did. inject_anywhere() lets the n-th allocation fail whichever
 * thread makes it, for work that the driver has done elsewhere; 0 ends that.
 */
#ifndef _VTPM_TEST_INJECT_H
#define _VTPM_TEST_INJECT_H

#include <stdbool.h>

int inject_init(void);
int inject_below_module(void);
int inject_below_symbol(const char *name);
int inject_arm(unsigned int n);
bool inject_disarm(void);
int inject_anywhere(unsigned int n);
bool inject_anywhere_done(void);

#endif /* _VTPM_TEST_INJECT_H */
