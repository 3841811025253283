/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why something was refused: one sentence for the operator that names the thing, the
 * reason and the next step. It never holds a secret. It travels beside an errno.
 */
#ifndef SEAL_REASON_H
#define SEAL_REASON_H

#include "wire/ipc.h"

/**
 * struct reason - a sentence
 * @text: it, empty for none
 */
struct reason {
	char text[IPC_TEXT_MAX];
};

/**
 * refuse() - set a reason, return its errno
 * @reason: set
 * @error: negative errno
 * @format: of the sentence
 *
 * Return: @error.
 */
int refuse(struct reason *reason, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* SEAL_REASON_H */
