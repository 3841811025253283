/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests live inside the world, so that a copy of the world is a copy of them. */
#ifndef _EXPLORER_LINUX_SLAB_H
#define _EXPLORER_LINUX_SLAB_H

#include <linux/types.h>

#define GFP_KERNEL_ACCOUNT 0

#define struct_size(p, member, count) (sizeof(*(p)) + sizeof((p)->member[0]) * (count))

void *explorer_alloc(size_t size);
void explorer_free(void *p);

#define kzalloc(size, gfp) explorer_alloc(size)
#define kfree_sensitive(p) explorer_free(p)

#endif
