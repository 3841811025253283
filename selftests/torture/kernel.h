/* SPDX-License-Identifier: GPL-2.0-only */
/* The device in place of the driver: the queue, and the work item that expires it. */
#ifndef TORTURE_KERNEL_H
#define TORTURE_KERNEL_H

#include <pthread.h>

#include "queue.h"

/**
 * struct kernel - one device
 * @queue: driver/queue.c's
 * @instance: of the device, as ATTACH would return it
 * @timer: thread that calls vtpm_queue_expire()
 * @timer_wait: where it sleeps
 * @expire_at: when to call, nanoseconds, 0 for never (atomic)
 * @stop: end the thread (atomic)
 */
struct kernel {
	struct vtpm_queue queue;
	u64 instance;
	pthread_t timer;
	wait_queue_head_t timer_wait;
	u64 expire_at;
	bool stop;
};

void kernel_init(struct kernel *kernel, u64 instance, u32 detached_ms, u32 running_ms);
void kernel_done(struct kernel *kernel);

#endif
