/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random bytes of the host TPM, read ahead: an engine that starts shall not wait for a
 * TPM, nor a thousand engines for each other. Each piece is handed out once and wiped.
 *
 * The last piece is not handed out but stretched: what is taken and what takes its place are
 * both derived from it, and neither tells anything about the other. So a burst of any
 * length is served at once, each engine with bytes of its own; the TPM is asked again in the
 * next quiet moment, or after POOL_STRETCH of them.
 */
#ifndef KEYD_POOL_H
#define KEYD_POOL_H

#include "seal/host.h"
#include "wire/ipc_keyd.h"

/** define POOL_PIECES - pieces kept */
#define POOL_PIECES 64

/** define POOL_STRETCH - most engines that one piece is stretched for */
#define POOL_STRETCH 4096

/** define POOL_BATCH - pieces read at a time: what the loop is blocked for */
#define POOL_BATCH 8

_Static_assert(KEYD_ENTROPY_SIZE == SEAL_KEY_SIZE, "a piece is what host_random() gives");

/**
 * struct pool - pieces
 * @piece: those that are there
 * @count: how many
 * @stretched: how many were derived from the last one
 */
struct pool {
	uint8_t piece[POOL_PIECES][SEAL_KEY_SIZE];
	size_t count;
	unsigned int stretched;
};

/**
 * pool_fill() - read a batch
 *
 * Return: 0; 1 (full now); as host_random().
 */
int pool_fill(struct pool *pool, struct host *host, struct reason *reason);

/**
 * pool_take() - bytes nobody had before; the TPM itself is asked where no piece is left
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; as host_random(); -EIO, with a reason (OpenSSL fails).
 */
int pool_take(struct pool *pool, struct host *host, uint8_t ret[KEYD_ENTROPY_SIZE],
	      struct reason *reason);

#endif /* KEYD_POOL_H */
