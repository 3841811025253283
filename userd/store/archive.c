// SPDX-License-Identifier: BSD-3-Clause
/*
 * Queue, thread and transactions; the statements stand in archive_sql.c.
 *
 * States of a job: submitted (in @queue, under @lock) → taken (the thread's) →
 * finished (in @finished, under @lock) → done. The thread alone touches the database once
 * it runs.
 *
 * A full disk or a failing one may end the whole transaction: then its jobs are
 * done again one by one, so that each gets its own outcome. What fails at COMMIT itself with
 * an I/O error has an unknown outcome: the frames may be in the log, to be
 * found by the next recovery. A LOAD among them has simply failed: it may have read what
 * is not durable, but nothing says that what it looked for is damaged.
 */
#include "store/archive.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cursor.h"
#include "store/archive_guard.h"
#include "store/archive_mark.h"
#include "store/archive_sql.h"

struct archive {
	struct archive_sql *sql;
	struct guard guard;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct archive_job *queue;
	struct archive_job **queue_end;
	struct archive_job *finished;
	struct archive_job **finished_end;
	bool ending;
	bool dirty;
	uint64_t version;
	bool failed;
	int fd;
};

static struct archive_job *take_all(struct archive *archive)
{
	struct archive_job *jobs;

	pthread_mutex_lock(&archive->lock);
	while (!archive->queue && !archive->ending)
		pthread_cond_wait(&archive->wake, &archive->lock);
	jobs = archive->queue;
	archive->queue = NULL;
	archive->queue_end = &archive->queue;
	pthread_mutex_unlock(&archive->lock);
	return jobs;
}

static void finish_all(struct archive *archive, struct archive_job *jobs)
{
	uint64_t one = 1;

	pthread_mutex_lock(&archive->lock);
	archive->dirty = archive->guard.dirty;
	archive->version = archive->guard.state == GUARD_UNASKED
				   ? 0
				   : 1 + archive_sql_changes(archive->sql);
	*archive->finished_end = jobs;
	while (*archive->finished_end)
		archive->finished_end = &(*archive->finished_end)->next;
	pthread_mutex_unlock(&archive->lock);
	/* An eventfd takes it unless its counter is at its end, and then it is readable. */
	if (write(archive->fd, &one, sizeof(one)) < 0)
		return;
}

/* One transaction for @jobs up to @end. Return: false: it was rolled back as a whole */
static bool run_together(struct archive *archive, struct archive_job *jobs,
			 const struct archive_job *end)
{
	int r = guard_begin(&archive->guard);

	for (struct archive_job *job = jobs; !r && job != end; job = job->next) {
		job->error = archive_sql_run(archive->sql, job);
		if (!archive_sql_in_transaction(archive->sql))
			return false;
	}
	if (!r)
		r = guard_commit(&archive->guard);
	for (struct archive_job *job = jobs; r && job != end; job = job->next)
		if (!job->error)
			job->error = job->kind == ARCHIVE_LOAD && r == EUCLEAN ? EIO : r;
	return r != ENOSPC;
}

static void run_each(struct archive *archive, struct archive_job *jobs,
		     const struct archive_job *end)
{
	if (run_together(archive, jobs, end))
		return;
	for (struct archive_job *job = jobs; job != end; job = job->next) {
		job->error = 0;
		if (!run_together(archive, job, job->next) && !job->error)
			job->error = EIO;
	}
}

/* In the order of the queue, together what can be together. */
static void run_all(struct archive *archive, struct archive_job *jobs)
{
	struct archive_job *end;

	for (; jobs; jobs = end) {
		if (guard_is_alone(jobs->kind)) {
			jobs->error = guard_run(&archive->guard, jobs);
			end = jobs->next;
			continue;
		}
		for (end = jobs; end && !guard_is_alone(end->kind); end = end->next)
			;
		run_each(archive, jobs, end);
	}
}

/*
 * Once a call has failed, SQLite may take what it still has of an unwritten change for damage.
 * The next process sees what is really there.
 */
static void doubt_damage(struct archive *archive, struct archive_job *jobs)
{
	for (struct archive_job *job = jobs; job; job = job->next) {
		if (job->kind == ARCHIVE_LOAD && job->error == EUCLEAN && archive->failed)
			job->error = EIO;
		if (job->error == EIO || job->error == ENOSPC || job->error == EUCLEAN)
			archive->failed = archive->failed || job->kind != ARCHIVE_LOAD;
	}
}

static void *work(void *argument)
{
	struct archive *archive = argument;
	struct archive_job *jobs;

	while ((jobs = take_all(archive))) {
		run_all(archive, jobs);
		doubt_damage(archive, jobs);
		finish_all(archive, jobs);
	}
	return NULL;
}

