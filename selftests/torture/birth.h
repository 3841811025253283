/* SPDX-License-Identifier: GPL-2.0-only */
/* Kills before the first answer: a TPM is made once, whatever happens meanwhile. */
#ifndef TORTURE_BIRTH_H
#define TORTURE_BIRTH_H

#include <linux/types.h>

u64 birth_torture(const char *program, u64 seed, u64 births);

#endif
