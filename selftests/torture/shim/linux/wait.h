/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wait queues on a condition variable. A wake-up counts: who reads the count,
 * then the condition, then sleeps until the count has changed, misses none.
 */
#ifndef _SHIM_LINUX_WAIT_H
#define _SHIM_LINUX_WAIT_H

#include <pthread.h>
#include <time.h>

#include <linux/types.h>

typedef struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	u64 wakes;
} wait_queue_head_t;

static inline void init_waitqueue_head(wait_queue_head_t *wait)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&wait->mutex, NULL);
	pthread_cond_init(&wait->cond, &attr);
	pthread_condattr_destroy(&attr);
	wait->wakes = 0;
}

static inline void wake_up_all(wait_queue_head_t *wait)
{
	pthread_mutex_lock(&wait->mutex);
	wait->wakes++;
	pthread_cond_broadcast(&wait->cond);
	pthread_mutex_unlock(&wait->mutex);
}

#define wake_up_sync_poll(wait, events) wake_up_all(wait)
#define wake_up_interruptible_sync_poll(wait, events) wake_up_all(wait)
#define wake_up_interruptible_poll(wait, events) wake_up_all(wait)

static inline u64 shim_wakes(wait_queue_head_t *wait)
{
	u64 wakes;

	pthread_mutex_lock(&wait->mutex);
	wakes = wait->wakes;
	pthread_mutex_unlock(&wait->mutex);
	return wakes;
}

/* Sleep until a wake-up after @seen, or until @ns nanoseconds from now. */
static inline void shim_sleep(wait_queue_head_t *wait, u64 seen, u64 ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns += until.tv_nsec;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;

	pthread_mutex_lock(&wait->mutex);
	while (wait->wakes == seen)
		if (pthread_cond_timedwait(&wait->cond, &wait->mutex, &until))
			break;
	pthread_mutex_unlock(&wait->mutex);
}

/* True if @condition became so within @ns; false wake-ups end it early, as a caller must bear. */
#define shim_wait(wait, condition, ns)                                                             \
	({                                                                                         \
		u64 seen_ = shim_wakes(wait);                                                      \
		bool met_ = (condition);                                                           \
		if (!met_) {                                                                       \
			shim_sleep(wait, seen_, ns);                                               \
			met_ = (condition);                                                        \
		}                                                                                  \
		met_;                                                                              \
	})

#endif
