/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where in vtpm.ko the calls of a thread got to (Documentation/dev-tools/kcov.rst of
 * the kernel), and what all threads of all rounds have reached together.
 *
 * Work items of the driver run in kernel threads and are not seen.
 */
#ifndef _VTPM_FUZZ_COVER_H
#define _VTPM_FUZZ_COVER_H

#include <stdbool.h>
#include <stdint.h>

#define COVER_TEXT (1 << 20)
#define COVER_EDGES (1 << 18)

/**
 * struct cover_map - in memory that all processes share
 * @begin: address of the module's code
 * @reached: one byte per address, 1 where somebody was
 * @edges: one byte per hash of an address and the one before it
 */
struct cover_map {
	uint64_t begin;
	uint8_t reached[COVER_TEXT];
	uint8_t edges[COVER_EDGES];
};

/* One thread's. */
struct cover {
	int fd;
	uint64_t *trace;
};

int cover_find_module(struct cover_map *map);
int cover_open(struct cover *cover);
void cover_close(struct cover *cover);
void cover_begin(struct cover *cover);
unsigned int cover_take(struct cover *cover, struct cover_map *map);
unsigned int cover_count(const struct cover_map *map);
int cover_write(const struct cover_map *map, const char *path);

#endif /* _VTPM_FUZZ_COVER_H */
