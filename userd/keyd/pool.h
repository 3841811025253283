/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random bytes of the host TPM, read ahead: an engine that starts shall not wait for a
 * TPM, nor a hundred engines for each other. Each piece is handed out once and wiped.
 */
#ifndef KEYD_POOL_H
#define KEYD_POOL_H

#include "seal/host.h"
#include "wire/ipc_keyd.h"

/** define POOL_PIECES - pieces kept */
#define POOL_PIECES 64

/** define POOL_LOW - fewer are too few to wait for a quiet moment */
#define POOL_LOW 8

/** define POOL_BATCH - pieces read at a time: what the loop is blocked for */
#define POOL_BATCH 8

_Static_assert(KEYD_ENTROPY_SIZE == SEAL_KEY_SIZE, "a piece is what host_random() gives");

struct pool {
	uint8_t piece[POOL_PIECES][SEAL_KEY_SIZE];
	size_t count;
};

/**
 * pool_fill() - read a batch
 *
 * Return: 0; 1 (full now); as host_random().
 */
int pool_fill(struct pool *pool, struct host *host, struct reason *reason);

/**
 * pool_take() - a piece nobody had before; from the TPM itself where none is left
 * @ret: set on success; the caller wipes it
 *
 * Return: 0; as host_random().
 */
int pool_take(struct pool *pool, struct host *host, uint8_t ret[KEYD_ENTROPY_SIZE],
	      struct reason *reason);

#endif /* KEYD_POOL_H */
