// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage by KCOV: see cover.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "cover.h"

#define TRACE_LENGTH (64 << 10)

int cover_find_module(struct cover_map *map)
{
	FILE *file = fopen("/sys/module/vtpm/sections/.text", "re");
	int rc;

	if (!file)
		return -errno;
	rc = fscanf(file, "%lx", &map->begin) == 1 ? 0 : -EIO;
	fclose(file);
	return rc;
}

int cover_open(struct cover *cover)
{
	cover->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (cover->fd < 0 || ioctl(cover->fd, KCOV_INIT_TRACE, TRACE_LENGTH))
		return -errno;
	cover->trace = mmap(NULL, TRACE_LENGTH * sizeof(*cover->trace), PROT_READ | PROT_WRITE,
			    MAP_SHARED, cover->fd, 0);
	if (cover->trace == MAP_FAILED || ioctl(cover->fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return -errno;
	return 0;
}

void cover_close(struct cover *cover)
{
	ioctl(cover->fd, KCOV_DISABLE, 0);
	munmap(cover->trace, TRACE_LENGTH * sizeof(*cover->trace));
	close(cover->fd);
}

void cover_begin(struct cover *cover)
{
	__atomic_store_n(&cover->trace[0], 0, __ATOMIC_RELAXED);
}

static bool set(uint8_t *byte)
{
	if (*byte)
		return false;
	*byte = 1;
	return true;
}

/* How many places were reached from where nobody had come from before. */
unsigned int cover_take(struct cover *cover, struct cover_map *map)
{
	uint64_t count = __atomic_load_n(&cover->trace[0], __ATOMIC_RELAXED);
	uint64_t i, at, last = 0;
	unsigned int found = 0;

	for (i = 1; i <= count && i < TRACE_LENGTH; i++) {
		at = cover->trace[i] - map->begin;
		if (at >= COVER_TEXT)
			continue;
		set(&map->reached[at]);
		found += set(&map->edges[(at * 31 + last) % COVER_EDGES]);
		last = at;
	}
	return found;
}

unsigned int cover_count(const struct cover_map *map)
{
	unsigned int i, count = 0;

	for (i = 0; i < COVER_TEXT; i++)
		count += map->reached[i];
	return count;
}

/* Offsets in the section .text, one a line. */
int cover_write(const struct cover_map *map, const char *path)
{
	FILE *file = fopen(path, "we");
	unsigned int i;

	if (!file)
		return -errno;
	for (i = 0; i < COVER_TEXT; i++)
		if (map->reached[i])
			fprintf(file, "%x\n", i);
	return fclose(file) ? -errno : 0;
}
