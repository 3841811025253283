/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIST P-256 in OpenSSL's fast form, for libtpms.
 *
 * For each ECC operation libtpms makes a group from the curve's numbers by
 * EC_GROUP_new_curve_GFp(), and computes in a form that knows nothing of the curve. OpenSSL has
 * a form for P-256 that is 13 times as fast, and constant in time. It is only given to who asks
 * for the curve by name.
 *
 * So this file defines EC_GROUP_new_curve_GFp() itself: where the numbers are those of P-256,
 * the group is a copy of the one with the name; all others come from OpenSSL. The dynamic
 * linker takes a program's own definition first. Points and scalars are the same in either
 * form, so are the results; test_curve.c compares them.
 *
 * Owner: the process. curve_prepare() comes before the first use, and in a zygote before the
 * fork; nothing is changed afterwards.
 */
#ifndef ENGINE_CURVE_H
#define ENGINE_CURVE_H

/**
 * curve_prepare() - make the group that is copied
 *
 * Return: 0; -ENOTRECOVERABLE (no memory, or OpenSSL does not know P-256).
 */
int curve_prepare(void);

#endif
