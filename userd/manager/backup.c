// SPDX-License-Identifier: BSD-3-Clause
/*
 * The thread; see the header.
 *
 * Between two pieces of a copy it sleeps, so that a store of any size never keeps the
 * disk busy; at the end of this program it does not. What keeps a copy from being made is
 * said once, not every five minutes.
 */
#include "manager/backup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/state.h"
#include "store/archive_inspect.h"
#include "store/copy.h"

#define PAUSE_MS 2

/* More names than these do not help who reads the log. */
#define NAMES_MAX 16

struct backup {
	char path[COPY_PATH_MAX];
	struct archive *archive;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ending;
	uint64_t copied;
	char said[VTPM_REASON_SIZE];
};

/* Return: false: it is the end */
static bool sleep_for(struct backup *backup, uint64_t milliseconds)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	milliseconds += (uint64_t)until.tv_nsec / 1000000;
	until.tv_sec += (time_t)(milliseconds / 1000);
	until.tv_nsec = (long)(milliseconds % 1000) * 1000000;
	pthread_mutex_lock(&backup->lock);
	while (!backup->ending &&
	       pthread_cond_timedwait(&backup->wake, &backup->lock, &until) != ETIMEDOUT)
		;
	go_on = !backup->ending;
	pthread_mutex_unlock(&backup->lock);
	return go_on;
}

static void pause_between(void *context)
{
	sleep_for(context, PAUSE_MS);
}

static void say(struct backup *backup, const char *reason)
{
	if (strcmp(backup->said, reason) != 0)
		log_line("%s is not copied, the copy of before is kept: %s", backup->path, reason);
	text_cut(backup->said, sizeof(backup->said), reason);
}

static void look(struct backup *backup)
{
	uint64_t version = archive_version(backup->archive);
	char reason[VTPM_REASON_SIZE];

	if (!version || version == backup->copied)
		return;
	if (copy_make(backup->path, pause_between, backup, reason, sizeof(reason))) {
		say(backup, reason);
		return;
	}
	backup->copied = version;
	backup->said[0] = '\0';
}

static void *work(void *argument)
{
	struct backup *backup = argument;

	while (sleep_for(backup, BACKUP_SECONDS * 1000))
		look(backup);
	look(backup);
	return NULL;
}

/* Signals are read from a descriptor by the event loop. */
static int start_thread(struct backup *backup)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&backup->thread, NULL, work, backup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void done(struct backup *backup)
{
	pthread_cond_destroy(&backup->wake);
	pthread_mutex_destroy(&backup->lock);
	free(backup);
}

int backup_new(const char *path, struct archive *archive, struct backup **ret)
{
	struct backup *backup = calloc(1, sizeof(*backup));
	pthread_condattr_t clock;
	int r = 0;

	if (!backup)
		return -ENOMEM;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&backup->lock, NULL);
	pthread_cond_init(&backup->wake, &clock);
	pthread_condattr_destroy(&clock);
	backup->archive = archive;
	if (!cursor_copy(backup->path, sizeof(backup->path) - 1, path, strlen(path)))
		r = -ENAMETOOLONG;
	if (!r)
		r = start_thread(backup);
	if (r) {
		done(backup);
		return r;
	}
	*ret = backup;
	return 0;
}

struct backup *backup_free(struct backup *backup)
{
	if (!backup)
		return NULL;
	pthread_mutex_lock(&backup->lock);
	backup->ending = true;
	pthread_cond_signal(&backup->wake);
	pthread_mutex_unlock(&backup->lock);
	pthread_join(backup->thread, NULL);
	done(backup);
	return NULL;
}

/* A store that does not open */

struct offer {
	unsigned int count;
	unsigned int bad;
};

static void name_one(void *context, const struct archive_seen *seen)
{
	struct offer *offer = context;

	offer->count++;
	offer->bad += seen->problem[0] != '\0';
	if (offer->count <= NAMES_MAX)
		log_line("  in the copy: '%s' generation %llu%s%s", seen->name,
			 (unsigned long long)seen->generation,
			 seen->problem[0] ? ", not intact: " : "", seen->problem);
}

void backup_offer(const char *state_dir, const char *path)
{
	char copy[COPY_PATH_MAX], reason[VTPM_REASON_SIZE];
	struct offer offer = { 0 };
	bool block;
	time_t of;

	if (copy_path(path, copy, sizeof(copy)) || copy_age(path, &of)) {
		log_line("there is no copy of it; `vtpmctl fsck --state-dir %s` says more",
			 state_dir);
		return;
	}
	if (archive_inspect(copy, name_one, &offer, &block, reason, sizeof(reason))) {
		log_line("its copy %s is damaged too: %s", copy, reason);
		return;
	}
	log_line("its copy %s is %lld minutes old: %u vTPMs (spares counted), %u of them not "
		 "intact. To use it, and keep what is there now: "
		 "`vtpmctl fsck --state-dir %s --use-copy`",
		 copy, (long long)(time(NULL) - of) / 60, offer.count, offer.bad, state_dir);
}
