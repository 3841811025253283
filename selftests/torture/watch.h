/* SPDX-License-Identifier: GPL-2.0-only */
/* Sees that another process has written to a file, within a microsecond. */
#ifndef TORTURE_WATCH_H
#define TORTURE_WATCH_H

#include <linux/types.h>

/**
 * struct watch - some words of a file, mapped
 * @fd: the file
 * @stride: eight words every so many bytes are looked at
 * @map: the file, NULL while it is empty
 * @size: of @map
 * @sum: of the words, when last marked
 */
struct watch {
	int fd;
	size_t stride;
	const volatile u64 *map;
	size_t size;
	u64 sum;
};

void watch_mark(struct watch *watch);
void watch_mark_size(struct watch *watch);
void watch_done(struct watch *watch);
bool watch_changed(struct watch *watch);
u64 watch_unit_id(struct watch *watch);

#endif
