/* SPDX-License-Identifier: BSD-3-Clause */
/* What six clients and the raw node must see: for test_rm and its fuzzer. */
#ifndef RM_TEST_MODEL_H
#define RM_TEST_MODEL_H

#include <stddef.h>
#include <stdint.h>

/**
 * model_run() - have clients do what @bytes say, and look at everything after each step
 *
 * Ends the process by abort(), with a line, when something is not as it must be.
 */
void model_run(const uint8_t *bytes, size_t length);

/**
 * model_storm() - any commands with any handles, as @bytes say
 *
 * Nothing is expected of the answers; tables and TPM must agree after each of them.
 */
void model_storm(const uint8_t *bytes, size_t length);

/** model_unpack() - take @bytes for tables: what is taken must be what is written again */
void model_unpack(const uint8_t *bytes, size_t length);

/** model_answers() - commands that succeeded, of all since the process began */
uint64_t model_answers(void);

#endif /* RM_TEST_MODEL_H */
