/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

/* Not from <malloc.h>: that brings stdio, whose remove() is not queue.c's. */
size_t malloc_usable_size(void *p);

#define GFP_KERNEL 0
#define GFP_KERNEL_ACCOUNT 0

#define struct_size(p, member, count) (sizeof(*(p)) + sizeof((p)->member[0]) * (count))

#define kzalloc(size, gfp) calloc(1, size)

static inline void kfree_sensitive(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

#endif
