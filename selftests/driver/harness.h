/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's test harness, with more time for a test than its 30 s: the limit is
 * there to end what hangs, and waits of PATIENCE_MS have to fail before it does.
 */
#ifndef _VTPM_TEST_HARNESS_H
#define _VTPM_TEST_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#endif /* _VTPM_TEST_HARNESS_H */
