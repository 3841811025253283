/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which commands a frozen TPM goes on answering: the keys of a vTPM whose host is not trusted
 * are at rest, and what is measured in it is not lost.
 *
 * It is a positive list. What is not in it (a command of a later TPM too) is answered
 * TPM_RC_LOCKOUT, and the TPM does not see it. That is a warning (Part 2, 6.6.1): "not now".
 * Nothing that this list lets through gives away what a private key, a sealed object or an NV
 * index says.
 */
#ifndef ENGINE_FREEZE_H
#define ENGINE_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct freeze_row - a command that goes on
 * @code: TPM_CC
 * @reason: why it may, and why it has to
 */
struct freeze_row {
	uint32_t code;
	const char *reason;
};

/** freeze_allows() - does a frozen TPM answer this command? */
bool freeze_allows(uint32_t code);

/** freeze_table() - all rows, for tests */
const struct freeze_row *freeze_table(size_t *ret_count);

#endif /* ENGINE_FREEZE_H */
