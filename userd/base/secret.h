/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes nobody else may learn: wiped so that the compiler cannot leave it out,
 * compared without saying by time where they differ. Keeping them out of swap
 * and core files is the sandbox's work (mlockall, not dumpable), for the whole
 * process at once.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/** secret_wipe() - overwrite @length bytes at @secret; NULL is fine */
void secret_wipe(void *secret, size_t length);

/** secret_equal() - do both hold the same @length bytes? In constant time. */
bool secret_equal(const void *a, const void *b, size_t length);

#endif /* BASE_SECRET_H */
