/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call to the driver, random but with a structure, and programs made of such.
 *
 * Operations name devices and files by small numbers (slots), so that programs which
 * know nothing of each other meet on the same ones, from any thread. An operation never
 * judges what the driver says: it is the kernel's own checks that find bugs.
 */
#ifndef _VTPM_FUZZ_OPS_H
#define _VTPM_FUZZ_OPS_H

#include <stdint.h>

#define PROGRAM_MAX 24
#define SLOTS 4
/* The last one is a chip. */
#define DEVICES 4

/**
 * struct op - one call
 * @kind: which one, modulo their number
 * @slot: of the file, modulo SLOTS
 * @device: modulo DEVICES
 * @place: where the argument lies, see place()
 * @fail: n-th allocation or copy that fails, 0 for none
 * @a: meant by the kind
 * @b: meant by the kind
 */
struct op {
	uint8_t kind;
	uint8_t slot;
	uint8_t device;
	uint8_t place;
	uint8_t fail;
	uint32_t a;
	uint32_t b;
};

struct program {
	unsigned int count;
	struct op ops[PROGRAM_MAX];
};

/**
 * struct world - what the threads of one round share
 * @control: the control node
 * @fds: servers and clients, -1 where there is none (atomic)
 * @ids: last request that a server's slot has fetched (atomic)
 * @instances: of the devices (atomic)
 * @pages: before a hole in memory
 */
struct world {
	int control;
	int fds[2 * SLOTS];
	uint64_t ids[SLOTS];
	uint64_t instances[DEVICES];
	uint8_t *pages;
};

extern const unsigned int op_kinds;

int world_init(struct world *world);
void world_free(struct world *world);
void world_serve_chip(struct world *world);
void op_run(struct world *world, const struct op *op);
const char *op_name(const struct op *op);

#endif /* _VTPM_FUZZ_OPS_H */
