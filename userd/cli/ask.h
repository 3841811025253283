/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a person is asked, and the memory for what nobody else may learn.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seal/box.h"
#include "seal/recovery.h"

/** define ASK_SIZE - longest secret that can be typed, its NUL included */
#define ASK_SIZE 256

/**
 * struct secrets - all that this process keeps of secrets, in a locked mapping of its own
 * @typed: what was asked for
 * @code: recovery code, as text
 * @scalar: its private half
 * @root: host root key
 */
struct secrets {
	char typed[ASK_SIZE];
	char code[RECOVERY_TEXT_SIZE];
	uint8_t scalar[SEAL_SCALAR_SIZE];
	uint8_t root[SEAL_KEY_SIZE];
};

/** secrets_new() - never swapped, never in a core file, not in a child. Return: NULL: no memory */
struct secrets *secrets_new(void);

/** secrets_free() - wiped first. Return: NULL */
struct secrets *secrets_free(struct secrets *secrets);

/**
 * ask_secret() - ask on the terminal, without showing what is typed
 * @prompt: question
 * @ret: what was typed, without its newline
 *
 * A signal that ends the process leaves the terminal as it was.
 *
 * Return: 0; -ENOTTY (there is no terminal); -EMSGSIZE (too long); -ENODATA (its end);
 * another -errno.
 */
int ask_secret(const char *prompt, char ret[ASK_SIZE]);

/**
 * ask_fd() - read a secret from a descriptor, to its first newline or its end
 *
 * Return: 0; -EMSGSIZE (too long); -ENODATA (empty, or a NUL in it); -errno of read().
 */
int ask_fd(int fd, char ret[ASK_SIZE]);

/** ask_word() - does who sits at the terminal type this word? false: no, or nobody does */
bool ask_word(const char *prompt, const char *word);

#endif /* CLI_ASK_H */
