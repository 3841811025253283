/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store on disk, for many at once (group commit).
 *
 * What has to outlive a power cut is committed to the store's journal without a sync, and
 * whoever caused it waits here for his answer. One thread syncs the journal; those who come
 * while it does are released by the next sync. There is no timer: one alone waits for one
 * sync, a hundred wait for one or two.
 *
 *	thread of the service	commit -> sync_wait()		   answer
 *	thread of this			    \-> fdatasync() -> done() -^
 */
#ifndef VERIFIER_SYNC_H
#define VERIFIER_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct sync;

/**
 * struct sync_waiter - somebody who waits
 * @done: called once, by the thread; @good: it is on the disk
 * @link: of those who wait; the thread's
 */
struct sync_waiter {
	void (*done)(struct sync_waiter *waiter, bool good);
	STAILQ_ENTRY(sync_waiter) link;
};

/**
 * sync_new() - for the journal of a store that is open, and stays so longer
 * @database: path of the store
 * @reason: why not
 * @room: bytes of @reason
 * @ret: set on success
 *
 * Return: 0; -EIO (there is no journal, or no thread); -ENOMEM.
 */
int sync_new(const char *database, char *reason, size_t room, struct sync **ret);

/** sync_wait() - have done() called when all that was written before is on the disk */
void sync_wait(struct sync *sync, struct sync_waiter *waiter);

/** sync_stop() - release all; who comes later is released at once, after a sync of his own */
void sync_stop(struct sync *sync);

/** sync_free() - end it, after sync_stop() and when nobody waits; NULL is fine */
void sync_free(struct sync *sync);

#endif /* VERIFIER_SYNC_H */
