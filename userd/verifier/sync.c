// SPDX-License-Identifier: BSD-3-Clause
/*
 * One thread and a list (sync.h has the model). The journal is opened beside SQLite: its locks are
 * on other files, so that to close this one takes none of them away.
 */
#include "verifier/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

STAILQ_HEAD(waiters, sync_waiter);

/**
 * struct sync - it
 * @journal: of the store
 * @lock: protects what follows
 * @wake: somebody came, or it ends
 * @waiters: for the next sync
 * @stopped: there will be none by the thread
 * @thread: itself
 */
struct sync {
	int journal;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct waiters waiters;
	bool stopped;
	pthread_t thread;
};

static void release_all(struct sync *sync, struct waiters *waiters)
{
	bool good = !fdatasync(sync->journal);

	while (!STAILQ_EMPTY(waiters)) {
		struct sync_waiter *waiter = STAILQ_FIRST(waiters);

		/* It may be gone when done() returns. */
		STAILQ_REMOVE_HEAD(waiters, link);
		waiter->done(waiter, good);
	}
}

/* Return: are there any? Otherwise it ends. */
static bool take_all(struct sync *sync, struct waiters *ret)
{
	pthread_mutex_lock(&sync->lock);
	while (STAILQ_EMPTY(&sync->waiters) && !sync->stopped)
		pthread_cond_wait(&sync->wake, &sync->lock);
	STAILQ_CONCAT(ret, &sync->waiters);
	pthread_mutex_unlock(&sync->lock);
	return !STAILQ_EMPTY(ret);
}

static void *run(void *cls)
{
	struct waiters waiters = STAILQ_HEAD_INITIALIZER(waiters);
	struct sync *sync = cls;

	while (take_all(sync, &waiters))
		release_all(sync, &waiters);
	return NULL;
}

int sync_new(const char *database, char *reason, size_t room, struct sync **ret)
{
	struct sync *sync = calloc(1, sizeof(*sync));
	char path[PATH_MAX];

	if (!sync)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s-wal", database);
	sync->journal = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (sync->journal < 0) {
		snprintf(reason, room, "the journal of \"database\" cannot be opened: %s",
			 strerror(errno));
		free(sync);
		return -EIO;
	}
	STAILQ_INIT(&sync->waiters);
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->wake, NULL);
	if (pthread_create(&sync->thread, NULL, run, sync)) {
		snprintf(reason, room, "there can be no thread");
		sync->stopped = true;
		sync_free(sync);
		return -EIO;
	}
	*ret = sync;
	return 0;
}

void sync_wait(struct sync *sync, struct sync_waiter *waiter)
{
	struct waiters alone = STAILQ_HEAD_INITIALIZER(alone);
	bool stopped;

	pthread_mutex_lock(&sync->lock);
	stopped = sync->stopped;
	if (stopped)
		STAILQ_INSERT_TAIL(&alone, waiter, link);
	else
		STAILQ_INSERT_TAIL(&sync->waiters, waiter, link);
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
	if (stopped)
		release_all(sync, &alone);
}

void sync_stop(struct sync *sync)
{
	pthread_mutex_lock(&sync->lock);
	sync->stopped = true;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
	pthread_join(sync->thread, NULL);
}

void sync_free(struct sync *sync)
{
	if (!sync)
		return;
	close(sync->journal);
	pthread_cond_destroy(&sync->wake);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
}
