/* SPDX-License-Identifier: GPL-2.0-only */
/* A spinlock is a mutex that knows its owner, so that lockdep_assert_held() is a check. */
#ifndef _SHIM_LINUX_SPINLOCK_H
#define _SHIM_LINUX_SPINLOCK_H

#include <pthread.h>
#include <stdlib.h>

#include <linux/types.h>

typedef struct {
	pthread_mutex_t mutex;
	const void *owner;
} spinlock_t;

/* Any object of the thread tells it from the others. */
static inline const void *shim_self(void)
{
	return (const void *)pthread_self();
}

static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->owner = NULL;
}

static inline void spin_lock(spinlock_t *lock)
{
	if (READ_ONCE(lock->owner) == shim_self() || pthread_mutex_lock(&lock->mutex))
		abort();
	WRITE_ONCE(lock->owner, shim_self());
}

static inline void spin_unlock(spinlock_t *lock)
{
	if (READ_ONCE(lock->owner) != shim_self())
		abort();
	WRITE_ONCE(lock->owner, NULL);
	pthread_mutex_unlock(&lock->mutex);
}

static inline void lockdep_assert_held(const spinlock_t *lock)
{
	if (READ_ONCE(lock->owner) != shim_self())
		abort();
}

#endif
