// SPDX-License-Identifier: GPL-2.0-only
/* The device in place of the driver. Nothing should ever expire here; the thread proves it. */
#include <stdlib.h>

#include <linux/ktime.h>

#include "kernel.h"

static void arm(struct vtpm_queue *queue, u32 ms)
{
	struct kernel *kernel = container_of(queue, struct kernel, queue);

	lockdep_assert_held(&queue->lock);
	smp_store_release(&kernel->expire_at, ktime_get_ns() + ms * NSEC_PER_MSEC);
	wake_up_all(&kernel->timer_wait);
}

static bool due(struct kernel *kernel, u64 *ret_sleep)
{
	u64 at = smp_load_acquire(&kernel->expire_at);
	u64 now = ktime_get_ns();

	*ret_sleep = !at ? NSEC_PER_SEC : at > now ? at - now : 0;
	return READ_ONCE(kernel->stop) || (at && at <= now);
}

static void *run(void *arg)
{
	struct kernel *kernel = arg;
	u64 sleep;

	while (!READ_ONCE(kernel->stop)) {
		due(kernel, &sleep);
		if (!shim_wait(&kernel->timer_wait, due(kernel, &sleep), sleep))
			continue;
		smp_store_release(&kernel->expire_at, 0);
		vtpm_queue_expire(&kernel->queue);
	}
	return NULL;
}

void kernel_init(struct kernel *kernel, u64 instance, u32 detached_ms, u32 running_ms)
{
	kernel->instance = instance;
	kernel->expire_at = 0;
	kernel->stop = false;
	init_waitqueue_head(&kernel->timer_wait);
	vtpm_queue_init(&kernel->queue, detached_ms, running_ms, arm);
	if (pthread_create(&kernel->timer, NULL, run, kernel))
		abort();
}

void kernel_done(struct kernel *kernel)
{
	WRITE_ONCE(kernel->stop, true);
	wake_up_all(&kernel->timer_wait);
	pthread_join(kernel->timer, NULL);
	vtpm_queue_kill(&kernel->queue);
}
