// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks at the first eight words behind every stride of a file: wherever its writer keeps
 * heads, it changes one of them. Of the checkpoint's format it knows where the
 * current unit says which request it answers, for the figures only.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "watch.h"

#define WORDS 8

static void map(struct watch *watch)
{
	struct stat st;

	if (fstat(watch->fd, &st) || (size_t)st.st_size == watch->size)
		return;
	if (watch->map)
		munmap((void *)watch->map, watch->size);
	watch->size = st.st_size;
	watch->map = watch->size ? mmap(NULL, watch->size, PROT_READ, MAP_SHARED, watch->fd, 0)
				 : NULL;
	if (watch->map == MAP_FAILED) {
		watch->map = NULL;
		watch->size = 0;
	}
}

static u64 sum(const struct watch *watch)
{
	u64 sum = 0;

	for (size_t at = 0; at + WORDS * sizeof(u64) <= watch->size; at += watch->stride)
		for (size_t i = 0; i < WORDS; i++)
			sum = (sum << 7 | sum >> 57) ^ watch->map[at / sizeof(u64) + i];
	return sum;
}

void watch_mark(struct watch *watch)
{
	map(watch);
	watch->sum = sum(watch);
}

/* Follow a file that was empty; its new words count as a change only if not zero. */
void watch_mark_size(struct watch *watch)
{
	map(watch);
}

void watch_done(struct watch *watch)
{
	if (watch->map)
		munmap((void *)watch->map, watch->size);
	watch->map = NULL;
	watch->size = 0;
}

bool watch_changed(struct watch *watch)
{
	return sum(watch) != watch->sum;
}

/*
 * userd/engine/unit.c: the root has the number of the current unit in the lower 48 bits of a
 * word, and the heads of odd and even units follow, one of them in the next page.
 */
u64 watch_unit_id(struct watch *watch)
{
	const size_t head = 192 + 16 + 4096, first = 4096;
	u64 number;

	map(watch);
	if (watch->size < first + 2 * head)
		return 0;
	number = watch->map[2];
	return watch->map[(first + (number & 1) * head) / sizeof(u64) + 3];
}
