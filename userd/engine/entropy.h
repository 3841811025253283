/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers for the TPM: the kernel's, and the host TPM's where keyd sent some.
 *
 * A pool of 32 bytes. What is added is hashed into it; what is drawn is a hash of the pool
 * and of fresh bytes of the kernel, after which the pool moves on. So either source
 * suffices, and who learns the pool later does not learn what was drawn.
 */
#ifndef ENGINE_ENTROPY_H
#define ENGINE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#define ENTROPY_SIZE 32

/**
 * entropy_add() - add bytes to the pool
 *
 * Return: 0; -ENOTRECOVERABLE (OpenSSL has no SHA-256).
 */
int entropy_add(const void *bytes, size_t length);

/**
 * entropy_draw() - 32 bytes that nobody can guess
 *
 * Return: 0; -ENOTRECOVERABLE (no SHA-256, or no random numbers of the kernel).
 */
int entropy_draw(uint8_t to[ENTROPY_SIZE]);

/**
 * entropy_seed_library() - mix 32 bytes into OpenSSL's generator, from which libtpms
 * seeds a new TPM
 *
 * Return: as entropy_draw().
 */
int entropy_seed_library(void);

/** entropy_done() - wipe the pool */
void entropy_done(void);

#endif /* ENGINE_ENTROPY_H */
