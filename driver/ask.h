/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions of one device's clients to whoever vouches for it, and the proofs that come back. */
#ifndef _VTPM_ASK_H
#define _VTPM_ASK_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vtpm_ask.h>

#include "queue.h"

struct vtpm_asked;

/**
 * struct vtpm_asks - the questions of one device
 * @queue: of the device, which takes them to the server
 * @lock: protects what follows, and what askers have asked; outside of queue->lock
 * @waiting: questions without an answer
 * @count: length of @waiting
 * @last_id: of the newest question
 * @left: how many may be asked at once
 * @since: when that was reckoned, nanoseconds
 * @error: what each question ends with from now on, negative errno, or 0
 */
struct vtpm_asks {
	struct vtpm_queue *queue;
	spinlock_t lock;
	struct list_head waiting;
	u32 count;
	u64 last_id;
	u32 left;
	u64 since;
	int error;
};

/**
 * struct vtpm_asker - an open file's place for one question
 * @asks: of the device
 * @wait: where the file sleeps, woken with EPOLLPRI
 * @lock: of one call at a time; outside of asks->lock
 * @asked: the question or its proof, or NULL (asks->lock)
 */
struct vtpm_asker {
	struct vtpm_asks *asks;
	wait_queue_head_t *wait;
	struct mutex lock;
	struct vtpm_asked *asked;
};

void vtpm_asks_init(struct vtpm_asks *asks, struct vtpm_queue *queue);
void vtpm_asks_serve(struct vtpm_asks *asks, bool wanted);
void vtpm_asks_kill(struct vtpm_asks *asks);
int vtpm_asks_end(struct vtpm_asks *asks, int error);
int vtpm_asks_tell(struct vtpm_asks *asks, u64 id, const u8 *proof, u32 length, int error);

void vtpm_asker_init(struct vtpm_asker *asker, struct vtpm_asks *asks, wait_queue_head_t *wait);
void vtpm_asker_done(struct vtpm_asker *asker);
int vtpm_asker_ask(struct vtpm_asker *asker, const struct vtpm_ask *ask, u64 client, u8 node,
		   bool nonblock);
int vtpm_asker_fetch(struct vtpm_asker *asker, const struct vtpm_proof *proof,
		     struct vtpm_proof __user *user, bool nonblock);
bool vtpm_asker_is_told(struct vtpm_asker *asker);

#endif /* _VTPM_ASK_H */
