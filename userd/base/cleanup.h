/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scope-based cleanup. A variable declared with _cleanup_(f) is undone by f when
 * its scope ends, whichever way; TAKE_FD and TAKE_PTR hand it on instead and leave
 * an empty one behind. Never mixed with goto in one function.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <unistd.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))

#define TAKE_FD(fd)               \
	({                        \
		int _took = (fd); \
		(fd) = -1;        \
		_took;            \
	})

#define TAKE_PTR(ptr)                          \
	({                                     \
		__typeof__(ptr) _took = (ptr); \
		(ptr) = NULL;                  \
		_took;                         \
	})

static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif /* BASE_CLEANUP_H */