/* The thread must not take the signals that the event loop reads from a descriptor. */
static int start_thread(struct archive *archive)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&archive->thread, NULL, work, archive);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int archive_open(const char *path, char *reason, size_t room, struct archive **ret)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	int r;

	if (!archive)
		return -ENOMEM;
	pthread_mutex_init(&archive->lock, NULL);
	pthread_cond_init(&archive->wake, NULL);
	archive->queue_end = &archive->queue;
	archive->finished_end = &archive->finished;
	archive->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = archive->fd < 0 ? -errno : archive_sql_open(path, reason, room, &archive->sql);
	archive->guard.sql = archive->sql;
	if (!r)
		r = start_thread(archive);
	if (!r) {
		*ret = archive;
		return 0;
	}
	archive_sql_close(archive->sql);
	if (archive->fd >= 0)
		close(archive->fd);
	free(archive);
	return r;
}

int archive_each(struct archive *archive,
		 void (*look)(void *context, const struct vtpm_definition *define,
			      uint64_t generation),
		 void *context)
{
	return archive_sql_each(archive->sql, look, context);
}

int archive_each_papers(struct archive *archive,
			void (*look)(void *context, const uint8_t uuid[16], const uint8_t *bytes,
				     size_t length),
			void *context)
{
	return archive_sql_each_papers(archive->sql, look, context);
}

int archive_each_mark(struct archive *archive,
		      void (*look)(void *context, const struct archive_mark *mark), void *context)
{
	return archive_mark_each(archive_sql_mark(archive->sql), look, context);
}

void archive_set_witness(struct archive *archive, const struct archive_witness *witness)
{
	pthread_mutex_lock(&archive->lock);
	archive->guard.witness = *witness;
	archive->guard.state = GUARD_UNASKED;
	pthread_mutex_unlock(&archive->lock);
}

bool archive_is_dirty(struct archive *archive)
{
	bool dirty;

	pthread_mutex_lock(&archive->lock);
	dirty = archive->dirty;
	pthread_mutex_unlock(&archive->lock);
	return dirty;
}

uint64_t archive_version(struct archive *archive)
{
	uint64_t version;

	pthread_mutex_lock(&archive->lock);
	version = archive->version;
	pthread_mutex_unlock(&archive->lock);
	return version;
}

int archive_fd(const struct archive *archive)
{
	return archive->fd;
}

struct archive_job *archive_job(enum archive_kind kind, void (*done)(struct archive_job *job),
				void *context)
{
	struct archive_job *job = calloc(1, sizeof(*job));

	if (job) {
		job->kind = kind;
		job->done = done;
		job->context = context;
	}
	return job;
}

int archive_job_bytes(struct archive_job *job, const void *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	if (!copy)
		return -ENOMEM;
	cursor_copy(copy, length, bytes, length);
	free(job->bytes);
	job->bytes = copy;
	job->length = length;
	return 0;
}

int archive_job_head(struct archive_job *job, const void *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	if (!copy)
		return -ENOMEM;
	cursor_copy(copy, length, bytes, length);
	free(job->head);
	job->head = copy;
	job->head_length = length;
	return 0;
}

void archive_job_free(struct archive_job *job)
{
	if (!job)
		return;
	free(job->bytes);
	free(job->head);
	free(job->findings);
	free(job);
}

void archive_submit(struct archive *archive, struct archive_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&archive->lock);
	*archive->queue_end = job;
	archive->queue_end = &job->next;
	pthread_cond_signal(&archive->wake);
	pthread_mutex_unlock(&archive->lock);
}

void archive_dispatch(struct archive *archive)
{
	struct archive_job *jobs, *next;
	uint64_t count;

	if (read(archive->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&archive->lock);
	jobs = archive->finished;
	archive->finished = NULL;
	archive->finished_end = &archive->finished;
	pthread_mutex_unlock(&archive->lock);

	for (; jobs; jobs = next) {
		next = jobs->next;
		if (jobs->done)
			jobs->done(jobs);
		archive_job_free(jobs);
	}
}

struct archive *archive_free(struct archive *archive)
{
	if (!archive)
		return NULL;
	pthread_mutex_lock(&archive->lock);
	archive->ending = true;
	pthread_cond_signal(&archive->wake);
	pthread_mutex_unlock(&archive->lock);
	pthread_join(archive->thread, NULL);
	archive_dispatch(archive);
	archive_sql_close(archive->sql);
	close(archive->fd);
	pthread_cond_destroy(&archive->wake);
	pthread_mutex_destroy(&archive->lock);
	free(archive);
	return NULL;
}
